"""Estimates of the download of single files, where only that of their uncompressed layer is known.

Archives, packages and media hardly compress again: they count in full. The rest of the layer's estimate is shared by the
other files in proportion to their sizes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import chain, compress, islice
from operator import itemgetter

from ocisize.filesystem.directories import KeptRuns
from ocisize.tar.filetable import FileTable, IntArray, layer_value
from ocisize.tar.row_values import row_values
from ocisize.tuples import NamedTuple

_COMPRESSED_EXTENSIONS = frozenset(
    (
        b".deb .rpm .apk .gz .tgz .bz2 .xz .zst .lz4 .br .zip .jar .war .whl .egg .nupkg .gem .crate .7z .png .jpg .jpeg"
        b" .gif .webp .avif .mp3 .mp4 .webm .woff .woff2 .pdf .docx .xlsx .parquet .npz .safetensors"
    ).split()
)
_COMPRESSED_DIRECTORIES = (b".git/objects/", b"_cacache/content-v2/")  # git's objects and npm's archives have no suffixes
_ENDS = frozenset(extension[-3:] for extension in _COMPRESSED_EXTENSIONS)
_end_of = itemgetter(slice(-3, None))
_MIN_RATIO = 0.02  # of files that are not compressed yet: no layer of files compresses better


class FileEstimates:
    """The share of each file in the estimated download of a layer."""

    def __init__(self, table: FileTable, estimated_size: int) -> None:
        """Divide ``estimated_size``, the estimated download of the layer in bytes, among the rows of its table."""
        content = layer_value(table, _find_content)
        self._sizes, self._is_compressed = content.sizes, content.is_compressed
        self._full_ratio = min(1.0, estimated_size / content.compressed) if content.compressed else 1.0
        rest, left = content.total - content.compressed, estimated_size - content.compressed * self._full_ratio
        self._ratio = max(_MIN_RATIO, left / rest) if rest else 0.0

    def sum_of(self, rows: Sequence[int]) -> int:
        """The estimated download of some rows, in bytes."""
        sizes = row_values(self._sizes, rows)
        full = sum(compress(sizes, row_values(self._is_compressed, rows)))
        rest = sum(sizes) - full
        return round(full * self._full_ratio + rest * self._ratio)


class _Content(NamedTuple):
    """The content of a layer, kept with its table."""

    sizes: IntArray  #: by row: bytes that are downloaded, without holes
    is_compressed: bytes  #: by row
    total: int  #: bytes of all rows
    compressed: int  #: bytes of the rows that are compressed already


def _find_content(table: FileTable) -> _Content:
    sizes = array("q", table.sizes) if table.stored_sizes else table.sizes
    for row, stored in table.stored_sizes.items():  # holes are not downloaded
        sizes[row] = stored
    is_compressed = _flag_compressed(table)
    return _Content(sizes, is_compressed, sum(sizes), sum(compress(sizes, is_compressed)))


def _flag_compressed(table: FileTable) -> bytes:
    """By row, whether the file is compressed already."""
    flags = bytearray(len(table))
    for first, paths in table.paths.pieces():
        is_likely = map(_ENDS.__contains__, map(_end_of, paths))  # a third of the time of a look at all extensions
        for row, path in compress(enumerate(paths, first), is_likely):
            flags[row] = path[path.rfind(b".") :] in _COMPRESSED_EXTENSIONS
    for start, end in _compressed_spans(table):
        flags[start:end] = b"\1" * (end - start)
    return bytes(flags)


def _compressed_spans(table: FileTable) -> Iterator[tuple[int, int]]:
    """The rows in directories whose files are compressed: the first of each run, and the one behind the last."""
    runs = table.derived.get(KeptRuns)
    if not isinstance(runs, KeptRuns):
        yield from ((row, row + 1) for directory in _COMPRESSED_DIRECTORIES for row in table.paths.rows_with(directory))
        return
    names = [b"%b/" % path for path in runs.paths]  # there are fewer directories than paths
    found = {number for directory in _COMPRESSED_DIRECTORIES for number, name in enumerate(names) if directory in name}
    ends = chain(islice(runs.starts, 1, None), (len(table),))
    spans = zip(runs.starts, ends, strict=True)
    yield from compress(spans, map(found.__contains__, runs.directories)) if found else ()
