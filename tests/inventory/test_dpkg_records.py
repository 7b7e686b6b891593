"""Records of dpkg's packages: fields, states, lists of files, diversions, and distroless images."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.inventory.dpkg_records import DPKG
from ocisize.inventory.record import DatabaseError, PackageRecord
from tests.inventory.kept import read_kept
from tests.tools import program

STATUS, INFO, DISTROLESS = "var/lib/dpkg/status", "var/lib/dpkg/info", "var/lib/dpkg/status.d"
CURL = """\
Package: curl
Status: install ok installed
Priority: optional
Maintainer: A Debian Developer <a@debian.org>
Installed-Size: 500
Architecture: amd64
Source: curl-source (7.88.1-10)
Version: 1:7.88.1-10+b1
Provides: fetcher (= 1), downloader
Depends: libc6 (>= 2.34), debconf (>= 0.5) | debconf-2.0,
 zlib1g:any
Pre-Depends: dpkg (>= 1.15)
Recommends: ca-certificates [amd64], bash-completion | fish
Suggests: nothing
Description: tool
 Package: not-a-field
"""


def records(files: dict[str, str]) -> dict[str, PackageRecord]:
    return {record.name: record for record in read_kept(DPKG, {path: text.encode() for path, text in files.items()})}


def record(stanza: str, **files: str) -> PackageRecord:
    (found,) = records({STATUS: stanza, **files}).values()
    return found


def test_fields() -> None:
    """All fields that the package's URL, its reasons and its origin need."""
    curl = record(CURL)
    assert (curl.ecosystem, curl.name, curl.version, curl.architecture) == ("deb", "curl", "1:7.88.1-10+b1", "amd64")
    assert (curl.source, curl.source_version) == ("curl-source", "7.88.1-10")
    assert curl.vendor == "A Debian Developer <a@debian.org>"
    assert (curl.database, curl.place, curl.licenses) == (STATUS.encode(), b"", ())
    assert curl.requires == (("dpkg",), ("libc6",), ("debconf", "debconf-2.0"), ("zlib1g",))
    assert curl.recommends == (("ca-certificates",), ("bash-completion", "fish"))
    assert curl.provides == ("fetcher", "downloader")
    assert not curl.is_essential
    assert curl.is_automatic is None


@pytest.mark.parametrize(
    ("line", "source"),
    [("", ("a", "")), ("Source: b\n", ("b", "")), ("Source: b (2)\n", ("b", "2")), ("Source: b (1)\n", ("b", "")), ("Source: \n", ("a", ""))],
)  # fmt: skip
def test_source(line: str, source: tuple[str, str]) -> None:
    """A package without the field has the name of its source; the version is there if it is another one."""
    found = record(f"Package: a\nStatus: install ok installed\nVersion: 1\n{line}")
    assert (found.source, found.source_version) == source


@pytest.mark.parametrize(
    ("lines", "essential"),
    [("Essential: yes", True), ("Protected: yes", True), ("Priority: required", True), ("Essential: no", False), ("Priority: important", False)],
)  # fmt: skip
def test_essential(lines: str, essential: bool) -> None:
    """The system needs essential, protected and required packages."""
    assert record(f"Package: a\nStatus: install ok installed\n{lines}\n").is_essential is essential


@pytest.mark.parametrize(
    ("state", "there"),
    [
        *((state, True) for state in ("installed", "unpacked", "half-configured", "triggers-pending", "triggers-awaited")),
        *((state, False) for state in ("config-files", "not-installed", "half-installed", "")),
    ],
)
def test_states(state: str, there: bool) -> None:
    """A package is there while its files are; of a removed one, configuration may be left."""
    stanza = f"Package: a\nStatus: hold ok {state}\n" if state else "Package: a\n"
    assert bool(records({STATUS: stanza})) is there


def test_files() -> None:
    """The list of a package, whose name may have the architecture, and dpkg's own files about it."""
    stanzas = "".join(
        f"Package: libc6\nStatus: install ok installed\nArchitecture: {name}\n\n" for name in ("amd64", "i386")
    )
    files = {
        STATUS: stanzas,
        f"{INFO}/libc6:amd64.list": "/.\n/lib\n/lib/x.so\n/a b\n",
        f"{INFO}/libc6:i386.list": "/lib32/x.so\n",
    }
    amd64, i386 = read_kept(DPKG, {path: text.encode() for path, text in files.items()})
    assert {b"lib/x.so", b"a b", b"var/lib/dpkg/info/libc6:amd64.list", b"var/lib/dpkg/info/libc6:amd64.postinst"} <= set(
        amd64.list_files()
    )
    assert b"lib32/x.so" not in list(amd64.list_files())
    assert b"lib32/x.so" in list(i386.list_files())
    assert list(i386.list_files()) == list(i386.list_files())


def test_automatic() -> None:
    """APT records packages for all architectures with that of the machine; without its file, nothing is known."""
    states = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: d\nArchitecture: amd64\nAuto-Installed: 1\n\n"
    states += "Package: c\nArchitecture: amd64\nAuto-Installed: 0\n"
    stanzas = [("a", "amd64"), ("b", "amd64"), ("c", "amd64"), ("d", "all"), ("e", "i386")]
    status = "".join(f"Package: {name}\nStatus: install ok installed\nArchitecture: {arch}\n\n" for name, arch in stanzas)
    found = records({STATUS: status, "var/lib/apt/extended_states": states})
    assert {name: record.is_automatic for name, record in found.items()} == dict(a=True, b=False, c=False, d=True, e=False)


def test_distroless() -> None:
    """A file for each package, whose name and contents may have another name and no state, and a list of checksums."""
    files = {
        f"{DISTROLESS}/base": "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n",
        f"{DISTROLESS}/base.md5sums": "0123456789  usr/share/base files\n0123456789  ./etc/x\nbroken\n",
        f"{DISTROLESS}/gone": "Package: gone\nStatus: deinstall ok config-files\n",
    }
    (base,) = records(files).values()
    assert (base.name, base.version, base.database) == ("base-files", "12.4", f"{DISTROLESS}/base".encode())
    own = [f"{DISTROLESS}/base".encode(), f"{DISTROLESS}/base.md5sums".encode()]
    assert list(base.list_files()) == [b"usr/share/base files", b"etc/x", *own]


def make_database(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = folder / Path(path).relative_to("var/lib/dpkg")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def files_of_dpkg(*arguments: str) -> set[bytes]:
    """The paths that dpkg-query lists, as they are on disk."""
    output = subprocess.run([program("dpkg-query"), *arguments], check=True, capture_output=True).stdout
    paths: list[bytes] = []
    for line in output.splitlines():
        if line.startswith((b"diverted by ", b"locally diverted to: ")):
            paths[-1] = line.partition(b" to: ")[2]
        elif line.startswith(b"/"):
            paths.append(line)
    return {path.strip(b"/") for path in paths}


def files_of_record(package: PackageRecord) -> set[bytes]:
    return {path for path in package.list_files() if not path.startswith(b"var/lib/dpkg/info/")}


def test_diversions(tmp_path: Path) -> None:
    """A package that another one or an administrator diverts has its file under another name, as dpkg-query says."""
    files = {
        STATUS: "".join(
            f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nMaintainer: x <x@x>\nVersion: 1\nDescription: x\n\n"
            for name in ("bash", "dash")
        ),
        f"{INFO}/bash.list": "/.\n/bin\n/bin/sh\n/bin/local\n/bin/bash\n",
        f"{INFO}/dash.list": "/.\n/bin\n/bin/sh\n/bin/dash\n",
        "var/lib/dpkg/diversions": "/bin/sh\n/bin/sh.distrib\ndash\n/bin/local\n/bin/local.moved\n:\n/bin/bash\n",
    }
    found = {name: files_of_record(record) for name, record in records(files).items()}
    assert found["bash"] == {b".", b"bin", b"bin/sh.distrib", b"bin/local.moved", b"bin/bash"}
    assert found["dash"] == {b".", b"bin", b"bin/sh", b"bin/dash"}
    files["var/lib/dpkg/diversions"] = files["var/lib/dpkg/diversions"].removesuffix("/bin/bash\n")  # dpkg refuses that
    make_database(tmp_path, files)
    for name, paths in found.items():
        assert paths == files_of_dpkg(f"--admindir={tmp_path}", "--listfiles", name)


@pytest.mark.slow
def test_this_machine() -> None:
    """dpkg-query and apt-mark find the same in the database of this machine."""
    query = program("dpkg-query")
    root = Path("/")
    kept = {b"var/lib/dpkg/status", b"var/lib/dpkg/diversions", b"var/lib/apt/extended_states"}
    files = {path: (root / path.decode()).read_bytes() for path in kept if (root / path.decode()).exists()}
    files |= {bytes(path)[1:]: path.read_bytes() for path in Path("/var/lib/dpkg/info").glob("*.list")}
    found = list(read_kept(DPKG, files))
    assert found
    form = (
        "${db:Status-Status}\t${Package}\t${Architecture}\t${Version}\t${source:Package}\t${source:Version}\t${Maintainer}\n"
    )
    shown = subprocess.run([query, "--show", f"--showformat={form}"], check=True, capture_output=True, text=True).stdout
    expected = [line.split("\t")[1:] for line in shown.splitlines() if not line.startswith(("config-files", "not-inst"))]
    assert sorted(expected) == sorted(
        [item.name, item.architecture, item.version, item.source, item.source_version or item.version, item.vendor]
        for item in found
    )
    names = [f"{item.name}:{item.architecture}" for item in found]
    assert set[bytes]().union(*map(files_of_record, found)) == files_of_dpkg("--listfiles", *names)
    if b"var/lib/apt/extended_states" in files and (mark := shutil.which("apt-mark")):
        shown = subprocess.run([mark, "showauto"], check=True, capture_output=True, text=True).stdout
        assert Counter(item.name for item in found if item.is_automatic) == Counter(
            line.partition(":")[0] for line in shown.split()
        )


PATHS = st.sampled_from(
    [STATUS, f"{INFO}/a.list", f"{DISTROLESS}/a", f"{DISTROLESS}/a.md5sums", "var/lib/dpkg/diversions", "var/lib/apt/extended_states"]
)  # fmt: skip
PIECES = st.sampled_from(
    [b"Package: a", b"Status: install ok installed", b"Source: (", b"Provides: ,|", b"Depends: a|b,,", b"/a/b", b":", b"\n", b"\n\n", b" ", b"\xff"]
)  # fmt: skip


@given(st.dictionaries(PATHS, st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map(b"".join))))
def test_hostile_bytes(files: dict[str, bytes]) -> None:
    """Whatever the files have, the records can be read to their end."""
    for item in read_kept(DPKG, {path: content for path, content in files.items()}):
        assert item.name
        list(item.list_files())


def test_too_many() -> None:
    """A database with more than any system has is an error behind the packages that the limits allow."""
    status = "".join(f"Package: p{number}\nStatus: install ok installed\n\n" for number in range(50_002))
    with pytest.raises(DatabaseError, match="dpkg/status: it has more than 50,000 packages"):
        list(read_kept(DPKG, {STATUS: status.encode()}))
