"""Estimates of the download of single files, where only that of their uncompressed layer is known.

Archives, packages and media hardly compress again: they count in full. The rest of the layer's estimate is shared by the
other files in proportion to their sizes.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ocisize.tar.filetable import FileTable

_COMPRESSED_SUFFIXES = (
    b".deb", b".rpm", b".apk", b".gz", b".tgz", b".bz2", b".xz", b".zst", b".lz4", b".br", b".zip", b".jar", b".war",
    b".whl", b".egg", b".nupkg", b".gem", b".crate", b".7z", b".png", b".jpg", b".jpeg", b".gif", b".webp", b".avif",
    b".mp3", b".mp4", b".webm", b".woff", b".woff2", b".pdf", b".docx", b".xlsx", b".parquet", b".npz", b".safetensors",
)  # fmt: skip
_COMPRESSED_DIRECTORIES = (b".git/objects/", b"_cacache/content-v2/")  # git's objects and npm's archives have no suffixes
_MIN_RATIO = 0.02  # of files that are not compressed yet: no layer of files compresses better


class FileEstimates:
    """The share of each file in the estimated download of a layer."""

    def __init__(self, table: FileTable, estimated_size: int) -> None:
        """Divide ``estimated_size``, the estimated download of the layer in bytes, among the rows of its table."""
        self._sizes = sizes = array("q", table.sizes) if table.stored_sizes else table.sizes
        for row, stored in table.stored_sizes.items():  # holes are not downloaded
            sizes[row] = stored
        self._compressed = bytearray(map(_is_compressed, table.paths))
        compressed = sum(size for size, flag in zip(sizes, self._compressed, strict=True) if flag)
        total = sum(sizes)
        self._full_ratio = min(1.0, estimated_size / compressed) if compressed else 1.0
        rest, left = total - compressed, estimated_size - compressed * self._full_ratio
        self._ratio = max(_MIN_RATIO, left / rest) if rest else 0.0

    def sum_of(self, rows: Sequence[int]) -> int:
        """The estimated download of some rows, in bytes."""
        full = sum(self._sizes[row] for row in rows if self._compressed[row])
        rest = sum(self._sizes[row] for row in rows if not self._compressed[row])
        return round(full * self._full_ratio + rest * self._ratio)


def _is_compressed(path: bytes) -> bool:
    return path.endswith(_COMPRESSED_SUFFIXES) or any(directory in path for directory in _COMPRESSED_DIRECTORIES)
