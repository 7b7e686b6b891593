"""StoredToc: a table of contents as it is stored, decompressed in pieces, so that only the stored bytes are in memory."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

from ocisize.blob.digest import check_digest
from ocisize.errors import DigestMismatch
from ocisize.layer.toc.position import MAX_JSON
from ocisize.layer.toc.unusable import Unusable
from ocisize.oci.toc_annotations import ESTARGZ
from ocisize.tar.header import BLOCK, checksum_matches, parse_number
from ocisize.values import frozen

TOC_PATH = b"stargz.index.json"  #: of eStargz: the table is a file of the layer's tar, which other runtimes unpack
_PIECE = 256 << 10  # bytes that are decompressed at once
_FED = 64 << 10  # bytes that the decoder gets at once


@frozen
class TocFile:
    """The file of the tar that holds the table: its size in bytes; its mode, uid and gid."""

    size: int
    owner: tuple[int, int, int]


@frozen
class StoredToc:
    """A stored table of contents, ``data``, in one of the formats of ``position``."""

    format: str
    data: bytes
    max_window: int  #: bytes of the window of a zstd frame

    def check_stored(self, digest: str) -> None:
        """Raise Unusable unless the stored bytes have this digest."""
        try:
            check_digest(self.data, digest)
        except DigestMismatch as error:
            raise Unusable(f"its table of contents has digest {error.got}, the manifest says {digest}") from None

    def check_json(self, digest: str) -> None:
        """Raise Unusable unless the JSON has this sha256 digest."""
        hasher = hashlib.sha256()
        for piece in self.json():
            hasher.update(piece)
        if (got := f"sha256:{hasher.hexdigest()}") != digest:
            raise Unusable(f"its table of contents has digest {got}, the manifest says {digest}")

    def json(self) -> Iterator[bytes]:
        """Yield the JSON in pieces. Raises Unusable if it cannot be decompressed or has more than MAX_JSON bytes."""
        size = 0
        for piece in self._unpack_file() if self.format == ESTARGZ else _decompress_zstd(self.data, self.max_window):
            size += len(piece)
            if size > MAX_JSON:
                raise Unusable(f"its table of contents has more than {MAX_JSON} bytes")
            yield piece

    def file(self) -> TocFile | None:
        """Return the file of the tar that holds the table; None for a format without. Raises Unusable."""
        if self.format != ESTARGZ:
            return None
        return _parse_header(next(_in_blocks(_decompress_gzip(self.data)), b""))

    def _unpack_file(self) -> Iterator[bytes]:
        """Yield the payload of the only file in the tar."""
        blocks = _in_blocks(_decompress_gzip(self.data))
        remaining = _parse_header(next(blocks, b"")).size
        for piece in blocks:
            yield piece[:remaining]
            remaining -= min(remaining, len(piece))
            if not remaining:
                return
        raise Unusable("its table of contents is cut")


def _parse_header(header: bytes) -> TocFile:
    try:
        if len(header) == BLOCK and checksum_matches(header) and header[:100].rstrip(b"\0") == TOC_PATH:
            mode, uid, gid, size = (
                parse_number(header[start:stop]) for start, stop in ((100, 108), (108, 116), (116, 124), (124, 136))
            )
            if 0 <= size <= MAX_JSON and header[156:157] in (b"0", b"\0"):
                return TocFile(size, (mode, uid, gid))
    except ValueError:
        pass
    raise Unusable(f"its table of contents is not a tar with the file {TOC_PATH.decode()}")


def _in_blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the first 512 bytes alone, then the rest in pieces."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= BLOCK:
            yield head[:BLOCK]
            yield head[BLOCK:]
            break
    yield from pieces


def _decompress_gzip(data: bytes) -> Iterator[bytes]:
    """Yield the content of the first member."""
    decoder, view = zlib.decompressobj(31), memoryview(data)
    try:
        for start in range(0, len(view), _FED):
            pending: bytes | memoryview = view[start : start + _FED]
            while pending:
                yield decoder.decompress(pending, _PIECE)
                pending = decoder.unconsumed_tail
            if decoder.eof:
                return
    except zlib.error as error:
        raise Unusable(f"its table of contents is no gzip: {error}") from None
    raise Unusable("its table of contents is cut")


def _decompress_zstd(data: bytes, max_window: int) -> Iterator[bytes]:
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=max_window).stream_reader(data)
    try:
        while piece := reader.read(_PIECE):
            yield piece
    except zstandard.ZstdError as error:
        raise Unusable(f"its table of contents is no zstd: {error}") from None
