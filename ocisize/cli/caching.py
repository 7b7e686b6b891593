"""The cache of the command line: on by default, in the folder of the user or the one that the environment names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ocisize.cli.terminal import print_message
from ocisize.errors import ViewError

if TYPE_CHECKING:
    import argparse

    from ocisize.cache.disk import DiskCache

SIZE_VARIABLE = "OCISIZE_CACHE_MAX_SIZE"  #: names the limit of the cache
_shown: set[str] = set()


def open_cache(options: argparse.Namespace) -> DiskCache | None:
    """The cache of a command that reads images; None with ``--no-cache`` or a limit of 0.

    Raises ViewError for a limit that is no size.
    """
    if options.no_cache:
        return None
    cache = make_cache()
    return cache if cache.max_size else None


def make_cache() -> DiskCache:
    """The cache as the environment describes it; raises ViewError for a limit that is no size."""
    from ocisize.cache.disk import MAX_SIZE, DiskCache

    return DiskCache(max_size=MAX_SIZE if (limit := _read_limit()) is None else limit)


def warn_of_cache(cache: object) -> None:
    """Print why a cache was not used, or could not be written, once for each reason."""
    problem = getattr(cache, "problem", "")
    if problem and problem not in _shown:
        _shown.add(problem)
        print_message("warning", problem)


def _read_limit() -> int | None:
    text = os.environ.get(SIZE_VARIABLE, "").strip()
    if text in ("", "0"):
        return 0 if text else None
    from ocisize.model.quantity import parse_size

    size = parse_size(text)
    if size is None:
        raise ViewError(f"{SIZE_VARIABLE}: got {text!r}, expected a size such as '2 GB' or '2 GiB'")
    return size
