"""The plan on the page: steps, what they save together, the final text of each instruction, and the patch."""

from __future__ import annotations

from ocisize.model.analysis import Analysis
from ocisize.model.plan import Plan, PlanEdit, PlanStep, sum_steps
from ocisize.model.sizes import weight_of
from ocisize.report.html.code import numbered_block, patch_block
from ocisize.report.html.findings import list_files
from ocisize.report.html.markup import Markup, block, element, join, with_code
from ocisize.report.words.fixes import LEGEND, ORDER
from ocisize.report.words.plan import (
    BY_HAND,
    DOCKERIGNORE,
    FROM_PROVENANCE,
    describe_edit_place,
    describe_place,
    describe_saving,
    describe_total,
    saving_of,
)
from ocisize.report.words.units import cut, human_dollars, human_size, shorten_step
from ocisize.sizes.cost import CostAssumptions, cost_of
from ocisize.text import count_of

_MAX_STEPS = 8  # that are not folded away
_MAX_EDITS = 6  # that are not folded away
_MAX_BUILD_STEPS = 2  # of a step of the plan
_MAX_WIDTH = 160  # characters of a build step


def write_plan(analysis: Analysis, assumptions: CostAssumptions | None) -> Markup:
    """The plan; nothing if it has no steps. With ``assumptions`` each step shows what it saves in dollars a year."""
    plan = analysis.plan
    if not plan.steps:
        return Markup()
    numbers = range(1, len(plan.steps) + 1)
    items = [_step(number, step, analysis, assumptions) for number, step in zip(numbers, plan.steps, strict=True)]
    parts = [element("h2", "Fix first", id="plan-title"), element("ol", *items[:_MAX_STEPS], class_="cards")]
    if rest := items[_MAX_STEPS:]:
        saving = describe_saving(sum_steps(plan.steps[_MAX_STEPS:]), plan)
        summary = f"{len(rest):,} more{f', {saving}' if saving else ''}"
        parts.append(element("details", element("summary", summary), element("ol", *rest, class_="cards")))
    parts.append(element("p", element("strong", describe_total(analysis)), class_="total"))
    parts.append(element("p", _legend(plan), class_="note"))
    parts += [_edits(plan), _ignored(plan), _patch(plan)]
    return element("section", *parts, aria_labelledby="plan-title")


def _legend(plan: Plan) -> str:
    """The confidences of the steps in words, the sign of an estimate, and where the Dockerfile is from."""
    estimated = ["≈: the download is an estimate"] * plan.estimated
    return " · ".join([LEGEND, ORDER, *estimated, *[FROM_PROVENANCE] * plan.from_provenance])


def _step(number: int, step: PlanStep, analysis: Analysis, assumptions: CostAssumptions | None) -> Markup:
    plan = analysis.plan
    facts = [describe_place(step, plan)]
    if step.compressed_size is not None and step.size:
        facts.append(f"{human_size(step.size)} unpacked")
    if assumptions is not None and (dollars := cost_of(step.compressed_size, assumptions).yearly_dollars):
        facts.append(f"{human_dollars(dollars)}/year")
    if not step.in_patch:
        facts.append(BY_HAND)
    facts += step.findings
    parts = [
        element("h3", f"{number}. {step.title}"),
        element("p", element("strong", str(step.confidence), class_=f"{step.confidence}"),
                "".join(f" · {fact}" for fact in facts if fact), class_="note"),
    ]  # fmt: skip
    if plan.dockerfile is None or not step.lines:
        parts.append(_build_steps(step, analysis))
    parts.append(element("p", *with_code(step.action), class_="fix"))
    if step.caution:
        parts.append(element("p", *with_code(step.caution), class_="caution"))
    if files := list_files(step.paths, step.path_count):
        parts.append(element("details", element("summary", count_of(step.path_count, "file")), files))
    saving = element("p", *_saving(step, plan), class_="saving")
    return element("li", saving, element("div", *parts), id=f"fix-{number}", class_=f"fix-{step.confidence}")


def _saving(step: PlanStep, plan: Plan) -> list[str]:
    """The bytes that a step saves, with their kind on a separate line."""
    if not weight_of(step.compressed_size, step.size):
        return ["-"]
    if step.compressed_size is None:
        return [human_size(step.size), element("span", "unpacked")]
    return [describe_saving(saving_of(step), plan), element("span", "download")]


def _build_steps(step: PlanStep, analysis: Analysis) -> Markup:
    """The build steps of the first layers, one on a line."""
    texts = [(layer, shorten_step(analysis.layers[layer].build_step.shown, _MAX_WIDTH)) for layer in step.layers]
    known = [(layer, text) for layer, text in texts if text][:_MAX_BUILD_STEPS]
    return join([element("p", f"Layer {layer}: ", element("code", text), class_="note") for layer, text in known])


def _edits(plan: Plan) -> Markup:
    """The final text of each edited instruction, numbered from its first line in the Dockerfile."""
    if not plan.edits:
        return Markup()
    edits = [_edit(edit, plan) for edit in plan.edits]
    parts = [element("h3", "The edited instructions"), *edits[:_MAX_EDITS]]
    if rest := edits[_MAX_EDITS:]:
        parts.append(element("details", element("summary", f"{len(rest):,} more"), *rest))
    return element("div", *parts, class_="edits")


def _edit(edit: PlanEdit, plan: Plan) -> Markup:
    place = describe_edit_place(edit, plan)
    verb = "replaces" if edit.text else "delete"
    old = element("code", cut(edit.build_step.shown, _MAX_WIDTH) or "unknown step")
    title = element("p", element("strong", place[:1].upper() + place[1:]), f" · {verb} ", old, class_="note")
    return join([title, numbered_block(edit.text, edit.lines and edit.lines[0])]) if edit.text else title


def _ignored(plan: Plan) -> Markup:
    """The patterns for .dockerignore."""
    if not plan.ignored:
        return Markup()
    return element(
        "div", element("h3", "Add to ", element("code", DOCKERIGNORE)), block("\n".join(plan.ignored)), class_="edits"
    )


def _patch(plan: Plan) -> Markup:
    """The patch, folded away."""
    if not plan.patch or plan.patch_has_secrets:
        return Markup()
    lines = plan.patch.rstrip("\n")
    summary = f"All edits as a patch, {count_of(lines.count(chr(10)) + 1, 'line')}"
    how = element("p", element("code", "ocisize advise IMAGE --patch > fixes.patch && git apply fixes.patch"), class_="note")
    return element("details", element("summary", summary), how, patch_block(lines), class_="edits")
