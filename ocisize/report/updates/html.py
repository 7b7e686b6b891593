"""A history as one HTML file that works offline: bars of updates by the layer that causes them, totals, layers and advice.

All of it is text and drawings that need no script; the script sorts the tables.
"""

from __future__ import annotations

from typing import TextIO

import ocisize
from ocisize.model.updates import Update, UpdateHistory
from ocisize.report.fleet.html_tables import Cell, code_cell, count_cell, size_cell, write_section, write_table
from ocisize.report.html.document import write_document
from ocisize.report.html.markup import Markup, element, join, with_code
from ocisize.report.updates.advice_words import WHEN, list_advice
from ocisize.report.updates.html_charts import COLORS, draw_lines, draw_stack, write_legend
from ocisize.report.updates.subject import HistorySubject
from ocisize.report.updates.words import (
    ReleaseNames,
    describe_cause,
    describe_chain,
    describe_changes,
    describe_history,
    describe_skips,
    name_track,
)
from ocisize.report.words.units import human_size, percent
from ocisize.text import count_of
from ocisize.updates.series import UpdateSeries, make_series

_MAX_UPDATES = 1000  # rows of a page that a browser shows without delay; CSV has all
_MAX_LAYERS = 100
_TEXTS = ("Update", "Layer", "First changed layer", "Changed")  # columns
_MINOR = ("By chain", "Changed", "Image")  # columns
_SCRIPTS = ("buttons.js", "sort.js")


def write(subject: HistorySubject, file: TextIO) -> None:
    """Write the page."""
    file.write(to_html(subject.history))


def to_html(history: UpdateHistory) -> str:
    """The page as an HTML document."""
    names, series = ReleaseNames(history.releases), make_series(history, len(COLORS) - 2)
    title = f"Updates of {names.title or 'no image'}"
    body = [
        _write_head(history, names, title),
        element(
            "main",
            _write_advice(history),
            _write_updates(history, names, series),
            _write_totals(history, names, series),
            _write_layers(history),
        ),
        _write_foot(history),
    ]
    return write_document(title, body, _SCRIPTS)


def _write_head(history: UpdateHistory, names: ReleaseNames, title: str) -> Markup:
    """The name, what was not read, and the main figures."""
    sums = history.by_blob
    largest = "the largest" if sums.p95 == sums.largest else f"the largest {human_size(sums.largest)}"
    cards = [
        ("An update", human_size(round(sums.mean)), f"on average, {percent(sums.share)} of the image"),
        ("95 % of updates", human_size(sums.p95), f"at most; {largest}"),
        ("All updates", human_size(sums.total), count_of(sums.count, "update")),
    ]
    if history.changed is not None:
        cards.append(("Changed files", human_size(history.changed.total), "of all updates"))
    chain = describe_chain(history)
    return element(
        "header",
        element("h1", title),
        element("p", ", ".join(describe_history(history, names)), class_="note"),
        _write_failures(history),
        element("dl", *[_card(*card) for card in cards], class_="figures") if history.updates else Markup(),
        element("p", f"{chain[0].upper()}{chain[1:]}.", class_="note") if history.updates else Markup(),
    )


def _card(name: str, value: str, note: str) -> Markup:
    return element("div", element("dt", name), element("dd", value), element("dd", note, class_="note"))


def _write_failures(history: UpdateHistory) -> Markup:
    if history.complete:
        return Markup()
    items = [element("li", element("code", failure.reference), f": {failure.message}") for failure in history.failures]
    title = element("strong", f"{count_of(len(items), 'image')} could not be read", class_="fail")
    return element("div", element("p", title, ". All figures are those of the others."), element("ul", *items), role="alert")


def _write_advice(history: UpdateHistory) -> Markup:
    lines = list_advice(history)
    if not lines:
        return Markup()
    items = [
        element(
            "li",
            element("p", human_size(line.saved), element("span", "less download"), class_="saving"),
            element("div", element("h3", line.title.capitalize()), element("p", *with_code(line.text))),
        )
        for line in lines
    ]
    return write_section("advice", f"What would have saved download {WHEN}", "", element("ul", *items, class_="cards"))


def _write_updates(history: UpdateHistory, names: ReleaseNames, series: UpdateSeries) -> Markup:
    """A row for each update, the newest first, with a bar."""
    if not history.updates:
        return Markup()
    largest = max(update.by_blob_size for update in history.updates)
    shown = list(reversed(history.updates))[:_MAX_UPDATES]
    rows = [_update_row(history, names, series, update, largest) for update in shown]
    note = "Bar: the download of the update by the layer that causes it."
    if (rest := len(history.updates) - len(shown)) > 0:
        note += f" {count_of(rest, 'older update')} not listed; -f csv has all."
    legend = write_legend([name_track(history.tracks[track], history) for track in series.tracks])
    columns = ("Download", "", "By chain", "Changed", "Image", "Update", "First changed layer")
    table = write_table("updates", columns, rows, is_sortable=True, texts=_TEXTS[:3], minor=_MINOR)
    return write_section("updates", "Updates", note, legend, table)


def _update_row(
    history: UpdateHistory, names: ReleaseNames, series: UpdateSeries, update: Update, largest: int
) -> list[Cell]:
    share = update.by_blob_size / (history.releases[update.after].size or 1)
    changed = Cell("?") if update.changed_size is None else size_cell(update.changed_size)
    return [
        size_cell(update.by_blob_size),
        Cell(draw_stack(series.stacks[update.before], largest), str(update.by_blob_size)),
        size_cell(update.by_chain_size),
        changed,
        Cell(percent(share), f"{share:.6f}"),
        Cell(
            join([element("code", names.short[update.before]), " → ", element("code", names.short[update.after])]),
            str(update.after),
        ),
        code_cell(describe_cause(update, history)),
    ]


def _write_totals(history: UpdateHistory, names: ReleaseNames, series: UpdateSeries) -> Markup:
    """What a host has downloaded that follows all releases, as lines."""
    if len(history.updates) < 2:
        return Markup()
    lines = {"by blob": series.by_blob, "by chain": series.by_chain}
    if series.changed is not None:
        lines["only the files that changed"] = series.changed
    note = f"From {names.short[0]} to {names.short[-1]}: " + ", ".join(
        f"{human_size(sizes[-1])} {name}" for name, sizes in lines.items()
    )
    skips = [element("p", f"Hosts that skip releases: {'; '.join(parts)}.")] if (parts := describe_skips(history)) else []
    return write_section("totals", "A host that installs every release", f"{note}.", draw_lines(lines), *skips)


def _write_layers(history: UpdateHistory) -> Markup:
    tracks = [track for track in history.tracks if track.downloads]
    if not tracks:
        return Markup()
    rows = [
        [
            size_cell(track.caused_size),
            Cell(f"{track.downloads:,} of {len(history.updates):,}", str(track.downloads)),
            size_cell(track.downloaded_size),
            count_cell(track.digests),
            Cell(describe_changes(track)),
            code_cell(f"{name_track(track, history)}{' (base image)' * track.is_base}"),
        ]
        for track in tracks[:_MAX_LAYERS]
    ]
    note = "Causes: the bytes of the layer where it changed, and of the layers above that only followed."
    columns = ("Causes", "Updates", "Download", "Blobs", "Changed", "Layer")
    table = write_table("layers", columns, rows, is_sortable=True, texts=_TEXTS, minor=("Download", "Blobs", "Changed"))
    return write_section("layers", "Layers that cause most download", note, table)


def _write_foot(history: UpdateHistory) -> Markup:
    parts = []
    if history.warnings:
        summary = element("summary", count_of(len(history.warnings), "warning"))
        parts.append(element("details", summary, element("ul", *[element("li", text) for text in history.warnings])))
    text = (
        "All figures are downloads of a host that has the release before. By blob: containerd and podman. By chain: the "
        "classic store of docker, which uses a layer again only if all layers below are equal."
    )
    parts += [element("p", text, class_="note"), element("p", f"ocisize {ocisize.__version__}", class_="note")]
    return element("footer", *parts)
