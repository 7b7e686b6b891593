"""Limits: how much an image may ask of its reader, and the meters that enforce the limits while layers are read.

Anybody can write an image: 130 kB of zstd unpack to 4 GiB, a tar of 10 million names to gigabytes of tables. Each limit has
a default that no honest image is known to reach and that bounds a hostile one; its error says how to raise it.

The memory law: the peak of an analysis, in bytes, and so the memory that a given peak leaves for the entries of an image.

::

    peak = BASE_MEMORY + jobs * (MEMORY_PER_JOB + zstd window)
         + times * (MEMORY_PER_ENTRY * entries + MEMORY_PER_BYTE * metadata + MEMORY_PER_KEPT_BYTE * kept)

``entries`` and ``metadata`` are the sums that a Tally counts: the entries of all layers with the directories that only paths
imply, and the bytes of paths, link targets and extended headers. ``kept`` are the bytes of small files that are kept, such
as package databases. ``times`` is 1 for an analysis and a report of its figures, and more where several images are in memory
at once or a report lists files. Sizes of layers and files are not part of the law; 4,096 layers with their build steps take
a third of BASE_MEMORY. ``tests/test_memory.py`` measures the law; benchmarks/NOTES.md has bytes per entry.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from ocisize.errors import LimitExceeded
from ocisize.values import at_least, evolve, field, frozen

_AT_LEAST_ONE = at_least(1)
BASE_MEMORY = 96 << 20  #: bytes: interpreter, modules, catalog, buffers of a report
MEMORY_PER_JOB = 12 << 20  #: bytes: a layer that is being read, with its windows, decoder and chunks for the hash
MEMORY_PER_ENTRY = 720  #: bytes of an entry, with all that is computed from it
MEMORY_PER_BYTE = 3  #: bytes of one byte of an entry's names, likewise
MEMORY_PER_KEPT_BYTE = 8  #: bytes of one byte of a kept file, with what is read from it
ROW_VALUE_OVERHEAD = 160  #: bytes of a value that a table stores by row, such as a link's target, besides its own
TIMES_TWO_IMAGES = 2  #: ``times`` of the law where images are compared, those of an index included
TIMES_EVERY_FILE = 4  #: ``times`` where a report lists every file, or every wasted one, as JSON does
TIMES_LONG_TABLES = 6  #: ``times`` where a text report lists thousands of rows, whose cells are laid out together
MAX_HOLES = 1 << 52  #: bytes of holes in all layers: they cost a reader nothing, and JSON has sums up to 2^53 exactly
_WINDOW_SHARE = 4  # divisor: the part of the memory left that zstd windows may take
_MAX_PATH = 4096  # bytes; no filesystem has longer paths, and their directories are not counted


@frozen(kw_only=True)
class Limits:
    """What one image may ask for; sizes are in bytes, and all limits at least 1.

    Layers that are read together, such as those of all images of an index, count together.

    >>> Limits(layer_size=1 << 30).layer_size
    1073741824
    """

    #: Uncompressed bytes of one layer. The largest known layers, with machine-learning models, have about 100 GB.
    layer_size: int = field(default=256 << 30, validator=_AT_LEAST_ONE)
    #: Uncompressed bytes of all layers: about a quarter of an hour of work.
    image_size: int = field(default=1 << 40, validator=_AT_LEAST_ONE)
    #: Uncompressed bytes per stored byte, of one layer and of all. Only long runs of one byte exceed 200: gzip reaches
    #: 1,032, zstd 32,000.
    ratio: int = field(default=200, validator=_AT_LEAST_ONE)
    #: Uncompressed bytes up to which the ratio is not checked: files of zeros are legal, and 16 GiB of them take 6 s. At
    #: most 1 GiB for xz and bzip2, which take ten times as long.
    ratio_floor: int = field(default=16 << 30, validator=_AT_LEAST_ONE)
    #: Entries of all layers, with their extended headers and the directories that only paths imply. Large images have
    #: 300,000; each takes ``MEMORY_PER_ENTRY``.
    entries: int = field(default=4_000_000, validator=_AT_LEAST_ONE)
    #: Bytes of all paths, their parent directories, link targets and extended attributes. A path has 75 bytes on average,
    #: and at most 65,536.
    metadata_size: int = field(default=256 << 20, validator=_AT_LEAST_ONE)
    #: Bytes of package databases and other kept files: at most 256 MiB of a layer. Large images have 20 to 200 MB.
    kept_size: int = field(default=1 << 30, validator=_AT_LEAST_ONE)
    #: Window of a zstd frame, or dictionary of an xz stream: memory of each layer that is being read. The default is that
    #: of the zstd tool; ``xz -9`` takes 64 MiB.
    zstd_window: int = field(default=128 << 20, validator=_AT_LEAST_ONE)
    #: Files of a saved image, compressed or not. An image of 4,096 layers has 12,000 in Docker's old format.
    members: int = field(default=1_000_000, validator=_AT_LEAST_ONE)
    #: Memory for the entries of all layers, by the memory law of ``ocisize.limits``; None for the limits above alone.
    memory: int | None = field(default=None, validator=at_least(1, optional=True))


#: limit → its unit in words, and the flag that raises it
_TEXTS: dict[str, tuple[str, str | None]] = {
    "layer_size": ("uncompressed bytes in one layer", "--max-layer-size"),
    "image_size": ("uncompressed bytes in all layers", None),
    "ratio": ("uncompressed bytes per stored byte", "--max-ratio"),
    "entries": ("entries in all layers, extended headers and implied directories included", "--max-entries"),
    "metadata_size": ("bytes of names, links and attributes in all layers", None),
    "kept_size": ("bytes of package databases in all layers", None),
    "zstd_window": ("bytes of window for a zstd frame", None),
    "members": ("files in the archive", None),
    "memory": ("bytes of memory for the entries of all layers", "--max-memory"),
}


def limit_error(limit: str, got: int, allowed: int, *, what: str = "") -> LimitExceeded:
    """The error for ``limit``, a field of Limits, where ``got`` is more than ``allowed``; both in the limit's unit.

    ``what`` says what is counted, if it is not what the limit is mostly for.

    >>> error = limit_error("entries", 12, 10)
    >>> print(error, "-", error.hint)  # doctest: +NORMALIZE_WHITESPACE
    more than 10 entries in all layers, extended headers and implied directories included -
    if you trust the image, raise the limit: --max-entries, or Analyzer(limits=Limits(entries=...))
    """
    text, flag = _TEXTS[limit]
    hint = f"if you trust the image, raise the limit: {f'{flag}, or ' if flag else ''}Analyzer(limits=Limits({limit}=...))"
    return LimitExceeded(f"more than {allowed} {what or text}", limit=limit, got=got, allowed=allowed, hint=hint)


class Tally:
    """The sums over all layers of an image, checked against its limits; threads may share it.

    ``stored`` is the size of the layers as stored, in bytes; None where it is not known beforehand. With ``archive`` it
    counts a compressed archive, which may be as large as all its layers, and whose entries are files of saved images.

    >>> tally = Tally(Limits(image_size=1000))
    >>> tally.add_size(600)
    >>> tally.add_size(600)
    Traceback (most recent call last):
        ...
    ocisize.errors.LimitExceeded: more than 1000 uncompressed bytes in all layers
    """

    def __init__(self, limits: Limits, stored: int | None = None, *, archive: bool = False) -> None:
        self.limits = limits
        self.stream_limit = "image_size" if archive else "layer_size"  #: the limit of a single stream, by name
        self.max_stream_size = limits.image_size if archive else limits.layer_size  #: its value, in bytes
        self._entry_limit = "members" if archive else "entries"
        self._max_entries = limits.members if archive else limits.entries
        self._max_size = limits.image_size
        self._stored, self._by_ratio = 0, False
        if stored is not None:
            self.add_stored(stored)
        self._size = self._holes = 0
        self._entries = self._metadata_size = self._kept_size = self._components = self._parents_size = 0
        self._lock = threading.Lock()

    def add_stored(self, size: int) -> None:
        """Count stored bytes that were not known beforehand: until there are some, the ratio of all layers has no limit."""
        self._stored += size
        allowed = max(self.limits.ratio_floor, self.limits.ratio * self._stored)
        self._by_ratio = allowed < self.limits.image_size
        self._max_size = min(allowed, self.limits.image_size)

    def add_size(self, size: int) -> None:
        """Count uncompressed bytes. Raises LimitExceeded."""
        with self._lock:
            self._size += size
            total = self._size
        if total > self._max_size:
            if self._by_ratio:
                raise limit_error("ratio", total // max(self._stored, 1), self.limits.ratio)
            raise limit_error("image_size", total, self._max_size)

    def add_holes(self, size: int, name: str) -> None:
        """Count the holes of the sparse file ``name``, in bytes. Raises LimitExceeded."""
        with self._lock:
            self._holes += size
            total = self._holes
        if total > MAX_HOLES:
            message = f"more than {MAX_HOLES} bytes of holes in sparse files of all layers, {name!r} included"
            raise LimitExceeded(message, limit="holes", got=total, allowed=MAX_HOLES, hint="no host has room for them")

    def add_entries(self, count: int, metadata_size: int) -> None:
        """Count entries or directories, and the bytes of their names and headers. Raises LimitExceeded."""
        with self._lock:
            self._entries += count
            self._metadata_size += metadata_size
            entries, metadata, kept = self._entries, self._metadata_size, self._kept_size
        if entries > self._max_entries:
            raise limit_error(self._entry_limit, entries, self._max_entries)
        if metadata > self.limits.metadata_size:
            raise limit_error("metadata_size", metadata, self.limits.metadata_size)
        self._check_memory(entries, metadata, kept)

    def add_kept(self, size: int) -> None:
        """Count bytes of files that are kept. Raises LimitExceeded."""
        with self._lock:
            self._kept_size += size
            entries, metadata, kept = self._entries, self._metadata_size, self._kept_size
        if kept > self.limits.kept_size:
            raise limit_error("kept_size", kept, self.limits.kept_size)
        self._check_memory(entries, metadata, kept)

    def _check_memory(self, entries: int, metadata: int, kept: int) -> None:
        memory = self.limits.memory
        used = MEMORY_PER_ENTRY * entries + MEMORY_PER_BYTE * metadata + MEMORY_PER_KEPT_BYTE * kept
        if memory is not None and used > memory:
            raise limit_error("memory", used, memory)

    def directories_may_exceed(self, components: int, parents_size: int) -> bool:
        """Cheap upper bound: True if the implied parent directories so far might exceed a limit, so a count is needed.

        The arguments are those of ``Meter.check_directories``; they are added to those of the layers before.
        """
        with self._lock:
            self._components += components
            self._parents_size += parents_size
            components, parents_size = self._components, self._parents_size
        limits = self.limits
        memory = MEMORY_PER_ENTRY * components + MEMORY_PER_BYTE * parents_size
        return (
            components > limits.entries
            or parents_size > limits.metadata_size
            or (limits.memory is not None and memory > limits.memory)
        )


class Meter:
    """Enforces the limits on one layer, or one compressed archive, while it is read.

    The arguments of its methods are totals of this layer so far; the tally gets the differences.

    >>> meter = Meter(Tally(Limits(layer_size=1000)))
    >>> meter.record_size(1000, stored=10)
    >>> meter.record_size(1001, stored=10)
    Traceback (most recent call last):
        ...
    ocisize.errors.LimitExceeded: more than 1000 uncompressed bytes in one layer
    """

    def __init__(self, tally: Tally) -> None:
        self.limits = tally.limits
        self._tally = tally
        self._max_size = tally.max_stream_size
        self._size = self._entries = self._metadata_size = 0

    def record_size(self, size: int, stored: int, *, ratio_floor: int | None = None) -> None:
        """Record that ``stored`` bytes have been decompressed to ``size`` bytes so far. Raises LimitExceeded.

        ``ratio_floor``, in bytes, lowers that of the limits.
        """
        limits, growth = self.limits, size - self._size
        self._size = size
        if size > self._max_size:
            raise limit_error(self._tally.stream_limit, size, self._max_size)
        if size > limits.ratio * stored and size > min(limits.ratio_floor, ratio_floor or limits.ratio_floor):
            raise limit_error("ratio", size // max(stored, 1), limits.ratio)
        self._tally.add_size(growth)

    def record_entries(self, entries: int, metadata_size: int) -> None:
        """Record the rows so far, and the bytes of their names and headers. Raises LimitExceeded."""
        new_entries, new_size = entries - self._entries, metadata_size - self._metadata_size
        self._entries, self._metadata_size = entries, metadata_size
        self._tally.add_entries(new_entries, new_size)

    def record_holes(self, size: int, name: str) -> None:
        """Record the holes of the sparse file ``name``, in bytes: a host has to write them. Raises LimitExceeded."""
        self._tally.add_holes(size, name)

    def record_kept(self, size: int) -> None:
        """Record a file of ``size`` bytes whose content is kept. Raises LimitExceeded."""
        self._tally.add_kept(size)

    def check_directories(self, paths: Iterable[bytes], components: int, parents_size: int) -> None:
        """Count the parent directories that a layer's paths imply, if they could exceed a limit. Raises LimitExceeded.

        ``components`` is the number of slashes in all paths. ``parents_size`` is an upper bound of the bytes of the
        parents of long paths: for each, its length times its slashes.
        """
        if not self._tally.directories_may_exceed(components, parents_size):
            return
        seen = {hash(b"")}  # hashes: the directories themselves take more memory
        previous = b""
        for path in paths:
            directory = path.rpartition(b"/")[0]
            if directory == previous or len(path) > _MAX_PATH:
                continue
            previous, count, size = directory, 0, 0
            while (value := hash(directory)) not in seen:
                seen.add(value)
                count, size = count + 1, size + len(directory)
                directory = directory.rpartition(b"/")[0]
            if count:
                self._tally.add_entries(count, size)


def limits_within(memory: int, limits: Limits, *, jobs: int, times: int = 1) -> Limits:
    """The limits, lowered so that an analysis takes at most ``memory`` bytes by the memory law.

    ``jobs`` is how many layers are read at once; ``times`` is that of the law. Raises LimitExceeded if ``memory`` is too
    little to read anything.

    >>> lowered = limits_within(512 << 20, Limits(), jobs=2)
    >>> lowered.memory >> 20, lowered.zstd_window >> 20
    (294, 49)
    """
    needed = BASE_MEMORY + jobs * (MEMORY_PER_JOB + (1 << 20))
    remaining = memory - BASE_MEMORY - jobs * MEMORY_PER_JOB
    window = min(limits.zstd_window, max(remaining, 0) // (_WINDOW_SHARE * jobs))
    remaining -= jobs * window
    if memory <= needed:
        what = f"reading {jobs} layers at once" if jobs > 1 else "reading a layer"
        raise LimitExceeded(
            f"not enough memory: {what} needs more than {needed:,} bytes, the limit is {memory:,}",
            limit="memory",
            got=needed,
            allowed=memory,
            hint="raise the limit with --max-memory" + (", or read fewer at once with --jobs" if jobs > 1 else ""),
        )
    return evolve(limits, memory=min(remaining // times, limits.memory or remaining), zstd_window=window)
