"""Rare: the side path of scan_tar, for entries that are no plain files or have extended headers."""

from __future__ import annotations

from collections.abc import Mapping

import xxhash

from ocisize.errors import TarError
from ocisize.limits import EXTRA
from ocisize.tar import header as headers
from ocisize.tar.field_cache import OwnerTable
from ocisize.tar.filetable import DIRECTORY, NO_HASH, REGULAR, SYMLINK
from ocisize.tar.header import BLOCK, ExtendedHeader
from ocisize.tar.paths import clean_name
from ocisize.tar.window import ZEROS, Window
from ocisize.text import brief_name

SPECIAL = frozenset(b"LKxgX")  #: kinds of headers that say something about the next entry; X is Solaris' spelling of x
_GNU_SPARSE, _CONTIGUOUS, _OLD_REGULAR = ord("S"), ord("7"), 0
_LONG_NAME, _LONG_LINK, _GLOBAL_PAX = b"LKg"
_RECORDS = 8  # PAX records, or numbers of a sparse map, that take the time of an entry
_HEADER_ONLY = frozenset(b"123456")


class SpecialEntries:
    """What few entries need, and where scan_tar collects what few entries have."""

    def __init__(self, window: Window, owners: OwnerTable) -> None:
        self.window, self.owners = window, owners
        self.links: dict[int, bytes] = {}
        self.apparent_sizes: dict[int, int] = {}
        self.claimed_sizes: dict[int, int] = {}
        self.type_flags: dict[int, int] = {}
        self.xattrs: dict[int, Mapping[str, bytes]] = {}
        self.contents: dict[int, bytes] = {}
        self.anomalies: dict[int, str] = {}
        self.headers = 0  #: extended ones, large ones as several
        self.size = 0  #: bytes that all this takes, about
        self.news = 0  #: bytes of extended headers since the scanner last looked
        self.depth_size = 0  #: bytes of long names, times their slashes: what directories above them could take
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

    def special(self, kind: int, size: int, extra: ExtendedHeader | None) -> ExtendedHeader | None:
        """Read a PAX, global PAX or GNU long-name header; return what it says about the next entry."""
        if not 0 <= size <= headers.MAX_SPECIAL:
            raise ValueError(f"extended header of {size} bytes, allowed are {headers.MAX_SPECIAL}")
        payload = self.window.take(size, "an extended header")
        self.headers += 1 + (payload.count(b"\n") + payload.count(b",")) // _RECORDS
        self.news += size + BLOCK
        self.window.position += -size & 511
        if kind == _GLOBAL_PAX:
            headers.parse_pax(payload)  # checked but not applied, like Docker and containerd
            return None  # to Go it is an entry of its own, which uses up what stood before it
        extra = extra or ExtendedHeader()
        if kind == _LONG_NAME:
            extra.long_name = payload.partition(b"\0")[0]
        elif kind == _LONG_LINK:
            extra.long_link = payload.partition(b"\0")[0]
        else:
            extra.pax = headers.parse_pax(payload)
        return extra

    def entry(
        self, row: int, kind: int, name: bytes, size: int, owner: bytes, extra: ExtendedHeader | None
    ) -> tuple[int, bytes, int, bytes]:
        """Kind, path, payload size and owner key of an entry that is no plain file or has extended headers."""
        if extra is not None:
            name, size, owner = self._apply(extra, row, name, size, owner)
        if kind == _OLD_REGULAR and name.endswith(b"/"):
            kind = DIRECTORY
        if kind in _HEADER_ONLY:
            if size:
                self.claimed_sizes[row] = size
                self.size += EXTRA
            if kind == DIRECTORY:
                return kind, name.rstrip(b"/") or name[:1], 0, owner
            if kind <= SYMLINK:
                position = self.window.position - BLOCK
                link = bytes(self.window.view[position + 157 : position + 257]).partition(b"\0")[0]
                link = extra.link(link) if extra is not None else link
                if len(link) > headers.MAX_NAME:
                    raise ValueError(f"link target of {len(link)} bytes, more than {headers.MAX_NAME}")
                self.links[row] = link
                self.size += len(link) + EXTRA
            return kind, name, 0, owner
        if kind not in (REGULAR, _OLD_REGULAR):
            self._rare_file(row, kind, name)
        if extra is not None and (apparent_size := extra.sparse_size(size)) is not None:
            self.apparent_sizes[row] = apparent_size
        return REGULAR, name, size, owner

    def _apply(self, extra: ExtendedHeader, row: int, name: bytes, size: int, owner: bytes) -> tuple[bytes, int, bytes]:
        name = extra.name(name)
        if len(name) > headers.MAX_NAME or b"\0" in name:
            raise ValueError(f"path of {len(name)} bytes, more than {headers.MAX_NAME}, or with NUL")
        self.depth_size += len(name) * name.count(b"/")
        if xattrs := extra.xattrs:
            key = tuple(sorted(xattrs.items()))
            self.size += EXTRA if key in self._same_xattrs else EXTRA + sum(len(name) + len(value) for name, value in key)
            self.xattrs[row] = self._same_xattrs.setdefault(key, xattrs)
        if extra.pax.get(b"uid") or extra.pax.get(b"gid"):
            owner = self.owners.with_ids(owner, extra)
        return name, extra.size(size), owner

    def _rare_file(self, row: int, kind: int, name: bytes) -> None:
        """Note what is counted as a file but says that it is something else."""
        self.type_flags[row] = kind
        self.size += EXTRA
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
            self.headers += 1
            if length > headers.MAX_SPECIAL:
                raise ValueError(f"sparse map of more than {headers.MAX_SPECIAL} bytes")
        headers.check_sparse_map(pairs, size)
        self.apparent_sizes[row] = size

    def _unusual(self, kind: int, name: bytes) -> None:
        """Note the first entry of each type that nobody knows."""
        if kind not in self.anomalies:
            what = f"entry '{name_for_error(clean_name(name))}' has the unknown type {chr(kind)!r}"
            self.anomalies[kind] = f"{what}; counted as a file"

    def payload(self, row: int, name: bytes, size: int, *, hash_content: bool, keep: bool) -> bytes:
        """Pass over a payload that is not wholly at hand; return its hash, NO_HASH when none is wanted."""
        if size < 0:
            raise ValueError(f"negative size {size}")
        window, what = self.window, repr(name_for_error(name))
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


def name_for_error(name: bytes) -> str:
    """A name as an error may show it."""
    return brief_name(name).decode("utf-8", "backslashreplace")
