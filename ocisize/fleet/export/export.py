"""write_tables: the documents of a fleet, and on demand the entries of its layers, as a folder of Parquet tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ocisize.errors import OcisizeError
from ocisize.fleet.engine.image_packages import ImagePackageSums
from ocisize.fleet.export.documents import DocumentTables, Row
from ocisize.fleet.export.files import COMPUTED, Lines, rows_of_table, split_parts
from ocisize.fleet.export.folder import new_export
from ocisize.fleet.export.schema import BY_NAME, FILES, HEAD, SCHEMA_VERSION
from ocisize.fleet.export.writer import ParquetWriter, check_library, csv_line
from ocisize.model.fleet_figures import FleetFigures
from ocisize.rules.rule import Catalog
from ocisize.tar.filetable import FileTable
from ocisize.values import define, field, frozen


@frozen(kw_only=True)
class FleetContents:
    """What is in the layers of a fleet."""

    #: from the digest of a layer to its entries; is asked once for each layer, and raises OcisizeError
    read: Callable[[str], FileTable]
    packages: Iterable[tuple[str, ImagePackageSums]] = ()  #: of images, by the digests of their manifests
    catalog: Catalog  #: the rules that ``files.rule`` names


def write_tables(figures: FleetFigures, folder: Path, *, version: str, contents: FleetContents | None = None) -> bool:
    """Write the tables of ``schema`` to a folder: all of them, or after an error none.

    Returns whether everything was read. A layer that cannot be read is a row of ``failures``. Raises MissingLibrary without
    DuckDB, and FolderInUse if the folder has other files.

    Args:
        figures: of the fleet.
        folder: is made; it may be empty or have an earlier export, which is replaced.
        version: of ocisize.
        contents: of the layers; one table is in memory at a time. Without them there are no files and no packages.

    """
    check_library()
    with new_export(folder) as pending, ParquetWriter(pending) as writer:
        fleet, documents = figures.fleet, DocumentTables(figures)

        def write(name: str, rows: Iterable[Row]) -> None:
            writer.write(pending / f"{name}.parquet", BY_NAME[name].columns, map(csv_line, rows))

        layers = _Layers(documents)
        if contents is not None:
            (pending / FILES).mkdir()
            for number, part in enumerate(split_parts(layers.lines(contents))):
                writer.write(pending / FILES / f"{number:05}.parquet", BY_NAME[FILES].columns, part, COMPUTED)
            write("packages", documents.packages(contents.packages))
        failures = [*((failure.reference, failure.message) for failure in fleet.failures), *layers.failures]
        write(HEAD, [(SCHEMA_VERSION, version, fleet.platform or None, contents is not None, not failures)])
        write("failures", failures)
        write("roots", documents.roots())
        write("names", documents.names())
        write("images", documents.images())
        write("image_layers", documents.image_layers())
        write("layers", layers.rows())
        write("blobs", documents.blobs())
        write("root_blobs", documents.root_blobs())
    return not failures


@define
class _Layers:
    """Reads each layer once, and notes what the table of layers says of it."""

    _documents: DocumentTables
    failures: list[tuple[str, str]] = field(factory=list)  #: digest and message
    _read_facts: dict[str, tuple[int | None, int, str]] = field(factory=dict)  # digest → tar_size, rows, hash_function

    def lines(self, contents: FleetContents) -> Iterator[Lines]:
        """The rows of ``files`` of all layers."""
        for digest, layer_id in self._documents.layer_ids.items():
            try:
                table = contents.read(digest)
            except OcisizeError as error:
                self.failures.append((digest, str(error)))
                continue
            self._read_facts[digest] = table.tar_size, len(table), table.hash_function
            yield from rows_of_table(layer_id, table, contents.catalog)

    def rows(self) -> Iterator[Row]:
        """The rows of ``layers``; after ``lines``."""
        for layer_id, layer in enumerate(self._documents.layers.values()):
            facts = self._read_facts.get(layer.digest, (None, None, None))
            yield layer_id, layer.digest, layer.diff_id, layer.media_type, layer.size, layer.is_foreign, *facts
