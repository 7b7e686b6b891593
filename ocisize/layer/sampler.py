"""Samplers: estimate the compressed sizes of layers that are read in place, while other code scans their headers.

Sampling alternates between short calls that need the interpreter lock and long ones that do not. While another thread runs
Python code, each call waits 5 ms for the lock. So threads get little done beside a scan, and ``LayerProcesses`` lets
forks of the process sample.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Protocol

from ocisize.blob.region import FileRegion
from ocisize.layer.sampling import BlockPlan, Measurement, SizeEstimate, combine, compress_whole, plan_blocks, sample_blocks
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

BLOCKS_PER_TASK = 128  #: of the first phase; a task takes 10 ms


def divide_blocks(plan: BlockPlan) -> list[range]:
    """The blocks of a plan, divided among tasks.

    >>> divide_blocks(plan_blocks(10 << 20, 1 << 30, 5))
    [range(0, 64)]
    """
    return [
        range(len(plan.starts))[first : first + BLOCKS_PER_TASK] for first in range(0, len(plan.starts), BLOCKS_PER_TASK)
    ]


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


class SamplerOptions(NamedTuple):
    """What samplers know of an image."""

    jobs: int  #: threads or processes
    image_size: int  #: bytes of all layers
    layer_count: int


class ThreadSampler:
    """Samples layers in threads of its own."""

    def __init__(self, options: SamplerOptions) -> None:
        self._options = options
        self._executor: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Cancel what has not begun, and wait for the threads."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def plan(self, size: int) -> BlockPlan:
        """The blocks of a layer of ``size`` bytes."""
        return plan_blocks(size, self._options.image_size, self._options.layer_count)

    def start(self, region: FileRegion) -> Callable[[], SizeEstimate]:
        """Start to sample a layer, see ``Sampler``."""
        if self._executor is None:
            from concurrent.futures import ThreadPoolExecutor

            self._executor = ThreadPoolExecutor(self._options.jobs, "ocisize-sample")  # starts threads when they are needed
        plan = self.plan(region.size)
        if not plan.starts:
            return self._executor.submit(compress_whole, region).result
        tasks: list[Future[Measurement]] = [
            self._executor.submit(sample_blocks, region, plan, blocks) for blocks in divide_blocks(plan)
        ]
        return cache(lambda: combine(plan, [task.result() for task in tasks]))
