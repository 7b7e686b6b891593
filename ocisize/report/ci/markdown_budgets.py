"""Verdicts on budgets in Markdown: those that failed first, the others folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ocisize.model.budget import BudgetStatus
from ocisize.report.ci.comment import SIGNS
from ocisize.report.ci.markdown_plan import MAX_ROWS
from ocisize.report.ci.markdown_text import Table, byte_length, code_span, escape_text
from ocisize.report.subject import ReportedImage
from ocisize.report.words.budgets import by_severity, describe, headline

_OUTCOMES = (BudgetStatus.FAIL, BudgetStatus.WARN, BudgetStatus.PASS)


def write_budgets(images: Sequence[ReportedImage], room: int) -> str:
    """The counts of verdicts and a row for each budget in at most ``room`` bytes; "" without budgets.

    The first five budgets that failed or warn are open, all others are folded.
    """
    verdicts = [verdict for image in images for verdict in image.verdicts]
    if not verdicts:
        return ""
    title = f"\n**{escape_text(headline(verdicts))}**\n"
    judged = sorted([pair for image in images for pair in _rows(image)], key=lambda pair: pair[0])
    rows = [row for _, row in judged]
    open_rows = min(sum(outcome < len(_OUTCOMES) - 1 for outcome, _ in judged), MAX_ROWS)
    table = Table("budget", f"{'Platform | ' if images[0].platform else ''}Result | Budget | Written in", left=3)
    if not open_rows:
        return table.fill(rows, room, summary=escape_text(headline(verdicts)))
    return title + table.fill_first(rows, open_rows, room - byte_length(title))


def _rows(image: ReportedImage) -> Iterator[tuple[int, str]]:
    """The verdicts as rows, with the rank of their outcome."""
    for verdict in by_severity(image.verdicts):
        origin = verdict.budget.origin or verdict.budget.key
        result = f"{SIGNS[verdict.outcome]} {verdict.outcome}"
        cells = (result, escape_text(describe(verdict, image.analysis)), code_span(origin))
        yield _OUTCOMES.index(verdict.outcome), table_row(image, cells)


def table_row(image: ReportedImage, cells: Iterable[str]) -> str:
    """A row of a table, which begins with the platform if there are several."""
    return f"| {' | '.join([*([escape_text(image.platform)] if image.platform else []), *cells])} |"
