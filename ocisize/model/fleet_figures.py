"""The figures of a fleet: what its images share, what each of them costs, and what deleting some of them frees.

All sizes are bytes as stored, of manifests, configs, layers and everything else that a root reaches. A blob counts once in
each store. ``docs/fleet.md`` defines the figures.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from ocisize.model.fleet import Fleet, FleetLayer
from ocisize.values import frozen


@frozen(kw_only=True)
class RootFigures:
    """What a root costs, alone and with the others of its store."""

    root: int  #: index in ``Fleet.roots``
    total_size: int  #: of all blobs that the root reaches
    unique_size: int  #: of those that no other root of the store reaches: what deleting the root frees
    amortised_size: int
    """The root's part of the store: each blob is split evenly among the roots that reach it. The parts of all roots of a
    store add up to what the store holds; each differs from the exact fraction by less than a byte."""
    marginal_pull_size: int
    """What a host that has all other images downloads: the layers that no image of another root has, of any store. Of an
    index the most that one of its images needs."""
    closest: int | None = None  #: index of the root that shares the most bytes with this one; None if none shares any
    closest_size: int = 0  #: bytes that both reach

    @property
    def shared_size(self) -> int:
        """``total_size - unique_size``: what other roots of the store reach, too."""
        return self.total_size - self.unique_size


class GroupKind(str, enum.Enum):
    """What the roots of a group have in common."""

    STORE = "store"  #: a registry, or a saved file
    REPOSITORY = "repository"  #: of a registry; what is no registry is its own repository
    LABEL = "label"  #: that the list of references gives: a team, a namespace
    NODE = "node"  #: of a cluster that runs the image


@frozen(kw_only=True)
class GroupFigures:
    """The figures of all roots of a store, a repository, a label or a node."""

    kind: GroupKind  #: what the roots have in common
    name: str  #: "" for references without a label or a node
    references: int  #: in the repository; of other kinds all that name roots of the group
    roots: int  #: how many
    logical_size: int  #: sum of ``total_size``
    stored_size: int  #: of the distinct blobs of the group in each store
    unique_size: int  #: what deleting all references of the group frees; other groups may have references of the same root
    amortised_size: int  #: sum of ``amortised_size``; that of a root in several groups is split evenly among these


@frozen
class SharedPair:
    """Two roots of a store, and what both reach."""

    first: int  #: index in ``Fleet.roots``, the lower one
    second: int  #: index in ``Fleet.roots``, the higher one
    size: int  #: bytes


@frozen
class SharingMatrix:
    """What each two of the largest roots share."""

    roots: Sequence[int]  #: indexes in ``Fleet.roots``, the largest first
    sizes: Sequence[Sequence[int]]  #: a row for each root: bytes that it shares with each; with itself its total size


@frozen
class SharingCount:
    """How many layers a number of roots of a store reach."""

    roots: int  #: that reach each of the layers
    layers: int  #: distinct blobs of layers
    size: int  #: bytes of these


@frozen
class LayerCount:
    """How many images have a number of layers."""

    layers: int  #: of each of the images
    images: int  #: distinct manifests


@frozen
class SizeSpread:
    """The sizes of many things; percentiles are sizes of one of them (nearest rank)."""

    count: int  #: how many things
    smallest: int  #: bytes, as all that follow
    median: int  #: of as many smaller as larger ones
    p90: int  #: at least as large as 90 % of all
    p99: int  #: at least as large as 99 % of all
    largest: int  #: of the largest one
    total: int  #: of all together


class NameOrigin(str, enum.Enum):
    """What names the images of a family."""

    MEMBER = "member"  #: an image of the fleet has exactly the layers of the family
    LABEL = "label"  #: annotations or labels of all images of the family name it as their base
    NONE = ""  #: nothing does


@frozen(kw_only=True)
class Family:
    """Images whose lowest layers have the same diff_ids in the same order.

    Families are nested: a family inside another has more layers in common, and fewer images.
    """

    parent: int | None  #: index in ``FleetFigures.families``; None for an outermost family
    depth: int  #: layers that all images have in common
    layers: Sequence[FleetLayer]  #: those of them that the parent has not, base first; as one of the images has them
    size: int  #: bytes of the ``depth`` layers, as one of the images has them
    own_size: int  #: bytes of ``layers``
    chain_id: str  #: of the ``depth`` layers, as engines on hosts know them
    images: int  #: distinct manifests
    roots: int  #: that have one of the images
    examples: Sequence[int]  #: indexes in ``Fleet.roots`` of the first roots
    name: str = ""  #: of the base image, "" if unknown
    named_by: NameOrigin = NameOrigin.NONE  #: where the name is from


@frozen
class TwinBlob:
    """One of several blobs with the same tar."""

    digest: str  #: of the blob
    size: int  #: bytes of the blob
    media_type: str  #: as a manifest names it
    roots: int  #: that reach it


@frozen
class Twins:
    """Blobs of a store that have the same diff_id: one layer, compressed several times, stored and downloaded as often."""

    store: int  #: index in ``Fleet.stores``
    diff_id: str  #: as the configs say; no layer was read
    blobs: Sequence[TwinBlob]  #: the one that most roots reach first

    @property
    def excess_size(self) -> int:
        """The bytes that a store saves at least if it keeps one of the blobs."""
        sizes = [blob.size for blob in self.blobs]
        return sum(sizes) - max(sizes)


@frozen(kw_only=True)
class Freed:
    """What deleting references frees once the store collects garbage."""

    references: Sequence[str]  #: that are deleted
    roots: Sequence[int]  #: indexes in ``Fleet.roots`` of those that no reference names afterwards
    size: int  #: bytes of the blobs that only these roots reach
    size_if_untagged_stay: int
    """The same where garbage collection keeps manifests without a tag: the images of a deleted index then stay, as in
    docker-registry without ``--delete-untagged``."""


@frozen(kw_only=True)
class Deletions:
    """A set of references whose deletion frees much; ``find_deletions`` says how close to the most."""

    references: Sequence[str]  #: in the order in which they were chosen
    gains: Sequence[int]  #: bytes that each of them frees beside those before it
    freed: Freed  #: by all of them together


@frozen(kw_only=True)
class FleetFigures:
    """The figures of a fleet; ``measure_fleet`` makes them."""

    fleet: Fleet  #: the documents that the figures are of
    roots: Sequence[RootFigures]  #: one for each of ``Fleet.roots``, in their order
    references: int  #: names of roots
    images: int  #: distinct manifests of images
    blobs: int  #: distinct blobs and manifests, in each store
    layers: int  #: distinct blobs of layers, in each store
    logical_size: int  #: sum of the ``total_size`` of all roots: what lists of images add up to
    stored_size: int  #: of the distinct blobs: what the stores hold of these roots
    unique_size: int  #: sum of the ``unique_size`` of all roots; deleting them together frees more
    groups: Sequence[GroupFigures]  #: of all kinds, those with the most amortised bytes first
    sharing: Sequence[SharingCount]  #: by ascending number of roots
    layer_counts: Sequence[LayerCount]  #: by ascending number of layers
    layer_sizes: SizeSpread  #: of distinct blobs of layers
    image_sizes: SizeSpread  #: of distinct images: manifest, config and layers
    pairs: Sequence[SharedPair]  #: each root with the one that shares the most with it, the most bytes first
    matrix: SharingMatrix  #: of the largest roots
    families: Sequence[Family]  #: of two images or more, those with the most images first
    twins: Sequence[Twins]  #: those that cost the most first

    @property
    def sharing_ratio(self) -> float | None:
        """``logical_size / stored_size``; None for a fleet without blobs."""
        return self.logical_size / self.stored_size if self.stored_size else None

    @property
    def twins_size(self) -> int:
        """The bytes that the stores save at least if they keep one blob for each diff_id."""
        return sum(twins.excess_size for twins in self.twins)

    @property
    def dangling_size(self) -> int | None:
        """Bytes that no reference reaches. None, for unknown: the API of registries does not list them."""
        return None

    def of_kind(self, kind: GroupKind) -> Sequence[GroupFigures]:
        """Return the groups of one kind."""
        return [group for group in self.groups if group.kind is kind]
