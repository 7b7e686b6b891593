"""Workers that are lost, that have another version, and executors that break for good."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ocisize.cache.disk import DiskCache
from ocisize.cache.folder import FOLDER_VARIABLE
from ocisize.errors import EntryLost
from ocisize.fleet.engine import borrowed
from ocisize.fleet.engine.collect import read_layers
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import ProcessEngine, SerialEngine, SerialExecutor
from ocisize.fleet.engine.results import LayerResult
from ocisize.fleet.engine.tasks import LayerTask, TaskOptions, list_tasks
from ocisize.fleet.engine.worker import read_layer
from ocisize.model.fleet import Fleet
from ocisize.values import define, evolve, field
from tests.fleet.given import make_fleet
from tests.fleets import many_images, write_fleet

IMAGES = many_images(8, 14, size=3_000)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    layout = write_fleet(IMAGES, tmp_path / "layout")
    yield make_fleet(IMAGES, lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout))
    borrowed.close_idle()


@define
class KillingEngine:
    """A pool whose process is killed when it gets one of some tasks."""

    victims: dict[str, int]  #: how often, by digest
    jobs: int | None = 2
    opened: int = field(default=0, init=False)
    _engine: ProcessEngine = field(factory=lambda: ProcessEngine(jobs=2), init=False)

    def open(self) -> Executor:
        self.opened += 1
        return _Killing(self._engine.open(), self.victims)

    def close(self, *, interrupted: bool) -> None:
        self._engine.close(interrupted=interrupted)


class _Killing(Executor):
    def __init__(self, pool: Executor, victims: dict[str, int]) -> None:
        self._pool, self._victims = pool, victims

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if isinstance(args[0], LayerTask) and self._victims.get(args[0].digest, 0):
            self._victims[args[0].digest] -= 1
            return self._pool.submit(kill_worker)
        return self._pool.submit(fn, *args, **kwargs)


def kill_worker() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_layers_of_lost_workers_are_read_again(fleet: Fleet, tmp_path: Path) -> None:
    """A process that the system kills costs nothing but time."""
    tasks = list_tasks(fleet)
    engine = KillingEngine({tasks[0].digest: 1, tasks[5].digest: 1})
    with Entries(DiskCache(tmp_path / "cache")) as entries:
        read = read_layers(fleet, entries, engine=engine)
        assert not read.problems
        assert len([entries.load(task) for task in read.tasks]) == 14
    assert engine.opened in (2, 3)


def test_a_layer_that_kills_workers_is_the_only_problem(fleet: Fleet, tmp_path: Path) -> None:
    """The layers that were with other processes of the same pool are not blamed."""
    tasks = list_tasks(fleet)
    with Entries(DiskCache(tmp_path / "cache")) as entries:
        read = read_layers(fleet, entries, engine=KillingEngine({tasks[2].digest: 99}))
    assert list(read.problems) == [tasks[2].digest]
    assert "worker was lost" in read.problems[tasks[2].digest].message


class Breaking(SerialExecutor):
    """Breaks for good after some tasks."""

    def __init__(self, left: int) -> None:
        self.left = left

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.left -= 1
        if self.left < 0:
            raise BrokenExecutor("no process is left")
        return super().submit(fn, *args, **kwargs)


def test_an_executor_of_the_caller_that_breaks_ends_the_run(fleet: Fleet) -> None:
    """What was read counts, the others are problems."""
    with Entries(None) as entries:
        read = read_layers(fleet, entries, engine=Breaking(5))
    assert len(read.readable) == 5
    assert {problem.message for problem in read.problems.values()} == {"the executor has lost its workers"}


def test_results_of_another_version_are_refused(fleet: Fleet) -> None:
    """A worker whose decoder divides the download in another way would make other figures."""

    class Older(SerialExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = super().submit(fn, *args, **kwargs)
            if isinstance(future.result(), LayerResult):
                result = future.result()
                future = Future()
                future.set_result(evolve(result, key=result.key.replace("-4-", "-3-")))
            return future

    with Entries(None) as entries:
        read = read_layers(fleet, entries, engine=Older())
    assert len(read.problems) == 14
    assert {problem.hint for problem in read.problems.values()} == {
        "install the same version of ocisize, and of isal, on all workers"
    }


def test_an_error_of_the_executor_is_the_problem_of_a_layer(fleet: Fleet) -> None:
    class Failing(SerialExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(RuntimeError("cannot unpickle"))
            return future

    with Entries(None) as entries:
        read = read_layers(fleet, entries, engine=Failing())
    assert {problem.message for problem in read.problems.values()} == {"the worker was lost: cannot unpickle"}


def test_workers_that_cannot_start_are_problems_of_layers(fleet: Fleet, tmp_path: Path) -> None:
    """The question whether they see the cache raises nothing else than a layer would, and pools are not opened for ever."""

    @define
    class Dying(KillingEngine):
        def open(self) -> Executor:
            self.opened += 1
            return _Dying(self._engine.open())

    class _Dying(Executor):
        def __init__(self, pool: Executor) -> None:
            self._pool = pool

        def submit(self, _: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ARG002
            return self._pool.submit(kill_worker)

    engine = Dying({})
    with Entries(DiskCache(tmp_path / "cache")) as entries:
        read = read_layers(fleet, entries, engine=engine)
    assert len(read.problems) == 14
    assert engine.opened == 3
    assert "if __name__" in {problem.hint for problem in read.problems.values()}.pop()


def test_entries_that_the_cache_has_lost_are_read_again(fleet: Fleet, tmp_path: Path) -> None:
    """A cache smaller than the fleet removes entries while the run needs them."""
    cache = DiskCache(tmp_path / "cache")
    with Entries(cache) as entries:
        read = read_layers(fleet, entries, engine=SerialEngine())
        tables = [list(entries.load(task).table) for task in read.tasks]
        cache.clear()
        assert [list(entries.load(task).table) for task in read.tasks] == tables
        assert entries.lost == 14
        assert [list(entries.load(task).table) for task in read.tasks] == tables
        assert entries.lost == 14
        entries.reread = None
    with pytest.raises(EntryLost):
        entries.load(read.tasks[0])


def test_without_a_temporary_folder_nothing_goes_to_the_cache_of_the_user(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries of a run may be unverified, and a cache in the place of its folder would give them to other images."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "own"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with Entries(None) as entries, pytest.raises(EntryLost, match="no temporary folder"):
        read_layers(fleet, entries, engine=SerialEngine())
    assert not (tmp_path / "own").exists()


def test_a_full_temporary_folder_is_named(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the cache is not the reason."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Entries(None) as entries:
        read = read_layers(fleet, entries, engine=SerialEngine())
        entries.reread = None
        (folder,) = tmp_path.glob("ocisize-fleet-*")
        shutil.rmtree(folder)
        folder.write_bytes(b"")
        result = read_layer(read.tasks[0], TaskOptions())
        entries.keep(result)
        with pytest.raises(EntryLost, match="cannot be kept") as caught:
            entries.load(read.tasks[0])
        assert "TMPDIR" in (caught.value.hint or "")
        folder.unlink()
        folder.mkdir()


def test_a_cache_that_keeps_nothing_is_enough(fleet: Fleet, tmp_path: Path) -> None:
    """Its folder cannot be written: all entries are in the folder of the run."""
    (tmp_path / "file").write_bytes(b"")
    with Entries(DiskCache(tmp_path / "file" / "cache")) as entries:
        read = read_layers(fleet, entries, engine=SerialEngine())
        assert not read.problems
        assert sum(len(entries.load(task).table) for task in read.tasks) == 3 * 14


def test_nothing_of_a_run_stays(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the mark in the cache nor the folder of the run."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    cache = DiskCache(tmp_path / "cache")
    with Entries(cache) as entries:
        read_layers(fleet, entries, engine=SerialEngine())
    assert cache.usage().entries == 2 * 14  # tables and summaries
    with Entries(None) as entries:
        read_layers(fleet, entries, engine=SerialEngine())
        assert [*(tmp_path / "temporary").iterdir()]
    assert not [*(tmp_path / "temporary").iterdir()]


def test_sources_of_an_executor_of_the_caller_are_closed(fleet: Fleet) -> None:
    """Tasks of threads leave files and connections open for the next tasks, and nobody else ends them."""
    with ThreadPoolExecutor(2) as threads, Entries(None) as entries:
        read_layers(fleet, entries, engine=threads)
        assert borrowed._idle
    assert not borrowed._idle
