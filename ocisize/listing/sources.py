"""list_references: the references that the SOURCE arguments of a fleet name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from ocisize.errors import ArchiveError, InvalidReference, LimitExceeded, OcisizeError, ViewError
from ocisize.limits import Limits
from ocisize.listing.names import check_name, refuse_other_name, warn_of_registry
from ocisize.listing.patterns import is_pattern, make_tag_filter, names_repository, parse_pattern
from ocisize.listing.references import MAX_REFERENCES, Collector, ListedReference, ReferenceList
from ocisize.logs import Logger
from ocisize.sources.schemes import find_scheme, looks_like_path, open_registry, path_exists, plain_path, split_select
from ocisize.sources.standard_input import is_pipe, names_standard_input
from ocisize.text import printable

if TYPE_CHECKING:
    from ocisize.sources.registry.connection import Connection

_FILE_SCHEMES = ("docker-archive", "oci-archive", "oci-dir", "oci", "dir")
_INPUT = "standard input"
_log = Logger(__name__)


def list_references(
    sources: str | Sequence[str],
    *,
    stdin: BinaryIO | None = None,
    connection: Connection | None = None,
    tags: str | Sequence[str] = (),
    last: int | None = None,
    limits: Limits | None = None,
    max_references: int = MAX_REFERENCES,
) -> ReferenceList:
    """Return the references that sources name, in their order, and what could not be listed.

    ``open_source(reference.name, select=reference.select)`` opens one of them. A source is one of these:

    * ``-``, or a file: a list with one reference in each line; the JSON of ``kubectl get … -o json`` (pods, nodes,
      workloads) or of ``docker compose config --format json``; or a JSON array of references;
    * an archive or a layout with many images, a folder of such, or the store of an engine (``containers-storage:``);
    * ``registry.io/*``, ``registry.io/team/*``, ``registry.io/app:*``: repositories and tags of a registry, by pattern;
    * everything that ``open_source`` opens: one image.

    ``stdin`` is what ``-`` reads, None the standard input of the process. ``tags`` are globs of tags to list, those with
    ``!`` exclude; ``last`` is how many tags of each repository to list, the newest by version. With either, a reference
    without a tag means all tags of its repository. ``limits`` bound what archives may ask for.

    What cannot be listed is a failure of the result, and the rest is listed. Raises ViewError for an invalid glob and for
    ``last`` below 1, and LimitExceeded for more than ``max_references``.

    >>> import io
    >>> listing = list_references(["-"], stdin=io.BytesIO(b"nginx:1.27\\tshop\\nredis # cache\\n"))
    >>> [(str(reference), reference.label) for reference in listing.references]
    [('docker.io/library/nginx:1.27', 'shop'), ('docker.io/library/redis:latest', '')]
    >>> list_references("./missing.txt").failures[0].message
    'no such file or folder: ./missing.txt'
    """
    if last is not None and last < 1:
        raise ViewError(f"the number of tags to list must be at least 1, got {last}")
    globs = [tags] if isinstance(tags, str) else tags
    lister = _Lister(stdin, connection, globs, last, limits or Limits(), Collector(max_references))
    for source in [sources] if isinstance(sources, str) else sources:
        lister.add_source(source)
    return lister.collector.finish()


class _Lister:
    """Adds sources to a collector."""

    def __init__(
        self,
        stdin: BinaryIO | None,
        connection: Connection | None,
        tags: Sequence[str],
        last: int | None,
        limits: Limits,
        collector: Collector,
    ) -> None:
        self.collector = collector
        self._stdin, self._connection, self._limits = stdin, connection, limits
        self._tags, self._last = make_tag_filter(tags), last
        self._lists_tags = bool(tags) or last is not None

    def add_source(self, source: str) -> None:
        """Add the references of a source; an error is a failure."""
        before = self.collector.size
        try:
            self._list(source.strip() if not path_exists(source) else source)
        except OcisizeError as error:
            self._fail(source, error)
        _log.info("source %s: %d references", printable(source), self.collector.size - before)

    def _fail(self, source: str, error: OcisizeError, place: str = "") -> None:
        """Add a failure, but raise the error of too many references."""
        if isinstance(error, LimitExceeded) and error.limit == "references":
            raise error
        self.collector.fail(source, f"{place}: {error}" if place else error, error.hint or "")

    def _list(self, source: str) -> None:
        if not source:
            raise InvalidReference("the name of a source is empty", hint="check whether a shell variable is unset")
        if names_standard_input(source):
            self._list_text(self._open_stdin(), _INPUT)
        elif (found := find_scheme(source)) is not None and found[0].open is not open_registry:
            self._list_scheme(source, found[0].name, found[1], lists=found[0].lists)
        elif found is None and path_exists(source):
            self._list_path(plain_path(source))
        elif self._is_several(source):
            self._list_pattern(source)
        else:
            self._add_name(source)

    def _open_stdin(self) -> BinaryIO:
        if self._stdin is not None:
            return self._stdin
        try:
            is_pipe("-")
        except ArchiveError as error:  # it is a terminal, or closed
            error.hint = "pipe a list of references: kubectl get pods -A -o json | ocisize fleet -"
            raise
        return sys.stdin.buffer

    def _list_text(self, file: BinaryIO, name: str) -> None:
        from ocisize.listing.lines import Expansion
        from ocisize.listing.texts import list_text, read_text

        before = len(self.collector.failures), self.collector.size
        list_text(read_text(file, name), name, self.collector, Expansion(self._is_several, self._expand))
        if before == (len(self.collector.failures), self.collector.size):
            raise ArchiveError(f"{name} lists no references", hint="check the command that writes the list")

    def _list_path(self, path: str) -> None:
        from pathlib import Path

        from ocisize.sources.folder_images import is_image_archive

        if (place := Path(path)).is_dir() or (place.is_file() and is_image_archive(place)):
            from ocisize.listing.saved import list_file

            list_file(path, path, None, self.collector, self._limits)
            return
        try:
            with place.open("rb") as file:
                self._list_text(file, path)
        except OSError as error:
            raise ArchiveError(f"cannot read {path}: {error.strerror}") from None

    def _list_scheme(self, source: str, scheme: str, rest: str, *, lists: bool) -> None:
        path, select = split_select(rest, None)
        if scheme in _FILE_SCHEMES and select is None and not is_pipe(path):
            from ocisize.listing.saved import form_of, list_file

            name = f"{scheme}:{path}"
            _, form = form_of(name) or ("", None)
            list_file(name, path, form, self.collector, self._limits)
        elif not (lists and self._list_store(scheme, rest)):
            self._add_name(source)

    def _list_store(self, scheme: str, rest: str) -> bool:
        from ocisize.listing.stores import list_store

        return list_store(scheme, rest, self.collector)

    def _is_several(self, text: str) -> bool:
        """Return True if a name means the tags of one repository or several."""
        return is_pattern(text) or (self._lists_tags and not looks_like_path(text) and names_repository(text))

    def _add_name(self, source: str) -> None:
        refuse_other_name(source)
        checked = check_name(source)
        if warning := warn_of_registry(source):
            self.collector.warn(warning)
        self.collector.add(ListedReference(name=checked.name, select=checked.select, store=checked.store, source=source))

    def _expand(self, text: str, label: str, place: str) -> None:
        """Add the references of a pattern in a list; an error is a failure of its line."""
        try:
            self._list_pattern(text, label)
        except OcisizeError as error:
            self._fail(text, error, place)

    def _list_pattern(self, text: str, label: str = "") -> None:
        from ocisize.listing.repositories import Choice, list_pattern

        list_pattern(parse_pattern(text), Choice(self._tags, self._last, label), self.collector, self._connection)
