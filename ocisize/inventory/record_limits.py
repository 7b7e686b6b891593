"""The bounds of ``packages.limits``, applied to records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

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


T = TypeVar("T")


class Relations:
    """Counts the names of other packages in databases that are read together, and leaves out those that are too many.

    >>> relations = Relations()
    >>> list(relations.take(["click", "jinja2"], b"site-packages/flask-3.0.dist-info/METADATA"))
    ['click', 'jinja2']
    """

    def __init__(self) -> None:
        self._remaining = MAX_RELATIONS
        self._exceeded_in: bytes | None = None

    def take(self, names: Iterable[T], database: bytes) -> Iterator[T]:
        """The names, as many as the limit leaves; ``database`` is the path of the file that has them."""
        for name in names:
            if not self._remaining:
                self._exceeded_in = self._exceeded_in or database
                return
            self._remaining -= 1
            yield name

    def check(self) -> None:
        """Raise DatabaseError if names were left out."""
        if self._exceeded_in is not None:
            raise DatabaseError(self._exceeded_in, f"packages like it refer to more than {MAX_RELATIONS:,} others")


def split_names(text: bytes) -> list[bytes]:
    """The words of a list of packages, as many as ``limit_records`` needs to see that there are too many."""
    return text.split(None, MAX_RELATIONS + 1)
