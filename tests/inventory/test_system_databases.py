"""Images with databases of distributions, analyzed as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ocisize import Analyzer
from ocisize.model.packages import Inventory
from tests.images import Entries, Entry, Link, build_image, layer
from tests.oci.test_image import single
from tests.packages.rpm_databases import make_bdb, make_header, make_ndb, make_sqlite

ROCKY = b'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'


def inventory_of(*layers: Entries) -> Inventory:
    analysis = Analyzer(packages=True).analyze_source(single(build_image([layer(entries) for entries in layers])))
    assert analysis.packages is not None
    return analysis.packages


def figures(inventory: Inventory) -> dict[str, tuple[int, int]]:
    """The bytes of content and waste of each package."""
    return {
        f"{package.name} {package.version}": (package.content_size, package.wasted_size) for package in inventory.packages
    }


def make_bash(version: str) -> bytes:
    return make_header({1000: "bash", 1001: version, 1002: "1", 1116: [0, 0], 1117: ["bash", version], 1118: ["/usr/bin/"]})


@pytest.mark.parametrize(
    ("path", "make"),
    [("var/lib/rpm/rpmdb.sqlite", make_sqlite), ("usr/lib/sysimage/rpm/Packages.db", make_ndb), ("var/lib/rpm/Packages", make_bdb)],
)  # fmt: skip
def test_rpm(path: str, make: Callable[[Sequence[bytes]], bytes]) -> None:
    """Files belong to the packages that list them, also those of a package that a higher layer replaces."""
    base: dict[str, Entry] = {"usr/bin/bash": b"12345", "usr/bin/5.1": b"1", "etc/x": b"1", path: make([make_bash("5.1")])}
    upper: dict[str, Entry] = {
        "usr/bin/bash": b"1234567",
        "usr/bin/.wh.5.1": b"",
        "usr/bin/5.2": b"",
        path: make([make_bash("5.2")]),
    }
    inventory = inventory_of(base, upper)
    assert figures(inventory) == {"bash 5.1-1": (6, 6), "bash 5.2-1": (7, 0)}
    assert {package.name: package.installed for package in inventory.packages if package.version == "5.1-1"} == {
        "bash": False
    }


def test_dpkg() -> None:
    """Diverted files, those below a directory that is a link, and dpkg's own files belong to their packages."""
    stanzas = b"".join(
        b"Package: %b\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n" % name
        for name in (b"bash", b"dash")
    )
    lists = {"bash": b"/.\n/bin\n/bin/sh\n/lib\n/lib/x.so\n", "dash": b"/.\n/bin\n/bin/sh\n"}
    files: dict[str, Entry] = {
        "var/lib/dpkg/status": stanzas,
        "var/lib/dpkg/diversions": b"/bin/sh\n/bin/sh.distrib\ndash\n",
        **{f"var/lib/dpkg/info/{name}.list": content for name, content in lists.items()},
        "var/lib/dpkg/info/dash.postinst": b"12345678",
        "bin/sh": b"1",
        "bin/sh.distrib": b"22",
        "usr/lib/x.so": b"333",
        "lib": Link("usr/lib"),
    }
    found = figures(inventory_of(files))
    assert found == {"bash 1": (5 + len(lists["bash"]), 0), "dash 1": (9 + len(lists["dash"]), 0)}


def test_apk_and_pacman() -> None:
    """The databases of Alpine and of Arch Linux."""
    local = "var/lib/pacman/local/zlib-1-1"
    arch = {
        f"{local}/desc": b"%NAME%\nzlib\n\n%VERSION%\n1-1\n",
        f"{local}/files": b"%FILES%\nusr/\nusr/lib/\nusr/lib/libz.so\n",
        "usr/lib/libz.so": b"123",
    }
    own = sum(len(content) for path, content in arch.items() if path.startswith(local))
    assert figures(inventory_of({**arch})) == {"zlib 1-1": (3 + own, 0)}
    database = b"P:musl\nV:1-r0\nF:lib\nR:libc.so\n\n"
    assert figures(inventory_of({"lib/apk/db/installed": database, "lib/libc.so": b"12"})) == {"musl 1-r0": (2, 0)}


def test_unreadable_databases() -> None:
    """What cannot be read is a warning; an image without a package manager has none."""
    files: dict[str, Entry] = {"etc/os-release": ROCKY, "var/lib/rpm/.rpm.lock": b""}
    assert inventory_of(files).warnings == ("the database of rpm is not in the image, or too large",)
    files["var/lib/rpm/rpmdb.sqlite"] = b"x"
    assert inventory_of(files).warnings == ("var/lib/rpm/rpmdb.sqlite: it is not a database of rpm",)
    (warning,) = inventory_of({"lib/apk/db/installed.adb": b"ADB"}).warnings
    assert warning.startswith("lib/apk/db/installed.adb: this binary form")
    assert inventory_of({"etc/os-release": ROCKY}).warnings == ()
