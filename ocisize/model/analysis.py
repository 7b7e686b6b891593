"""Analysis and its parts: the frozen values that every report is made from. Their figures are those of ``Sizes``."""

from __future__ import annotations

import math

from ocisize.errors import IncompleteAnalysis
from ocisize.model.base import BaseSplit
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Advice
from ocisize.model.packages import Inventory
from ocisize.model.plan import Plan
from ocisize.model.provenance import Provenance, SourceLines
from ocisize.model.sizes import Groups, Sizes
from ocisize.model.system import System
from ocisize.model.tool_sizes import LayerOnDisk
from ocisize.model.waste import WasteTable
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.text import name_input
from ocisize.values import field, frozen

FOREIGN = "foreign"  #: ``LayerFailure.step`` of a layer that is distributed elsewhere and could not be had


@frozen
class LayerFailure:
    """Why a layer could not be read."""

    step: str  #: ``foreign``, ``fetch``, ``verify``, ``decompress``, ``unpack``, ``limit``, or ``read`` for anything else
    error: str  #: the message of the error


@frozen
class TableOfContents:
    """The table of contents that a layer was read from: the stored bytes of its files were not read.

    The author of a verified one is that of the manifest, which has its digest: nothing proves that the layer has the same
    files. One that is not verified is from anyone who may push to the repository.
    """

    format: str  #: ``estargz``, ``zstd:chunked`` or ``soci``
    verified: bool  #: it has the digest that the manifest of the image names; False for a SOCI index of version 1
    read_size: int  #: bytes that were read in place of the layer: the table, and package databases


@frozen(kw_only=True)
class LayerAnalysis(Sizes):
    """The figures of a layer and its files.

    ``wasted_size`` counts the hidden bytes in this layer, ``hides_size`` the bytes that this layer hides. A layer that could
    not be read has only the facts of the manifest and the history: its file table is empty and its other figures are 0.

    >>> import ocisize
    >>> layer = ocisize.analyze("testdata/example.tar").layers[3]
    >>> str(layer.build_step), layer.content_size, layer.hides_size
    ('RUN rm -f /var/cache/apt/archives/*.deb', 0, 187084)
    """

    index: int  #: 0 at the base
    digest: str  #: of the blob
    diff_id: str | None  #: the digest of the uncompressed tar; None if the config has none
    media_type: str  #: as the manifest names it
    compression: str  #: ``gzip``, ``zstd``, ``bzip2``, ``xz`` or ``plain``; ``unknown`` if the layer could not be read
    overhead_size: int | None  #: bytes of the blob that belong to no entry; None if the blob was not read
    hides_size: int  #: bytes of content that this layer hides, in lower layers or in itself
    build_step: BuildStep  #: secrets are redacted, here and in created_by
    created_by: str  #: the text of the build step as the builder wrote it into the history
    created: str  #: RFC 3339
    build_step_certain: bool  #: False if there are more or fewer history entries than layers
    digest_verified: bool  #: True if all bytes of the blob were read and have the digest
    diff_id_verified: bool  #: True if the uncompressed tar was read and has the diff_id
    member: str | None = None  #: the layer's file within a saved image
    toc: TableOfContents | None = None  #: the table of contents that the layer was read from; None if its blob was read
    failure: LayerFailure | None = None  #: None if the layer was read
    source: SourceLines | None = None  #: the lines of the Dockerfile; None if no provenance names them
    on_disk: LayerOnDisk | None = None  #: what hosts write beside the content of files; None if the layer was not read
    #: the entries; None in an analysis that was saved without them
    files: FileTable | None = field(default=None, eq=False, repr=False)
    #: by row of ``files``: the index of the layer that hides the row, -1 if it is visible; None if ``files`` is
    hidden_by: IntArray | None = field(default=None, eq=False, repr=False)
    causes: bytes | None = field(default=None, eq=False, repr=False)  #: by row: index into ``tuple(Cause)``


@frozen(kw_only=True)
class DiveFigures:
    """The figures that dive gives for the same layers; docs/numbers.md defines them."""

    efficiency: float  #: smallest copies / all copies; counting faults of dive can make it negative
    wasted_size: int  #: bytes of all copies of the paths that are stored more than once, the live copy included
    image_size: int  #: bytes of all entries of all layers
    user_size: int  #: the same of all layers but the first
    layer_sizes: tuple[int, ...]  #: per layer, base first

    @property
    def user_wasted_ratio(self) -> float:
        """``wasted_size / user_size`` as Go divides: NaN for 0 / 0, infinity for any other / 0. May exceed 1."""
        if self.user_size:
            return self.wasted_size / self.user_size
        return math.inf if self.wasted_size else math.nan


@frozen(kw_only=True)
class Analysis(Sizes):
    """The sizes of an image, its layers and its waste, with advice.

    ``layers`` are in order, base first; ``waste`` is sorted by size, largest first.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> analysis.platform, analysis.content_size == analysis.live_size + analysis.wasted_size
    ('linux/amd64', True)
    """

    source: str  #: the input as the user gave it
    #: ``registry``, ``docker-archive``, ``oci-archive``, ``oci-layout``, ``dir``, ``rootfs``,
    #: ``containers-storage``, ``containerd``, ``docker-store`` or ``custom``
    format: str
    reference: str | None  #: the image's name, None if it has none
    platform: str  #: ``linux/amd64``; ``unknown`` if neither index nor config names it
    digest: str | None  #: of the manifest; None if the input has no manifest
    config_digest: str  #: of the config, which is Docker's image ID
    media_type: str  #: of the manifest
    created: str  #: RFC 3339, "" if unknown
    manifest_size: int | None  #: bytes; None if the input has no manifest
    config_size: int  #: bytes
    layers: tuple[LayerAnalysis, ...]  #: base first
    waste: WasteTable  #: the files that no container sees, largest first
    advice: Advice = field(factory=Advice)  #: what could be better
    plan: Plan = field(factory=Plan)  #: what to change in the build, and what that saves
    base: BaseSplit | None = None  #: None if no base image is known
    system: System = field(factory=System)  #: the distribution, its packages and the runtimes
    mirror: str | None = None  #: the reference that the image was read from, None if that is ``reference``
    unverified_hosts: tuple[str, ...] = ()  #: registries whose identity was not verified, by options or settings
    warnings: tuple[str, ...] = ()  #: what the user should know about how the image was read
    dive: DiveFigures | None = None  #: the figures of dive; None if a layer could not be read
    groups: Groups | None = None  #: content by directory, file type and build step; a saved analysis may lack it
    packages: Inventory | None = None  #: the bytes of each package; None if the analysis was made without ``packages``
    config_layers: int | None = None  #: how many layers the config lists if the manifest lists more or fewer, else None
    provenance: Provenance | None = None  #: the attestation of the build; None if there is none, or if it was not read

    @property
    def unread(self) -> tuple[LayerAnalysis, ...]:
        """The layers that could not be read."""
        return tuple(layer for layer in self.layers if layer.failure is not None)

    @property
    def complete(self) -> bool:
        """Whether all layers could be read; if not, all figures but ``compressed_size`` leave out the unread layers."""
        return not self.unread

    @property
    def lacks_only_foreign(self) -> bool:
        """Whether all unread layers are foreign ones: the source has all that it should, so the analysis did not fail."""
        return all(layer.failure is not None and layer.failure.step == FOREIGN for layer in self.unread)

    @property
    def layer_mismatch(self) -> str:
        """How many layers the config and the manifest list, "" if as many: which layers the image has is then unknown."""
        count = self.config_layers
        if count is None:  # analyses saved by older versions have no count
            count = len(self.layers) - sum(layer.diff_id is None for layer in self.layers)
        return "" if count == len(self.layers) else f"the config lists {count} layers, the manifest {len(self.layers)}"


def require_complete(analysis: Analysis) -> None:
    """Raise IncompleteAnalysis if a layer could not be read, or if config and manifest list different numbers of layers."""
    if not analysis.complete or analysis.layer_mismatch:
        unread = [layer.index for layer in analysis.unread]
        reason = "" if unread else analysis.layer_mismatch
        if unread and analysis.lacks_only_foreign:
            reason = f"its foreign layers were not read: {', '.join(map(str, unread))}"
        raise IncompleteAnalysis(name_input(analysis.source), unread, reason)
