"""find_changes: which stored files differ between two images, each accounted for exactly once.

Stored files with content are multisets: a path can stand in several layers. Of the layers that are not the same, first
equal files (path and content) are matched, lower layers first; then files with the same path, which have changed; then
what one side stores again for its metadata alone; then the same content at other paths; the rest was added or removed.
All of it works on columns: a million files take a second or two.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import repeat

from ocisize.analysis.comparison import KINDS, FileChanges, Kind
from ocisize.analysis.sides import Side

_CODES = {kind: code for code, kind in enumerate(KINDS)}


def find_changes(before: Side, after: Side) -> FileChanges:
    """What differs between the files of two sides."""
    matcher = _Matcher(before, after)
    matcher.match_equal()
    matcher.match_paths()
    matcher.match_again()
    matcher.match_contents()
    return matcher.changes()


class _Matcher:
    """Matches rows of both sides, each at most once, kind by kind."""

    def __init__(self, before: Side, after: Side) -> None:
        self._before, self._after = before, after
        self._old: Sequence[int] = ()  # rows that are yet to be matched, ascending
        self._new: Sequence[int] = ()
        self._found: list[tuple[int, int, int]] = []  # code of the kind, rows

    def match_equal(self) -> None:
        """Leave out what has the same path and content on both sides; unread contents equal nothing."""
        pool = dict(zip(_keys(self._before, b"before"), range(len(self._before.contents)), strict=True))
        partners = list(map(pool.get, _keys(self._after, b"after"), repeat(-1)))
        matched = bytearray(len(pool) + 1)  # the last is for -1
        for partner in partners:
            matched[partner] = 1
        self._old = [row for row in range(len(pool)) if not matched[row]]
        self._new = [row for row, partner in enumerate(partners) if partner < 0]

    def match_paths(self) -> None:
        """Pair what has the same path."""
        old, new = self._before, self._after
        waiting = _group(self._old, map(old.stored.paths.__getitem__, self._old))

        def kind_of(first: int, second: int) -> Kind:
            same_size = old.stored.sizes[first] == new.stored.sizes[second]
            unread = not old.contents[first] or not new.contents[second]
            return Kind.NOT_COMPARED if same_size and unread else Kind.CHANGED

        taken = set()
        rest = []
        for row in self._new:
            queue = waiting.get(new.stored.paths[row])
            if queue:
                partner = queue.pop()
                taken.add(partner)
                self._note(kind_of(partner, row), partner, row)
            else:
                rest.append(row)
        self._new, self._old = rest, [row for row in self._old if row not in taken]

    def match_again(self) -> None:
        """Tell what one side stores again from what it has besides."""
        for row in self._new:
            if (self._after.stored.paths[row], self._after.stored.layers[row]) in self._after.again:
                self._note(Kind.STORED_AGAIN, -1, row)
        for row in self._old:
            if (self._before.stored.paths[row], self._before.stored.layers[row]) in self._before.again:
                self._note(Kind.STORED_ONCE, row, -1)
        self._drop_noted((Kind.STORED_AGAIN, Kind.STORED_ONCE))

    def match_contents(self) -> None:
        """Pair what has the same content, first where the file's name is the same, too."""
        for with_name in (True, False):
            waiting = _group(self._old, self._contents_of(self._before, self._old, with_name=with_name))
            for row, key in zip(self._new, self._contents_of(self._after, self._new, with_name=with_name), strict=True):
                if key[0] and waiting.get(key):
                    self._note(Kind.MOVED, waiting[key].pop(), row)
            self._drop_noted((Kind.MOVED,))
        for row in self._new:
            self._note(Kind.ADDED, -1, row)
        for row in self._old:
            self._note(Kind.REMOVED, row, -1)

    def changes(self) -> FileChanges:
        """All that was found, largest growth first."""
        old, new = self._before.stored, self._after.stored

        def rank(found: tuple[int, int, int]) -> tuple[int, int, bytes, int, int, int]:
            code, first, second = found
            before = old.sizes[first] if first >= 0 else 0
            after = new.sizes[second] if second >= 0 else 0
            return -abs(after - before), -after, new.paths[second] if second >= 0 else old.paths[first], code, second, first

        self._found.sort(key=rank)
        return FileChanges(
            before=old,
            after=new,
            kinds=bytes(code for code, _, _ in self._found),
            before_rows=array("q", [first for _, first, _ in self._found]),
            after_rows=array("q", [second for _, _, second in self._found]),
        )

    def _note(self, kind: Kind, old: int, new: int) -> None:
        self._found.append((_CODES[kind], old, new))

    def _drop_noted(self, kinds: Collection[Kind]) -> None:
        codes = {_CODES[kind] for kind in kinds}
        old = {first for code, first, _ in self._found if code in codes}
        new = {second for code, _, second in self._found if code in codes}
        self._old = [row for row in self._old if row not in old]
        self._new = [row for row in self._new if row not in new]

    @staticmethod
    def _contents_of(side: Side, rows: Sequence[int], *, with_name: bool) -> list[tuple[bytes, int, bytes]]:
        paths, sizes, contents = side.stored.paths, side.stored.sizes, side.contents
        return [(contents[row], sizes[row], paths[row].rpartition(b"/")[2] if with_name else b"") for row in rows]


def _keys(side: Side, name: bytes) -> list[tuple[object, ...]]:
    """What makes a row equal to one of the other side; a path with the same content again is numbered."""
    contents: Iterable[bytes] = side.contents
    if b"" in side.contents:
        contents = [content or name for content in side.contents]
    keys: list[tuple[object, ...]] = list(zip(side.stored.paths, contents, side.stored.sizes, strict=True))
    if len(set(keys)) == len(keys):
        return keys
    seen: dict[tuple[object, ...], int] = {}
    numbered = []
    for key in keys:
        count = seen[key] = seen.get(key, -1) + 1
        numbered.append((*key, count) if count else key)
    return numbered


def _group(rows: Sequence[int], keys: Iterable[object]) -> dict[object, list[int]]:
    """Rows by key, those of a key in reverse, so that the first one is popped first."""
    found: dict[object, list[int]] = defaultdict(list)
    for row, key in zip(reversed(rows), reversed(list(keys)), strict=True):
        found[key].append(row)
    return dict(found)
