"""open_source: the source that a text names, by its scheme, an existing path or an image reference."""

from __future__ import annotations

import itertools
import re
import shlex
from typing import TYPE_CHECKING

from ocisize.errors import ArchiveError, InvalidReference
from ocisize.limits import Limits
from ocisize.logs import Logger
from ocisize.sources.schemes import (
    ARCHIVE_ENDINGS,
    SCHEMES,
    OpenOptions,
    find_scheme,
    looks_like_path,
    open_path,
    open_registry,
    path_exists,
    plain_path,
    trim_input,
)
from ocisize.sources.standard_input import names_standard_input

if TYPE_CHECKING:  # a registry's modules take 200 ms to import, those of saved images 50 ms
    from ocisize.cache.store import Cache
    from ocisize.oci.source import ImageSource
    from ocisize.sources.registry.client import Connection

_MAX_COLONS = 100  # of a text, in front of which a path may end
_UNSET = "check whether a shell variable is unset"
_log = Logger(__name__)


def open_source(
    text: str,
    *,
    select: str | None = None,
    connection: Connection | None = None,
    limits: Limits | None = None,
    cache: Cache | None = None,
) -> ImageSource:
    """Open the image that ``text`` names; the caller closes the source.

    A scheme decides: of a registry (``docker:``), a saved image (``docker-archive:``, ``oci-archive:``, ``oci-dir:``,
    ``rootfs:``), an engine (``docker-daemon:``, ``podman:``) or its store (``containers-storage:``, ``containerd:``,
    ``docker-store:``). A text without one is an existing path, else a missing file if it looks like a path, else a
    reference. ``-`` is standard input; an archive from there, or from a FIFO, is read when it is first used, to its end.
    Blanks and line ends around the text are left out. ``select`` is the tag, digest or ``@N`` of one of several images in a
    file; ``limits`` bound what such a file may ask for; ``cache`` keeps documents of registries. Raises SourceError,
    DocumentError, LimitExceeded or InvalidReference.

    >>> open_source("build/app.tar")
    Traceback (most recent call last):
    ocisize.errors.ArchiveError: no such file or folder: build/app.tar
    >>> open_source("App:1")
    Traceback (most recent call last):
    ocisize.errors.InvalidReference: invalid reference 'App:1', and no such file exists
    """
    text = trim_input(text)
    if not text:  # as a path this is the current folder
        raise InvalidReference("the name of the image is empty", hint=_UNSET)
    if text.removesuffix("//") in {f"{row.name}:" for row in SCHEMES if not row.lists} and not path_exists(text):
        raise InvalidReference(f"{text} is a scheme without a name behind it", hint=_UNSET)
    options = OpenOptions(select and select.strip(), connection, limits or Limits(), cache)
    if explicit := find_scheme(text):
        scheme, rest = explicit
        source = scheme.open(rest, options)
        _log.info("source: %s, by its scheme %s:", source.format, scheme.name)
        return source
    if names_standard_input(text) or path_exists(text):
        path = text if names_standard_input(text) else plain_path(text)
        try:
            source = open_path(path, options, options.select)
        except ArchiveError as error:
            error.hint = _add_registry(text, error)
            raise
        reason = "standard input" if names_standard_input(text) else "because a file or folder of this name exists"
        _log.info("source: %s, %s", source.format, reason)
        return source
    from ocisize.sources.foreign_schemes import correct_scheme, refuse_foreign_scheme

    refuse_foreign_scheme(text)
    _refuse_name_behind_path(text)
    if looks_like_path(text):
        from ocisize.oci.reference import is_registry_alone

        registry = text.rstrip("/")
        hint = f"for an image in a registry, add the repository: {registry}/NAME" if is_registry_alone(registry) else None
        if meant := correct_scheme(text):
            hint = f"did you mean {meant}?"
        raise ArchiveError(f"no such file or folder: {text}", hint=hint)
    try:
        source = open_registry(text, options)
    except InvalidReference as error:
        raise InvalidReference(f"{error}, and no such file exists", hint=_scheme_hint(text) or error.hint) from None
    _log.info("source: %s %s, because no file or folder of this name exists", source.format, source.reference)
    return source


def _scheme_hint(text: str) -> str | None:
    """Return advice for an invalid reference that begins like a scheme."""
    from ocisize.sources.foreign_schemes import correct_scheme, find_unknown_scheme

    if meant := correct_scheme(text):
        return f"did you mean {meant}?"
    scheme = find_unknown_scheme(text)
    if scheme is None or ("@" in text and scheme != "docker"):
        return None
    if scheme == "docker":
        return "for an image of the Docker engine: docker-daemon:NAME; for one in a registry: docker://NAME"
    if scheme.lower() in ("http", "https"):  # the address of a file, or a reference that was copied from a browser
        return "download the file first" if text.endswith(ARCHIVE_ENDINGS[:-1]) else None
    names = (f"{row.name}:{row.only_before if row.only_before == '//' else ''}" for row in SCHEMES if row.usage)
    return f"the schemes are {', '.join(names)}"


def _add_registry(text: str, error: ArchiveError) -> str | None:
    """Return the hint of an existing file or folder that cannot be read, if its name may mean an image in a registry."""
    from pathlib import Path

    if error.items or "/" in text or looks_like_path(text) or Path(text).suffix or Path(text).is_fifo():
        return error.hint
    from ocisize.oci.reference import parse_reference

    try:
        parse_reference(text)
    except InvalidReference:
        return error.hint
    return "; ".join(filter(None, [error.hint, f"for the image in a registry: docker://{text}"]))


def _refuse_name_behind_path(text: str) -> None:
    """Raise ArchiveError for an existing path, a colon and a name, unless all of the text may be a reference."""
    ends = [match.start() for match in itertools.islice(re.finditer(":", text), _MAX_COLONS)]
    path = next((text[:end] for end in reversed(ends) if text[:end] and path_exists(text[:end])), None)
    if path is None:
        return
    if not looks_like_path(path):
        from ocisize.oci.reference import parse_reference

        try:
            parse_reference(text)
        except InvalidReference as error:
            if "contains a user name" in str(error):
                raise
        else:
            return
    name = text[len(path) + 1 :]
    hint = f"name the image in {path} with --select: ocisize {shlex.quote(path)} --select {shlex.quote(name)}"
    raise ArchiveError(f"no such file or folder: {text}", hint=hint if name else f"omit the colon: {path}")
