"""A history as GitHub-flavored Markdown for comments and step summaries. Names are code, where markup has no effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO
from urllib.parse import quote

from ocisize.model.updates import UpdateHistory
from ocisize.report.ci.markdown_text import Table, byte_length, code_span, escape_text, keep_together
from ocisize.report.updates.advice_words import WHEN, list_advice
from ocisize.report.updates.subject import HistorySubject
from ocisize.report.updates.words import (
    ReleaseNames,
    describe_cause,
    describe_chain,
    describe_changes,
    describe_history,
    describe_sums,
    name_track,
)
from ocisize.report.words.units import human_size, percent
from ocisize.text import count_of, split_code

LIMIT = 65_000  #: bytes; GitHub refuses comments of more than 65,536 characters
_FIRST = 10  # rows that are not folded
_MAX_LAYERS = 50
_MAX_FAILURES = 20


def write(subject: HistorySubject, file: TextIO) -> None:
    """Write the report for a comment."""
    file.write(to_markdown(subject.history))


def to_markdown(history: UpdateHistory, *, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes, if its head fits; whole rows are left out, and counted."""
    names = ReleaseNames(history.releases)
    text = _write_head(history, names)
    text += _write_failures(history, (limit - byte_length(text)) // 4)
    advice = "".join(f"- **{line.title}**: {_with_code(line.text)}\n" for line in list_advice(history))
    if advice and byte_length(text + advice) < limit // 2:
        text += f"\n#### What would have saved download {WHEN}\n\n{advice}"
    updates = Table("update", "Download | By chain | Image | Update | First changed layer", left=2)
    layers = Table("layer", "Causes | Updates | Download | Changed | Layer", left=1)
    for title, table, rows in (
        ("Updates", updates, _update_rows(history, names)),
        ("Layers that cause most download", layers, _layer_rows(history)),
    ):
        heading = f"\n#### {title}\n"
        body = table.fill_first(rows, _FIRST, (limit - byte_length(text)) // 2 - byte_length(heading))
        text += f"{heading}{body}" if body else ""
    return text


def _write_head(history: UpdateHistory, names: ReleaseNames) -> str:
    """The marker, by which a program finds the comment, the title, and the figures in sentences."""
    marker = quote(names.repository, safe="/:@._+-").replace("--", "-%2D")
    facts = ", ".join(escape_text(fact) for fact in describe_history(history, names))
    text = f"<!-- ocisize history {marker} -->\n### Updates of {code_span(names.title or 'no image')}\n\n{facts}\n"
    if not history.updates:
        return f"{text}\n**No update.** An update needs two releases that differ.\n"
    text += f"\n**An update downloads {escape_text(describe_sums(history.by_blob))}.**\n"
    sentences = [describe_chain(history)]
    if history.changed is not None:
        sentences.append(f"only the files that changed: {describe_sums(history.changed)}")
    return text + "".join(f"\n{escape_text(sentence[0].upper() + sentence[1:])}.\n" for sentence in sentences)


def _with_code(text: str) -> str:
    """A sentence whose parts between backticks are code."""
    return "".join(code_span(part) if number % 2 else escape_text(part) for number, part in enumerate(split_code(text)))


def _write_failures(history: UpdateHistory, room: int) -> str:
    if history.complete:
        return ""
    text = f"\n**{count_of(len(history.failures), 'image')} could not be read.** The figures are those of the others.\n\n"
    for number, failure in enumerate(history.failures):
        line = f"- {code_span(failure.reference)}: {code_span(failure.message)}\n"
        if number == _MAX_FAILURES or byte_length(text + line) > room:
            return f"{text}- and {len(history.failures) - number:,} more\n"
        text += line
    return text


def _update_rows(history: UpdateHistory, names: ReleaseNames) -> list[str]:
    """A row for each update, the newest first."""
    return [
        _row(
            human_size(update.by_blob_size),
            human_size(update.by_chain_size),
            percent(update.by_blob_size / (history.releases[update.after].size or 1)),
            f"{code_span(names.short[update.before])} → {code_span(names.short[update.after])}",
            code_span(describe_cause(update, history)),
        )
        for update in reversed(history.updates)
    ]


def _layer_rows(history: UpdateHistory) -> list[str]:
    return [
        _row(
            human_size(track.caused_size), f"{track.downloads:,} of {len(history.updates):,}",
            human_size(track.downloaded_size), describe_changes(track), code_span(name_track(track, history)),
        )
        for track in [track for track in history.tracks if track.downloads][:_MAX_LAYERS]
    ]  # fmt: skip


def _row(*cells: str) -> str:
    head: Sequence[str] = cells[:-1]
    return f"| {' | '.join(map(keep_together, head))} | {cells[-1]} |"
