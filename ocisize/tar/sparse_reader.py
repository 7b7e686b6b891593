"""SparseReader: reads the maps and the payloads of sparse files from the stream of a tar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping

from ocisize.limits import Meter
from ocisize.tar.content_hash import XXH3, ContentHash
from ocisize.tar.filetable import NO_HASH
from ocisize.tar.header import BLOCK, GNU_MAGIC, MAX_SPECIAL, parse_number
from ocisize.tar.paths import clean_name, name_for_error
from ocisize.tar.sparse import (
    EXTENSION_TABLE,
    OLD_TABLE,
    SparseMap,
    parse_map_records,
    parse_old_pairs,
    read_map,
    sparse_size,
)
from ocisize.tar.window import Window

_MAX_HASHED_HOLES = 1 << 30  # bytes of holes of a layer that are hashed, as the zeros that they are: 0.1 s
_ZEROS = memoryview(bytes(1 << 16))


class SparseReader:
    """State for the sparse files of a layer.

    ``hash_content``, ``meter`` and ``content_hash`` are those of ``scan_tar``; kept files are added to ``contents``, by row.

    >>> import io
    >>> reader = SparseReader(Window(io.BytesIO(b"abc".ljust(512, b"\\0")), 512), {}, hash_content=True, meter=None)
    >>> reader.read_payload(0, b"var/log/lastlog", SparseMap(4096, ((1, 3),)), 3)
    >>> reader.stored_sizes, reader.last_hash == XXH3.of(b"\\0abc" + bytes(4092))
    ({0: 3}, True)
    """

    def __init__(
        self,
        window: Window,
        contents: MutableMapping[int, bytes],
        *,
        hash_content: bool,
        meter: Meter | None,
        content_hash: ContentHash = XXH3,
    ) -> None:
        self.stored_sizes: dict[int, int] = {}  #: by row: bytes of fragments
        self.last_hash = b""  #: content hash of the last file, if ``hash_content``
        self.wants: Callable[[int, bytes, int], bool] | None = None  #: of row, name and size: whether to keep the content
        self.map_size = 0  #: bytes of maps that were read from blocks
        self.fragment_count = 0  #: of these maps
        self._window, self._contents = window, contents
        self._hash_content, self._meter, self._content_hash = hash_content, meter, content_hash
        self._hashable_holes = _MAX_HASHED_HOLES

    def read_old_map(self, header: bytes) -> SparseMap:
        """Read an old GNU map: that of the header, and its extension blocks, which are not part of the payload.

        Raises ValueError.
        """
        if header[257:265] != GNU_MAGIC:  # star uses the same letter for another layout
            raise ValueError("sparse file in a header that is not in GNU format")
        size, pairs = parse_number(header[483:495]), parse_old_pairs(header[OLD_TABLE])
        is_extended, length = header[482], 0
        while is_extended:
            block = self._window.read_exactly(BLOCK, "a sparse map")
            pairs += parse_old_pairs(block[EXTENSION_TABLE])
            is_extended, length = block[504], length + BLOCK
            if length > MAX_SPECIAL:
                raise ValueError(f"sparse map of more than {MAX_SPECIAL} bytes")
        self._count(length, len(pairs))
        return SparseMap(size, pairs)

    def read_pax_map(self, version: str, pax: Mapping[bytes, bytes], stored: int) -> tuple[SparseMap, int]:
        """Read the map of a PAX file; return it with the bytes that it takes of the payload, which are consumed.

        ``version`` is that of ``sparse_version``. Raises ValueError.
        """
        size = sparse_size(pax, stored)
        if version == "0":
            return SparseMap(size, parse_map_records(pax)), 0
        fragments, map_size = read_map(lambda: self._window.read_exactly(BLOCK, "a sparse map"), stored)
        self._count(map_size, len(fragments))
        return SparseMap(size, fragments), map_size

    def _count(self, map_size: int, fragments: int) -> None:
        self.map_size += map_size
        self.fragment_count += fragments

    def read_payload(self, row: int, name: bytes, sparse: SparseMap, stored: int) -> None:
        """Move past the ``stored`` bytes of a file with their padding; keep and hash its content as wanted.

        Raises ValueError if the map has more bytes or fewer, LimitExceeded for too many holes, and TarError if the tar ends
        before.
        """
        sparse.check_data(stored)
        if self._meter is not None:
            self._meter.record_holes(sparse.size - stored, name_for_error(clean_name(name)))
        self.stored_sizes[row] = stored
        window, what, content_hash = self._window, repr(name_for_error(name)), b""
        if self.wants is not None and self.wants(row, name, sparse.size):
            self._contents[row] = content = sparse.expand(window.read_exactly(stored, what))
            content_hash = self._content_hash.of(content)
        elif self._hash_content:
            content_hash = self._hash(sparse, stored, what)
        else:
            window.discard_exactly(stored, what)
        window.position += -stored & 511
        self.last_hash = content_hash if self._hash_content else b""

    def _hash(self, sparse: SparseMap, stored: int, what: str) -> bytes:
        """Move past the fragments of a file; return the hash of its content; for huge holes, that of fragments and map.

        A digest of another writer is always of the content, so a sha256 of fragments would be compared with it wrongly.
        """
        window, hasher, holes, end = self._window, self._content_hash.start(), sparse.size - stored, 0
        if holes > self._hashable_holes:
            window.discard_exactly(stored, what, hasher.update)
            return sparse.hash_with_holes(hasher.digest()) if self._content_hash is XXH3 else NO_HASH
        self._hashable_holes -= holes
        for offset, length in (*sparse.fragments, (sparse.size, 0)):
            while end < offset:
                hasher.update(_ZEROS[: offset - end])
                end += min(offset - end, len(_ZEROS))
            window.discard_exactly(length, what, hasher.update)
            end = offset + length
        return hasher.digest()
