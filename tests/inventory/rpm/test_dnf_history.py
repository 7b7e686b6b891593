"""Why packages were installed, from the history of dnf 4, which SQLite itself writes here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.inventory.rpm.dnf_history import read_dnf_history
from ocisize.inventory.rpm.records import RPM
from tests.inventory.kept import read_kept
from tests.packages.rpm_databases import make_ndb, make_package

HISTORY = "var/lib/dnf/history.sqlite"
# the tables and columns of libdnf's schema 1.1 that matter, and those before them
SCHEMA = """
CREATE TABLE trans (id INTEGER PRIMARY KEY AUTOINCREMENT, dt_begin INTEGER NOT NULL, dt_end INTEGER, rpmdb_version_begin TEXT,
    rpmdb_version_end TEXT, releasever TEXT NOT NULL, user_id INTEGER NOT NULL, cmdline TEXT, state INTEGER NOT NULL);
CREATE TABLE trans_item (id INTEGER PRIMARY KEY AUTOINCREMENT, trans_id INTEGER REFERENCES trans(id), item_id INTEGER,
    repo_id INTEGER, action INTEGER NOT NULL, reason INTEGER NOT NULL, state INTEGER NOT NULL);
CREATE TABLE rpm (item_id INTEGER UNIQUE NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL, version TEXT NOT NULL,
    release TEXT NOT NULL, arch TEXT NOT NULL, CONSTRAINT rpm_unique_nevra UNIQUE (name, epoch, version, release, arch));
CREATE INDEX rpm_name ON rpm(name);
"""
INSTALL, OBSOLETED, UPGRADE, UPGRADED, REMOVE, REASON_CHANGE = 1, 5, 6, 7, 8, 11
DEPENDENCY, USER, CLEAN, WEAK, GROUP = 1, 2, 3, 4, 5


class History:
    """A history, as dnf writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = sqlite3.connect(path)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.executescript(SCHEMA)

    def record(self, *items: tuple[str, int, int], state: int = 1) -> None:
        """A transaction; items have ``name-version.arch``, an action and a reason."""
        values = (1700000000, 1700000001, "1:aa", "2:bb", "9", -1, "install", state)
        number = self.database.execute(
            "INSERT INTO trans (dt_begin, dt_end, rpmdb_version_begin, rpmdb_version_end, releasever, user_id, cmdline, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values,
        ).lastrowid  # fmt: skip
        for text, action, reason in items:
            name, _, rest = text.partition("-")
            version, _, architecture = rest.partition(".")
            row = (name, 0, version, "1.el9", architecture)
            found = self.database.execute(
                "SELECT item_id FROM rpm WHERE (name, epoch, version, release, arch) = (?,?,?,?,?)", row
            )
            item = (found.fetchone() or [None])[0]
            if item is None:
                item = self.database.execute("SELECT coalesce(max(item_id), 100) + 1 FROM rpm").fetchone()[0]
                self.database.execute("INSERT INTO rpm VALUES (?, ?, ?, ?, ?, ?)", (item, *row))
            self.database.execute(
                "INSERT INTO trans_item (trans_id, item_id, repo_id, action, reason, state) VALUES (?, ?, 1, ?, ?, 1)",
                (number, item, action, reason),
            )
        self.database.commit()

    def read(self) -> dict[str, bool]:
        log = Path(f"{self.path}-wal")
        found = read_dnf_history(self.path.read_bytes(), log.read_bytes() if log.exists() else b"")
        assert found == self.ask()
        return {name.decode(): is_automatic for name, is_automatic in found.items()}

    def ask(self) -> dict[bytes, bool]:
        """The same by libdnf's query."""
        query = """SELECT ti.action, ti.reason FROM trans_item ti JOIN trans t ON ti.trans_id = t.id JOIN rpm i USING (item_id)
            WHERE t.state = 1 AND ti.action NOT IN (3, 5, 7, 10) AND i.name = ? AND i.arch = ?
            ORDER BY ti.trans_id DESC, ti.id DESC LIMIT 1"""
        reasons: dict[bytes, bool] = {}
        for name, architecture in self.database.execute("SELECT DISTINCT name, arch FROM rpm").fetchall():
            found = self.database.execute(query, (name, architecture)).fetchone()
            if found is not None and found[0] != REMOVE and found[1] in (DEPENDENCY, USER, CLEAN, WEAK, GROUP):
                reasons[f"{name}.{architecture}".encode()] = found[1] in (DEPENDENCY, CLEAN, WEAK)
        return reasons


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path / "history.sqlite")
    with closing(made.database):
        yield made


def test_reasons(history: History) -> None:
    """Each reason, and the last transaction that was finished and did not replace the package."""
    assert history.read() == {}
    history.record(("a-1.x86_64", INSTALL, USER), ("b-1.x86_64", INSTALL, DEPENDENCY), ("c-1.noarch", INSTALL, WEAK))
    history.record(("d-1.x86_64", INSTALL, GROUP), ("e-1.x86_64", INSTALL, CLEAN), ("f-1.x86_64", INSTALL, 0))
    expected = {"a.x86_64": False, "b.x86_64": True, "c.noarch": True, "d.x86_64": False, "e.x86_64": True}
    assert history.read() == expected
    history.record(("b-2.x86_64", UPGRADE, USER), ("b-1.x86_64", UPGRADED, DEPENDENCY))
    history.record(("a-1.x86_64", REASON_CHANGE, DEPENDENCY))
    history.record(("c-1.noarch", INSTALL, USER), state=2)
    history.record(("e-1.x86_64", REMOVE, USER))
    assert history.read() == {"a.x86_64": True, "b.x86_64": False, "c.noarch": True, "d.x86_64": False}


def test_logs(history: History) -> None:
    """A write-ahead log that is alone, that was copied into the database, and that was begun again."""
    count = 0

    def install(number: int) -> None:
        nonlocal count
        for _ in range(number):
            history.record((f"p{count}-1.x86_64", INSTALL, USER if count % 3 else DEPENDENCY))
            count += 1

    history.database.execute("PRAGMA wal_autocheckpoint = 0")
    install(60)
    assert history.path.stat().st_size < Path(f"{history.path}-wal").stat().st_size
    assert len(history.read()) == 60
    history.database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    assert len(history.read()) == 60
    install(1)  # begins the log again, before the frames of the last one
    assert len(history.read()) == 61
    install(200)
    assert len(history.read()) == 261
    whole = Path(f"{history.path}-wal").read_bytes()
    for size in (0, 31, 32, 4000, len(whole) // 2, len(whole) - 1):
        assert len(read_dnf_history(history.path.read_bytes(), whole[:size])) <= 261
    history.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert len(history.read()) == 261


def test_records(history: History) -> None:
    """Packages have their reasons; what dnf 5 records counts before that."""
    history.record(("a-1.x86_64", INSTALL, USER), ("b-1.x86_64", INSTALL, DEPENDENCY), ("c-1.i686", INSTALL, USER))
    files = {
        "var/lib/rpm/Packages.db": make_ndb([make_package(name) for name in "abc"]),
        HISTORY: history.path.read_bytes(),
        f"{HISTORY}-wal": Path(f"{history.path}-wal").read_bytes(),
    }
    assert {record.name: record.is_automatic for record in read_kept(RPM, files)} == {"a": False, "b": True, "c": None}
    files["usr/lib/sysimage/libdnf5/packages.toml"] = b'"b.x86_64" = {reason = "User"}\n'
    assert {record.name: record.is_automatic for record in read_kept(RPM, files)} == {"a": False, "b": False, "c": None}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A database and its log."""
    made = History(tmp_path_factory.mktemp("history") / "history.sqlite")
    made.record(*((f"p{number}-1.x86_64", INSTALL, USER) for number in range(50)))
    made.database.execute("PRAGMA wal_checkpoint(PASSIVE)")
    made.record(("a-1.x86_64", INSTALL, USER))
    found = made.path.read_bytes(), Path(f"{made.path}-wal").read_bytes()
    made.database.close()
    return found


@given(st.data())
def test_hostile_bytes(files: tuple[bytes, bytes], data: st.DataObject) -> None:
    """A damaged history has fewer reasons."""
    content, log = map(bytearray, files)
    for part in (content, log):
        for place, byte in data.draw(
            st.lists(st.tuples(st.integers(0, len(part) - 1), st.sampled_from([0, 1, 5, 13, 127, 255])), max_size=6)
        ):
            part[place] = byte
    assert len(read_dnf_history(bytes(content), bytes(log))) <= 51
    read_dnf_history(data.draw(st.binary(max_size=200)), data.draw(st.binary(max_size=200)))
