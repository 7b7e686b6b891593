"""Secrets and the plan in Markdown: a table of the steps, what they save together, and the edited instructions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.model.plan import Plan, PlanEdit, PlanStep
from ocisize.report.ci.markdown_text import Table, byte_length, code_block, code_span, escape_text, fold, note_missing
from ocisize.report.ci.merge_findings import merge_findings, merge_steps
from ocisize.report.subject import ReportedImage
from ocisize.report.words.advice import is_secret
from ocisize.report.words.findings import list_paths
from ocisize.report.words.plan import (
    BY_HAND,
    DOCKERIGNORE,
    describe_edit_place,
    describe_place,
    describe_saving,
    describe_total,
    saving_of,
)
from ocisize.report.words.units import shorten_step
from ocisize.text import count_of, plural

_MAX_STEPS = 5  # that are not folded
_MAX_TOTALS = 5  # platforms whose total is shown
_MAX_BUILD_STEPS = 2  # of a step of the plan
_MAX_WIDTH = 80  # characters of a build step
_NO_BREAK = "\N{NO-BREAK SPACE}"
_SECRETS = "\n**Secrets in the image.** Anyone who can pull the image can read them: revoke them first.\n"


def write_secrets(images: Sequence[ReportedImage], room: int) -> str:
    """The secrets in at most ``room`` bytes, "" if there are none."""
    merged = [row for row in merge_findings(images) if is_secret(row.finding)]
    rows = []
    for _, finding, platforms, _level in merged:
        places = [code_span(path) if path.startswith("/") else path for path in list_paths(finding)]
        layers = f"{plural(len(finding.layers), 'layer')} {', '.join(map(str, finding.layers))}" if finding.layers else ""
        facts = " · ".join(filter(None, (finding.id, layers, on_platforms(platforms, images))))
        cell = "<br>".join([f"**{escape_text(finding.title)}**", escape_text(facts), *places])
        rows.append(f"| {cell} | {escape_text(finding.fix)} |")
    text = Table("secrets", "Secret | Fix", left=2).fill(rows, room - byte_length(_SECRETS))
    return f"{_SECRETS}{text}" if text else ""


def write_plan(images: Sequence[ReportedImage], room: int) -> str:
    """The plans of all images in at most ``room`` bytes; "" if they have no steps or the first does not fit."""
    steps = merge_steps(images)
    total = _total(images)
    rows = [_step(number, *row, images) for number, row in enumerate(steps, 1)]
    table = Table("fixes", "# | Saves | Safety | Fix | Where", left=3)
    title = "\n**Fix first** (largest unpacked size first)\n"
    room -= byte_length(title) + byte_length(total)
    text = table.fill(rows[:_MAX_STEPS], room)
    if not text:
        return ""
    room -= byte_length(text)
    rest = rows[_MAX_STEPS:]
    folded = table.fill(rest, room // 2, summary=f"{len(rest):,} more fixes")
    room -= byte_length(folded)
    return f"{title}{text}{folded}{total}{_edits([image.analysis.plan for image in images], room)}"


def on_platforms(platforms: Sequence[str], images: Sequence[ReportedImage]) -> str:
    """The platforms that have something, "" in a report on one image."""
    if len(images) < 2:
        return ""
    return f"on {'all platforms' if len(set(platforms)) == len(images) else ', '.join(platforms)}"


def _step(
    number: int, image: ReportedImage, step: PlanStep, platforms: Sequence[str], images: Sequence[ReportedImage]
) -> str:
    plan = image.analysis.plan
    lines = [f"**{escape_text(step.title)}**", escape_text(step.action), escape_text(step.caution)]
    lines.append(escape_text(on_platforms(platforms, images)))
    places = [escape_text(describe_place(step, plan))]
    if plan.dockerfile is None or not step.lines:
        texts = [image.analysis.layers[layer].build_step.shown for layer in step.layers]
        places += [code_span(shorten_step(text, _MAX_WIDTH)) for text in list(filter(None, texts))[:_MAX_BUILD_STEPS]]
    saving = (describe_saving(saving_of(step), plan) or "-").replace(" ", _NO_BREAK)
    fix, where = ("<br>".join(filter(None, parts)) for parts in (lines, places))
    safety = "<br>".join([str(step.confidence), *([] if step.in_patch else [BY_HAND])])
    return f"| {number} | {saving} | {safety} | {fix} | {where} |"


def _total(images: Sequence[ReportedImage]) -> str:
    """What the plan of each image saves."""
    totals = [(image, describe_total(image.analysis)) for image in images]
    totals = [(image, text) for image, text in totals if text]
    lines = [f"\n**{escape_text(image.with_platform(text))}**\n" for image, text in totals[:_MAX_TOTALS]]
    if rest := len(totals) - _MAX_TOTALS:
        lines += [f"\n… and {count_of(rest, 'more platform')}\n"] * (rest > 0)
    return "".join(lines)


def _edits(plans: Sequence[Plan], room: int) -> str:
    """The edited instructions and the patterns for .dockerignore, folded, in at most ``room`` bytes."""
    blocks = list(dict.fromkeys(block for plan in plans for block in _blocks(plan)))
    room -= byte_length(fold(_summary(blocks), note_missing(len(blocks), "edits")))
    shown = 0
    for block in blocks:
        room -= byte_length(block) + 2
        if room < 0:
            break
        shown += 1
    if not shown:
        return ""
    missing = [note_missing(len(blocks) - shown, "edits")] if shown < len(blocks) else []
    return fold(_summary(blocks), "\n\n".join([*blocks[:shown], *missing]))


def _summary(blocks: Sequence[str]) -> str:
    return f"The edited instructions ({len(blocks):,})"


def _blocks(plan: Plan) -> Iterator[str]:
    """Each edit with its place and the instruction that it replaces, then the patterns for .dockerignore."""
    for edit in plan.edits:
        yield _block(edit, plan)
    if plan.ignored:
        yield f"Add to {code_span(DOCKERIGNORE)}:\n\n{code_block(chr(10).join(plan.ignored))}"


def _block(edit: PlanEdit, plan: Plan) -> str:
    place = describe_edit_place(edit, plan)
    old = code_span(edit.build_step.shown) if edit.build_step.shown else "unknown step"
    title = f"{escape_text(place[:1].upper() + place[1:])}:"
    return f"{title} replace {old} with\n\n{code_block(edit.text, 'dockerfile')}" if edit.text else f"{title} delete {old}"
