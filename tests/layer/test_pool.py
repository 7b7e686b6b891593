"""read_layers: which error is raised when reading ends early, whatever threads do in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from ocisize.errors import LayerError, RegistryError
from ocisize.oci.image import Layer
from ocisize.oci.source import complete_source
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import complete_source
from ocisize.blob.digest import Digest
from ocisize.layer.pool import Check, Stopped, _Attempt, read_layers
from tests.oci.test_image import MemorySource


def layers(count: int) -> list[Layer]:
    return [Layer(index, Descriptor(Digest("sha256:" + f"{index:064x}"), 100), None) for index in range(count)]


def test_the_error_is_raised_though_other_threads_stop_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may see that reading has ended, and end, before the thread with the error has raised it."""
    reading, stopped = threading.Event(), threading.Event()
    stop = _Attempt.stop

    def slow_stop(*arguments: object, **named: object) -> None:
        stop(*arguments, **named)  # type: ignore[arg-type]
        if threading.current_thread() is not threading.main_thread():
            stopped.wait(10)
            time.sleep(0.2)  # until the main thread has seen that as well

    def read(layer: Layer, check: Check) -> int:
        if layer.index == 1:
            reading.wait(10)
            raise LayerError(1, layer.descriptor.digest, RegistryError("gone", status=404))
        reading.set()
        try:
            while True:
                check()
                time.sleep(0.001)
        except Stopped:
            stopped.set()
            raise

    monkeypatch.setattr(_Attempt, "stop", slow_stop)
    with pytest.raises(LayerError, match="gone"):
        read_layers(complete_source(MemorySource(b"", {})), layers(2), read, jobs=2)


class Recording(Executor):
    """An executor that notes which layers are submitted, and runs them in a pool."""

    def __init__(self, pool: Executor) -> None:
        self.pool, self.submitted = pool, list[int]()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        self.submitted.append(arguments[0].index)
        return self.pool.submit(function, *arguments, **named)


def test_an_executor_of_the_caller_runs_the_reads() -> None:
    """It gets the largest layers first, and is open for further work afterwards, also after an error."""
    source = complete_source(object())  # type: ignore[arg-type]
    sized = [attrs.evolve(layer, descriptor=attrs.evolve(layer.descriptor, size=100 + layer.index)) for layer in layers(4)]

    def read(layer: Layer, _: Check) -> int:
        if layer.index == broken:
            raise LayerError(layer.index, layer.descriptor.digest, RegistryError("gone", status=404))
        return layer.descriptor.size

    with ThreadPoolExecutor(2) as pool:
        for broken in (-1, 2):
            executor = Recording(pool)
            if broken < 0:
                assert read_layers(source, sized, read, jobs=1, executor=executor) == [100, 101, 102, 103]
            else:
                with pytest.raises(LayerError, match="layer 2 "):
                    read_layers(source, sized, read, jobs=1, executor=executor)
            assert executor.submitted == [3, 2, 1, 0]
        assert pool.submit(len, "open").result() == 4


def test_no_read_goes_on_when_an_executor_outlives_an_error() -> None:
    """When an error has been raised, no read is running and none starts later in the caller's executor."""
    source = complete_source(object())  # type: ignore[arg-type]
    running, calls = threading.Event(), list[int]()

    def read(layer: Layer, check: Check) -> int:
        calls.append(layer.index)
        if layer.index == 0:
            running.wait(10)
            raise ValueError("broken")
        running.set()
        while True:
            check()
            time.sleep(0.001)

    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(ValueError, match="broken"):
            read_layers(source, layers(5), read, jobs=2, executor=pool)
        ended = list(calls)
        pool.submit(len, "").result()
    assert calls == ended and 4 not in calls


class Unabortable:
    """A source whose ``abort`` fails."""

    def abort(self) -> None:
        raise RuntimeError("cannot abort")


@pytest.mark.parametrize("own_executor", [True, False])
def test_no_read_goes_on_when_abort_fails(own_executor: bool) -> None:  # noqa: FBT001 - a case
    """An error in ``source.abort()`` leaves no read running and no thread behind."""
    source = complete_source(MemorySource(b"", {}))
    source.abort = Unabortable().abort  # type: ignore[method-assign]
    running, is_running = threading.Event(), [False]

    def read(layer: Layer, check: Check) -> int:
        if layer.index == 0:
            running.wait(10)
            raise ValueError("broken")
        is_running[0] = True
        running.set()
        try:
            for _ in range(50):
                time.sleep(0.002)
            while True:
                check()
                time.sleep(0.001)
        finally:
            is_running[0] = False

    before = threading.active_count()
    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(RuntimeError, match="cannot abort"):
            read_layers(source, layers(2), read, jobs=2, executor=None if own_executor else pool)
        assert not is_running[0]
        assert not own_executor or threading.active_count() <= before
