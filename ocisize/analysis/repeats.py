"""Findings on duplicate content: the same bytes visible at several paths."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from ocisize.analysis.claims import FILES, Claim, Ledger, Scene, Tier
from ocisize.analysis.findings import Confidence
from ocisize.analysis.matching import find_protected
from ocisize.files import decode_name

_NAMED = 5  # pairs of folders with a finding of their own
_PAIRED = 5_000  # duplicates, the largest ones, whose paths are compared

_Place: TypeAlias = "tuple[int, int]"  # layer and row


def find_repeats(scene: Scene, ledger: Ledger) -> Iterator[Claim]:
    """Claims for all duplicates but one of each content, leaving alone what is claimed: two for the price of none.

    Copies of whole trees are told as such: duplicates are grouped by the folders, original and copy, above the part that
    their paths have in common.
    """
    spare = _spare_copies(scene, ledger)
    largest = heapq.nsmallest(
        _PAIRED,
        ((-size, layer, at) for layer, (rows, _) in enumerate(spare) for at, size in enumerate(_sizes(scene, layer, rows))),
    )
    starts = list(accumulate(map(len, scene.tables), initial=0))
    pairs = [(_place(spare[layer][1][at], starts), (layer, spare[layer][0][at])) for _, layer, at in largest]
    groups: dict[tuple[bytes, bytes], list[_Place]] = defaultdict(list)
    for (_, copy), root in zip(pairs, _roots(scene, pairs), strict=True):
        groups[root].append(copy)
    sizes = {root: sum(scene.tables[layer].sizes[row] for layer, row in places) for root, places in groups.items()}
    named = sorted(groups, key=lambda root: (-sizes[root], root))[:_NAMED]
    for root in named:
        rows: dict[int, list[int]] = defaultdict(list)
        for layer, row in sorted(groups[root]):
            rows[layer].append(row)
        yield _claim(scene, f"{_shown(root[1])} repeats {_shown(root[0])}: {FILES} of equal content", rows)
    told = {place for root in named for place in groups[root]}
    rest = {
        layer: left for layer, (rows, _) in enumerate(spare) if (left := [row for row in rows if (layer, row) not in told])
    }
    if rest:
        yield _claim(scene, f"{FILES} {'more ' * bool(named)}repeat the content of others", rest)


def _spare_copies(scene: Scene, ledger: Ledger) -> list[tuple[Sequence[int], Sequence[int]]]:
    """Per layer, the duplicates that may go, and their originals. Where an original is claimed, a copy takes its place.

    Package databases and licences stay as often as they stand: package managers rewrite theirs, and a licence
    belongs beside what it is for.
    """
    taken = b"".join(ledger.taken(layer) for layer in range(len(scene.tables)))
    starts = list(accumulate(map(len, scene.tables), initial=0))
    instead: dict[int, int] = {}
    spare: list[tuple[Sequence[int], Sequence[int]]] = []
    repeated = [sorted(duplicates.rows) for duplicates in scene.duplicates]
    protected = find_protected(scene.catalog, scene.tables, repeated)
    for start, duplicates, kept in zip(starts, scene.duplicates, protected, strict=False):
        rows, originals = array("q"), array("q")
        for row, original in zip(duplicates.rows, duplicates.originals, strict=True):
            if taken[start + row]:
                continue
            if taken[original]:
                if original not in instead:
                    instead[original] = start + row
                    continue
                original = instead[original]  # noqa: PLW2901 - the copy that stays
            if row in kept:
                continue
            rows.append(row)
            originals.append(original)
        spare.append((rows, originals))
    return spare


def _sizes(scene: Scene, layer: int, rows: Sequence[int]) -> Iterator[int]:
    return map(scene.tables[layer].sizes.__getitem__, rows)


def _place(number: int, starts: Sequence[int]) -> _Place:
    """Layer and row of a row that is counted through all layers."""
    layer = bisect_right(starts, number) - 1
    return layer, number - starts[layer]


def _roots(scene: Scene, pairs: Sequence[tuple[_Place, _Place]]) -> list[tuple[bytes, bytes]]:
    """Per pair, the two folders above what their paths have in common at the end."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for pair in pairs:
        for layer, row in pair:
            wanted[layer].add(row)
    paths: dict[_Place, bytes] = {}
    for layer, chosen in wanted.items():
        rows = sorted(chosen)
        paths.update(zip(((layer, row) for row in rows), scene.tables[layer].paths.select(rows), strict=True))
    return [_above_common(paths[original], paths[copy]) for original, copy in pairs]


def _above_common(original: bytes, copy: bytes) -> tuple[bytes, bytes]:
    """Both paths without the components they share at the end; whole where their names differ."""
    first, second = original.split(b"/"), copy.split(b"/")
    while first and second and first[-1] == second[-1]:
        first.pop()
        second.pop()
    return b"/".join(first), b"/".join(second)


def _shown(path: bytes) -> str:
    return f"/{decode_name(path)}"


def _claim(scene: Scene, title: str, rows: Mapping[int, Sequence[int]]) -> Claim:
    return Claim(
        id="OS110",
        title=title,
        confidence=Confidence.LIKELY,
        fix={
            layer: f"Keep one copy and link to it (ln -s, or ln within one layer) in `{scene.step(layer)}`."
            for layer in rows
        },
        tier=Tier.DUPLICATE,
        rows=rows,
    )
