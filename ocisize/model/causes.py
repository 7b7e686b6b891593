"""Causes of a difference between two images: packages that changed, and what made layers be built again."""

from __future__ import annotations

import enum

from ocisize.model.file_changes import SizeGrowth
from ocisize.model.sizes import weight_of
from ocisize.values import frozen


@frozen(kw_only=True)
class PackageChange(SizeGrowth):
    """A package whose files differ in one layer, with the sizes of these files; 0 on a side that does not have them."""

    ecosystem: str  #: as ``Package`` has it: ``deb``, ``rpm``, ``python``, …
    name: str  #: as the ecosystem compares names
    before_version: str | None  #: in the layer, or else in the image; None if it is not there, not known or not the only one
    after_version: str | None  #: the same in AFTER
    before: int | None  #: index of the layer in BEFORE, None if it has none
    after: int | None  #: index of the layer in AFTER, None if it has none
    file_count: int  #: number of files that differ
    before_size: int  #: bytes of content in BEFORE
    after_size: int  #: bytes of content in AFTER
    before_compressed_size: int | None  #: bytes of download of BEFORE, None if unknown
    after_compressed_size: int | None  #: bytes of download of AFTER, None if unknown

    @property
    def weight(self) -> int:
        """``compressed_growth``, or ``growth`` if that is None."""
        return weight_of(self.compressed_growth, self.growth)


class CauseKind(str, enum.Enum):
    """Why layers whose files are mostly the same are downloaded again."""

    BASE = "base"  #: the base image changed
    LAYER = "layer"  #: a lower layer changed
    REBUILD = "rebuild"  #: no files changed, only timestamps or their order
    COMPRESSION = "compression"  #: the tars are the same, compressed differently

    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class DownloadCause:
    """Why a host with BEFORE downloads layers again, in words: it completes "because …"."""

    kind: CauseKind  #: what changed
    text: str  #: the words
    layer: int | None  #: index of the layer that changed first; in BEFORE if AFTER does not have it
    layers: tuple[int, ...]  #: indexes, in AFTER: the layers that are downloaded again
    size: int  #: bytes of content of these layers
    compressed_size: int | None  #: bytes of their download, None if unknown
