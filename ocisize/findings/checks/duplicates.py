"""Findings on duplicate content: the same bytes visible at several paths."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple, TypeAlias, TypeVar

from ocisize.findings.claim import FILES, Claim, Fix, Ledger, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.step_kind import copies_from_context
from ocisize.model.findings import Confidence
from ocisize.packages.owners import PackageManager, installed_twice, package_manager_of
from ocisize.rules.match import find_protected
from ocisize.tar.filetable import FileTable
from ocisize.text import decode_name

_MAX_NAMED_TREES = 5  # pairs of folders with a finding of their own
_MAX_PAIRS = 5_000  # duplicates, the largest ones, whose paths are compared

_MIN_PACKAGES_SHARE = 0.005  # share of the download below which packages that stand twice are no finding

_Place: TypeAlias = "tuple[int, int]"  # layer and row
_Package: TypeAlias = "tuple[PackageManager, bytes, bytes]"  # whose it is and the two folders it stands in
_Key = TypeVar("_Key", "tuple[bytes, bytes]", _Package)


class _Pair(NamedTuple):
    """A copy, its path and that of its original."""

    place: _Place
    package: _Package | None  #: the one that both are of, installed twice; None for files of one's own
    copy: bytes
    original: bytes


def find_duplicate_files(evidence: ImageEvidence, ledger: Ledger) -> Iterator[Claim]:
    """Claims for all duplicates but one of each content, leaving alone what is claimed: two for the price of none.

    Copies of whole trees are told as such: duplicates are grouped by the folders, original and copy, above the part that
    their paths have in common. Files of packages are left out, since only their managers may link them, unless a package
    stands twice; and so are package databases and licences: package managers rewrite theirs, and a licence belongs beside
    what it is for.
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
    """Claims for files of one's own: the largest trees by name, the rest together."""
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
    told = {place for root in named for place in groups[root]}
    if rest := [pair.place for pair in pairs if pair.place not in told]:
        variant = "more" if named else "others"
        yield _claim(variant, _by_layer(rest), partial(_link_fix, evidence, "it"), confidence=Confidence.ASK)


def _of_packages(evidence: ImageEvidence, groups: Mapping[_Package, Sequence[_Place]]) -> Iterator[Claim]:
    """Claims for packages that are installed twice, by the folders they are in."""
    for kind, first, second in _largest_groups(evidence, groups):
        here, there = _display_path(first), _display_path(second)
        where = f"{here} = {there}" if first != second else f"within {here}"
        fix = (
            f"Install the packages once, in {here} or in {there}, and have the other program use them."
            if kind is not PackageManager.NODE
            else f"npm dedupe in {here.rpartition('/')[0] or '/'}, where versions allow."
            if first == second
            else f"One workspace for both projects (npm workspaces), so that {here} and {there} become one; or bundle each."
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
    """How to keep one copy, by the step that brought the others."""
    if layer < evidence.base_layers:
        return "The base image brings both: use another base image."
    step = evidence.step(layer)
    how = "copy it once, and link to" if copies_from_context(evidence.layers[layer].build_step) else "link to"
    return f"Keep one copy: {how} {original} (ln -s, or ln within one layer) in place of the copy that `{step}` makes."


def _spare_copies(evidence: ImageEvidence, ledger: Ledger) -> list[tuple[Sequence[int], Sequence[int]]]:
    """Per layer, the duplicates that may go, and their originals. Where an original is claimed, a copy takes its place."""
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
    """Copies with the paths of both: files of one's own, and packages that stand twice; nobody links the system's."""
    kept: list[tuple[_Place, PackageManager | None, bytes, int]] = []
    for layer, (rows, originals) in enumerate(spare):
        order = sorted(range(len(rows)), key=rows.__getitem__)
        paths = evidence.tables[layer].paths.select([rows[at] for at in order])
        for at, path in zip(order, paths, strict=True):
            if (kind := package_manager_of(path)) is not PackageManager.SYSTEM:
                kept.append(((layer, rows[at]), kind, path, originals[at]))
    names = _paths_of(evidence.tables, {original for *_, original in kept})
    for place, kind, copy, number in kept:
        original = names[number]
        if kind is None:
            yield _Pair(place, None, copy, original)
        elif roots := installed_twice(kind, original, copy):
            yield _Pair(place, (kind, *roots), copy, original)


def _paths_of(tables: Sequence[FileTable], numbers: Iterable[int]) -> dict[int, bytes]:
    """The paths of rows that are counted through all layers."""
    ordered, done, start = sorted(numbers), 0, 0
    paths: dict[int, bytes] = {}
    for table in tables:
        end = bisect_left(ordered, start + len(table), done)
        here = ordered[done:end]
        paths.update(zip(here, table.paths.select([number - start for number in here]), strict=True))
        done, start = end, start + len(table)
    return paths


def _above_common(original: bytes, copy: bytes) -> tuple[bytes, bytes]:
    """Both paths without the components they share at the end; whole where their names differ."""
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
