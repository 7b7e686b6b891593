"""The text report of ``ocisize advise``: all findings, the significant ones at length and the others in a line each."""

from __future__ import annotations

from typing import TextIO

from rich.text import Text

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Rewrite
from ocisize.report.text.advice import (
    LABEL_WIDTH,
    new_grid,
    render_full,
    render_line,
    saving_label,
    write_headline,
)
from ocisize.report.text.page import open_page, print_name
from ocisize.report.text.summary import write_brief
from ocisize.report.words.advice import is_secret, is_significant, list_advice
from ocisize.sizes.cost import Assumptions
from ocisize.text import count_of, printable


def write_advise(
    analysis: Analysis,
    file: TextIO,
    *,
    top: int | None = None,
    width: int | None = None,
    color: bool | None = None,
    assumptions: Assumptions | None = None,
) -> None:
    """Write all findings, secrets first, the first ``top`` at length; None leaves it to what they save."""
    findings = [finding for finding in analysis.advice.findings if is_secret(finding)] + list_advice(analysis)
    with open_page(file, width=width, color=color) as console:
        print_name(console, analysis)
        console.print(Text(printable(f"{analysis.platform} · {count_of(len(analysis.layers), 'layer')}"), style="dim"))
        console.print()
        write_brief(console, analysis)
        if not findings:
            return
        write_headline(console, analysis)
        console.print()
        grid = new_grid()
        width, short = console.width - LABEL_WIDTH, 0
        already_shown: set[Rewrite] = set()
        for number, finding in enumerate(findings):
            if is_significant(finding, analysis) if top is None else number < top:
                grid.add_row(saving_label(finding), render_full(finding, width, assumptions, already_shown).append("\n"))
            else:
                grid.add_row(saving_label(finding), render_line(finding, width))
                short += 1
        console.print(grid)
        if short:
            console.print(Text("--all shows the steps, files and fix of each", style="dim"))
