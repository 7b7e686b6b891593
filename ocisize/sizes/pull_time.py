"""How long a pull takes: a model of what containerd, podman and Docker do, with constants of a fast and of a slow host.

A client downloads some layers at a time, in their order, and the layers share the link. A layer is unpacked when its blob
and all layers below are there, one layer after the other::

    there(i) = when the blob of layer i is downloaded
    done(i) = max(there(i), done(i - 1)) + unpack(i)
    unpack(i) = tar_size / speed of the compression + entries * file_seconds + layer_seconds
    seconds = done(last layer) + pull_seconds

The range is from a fast host to a slow one: ``PullRates``. The registry, the latency of the link and other work of the
host are not in the model. docs/sizes.md has the constants and how they were measured, benchmarks/RESULTS.md has real pulls
beside the model.

Sources: moby's ``distribution/xfer`` (three downloads for each pull, layers registered in order), containerd's
``max_concurrent_downloads`` (three) and its unpacker, containers/image's ``copy`` (six downloads).
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ocisize.model.analysis import Analysis
from ocisize.model.outline import Outline
from ocisize.model.plan import LayerSaving
from ocisize.model.pull_time import PullRates, PullTime, StepPullTime, UnpackRates
from ocisize.model.sizes import paid_layers, sum_known
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

_BITS = 8


class PulledLayer(NamedTuple):
    """A layer as far as its pull goes."""

    download: int  #: bytes; 0 for a blob that a lower layer has
    compression: str  #: of ``UnpackRates.seconds``
    least_tar: float  #: bytes of the tar
    most_tar: float
    least_entries: float
    most_entries: float


@functools.cache
def default_rates() -> PullRates:
    """The packaged constants, ``ocisize/sizes/pull_time.toml``."""
    from ocisize.prebuilt.pull_time import TABLE

    table = dict(TABLE)
    return PullRates(fast=UnpackRates(**table.pop("fast")), slow=UnpackRates(**table.pop("slow")), **table)


def pull_times(image: Analysis | Outline, bandwidths: Sequence[int], rates: PullRates | None = None) -> tuple[PullTime, ...]:
    """Return how long a pull of an image takes at each of ``bandwidths``, bits per second.

    The host has no layer of the image. An estimated download counts as one. Of an outline, unpacked sizes and numbers of
    files are assumed. ``rates`` None: the packaged constants. Returns () if the download of a layer is unknown.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> [round(time.transfer_seconds, 2) for time in pull_times(analysis, [100_000_000, 1_000_000_000])]
    [0.13, 0.01]
    """
    chosen = rates or default_rates()
    layers = _list_layers(image, chosen)
    if layers is None:
        return ()
    assumes = isinstance(image, Outline)
    return tuple(evolve(_time(layers, bandwidth, chosen), assumes_unpacking=assumes) for bandwidth in bandwidths)


def step_pull_times(
    analysis: Analysis, bandwidths: Sequence[int], rates: PullRates | None = None
) -> tuple[tuple[StepPullTime, ...], ...]:
    """Return by step of the plan what the step saves of a pull after the steps before it, at each of ``bandwidths``.

    The savings of all steps add up to what the plan saves. () for each step if the download of a layer is unknown.
    """
    chosen = rates or default_rates()
    layers = _list_layers(analysis, chosen)
    if layers is None:
        return ((),) * len(analysis.plan.steps)
    lowest: dict[str, int] = {}
    paying = [lowest.setdefault(layer.digest, layer.index) for layer in analysis.layers]
    stages = [layers]
    for step in analysis.plan.steps:
        stages.append(_without(stages[-1], step.layer_savings, paying))
    times = [[_time(stage, bandwidth, chosen) for bandwidth in bandwidths] for stage in stages]
    return tuple(tuple(_save(*pair) for pair in zip(before, after, strict=True)) for before, after in pairwise(times))


def _save(before: PullTime, after: PullTime) -> StepPullTime:
    savings = sorted((before.least_seconds - after.least_seconds, before.most_seconds - after.most_seconds))
    return StepPullTime(
        bandwidth=before.bandwidth,
        transfer_seconds=before.transfer_seconds - after.transfer_seconds,
        least_seconds=savings[0],
        most_seconds=savings[1],
    )


def _list_layers(image: Analysis | Outline, rates: PullRates) -> list[PulledLayer] | None:
    """The layers as they are pulled; None if a download is unknown."""
    found = list(_layers_of_outline(image, rates) if isinstance(image, Outline) else _layers_of_analysis(image, rates))
    if sum_known(None if layer is None else layer.download for layer in found) is None:
        return None
    paid = paid_layers(image.layers)
    return [layer._replace(download=layer.download * pays) for layer, pays in zip(found, paid, strict=True) if layer]


def _layers_of_analysis(analysis: Analysis, rates: PullRates) -> Iterator[PulledLayer | None]:
    for layer in analysis.layers:
        size = layer.expected_compressed_size
        if size is None:
            yield None
        elif layer.failure is not None:
            yield _assume_layer(size, layer.compression, rates)
        else:
            tar = float(layer.stored_size if layer.tar_size is None else layer.tar_size)
            compression = layer.compression if layer.compressed_size is not None else "gzip"  # estimates are those of gzip
            yield PulledLayer(size, compression, tar, tar, layer.entry_count, layer.entry_count)


def _layers_of_outline(outline: Outline, rates: PullRates) -> Iterator[PulledLayer | None]:
    for layer in outline.layers:
        size = layer.compressed_size
        yield None if size is None else _assume_layer(size, layer.compression, rates)


def _assume_layer(size: int, compression: str, rates: PullRates) -> PulledLayer:
    """A layer that was not read, with the assumed size of its tar and number of its entries."""
    least, most = (1.0, 1.0) if compression == "plain" else (rates.least_expansion, rates.most_expansion)
    return PulledLayer(
        download=size,
        compression=compression,
        least_tar=size * least,
        most_tar=size * most,
        least_entries=size * least / rates.most_entry_size,
        most_entries=size * most / rates.least_entry_size,
    )


def _without(layers: Sequence[PulledLayer], savings: Sequence[LayerSaving], paying: Sequence[int]) -> list[PulledLayer]:
    """The layers after a step of the plan; what a step frees stays within what a layer has.

    ``paying`` has by layer the lowest layer with the same blob, which is downloaded for all of them.
    """
    changed = list(layers)
    for saving in savings:
        paid = changed[paying[saving.layer]]
        download = max(paid.download - (saving.compressed_size or 0), 0)
        changed[paying[saving.layer]] = paid._replace(download=download)
        layer = changed[saving.layer]
        changed[saving.layer] = layer._replace(
            least_tar=max(layer.least_tar - saving.size, 0),
            most_tar=max(layer.most_tar - saving.size, 0),
            least_entries=max(layer.least_entries - saving.file_count, 0),
            most_entries=max(layer.most_entries - saving.file_count, 0),
        )
    return changed


def _time(layers: Sequence[PulledLayer], bandwidth: int, rates: PullRates) -> PullTime:
    """The range of a pull: on a fast host with many downloads at a time, and on a slow host with few."""
    speed = bandwidth / _BITS
    downloads = [layer.download for layer in layers]
    fast = [rates.fast.seconds(layer.compression, layer.least_tar, layer.least_entries) for layer in layers]
    slow = [rates.slow.seconds(layer.compression, layer.most_tar, layer.most_entries) for layer in layers]
    counts = (rates.least_downloads, rates.most_downloads)
    return PullTime(
        bandwidth=bandwidth,
        transfer_seconds=sum(downloads) / speed,
        least_seconds=min(simulate_pull(downloads, fast, speed, count) for count in counts) + rates.fast.pull_seconds,
        most_seconds=max(simulate_pull(downloads, slow, speed, count) for count in counts) + rates.slow.pull_seconds,
    )


def simulate_pull(downloads: Sequence[int], unpack_seconds: Sequence[float], speed: float, concurrency: int) -> float:
    """Return the seconds until all layers are unpacked.

    Args:
        downloads: bytes of each layer's blob, base first.
        unpack_seconds: seconds to unpack each layer, once its blob is there.
        speed: bytes per second of the link, which the downloads of a moment share equally.
        concurrency: number of layers that are downloaded at a time.

    >>> simulate_pull([100, 100], [1.0, 1.0], 100, concurrency=1), simulate_pull([100, 100], [1.0, 1.0], 100, concurrency=2)
    (3.0, 4.0)

    """
    done = 0.0
    for ready, seconds in zip(_find_arrivals(downloads, speed, concurrency), unpack_seconds, strict=True):
        done = max(done, ready) + seconds
    return done


def _find_arrivals(downloads: Sequence[int], speed: float, concurrency: int) -> list[float]:
    """The second at which each blob is there, if at most ``concurrency`` downloads share the link equally.

    ``share`` is what each download has got that ran from the start on: a blob is there when ``share`` has grown by its size.
    """
    arrivals, running = [0.0] * len(downloads), list[tuple[float, int]]()
    clock = share = 0.0

    def finish() -> None:
        nonlocal clock, share
        end, index = heapq.heappop(running)
        clock += (end - share) * (len(running) + 1) / speed
        share, arrivals[index] = end, clock

    for index, size in enumerate(downloads):
        if len(running) == concurrency:
            finish()
        heapq.heappush(running, (share + size, index))
    while running:
        finish()
    return arrivals
