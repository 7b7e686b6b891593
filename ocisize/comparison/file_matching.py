"""find_changes: which stored files differ between two images, each accounted for exactly once.

Stored files with content are multisets: a path can stand in several layers. Of the layers that are not the same, first
equal files (path and content) are matched, lower layers first; then files with the same path, which have changed; then
what one side stores again for its metadata alone; then the same content at other paths; the rest was added or removed.

All of it works on columns. What stands once on both sides, nearly always all, needs no key but its path, or its content,
whose hashes are computed once; only what stands several times gets keys of more than that.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from itertools import compress, repeat
from operator import and_, eq
from typing import TypeAlias

from ocisize.comparison.file_columns import ImageFiles
from ocisize.model.file_changes import KINDS, FileChangeKind, FileChanges, column_of

_Pairs: TypeAlias = tuple[list[int], list[int]]  #: rows of BEFORE, and those of AFTER that they belong to


def find_changes(before: ImageFiles, after: ImageFiles) -> FileChanges:
    """What differs between the files of two sides."""
    matcher = _Matcher(before, after)
    matcher.match_paths()
    matcher.match_again()
    matcher.match_contents()
    return matcher.changes()


class _Matcher:
    """Matches rows of both sides, each at most once, kind by kind."""

    def __init__(self, before: ImageFiles, after: ImageFiles) -> None:
        self._before, self._after = before, after
        self._old: Sequence[int] = range(len(before.contents))  # rows that are yet to be matched, ascending
        self._new: Sequence[int] = range(len(after.contents))
        self._found: dict[FileChangeKind, _Pairs] = {kind: ([], []) for kind in KINDS}

    def match_paths(self) -> None:
        """Leave out what has the same path and content on both sides; pair what has the same path."""
        paths_before, paths_after = self._before.stored.paths, self._after.stored.paths
        pairs, repeated = _pair(paths_before, paths_after)
        self._take(pairs)
        self._note_paths(_without(pairs, self._are_same(pairs)))
        if repeated:
            old: Sequence[int] = [row for row in self._old if paths_before[row] in repeated]
            new: Sequence[int] = [row for row in self._new if paths_after[row] in repeated]
            equal = _pair_in_order(old, new, _keys(self._before, old, b"before"), _keys(self._after, new, b"after"))
            self._take(equal)
            old, new = _left(old, equal[0]), _left(new, equal[1])
            pairs = _pair_in_order(old, new, column_of(paths_before, old), column_of(paths_after, new))
            self._take(pairs)
            self._note_paths(pairs)

    def match_again(self) -> None:
        """Tell what one side stores again from what it has besides."""
        again, self._new = _part(self._new, self._after)
        self._note(FileChangeKind.STORED_AGAIN, ([-1] * len(again), again))
        again, self._old = _part(self._old, self._before)
        self._note(FileChangeKind.STORED_ONCE, (again, [-1] * len(again)))

    def match_contents(self) -> None:
        """Pair what has the same content, of several first where the file's name is the same; the rest came or went."""
        contents_before, contents_after = self._before.contents, self._after.contents
        old: Sequence[int] = [row for row in self._old if contents_before[row]]
        new: Sequence[int] = [row for row in self._new if contents_after[row]]
        places, repeated = _pair(column_of(contents_before, old), column_of(contents_after, new))
        pairs = column_of(old, places[0]), column_of(new, places[1])
        self._note_moved(_only(pairs, self._are_same(pairs)))
        if repeated:
            old = [row for row in old if contents_before[row] in repeated]
            new = [row for row in new if contents_after[row] in repeated]
            for with_name in (True, False):
                names = _named(self._before, old, with_name=with_name), _named(self._after, new, with_name=with_name)
                pairs = _pair_in_order(old, new, *names)
                self._note_moved(pairs)
                old, new = _left(old, pairs[0]), _left(new, pairs[1])
        self._note(FileChangeKind.ADDED, ([-1] * len(self._new), self._new))
        self._note(FileChangeKind.REMOVED, (self._old, [-1] * len(self._old)))

    def changes(self) -> FileChanges:
        """All that was found, by kind and row."""
        kinds, before_rows, after_rows = bytearray(), array("q"), array("q")
        for code, kind in enumerate(KINDS):
            old, new = self._found[kind]
            if kind in (FileChangeKind.CHANGED, FileChangeKind.NOT_COMPARED, FileChangeKind.MOVED):  # found piece by piece
                order = sorted(range(len(new)), key=new.__getitem__)
                old, new = column_of(old, order), column_of(new, order)
            kinds += bytes([code]) * len(new)
            before_rows.extend(old)
            after_rows.extend(new)
        return FileChanges(self._before.stored, self._after.stored, bytes(kinds), before_rows, after_rows)

    def _are_same(self, pairs: _Pairs) -> list[bool]:
        """Which pairs of rows are known to have the same content."""
        (old, new), before, after = pairs, self._before, self._after
        contents, sizes = column_of(before.contents, old), column_of(before.stored.sizes, old)
        same = map(eq, contents, column_of(after.contents, new))
        found = map(and_, same, map(eq, sizes, column_of(after.stored.sizes, new)))
        return list(map(and_, found, map(bool, contents)) if b"" in before.contents else found)

    def _note_paths(self, pairs: _Pairs) -> None:
        """Take pairs of the same path that are not known to be the same as changed, where that is known."""
        (old, new), before, after = pairs, self._before, self._after
        resized = map(int.__ne__, column_of(before.stored.sizes, old), column_of(after.stored.sizes, new))
        read = map(and_, map(bool, column_of(before.contents, old)), map(bool, column_of(after.contents, new)))
        differ = [one or other for one, other in zip(resized, read, strict=True)]
        self._note(FileChangeKind.CHANGED, _only(pairs, differ))
        self._note(FileChangeKind.NOT_COMPARED, _without(pairs, differ))

    def _note_moved(self, pairs: _Pairs) -> None:
        self._take(pairs)
        self._note(FileChangeKind.MOVED, pairs)

    def _note(self, kind: FileChangeKind, pairs: tuple[Iterable[int], Iterable[int]]) -> None:
        for rows, more in zip(self._found[kind], pairs, strict=True):
            rows.extend(more)

    def _take(self, pairs: _Pairs) -> None:
        self._old, self._new = _left(self._old, pairs[0]), _left(self._new, pairs[1])


def _pair(keys_before: Sequence[bytes], keys_after: Sequence[bytes]) -> tuple[_Pairs, set[bytes]]:
    """Places of equal keys; and the keys that one side has several times and the other at all, whose places are left."""
    pool = dict(zip(keys_before, range(len(keys_before)), strict=True))
    partners = [*map(pool.get, keys_after, repeat(-1))]
    is_last = bytearray(len(keys_before))
    for place in pool.values():
        is_last[place] = 1
    several = {key for key, last in zip(keys_before, is_last, strict=True) if not last} if 0 in is_last else set()
    repeated = several.intersection(keys_after) if several else several
    is_taken = bytearray(len(keys_before) + 1)  # the last is for -1
    for partner in partners:
        if is_taken[partner] and partner >= 0:
            repeated.add(keys_before[partner])
        is_taken[partner] = 1
    if repeated:
        left = {pool[key] for key in repeated}
        partners = [-1 if partner in left else partner for partner in partners]
    is_paired = list(map((-1).__lt__, partners))
    return (list(compress(partners, is_paired)), list(compress(range(len(partners)), is_paired))), repeated


def _pair_in_order(
    old: Sequence[int], new: Sequence[int], keys_before: Sequence[object], keys_after: Sequence[object]
) -> _Pairs:
    """Rows with equal keys; of several, the first with the first."""
    pool = dict(zip(_numbered(keys_before), old, strict=True))
    partners = [pool.get(key, -1) for key in _numbered(keys_after)]
    return [row for row in partners if row >= 0], [row for row, partner in zip(new, partners, strict=True) if partner >= 0]


def _numbered(keys: Iterable[object]) -> list[tuple[object, int]]:
    """Keys with how often each stood before, which makes them differ."""
    seen: dict[object, int] = {}
    numbered = []
    for key in keys:
        count = seen[key] = seen.get(key, -1) + 1
        numbered.append((key, count))
    return numbered


def _keys(side: ImageFiles, rows: Sequence[int], name: bytes) -> list[tuple[bytes, bytes, int]]:
    """What makes rows equal to those of the other side; contents that were not read equal nothing there."""
    paths, sizes, contents = side.stored.paths, side.stored.sizes, side.contents
    return [(paths[row], contents[row] or name, sizes[row]) for row in rows]


def _named(side: ImageFiles, rows: Sequence[int], *, with_name: bool) -> list[tuple[bytes, int, bytes]]:
    """What makes rows equal to those of the other side at another path."""
    paths, sizes, contents = side.stored.paths, side.stored.sizes, side.contents
    return [(contents[row], sizes[row], paths[row].rpartition(b"/")[2] if with_name else b"") for row in rows]


def _left(rows: Sequence[int], taken: Collection[int]) -> Sequence[int]:
    """Rows without some of them; all ascend, as they did."""
    if not taken:
        return rows
    if len(taken) == len(rows):
        return []
    gone = set(taken)
    return [row for row in rows if row not in gone]


def _only(pairs: _Pairs, flags: Sequence[bool]) -> _Pairs:
    return list(compress(pairs[0], flags)), list(compress(pairs[1], flags))


def _without(pairs: _Pairs, flags: Sequence[bool]) -> _Pairs:
    return _only(pairs, [not flag for flag in flags])


def _part(rows: Sequence[int], side: ImageFiles) -> tuple[Sequence[int], Sequence[int]]:
    """Rows that a side stores again, and the others."""
    paths, layers, again = side.stored.paths, side.stored.layers, side.again
    if not again:
        return [], rows
    is_again = [(paths[row], layers[row]) in again for row in rows]
    return list(compress(rows, is_again)), [row for row, each in zip(rows, is_again, strict=True) if not each]
