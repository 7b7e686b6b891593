"""Package databases of distributions of any bytes."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ocisize.inventory.apk_records import APK
from ocisize.inventory.dpkg_records import DPKG
from ocisize.inventory.pacman_records import PACMAN
from ocisize.inventory.record import DatabaseError, Ecosystem
from ocisize.inventory.rpm.records import RPM
from tests.fuzz.oracle import Harness
from tests.packages.rpm_databases import Value, make_bdb, make_ndb, make_package, make_sqlite

_SEPARATOR = b"\n=====\n"  # between the files of a database
_DPKG = ("status", "diversions", "info/a.list", "info/b:amd64.list", "status.d/c", "status.d/c.md5sums")
_FILES: dict[str, tuple[Ecosystem, Sequence[str]]] = {
    "dpkg": (DPKG, (*(f"var/lib/dpkg/{name}" for name in _DPKG), "var/lib/apt/extended_states")),
    "apk": (APK, ("lib/apk/db/installed", "etc/apk/world", "usr/lib/apk/db/installed")),
    "pacman": (PACMAN, ("var/lib/pacman/local/a-1-1/desc", "var/lib/pacman/local/a-1-1/files")),
    "rpm": (RPM, ("var/lib/rpm/rpmdb.sqlite",)),
    "rpm-manifest": (
        RPM,
        ("var/lib/rpmmanifest/container-manifest-2", "usr/lib/sysimage/libdnf5/packages.toml", "var/lib/zypp/AutoInstalled"),
    ),
}
_STATUS = b"".join(
    b"Package: %b\nStatus: install ok installed\nArchitecture: amd64\nSource: s (1)\nVersion: 2\nDepends: x (>= 1) | y, z\n"
    b"Provides: p (= 1)\nPre-Depends: x\nRecommends: r\nEssential: yes\nMaintainer: m\n\n" % name
    for name in (b"a", b"b")
)
_SEEDS = {
    "dpkg": [
        _SEPARATOR.join((
            _STATUS, b"/bin/sh\n/bin/sh.distrib\nb\n", b"/.\n/bin\n/bin/sh\n", b"/.\n/bin/sh\n", b"Package: c\nVersion: 1\n",
            b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/c\n", b"Package: a\nArchitecture: amd64\nAuto-Installed: 1\n",
        )),
    ],
    "apk": [b"P:a\nV:1-r0\nA:x86_64\nL:MIT\no:s\nm:x\nD:b>1 so:c !d\np:cmd:e=1\nF:bin\nR:a\na:0:0:755\nF:\nR:b\n\nP:b\n" + _SEPARATOR + b"a\n"],
    "pacman": [
        b"%NAME%\na\n\n%VERSION%\n1-1\n\n%BASE%\nb\n\n%REASON%\n1\n\n%LICENSE%\nMIT\n\n%DEPENDS%\nb>=1\n\n%PROVIDES%\nc=1\n\n"
        + _SEPARATOR + b"%FILES%\nusr/\nusr/bin/a\n\n%BACKUP%\netc/a\t0\n\n",
    ],
    "rpm-manifest": [b"a\t1-1\t0\t0\tv\t(none)\t7\tx86_64\t1\ta-1-1.src.rpm\nb\n" + _SEPARATOR + b'"a.x86_64" = {reason = "User"}\n' + _SEPARATOR + b"# x\na\n"],
}  # fmt: skip


@functools.cache
def _rpm_seeds() -> Sequence[bytes]:
    files = ["/usr/bin/a", "/usr/lib/b", "/top"]
    lists: dict[str, Value] = {
        "REQUIRES": ["c", "(d or e)", "/usr/bin/a", "rpmlib(x)"],
        "PROVIDES": ["a", "f"],
        "FILE_FLAGS": [0, 0x40, 1],
    }
    headers = [
        make_package("a", files, EPOCH=1, SOURCE_RPM="s-1-1.src.rpm", **lists),
        *(make_package(f"p{size}", VENDOR="v" * size) for size in (0, 300, 1500)),
        make_package("gpg-pubkey"),
    ]
    return [make_sqlite(headers, 512), make_sqlite(headers), make_ndb(headers), make_bdb(headers), make_bdb(headers, ">")]


def run(name: str, data: bytes) -> None:
    """The records of any files, read twice: packages have names, and lists come out the same."""
    ecosystem, paths = _FILES[name]
    parts = [data] if name == "rpm" else data.split(_SEPARATOR, len(paths) - 1)
    files = {path.encode(): part for path, part in zip(paths, parts, strict=False)}
    found: list[object] = []
    for _ in range(2):
        names: list[object] = []
        try:
            for record in ecosystem.read(files):
                listed = list(record.list_files())
                assert record.name and record.database and listed == list(record.list_files())
                assert all(record.requires) and all(record.recommends)
                assert not any(path.startswith(b"/") and ecosystem is RPM for path in listed)
                names.append((record.name, record.version, record.is_automatic, len(listed)))
        except DatabaseError as error:
            assert error.path and error.reason
            names.append(error.reason)
        found.append(names)
    assert found[0] == found[1]


def _seeds(name: str) -> Sequence[bytes]:
    return _rpm_seeds() if name == "rpm" else _SEEDS[name]


_TOKENS = (
    b"P:", b"F:", b"R:", b"D:", b"p:", b"\n\n", b"%NAME%\n", b"%FILES%\n", b"Package: ", b"Status: install ok installed\n", b"|", b",", b"(",
    b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"BlbS", b"Slot", b"\x05", b"\x0d", _SEPARATOR,
)  # fmt: skip
HARNESSES = {
    f"database-{name}": Harness(functools.partial(run, name), functools.partial(_seeds, name), _TOKENS, quick=500)
    for name in _FILES
}
