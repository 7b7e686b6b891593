"""Findings on identical files: the same content visible at several paths."""

from __future__ import annotations

import heapq
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, compress
from typing import TypeAlias, TypeVar

from ocisize.filesystem.known_duplicates import FIRST_PACKAGE, OWN
from ocisize.findings.checks.duplicate_pairs import REPLACED, Copies, Package, paths_of, rows_by_layer, sort_pairs
from ocisize.findings.claim import FILES, Claim, Fix, Ledger, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.step_effects import copies_from_context
from ocisize.model.findings import Confidence
from ocisize.packages.owners import PackageManager
from ocisize.tar.filetable import IntArray
from ocisize.tar.row_values import row_values
from ocisize.text import decode_name

_MAX_NAMED_TREES = 5  # pairs of directories with their own finding
_MAX_PAIRS = 5_000  # largest duplicates whose paths are compared
_NEGATED = bytes((1, 0)) + bytes(254)  # of flags
_MIN_PACKAGES_SHARE = 0.005  # of the download; smaller packages that are installed twice are no finding

_Place: TypeAlias = "tuple[int, int]"  # layer and row
_Rows: TypeAlias = "dict[int, list[int]]"  # by layer, ascending
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
    packages: dict[int, _Rows] = defaultdict(dict)
    spare = _spare_copies(evidence, ledger)
    sorts = sort_pairs(evidence, spare)
    for layer, (copies, codes) in enumerate(zip(spare, sorts.codes, strict=True)):
        if OWN in codes:
            pairs = compress(zip(copies.rows, copies.originals, strict=True), map(OWN.__eq__, codes))
            own += [((layer, row), original) for row, original in pairs]
        for code, rows in _rows_by_code(copies.rows, codes).items():
            packages[code][layer] = rows
    yield from _of_packages(evidence, {sorts.package(code): rows for code, rows in packages.items()})
    yield from _of_files(evidence, own)


def _rows_by_code(rows: IntArray, codes: IntArray) -> dict[int, list[int]]:
    """The rows of one layer that belong to packages, ascending, by the code of the package."""
    by_code: dict[int, list[int]] = {code: [] for code in {*codes} if code >= FIRST_PACKAGE}
    chosen = compress(zip(rows, codes, strict=True), map(FIRST_PACKAGE.__le__, codes)) if by_code else ()
    for row, code in chosen:
        by_code[code].append(row)
    return {code: sorted(found) for code, found in by_code.items()}


def _of_files(evidence: ImageEvidence, pairs: Sequence[_Pair]) -> Iterator[Claim]:
    """Claims for files that no package manager owns: one for each of the largest trees, one for the rest."""
    largest = heapq.nsmallest(_MAX_PAIRS, pairs, key=lambda pair: (-_size(evidence, pair[0]), pair[0]))
    groups: dict[tuple[bytes, bytes], list[_Place]] = defaultdict(list)
    whole = paths_of(evidence.tables, largest)
    for place, _ in largest:
        groups[_above_common(*whole[place])].append(place)
    named = _largest_groups(evidence, {root: rows_by_layer(places) for root, places in groups.items()})
    for root in named:
        only = whole[groups[root][0]] if len(groups[root]) == 1 else None
        first, second = map(_display_path, only or root)
        yield _claim("tree", rows_by_layer(groups[root]), partial(_link_fix, evidence, first), first=first, second=second)
    claimed = {place for root in named for place in groups[root]}
    if rest := [place for place, _ in pairs if place not in claimed]:
        variant = "more" if named else "others"
        yield _claim(variant, rows_by_layer(rest), partial(_link_fix, evidence, "it"), confidence=Confidence.ASK)


def _of_packages(evidence: ImageEvidence, groups: Mapping[Package, _Rows]) -> Iterator[Claim]:
    """Claims for packages that are installed twice, by the directories they are in; ``groups`` has their rows."""
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
            groups[kind, first, second],
            fix,
            confidence=Confidence.ASK,
            min_share=_MIN_PACKAGES_SHARE,
            where=where,
        )


def _largest_groups(evidence: ImageEvidence, groups: Mapping[_Key, _Rows]) -> list[_Key]:
    """The keys of the groups with most bytes, the largest first."""
    sizes = {
        key: sum(sum(row_values(evidence.tables[layer].sizes, rows)) for layer, rows in group.items())
        for key, group in groups.items()
    }
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
        known = duplicates.known or array("i", [-1]) * len(duplicates.rows)
        every = Copies(duplicates.rows, duplicates.originals, known)
        spare.append(_leave_out_taken(every, taken, start, instead))
    return spare


def _leave_out_taken(every: Copies, taken: bytes, start: int, instead: dict[int, int]) -> Copies:
    """The copies of one layer that no claim has; ``instead`` gets the first copy of each original that a claim has."""
    of_rows = bytes(row_values(taken[start : start + max(every.rows, default=0) + 1], every.rows))
    of_originals = bytes(row_values(taken, every.originals))
    if 1 not in of_rows and 1 not in of_originals:
        return every
    # Flags of whole columns, as one number each: a twentieth of the time of a loop.
    row_flags, original_flags = int.from_bytes(of_rows, "little"), int.from_bytes(of_originals, "little")
    is_spare = (row_flags | original_flags).to_bytes(len(of_rows), "little").translate(_NEGATED)
    is_waiting = (original_flags & ~row_flags).to_bytes(len(of_rows), "little")
    copies = Copies(*(array(column.typecode, list(compress(column.tolist(), is_spare))) for column in every))
    for index in compress(range(len(of_rows)), is_waiting):
        number, original = start + every.rows[index], every.originals[index]
        if (first := instead.setdefault(original, number)) != number:  # the copy that stays
            copies.rows.append(every.rows[index])
            copies.originals.append(first)
            copies.known.append(REPLACED)
    return copies


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
