"""The packages of npm in a layer, by their ``package.json``: where each is, and its version once something asked for it.

All of it depends on the layer alone, and is kept with its table and in the cache.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import islice
from operator import ge

from ocisize.cache.columns import pack_numbers, pack_texts, unpack_numbers, unpack_texts
from ocisize.cache.entry import BadEntry
from ocisize.inventory.ecosystems import find_contents, paths_of_contents
from ocisize.inventory.text_fields import text_of
from ocisize.layer.kept_files import PACKAGE_JSON
from ocisize.packages.npm import package_place, read_package_json
from ocisize.tar.filetable import FileTable
from ocisize.tuples import NamedTuple

_MAX_PATH = 4096  # bytes; no filesystem has longer paths
_END = b"/" + PACKAGE_JSON
_NOT_OF_NPM = (b"/.pnpm/", b"lib/node_modules/npm/node_modules/")  # what npm cannot rearrange


class NpmPlace(NamedTuple):
    """Where a package is."""

    holder: bytes  #: the outermost ``node_modules``
    name: bytes  #: of its directory, with the scope


class NpmManifests(NamedTuple):
    """The packages of a layer that npm can rearrange."""

    places: Mapping[int, NpmPlace]  #: by the row of the ``package.json``, ascending
    versions: dict[int, tuple[str, str]]  #: by row, the name and the version; ``read_version`` adds them

    def read_version(self, row: int, content: bytes) -> tuple[str, str]:
        """Return the name and the version of a package; "" as the version if none is written.

        >>> NpmManifests({5: NpmPlace(b"node_modules", b"ms")}, {}).read_version(5, b'{"version": "2.1.3"}')
        ('ms', '2.1.3')
        """
        if row not in self.versions:
            fields = read_package_json(content)
            name = text_of(fields.get("name")) or self.places[row].name.decode(errors="backslashreplace")
            self.versions[row] = name, text_of(fields.get("version"))
        return self.versions[row]


def find_manifests(table: FileTable) -> NpmManifests:
    """Return the packages of a layer, whose small files were kept; they are kept with the table."""
    known = table.derived.get(NpmManifests)
    if isinstance(known, NpmManifests) or not table.contents:  # a table without contents shares what others found
        return known if isinstance(known, NpmManifests) else NpmManifests({}, {})
    places: dict[int, NpmPlace] = {}
    for row, path in paths_of_contents(table, find_contents(table)).items():
        if path.endswith(_END) and len(path) <= _MAX_PATH and not any(map(path.__contains__, _NOT_OF_NPM)):
            place = package_place(path[: -len(_END)])
            if place is not None:
                places[row] = NpmPlace(*place)
    found = table.derived[NpmManifests] = NpmManifests(places, {})
    return found


def pack_manifests(manifests: NpmManifests) -> tuple[None, list[bytes]]:
    """Return the packages of a layer as sections of an entry in the cache, and no document."""
    places, versions = manifests.places, manifests.versions
    numbers = {holder: number for number, holder in enumerate(dict.fromkeys(place.holder for place in places.values()))}
    return None, [
        pack_numbers(array("I", places)),
        pack_numbers(array("I", [numbers[place.holder] for place in places.values()])),
        *pack_texts(list(numbers)),
        *pack_texts([place.name for place in places.values()]),
        pack_numbers(array("I", versions)),
        *pack_texts([text.encode() for version in versions.values() for text in version]),
    ]


def unpack_manifests(_: object, sections: Sequence[bytes], table: FileTable, __: object) -> NpmManifests:
    """Return the packages of the layer that has the table; raises BadEntry, ValueError or IndexError."""
    rows, holders, names = unpack_numbers("I", sections[0]), unpack_texts(sections[2:4]), sections[4:6]
    numbers = unpack_numbers("I", sections[1], len(rows))
    places = dict(zip(rows, map(NpmPlace, map(holders.__getitem__, numbers), unpack_texts(names, len(rows))), strict=True))
    if any(map(ge, rows, islice(rows, 1, None))) or (rows and rows[-1] >= len(table)):
        raise BadEntry("rows that do not exist")
    known = unpack_numbers("I", sections[6])
    texts = iter([text.decode() for text in unpack_texts(sections[7:9], 2 * len(known))])
    versions = dict(zip(known, zip(texts, texts, strict=True), strict=True))
    if not versions.keys() <= places.keys():
        raise BadEntry("versions of other packages")
    return NpmManifests(places, versions)
