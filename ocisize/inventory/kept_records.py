"""KeptRecords: what was read of package databases, kept while one analysis asks for it more than once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ocisize.inventory.path_batches import Batch, PathBudget, read_batches
from ocisize.inventory.record import Ecosystem, PackageRecord

_MAX_PATHS = 250_000  # in the lists that are kept, of which long ones count several times; Debian with compilers has 80,000


class KeptRecords:
    """The records of each ecosystem that were read first, those that checks see, and the lists of some packages."""

    def __init__(self, *, is_asked_again: bool = True) -> None:
        """Begin without records; if nothing asks for them again, none are kept."""
        self._is_asked_again = is_asked_again
        self._read: dict[str, tuple[Mapping[bytes, bytes], list[PackageRecord]]] = {}
        self._lists: dict[PackageRecord, list[Batch]] = {}
        self._budget = PathBudget(_MAX_PATHS)

    @property
    def has_all_lists(self) -> bool:
        """Whether all lists that were read are kept."""
        return self._is_asked_again and not self._budget.is_exceeded

    @property
    def is_asked_again(self) -> bool:
        """Whether something asks for the same records and lists again."""
        return self._is_asked_again

    def read(self, ecosystem: Ecosystem, files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
        """Yield the packages of some records, in the order of the first call that had the same files; raises as the parser.

        >>> from ocisize.inventory.dpkg_records import DPKG
        >>> kept, files = KeptRecords(), {b"var/lib/dpkg/status": b"Package: a\\nStatus: install ok installed\\n"}
        >>> next(kept.read(DPKG, files)) is next(kept.read(DPKG, files))  # no parser has come to its end
        False
        >>> list(kept.read(DPKG, files)) == list(kept.read(DPKG, dict(files)))
        True
        """
        known_files, known = self._read.get(ecosystem.name, (None, []))
        if known_files == files:
            yield from known
            return
        if not self._is_asked_again:
            yield from ecosystem.read(files)
            return
        records: list[PackageRecord] = []
        for record in ecosystem.read(files):
            records.append(record)
            yield record
        self._read.setdefault(ecosystem.name, (files, records))

    def read_list(self, record: PackageRecord) -> Iterator[Batch]:
        """Yield the files that a package lists, as ``read_batches`` does."""
        known = self._lists.get(record)
        if known is not None:
            yield from known
            return
        if not self._is_asked_again or self._budget.is_exceeded:
            yield from read_batches(record)
            return
        batches: list[Batch] = []
        for batch in read_batches(record):
            self._budget.take(batch.paths)
            batches.append(batch)
            yield batch
        if not self._budget.is_exceeded:
            self._lists[record] = batches
