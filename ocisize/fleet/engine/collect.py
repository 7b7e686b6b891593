"""read_layers: hands out the layers of a fleet to an executor, and takes the results."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait

from ocisize.cache.disk import DiskCache
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import Engine, EngineFailed, PlainEngine, ProcessEngine
from ocisize.fleet.engine.results import LayerProblem, LayerResult
from ocisize.fleet.engine.tasks import LayerTask, TaskOptions, list_tasks, total_size
from ocisize.fleet.engine.worker import describe_cached, read_layer, sees_cache
from ocisize.layer.cache import scan_key
from ocisize.layer.progress import Progress, ProgressCallback
from ocisize.logs import Logger
from ocisize.model.fleet import Fleet
from ocisize.sources.registry.connection import Connection
from ocisize.values import define, evolve, field, frozen

PER_STORE = 8  #: layers that are read from one registry at once
_WAITING = 2  # tasks for each job that are with the executor, so that no worker waits for the collector
_UNKNOWN_JOBS = 32  # tasks with an executor that does not say how many it runs at once

_log = Logger(__name__)


@frozen
class LayersRead:
    """How the distinct layers of a fleet were read."""

    tasks: tuple[LayerTask, ...]  #: the largest first
    results: Mapping[str, LayerResult]  #: by digest, without the entries themselves

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
    engine: Engine | Executor | None = None,
    connection: Connection | None = None,
    per_store: int = PER_STORE,
    on_progress: ProgressCallback | None = None,
) -> LayersRead:
    """Read each distinct layer of a fleet that ``entries`` does not have, so that it has all of them.

    Args:
        fleet: the documents. A layer that several images have is read once.
        entries: takes the scans. If its cache is a folder that the workers see, too, they look up and keep scans themselves.
        engine: where layers are read, or any ``concurrent.futures.Executor``; None for a pool of processes.
        connection: how to talk to registries. Credentials are not part of it: each worker finds those of its machine.
        per_store: how many layers are read from one registry, folder or archive at once.
        on_progress: is called for each layer that has been read; its errors end the run.

    Raises EngineFailed if the executor cannot be opened. A layer that cannot be read is a problem in the result. After an
    interrupt, the layers that were read are in the cache, and a new run goes on with the others.

    """
    tasks = tuple(list_tasks(fleet))
    options = TaskOptions(connection=connection, limits=entries.limits)
    entries.reread = lambda task: read_layer(task, options)
    if engine is None:
        engine = ProcessEngine()
    chosen = PlainEngine(engine) if isinstance(engine, Executor) else engine
    collector = _Collector(tasks, chosen, entries, _share_cache(options, entries), per_store, on_progress)
    try:
        return LayersRead(tasks, collector.run())
    finally:
        entries.remove_mark()


def _share_cache(options: TaskOptions, entries: Entries) -> TaskOptions:
    """The options with the folder of the cache, if the cache is a folder."""
    cache, mark = entries.cache, entries.put_mark()
    if not mark or not isinstance(cache, DiskCache) or cache.folder is None:
        return options
    folder = os.path.abspath(cache.folder)  # noqa: PTH100 - a worker may have another current folder
    return evolve(options, cache_folder=folder, cache_size=cache.max_size, mark=mark)


@define
class _Collector:
    """The state of one run."""

    tasks: tuple[LayerTask, ...]
    engine: Engine
    entries: Entries
    options: TaskOptions
    per_store: int
    on_progress: ProgressCallback | None
    results: dict[str, LayerResult] = field(factory=dict, init=False)
    _queues: dict[str, deque[LayerTask]] = field(factory=dict, init=False)  # by store, the largest first
    _suspects: deque[LayerTask] = field(factory=deque, init=False)  # tasks that were with a worker that was lost
    _lost: set[str] = field(factory=set, init=False)  # digests of tasks that were suspects
    _with_executor: dict[Future[LayerResult], LayerTask] = field(factory=dict, init=False)
    _busy: Counter[str] = field(factory=Counter, init=False)  # tasks with the executor, by store
    _is_broken: bool = field(default=False, init=False)
    _cached: int = field(default=0, init=False)  # layers that were in the cache
    _cached_size: int = field(default=0, init=False)  # bytes of blobs that were in the cache
    _done_size: int = field(default=0, init=False)  # of the others

    def run(self) -> Mapping[str, LayerResult]:
        """Return the results of all tasks, in their order."""
        if self.tasks:
            try:
                self._run(self.engine.open())
            except BaseException:
                self._give_up()
                raise
            self.engine.close(interrupted=False)
        return {task.digest: self.results[task.digest] for task in self.tasks}

    def _run(self, executor: Executor) -> None:
        looks_up = self._workers_see_cache(executor)
        for task in self.tasks:
            found = None if looks_up else self.entries.find_cached(task)
            if found is not None:
                self._finish(task, describe_cached(task, found))
            else:
                self._queues.setdefault(_store_of(task), deque()).append(task)
        while self._submit(executor) or self._is_broken:
            if self._is_broken:
                executor = self._reopen(executor)
            self._take_ended()

    def _workers_see_cache(self, executor: Executor) -> bool:
        if not self.options.mark:
            return False
        return bool(executor.submit(sees_cache, self.options).result())

    def _submit(self, executor: Executor) -> bool:
        """Give tasks to the executor, as many as it may have; return True if there are more, or if it has some."""
        most = _WAITING * self.engine.jobs if self.engine.jobs is not None else _UNKNOWN_JOBS
        most = 1 if self.engine.jobs == 1 else most
        while len(self._with_executor) < most and not self._is_broken:
            task = self._next()
            if task is None:
                break
            try:
                future = executor.submit(read_layer, task, self.options)
            except (BrokenExecutor, RuntimeError) as error:  # a pool that broke while nobody waited for it
                _log.info("the executor does not take tasks: %s", error)
                self._queues.setdefault(_store_of(task), deque()).appendleft(task)
                self._is_broken = True
            else:
                self._with_executor[future] = task
                self._busy[_store_of(task)] += 1
        return bool(self._with_executor)

    def _next(self) -> LayerTask | None:
        """The largest task of a store that is not busy; a suspect only if nothing else is to do, and alone."""
        ready = [queue for store, queue in self._queues.items() if queue and self._busy[store] < self.per_store]
        if ready:
            return min(ready, key=lambda queue: (-queue[0].size, queue[0].digest)).popleft()
        if self._suspects and not self._with_executor and not any(self._queues.values()):
            return self._suspects.popleft()
        return None

    def _take(self, future: Future[LayerResult]) -> None:
        """Take the result of a task, or note that its worker was lost."""
        task = self._with_executor.pop(future)
        self._busy[_store_of(task)] -= 1
        try:
            result = future.result()
        except BrokenExecutor as error:
            self._is_broken = True
            self._lose(task, error)
        except (CancelledError, Exception) as error:
            self._lose(task, error)
        else:
            self._finish(task, result)

    def _lose(self, task: LayerTask, error: BaseException) -> None:
        """Read a layer again, alone, because its worker was lost: if that happens again, the layer is the reason."""
        if task.digest in self._lost:
            problem = LayerProblem(message=f"the worker was lost: {error or type(error).__name__}"[:500])
            self._finish(task, LayerResult(digest=task.digest, size=task.size, problem=problem))
        else:
            _log.info("layer %s: its worker was lost: %r", task.digest, error)
            self._lost.add(task.digest)
            self._suspects.append(task)

    def _take_ended(self) -> None:
        """Wait for a task to end, if one is with the executor, and take the results of those that have ended."""
        if self._with_executor:
            for future in wait(self._with_executor, return_when=FIRST_COMPLETED)[0]:
                self._take(future)

    def _reopen(self, broken: Executor) -> Executor:
        """A new executor in the place of a broken one; if there is none, the layers that are left become problems."""
        while self._with_executor:
            self._take_ended()
        self._is_broken = False
        try:
            return self.engine.open()
        except EngineFailed as error:
            left = [*self._suspects, *(task for queue in self._queues.values() for task in queue)]
            self._queues.clear()
            self._suspects.clear()
            problem = LayerProblem(message=str(error), hint=error.hint or "")
            for task in left:
                self._finish(task, LayerResult(digest=task.digest, size=task.size, problem=problem))
            return broken

    def _finish(self, task: LayerTask, result: LayerResult) -> None:
        if result.problem is None and result.key != scan_key(task.layer):
            message = f"the worker reads layers by other rules: its entry is {result.key.rpartition('-')[2]}"
            hint = "install the same version of ocisize, and of isal, on all workers"
            result = LayerResult(digest=task.digest, size=task.size, problem=LayerProblem(message=message, hint=hint))
        self.entries.keep(result)
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
        cached = self._cached
        return Progress(
            layer=0,
            layers=len(self.tasks) - cached,
            done=task.size,
            size=task.size,
            layers_done=len(self.results) - cached,
            total_done=self._done_size,
            total_size=total_size(self.tasks) - self._cached_size,
        )

    def _give_up(self) -> None:
        """Keep what has ended, and end the rest."""
        for future in list(self._with_executor):
            if future.done() and not future.cancelled() and future.exception() is None:
                self._take(future)
            else:
                future.cancel()
        self.engine.close(interrupted=True)


def _store_of(task: LayerTask) -> str:
    """The store whose limit counts for a task: that of its first place."""
    return task.places[0].store if task.places else ""
