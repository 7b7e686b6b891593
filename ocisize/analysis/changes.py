"""find_changes: which stored files differ between two images, each accounted for exactly once.

Stored files with content are multisets: a path can stand in several layers. Of the layers that are not the same, first
equal files (path and content) are matched, lower layers first; then files with the same path, which have changed; then
what one side stores again for its metadata alone; then the same content at other paths; the rest was added or removed.
All of it works on columns: a million files take a second or two.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress, repeat

from ocisize.analysis.comparison import KINDS, FileChanges, Kind
from ocisize.analysis.sides import Side


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
        self._old: Sequence[int] = range(len(before.contents))  # rows that are yet to be matched, ascending
        self._new: Sequence[int] = range(len(after.contents))
        self._kinds = bytearray()  # of what was found, with its rows
        self._before_rows, self._after_rows = array("q"), array("q")

    def match_equal(self) -> None:
        """Leave out what has the same path and content on both sides."""
        self._pair(_keys(self._before, b"before"), _keys(self._after, b"after"))

    def match_paths(self) -> None:
        """Pair what has the same path."""
        paths_before, paths_after = self._before.stored.paths, self._after.stored.paths
        pairs = self._pair([paths_before[row] for row in self._old], [paths_after[row] for row in self._new])
        differ = [self._differ(old, new) for old, new in zip(*pairs, strict=True)]
        same = [not each for each in differ]
        self._note(Kind.CHANGED, *[list(compress(rows, differ)) for rows in pairs])
        self._note(Kind.NOT_COMPARED, *[list(compress(rows, same)) for rows in pairs])

    def _differ(self, old: int, new: int) -> bool:
        """Whether two files at a path differ, as far as is known."""
        if self._before.stored.sizes[old] != self._after.stored.sizes[new]:
            return True
        return bool(self._before.contents[old] and self._after.contents[new])

    def match_again(self) -> None:
        """Tell what one side stores again from what it has besides."""
        again, self._new = _part(self._new, self._after)
        self._note(Kind.STORED_AGAIN, [-1] * len(again), again)
        again, self._old = _part(self._old, self._before)
        self._note(Kind.STORED_ONCE, again, [-1] * len(again))

    def match_contents(self) -> None:
        """Pair what has the same content, first where the file's name is the same, too; the rest came or went."""
        for with_name in (True, False):
            keys = [
                _contents_of(side, rows, name, with_name=with_name)
                for side, rows, name in ((self._before, self._old, b"before"), (self._after, self._new, b"after"))
            ]
            self._note(Kind.MOVED, *self._pair(*keys))
        self._note(Kind.ADDED, [-1] * len(self._new), self._new)
        self._note(Kind.REMOVED, self._old, [-1] * len(self._old))

    def changes(self) -> FileChanges:
        """All that was found, largest growth first, ties by path."""
        old, new = self._before.stored, self._after.stored
        rows = list(zip(self._before_rows, self._after_rows, strict=True))
        paths = [new.paths[second] if second >= 0 else old.paths[first] for first, second in rows]
        growths = [
            -abs((new.sizes[second] if second >= 0 else 0) - (old.sizes[first] if first >= 0 else 0))
            for first, second in rows
        ]
        order = sorted(range(len(paths)), key=paths.__getitem__)
        order.sort(key=growths.__getitem__)
        return FileChanges(
            before=old,
            after=new,
            kinds=bytes(map(self._kinds.__getitem__, order)),
            before_rows=array("q", map(self._before_rows.__getitem__, order)),
            after_rows=array("q", map(self._after_rows.__getitem__, order)),
        )

    def _pair(self, keys_before: Sequence[object], keys_after: Sequence[object]) -> tuple[list[int], list[int]]:
        """Take rows with equal keys, given for all that are left, lower ones first; the rows of BEFORE and of AFTER."""
        if len(set(keys_before)) < len(keys_before) or len(set(keys_after)) < len(keys_after):
            keys_before, keys_after = _numbered(keys_before), _numbered(keys_after)
        pool = dict(zip(keys_before, range(len(keys_before)), strict=True))
        partners = [*map(pool.get, keys_after, repeat(-1))]
        is_left = bytearray(b"\1") * (len(keys_before) + 1)  # the last is for -1
        for partner in partners:
            is_left[partner] = 0
        is_paired = [partner >= 0 for partner in partners]
        old = [self._old[partner] for partner in partners if partner >= 0]
        new = list(compress(self._new, is_paired))
        self._old = list(compress(self._old, is_left))
        self._new = [row for row, paired in zip(self._new, is_paired, strict=True) if not paired]
        return old, new

    def _note(self, kind: Kind, old: Sequence[int], new: Sequence[int]) -> None:
        self._kinds += bytes([KINDS.index(kind)]) * len(new)
        self._before_rows.extend(old)
        self._after_rows.extend(new)


def _keys(side: Side, name: bytes) -> list[tuple[bytes, bytes, int]]:
    """What makes a row equal to one of the other side; contents that were not read equal nothing there."""
    contents = [content or name for content in side.contents] if b"" in side.contents else side.contents
    return list(zip(side.stored.paths, contents, side.stored.sizes, strict=True))


def _contents_of(side: Side, rows: Sequence[int], name: bytes, *, with_name: bool) -> list[tuple[bytes, int, bytes]]:
    """What makes some rows equal to those of the other side at another path."""
    paths, sizes, contents = side.stored.paths, side.stored.sizes, side.contents
    return [(contents[row] or name, sizes[row], paths[row].rpartition(b"/")[2] if with_name else b"") for row in rows]


def _numbered(keys: Sequence[object]) -> list[tuple[object, int]]:
    """Keys with how often each stood before, which makes them differ."""
    seen: dict[object, int] = {}
    numbered = []
    for key in keys:
        count = seen[key] = seen.get(key, -1) + 1
        numbered.append((key, count))
    return numbered


def _part(rows: Sequence[int], side: Side) -> tuple[list[int], list[int]]:
    """Rows that a side stores again, and the others."""
    paths, layers, again = side.stored.paths, side.stored.layers, side.again
    is_again = [(paths[row], layers[row]) in again for row in rows] if again else [False] * len(rows)
    return list(compress(rows, is_again)), [row for row, each in zip(rows, is_again, strict=True) if not each]
