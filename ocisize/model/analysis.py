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

import attrs

from ocisize.model.base import BaseSplit
from ocisize.model.build_step import BuildStep
from ocisize.model.dive import DiveFigures
from ocisize.model.findings import Advice
from ocisize.model.sizes import Groups, Sizes
from ocisize.model.system import System
from ocisize.model.waste import WasteTable
from ocisize.tar.filetable import FileTable, IntArray


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
    build_step: BuildStep  #: secrets are redacted, here and in created_by
    created_by: str  #: the build step as the config's history has it
    created: str
    build_step_certain: bool  #: False when history and layers do not pair up by count
    digest_verified: bool
    diff_id_verified: bool
    member: str | None = None  #: the file of a saved image that holds the layer
    failure: Failure | None = None  #: None where the layer was read
    files: FileTable | None = attrs.field(default=None, eq=False, repr=False)
    #: beside ``files``, by row: index of the layer that hides it, -1 while visible; None like ``files``
    hidden_by: IntArray | None = attrs.field(default=None, eq=False, repr=False)
    causes: bytes | None = attrs.field(default=None, eq=False, repr=False)  #: why, index into CAUSES; only where hidden


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
