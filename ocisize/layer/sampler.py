"""Samplers: estimate the compressed sizes of layers that are read in place, while other code scans their headers.

Sampling alternates between short calls that need the interpreter lock and long ones that do not. While another thread runs
Python code, each call waits 5 ms for the lock. So threads get little done beside a scan, and ``ProcessSampler`` lets
another process sample.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Protocol

from ocisize.blob.region import FileRegion
from ocisize.layer.sampling import BlockPlan, Measurement, SizeEstimate, combine, compress_whole, plan_blocks, sample_blocks

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_BLOCKS_PER_TASK = 64


class Sampler(Protocol):
    """Estimates the compressed sizes of the layers of one image, until it is closed."""

    def plan(self, size: int) -> BlockPlan:
        """The blocks of a layer of ``size`` bytes."""

    def start(self, region: FileRegion) -> Callable[[], SizeEstimate]:
        """Start to sample a layer; the function returned waits for the estimate, and may be called again.

        That function raises TarError if the file has been cut, and CancelledError if the sampler was closed.
        """

    def close(self) -> None:
        """Cancel what is not needed any more, and wait for the rest."""


class ThreadSampler:
    """Samples layers in threads of its own; ``image_size`` are the bytes of all layers, ``layer_count`` is their number."""

    def __init__(self, *, jobs: int, image_size: int, layer_count: int) -> None:
        self._jobs, self._image_size, self._layer_count = jobs, image_size, layer_count
        self._executor: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Cancel what has not begun, and wait for the threads."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def plan(self, size: int) -> BlockPlan:
        """The blocks of a layer of ``size`` bytes."""
        return plan_blocks(size, self._image_size, self._layer_count)

    def start(self, region: FileRegion) -> Callable[[], SizeEstimate]:
        """Start to sample a layer, see ``Sampler``."""
        if self._executor is None:
            from concurrent.futures import ThreadPoolExecutor

            self._executor = ThreadPoolExecutor(self._jobs, "ocisize-sample")  # starts threads when they are needed
        plan = self.plan(region.size)
        if not plan.starts:
            return self._executor.submit(compress_whole, region).result
        tasks: list[Future[Measurement]] = [
            self._executor.submit(sample_blocks, region, plan, range(len(plan.starts))[first : first + _BLOCKS_PER_TASK])
            for first in range(0, len(plan.starts), _BLOCKS_PER_TASK)
        ]
        return cache(lambda: combine([task.result() for task in tasks]))
