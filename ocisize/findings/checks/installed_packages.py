"""The packages that a container sees, and the rows of single packages, for checks.

Databases are parsed only for packages whose names can lead to a finding; the names are in texts and paths that scans keep
anyway. Rows are looked up for these packages only.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import TypeAlias

from ocisize.filesystem.directories import DirectoryIndex
from ocisize.filesystem.hidden_rows import find_hidden
from ocisize.findings.checks.package_kinds import load_usual_names
from ocisize.findings.evidence import ImageEvidence
from ocisize.inventory.ecosystems import find_contents, paths_of_contents
from ocisize.inventory.kept_records import KeptRecords
from ocisize.inventory.record import DAMAGE, Ecosystem, PackageRecord
from ocisize.layer.kept_files import APK_DATABASES, DPKG_STATUS, RPM_DATABASES
from ocisize.logs import Logger
from ocisize.model.packages import APK, DEB, NPM, RPM
from ocisize.packages.npm import NODE_MODULES
from ocisize.patterns import lazy_pattern
from ocisize.tar.filetable import HARD_LINK, REGULAR
from ocisize.tar.row_values import row_values
from ocisize.tuples import NamedTuple

RowsByLayer: TypeAlias = "Mapping[int, Sequence[int]]"

_IS_FILE = bytes(kind in (REGULAR, HARD_LINK) for kind in range(256))
_NAME = lazy_pattern(rb"^(?:Package: *|P:)(\S{1,200})[ \r]*$", re.MULTILINE)
_log = Logger(__name__)


def visible_contents(evidence: ImageEvidence) -> dict[bytes, bytes]:
    """The small files that scans keep and a container sees, by path."""
    contents: dict[bytes, bytes] = {}
    for table, hidden_by in zip(evidence.tables, evidence.overlay.hidden_by, strict=True):
        kept = find_contents(table)
        contents.update({path: kept[row] for row, path in paths_of_contents(table, kept).items() if hidden_by[row] < 0})
    return contents


def names_in_system(contents: Mapping[bytes, bytes]) -> Iterator[tuple[str, str]]:
    r"""The ecosystems and names of the packages in the databases of dpkg and apk, and of rpm those that are looked for.

    >>> list(names_in_system({DPKG_STATUS: b"Package: gcc\nStatus: install ok installed\n"}))
    [('deb', 'gcc')]
    """
    for path, content in contents.items():
        if path == DPKG_STATUS or path in APK_DATABASES:
            ecosystem = DEB if path == DPKG_STATUS else APK
            for match in _NAME.finditer(content):
                yield ecosystem, match[1].decode("utf-8", "replace")
        elif path in RPM_DATABASES:  # binary: the strings of a header end with NUL, and the name is one of them
            yield from ((RPM, name) for name in load_usual_names() if name.encode() + b"\0" in content)


def read_system(contents: Mapping[bytes, bytes], kept: KeptRecords) -> list[PackageRecord]:
    """The packages of the distribution, as far as its database can be read.

    Args:
        contents: the kept files by path.
        kept: the records of the image that something else has read.

    """
    found: list[PackageRecord] = []
    if DPKG_STATUS in contents:
        from ocisize.inventory.dpkg_records import DPKG

        found += _read(DPKG, contents, kept)
    if any(path in contents for path in APK_DATABASES):
        from ocisize.inventory.apk_records import APK as ALPINE

        found += _read(ALPINE, contents, kept)
    if any(path in contents for path in RPM_DATABASES):
        from ocisize.inventory.rpm.records import RPM as RED_HAT

        found += _read(RED_HAT, contents, kept)
    return found


def read_python(contents: Mapping[bytes, bytes]) -> list[PackageRecord]:
    """The packages of Python that some of the kept files are the records of, as ``read_system``."""
    from ocisize.inventory.python_records import ECOSYSTEM

    return _read(ECOSYSTEM, contents, KeptRecords(is_asked_again=False))


class NpmVersion(NamedTuple):
    """A package of npm, as its ``package.json`` names it."""

    name: str
    version: str
    layer: int  #: with the ``package.json``
    row: int

    def as_record(self, evidence: ImageEvidence) -> PackageRecord:
        """The package as a record, without what it needs."""
        table = evidence.tables[self.layer]
        path = paths_of_contents(table, find_contents(table))[self.row]
        root = path.rpartition(b"/")[0]
        return PackageRecord(ecosystem=NPM, name=self.name, version=self.version, database=path, directories=(root,))


def _read(ecosystem: Ecosystem, contents: Mapping[bytes, bytes], kept: KeptRecords) -> list[PackageRecord]:
    found: list[PackageRecord] = []
    files = {path: content for path, content in contents.items() if ecosystem.is_database(path)}
    try:
        found.extend(kept.read(ecosystem, files))
    except DAMAGE as error:
        _log.info("%s: %s", ecosystem.name, error)
    return found


def find_npm_rows(evidence: ImageEvidence, records: Iterable[PackageRecord]) -> dict[PackageRecord, dict[int, list[int]]]:
    """The visible rows of packages of npm by layer: those below their directories that are in no package further in."""
    rows: dict[PackageRecord, dict[int, list[int]]] = {record: defaultdict(list) for record in records}
    roots = {directory: record for record in rows for directory in record.directories}
    owners = _find_owners(evidence.runs.directories, roots)
    for layer, table in enumerate(evidence.tables):
        runs, is_visible = evidence.runs.tables[layer], bytearray(table.kinds.translate(_IS_FILE))
        for row in find_hidden(evidence.overlay.hidden_by[layer]):
            is_visible[row] = 0
        for start, end, number in compress(runs.spans(len(table)), map(owners.__contains__, runs.directories)):
            rows[owners[number]][layer] += compress(range(start, end), is_visible[start:end])
    return rows


def _find_owners(directories: DirectoryIndex, roots: Mapping[bytes, PackageRecord]) -> dict[int, PackageRecord]:
    """By the number of a directory, the package of ``roots`` that its files belong to: the innermost one."""
    paths, numbers = directories.paths, directories.numbers
    own = {numbers[root]: record for root, record in roots.items() if root in numbers}
    owners: dict[int, PackageRecord] = {}
    for number, parent in enumerate(directories.parents):  # parents come first: a twentieth of the time of a look at paths
        if number in own:
            owners[number] = own[number]
        elif parent in owners and _is_part(paths[number]):
            owners[number] = owners[parent]
    return owners


def _is_part(directory: bytes) -> bool:
    """Whether a directory below a package is a part of it: no package of its own, and no directory of a scope.

    >>> [_is_part(b"lib/node_modules/a/" + path) for path in (b"x", b"node_modules", b"node_modules/@b", b"node_modules/c")]
    [True, True, False, False]
    """
    return not directory.rpartition(b"/")[0].endswith(b"/" + NODE_MODULES)


def size_of(evidence: ImageEvidence, rows: RowsByLayer) -> int:
    """The bytes of content of some rows."""
    return sum(sum(row_values(evidence.tables[layer].sizes, chosen)) for layer, chosen in rows.items())
