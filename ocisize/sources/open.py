"""open_source: the source that a text names, by its scheme, an existing path or an image reference."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from ocisize.errors import ArchiveError, InvalidReference
from ocisize.limits import Limits
from ocisize.sources.schemes import OpenOptions, find_scheme, open_registry, path_exists

if TYPE_CHECKING:  # a registry's modules take 200 ms to import, those of saved images 50 ms
    from ocisize.oci.source import ImageSource
    from ocisize.sources.registry.client import Connection

_ARCHIVE_ENDINGS = (
    ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz", "/",
)  # fmt: skip
_log = logging.getLogger(__name__)


def open_source(
    text: str, *, select: str | None = None, connection: Connection | None = None, limits: Limits | None = None
) -> ImageSource:
    """Open the image that ``text`` names; the caller closes the source.

    A scheme decides (``docker:``, ``registry:``, ``docker-archive:``, ``oci-archive:``, ``oci-dir:``). A text without one is
    an existing path, else a missing file if it looks like a path, else a reference. ``select`` is the tag, digest or ``@N``
    of one of several images in a file; ``limits`` bound what such a file may ask for. Raises SourceError, DocumentError,
    LimitExceeded or InvalidReference.

    >>> open_source("build/app.tar")
    Traceback (most recent call last):
    ocisize.errors.ArchiveError: no such file or folder: build/app.tar
    >>> open_source("App:1")
    Traceback (most recent call last):
    ocisize.errors.InvalidReference: invalid reference 'App:1', and no such file exists
    """
    if not text.strip():  # as a path this is the current folder
        raise InvalidReference("the name of the image is empty", hint="check whether a shell variable is unset")
    options = OpenOptions(select, connection, limits or Limits())
    if explicit := find_scheme(text):
        scheme, rest = explicit
        source = scheme.open(rest, options)
        _log.info("source: %s, by its scheme %s:", source.format, scheme.name)
        return source
    if path_exists(text):
        from ocisize.sources.saved import open_saved

        source = open_saved(Path(text), options.limits, select=select)
        _log.info("source: %s, because a file or folder of this name exists", source.format)
        return source
    if _looks_like_path(text):
        raise ArchiveError(f"no such file or folder: {text}")
    try:
        source = open_registry(text, options)
    except InvalidReference as error:
        raise InvalidReference(f"{error}, and no such file exists", hint=error.hint) from None
    _log.info("source: %s %s, because no file or folder of this name exists", source.format, source.reference)
    return source


def _looks_like_path(text: str) -> bool:
    return text.startswith((".", "/", "~")) or text.endswith(_ARCHIVE_ENDINGS)
