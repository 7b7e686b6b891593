"""DuplicatesCache: the duplicates among the large layers of an image, so that an image built on them looks at new ones only.

An entry is about the first layers of an image with many rows each; its key is a digest of theirs. It has what
``KnownDuplicates`` has, by layer. The key has the version of ocisize and the rules, which decide whether
files may be linked.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from itertools import accumulate, islice
from operator import ge, sub
from typing import Any

from ocisize.cache.columns import pack_document, pack_numbers, unpack_document, unpack_numbers
from ocisize.cache.entry import BadEntry, pack_entry
from ocisize.cache.load import load_entry
from ocisize.cache.store import Cache
from ocisize.filesystem.known_duplicates import FIRST_PACKAGE, LARGE, LEFT_OUT, KnownDuplicates, LayerPairs
from ocisize.limits import Limits
from ocisize.packages.owners import PackageManager
from ocisize.tar.filetable import FileTable
from ocisize.values import frozen

FORMAT = "duplicates-v2"  #: changes with the form of an entry
_MAX_PREFIXES = 4  # entries of an image: an image with other layers on top finds those of the layers they have in common
_SECTIONS = 7  # of a layer


@frozen
class DuplicatesCache:
    """The duplicates of large layers in a store; ``version`` names what their codes depend on besides the layers."""

    store: Cache
    version: str
    limits: Limits = Limits()  #: bound what an entry may unpack to

    def find(self, digests: Sequence[str], tables: Mapping[str, FileTable]) -> KnownDuplicates | None:
        """Return what is known of the first large layers of an image; None for an image without such layers.

        Args:
            digests: of the image's layers, base first.
            tables: those of the layers whose bytes were all verified.

        """
        large = [
            index
            for index, digest in enumerate(digests)
            if digests.count(digest) == 1 and digest in tables and len(tables[digest]) >= LARGE and tables[digest].hashes
        ]
        if not large:
            return None
        for count in range(len(large), max(len(large) - _MAX_PREFIXES, 0), -1):
            chosen = large[:count]
            known = self._load([digests[index] for index in chosen], [tables[digests[index]] for index in chosen], chosen)
            if known is not None:
                return known
        return KnownDuplicates(large)

    def keep(self, digests: Sequence[str], known: KnownDuplicates) -> None:
        """Keep duplicates if anything was added to them; also those of fewer layers."""
        if not known.is_new or not known.pairs:
            return
        chosen, sections = [digests[index] for index in known.layers], [_pack(pairs) for pairs in known.pairs]
        document = pack_document([[kind, first.hex(), second.hex()] for kind, first, second in known.packages])
        for count in range(len(chosen), max(len(chosen) - _MAX_PREFIXES, 0), -1):
            key = self._key(chosen[:count])
            columns = [section for part in sections[:count] for section in part]
            self.store.put(key, pack_entry(key, [document, *columns]))

    def _load(self, digests: Sequence[str], tables: Sequence[FileTable], layers: Sequence[int]) -> KnownDuplicates | None:
        def unpack(entry: Sequence[bytes]) -> KnownDuplicates:
            document, *sections = entry
            packages = _read_packages(unpack_document(document))
            return KnownDuplicates(layers, _unpack_all(sections, tables, len(packages)), packages)

        return load_entry(self.store, self._key(digests), self.limits, unpack, damage=(ValueError, TypeError))

    def _key(self, digests: Sequence[str]) -> str:
        encoded = hashlib.sha256("\n".join(digests).encode("utf-8", "surrogatepass")).hexdigest()
        return f"{FORMAT}/{encoded[:2]}/{encoded}-{self.version}"


def _pack(pairs: LayerPairs) -> list[bytes]:
    replaced = pairs.replaced
    further = array("I", [row for row, _ in replaced]), array("q", [original for _, original in replaced])
    columns = (pairs.hidden, pairs.rows, pairs.originals, pairs.codes, *further, array("I", replaced.values()))
    return list(map(pack_numbers, columns))


def _unpack_all(sections: Sequence[bytes], tables: Sequence[FileTable], packages: int) -> list[LayerPairs]:
    """The duplicates by layer; raises BadEntry for rows that do not exist."""
    if len(sections) != _SECTIONS * len(tables):
        raise BadEntry("other sections")
    starts, found = accumulate(map(len, tables), initial=0), []
    for index, (table, start) in enumerate(zip(tables, starts, strict=False)):
        part = sections[_SECTIONS * index : _SECTIONS * (index + 1)]
        hidden, rows = unpack_numbers("I", part[0]), unpack_numbers("q", part[1])
        originals, codes = unpack_numbers("q", part[2], len(rows)), unpack_numbers("I", part[3], len(rows))
        own, lower = rows.tolist(), originals.tolist()  # lists are searched faster than arrays
        if max((*hidden, *own[-1:]), default=-1) >= len(table) or min((*own[:1], min(lower, default=0))) < 0:
            raise BadEntry("rows that do not exist")
        if any(map(ge, own, islice(own, 1, None))):
            raise BadEntry("rows that do not ascend")
        if max(map(sub, lower, own), default=start - 1) >= start or max(codes, default=0) >= FIRST_PACKAGE + packages:
            raise BadEntry("originals that come later, or packages that do not exist")
        pairs = LayerPairs(hidden, rows, originals, codes)
        pairs.replaced = _unpack_replaced(part[4:], len(table), start + len(table), FIRST_PACKAGE + packages)
        found.append(pairs)
    return found


def _unpack_replaced(sections: Sequence[bytes], rows: int, originals: int, codes: int) -> dict[tuple[int, int], int]:
    """The codes of further pairs; raises BadEntry unless rows, originals and codes are below these numbers."""
    own = unpack_numbers("I", sections[0])
    lower, found = unpack_numbers("q", sections[1], len(own)), unpack_numbers("I", sections[2], len(own))
    if max(own, default=-1) >= rows or not 0 <= min(lower, default=0) <= max(lower, default=0) <= max(originals - 1, 0):
        raise BadEntry("rows that do not exist")
    if not LEFT_OUT <= min(found, default=LEFT_OUT) <= max(found, default=LEFT_OUT) < codes:
        raise BadEntry("packages that do not exist")
    return dict(zip(zip(own, lower, strict=True), found, strict=True))


def _read_packages(document: Any) -> list[tuple[int, bytes, bytes]]:
    """Package managers with two directories each; raises BadEntry, ValueError or TypeError."""
    managers = {manager.value for manager in PackageManager}
    packages = [(kind, bytes.fromhex(first), bytes.fromhex(second)) for kind, first, second in document]
    if any(type(kind) is not int or kind not in managers for kind, _, _ in packages):
        raise BadEntry("a package manager that does not exist")
    return packages
