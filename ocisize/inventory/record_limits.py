"""The bounds of ``packages.limits``, applied to records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ocisize.inventory.record import DatabaseError, PackageRecord
from ocisize.packages.limits import MAX_PACKAGES, MAX_RELATIONS
from ocisize.text import count_of


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
