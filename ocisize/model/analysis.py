"""Analysis and its parts: the frozen values that every report is made from.

All sizes are integers of bytes, all ratios lie in 0..1. Their definitions:

compressed_size
    what a client with nothing cached downloads: the sum of the layers' descriptor sizes, a blob that stands in several
    layers once ("wire"). None where the saved form does not tell: plain layers of a docker-archive.
tar_size
    length of the uncompressed tar streams.
content_size
    payload of the regular files stored in the layers, dead ones included, hard links 0.
live_size
    payload visible in the merged filesystem, an inode with several names counted once.
disk_size
    what a node's snapshots take: every stored file rounded up to blocks of 4 KiB.
wasted_size
    ``content_size - live_size``: shipped bytes that no container can see.
wasted_compressed_size
    the share of ``compressed_size`` that the wasted entries cost.
duplicate_size
    visible bytes whose content is visible at another path too; not waste, and counted once less than they stand.
efficiency
    ``1 - wasted_size / content_size``; 1.0 for an empty image.
"""

from __future__ import annotations

import enum
import math
from array import array
from collections.abc import Iterator, Sequence
from typing import overload

import attrs

from ocisize.analysis.base import Base
from ocisize.analysis.findings import Advice
from ocisize.files import FileTable, IntArray


class Cause(str, enum.Enum):
    """Why stored bytes cannot be seen."""

    OVERWRITTEN = "overwritten"  #: an upper layer has something else at the path, or at a directory above it
    METADATA_ONLY = "metadata-only"  #: an upper layer stores the same content again, for its owner, mode or time
    DELETED = "deleted"  #: a whiteout in an upper layer
    OPAQUE = "opaque"  #: an upper layer replaces the directory as a whole
    DUPLICATE_ENTRY = "duplicate-entry"  #: a later entry of the same layer has the path
    UNREACHABLE = "unreachable"  #: never part of a filesystem: bytes in whiteout markers, paths out of the root

    def __str__(self) -> str:
        return self.value


CAUSES = tuple(Cause)


@attrs.frozen
class WastedEntry:
    """A stored file that no container can see."""

    path: str
    size: int
    compressed_size: int | None
    cause: Cause
    held_by: int  #: index of the layer that stores it
    hidden_by: int  #: index of the layer that hides it


@attrs.frozen
class WasteTable(Sequence[WastedEntry]):
    """All wasted entries, largest first, ties by path and layer; entries are made on demand."""

    paths: list[str] = attrs.field(factory=list)
    sizes: IntArray = attrs.field(factory=lambda: array("q"))
    compressed_sizes: IntArray = attrs.field(factory=lambda: array("q"))  #: -1 where unknown
    causes: bytearray = attrs.field(factory=bytearray)  #: index into CAUSES
    held_by: IntArray = attrs.field(factory=lambda: array("i"))
    hidden_by: IntArray = attrs.field(factory=lambda: array("i"))

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> WastedEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[WastedEntry]: ...
    def __getitem__(self, index: int | slice) -> WastedEntry | list[WastedEntry]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        compressed = self.compressed_sizes[index]
        return WastedEntry(
            self.paths[index],
            self.sizes[index],
            compressed if compressed >= 0 else None,
            CAUSES[self.causes[index]],
            self.held_by[index],
            self.hidden_by[index],
        )

    def __iter__(self) -> Iterator[WastedEntry]:
        return (self[row] for row in range(len(self)))

    def append(self, entry: WastedEntry) -> None:
        """Add an entry at the end; only while a table is being built."""
        self.paths.append(entry.path)
        self.sizes.append(entry.size)
        self.compressed_sizes.append(-1 if entry.compressed_size is None else entry.compressed_size)
        self.causes.append(CAUSES.index(entry.cause))
        self.held_by.append(entry.held_by)
        self.hidden_by.append(entry.hidden_by)


@attrs.frozen(kw_only=True)
class Sizes:
    """The figures that an image and each of its layers have; see the module's definitions."""

    compressed_size: int | None
    tar_size: int
    content_size: int
    live_size: int
    disk_size: int
    wasted_size: int
    wasted_compressed_size: int | None
    duplicate_size: int
    file_count: int  #: regular files stored; hard links and whiteout markers are none
    entry_count: int  #: tar entries of any kind

    @property
    def wasted_ratio(self) -> float:
        """``wasted_size / content_size``, 0.0 where there is no content."""
        return self.wasted_size / self.content_size if self.content_size else 0.0

    @property
    def efficiency(self) -> float:
        """``1 - wasted_size / content_size``, 1.0 where there is no content."""
        return 1 - self.wasted_ratio


@attrs.frozen
class Failure:
    """Why a layer could not be read."""

    step: str  #: ``fetch``, ``verify``, ``decompress``, ``unpack``, ``limit`` or, of anything else, ``read``
    error: str


@attrs.frozen(kw_only=True)
class LayerAnalysis(Sizes):
    """A layer's figures; its wasted bytes are those it holds, ``hides_size`` those it makes others waste.

    Of one that could not be read only what manifest and history say is known: its table is empty, other figures are 0.
    """

    index: int
    digest: str
    diff_id: str | None
    media_type: str
    compression: str  #: ``gzip``, ``zstd`` or ``plain``
    overhead_size: int | None  #: part of compressed_size that belongs to no entry
    hides_size: int  #: bytes of content, in lower layers or its own, that this layer hides
    instruction: str  #: the build step in Dockerfile words, "" when unknown; secrets are redacted, here and below
    created_by: str  #: the build step as the config's history has it
    created: str
    instruction_certain: bool  #: False when history and layers do not pair up by count
    digest_verified: bool
    diff_id_verified: bool
    member: str | None = None  #: the file of a saved image that holds the layer
    failure: Failure | None = None  #: None where the layer was read
    files: FileTable | None = attrs.field(default=None, eq=False, repr=False)
    #: beside ``files``, by row: index of the layer that hides it, -1 while visible; None like ``files``
    hidden_by: IntArray | None = attrs.field(default=None, eq=False, repr=False)
    causes: bytes | None = attrs.field(default=None, eq=False, repr=False)  #: why, index into CAUSES; only where hidden


@attrs.frozen(kw_only=True)
class Group:
    """Stored entries that belong together, added up; what stands in a repeated blob costs the wire once."""

    name: str | None  #: None of what other groups leave
    content_size: int
    wasted_size: int
    compressed_size: int | None  #: without the part of the blobs that belongs to no entry
    wasted_compressed_size: int | None
    file_count: int

    @property
    def live_size(self) -> int:
        """``content_size - wasted_size``."""
        return self.content_size - self.wasted_size


@attrs.frozen(kw_only=True)
class Groups:
    """Where an image's bytes are, in three divisions of the whole: each adds up to ``content_size``.

    Groups stand largest first; the last one of each, without a name, is all that the others leave.
    A directory is named as a glob: ``/usr/lib/`` is everything below it, ``/usr/lib/*`` what is directly in it.
    """

    directories: tuple[Group, ...]
    file_types: tuple[Group, ...]
    instructions: tuple[Group, ...]


@attrs.frozen
class BaseSplit:
    """The base image, and what is its and what was built on it; the two add up to the image's figures.

    A blob that stands in both is downloaded for what was built on the base. The figures are None where only the base's
    name is known.
    """

    found: Base
    base: Sizes | None = None
    own: Sizes | None = None


@attrs.frozen
class OperatingSystem:
    """What os-release says; see https://www.freedesktop.org/software/systemd/man/latest/os-release.html."""

    id: str  #: ``debian``, ``alpine`` …
    name: str  #: for people
    version: str  #: "" where there is none


@attrs.frozen
class Runtime:
    """A language runtime, by its program."""

    name: str  #: as in ``ocisize/figures/runtimes.toml``; ``static`` or ``native`` for a program of the image's own
    title: str
    version: str  #: as far as paths and environment tell, else ""
    path: str
    layer: int  #: that brings it


@attrs.frozen(kw_only=True)
class System:
    """What kind of system an image holds, as far as names and package databases tell."""

    os: OperatingSystem | None = None
    package_manager: str | None = None  #: ``dpkg``, ``apk`` or ``rpm``
    packages: int | None = None  #: installed packages; None without a database that can be read
    libc: str | None = None  #: ``glibc`` or ``musl``
    runtimes: tuple[Runtime, ...] = ()


@attrs.frozen(kw_only=True)
class DiveFigures:
    """What dive says of the same layers; its own definitions, see ``ocisize.analysis.dive``."""

    efficiency: float  #: smallest copies / all copies; counting faults of dive can make it negative
    wasted_size: int  #: bytes of all copies of the paths that stand more than once, the live one included
    image_size: int  #: bytes of all entries of all layers
    user_size: int  #: the same of all layers but the first
    layer_sizes: tuple[int, ...]  #: per layer, base first

    @property
    def user_wasted_ratio(self) -> float:
        """``wasted_size / user_size`` as Go divides: NaN for 0 / 0, infinity for any other / 0. May exceed 1."""
        if self.user_size:
            return self.wasted_size / self.user_size
        return math.inf if self.wasted_size else math.nan


@attrs.frozen(kw_only=True)
class Analysis(Sizes):
    """What an image weighs and wastes. Layers stand base first, waste largest first."""

    source: str  #: the input as it was given
    format: str  #: ``registry``, ``docker-archive``, ``oci-archive``, ``oci-layout`` or ``custom``
    reference: str | None  #: the image's name where it has one
    platform: str
    digest: str | None  #: of the manifest; None where the saved form has none
    config_digest: str
    media_type: str
    created: str
    manifest_size: int | None
    config_size: int
    layers: tuple[LayerAnalysis, ...]
    waste: WasteTable
    advice: Advice = attrs.field(factory=Advice)
    base: BaseSplit | None = None  #: None where nothing tells of a base image
    system: System = attrs.field(factory=System)
    warnings: tuple[str, ...] = ()
    dive: DiveFigures | None = None  #: None in an analysis saved before there were any
    groups: Groups | None = None  #: None in an analysis saved before there were any

    @property
    def unread(self) -> tuple[LayerAnalysis, ...]:
        """The layers that could not be read."""
        return tuple(layer for layer in self.layers if layer.failure is not None)

    @property
    def complete(self) -> bool:
        """Whether all layers could be read; if not, all but ``compressed_size`` is of the others alone."""
        return not self.unread
