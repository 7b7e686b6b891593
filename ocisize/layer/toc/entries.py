"""TocTableBuilder: the entries of a JSON table of contents as rows of a file table."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from ocisize.layer.toc.rows import FLUSH_ROWS, KINDS, MAX_NUMBER, TocRows
from ocisize.layer.toc.spans import Pieces
from ocisize.layer.toc.stored import TOC_PATH, TocFile
from ocisize.layer.toc.unusable import Unusable
from ocisize.limits import Meter
from ocisize.tar.content_hash import HASH_SIZE, SHA256
from ocisize.tar.filetable import HARD_LINK, NO_HASH, REGULAR, SYMLINK, FileTable

_LINKS = (HARD_LINK, SYMLINK)
_SHA256_LENGTH = len("sha256:") + 64
_EMPTY_HASH = SHA256.of(b"")
_REPLACED = "\N{REPLACEMENT CHARACTER}"  # Go writes it for bytes that are not UTF-8


class TocTableBuilder:
    """Rows of a file table while the entries of a table of contents are added, and the pieces of their contents.

    >>> builder = TocTableBuilder()
    >>> builder.add({"type": "dir", "name": "etc/", "mode": 0o755})
    >>> builder.add({"type": "reg", "name": "etc/empty", "mode": 0o644, "uid": 7})
    >>> [(entry.path, entry.kind, oct(entry.mode), entry.uid) for entry in builder.build(tar_size=None)]
    [('etc', 'dir', '0o755', 0), ('etc/empty', 'file', '0o644', 7)]
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self.pieces = Pieces()
        self.rows = TocRows(meter, has_hashes=True)
        # The file to which chunks may be added: its name, its size, how much of it pieces cover, its end in the blob.
        self._name: object = None
        self._size = self._covered = self._end = 0

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add the next entry. Raises Unusable for one that is malformed, and LimitExceeded."""
        kind = KINDS.get(entry.get("type")) if type(entry.get("type")) is str else None
        if kind is None:
            self._add_chunk(entry)
            return
        self._end_file()
        name, size, content_hash = _name(entry, "name"), _number(entry, "size"), NO_HASH
        if kind == REGULAR:
            content_hash = self._begin_file(entry, size) if size else _EMPTY_HASH
        self.rows.add(
            name,
            kind,
            size,
            (_number(entry, "mode"), _number(entry, "uid"), _number(entry, "gid")),
            content_hash=content_hash,
            link=_name(entry, "linkName") if kind in _LINKS else b"",
            xattrs=_xattrs(entry["xattrs"]) if entry.get("xattrs") else None,
        )

    def add_table(self, file: TocFile, json_digest: str) -> int:
        """Add the file that holds the table, which is the last one of its tar; return its row."""
        self._end_file()
        self.rows.add(TOC_PATH, REGULAR, file.size, file.owner, content_hash=_half(json_digest))
        return len(self.rows) - 1

    def build(self, *, tar_size: int | None) -> FileTable:
        """The table of all entries, without compressed sizes. Raises Unusable if the last one lacks chunks."""
        self._end_file()
        return self.rows.build(SHA256.name, tar_size=tar_size)

    def _begin_file(self, entry: Mapping[str, Any], size: int) -> bytes:
        """Add the first piece of a content, to which chunks may be added; return the hash of the content."""
        self._name, self._size, self._covered, self._end = entry["name"], size, 0, _number(entry, "endOffset")
        self._add_piece(len(self.rows), entry)
        return _half(entry.get("digest"))

    def _add_chunk(self, entry: Mapping[str, Any]) -> None:
        """Add the next piece of the content before."""
        if entry.get("type") != "chunk":
            raise Unusable(f"its table of contents has an entry of the type {str(entry.get('type'))[:80]!r}")
        if self._name is None or entry.get("name") != self._name:
            raise Unusable("its table of contents has a chunk that follows another file")
        self._add_piece(len(self.rows) - 1, entry)
        self.rows.piece_count += 1
        if not self.rows.piece_count % FLUSH_ROWS:
            self.rows.record()

    def _add_piece(self, row: int, entry: Mapping[str, Any]) -> None:
        remaining = self._size - self._covered
        size = _number(entry, "chunkSize") or remaining
        if _number(entry, "chunkOffset") != self._covered or not 0 < size <= remaining:
            raise Unusable("its table of contents has chunks that do not follow each other")
        start = _number(entry, "offset")
        if self._covered and self._end:
            self.pieces.stops[-1] = start
        self.pieces.add(row, start, size, _number(entry, "innerOffset"))
        self._covered += size

    def _end_file(self) -> None:
        """Check that the pieces of the last content are all of it."""
        if self._name is None:
            return
        if self._covered != self._size:
            raise Unusable("its table of contents lacks chunks of a file")
        if self._end:
            self.pieces.stops[-1] = self._end
        self._name = None


def _number(entry: Mapping[str, Any], key: str) -> int:
    value = entry.get(key, 0)
    if type(value) is int and 0 <= value < MAX_NUMBER:
        return value
    raise Unusable(f"its table of contents has the {key} {str(value)[:80]!r}")


def _name(entry: Mapping[str, Any], key: str) -> bytes:
    value = entry.get(key)
    if type(value) is str and _REPLACED not in value:
        try:
            return value.encode()
        except UnicodeEncodeError:
            pass
    raise Unusable(f"its table of contents has the {key} {str(value)[:80]!r}")


def _half(digest: object) -> bytes:
    """The first half of a sha256 digest."""
    if type(digest) is str and len(digest) == _SHA256_LENGTH and digest.startswith("sha256:"):
        try:
            value = bytes.fromhex(digest[7:])
        except ValueError:
            value = b""
        if len(value) == 2 * HASH_SIZE:
            return value[:HASH_SIZE]
    raise Unusable(f"its table of contents has the digest {str(digest)[:80]!r}")


def _xattrs(value: object) -> Mapping[str, bytes]:
    """Extended attributes by name; their values are in base64."""
    try:
        if isinstance(value, dict):
            names = [_name({"name": key}, "name").decode() for key in value]
            contents = [base64.b64decode(text, validate=True) for text in value.values()]
            return dict(zip(names, contents, strict=True))
    except (binascii.Error, TypeError, ValueError):
        pass
    raise Unusable("its table of contents has malformed extended attributes")
