"""UpdateHistory and its parts: what hosts download when the releases of an image follow each other.

A release is an image of one digest, whatever number of tags it has. An update leads from one release to another; the host
has the blobs of the older one and nothing else. All sizes are bytes of download. Stores use layers again in two ways:

by blob
    containerd and podman use a layer again wherever the older release has its blob.
by chain
    the classic store of docker (overlay2) uses a layer again only if this layer and all layers below it are equal:
    ``layerStore.Get(ChainID)`` in ``distribution/xfer/download.go`` of github.com/moby/moby.

podman downloads the config again even if the older release has an equal one, which is rare. A layer that is compressed in
another way is held for podman if the machine has seen both blobs before.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from ocisize.model.build_step import BuildStep
from ocisize.model.comparison import LayerStatus
from ocisize.model.fleet import Blob, FleetFailure
from ocisize.model.update_advice import UpdateAdvice
from ocisize.values import frozen


class ReleaseOrder(str, enum.Enum):
    """What releases are sorted by."""

    VERSION = "version"  #: the numbers in their tags
    CREATED = "created"  #: the time in their configs
    GIVEN = "given"  #: the order of the input

    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class ReleaseLayer:
    """A layer of a release, as its documents describe it."""

    index: int  #: 0 at the base
    digest: str  #: of the blob
    diff_id: str | None  #: of the uncompressed tar; None if the config has none
    size: int  #: bytes of the blob
    build_step: BuildStep  #: secrets are redacted

    @property
    def compressed_size(self) -> int:
        """``size``, under the name that layers of analyses have."""
        return self.size


@frozen(kw_only=True)
class Release:
    """An image of one digest, with the tags that name it. ``make_release`` makes one of an outline."""

    name: str  #: the most exact of ``names``, which ``open_source`` opens
    names: Sequence[str]  #: references that name the digest, as the input gave them
    select: str | None = None  #: which image of a file or folder ``name`` means, as ``open_source`` takes it
    digest: str  #: of the manifest; of the config if the input has no manifest
    platform: str  #: ``linux/amd64``
    created: str = ""  #: RFC 3339, "" if unknown
    documents: Sequence[Blob] = ()  #: index, manifest and config, as far as their sizes are known
    layers: Sequence[ReleaseLayer]  #: base first
    base_layers: int = 0  #: how many of the lowest layers are those of the base image; 0 if that is unknown

    @property
    def document_size(self) -> int:
        """Bytes of the index, the manifest and the config."""
        return sum({blob.digest: blob.size for blob in self.documents}.values())

    @property
    def layer_size(self) -> int:
        """Bytes of the layers, a repeated blob once."""
        return sum({layer.digest: layer.size for layer in self.layers}.values())

    @property
    def size(self) -> int:
        """Bytes that a host downloads which has nothing."""
        return self.document_size + self.layer_size


@frozen(kw_only=True)
class UpdateLayer:
    """A layer of the newer release of an update."""

    index: int  #: in the newer release
    track: int  #: index in ``UpdateHistory.tracks``
    status: LayerStatus  #: ``shared``, ``recompressed``, ``rebuilt``, ``changed`` or ``added``
    size: int  #: bytes of the blob
    by_blob: bool  #: downloaded by blob
    by_chain: bool  #: downloaded by chain
    is_compared: bool = False  #: its files were compared with those of the older release
    #: index of the layer that causes the download by blob: itself if it changed, else the lowest that is downloaded; None
    #: without a download. A layer above the lowest counts as unchanged if its files were not compared and its text is equal.
    caused_by: int | None = None

    @property
    def is_unchanged(self) -> bool:
        """True if the content is known to be that of the older release."""
        return self.status in (LayerStatus.SHARED, LayerStatus.RECOMPRESSED, LayerStatus.REBUILT)


@frozen(kw_only=True)
class Update:
    """What a host downloads that has one release and pulls another one."""

    before: int  #: index of the older release
    after: int  #: index of the newer release
    document_size: int  #: bytes of index, manifest and config that the older release does not have
    layers: Sequence[UpdateLayer]  #: of the newer release, base first
    removed: int = 0  #: number of layers that only the older release has
    #: bytes of files that the older release does not have, as shares of the blobs; None if the layers were not read
    changed_size: int | None = None

    @property
    def by_blob_size(self) -> int:
        """Bytes of download by blob, documents included."""
        return self.document_size + sum(layer.size for layer in self.layers if layer.by_blob)

    @property
    def by_chain_size(self) -> int:
        """Bytes of download by chain, documents included."""
        return self.document_size + sum(layer.size for layer in self.layers if layer.by_chain)

    @property
    def cause(self) -> int | None:
        """Index of the lowest layer that is downloaded by blob; None if none is."""
        return next((layer.index for layer in self.layers if layer.by_blob), None)

    @property
    def chain_cause(self) -> int | None:
        """Index of the lowest layer that is downloaded by chain; None if none is."""
        return next((layer.index for layer in self.layers if layer.by_chain), None)

    @property
    def above_count(self) -> int:
        """Number of other layers whose download ``cause`` causes."""
        return sum(layer.caused_by == self.cause is not None for layer in self._others)

    @property
    def above_size(self) -> int:
        """Bytes of other layers whose download ``cause`` causes."""
        return sum(layer.size for layer in self._others if layer.caused_by == self.cause is not None)

    @property
    def _others(self) -> list[UpdateLayer]:
        return [layer for layer in self.layers if layer.by_blob and layer.index != self.cause]

    @property
    def other_causes(self) -> tuple[int, ...]:
        """Indexes of the layers besides ``cause`` that cause their own download, base first."""
        return tuple(layer.index for layer in self._others if layer.caused_by == layer.index)

    @property
    def unchanged_size(self) -> int:
        """Bytes by blob of layers whose content is known to be that of the older release."""
        return sum(layer.size for layer in self.layers if layer.by_blob and layer.is_unchanged)

    @property
    def is_compared(self) -> bool:
        """True if it is known of each downloaded layer whether its content changed."""
        return all(
            layer.is_compared or layer.is_unchanged or layer.status is LayerStatus.ADDED
            for layer in self.layers
            if layer.by_blob
        )


@frozen(kw_only=True)
class TrackedLayer:
    """A layer followed from release to release: by digest, by diff_id, or by its build step."""

    build_step: BuildStep  #: of the newest release that has the layer
    releases: Sequence[int]  #: indexes of the releases that have it, ascending
    sizes: Sequence[int]  #: bytes of the blob in each of ``releases``
    indexes: Sequence[int]  #: position in each of ``releases``, 0 at the base
    digests: int  #: number of distinct blobs
    downloads: int  #: number of updates that download it by blob
    downloaded_size: int  #: bytes of these downloads
    causes: int  #: number of updates in which it causes downloads
    caused_size: int  #: bytes of the downloads that it causes, its own included
    unchanged_size: int  #: the part of ``downloaded_size`` whose content is known not to have changed
    changes: int | None  #: number of updates that change its content; None if that is not known of all
    is_base: bool = False  #: a layer of the base image

    @property
    def index(self) -> int:
        """Position in the newest release that has the layer."""
        return self.indexes[-1]


@frozen
class UpdateSums:
    """Figures over some updates, in bytes; 0 without updates."""

    count: int  #: number of updates
    total: int  #: the sum
    mean: float  #: ``total / count``
    p95: int  #: the smallest size that at least 95 % of the updates do not exceed
    largest: int  #: the largest size
    share: float  #: ``total``, per bytes of the releases that the updates lead to


@frozen
class SkippedUpdates:
    """What hosts download that install every ``step``-th release, over all releases they may begin with."""

    step: int  #: 1 for hosts that install every release
    by_blob: UpdateSums  #: of the updates from each release to the ``step``-th after it
    by_chain: UpdateSums  #: the same by chain

    @property
    def size_per_release(self) -> float:
        """Bytes by blob for each release that passes: ``by_blob.mean / step``."""
        return self.by_blob.mean / self.step


@frozen(kw_only=True)
class UpdateHistory:
    """The releases of an image in order, and the updates between them. ``measure_updates`` makes one."""

    releases: Sequence[Release]  #: oldest first
    order: ReleaseOrder  #: what ``releases`` are sorted by
    updates: Sequence[Update]  #: from each release to the next
    tracks: Sequence[TrackedLayer]  #: most bytes of download first
    by_blob: UpdateSums  #: of ``updates``
    by_chain: UpdateSums  #: of ``updates``
    skips: Sequence[SkippedUpdates] = ()  #: of 1, 2, 4 and 8 releases, as far as there are as many
    changed: UpdateSums | None = None  #: of ``Update.changed_size``; None if the layers were not read
    advice: UpdateAdvice | None = None  #: what would have saved download; None where it was not asked for
    failures: Sequence[FleetFailure] = ()  #: what could not be read
    warnings: Sequence[str] = ()  #: what the user should know about the input

    @property
    def complete(self) -> bool:
        """True if all releases that were asked for were read."""
        return not self.failures
