"""The figures of a fleet's files: contents stored several times, junk, secrets, packages, and what one base would save.

An image is a distinct manifest, a layer a distinct blob. What is in a layer counts once, however many images have the layer,
unless a field says otherwise. Sizes are bytes of content unless they are called compressed. ``docs/fleet.md`` defines the
figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.findings import Category
from ocisize.model.fleet_figures import FleetFigures, SizeSpread
from ocisize.values import frozen


@frozen(kw_only=True)
class Dedup:
    """How often the same things are counted at one level."""

    total_count: int  #: things, each as often as it is counted
    total_size: int  #: their bytes
    distinct_count: int  #: different things
    distinct_size: int  #: their bytes

    @property
    def count_ratio(self) -> float | None:
        """``total_count / distinct_count``; None if there is nothing."""
        return self.total_count / self.distinct_count if self.distinct_count else None

    @property
    def size_ratio(self) -> float | None:
        """``total_size / distinct_size``; None if there is nothing."""
        return self.total_size / self.distinct_size if self.distinct_size else None


@frozen(kw_only=True)
class DuplicateContent:
    """A content that layers store more than once."""

    content: str  #: content hash, xxh3-128 in hex; with ``size`` it names the content
    size: int  #: bytes of one copy
    copies: int  #: files with the content in all layers
    layers: int  #: that have a copy
    images: int  #: that have one of these layers
    paths: Sequence[str]  #: some of the paths, in the order of the layers

    @property
    def excess_size(self) -> int:
        """Bytes of all copies but one."""
        return (self.copies - 1) * self.size


@frozen(kw_only=True)
class ContentGroup:
    """The files of one type, or below one directory."""

    name: str  #: of the type; of the directory, with slashes around it: ``/usr/lib/``
    files: int  #: with content
    size: int  #: bytes of these
    excess_files: int  #: those whose content an earlier file of the fleet has, in the order of the layers
    excess_size: int  #: bytes of these


@frozen(kw_only=True)
class JunkPlace:
    """The files of one layer that a rule claims."""

    layer: str  #: its digest
    build_step: str  #: what made the layer, as the history says; shortened
    path: str  #: of the largest file
    files: int  #: regular files
    size: int  #: bytes of content
    compressed_size: int | None  #: None if unknown
    images: int  #: that have the layer
    family: int | None  #: index in ``FleetFigures.families`` of the outermost family that has it; None if none has

    @property
    def logical_size(self) -> int:
        """``size`` for each of the images."""
        return self.size * self.images


@frozen(kw_only=True)
class JunkFigures:
    """The files that one rule claims, in all layers."""

    rule: str  #: its id
    title: str  #: of the rule
    category: Category  #: of the rule
    files: int  #: regular files
    size: int  #: bytes of content
    compressed_size: int | None  #: None if that of a layer is unknown
    layers: int  #: that have such files
    images: int  #: that have one of the layers
    logical_size: int  #: ``size`` of each layer for each image that has it
    places: Sequence[JunkPlace]  #: those that cost the most over all images first; at most MAX_PLACES


@frozen(kw_only=True)
class SecretContent:
    """A file that looks like a secret; its content is never shown."""

    kind: str  #: what it looks like
    content: str  #: content hash, in hex; "" if unknown
    size: int  #: bytes of one copy
    copies: int  #: files with the content in all layers
    layers: int  #: that have a copy
    images: int  #: that have one of these layers
    paths: Sequence[str]  #: some of the paths
    roots: Sequence[int]  #: indexes in ``Fleet.roots`` of some of those that have it


@frozen(kw_only=True)
class PackageVersion:
    """One version of a package."""

    version: str  #: "" if it is not known
    images: int  #: that have it installed, or have files of it
    layers: int  #: that have files of it
    files: int  #: regular files that belong to it
    size: int  #: bytes of these


@frozen(kw_only=True)
class PackageFigures:
    """A package in all of its versions."""

    ecosystem: str  #: one of ``model.packages.ECOSYSTEMS``
    name: str  #: as the ecosystem compares names
    images: int  #: that have it installed, or have files of it
    layers: int  #: that have files of it
    files: int  #: regular files that belong to it
    size: int  #: bytes of these
    logical_size: int  #: ``size`` of each layer for each image that has it
    versions: Sequence[PackageVersion]  #: those of most images first


@frozen(kw_only=True)
class BaseVersion:
    """One of several versions of a base image."""

    name: str  #: a reference of the fleet that has exactly these layers; "" if there is none
    layers: Sequence[str]  #: digests, base first
    size: int  #: compressed bytes of the distinct ones
    images: int  #: that are built on it


@frozen(kw_only=True)
class Rebase:
    """Images whose bases are versions of one image, and what the same version for all would save."""

    name: str  #: of the base image, without a tag
    platform: str  #: of the images: ``linux/amd64``
    versions: Sequence[BaseVersion]  #: that of most images first: the one that all would have
    unshared_size: int
    """Compressed bytes of the layers of the other versions that the first one has not: not shared today, and not stored, nor
    downloaded by a host that runs all images, if all were built on it."""
    freed_size: int  #: part of ``unshared_size`` that no other image of the fleet has, the bases themselves left out
    same_content_size: int | None
    """Bytes of content of those layers that the first version has, too: the same files in other layers. None if a layer
    could not be read."""

    @property
    def moved_images(self) -> int:
        """The images that would get another base."""
        return sum(version.images for version in self.versions[1:])


@frozen(kw_only=True)
class UnreadLayer:
    """A layer that could not be read: no figure has its files."""

    layer: str  #: its digest
    size: int  #: compressed
    images: int  #: that have it
    message: str  #: why it was not read
    hint: str = ""  #: advice; "" if there is none


@frozen(kw_only=True)
class FleetFiles:
    """The figures of the files of a fleet; ``measure_fleet_files`` makes them."""

    figures: FleetFigures  #: those of the documents
    images: int  #: distinct manifests
    layers: int  #: that were read
    unread: Sequence[UnreadLayer]  #: the largest first
    entries: int  #: of all tars
    unhashed_files: int  #: files whose content is not compared, since its hash is unknown
    unhashed_size: int  #: bytes of these
    layer_level: Dedup  #: the layers of all images, and the distinct ones; compressed sizes
    image_files: Dedup  #: the files with content of all images, and their distinct contents
    layer_files: Dedup  #: the files with content of the distinct layers, and their distinct contents
    duplicate_count: int  #: contents with more than one copy
    excess_size: int  #: bytes of all copies but one of each content
    excess_across_size: int  #: likewise, where several copies in one layer count as one
    duplicates: Sequence[DuplicateContent]  #: those with the most excess bytes first
    file_types: Sequence[ContentGroup]  #: those with the most bytes first
    directories: Sequence[ContentGroup]  #: of two components at most, likewise
    junk: Sequence[JunkFigures]  #: those that cost the most over all images first
    secrets: Sequence[SecretContent]  #: those in most images first
    secret_count: int  #: distinct contents that look like secrets; more than are listed, if there are many
    packages: Sequence[PackageFigures] | None  #: those with the most bytes first; None if they were not looked for
    package_count: int  #: names of packages, more than are listed if there are many
    rebases: Sequence[Rebase]  #: those that save the most first
    files_by_layer: SizeSpread  #: regular files
    content_by_layer: SizeSpread  #: bytes of content
    files_by_image: SizeSpread  #: regular files in all layers of an image
    content_by_image: SizeSpread  #: bytes of content
    warnings: Sequence[str] = ()  #: of databases of packages, in words

    @property
    def complete(self) -> bool:
        """True if every layer was read."""
        return not self.unread
