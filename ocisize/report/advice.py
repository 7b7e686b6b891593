"""Findings for people: what to mend first, what it saves, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ocisize.analysis.cost import Assumptions, cost_of
from ocisize.analysis.findings import Confidence, Finding, Severity, add_up
from ocisize.analysis.model import Analysis
from ocisize.report.units import human_dollars, human_size, percent, printable, shorten_path

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_PATHS = 3
_REMARKS = 10  # findings that are not about bytes
_LEAST_SHARE = 0.005  # of the download, or of the content where that is unknown: below it a finding is only counted
_STYLES = {Severity.HIGH: "bold red", Severity.MEDIUM: "bold yellow", Severity.LOW: "bold"}


def write_advice(console: Console, analysis: Analysis, top: int, assumptions: Assumptions | None = None) -> None:
    """Write the findings that matter, at most ``top`` of them, and count the others.

    Under ``assumptions`` each tells what it saves in dollars a year.
    """
    findings = analysis.advice.findings
    if not findings:
        return
    console.print()
    console.print(Text(headline(analysis), style="bold"))
    if any(finding.size for finding in findings):
        console.print(Text(by_confidence(analysis), style="dim"))
    remarks = [finding for finding in findings if not finding.size and finding.severity is not Severity.LOW][:_REMARKS]
    shown = [finding for finding in findings if finding.size and matters(finding, analysis)][:top]
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for finding in shown:
        grid.add_row(_saved(finding), _describe(finding, console.width - 10, assumptions))
        grid.add_row()
    for finding in remarks:
        grid.add_row(Text(str(finding.severity), style=_STYLES[finding.severity]), _remark(finding))
    console.print(grid)
    _write_rest(console, [finding for finding in findings if finding not in shown and finding not in remarks])


def matters(finding: Finding, analysis: Analysis) -> bool:
    """Whether a finding is shown and not only counted: by its severity or its share of the download."""
    saved, total = (
        (finding.size, analysis.content_size)
        if finding.compressed_size is None or analysis.compressed_size is None
        else (finding.compressed_size, analysis.compressed_size)
    )
    return finding.severity is not Severity.LOW or (saved > 0 and saved >= _LEAST_SHARE * total)


def headline(analysis: Analysis) -> str:
    """How many findings there are, and what they save together."""
    advice, wire = analysis.advice, analysis.compressed_size
    count = len(advice.findings)
    text = f"Advice: {count:,} finding{'s' * (count != 1)}"
    if advice.compressed_size is not None and wire:
        saved = f"{human_size(advice.compressed_size)} of wire ({percent(advice.compressed_size / wire)})"
        return f"{text}, together {saved}, {human_size(advice.size)} unpacked"
    return f"{text}, together {human_size(advice.size)} unpacked"


def by_confidence(analysis: Analysis) -> str:
    """What the findings of each confidence save, and those in the base image."""
    findings = analysis.advice.findings
    groups = [(str(each), [finding for finding in findings if finding.confidence is each]) for each in Confidence]
    groups.append(("in the base image", [finding for finding in findings if finding.in_base]))
    return " · ".join(f"{name} {human_size(bytes_of(group))}" for name, group in groups if bytes_of(group))


def bytes_of(findings: Sequence[Finding]) -> int:
    """What some findings save on the wire, or of content where the wire is unknown."""
    saving = add_up(findings)
    return saving.size if saving.compressed_size is None else saving.compressed_size


def _saved(finding: Finding) -> Text:
    size = bytes_of([finding])
    return Text(human_size(size) if size else "-", style=_STYLES[finding.severity])


def _describe(finding: Finding, width: int, assumptions: Assumptions | None) -> Text:
    text = Text(printable(finding.title), style="bold")
    facts = [finding.id, str(finding.confidence)]
    if finding.size:
        facts.append(f"{human_size(finding.size)} unpacked")
    if assumptions is not None and (dollars := cost_of(finding.compressed_size, assumptions).yearly_dollars):
        facts.append(f"{human_dollars(dollars)}/year")
    if finding.in_base:
        facts.append("in the base image")
    text.append("\n" + " · ".join(facts), style="dim")
    for layer, instruction in zip(finding.layers[:2], finding.instructions[:2], strict=True):
        if instruction:
            text.append(f"\nlayer {layer}: {_cut(printable(instruction), width - 10)}", style="dim")
    if finding.paths:
        paths = [shorten_path("/" + printable(path), width) for path in finding.paths[:_SHOWN_PATHS]]
        rest = finding.path_count - len(paths)
        text.append("\n" + "\n".join(paths) + (f"\n… and {rest:,} more" if rest > 0 else ""), style="dim")
    text.append(f"\n→ {printable(finding.fix)}")
    return text


def _remark(finding: Finding) -> Text:
    """A finding that is not about bytes, in short."""
    text = Text(printable(finding.title), style="bold")
    paths = ", ".join("/" + printable(path) for path in finding.paths[:_SHOWN_PATHS])
    text.append("\n" + " · ".join([finding.id, str(finding.confidence), *([paths] if paths else [])]), style="dim")
    text.append(f"\n→ {printable(finding.fix)}")
    return text


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _write_rest(console: Console, rest: Sequence[Finding]) -> None:
    if not rest:
        return
    ids = list(dict.fromkeys(finding.id for finding in rest))
    more = f"{', '.join(ids[:6])}{' …' if len(ids) > 6 else ''}"
    console.print(Text(f"… and {len(rest):,} more, {human_size(bytes_of(rest))}: {more} (-f json has all)", style="dim"))
