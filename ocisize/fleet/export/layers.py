"""export_fleet: a fleet as a folder of Parquet tables, on demand with the files of its layers."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from ocisize.cache.store import Cache
from ocisize.errors import OcisizeError
from ocisize.fleet.engine.collect import PER_STORE, read_layers
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import LayerEngine, choose_engine
from ocisize.fleet.export.export import FleetContents, write_tables
from ocisize.fleet.export.folder import check_folder
from ocisize.fleet.export.writer import check_library
from ocisize.fleet.files.layer_use import LayerUse
from ocisize.fleet.files.read import find_image_packages
from ocisize.layer.progress import ProgressCallback
from ocisize.limits import Limits
from ocisize.model.fleet_figures import FleetFigures
from ocisize.rules.load import load_catalog
from ocisize.rules.rule import Catalog
from ocisize.sources.registry.connection import Connection

if TYPE_CHECKING:
    from ocisize.tar.filetable import FileTable


def export_fleet(
    figures: FleetFigures,
    folder: str | Path,
    *,
    files: bool = False,
    engine: LayerEngine | Executor | None = None,
    cache: Cache | None = None,
    connection: Connection | None = None,
    limits: Limits | None = None,
    catalog: Catalog | None = None,
    per_store: int = PER_STORE,
    on_progress: ProgressCallback | None = None,
) -> bool:
    """Write what is known of a fleet to a folder of Parquet tables; return whether everything was read.

    The folder appears when all tables are whole. docs/fleet.md lists the tables. What could not be read is in ``failures``.

    Args:
        figures: of the fleet, from ``measure_fleet``.
        folder: is made; it may be empty or have an earlier export, which is replaced.
        files: read each distinct layer that the cache does not have, and write all files and the packages of each image. All
            other arguments are for this.
        engine: where layers are read; None for processes.
        cache: has the layers that were read before, and keeps the others.
        connection: how to talk to registries.
        limits: on each layer.
        catalog: the rules that ``files.rule`` names; None for the packaged ones.
        per_store: how many layers are read from one registry, folder or archive at once.
        on_progress: is called for each layer that has been read; its errors end the run.

    Raises MissingLibrary without DuckDB, FolderInUse if the folder has other files, and as ``read_fleet_files`` does.

    >>> import ocisize, tempfile
    >>> figures = ocisize.measure_fleet(ocisize.read_fleet(["testdata/example.tar"]))
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     complete = ocisize.export_fleet(figures, f"{parent}/tables")
    ...     complete, sorted(path.stem for path in Path(parent, "tables").iterdir())[:3]
    (True, ['blobs', 'export', 'failures'])

    """
    import ocisize

    folder = Path(folder)
    if not files:
        return write_tables(figures, folder, version=ocisize.__version__)
    check_library()
    check_folder(folder)
    with Entries(cache, limits=limits or Limits()) as entries:
        chosen = choose_engine(engine)
        read = read_layers(
            figures.fleet,
            entries,
            engine=chosen,
            connection=connection,
            catalog=catalog,
            per_store=per_store,
            on_progress=on_progress,
        )
        tasks, problems = {task.digest: task for task in read.tasks}, read.problems

        def read_table(digest: str) -> FileTable:
            if (problem := problems.get(digest)) is not None:
                raise OcisizeError(problem.message, hint=problem.hint)
            return entries.load(tasks[digest]).table

        images = LayerUse(figures.fleet).images
        found = find_image_packages(figures, read, entries, chosen)
        contents = FleetContents(
            read=read_table,
            packages=((images[number].digest, sums) for number, sums in found),
            catalog=catalog or load_catalog(),
        )
        return write_tables(figures, folder, version=ocisize.__version__, contents=contents)
