"""Findings on identical files: the same content visible at several paths."""

from __future__ import annotations

import heapq
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, repeat
from typing import TypeAlias, TypeVar

from ocisize.filesystem.known_duplicates import LEFT_OUT, OWN
from ocisize.findings.checks.duplicate_pairs import Copies, Package, paths_of, rows_by_layer, sort_pairs
from ocisize.findings.claim import FILES, Claim, Fix, Ledger, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.step_effects import copies_from_context
from ocisize.model.findings import Confidence
from ocisize.packages.owners import PackageManager
from ocisize.text import decode_name

_MAX_NAMED_TREES = 5  # pairs of directories with their own finding
_MAX_PAIRS = 5_000  # largest duplicates whose paths are compared
_MIN_PACKAGES_SHARE = 0.005  # of the download; smaller packages that are installed twice are no finding

_Place: TypeAlias = "tuple[int, int]"  # layer and row
_Pair: TypeAlias = "tuple[_Place, int]"  # a copy and its original, counted through the rows of all layers
_Key = TypeVar("_Key", "tuple[bytes, bytes]", Package)


def find_duplicate_files(evidence: ImageEvidence, ledger: Ledger) -> Iterator[Claim]:
    """Claims for groups of duplicates; of each content one copy is kept, and rows that other claims own are skipped.

    Duplicates are grouped by the two directories above the part that the paths of original and copy have in common, so that
    copies of whole trees are one finding. Not claimed are files of packages, which only their package managers may link,
    unless the package is installed twice; package databases, which package managers rewrite; and licenses, which belong
    next to the files they are for.

    Args:
        evidence: the image.
        ledger: the ledger after all other claims.

    """
    own: list[_Pair] = []
    packages: dict[Package, list[_Place]] = defaultdict(list)
    spare = _spare_copies(evidence, ledger)
    sorts = sort_pairs(evidence, spare)
    for layer, (copies, codes) in enumerate(zip(spare, sorts.codes, strict=True)):
        for row, original, code in zip(copies.rows, copies.originals, codes, strict=True):
            if code == OWN:
                own.append(((layer, row), original))
            elif code != LEFT_OUT:
                packages[sorts.package(code)].append((layer, row))
    yield from _of_packages(evidence, packages)
    yield from _of_files(evidence, own)


def _of_files(evidence: ImageEvidence, pairs: Sequence[_Pair]) -> Iterator[Claim]:
    """Claims for files that no package manager owns: one for each of the largest trees, one for the rest."""
    largest = heapq.nsmallest(_MAX_PAIRS, pairs, key=lambda pair: (-_size(evidence, pair[0]), pair[0]))
    groups: dict[tuple[bytes, bytes], list[_Place]] = defaultdict(list)
    whole = paths_of(evidence.tables, largest)
    for place, _ in largest:
        groups[_above_common(*whole[place])].append(place)
    named = _largest_groups(evidence, groups)
    for root in named:
        only = whole[groups[root][0]] if len(groups[root]) == 1 else None
        first, second = map(_display_path, only or root)
        yield _claim("tree", rows_by_layer(groups[root]), partial(_link_fix, evidence, first), first=first, second=second)
    claimed = {place for root in named for place in groups[root]}
    if rest := [place for place, _ in pairs if place not in claimed]:
        variant = "more" if named else "others"
        yield _claim(variant, rows_by_layer(rest), partial(_link_fix, evidence, "it"), confidence=Confidence.ASK)


def _of_packages(evidence: ImageEvidence, groups: Mapping[Package, Sequence[_Place]]) -> Iterator[Claim]:
    """Claims for packages that are installed twice, by the directories they are in."""
    for kind, first, second in _largest_groups(evidence, groups):
        one, other = _display_path(first), _display_path(second)
        where = f"in {one} and {other}" if first != second else f"within {one}"
        fix = (
            f"Install the packages once, in {one} or in {other}, and let both programs use them."
            if kind is not PackageManager.NODE
            else f"Run `npm dedupe` in {one.rpartition('/')[0] or '/'}. It needs compatible versions."
            if first == second
            else f"Use one npm workspace for both projects, so that {one} and {other} become one. Or bundle each program."
        )
        yield _claim(
            "packages",
            rows_by_layer(groups[kind, first, second]),
            fix,
            confidence=Confidence.ASK,
            min_share=_MIN_PACKAGES_SHARE,
            where=where,
        )


def _largest_groups(evidence: ImageEvidence, groups: Mapping[_Key, Sequence[_Place]]) -> list[_Key]:
    sizes = {key: sum(_size(evidence, place) for place in places) for key, places in groups.items()}
    return heapq.nsmallest(_MAX_NAMED_TREES, groups, key=lambda key: (-sizes[key], key))


def _link_fix(evidence: ImageEvidence, original: str, layer: int, _: str) -> str:
    """The fix that keeps one copy, by the layer that brought the others."""
    if layer < evidence.base_layers:
        return "The base image contains both: use another base image."
    step = evidence.step(layer)
    how = "copy it once, and link to" if copies_from_context(evidence.layers[layer].build_step) else "link to"
    return f"Keep one copy: {how} {original} (`ln -s`, or `ln` within one layer) instead of the copy that `{step}` adds."


def _spare_copies(evidence: ImageEvidence, ledger: Ledger) -> list[Copies]:
    """Per layer, the rows of unclaimed duplicates and their originals; the first copy replaces a claimed original."""
    taken = b"".join(ledger.claimed(layer) for layer in range(len(evidence.tables)))
    starts = list(accumulate(map(len, evidence.tables), initial=0))
    instead: dict[int, int] = {}
    spare: list[Copies] = []
    for start, duplicates in zip(starts, evidence.duplicates, strict=False):
        copies = Copies(array("q"), array("q"), array("i"))
        known = duplicates.known or repeat(-1, len(duplicates.rows))
        for row, original, place in zip(duplicates.rows, duplicates.originals, known, strict=True):
            if taken[start + row]:
                continue
            if taken[original]:
                if original not in instead:
                    instead[original] = start + row
                    continue
                original, place = instead[original], -1  # noqa: PLW2901 - the copy that stays
            copies.rows.append(row)
            copies.originals.append(original)
            copies.known.append(place)
        spare.append(copies)
    return spare


def _size(evidence: ImageEvidence, place: _Place) -> int:
    return evidence.tables[place[0]].sizes[place[1]]


def _above_common(original: bytes, copy: bytes) -> tuple[bytes, bytes]:
    """Both paths without the components that they share at the end; whole paths if the names differ."""
    first, second = original.split(b"/"), copy.split(b"/")
    while first and second and first[-1] == second[-1]:
        first.pop()
        second.pop()
    return b"/".join(first), b"/".join(second)


def _display_path(path: bytes) -> str:
    return f"/{decode_name(path)}"


def _claim(
    variant: str,
    rows: Mapping[int, Sequence[int]],
    fix: Fix,
    *,
    confidence: Confidence | None = None,
    min_share: float = 0.0,
    **values: str,
) -> Claim:
    rule = explain(Check.IDENTICAL_FILES)
    return Claim(
        rule=rule,
        title=rule.title_of(variant, files=FILES, **values),
        confidence=confidence or rule.confidence,
        fix=fix,
        blame_first_layer=True,
        tier=Tier.DUPLICATE,
        rows=rows,
        min_share=min_share,
    )
