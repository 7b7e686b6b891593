"""An Analysis as CSV for spreadsheets and data frames: a row per layer, or one per stored file.

Format: RFC 4180, with a header; sizes are bytes, unknown ones empty. A cell that a spreadsheet would read as a formula gets
an apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from ocisize.errors import ReportError
from ocisize.model.analysis import Analysis
from ocisize.model.unread import NOT_READ
from ocisize.report.export.rows import stored_rows
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject
from ocisize.report.words.findings import describe_image
from ocisize.report.words.incomplete import describe_layer, headline
from ocisize.report.words.steps import name_lines_of
from ocisize.tar.filetable import KIND_NAMES
from ocisize.text import decode_name, printable

if TYPE_CHECKING:
    from ocisize.model.outline import Outline
    from ocisize.report.outline_subject import OutlineSubject

_LAYER = (
    "compressed_size", "tar_size", "content_size", "live_size", "disk_size", "wasted_size", "wasted_compressed_size",
    "duplicate_size", "hides_size", "file_count", "entry_count",
)  # fmt: skip
_HEAD = ("image", "platform", "layer", "digest", "compression", *_LAYER, "created", "build_step", "unread", "lines")
_SIZES = ("image", "platform", "tool", "figure", "size", "exact", "formula", "doubt", "note")
_FILE = ("layer", "path", "kind", "size", "compressed_size", "mode", "uid", "gid", "hidden_by", "link")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last: full-width


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write a row per layer, base first, or with ``files`` a row per tar entry.

    With ``sizes``, write a row per figure of other tools. Rows of files begin with the platform if there are several. Raises
    ReportError if a file table is missing.
    """
    if options.sizes:
        _write_tool_sizes(((image.analysis, image.analysis) for image in subject.images), file)
        return
    for image in subject.images:
        if options.files and not image.analysis.complete:
            why = headline(image.analysis)
            raise ReportError(f"the list of files would be incomplete, which CSV cannot show: {why}")
    writer = csv.writer(file, lineterminator="\r\n")
    several = any(image.platform for image in subject.images)
    writer.writerow((*["platform"] * several, *_FILE) if options.files else _HEAD)
    for image in subject.images:
        if options.files:
            writer.writerows(_files(image.analysis, [escape_cell(image.platform)] if several else []))
        else:
            writer.writerows(_layers(image.analysis))


def write_outline(subject: OutlineSubject, file: TextIO, options: ReportOptions) -> None:
    """Write a row per layer, base first; the figures that only the layers have are empty."""
    if options.sizes:
        _write_tool_sizes(((image.as_image().analysis, image.outline) for image in subject.images), file)
        return
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(_HEAD)
    for image in subject.images:
        writer.writerows((*row[:-2], NOT_READ, row[-1]) for row in _layers(image.as_image().analysis))


def _write_tool_sizes(images: Iterable[tuple[Analysis, Analysis | Outline]], file: TextIO) -> None:
    """Write a row per figure of other tools; each image is given by what names it and by what has its figures."""
    from ocisize.sizes.tool_sizes import tool_sizes

    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(_SIZES)
    for named, document in images:
        image = escape_cell(describe_image(named)), escape_cell(named.platform)
        for row in tool_sizes(document):
            exact = "yes" if row.is_exact else "no"
            writer.writerow((*image, row.tool, row.figure, row.size, exact, row.formula, row.doubt, row.note))


def _layers(analysis: Analysis) -> Iterator[tuple[object, ...]]:
    image = escape_cell(describe_image(analysis)), escape_cell(analysis.platform)
    for layer in analysis.layers:
        known = _LAYER if layer.failure is None else ("compressed_size",)  # the others are not known of an unread layer
        sizes = (getattr(layer, name) if name in known else None for name in _LAYER)
        about = (layer.created, layer.build_step.text, describe_layer(layer), name_lines_of(layer))
        yield (*image, layer.index, escape_cell(layer.digest), layer.compression, *sizes, *map(escape_cell, about))


def _files(analysis: Analysis, platform: Sequence[str]) -> Iterator[tuple[object, ...]]:
    layers = stored_rows(analysis)
    for index, (table, hidden_by) in enumerate(layers):
        compressed = table.compressed_sizes
        for row, path in enumerate(table.paths):
            owner = table.attributes[table.owners[row]]
            link = table.links.get(row)
            yield (
                *platform,
                index,
                f"/{printable(decode_name(path))}",
                KIND_NAMES[table.kinds[row]],
                table.sizes[row],
                None if compressed is None else compressed[row],
                f"{owner.mode:04o}",
                owner.uid,
                owner.gid,
                None if hidden_by[row] < 0 else hidden_by[row],
                None if link is None else escape_cell(decode_name(link)),
            )


def escape_cell(text: str) -> str:
    """A text as a cell that no spreadsheet reads as a formula."""
    text = printable(text)
    return f"'{text}" if text.startswith(_FORMULA) else text
