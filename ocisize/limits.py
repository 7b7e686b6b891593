"""Limits: how much an image may ask of whoever reads it, and the meters that hold layers to them while they stream.

Bytes of an image are anybody's: 130 kB of zstd unpack to 4 GiB, a tar of 10 million names to gigabytes of tables. Each
limit has a default that no honest image is known to reach and that bounds a hostile one, and says how to raise it.

The memory law: what an analysis takes at most, and what that leaves for the entries of an image.

::

    peak = BASE + jobs * (PER_JOB + zstd window) + times * (PER_ENTRY * entries + PER_BYTE * metadata)

``entries`` and ``metadata`` are what ``limits`` counts: entries of all layers with the directories that only paths name,
and bytes of paths, links' targets and extended headers. ``times`` is 1 for an analysis and a report of its figures; more
where several images are held at once or a report lists files. Sizes of layers and files are not in it.
``tests/test_memory.py`` measures it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import attrs

from ocisize.errors import LimitExceeded

_AT_LEAST_ONE = attrs.validators.ge(1)
EXTRA = 160  #: bytes that what few entries have, as a link's target, takes beside its own
PER_ENTRY, PER_BYTE = 400, 3  #: memory of an entry, and of a byte of its names, with all that is computed from them
_MAX_PATH = 4096  # longer ones are in no filesystem, and not looked into


@attrs.frozen(kw_only=True)
class Limits:
    """What one image may ask for; sizes are bytes. Layers that are read together, as those of an index, count together."""

    #: Uncompressed bytes of one layer. The largest known, with models of machine learning, have about 100 GB.
    layer_size: int = attrs.field(default=256 << 30, validator=_AT_LEAST_ONE)
    #: Uncompressed bytes of all layers: about a quarter of an hour of work.
    image_size: int = attrs.field(default=1 << 40, validator=_AT_LEAST_ONE)
    #: Uncompressed bytes per stored one, of a layer and of all. Only long runs of one byte get beyond 200: gzip gives up
    #: to 1032, zstd 32,000.
    ratio: int = attrs.field(default=200, validator=_AT_LEAST_ONE)
    #: Below so many uncompressed bytes no ratio is judged: files of zeros are legal, and 16 GiB of them take 6 s.
    ratio_floor: int = attrs.field(default=16 << 30, validator=_AT_LEAST_ONE)
    #: Entries of all layers, with their extended headers and the directories that only paths name. Large images have
    #: 300,000; what each takes of memory is ``PER_ENTRY``.
    entries: int = attrs.field(default=4_000_000, validator=_AT_LEAST_ONE)
    #: Bytes of all paths, of the directories above them, of links' targets and of extended attributes. Paths have 75 bytes
    #: on average, but may have 65,536.
    metadata_size: int = attrs.field(default=256 << 20, validator=_AT_LEAST_ONE)
    #: Bytes that a zstd frame may ask to be kept: memory of each layer being read. What the zstd tool accepts by default.
    zstd_window: int = attrs.field(default=128 << 20, validator=_AT_LEAST_ONE)
    #: Files of a saved image, compressed or not. An image of 4096 layers has 12,000 as Docker once wrote it.
    members: int = attrs.field(default=1_000_000, validator=_AT_LEAST_ONE)
    #: Bytes of memory for the entries of all layers, by the law of ``ocisize.limits``; None leaves it to the limits above.
    memory: int | None = attrs.field(default=None, validator=attrs.validators.optional(_AT_LEAST_ONE))


#: limit → what is counted, and the flag that raises it
_WORDS = {
    "layer_size": ("uncompressed bytes in one layer", "--max-layer-size"),
    "image_size": ("uncompressed bytes in all layers", None),
    "ratio": ("uncompressed bytes per stored byte", "--max-ratio"),
    "entries": ("entries in all layers, extended headers and implied directories included", "--max-entries"),
    "metadata_size": ("bytes of names, links and attributes in all layers", None),
    "zstd_window": ("bytes of window for a zstd frame", None),
    "members": ("files in the archive", None),
    "memory": ("bytes of memory for the entries of all layers", "--max-memory"),
}


def exceeded(limit: str, got: int, allowed: int) -> LimitExceeded:
    """The error for a limit, a field of Limits, of which ``got`` were found."""
    what, flag = _WORDS[limit]
    hint = f"if you trust the image, raise the limit: {f'{flag}, or ' if flag else ''}Analyzer(limits=Limits({limit}=...))"
    return LimitExceeded(f"more than {allowed} {what}", limit=limit, got=got, allowed=allowed, hint=hint)


class Tally:
    """What all layers of an image have taken of its limits so far; threads share it.

    ``stored`` is how many bytes the layers have as stored, None where it is not known beforehand. An ``archive`` may be as
    large as all the layers in it, and its entries are the files of saved images.
    """

    def __init__(self, limits: Limits, stored: int | None = None, *, archive: bool = False) -> None:
        self.limits = limits
        self.one = "image_size" if archive else "layer_size"  #: limit of a single stream
        self._many = "members" if archive else "entries"
        self._most_entries: int = getattr(limits, self._many)
        self._most = limits.image_size
        self._by_ratio = False
        if stored is not None and (allowed := max(limits.ratio_floor, limits.ratio * stored)) < self._most:
            self._most, self._by_ratio = allowed, True
        self._stored = stored or 1
        self._size = self._entries = self._metadata_size = self._components = self._depth_size = 0
        self._lock = threading.Lock()

    def add_size(self, size: int) -> None:
        """Count uncompressed bytes; raises LimitExceeded."""
        with self._lock:
            self._size += size
            total = self._size
        if total > self._most:
            if self._by_ratio:
                raise exceeded("ratio", total // self._stored, self.limits.ratio)
            raise exceeded("image_size", total, self._most)

    def add_entries(self, count: int, metadata_size: int) -> None:
        """Count entries or directories, and bytes of names and headers; raises LimitExceeded."""
        with self._lock:
            self._entries += count
            self._metadata_size += metadata_size
            entries, metadata = self._entries, self._metadata_size
        if entries > self._most_entries:
            raise exceeded(self._many, entries, self._most_entries)
        if metadata > self.limits.metadata_size:
            raise exceeded("metadata_size", metadata, self.limits.metadata_size)
        memory = self.limits.memory
        if memory is not None and (taken := PER_ENTRY * entries + PER_BYTE * metadata) > memory:
            raise exceeded("memory", taken, memory)

    def directories_may_exceed(self, components: int, depth_size: int) -> bool:
        """Whether the directories of these paths, and those of all before them, could be more than allowed."""
        with self._lock:
            self._components += components
            self._depth_size += depth_size
            components, depth_size = self._components, self._depth_size
        limits = self.limits
        taken = PER_ENTRY * components + PER_BYTE * depth_size
        return (
            components > limits.entries
            or depth_size > limits.metadata_size
            or (limits.memory is not None and taken > limits.memory)
        )


class Meter:
    """Watches one layer, or one compressed archive, while it is read; what it is told are positions, not steps."""

    def __init__(self, tally: Tally) -> None:
        self.limits = tally.limits
        self._tally = tally
        self._most: int = getattr(tally.limits, tally.one)
        self._size = self._entries = self._metadata_size = 0

    def record_size(self, size: int, stored: int) -> None:
        """``size`` bytes have come out of ``stored`` ones so far; raises LimitExceeded."""
        limits, grown = self.limits, size - self._size
        self._size = size
        if size > self._most:
            raise exceeded(self._tally.one, size, self._most)
        if size > limits.ratio_floor and size > limits.ratio * stored:
            raise exceeded("ratio", size // max(stored, 1), limits.ratio)
        self._tally.add_size(grown)

    def record_entries(self, entries: int, metadata_size: int) -> None:
        """``entries`` rows have been found so far, with so many bytes of names and headers; raises LimitExceeded."""
        grown, more = entries - self._entries, metadata_size - self._metadata_size
        self._entries, self._metadata_size = entries, metadata_size
        self._tally.add_entries(grown, more)

    def check_directories(self, paths: Iterable[bytes], components: int, depth_size: int) -> None:
        """Count the directories that the paths of a layer lead through, if they could be many; raises LimitExceeded.

        ``components`` are the slashes in all paths, ``depth_size`` the slashes times the bytes of long ones.
        """
        if not self._tally.directories_may_exceed(components, depth_size):
            return
        seen = {hash(b"")}  # not the directories themselves, which take more memory
        last = b""
        for path in paths:
            at = path.rpartition(b"/")[0]
            if at == last or len(path) > _MAX_PATH:
                continue
            last, count, size = at, 0, 0
            while (value := hash(at)) not in seen:
                seen.add(value)
                count, size = count + 1, size + len(at)
                at = at.rpartition(b"/")[0]
            if count:
                self._tally.add_entries(count, size)


BASE = 96 << 20  #: interpreter, modules, catalogue, what a report is written on
PER_JOB = 12 << 20  #: a layer being read: windows, decoder, chunks on their way to the hash
TWO_IMAGES = 2  #: times, where images are compared: as those of an index
EVERY_FILE = 6  #: times, where a report lists every file, or every wasted one as JSON does
_SHARE_OF_WINDOWS = 4  # part of what is left that zstd windows may take, as a divisor


def limits_within(memory: int, limits: Limits, *, jobs: int, times: int = 1) -> Limits:
    """The limits, lowered so that an analysis takes at most ``memory`` bytes.

    Raises LimitExceeded where nothing could be read in so little.
    """
    least = BASE + jobs * (PER_JOB + (1 << 20))
    left = memory - BASE - jobs * PER_JOB
    window = min(limits.zstd_window, max(left, 0) // (_SHARE_OF_WINDOWS * jobs))
    left -= jobs * window
    if memory <= least:
        what = f"reading {jobs} layers at once" if jobs > 1 else "reading a layer"
        raise LimitExceeded(
            f"too little memory: {what} takes more than {least:,} bytes, allowed are {memory:,}",
            limit="memory",
            got=least,
            allowed=memory,
            hint="allow more with --max-memory" + (", or read fewer at once with --jobs" if jobs > 1 else ""),
        )
    return attrs.evolve(limits, memory=min(left // times, limits.memory or left), zstd_window=window)
