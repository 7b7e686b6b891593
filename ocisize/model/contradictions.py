"""Checks of an analysis that was read back, so that reports can rely on its indexes and ranges.

The document is untrusted. Nobody can check whether its figures are true or add up. Checked is that they are numbers in
range, and that every reference to a layer or a row has a target.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ocisize.model.analysis import Analysis
from ocisize.model.findings import ID
from ocisize.values import asdict, fields

if TYPE_CHECKING:
    from attrs import AttrsInstance

_MAX = 1 << 63  # of sizes, counts and positions


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
    for layer in analysis.layers:
        if layer.source is not None and not 0 < layer.source.first <= layer.source.last < _MAX:
            yield f"layer {layer.index} names lines that are out of range"


def _with_sizes(analysis: Analysis) -> Iterator[tuple[str, AttrsInstance]]:
    """All values that have sizes and counts as fields, with their names."""
    yield "the image", analysis
    yield from ((f"layer {index}", layer) for index, layer in enumerate(analysis.layers))
    yield from ((f"layer {layer.index}", layer.toc) for layer in analysis.layers if layer.toc is not None)
    yield from ((finding.id, finding) for finding in analysis.advice.findings)
    yield from ((f"step {number} of the plan", step) for number, step in enumerate(analysis.plan.steps, 1))
    for division in asdict(analysis.groups, recurse=False).values() if analysis.groups is not None else ():
        yield from ((f"the group {group.name}", group) for group in division)
    if analysis.packages is not None:
        yield "the inventory", analysis.packages
        yield from ((f"the package {package.name}", package) for package in analysis.packages.packages)
        yield from ((f"files of the kind {files.kind.value}", files) for files in analysis.packages.unowned)
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
    if analysis.packages is not None:
        named.update(package.layer for package in analysis.packages.packages)
        named.update(files.layer for files in analysis.packages.unowned)
    for finding in analysis.advice.findings:
        named.update(finding.layers)
    for step in analysis.plan.steps:
        named.update(step.layers)
    named.update(edit.layer for edit in analysis.plan.edits)
    for index in sorted(named):
        if not 0 <= index < len(analysis.layers):
            yield f"there is no layer {index}"
