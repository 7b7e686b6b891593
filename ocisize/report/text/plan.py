"""The plan as text: its steps with action and caution, and the final text of each edited build step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep, StepKind, split_commands
from ocisize.model.findings import Confidence
from ocisize.model.plan import Plan, PlanEdit, PlanStep
from ocisize.report.words.fixes import LEGEND, ORDER, by_confidence, describe_bytes, place_of
from ocisize.report.words.flow import SEPARATOR, join_parts
from ocisize.report.words.plan import (
    BY_HAND,
    DOCKERIGNORE,
    FROM_PROVENANCE,
    describe_edit_place,
    describe_less,
    saving_of,
)
from ocisize.report.words.pull import list_step_savings
from ocisize.report.words.units import cut, human_size, shorten_path
from ocisize.text import count_of, printable

if TYPE_CHECKING:
    from rich.console import Console

    from ocisize.sizes.cost import CostAssumptions

STYLES = {Confidence.SAFE: "green", Confidence.PROBABLY: "yellow", Confidence.ASK: "magenta"}
_MIN_SHARE = 0.005  # of the image that a step saves to be shown at length
_MIN_TITLE = 20  # characters of the title of a step on one line
_INDENT = "    "
_WORD = re.compile(r"(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|[^\s\"'\\]|[\"'\\])+")


def write_steps(
    console: Console, analysis: Analysis, top: int | None = None, assumptions: CostAssumptions | None = None
) -> None:
    """Write the steps of the plan below a blank line, the first ``top`` at length; nothing if there are none.

    What a step saves of a pull is at the lowest bandwidth of ``assumptions``.
    """
    plan = analysis.plan
    if not plan.steps:
        return
    total = f"{describe_less(plan.total, analysis)}"
    if plan.total.compressed_size is not None:
        total += f", {human_size(plan.total.size)} unpacked"
    console.print()
    console.print(Text(f"Plan: {count_of(len(plan.steps), 'step')}, {total}", style="bold"), overflow="fold")
    notes = [ORDER] * (len(plan.steps) > 1) + [FROM_PROVENANCE] * plan.from_provenance
    for line in (by_confidence(plan), LEGEND, *notes):
        console.print(Text(line, style="dim"), overflow="fold")
    sizes = [describe_bytes(saving_of(step), plan) for step in plan.steps]
    indent = len(str(len(sizes))) + 1 + max(map(len, sizes)) + 1
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(justify="right", no_wrap=True, style="dim")
    grid.add_column(justify="right", no_wrap=True, style="bold")
    grid.add_column(ratio=1, overflow="fold")
    pulls = list_step_savings(analysis, assumptions)
    for number, (step, size, pull) in enumerate(zip(plan.steps, sizes, pulls, strict=True), 1):
        long = _saves_much(step, analysis) if top is None else number <= top
        room = console.width - indent
        text = _render_step(step, analysis, room, pull) if long else _render_line(step, analysis, room)
        grid.add_row(f"{number}", size, text.append("\n") if long and number < len(sizes) else text)
    console.print()
    console.print(grid)


def _saves_much(step: PlanStep, analysis: Analysis) -> bool:
    weight = step.size if step.compressed_size is None or analysis.compressed_size is None else step.compressed_size
    return weight >= _MIN_SHARE * analysis.weight


def _render_line(step: PlanStep, analysis: Analysis, width: int) -> Text:
    """Confidence, title and place on one line."""
    facts = "".join(SEPARATOR + fact for fact in (place_of(step, analysis), "" if step.in_patch else BY_HAND) if fact)
    title = cut(printable(step.title), max(width - len(step.confidence) - len(SEPARATOR) - len(facts), _MIN_TITLE))
    return Text.assemble((str(step.confidence), STYLES[step.confidence]), SEPARATOR, title, (facts, "dim"))


def _render_step(step: PlanStep, analysis: Analysis, width: int, pull: str) -> Text:
    """Title, facts, action, caution and the largest file."""
    facts = [place_of(step, analysis)] if place_of(step, analysis) else []
    if step.size and step.compressed_size is not None:
        facts.append(f"{human_size(step.size)} unpacked")
    if pull:
        facts.append(pull)
    if step.findings:
        facts.append(", ".join(dict.fromkeys(step.findings)))
    if not step.in_patch:
        facts.append(BY_HAND)
    lines = join_parts([str(step.confidence), *map(printable, facts)], width)
    text = Text.assemble((printable(step.title), "bold"), "\n", (str(step.confidence), STYLES[step.confidence]))
    text.append("\n".join(lines).removeprefix(str(step.confidence)), "dim")
    text.append(f"\n{printable(step.action)}")
    if step.caution:
        text.append("\nCaution: ", "yellow").append(printable(step.caution))
    if step.paths:
        rest = step.path_count - 1
        more = f" and {count_of(rest, 'more file')}" if rest > 0 else ""
        text.append("\n" + shorten_path("/" + printable(step.paths[0]), width - len(more)) + more, "dim")
    return text


def write_edits(console: Console, plan: Plan) -> None:
    """Write the final text of each edited build step, in the order of the Dockerfile, and the lines for .dockerignore."""
    if not plan.edits and not plan.ignored:
        return
    console.print()
    if plan.edits:
        console.print(Text("The edited build steps, in the order of the Dockerfile", style="bold"))
    for edit in plan.edits:
        console.print(Text(_describe_edit(edit, plan), style="dim"), overflow="fold")
        for line in wrap_instruction(printable_lines(edit.text), console.width - len(_INDENT)) or ["(remove the step)"]:
            console.print(Text(f"{_INDENT}{line}", style="" if edit.text else "dim"), overflow="fold")
    if plan.edits and plan.ignored:
        console.print()
    if plan.ignored:
        console.print(Text(f"Add to {DOCKERIGNORE}", style="bold"))
        for pattern in plan.ignored:
            console.print(Text(f"{_INDENT}{printable(pattern)}"), overflow="fold")


def _describe_edit(edit: PlanEdit, plan: Plan) -> str:
    place, layer = describe_edit_place(edit, plan), f"layer {edit.layer}"
    return place if place == layer else f"{place} ({layer})"


def printable_lines(text: str) -> str:
    """A text whose lines are printable each."""
    return "\n".join(printable(line) for line in text.split("\n"))


def wrap_instruction(text: str, width: int) -> list[str]:
    r"""The lines of an instruction, with a line break before each ``&&`` of a RUN that is longer than a line.

    An instruction that has line breaks or here-documents keeps its lines; no break is made in quoted text.

    >>> wrap_instruction("RUN apt-get update && apt-get install -y curl", 34)
    ['RUN apt-get update \\', '    && apt-get install -y curl']
    """
    if len(text) <= width or "\n" in text or "<<" in text or BuildStep(text).kind is not StepKind.RUN:
        return text.split("\n") if text else []
    first, *parts = split_commands(text)
    pieces = [first]
    for separator, command in zip(parts[::2], parts[1::2], strict=True):
        if separator.strip() == ";":
            pieces[-1] += ";"
            pieces.append(command)
        else:
            pieces.append(f"{separator.strip()} {command}")
    lines = [line for number, piece in enumerate(pieces) for line in _break_words(piece, width, bool(number))]
    return [f"{line} \\" if number < len(lines) - 1 else line for number, line in enumerate(lines)]


def _break_words(text: str, width: int, indented: bool) -> Iterator[str]:  # noqa: FBT001 - an internal loop
    """Lines of at most ``width - 2`` characters, broken between words, the further lines indented once more."""
    line, indent = _INDENT * indented, _INDENT * (1 + indented)
    empty = True
    for word in _WORD.findall(text):
        if not empty and len(line) + 1 + len(word) > width - 2:
            yield line
            line, empty = indent, True
        line, empty = f"{line}{'' if empty else ' '}{word}", False
    yield line
