"""``ocisize cache dir|size|prune|clear``: where the cache is, how big it is, and how to make it smaller."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ocisize.cli.caching import make_cache
from ocisize.cli.options import KEPT, UNUSABLE, size
from ocisize.cli.terminal import print_message
from ocisize.errors import ViewError
from ocisize.text import count_of, human_size

if TYPE_CHECKING:
    import argparse

    from ocisize.cache.disk import CacheUsage, DiskCache


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    parser.add_argument(
        "--max-size",
        type=size,
        metavar="SIZE",
        help="for prune: how much to leave (default: the limit of the cache, 2 GiB unless OCISIZE_CACHE_MAX_SIZE is set)",
    )


def run(options: argparse.Namespace) -> int:
    """Print what is in the cache, or what was removed from it."""
    if options.max_size is not None and options.action != "prune":
        raise ViewError(f"--max-size is an option of ocisize cache prune, not of {options.action}")
    cache = make_cache()
    if cache.folder is None:
        print_message("error", cache.problem)
        return UNUSABLE
    sys.stdout.write(f"{_act(cache, options)}\n")
    if cache.problem:
        print_message("error", cache.problem)
        return UNUSABLE
    return KEPT


def _act(cache: DiskCache, options: argparse.Namespace) -> str:
    def describe(usage: CacheUsage) -> str:
        return f"{human_size(usage.size)} in {count_of(usage.entries, 'entry')}"

    if options.action == "dir":
        return str(cache.folder)
    if options.action == "size":
        return f"{describe(cache.usage())}; the limit is {human_size(cache.max_size)}"
    removed = cache.prune(options.max_size) if options.action == "prune" else cache.clear()
    return f"removed {describe(removed)}; {describe(cache.usage())} left"
