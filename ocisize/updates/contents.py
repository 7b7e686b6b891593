"""The files of layers: whether two layers have the same, and which bytes a host has already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from ocisize.model.updates import Release
from ocisize.tar.content_hash import HASH_SIZE
from ocisize.tar.filetable import NO_HASH, REGULAR, FileTable
from ocisize.values import field, frozen


@frozen(eq=False)
class LayerContents:
    """The files of a layer. Two are equal if they have the same entries in any order, whatever their times are.

    An entry is a path with kind, mode, owner, content, target of a link and extended attributes.

    >>> import ocisize
    >>> first, second = ocisize.Analyzer(hash_content=True).analyze("testdata/example.tar").layers[:2]
    >>> read_contents(first.files) == read_contents(first.files), read_contents(first.files) == read_contents(second.files)
    (True, False)
    """

    table: FileTable = field(repr=False)  #: the entries
    identity: bytes | None  #: equal for equal multisets of entries; None if the content of a file is not known
    owners: Sequence[str | None] | None = field(default=None, repr=False)  #: packages by row, None without; None: unknown

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LayerContents):
            return NotImplemented
        return self.identity is not None and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


def read_contents(table: FileTable, owners: Sequence[str | None] | None = None) -> LayerContents:
    """Return the contents of a layer, from its file table and the package that owns each of its rows."""
    return LayerContents(table.without_contents(), _identify(table), owners)


def _identify(table: FileTable) -> bytes | None:
    """A hash of the sorted entries; None if a file with content has no hash."""
    entries = []
    for row, path in enumerate(table.paths):
        if table.kinds[row] == REGULAR and table.sizes[row] and table.hash_of(row) == NO_HASH:
            return None
        entries.append(row_identity(table, row, path))
    digest = hashlib.sha256(table.hash_function.encode())
    for entry_text in sorted(entries):
        digest.update(len(entry_text).to_bytes(8, "big"))
        digest.update(entry_text)
    return digest.digest()


def row_identity(table: FileTable, row: int, path: bytes) -> bytes:
    """Return a text of an entry, equal for equal entries; ``path`` is that of the row."""
    attributes = table.attributes[table.owners[row]]
    size = table.sizes[row]
    content = table.hash_of(row) if size else b""
    entry = (path, table.kinds[row], size, content, attributes.mode, attributes.uid, attributes.gid)
    return repr((*entry, table.links.get(row), sorted(table.xattrs.get(row, {}).items()))).encode()


def measure_changed(before: Release, missing: Iterable[str], contents: Mapping[str, LayerContents]) -> int | None:
    """Return the bytes of files that ``before`` has nowhere, as shares of the blobs that are downloaded; None if unknown.

    A client that requests parts of blobs, as those of zstd:chunked do, downloads these bytes. ``missing`` are the digests of
    the layers that a host with ``before`` downloads. A content that several files have counts once.
    """
    held = set[bytes]()
    for layer in before.layers:
        if (known := contents.get(layer.digest)) is None or known.identity is None:
            return None
        held |= _contents_of(known.table)
    total = 0
    for digest in dict.fromkeys(missing):
        known = contents.get(digest)
        if known is None or known.identity is None or known.table.compressed_sizes is None:
            return None
        compressed_sizes = known.table.compressed_sizes
        for row, size in enumerate(known.table.sizes):
            if size and (content := known.table.hash_of(row)) not in held:
                held.add(content)
                total += compressed_sizes[row]
    return total


def _contents_of(table: FileTable) -> set[bytes]:
    """The hashes of all content of a layer."""
    hashes = table.hashes
    return {hashes[start : start + HASH_SIZE] for start in range(0, len(hashes), HASH_SIZE)} - {NO_HASH}
