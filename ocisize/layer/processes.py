"""LayerProcesses: forks of this process scan plain layers and sample them, beside this process.

Threads wait for the interpreter lock: two of them scan headers more slowly than one, and a thread that samples waits up to
5 ms for each of its short calls. What a fork cannot do, the process does again, so that errors, limits and their order are
those of one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, closing, suppress
from functools import partial
from typing import TypeAlias

from ocisize.blob.region import FileRegion
from ocisize.errors import LayerError, OcisizeError
from ocisize.forks import can_fork, end_forks, fork
from ocisize.layer.pool import is_shared_limit
from ocisize.layer.sampler import SamplerOptions, ThreadSampler, divide_blocks
from ocisize.layer.sampling import BlockPlan, Measurement, SizeEstimate, combine, compress_whole, sample_blocks
from ocisize.layer.scan import LayerScan
from ocisize.layer.shared_tasks import MAX_TASKS, SharedTasks
from ocisize.layer.uncounted_scan import UncountedScan
from ocisize.layer.usage import RecordingMeter
from ocisize.limits import Limits, Tally
from ocisize.logs import Logger
from ocisize.oci.image import Layer
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

MAX_FORKS = 3  #: of the process: few images have more layers that are worth one

_log = Logger(__name__)

_Scanned: TypeAlias = "UncountedScan | None"
_Sampled: TypeAlias = Measurement | SizeEstimate
_Place: TypeAlias = tuple[int, int, int]  # descriptor, offset and size of a region


class _SampleTask(NamedTuple):
    """Some blocks of a layer to be compressed; without blocks the whole layer."""

    region: FileRegion
    plan: BlockPlan
    blocks: range

    def run(self) -> _Sampled:
        """Sample the blocks. Raises TarError if the file has been cut."""
        return sample_blocks(self.region, self.plan, self.blocks) if self.blocks else compress_whole(self.region)


class LayerProcesses:
    """Scans and samples the layers of one image that are read in place, until it is closed. It is a ``Sampler``.

    ``layers`` have their regions, all of one file. ``scan(layer, meter=…)`` scans a layer, without a sampler. ``limits`` are
    those of the image. With ``estimates`` the forks sample all layers after they were scanned. ``options`` are those of
    the image, for a ``ThreadSampler`` of other layers too.

    Raises OSError if the system cannot fork. ``fork_for_layers`` knows where forks are of use.
    """

    def __init__(
        self,
        layers: Sequence[tuple[Layer, FileRegion]],
        scan: Callable[..., LayerScan],
        *,
        limits: Limits,
        estimates: bool,
        options: SamplerOptions,
    ) -> None:
        self._layers = sorted(layers, key=lambda pair: (-pair[1].size, pair[0].index))
        self._scan, self._limits, self._image_size = scan, limits, options.image_size
        self._in_threads = ThreadSampler(options)
        self._samples = list(self._divide()) if estimates else []
        self._numbers: dict[_Place, list[int]] = {}  # of the tasks of a layer
        for number, task in enumerate(self._samples):
            self._numbers.setdefault(_place_of(task.region), []).append(number)
        self._found: dict[int, UncountedScan] = {}  # by the index of the layer
        self._sampled: dict[int, _Sampled] | None = None  # by the number of the task
        self._pids: list[int] = []
        forks = min(options.jobs - 1, MAX_FORKS)
        self._tasks = ExitStack()
        try:
            self._scanning = self._tasks.enter_context(closing(SharedTasks[_Scanned](len(self._layers), forks=forks)))
            self._sampling = self._tasks.enter_context(closing(SharedTasks[_Sampled](len(self._samples), forks=forks)))
            for number in range(forks):
                fork(partial(self._work, number), self._pids.append)
        except BaseException:
            self.close()
            raise
        self._scanning.share()
        self._sampling.share()

    def order(self) -> Iterator[Layer]:
        """All layers in the order in which to read them: those that no fork takes, then those that ``find`` may know."""
        mine: set[int] = set()
        while (number := self._scanning.take()) is not None:
            mine.add(number)
            yield self._layers[number][0]
        for number, found in self._scanning.results():
            if found is not None:
                layer, region = self._layers[number]
                self._found[layer.index] = self._complete(found, region)
                facts = (layer.index, layer.descriptor.digest, region.size, len(found.scan.table))
                _log.debug("layer %d (%s): plain, in place, by a fork, %d bytes, %d entries", *facts)
        self._scanning.close()
        yield from (layer for number, (layer, _) in enumerate(self._layers) if number not in mine)

    def find(self, layer: Layer) -> UncountedScan | None:
        """The scan of a layer by a fork; None if this process has to read the layer."""
        return self._found.get(layer.index)

    def plan(self, size: int) -> BlockPlan:
        """The blocks of a layer of ``size`` bytes."""
        return self._in_threads.plan(size)

    def start(self, region: FileRegion) -> Callable[[], SizeEstimate]:
        """Start to sample a layer, see ``Sampler``; the forks do so by themselves."""
        numbers = self._numbers.get(_place_of(region))
        return partial(self._estimate, numbers) if numbers else self._in_threads.start(region)

    def close(self) -> None:
        """End the forks, except those that have ended: other processes may have their numbers then."""
        end_forks(self._pids)
        self._pids.clear()
        self._tasks.close()
        self._in_threads.close()

    def _divide(self) -> Iterator[_SampleTask]:
        """The tasks of sampling, each distinct layer once."""
        regions = {_place_of(region): region for _, region in self._layers}
        for region in regions.values():
            plan = self.plan(region.size)
            yield from (_SampleTask(region, plan, blocks) for blocks in divide_blocks(plan) or [range(0)])

    def _complete(self, found: UncountedScan, region: FileRegion) -> UncountedScan:
        """A scan of a fork as one of this process."""
        scan = evolve(found.scan, region=region)
        return UncountedScan(evolve(scan, wait_for_estimate=self.start(region)) if self._samples else scan, found.usage)

    def _estimate(self, numbers: Sequence[int]) -> SizeEstimate:
        """Wait for the estimate of the layer that has the tasks with these numbers; sample what no fork has sampled."""
        if self._sampled is None:
            self._sampled = self._sample()
        results = [self._sampled[number] if number in self._sampled else self._samples[number].run() for number in numbers]
        measurements = [result for result in results if isinstance(result, Measurement)]
        whole = [result for result in results if isinstance(result, SizeEstimate)]
        return whole[0] if whole else combine(self._samples[numbers[0]].plan, measurements)

    def _sample(self) -> dict[int, _Sampled]:
        """Sample what is left beside the forks, and wait for theirs; a task that fails is not among the results."""
        if not self._pids:
            raise CancelledError
        sampled = {}
        while (number := self._sampling.take()) is not None:
            with suppress(OcisizeError):  # which layer is concerned, the caller of its estimate knows
                sampled[number] = self._samples[number].run()
        sampled.update(self._sampling.results())
        return sampled

    def _work(self, fork_number: int) -> None:
        """In a fork: do tasks until none is left."""
        tally = Tally(self._limits, self._image_size)  # of all layers that the fork scans
        self._scanning.work(fork_number, partial(self._scan_alone, tally=tally))
        self._sampling.work(fork_number, lambda number: self._samples[number].run())

    def _scan_alone(self, number: int, tally: Tally) -> _Scanned:
        """In a fork: scan a layer; None if the process has to, to raise the error. Raises LimitExceeded for all layers."""
        meter = RecordingMeter(tally)
        try:
            scan = self._scan(self._layers[number][0], meter=meter)
        except LayerError as error:
            if is_shared_limit(error):  # the fork would keep more than one process may
                raise
            return None
        return UncountedScan(evolve(scan, region=None), meter.usage)


def _place_of(region: FileRegion) -> _Place:
    return region.descriptor, region.offset, region.size


def fork_for_layers(
    layers: Sequence[tuple[Layer, FileRegion]],
    scan: Callable[..., LayerScan],
    *,
    limits: Limits,
    estimates: bool,
    options: SamplerOptions,
) -> LayerProcesses | None:
    """Processes for the layers of an image; None if the layers are not those of one archive, or if nothing can be forked."""
    # The files of a folder are opened again by each scan, and a region of one of them does not say which.
    is_archive = len({region.descriptor for _, region in layers}) == 1 and layers[0][1].owner is None
    if is_archive and limits.memory is None and 2 * len(layers) < MAX_TASKS and can_fork():
        with suppress(OSError):  # more processes than the system allows
            return LayerProcesses(layers, scan, limits=limits, estimates=estimates, options=options)
    return None
