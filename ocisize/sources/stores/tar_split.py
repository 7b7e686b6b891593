"""tar-split: the bytes of a layer's tar that are no content, which containers/storage and Docker keep beside its files.

A file of tar-split (https://github.com/vbatts/tar-split) is gzip of JSON, one object a line: ``type`` 2 has bytes of the tar
(headers, padding, the end), ``type`` 1 has the name and the size of a file whose content follows there. Both together are
the tar, byte by byte, so that its digest is the diff_id of the layer.
"""

from __future__ import annotations

import json
import os
import stat
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Any

from ocisize.blob.region import CHUNK, FileRegion
from ocisize.blob.stream import LayerStream
from ocisize.errors import ArchiveError
from ocisize.sources.stores.diff_folder import DiffFolder
from ocisize.text import printable
from ocisize.tuples import NamedTuple

_BYTES, _FILE = 2, 1  # values of ``type``
_BATCH = 256 << 10  # bytes of JSON that are decoded at once
_MAX_LINE = 16 << 20  # bytes: the headers of one entry, in base64
_MAX_SIZE = 1 << 63  # bytes of a file
_LARGE = 256 << 10  # bytes of one read of a file


class SplitFile(NamedTuple):
    """A file whose content is a part of the tar."""

    path: bytes  #: as in the tar
    size: int  #: bytes


def read_segments(region: FileRegion) -> Iterator[bytes | SplitFile]:
    """Yield the parts of a tar in order: bytes, and files whose content comes there. Raises ArchiveError and StreamError."""
    for lines in _read_batches(region):
        try:
            documents = json.loads(b"[" + lines.replace(b"\n", b",") + b"]")
            segments = list(map(_read_segment, documents))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArchiveError(f"the tar-split of the layer is broken: {error!r}") from None
        yield from segments


def _read_segment(document: Any) -> bytes | SplitFile:
    """Return a part of the tar; raise ValueError, KeyError or TypeError for JSON that is none."""
    kind = document["type"]
    if kind == _BYTES:
        return a2b_base64(document["payload"])
    if kind != _FILE:
        raise ValueError(f"a part of type {kind!r}")
    size = document.get("size", 0)
    if type(size) is not int or not 0 <= size < _MAX_SIZE:
        raise ValueError(f"{size!r} is not a size")
    raw = document.get("name_raw")
    return SplitFile(str.encode(document["name"]) if raw is None else a2b_base64(raw), size)


def _read_batches(region: FileRegion) -> Iterator[bytes]:
    """Yield whole lines, without the line end of the last one; many at a time."""
    stream, buffer = LayerStream(region, stored_size=region.size), memoryview(bytearray(_BATCH))
    rest = b""
    while count := stream.readinto(buffer):
        lines, end, tail = bytes(buffer[:count]).rpartition(b"\n")
        if end:
            yield rest + lines
        rest = tail if end else rest + tail
        if len(rest) > _MAX_LINE:
            raise ArchiveError(f"the tar-split of the layer has a line of more than {_MAX_LINE} bytes")
    stream.finish()
    if rest:
        yield rest


def tar_length(region: FileRegion) -> int:
    """Return the bytes of the whole tar. Raises as ``read_segments``."""
    return sum(segment.size if isinstance(segment, SplitFile) else len(segment) for segment in read_segments(region))


def rebuild_tar(region: FileRegion, folder: DiffFolder) -> Iterator[bytes]:
    """Yield the tar in chunks, with the contents of the files in ``folder``.

    Raises as ``read_segments``, and OSError and ArchiveError for files that cannot be read or are not those of the tar.
    """
    pending = bytearray()
    for segment in read_segments(region):
        if not isinstance(segment, SplitFile):
            pending += segment
        elif segment.size:
            for chunk in read_content(folder, segment.path, segment.size):
                pending += chunk
                if len(pending) >= CHUNK:
                    yield bytes(pending)
                    pending.clear()
        if len(pending) >= CHUNK:
            yield bytes(pending)
            pending.clear()
    if pending:
        yield bytes(pending)


def read_content(folder: DiffFolder, path: bytes, size: int) -> Iterator[bytes]:
    """Yield the ``size`` bytes of a file in chunks. Raises OSError, and ArchiveError for a file that has not these bytes."""
    try:
        descriptor = folder.open(path)
    except ValueError as error:
        raise ArchiveError(f"the store names a file outside of the layer: {error}") from None
    except OSError as error:
        error.filename = path
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            raise _changed(path, size, status.st_size)
        remaining = size
        while chunk := os.read(descriptor, min(remaining, _LARGE)):
            remaining -= len(chunk)
            yield chunk
        if remaining:
            raise _changed(path, size, size - remaining)
    finally:
        os.close(descriptor)


def _changed(path: bytes, size: int, found: int) -> ArchiveError:
    name = printable(os.fsdecode(path))
    return ArchiveError(
        f"the file {name} in the store has {found} bytes, the layer has {size}",
        hint="the store was changed or is damaged: pull or build the image again",
    )
