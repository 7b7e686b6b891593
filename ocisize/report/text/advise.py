"""The text report of ``ocisize advise``: the plan, the edited build steps, and the findings that the plan does not fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Confidence, Finding, sum_savings
from ocisize.report.text.advice import LABEL_WIDTH, new_grid, render_full, render_line, saving_label
from ocisize.report.text.alerts import list_head
from ocisize.report.text.page import open_page, print_lines
from ocisize.report.text.plan import write_edits, write_steps
from ocisize.report.words.advice import is_secret, is_significant
from ocisize.report.words.fixes import is_base_guessed, list_uncovered
from ocisize.report.words.plan import describe_saving
from ocisize.sizes.cost import CostAssumptions
from ocisize.text import count_of

if TYPE_CHECKING:
    from rich.console import Console

_SECRETS = "Secrets: revoke them first, anyone with the image can read them"
_MEANINGS = {
    Confidence.SAFE: "no container needs the files",
    Confidence.PROBABLY: "most containers do not need the files",
    Confidence.ASK: "only you know whether a container needs the files",
}


def write_advise(
    analysis: Analysis,
    file: TextIO,
    *,
    top: int | None = None,
    width: int | None = None,
    color: bool | None = None,
    assumptions: CostAssumptions | None = None,
) -> None:
    """Write the plan and all other findings, the first ``top`` of either at length; None: those that save much."""
    groups = _group_findings(analysis)
    with open_page(file, width=width, color=color) as console:
        print_lines(console, list_head(analysis, console.width))
        if not groups and not analysis.plan.steps:
            console.print()
            console.print(f"Nothing to fix was found{'' if analysis.complete else ' in the layers that were read'}.")
        secrets = {heading: findings for heading, findings in groups.items() if heading == _SECRETS}
        others = {heading: findings for heading, findings in groups.items() if heading != _SECRETS}
        short = _write_groups(console, analysis, secrets, top, assumptions)
        write_steps(console, analysis, top, assumptions)
        write_edits(console, analysis.plan)
        short += _write_groups(console, analysis, others, top, assumptions)
        if short:
            console.print()
            console.print(Text("--all shows the steps, files and fix of each finding", style="dim"))


def _group_findings(analysis: Analysis) -> dict[str, list[Finding]]:
    """Secrets, and by heading the findings that the plan does not fix: by confidence, remarks, those of the base image."""
    findings = analysis.advice.findings
    groups = {_SECRETS: [finding for finding in findings if is_secret(finding)]}
    rest = [finding for finding in list_uncovered(analysis) if not is_secret(finding)]
    for confidence, meaning in _MEANINGS.items():
        heading = f"Not in the plan: {confidence}" if analysis.plan.steps else f"{str(confidence).capitalize()}: {meaning}"
        groups[heading] = [
            finding for finding in rest if finding.confidence is confidence and finding.size and not finding.in_base
        ]
    groups["Remarks"] = [finding for finding in rest if not finding.size]
    name = "Guessed base image" if is_base_guessed(analysis) else "Base image"
    groups[f"{name}: only another base image fixes these"] = [
        finding for finding in rest if finding.size and finding.in_base
    ]
    return {heading: members for heading, members in groups.items() if members}


def _write_groups(
    console: Console,
    analysis: Analysis,
    groups: Mapping[str, Sequence[Finding]],
    top: int | None,
    assumptions: CostAssumptions | None,
) -> int:
    """Write findings below headings; returns how many of them got one line only."""
    number, short = 0, 0
    for heading, findings in groups.items():
        console.print()
        size = describe_saving(sum_savings(findings), analysis.plan)
        total = f" ({count_of(len(findings), 'finding')}{f', {size}' if size else ''})"
        style = "bold red" if heading == _SECRETS else "bold"
        console.print(Text(f"{heading}{total}", style=style), overflow="fold")
        grid, width = new_grid(), console.width - LABEL_WIDTH
        for finding in findings:
            if is_significant(finding, analysis) if top is None else number < top:
                grid.add_row(saving_label(finding), render_full(finding, analysis, width, assumptions))
            else:
                grid.add_row(saving_label(finding), render_line(finding, width))
                short += 1
            number += 1
        console.print(grid)
    return short
