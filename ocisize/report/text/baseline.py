"""An image beside its baseline, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

import attrs
from rich.table import Table
from rich.text import Text

from ocisize.analysis.baseline import Entry, Totals
from ocisize.analysis.model import Analysis
from ocisize.analysis.verdict import Verdict
from ocisize.report.page import open_page
from ocisize.report.units import human_size, printable
from ocisize.report.verdicts import verdict_document, write_verdicts

SCHEMA, SCHEMA_OF_ALL = "ocisize.baseline-check", "ocisize.baseline-check-index"
VERSION = 1
_COUNTS = ("files", "layers")
_NAMES = {"file_size": "largest file"}
_ORDER = ("wire", "unpacked", "live", "waste", "files", "layers", "file_size")


@attrs.frozen(kw_only=True)
class Comparison:
    """An image, what its baseline says of it, and what became of both."""

    name: str  #: how the baseline knows the image
    analysis: Analysis
    now: Entry
    kept: Entry | None  #: None where the baseline does not have the image
    verdicts: tuple[Verdict, ...] = ()
    file: str  #: of the baseline
    written: bool = False  #: whether that was changed


def write_comparison(comparison: Comparison, file: TextIO, *, color: bool | None = None) -> None:
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


def comparison_to_json(comparison: Comparison) -> str:
    """The same for programs; totals as the baseline has them."""
    return json.dumps(_document(comparison), indent=2)


def comparisons_to_json(comparisons: Sequence[Comparison]) -> str:
    """The same for the images of all platforms."""
    document = {"schema": SCHEMA_OF_ALL, "version": VERSION, "images": [_document(each) for each in comparisons]}
    return json.dumps(document, indent=2)


def _document(comparison: Comparison) -> dict[str, Any]:
    kept = comparison.kept
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "name": comparison.name,
        "platform": comparison.analysis.platform,
        "baseline": attrs.asdict(kept.totals) if kept else None,
        "image": attrs.asdict(comparison.now.totals),
        "budgets": [verdict_document(verdict) for verdict in comparison.verdicts],
        "written": comparison.written,
    }
