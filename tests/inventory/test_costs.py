"""The inventory: the figures of packages and of the files that none owns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ocisize import Analysis, Analyzer, PackageReason, ReportError, Unowned, from_json, to_json
from ocisize.inventory import databases, owners
from ocisize.inventory.costs import MAX_UNOWNED, make_inventory
from ocisize.inventory.owners import assign_owners
from ocisize.excerpts.parts import GO_BUILD_INFO, Part, pack_part
from ocisize.model.packages import Inventory, Package
from ocisize.model.system import OperatingSystem, Runtime, System
from ocisize.rules.rule import Catalog
from ocisize.tar.filetable import FileTable
from ocisize.values import evolve
from tests.evidence import make_evidence
from tests.images import build_image, layer
from tests.inventory.test_owners import Files, installed
from tests.oci.test_image import single
from tests.platforms import write_index_layout
from tests.property.test_cache_laws import Memory, Source
from tests.test_partial import damaged


def inventory_of(
    *layers: Files, steps: Sequence[str] = (), system: System | None = None, excerpts: bool = False
) -> Inventory:
    """The inventory of layers; with ``excerpts``, each file ``bin/go-*`` has the build information of a program."""
    evidence = make_evidence(*layers, steps=steps)
    system = system or System()
    tables = [with_excerpts(table) for table in evidence.tables] if excerpts else evidence.tables
    summaries = [evolve(each, files=table) for each, table in zip(evidence.layers, tables, strict=True)]
    ownership = assign_owners(
        tables, evidence.overlay.hidden_by, evidence.runs, [each.build_step for each in summaries], system=system
    )
    return make_inventory(ownership, summaries, system)


def with_excerpts(table: FileTable) -> FileTable:
    text = b"go1.22.5\npath\texample.org/app\nmod\texample.org/app\tv1.2.0\t\ndep\tgolang.org/x/net\tv0.26.0\th1:x\n"
    rows = [row for row, path in enumerate(table.paths) if b"bin/go-" in path]
    return evolve(table, excerpts=dict.fromkeys(rows, pack_part(Part(GO_BUILD_INFO, b"", text))))


def by_name(inventory: Inventory) -> dict[str, Package]:
    found = {f"{package.name} {package.version}": package for package in inventory.packages}
    assert len(found) == len(inventory.packages)
    return found


def test_an_upgraded_package_is_wasted_as_a_whole() -> None:
    """The old version has its bytes in the lower layer; one that has no bytes left is no package of the image."""
    base = {**installed(("ssl", "1", ["lib/ssl"]), ("gone", "1", [])), "lib/ssl": b"12345678"}
    top = {**installed(("ssl", "2", ["lib/ssl"])), "lib/ssl": b"1234", "var/lib/dpkg/info/.wh.gone.list": b""}
    found = by_name(inventory_of(base, top, steps=["ADD rootfs.tar in /", "RUN apt-get upgrade"]))
    old, new = found["ssl 1"], found["ssl 2"]
    assert (old.content_size, old.wasted_size, old.compressed_size, old.file_count) == (17, 17, 9, 2)
    assert (old.installed, old.layer, old.exclusive_size, old.reason) == (False, 0, None, PackageReason.UNKNOWN)
    assert (new.content_size, new.wasted_size, new.installed, new.layer, new.exclusive_size) == (13, 0, True, 1, 13)
    assert found.keys() == {"ssl 1", "ssl 2", "gone 1"} and not found["gone 1"].live_size


def test_installations_in_one_place_are_one_package() -> None:
    """As two copies of one version in one project; those of two projects are two packages."""
    manifest = b'{"name": "ms", "version": "2.1.3"}'
    paths = ["app/node_modules/ms", "app/node_modules/debug/node_modules/ms", "tool/node_modules/ms"]
    inventory = inventory_of({f"{path}/package.json": manifest for path in paths})
    assert [(package.place, package.content_size, package.file_count) for package in inventory.packages] == [
        ("app", 2 * len(manifest), 2),
        ("tool", len(manifest), 1),
    ]


def test_packages_of_binaries() -> None:
    """The main module owns a binary that no package lists; the others are in it, without bytes of their own."""
    files = {**installed(("tools", "1", ["usr/bin/go-b"])), "app/bin/go-a": b"12345", "usr/bin/go-b": b"123"}
    inventory = inventory_of(files, {"app/bin/.wh.go-a": b""}, excerpts=True)
    found = {(package.name, package.place): package for package in inventory.packages}
    main = found["example.org/app", "app/bin/go-a"]
    assert (main.content_size, main.wasted_size, main.installed) == (5, 5, False)
    assert ("golang.org/x/net", "app/bin/go-a") not in found
    owned = found["golang.org/x/net", "usr/bin/go-b"]
    assert (owned.content_size, owned.installed, owned.owned_by) == (0, True, ("tools",))
    assert owned.purl == "pkg:golang/golang.org/x/net@v0.26.0"
    assert found["tools", ""].content_size >= 3


def test_runtimes_without_a_package_manager() -> None:
    """What pip installed into them keeps its files; a runtime that a package installed is none."""
    wheel = "usr/local/lib/python3.12/site-packages/pip-24.dist-info"
    files: Files = {
        "usr/local/bin/python3.12": b"1" * 9, "usr/local/lib/python3.12/os.py": b"1" * 5,
        f"{wheel}/METADATA": b"Name: pip\nVersion: 24\n", f"{wheel}/RECORD": b"pip/main.py,,\n",
        "usr/local/lib/python3.12/site-packages/pip/main.py": b"123", "usr/local/share/x": b"1",
    }  # fmt: skip
    runtime = Runtime("python", "Python", "3.12.4", "usr/local/bin/python3.12", 0)
    system = System(os=OperatingSystem("debian", "Debian", "12"), runtimes=(runtime,))
    found = by_name(inventory_of(files, system=system))
    assert found.keys() == {"pip 24", "python 3.12.4"}
    python = found["python 3.12.4"]
    assert (python.content_size, python.purl, python.layer) == (14, "pkg:generic/python@3.12.4", 0)
    listed = {**files, **installed(("python-local", "1", ["usr/local/bin/python3.12"]))}
    found = by_name(inventory_of(listed, system=system))
    assert found.keys() == {"pip 24", "python-local 1"}


def test_a_runtime_of_a_package_owns_nothing_in_lower_layers() -> None:
    """What a package installed is no runtime of its own, also where the databases of a lower layer decide."""
    program, extra = "usr/local/bin/python3.12", "usr/local/lib/python3.12/extra.txt"
    base = {**installed(("python-local", "1", [program])), program: b"1" * 9, extra: b"old"}
    top = {**installed(("python-local", "1", [program]), ("more", "1", [])), extra: b"new"}
    system = System(runtimes=(Runtime("python", "Python", "3.12.4", program, 0),))
    inventory = inventory_of(base, top, system=system)
    assert by_name(inventory).keys() == {"python-local 1", "more 1"}
    (files,) = [files for files in inventory.unowned if files.name == "/usr/local"]
    assert (files.content_size, files.wasted_size) == (6, 3)


def test_small_groups_of_files_are_one() -> None:
    """So that a hostile image cannot fill a report."""
    inventory = inventory_of({f"srv/{number:03}/x": b"1" * (number + 1) for number in range(100)})
    assert len(inventory.unowned) == MAX_UNOWNED + 1
    (rest,) = [files for files in inventory.unowned if not files.name]
    assert (rest.kind, rest.file_count, rest.path) == (Unowned.APPLICATION, 100 - MAX_UNOWNED, "/srv")
    named = sorted(files.name for files in inventory.unowned if files.name)
    assert named == [f"/srv/{number:03}" for number in range(100 - MAX_UNOWNED, 100)]


@pytest.mark.parametrize(
    ("files", "path"),
    [
        (("var/lib/apt/lists/a", "var/lib/apt/lists/partial/b"), "/var/lib/apt/lists"),
        (("root/.cache/pip/http/1/a", "root/.cache/pip/http/2/b"), "/root/.cache/pip/http"),
        (("home/a/.cache/pip/x", "home/ab/.cache/pip/x"), "/home"),
        (("home/a/.cache/pip/x", "root/.cache/pip/x"), "/"),
        (("home/a/.cache/pip/x", "root/.cache/pip/1/x", "root/.cache/pip/2/x"), "/root/.cache/pip"),
        (("opt/app/data/x", "opt/app/y"), "/opt/app"),
        (("x",), "/"),
    ],
)
@pytest.mark.parametrize("apart", [True, False])
def test_files_of_a_kind_have_the_directory_that_has_all(files: tuple[str, ...], path: str, *, apart: bool) -> None:
    """Also where several layers have them."""
    contents = {name: b"1" for name in files}
    layers = [{name: content} for name, content in contents.items()] if apart else [contents]
    assert {found.path for found in inventory_of(*layers).unowned if found.content_size} == {path}


def test_far_too_many_packages_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of the others belong to nobody, and a warning says so."""
    monkeypatch.setattr(databases, "MAX_PACKAGES", 2)
    inventory = inventory_of(installed(*((name, "1", []) for name in "abc")))
    assert [package.name for package in inventory.packages] == ["a", "b"]
    assert inventory.warnings == ("the image has more than 2 packages",)


def test_the_databases_of_many_lower_layers_are_not_all_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The uppermost one is."""
    monkeypatch.setattr(databases, "MAX_READ_SIZE", 300)
    layers = [installed((f"p{number}", "1" * 90, [])) for number in range(5)]
    inventory = inventory_of(*layers)
    assert [package.name for package in inventory.packages if package.installed] == ["p4"]
    assert len(inventory.packages) < 5 and len(inventory.warnings) == 1


def test_the_cache_keeps_the_inventory() -> None:
    """An analysis with packages and one without have entries of their own."""
    files = {**installed(("ssl", "1", ["lib/ssl"])), "lib/ssl": b"12345678"}
    image, store = build_image([layer(files)]), Memory()
    analyzer = Analyzer(jobs=1, catalog=Catalog(()), packages=True, cache=store)
    first = analyzer.analyze_source(Source(image)).packages
    again = Source(image)
    assert analyzer.analyze_source(again).packages == first and not again.opened
    assert first is not None and [package.name for package in first.packages] == ["ssl"]
    assert Analyzer(jobs=1, catalog=Catalog(()), cache=store).analyze_source(Source(image)).packages is None


def test_nothing_is_computed_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An analysis with advice alone takes no time for packages."""
    calls: list[object] = []
    monkeypatch.setattr(owners, "assign_owners", lambda *arguments: calls.append(arguments))
    assert Analyzer(jobs=1).analyze_source(single(build_image([layer({"a": b"a"})]))).packages is None
    assert not calls


def test_images_of_all_platforms_and_with_layers_that_cannot_be_read(tmp_path: Path) -> None:
    """The parts add up to what was read; with a cache and without it."""
    store = Memory()
    for cache in (None, store, store):
        index = Analyzer(jobs=1, packages=True, cache=cache).analyze_all(write_index_layout(tmp_path / "index"))
        assert len(index.analyses) == 3
        for analysis in index.analyses.values():
            assert sum_content(analysis) == analysis.content_size > 0
    analysis = Analyzer(jobs=1, packages=True, keep_going=True).analyze(damaged(tmp_path / "damaged", 1))
    assert not analysis.complete
    assert sum_content(analysis) == analysis.content_size > 0


@pytest.mark.parametrize(
    ("part", "field", "value", "problem"),
    [
        ("packages", "layer", 7, "there is no layer 7"),
        ("packages", "content_size", -1, "the package ssl: content_size is out of range"),
        ("packages", "reason", "whim", "whim"),
        ("unowned", "layer", -1, "there is no layer -1"),
        ("unowned", "kind", 3, "3"),
    ],
)
def test_a_saved_inventory_is_checked(part: str, field: str, value: object, problem: str) -> None:
    """Reports rely on layers that exist and on figures in range."""
    files = {**installed(("ssl", "1", ["lib/ssl"])), "lib/ssl": b"1", "app/x": b"1"}
    analysis = Analyzer(jobs=1, packages=True).analyze_source(single(build_image([layer(files)])))
    document = json.loads(to_json(analysis))
    assert from_json(json.dumps(document)).packages == analysis.packages
    document["packages"][part][0][field] = value
    with pytest.raises(ReportError, match=problem):
        from_json(json.dumps(document))


def sum_content(analysis: Analysis) -> int:
    assert analysis.packages is not None
    return sum(part.content_size for part in (*analysis.packages.packages, *analysis.packages.unowned))
