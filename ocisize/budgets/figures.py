"""Functions that measure a figure of an image, of whole layers or of selected rows, for ``ocisize.budgets.kinds``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from ocisize.budgets.scope import LayerSelection, RowSelection, ScopeSizes, TablesMissing, regular_files
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.budget import Budget, VerdictPlace
from ocisize.model.findings import Finding, Severity
from ocisize.model.quantity import Number
from ocisize.tar.filetable import FileTable
from ocisize.text import decode_name
from ocisize.values import Factory, field, frozen

MAX_PLACES = 10  #: of a verdict; more are only counted
UNKNOWN_DOWNLOAD = "the layers were read uncompressed, so the download is unknown"
SEVERITIES = tuple(str(severity) for severity in Severity)  #: highest first


@frozen
class Figure:
    """A measured value and where in the image it comes from."""

    value: Number | None  #: in the budget's unit, of a download time in bytes; None if unknown, for ``reason``
    places: tuple[VerdictPlace, ...] = ()  #: at most MAX_PLACES
    place_count: int = field(default=Factory(lambda self: len(self.places), takes_self=True))
    reason: str = ""


def compressed_size(sizes: ScopeSizes) -> Figure:
    """The download in bytes."""
    return Figure(sizes.compressed_size, reason="" if sizes.compressed_size is not None else UNKNOWN_DOWNLOAD)


def content_size(sizes: ScopeSizes) -> Figure:
    """The bytes that are stored."""
    return Figure(sizes.content_size)


def live_size(sizes: ScopeSizes) -> Figure:
    """Bytes that a container sees."""
    return Figure(sizes.live_size)


def wasted_size(sizes: ScopeSizes) -> Figure:
    """Stored bytes that no container sees."""
    return Figure(sizes.wasted_size)


def wasted_share(sizes: ScopeSizes) -> Figure:
    """The share of the stored bytes that no container sees, 0 to 1."""
    return Figure(_share(sizes.wasted_size, sizes.content_size))


def efficiency(sizes: ScopeSizes) -> Figure:
    """The share of the stored bytes that a container sees, 0 to 1."""
    return Figure(1 - _share(sizes.wasted_size, sizes.content_size))


def file_count(sizes: ScopeSizes) -> Figure:
    """The number of regular files."""
    return Figure(sizes.file_count)


def _share(part: int, whole: int) -> Fraction:
    """A part of a whole; 0 of nothing."""
    return Fraction(part, whole) if whole else Fraction(0)


def user_waste(analysis: Analysis, _budget: Budget) -> Figure:
    """The wasted share of what the layers above the first store."""
    return wasted_share(ScopeSizes.of(analysis.layers[1:]))


def count_layers(image: Analysis | LayerSelection, _budget: Budget) -> Figure:
    """The number of layers."""
    return Figure(len(image.layers))


def largest_layer_download(image: Analysis | LayerSelection, _budget: Budget) -> Figure:
    """The largest download of a single layer."""
    return _largest_layer(image.layers, [layer.compressed_size for layer in image.layers])


def largest_layer_download_of_rows(rows: RowSelection, _budget: Budget) -> Figure:
    """The largest download of the selected rows of a single layer."""
    return _largest_layer(rows.layers, [sizes.compressed_size for sizes in rows.sizes_by_layer()])


def largest_layer_content(image: Analysis | LayerSelection, _budget: Budget) -> Figure:
    """The most bytes that a single layer stores."""
    return _largest_layer(image.layers, [layer.content_size for layer in image.layers])


def largest_layer_content_of_rows(rows: RowSelection, _budget: Budget) -> Figure:
    """The most bytes that the selected rows of a single layer store."""
    return _largest_layer(rows.layers, [sizes.content_size for sizes in rows.sizes_by_layer()])


def _largest_layer(layers: Sequence[LayerAnalysis], sizes: Sequence[int | None]) -> Figure:
    known = [(size, -layer.index) for layer, size in zip(layers, sizes, strict=True) if size is not None]
    if len(known) < len(sizes):
        return Figure(None, reason=UNKNOWN_DOWNLOAD)
    if not known:
        return Figure(0)
    size, index = max(known)
    return Figure(size, (VerdictPlace(layer=-index, exact_measured=size),))


def largest_file(image: Analysis | LayerSelection, _budget: Budget) -> Figure:
    """The size of the largest regular file. Raises TablesMissing."""
    tables = [layer.files for layer in image.layers if layer.files is not None]
    if len(tables) < len(image.layers):
        raise TablesMissing
    return _largest_file(
        [
            (layer.index, table, regular_files(table, range(len(table))))
            for layer, table in zip(image.layers, tables, strict=True)
        ]
    )


def largest_file_of_rows(rows: RowSelection, _budget: Budget) -> Figure:
    """The size of the largest regular file among the selected rows."""
    return _largest_file([(layer.index, rows.tables[layer.index], rows.files(layer.index)) for layer in rows.layers])


def _largest_file(layers: Iterable[tuple[int, FileTable, Iterable[int]]]) -> Figure:
    """The size of the largest file among rows of layers; of files of one size the first of the lowest layer."""
    largest: tuple[int, int, str] | None = None
    for layer, table, rows in layers:
        sizes = table.sizes
        row = max(rows, key=sizes.__getitem__, default=None)
        if row is not None and (largest is None or sizes[row] > largest[0]):
            largest = sizes[row], layer, decode_name(table.paths[row])
    if largest is None:
        return Figure(0)
    size, layer, path = largest
    return Figure(size, (VerdictPlace(layer=layer, path=path, exact_measured=size),))


def count_entries(rows: RowSelection, _budget: Budget) -> Figure:
    """The number of selected entries of any kind; the places are in the order of their layers."""
    places: list[VerdictPlace] = []
    count = 0
    for layer in rows.layers:
        table, selected = rows.tables[layer.index], rows.rows(layer.index)
        count += len(selected)
        places += [
            VerdictPlace(layer=layer.index, path=decode_name(table.paths[row]), exact_measured=table.sizes[row])
            for row in selected[: MAX_PLACES - len(places)]
        ]
    return Figure(count, tuple(places), count)


def count_image_findings(analysis: Analysis, budget: Budget) -> Figure:
    """The number of findings of the image that a budget forbids."""
    return _count_findings(analysis.advice.findings, budget)


def count_layer_findings(layers: LayerSelection, budget: Budget) -> Figure:
    """The number of findings of some layers that a budget forbids."""
    return _count_findings(layers.findings, budget)


def _count_findings(findings: Iterable[Finding], budget: Budget) -> Figure:
    forbidden = [finding for finding in findings if is_forbidden(finding, budget.findings)]
    places = [
        VerdictPlace(layer=finding.layers[0] if finding.layers else None, finding=finding.id)
        for finding in forbidden[:MAX_PLACES]
    ]
    return Figure(len(forbidden), tuple(places), len(forbidden))


def is_forbidden(finding: Finding, forbidden: Sequence[str]) -> bool:
    """True if a finding has one of the forbidden ids, or at least one of the forbidden severities."""
    reached = SEVERITIES[SEVERITIES.index(str(finding.severity)) :]
    return finding.id in forbidden or any(severity in forbidden for severity in reached)
