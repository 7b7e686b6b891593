"""Search: entries whose names contain a text, or whose paths match a glob, found piece by piece so that nothing waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.browse.entries import Entries, Shares
from ocisize.globs import Glob, parse_glob
from ocisize.rules.automaton import Automaton, find_states
from ocisize.tar.filetable import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ocisize.browse.image_index import ImageIndex
    from ocisize.browse.scope import ScopeFigures
    from ocisize.filesystem.directories import Piece
    from ocisize.rules.automaton import State
    from ocisize.tar.filetable import FileTable

_GLOB_CHARACTERS = "*?["
MAX_FOUND = 100_000  #: entries of a result; more are left out
_STEP_DIRECTORIES = 1 << 14  # looked at before the search yields


def is_glob(query: str) -> bool:
    """Whether a query is a glob: it has a wildcard, or begins or ends with a slash.

    >>> [is_glob(query) for query in ("*.pyc", "/usr/lib", "node_modules/", "numpy", "lib/python3")]
    [True, True, True, False, False]
    """
    return query.startswith("/") or query.endswith("/") or any(sign in query for sign in _GLOB_CHARACTERS)


class Search:
    """One search in the layers of a scope. ``steps`` does it; ``found`` has what it has found, also before the end.

    A text without capital letters matches capital letters, too. A text with a slash matches in paths, any other one in
    names: a directory whose name has it is one result, and so is each file. Globs are those of ``ocisize files --glob``.
    """

    def __init__(self, index: ImageIndex, figures: ScopeFigures, shares: Shares, query: str) -> None:
        """Search an indexed image; raises InvalidGlob for a query that is no glob although it looks like one."""
        self.query = query
        self.found = Entries(index, figures, shares)
        self.complete = False  #: False while it searches
        self.cut = False  #: whether there are more than MAX_FOUND
        self._index, self._figures, self._scope = index, figures, figures.scope
        self._glob: Glob | None = parse_glob(query) if is_glob(query) else None
        self._needle = query.encode("utf-8", "surrogateescape")
        self._ignores_case = query == query.lower()
        self._rows: dict[bytes, list[tuple[int, int]]] = {}

    def steps(self) -> Iterator[int]:
        """Search, and yield how much was found after each piece of some milliseconds."""
        last = self._scope.last(self._index)
        for _ in self._find_by_glob(self._glob, last) if self._glob is not None else self._find_by_text(last):
            yield len(self.found)
            if self.cut:
                break
        self.complete = True
        yield len(self.found)

    def _find_by_text(self, last: int) -> Iterator[None]:
        in_path = b"/" in self._needle
        for number, path in enumerate(self._index.paths):
            if number % _STEP_DIRECTORIES == _STEP_DIRECTORIES - 1:
                yield
            if number and self._matches(path if in_path else path.rpartition(b"/")[2]):
                self._add_directory(number)
        for layer in range(last + 1):
            table = self._index.tables[layer]
            for first, paths in table.paths.pieces():
                yield
                texts = paths if in_path else [path.rpartition(b"/")[2] for path in paths]
                if self._ignores_case:
                    texts = [text.lower() for text in texts]
                for row, text in enumerate(texts, first):
                    if self._needle in text:
                        self._note(layer, row, paths[row - first])
        yield from self._add_noted(last)

    def _matches(self, text: bytes) -> bool:
        return self._needle in (text.lower() if self._ignores_case else text)

    def _find_by_glob(self, glob: Glob, last: int) -> Iterator[None]:
        states = find_states(Automaton([glob], {0: True}, ()), self._index.runs.directories)
        directories: set[int] = set()
        for layer in range(last + 1):
            table, markers = self._index.tables[layer], self._index.markers[layer]
            for piece in self._index.runs.pieces(table, layer):
                yield
                for row, path in _match_piece(piece, states, table):
                    if row in markers:
                        continue
                    if table.kinds[row] != DIRECTORY:
                        self._note(layer, row, path)
                    elif (number := self._index.find_directory(path)) and number not in directories:
                        directories.add(number)
                        self._add_directory(number)
        yield from self._add_noted(last)

    def _note(self, layer: int, row: int, path: bytes) -> None:
        table = self._index.tables[layer]
        is_marker = row in self._index.markers[layer]
        if table.kinds[row] != DIRECTORY and not (is_marker and not table.sizes[row]):
            self._rows.setdefault(path, []).append((layer, row))

    def _add_directory(self, number: int) -> None:
        if self._figures.shown[number] and self._has_room():
            self.found.add_directory(number, self._index.paths[number])

    def _add_noted(self, last: int) -> Iterator[None]:
        for number, (path, rows) in enumerate(self._rows.items()):
            if number % _STEP_DIRECTORIES == _STEP_DIRECTORIES - 1:
                yield
            if (not self._scope.alone or rows[-1][0] == last) and self._has_room():
                self.found.add_rows(path, rows)

    def _has_room(self) -> bool:
        self.cut = len(self.found) >= MAX_FOUND
        return not self.cut


def _match_piece(piece: Piece, states: Sequence[State], table: FileTable) -> Iterator[tuple[int, bytes]]:
    """Row and path of the entries of a piece that the glob of some states matches."""
    first, paths, kinds = piece.first, piece.paths, table.kinds
    for start, end, directory in piece.spans():
        state = states[directory]
        inside, matching = bool(state.inside), state.matching
        for row in range(start, end):
            path = paths[row]
            if inside or matching(path.rpartition(b"/")[2], is_directory=kinds[first + row] == DIRECTORY):
                yield first + row, path
