"""An image and its baseline side by side, as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TextIO

from rich.table import Table
from rich.text import Text

from ocisize.budgets.baseline import BaselineTotals
from ocisize.model.unread import was_outlined
from ocisize.report.text.budgets import write_verdicts
from ocisize.report.text.page import open_page
from ocisize.report.words.baseline import BaselineComparison, describe_missing
from ocisize.report.words.outline import NOT_KNOWN
from ocisize.report.words.units import human_size
from ocisize.text import printable

_ROWS: tuple[tuple[str, Callable[[BaselineTotals], int | None], Callable[[int], str]], ...] = (
    ("Download", lambda totals: totals.compressed_size, human_size),
    ("Unpacked", lambda totals: totals.content_size, human_size),
    ("Live", lambda totals: totals.live_size, human_size),
    ("Waste", lambda totals: totals.wasted_size, human_size),
    ("Files", lambda totals: totals.files, "{:,}".format),
    ("Layers", lambda totals: totals.layers, "{:,}".format),
    ("Largest file", lambda totals: totals.file_size, human_size),
)


def write_baseline_comparison(comparison: BaselineComparison, file: TextIO, *, color: bool | None = None) -> None:
    """Write totals side by side, verdicts, and the name of the baseline's file if it was written."""
    old = comparison.old.totals if comparison.old else None
    with open_page(file, color=color) as console:
        console.print(Text(f"{printable(comparison.name)} · {printable(comparison.analysis.platform)}", style="bold"))
        console.print()
        table = Table.grid(padding=(0, 2))
        table.add_column(style="bold")
        for _ in range(3):
            table.add_column(justify="right", no_wrap=True)
        table.add_row("", "Baseline", "Now", "Change", style="dim")
        is_outline = was_outlined(comparison.analysis)
        for label, figure, show in _ROWS:
            before, now = figure(old) if old else None, figure(comparison.new.totals)
            if is_outline and now is None and label != "Download":
                continue
            cells = ["-" if old is None else _cell(before, show), _cell(now, show)]
            table.add_row(label, *cells, _change(before, now, show))
        console.print(table)
        write_verdicts(console, comparison.analysis, comparison.verdicts)
        if is_outline:
            console.print(Text(f"{NOT_KNOWN}.", style="dim"))
        if comparison.written:
            console.print()
            console.print(Text(f"Wrote {printable(comparison.file)}", style="dim"))


def write_missing_baselines(comparisons: Sequence[BaselineComparison], command: str, file: TextIO) -> None:
    """Write a line about images without a baseline, and ``command``, which writes it."""
    line = describe_missing(comparisons)
    file.write(f"{line[0].upper()}{line[1:]}. Write it, and commit the file:\n  {printable(command)}\n")


def _cell(value: int | None, show: Callable[[int], str]) -> str:
    return human_size(None) if value is None else show(value)


def _change(before: int | None, now: int | None, show: Callable[[int], str]) -> str:
    if before is None or now is None:
        return ""
    return "=" if now == before else f"{'-' if now < before else '+'}{show(abs(now - before))}"
