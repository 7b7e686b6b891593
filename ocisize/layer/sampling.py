"""Estimates of the compressed size of layers that an archive holds uncompressed, from blocks spread over each layer.

The measure is ``gzip -6``, which is close to what builders push. Compressing a whole image takes longer than its analysis,
so blocks of 8 KiB are sampled in two phases (double sampling with a ratio: Cochran, Sampling Techniques, chapter 12):

* Many blocks are compressed with a fast method, which shows how the content varies from place to place.
* Some of these blocks are compressed with deflate at level 6 as well. The content before each of them is the dictionary,
  since deflate refers back by up to 32 KiB (RFC 1951). The ratio of both sizes turns the fast sizes into sizes of gzip.

Layers have blocks in proportion to their size. A layer of up to 256 KiB, or twice its second phase, is compressed whole.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol

from ocisize.blob.region import CHUNK, FileRegion
from ocisize.errors import TarError
from ocisize.tuples import NamedTuple
from ocisize.values import frozen

BLOCK_SIZE = 8 << 10  #: bytes of a block: larger ones take as much more time, and say little more about the content around
WINDOW = 32 << 10  #: bytes that deflate refers back by at most
FAST_BLOCKS, EXACT_BLOCKS = 1600, 240  #: blocks of an image in the first and the second phase: 12.5 MiB and 1.9 MiB
_MIN_FAST_BLOCKS, _MIN_EXACT_BLOCKS = 64, 8  # blocks of a layer
_MAX_EXTRA_BLOCKS = 1024  # blocks of all layers that _MIN_EXACT_BLOCKS may add to EXACT_BLOCKS
_LEVEL = 6  # the default of gzip
_RAW_DEFLATE, _GZIP = -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS
_FAST_LEVEL = 1  # of zstd: 500 MB/s, and the sizes of blocks correlate with those of gzip by 0.99
_STANDARD_ERRORS = 1.96  # in which 95 % of the estimates lie
_BLOCK_ERROR = 0.01  # share by which blocks differ from one stream: each has Huffman codes of its own, which fit better
_BLOCK_OVERHEAD = 32  # bytes that a block takes more than its part of a stream, which counts where blocks compress well
_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


@frozen
class SizeEstimate:
    """An estimate of a compressed size."""

    size: int  #: bytes
    error: float  #: share of ``size`` by which 95 % of the estimates are off at most; 0.0 if everything was compressed


def no_estimate() -> None:
    """Return the estimate of a layer that was not sampled: None."""


@frozen
class BlockPlan:
    """The blocks of a layer to be compressed. A layer without blocks is compressed whole."""

    size: int  #: bytes of the layer
    starts: Sequence[int] = ()  #: offsets in the layer, ascending
    exact: frozenset[int] = frozenset()  #: indexes of the blocks that are compressed in both phases

    @property
    def covers_layer(self) -> bool:
        """Whether the blocks leave nothing out."""
        return len(self.starts) * BLOCK_SIZE >= self.size

    def span_of(self, block: int) -> tuple[int, int, int]:
        """The offsets at which the dictionary of a block begins, the block begins, and the block ends."""
        start = self.starts[block]
        first = max(start - WINDOW, 0) if block in self.exact else start
        return first, start, min(start + BLOCK_SIZE, self.size)


def plan_blocks(size: int, image_size: int, layer_count: int) -> BlockPlan:
    """The blocks of a layer of ``size`` bytes, in an image of ``layer_count`` layers with ``image_size`` bytes together.

    The layer is divided into equal parts, and each part has one block, at another place in each part, so that content with
    a period is sampled fairly. The places are the same in every run.

    >>> plan = plan_blocks(1 << 30, 2 << 30, 5)
    >>> len(plan.starts), len(plan.exact)
    (800, 120)
    >>> plan_blocks(100_000, 2 << 30, 5)
    BlockPlan(size=100000, starts=(), exact=frozenset())
    """
    share = size / max(image_size, 1)
    minimum = min(_MIN_EXACT_BLOCKS, max(_MAX_EXTRA_BLOCKS // max(layer_count, 1), 2))
    exact_count = max(round(EXACT_BLOCKS * share), minimum)
    if max(exact_count * 2 * BLOCK_SIZE, minimum * WINDOW) >= size:
        return BlockPlan(size)
    count = max(round(FAST_BLOCKS * share), _MIN_FAST_BLOCKS)
    covers_layer = count * BLOCK_SIZE >= size
    starts = list(range(0, size, BLOCK_SIZE)) if covers_layer else _spread(size, count, BLOCK_SIZE)
    return BlockPlan(size, starts, frozenset(_spread(len(starts), exact_count, 1)))


def _spread(length: int, count: int, size: int) -> list[int]:
    """The starts of ``count`` ranges of ``size``, one in each of as many equal parts of a length."""
    room = max(length / count - size, 0)
    return [int(length * part / count + room * (part * _GOLDEN_RATIO % 1)) for part in range(count)]


class Measurement(NamedTuple):
    """The compressed sizes of the blocks of a plan, or of some of these blocks in order."""

    fast: list[float]  #: bytes by the fast method, of as much content as a whole block has
    exact: list[tuple[float, float]]  #: bytes by the fast method and by deflate


class _Compressor:
    """Compresses blocks of a plan, and collects their sizes."""

    def __init__(self, plan: BlockPlan) -> None:
        self.measurement = Measurement([], [])
        self._plan = plan
        import zstandard

        self._compressor, self._error = zstandard.ZstdCompressor(level=_FAST_LEVEL), zstandard.ZstdError

    def add(self, block: int, content: bytes | bytearray) -> None:
        """Measure a block; ``content`` is that of its span, the dictionary included."""
        first, start, end = self._plan.span_of(block)
        own = content[start - first :]
        scale = BLOCK_SIZE / (end - start)
        try:
            fast = scale * len(self._compressor.compress(own))
        except self._error as error:  # any bytes can be compressed
            raise MemoryError(str(error)) from error
        self.measurement.fast.append(fast)
        if block in self._plan.exact:
            deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE, zdict=content[: start - first])
            self.measurement.exact.append((fast, scale * (len(deflate.compress(own)) + len(deflate.flush()))))


def combine(plan: BlockPlan, measurements: Sequence[Measurement]) -> SizeEstimate:
    """The estimate for a layer, from measurements that have all blocks of its plan together, in order."""
    fast = [size for measurement in measurements for size in measurement.fast]
    exact = [sizes for measurement in measurements for sizes in measurement.exact]
    mean_fast = sum(fast) / len(fast)
    ratio = sum(deflated for _, deflated in exact) / sum(size for size, _ in exact)
    # Relative variances of both phases: of one block for each part of the layer by the differences of neighbors, since
    # content changes slowly; and of the ratio by its residuals, less where most blocks were compressed in both phases.
    first = sum((size - other) ** 2 for size, other in pairwise(fast)) / (2 * (len(fast) - 1)) / len(fast) / mean_fast**2
    residuals = sum((deflated - ratio * size) ** 2 for size, deflated in exact) / (len(exact) - 1) / len(exact)
    mean_exact = sum(deflated for _, deflated in exact) / len(exact)
    second = residuals / mean_exact**2
    variance = second * (1 - len(exact) / len(fast)) if plan.covers_layer else first + second
    size = round(plan.size / BLOCK_SIZE * ratio * mean_fast)
    return SizeEstimate(size, _STANDARD_ERRORS * math.sqrt(variance) + max(_BLOCK_ERROR, _BLOCK_OVERHEAD / mean_exact))


def sample_blocks(region: FileRegion, plan: BlockPlan, blocks: Iterable[int]) -> Measurement:
    """Measure some blocks of a layer that is a region of a file. Raises TarError if the file has been cut."""
    compressor = _Compressor(plan)
    for block in blocks:
        first, _, end = plan.span_of(block)
        compressor.add(block, _read(region, first, end - first))
    return compressor.measurement


def compress_whole(region: FileRegion) -> SizeEstimate:
    """The size of a whole layer that is a region of a file. Raises TarError if the file has been cut."""
    deflate, size = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP), 0
    for start in range(0, region.size, CHUNK):
        size += len(deflate.compress(_read(region, start, min(CHUNK, region.size - start))))
    return SizeEstimate(size + len(deflate.flush()), 0.0)


def _read(region: FileRegion, start: int, count: int) -> bytes:
    data = region.read_at(start, count)
    if len(data) < count:
        raise TarError("the file has been cut while it was read", offset=region.offset + start + len(data))
    return data


class _Stream(Protocol):
    def readinto(self, buffer: memoryview, /) -> int: ...


class SampledStream:
    """A stream of a layer that is sampled while the layer is read."""

    def __init__(self, stream: _Stream, plan: BlockPlan) -> None:
        self._stream, self._plan = stream, plan
        self._compressor = _Compressor(plan)
        self._deflate, self._size = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP), 0  # of a layer that is compressed whole
        self._next = 0  # block
        self._position = 0
        self._held = bytearray()  # the content before the position that the next block needs

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer; return how many bytes were written, as the stream does."""
        count = self._stream.readinto(buffer)
        if self._plan.starts:
            self._take(buffer[:count])
        else:
            self._size += len(self._deflate.compress(buffer[:count]))
        self._position += count
        return count

    def _take(self, content: memoryview) -> None:
        """Measure the blocks that end in the content, which begins at the position."""
        end, blocks = self._position + len(content), len(self._plan.starts)
        if self._next == blocks or self._plan.span_of(self._next)[0] >= end:
            self._held.clear()
            return
        self._held += content
        held_start = end - len(self._held)
        while self._next < blocks and (span := self._plan.span_of(self._next))[2] <= end:
            self._compressor.add(self._next, self._held[span[0] - held_start : span[2] - held_start])
            self._next += 1
        del self._held[: -WINDOW - BLOCK_SIZE]

    def estimate(self) -> SizeEstimate | None:
        """The estimate, after all of the stream was read; None if the stream has another size than the plan."""
        if self._position != self._plan.size:
            return None
        if self._plan.starts:
            return combine(self._plan, [self._compressor.measurement])
        return SizeEstimate(self._size + len(self._deflate.flush()), 0.0)
