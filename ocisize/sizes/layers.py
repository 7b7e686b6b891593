"""The figures of layers and of an image, summed from the tables of the layers and their overlay."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from ocisize.filesystem.overlay import Overlay
from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.history.steps import LayerHistory
from ocisize.model.analysis import LayerAnalysis, LayerFailure, TableOfContents
from ocisize.model.base import BaseImage, BaseSplit
from ocisize.model.sizes import Sizes, paid_layers, sum_estimates, sum_known, uppermost_layers
from ocisize.model.tool_sizes import LayerOnDisk
from ocisize.model.waste import WasteTable
from ocisize.tar.filetable import REGULAR, FileTable, layer_value
from ocisize.tuples import NamedTuple

DISK_BLOCK = 4096  #: bytes; the usual block size of ext4 and xfs


class LayerFacts(NamedTuple):
    """The facts about a layer that its table does not have."""

    digest: str
    diff_id: str | None
    media_type: str
    compression: str
    compressed_size: int | None  #: None if the input does not have it
    digest_verified: bool
    diff_id_verified: bool
    member: str | None = None  #: the file of a saved image that holds the layer
    failure: LayerFailure | None = None  #: why the layer could not be read; its table is empty
    estimated_compressed_size: int | None = None  #: if compressed_size is None and the layer was sampled
    estimate_error: float | None = None
    toc: TableOfContents | None = None  #: of a layer that was read from its table of contents


def summarize_layers(
    tables: Sequence[FileTable],
    facts: Sequence[LayerFacts],
    histories: Sequence[LayerHistory],
    waste: WasteTable,
    duplicates: Sequence[int],
    overlay: Overlay | None = None,
    on_disk: Sequence[LayerOnDisk] = (),
) -> tuple[LayerAnalysis, ...]:
    """Return the figures of every layer, base first.

    All sequences are by layer. ``duplicates``: bytes of duplicate files. With ``overlay`` the layers have ``hidden_by`` and
    ``causes``, with ``on_disk`` what hosts write for them beside the content of files.
    """
    count = len(tables)
    wasted, wasted_compressed, hides = [0] * count, [0] * count, [0] * count
    for held_by, hidden_by, size, compressed in zip(
        waste.held_by, waste.hidden_by, waste.sizes, waste.compressed_sizes, strict=True
    ):
        wasted[held_by] += size
        wasted_compressed[held_by] += max(compressed, 0)
        hides[hidden_by] += size
    layers = []
    for index, (table, fact, history) in enumerate(zip(tables, facts, histories, strict=True)):
        sums = layer_value(table, sum_rows)
        known = table.compressed_sizes is not None  # a store may know the blob's size alone
        layers.append(
            LayerAnalysis(
                compressed_size=fact.compressed_size,
                estimated_compressed_size=fact.estimated_compressed_size,
                estimate_error=fact.estimate_error,
                tar_size=table.tar_size,
                content_size=sums.content,
                stored_size=sums.stored,
                live_size=sums.content - wasted[index],
                disk_size=sums.disk,
                wasted_size=wasted[index],
                wasted_compressed_size=wasted_compressed[index] if known else None,
                duplicate_size=duplicates[index],
                file_count=sums.files,
                entry_count=len(table),
                index=index,
                digest=fact.digest,
                diff_id=fact.diff_id,
                media_type=fact.media_type,
                compression=fact.compression,
                overhead_size=table.overhead,
                hides_size=hides[index],
                build_step=history.build_step,
                created_by=history.created_by,
                created=history.created,
                build_step_certain=history.certain,
                digest_verified=fact.digest_verified,
                diff_id_verified=fact.diff_id_verified,
                member=fact.member,
                toc=fact.toc,
                failure=fact.failure,
                on_disk=on_disk[index] if on_disk and fact.failure is None else None,
                files=table,
                hidden_by=overlay.hidden_by[index] if overlay is not None else None,
                causes=overlay.causes[index] if overlay is not None else None,
            )
        )
    return tuple(layers)


class RowSums(NamedTuple):
    """Sums over the rows of a layer, kept with its table."""

    content: int
    stored: int
    disk: int
    files: int


def sum_rows(table: FileTable) -> RowSums:
    """The sums of a layer; see ``layer_value``."""
    content = sum(table.sizes)
    holes = sum(table.sizes[row] - stored for row, stored in table.stored_sizes.items())
    return RowSums(content, content - holes, _disk_size(table), _count_files(table))


def _disk_size(table: FileTable) -> int:
    """Bytes of whole blocks; a count of equal sizes takes twice as long."""
    return -DISK_BLOCK * sum([-size // DISK_BLOCK for size in table.sizes])


def _count_files(table: FileTable) -> int:
    """Regular files that a layer stores, whiteout markers left out."""
    return table.kinds.count(REGULAR) - sum(table.kinds[row] == REGULAR for row in whiteout_rows(table))


def sum_layers(layers: Sequence[LayerAnalysis]) -> Sizes:
    """Return the figures of an image, the sums over its layers; a figure that one layer lacks is None.

    The download of a blob that several layers have is counted once, see ``paid_layers``. Its wasted part is that of the
    uppermost of these layers, see ``uppermost_layers``.

    >>> from ocisize import analyze
    >>> analysis = analyze("testdata/example.tar")
    >>> sum_layers(analysis.layers).compressed_size == analysis.compressed_size
    True
    """
    return _sum_part(layers, layers)


def _sum_part(layers: Sequence[LayerAnalysis], image: Sequence[LayerAnalysis]) -> Sizes:
    """The figures of some layers of an image; those of several parts add up to the image's."""
    paid = {layer.index for layer in compress(image, paid_layers(image))}
    uppermost = uppermost_layers(image)
    downloaded = [layer for layer in layers if layer.index in paid]
    estimated_size, estimate_error = sum_estimates(downloaded)
    return Sizes(
        compressed_size=sum_known(layer.compressed_size for layer in downloaded),
        estimated_compressed_size=estimated_size,
        estimate_error=estimate_error,
        tar_size=sum_known(layer.tar_size for layer in layers),
        content_size=sum(layer.content_size for layer in layers),
        stored_size=sum(layer.stored_size for layer in layers),
        live_size=sum(layer.live_size for layer in layers),
        disk_size=sum(layer.disk_size for layer in layers),
        wasted_size=sum(layer.wasted_size for layer in layers),
        wasted_compressed_size=sum_known(uppermost[layer.digest].wasted_compressed_size for layer in downloaded),
        duplicate_size=sum(layer.duplicate_size for layer in layers),
        file_count=sum(layer.file_count for layer in layers),
        entry_count=sum(layer.entry_count for layer in layers),
    )


def split_at_base(layers: Sequence[LayerAnalysis], base: BaseImage) -> BaseSplit:
    """Return the figures of the layers of the base image, and of the layers that were built on it."""
    if not base.layers:
        return BaseSplit(base)
    return BaseSplit(base, _sum_part(layers[: base.layers], layers), _sum_part(layers[base.layers :], layers))
