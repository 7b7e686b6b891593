"""Findings in the text reports: in one line, in a few, or in full, with files, build steps and fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Finding, Severity
from ocisize.report.words.advice import advice_headline, by_confidence, is_significant, list_advice, saving_bytes
from ocisize.report.words.findings import shown_paths
from ocisize.report.words.fixes import LEGEND
from ocisize.report.words.flow import SEPARATOR
from ocisize.report.words.steps import name_lines_at
from ocisize.report.words.units import cut, human_dollars, human_size, shorten_path
from ocisize.sizes.cost import CostAssumptions, cost_of
from ocisize.text import printable

if TYPE_CHECKING:
    from rich.console import Console

ADVISE = "ocisize advise IMAGE"  #: the command that shows all findings
_MAX_STEPS = 4  # of a finding that is shown in full
_MAX_FIX_LINES = 3  # of a finding that is shown in short
LABEL_WIDTH = 8  #: characters of a line before a finding's text
_STYLES = {Severity.HIGH: "bold red", Severity.MEDIUM: "bold yellow", Severity.LOW: "bold"}


def write_findings(console: Console, analysis: Analysis, top: int, assumptions: CostAssumptions | None = None) -> None:
    """Write the first findings in a few lines each, as many others in one line, and count the rest.

    With ``assumptions`` each finding shows what it saves in dollars a year.
    """
    findings = list_advice(analysis)
    if not findings:
        return
    console.print()
    console.print(Text(advice_headline(analysis), style="bold"))
    if any(finding.size for finding in findings):
        for line in (by_confidence(analysis), *([] if analysis.plan.steps else [LEGEND])):
            console.print(Text(line, style="dim"))
    grid = new_grid()
    large = [finding for finding in findings if finding.size and is_significant(finding, analysis)][:top]
    others = [finding for finding in findings if finding not in large]
    for finding in large:
        grid.add_row(saving_label(finding), _short(finding, analysis, console.width - LABEL_WIDTH, assumptions))
    others.sort(key=_is_minor)
    for finding in others[:top]:
        grid.add_row(saving_label(finding), render_line(finding, console.width - LABEL_WIDTH))
    console.print(grid)
    rest = others[top:]
    if rest:
        size = saving_bytes(rest)
        more = f"… and {len(rest):,} more{f', {human_size(size)}' if size else ''}; {ADVISE} shows all"
        console.print(Text(more, style="dim"))


def _is_minor(finding: Finding) -> bool:
    """False for serious remarks, which come before the small savings and the other remarks."""
    return bool(finding.size) or finding.severity is Severity.LOW


def new_grid() -> Table:
    """A grid for labels and findings."""
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(justify="right", no_wrap=True, min_width=LABEL_WIDTH - 1)
    grid.add_column(ratio=1, overflow="fold")
    return grid


def saving_label(finding: Finding) -> Text:
    """The bytes that a finding saves; "-" for a finding that saves none."""
    size = saving_bytes([finding])
    return Text(human_size(size) if finding.size else "-", style=_STYLES[finding.severity])


def render_line(finding: Finding, width: int) -> Text:
    """Id, confidence and title, cut to fit."""
    facts = f"{finding.id}{SEPARATOR}{finding.confidence}{SEPARATOR}"
    return Text.assemble((facts, "dim"), cut(printable(finding.title), width - len(facts)))


def _short(finding: Finding, analysis: Analysis, width: int, assumptions: CostAssumptions | None) -> Text:
    """A finding in four to six lines: title, facts, a file, the fix."""
    text = Text.assemble((printable(finding.title), "bold"))
    text.append("\n" + " · ".join([*_facts(finding, assumptions), *_layers(finding, analysis)]), "dim")
    if finding.paths:
        rest = finding.path_count - 1
        more = f" and {rest:,} more" if rest > 0 else ""
        text.append("\n" + shorten_path("/" + printable(finding.paths[0]), width - len(more)) + more, "dim")
    return text.append(f"\n→ {cut(printable(finding.fix), _MAX_FIX_LINES * (width - 4))}")


def render_full(finding: Finding, analysis: Analysis, width: int, assumptions: CostAssumptions | None) -> Text:
    """A finding with its build steps and more of its files."""
    text = Text.assemble((printable(finding.title), "bold"))
    text.append("\n" + " · ".join(_facts(finding, assumptions)), "dim")
    steps = [(layer, step) for layer, step in zip(finding.layers, finding.build_steps, strict=True) if step.text]
    for layer, step in steps[:_MAX_STEPS]:
        place = SEPARATOR.join(filter(None, (f"layer {layer}", name_lines_at(analysis.layers, layer))))
        text.append("\n" + cut(f"{place}: {printable(step.shown)}", width), "dim")
    if len(steps) > _MAX_STEPS:
        text.append(f"\n… and {len(steps) - _MAX_STEPS} more layers", "dim")
    for path in shown_paths(finding):
        text.append("\n" + shorten_path("/" + printable(path), width), "dim")
    rest = finding.path_count - len(shown_paths(finding))
    text.append(f"\n… and {rest:,} more" if rest > 0 else "", "dim")
    return text.append(f"\n→ {printable(finding.fix)}")


def _facts(finding: Finding, assumptions: CostAssumptions | None) -> list[str]:
    facts = [finding.id, str(finding.confidence)]
    if finding.size:
        facts.append(f"{human_size(finding.size)} unpacked")
    if assumptions is not None and (dollars := cost_of(finding.compressed_size, assumptions).yearly_dollars):
        facts.append(f"{human_dollars(dollars)}/year")
    return [*facts, "in the base image"] if finding.in_base else facts


def _layers(finding: Finding, analysis: Analysis) -> list[str]:
    """The layers, with the lines of the only one."""
    numbers = [str(layer) for layer in finding.layers]
    if not numbers:
        return []
    if len(numbers) == 1 and (place := name_lines_at(analysis.layers, finding.layers[0])):
        return [f"layer {numbers[0]}", place]
    return [f"layer {numbers[0]}" if len(numbers) == 1 else f"layers {', '.join(numbers[:-1])} and {numbers[-1]}"]
