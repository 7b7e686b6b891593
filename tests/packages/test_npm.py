"""npm's lock of a node_modules: what is read from it, and documents that are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocisize.packages.npm import package_root, read_lock, read_package_json


def lock(packages: Any, version: Any = 3) -> bytes:
    return json.dumps({"name": "app", "lockfileVersion": version, "packages": packages}).encode()


def test_the_packages_of_a_lock() -> None:
    """Packages by path, with scope, flags and programs; links and what is outside of the project are left out."""
    content = lock({
        "": {"name": "app"},
        "node_modules/jest": {"version": "29.7.0", "dev": True, "bin": {"jest": "bin/jest.js"}},
        "node_modules/jest/node_modules/@s/x": {"version": "1.0.0", "dev": True, "optional": True},
        "node_modules/tool": {"version": "2.0.0", "devOptional": True, "bin": "cli.js"},
        "node_modules/lib": {"resolved": "packages/lib", "link": True},
        "packages/lib": {"version": "1.0.0"},
        "packages/lib/node_modules/y": {"version": "3.0.0"},
        "../other": {"version": "1.0.0"},
    })  # fmt: skip
    found = read_lock(b"srv/app", content)
    assert found is not None
    assert found.workspaces == {b"srv/app/packages/lib"}
    flags = {
        path.removeprefix(b"srv/app/"): (package.name, package.is_development, package.is_optional, package.programs)
        for path, package in found.packages.items()
    }
    assert flags == {
        b"node_modules/jest": ("jest", True, False, ("jest",)),
        b"node_modules/jest/node_modules/@s/x": ("@s/x", True, True, ()),
        b"node_modules/tool": ("tool", False, True, ("tool",)),
        b"packages/lib/node_modules/y": ("y", False, False, ()),
    }


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"[" * 200_000, b'{"packages": {"a": ' * 50_000, b"\xff\xfe\x00", b'{"a": 1, "a": 2}',
        lock({}, version=1), lock({}, version=4), lock({}, version="3"), lock({}, version=True), lock([]), lock(None), lock("x"),
        lock({"node_modules/a": []}), lock({"node_modules/a": {"version": 1}}), lock({"node_modules/a": {"dev": "yes"}}),
        lock({"node_modules/a": {"dev": 1}}), lock({"node_modules/a": {"bin": 7}}), lock({"node_modules/a": {"link": {}}}),
        lock({"/node_modules/a": {}}), lock({"x/../../node_modules/a": {}}), lock({"node_modules//a": {}}),
        lock({"node_modules/\ud800": {}}), lock({f"node_modules/a{number}": {} for number in range(1)}) + b"}",
        b'{"lockfileVersion": 3, "packages": {%b}}' % b",".join(b'"%d": {}' % number for number in range(1_000_002)),
    ],
)  # fmt: skip
def test_documents_that_npm_does_not_write(content: bytes) -> None:
    """Whatever the file holds, it is no lock and no crash."""
    assert read_lock(b"app", content) is None


@pytest.mark.parametrize(
    ("path", "holder"),
    [
        (b"node_modules/a", b""), (b"app/node_modules/a", b"app"), (b"app/node_modules/@s/a", b"app"),
        (b"app/node_modules/a/node_modules/b", b"app/node_modules/a"), (b"app/node_modules/@s", None),
        (b"app/node_modules/.bin", None), (b"app/my_node_modules/a", None), (b"app/node_modules/a/b", None), (b"app", None),
    ],
)  # fmt: skip
def test_roots_of_packages(path: bytes, holder: bytes | None) -> None:
    """What holds a package; None for directories that are none."""
    assert package_root(path) == holder


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 200_000, b"\xff", b"1" * 5000, b'"x"'])
def test_odd_package_json(content: bytes) -> None:
    """What is no object is empty."""
    assert read_package_json(content) == {}


def test_package_json_with_a_repeated_name() -> None:
    """Published packages repeat names; npm takes the last value."""
    assert read_package_json(b'\xef\xbb\xbf{"version": "1", "version": "2"}') == {"version": "2"}
