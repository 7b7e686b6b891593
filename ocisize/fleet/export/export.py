"""export_fleet: the documents of a fleet, and on demand the entries of its layers, as a folder of Parquet tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from ocisize.errors import OcisizeError
from ocisize.fleet.export.documents import DocumentTables, Row
from ocisize.fleet.export.files import COMPUTED, Lines, rows_of_table, split_parts
from ocisize.fleet.export.folder import new_export
from ocisize.fleet.export.schema import BY_NAME, FILES, SCHEMA_VERSION
from ocisize.fleet.export.writer import ParquetWriter, check_library, csv_line
from ocisize.model.fleet_figures import FleetFigures
from ocisize.rules.rule import Catalog
from ocisize.tar.filetable import FileTable
from ocisize.values import define, field

TableReader: TypeAlias = Callable[[str], FileTable]  #: from the digest of a layer; raises OcisizeError if it cannot be read


def export_fleet(
    figures: FleetFigures, folder: Path, *, version: str, read: TableReader | None = None, catalog: Catalog
) -> None:
    """Write the tables of ``schema`` to a folder: all of them, or after an error none.

    Raises MissingLibrary without DuckDB, and FolderInUse if the folder has other files. A layer that cannot be read is a row
    of ``failures``.

    Args:
        figures: of the fleet.
        folder: is made; it may be empty or have an earlier export, which is replaced.
        version: of ocisize.
        read: returns the entries of a layer. It is asked once for each layer, and only one table is in memory at a time.
            Without it there are no files.
        catalog: the rules that ``files.rule`` names.

    """
    check_library()
    with new_export(folder) as pending, ParquetWriter(pending) as writer:
        fleet, documents = figures.fleet, DocumentTables(figures)
        layers = _Layers(documents, read, catalog)
        if read is not None:
            (pending / FILES).mkdir()
            for number, part in enumerate(split_parts(layers.lines())):
                writer.write(pending / FILES / f"{number:05}.parquet", BY_NAME[FILES].columns, part, COMPUTED)
        failures = [*((failure.reference, failure.message) for failure in fleet.failures), *layers.failures]
        head = (SCHEMA_VERSION, version, fleet.platform or None, read is not None, not failures)
        rows: Mapping[str, Iterable[Row]] = {
            "export": [head],
            "failures": failures,
            "roots": documents.roots(),
            "names": documents.names(),
            "images": documents.images(),
            "image_layers": documents.image_layers(),
            "layers": layers.rows(),
            "blobs": documents.blobs(),
            "root_blobs": documents.root_blobs(),
        }
        for name, values in rows.items():
            writer.write(pending / f"{name}.parquet", BY_NAME[name].columns, map(csv_line, values))


@define
class _Layers:
    """Reads each layer once, and notes what the table of layers says of it."""

    _documents: DocumentTables
    _read: TableReader | None
    _catalog: Catalog
    failures: list[tuple[str, str]] = field(factory=list)  #: digest and message
    _read_facts: dict[str, tuple[int | None, int, str]] = field(factory=dict)  # digest → tar_size, rows, hash_function

    def lines(self) -> Iterator[Lines]:
        """The rows of ``files`` of all layers."""
        if (read := self._read) is None:
            return
        for digest, layer_id in self._documents.layer_ids.items():
            try:
                table = read(digest)
            except OcisizeError as error:
                self.failures.append((digest, str(error)))
                continue
            self._read_facts[digest] = table.tar_size, len(table), table.hash_function
            yield from rows_of_table(layer_id, table, self._catalog)

    def rows(self) -> Iterator[Row]:
        """The rows of ``layers``; after ``lines``."""
        for layer_id, layer in enumerate(self._documents.layers.values()):
            facts = self._read_facts.get(layer.digest, (None, None, None))
            yield layer_id, layer.digest, layer.diff_id, layer.media_type, layer.size, layer.is_foreign, *facts
