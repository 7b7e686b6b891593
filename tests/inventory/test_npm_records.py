"""read_npm: the packages of Node's projects, compared with those that npm, pnpm and yarn list of the same project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocisize.inventory.ecosystems import ECOSYSTEMS
from ocisize.inventory.npm_manifests import Manifest, find_development
from ocisize.inventory.npm_records import ECOSYSTEM, read_npm
from ocisize.inventory.record import PackageRecord
from ocisize.layer.kept_files import KeptFiles

INSTALLED = Path(__file__).parents[2] / "testdata" / "installed"
NAMES = {ecosystem.module: ecosystem.names for ecosystem in ECOSYSTEMS}["npm_records"]
LOCK = b"app/node_modules/.package-lock.json"


def files_of(tool: str) -> tuple[dict[bytes, bytes], set[tuple[str, str]]]:
    """What a scan keeps of a real project, and the packages that its tool lists."""
    document: dict[str, Any] = json.loads(INSTALLED.joinpath(f"{tool}.json").read_text())
    files, keep = {}, KeptFiles()
    for name, content in document["files"].items():
        path, data = f"app/{name}".encode(), json.dumps(content).encode()
        if ECOSYSTEM.is_database(path) and (content is None or keep(path, len(data))):
            assert content is not None or path.endswith(NAMES)
            files[path] = b"" if content is None else data
    return files, {(name, version) for name, version in document["listed"]}


def without(files: dict[bytes, bytes], *paths: bytes) -> dict[bytes, bytes]:
    """All but some files."""
    return {path: content for path, content in files.items() if path not in paths}


def developed(records: list[PackageRecord]) -> set[bytes]:
    """The directories of packages that only development needs."""
    return {directory for record in records if record.is_development for directory in record.directories}


@pytest.mark.parametrize(("tool", "missing"), [("npm", set()), ("pnpm", {("fsevents", "2.3.3")}), ("yarn", set())])
def test_packages_are_those_that_the_tool_lists(tool: str, missing: set[tuple[str, str]]) -> None:
    """In name and version. npm lists an alias by its directory; pnpm lists a package that is only for macOS."""
    files, listed = files_of(tool)
    records = list(read_npm(files))
    names = {(*record.provides, record.name)[0] if tool == "npm" else record.name for record in records}
    found = {((*record.provides, record.name)[0] if tool == "npm" else record.name, record.version) for record in records}
    assert found == listed - missing and len(names) > 40
    assert all(record.place == b"app" for record in records)


@pytest.mark.parametrize(
    ("tool", "asked"),
    [
        ("npm", {"@babel/code-frame", "send", "semver", "wrap-ansi", "nodemon"}),
        ("pnpm", {"@babel/code-frame", "send", "semver", "wrap-ansi", "nodemon"}),
        ("yarn", {"@babel/code-frame", "send", "semver", "wrap-ansi", "nodemon"}),
    ],
)
def test_what_a_project_asks_for(tool: str, asked: set[str]) -> None:
    """The packages that its package.json names; the others are there because of these."""
    records = list(read_npm(files_of(tool)[0]))
    assert {record.name for record in records if record.is_automatic is False} == asked
    assert all(record.is_automatic is not None for record in records)


def test_development_by_the_lock() -> None:
    """The flags of npm's own lock, as long as it says what is there."""
    files, _ = files_of("npm")
    flags = {f"app/{path}".encode() for path, package in json.loads(files[LOCK])["packages"].items() if package.get("dev")}
    assert developed(list(read_npm(files))) == flags and len(flags) > 20


def test_development_without_a_lock() -> None:
    """The packages that a search from the project's package.json finds are those with the flag."""
    files, _ = files_of("npm")
    assert developed(list(read_npm(without(files, LOCK)))) == developed(list(read_npm(files)))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (b"app/node_modules/.yarn-integrity", b""), (b"app/node_modules/.modules.yaml", b""),
        (b"app/node_modules/new/package.json", b'{"name": "new", "version": "1.0.0"}'),
        (b"app/node_modules/semver/package.json", b'{"name": "semver", "version": "7.0.0"}'),
    ],
)  # fmt: skip
def test_a_lock_that_is_not_current_has_no_say(path: bytes, content: bytes) -> None:
    """Another tool has changed the directory: then the project's package.json decides."""
    files, _ = files_of("npm")
    lock = json.loads(files[LOCK])
    for package in lock["packages"].values():
        package["dev"] = not package.get("dev", False)
    files[LOCK] = json.dumps(lock).encode()
    true, false = developed(list(read_npm(without(files, LOCK)))), developed(list(read_npm(files)))
    assert true and not true & false
    assert developed(list(read_npm({**files, path: content}))) == true


def test_development_of_pnpm() -> None:
    """Its links are not followed, so that all versions of a package count as used if one of them is."""
    found = {record.name for record in read_npm(files_of("pnpm")[0]) if record.is_development}
    assert {"nodemon", "chokidar", "undefsafe"} <= found
    assert not found & {"send", "semver", "debug", "ms", "wrap-ansi", "strip-ansi"}


def test_requirements() -> None:
    """Aliases satisfy them by both names; peers that may be missing do not count, and optional packages are wished for."""
    manifest = {
        "name": "a", "version": "1", "license": {"type": "MIT"}, "author": "Jo <jo@e.org> (https://e.org)",
        "dependencies": {"b": "^1", "old": "npm:@s/new@2", "c": "1"}, "optionalDependencies": {"c": "1"},
        "peerDependencies": {"react": "*", "vue": "*"}, "peerDependenciesMeta": {"vue": {"optional": True}},
    }  # fmt: skip
    [found] = read_npm({b"node_modules/a/package.json": json.dumps(manifest).encode()})
    assert set(found.requires) == {("react",), ("b",), ("old",)}
    assert (found.recommends, found.licenses, found.vendor, found.place) == ((("c",),), ("MIT",), "Jo", b"")


def test_packages_of_the_whole_system() -> None:
    """Those of ``npm install --global`` were asked for, those within them not."""
    root = b"usr/local/lib/node_modules/npm/"
    content = b'{"name": "x", "version": "1"}'
    files = {root + b"package.json": content, root + b"node_modules/semver/package.json": content}
    assert [(found.database, found.is_automatic) for found in read_npm(files)] == [
        (root + b"node_modules/semver/package.json", True),
        (root + b"package.json", False),
    ]


def test_parts_of_packages_are_none() -> None:
    """A package.json without a version, and one that is not at the root of a package."""
    files = {
        b"app/node_modules/next/dist/compiled/ms/package.json": b'{"name": "ms", "version": "1"}',
        b"app/node_modules/a/package.json": b'{"name": "a", "type": "module"}',
        b"usr/share/nodejs/semver/package.json": b'{"name": "semver", "version": "7.3.5"}',
    }
    assert not list(read_npm(files))


def test_archives_without_the_loader_are_a_cache() -> None:
    """With a ``node_modules``, yarn only keeps what it has downloaded."""
    files, _ = files_of("yarn")
    unpacked = {name for path in files if (name := path.partition(b"/unplugged/")[2].partition(b"/")[0])}
    records = list(read_npm(without(files, b"app/.pnp.cjs")))
    assert {record.database.partition(b"/unplugged/")[2].partition(b"/")[0] for record in records} == unpacked


def test_archives_that_are_unpacked_too() -> None:
    """They are one package, with both."""
    [found] = [record for record in read_npm(files_of("yarn")[0]) if record.name == "nodemon"]
    assert [path.rpartition(b"/")[2] for path in found.directories] == [b"nodemon"]
    assert [path.endswith(b".zip") for path in found.list_files()] == [True]
    assert ("chokidar",) in found.requires and found.is_development


def test_a_search_is_bounded() -> None:
    """A graph that real projects do not have says nothing, and takes no time."""
    names = [f"p{number}" for number in range(2000)]
    fields = {"version": "1", "dependencies": dict.fromkeys(names, "1")}
    manifests = [Manifest(f"node_modules/{name}".encode(), fields) for name in names]
    owner = {"devDependencies": {"p0": "1"}}
    assert find_development(b"", [owner], manifests[:100]) == {manifest.root for manifest in manifests[:100]}
    assert find_development(b"", [owner], manifests) == set()
