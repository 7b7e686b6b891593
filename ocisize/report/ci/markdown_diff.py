"""A comparison as a comment on a pull request: what changed and by how much, secrets, budgets, why, and fixes of what grew.

The report fits a comment of GitHub, and begins with a hidden marker by which it is updated, like that of one image.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ocisize.model.comparison import Comparison, LayerChange, LayerStatus
from ocisize.model.plan import PlanStep
from ocisize.report.ci.comment import describe_outcome, marker_of
from ocisize.report.ci.markdown import LIMIT
from ocisize.report.ci.markdown_budgets import write_budgets
from ocisize.report.ci.markdown_plan import MAX_ROWS, count_fixes, write_secrets, write_steps
from ocisize.report.ci.markdown_text import Table, byte_length, code_span, escape_text, keep_together
from ocisize.report.ci.merge_findings import merge_findings, merge_steps
from ocisize.report.diff_subject import DiffSubject
from ocisize.report.options import ReportOptions
from ocisize.report.words.advice import is_secret
from ocisize.report.words.download import ABOUT, human_download
from ocisize.report.words.findings import describe_image
from ocisize.report.words.growth import (
    NO_GROWTH,
    describe_growth,
    measure_reasons,
    measure_suggestions,
    share_of,
    signed_size,
)
from ocisize.report.words.image import name_image
from ocisize.report.words.secrets import count_secrets, list_new_secrets
from ocisize.report.words.steps import show_layer
from ocisize.report.words.upgrade import describe_upgrade
from ocisize.text import human_size, plural

_MAX_REASON = 600  # characters of a layer's sentence


def write(subject: DiffSubject, file: TextIO, _: ReportOptions) -> None:
    """Write the comparison for a comment."""
    file.write(diff_to_markdown(subject))


def diff_to_markdown(subject: DiffSubject, *, limit: int = LIMIT) -> str:
    """The comparison in at most ``limit`` bytes, if its head fits."""
    comparison, image = subject.comparison, subject.image
    text = _head(subject)
    text += _secrets(subject, (limit - byte_length(text)) // 3)
    text += write_budgets([image], (limit - byte_length(text)) // 2)
    text += _reasons(comparison, (limit - byte_length(text)) // 3)
    text += _fixes(subject, (limit - byte_length(text)) * 2 // 3)
    text += _layers(comparison, (limit - byte_length(text)) // 2)
    return text + _directories(comparison, limit - byte_length(text))


def _head(subject: DiffSubject) -> str:
    """The marker, the growth with the verdict, and the figures before, after and their change."""
    comparison, after = subject.comparison, subject.after
    sign, words = describe_outcome([subject.image], count_secrets(comparison.new_secrets))
    title = f"{sign} {code_span(describe_image(after))} {describe_growth(comparison)}".lstrip()
    rows = [_figure(*row, comparison) for row in _figures(comparison)]
    upgrade = describe_upgrade(comparison)
    host = f" A host with the image before downloads {escape_text(upgrade)}." if upgrade else ""
    platforms = " → ".join(dict.fromkeys([subject.before.platform, after.platform]))
    return (
        f"{marker_of(subject.image, 'diff')}\n### {' · '.join([title, *words])}\n\n"
        "| | Before | After | Change |\n|---|---:|---:|---:|\n" + "\n".join(rows) + "\n\n"
        f"{_names(comparison, escape_text(platforms))}.{host}\n"
    )


def _names(comparison: Comparison, platforms: str) -> str:
    """What is compared, in a sentence."""
    after = code_span(name_image(comparison.after))
    if comparison.is_new:
        return f"{after}, {platforms}: there is no image before"
    return f"{code_span(name_image(comparison.before))} → {after}, {platforms}"


def _figures(comparison: Comparison) -> Iterator[tuple[str, str, str, int | None, int | None]]:
    """Name, values before and after, change, and the size before of each figure."""
    before, after = comparison.before, comparison.after
    change = comparison.expected_compressed_growth
    yield "Download", human_download(before), human_download(after), change, before.expected_compressed_size
    for name, old, new in (
        ("Unpacked", before.content_size, after.content_size),
        ("Waste", before.wasted_size, after.wasted_size),
    ):
        yield name, human_size(old), human_size(new), new - old, old


def _figure(name: str, old: str, new: str, change: int | None, size: int | None, comparison: Comparison) -> str:
    about = ABOUT if name == "Download" and comparison.estimated_growth is not None else ""
    growth = NO_GROWTH if change == 0 else f"**{keep_together(about + signed_size(change))}**"
    share = share_of(change, size) if change else ""
    return f"| {name} | {keep_together(old)} | {keep_together(new)} | {growth}{share} |"


def _secrets(subject: DiffSubject, room: int) -> str:
    """The secrets of AFTER; the new ones, which BEFORE does not have, are named and come first."""
    merged = [row for row in merge_findings([subject.image]) if is_secret(row.finding)]
    new = [row for row in merged if subject.image.is_new(row.finding)]
    kept = [row for row in merged if not subject.image.is_new(row.finding)]
    names = _name_new(subject.comparison)
    text = write_secrets([*new, *kept], [subject.image], room - byte_length(names))
    if text:
        text += names
    if not text or not kept:
        return text
    last = "The last one is" if len(kept) == 1 else f"The last {len(kept):,} are"
    which = last if new else "All of them are" if len(kept) > 1 else "It is"
    return f"{text}\n{which} in the image before, too.\n"


def _name_new(comparison: Comparison) -> str:
    """The new secrets of findings that are about known secrets, too; "" if there are none."""
    names = [name for new in list_new_secrets(comparison).values() for name in new]
    if not names:
        return ""
    rest = f" and {len(names) - MAX_ROWS:,} more" if len(names) > MAX_ROWS else ""
    return f"\nNew among them: {', '.join(map(code_span, names[:MAX_ROWS]))}{rest}.\n"


def _reasons(comparison: Comparison, room: int) -> str:
    """Why the image grew or shrank, five reasons open."""
    measure, reasons = measure_reasons(comparison)
    rows = [f"| {keep_together(signed_size(size))} | {escape_text(_cut(reason.text))} |" for size, reason in reasons]
    title = f"\n**Why** (change of the {measure})\n"
    text = Table("reason", "Change | Reason", left=1).fill_first(rows, MAX_ROWS, room - byte_length(title))
    return f"{title}{text}" if text else ""


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1].replace('`', '')}…"


def _fixes(subject: DiffSubject, room: int) -> str:
    """The steps of AFTER's plan about layers that changed, and what would save a download: folded if there are steps."""
    changed = {
        layer.after
        for layer in subject.comparison.layers
        if layer.after is not None and layer.status is not LayerStatus.SHARED
    }
    steps = merge_steps([subject.image])
    numbered = [(number, *row) for number, row in enumerate(steps, 1)]
    rows = [row for row in numbered if _is_about(row[2], changed)]
    if not rows:
        return _suggestions(subject.comparison, room)
    others = ""
    if rest := len(steps) - len(rows):
        others = f"\n{count_fixes(rest)} of layers that did not change: `ocisize advise`.\n"
    text = write_steps(rows, [subject.image], room, "\n**Fix what changed** (largest unpacked size first)\n", others)
    return text + _suggestions(subject.comparison, room - byte_length(text), is_folded=True)


def _is_about(step: PlanStep, layers: set[int]) -> bool:
    return not layers.isdisjoint(step.layers)


def _suggestions(comparison: Comparison, room: int, *, is_folded: bool = False) -> str:
    """What would save hosts a download, or the image some growth, five suggestions open or all of them folded."""
    measure, suggestions = measure_suggestions(comparison)
    rows = [
        f"| {keep_together(human_size(size))} | {escape_text(_cut(suggestion.text))} |" for size, suggestion in suggestions
    ]
    table, what = Table("suggestion", "Bytes | Advice", left=1), f"(bytes of the {measure} affected)"
    if is_folded:
        return table.fill(rows, room, summary=f"Advice {what}")
    title = f"\n**Advice** {what}\n"
    text = table.fill_first(rows, MAX_ROWS, room - byte_length(title))
    return f"{title}{text}" if text else ""


def _layers(comparison: Comparison, room: int) -> str:
    rows = [_layer(layer) for layer in comparison.layers]
    table = Table("layer", "Layer | Download | Unpacked | Upgrade | What | Step", left=2)
    changed = sum(layer.status is not LayerStatus.SHARED for layer in comparison.layers)
    return table.fill(rows, room, summary=f"{len(rows):,} {plural(len(rows), 'layer')}, {changed:,} changed")


def _layer(layer: LayerChange) -> str:
    index = "→".join("·" if number is None else str(number) for number in (layer.before, layer.after))
    cells = [index, signed_size(layer.compressed_growth), signed_size(layer.growth), human_size(layer.download_size)]
    return f"| {' | '.join([*cells, str(layer.status), code_span(show_layer(layer) or '-')])} |"


def _directories(comparison: Comparison, room: int) -> str:
    rows = [
        f"| {signed_size(folder.growth)} | {signed_size(folder.compressed_growth)} | {folder.file_count:,} "
        f"| {code_span(folder.name) if folder.name is not None else 'elsewhere'} |"
        for folder in comparison.directories
        if folder.growth or folder.compressed_growth
    ]
    return Table("directory", "Unpacked | Download | Files | Directory", left=1).fill(rows, room, summary="Directories")
