"""Records of rpm's packages, in each form of its database."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.inventory.record import DatabaseError, PackageRecord
from ocisize.inventory.rpm.records import RPM
from ocisize.packages.rpm.stores import count_packages
from tests.inventory.kept import read_kept
from tests.packages.rpm_databases import make_bdb, make_header, make_ndb, make_package, make_sqlite

SQLITE, NDB, BDB = "var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages"
MANIFEST = "var/lib/rpmmanifest/container-manifest-2"
Make = Callable[[Sequence[bytes]], bytes]


def big_endian(headers: Sequence[bytes]) -> bytes:
    return make_bdb(headers, ">", 4096)


FORMS: list[tuple[str, Make]] = [(SQLITE, make_sqlite), (NDB, make_ndb), (BDB, make_bdb), (BDB, big_endian)]
all_forms = pytest.mark.parametrize(("path", "make"), FORMS, ids=["sqlite", "ndb", "bdb", "bdb-big-endian"])


def records(headers: Sequence[bytes], path: str = NDB, make: Make = make_ndb) -> dict[str, PackageRecord]:
    return {record.name: record for record in read_kept(RPM, {path: make(headers)})}


OPENSSL = make_package(
    "openssl-libs",
    ["/usr/lib64/libssl.so.3", "/usr/lib64/libghost.so", "/etc/pki/tls", "/top"],
    FILE_FLAGS=[0, 0x40, 1, 0],
    EPOCH=1,
    VENDOR="Red Hat, Inc.",
    PACKAGER="somebody",
    LICENSE="Apache-2.0",
    SOURCE_RPM="openssl-3.0.7-27.el9.src.rpm",
    REQUIRES=[
        "libc.so.6()(64bit)",
        "rpmlib(FileDigests)",
        "libc.so.6()(64bit)",
        "(crypto-policies or policies >= 2)",
        "/bin/sh",
    ],
    RECOMMENDS=["openssl-pkcs11"],
    PROVIDES=["openssl-libs", "openssl-libs(x86-64)", "openssl-libs"],
    MODULARITY_LABEL="openssl:3:8030020201124152102:229f0a1c",
)


@all_forms
def test_fields(path: str, make: Make) -> None:
    """All fields, from every form of the database."""
    key = make_package("gpg-pubkey")
    shell = make_package("bash", ["/usr/bin/bash", "/bin/sh"], SOURCE_RPM="bash-1.0-2.src.rpm", PACKAGER="somebody")
    found = records([OPENSSL, key, shell], path, make)
    assert sorted(found) == ["bash", "openssl-libs"]
    openssl, bash = found["openssl-libs"], found["bash"]
    assert (openssl.ecosystem, openssl.version, openssl.architecture) == ("rpm", "1.0-2", "x86_64")
    assert (openssl.source, openssl.source_version) == ("openssl", "3.0.7-27.el9")
    assert (openssl.vendor, openssl.licenses, openssl.database) == ("Red Hat, Inc.", ("Apache-2.0",), path.encode())
    assert openssl.qualifiers == {"epoch": "1", "rpmmod": "openssl:3:8030020201124152102:229f0a1c"}
    assert openssl.requires == (("libc.so.6()(64bit)",), ("crypto-policies", "policies"), ("/bin/sh",))
    assert (openssl.recommends, openssl.provides) == ((("openssl-pkcs11",),), ("openssl-libs", "openssl-libs(x86-64)"))
    assert list(openssl.list_files()) == [b"usr/lib64/libssl.so.3", b"etc/pki/tls", b"top"] == list(openssl.list_files())
    assert openssl.is_automatic is None
    assert (bash.source, bash.source_version, bash.vendor, bash.qualifiers) == ("bash", "", "somebody", {})
    assert bash.provides == ("/bin/sh",)  # another package requires this file


DNF = "usr/lib/sysimage/libdnf5/packages.toml"
ZYPP = "var/lib/zypp/AutoInstalled"


@pytest.mark.parametrize(
    ("files", "automatic"),
    [
        ({}, {"a": None, "b": None, "c": None, "d": None}),
        (
            {DNF: b'version = "1.0"\n[packages]\n"a.x86_64" = {reason = "Dependency"}\n"b.x86_64" = {reason = "User"}\n"c.i686" = {reason = "User"}'},
            {"a": True, "b": False, "c": None, "d": None},
        ),
        (
            {DNF: b'"a.x86_64" = {reason="Weak Dependency"}\n"b.x86_64"={ reason = "Group" }\n"c.x86_64" = {reason = "External User"}\n"d.x86_64" = {reason = "None"}'},
            {"a": True, "b": False, "c": False, "d": None},
        ),
        ({ZYPP: b"# generated\na\nc\n"}, {"a": True, "b": False, "c": True, "d": False}),
        ({ZYPP: b"# generated\n"}, {"a": None, "b": None, "c": None, "d": None}),
    ],
)  # fmt: skip
def test_reasons(files: dict[str, bytes], automatic: dict[str, bool | None]) -> None:
    """dnf and zypper record what they installed for others."""
    headers = [make_package(name) for name in automatic]
    found = read_kept(RPM, {NDB: make_ndb(headers), **files})
    assert {record.name: record.is_automatic for record in found} == automatic


def test_own_files() -> None:
    """rpm lists its database among its files; the database belongs to no package."""
    files = ["/usr/lib/sysimage/rpm/Packages.db", "/usr/lib/sysimage/rpm", "/usr/bin/rpm"]
    assert list(records([make_package("rpm", files)])["rpm"].list_files()) == [b"usr/lib/sysimage/rpm", b"usr/bin/rpm"]


def sizes(*numbers: int) -> list[bytes]:
    return [make_package(f"p{index}", VENDOR="v" * size) for index, size in enumerate(numbers)]


@given(
    st.sampled_from([512, 1024, 4096, 65536]),
    st.lists(st.one_of(st.integers(0, 2000), st.integers(0, 70_000)), max_size=40),
)
def test_sqlite_writes_what_is_read(page_size: int, numbers: list[int]) -> None:
    """The walk finds all headers, whole, whatever trees and chains SQLite makes of them."""
    headers = sizes(*numbers)
    found = list(read_kept(RPM, {SQLITE: make_sqlite(headers, page_size)}))
    assert [(record.name, len(record.vendor)) for record in found] == [
        (f"p{index}", min(size, 65536)) for index, size in enumerate(numbers)
    ]


def test_deep_trees() -> None:
    """A tree of three levels keeps the order."""
    found = list(read_kept(RPM, {SQLITE: make_sqlite(sizes(*[300] * 3000), 512)}))
    assert [record.name for record in found] == [f"p{index}" for index in range(3000)]


@all_forms
def test_sizes(path: str, make: Make) -> None:
    """Headers that fit in a page, fill it, and need chains of pages."""
    numbers = [0, *range(300, 520, 7), 4000, 4096, 5000, 100_000]
    found = {name: len(record.vendor) for name, record in records(sizes(*numbers), path, make).items()}
    assert found == {f"p{index}": min(size, 65536) for index, size in enumerate(numbers)}


def test_write_ahead_log(tmp_path: Path) -> None:
    """Packages that only the log has, because rpm did not close its database."""
    path = tmp_path / "rpmdb.sqlite"
    path.write_bytes(make_sqlite(sizes(10)))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("INSERT INTO Packages(blob) VALUES (?)", (make_package("new", VENDOR="v" * 20_000),))
        database.execute("DELETE FROM Packages WHERE hnum = 1")
        database.commit()
        files = {SQLITE: path.read_bytes(), f"{SQLITE}-wal": Path(f"{path}-wal").read_bytes()}
    assert [(record.name, len(record.vendor)) for record in read_kept(RPM, files)] == [("new", 20_000)]
    assert [record.name for record in read_kept(RPM, {SQLITE: files[SQLITE]})] == ["p0"]
    assert count_packages(*files.values()) == 1


def test_one_database_counts() -> None:
    """The newest form that has packages, and the manifest only without any."""
    manifest = b"a\t1-2\t0\t0\tMicrosoft Corporation\t(none)\t7\tx86_64\t3\tsource-1-1.src.rpm\n"
    files = {BDB: make_bdb(sizes(1, 2)), SQLITE: make_sqlite([]), MANIFEST: manifest}
    assert {record.database for record in read_kept(RPM, files)} == {BDB.encode()}
    files[SQLITE] = make_sqlite(sizes(1))
    assert [(record.name, record.database) for record in read_kept(RPM, files)] == [("p0", SQLITE.encode())]


def test_manifest() -> None:
    """A line for each package, without files; other lines are passed over."""
    lines = b"filesystem\t1.1-9.cm2\t1\t2\tMicrosoft Corporation\t(none)\t7596\tx86_64\t0\tfilesystem-1.1-9.cm2.src.rpm\n"
    lines += b"broken\t1\n\na\t1-2\t0\t0\t(none)\t1\t7\tnoarch\t3\tsource-1-1.src.rpm"
    first, second = read_kept(RPM, {MANIFEST: lines})
    assert (first.name, first.version, first.architecture) == ("filesystem", "1.1-9.cm2", "x86_64")
    assert (first.vendor, first.source, first.source_version) == ("Microsoft Corporation", "filesystem", "")
    assert (first.qualifiers, list(first.list_files())) == ({}, [])
    assert (second.qualifiers, second.source, second.source_version, second.vendor) == ({"epoch": "3"}, "source", "1-1", "")


def error_of(path: str, content: bytes) -> tuple[list[str], str]:
    """The names of the packages before the error, and its reason."""
    names: list[str] = []
    with pytest.raises(DatabaseError) as raised:
        names += (record.name for record in read_kept(RPM, {path: content}))
    assert raised.value.path == path.encode()
    return names, raised.value.reason


@pytest.mark.parametrize(
    "content", [b"", b"x", b"SQLite format 3\0", b"RpmP", bytes(5000), b"SQLite format 3\0" + bytes(5000)]
)
def test_what_is_no_database(content: bytes) -> None:
    """Other content is an error that names the file."""
    names, reason = error_of(SQLITE, content)
    assert not names
    assert reason.startswith(("it ", "its "))


def test_damaged_packages() -> None:
    """What cannot be read is counted, and the other packages are read."""
    broken = [b"short", struct.pack(">II", 1 << 20, 0), struct.pack(">II", 1, 1 << 30) + bytes(16)]
    names: list[str] = []
    with pytest.raises(DatabaseError, match="3 packages cannot be read"):
        for record in read_kept(RPM, {NDB: make_ndb([OPENSSL, *broken, make_package("b")])}):
            names.append(record.name)
    assert names == ["openssl-libs", "b"]


def test_loops() -> None:
    """Pages that lead to each other, and chains that end in a circle, end in an error."""
    tree = bytearray(make_sqlite(sizes(*[100] * 40), 512))
    interior = next(start for start in range(512, len(tree), 512) if tree[start] == 5)
    tree[interior + 8 : interior + 12] = (interior // 512 + 1).to_bytes(4, "big")
    assert error_of(SQLITE, bytes(tree))[1] == "two pages lead to the same one"
    chain = bytearray(make_bdb(sizes(3000)))
    pages = [start for start in range(0, len(chain), 512) if chain[start + 25] == 7]
    struct.pack_into("<I", chain, pages[1] + 16, pages[0] // 512)
    assert error_of(BDB, bytes(chain)) == ([], "1 package cannot be read")


def test_packages_that_share_bytes() -> None:
    """A small database that leads to the same bytes again and again is refused before it takes time."""
    content = bytearray(make_ndb(sizes(*[1] * 100, 10_000)))
    slots = [start for start in range(32, 4096, 16) if content[start + 4]]
    target = content[slots[-1] + 8 : slots[-1] + 12]
    for start in slots:
        content[start + 8 : start + 12] = target
        struct.pack_into("<I", content, start + 4, 101)
    names, reason = error_of(NDB, bytes(content))
    assert (set(names), reason) == ({"p100"}, "its packages overlap")


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        (make_package("a", DIRECTORY_NAMES=["/"] * 2_000_001), "it lists more than 2,000,000 files"),
        (make_package("a", PROVIDES=[f"c{index}" for index in range(500_001)]), "its packages refer to more than 500,000 others"),
    ],
)  # fmt: skip
def test_too_many(package: bytes, reason: str) -> None:
    """A database with more than any system has is an error."""
    assert error_of(NDB, make_ndb([package])) == ([], reason)


def test_other_types() -> None:
    """Tags of other types than rpm writes, places behind the data, and long directories have no values."""
    header = bytearray(make_package("a", ["/" + "d" * 5000 + "/b", "/c/d"], EPOCH="text", VENDOR=[7]))
    (record,) = records([bytes(header)]).values()
    assert (record.qualifiers, record.vendor, list(record.list_files())) == ({}, "", [b"c/d"])
    for entry in range(8, len(header), 16):
        if struct.unpack_from(">I", header, entry)[0] == 1118:
            struct.pack_into(">I", header, entry + 8, 1 << 31)
            break
    assert list(records([bytes(header)])["a"].list_files()) == []


SMALL = {path: make([OPENSSL, *sizes(0, 3000, 900)]) for path, make in FORMS[:3]}


@given(
    st.sampled_from(sorted(SMALL)),
    st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from([0, 1, 0xFF, 0x7F, 0x80, 3, 7, 13])), min_size=1, max_size=8),
    st.integers(0, 20_000),
)
def test_hostile_bytes(path: str, changes: list[tuple[int, int]], length: int) -> None:
    """A damaged database ends in records or in an error of its own."""
    content = bytearray(SMALL[path])
    for place, byte in changes:
        content[place % len(content)] = byte
    if length < len(content) // 4:
        del content[-length:]
    try:
        for record in read_kept(RPM, {path: bytes(content)}):
            list(record.list_files())
    except DatabaseError as error:
        assert error.path == path.encode()


@given(st.binary(max_size=400), st.sampled_from([SQLITE, NDB, BDB, MANIFEST]))
def test_any_bytes(content: bytes, path: str) -> None:
    """Neither does any other content do harm, as a database and as a header."""
    for files in ({path: content}, {NDB: make_ndb([content])}, {NDB: make_ndb([struct.pack(">II", 3, 100) + content])}):
        try:
            for record in read_kept(RPM, files):
                list(record.list_files())
        except DatabaseError:
            pass


def test_a_header() -> None:
    """What the other tests make of tags is a header of rpm's form."""
    assert make_header({1000: "a"}) == struct.pack(">6I", 1, 2, 1000, 6, 0, 1) + b"a\0"
