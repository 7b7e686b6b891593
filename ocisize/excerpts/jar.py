"""JarReader: what a jar and the jars in it say about their artifacts, read while the file passes.

A zip is read by the headers before its entries, in one pass; its directory at the end is not needed. The header of an entry
that was written as a stream does not have the size of the entry, and then the next header is searched. Formats:
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT,
https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html, https://maven.apache.org/shared/maven-archiver/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import TypeAlias

from ocisize.excerpts.jar_texts import reduce_manifest, reduce_properties
from ocisize.excerpts.parts import JAR, MANIFEST, NESTED, POM_PROPERTIES, Part, packed_size

MAX_JAR_ENTRIES = 1 << 20  #: headers in all jars of a layer, which take a second; a large application has 100,000
MAX_INFLATED = 256 << 20  #: bytes that are inflated of all jars of a layer, which take a second
_MAX_DEPTH = 3  # a jar in a WAR in an EAR
_MAX_TEXT = 64 << 10  # bytes that are read of a manifest, of which the digests of signed classes take most, or properties
_MAX_NAME = 1 << 10  # bytes of the name of a nested jar, or of an entry that is read
_MAX_EXTRA = 8 << 10  # bytes of a name or of extra fields; more is no header of a jar
_MAX_EXCERPT = 256 << 10  # bytes
_SLICE = 16 << 10  # bytes given to zlib at once, which copies what it has not read
_INFLATED_SLICE = 64 << 10  # bytes
_NOT_NEEDED = 1 << 62  # bytes; more than any file has

_LOCAL = b"PK\x03\x04"
_HEADER = struct.Struct("<HHH8xI4xHH")  # version, flags, method, compressed size, bytes of name and extra fields
_HEADER_START, _HEADER_SIZE = 4, 30
_STORED, _DEFLATED = 0, 8
_MAX_VERSION, _MAX_METHOD = 63, 99  # of the specification
_ENCRYPTED, _IS_STREAMED = 1, 8  # flags
_ZIP64, _IN_ZIP64 = 1, 0xFFFFFFFF
_JAR_ENDS = (b".jar", b".war", b".rar")
_MANIFEST, _POM, _POM_FOLDER, _POM_DEPTH = b"META-INF/MANIFEST.MF", b"/pom.properties", b"META-INF/maven/", 4
_ENDS = (*_JAR_ENDS, _MANIFEST, _POM)


class JarBudget:
    """What is left for the jars of one layer: headers, and bytes to inflate, those that zlib reads included."""

    def __init__(self) -> None:
        self.entries, self.inflated = MAX_JAR_ENTRIES, MAX_INFLATED


class _Parts(list[Part]):
    """The parts of one excerpt, as many as it has room for."""

    def __init__(self) -> None:
        self._room = _MAX_EXCERPT

    def add(self, kind: bytes, name: bytes, data: bytes) -> None:
        """Add a part, or leave it out if it does not fit."""
        part = Part(kind, name, data)
        if packed_size(part) <= self._room:
            self._room -= packed_size(part)
            self.append(part)


class _Text:
    """Collects the start of an entry, and hands it over at its end."""

    def __init__(self, finish: Callable[[bytes], object]) -> None:
        self._finish, self._text, self.finished, self.failed = finish, bytearray(), False, False

    def feed(self, piece: bytes | memoryview) -> int:
        """Take the next bytes; return how many are of the entry."""
        self._text += piece[: _MAX_TEXT - len(self._text)]
        self.finished = len(self._text) == _MAX_TEXT
        return len(piece)

    def close(self) -> None:
        """Hand the text over."""
        self._finish(bytes(self._text))


class _Inflater:
    """Inflates an entry for what reads it; it is given slices of _SLICE bytes, so that its errors depend on no other."""

    def __init__(self, sink: _Text | JarReader, budget: JarBudget) -> None:
        self._sink, self._budget, self.finished, self.failed = sink, budget, False, False
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def feed(self, piece: bytes | memoryview) -> int:
        """Take the next slice; return how many bytes are of the entry, none if they cannot be inflated."""
        inflater, data = self._inflater, bytes(piece)
        self._budget.inflated -= len(data)
        while data and not self.finished:
            try:
                content = inflater.decompress(data, _INFLATED_SLICE)
            except zlib.error:
                self.finished = self.failed = True
                return 0
            self._budget.inflated -= len(content)
            self._sink.feed(content)
            self.finished = inflater.eof or self._sink.finished or self._budget.inflated <= 0
            data = inflater.unconsumed_tail
        return len(piece) - len(inflater.unused_data)

    def close(self) -> None:
        """End the entry."""
        self._sink.close()


_Sink: TypeAlias = "_Text | _Inflater | JarReader"


class JarReader:
    r"""Takes the bytes of a jar in pieces, and returns the parts of its excerpt. A file that is no jar has none.

    ``size`` is that of the file. Bytes before ``needed`` can be passed over with ``skip``.

    >>> import io, zipfile
    >>> file = io.BytesIO()
    >>> with zipfile.ZipFile(file, "w") as jar:
    ...     jar.writestr("META-INF/MANIFEST.MF", "Implementation-Title: app\n")
    >>> reader = JarReader(len(file.getvalue()), JarBudget())
    >>> reader.feed(file.getvalue()) == len(file.getvalue())
    True
    >>> reader.finish()
    [Part(kind=b'J', name=b'', data=b''), Part(kind=b'M', name=b'', data=b'Implementation-Title: app\n')]
    """

    read_size = 64 << 10  #: bytes to read at once

    def __init__(self, size: int, budget: JarBudget, name: bytes = b"", depth: int = 1, parts: _Parts | None = None) -> None:
        self.position, self._size = 0, size
        self._budget, self._name, self._depth = budget, name, depth
        self._parts = _Parts() if parts is None else parts
        self._is_jar = False
        self._rest = b""  # the start of a header
        self._skip = 0  # bytes to pass over
        self._sink: _Sink | None = None  # takes the entry that passes
        self._left: int | None = None  # bytes of it; None if its header does not have the size

    failed = False

    @property
    def finished(self) -> bool:
        """Whether nothing more is read."""
        return self._budget.entries <= 0

    @property
    def needed(self) -> int:
        """The position of the next byte that is needed."""
        return min(self.position + self.skippable, self._size)

    @property
    def skippable(self) -> int:
        """How many of the next bytes are not needed."""
        if self.finished:
            return _NOT_NEEDED
        if isinstance(self._sink, JarReader) and self._left:
            return min(self._sink.skippable, self._left - 1)  # the last byte closes it
        return self._skip

    def skip(self, count: int) -> None:
        """Pass over bytes that are not needed."""
        self.position += count
        if isinstance(self._sink, JarReader) and self._left:
            self._sink.skip(count)
            self._left -= count
        else:
            self._skip = max(self._skip - count, 0)

    def finish(self) -> list[Part]:
        """The parts that were found, when all bytes have passed."""
        self.close()
        return self._parts

    def close(self) -> None:
        """End the jar: read what waits for the rest of a slice."""
        self._read(self._rest, is_end=True)

    def feed(self, piece: bytes | memoryview) -> int:
        """Take the next bytes of the file; return how many."""
        self.position += len(piece)
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        if skipped == len(piece) or self.finished:
            return len(piece)
        self._read(self._rest + bytes(piece[skipped:]))
        return len(piece)

    def _read(self, data: bytes, *, is_end: bool = False) -> None:
        """Read bytes of entries, and keep the start of what is cut."""
        at, end = 0, len(data)
        while at < end and not self.finished:
            if self._sink is not None:
                slice_size = _SLICE if self._left is None else min(self._left, _SLICE)
                if isinstance(self._sink, _Inflater) and end - at < slice_size and not is_end:
                    break
                at = self._feed_sink(self._sink, data, at)
                continue
            if not data.startswith(_LOCAL, at):
                found = data.find(_LOCAL, at)
                at = found if found >= 0 else max(at, end - len(_LOCAL) + 1)
                if found < 0:
                    break
            if end - at < _HEADER_SIZE:
                break
            after = self._read_header(data, at)
            if after is None:
                break
            at = after
        self._rest, self._skip = data[at:], max(at - end, 0)

    def _feed_sink(self, sink: _Sink, data: bytes, at: int) -> int:
        """Give the entry its bytes from a position on; return the position behind them, or behind the entry."""
        stop = self._stop(sink, at, len(data))
        used = sink.feed(memoryview(data)[at:stop])
        if self._left is None:
            stop = at + used
        else:
            self._left -= stop - at
            stop += self._left if sink.finished else 0
        if sink.finished or self._left == 0:
            self._sink = None
            if not sink.failed:
                sink.close()
        return stop

    def _stop(self, sink: _Sink, at: int, end: int) -> int:
        """The position behind the next bytes of an entry, which may be cut by the end of the data."""
        size = end - at if self._left is None else self._left
        return min(at + (min(size, _SLICE) if isinstance(sink, _Inflater) else size), end)

    def _read_header(self, data: bytes, at: int) -> int | None:
        """Read the header of an entry; return the position behind it, or behind the entry; None for one that is cut."""
        fields: tuple[int, ...] = _HEADER.unpack_from(data, at + _HEADER_START)
        version, flags, method, stored, name_size, extra_size = fields
        if version & 255 > _MAX_VERSION or method > _MAX_METHOD or not name_size or max(name_size, extra_size) > _MAX_EXTRA:
            self._budget.entries -= 1
            return at + len(_LOCAL)  # no header
        start = at + _HEADER_SIZE + name_size + extra_size
        if start > len(data):
            return None
        self._budget.entries -= 1
        if not self._is_jar:
            self._is_jar = True
            self._parts.add(JAR, self._name, b"")
        name = data[at + _HEADER_SIZE : at + _HEADER_SIZE + name_size]
        if stored == _IN_ZIP64:
            stored = _size_in_zip64(data[start - extra_size : start])
        left = None if flags & _IS_STREAMED and not stored else stored
        if left != 0 and name.endswith(_ENDS) and not flags & _ENCRYPTED and name_size <= _MAX_NAME:
            self._sink = self._open(name, method, left)
        if self._sink is not None:
            self._left = left
            return start
        return start + stored

    def _open(self, name: bytes, method: int, left: int | None) -> _Sink | None:
        """What reads an entry; None if nothing does."""
        if method not in (_STORED, _DEFLATED) or (method == _STORED and left is None) or self._budget.inflated <= 0:
            return None
        sink: _Text | JarReader
        if name == _MANIFEST:
            sink = _Text(lambda text: self._parts.add(MANIFEST, self._name, reduce_manifest(text)))
        elif name.endswith(_POM):
            if not name.startswith(_POM_FOLDER) or name.count(b"/") != _POM_DEPTH:
                return None
            sink = _Text(lambda text: self._parts.add(POM_PROPERTIES, self._name, reduce_properties(text)))
        elif self._depth < _MAX_DEPTH and name.endswith(_JAR_ENDS):
            nested = self._name + NESTED + name if self._name else name
            sink = JarReader(_NOT_NEEDED, self._budget, nested, self._depth + 1, self._parts)
        else:
            return None
        return _Inflater(sink, self._budget) if method == _DEFLATED else sink


def _size_in_zip64(extra: bytes) -> int:
    """The compressed size in the extra field of a large entry; 0 if it is not there."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == _ZIP64 and size >= 16 and at + 20 <= len(extra):
            return min(int.from_bytes(extra[at + 12 : at + 20], "little"), _NOT_NEEDED)
        at += 4 + size
    return 0
