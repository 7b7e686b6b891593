"""An image beside its baseline, for people and for programs."""

from __future__ import annotations

from typing import TextIO

from rich.table import Table
from rich.text import Text

from ocisize.budgets.baseline import Totals
from ocisize.report.text.budgets import write_verdicts
from ocisize.report.text.page import open_page
from ocisize.report.words.baseline import BaselineComparison
from ocisize.report.words.units import human_size
from ocisize.text import printable

SCHEMA, SCHEMA_OF_ALL = "ocisize.baseline-check", "ocisize.baseline-check-index"
VERSION = 1
_COUNTS = ("files", "layers")
_NAMES = {"file_size": "largest file"}
_ORDER = ("wire", "unpacked", "live", "waste", "files", "layers", "file_size")


def write_comparison(comparison: BaselineComparison, file: TextIO, *, color: bool | None = None) -> None:
    """Write totals side by side, verdicts, and what was written."""
    with open_page(file, color=color) as console:
        console.print(Text(f"{printable(comparison.name)} · {printable(comparison.analysis.platform)}", style="bold"))
        console.print()
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold")
        for _ in range(3):
            table.add_column(justify="right", no_wrap=True)
        table.add_row("", "Baseline", "Now", "Change", style="dim")
        for name in _ORDER:
            table.add_row(*_row(name, comparison.kept.totals if comparison.kept else None, comparison.now.totals))
        console.print(table)
        console.print()
        write_verdicts(console, comparison.analysis, comparison.verdicts)
        if comparison.written:
            console.print(Text(f"Wrote {printable(comparison.file)}", style="dim"))


def _row(name: str, kept: Totals | None, now: Totals) -> tuple[str, ...]:
    was, is_ = getattr(kept, name, None), getattr(now, name)
    cells = [_amount(name, was) if kept else "-", _amount(name, is_)]
    known = was is not None and is_ is not None
    change = "" if not known else "=" if is_ == was else f"{'-' if is_ < was else '+'}{_amount(name, abs(is_ - was))}"
    return _NAMES.get(name, name).capitalize(), *cells, change


def _amount(name: str, value: int | None) -> str:
    return f"{value:,}" if name in _COUNTS and value is not None else human_size(value)
