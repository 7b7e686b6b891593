"""An export has every image, layer, blob and entry of a fleet once, exactly, in a folder that is whole or absent."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.errors import FolderInUse, MissingLibrary, OcisizeError
from ocisize.fleet.export import files as files_module
from ocisize.fleet.engine.image_packages import FoundPackage, ImagePackageSums, OwnedFiles
from ocisize.fleet.export.export import FleetContents, write_tables
from ocisize.fleet.export.files import rows_of_table
from ocisize.fleet.export.folder import check_folder, new_export
from ocisize.fleet.export.schema import FILES, TABLES, Column
from ocisize.fleet.export.writer import ParquetWriter
from ocisize.fleet.measure import measure_fleet
from ocisize.model.fleet import Fleet, FleetFailure
from ocisize.rules.load import load_catalog
from ocisize.tar.filetable import Attributes, FileTable
from ocisize.tar.paths import PathColumn
from ocisize.text import decode_name, printable
from tests.fleet.made import Blobs, fleet_of
from tests.fleets import many_images, service_family

Packages: TypeAlias = Iterable[tuple[str, ImagePackageSums]]
TAGS = service_family()
FLEET = fleet_of(TAGS)


class Tables:
    """The tables of an export, as DuckDB reads them."""

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect()
        for table in TABLES:
            path = folder / table.name / "*.parquet" if table.name == FILES else folder / f"{table.name}.parquet"
            if list(path.parent.glob(path.name)):
                self.connection.execute(f"CREATE VIEW {table.name} AS FROM '{path}'")

    def rows(self, query: str) -> list[Any]:
        return self.connection.execute(query).fetchall()


def export(
    folder: Path, fleet: Fleet = FLEET, *, read: Callable[[str], FileTable] | None = None, packages: Packages = ()
) -> Tables:
    contents = None if read is None else FleetContents(read=read, packages=packages, catalog=load_catalog())
    write_tables(measure_fleet(fleet), folder, version="1.2.3", contents=contents)
    return Tables(folder)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return export(tmp_path_factory.mktemp("fleet") / "tables", read=Blobs(TAGS).read_table)


def test_every_table_has_the_columns_of_the_schema(exported: Tables) -> None:
    """Names and types are those that the documentation lists, in its order."""
    for table in TABLES:
        described = exported.rows(f"SELECT column_name, column_type FROM (DESCRIBE {table.name})")
        assert described == [(column.name, column.type) for column in table.columns]
        assert all(column.about for column in table.columns)


def test_the_export_says_what_it_is(exported: Tables) -> None:
    assert exported.rows("FROM export") == [(1, "1.2.3", None, True, True)]
    assert exported.rows("FROM failures") == []


def test_roots_have_their_names(exported: Tables) -> None:
    """Two tags of one digest are one root with two references."""
    found = exported.rows(
        "SELECT digest, list(name) FROM roots JOIN names USING (root_id) WHERE kind = 'reference' GROUP BY ALL"
    )
    assert {digest: sorted(names) for digest, names in found} == {
        root.digest: sorted(root.references) for root in FLEET.roots
    }
    assert len(found) == len(TAGS) - 1
    assert exported.rows("SELECT count(*) FROM roots WHERE is_index") == [(2,)]


def test_images_have_their_layers_in_order(exported: Tables) -> None:
    """Joined by their numbers, the tables give the documents back."""
    found = exported.rows("""
        SELECT images.digest, platform, reference, label, list(layers.digest ORDER BY index), list(build_step ORDER BY index),
               list(diff_id ORDER BY index), list(compressed_size ORDER BY index)
        FROM images JOIN image_layers USING (image_id) JOIN layers USING (layer_id) GROUP BY image_id, images.digest, platform, reference, label ORDER BY image_id
    """)
    assert found == [
        (
            image.digest, image.platform, root.references[0], root.labels[0], [layer.digest for layer in image.layers],
            [layer.build_step for layer in image.layers], [layer.diff_id for layer in image.layers],
            [layer.size for layer in image.layers],
        )
        for root in FLEET.roots for image in root.images
    ]  # fmt: skip


def test_blobs_are_those_of_a_registry(exported: Tables) -> None:
    """Each digest is stored once, with all that a root reaches, attestations included."""
    sizes: dict[str, int] = {}
    for tag in TAGS:
        sizes |= tag.sizes
    assert dict(exported.rows("SELECT digest, size FROM blobs")) == sizes
    reached = exported.rows(
        "SELECT roots.digest, sum(size) FROM root_blobs JOIN roots USING (root_id) JOIN blobs USING (blob_id) GROUP BY ALL"
    )
    assert dict(reached) == {tag.digest: sum(tag.sizes.values()) for tag in TAGS}
    kinds = {"index": 2, "attestation": 3, "config": 15, "manifest": 16}
    assert {
        kind: count for kind, count in exported.rows("SELECT kind, count(*) FROM blobs GROUP BY ALL") if kind != "layer"
    } == kinds


def test_blobs_are_stored_once_in_each_store(tmp_path: Path) -> None:
    """One image in two registries has its blobs in both, and its layers once."""
    root = FLEET.roots[0]
    fleet = Fleet(stores=["a.example", "b.example"], roots=[root, attrs.evolve(root, store=1)])
    tables = export(tmp_path / "tables", fleet)
    blobs = 2 + len(root.images[0].layers)
    assert tables.rows("SELECT store, count(*) FROM blobs GROUP BY ALL ORDER BY ALL") == [
        ("a.example", blobs),
        ("b.example", blobs),
    ]
    assert tables.rows("SELECT count(*) FROM layers") == [(len(root.images[0].layers),)]
    assert tables.rows("SELECT root_id, count(*) FROM root_blobs GROUP BY ALL ORDER BY ALL") == [(0, blobs), (1, blobs)]


def test_files_are_the_entries_of_each_layer_once(exported: Tables) -> None:
    """Each row is that of the table of its layer, in the order of the layers."""
    blobs = Blobs(TAGS)
    digests = [digest for (digest,) in exported.rows("SELECT digest FROM layers ORDER BY layer_id")]
    expected = []
    for layer_id, digest in enumerate(digests):
        for entry in blobs.read_table(digest):
            parent = entry.path.rpartition("/")[0]
            expected.append((
                layer_id, entry.path, "/".join(parent.split("/")[:3]), entry.kind, entry.size, entry.compressed_size,
                entry.content_hash, entry.mode, entry.uid, entry.gid,
            ))  # fmt: skip
    found = exported.rows("""
        SELECT layer_id, path, dir3, kind, size, compressed_size, replace(content::VARCHAR, '-', ''), mode, uid, gid FROM files
    """)
    assert found == expected
    sums = exported.rows("SELECT rows, tar_size, hash_function FROM layers ORDER BY layer_id")
    tables = [blobs.read_table(digest) for digest in digests]
    assert sums == [(len(table), table.tar_size, "xxh3-128") for table in tables]


def test_rules_are_those_of_an_analysis(exported: Tables) -> None:
    """The ids of rules that claim files of a layer."""
    found = dict(exported.rows("SELECT path, rule FROM files WHERE rule IS NOT NULL"))
    ids = {rule.id: rule for rule in load_catalog().rules}
    assert found.keys() >= {"var/cache/apt/archives/libssl3_3.0.11_amd64.deb", "root/.cache/pip/api"}
    assert set(found.values()) <= ids.keys()


def test_a_layer_is_read_once(tmp_path: Path) -> None:
    blobs = Blobs(TAGS)
    tables = export(tmp_path / "tables", read=blobs.read_table)
    assert Counter(blobs.reads) == Counter({digest: 1 for (digest,) in tables.rows("SELECT digest FROM layers")})


def test_without_layers_there_are_no_files(tmp_path: Path) -> None:
    """Manifests alone fill all other tables."""
    tables = export(tmp_path / "tables")
    assert not (tmp_path / "tables" / FILES).exists()
    assert tables.rows("SELECT has_files FROM export") == [(False,)]
    digests = {layer.digest for root in FLEET.roots for image in root.images for layer in image.layers}
    assert tables.rows("SELECT count(*), count(tar_size), count(rows) FROM layers") == [(len(digests), 0, 0)]


def test_what_could_not_be_read_is_named(tmp_path: Path) -> None:
    """The others are exported, and the export is not complete."""
    blobs = Blobs(TAGS)
    broken = FLEET.roots[0].images[0].layers[0].digest

    def read(digest: str) -> FileTable:
        if digest == broken:
            raise OcisizeError("the gzip stream ends early")
        return blobs.read_table(digest)

    failure = FleetFailure(reference="registry.example/gone:1", message='not "found"\nat all')
    tables = export(tmp_path / "tables", attrs.evolve(FLEET, failures=[failure]), read=read)
    assert tables.rows("SELECT complete FROM export") == [(False,)]
    assert tables.rows("FROM failures") == [
        ("registry.example/gone:1", 'not "found"\\nat all'), (broken, "the gzip stream ends early"),
    ]  # fmt: skip
    assert tables.rows("SELECT digest FROM layers WHERE rows IS NULL") == [(broken,)]
    assert tables.rows("SELECT count(*) FROM layers ANTI JOIN files USING (layer_id)") == [(1,)]


def table_of(paths: list[bytes], hashes: bytes = b"") -> FileTable:
    count = len(paths)
    return FileTable(
        paths=PathColumn(paths), kinds=b"0" * count, sizes=array("q", range(count)), ends=array("q", range(count)), hashes=hashes,
        owners=array("I", [0] * count), attributes=(Attributes(0o644, 2**40, 0),), tar_size=None,
    )  # fmt: skip


def one_layer(folder: Path, table: FileTable) -> Tables:
    return export(folder, fleet_of(many_images(1, 2)[:1]), read=lambda digest: table)


def test_hashes_are_exact(tmp_path: Path) -> None:
    """Hashes that differ in their last bit stay different, and the extreme ones are what they were."""
    numbers = [
        1,
        2,
        3,
        2**127,
        2**127 + 1,
        2**128 - 2,
        2**128 - 1,
        0x1234567890ABCDEF_FEDCBA0987654320,
        0x1234567890ABCDEF_FEDCBA0987654321,
    ]
    hashes = b"".join(number.to_bytes(16, "big") for number in [*numbers, 0])
    table = table_of([b"f%d" % row for row in range(len(numbers) + 1)], hashes)
    tables = one_layer(tmp_path / "tables", table)
    found = tables.rows("SELECT replace(content::VARCHAR, '-', '') FROM files WHERE layer_id = 0")
    assert [None if text is None else int(text, 16) for (text,) in found] == [*numbers, None]
    assert tables.rows("SELECT count(DISTINCT content) FROM files") == [(len(numbers),)]
    assert tables.rows("SELECT DISTINCT uid, gid FROM files") == [(2**40, 0)]


NAMES = st.lists(st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name), max_size=30)
TRICKY = [
    b'"',
    b'a"b,c',
    b"a\nb",
    b"a\r\nb",
    b"a\\b",
    b",",
    b"caf\xe9",
    "é/ö/ü/ß/x".encode(),
    b"\x1b[31m",
    b"''",
    b"NULL",
    b"\xe2\x80\xae/x",
    b"a" * 4000,
]


@pytest.mark.parametrize("names", [TRICKY, [b"f%d" % row for row in range(40_000)]], ids=["tricky", "many"])
def test_paths_are_printable_and_in_order(tmp_path: Path, names: list[bytes]) -> None:
    """No name ends its cell or its row; rows stay in the order of the tar."""
    paths = list(PathColumn(names))
    tables = one_layer(tmp_path / "tables", table_of(names))
    assert tables.rows("SELECT path, size FROM files WHERE layer_id = 0") == [
        (printable(decode_name(path)), row) for row, path in enumerate(paths)
    ]


@given(names=NAMES)
def test_lines_are_what_duckdb_reads(names: list[bytes]) -> None:
    """Whatever the names are, lines of CSV have all of them."""
    import csv
    import io

    table = table_of(names)
    text = "".join(piece for _, piece in rows_of_table(7, table, load_catalog()))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[1] for row in rows] == [printable(decode_name(path)) for path in table.paths]
    assert all(row[0] == "7" and len(row) == 10 for row in rows)


def test_parts_have_a_bounded_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large layer is in several files, and all of them together are sorted by layer."""
    monkeypatch.setattr(files_module, "MAX_PART_ROWS", 30_000)
    table = table_of([b"d/f%d" % row for row in range(100_000)])
    fleet = fleet_of(many_images(2, 4)[:1])
    tables = export(tmp_path / "tables", fleet, read=lambda digest: table)
    layers = len(fleet.roots[0].images[0].layers)
    names = sorted(path.name for path in (tmp_path / "tables" / FILES).iterdir())
    assert names == [f"{number:05}.parquet" for number in range(len(names))]
    assert 100_000 * layers / 50_000 <= len(names) <= math.ceil(100_000 * layers / 30_000)
    assert tables.rows("SELECT layer_id, size FROM files") == [
        (layer, row) for layer in range(layers) for row in range(100_000)
    ]


def test_an_export_replaces_an_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    export(folder, read=Blobs(TAGS).read_table)
    tables = export(folder, Fleet(stores=[], roots=[]))
    assert tables.rows("SELECT count(*) FROM images") == [(0,)]
    assert not (folder / FILES).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "it's [1] *").mkdir()
    write_tables(measure_fleet(FLEET), tmp_path / "it's [1] *", version="1")
    assert len(list((tmp_path / "it's [1] *").iterdir())) == sum(not table.needs_files for table in TABLES)


@pytest.mark.parametrize("name", ["notes.txt", "layers.parquet", "files/notes.txt", "files/00001.parquet"])
def test_other_files_are_never_touched(tmp_path: Path, name: str) -> None:
    """A folder with anything else is refused before anything is read."""
    folder = tmp_path / "tables"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("mine")
    with pytest.raises(FolderInUse, match="has files that no export has written, such as files" if "/" in name else name):
        write_tables(measure_fleet(FLEET), folder, version="1")
    assert (folder / name).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("mine")
    with pytest.raises(FolderInUse, match="is a file"):
        check_folder(tmp_path / "tables")


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError])
def test_after_an_error_nothing_is_left(tmp_path: Path, error: type[BaseException]) -> None:
    """A run that ends early leaves an earlier export as it was, and no other folder."""
    folder = tmp_path / "tables"
    export(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def read(digest: str) -> FileTable:
        raise error

    with pytest.raises(error):
        export(folder, read=read)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_a_folder_that_appears_meanwhile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderInUse), new_export(tmp_path / "tables"):
        (tmp_path / "tables").mkdir()
        (tmp_path / "tables" / "mine").write_text("")
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_what_duckdb_cannot_write_is_an_error_of_ocisize(tmp_path: Path) -> None:
    """As where the disk is full; the errors of DuckDB are no errors of the system."""
    with ParquetWriter(tmp_path) as writer, pytest.raises(OcisizeError, match="DuckDB cannot write the tables"):
        writer.write(tmp_path / "missing" / "a.parquet", [Column("a", "BIGINT", "")], ["1\n"])
    assert not list(tmp_path.glob("*.csv"))


def test_without_duckdb_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingLibrary, match="needs DuckDB") as info:
        export(tmp_path / "tables")
    assert info.value.hint == "pip install 'ocisize[fleet]'"
    assert not list(tmp_path.iterdir())


def test_exports_of_one_fleet_are_equal(tmp_path: Path) -> None:
    """Nothing depends on the time or on the run."""
    for name in ("one", "two"):
        export(tmp_path / name, read=Blobs(TAGS).read_table)
    one, two = Tables(tmp_path / "one"), Tables(tmp_path / "two")
    for table in TABLES:
        assert one.rows(f"FROM {table.name}") == two.rows(f"FROM {table.name}")


def test_roots_have_their_figures(exported: Tables) -> None:
    """The sizes of roots are those of all reports, and follow from the other tables."""
    figures = measure_fleet(FLEET)
    found = exported.rows("SELECT total_size, unique_size, amortised_size FROM roots ORDER BY root_id")
    assert found == [(root.total_size, root.unique_size, root.amortised_size) for root in figures.roots]
    unique = exported.rows("""
        WITH reached AS (SELECT blob_id, any_value(root_id) AS root_id FROM root_blobs GROUP BY blob_id HAVING count(*) = 1)
        SELECT root_id, sum(size) FROM reached JOIN blobs USING (blob_id) GROUP BY ALL ORDER BY ALL
    """)
    assert unique == [(root.root, root.unique_size) for root in figures.roots if root.unique_size]
    repositories = exported.rows("SELECT DISTINCT name FROM names WHERE kind = 'repository' ORDER BY ALL")
    assert repositories == [(f"registry.example/{name}",) for name in ("api", "base", "web", "worker")]


def test_packages_are_those_of_each_image(tmp_path: Path) -> None:
    """Files of a package in several layers are added up; an image in two roots has its packages twice."""
    roots = [FLEET.roots[0], attrs.evolve(FLEET.roots[0], store=1), FLEET.roots[1]]
    fleet = attrs.evolve(FLEET, stores=["a.example", "b.example"], roots=roots)
    sums = ImagePackageSums(
        packages=(
            FoundPackage("deb", "libssl3", "3.0.11-1", is_installed=True), FoundPackage("go", "a/b", "", is_installed=False),
        ),
        owned=(OwnedFiles(0, 0, 2, 100), OwnedFiles(0, 1, 1, 50)),
    )  # fmt: skip
    tables = export(tmp_path / "tables", fleet, read=Blobs(TAGS).read_table, packages=[(roots[0].images[0].digest, sums)])
    rows = [("deb", "libssl3", "3.0.11-1", True, 3, 150), ("go", "a/b", None, False, 0, 0)]
    assert tables.rows("FROM packages") == [(image, *row) for image in (0, 1) for row in rows]
