"""Which packages own files, as databases of dpkg, apk, Python and npm say, whatever an image writes into them."""

from __future__ import annotations

import pytest

from ocisize import Analyzer
from ocisize.packages.installed import APK, DPKG, NPM, PYTHON, PackageName, PackageOwners, find_owners
from tests.images import Entries, build_image, layer
from tests.oci.test_image import single

SITE = "usr/local/lib/python3.12/site-packages"
STATUS = b"Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 8.5-1\n\n"


def owners_of(paths: list[str], *layers: Entries) -> PackageOwners:
    image = build_image([layer(entries) for entries in layers])
    analysis = Analyzer(keep_packages=True).analyze_source(single(image))
    return find_owners(
        [path.encode() for path in paths], [layer.files for layer in analysis.layers if layer.files is not None]
    )


def test_dpkg() -> None:
    """Lists own files, also below /usr after usrmerge; dpkg's own files about a package belong to it, bytecode to its source."""
    paths = [
        "usr/bin/curl",
        "usr/lib/x.so",
        "var/lib/dpkg/info/curl.md5sums",
        "usr/lib/__pycache__/a.cpython-311.pyc",
        "other",
    ]
    lists = b"/.\n/usr\n/usr/bin/curl\n/lib/x.so\n/usr/lib/a.py\n"
    found = owners_of(paths, {"var/lib/dpkg/status": STATUS, "var/lib/dpkg/info/curl:amd64.list": lists})
    curl = PackageName(DPKG, "curl")
    assert found == PackageOwners({path.encode(): curl for path in paths[:4]}, {curl: "8.5-1"})


def test_distroless() -> None:
    """Images without dpkg have a file for each package, and a list of its files."""
    folder = "var/lib/dpkg/status.d"
    found = owners_of(["etc/x"], {f"{folder}/curl": STATUS, f"{folder}/curl.md5sums": b"0123  ./etc/x\n"})
    assert found == PackageOwners({b"etc/x": PackageName(DPKG, "curl")}, {PackageName(DPKG, "curl"): "8.5-1"})


def test_apk() -> None:
    """The database lists directories, and the files in each."""
    database = b"P:musl\nV:1.2-r1\nF:lib\nR:libc.so\n\nP:busybox\nV:1.36\nF:bin\nR:sh\nF:\nR:top\n"
    found = owners_of(["lib/libc.so", "bin/sh", "top", "lib/sh"], {"lib/apk/db/installed": database})
    musl, busybox = PackageName(APK, "musl"), PackageName(APK, "busybox")
    assert found.owners == {b"lib/libc.so": musl, b"bin/sh": busybox, b"top": busybox}
    assert found.versions == {musl: "1.2-r1", busybox: "1.36"}


def test_python() -> None:
    """RECORD lists paths that may be quoted, absolute, or lead out of the directory; an upper layer decides the version."""
    record = b'a/x.py,sha256=0,1\r\n"a/y, z.py",,\n../../../bin/run,,\n/etc/conf,,\n'
    entries: Entries = {f"{SITE}/A_b-1.0.dist-info/RECORD": record}
    newer: Entries = {f"{SITE}/A_b-2.0.dist-info/RECORD": b"a/x.py,,\n"}
    paths = [f"{SITE}/a/x.py", f"{SITE}/a/y, z.py", "usr/local/bin/run", "etc/conf", f"{SITE}/b.py"]
    found = owners_of([*paths, f"{SITE}/a/__pycache__/x.cpython-312.opt-1.pyc"], entries, newer)
    package = PackageName(PYTHON, "A_b")
    assert set(found.owners) == {path.encode() for path in paths[:4]} | {
        f"{SITE}/a/__pycache__/x.cpython-312.opt-1.pyc".encode()
    }
    assert found.versions == {package: "2.0"}


def test_npm() -> None:
    """A package is its directory with a package.json; with two versions of one name no version is said."""
    modules = "app/node_modules"
    entries: Entries = {
        f"{modules}/@a/b/package.json": b'{"version": "1.0.0"}', f"{modules}/c/package.json": b'{"version": "2.0.0"}',
        f"{modules}/@a/b/node_modules/c/package.json": b'{"version": "1.0.0"}', f"{modules}/bad/package.json": b"[",
    }  # fmt: skip
    paths = [f"{modules}/@a/b/lib/x.js", f"{modules}/c/x.js", f"{modules}/@a/b/node_modules/c/y.js", f"{modules}/none/x.js",
             f"{modules}/bad/z"]  # fmt: skip
    found = owners_of(paths, entries)
    names = [found.owners.get(path.encode()) for path in paths]
    assert names == [
        PackageName(NPM, "@a/b"), PackageName(NPM, "c"), PackageName(NPM, "c"), None, PackageName(NPM, "bad"),
    ]  # fmt: skip
    assert found.versions == {PackageName(NPM, "@a/b"): "1.0.0"}


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 99, b"P:\xff\xfe\nF:..\nR:..\n", b",,,\n\n\n..,..,..", b'"' * 99, b"../" * 3000 + b"x,,\n"]
)
def test_broken_databases(content: bytes) -> None:
    """Any content is read without an error, and owns nothing that it does not list."""
    places = ("var/lib/dpkg/status", "var/lib/dpkg/info/a.list", "lib/apk/db/installed", f"{SITE}/a-1.dist-info/RECORD",
              f"{SITE}/.dist-info/RECORD", "app/node_modules/a/package.json")  # fmt: skip
    assert owners_of(["usr/bin/x"], dict.fromkeys(places, content)).owners == {}


def test_without_the_option_nothing_is_kept() -> None:
    """An analysis holds no databases unless it is asked to."""
    image = build_image([layer({"var/lib/dpkg/status": STATUS, f"{SITE}/a-1.dist-info/RECORD": b"x,,\n"})])
    (kept,) = Analyzer(keep_packages=True).analyze_source(single(image)).layers
    (plain,) = Analyzer().analyze_source(single(image)).layers
    assert kept.files is not None and plain.files is not None
    assert (len(kept.files.contents), len(plain.files.contents)) == (2, 0)
