"""The chart of updates of a page about a fleet: what each update of a repository makes a host download."""

from __future__ import annotations

from ocisize.model.updates import UpdateHistory
from ocisize.report.fleet.html_tables import Cell, code_cell, count_cell, size_cell, write_section, write_table
from ocisize.report.fleet.subject import FleetSubject
from ocisize.report.fleet.words import shorten
from ocisize.report.html.markup import Markup, element
from ocisize.report.updates.words import name_track
from ocisize.report.words.units import human_size, percent

_MAX_ROWS = 100
_WIDTH, _HEIGHT = 100, 24  # units of a chart
_SPOKEN = 5  # updates that a screen reader names
_TEXTS = ("Repository", "Causes most")  # columns
_MINOR = ("95 %", "In all", "Updates", "Causes most")  # columns
_NOTE = (
    "What a host downloads that installs each release after the one before, in the order of versions. A bar is an update, "
    "the newest one on the right, and the highest bar is the largest update. ocisize history has more on one repository."
)


def write_histories(subject: FleetSubject) -> Markup:
    """The section; nothing if no repository has two releases."""
    shown = subject.histories[:_MAX_ROWS]
    if not shown:
        return Markup()
    rows = []
    for found in shown:
        history, sums = found.history, found.history.by_blob
        cause = name_track(history.tracks[0], history) if history.tracks and history.tracks[0].downloads else ""
        name = shorten(subject.figures.fleet, found.name)
        rows.append([
            size_cell(round(sums.mean)),
            Cell(percent(sums.share), f"{sums.share:.6f}"),
            size_cell(sums.p95),
            size_cell(sums.total),
            count_cell(sums.count),
            Cell(_draw_updates(history)),
            code_cell(name),
            Cell(element("span", cause, class_="note")),
        ])  # fmt: skip
    rest = len(subject.histories) - len(rows)
    note = _NOTE + (f" {rest:,} repositories with less download are not listed." if rest else "")
    columns = ("An update", "Of image", "95 %", "In all", "Updates", "History", "Repository", "Causes most")
    table = write_table("histories", columns, rows, is_sortable=True, texts=_TEXTS, minor=_MINOR)
    return write_section("histories", "Updates", note, table)


def _draw_updates(history: UpdateHistory) -> Markup:
    """A bar for each update, with its releases and bytes as a title."""
    sizes = [update.by_blob_size for update in history.updates]
    largest, width = max(sizes) or 1, _WIDTH / len(sizes)
    bars = []
    for number, (update, size) in enumerate(zip(history.updates, sizes, strict=True)):
        height = max(_HEIGHT * size / largest, 1)
        before, after = (history.releases[index].name for index in (update.before, update.after))
        title = element("title", f"{before} → {after}: {human_size(size)}")
        bars.append(_bar(number * width, _HEIGHT - height, max(width - 1, 0.5), height, title))
    label = f"downloads of the newest updates: {', '.join(map(human_size, sizes[-_SPOKEN:]))}"
    return element(
        "svg", *bars, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", width=str(_WIDTH), height=str(_HEIGHT), role="img",
        aria_label=label, class_="history",
    )  # fmt: skip


def _bar(x: float, y: float, width: float, height: float, title: Markup) -> Markup:
    return element("rect", title, x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}", height=f"{height:.1f}")
