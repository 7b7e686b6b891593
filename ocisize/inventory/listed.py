"""The files and directories that the databases of one moment list, by the number of their package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress, repeat
from operator import ne

from ocisize.inventory.kept_records import KeptRecords
from ocisize.inventory.links import RealDirectories
from ocisize.inventory.path_batches import ListMeter, PathBudget
from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import DEB, OF_SYSTEM, RUNTIME
from ocisize.tar.paths import join

INFO_DIRECTORY = b"var/lib/dpkg/info"
#: databases of all packages, which belong to none of them, though rpm lists its own
SHARED_DATABASES = (
    *(b"var/lib/dpkg/status", b"lib/apk/db/installed", b"usr/lib/apk/db/installed"),
    *(
        b"%b/%b" % (directory, name)
        for directory in (b"var/lib/rpm", b"usr/lib/sysimage/rpm", b"usr/share/rpm")
        for name in (b"Packages", b"Packages.db", b"Index.db", b"rpmdb.sqlite", b"rpmdb.sqlite-shm", b"rpmdb.sqlite-wal")
    ),
)
NOBODY = -1  #: in the place of the package that owns a directory: none does, though one owns a directory above it


class Listed:
    """What some packages list. Of two packages that list a file, it belongs to the one with the lower number."""

    def __init__(
        self, records: Sequence[PackageRecord], numbers: Iterable[int], kept: KeptRecords, meter: ListMeter
    ) -> None:
        """List the directories of packages; ``numbers`` are their indexes in ``records``, ascending."""
        self._records, self._kept, self._meter = records, kept, meter
        self._numbers = list(numbers)
        self.files: dict[bytes, int] = {}
        self.directories: dict[bytes, int] = {}  #: with the number of a package, or NOBODY
        self.dropped: set[int] = set()  #: runtimes whose programs belong to other packages, which have all of their files
        self.contested: set[bytes] = (
            set()
        )  #: paths that several packages list, or one of them by another path, and databases
        self.shared: dict[int, dict[int, None]] = {}  #: by number: the packages that own files which it lists, too
        self._of_dpkg: dict[tuple[bytes, bytes], int] | None = None
        for number in self._numbers:
            for directory in records[number].directories:
                self.directories.setdefault(directory, number)
            for directory in records[number].excluded_directories:
                self.directories.setdefault(directory, NOBODY)

    def read_all(self, real: RealDirectories, known: AbstractSet[bytes], max_files: int) -> None:
        """List the files of all packages in ``known`` directories, at most ``max_files``; long paths count several times.

        A file in a directory that is reached through symlinks is listed at its real path, too, for the packages that list
        no other file there.
        """
        moved: dict[bytes, int] = {}
        budget = PathBudget(max_files)
        for number in self._numbers:
            for paths, directories, distinct in self._meter.count(self._kept.read_list(self._records[number])):
                led_away = _find_led_away(real, distinct)
                here = {*distinct} & known
                here.update(directory for directory, target in led_away.items() if target in known)
                chosen = budget.take(list(compress(paths, map(here.__contains__, directories))))
                self._add_all(chosen, number)
                for path in chosen if led_away else ():
                    directory = path.rpartition(b"/")[0]
                    if directory in led_away:
                        moved.setdefault(join(led_away[directory], path[len(directory) + 1 :]), number)
                if budget.is_exceeded:
                    self._meter.remaining = -1
                    break
        for path, number in moved.items():
            self._add(path, number)
        self._add_databases()
        self._drop_runtimes()

    def read_some(self, real: RealDirectories, wanted: Iterable[bytes], numbers: Iterable[int]) -> None:
        """List those of the ``wanted`` files that some of the packages list; ``numbers`` are theirs, ascending."""
        names = frozenset(wanted)
        moved: dict[bytes, int] = {}
        for number in numbers:
            for paths, directories, distinct in self._meter.count(self._kept.read_list(self._records[number])):
                self._add_all(filter(names.__contains__, paths), number)
                led_away = _find_led_away(real, distinct)
                for path, directory in zip(paths, directories, strict=True) if led_away else ():
                    if directory in led_away and path not in names:
                        target = join(led_away[directory], path[len(directory) + 1 :])
                        if target in names:
                            moved.setdefault(target, number)
        for path, number in moved.items():
            self._add(path, number)
        self._add_databases()

    def _add_all(self, paths: Iterable[bytes], number: int) -> None:
        """List several files of a package."""
        names = list(paths)
        owners = list(map(self.files.setdefault, names, repeat(number)))
        others = {*owners} - {number}
        if others:
            self.contested.update(compress(names, map(number.__ne__, owners)))
            if self._records[number].ecosystem not in OF_SYSTEM:
                self.shared.setdefault(number, {}).update(dict.fromkeys(others))

    def _add(self, path: bytes, number: int) -> None:
        self.contested.add(path)
        owner = self.files.setdefault(path, number)
        if owner != number and self._records[number].ecosystem not in OF_SYSTEM:
            self.shared.setdefault(number, {})[owner] = None

    def _add_databases(self) -> None:
        """List the databases of single packages; a database of several belongs to none of them."""
        self.contested.update(SHARED_DATABASES)
        for path in SHARED_DATABASES:
            self.files.pop(path, None)
        counts = Counter(self._records[number].database for number in self._numbers)
        for number in self._numbers:
            path = self._records[number].database
            if counts[path] == 1 and path not in SHARED_DATABASES:
                self._add(path, number)

    def _drop_runtimes(self) -> None:
        """Leave out runtimes that packages installed."""
        runtimes = (number for number in self._numbers if self._records[number].ecosystem == RUNTIME)
        self.dropped.update(number for number in runtimes if self.files.get(self._records[number].database) != number)
        if self.dropped:
            self.files = {path: number for path, number in self.files.items() if number not in self.dropped}
            self.directories = {path: number for path, number in self.directories.items() if number not in self.dropped}

    def owner_in_info(self, name: bytes) -> int | None:
        """The package that a file in dpkg's directory of lists and scripts is about."""
        if self._of_dpkg is None:
            self._of_dpkg = {}
            for number in self._numbers:
                record = self._records[number]
                if record.ecosystem == DEB:
                    for architecture in (b"", record.architecture.encode()):
                        self._of_dpkg.setdefault((record.name.encode(), architecture), number)
        package, _, architecture = name.rpartition(b".")[0].partition(b":")
        return self._of_dpkg.get((package, architecture))


def _find_led_away(real: RealDirectories, directories: Sequence[bytes]) -> dict[bytes, bytes]:
    """Those of some directories that are reached through symlinks, with their real paths."""
    targets = tuple(map(real.__getitem__, directories))
    if targets == directories:
        return {}
    return dict(compress(zip(directories, targets, strict=True), map(ne, directories, targets)))


def source_of(path: bytes) -> bytes:
    """The source of a file with Python's bytecode; b"" of any other file.

    >>> source_of(b"lib/__pycache__/io.cpython-311.opt-1.pyc"), source_of(b"lib/io.pyc"), source_of(b"lib/io.py")
    (b'lib/io.py', b'lib/io.py', b'')
    """
    if not path.endswith(b".pyc"):
        return b""
    directory, _, name = path.rpartition(b"/")
    parent, _, last = directory.rpartition(b"/")
    if last != b"__pycache__":
        return path[:-1]
    stem, _, tag = name[: -len(b".pyc")].rpartition(b".")
    return join(parent, (stem.rpartition(b".")[0] if tag.startswith(b"opt-") else stem) + b".py")
