"""Why packages were installed, as dnf 4 and microdnf record it in the database of their history.

Format: ``libdnf/transaction/sql/create.sql`` and ``RPMItem::resolveTransactionItemReason`` of
https://github.com/rpm-software-management/libdnf. The last finished transaction that did something to a package counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from ocisize.packages.rpm.blobs import BrokenDatabase
from ocisize.packages.rpm.sqlite_file import SqliteFile

_MAX_ROWS = 200_000  # of one table; a system that was upgraded for years has 50,000
_DONE = 1  # state of a transaction
_REPLACED = frozenset({3, 5, 7, 10})  # actions on versions that others take the place of
_REMOVED = 8  # action
_UNKNOWN = 0  # reason
#: by reason, whether a package is there only for others: dependency, user, clean, weak dependency, group
_AUTOMATIC: Mapping[int | bytes, bool] = {1: True, 2: False, 3: True, 4: True, 5: False}
_NAME, _ARCHITECTURE = 1, 5  # columns of ``rpm``
_STATE = 8  # column of ``trans``
_TRANSACTION, _ITEM, _ACTION, _REASON = 1, 2, 4, 5  # columns of ``trans_item``


def read_dnf_history(content: bytes, log: bytes) -> dict[bytes, bool]:
    """Whether packages were installed only for others, by name and architecture, as in ``curl.x86_64``.

    Args:
        content: the database, ``history.sqlite``; nothing is found in one that cannot be read.
        log: the write-ahead log beside it, which has most of the history, as dnf does not close the database.

    """
    try:
        return dict(_find_reasons(SqliteFile(content, log)))
    except (BrokenDatabase, struct.error, IndexError):
        return {}


def _find_reasons(file: SqliteFile) -> Iterator[tuple[bytes, bool]]:
    done = {number for number, columns in _rows(file, b"trans", _STATE + 1) if columns[_STATE] == _DONE}
    names: dict[int | bytes, bytes] = {}
    for _, columns in _rows(file, b"rpm", _ARCHITECTURE + 1):
        name, architecture = columns[_NAME], columns[_ARCHITECTURE]
        if isinstance(name, bytes) and isinstance(architecture, bytes):
            names[columns[0]] = name + b"." + architecture
    last: dict[bytes, tuple[int, int | bytes]] = {}  # by package: the transaction, and the reason
    for _, columns in _rows(file, b"trans_item", _REASON + 1):
        transaction, package, action = columns[_TRANSACTION], names.get(columns[_ITEM]), columns[_ACTION]
        if package is None or not isinstance(transaction, int) or transaction not in done or action in _REPLACED:
            continue
        if package not in last or transaction >= last[package][0]:
            last[package] = transaction, _UNKNOWN if action == _REMOVED else columns[_REASON]
    for package, (_, reason) in last.items():
        if reason in _AUTOMATIC:
            yield package, _AUTOMATIC[reason]


def _rows(file: SqliteFile, table: bytes, count: int) -> Iterator[tuple[int, list[int | bytes]]]:
    for rows, row in enumerate(file.read_table(table, count)):
        if rows == _MAX_ROWS:
            raise BrokenDatabase("its history is too long")
        yield row
