"""The packages of each layer: what a container of the layers up to it sees in the databases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from ocisize.inventory.databases import Databases, read_databases
from ocisize.inventory.ecosystems import ECOSYSTEMS, LazyEcosystem
from ocisize.inventory.record import Ecosystem, PackageRecord
from tests.evidence import make_evidence
from tests.inventory.test_owners import Files, installed


def read(*layers: Files, ecosystems: Sequence[LazyEcosystem] = ECOSYSTEMS) -> Databases:
    evidence = make_evidence(*layers)
    return read_databases(evidence.tables, evidence.overlay.hidden_by, evidence.runs.directories.paths, ecosystems)


def names(databases: Databases) -> list[list[str]]:
    return [[f"{databases.records[number].name} {databases.records[number].version}" for number in state]
            for state in databases.states]  # fmt: skip


def test_each_layer_has_its_packages() -> None:
    """Those that it installs, upgrades and removes, and those of a database that a higher layer deletes."""
    databases = read(
        {"bin/sh": b"s"},
        installed(("a", "1", []), ("b", "1", [])),
        {"app/x": b"x"},
        installed(("a", "2", [])),
        {"var/lib/dpkg/.wh.status": b""},
    )
    assert names(databases) == [[], ["a 1", "b 1"], ["a 1", "b 1"], ["a 2"], []]
    assert databases.states[1] is databases.states[2]
    assert [databases.first_layers[number] for number in (*databases.states[1], *databases.states[3])] == [1, 1, 3]
    assert not databases.installed


def test_ecosystems_do_not_hide_each_other() -> None:
    """A change of one leaves the packages of others, and packages of distributions come first."""
    manifest = {"app/node_modules/a/package.json": b'{"version": "3"}'}
    databases = read(manifest, installed(("z", "1", [])), {"app/node_modules/.wh.a": b""})
    assert names(databases) == [["a 3"], ["z 1", "a 3"], ["z 1"]]


class Broken(LazyEcosystem):
    """A parser that fails behind its first package."""

    def load(self) -> Ecosystem:
        def fail(files: Mapping[bytes, bytes]) -> Iterable[PackageRecord]:
            yield PackageRecord(ecosystem="deb", name="first", version="1", database=b"var/lib/dpkg/status")
            raise IndexError

        return Ecosystem("broken", lambda path: path == b"var/lib/dpkg/status", fail)


def test_a_parser_that_fails_ends_nothing() -> None:
    """The packages before the damage count, and a warning names the ecosystem."""
    databases = read(installed(("a", "1", [])), ecosystems=[Broken("", "", (b"var/lib/dpkg/",))])
    assert names(databases) == [["first 1"]]
    assert databases.warnings == ("damaged records of broken",)


def test_parsers_are_only_imported_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image without packages needs none."""
    monkeypatch.setattr(LazyEcosystem, "load", lambda ecosystem: pytest.fail(ecosystem.module))
    assert read({"app/x": b"x", "etc/os-release": b"ID=debian"}).records == []
