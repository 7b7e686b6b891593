"""The executors that the command line offers: this process, a pool of processes, and a cluster of Dask."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ocisize.errors import EngineFailed
from ocisize.values import define, field

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing.synchronize import Event


T = TypeVar("T")
MAX_JOBS = 8  #: of a pool unless the user asks for more: registries limit their clients
_DASK_TIMEOUT = "120s"  # of a connection: workers that are busy with a layer answer late


class LayerEngine(Protocol):
    """Where tasks run. ``PlainEngine`` makes one of any ``concurrent.futures.Executor``."""

    jobs: int | None  #: how many tasks run at once; None if that is not known

    def open(self) -> Executor:
        """Return an executor; again after ``BrokenExecutor``, a new one. Raises EngineFailed."""
        ...

    def close(self, *, interrupted: bool) -> None:
        """End the executor; if ``interrupted``, do not wait for tasks that run."""
        ...


class SerialExecutor(Executor):
    """Runs each task in this thread when it is submitted.

    >>> SerialExecutor().submit(pow, 2, 3).result()
    8
    """

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run the task, and return its ended future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@define
class SerialEngine:
    """Reads one layer after the other, in this process."""

    jobs: int | None = field(default=1, init=False)  #: one

    def open(self) -> Executor:
        """See LayerEngine."""
        return SerialExecutor()

    def close(self, *, interrupted: bool) -> None:  # noqa: ARG002
        """See LayerEngine."""
        from ocisize.fleet.engine.borrowed import close_idle

        close_idle()


@define
class PlainEngine:
    """Any executor, which the caller opens and closes."""

    executor: Executor
    jobs: int | None = None
    _is_new: bool = field(default=True, init=False)

    def open(self) -> Executor:
        """Return the executor; raises EngineFailed if it has broken."""
        if not self._is_new:
            raise EngineFailed("the executor has lost its workers")
        self._is_new = False
        return self.executor

    def close(self, *, interrupted: bool) -> None:  # noqa: ARG002
        """Leave the executor to the caller."""
        self._is_new = True


@define
class ProcessEngine:
    """A pool of processes on this machine, which start as new interpreters: a fork of threads could not go on."""

    #: processes; by default one for each processor, at most MAX_JOBS
    jobs: int | None = field(factory=lambda: min(os.cpu_count() or 1, MAX_JOBS))
    _pool: ProcessPoolExecutor | None = field(default=None, init=False)
    _stop: Event | None = field(default=None, init=False)

    def open(self) -> Executor:
        """See LayerEngine."""
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        context = get_context("spawn")
        self._stop = context.Event()
        self._pool = ProcessPoolExecutor(self.jobs, context, _begin_worker, (self._stop,))
        return self._pool

    def close(self, *, interrupted: bool) -> None:
        """See LayerEngine."""
        if self._stop is not None and interrupted:
            self._stop.set()
        if self._pool is not None:  # after an interrupt, the collector has a second to remove its temporary folder
            self._pool.shutdown(wait=not interrupted, cancel_futures=True)


def _begin_worker(stop: Event) -> None:
    """Prepare a process of the pool: Ctrl-C is for the collector, and nobody else ends a worker whose collector is gone."""
    from multiprocessing import parent_process

    from ocisize.fleet.engine.worker import watch_stop

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch_stop(stop.is_set)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), name="ocisize-collector", daemon=True).start()


def _end_with(sentinel: int) -> None:
    from multiprocessing.connection import wait

    wait([sentinel])
    os._exit(1)


@define
class DaskEngine:
    """A cluster of Dask, by the address of its scheduler or by its scheduler file."""

    scheduler: str  #: its address, or the path of its scheduler file
    seconds: float = 60  #: to wait for the scheduler and its first worker
    jobs: int | None = field(default=None, init=False)  #: threads of all workers, once it is open
    _client: Any = field(default=None, init=False)  # whose methods have no types
    _executor: Executor | None = field(default=None, init=False)

    def open(self) -> Executor:
        """Connect to the scheduler. Raises EngineFailed."""
        try:
            import dask
            from distributed import Client
        except ImportError:
            raise EngineFailed("Dask is not installed", hint="pip install 'ocisize[fleet]'") from None
        name = "scheduler_file" if os.path.isfile(self.scheduler) else "address"  # noqa: PTH113
        timeouts = {"distributed.comm.timeouts.connect": _DASK_TIMEOUT, "distributed.comm.timeouts.tcp": _DASK_TIMEOUT}
        try:
            dask.config.set(timeouts)
            connect: Any = Client
            self._client = connect(**{name: self.scheduler}, set_as_default=False, timeout=self.seconds)
        except (OSError, ValueError) as error:
            raise EngineFailed(
                f"no scheduler of Dask at {self.scheduler}: {error}",
                hint="check the address, or start a scheduler and workers: dask scheduler --help",
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=self.seconds)
        except TimeoutError as error:
            raise EngineFailed(f"the scheduler of Dask at {self.scheduler} has no workers") from error
        self.jobs = sum(self._client.nthreads().values()) or None
        executor: Executor = self._client.get_executor(pure=False)
        self._executor = executor
        return executor

    def close(self, *, interrupted: bool) -> None:
        """Cancel what has not ended, and leave the cluster."""
        if self._executor is not None:
            self._executor.shutdown(wait=not interrupted)
        if self._client is not None:
            self._client.close()


def choose_engine(engine: LayerEngine | Executor | None) -> LayerEngine:
    """Return where tasks run: processes if nothing is chosen, and an engine of an executor that the caller opens."""
    if engine is None:
        return ProcessEngine()
    return PlainEngine(engine) if isinstance(engine, Executor) else engine
