"""What a report says first: the image and its size, unread layers, exposed secrets, budgets that are not kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ocisize.model.analysis import Analysis
from ocisize.report.text.lines import Line, wrap
from ocisize.report.words.flow import SEPARATOR, join_parts
from ocisize.report.words.image import describe_facts, describe_trust, describe_weight, name_image
from ocisize.report.words.incomplete import NOTE, headline, list_unread
from ocisize.report.words.secrets import describe_remedy, describe_secrets, list_secrets
from ocisize.report.words.units import cut
from ocisize.text import printable

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict

LABEL_WIDTH = 8  #: characters before the text of a labelled line


def list_head(
    analysis: Analysis, width: int, verdicts: Sequence[Verdict] = (), *, max_unread: int | None = None
) -> list[Line]:
    """Name, facts, size and verdict of the image in two or three lines, unverified hosts, and the first unread layers."""
    name = printable(name_image(analysis))
    facts = [printable(fact) for fact in describe_facts(analysis)]
    lines: list[Line] = []
    if len(name) + len(SEPARATOR) + len(SEPARATOR.join(facts)) <= width:
        lines.append(Line((name, "bold"), (SEPARATOR + SEPARATOR.join(facts), "dim")))
    else:
        lines += [
            *(Line((line, "bold")) for line in wrap(name, width, break_on_hyphens=False)),
            *(Line((line, "dim")) for line in join_parts([cut(fact, width) for fact in facts], width)),
        ]
    parts = describe_weight(analysis)
    if verdicts:
        from ocisize.report.words.budgets import count_violations

        count = count_violations(verdicts)
        parts += [f"{'budget' if count == 'kept' else 'budgets:'} {count}"] if count else []
    lines += (Line((line, "bold")) for line in join_parts(parts, width))
    for text in describe_trust(analysis.unverified_hosts):
        lines += (Line((line, "yellow")) for line in wrap(printable(text), width))
    return [*lines, *_list_unread(analysis, width, max_unread)]


def _list_unread(analysis: Analysis, width: int, count: int | None) -> Iterator[Line]:
    if analysis.complete:
        return
    yield Line((headline(analysis), "bold red"))
    lines = list(list_unread(analysis))
    if count is not None and len(lines) > count:
        lines = [*lines[:count], f"… and {len(analysis.unread) - count:,} more"]
    for line in lines:
        yield from (Line((row, "red")) for row in wrap(line, width, first_indent="  ", indent="  "))
    yield from (Line((line, "dim")) for line in wrap(NOTE, width))


def list_secret_lines(analysis: Analysis, width: int, count: int | None = 3) -> list[Line]:
    """The exposed secrets, ``count`` places at most, and what to do about them; [] if there are none."""
    findings = list_secrets(analysis)
    if not findings:
        return []
    sentences = describe_secrets(findings)
    shown = sentences[:count]
    if len(sentences) - len(shown) > 0:
        shown = [*shown[:-1], f"{shown[-1]} … and {len(sentences) - len(shown):,} more"]
    return [*label_lines("SECRET", "bold red", [*shown, describe_remedy(findings, analysis)], width)]


def list_violations(analysis: Analysis, verdicts: Sequence[Verdict], width: int, count: int = 3) -> list[Line]:
    """The budgets that fail, then those that warn, a line each, ``count`` at most."""
    if not verdicts:
        return []
    from ocisize.model.budget import BudgetStatus
    from ocisize.report.words.budgets import by_severity, summarize

    labels = {BudgetStatus.FAIL: ("FAILED", "bold red"), BudgetStatus.WARN: ("WARNING", "bold yellow")}
    violations = [verdict for verdict in by_severity(verdicts) if verdict.outcome in labels]
    lines: list[Line] = []
    for verdict in violations[:count]:
        label, style = labels[verdict.outcome]
        origin = f" ({printable(verdict.budget.origin or verdict.budget.key)})"
        lines += label_lines(label, style, [printable(summarize(verdict, analysis)) + origin], width)
    if len(violations) > count:
        lines.append(Line((f"{'':{LABEL_WIDTH}}… and {len(violations) - count:,} more", "dim")))
    return lines


def label_lines(label: str, style: str, paragraphs: Sequence[str], width: int) -> Iterator[Line]:
    """Paragraphs wrapped beside a label, which only the first line has."""
    for paragraph in paragraphs:
        for line in wrap(paragraph, width - LABEL_WIDTH, break_on_hyphens=False) or [""]:
            yield Line((f"{label:{LABEL_WIDTH}}", style), line)
            label = ""
