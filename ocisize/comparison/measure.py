"""The one measure of all sizes in sentences about a comparison: the download, or the unpacked content if that is unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ocisize.model.analysis import Analysis
from ocisize.model.comparison import LayerChange
from ocisize.model.file_changes import SizeGrowth

Weigh: TypeAlias = Callable[[SizeGrowth], int]  # the growth of something, in bytes of the measure


def measures_download(before: Analysis, after: Analysis, layers: Sequence[LayerChange]) -> bool:
    """Return True if the growth of the download is known: of both images, and of the files that were compared."""
    sums = [files for layer in layers for files in (layer.files or {}).values()]
    known = before.compressed_size is not None and after.compressed_size is not None
    return known and all(files.compressed_growth is not None for files in sums)


def weigh_download(grown: SizeGrowth) -> int:
    """Return the growth of the download, 0 if it is unknown."""
    return grown.compressed_growth or 0


def weigh_content(grown: SizeGrowth) -> int:
    """Return the growth of the content."""
    return grown.growth
