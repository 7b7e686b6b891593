"""Images as GitHub-flavoured Markdown that fits a comment: totals, budgets, findings, layers.

GitHub refuses comments of more than 65,536 characters; the report has fewer bytes. Whole rows are left out, the smallest
findings first, and counted. Names from the image are code, where markup, mentions, links and HTML have no effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from ocisize.model.analysis import LayerAnalysis
from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Finding
from ocisize.model.sizes import weight_of
from ocisize.report.ci.merge_findings import merge_findings
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.budgets import by_severity, describe, headline
from ocisize.report.words.findings import describe_image, describe_saving, list_paths
from ocisize.report.words.incomplete import NOTE, list_unread, mark_incomplete
from ocisize.report.words.incomplete import headline as unread_headline
from ocisize.report.words.units import UNKNOWN, human_size, percent
from ocisize.text import count_of, printable

LIMIT = 65_000  # bytes
_FOR_LAYERS = 15_000  # of those, where the findings would take all
_OUTCOMES = (BudgetStatus.FAIL, BudgetStatus.WARN, BudgetStatus.PASS)
_MAX_PLATFORMS = 100
_MAX_PARTIAL = 5
_FIGURES = ("Download", "Unpacked", "Live", "Waste", "Duplicates", "On disk", "Efficiency")
_MAX_CODE = 240  # characters of a name or build step
_PLAIN = re.compile(r"[^\W_]|[ .,;:/()%+…→·≤≥'-]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "=": "="}
_LINKED = re.compile(r"://|www\.|:\w+:")  # becomes a link or an emoji outside of code
_SAFE_IN_SPAN = re.compile(r"(?=.*\S)[^`|\\]+")  # text that a code span in a table can hold unchanged


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write the report for a comment."""
    file.write(to_markdown(subject.images))


def to_markdown(images: Sequence[ReportedImage], *, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes, if its head fits."""
    columns = "Platform | " if images[0].platform else ""
    layers = _Table("Layers", f"{columns}# | Download | Unpacked | Waste | Hides | Step", left=1)
    findings = _Table("Findings", "Saves | Finding | Fix", left=2)
    budgets = _Table("Budgets", f"{columns}Result | Budget | Written in", left=3 + bool(columns))
    text = _head(images)
    rows = [_layer_row(image, layer) for image in images for layer in image.analysis.layers]
    judged = sorted([pair for image in images for pair in _verdict_rows(image)], key=lambda pair: pair[0])
    text += budgets.fill([row for _, row in judged], (limit - _length(text)) // 2)
    text += _summary(images)
    left = limit - _length(text)
    reserved = min(_FOR_LAYERS, left // 3, layers.length(rows))
    text += findings.fill([_finding_row(*merged, images) for merged in merge_findings(images)], left - reserved)
    return text + layers.fill(rows, limit - _length(text), fold=True)


class _Table:
    """A table with as many rows as fit."""

    def __init__(self, name: str, columns: str, *, left: int) -> None:
        """``columns`` are separated by bars; the last ``left`` columns, and a platform, are text, the others numbers."""
        self._name = name
        names = columns.split(" | ")
        texts = [number >= len(names) - left or name == "Platform" for number, name in enumerate(names)]
        self._head = f"| {columns} |\n|{''.join('---|' if text else '---:|' for text in texts)}"

    def length(self, rows: Sequence[str]) -> int:
        """Bytes of the table with all rows."""
        return _length(self._text(rows, 0, fold=True))

    def fill(self, rows: Sequence[str], room: int, *, fold: bool = False) -> str:
        """The table in at most ``room`` bytes; nothing if there are no rows or the first does not fit."""
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


def _head(images: Sequence[ReportedImage]) -> str:
    """The name of the image, a row of figures per platform, and the counts of verdicts."""
    first = images[0]
    names = list(_FIGURES)
    title, rule = escape_text(first.analysis.platform), "---:|" * len(names)
    if first.platform:
        names, title, rule = ["Platform", *names], count_of(len(images), "platform"), f"---|{rule}"
    rows = [_figures(image) for image in images[:_MAX_PLATFORMS]]
    if len(images) > _MAX_PLATFORMS:
        rows.append(f"\n… and {len(images) - _MAX_PLATFORMS:,} more platforms, not shown for lack of room.")
    text = (
        f"### {code_span(describe_image(first.analysis))} {title}\n\n{_unread(images)}| {' | '.join(names)} |\n|{rule}\n"
        + "\n".join(rows)
    )
    verdicts = [verdict for image in images for verdict in image.verdicts]
    return f"{text}\n" + (f"\n**{escape_text(headline(verdicts))}**\n" if verdicts else "")


def _figures(image: ReportedImage) -> str:
    analysis, download = image.analysis, image.analysis.compressed_size
    cells = (
        human_size(download) if download is not None else f"{UNKNOWN} (saved uncompressed)",
        human_size(analysis.content_size), human_size(analysis.live_size),
        f"{human_size(analysis.wasted_size)} ({mark_incomplete(analysis, 'Efficiency', percent(analysis.wasted_ratio))})",
        human_size(analysis.duplicate_size), human_size(analysis.disk_size), percent(analysis.efficiency),
    )  # fmt: skip
    return _row(image, [mark_incomplete(analysis, name, cell) for name, cell in zip(_FIGURES, cells, strict=True)])


def _unread(images: Sequence[ReportedImage]) -> str:
    """The layers that could not be read, if any, for the first few platforms."""
    partial = [image for image in images if not image.analysis.complete]
    if not partial:
        return ""
    lines = [
        f"- {code_span(image.with_platform(line))}"
        for image in partial[:_MAX_PARTIAL]
        for line in list_unread(image.analysis)
    ]
    rest = len(partial) - _MAX_PARTIAL
    more = f"- and {rest:,} more platforms\n" if rest > 0 else ""
    what = (
        f"{len(partial):,} platforms are incomplete"
        if len(partial) > 1
        else unread_headline(partial[0].analysis).capitalize()
    )
    return f"**{what}.** {escape_text(NOTE)}.\n\n" + "\n".join(lines) + f"\n{more}\n"


def _row(image: ReportedImage, cells: Iterable[str]) -> str:
    """A row, which begins with the platform if there are several."""
    return f"| {' | '.join([*([escape_text(image.platform)] if image.platform else []), *cells])} |"


def _summary(images: Sequence[ReportedImage]) -> str:
    """How many findings there are, and for a single image the bytes that they save."""
    count = sum(len(image.findings) for image in images)
    if not count:
        whole = all(image.analysis.complete for image in images)
        return f"\nNo findings{'' if whole else ' in the layers that were read'}.\n"
    findings = count_of(count, "finding")
    if len(images) > 1:
        return f"\n**{findings}** on all platforms; a finding of several platforms is listed once\n"
    advice, download = images[0].analysis.advice, images[0].analysis.compressed_size
    saved = f"{human_size(advice.size)} unpacked"
    if advice.compressed_size is not None and download:
        saved = f"{human_size(advice.compressed_size)} of download ({percent(advice.compressed_size / download)}), {saved}"
    return f"\n**{findings}**, saving {saved}\n"


def _verdict_rows(image: ReportedImage) -> Iterator[tuple[int, str]]:
    """The verdicts as rows, each with its sort key."""
    for verdict in by_severity(image.verdicts):
        origin = verdict.budget.origin or verdict.budget.key
        cells = (verdict.outcome.value.upper(), escape_text(describe(verdict, image.analysis)), code_span(origin))
        yield _OUTCOMES.index(verdict.outcome), _row(image, cells)


def _finding_row(_: ReportedImage, finding: Finding, platforms: Sequence[str], images: Sequence[ReportedImage]) -> str:
    size = weight_of(finding.compressed_size, finding.size)
    facts = [finding.id, str(finding.severity), str(finding.confidence)]
    if finding.compressed_size is None and finding.size:
        facts.append("size unpacked")
    if finding.in_base:
        facts.append("in the base image")
    if len(images) > 1:
        facts.append(f"on {'all platforms' if len(set(platforms)) == len(images) else ', '.join(platforms)}")
    cell = f"**{escape_text(finding.title)}**<br>{escape_text(' · '.join(facts))}"
    for path in list_paths(finding):
        cell += f"<br>{path if path.startswith('…') else code_span(path)}"
    return f"| {human_size(size) if describe_saving(finding) else '-'} | {cell} | {escape_text(finding.fix)} |"


def _layer_row(image: ReportedImage, layer: LayerAnalysis) -> str:
    from_files: tuple[int | None, ...] = (layer.content_size, layer.wasted_size, layer.hides_size)
    sizes = (layer.compressed_size, *(from_files if layer.failure is None else (None, None, None)))
    return _row(image, (str(layer.index), *map(human_size, sizes), code_span(layer.build_step.text or layer.digest[:19])))


def escape_text(text: str) -> str:
    """Markdown for a text with code in backticks, as findings have it. Words that could be markup become code, too.

    >>> print(escape_text("Delete `rm -rf /x` and *.pyc in /a"))
    Delete `rm -rf /x` and `*.pyc` in /a
    """
    return "".join(_pieces(printable(text)))


def _pieces(text: str) -> Iterator[str]:
    for number, piece in enumerate(text.split("`")):
        if number % 2 and piece.strip():
            yield code_span(piece)
            continue
        for word in re.split(r"( +)", piece):
            bare = word.rstrip(".,;:)")
            yield _ENTITIES.get(word) or (word if _is_plain(word) else code_span(bare) + word[len(bare) :])


def _is_plain(word: str) -> bool:
    return all(map(_PLAIN.fullmatch, word)) and not _LINKED.search(word)


def code_span(text: str) -> str:
    """Text as code in a table: a code span, or an element if the text could end a code span.

    >>> print(code_span("/bin/sh"), code_span("a|b"))
    `/bin/sh` <code>a&#124;b</code>
    """
    text = printable(text)
    if len(text) > _MAX_CODE:
        text = f"{text[: _MAX_CODE - 1]}…"
    if _SAFE_IN_SPAN.fullmatch(text):
        return f"`{text}`"
    escaped = (character if character.isalnum() or character == " " else f"&#{ord(character)};" for character in text)
    return f"<code>{''.join(escaped)}</code>"
