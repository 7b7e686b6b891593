"""A comparison of two outlines as text: the download before and after, what a host must download, base, config, layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from ocisize.model.comparison import LayerStatus
from ocisize.model.outline_comparison import OutlineLayerChange
from ocisize.report.options import ReportOptions
from ocisize.report.outline_subject import OutlineDiffSubject
from ocisize.report.text.alerts import label_lines, list_violations
from ocisize.report.text.lines import MAX_WIDTH, Line, has_color, page_width, wrap, write_lines
from ocisize.report.words.growth import signed_size
from ocisize.report.words.image import name_image
from ocisize.report.words.outline import NOT_KNOWN
from ocisize.report.words.outline_diff import (
    describe_base_change,
    describe_config_changes,
    describe_shared,
    describe_upgrade,
    summarize,
)
from ocisize.report.words.steps import name_line_of
from ocisize.report.words.units import human_size, shorten_step
from ocisize.text import printable

_COLUMNS = ("Layers", "Download", "Upgrade", "What")  # beside the build step


def write(subject: OutlineDiffSubject, file: TextIO, options: ReportOptions) -> None:
    """Write the comparison at the width of the terminal or of a pipe."""
    width = min(page_width(file, options.color), MAX_WIDTH)
    write_lines(_list_lines(subject, width, options.top), file, color=has_color(file, options.color))


def _list_lines(subject: OutlineDiffSubject, width: int, top: int) -> Iterator[Line]:
    comparison = subject.comparison
    for name, image in (("before", comparison.before), ("after", comparison.after)):
        yield Line((f"{name:6}  {printable(name_image(image))}", "bold"))
    platforms = dict.fromkeys([comparison.before.platform, comparison.after.platform])
    yield Line((" → ".join(map(printable, platforms)), "dim"))
    for text in (summarize(comparison), describe_upgrade(comparison)):
        yield from (Line((line, "bold")) for line in wrap(text, width))
    yield from (Line((line, "dim")) for line in wrap(f"{NOT_KNOWN}.", width))
    if violations := list_violations(subject.image.as_image().analysis, subject.image.verdicts, width):
        yield from [Line(), *violations]
    yield Line()
    for label, text in (
        ("Layers", describe_shared(comparison)),
        ("Base", describe_base_change(comparison)),
        ("Config", describe_config_changes(comparison)),
    ):
        if text:
            yield from label_lines(label, "bold", [printable(text)], width)
    changed = [layer for layer in comparison.layers if layer.status is not LayerStatus.SHARED]
    if changed:
        yield from [Line(), *_layers(changed, width, top)]


def _layers(layers: list[OutlineLayerChange], width: int, top: int) -> Iterator[Line]:
    """A table of the layers that are not shared, base first, ``top`` of them."""
    rows = [
        (
            "→".join("·" if number is None else str(number) for number in (layer.before, layer.after)),
            signed_size(layer.compressed_growth),
            human_size(layer.download_size) if layer.after is not None else "-",
            str(layer.status),
        )
        for layer in layers[:top]
    ]
    widths = [max(len(cell) for cell in column) for column in zip(_COLUMNS, *rows, strict=True)]
    step_width = max(width - sum(widths) - 2 * len(widths), 8)
    yield Line(("Layers that are not shared (before→after; growth; upgrade: download with BEFORE)", "bold"))
    yield Line((_row(_COLUMNS, widths) + "Build step", "dim"))
    for cells, layer in zip(rows, layers, strict=False):
        yield Line(_row(cells, widths) + _show_step(layer, step_width))
    if len(layers) > top:
        yield Line((f"… and {len(layers) - top:,} more (-f json has all)", "dim"))


def _show_step(layer: OutlineLayerChange, width: int) -> str:
    """The line of a layer, if it is known, and its build step."""
    place = f"{line}  " if (line := name_line_of(layer)) else ""
    return place + shorten_step(printable(layer.build_step.shown or "-"), max(width - len(place), 8))


def _row(cells: tuple[str, ...], widths: list[int]) -> str:
    """Numbers at the right of their columns, the status at the left of its column."""
    *numbers, status = zip(cells, widths, strict=True)
    return "".join([*(f"{cell:>{width}}  " for cell, width in numbers), f"{status[0]:{status[1]}}  "])
