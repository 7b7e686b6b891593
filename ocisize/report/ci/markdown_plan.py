"""Secrets and the plan in Markdown: rows of what to fix, and the instructions to change as blocks of a Dockerfile.

A block has the final text of an instruction, with the edits of all fixes, and comments about the fixes that must be made by
hand. Commands are in blocks, where no character needs an escape and every line can be copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.dockerfile.patch import wrap_comment
from ocisize.model.plan import PlanEdit, PlanStep
from ocisize.report.ci.markdown_text import (
    Table,
    byte_length,
    code_block,
    code_span,
    escape_text,
    fill_blocks,
    fold,
    keep_together,
)
from ocisize.report.ci.merge_findings import MergedFinding, merge_steps
from ocisize.report.subject import ReportedImage
from ocisize.report.words.findings import list_paths
from ocisize.report.words.fixes import place_of
from ocisize.report.words.plan import (
    BY_HAND,
    DOCKERIGNORE,
    FROM_PROVENANCE,
    describe_edit_place,
    describe_saving,
    describe_total,
    name_lines,
    saving_of,
)
from ocisize.report.words.pull import list_step_savings
from ocisize.text import count_of, plural
from ocisize.values import define, field

MAX_ROWS = 5  #: of a table that is not folded
_MAX_TOTALS = 5  # platforms whose total is shown
_Row = tuple[int, ReportedImage, PlanStep, tuple[str, ...]]  # number, image, step, platforms


def write_secrets(merged: Sequence[MergedFinding], images: Sequence[ReportedImage], room: int) -> str:
    """The secrets in at most ``room`` bytes, five of them open; "" if there are none."""
    if not merged:
        return ""
    rows = []
    for row in merged:
        finding, platforms = row.finding, on_platforms(row.platforms, images)
        places = [code_span(path) if path.startswith("/") else path for path in list_paths(finding)]
        layers = f"{plural(len(finding.layers), 'layer')} {', '.join(map(str, finding.layers))}" if finding.layers else ""
        facts = " · ".join(filter(None, (finding.id, str(finding.severity), layers, platforms)))
        cell = "<br>".join([f"**{escape_text(finding.title)}**", escape_text(facts), *places])
        rows.append(f"| {cell} | {escape_text(finding.fix)} |")
    title = "\n**Secrets in the image.** Anyone who can pull the image can read them: revoke them first.\n"
    text = Table("secret", "Secret | Fix", left=2).fill_first(rows, MAX_ROWS, room - byte_length(title))
    return f"{title}{text}" if text else ""


def write_plan(images: Sequence[ReportedImage], room: int, *, title: str = "Fix first") -> str:
    """The plans of all images in at most ``room`` bytes; "" if they have no steps or the first does not fit."""
    rows = [(number, *row) for number, row in enumerate(merge_steps(images), 1)]
    return write_steps(rows, images, room, f"\n**{title}** (largest unpacked size first)\n", _total(images))


def write_steps(rows: Sequence[_Row], images: Sequence[ReportedImage], room: int, title: str, total: str) -> str:
    """Some steps in at most ``room`` bytes, five of them open, the others folded; "" if the first does not fit."""
    table = Table("fix", "# | Saves | Safe? | Fix | Where", left=3)
    pulls = {
        id(step): pull
        for image in images
        for step, pull in zip(image.analysis.plan.steps, list_step_savings(image.analysis), strict=True)
    }
    first, rest = rows[:MAX_ROWS], rows[MAX_ROWS:]
    room -= byte_length(title) + byte_length(total)
    text = table.fill([_row(*row, images, pulls) for row in first], room // 2)
    if not text:
        return ""
    text += fill_blocks(_list_blocks(first), "edit", (room - byte_length(text)) * 2 // 3)
    if rest:
        summary, room = count_fixes(len(rest), "more "), room - byte_length(text)
        more = table.fill([_row(*row, images, pulls) for row in rest], room // 2)
        room -= byte_length(more) + byte_length(fold(summary, ""))
        text += fold(summary, more + fill_blocks(_list_blocks(rest), "edit", room)) if more else ""
    return f"{title}{text}{total}"


def on_platforms(platforms: Sequence[str], images: Sequence[ReportedImage]) -> str:
    """The platforms that have something, "" in a report on one image."""
    if len(images) < 2:
        return ""
    return f"on {'all platforms' if len(set(platforms)) == len(images) else ', '.join(platforms)}"


def _row(
    number: int,
    image: ReportedImage,
    step: PlanStep,
    platforms: Sequence[str],
    images: Sequence[ReportedImage],
    pulls: Mapping[int, str],
) -> str:
    analysis = image.analysis
    saving = keep_together(describe_saving(saving_of(step), analysis.plan) or "-")
    facts = (on_platforms(platforms, images), pulls.get(id(step), ""))
    fix = "<br>".join([f"**{escape_text(step.title)}**", *map(escape_text, filter(None, facts))])
    safety = "<br>".join([str(step.confidence), *([] if step.in_patch else [BY_HAND])])
    return f"| {number} | {saving} | {safety} | {fix} | {escape_text(place_of(step, analysis))} |"


@define
class _Block:
    """An instruction, or the patterns of .dockerignore, with the fixes that change it."""

    image: ReportedImage
    layer: int | None  #: None: .dockerignore
    edit: PlanEdit | None = None
    numbers: list[int] = field(factory=list)  #: of the fixes
    notes: list[str] = field(factory=list)  #: what to do by hand, and what to check
    ignored: list[str] = field(factory=list)


def _list_blocks(rows: Sequence[_Row]) -> list[str]:
    """The blocks of some fixes, in the order of the fixes; each instruction of an image is in one block."""
    blocks: dict[tuple[int, int | None], _Block] = {}
    for number, image, step, _ in rows:
        places = _places_of(step, image)
        for position, layer in enumerate(places):
            block = blocks.setdefault((id(image), layer), _Block(image, layer, _edit_of(layer, image)))
            block.numbers.append(number)
            block.ignored += step.ignored if layer is None else ()
            notes = [*([] if step.in_patch else [step.action]), step.caution]
            block.notes += [f"{number}: {note}" for note in notes if note and not position]
    return [_write_block(block) for block in blocks.values()]


def _places_of(step: PlanStep, image: ReportedImage) -> list[int | None]:
    """The layers whose instructions a step edits, or None for .dockerignore; of a step by hand the first layer."""
    if step.ignored:
        return [None]
    edited = {edit.layer for edit in image.analysis.plan.edits} if step.in_patch else set(step.layers[:1])
    return [layer for layer in step.layers if layer in edited] or [None]


def _edit_of(layer: int | None, image: ReportedImage) -> PlanEdit | None:
    return next((edit for edit in image.analysis.plan.edits if edit.layer == layer), None)


def _write_block(block: _Block) -> str:
    """A title with the numbers of the fixes, and the code."""
    title = f"**{_fixes(len(block.numbers)).capitalize()} {', '.join(map(str, block.numbers))}**"
    place = code_span(DOCKERIGNORE) if block.ignored else escape_text(_place_of(block))
    comments = [f"# {line}" for note in block.notes for line in wrap_comment(note)]
    lines = [*comments, *(block.ignored or _instruction_of(block))]
    head = " · ".join(filter(None, (title, escape_text(block.image.platform), place)))
    return f"{head}\n\n{code_block(chr(10).join(lines), '' if block.ignored else 'dockerfile')}"


def count_fixes(count: int, which: str = "") -> str:
    """A number of fixes: ``1 fix``, ``17 more fixes``."""
    return f"{count:,} {which}{_fixes(count)}"


def _fixes(count: int) -> str:
    return "fix" if count == 1 else "fixes"


def _place_of(block: _Block) -> str:
    plan, line = block.image.analysis.plan, block.image.layer_line(block.layer)
    if block.edit is not None:
        return describe_edit_place(block.edit, plan)
    if plan.dockerfile is not None and line is not None:
        return name_lines(plan.dockerfile, line.first, line.last)
    return "" if block.layer is None else f"layer {block.layer}"


def _instruction_of(block: _Block) -> list[str]:
    """The lines of the instruction with all edits, or a comment that it is to be deleted."""
    if block.edit is None:
        step = block.image.analysis.layers[block.layer].build_step.shown if block.layer is not None else ""
        return [step] if step else []
    if block.edit.text:
        return [block.edit.text]
    return ["# Delete this instruction:", *(f"# {line}" for line in block.edit.build_step.shown.split("\n"))]


def _total(images: Sequence[ReportedImage]) -> str:
    """What the plan of each image saves."""
    totals = [(image, describe_total(image.analysis)) for image in images]
    totals = [(image, text) for image, text in totals if text]
    lines = [f"\n**{escape_text(image.with_platform(text))}**\n" for image, text in totals[:_MAX_TOTALS]]
    if rest := len(totals) - _MAX_TOTALS:
        lines += [f"\n… and {count_of(rest, 'more platform')}\n"] * (rest > 0)
    if any(image.analysis.plan.from_provenance for image, _ in totals):
        lines.append(f"\n{FROM_PROVENANCE[:1].upper()}{FROM_PROVENANCE[1:]}.\n")
    return "".join(lines)
