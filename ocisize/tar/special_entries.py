"""SpecialEntries: the slow path of ``scan_tar``, for entries and extended headers that are not usual."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ocisize.errors import TarError
from ocisize.excerpts.collect import Excerpts, PayloadReader
from ocisize.limits import ROW_VALUE_OVERHEAD, Meter
from ocisize.tar.content_hash import ContentHash
from ocisize.tar.field_cache import OwnerTable
from ocisize.tar.filetable import DIRECTORY, NO_HASH, REGULAR, SYMLINK
from ocisize.tar.header import (
    BLOCK,
    MAX_NAME,
    MAX_SPECIAL,
    ExtendedHeader,
    checksum_matches,
    parse_pax,
)
from ocisize.tar.paths import clean_name, name_for_error
from ocisize.tar.payload import Payload
from ocisize.tar.sparse import sparse_version
from ocisize.tar.sparse_reader import SparseReader
from ocisize.tar.window import ZEROS, Window

PAX = ord("x")
EXTENDED_HEADERS = frozenset(b"LKxgX")  #: kinds of headers that describe the entry after them; X is Solaris' x
SPARSE = ord("S")  #: kind of old GNU sparse files, and of all sparse files until their rows are added
_CONTIGUOUS, _OLD_REGULAR = ord("7"), 0
_LONG_NAME, _LONG_LINK, _GLOBAL_PAX = b"LKg"
_MAX_VALID_OWNERS = 1 << 10  # distinct fields
_RECORDS_PER_ENTRY = 8  # PAX records, or numbers of a sparse map in them; parsing so many takes as long as an entry
_FRAGMENTS_PER_ENTRY = 4  # of a sparse map in blocks, likewise
_HEADER_ONLY = frozenset(b"123456")
_TYPE_NAMES = {SPARSE: "type 'S' (old GNU sparse file)", _CONTIGUOUS: "type '7' (contiguous file)"}


class SpecialEntries:
    """State for tar entries that are not plain files, directories or links, or that have unusual extended headers.

    Parses their extended headers, and stores by row what few entries have: links, xattrs, stored bytes of sparse files, kept
    payloads. ``hash_content``, ``meter`` and ``content_hash`` are those of ``scan_tar``.
    """

    def __init__(
        self, window: Window, owners: OwnerTable, *, hash_content: bool, meter: Meter | None, content_hash: ContentHash
    ) -> None:
        self.window, self.owners = window, owners
        self._content_hash = content_hash
        self.valid_owners: set[bytes] = set()  #: owner fields of extended headers that are known to be numbers
        self.links: dict[int, bytes] = {}
        self.claimed_sizes: dict[int, int] = {}
        self.type_flags: dict[int, int] = {}
        self.xattrs: dict[int, Mapping[str, bytes]] = {}
        self.contents: dict[int, bytes] = {}
        self.visit: Callable[[int, bytes, Payload], object] | None = None  #: takes the payloads of regular files
        self.excerpts: Excerpts | None = None  #: collects those of executables and jars
        self.sparse = SparseReader(window, self.contents, hash_content=hash_content, meter=meter, content_hash=content_hash)
        self.anomalies: dict[int, str] = {}  # by tar type: the first entry of each unknown one
        #: Extended headers so far, counted as entries: every 8 records of a header count as one more, because parsing
        #: them takes about as long.
        self.header_count = 0
        self.metadata_size = 0  #: bytes of memory that the values by row take, about
        self.unflushed_size = 0  #: bytes of extended headers and sparse maps since ``TableBuilder.flush`` last ran
        #: Upper bound, in bytes, of the parent paths implied by long names: for each, its length times its slashes.
        self.parents_size = 0
        self._shared_xattrs: dict[tuple[tuple[str, bytes], ...], Mapping[str, bytes]] = {}

    def _header(self, position: int) -> bytes:
        return bytes(self.window.view[position : position + BLOCK])

    def add_usual_headers(self, count: int) -> None:
        """Count extended headers that the scanner has read itself, each with a payload of one block at most."""
        self.header_count += count
        self.unflushed_size += count * 2 * BLOCK

    def is_header(self) -> bool:
        """Whether the block at the window's position is a header; False for the zeros that end a tar.

        Called when the fast checksum does not match. Raises TarError if the block is neither.
        """
        header = self._header(self.window.position)
        if header == ZEROS:
            return False
        if not checksum_matches(header):
            what = "" if self.window.offset else "this is not a tar: "
            raise TarError(f"{what}bad header checksum", offset=self.window.offset)
        return True

    def read_extended_header(
        self, kind: int, size: int, owner: bytes, extended: ExtendedHeader | None
    ) -> ExtendedHeader | None:
        """Read a PAX, global PAX or GNU long-name header; return what is known of the entry that follows.

        ``extended`` is what headers before this one say of the same entry. Raises ValueError for a malformed header.
        """
        if owner not in self.valid_owners:
            self.owners.check(owner)
            if len(self.valid_owners) < _MAX_VALID_OWNERS:
                self.valid_owners.add(owner)
        if not 0 <= size <= MAX_SPECIAL:
            raise ValueError(f"extended header of {size} bytes, more than {MAX_SPECIAL}")
        payload = self.window.read_exactly(size, "an extended header")
        self.header_count += 1 + (payload.count(b"\n") + payload.count(b",")) // _RECORDS_PER_ENTRY
        self.unflushed_size += size + BLOCK
        self.window.position += -size & 511
        if kind == _GLOBAL_PAX:
            parse_pax(payload)  # checked but not applied, as Docker and containerd do
            return None  # Go takes a global header as an entry: headers before it do not apply to the next entry
        extended = extended or ExtendedHeader()
        if kind == _LONG_NAME:
            extended.long_name = payload.partition(b"\0")[0]
        elif kind == _LONG_LINK:
            extended.long_link = payload.partition(b"\0")[0]
        else:
            extended.pax = parse_pax(payload)
        return extended

    def resolve_entry(
        self, row: int, kind: int, name: bytes, size: int, owner: bytes, extended: ExtendedHeader | None
    ) -> tuple[int, bytes, int, bytes]:
        """Kind, path, file size and owner key of an entry that is not a plain file or has an extended header.

        The arguments are the header's own fields. What the columns have no room for is stored by row. The payload of a
        sparse file, whose kind is SPARSE, is consumed with its padding. Raises ValueError for a malformed entry.
        """
        if size < 0 and kind not in _HEADER_ONLY:
            raise ValueError(f"negative size {size}")
        version = None
        if extended is not None:
            version = sparse_version(extended.pax) if kind != SPARSE else None
            name, size, owner = self._apply_extended_header(extended, row, name, size, owner, sparse=version is not None)
        if kind == _OLD_REGULAR and name.endswith(b"/"):
            kind = DIRECTORY
        if kind in _HEADER_ONLY:
            if version is not None:
                raise ValueError("malformed sparse map: the entry is no regular file")
            return kind, self._resolve_header_only(row, kind, name, size, extended), 0, owner
        if kind not in (REGULAR, _OLD_REGULAR):
            self._record_unusual_file(row, kind, name)
        if kind == SPARSE or version is not None:
            return SPARSE, name, self._read_sparse_file(row, kind, name, size, extended, version or ""), owner
        return REGULAR, name, size, owner

    def _resolve_header_only(self, row: int, kind: int, name: bytes, size: int, extended: ExtendedHeader | None) -> bytes:
        """The path of an entry without payload; the target of a link is stored, and the size that the header claims."""
        if size:
            self.claimed_sizes[row] = size
            self.metadata_size += ROW_VALUE_OVERHEAD
        if kind == DIRECTORY:
            return name.rstrip(b"/") or name[:1]
        if kind <= SYMLINK:
            position = self.window.position - BLOCK
            link = bytes(self.window.view[position + 157 : position + 257]).partition(b"\0")[0]
            link = extended.link(link) if extended is not None else link
            if len(link) > MAX_NAME:
                raise ValueError(f"link target of {len(link)} bytes, more than {MAX_NAME}")
            self.add_link(row, link)
        return name

    def add_link(self, row: int, link: bytes) -> None:
        """Store the target of a link, which has no NUL and at most MAX_NAME bytes."""
        self.links[row] = link
        self.metadata_size += len(link) + ROW_VALUE_OVERHEAD

    def _apply_extended_header(
        self, extended: ExtendedHeader, row: int, name: bytes, size: int, owner: bytes, *, sparse: bool
    ) -> tuple[bytes, int, bytes]:
        """Path, payload size and owner key with the values of the extended header; its xattrs are stored."""
        own_name, name = name, (extended.pax.get(b"GNU.sparse.name") if sparse else None) or extended.name(name)
        if len(name) > MAX_NAME or b"\0" in name:
            raise ValueError(f"path of {len(name)} bytes, more than {MAX_NAME}, or with NUL")
        if name is not own_name:
            self.parents_size += len(name) * name.count(b"/")
        if xattrs := extended.xattrs:
            key = tuple(sorted(xattrs.items()))
            if key not in self._shared_xattrs:
                self.metadata_size += sum(len(attribute) + len(value) for attribute, value in key)
            self.metadata_size += ROW_VALUE_OVERHEAD
            self.xattrs[row] = self._shared_xattrs.setdefault(key, xattrs)
        if extended.pax.get(b"uid") or extended.pax.get(b"gid"):
            owner = self.owners.with_ids(owner, extended)
        extended.check_times()
        return name, extended.size(size), owner

    def _record_unusual_file(self, row: int, kind: int, name: bytes) -> None:
        """Store the type of an entry that counts as a file though its header says otherwise."""
        self.type_flags[row] = kind
        self.metadata_size += ROW_VALUE_OVERHEAD
        if kind not in self.anomalies:
            what = (
                f"entry '{name_for_error(clean_name(name))}' has the {_TYPE_NAMES.get(kind, f'unknown type {chr(kind)!r}')}"
            )
            self.anomalies[kind] = f"{what}, which Docker and containerd refuse to unpack; counted as a file"

    def _read_sparse_file(
        self, row: int, kind: int, name: bytes, size: int, extended: ExtendedHeader | None, version: str
    ) -> int:
        """Read the map and the payload of a sparse file, ``size`` bytes together; return the size of the file."""
        sparse, before = self.sparse, (self.sparse.map_size, self.sparse.fragment_count)
        if kind == SPARSE:
            fragments, map_size = sparse.read_old_map(self._header(self.window.position - BLOCK)), 0
        else:
            fragments, map_size = sparse.read_pax_map(version, extended.pax if extended is not None else {}, size)
        map_bytes = sparse.map_size - before[0]
        self.unflushed_size += map_bytes
        self.header_count += map_bytes // BLOCK + (sparse.fragment_count - before[1]) // _FRAGMENTS_PER_ENTRY
        self.metadata_size += ROW_VALUE_OVERHEAD
        sparse.read_payload(row, name, fragments, size - map_size)
        return fragments.size

    def read_payload(self, row: int, name: bytes, size: int, owner: bytes, *, hash_content: bool, keep: bool) -> bytes:
        """Move past a payload that is large or not wholly in the window; return its hash, NO_HASH when none is wanted.

        With ``keep`` its bytes are stored, else its excerpt is if it has one. Raises TarError if the tar ends within the
        payload.
        """
        if size < 0:
            raise ValueError(f"negative size {size}")
        window, what = self.window, repr(name_for_error(name))
        if self.visit is not None:
            payload = Payload(window, size, what)
            self.visit(row, clean_name(name), payload)
            payload.finish()
            return NO_HASH
        if keep:
            content = window.read_exactly(size, what)
            self.contents[row] = content
            return self._content_hash.of(content) if hash_content else NO_HASH
        if self.excerpts is not None:
            mode = self.owners.attributes[self.owners[owner]].mode
            if (reader := self.excerpts.open(clean_name(name), size, mode)) is not None:
                return self._read_excerpt(row, size, what, reader, hash_content=hash_content)
        if not hash_content:
            window.discard_exactly(size, what)
            return NO_HASH
        if size <= len(window.buffer) and window.fill(size) >= size:
            window.position = size
            return self._content_hash.of(window.view[:size])
        hasher = self._content_hash.start()
        window.discard_exactly(size, what, hasher.update)
        return hasher.digest()

    def _read_excerpt(self, row: int, size: int, what: str, reader: PayloadReader, *, hash_content: bool) -> bytes:
        """Move past a payload as ``read_payload`` does, and keep its excerpt."""
        if not hash_content:
            self.window.discard_exactly(size, what, reader.feed)
            content_hash = NO_HASH
        else:
            hasher = self._content_hash.start()

            def feed(piece: memoryview) -> None:
                hasher.update(piece)
                reader.feed(piece)

            self.window.discard_exactly(size, what, feed)
            content_hash = hasher.digest()
        assert self.excerpts is not None  # noqa: S101
        self.excerpts.keep(row, reader)
        return content_hash
