"""Which files of an image belong to development packages of composer, by ``vendor/composer/installed.json``.

composer writes the file whenever it changes ``vendor``: https://getcomposer.org/doc/07-runtime.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ocisize.errors import DocumentError
from ocisize.filesystem.overlay import Overlay
from ocisize.layer.kept_files import COMPOSER_INSTALLED
from ocisize.oci.strict_json import expect_type, load_json
from ocisize.packages.development import DevelopmentPackages
from ocisize.tar.filetable import DIRECTORY, FileTable, layer_value
from ocisize.tar.paths import clean_name
from ocisize.values import frozen

_OWN_FOLDER = b"/composer"  # within ``vendor``; paths in the file are relative to it
_MAX_PATH = 4096  # bytes; no filesystem has longer paths
_MAX_DEPTH = 32  # directories between a file and the root of its package; deeper files belong to none


@frozen
class _Installed:
    """What one ``installed.json`` says."""

    vendor: bytes
    names: Mapping[bytes, str]  # of all packages, by the path of their root
    development: frozenset[bytes]  # roots of those that are only for development


def find_composer_development(tables: Sequence[FileTable], overlay: Overlay) -> list[DevelopmentPackages]:
    """The projects whose visible ``installed.json`` names development packages, in the order of their directories.

    There is none for a project where a package that the file names has no visible file.

    Args:
        tables: the file tables of all layers, with the files that scans keep.
        overlay: which rows are visible.

    """
    contents = {
        path: table.contents[row]
        for table, hidden_by in zip(tables, overlay.hidden_by, strict=True)
        if table.contents
        for row, path in layer_value(table, find_installed_files)
        if row in table.contents and hidden_by[row] < 0
    }
    found = [
        _find_files(installed, tables, overlay)
        for path, content in sorted(contents.items())
        if (installed := _read_installed(path, content)) is not None and installed.development
    ]
    return [packages for packages in found if packages is not None]


def find_installed_files(table: FileTable) -> list[tuple[int, bytes]]:
    """The rows of a layer that have the path of composer's list of packages, with their paths."""
    return list(table.paths.select_with(COMPOSER_INSTALLED + b"\0"))


def _read_installed(path: bytes, content: bytes) -> _Installed | None:
    """The packages within ``vendor``; None for a document that composer does not write, or without development packages."""
    vendor = path[: -len(b"/composer/installed.json")]
    try:
        document = expect_type(load_json(content, "installed.json"), dict)
        if document.get("dev") is not True:
            return None
        development = set(map(_text, expect_type(document.get("dev-package-names"), list)))
        names: dict[bytes, str] = {}
        chosen: set[bytes] = set()
        for package in expect_type(document.get("packages"), list):
            name = _text(expect_type(package, dict).get("name"))
            if "install-path" not in package:
                continue  # a package without files
            root = clean_name(vendor + _OWN_FOLDER + b"/" + _text(package["install-path"]).encode())
            if root.startswith(vendor + b"/"):
                names[root] = name
                chosen |= {root} if name in development else set()
    except (DocumentError, TypeError, UnicodeEncodeError):
        return None
    return _Installed(vendor, names, frozenset(chosen))


def _text(value: Any) -> str:
    return expect_type(value, str)


def _find_files(installed: _Installed, tables: Sequence[FileTable], overlay: Overlay) -> DevelopmentPackages | None:
    rows: dict[int, list[int]] = defaultdict(list)
    sizes: dict[bytes, int] = defaultdict(int)
    present: set[bytes] = set()
    for layer, table in enumerate(tables):
        for row, root in _owned_rows(installed, table):
            if overlay.hidden_by[layer][row] < 0:
                present.add(root)
            if root in installed.development:
                rows[layer].append(row)
                sizes[root] += table.sizes[row]
    if present != installed.names.keys():
        return None
    return DevelopmentPackages(
        directory=installed.vendor,
        package_count=len(installed.names),
        names={root: name for root, name in installed.names.items() if root in installed.development},
        rows=dict(rows),
        sizes=sizes,
    )


def _owned_rows(installed: _Installed, table: FileTable) -> Iterator[tuple[int, bytes]]:
    """The rows of a layer that belong to packages, with the root of the package."""
    prefix = installed.vendor + b"/"
    if not table.paths.contain(prefix):
        return
    owners: dict[bytes, bytes | None] = {}
    for first, paths in table.paths.pieces():
        for row, path in enumerate(paths, first):
            if path.startswith(prefix) and table.kinds[row] != DIRECTORY and len(path) <= _MAX_PATH:
                directory = path.rpartition(b"/")[0]
                if directory not in owners:
                    owners[directory] = _owner(directory, installed.names)
                if (owner := owners[directory]) is not None:
                    yield row, owner


def _owner(directory: bytes, names: Mapping[bytes, str]) -> bytes | None:
    """The root of the innermost package that a directory belongs to."""
    for _ in range(_MAX_DEPTH):
        if directory in names:
            return directory
        directory = directory.rpartition(b"/")[0]
    return None
