"""An Analysis as GitHub-flavoured Markdown that fits a comment: totals, findings, layers.

GitHub refuses comments of more than 65,536 characters; the text stays below that in bytes. Whole rows are left out, the
least findings first, and counted. Names out of the image stand in code only, where no markup, mention, link or HTML works.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from ocisize.analysis.findings import Finding
from ocisize.analysis.model import Analysis, LayerAnalysis
from ocisize.report.findings import describe_image, describe_saving, list_paths
from ocisize.report.options import ReportOptions
from ocisize.report.units import UNKNOWN, human_size, percent, printable

LIMIT = 65_000  # bytes
_FOR_LAYERS = 15_000  # of those, where the findings would take all
_MAX_CODE = 240  # characters of a name or build step
_PLAIN = re.compile(r"[^\W_]|[ .,;:/()%+…→·'-]")
_LINKED = re.compile(r"://|www\.|:\w+:")  # what turns into a link or a picture outside of code
_TAME = re.compile(r"(?=.*\S)[^`|\\]+")  # what a code span in a table holds as it is


def write(analysis: Analysis, file: TextIO, _: ReportOptions) -> None:
    """Write the report for a comment."""
    file.write(to_markdown(analysis))


def to_markdown(analysis: Analysis, *, limit: int = LIMIT) -> str:
    """The report as text of at most ``limit`` bytes, provided that is enough for its head."""
    head = _head(analysis)
    layers = _Table("Layers", "| # | Wire | Unpacked | Waste | Hides | Step |\n|---:|---:|---:|---:|---:|---|")
    left = limit - _length(head)
    rows = [_layer_row(layer) for layer in analysis.layers]
    reserved = min(_FOR_LAYERS, left // 3, layers.length(rows))
    findings = _Table("Findings", "| Saves on the wire | Finding | Fix |\n|---:|---|---|")
    text = findings.fill([_finding_row(finding) for finding in analysis.advice.findings], left - reserved)
    return head + text + layers.fill(rows, left - _length(text), fold=True)


class _Table:
    """A table that takes as many rows as there is room for."""

    def __init__(self, name: str, head: str) -> None:
        self._name, self._head = name, head

    def length(self, rows: Sequence[str]) -> int:
        """Bytes of the table with all rows."""
        return _length(self._text(rows, 0, fold=True))

    def fill(self, rows: Sequence[str], room: int, *, fold: bool = False) -> str:
        """The table in at most ``room`` bytes, or nothing where there are no rows or no room for the first."""
        room -= _length(self._text((), len(rows), fold=fold))
        shown = 0
        for row in rows:
            room -= _length(row) + 1
            if room < 0:
                break
            shown += 1
        return self._text(rows[:shown], len(rows) - shown, fold=fold) if shown else ""

    def _text(self, rows: Sequence[str], missing: int, *, fold: bool) -> str:
        note = f"\n… and {missing:,} more {self._name.lower()}, not shown for lack of room.\n" if missing else ""
        body = "\n".join((self._head, *rows)) + f"\n{note}"
        if fold:
            return f"\n<details>\n<summary>{self._name}</summary>\n\n{body}\n</details>\n"
        return f"\n{body}"


def _length(text: str) -> int:
    return len(text.encode())


def _head(analysis: Analysis) -> str:
    advice, wire = analysis.advice, analysis.compressed_size
    names = ("Wire", "Unpacked", "Live", "Waste", "Duplicates", "On disk", "Efficiency")
    waste = f"{human_size(analysis.wasted_size)} ({percent(analysis.wasted_ratio)})"
    values = (
        human_size(wire) if wire is not None else f"{UNKNOWN} (saved uncompressed)",
        human_size(analysis.content_size), human_size(analysis.live_size), waste,
        human_size(analysis.duplicate_size), human_size(analysis.disk_size), percent(analysis.efficiency),
    )  # fmt: skip
    count = len(advice.findings)
    summary = "No findings."
    if count:
        saved = f"{human_size(advice.size)} unpacked"
        if advice.compressed_size is not None and wire:
            saved = f"{human_size(advice.compressed_size)} of wire ({percent(advice.compressed_size / wire)}), {saved}"
        summary = f"**{count:,} finding{'s' * (count != 1)}**, together {saved}"
    return (
        f"### {code(describe_image(analysis))} {words(analysis.platform)}\n\n"
        f"| {' | '.join(names)} |\n|{'---:|' * len(names)}\n| {' | '.join(values)} |\n\n{summary}\n"
    )


def _finding_row(finding: Finding) -> str:
    size = finding.size if finding.compressed_size is None else finding.compressed_size
    facts = [finding.id, str(finding.severity), str(finding.confidence)]
    if finding.compressed_size is None and finding.size:
        facts.append("size unpacked")
    if finding.in_base:
        facts.append("in the base image")
    cell = f"**{words(finding.title)}**<br>{words(' · '.join(facts))}"
    for path in list_paths(finding):
        cell += f"<br>{path if path.startswith('…') else code(path)}"
    return f"| {human_size(size) if describe_saving(finding) else '-'} | {cell} | {words(finding.fix)} |"


def _layer_row(layer: LayerAnalysis) -> str:
    sizes = (layer.compressed_size, layer.content_size, layer.wasted_size, layer.hides_size)
    cells = (str(layer.index), *map(human_size, sizes), code(layer.instruction or layer.digest[:19]))
    return f"| {' | '.join(cells)} |"


def words(text: str) -> str:
    """Text with code in backticks, as findings have it; what is no plain word becomes code, too."""
    return "".join(_pieces(printable(text)))


def _pieces(text: str) -> Iterator[str]:
    for number, piece in enumerate(text.split("`")):
        if number % 2 and piece.strip():
            yield code(piece)
            continue
        for word in re.split(r"( +)", piece):
            bare = word.rstrip(".,;:)")
            yield word if _is_plain(word) else code(bare) + word[len(bare) :]


def _is_plain(word: str) -> bool:
    return all(map(_PLAIN.fullmatch, word)) and not _LINKED.search(word)


def code(text: str) -> str:
    """Text as code within a table: a code span, or an element where that could be broken out of."""
    text = printable(text)
    if len(text) > _MAX_CODE:
        text = f"{text[: _MAX_CODE - 1]}…"
    if _TAME.fullmatch(text):
        return f"`{text}`"
    return f"<code>{''.join(each if each.isalnum() or each == ' ' else f'&#{ord(each)};' for each in text)}</code>"
