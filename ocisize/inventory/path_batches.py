"""The files of packages, some at a time, so that a directory is looked up once for all of its files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ocisize.inventory.record import DAMAGE, PackageRecord
from ocisize.logs import Logger
from ocisize.tuples import NamedTuple

MAX_LISTED = 10_000_000  #: files in the lists of an image, read for several layers; 6,000 packages list 500,000
_BATCH = 1 << 10  # paths, so that a list of millions takes little memory
_LONG_PATH = 256  # bytes; packages have paths of a hundred
_log = Logger(__name__)


class Batch(NamedTuple):
    """Some of the files that a package lists."""

    paths: list[bytes]
    directories: list[bytes]  #: those of ``paths``, in their order
    distinct: Sequence[bytes]  #: each of these once, in the order of their first paths

    @classmethod
    def of(cls, paths: list[bytes]) -> Batch:
        """Find the directories of paths."""
        directories = [path.rpartition(b"/")[0] for path in paths]
        return cls(paths, directories, tuple(dict.fromkeys(directories)))


class ListMeter:
    """How many more files the databases of an image may list; negative if some of them were not read."""

    def __init__(self, remaining: int = MAX_LISTED) -> None:
        """Begin with ``remaining`` files."""
        self.remaining = remaining

    def count(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches of a package with as many files as remain."""
        for batch in batches if self.remaining >= 0 else ():
            self.remaining -= len(batch.paths)
            if self.remaining < 0:
                yield Batch.of(batch.paths[: self.remaining])
                return
            yield batch


def read_batches(record: PackageRecord) -> Iterator[Batch]:
    """Yield the files that a package lists, in their order, up to the first damage of the list, which is logged.

    >>> record = PackageRecord(ecosystem="deb", name="a", version="1", database=b"", list_files=lambda: [b"bin/sh", b"init"])
    >>> [batch.directories for batch in read_batches(record)]
    [[b'bin', b'']]
    """
    paths: list[bytes] = []
    try:
        files = iter(record.list_files())
        while True:
            paths.extend(islice(files, _BATCH))
            if not paths:
                return
            yield Batch.of(paths)
            paths = []
    except DAMAGE as error:
        _log.info("files of %s: %s", record.name, error)
    if paths:  # the files before the damage
        yield Batch.of(paths)


class PathBudget:
    """How many more paths may be listed; long paths count several times."""

    def __init__(self, remaining: int) -> None:
        """Begin with so many paths."""
        self._remaining = remaining

    @property
    def is_exceeded(self) -> bool:
        """Whether ``take`` has left out paths."""
        return self._remaining < 0

    def take(self, paths: list[bytes]) -> list[bytes]:
        """Return the paths that the budget leaves; after the first path that is too much there are none.

        >>> budget = PathBudget(2)
        >>> budget.take([b"bin", b"etc", b"usr"]), budget.is_exceeded
        ([b'bin', b'etc'], True)
        """
        cost = len(paths)
        if paths and len(max(paths, key=len)) >= _LONG_PATH:
            cost += sum(len(path) // _LONG_PATH for path in paths)
        if cost <= self._remaining:
            self._remaining -= cost
            return paths
        taken = 0
        for path in paths:
            self._remaining -= 1 + len(path) // _LONG_PATH
            if self._remaining < 0:
                break
            taken += 1
        return paths[:taken]
