"""rpm reads the same from databases that rpm and Berkeley DB write.

``sle15.Packages.db.xz`` has five packages of a base image of SUSE Linux Enterprise 15, in its database. The others were
set to zero, and their slots are free. Debian's rpm does not read this form.
"""

from __future__ import annotations

import lzma
import sqlite3
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from ocisize.inventory.record import PackageRecord
from ocisize.packages.rpm.ndb import read_blobs
from ocisize.inventory.rpm.records import RPM
from tests.inventory.kept import read_kept
from tests.tools import program

pytestmark = pytest.mark.slow

PARTS = 40
SPEC = """\
Name: app
Epoch: 2
Version: 1.2
Release: 3
Summary: A package with many files
License: MIT and BSD
Vendor: Example, Inc.
Requires: other >= 1, other < 3, (a or b), /usr/share/app-part1/file, part1
Recommends: extra
Provides: virtual = 1
ModularityLabel: app:1:20240101:abcdef
BuildArch: noarch
%global __os_install_post %{nil}

%description
Text.

%{lua: for part = 1, PARTS do
  print(string.format("%%package -n part%d\\nSummary: Part\\nProvides: part(%d)\\n%%description -n part%d\\nText.\\n", part, part, part))
  print(string.format("%%files -n part%d\\n/usr/share/app-part%d\\n", part, part))
end}

%install
mkdir -p %{buildroot}/usr/share/app %{buildroot}/var/log %{buildroot}/etc
for i in $(seq 2000); do echo $i > %{buildroot}/usr/share/app/a-file-with-a-long-name-$i; done
touch %{buildroot}/var/log/app.log %{buildroot}/etc/app.conf "%{buildroot}/usr/share/app/sp ace"
for i in $(seq PARTS); do mkdir -p %{buildroot}/usr/share/app-part$i; touch %{buildroot}/usr/share/app-part$i/file; done

%files
/usr/share/app
%config /etc/app.conf
%ghost /var/log/app.log
""".replace("PARTS", str(PARTS))
FORM = r"%{NAME}\t%{VERSION}-%{RELEASE}\t%{EPOCHNUM}\t%{ARCH}\t%{VENDOR}\t%{LICENSE}\t%{SOURCERPM}\t%{MODULARITYLABEL}\n"
GHOST = 0x40


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Packages that rpmbuild makes."""
    folder = tmp_path_factory.mktemp("rpmbuild")
    (folder / "app.spec").write_text(SPEC)
    command = [program("rpmbuild"), "--define", f"_topdir {folder}", "--quiet", "-bb", str(folder / "app.spec")]
    subprocess.run(command, check=True, capture_output=True)
    return sorted((folder / "RPMS").rglob("*.rpm"))


class Database:
    """A database that rpm writes, or reads if another program wrote it."""

    def __init__(self, folder: Path, backend: str) -> None:
        self.folder = folder
        self.command = [program("rpm"), "--dbpath", str(folder), "--define", f"_db_backend {backend}"]

    def install(self, packages: list[Path]) -> None:
        options = ["--install", "--justdb", "--nodeps", "--noscripts", "--nosignature", "--ignorearch", "--ignoreos"]
        subprocess.run([*self.command, *options, *packages], check=True, capture_output=True)

    def query(self, form: str) -> list[list[str]]:
        command = [*self.command, "--query", "--all", "--queryformat", form]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return sorted(line.split("\t") for line in output.splitlines())

    def relations(self, tag: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for name, value in self.query(rf"[%{{=NAME}}\t%{{{tag}}}\n]"):
            found[name].add(value)
        return found


def compare(database: Database, name: str) -> list[PackageRecord]:
    """Check that the records in a database are what rpm says, and return them."""
    found = list(read_kept(RPM, {f"var/lib/rpm/{name}": (database.folder / name).read_bytes()}))
    assert found
    assert database.query(FORM) == sorted(
        [
            record.name,
            record.version,
            record.qualifiers.get("epoch", "0"),
            record.architecture,
            record.vendor,
            " ".join(record.licenses),
            f"{record.source}-{record.source_version or record.version}.src.rpm",
            record.qualifiers.get("rpmmod", "(none)"),
        ]
        for record in found
    )
    files = database.query(r"[%{=NAME}\t%{FILENAMES}\t%{FILEFLAGS}\n]")
    assert [[package, path] for package, path, flags in files if not int(flags) & GHOST] == sorted(
        [record.name, f"/{path.decode()}"] for record in found for path in record.list_files()
    )
    provided = database.relations("PROVIDENAME")
    assert {record.name: {name for name in record.provides if name[0] != "/"} for record in found} == provided
    required = database.relations("REQUIRENAME")
    for record in found:
        plain = {name for name in required[record.name] if not name.startswith(("rpmlib(", "("))}
        assert plain == {names[0] for names in record.requires if len(names) == 1}
    return found


def read_all(files: dict[str, bytes]) -> list[PackageRecord]:
    return list(read_kept(RPM, files))


def values(record: PackageRecord) -> tuple[object, ...]:
    """What is the same in every form of the database."""
    relations = (record.requires, record.recommends, record.provides)
    return (record.name, record.version, record.source, record.vendor, relations, list(record.list_files()))


def test_written_by_rpm(packages: list[Path], tmp_path: Path) -> None:
    """The database of Fedora, RHEL 9 and Azure Linux; after removals, and after packages are added again."""
    name = "rpmdb.sqlite"
    database = Database(tmp_path, "sqlite")
    database.install(packages)
    found = {record.name: record for record in compare(database, name)}
    assert len(found) == PARTS + 1
    assert ("a", "b") in found["app"].requires
    assert found["app"].recommends == (("extra",),)
    erased = [f"part{number}" for number in range(1, PARTS, 3)]
    subprocess.run([*database.command, "--erase", "--justdb", "--nodeps", *erased], check=True, capture_output=True)
    left = {record.name for record in read_kept(RPM, {f"var/lib/rpm/{name}": (tmp_path / name).read_bytes()})}
    assert left == {row[0] for row in database.query(FORM)}
    database.install([path for path in packages if path.name.split("-")[0] in erased])
    found = {record.name: record for record in compare(database, name)}
    assert "/usr/share/app-part1/file" in found["part1"].provides  # app requires it


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize("order", [1234, 4321])
def test_written_by_berkeley_db(packages: list[Path], tmp_path: Path, page_size: int, order: int) -> None:
    """The database of RHEL 8 and older, of little and big endian machines; rpm reads it, but no longer writes it."""
    load = program("db_load")
    source = Database(tmp_path, "sqlite")
    source.install(packages)
    expected = sorted(map(values, compare(source, "rpmdb.sqlite")))
    database = sqlite3.connect(tmp_path / "rpmdb.sqlite")
    rows = database.execute("SELECT hnum, blob FROM Packages").fetchall()
    database.close()
    header = f"VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={page_size}\ndb_lorder={order}\nHEADER=END\n"
    pairs = [(bytes(4), len(rows).to_bytes(4, "little")), *((number.to_bytes(4, "little"), blob) for number, blob in rows)]
    dump = header + "".join(f" {key.hex()}\n {value.hex()}\n" for key, value in pairs) + "DATA=END\n"
    subprocess.run([load, str(tmp_path / "Packages")], input=dump.encode(), check=True)
    (tmp_path / "rpmdb.sqlite").unlink()
    if order == 1234:
        compare(Database(tmp_path, "bdb_ro"), "Packages")
    found = read_all({"var/lib/rpm/Packages": (tmp_path / "Packages").read_bytes()})
    assert sorted(map(values, found)) == expected


def test_written_on_suse(tmp_path: Path) -> None:
    """The database of SUSE: rpm reads the same from its headers in another form."""
    content = lzma.decompress(Path(__file__).with_name("sle15.Packages.db.xz").read_bytes())
    headers = [blob.load() for blob in read_blobs(content)]
    other = Database(tmp_path, "sqlite")
    subprocess.run([*other.command, "--initdb"], check=True)
    database = sqlite3.connect(tmp_path / "rpmdb.sqlite")
    database.executemany("INSERT INTO Packages(blob) VALUES (?)", [(header,) for header in headers])
    database.commit()
    database.close()
    found = compare(other, "rpmdb.sqlite")
    suse = read_all({"usr/lib/sysimage/rpm/Packages.db": content})
    assert sorted(record.name for record in suse) == [
        "libattr1",
        "libbz2-1",
        "libcap2",
        "rpm-config-SUSE",
        "system-user-root",
    ]
    assert list(map(values, suse)) == list(map(values, found))
