"""make_plan: the plan for an image, from its findings and, if there is one, from its Dockerfile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ocisize.errors import PatchError
from ocisize.findings.claim import Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.history.redact import REDACTED, redact
from ocisize.model.findings import Confidence, Finding
from ocisize.model.plan import Plan, PlanStep
from ocisize.plan.build import Build
from ocisize.plan.caches import fix_caches
from ocisize.plan.context_files import fix_context_files
from ocisize.plan.fixes import Fix
from ocisize.plan.late_cleanup import drop_idle_cleanups, move_cleanups
from ocisize.plan.merged_rows import RowsByLayer, merge_rows
from ocisize.plan.options import fix_options, install_once
from ocisize.plan.ownership import fix_ownership
from ocisize.plan.run_groups import join_runs
from ocisize.plan.simulation import Freed, Simulation
from ocisize.text import count_of, plural
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

if TYPE_CHECKING:  # modules for Dockerfiles
    from ocisize.model.build_files import BuildFiles
    from ocisize.plan.pairing import Pairing

_MIN_BY_HAND = 10_000  # bytes of content that are worth the work
_REDACTED_DOCKERFILE = "its lines have secrets, which are redacted in the Dockerfile of the provenance: name the file itself"
_FROM_PROVENANCE = "The Dockerfile is the one in the provenance of the image."
_MIN_FIXED_SHARE = 0.5  # of a finding's bytes that a step frees to be named as its fix


class PlannedFindings(NamedTuple):
    """A plan, and the findings with the steps that fix them."""

    plan: Plan
    findings: tuple[Finding, ...]


def make_plan(
    evidence: ImageEvidence, reported: Sequence[tuple[Claim, Finding]], pairing: Pairing | None = None
) -> PlannedFindings:
    """Make the plan for an image.

    Args:
        evidence: the facts about the image.
        reported: the findings, with the claims they come from.
        pairing: the Dockerfile with the layers that it made; None without a Dockerfile that fits the image.

    """
    build = Build(evidence, pairing)
    claims = [claim for claim, _ in reported]
    fixes = [
        *fix_context_files(build, claims),
        *install_once(build),
        *join_runs(build),
        *fix_caches(build),
        *fix_options(build, claims),
        *move_cleanups(build),
        *fix_ownership(build),
    ]
    drop_idle_cleanups(build, _all_rows([fix for fix in fixes if fix.in_patch]))
    fixes += _by_hand(build, reported, fixes)

    simulation = Simulation(evidence)
    ordered, freed = simulation.run(fixes)
    numbers = _number_steps(ordered, freed)
    holders = _holders_of_paths(build, ordered, numbers)
    findings = tuple(
        _with_step(finding, _find_step(claim, simulation, numbers, holders), numbers, ordered) for claim, finding in reported
    )
    ids = _ids_by_step(findings)
    steps = tuple(
        _make_step(build, fix, saved, ids.get(numbers[index], ()))
        for index, (fix, saved) in enumerate(zip(ordered, freed, strict=True), 1)
        if index in numbers
    )
    plan = Plan(
        steps=steps,
        edits=build.edits(),
        estimated=any(table.compressed_sizes is None for table in evidence.tables),
        dockerfile=pairing.files.dockerfile if pairing is not None else None,
        from_provenance=pairing is not None and pairing.files.from_provenance,
    )
    return PlannedFindings(plan if pairing is None else _with_patch(build, plan, pairing.files), findings)


def _with_patch(build: Build, plan: Plan, files: BuildFiles) -> Plan:
    """The plan with its patch. Provenance has no ignore file, so the steps that change it are then made by hand."""
    if files.from_provenance:
        steps = tuple(evolve(step, in_patch=step.in_patch and not step.ignored) for step in plan.steps)
        plan = evolve(plan, steps=steps)
    try:
        patch = _patch(build, plan, files)
    except PatchError as error:
        return evolve(plan, patch_error=str(error))
    if files.from_provenance and REDACTED in patch:
        return evolve(plan, patch_error=_REDACTED_DOCKERFILE)
    return evolve(plan, patch=patch, patch_has_secrets=any(redact(line).secrets for line in patch.split("\n")))


def _number_steps(fixes: Sequence[Fix], freed: Sequence[Freed]) -> dict[int, int]:
    """The number of each fix in the plan, from 1, by its number in the simulation; fixes that save nothing have none."""
    numbers: dict[int, int] = {}
    for index, (fix, saved) in enumerate(zip(fixes, freed, strict=True), 1):
        if saved.size or fix.ignored:
            numbers[index] = len(numbers) + 1
    return numbers


def _make_step(build: Build, fix: Fix, saved: Freed, ids: Sequence[str]) -> PlanStep:
    lines = (build.drafts[layer].instruction for layer in fix.layers)
    return PlanStep(
        title=fix.title,
        confidence=fix.confidence,
        category=fix.category,
        size=saved.size,
        compressed_size=saved.compressed_size,
        layers=fix.layers,
        lines=tuple(dict.fromkeys(instruction.first for instruction in lines if instruction is not None)),
        action=fix.action,
        caution=fix.caution,
        ignored=fix.ignored,
        in_patch=fix.in_patch,
        findings=tuple(ids),
        paths=saved.paths,
        path_count=saved.file_count,
        layer_savings=saved.layer_savings,
    )


def _by_hand(build: Build, reported: Sequence[tuple[Claim, Finding]], fixes: Sequence[Fix]) -> Iterator[Fix]:
    """Fixes for findings that no rule of the plan can make: a person must change the build."""
    simulation, own_layers = Simulation(build.evidence), build.own_layers
    for fix in fixes:
        simulation.free(1, fix)
    groups: dict[tuple[str, Confidence], list[tuple[Finding, RowsByLayer, int]]] = defaultdict(list)
    titles: dict[str, str] = {}
    for claim, finding in reported:
        rows = simulation.stored(build.rows.brought_by(own_layers, claim.rows))
        if not finding.in_base and (size := build.rows.size_of(rows)) >= _MIN_BY_HAND:
            groups[finding.id, finding.confidence].append((finding, rows, size))
            titles[finding.id] = claim.rule.title
    for (name, confidence), members in groups.items():
        members.sort(key=lambda member: -member[2])
        first, *_ = members[0]
        layers = dict.fromkeys(layer for finding, *_ in members for layer in finding.layers if layer in build.own_layers)
        more = f" (and {count_of(len(members) - 1, 'more place')}: see the findings {name})" if len(members) > 1 else ""
        yield Fix(
            title=titles[name],
            confidence=confidence,
            category=first.category,
            layers=tuple(layers),
            action=f"{first.fix}{more}",
            rows=merge_rows(rows for _, rows, _ in members),
            in_patch=False,
        )


def _find_step(claim: Claim, simulation: Simulation, numbers: dict[int, int], holders: dict[str, int]) -> int:
    """The number of the fix that frees most bytes of a claim, or the files of a remark; 0 if no fix does."""
    if not claim.rows:
        named = {holders.get(path, 0) for path in claim.paths}
        return named.pop() if len(named) == 1 else 0
    sizes = simulation.freed_bytes(claim.rows)
    index = max(numbers.keys() & sizes.keys(), key=lambda number: sizes[number], default=0)
    return index if index and sizes[index] >= _MIN_FIXED_SHARE * sum(sizes.values()) else 0


def _with_step(finding: Finding, index: int, numbers: dict[int, int], fixes: Sequence[Fix]) -> Finding:
    """A finding with the number of the step that fixes it, and with the step's action as its fix."""
    if not index:
        return finding
    fix = fixes[index - 1]
    text = " ".join(part for part in (fix.action, fix.caution) if part) if fix.in_patch else finding.fix
    return evolve(finding, plan_step=numbers[index], fix=text)


def _holders_of_paths(build: Build, fixes: Sequence[Fix], numbers: dict[int, int]) -> dict[str, int]:
    """The number in the simulation of the fix that keeps a path out of the image, for remarks on files that own no rows."""
    return {
        path: index
        for index, fix in enumerate(fixes, 1)
        if index in numbers and fix.ignored
        for layer, rows in fix.rows.items()
        for path in map(build.rows.paths(layer).__getitem__, rows)
    }


def _ids_by_step(findings: Sequence[Finding]) -> dict[int, tuple[str, ...]]:
    ids: dict[int, set[str]] = defaultdict(set)
    for finding in findings:
        if finding.plan_step is not None:
            ids[finding.plan_step].add(finding.id)
    return {step: tuple(sorted(names)) for step, names in ids.items()}


def _all_rows(fixes: Sequence[Fix]) -> RowsByLayer:
    return merge_rows(fix.rows for fix in fixes)


def _patch(build: Build, plan: Plan, files: BuildFiles) -> str:
    comments = [
        f"{number}. by hand{_describe_lines(step.lines)}: {step.title}. {step.action}"
        for number, step in enumerate(plan.steps, 1)
        if not step.in_patch
    ]
    replacements, ignored = build.replacements(), plan.ignored
    if files.from_provenance:
        comments, ignored = [_FROM_PROVENANCE, *comments], ()
    if not replacements and not ignored:
        return ""
    from ocisize.dockerfile.patch import make_patch

    return make_patch(files.dockerfile, files.text, replacements, files.ignore, files.ignore_text, ignored, comments)


def _describe_lines(lines: Sequence[int]) -> str:
    """Where the Dockerfile must be changed, "" if unknown."""
    return f", {plural(len(lines), 'line')} {', '.join(map(str, sorted(lines)))}" if lines else ""
