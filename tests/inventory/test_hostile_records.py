"""Records that nobody has checked: no content of a database ends a reader, and no path leaves the image."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.inventory import (
    composer_records,
    conda_records,
    dotnet_records,
    gem_records,
    npm_records,
    python_records,
    record_limits,
    text_fields,
)
from ocisize.inventory.ecosystems import ECOSYSTEMS as REGISTERED
from ocisize.inventory.record import DatabaseError, Ecosystem, PackageRecord

MODULES = (composer_records, conda_records, dotnet_records, gem_records, npm_records, python_records)
ECOSYSTEMS = [module.ECOSYSTEM for module in MODULES]
PATHS = [
    b"app/composer.json", b"app/vendor/composer/installed.json", b"vendor/composer/installed.json", b"env/conda-meta/a-1-0.json",
    b"conda-meta/b.json",
    b"app/app.deps.json", b"x.deps.json", b"net/shared/A/1/A.deps.json", b"net/sdk/8.0.1/dotnet.deps.json",
    b"gem/specifications/a-1.gemspec", b"specifications/default/b-2-java.gemspec", b"bundler/gems/c-0123456/c.gemspec", b"gem/extensions/x/3/a-1/gem.build_complete",
    b"package.json", b"app/package.json", b"node_modules/.package-lock.json", b"app/node_modules/.package-lock.json",
    b"app/node_modules/a/package.json", b"app/node_modules/@s/a/package.json", b"node_modules/b/package.json",
    b"app/node_modules/a/node_modules/b/package.json", b"app/node_modules/.pnpm/a@1/node_modules/a/package.json",
    b"app/node_modules/.modules.yaml", b"app/.pnp.cjs", b"app/.yarn/cache/a-npm-1.0-0123456789-0123456789.zip",
    b"lib/a-1.dist-info/METADATA", b"lib/a-1.dist-info/RECORD", b"lib/a-1.dist-info/INSTALLER", b"lib/a-1.dist-info/REQUESTED",
    b"lib/a-1.dist-info/direct_url.json", b"lib/a-1.dist-info/top_level.txt", b"site-packages/b.egg-info/PKG-INFO",
    b"site-packages/b.egg-info/installed-files.txt", b"site-packages/b.egg-info/top_level.txt", b"c.egg-info", b".dist-info/METADATA",
    b"site-packages/c.egg/EGG-INFO/PKG-INFO",
]  # fmt: skip
NAMES = [
    "name", "version", "dependencies", "optionalDependencies", "peerDependencies", "peerDependenciesMeta", "devDependencies",
    "license", "licenses", "author", "packages", "lockfileVersion", "dev", "optional", "files", "paths_data", "paths", "_path",
    "depends", "requested_spec", "build", "channel", "subdir", "install-path", "dev-package-names", "require", "require-dev", "provide",
    "replace", "libraries", "targets", "type", "runtime", "native", "resources", "locale", "runtimeTargets", "a/1", "a", "b",
    "node_modules/a", "../x", "dir_info", "editable", "\ud800",
]  # fmt: skip
TEXTS = st.sampled_from(
    ["a", "b", "1", "package", "project", "../../../../x", "/etc/passwd", "..", "", "a\0b", "\udcff", "é" * 9]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)
LINES = st.lists(
    st.sampled_from([
        b"Name: a", b"Name:", b"Version: 1", b"Requires-Dist: b[x];extra=='x'", b"Requires-Dist: ;", b"License: MIT", b"  more", b"",
        b"a.py,,", b'"a,b",,', b'"open', b"../../../../x,,", b"/abs,,", b",,", b"a\0b,,", b"\xff,,", b"pip", b"a", b"..", b"x/y",
    ]),
    max_size=8,
).map(b"\n".join)  # fmt: skip
CONTENTS = VALUES.map(lambda value: json.dumps(value).encode()) | LINES | st.binary(max_size=40)


def test_records_are_found_before_their_parser_is_imported() -> None:
    """The ends of their paths lead to each file that a parser reads."""
    ecosystems = {ecosystem.module: ecosystem for ecosystem in REGISTERED}
    for module in MODULES:
        found = ecosystems[module.__name__.rpartition(".")[2]]
        assert found.load() is module.ECOSYSTEM
        assert {*found.names} == {*module.ECOSYSTEM.path_ends}
        for path in filter(module.ECOSYSTEM.is_database, PATHS):
            assert found.may_have(path) or path.endswith(found.names)


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS, ids=lambda ecosystem: ecosystem.name)
@given(files=st.dictionaries(st.sampled_from(PATHS), CONTENTS, max_size=8))
def test_any_content_is_read(ecosystem: Ecosystem, files: dict[bytes, bytes]) -> None:
    """Records have texts that JSON can express, and paths that can be in a file table."""
    for record in ecosystem.read({path: content for path, content in files.items() if ecosystem.is_database(path)}):
        check(record)


def check(record: PackageRecord) -> None:
    """Whether the values of a record have the right form."""
    assert record.name
    for text in (
        record.name,
        record.version,
        record.vendor,
        *record.licenses,
        *record.provides,
        *record.qualifiers.values(),
    ):
        text.encode()
    for alternatives in (*record.requires, *record.recommends):
        assert alternatives and all(name.encode() for name in alternatives)
    for path in (record.database, *record.directories, *record.list_files()):
        assert path and not path.startswith(b"/") and b".." not in path.split(b"/")


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS, ids=lambda ecosystem: ecosystem.name)
def test_deep_and_broken_documents(ecosystem: Ecosystem) -> None:
    """They list no package that was not there without them."""
    contents = (
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe\x00",
        b"{}",
        b"[]",
        b"null",
        b'"',
        b'{"name": {}, "version": []}',
    )
    documents = [path for path in PATHS if path.endswith(b".json") and b"shared" not in path and b"sdk" not in path]
    for content in contents:
        assert not list(ecosystem.read({path: content for path in documents if ecosystem.is_database(path)}))


NAMED = json.dumps({f"n/{number}": "1" for number in range(9)})
RELATIONS = {
    b"app/node_modules/a/package.json": b'{"version": "1", "dependencies": %b}',
    b"app/vendor/composer/installed.json": b'{"packages": [{"name": "a", "require": %b}]}',
    b"app/app.deps.json": b'{"libraries": {"a/1": {"type": "package"}}, "targets": {"x": {"a/1": {"dependencies": %b}}}}',
    b"env/conda-meta/a.json": b'{"name": "a", "depends": ["b", "c", "d", "e"], "x": %b}',
    b"lib/a-1.dist-info/METADATA": b"Name: a\n"
    + b"".join(b"Requires-Dist: n%d\n" % number for number in range(9))
    + b"\n%b",
}


@pytest.mark.parametrize("path", RELATIONS)
def test_what_packages_need_is_bounded(path: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document of 256 kB has room for 50,000 names; those that are too many are left out, with a warning behind all packages."""
    monkeypatch.setattr(record_limits, "MAX_RELATIONS", 3)
    [ecosystem] = [ecosystem for ecosystem in ECOSYSTEMS if ecosystem.is_database(path)]
    records = iter(ecosystem.read({path: RELATIONS[path] % NAMED.encode()}))
    assert len(next(records).requires) == 3
    with pytest.raises(DatabaseError, match="more than 3 others"):
        next(records)


def test_long_names_take_linear_time() -> None:
    """Names of 64 kB, which tars can have, are looked at once."""
    long = b"a-1" * 20_000
    for ecosystem in ECOSYSTEMS:
        for path in PATHS:
            directory, _, name = path.rpartition(b"/")
            changed = [directory + b"/" + long + name, long + b"/" + path, directory.replace(b"a", long) + b"/" + name]
            found = [record for record in ecosystem.read({path: b"" for path in changed if ecosystem.is_database(path)})]
            assert len(found) <= len(changed)


def test_names_below_a_long_directory_take_no_memory_before_they_are_asked_for() -> None:
    """The path of the directory may be a thousand times as long as the names of files in it."""
    place, names = b"d" * 200 + b"/d" * 1900, [f"{number:x}" for number in range(10_000)]
    files = {"files": names, "name": "a", "version": "1"}
    assets: dict[str, Any] = {"runtime": dict.fromkeys(names, {})}
    program = {"libraries": {"a/1": {"type": "package"}}, "targets": {"net8": {"a/1": assets}}}
    conda, dotnet = json.dumps(files).encode(), json.dumps(program).encode()
    for module, path, content in (
        (conda_records, place + b"/conda-meta/a-1-0.json", conda),
        (dotnet_records, place + b"/app.deps.json", dotnet),
    ):
        tracemalloc.start()
        (record,) = module.ECOSYSTEM.read({path: content})
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100 * len(content)
        assert {place + b"/" + name.encode() for name in names} <= set(record.list_files())


def test_modules_below_a_long_directory_are_few() -> None:
    """In usual directories a package may have a thousand."""
    modules = b"\n".join(b"m%d" % number for number in range(500))
    for place, count in ((b"usr/lib/python3/dist-packages", 500), (b"d/" * 1900 + b"site-packages", 17)):
        info = place + b"/a.egg-info"
        (record,) = python_records.ECOSYSTEM.read({
            info + b"/PKG-INFO": b"Name: a\nVersion: 1\n", info + b"/top_level.txt": modules
        })  # fmt: skip
        assert len(record.directories) == count + 1


def test_libraries_are_not_looked_for_in_every_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small document may have thousands of both."""
    count, calls = 300, list[object]()

    def object_of(value: object) -> Mapping[str, Any]:
        calls.append(value)
        return text_fields.object_of(value)

    monkeypatch.setattr(dotnet_records, "object_of", object_of)
    libraries = {f"a{number}/1": {"type": "project" if number else "package"} for number in range(count)}
    targets = {f"net{number}": {"a1/1": {"dependencies": {"a0": "1"}}} for number in range(count)}
    document = json.dumps({"libraries": libraries, "targets": targets}).encode()
    (record,) = dotnet_records.ECOSYSTEM.read({b"app/a.deps.json": document})
    assert record.name == "a0" and record.is_automatic is False
    assert len(calls) < 10 * count
