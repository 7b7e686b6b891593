"""read_layers: which error is raised when reading ends early, whatever threads do in between."""

from __future__ import annotations

import threading
import time

import pytest

from ocisize.layer import pool as parallel
from ocisize.errors import LayerError, RegistryError
from ocisize.oci.image import Layer
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import complete_source
from ocisize.blob.digest import Digest
from ocisize.layer.pool import Check, Stopped, read_layers
from tests.oci.test_image import MemorySource


def layers(count: int) -> list[Layer]:
    return [Layer(index, Descriptor(Digest("sha256:" + f"{index:064x}"), 100), None) for index in range(count)]


def test_the_error_is_told_though_others_stop_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may see that reading has ended, and end, before the one whose error ended it has told that error."""
    reading, stopped = threading.Event(), threading.Event()
    stop = parallel._Attempt.stop

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

    monkeypatch.setattr(parallel._Attempt, "stop", slow_stop)
    with pytest.raises(LayerError, match="gone"):
        read_layers(complete_source(MemorySource(b"", {})), layers(2), read, jobs=2)
