"""Checks of an analysis that was read back, so that reports can rely on its indexes and ranges.

The document is untrusted. Nobody can check whether its figures are true or add up. Checked is that they are numbers in
range, and that every reference to a layer or a row has a target.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from operator import gt
from typing import TYPE_CHECKING

from ocisize.limits import MAX_HOLES
from ocisize.model.analysis import Analysis
from ocisize.model.findings import ID
from ocisize.tar.filetable import HASH_SIZE, KIND_NAMES, FileTable
from ocisize.values import asdict, fields

if TYPE_CHECKING:
    from attrs import AttrsInstance

_MAX = 1 << 63  # of sizes, counts and positions
_KINDS = bytes(KIND_NAMES)
_BY_ROW = ("links", "stored_sizes", "claimed_sizes", "type_flags", "xattrs")


def find_contradictions(analysis: Analysis) -> Iterator[str]:
    """The problems of an analysis, as texts."""
    for what, sizes in _with_sizes(analysis):
        yield from _wrong_sizes(what, sizes)
    yield from (
        f"layer {position} has the index {layer.index}"
        for position, layer in enumerate(analysis.layers)
        if layer.index != position
    )
    if analysis.base is not None and not 0 <= analysis.base.found.layers <= len(analysis.layers):
        yield f"the base has {analysis.base.found.layers} layers"
    if min(analysis.waste.sizes, default=0) < 0:
        yield "a wasted entry has a negative size"
    if analysis.dive is not None and not all(0 <= size < _MAX for size in analysis.dive.layer_sizes):
        yield "a layer size of dive is out of range"
    if analysis.dive is not None and len(analysis.dive.layer_sizes) != len(analysis.layers):
        yield f"dive's figures are of {len(analysis.dive.layer_sizes)} layers"
    yield from _wrong_advice(analysis)
    yield from _wrong_layers(analysis)


def _wrong_advice(analysis: Analysis) -> Iterator[str]:
    """Ids of findings, which reports show unescaped, build steps without layers, and lines of the Dockerfile below 1."""
    findings, plan = analysis.advice.findings, analysis.plan
    for name in (*(finding.id for finding in findings), *(name for step in plan.steps for name in step.findings)):
        if not ID.fullmatch(name):
            yield f"{name!a} is not the id of a finding"
    for finding in findings:
        if finding.plan_step is not None and not 0 < finding.plan_step <= len(plan.steps):
            yield f"the plan has no step {finding.plan_step}"
        if len(finding.build_steps) != len(finding.layers):
            yield f"{finding.id} has {len(finding.layers)} layers and {len(finding.build_steps)} build steps"
    lines = [line for step in plan.steps for line in step.lines]
    lines += [line for edit in plan.edits for line in edit.lines or ()]
    if not all(0 < line < _MAX for line in lines):
        yield "the plan names a line number that is out of range"


def _with_sizes(analysis: Analysis) -> Iterator[tuple[str, AttrsInstance]]:
    """All values that have sizes and counts as fields, with their names."""
    yield "the image", analysis
    yield from ((f"layer {index}", layer) for index, layer in enumerate(analysis.layers))
    yield from ((finding.id, finding) for finding in analysis.advice.findings)
    yield from ((f"step {number} of the plan", step) for number, step in enumerate(analysis.plan.steps, 1))
    for division in asdict(analysis.groups, recurse=False).values() if analysis.groups is not None else ():
        yield from ((f"the group {group.name}", group) for group in division)
    parts = (analysis.base.base, analysis.base.own) if analysis.base is not None else ()
    yield from (("a part of the image", part) for part in parts if part is not None)
    yield "the system", analysis.system
    if analysis.dive is not None:
        yield "dive's figures", analysis.dive


def _wrong_sizes(what: str, sizes: AttrsInstance) -> Iterator[str]:
    """Fields of a value with sizes out of range, or with ratios that are not finite."""
    for field in fields(type(sizes)):
        value = getattr(sizes, field.name)
        if (type(value) is int and not 0 <= value < _MAX) or (type(value) is float and not math.isfinite(value)):
            yield f"{what}: {field.name} is {value:.4g}" if type(value) is float else f"{what}: {field.name} is out of range"


def _wrong_layers(analysis: Analysis) -> Iterator[str]:
    """References to layers that do not exist."""
    named = {*analysis.waste.held_by, *analysis.waste.hidden_by, *(runtime.layer for runtime in analysis.system.runtimes)}
    for finding in analysis.advice.findings:
        named.update(finding.layers)
    for step in analysis.plan.steps:
        named.update(step.layers)
    named.update(edit.layer for edit in analysis.plan.edits)
    for index in sorted(named):
        if not 0 <= index < len(analysis.layers):
            yield f"there is no layer {index}"


def check_columns(table: FileTable) -> None:
    """Raises ValueError if the columns of a file table differ in length or have invalid values."""
    count = len(table.paths)
    columns = (table.kinds, table.sizes, table.ends, table.owners, table.compressed_sizes)
    if any(column is not None and len(column) != count for column in columns) or len(table.hashes) != HASH_SIZE * count:
        raise ValueError("columns of different lengths")
    if table.kinds.translate(None, _KINDS):
        raise ValueError("kinds that do not exist")
    numbers = [value for owner in table.attributes for value in asdict(owner).values()]
    numbers += [*table.stored_sizes.values(), *table.claimed_sizes.values(), *table.type_flags.values()]
    numbers += [table.tar_size, table.overhead or 0]
    if not all(type(number) is int and -_MAX <= number < _MAX for number in numbers):
        raise ValueError("values that are not numbers")
    if any(not 0 <= row < count for name in _BY_ROW for row in getattr(table, name)):
        raise ValueError("rows that do not exist")
    if any(map(gt, map(table.stored_size, range(count)), table.ends)) or any(
        start > end for start, end in pairwise(table.ends)
    ):
        raise ValueError("ends that are not in order")
    columns_of_sizes = (table.sizes, table.stored_sizes.values(), table.compressed_sizes or ())
    if any(min(column, default=0) < 0 for column in columns_of_sizes):
        raise ValueError("negative sizes")
    holes = [table.sizes[row] - stored for row, stored in table.stored_sizes.items()]
    if min(holes, default=0) < 0 or sum(holes) > MAX_HOLES:
        raise ValueError("sparse files with impossible sizes")
