"""Bounds of what the databases of a hostile image can list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ocisize.inventory.record import DatabaseError, PackageRecord
from ocisize.text import count_of

MAX_PACKAGES = 50_000  #: of one database; a distribution has 60,000, and few systems have more than 5,000 of them
MAX_RELATIONS = 500_000  #: names of other packages in one database; 5,000 packages have 50,000
MAX_FILES = 2_000_000  #: in one database; 5,000 packages have 400,000
MAX_PATH = 4096  #: bytes; no filesystem has longer paths


def limit_records(database: bytes, records: Iterable[PackageRecord]) -> Iterator[PackageRecord]:
    """The records of one database; raises DatabaseError behind the last one that the limits allow.

    Args:
        database: path of the database.
        records: the packages that it lists, made one by one.

    """
    relations = 0
    for number, record in enumerate(records):
        relations += len(record.requires) + len(record.recommends) + len(record.provides)
        if number == MAX_PACKAGES:
            raise DatabaseError(database, f"it has more than {count_of(MAX_PACKAGES, 'package')}")
        if relations > MAX_RELATIONS:
            raise DatabaseError(database, f"its packages refer to more than {MAX_RELATIONS:,} others")
        yield record


def split_names(text: bytes) -> list[bytes]:
    """The words of a list of packages, as many as ``limit_records`` needs to see that there are too many."""
    return text.split(None, MAX_RELATIONS + 1)
