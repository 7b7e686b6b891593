"""A cluster of Dask: the same entries, and the same cache, as without one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocisize.cache.disk import DiskCache
from ocisize.errors import EngineFailed
from ocisize.fleet.engine import borrowed
from ocisize.fleet.engine.collect import LayersRead, read_layers
from ocisize.fleet.engine.entries import Entries
from ocisize.fleet.engine.executors import DaskEngine, ProcessEngine, SerialEngine
from ocisize.model.fleet import Fleet
from tests.fleet.given import make_fleet
from tests.fleets import service_family, write_fleet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Dask's own modules
_SECONDS = "120s"


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster of two processes on this machine."""
    import dask
    from distributed import LocalCluster

    timeouts = {"distributed.comm.timeouts.connect": _SECONDS, "distributed.comm.timeouts.tcp": _SECONDS}
    with dask.config.set(timeouts):
        start: Any = LocalCluster
        cluster = start(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", memory_limit=0, silence_logs=50
        )
        yield str(cluster.scheduler_address)
        cluster.close()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    layout = write_fleet(service_family(), tmp_path / "layout")
    yield make_fleet(service_family(), lambda tag: f"oci-dir:{layout}:{tag.repository}:{tag.tag}", str(layout))
    borrowed.close_idle()


def digest_of(read: LayersRead, entries: Entries) -> str:
    joined = hashlib.sha256()
    for task in read.readable:
        joined.update(entries.read_entry(task))
    return joined.hexdigest()


def test_dask_makes_the_same_entries(scheduler: str, fleet: Fleet, tmp_path: Path) -> None:
    """To the byte, as one process and as a pool; workers keep them in the cache that they share with the collector."""
    digests = set()
    for engine in (SerialEngine(), ProcessEngine(jobs=2), DaskEngine(scheduler)):
        cache = DiskCache(tmp_path / type(engine).__name__)
        with Entries(cache) as entries:
            read = read_layers(fleet, entries, engine=engine)
            assert not read.problems
            assert read.cached == 0
            assert cache.usage().entries == 2 * len(read.tasks) + 1  # tables, summaries, and the mark of the run
            digests.add(digest_of(read, entries))
            again = read_layers(fleet, entries, engine=DaskEngine(scheduler))
            assert again.cached == len(read.tasks)
    assert len(digests) == 1


def test_workers_with_another_cache_send_entries(scheduler: str, fleet: Fleet, tmp_path: Path) -> None:
    """On other machines, a folder of the same name is another one: the collector keeps what comes."""

    class Memory(dict[str, bytes]):
        put = dict.__setitem__

    memory = Memory()
    with Entries(memory) as entries, Entries(None) as scratch:
        read = read_layers(fleet, entries, engine=DaskEngine(scheduler))
        assert len(memory) == 2 * len(read.tasks)
        other = read_layers(fleet, scratch, engine=SerialEngine())
        assert digest_of(read, entries) == digest_of(other, scratch)
        again = read_layers(fleet, entries, engine=DaskEngine(scheduler))
        assert again.cached == len(read.tasks)


def test_an_executor_of_dask_is_an_executor(scheduler: str, fleet: Fleet) -> None:
    """What ``Client.get_executor`` returns can be used as it is."""
    from distributed import Client

    connect: Any = Client
    with connect(scheduler, set_as_default=False) as client, Entries(None) as entries:
        read = read_layers(fleet, entries, engine=client.get_executor())
        assert not read.problems
        client.close()


def test_a_scheduler_that_is_not_there(fleet: Fleet) -> None:
    from tests.registry import free_port

    engine = DaskEngine(f"tcp://127.0.0.1:{free_port()}", seconds=1)
    with Entries(None) as entries, pytest.raises(EngineFailed, match="no scheduler of Dask") as caught:
        read_layers(fleet, entries, engine=engine)
    assert "dask scheduler" in (caught.value.hint or "")
