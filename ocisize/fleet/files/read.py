"""read_fleet_files: reads the layers of a fleet and returns the figures of their files."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from ocisize.cache.store import Cache
from ocisize.fleet.engine.collect import PER_STORE, LayersRead, read_layers
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import LayerEngine, choose_engine
from ocisize.fleet.engine.image_packages import (
    ImagePackageSums,
    ImageTask,
    find_packages,
    keep_packages,
    read_packages,
    sum_packages,
)
from ocisize.fleet.engine.run import TaskRunner
from ocisize.fleet.engine.tasks import LayerTask, TaskOptions
from ocisize.fleet.files.contents import DEFAULT_MEMORY
from ocisize.fleet.files.layer_use import LayerUse
from ocisize.fleet.files.measure import measure_fleet_files
from ocisize.layer.progress import ProgressCallback
from ocisize.limits import Limits
from ocisize.model.fleet_figures import FleetFigures
from ocisize.model.fleet_files import FleetFiles
from ocisize.rules.load import load_catalog
from ocisize.rules.rule import Catalog
from ocisize.sources.registry.connection import Connection

if TYPE_CHECKING:
    from ocisize.tar.filetable import FileTable


def read_fleet_files(
    figures: FleetFigures,
    *,
    engine: LayerEngine | Executor | None = None,
    cache: Cache | None = None,
    connection: Connection | None = None,
    limits: Limits | None = None,
    catalog: Catalog | None = None,
    packages: bool = True,
    per_store: int = PER_STORE,
    memory: int = DEFAULT_MEMORY,
    on_progress: ProgressCallback | None = None,
) -> FleetFiles:
    """Read each distinct layer of a fleet that the cache does not have, and return the figures of all files.

    The result depends on the layers alone: not on the engine, the cache or the order in which layers were read.

    Args:
        figures: those of the fleet's documents, as ``measure_fleet`` returns them.
        engine: where layers are read: any ``concurrent.futures.Executor``, which stays open; None for processes.
        cache: keeps what was read; None: everything is read again next time, and is in a temporary folder meanwhile.
        connection: how to talk to registries.
        limits: on each layer.
        catalog: the rules for junk and secrets; None for the packaged ones.
        packages: look for packages, which takes longer than everything else once the layers are read.
        per_store: how many layers are read from one registry, folder or archive at once.
        memory: bytes for the comparison of contents.
        on_progress: is called for each layer that has been read; its errors end the run.

    Raises EngineFailed if the executor cannot be opened, and EntryLost. A layer that cannot be read is in ``unread``.

    """
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
        found = find_image_packages(figures, read, entries, chosen) if packages else None
        return measure_fleet_files(figures, read, entries, catalog=catalog or load_catalog(), packages=found, memory=memory)


def find_image_packages(
    figures: FleetFigures, read: LayersRead, entries: Entries, engine: LayerEngine
) -> Iterator[tuple[int, ImagePackageSums]]:
    """Return the packages of the images whose layers were all read, by the numbers of ``LayerUse.images``, ascending.

    Workers look for them, and one image at a time is in memory. Raises EntryLost.
    """
    return _ImagePackages(figures, read, entries, engine).find()


class _ImagePackages:
    """The packages of the images whose layers were all read."""

    def __init__(self, figures: FleetFigures, read: LayersRead, entries: Entries, engine: LayerEngine) -> None:
        self._read, self._entries, self._engine = read, entries, engine
        tasks = {task.digest: task for task in read.readable}
        self._tasks: dict[int, ImageTask] = {}
        for number, image in enumerate(LayerUse(figures.fleet).images):
            digests = [layer.digest for layer in image.layers]
            if digests and all(digest in tasks for digest in digests):
                self._tasks[number] = ImageTask.of([tasks[digest] for digest in digests])

    def find(self) -> Iterator[tuple[int, ImagePackageSums]]:
        """The packages of images by number, of one image at a time."""
        if self._read.shared is not None:
            self._fill_cache(self._read.shared)
        return ((number, self._get(task)) for number, task in self._tasks.items())

    def _fill_cache(self, options: TaskOptions) -> None:
        """Let workers put the packages of all images into the cache; images with the same layers are read once."""
        tasks = {task.digest: task for task in self._tasks.values()}
        runner = TaskRunner[ImageTask, bool](
            self._engine, read_packages, options, lambda *_: None, lambda *_: None, max(len(tasks), 1)
        )
        for task in sorted(tasks.values(), key=lambda task: (-task.size, task.digest)):
            runner.add(task)
        try:
            runner.run(self._engine.open())
        except BaseException:
            runner.give_up()
            self._engine.close(interrupted=True)
            raise
        self._engine.close(interrupted=False)

    def _get(self, task: ImageTask) -> ImagePackageSums:
        """The packages of an image; they are looked for here if no worker has put them into the cache."""
        is_verified = all(self._read.results[layer.digest].is_verified for layer in task.layers)
        cache = self._entries.cache if is_verified else None
        found = None if cache is None else find_packages(cache, task, self._entries.limits)
        if found is None:
            found = sum_packages(task, self._load)
            if cache is not None:
                keep_packages(cache, task, found)
        return found

    def _load(self, layer: LayerTask) -> FileTable:
        return self._entries.load(layer).table
