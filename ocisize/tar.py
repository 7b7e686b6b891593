"""scan_tar: one pass over a layer's uncompressed tar, bytes in and a FileTable out.

This is the hot path: about 1.3 µs per entry. What makes it fast, guarded by ``benchmarks/``: headers are read in
place from one preallocated window, one ``unpack_from`` takes just the fields needed, the checksum is one adler32
call, numbers are parsed once per distinct value, no object is made per entry, and what can be done for a thousand
entries at once is done then.
Layout: https://www.gnu.org/software/tar/manual/html_node/Standard.html; rare header forms are in ``headers.py``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Container, Mapping

import xxhash

try:
    from isal.isal_zlib import adler32  # half the time of zlib's
except ImportError:
    from zlib import adler32

from ocisize import headers
from ocisize.columns import Columns
from ocisize.errors import TarError
from ocisize.files import DIRECTORY, NO_HASH, REGULAR, SYMLINK, FileTable
from ocisize.headers import BLOCK, Extra
from ocisize.memo import Checksums, Numbers, Owners
from ocisize.paths import clean_name
from ocisize.window import ZEROS, ByteStream, Window

_FAR = 1 << 60  # beyond any tar: left to the path that reads and finds out
_BATCH = 1024  # rows that are moved into their columns at once
BEGINNING = 18  #: bytes of a name as written, NUL-padded, that ``beginnings`` are compared with
WINDOW = 256 << 10  # fits a core's second-level cache; larger windows were no faster
_EMPTY_HASH = xxhash.xxh3_128_digest(b"")
# name, mode+uid+gid, size, checksum, type, first byte of the prefix
_FIELDS = struct.Struct("100s24s12s12x8sB188xB")
_GNU_SPARSE, _CONTIGUOUS, _OLD_REGULAR = ord("S"), ord("7"), 0
_LONG_NAME, _LONG_LINK, _GLOBAL_PAX = b"LKg"
_SPECIAL = frozenset(b"LKxgX")  # X is Solaris' spelling of x
_HEADER_ONLY = frozenset(b"123456")


def scan_tar(  # noqa: C901, PLR0912, PLR0915 - the hot path: a call per entry costs more than a long function
    stream: ByteStream,
    *,
    hash_content: bool = True,
    hash_up_to: float = math.inf,
    wanted: Callable[[bytes, int], bool] | None = None,
    beginnings: Container[bytes] | None = None,
    window_size: int = WINDOW,
) -> FileTable:
    """Read a tar to the end of its stream and return its entries.

    ``hash_content=False`` leaves payloads unread where the stream can skip, ``hash_up_to`` those of more bytes.
    Payloads of regular files for which ``wanted(path, size)`` is true are kept in ``contents``; with ``beginnings``
    only files are asked about whose name as written begins with BEGINNING bytes that are among them. Raises TarError
    where Go's archive/tar would refuse, as far as the fields are read: times, device numbers and the sparse maps
    inside payloads are not.
    """
    window = Window(stream, window_size)
    buffer, view, unpack = window.buffer, window.view, _FIELDS.unpack_from
    checksums, numbers, columns, digest = Checksums(), Numbers(), Columns(), xxhash.xxh3_128_digest
    add_name, add_size, add_end, add_owner = (
        columns.new_names.append, columns.new_sizes.append, columns.new_ends.append, columns.new_owners.append,
    )  # fmt: skip
    kinds, hashes, owner_index = columns.kinds, columns.hashes, Owners()
    rare = _Rare(window, owner_index)
    limit = hash_up_to if hash_content else -1
    asked: Container[bytes] = frozenset() if wanted is None else _EVERYTHING if beginnings is None else beginnings
    base = position = end = size = payload_end = 0
    start = BLOCK  # where the payload of the header at hand starts
    last = -1  # where the last header that lies wholly in the window may start
    extra: Extra | None = None

    try:
        while True:
            if position > last:
                columns.settle(_BATCH)
                window.position = position
                end = window.fill(BLOCK)
                base, position, last = window.base, 0, end - BLOCK
                if last < 0:
                    if base < payload_end:
                        columns.settle()
                        raise window.cut(repr(_shown(columns.paths[-1])), payload_end - size, size)
                    if end:
                        raise TarError("the tar ends within a header", offset=base, truncated=True)
                    break
            name, owner, size_field, checksum, kind, prefix = unpack(buffer, position)
            start = position + BLOCK
            if adler32(view[position:start]) & 0xFFFF != checksums[checksum]:
                window.position = position
                if not rare.is_header():
                    window.end_of_archive()
                    break
            size = numbers[size_field]
            if prefix:
                name = headers.prefixed_name(bytes(view[position:start]), name.partition(b"\0")[0])

            if kind != REGULAR or extra is not None:
                name = name.partition(b"\0")[0]
                window.position = start
                if kind in _SPECIAL:
                    extra = rare.special(kind, size, extra)
                    base, position, end = window.base, window.position, window.end
                    last = end - BLOCK
                    continue
                kind, name, size, owner = rare.entry(len(kinds), kind, name, size, owner, extra)
                base, start, end = window.base, window.position, window.end
                last, extra = end - BLOCK, None

            stop = start + size
            if kind != REGULAR:
                position = start
                if hash_content:
                    hashes += NO_HASH
            elif (plain := name[:BEGINNING] not in asked) and start <= stop <= end and size <= limit:
                position = stop + (-size & 511)
                hashes += digest(view[start:stop]) if size else _EMPTY_HASH
            elif plain and size > limit and 0 <= size < _FAR:
                position, payload_end = stop + (-size & 511), base + stop
                if hash_content:
                    hashes += NO_HASH
            else:
                window.position, name = start, name.partition(b"\0")[0]
                keep = not plain and wanted is not None and wanted(clean_name(name), size)
                value = rare.payload(len(kinds), name, size, hash_content=size <= limit, keep=keep)
                hashes += value if hash_content else b""
                base, position, end = window.base, window.position + (-size & 511), window.end
                last = end - BLOCK

            add_name(name)
            kinds.append(kind)
            add_size(size)
            add_end(base + position)
            add_owner(owner_index[owner])
    except ValueError as error:
        raise TarError(f"bad header: {error}", offset=base + start - BLOCK) from None

    return columns.table(
        attributes=tuple(owner_index.attributes),
        tar_size=window.base,
        links=rare.links,
        apparent_sizes=rare.apparent_sizes,
        claimed_sizes=rare.claimed_sizes,
        type_flags=rare.type_flags,
        xattrs=rare.xattrs,
        contents=rare.contents,
        anomalies=tuple(rare.anomalies.values()),
    )


class _Everything(Container[bytes]):
    """Beginnings of all names."""

    def __contains__(self, _: object) -> bool:
        return True


_EVERYTHING = _Everything()


class _Rare:
    """The side path of scan_tar: what few entries need, and where it collects what few entries have."""

    def __init__(self, window: Window, owners: Owners) -> None:
        self.window, self.owners = window, owners
        self.links: dict[int, bytes] = {}
        self.apparent_sizes: dict[int, int] = {}
        self.claimed_sizes: dict[int, int] = {}
        self.type_flags: dict[int, int] = {}
        self.xattrs: dict[int, Mapping[str, bytes]] = {}
        self.contents: dict[int, bytes] = {}
        self.anomalies: dict[int, str] = {}
        self._same_xattrs: dict[tuple[tuple[str, bytes], ...], Mapping[str, bytes]] = {}

    def _header(self, position: int) -> bytes:
        return bytes(self.window.view[position : position + BLOCK])

    def is_header(self) -> bool:
        """Tell a header from the end marker; raise TarError when the block is neither."""
        header = self._header(self.window.position)
        if header == ZEROS:
            return False
        if not headers.checksum_matches(header):
            what = "" if self.window.offset else "this is not a tar: "
            raise TarError(f"{what}bad header checksum", offset=self.window.offset)
        return True

    def special(self, kind: int, size: int, extra: Extra | None) -> Extra | None:
        """Read a PAX, global PAX or GNU long-name header; return what it says about the next entry."""
        if not 0 <= size <= headers.MAX_SPECIAL:
            raise ValueError(f"extended header of {size} bytes, allowed are {headers.MAX_SPECIAL}")
        payload = self.window.take(size, "an extended header")
        self.window.position += -size & 511
        if kind == _GLOBAL_PAX:
            headers.parse_pax(payload)  # checked but not applied, like Docker and containerd
            return None  # to Go it is an entry of its own, which uses up what stood before it
        extra = extra or Extra()
        if kind == _LONG_NAME:
            extra.long_name = payload.partition(b"\0")[0]
        elif kind == _LONG_LINK:
            extra.long_link = payload.partition(b"\0")[0]
        else:
            extra.pax = headers.parse_pax(payload)
        return extra

    def entry(
        self, row: int, kind: int, name: bytes, size: int, owner: bytes, extra: Extra | None
    ) -> tuple[int, bytes, int, bytes]:
        """Kind, path, payload size and owner key of an entry that is no plain file or has extended headers."""
        if extra is not None:
            name, size, owner = self._apply(extra, row, name, size, owner)
        if kind == _OLD_REGULAR and name.endswith(b"/"):
            kind = DIRECTORY
        if kind in _HEADER_ONLY:
            if size:
                self.claimed_sizes[row] = size
            if kind == DIRECTORY:
                return kind, name.rstrip(b"/") or name[:1], 0, owner
            if kind <= SYMLINK:
                position = self.window.position - BLOCK
                link = bytes(self.window.view[position + 157 : position + 257]).partition(b"\0")[0]
                self.links[row] = extra.link(link) if extra is not None else link
            return kind, name, 0, owner
        if kind not in (REGULAR, _OLD_REGULAR):
            self._rare_file(row, kind, name)
        if extra is not None and (apparent_size := extra.sparse_size(size)) is not None:
            self.apparent_sizes[row] = apparent_size
        return REGULAR, name, size, owner

    def _apply(self, extra: Extra, row: int, name: bytes, size: int, owner: bytes) -> tuple[bytes, int, bytes]:
        name = extra.name(name)
        if len(name) > headers.MAX_NAME or b"\0" in name:
            raise ValueError(f"path of {len(name)} bytes, more than {headers.MAX_NAME}, or with NUL")
        if xattrs := extra.xattrs:
            self.xattrs[row] = self._same_xattrs.setdefault(tuple(sorted(xattrs.items())), xattrs)
        if extra.pax.get(b"uid") or extra.pax.get(b"gid"):
            owner = self.owners.with_ids(owner, extra)
        return name, extra.size(size), owner

    def _rare_file(self, row: int, kind: int, name: bytes) -> None:
        """Note what is counted as a file but says that it is something else."""
        self.type_flags[row] = kind
        if kind == _GNU_SPARSE:
            self._old_sparse(row)
        elif kind != _CONTIGUOUS:
            self._unusual(kind, name)

    def _old_sparse(self, row: int) -> None:
        """Read an old GNU sparse map with its extension blocks, which are not part of the payload size."""
        window = self.window
        header = self._header(window.position - BLOCK)
        if header[257:265] != headers.GNU_MAGIC:  # star has the same letter for another layout
            raise ValueError("sparse file in a header that is not GNU's")
        size, pairs = headers.parse_number(header[483:495]), headers.old_sparse_pairs(header[386:482])
        more, length = header[482], 0
        while more:
            block = window.take(BLOCK, "a sparse map")
            pairs += headers.old_sparse_pairs(block[:504])
            more, length = block[504], length + BLOCK
            if length > headers.MAX_SPECIAL:
                raise ValueError(f"sparse map of more than {headers.MAX_SPECIAL} bytes")
        headers.check_sparse_map(pairs, size)
        self.apparent_sizes[row] = size

    def _unusual(self, kind: int, name: bytes) -> None:
        """Note the first entry of each type that nobody knows."""
        if kind not in self.anomalies:
            what = f"entry '{_shown(clean_name(name))}' has the unknown type {chr(kind)!r}"
            self.anomalies[kind] = f"{what}; counted as a file"

    def payload(self, row: int, name: bytes, size: int, *, hash_content: bool, keep: bool) -> bytes:
        """Pass over a payload that is not wholly at hand; return its hash, NO_HASH when none is wanted."""
        if size < 0:
            raise ValueError(f"negative size {size}")
        window, what = self.window, repr(_shown(name))
        if keep:
            content = window.take(size, what)
            self.contents[row] = content
            return xxhash.xxh3_128_digest(content) if hash_content else NO_HASH
        if not hash_content:
            window.expect(size, what)
            return NO_HASH
        if size <= len(window.buffer) and window.fill(size) >= size:
            window.position = size
            return xxhash.xxh3_128_digest(window.view[:size])
        hasher = xxhash.xxh3_128()
        window.expect(size, what, hasher.update)
        return hasher.digest()


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
