"""What always holds of the packages that own an image's bytes, whatever is in its layers and databases."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import Analysis, Inventory, OwnedSizes, from_json, to_json
from ocisize.analyzer import Analyzer
from ocisize.filesystem.directories import find_runs
from ocisize.inventory.owners import Ownership, assign_owners
from ocisize.rules.rule import Catalog
from tests.evidence import make_evidence
from tests.images import Compression, Entry, Hard, build_image, layer
from tests.inventory.test_ecosystems import RECORDS
from tests.oci.test_image import single
from tests.property.model import Pairs
from tests.property.test_merge_laws import CONTENTS, LAYERS

laws = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
ANALYZER = Analyzer(jobs=1, catalog=Catalog(()), packages=True)  # without advice, which is not at issue
NAMES = ("a", "b", "c")
PATHS = st.lists(st.sampled_from([*NAMES, "node_modules", "usr", "__pycache__"]), min_size=1, max_size=4).map("/".join)
#: name → version, and the paths that a package lists
PACKAGES = st.dictionaries(
    st.sampled_from(NAMES),
    st.tuples(st.sampled_from("12"), st.lists(st.one_of(PATHS, st.just("a/b.py")), max_size=4)),
    max_size=3,
)


def dpkg(packages: Mapping[str, tuple[str, Sequence[str]]]) -> Iterator[tuple[str, Entry]]:
    """The database of dpkg."""
    stanzas = (
        f"Package: {name}\nStatus: install ok installed\nVersion: {version[0]}\n\n" for name, version in packages.items()
    )
    yield "var/lib/dpkg/status", "".join(stanzas).encode()
    for name, (_, paths) in packages.items():
        yield f"var/lib/dpkg/info/{name}.list", "".join(f"/{path}\n" for path in paths).encode()


def wheels(place: str, packages: Mapping[str, tuple[str, Sequence[str]]]) -> Iterator[tuple[str, Entry]]:
    """The records of an environment of Python."""
    for name, (version, paths) in packages.items():
        info = f"{place}/{name}-{version}.dist-info"
        yield f"{info}/METADATA", f"Name: {name}\nVersion: {version}\n".encode()
        yield f"{info}/RECORD", "".join(f"../{path},,\n" for path in paths).encode()


def modules(root: str, name: str, version: str) -> tuple[str, Entry]:
    return f"{root}/node_modules/{name}/package.json", json.dumps({"version": version}).encode()


#: what parsers may find in a damaged database
JUNK = st.lists(
    st.sampled_from([
        b"Package: a", b"Status: install ok installed", b"Version: 1", b"P:a", b"V:1", b"F:usr", b"R:x", b"", b"%NAME%", b"%FILES%",
        b"Name: a", b'{"name": "a",', b'"version": "1",', b'"files": ["a"]}', b'"packages": [{', b"}]}", b"a/b,,", b"../c,,",
    ]),
    max_size=6,
).map(b"\n".join)  # fmt: skip
DATABASES: st.SearchStrategy[list[tuple[str, Entry]]] = st.one_of(
    st.just([]),
    st.builds(lambda packages: list(dpkg(packages)), PACKAGES),
    st.builds(lambda place, packages: list(wheels(place, packages)), st.sampled_from(NAMES), PACKAGES),
    st.builds(lambda *values: [modules(*values)], PATHS, st.sampled_from(NAMES), st.sampled_from(["1", "2", ""])),
    st.lists(st.tuples(st.sampled_from(RECORDS), st.one_of(st.binary(max_size=60), JUNK)), max_size=3),
    st.sampled_from([[("var/lib/.wh.dpkg", b"")], [("a/.wh.node_modules", b"")], [("var/lib/dpkg/.wh.status", b"")]]),
)


@st.composite
def images(draw: st.DrawFn) -> list[Pairs]:
    """Layers with files of any kind and databases that list some of them."""
    return [[*entries, *draw(DATABASES), *draw(DATABASES)] for entries in draw(LAYERS)]


def analyzed(layers: Sequence[Pairs], compression: Compression = "gzip") -> tuple[Analysis, Inventory]:
    analysis = ANALYZER.analyze_source(single(build_image([layer(entries, compression) for entries in layers])))
    assert analysis.packages is not None
    return analysis, analysis.packages


def figures(sizes: OwnedSizes) -> tuple[int, ...]:
    compressed = (sizes.compressed_size or 0, sizes.wasted_compressed_size or 0)
    return sizes.content_size, sizes.wasted_size, sizes.live_size, sizes.file_count, *compressed


@laws
@given(images(), st.sampled_from(["gzip", "zstd", "plain"]), st.integers(0, 2))
def test_owners_add_up_to_the_image(layers: list[Pairs], compression: Compression, repeated: int) -> None:
    """Every byte belongs to one package or to one kind of other files, also those of repeated layers."""
    analysis, inventory = analyzed([*layers, *layers[:repeated]], compression)
    parts = [*inventory.packages, *inventory.unowned]
    added = tuple(map(sum, zip(*map(figures, parts), strict=True))) if parts else (0,) * 6
    compressed = (analysis.compressed_size or 0) - (inventory.overhead_size or 0)
    assert added == (
        analysis.content_size, analysis.wasted_size, analysis.live_size, analysis.file_count, compressed,
        analysis.wasted_compressed_size,
    )  # fmt: skip
    for part in parts:
        assert min(figures(part)) >= 0 and (part.wasted_compressed_size or 0) <= (part.compressed_size or 0)
    named = {package.layer for package in inventory.packages} | {files.layer for files in inventory.unowned}
    assert named <= set(range(len(analysis.layers)))
    for package in inventory.packages:
        assert package.exclusive_size is None or package.exclusive_size >= package.content_size
    keys = [
        (package.ecosystem, package.name, package.version, package.place, package.architecture)
        for package in inventory.packages
    ]
    assert len(set(keys)) == len(keys)
    assert len({(files.kind, files.name) for files in inventory.unowned}) == len(inventory.unowned)
    assert from_json(to_json(analysis)).packages == inventory


def owners_by_path(ownership: Ownership, layers: Sequence[Iterable[tuple[str, Entry]]]) -> list[dict[str, str]]:
    """The owner of each row by layer and path, as text."""
    found = []
    for number, entries in enumerate(layers):
        owners = {}
        for row, (path, _) in enumerate(entries):
            package = ownership.package_at(number, row)
            kind = ownership.unowned[ownership.rows[number][row] - len(ownership.records)] if package is None else None
            owners[path] = f"{package.ecosystem} {package.name} {package.version}" if package is not None else str(kind)
        found.append(owners)
    return found


@laws
@given(images(), st.randoms(use_true_random=False))
def test_the_order_of_entries_does_not_matter(layers: list[Pairs], generator: random.Random) -> None:
    """Every row has the same owner wherever it is in its layer."""
    unique = [{path: entry for path, entry in pairs if not isinstance(entry, Hard)} for pairs in layers]
    shuffled = [list(entries.items()) for entries in unique]
    for entries in shuffled:
        generator.shuffle(entries)
    plain = [list(entries.items()) for entries in unique]
    first, second = make_evidence(*plain), make_evidence(*shuffled)
    if [sorted(table.paths) for table in first.tables] != [sorted(table.paths) for table in second.tables]:
        return
    if any(set(entry) for entry in map(odd_paths, plain)):
        return
    assert owners_by_path(first.packages.ownership, plain) == owners_by_path(second.packages.ownership, shuffled)


def odd_paths(entries: Iterable[tuple[str, Entry]]) -> list[str]:
    """Paths of which several forms, or parts that are no directories, can be in a layer: their order matters."""
    names = [path for path, _ in entries]
    others = {path for path in names if not path.startswith(("var/lib/dpkg/",))}
    clean = {path.strip("/") for path in names}
    return [path for path in others if path != path.strip("/") or "//" in path or "." in path.split("/") or ".." in path.split("/")
            or any(path[:at] in clean for at in range(len(path)) if path[at] == "/")]  # fmt: skip


@laws
@given(images())
def test_each_row_has_one_owner(layers: list[Pairs]) -> None:
    """Also those that are no files; and the inventory does not depend on how the runs of directories were found."""
    evidence = make_evidence(*layers)
    ownership = evidence.packages.ownership
    count = len(ownership.records) + len(ownership.unowned)
    for table, rows in zip(evidence.tables, ownership.rows, strict=True):
        assert len(rows) == len(table) and max(rows, default=0) < count
    steps = [each.build_step for each in evidence.layers]
    again = assign_owners(evidence.tables, evidence.overlay.hidden_by, find_runs(evidence.tables), steps)
    assert list(map(list, again.rows)) == list(map(list, ownership.rows))


@st.composite
def plain_images(draw: st.DrawFn) -> list[dict[str, Entry]]:
    """Layers of files alone, some of them whiteouts, with databases of dpkg."""
    layers = []
    whiteouts = st.tuples(st.sampled_from(["usr", "usr/a"]), st.sampled_from(NAMES)).map(
        lambda path: f"{path[0]}/.wh.{path[1]}"
    )
    files = st.one_of(
        st.tuples(st.sampled_from(["usr/a/x", "usr/a/y", "usr/b/x", "usr/c", "usr/a/z.py", "usr/a/z.pyc"]), CONTENTS),
        st.tuples(whiteouts, st.just(b"")),
    )
    listed = st.lists(st.sampled_from(["usr/a/x", "usr/a/y", "usr/b/x", "usr/c", "usr/a/z.py"]), max_size=3)
    # A version has the same files in all layers
    versions = listed.map(lambda paths: (f"1-{'-'.join(paths).replace('/', '.')}", paths))
    packages = st.dictionaries(st.sampled_from(NAMES), versions, max_size=3)
    for _ in range(draw(st.integers(1, 4))):
        entries = dict(draw(st.lists(files, max_size=5)))
        layers.append(entries | dict(dpkg(draw(packages)) if draw(st.booleans()) else ()))
    return layers


def listed_by(view: Mapping[str, bytes], path: str) -> str | None:
    """The package of dpkg that owns a path in a view of the image, by the rules as they read."""
    status = view.get("var/lib/dpkg/status", b"").decode()
    stanzas = [dict(line.split(": ") for line in stanza.splitlines()) for stanza in status.split("\n\n") if stanza]
    for wanted in (path, path[:-1] if path.endswith(".pyc") else path):
        for stanza in sorted(stanzas, key=lambda stanza: stanza["Package"]):
            info = f"var/lib/dpkg/info/{stanza['Package']}.list"
            if wanted == info or f"/{wanted}" in view.get(info, b"").decode().splitlines():
                return f"{stanza['Package']} {stanza['Version']}"
    return None


@laws
@given(plain_images())
def test_owners_are_those_that_the_rules_name(layers: list[dict[str, Entry]]) -> None:
    """Visible rows by the databases of the image, or else of their layer; hidden ones by those of their layer."""
    evidence = make_evidence(*layers)
    hidden_by = evidence.overlay.hidden_by

    def view(upper: int) -> dict[str, bytes]:
        return {
            path: entry
            for layer, entries in enumerate(layers[: upper + 1])
            for row, (path, entry) in enumerate(entries.items())
            if not 0 <= hidden_by[layer][row] <= upper and isinstance(entry, bytes)
        }

    for number, entries in enumerate(layers):
        for row, path in enumerate(entries):
            expected = listed_by(view(number), path)
            if hidden_by[number][row] < 0:
                expected = listed_by(view(len(layers) - 1), path) or expected
            package = evidence.packages.ownership.package_at(number, row)
            assert (package and f"{package.name} {package.version}") == expected, path
