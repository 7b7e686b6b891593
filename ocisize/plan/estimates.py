"""Estimates of the download of single files, where only that of their uncompressed layer is known.

Archives, packages and media hardly compress again: they count in full. The rest of the layer's estimate is shared by the
other files in proportion to their sizes.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import compress

from ocisize.tar.filetable import FileTable, layer_value

_COMPRESSED_EXTENSIONS = frozenset(
    (
        b".deb .rpm .apk .gz .tgz .bz2 .xz .zst .lz4 .br .zip .jar .war .whl .egg .nupkg .gem .crate .7z .png .jpg .jpeg"
        b" .gif .webp .avif .mp3 .mp4 .webm .woff .woff2 .pdf .docx .xlsx .parquet .npz .safetensors"
    ).split()
)
_COMPRESSED_DIRECTORIES = (b".git/objects/", b"_cacache/content-v2/")  # git's objects and npm's archives have no suffixes
_MIN_RATIO = 0.02  # of files that are not compressed yet: no layer of files compresses better


class FileEstimates:
    """The share of each file in the estimated download of a layer."""

    def __init__(self, table: FileTable, estimated_size: int) -> None:
        """Divide ``estimated_size``, the estimated download of the layer in bytes, among the rows of its table."""
        self._sizes = sizes = array("q", table.sizes) if table.stored_sizes else table.sizes
        for row, stored in table.stored_sizes.items():  # holes are not downloaded
            sizes[row] = stored
        self._compressed = layer_value(table, _flag_compressed)
        compressed = sum(compress(sizes, self._compressed))
        total = sum(sizes)
        self._full_ratio = min(1.0, estimated_size / compressed) if compressed else 1.0
        rest, left = total - compressed, estimated_size - compressed * self._full_ratio
        self._ratio = max(_MIN_RATIO, left / rest) if rest else 0.0

    def sum_of(self, rows: Sequence[int]) -> int:
        """The estimated download of some rows, in bytes."""
        sizes = list(map(self._sizes.__getitem__, rows))
        full = sum(compress(sizes, map(self._compressed.__getitem__, rows)))
        rest = sum(sizes) - full
        return round(full * self._full_ratio + rest * self._ratio)


def _flag_compressed(table: FileTable) -> bytes:
    """By row, whether the file is compressed already."""
    flags = bytearray()
    for _, paths in table.paths.pieces():
        extensions = [path[path.rfind(b".") :] for path in paths]  # the last byte of a path without a dot
        flags += bytes(map(_COMPRESSED_EXTENSIONS.__contains__, extensions))
    for directory in _COMPRESSED_DIRECTORIES:
        for row in table.paths.rows_with(directory):
            flags[row] = True
    return bytes(flags)
