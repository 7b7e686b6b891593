"""Findings on identical files: the same content visible at several paths."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import TypeAlias, TypeVar

from ocisize.findings.claim import FILES, Claim, Fix, Ledger, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.step_effects import copies_from_context
from ocisize.model.findings import Confidence
from ocisize.packages.owners import PackageManager, installed_twice, package_manager_of
from ocisize.rules.match import find_protected
from ocisize.tar.filetable import FileTable
from ocisize.text import decode_name
from ocisize.tuples import NamedTuple

_MAX_NAMED_TREES = 5  # pairs of directories with their own finding
_MAX_PAIRS = 5_000  # largest duplicates whose paths are compared
_MIN_PACKAGES_SHARE = 0.005  # of the download; smaller packages that are installed twice are no finding

_Place: TypeAlias = "tuple[int, int]"  # layer and row
_Package: TypeAlias = "tuple[PackageManager, bytes, bytes]"  # its manager and the two directories it is installed in
_Key = TypeVar("_Key", "tuple[bytes, bytes]", _Package)


class _Pair(NamedTuple):
    """A copy, its path and that of its original."""

    place: _Place
    package: _Package | None  #: the package that both belong to, installed twice; None if no package manager owns them
    copy: bytes
    original: bytes


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
    packages: dict[_Package, list[_Place]] = defaultdict(list)
    pairs = list(_pairs(evidence, _spare_copies(evidence, ledger)))
    rows = _by_layer(pair.place for pair in pairs)
    chosen = [rows.get(layer, []) for layer in range(len(evidence.tables))]
    protected = find_protected(evidence.catalog, evidence.tables, chosen)
    for pair in pairs:
        layer, row = pair.place
        if row in protected[layer]:
            continue
        if pair.package is None:
            own.append(pair)
        else:
            packages[pair.package].append(pair.place)
    yield from _of_packages(evidence, packages)
    yield from _of_files(evidence, own)


def _of_files(evidence: ImageEvidence, pairs: Sequence[_Pair]) -> Iterator[Claim]:
    """Claims for files that no package manager owns: one for each of the largest trees, one for the rest."""
    largest = heapq.nsmallest(_MAX_PAIRS, pairs, key=lambda pair: (-_size(evidence, pair.place), pair.place))
    groups: dict[tuple[bytes, bytes], list[_Place]] = defaultdict(list)
    whole: dict[_Place, _Pair] = {}
    for pair in largest:
        groups[_above_common(pair.original, pair.copy)].append(pair.place)
        whole[pair.place] = pair
    named = _largest_groups(evidence, groups)
    for root in named:
        only = whole[groups[root][0]] if len(groups[root]) == 1 else None
        first, second = map(_display_path, (only.original, only.copy) if only else root)
        yield _claim("tree", _by_layer(groups[root]), partial(_link_fix, evidence, first), first=first, second=second)
    claimed = {place for root in named for place in groups[root]}
    if rest := [pair.place for pair in pairs if pair.place not in claimed]:
        variant = "more" if named else "others"
        yield _claim(variant, _by_layer(rest), partial(_link_fix, evidence, "it"), confidence=Confidence.ASK)


def _of_packages(evidence: ImageEvidence, groups: Mapping[_Package, Sequence[_Place]]) -> Iterator[Claim]:
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
            _by_layer(groups[kind, first, second]),
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


def _spare_copies(evidence: ImageEvidence, ledger: Ledger) -> list[tuple[Sequence[int], Sequence[int]]]:
    """Per layer, the rows of unclaimed duplicates and their originals; the first copy replaces a claimed original."""
    taken = b"".join(ledger.claimed(layer) for layer in range(len(evidence.tables)))
    starts = list(accumulate(map(len, evidence.tables), initial=0))
    instead: dict[int, int] = {}
    spare: list[tuple[Sequence[int], Sequence[int]]] = []
    for start, duplicates in zip(starts, evidence.duplicates, strict=False):
        rows, originals = array("q"), array("q")
        for row, original in zip(duplicates.rows, duplicates.originals, strict=True):
            if taken[start + row]:
                continue
            if taken[original]:
                if original not in instead:
                    instead[original] = start + row
                    continue
                original = instead[original]  # noqa: PLW2901 - the copy that stays
            rows.append(row)
            originals.append(original)
        spare.append((rows, originals))
    return spare


def _size(evidence: ImageEvidence, place: _Place) -> int:
    return evidence.tables[place[0]].sizes[place[1]]


def _by_layer(places: Iterable[_Place]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = defaultdict(list)
    for layer, row in sorted(places):
        rows[layer].append(row)
    return rows


def _pairs(evidence: ImageEvidence, spare: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Iterator[_Pair]:
    """Copies with both paths. Files of the system's packages are left out, as are packages that are installed once."""
    kept: list[tuple[_Place, PackageManager | None, bytes, int]] = []
    for layer, (rows, originals) in enumerate(spare):
        order = sorted(range(len(rows)), key=rows.__getitem__)
        paths = evidence.tables[layer].paths.select([rows[index] for index in order])
        for index, path in zip(order, paths, strict=True):
            if (kind := package_manager_of(path)) is not PackageManager.SYSTEM:
                kept.append(((layer, rows[index]), kind, path, originals[index]))
    names = _paths_of(evidence.tables, {original for *_, original in kept})
    for place, kind, copy, number in kept:
        original = names[number]
        if kind is None:
            yield _Pair(place, None, copy, original)
        elif roots := installed_twice(kind, original, copy):
            yield _Pair(place, (kind, *roots), copy, original)


def _paths_of(tables: Sequence[FileTable], numbers: Iterable[int]) -> dict[int, bytes]:
    """The paths of rows, by numbers that count through the rows of all layers."""
    ordered, done, start = sorted(numbers), 0, 0
    paths: dict[int, bytes] = {}
    for table in tables:
        end = bisect_left(ordered, start + len(table), done)
        in_layer = ordered[done:end]
        paths.update(zip(in_layer, table.paths.select([number - start for number in in_layer]), strict=True))
        done, start = end, start + len(table)
    return paths


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
