"""Images as GitHub-flavored Markdown that fits a comment: verdict and figures, secrets, budgets, fixes; the rest folded.

The first line is a hidden marker, by which a program finds the comment to update. GitHub refuses comments of more than
65,536 characters; the report has fewer bytes. Whole rows are left out, the smallest findings first, and counted. Names from
the image are code, where markup, mentions, links and HTML have no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from ocisize.model.analysis import LayerAnalysis
from ocisize.model.findings import Finding
from ocisize.model.sizes import weight_of
from ocisize.report.ci.comment import describe_outcome, marker_of
from ocisize.report.ci.markdown_budgets import table_row, write_budgets
from ocisize.report.ci.markdown_plan import MAX_ROWS, on_platforms, write_plan, write_secrets
from ocisize.report.ci.markdown_text import Table, byte_length, code_span, escape_text, keep_together
from ocisize.report.ci.merge_findings import MergedFinding, merge_findings
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.advice import is_secret
from ocisize.report.words.download import human_download
from ocisize.report.words.findings import describe_image, describe_saving, list_paths
from ocisize.report.words.fixes import summarize_fixes
from ocisize.report.words.incomplete import NOTE, list_unread, mark_incomplete
from ocisize.report.words.incomplete import headline as unread_headline
from ocisize.report.words.pull import HOSTS, describe_pull
from ocisize.report.words.steps import show_layer
from ocisize.report.words.units import UNKNOWN, percent
from ocisize.text import count_of, human_size

LIMIT = 65_000  # bytes
_FOR_LAYERS = 15_000  # of those, where the findings would take all
_MAX_PLATFORMS = 100
_MAX_PARTIAL = 5
_MAX_WARNING = 500  # characters
_FIGURES = ("Download", "Unpacked", "Waste")


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write the report for a comment."""
    text = to_markdown(subject.images)
    if options.sizes:
        from ocisize.report.ci.markdown_sizes import write_sizes

        images = subject.images
        sizes = write_sizes(images, [image.analysis for image in images], LIMIT // 2)
        text = to_markdown(images, limit=LIMIT - byte_length(sizes)) + sizes
    file.write(text)


def to_markdown(images: Sequence[ReportedImage], *, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes, if its head fits."""
    columns = "Platform | " if images[0].platform else ""
    merged = merge_findings(images)
    text = _head(images)
    text += _warnings(images, (limit - byte_length(text)) // 8)
    text += write_secrets([row for row in merged if is_secret(row.finding)], images, (limit - byte_length(text)) // 3)
    text += write_budgets(images, (limit - byte_length(text)) // 2)
    plan = write_plan(images, (limit - byte_length(text)) * 2 // 3)
    text += plan
    layers = Table("layer", f"{columns}# | Download | Unpacked | Waste | Hides | Step", left=1)
    rows = [_layer_row(image, layer) for image in images for layer in image.analysis.layers]
    left = limit - byte_length(text)
    reserved = min(_FOR_LAYERS, left // 3, layers.length(rows, summary="Layers"))
    others = [row for row in merged if not is_secret(row.finding)]
    text += _findings(others, images, left - reserved, is_folded=bool(plan))
    return text + layers.fill(rows, limit - byte_length(text), summary="Layers")


def _findings(merged: Sequence[MergedFinding], images: Sequence[ReportedImage], room: int, *, is_folded: bool) -> str:
    """The findings: folded, or without a plan what they save and the first of them."""
    if not merged:
        whole = all(image.analysis.complete for image in images)
        where = "" if whole else " in the layers that were read"
        return "" if any(image.secrets for image in images) else f"\nNothing to fix was found{where}.\n"
    rows = [_finding_row(row.finding, row.platforms, images) for row in merged]
    table = Table("finding", "Saves | Finding | Fix", left=2)
    if is_folded:
        return table.fill(rows, room, summary=count_of(len(rows), "finding"))
    total = "" if len(images) > 1 else f": {escape_text(summarize_fixes(images[0].analysis))}"
    title = f"\n**{count_of(len(rows), 'finding')}**{total}\n"
    text = table.fill_first(rows, MAX_ROWS, room - byte_length(title))
    return f"{title}{text}" if text else ""


def _head(images: Sequence[ReportedImage]) -> str:
    """The marker, the name of the image with the verdict, and a row of figures for each platform."""
    first = images[0]
    names = list(_FIGURES)
    title, rule = escape_text(first.analysis.platform), "---:|" * len(names)
    if first.platform:
        names, title, rule = ["Platform", *names], count_of(len(images), "platform"), f"---|{rule}"
    rows = [_figures(image) for image in images[:_MAX_PLATFORMS]]
    if len(images) > _MAX_PLATFORMS:
        rows.append(f"\n… and {len(images) - _MAX_PLATFORMS:,} more platforms, not shown to save space.")
    sign, words = describe_outcome(images)
    heading = " · ".join([f"{sign} {code_span(describe_image(first.analysis))} {title}".lstrip(), *words])
    return (
        f"{marker_of(first, 'image', all_platforms=bool(first.platform))}\n### {heading}\n\n{_write_unread(images)}"
        f"| {' | '.join(names)} |\n|{rule}\n" + "\n".join(rows) + "\n" + ("" if first.platform else _pull(first))
    )


def _pull(image: ReportedImage) -> str:
    """A sentence on the time of a pull; "" if the download is unknown."""
    pull = describe_pull(image.analysis)
    return f"\nA pull takes {pull}, {HOSTS}.\n" if pull else ""


def _figures(image: ReportedImage) -> str:
    analysis = image.analysis
    cells = (
        f"{UNKNOWN} (saved uncompressed)" if analysis.expected_compressed_size is None else human_download(analysis),
        human_size(analysis.content_size),
        f"{human_size(analysis.wasted_size)} ({mark_incomplete(analysis, 'Efficiency', percent(analysis.wasted_ratio))})",
    )
    return table_row(image, [mark_incomplete(analysis, name, cell) for name, cell in zip(_FIGURES, cells, strict=True)])


def _write_unread(images: Sequence[ReportedImage]) -> str:
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


def _warnings(images: Sequence[ReportedImage], limit: int) -> str:
    """The warnings, each once, as far as they fit: where the image came from, and what readers may see in another way."""
    lines = list(dict.fromkeys(text for image in images for text in image.analysis.warnings))
    if not lines:
        return ""
    text = f"\n**{count_of(len(lines), 'warning')}**\n\n"
    for number, line in enumerate(lines):
        row = f"- {code_span(line, _MAX_WARNING)}\n"
        if byte_length(text + row) > limit:
            return f"{text}- and {len(lines) - number:,} more\n"
        text += row
    return text


def _finding_row(finding: Finding, platforms: Sequence[str], images: Sequence[ReportedImage]) -> str:
    size = weight_of(finding.compressed_size, finding.size)
    facts = [finding.id, str(finding.severity), str(finding.confidence)]
    if finding.compressed_size is None and finding.size:
        facts.append("size unpacked")
    if finding.in_base:
        facts.append("in the base image")
    if len(images) > 1:
        facts.append(on_platforms(platforms, images))
    elif finding.plan_step is not None:
        facts.append(f"fix {finding.plan_step}")
    cell = f"**{escape_text(finding.title)}**<br>{escape_text(' · '.join(facts))}"
    for path in list_paths(finding):
        cell += f"<br>{path if path.startswith('…') else code_span(path)}"
    saving = keep_together(human_size(size)) if describe_saving(finding) else "-"
    return f"| {saving} | {cell} | {escape_text(finding.fix)} |"


def _layer_row(image: ReportedImage, layer: LayerAnalysis) -> str:
    from_files: tuple[int | None, ...] = (layer.content_size, layer.wasted_size, layer.hides_size)
    sizes = from_files if layer.failure is None else (None, None, None)
    step = code_span(show_layer(layer) or layer.digest[:19])
    return table_row(image, (str(layer.index), human_download(layer), *map(human_size, sizes), step))
