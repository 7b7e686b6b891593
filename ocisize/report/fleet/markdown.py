"""A fleet as GitHub-flavored Markdown that fits a comment or a step summary. Names are code, where markup has no effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO
from urllib.parse import quote

from ocisize.model.fleet_figures import Deletions, FleetFigures, GroupKind
from ocisize.report.ci.markdown_text import Table, byte_length, code_span, keep_together, note_missing
from ocisize.report.fleet.markdown_files import list_sections, summarize_files
from ocisize.report.fleet.subject import FleetSubject
from ocisize.report.fleet.words import (
    by_unique_size,
    count_fleet,
    describe_freed,
    describe_ratio,
    name_family,
    name_group,
    short_digest,
    short_name,
)
from ocisize.report.words.units import human_size
from ocisize.text import count_of

LIMIT = 65_000  #: bytes; GitHub refuses comments of more than 65,536 characters
_FIRST = 10  # rows that are not folded
_MAX_FAILURES = 20
_MAX_ROWS = 200
_MAX_STORES = 3  # that the title names
_TEXTS = ("Kind", "Rule")  # columns before the last one that have no numbers
_KINDS = (GroupKind.STORE, GroupKind.REPOSITORY, GroupKind.LABEL, GroupKind.NODE)


def write(subject: FleetSubject, file: TextIO) -> None:
    """Write the report for a comment."""
    file.write(to_markdown(subject))


def to_markdown(subject: FleetSubject, *, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes, if its head fits; whole rows are left out, and counted."""
    figures = subject.figures
    text = _write_head(figures)
    text += _write_failures(figures, (limit - byte_length(text)) // 4)
    text += f"\n**{describe_freed(subject.freed)}.**\n" if subject.freed is not None else ""
    parts = [
        _Part("Deletions", "reference", "Frees | With those above | Reference", _deletion_rows(subject.deletions)),
        _Part("Images", "image", "Frees | Share | Size | Image", _root_rows(figures)),
        _Part("Bases", "base", "Images | Size | Layers | Base", _family_rows(figures)),
        *(
            _Part(f"By {kind.value}", kind.value, f"Share | Frees | Stored | Logical | {kind.value.capitalize()}", rows)
            for kind in _KINDS
            if len(rows := _group_rows(figures, kind)) > 1
        ),
        _Part("Recompressed layers", "layer", "Saves | Blobs | Layer", _twin_rows(figures)),
    ]
    if subject.files is not None:
        text += summarize_files(subject.files)
        parts[1:1] = [_Part(*section) for section in list_sections(subject.files)]
    parts = [part for part in parts if part.rows]
    for number, part in enumerate(parts):
        text += part.fill((limit - byte_length(text)) // (len(parts) - number))
    return text


class _Part:
    """A section with one table of the first rows."""

    def __init__(self, title: str, noun: str, columns: str, rows: Sequence[str]) -> None:
        self._title, self.rows = title, rows[:_MAX_ROWS]
        texts = sum(name in _TEXTS for name in columns.split(" | ")[:-1])
        self._table = Table(noun, columns, left=1 + texts)
        rest = len(rows) - len(self.rows)
        self._note = f"\n{note_missing(rest, noun)}" if rest else ""

    def fill(self, room: int) -> str:
        """The section in at most ``room`` bytes; "" if no row fits."""
        title = f"\n#### {self._title}\n"
        text = self._table.fill_first(self.rows, _FIRST, room - byte_length(title + self._note))
        return f"{title}{text}{self._note}" if text else ""


def _write_head(figures: FleetFigures) -> str:
    """The marker, by which a program finds the comment, the title, and a row of figures."""
    stores = figures.fleet.stores
    named = ", ".join(map(code_span, stores[:_MAX_STORES]))
    if len(stores) > _MAX_STORES:
        named += f" and {count_of(len(stores) - _MAX_STORES, 'more store')}"
    marker = quote(" ".join(stores[:_MAX_STORES]), safe="/:@._+-").replace("--", "-%2D")
    cells = {
        "Stored": human_size(figures.stored_size),
        "Logical": human_size(figures.logical_size),
        "Sharing ratio": describe_ratio(figures.sharing_ratio),
        "Layers": f"{figures.layers:,}",
    }
    return (
        f"<!-- ocisize fleet {marker} -->\n### {count_fleet(figures)}{f' of {named}' if named else ''}\n\n"
        f"| {' | '.join(cells)} |\n|{'---:|' * len(cells)}\n| {' | '.join(map(keep_together, cells.values()))} |\n"
    )


def _write_failures(figures: FleetFigures, room: int) -> str:
    failures = figures.fleet.failures
    if not failures:
        return ""
    were = "was" if len(failures) == 1 else "were"
    text = f"\n**{count_of(len(failures), 'reference')} {were} not read.** The figures are those of the others.\n\n"
    for number, failure in enumerate(failures):
        line = f"- {code_span(failure.reference)}: {code_span(failure.message)}\n"
        if number == _MAX_FAILURES or byte_length(text + line) > room:
            return f"{text}- and {len(failures) - number:,} more\n"
        text += line
    return text


def _deletion_rows(deletions: Deletions | None) -> list[str]:
    rows, total = list[str](), 0
    for reference, gain in zip(deletions.references, deletions.gains, strict=True) if deletions is not None else ():
        total += gain
        rows.append(_row(human_size(gain), human_size(total), code_span(reference)))
    return rows


def _root_rows(figures: FleetFigures) -> list[str]:
    roots = figures.fleet.roots
    return [
        _row(
            human_size(root.unique_size), human_size(root.amortised_size), human_size(root.total_size),
            code_span(short_name(figures.fleet, roots[root.root])),
        )
        for root in by_unique_size(figures.roots)
    ]  # fmt: skip


def _family_rows(figures: FleetFigures) -> list[str]:
    return [
        _row(
            f"{family.images:,}",
            human_size(family.size),
            f"{family.depth:,}",
            code_span(name_family(figures.families, family)),
        )
        for family in figures.families
    ]


def _group_rows(figures: FleetFigures, kind: GroupKind) -> list[str]:
    return [
        _row(
            human_size(group.amortised_size), human_size(group.unique_size), human_size(group.stored_size),
            human_size(group.logical_size), code_span(name_group(group)),
        )
        for group in figures.of_kind(kind)
    ]  # fmt: skip


def _twin_rows(figures: FleetFigures) -> list[str]:
    return [
        _row(human_size(twins.excess_size), f"{len(twins.blobs):,}", code_span(short_digest(twins.diff_id)))
        for twins in figures.twins
    ]


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(keep_together, cells[:-1]))} | {cells[-1]} |"
