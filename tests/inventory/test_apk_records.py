"""Records of apk's packages: fields, files, what was asked for, and the places of the database."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.inventory.apk_records import APK
from ocisize.inventory.record import DatabaseError, PackageRecord
from tests.inventory.kept import read_kept

OLD, NEW = "lib/apk/db/installed", "usr/lib/apk/db/installed"
# as Alpine 3.20 has it, with shorter lists
DATABASE = b"""\
C:Q1h4xMJ5nUZRJCGq+HV5fZ2dYlHvE=
P:musl
V:1.2.5-r0
A:x86_64
S:404523
I:667648
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Timo Teras <timo.teras@iki.fi>
t:1712149450
c:e3a6a4ae0ba7ba3ea1ae4d2a2ad5ac4d6d3a8d0d
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:Q14RpiCEfZIqcg1XDcVqp8QEpc9ks=
R:libc.musl-x86_64.so.1
a:0:0:777
Z:Q17yJ3JFNypA4mxhJJr0ou6CzsJVI=

C:Q1IWtRYa1V8bw1aPTXQz1Jnwz1Gxs=
P:busybox-extras
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only
o:busybox
D:busybox=1.36.1-r29 so:libc.musl-x86_64.so.1 !busybox-old /bin/sh pc:zlib>=1.2 tool@edge
p:cmd:telnet=1.36.1-r29 cmd:[=1
F:
R:.hidden
F:usr
F:usr/bin
M:0:0:755
R:telnet
F:usr/bin/sub dir
R:a b

P:.build-deps
V:20240101.000000
A:noarch
D:gcc

"""


def records(files: dict[str, bytes]) -> dict[str, PackageRecord]:
    return {record.name: record for record in read_kept(APK, files)}


@pytest.mark.parametrize("path", [OLD, NEW])
def test_fields(path: str) -> None:
    """All fields, from either place of the database."""
    found = records({path: DATABASE})
    musl, extras = found["musl"], found["busybox-extras"]
    assert list(found) == ["musl", "busybox-extras", ".build-deps"]
    assert (musl.ecosystem, musl.version, musl.architecture, musl.database) == ("apk", "1.2.5-r0", "x86_64", path.encode())
    assert (musl.source, musl.source_version, musl.licenses) == ("musl", "", ("MIT",))
    assert musl.vendor == "Timo Teras <timo.teras@iki.fi>"
    assert musl.provides == ("so:libc.musl-x86_64.so.1",)
    assert musl.requires == ()
    assert extras.source == "busybox"
    assert extras.requires == (("busybox",), ("so:libc.musl-x86_64.so.1",), ("/bin/sh",), ("pc:zlib",), ("tool",))
    assert extras.provides == ("cmd:telnet", "cmd:[")
    assert (found[".build-deps"].source, found[".build-deps"].is_automatic) == (".build-deps", None)


def test_files() -> None:
    """Files are in the directory above them; the list ends with the package."""
    found = records({OLD: DATABASE})
    assert list(found["musl"].list_files()) == [b"lib/ld-musl-x86_64.so.1", b"lib/libc.musl-x86_64.so.1"]
    extras = found["busybox-extras"]
    assert list(extras.list_files()) == [b".hidden", b"usr/bin/telnet", b"usr/bin/sub dir/a b"] == list(extras.list_files())
    assert list(found[".build-deps"].list_files()) == []


@pytest.mark.parametrize(
    ("world", "automatic"),
    [
        (b"", {"musl", "busybox-extras", ".build-deps"}),
        (b".build-deps\nmusl>1\n", {"busybox-extras"}),
        (b"cmd:telnet busybox-extras@edge", {"musl", ".build-deps"}),
        (b"!musl so:libc.musl-x86_64.so.1~1", {"busybox-extras", ".build-deps"}),
    ],
)
def test_world(world: bytes, automatic: set[str]) -> None:
    """What ``world`` names, or what provides it, was asked for."""
    found = records({OLD: DATABASE, "etc/apk/world": world})
    assert {name for name, record in found.items() if record.is_automatic} == automatic
    assert all(record.is_automatic is not None for record in found.values())


def test_added_packages() -> None:
    """A package that apk adds on its own is recommended by the one that it belongs to, as in Alpine's base image."""
    database = b"P:busybox\nV:1.35.0-r17\n\nP:ssl_client\nD:so:libssl.so.1.1\ni:busybox=1.35.0-r17 libssl1.1\n\n"
    database += b"P:py3-pip-pyc\ni:pyc py3-pip=23-r0\n\nP:py3-pip\n\nP:docs\ni:!x\n\nP:a-openrc\ni:openrc a\n\nP:openrc\n\n"
    found = {name: record.recommends for name, record in records({OLD: database}).items() if record.recommends}
    assert found == {"busybox": (("ssl_client",),), "py3-pip": (("py3-pip-pyc",),), "openrc": (("a-openrc",),)}


def test_both_places() -> None:
    """The database below /usr counts for a package that is in both."""
    found = records({OLD: b"P:a\nV:1\n\nP:b\nV:1\n\n", NEW: b"P:a\nV:2"})
    assert {name: record.version for name, record in found.items()} == {"a": "2", "b": "1"}


def test_binary_database() -> None:
    """The binary form is an error only where it is alone."""
    with pytest.raises(DatabaseError, match=r"usr/lib/apk/db/installed\.adb: .* not supported"):
        records({"usr/lib/apk/db/installed.adb": b""})
    assert set(records({OLD: b"P:a\n", "lib/apk/db/installed.adb": b""})) == {"a"}
    assert records({}) == {}


def test_long_values() -> None:
    """Some packages provide so much that a line has megabytes."""
    names = b" ".join(b"cmd:%d=1" % number for number in range(400_000))
    (record,) = records({OLD: b"P:a\np:" + names + b"\nV:1\n"}).values()
    assert (len(record.provides), record.version) == (400_000, "1")


@pytest.mark.parametrize(
    ("database", "message"),
    [
        (b"P:a\n\n" * 50_001, "more than 50,000 packages"),
        (b"\n" * 100_002, "more than 50,000 packages"),
        (b"P:a\np:" + b"b " * 500_001, "refer to more than 500,000 others"),
        (b"P:a\nF:\n" + b"R:b\n" * 2_000_001, "more than 2,000,000 files"),
    ],
)
def test_too_many(database: bytes, message: str) -> None:
    """A database with more than any system has is an error."""
    with pytest.raises(DatabaseError, match=message):
        list(read_kept(APK, {OLD: database}))


def test_long_directories() -> None:
    """A directory that no system can open has no files: its path with each name would take any memory."""
    (record,) = records({OLD: b"P:a\nF:" + b"d" * 5000 + b"\nR:b\nF:c\nR:d\n"}).values()
    assert list(record.list_files()) == [b"c/d"]


PIECES = st.sampled_from([b"P:a", b"V:1", b"F:", b"R:b", b"D:!a =", b"p:>", b"\n", b"\n\n", b":", b"\xff", b"Z:"])


@given(
    st.dictionaries(
        st.sampled_from([OLD, NEW, "etc/apk/world"]),
        st.one_of(st.binary(max_size=99), st.lists(PIECES, max_size=30).map(b"".join)),
    )
)
def test_hostile_bytes(files: dict[str, bytes]) -> None:
    """Whatever the files have, the records can be read to their end."""
    for record in read_kept(APK, files):
        assert record.name
        list(record.list_files())
