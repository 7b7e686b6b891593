"""Which files dpkg's packages own, as the lists in its database say."""

from __future__ import annotations

import io

from ocisize.layer.kept_files import KeptFiles
from ocisize.packages.dpkg import Package, PackageId
from ocisize.packages.dpkg_files import find_owned_paths, kept_payloads, rows_by_package
from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import scan_tar
from tests.images import Entries, tar_bytes


def table_of(entries: Entries) -> FileTable:
    """A table with the contents of dpkg's lists."""
    return scan_tar(io.BytesIO(tar_bytes(entries)), wanted=KeptFiles())


def test_owned_paths_are_those_of_all_lists() -> None:
    """A path is owned if any package of any layer lists it; directories above it do not make it so."""
    tables = [
        table_of({"var/lib/dpkg/info/x.list": b"/.\n/opt\n/opt/x/key\n", "opt/y": b""}),
        table_of({"var/lib/dpkg/info/y.list": b"/opt/y\r\n"}),
    ]
    assert find_owned_paths({b"opt/x/key", b"opt/x", b"opt/y", b"opt/z"}, tables) == {b"opt/x/key", b"opt/y"}
    assert find_owned_paths(set(), tables) == set()


def test_rows_of_packages() -> None:
    """Files that one package lists are its own, also below /usr where the list has no /usr, and so are dpkg's files on it."""
    table = table_of(
        {
            "var/lib/dpkg/info/a.list": b"/bin/a\n/etc/shared\n",
            "var/lib/dpkg/info/b:amd64.list": b"/usr/b\n/etc/shared\n",
            "var/lib/dpkg/info/b:amd64.postinst": b"#!/bin/sh",
            "usr/bin/a": b"a",
            "usr/b": b"b",
            "etc/shared": b"c",
        }
    )
    a, b = PackageId("a", "all"), PackageId("b", "amd64")
    rows = rows_by_package([Package(a), Package(b)], kept_payloads(table), table)
    paths = {package.name: [table.paths[row] for row in found] for package, found in rows.items()}
    assert paths == {
        "a": [b"var/lib/dpkg/info/a.list", b"usr/bin/a"],
        "b": [b"var/lib/dpkg/info/b:amd64.list", b"var/lib/dpkg/info/b:amd64.postinst", b"usr/b"],
    }
