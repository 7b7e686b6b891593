"""Records of packages of languages of any bytes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from ocisize.inventory import composer_records, conda_records, dotnet_records, npm_records, python_records
from ocisize.inventory.record import DatabaseError, Ecosystem, PackageRecord
from tests.fuzz.oracle import Harness

_SEPARATOR = b"\n=====\n"  # between the files of an ecosystem
_TESTDATA = Path(__file__).parents[2] / "testdata" / "installed"
_SITE = "venv/lib/python3.12/site-packages"
_FILES: dict[str, tuple[Ecosystem, Sequence[str]]] = {
    "python": (
        python_records.ECOSYSTEM,
        (
            *(
                f"{_SITE}/a-1.dist-info/{name}"
                for name in ("METADATA", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
            ),
            *(f"{_SITE}/b-1.dist-info/{name}" for name in ("METADATA", "top_level.txt", "INSTALLER")),
            *(f"{_SITE}/c.egg-info/{name}" for name in ("PKG-INFO", "installed-files.txt", "top_level.txt")),
            *(f"{_SITE}/d.egg-info", f"{_SITE}/e.egg/EGG-INFO/PKG-INFO"),
        ),
    ),
    "conda": (conda_records.ECOSYSTEM, ("env/conda-meta/a-1-0.json", "env/conda-meta/b-1-0.json")),
    "npm": (
        npm_records.ECOSYSTEM,
        (
            *("app/package.json", "app/node_modules/.package-lock.json", "app/node_modules/a/package.json"),
            *("app/node_modules/@s/b/package.json", "app/node_modules/a/node_modules/c/package.json"),
            *("app/node_modules/.pnpm/d@1/node_modules/d/package.json", "app/w/package.json"),
        ),
    ),
    "composer": (composer_records.ECOSYSTEM, ("app/vendor/composer/installed.json", "app/composer.json")),
    "dotnet": (dotnet_records.ECOSYSTEM, ("app/a.deps.json", "app/b.deps.json")),
}
_HEADERS = (
    b"Metadata-Version: 2.1\nName: a\nVersion: 1\nLicense: MIT\nAuthor: x\nRequires-Dist: b[x] (>=1); python_version > '3'\n"
    b"Requires-Dist: c ; extra == 'y'\nClassifier: License :: OSI Approved :: MIT License\n\ntext\n"
)
_MANIFEST = (
    b'{"name": "a", "version": "1", "license": "MIT", "author": {"name": "x"}, "dependencies": {"c": "1", "e": "npm:d@1"},'
    b' "optionalDependencies": {"@s/b": "1"}, "peerDependencies": {"d": "1"}, "peerDependenciesMeta": {"d": {"optional": true}},'
    b' "devDependencies": {"a": "1"}}'
)


def _seeds(name: str) -> Sequence[bytes]:
    if name == "python":
        record = b'a/x.py,sha256=0,3\n../../../bin/a,,\n"a/""y"",.py",,\n/etc/a,,\n'
        parts = [_HEADERS, record, b"pip\n", b"", b'{"dir_info": {"editable": false}}', _HEADERS.replace(b"a\n", b"b\n"), b"b\n",
                 b"pip", _HEADERS, b"../c/x.py\nPKG-INFO\n", b"c\n", _HEADERS, _HEADERS]  # fmt: skip
    elif name == "conda":
        parts = [
            b'{"name": "a", "version": "1", "build": "0", "channel": "https://e.org/forge/linux-64", "subdir": "linux-64",'
            b' "files": ["lib/a.so", "../x"], "depends": ["b >=1", "__glibc"], "license": "MIT", "requested_spec": "a"}',
            b'{"name": "b", "version": "1", "paths_data": {"paths": [{"_path": "lib/b.so"}]}}',
        ]
    elif name == "npm":
        lock = b'{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1", "dev": true}, "w": {}}}'
        parts = [_MANIFEST, lock, *[_MANIFEST] * 5]
    elif name == "composer":
        parts = [_TESTDATA.joinpath("composer.json").read_bytes(), b'{"require": {"acme/log": "*"}, "require-dev": {}}']
    else:
        parts = [_TESTDATA.joinpath("Python.Runtime.deps.json").read_bytes(), b'{"libraries": {"a/1": {"type": "package"}}}']
    return [_SEPARATOR.join(parts)]


def run(name: str, data: bytes) -> None:
    """The records of any files, read twice: they are the same, their texts are texts, and their paths are in the image."""
    ecosystem, paths = _FILES[name]
    files = {path.encode(): part for path, part in zip(paths, data.split(_SEPARATOR, len(paths) - 1), strict=False)}
    assert all(map(ecosystem.is_database, files))
    found = [_read(ecosystem, files) for _ in range(2)]
    assert found[0] == found[1]


def _read(ecosystem: Ecosystem, files: dict[bytes, bytes]) -> list[object]:
    values: list[object] = []
    try:
        for record in ecosystem.read(files):
            values.append(_check(record, files))
    except DatabaseError as error:
        values.append(error.reason)
    return values


def _check(record: PackageRecord, files: dict[bytes, bytes]) -> object:
    listed = list(record.list_files())
    texts = (record.name, record.version, record.vendor, *record.licenses, *record.provides, *record.qualifiers.values())
    assert record.name and record.database in files and listed == list(record.list_files())
    assert all(text.encode() is not None for text in texts)
    assert all(names and all(names) for names in (*record.requires, *record.recommends))
    for path in (*record.directories, *listed):
        assert path and path[:1] != b"/" and b".." not in path.split(b"/")
    return record.name, record.version, record.place, record.requires, record.is_automatic, record.is_development, listed


_TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"true", b'"name"', b'"version"', b'"1"', b"\\ud800", b"..", b"/", b"\0", b"\n\n",
    b"Name: ", b"Requires-Dist: ", b"; extra == 'x'", b'""', b"node_modules/", b"npm:", _SEPARATOR,
)  # fmt: skip
HARNESSES = {
    f"records-{name}": Harness(functools.partial(run, name), functools.partial(_seeds, name), _TOKENS, quick=500)
    for name in _FILES
}
