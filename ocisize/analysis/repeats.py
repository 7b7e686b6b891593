"""Findings on duplicate content: the same bytes visible at several paths."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

from ocisize.analysis.claims import Claim, Ledger, Scene, Tier
from ocisize.analysis.findings import Confidence
from ocisize.analysis.junk import by_bytes
from ocisize.files import decode_name

_NAMED = 5  # pairs of folders with a finding of their own
_PAIRED = 20_000  # duplicates, the largest ones, whose paths are compared

_Place: TypeAlias = "tuple[int, int]"  # layer and row


def find_repeats(scene: Scene, ledger: Ledger) -> Iterator[Claim]:
    """Claims for all duplicates but one of each content, leaving alone what is claimed: two for the price of none.

    Copies of whole trees are told as such: duplicates are grouped by the folders, original and copy, above the part that
    their paths have in common.
    """
    repeated = _spare_copies(scene, ledger)
    paired = heapq.nsmallest(_PAIRED, repeated, key=lambda pair: (-scene.tables[pair[1][0]].sizes[pair[1][1]], pair))
    roots = _roots(scene, paired)
    groups: dict[tuple[bytes, bytes], list[_Place]] = defaultdict(list)
    for pair, root in zip(paired, roots, strict=True):
        groups[root].append(pair[1])
    sizes = {root: sum(scene.tables[layer].sizes[row] for layer, row in places) for root, places in groups.items()}
    named = sorted(groups, key=lambda root: (-sizes[root], root))[:_NAMED]
    for root in named:
        yield _claim(scene, f"{_shown(root[1])} repeats {_shown(root[0])}: {{files}} of equal content", groups[root])
    rest = [copy for _, copy in set(repeated) - {pair for pair, root in zip(paired, roots, strict=True) if root in named}]
    if rest:
        yield _claim(scene, f"{{files}} {'more ' * bool(named)}repeat the content of others", rest)


def _spare_copies(scene: Scene, ledger: Ledger) -> list[tuple[_Place, _Place]]:
    """(original, copy) for each duplicate that may go. Where the original is claimed, one copy takes its place."""
    starts = list(accumulate(map(len, scene.tables), initial=0))
    kept: dict[int, _Place | None] = {}
    spare: list[tuple[_Place, _Place]] = []
    for layer, duplicates in enumerate(scene.duplicates):
        taken = ledger.taken(layer)
        for row, original in zip(duplicates.rows, duplicates.originals, strict=True):
            if taken[row]:
                continue
            if original not in kept:
                held = bisect_right(starts, original) - 1
                place = (held, original - starts[held])
                kept[original] = None if ledger.taken(held)[place[1]] else place
            stays = kept[original]
            if stays is None:
                kept[original] = (layer, row)
            else:
                spare.append((stays, (layer, row)))
    return spare


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


def _claim(scene: Scene, title: str, places: Sequence[_Place]) -> Claim:
    rows: dict[int, list[int]] = defaultdict(list)
    for layer, row in sorted(places):
        rows[layer].append(row)
    layers = by_bytes(rows, scene)
    return Claim(
        id="OS110",
        title=title,
        confidence=Confidence.LIKELY,
        fix=f"Keep one copy and link to it (ln -s, or ln within one layer) in `{scene.step(layers[0])}`.",
        layers=layers,
        tier=Tier.DUPLICATE,
        rows=rows,
    )
