"""TaskRunner: gives tasks to an executor and takes their results, whatever the tasks are."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import Generic, Protocol, TypeVar

from ocisize.errors import EngineFailed
from ocisize.fleet.engine.executors import LayerEngine
from ocisize.logs import Logger

_WAITING = 2  # tasks for each job that are with the executor, so that no worker waits for the collector
_UNKNOWN_JOBS = 32  # tasks with an executor that does not say how many it runs at once
_MAX_TEXT = 500  # characters of an error
_MAX_BREAKS = 3  # of executors before the first result
_MAIN_HINT = "a script that is run must call this below: if __name__ == '__main__'"

_log = Logger(__name__)


class Task(Protocol):
    """What a runner asks of a task."""

    @property
    def digest(self) -> str:
        """Its name, which no other task has."""
        ...

    @property
    def size(self) -> int:
        """Its weight: larger ones are begun first."""
        ...

    @property
    def store(self) -> str:
        """What it reads from: there is a limit on the tasks of one store."""
        ...


TaskT = TypeVar("TaskT", bound=Task)
ResultT = TypeVar("ResultT")


class TaskRunner(Generic[TaskT, ResultT]):
    """Runs tasks in the executor of an engine. Those whose worker was lost run again, alone.

    Args:
        engine: opens the executor, and a new one when that breaks.
        function: importable; takes a task and the options, and returns a result.
        on_result: is called with each task and its result.
        on_problem: is called with a task that could not be run, and with the reason and a hint.
        per_store: how many tasks of one store may be with the executor at once.

    """

    def __init__(
        self,
        engine: LayerEngine,
        function: Callable[..., ResultT],
        options: object,
        on_result: Callable[[TaskT, ResultT], object],
        on_problem: Callable[[TaskT, str, str], object],
        per_store: int,
    ) -> None:
        self._engine, self._function, self._options, self._per_store = engine, function, options, per_store
        self._on_result, self._on_problem = on_result, on_problem
        self._queues: dict[str, deque[TaskT]] = {}  # by store, the largest first
        self._suspects: deque[TaskT] = deque()  # tasks that were with a worker that was lost
        self._lost: set[str] = set()  # digests of tasks that were suspects
        self._given: dict[Future[ResultT], TaskT] = {}  # what the executor has
        self._busy: Counter[str] = Counter()  # tasks of these, by store
        self._is_broken = False
        self._breaks, self._has_result = 0, False

    def add(self, task: TaskT) -> None:
        """Add a task; they must come in the order of their sizes, the largest first."""
        self._queues.setdefault(task.store, deque()).append(task)

    def run(self, executor: Executor) -> None:
        """Run all tasks, in an executor that the engine has opened."""
        while self._submit(executor) or self._is_broken:
            if self._is_broken:
                executor = self._reopen(executor)
            self._take_ended()

    def give_up(self) -> None:
        """Take the results that are there, and cancel the rest."""
        for future in list(self._given):
            if future.done() and not future.cancelled() and future.exception() is None:
                self._take(future)
            else:
                future.cancel()

    def _submit(self, executor: Executor) -> bool:
        """Give tasks to the executor, as many as it may have; return True if it has some."""
        jobs = self._engine.jobs
        most = _UNKNOWN_JOBS if jobs is None else 1 if jobs == 1 else _WAITING * jobs
        while len(self._given) < most and not self._is_broken:
            task = self._next()
            if task is None:
                break
            try:
                future = executor.submit(self._function, task, self._options)
            except (BrokenExecutor, RuntimeError) as error:  # a pool that broke while nobody waited for it
                _log.info("the executor does not take tasks: %s", error)
                self._queues.setdefault(task.store, deque()).appendleft(task)
                self._is_broken = True
            else:
                self._given[future] = task
                self._busy[task.store] += 1
        return bool(self._given)

    def _next(self) -> TaskT | None:
        """The largest task of a store that is not busy; a suspect only if nothing else is to do, and alone."""
        ready = [queue for store, queue in self._queues.items() if queue and self._busy[store] < self._per_store]
        if ready:
            return min(ready, key=lambda queue: (-queue[0].size, queue[0].digest)).popleft()
        if self._suspects and not self._given and not any(self._queues.values()):
            return self._suspects.popleft()
        return None

    def _take_ended(self) -> None:
        """Wait for a task to end, if the executor has one, and take the results of those that have ended."""
        if self._given:
            for future in wait(self._given, return_when=FIRST_COMPLETED)[0]:
                self._take(future)

    def _take(self, future: Future[ResultT]) -> None:
        """Take the result of a task, or note that its worker was lost."""
        task = self._given.pop(future)
        self._busy[task.store] -= 1
        try:
            result = future.result()
        except (CancelledError, Exception) as error:
            self._is_broken |= isinstance(error, BrokenExecutor)
            self._lose(task, error)
        else:
            self._has_result = True
            self._on_result(task, result)

    def _lose(self, task: TaskT, error: BaseException) -> None:
        """Run a task again, alone, because its worker was lost: if that happens again, the task is the reason."""
        if task.digest in self._lost:
            self._on_problem(task, f"the worker was lost: {error or type(error).__name__}"[:_MAX_TEXT], "")
        else:
            _log.info("%s: its worker was lost: %r", task.digest, error)
            self._lost.add(task.digest)
            self._suspects.append(task)

    def _reopen(self, broken: Executor) -> Executor:
        """A new executor in the place of a broken one; if there is none, the tasks that are left become problems."""
        while self._given:
            self._take_ended()
        self._is_broken = False
        self._breaks += 1
        if self._breaks >= _MAX_BREAKS and not self._has_result:
            self._drop_all("the workers end before they return a result", _MAIN_HINT)
            return broken
        try:
            return self._engine.open()
        except EngineFailed as error:
            self._drop_all(str(error), error.hint or "")
            return broken

    def _drop_all(self, message: str, hint: str) -> None:
        """Make problems of all tasks that are left."""
        left = [*self._suspects, *(task for queue in self._queues.values() for task in queue)]
        self._queues.clear()
        self._suspects.clear()
        for task in left:
            self._on_problem(task, message, hint)
