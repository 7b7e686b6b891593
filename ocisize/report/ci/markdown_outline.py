"""Outlines as GitHub-flavored Markdown that fits a comment: verdict and downloads, secrets, budgets; the rest folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from ocisize.model.budget import BudgetStatus
from ocisize.model.comparison import LayerStatus
from ocisize.model.outline import LayerOutline
from ocisize.model.outline_comparison import OutlineComparison, OutlineLayerChange
from ocisize.report.ci.comment import FAILED, PASSED, WARNING, marker_of
from ocisize.report.ci.markdown import LIMIT
from ocisize.report.ci.markdown_budgets import table_row, write_budgets
from ocisize.report.ci.markdown_text import Table, byte_length, code_span, escape_text, fold
from ocisize.report.options import ReportOptions
from ocisize.report.outline_subject import OutlineDiffSubject, OutlineSubject, ReportedOutline
from ocisize.report.subject import ReportedImage
from ocisize.report.words.budgets import summarize_outcomes
from ocisize.report.words.context import name_source
from ocisize.report.words.findings import describe_image
from ocisize.report.words.growth import signed_size
from ocisize.report.words.outline import (
    NOT_KNOWN,
    day_of,
    describe_base,
    describe_config,
    describe_download,
    describe_index,
    describe_labels,
    describe_own,
    describe_secrets,
    name_form,
)
from ocisize.report.words.outline_diff import (
    describe_base_change,
    describe_config_changes,
    describe_shared,
    describe_upgrade,
    summarize,
)
from ocisize.report.words.pull import describe_assumed, describe_pull
from ocisize.report.words.steps import show_layer
from ocisize.report.words.units import human_size
from ocisize.text import count_of, plural

_MAX_PLATFORMS = 100


def write(subject: OutlineSubject, file: TextIO, options: ReportOptions) -> None:
    """Write the report for a comment, in at most ``LIMIT`` bytes if its head fits."""
    images = subject.images
    reported = [image.as_image() for image in images]
    text = _head(images, reported, options)
    text += _secrets(images)
    text += write_budgets(reported, (LIMIT - byte_length(text)) // 2)
    if subject.index is None:
        text += _facts(images[0])
    rows = [
        _layer(image, layer) for image, outlined in zip(reported, images, strict=True) for layer in outlined.outline.layers
    ]
    if options.sizes:
        from ocisize.report.ci.markdown_sizes import write_sizes

        text += write_sizes(reported, [image.outline for image in images], (LIMIT - byte_length(text)) // 2)
    columns = "Platform | " if images[0].platform else ""
    table = Table("layer", f"{columns}# | Download | Form | Created | Step", left=3)
    file.write(text + table.fill(rows, LIMIT - byte_length(text), summary=count_of(len(rows), "layer")))


def _head(images: Sequence[ReportedOutline], reported: Sequence[ReportedImage], options: ReportOptions) -> str:
    """The marker, the name of the image with the verdict, the downloads, and what is not known."""
    first, several = reported[0], bool(reported[0].platform)
    sign, words = _outcome(images)
    title = count_of(len(images), "platform") if several else escape_text(first.analysis.platform)
    heading = " · ".join([f"{sign} {code_span(describe_image(first.analysis))} {title}".lstrip(), *words])
    rows = [
        table_row(image, (_size(describe_download(outlined.outline)), f"{len(outlined.outline.layers):,}"))
        for image, outlined in list(zip(reported, images, strict=True))[:_MAX_PLATFORMS]
    ]
    if len(images) > _MAX_PLATFORMS:
        rows.append(f"\n… and {len(images) - _MAX_PLATFORMS:,} more platforms, not shown to save space.")
    pull = "" if several else describe_pull(images[0].outline, options.assumptions)
    note = f"A pull takes {pull}. {NOT_KNOWN}. {describe_assumed()}." if pull else f"{NOT_KNOWN}."
    return (
        f"{marker_of(first, 'quick', all_platforms=several)}\n### {heading}\n\n"
        f"| {'Platform | ' * several}Download | Layers |\n|{'---|' * several}---:|---:|\n"
        + "\n".join(rows)
        + f"\n\n{note}\n"
    )


def _size(text: str) -> str:
    return text.removesuffix(" download")


def _outcome(images: Sequence[ReportedOutline]) -> tuple[str, list[str]]:
    """A sign, and a few words about budgets and secrets: the sign is a cross only if a budget failed."""
    verdicts = [verdict for image in images for verdict in image.verdicts]
    outcomes = {verdict.outcome for verdict in verdicts if verdict.status is not BudgetStatus.SKIPPED}
    secrets = max((len(image.outline.secrets) for image in images), default=0)
    words = [summarize_outcomes(verdicts)] if outcomes else []
    words += [count_of(secrets, "secret")] if secrets else []
    if BudgetStatus.FAIL in outcomes:
        return FAILED, words
    return (WARNING if secrets or BudgetStatus.WARN in outcomes else PASSED if outcomes else ""), words


def _secrets(images: Sequence[ReportedOutline]) -> str:
    lines = dict.fromkeys(" ".join(describe_secrets(image.outline)) for image in images if image.outline.secrets)
    return "".join(f"\n**Secrets** {escape_text(line)}\n" for line in list(lines)[:_MAX_PLATFORMS])


def _facts(image: ReportedOutline) -> str:
    """The base image, the config, the labels and the index, folded."""
    outline = image.outline
    rows = [
        ("Base", [describe_base(outline)]),
        ("Yours", [describe_own(outline)]),
        ("Source", [name_source(outline.provenance)]),
        ("Config", describe_config(outline.run)),
        ("Labels", describe_labels(outline)),
        ("Index", [describe_index(outline)]),
        ("Digest", [outline.digest or ""]),
    ]
    lines = [
        f"| {name} | {'<br>'.join(map(code_span, shown))} |" for name, parts in rows if (shown := [*filter(None, parts)])
    ]
    return fold("Base image and config", "\n".join(["| | |\n|---|---|", *lines]))


def _layer(image: ReportedImage, layer: LayerOutline) -> str:
    size = human_size(layer.compressed_size) if layer.repeats is None else f"as layer {layer.repeats}"
    step = code_span(show_layer(layer) or layer.digest[:19])
    return table_row(
        image, (str(layer.index), size, escape_text(name_form(layer)), escape_text(day_of(layer.created)) or "-", step)
    )


def write_diff(subject: OutlineDiffSubject, file: TextIO, _: ReportOptions) -> None:
    """Write the comment about a change: the download before and after, what a host downloads, budgets, and layers."""
    comparison, image = subject.comparison, subject.image
    after = image.as_image()
    sign, words = _outcome([image])
    title = f"{sign} {code_span(describe_image(after.analysis))} {escape_text(after.analysis.platform)}".lstrip()
    sizes = (comparison.before.compressed_size, comparison.after.compressed_size)
    text = (
        f"{marker_of(after, 'quick-diff')}\n### {' · '.join([title, *words])}\n\n"
        "| | Before | After | Change |\n|---|---:|---:|---:|\n"
        f"| Download | {' | '.join(map(human_size, sizes))} | {signed_size(comparison.compressed_growth)} |\n\n"
        + "".join(f"- {escape_text(line)}\n" for line in _sentences(comparison))
    )
    text += write_budgets([after], (LIMIT - byte_length(text)) // 2)
    rows = [_layer_change(layer) for layer in comparison.layers]
    table = Table("layer", "Layer | Download | Upgrade | What | Step", left=2)
    changed = sum(layer.status is not LayerStatus.SHARED for layer in comparison.layers)
    summary = f"{len(rows):,} {plural(len(rows), 'layer')}, {changed:,} not shared"
    file.write(text + table.fill(rows, LIMIT - byte_length(text), summary=summary))


def _sentences(comparison: OutlineComparison) -> Iterator[str]:
    yield f"{summarize(comparison)} {describe_upgrade(comparison)}".rstrip()
    yield f"Layers: {describe_shared(comparison)}."
    for name, text in (("Base", describe_base_change(comparison)), ("Config", describe_config_changes(comparison))):
        if text:
            yield f"{name}: {text}."
    yield f"{NOT_KNOWN}."


def _layer_change(layer: OutlineLayerChange) -> str:
    index = "→".join("·" if number is None else str(number) for number in (layer.before, layer.after))
    cells = [index, signed_size(layer.compressed_growth), human_size(layer.download_size)]
    return f"| {' | '.join([*cells, str(layer.status), code_span(show_layer(layer) or '-')])} |"
