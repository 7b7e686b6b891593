"""Images as GitHub-flavored Markdown that fits a comment: totals, warnings, secrets, budgets, plan, findings, layers.

GitHub refuses comments of more than 65,536 characters; the report has fewer bytes. Whole rows are left out, the smallest
findings first, and counted. Names from the image are code, where markup, mentions, links and HTML have no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from ocisize.model.analysis import LayerAnalysis
from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Finding
from ocisize.model.sizes import weight_of
from ocisize.report.ci.markdown_plan import on_platforms, write_plan, write_secrets
from ocisize.report.ci.markdown_text import Table, byte_length, code_span, escape_text
from ocisize.report.ci.merge_findings import merge_findings
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.advice import is_secret
from ocisize.report.words.budgets import by_severity, describe, headline
from ocisize.report.words.download import human_download
from ocisize.report.words.findings import describe_image, describe_saving, list_paths
from ocisize.report.words.incomplete import NOTE, list_unread, mark_incomplete
from ocisize.report.words.incomplete import headline as unread_headline
from ocisize.report.words.units import UNKNOWN, human_size, percent
from ocisize.text import count_of

LIMIT = 65_000  # bytes
_FOR_LAYERS = 15_000  # of those, where the findings would take all
_OUTCOMES = (BudgetStatus.FAIL, BudgetStatus.WARN, BudgetStatus.PASS)
_MAX_PLATFORMS = 100
_MAX_PARTIAL = 5
_MAX_WARNING = 500  # characters
_FIGURES = ("Download", "Unpacked", "Live", "Waste")


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write the report for a comment."""
    file.write(to_markdown(subject.images))


def to_markdown(images: Sequence[ReportedImage], *, limit: int = LIMIT) -> str:
    """The report in at most ``limit`` bytes, if its head fits."""
    columns = "Platform | " if images[0].platform else ""
    budgets = Table("budgets", f"{columns}Result | Budget | Written in", left=3 + bool(columns))
    text = _head(images)
    text += _warnings(images, (limit - byte_length(text)) // 8)
    text += write_secrets(images, (limit - byte_length(text)) // 3)
    text += _budgets_headline(images)
    judged = sorted([pair for image in images for pair in _verdict_rows(image)], key=lambda pair: pair[0])
    text += budgets.fill([row for _, row in judged], (limit - byte_length(text)) // 2)
    summary = _summary(images)
    plan = write_plan(images, (limit - byte_length(text + summary)) * 2 // 3)
    text += plan + summary
    layers = Table("layers", f"{columns}# | Download | Unpacked | Waste | Hides | Step", left=1)
    rows = [_layer_row(image, layer) for image in images for layer in image.analysis.layers]
    left = limit - byte_length(text)
    reserved = min(_FOR_LAYERS, left // 3, layers.length(rows, summary="Layers"))
    findings = Table("findings", "Saves | Finding | Fix", left=2)
    merged = [row for row in merge_findings(images) if not is_secret(row.finding)]
    text += findings.fill(
        [_finding_row(row.finding, row.platforms, images) for row in merged],
        left - reserved,
        summary="Findings" if plan else "",
    )
    return text + layers.fill(rows, limit - byte_length(text), summary="Layers")


def _head(images: Sequence[ReportedImage]) -> str:
    """The name of the image, and a row of figures per platform."""
    first = images[0]
    names = list(_FIGURES)
    title, rule = escape_text(first.analysis.platform), "---:|" * len(names)
    if first.platform:
        names, title, rule = ["Platform", *names], count_of(len(images), "platform"), f"---|{rule}"
    rows = [_figures(image) for image in images[:_MAX_PLATFORMS]]
    if len(images) > _MAX_PLATFORMS:
        rows.append(f"\n… and {len(images) - _MAX_PLATFORMS:,} more platforms, not shown to save space.")
    text = (
        f"### {code_span(describe_image(first.analysis))} {title}\n\n{_unread(images)}| {' | '.join(names)} |\n|{rule}\n"
        + "\n".join(rows)
    )
    return f"{text}\n"


def _budgets_headline(images: Sequence[ReportedImage]) -> str:
    """The counts of verdicts, "" without budgets."""
    verdicts = [verdict for image in images for verdict in image.verdicts]
    return f"\n**{escape_text(headline(verdicts))}**\n" if verdicts else ""


def _figures(image: ReportedImage) -> str:
    analysis = image.analysis
    cells = (
        f"{UNKNOWN} (saved uncompressed)" if analysis.expected_compressed_size is None else human_download(analysis),
        human_size(analysis.content_size),
        human_size(analysis.live_size),
        f"{human_size(analysis.wasted_size)} ({mark_incomplete(analysis, 'Efficiency', percent(analysis.wasted_ratio))})",
    )
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


def _row(image: ReportedImage, cells: Iterable[str]) -> str:
    """A row, which begins with the platform if there are several."""
    return f"| {' | '.join([*([escape_text(image.platform)] if image.platform else []), *cells])} |"


def _summary(images: Sequence[ReportedImage]) -> str:
    """How many findings there are, and for a single image without a plan the bytes that they save."""
    count = sum(len(image.findings) for image in images)
    if not count:
        whole = all(image.analysis.complete for image in images)
        return f"\nNo findings{'' if whole else ' in the layers that were read'}.\n"
    findings = count_of(count, "finding")
    if len(images) > 1:
        return f"\n**{findings}** on all platforms; a finding of several platforms is listed once\n"
    if images[0].analysis.plan.steps:
        return f"\n**{findings}**\n"
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
    return f"| {human_size(size) if describe_saving(finding) else '-'} | {cell} | {escape_text(finding.fix)} |"


def _layer_row(image: ReportedImage, layer: LayerAnalysis) -> str:
    from_files: tuple[int | None, ...] = (layer.content_size, layer.wasted_size, layer.hides_size)
    sizes = from_files if layer.failure is None else (None, None, None)
    step = code_span(layer.build_step.shown or layer.digest[:19])
    return _row(image, (str(layer.index), human_download(layer), *map(human_size, sizes), step))
