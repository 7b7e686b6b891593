"""The stored files that differ between two images, each counted exactly once.

An image can store a path several times, in several layers. The files of the layers that differ are matched in this order:

1. files with the same path and content, lower layers first: unchanged;
2. files with the same path: changed;
3. files that one side stores again only to change owner, permissions or timestamps (the overlay of that side says so, with
   ``Cause.METADATA_ONLY`` for the older copy);
4. files with the same content at another path: moved;
5. all others: added or removed.

Columns are compared, not objects. A path or content that both sides have once, as nearly all are, is its own key; only
repeated ones get longer keys.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from itertools import compress, repeat
from typing import TypeAlias

from ocisize.comparison.file_columns import ImageFiles
from ocisize.model.file_changes import KINDS, FileChangeKind, FileChanges, column_of

_Pairs: TypeAlias = tuple[list[int], list[int]]  # rows of BEFORE, and the rows of AFTER that they are paired with


def find_changes(before: ImageFiles, after: ImageFiles) -> FileChanges:
    """Return the files that differ between two images.

    ``before``, ``after``: the stored files of the layers that are not the same, as ``read_files`` gives them.
    """
    matcher = _Matcher(before, after)
    matcher.match_paths()
    matcher.match_again()
    matcher.match_contents()
    return matcher.changes()


class _Matcher:
    """Matches rows of both sides, each at most once, kind by kind."""

    def __init__(self, before: ImageFiles, after: ImageFiles) -> None:
        self._before, self._after = before, after
        self._old: Sequence[int] = range(len(before.contents))  # rows without a partner, ascending
        self._new: Sequence[int] = range(len(after.contents))
        self._pairs: dict[FileChangeKind, _Pairs] = {kind: ([], []) for kind in KINDS}

    def match_paths(self) -> None:
        """Take files with the same path and content as unchanged, and pair all others with the same path."""
        paths_before, paths_after = self._before.stored.paths, self._after.stored.paths
        pairs, repeated = _pair(paths_before, paths_after)
        self._take(pairs)
        self._note_paths(_without(pairs, self._are_same(pairs)))
        if repeated:
            old: Sequence[int] = [row for row in self._old if paths_before[row] in repeated]
            new: Sequence[int] = [row for row in self._new if paths_after[row] in repeated]
            equal = _pair_in_order(old, new, _keys(self._before, old, b"before"), _keys(self._after, new, b"after"))
            self._take(equal)
            old, new = _untaken_rows(old, equal[0]), _untaken_rows(new, equal[1])
            pairs = _pair_in_order(old, new, column_of(paths_before, old), column_of(paths_after, new))
            self._take(pairs)
            self._note_paths(pairs)

    def match_again(self) -> None:
        """Take the files that one side stores again only for their metadata."""
        again, self._new = _part(self._new, self._after)
        self._note(FileChangeKind.STORED_AGAIN, ([-1] * len(again), again))
        again, self._old = _part(self._old, self._before)
        self._note(FileChangeKind.STORED_ONCE, (again, [-1] * len(again)))

    def match_contents(self) -> None:
        """Pair files with the same content, those with the same name first; all others were added or removed."""
        contents_before, contents_after = self._before.contents, self._after.contents
        old: Sequence[int] = [row for row in self._old if contents_before[row]]
        new: Sequence[int] = [row for row in self._new if contents_after[row]]
        positions, repeated = _pair(column_of(contents_before, old), column_of(contents_after, new))
        pairs = column_of(old, positions[0]), column_of(new, positions[1])
        self._note_moved(_only(pairs, self._are_same(pairs)))
        if repeated:
            old = [row for row in old if contents_before[row] in repeated]
            new = [row for row in new if contents_after[row] in repeated]
            for with_name in (True, False):
                names = (
                    _content_keys(self._before, old, with_name=with_name),
                    _content_keys(self._after, new, with_name=with_name),
                )
                pairs = _pair_in_order(old, new, *names)
                self._note_moved(pairs)
                old, new = _untaken_rows(old, pairs[0]), _untaken_rows(new, pairs[1])
        self._note(FileChangeKind.ADDED, ([-1] * len(self._new), self._new))
        self._note(FileChangeKind.REMOVED, (self._old, [-1] * len(self._old)))

    def changes(self) -> FileChanges:
        """All changes, by kind and row."""
        kinds, before_rows, after_rows = bytearray(), array("q"), array("q")
        for code, kind in enumerate(KINDS):
            old, new = self._pairs[kind]
            if kind in (FileChangeKind.CHANGED, FileChangeKind.NOT_COMPARED, FileChangeKind.MOVED):  # in several parts
                order = sorted(range(len(new)), key=new.__getitem__)
                old, new = column_of(old, order), column_of(new, order)
            kinds += bytes([code]) * len(new)
            before_rows.extend(old)
            after_rows.extend(new)
        return FileChanges(self._before.stored, self._after.stored, bytes(kinds), before_rows, after_rows)

    def _are_same(self, pairs: _Pairs) -> list[bool]:
        """By pair, True if both rows are known to have the same content."""
        contents_before, contents_after = self._before.contents, self._after.contents
        sizes_before, sizes_after = self._before.stored.sizes, self._after.stored.sizes
        return [
            contents_before[old] == contents_after[new] != b"" and sizes_before[old] == sizes_after[new]
            for old, new in zip(*pairs, strict=True)
        ]

    def _note_paths(self, pairs: _Pairs) -> None:
        """Take pairs with the same path as changed, or as not compared if a content was not read and the sizes are equal."""
        contents_before, contents_after = self._before.contents, self._after.contents
        sizes_before, sizes_after = self._before.stored.sizes, self._after.stored.sizes
        differ = [
            sizes_before[old] != sizes_after[new] or b"" not in (contents_before[old], contents_after[new])
            for old, new in zip(*pairs, strict=True)
        ]
        self._note(FileChangeKind.CHANGED, _only(pairs, differ))
        self._note(FileChangeKind.NOT_COMPARED, _without(pairs, differ))

    def _note_moved(self, pairs: _Pairs) -> None:
        self._take(pairs)
        self._note(FileChangeKind.MOVED, pairs)

    def _note(self, kind: FileChangeKind, pairs: tuple[Iterable[int], Iterable[int]]) -> None:
        for rows, more in zip(self._pairs[kind], pairs, strict=True):
            rows.extend(more)

    def _take(self, pairs: _Pairs) -> None:
        self._old, self._new = _untaken_rows(self._old, pairs[0]), _untaken_rows(self._new, pairs[1])


def _pair(keys_before: Sequence[bytes], keys_after: Sequence[bytes]) -> tuple[_Pairs, set[bytes]]:
    """Pair the positions of equal keys that are unique on both sides.

    Also returns the keys that both sides have and one of them repeats; their positions are not paired.
    """
    pool = dict(zip(keys_before, range(len(keys_before)), strict=True))
    partners = [*map(pool.get, keys_after, repeat(-1))]
    is_last = bytearray(len(keys_before))
    for position in pool.values():
        is_last[position] = 1
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
    """Pair rows with equal keys, the first row with a key on one side with the first one on the other."""
    pool = dict(zip(_number_repeats(keys_before), old, strict=True))
    partners = [pool.get(key, -1) for key in _number_repeats(keys_after)]
    return [row for row in partners if row >= 0], [row for row, partner in zip(new, partners, strict=True) if partner >= 0]


def _number_repeats(keys: Iterable[object]) -> list[tuple[object, int]]:
    """Keys with the number of equal keys before each, which makes them unique."""
    counts: dict[object, int] = {}
    numbered = []
    for key in keys:
        count = counts[key] = counts.get(key, -1) + 1
        numbered.append((key, count))
    return numbered


def _keys(side: ImageFiles, rows: Sequence[int], name: bytes) -> list[tuple[bytes, bytes, int]]:
    """Keys of rows with the same path and content; a content that was not read is equal to none of the other side."""
    paths, sizes, contents = side.stored.paths, side.stored.sizes, side.contents
    return [(paths[row], contents[row] or name, sizes[row]) for row in rows]


def _content_keys(side: ImageFiles, rows: Sequence[int], *, with_name: bool) -> list[tuple[bytes, int, bytes]]:
    """Keys of rows with the same content, and with the same name if asked for."""
    paths, sizes, contents = side.stored.paths, side.stored.sizes, side.contents
    return [(contents[row], sizes[row], paths[row].rpartition(b"/")[2] if with_name else b"") for row in rows]


def _untaken_rows(rows: Sequence[int], taken: Collection[int]) -> Sequence[int]:
    """Rows without those that are taken, in the same order."""
    if not taken:
        return rows
    if len(taken) == len(rows):
        return []
    excluded = set(taken)
    return [row for row in rows if row not in excluded]


def _only(pairs: _Pairs, flags: Sequence[bool]) -> _Pairs:
    return list(compress(pairs[0], flags)), list(compress(pairs[1], flags))


def _without(pairs: _Pairs, flags: Sequence[bool]) -> _Pairs:
    return _only(pairs, [not flag for flag in flags])


def _part(rows: Sequence[int], side: ImageFiles) -> tuple[Sequence[int], Sequence[int]]:
    """Split rows into those that a side stores again, and all others."""
    paths, layers, again = side.stored.paths, side.stored.layers, side.again
    if not again:
        return [], rows
    is_again = [(paths[row], layers[row]) in again for row in rows]
    return list(compress(rows, is_again)), [row for row, flag in zip(rows, is_again, strict=True) if not flag]
