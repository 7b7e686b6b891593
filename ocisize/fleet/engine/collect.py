"""read_layers: hands out the layers of a fleet to an executor, and takes the results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Executor

from ocisize.cache.disk import DiskCache
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import LayerEngine, choose_engine
from ocisize.fleet.engine.results import LayerProblem, LayerResult
from ocisize.fleet.engine.run import TaskRunner
from ocisize.fleet.engine.tasks import LayerTask, TaskOptions, list_tasks, total_size
from ocisize.fleet.engine.worker import describe_cached, find_summary, read_layer, sees_cache
from ocisize.layer.cache import scan_key
from ocisize.layer.progress import Progress, ProgressCallback
from ocisize.logs import Logger
from ocisize.model.fleet import Fleet
from ocisize.rules.rule import Catalog
from ocisize.sources.registry.connection import Connection
from ocisize.values import define, evolve, field, frozen

PER_STORE = 8  #: layers that are read from one registry at once

_log = Logger(__name__)


@frozen
class LayersRead:
    """How the distinct layers of a fleet were read."""

    tasks: tuple[LayerTask, ...]  #: the largest first
    results: Mapping[str, LayerResult]  #: by digest, without the entries themselves
    shared: TaskOptions | None = None  #: for further tasks of workers that see the cache; None if they do not

    @property
    def fetched(self) -> int:
        """Bytes of blobs that were read."""
        return sum(result.fetched for result in self.results.values())

    @property
    def cached(self) -> int:
        """How many layers were in the cache."""
        return sum(result.was_cached for result in self.results.values())

    @property
    def problems(self) -> dict[str, LayerProblem]:
        """Why layers could not be read, by digest."""
        return {digest: result.problem for digest, result in self.results.items() if result.problem is not None}

    @property
    def readable(self) -> tuple[LayerTask, ...]:
        """The tasks of layers that were read."""
        return tuple(task for task in self.tasks if self.results[task.digest].problem is None)


def read_layers(
    fleet: Fleet,
    entries: Entries,
    *,
    engine: LayerEngine | Executor | None = None,
    connection: Connection | None = None,
    catalog: Catalog | None = None,
    per_store: int = PER_STORE,
    on_progress: ProgressCallback | None = None,
) -> LayersRead:
    """Read each distinct layer of a fleet that ``entries`` does not have, so that it has all of them.

    Args:
        fleet: the documents. A layer that several images have is read once.
        entries: takes the scans. If its cache is a folder that the workers see, too, they look up and keep scans themselves.
        engine: where layers are read, or any ``concurrent.futures.Executor``; None for a pool of processes.
        connection: how to talk to registries. Credentials are not part of it: each worker finds those of its machine.
        catalog: the rules of the summaries; None for the packaged ones.
        per_store: how many layers are read from one registry, folder or archive at once.
        on_progress: is called for each layer that has been read; its errors end the run.

    Raises EngineFailed if the executor cannot be opened. A layer that cannot be read is a problem in the result. After an
    interrupt, the layers that were read are in the cache, and a new run goes on with the others.

    """
    tasks = tuple(list_tasks(fleet))
    options = TaskOptions(connection=connection, limits=entries.limits, catalog=catalog)
    entries.reread = lambda task: read_layer(task, options)
    shared = _share_cache(options, entries)
    collector = _Collector(tasks, choose_engine(engine), entries, shared, per_store, on_progress)
    return LayersRead(tasks, collector.run(), shared if collector.sees_cache else None)


def _share_cache(options: TaskOptions, entries: Entries) -> TaskOptions:
    """The options with the folder of the cache, if the cache is a folder."""
    cache, mark = entries.cache, entries.put_mark()
    if not mark or not isinstance(cache, DiskCache) or cache.folder is None:
        return options
    folder = os.path.abspath(cache.folder)  # noqa: PTH100 - a worker may have another current folder
    return evolve(options, cache_folder=folder, cache_size=cache.max_size, mark=mark)


@define
class _Collector:
    """The results of one run."""

    tasks: tuple[LayerTask, ...]
    engine: LayerEngine
    entries: Entries
    options: TaskOptions
    per_store: int
    on_progress: ProgressCallback | None
    results: dict[str, LayerResult] = field(factory=dict, init=False)
    sees_cache: bool = field(default=False, init=False)  #: whether workers see the collector's cache
    _cached: int = field(default=0, init=False)  # layers that were in the cache
    _cached_size: int = field(default=0, init=False)  # bytes of their blobs
    _done_size: int = field(default=0, init=False)  # of the others

    def run(self) -> Mapping[str, LayerResult]:
        """Return the results of all tasks, in their order."""
        if self.tasks:
            runner = TaskRunner[LayerTask, LayerResult](
                self.engine, read_layer, self.options, self._finish, self._fail, self.per_store
            )
            try:
                self._run(runner, self.engine.open())
            except BaseException:
                runner.give_up()
                self.engine.close(interrupted=True)
                raise
            self.engine.close(interrupted=False)
        return {task.digest: self.results[task.digest] for task in self.tasks}

    def _run(self, runner: TaskRunner[LayerTask, LayerResult], executor: Executor) -> None:
        self.sees_cache = bool(self.options.mark) and self._ask_worker(executor)
        for task in self.tasks:
            found = None if self.sees_cache else self.entries.find_cached(task)
            if found is None:
                runner.add(task)
            else:
                summary = find_summary(self.entries.cache, task, found.table, self.options)
                self._finish(task, describe_cached(task, found, summary))
        runner.run(executor)

    def _ask_worker(self, executor: Executor) -> bool:
        """Whether a worker sees the cache; False if it cannot say so, since the tasks will show what is wrong."""
        try:
            return executor.submit(sees_cache, self.options).result()
        except Exception as error:
            _log.info("no worker says whether it sees the cache: %r", error)
            return False

    def _fail(self, task: LayerTask, message: str, hint: str) -> None:
        problem = LayerProblem(message=message, hint=hint)
        self._finish(task, LayerResult(digest=task.digest, size=task.size, problem=problem))

    def _finish(self, task: LayerTask, result: LayerResult) -> None:
        if result.problem is None and result.key != scan_key(task.layer):
            message = f"the worker reads layers by other rules: its entry is {result.key.rpartition('-')[2]}"
            hint = "install the same version of ocisize, and of isal, on all workers"
            result = LayerResult(digest=task.digest, size=task.size, problem=LayerProblem(message=message, hint=hint))
        self.entries.keep(result, self.options.catalog)
        self.results[task.digest] = evolve(result, entry=None)
        if result.was_cached:
            self._cached += 1
            self._cached_size += task.size
        else:
            self._done_size += task.size
        if self.on_progress is not None:
            self.on_progress(self._progress(task))

    def _progress(self, task: LayerTask) -> Progress:
        """How far the layers are read that were not in the cache, as far as that is known."""
        return Progress(
            layer=0,
            layers=len(self.tasks) - self._cached,
            done=task.size,
            size=task.size,
            layers_done=len(self.results) - self._cached,
            total_done=self._done_size,
            total_size=total_size(self.tasks) - self._cached_size,
        )
