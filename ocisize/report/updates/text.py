"""The text report of ``ocisize history``: what updates download, which layers cause it, and what would save it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TextIO

from ocisize.model.updates import UpdateHistory
from ocisize.report.text.columns import list_table
from ocisize.report.text.lines import Line, has_color, page_width, write_lines
from ocisize.report.updates.advice_words import WHEN, list_advice
from ocisize.report.updates.subject import HistorySubject
from ocisize.report.updates.words import (
    ReleaseNames,
    describe_cause,
    describe_chain,
    describe_changes,
    describe_history,
    describe_skips,
    describe_sums,
    name_track,
)
from ocisize.report.words.flow import SEPARATOR, join_parts
from ocisize.report.words.units import cut, human_size, percent
from ocisize.text import count_of, printable

_MAX_LAYERS = 4  # rows of layers
_MAX_FAILURES = 5
_MAX_NAME = 16  # characters of the name of a release in a table
_EQUAL = "="  # by chain, where the download is that by blob


def write(subject: HistorySubject, file: TextIO) -> None:
    """Write a history with its last updates."""
    color = subject.color
    lines = _list_lines(subject.history, subject.width or page_width(file, color), subject.top)
    write_lines(lines, file, color=has_color(file, color))


def _list_lines(history: UpdateHistory, width: int, top: int) -> Iterator[Line]:
    names = ReleaseNames(history.releases)
    yield from _head(history, names, width)
    if history.updates:
        yield Line()
        yield from _updates(history, names, width, top)
        yield Line()
        yield from _layers(history, width)
        if skips := describe_skips(history):
            yield Line()
            yield from _wrap("Hosts that skip releases", SEPARATOR.join(skips), width)
        yield from _advice(history, width)
    yield from _failures(history, width)


def _head(history: UpdateHistory, names: ReleaseNames, width: int) -> Iterator[Line]:
    title, facts = names.title, describe_history(history, names)
    if len(title) + len(SEPARATOR) + len(SEPARATOR.join(facts)) <= width:
        yield Line((title, "bold"), (SEPARATOR + SEPARATOR.join(facts), "dim"))
    else:
        yield Line((cut(title, width), "bold"))
        yield from (Line((line, "dim")) for line in join_parts([cut(fact, width) for fact in facts], width))
    if not history.updates:
        yield Line("No update: an update needs two releases that differ.")
        return
    yield from (
        Line((line, "bold")) for line in textwrap.wrap(f"An update downloads {describe_sums(history.by_blob)}", width)
    )
    yield from map(Line, textwrap.wrap(describe_chain(history), width))
    if history.changed is not None:
        text = f"only the files that changed: {describe_sums(history.changed)}"
        yield from map(Line, textwrap.wrap(text, width))


def _updates(history: UpdateHistory, names: ReleaseNames, width: int, top: int) -> Iterator[Line]:
    """The last updates, one a row, with the layer that changed first."""
    shown = history.updates[max(len(history.updates) - top, 0) :]
    has_files = history.changed is not None
    rows = []
    for update in shown:
        before, after = (cut(names.short[number], _MAX_NAME) for number in (update.before, update.after))
        by_chain = human_size(update.by_chain_size) if update.by_chain_size != update.by_blob_size else _EQUAL
        rows.append((
            f"{before} → {after}",
            human_size(update.by_blob_size),
            by_chain if history.by_chain.total != history.by_blob.total else "",
            human_size(update.changed_size) if has_files else "",
            percent(update.by_blob_size / (history.releases[update.after].size or 1)),
            describe_cause(update, history),
        ))  # fmt: skip
    headings = ("Update", "Download", "By chain", "Changed", "Image", "First changed layer, and what follows")
    yield from list_table(headings, rows, width, first=1)
    if hidden := len(history.updates) - len(shown):
        size = sum(update.by_blob_size for update in history.updates[:hidden])
        yield Line((f"… {count_of(hidden, 'update')} before, {human_size(size)}; --top shows more", "dim"))


def _layers(history: UpdateHistory, width: int) -> Iterator[Line]:
    """The layers that cause most download, one a row."""
    tracks = [track for track in history.tracks if track.caused_size][:_MAX_LAYERS]
    if not tracks:
        return
    rows = [
        (
            human_size(track.caused_size) if track.caused_size else "-",
            f"{track.downloads:,} of {len(history.updates):,}",
            human_size(track.downloaded_size),
            describe_changes(track) if history.changed is not None else "",
            f"{name_track(track, history)}{' (base image)' * track.is_base}",
        )
        for track in tracks
    ]
    headings = ("Causes", "Updates", "Download", "Changed", "Layers that cause most download")
    yield from list_table(headings, rows, width)


def _advice(history: UpdateHistory, width: int) -> Iterator[Line]:
    """What would have saved download, a paragraph for each proposal."""
    if lines := list_advice(history):
        yield Line()
        yield Line((cut(f"What would have saved download {WHEN}", width), "bold"))
        for line in lines:
            yield from _wrap(line.title, line.text, width)


def _wrap(label: str, text: str, width: int) -> Iterator[Line]:
    """A text behind a label, broken to lines."""
    first, *rest = textwrap.wrap(f"{label}: {text}", width, subsequent_indent="  ")
    yield Line((first[: len(label)], "bold"), first[len(label) :])
    yield from map(Line, rest)


def _failures(history: UpdateHistory, width: int) -> Iterator[Line]:
    """What could not be read."""
    if history.complete:
        return
    yield Line()
    yield Line((f"incomplete: {count_of(len(history.failures), 'image')} could not be read", "bold red"))
    for failure in history.failures[:_MAX_FAILURES]:
        text = printable(failure.text)
        yield from (Line((line, "red")) for line in _indent(text, width))
    if len(history.failures) > _MAX_FAILURES:
        yield Line((f"  … and {len(history.failures) - _MAX_FAILURES:,} more", "red"))


def _indent(text: str, width: int) -> Sequence[str]:
    return textwrap.wrap(text, width, initial_indent="  ", subsequent_indent="  ")
