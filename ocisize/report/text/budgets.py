"""Verdicts on budgets as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocisize.model.analysis import Analysis
from ocisize.model.budget import BudgetStatus, Verdict
from ocisize.report.words.budgets import by_severity, describe, headline
from ocisize.text import printable

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {BudgetStatus.FAIL: "bold red", BudgetStatus.WARN: "bold yellow", BudgetStatus.PASS: "green"}


def write_verdicts(console: Console, analysis: Analysis, verdicts: Sequence[Verdict]) -> None:
    """Write all verdicts below a blank line, or nothing if there are none. Skipped budgets are only counted."""
    from rich.table import Table
    from rich.text import Text

    if not verdicts:
        return
    console.print()
    console.print(Text(headline(verdicts), style="bold"))
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for verdict in by_severity(verdicts):
        text = Text(printable(describe(verdict, analysis)))
        text.append(f" [{printable(verdict.budget.origin or verdict.budget.key)}]", style="dim")
        grid.add_row(Text(verdict.outcome.value.upper(), style=_STYLES[verdict.outcome]), text)
    console.print(grid)
