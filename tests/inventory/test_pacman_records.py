"""Records of pacman's packages, compared with what pacman says of the same database."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.inventory.pacman_records import PACMAN
from ocisize.inventory.record import DatabaseError
from tests.inventory.kept import read_kept
from tests.tools import program

LOCAL = "var/lib/pacman/local"
BASH = """\
%NAME%
bash

%VERSION%
1:5.2.026-2

%BASE%
bash-source

%DESC%
The GNU Bourne Again shell

%ARCH%
x86_64

%BUILDDATE%
1707848172

%INSTALLDATE%
1707914041

%PACKAGER%
A Developer <a@archlinux.org>

%SIZE%
9440000

%REASON%
1

%LICENSE%
GPL-3.0-or-later
custom:more

%VALIDATION%
pgp

%DEPENDS%
readline>=7.0
libreadline.so=8-64
glibc

%OPTDEPENDS%
bash-completion: for tab completion

%PROVIDES%
sh
libx.so=1-64

"""
FILES = """\
%FILES%
etc/
etc/bash.bashrc
usr/
usr/bin/
usr/bin/bash
usr/bin/sp ace

%BACKUP%
etc/bash.bashrc\t001c2c3b4ea9d3b3a7ac5e8b3a3d6b44

"""
GLIBC = "%NAME%\nglibc\n\n%VERSION%\n2.39-1\n\n%ARCH%\nany\n\n"
DATABASE = {
    f"{LOCAL}/bash-1:5.2.026-2/desc": BASH.encode(),
    f"{LOCAL}/bash-1:5.2.026-2/files": FILES.encode(),
    f"{LOCAL}/glibc-2.39-1/desc": GLIBC.encode(),
    f"{LOCAL}/glibc-2.39-1/files": b"",
}


def test_fields() -> None:
    """All fields; a package without a base or a reason was built and asked for by its own name."""
    bash, glibc = read_kept(PACMAN, DATABASE)
    assert (bash.ecosystem, bash.name, bash.version, bash.architecture) == ("alpm", "bash", "1:5.2.026-2", "x86_64")
    assert (bash.source, bash.source_version) == ("bash-source", "")
    assert bash.vendor == "A Developer <a@archlinux.org>"
    assert bash.licenses == ("GPL-3.0-or-later", "custom:more")
    assert bash.requires == (("readline",), ("libreadline.so",), ("glibc",))
    assert (bash.recommends, bash.provides) == ((), ("sh", "libx.so"))
    assert bash.database == f"{LOCAL}/bash-1:5.2.026-2/desc".encode()
    assert (bash.is_automatic, glibc.is_automatic) == (True, False)
    assert glibc.source == "glibc"


def test_files() -> None:
    """The files of a package, without directories, and pacman's own files about it."""
    bash, glibc = read_kept(PACMAN, DATABASE)
    own = [f"{LOCAL}/bash-1:5.2.026-2/{name}".encode() for name in ("desc", "files", "mtree", "install", "changelog")]
    assert list(bash.list_files()) == [b"etc/bash.bashrc", b"usr/bin/bash", b"usr/bin/sp ace", *own]
    assert len(list(glibc.list_files())) == len(own)


@pytest.mark.parametrize(
    "path", [f"{LOCAL}/ALPM_DB_VERSION", f"{LOCAL}/bash/mtree", f"{LOCAL}/desc", f"{LOCAL}/a/b/desc", "desc"]
)
def test_what_is_no_database(path: str) -> None:
    """Only ``desc`` and ``files`` of a package are read."""
    assert not PACMAN.is_database(path.encode())


@pytest.mark.slow
def test_pacman(tmp_path: Path) -> None:
    """pacman reads the same from the same files."""
    pacman = program("pacman")
    for path, content in DATABASE.items():
        file = tmp_path / Path(path).relative_to("var/lib/pacman")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "local/ALPM_DB_VERSION").write_text("9\n")

    def query(option: str) -> str:
        command = [pacman, "--config", "/dev/null", "--dbpath", str(tmp_path), option]
        return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout

    shown = [
        dict(line.split(" : ", 1) for line in text.splitlines() if " : " in line) for text in query("-Qi").split("\n\n")
    ]
    shown = [{key.strip(): value.strip() for key, value in fields.items()} for fields in shown if fields]
    found = list(read_kept(PACMAN, DATABASE))
    assert [(fields["Name"], fields["Version"], fields["Architecture"]) for fields in shown] == [
        (record.name, record.version, record.architecture) for record in found
    ]
    assert [fields["Install Reason"] == "Installed as a dependency for another package" for fields in shown] == [
        record.is_automatic for record in found
    ]
    assert [fields["Licenses"] for fields in shown] == ["  ".join(record.licenses) or "None" for record in found]
    files = [tuple(line.split(" ", 1)) for line in query("-Ql").splitlines() if not line.endswith("/")]
    assert files == [
        (record.name, f"/{path.decode()}")
        for record in found
        for path in record.list_files()
        if not path.startswith(LOCAL.encode())
    ]


def test_too_many() -> None:
    """A database with more than any system has is an error."""
    with pytest.raises(DatabaseError, match=r"pacman/local/: it has more than 50,000 packages"):
        list(read_kept(PACMAN, {f"{LOCAL}/{number}/desc": GLIBC.encode() for number in range(50_001)}))
    with pytest.raises(DatabaseError, match="refer to more than 500,000 others"):
        list(read_kept(PACMAN, {f"{LOCAL}/a/desc": GLIBC.encode() + b"%DEPENDS%\n" + b"a\n" * 600_000}))


PIECES = st.sampled_from([b"%NAME%", b"%FILES%", b"%DEPENDS%", b"%REASON%", b"%", b"a>=1", b"\n", b"\n\n", b"\xff", b"/"])


@given(
    st.dictionaries(
        st.sampled_from([*DATABASE]), st.one_of(st.binary(max_size=99), st.lists(PIECES, max_size=30).map(b"".join))
    )
)
def test_hostile_bytes(files: dict[str, bytes]) -> None:
    """Whatever the files have, the records can be read to their end."""
    for record in read_kept(PACMAN, files):
        assert record.name
        list(record.list_files())
