"""OutlineComparison and its parts: how the manifest and the config of one image, BEFORE, became those of another one, AFTER.

Growth is of the download: the size of AFTER minus that of BEFORE, in bytes; None if that of one side is unknown. The growth
of the layers is that of the image: a repeated blob counts in the lowest layer, see ``model.sizes.paid_layers``.
"""

from __future__ import annotations

from ocisize.model.build_step import BuildStep
from ocisize.model.comparison import LayerStatus
from ocisize.model.outline import Outline
from ocisize.model.provenance import SourceLines
from ocisize.model.sizes import sum_known
from ocisize.values import field, frozen


@frozen(kw_only=True)
class OutlineLayerChange:
    """A layer of both images, or of one of them; sizes are 0 on the side that does not have it.

    ``changed`` is the status of two different tars of similar build steps. Their files may be the same: they were not read.
    """

    status: LayerStatus  #: ``shared``, ``recompressed``, ``changed``, ``added`` or ``removed``
    before: int | None  #: index of the layer in BEFORE, None if it has none
    after: int | None  #: index of the layer in AFTER, None if it has none
    build_step: BuildStep  #: of AFTER where it has the layer
    before_build_step: BuildStep  #: empty if BEFORE does not have the layer
    before_compressed_size: int | None  #: bytes of download of BEFORE, None if unknown
    after_compressed_size: int | None  #: bytes of download of AFTER, None if unknown
    #: the lines of the Dockerfile, of AFTER where it has the layer; None if no provenance names them
    source: SourceLines | None = None

    @property
    def compressed_growth(self) -> int | None:
        """Bytes of download that AFTER has more than BEFORE; None if unknown."""
        old, new = self.before_compressed_size, self.after_compressed_size
        return None if old is None or new is None else new - old

    @property
    def download_size(self) -> int | None:
        """Bytes that a host with BEFORE downloads; None for a layer that an archive holds in a form that no registry has."""
        return 0 if self.after is None or self.status is LayerStatus.SHARED else self.after_compressed_size


@frozen(kw_only=True)
class OutlineComparison:
    """The differences between the manifests and configs of two images. ``compare_outlines`` makes one.

    >>> import ocisize
    >>> outline = ocisize.Analyzer().outline("testdata/example.tar")
    >>> comparison = ocisize.compare_outlines(outline, outline)
    >>> comparison.compressed_growth, comparison.download_size, comparison.same_layers
    (0, 0, True)
    """

    before: Outline = field(repr=False)  #: the image that AFTER is compared with
    after: Outline = field(repr=False)  #: the newer image
    layers: tuple[OutlineLayerChange, ...]  #: base first
    config_changes: tuple[str, ...] = ()  #: the fields of ``RunConfig`` that differ

    @property
    def compressed_growth(self) -> int | None:
        """Bytes of download that AFTER has more than BEFORE; None if one of both is unknown."""
        old, new = self.before.compressed_size, self.after.compressed_size
        return None if old is None or new is None else new - old

    @property
    def download_size(self) -> int | None:
        """Bytes that a host with BEFORE downloads for AFTER, without shared layers; None if unknown."""
        return sum_known([layer.download_size for layer in self.layers])

    @property
    def same_layers(self) -> bool:
        """True if both images have the same blobs in the same order."""
        return [layer.digest for layer in self.before.layers] == [layer.digest for layer in self.after.layers]

    @property
    def changed_base_layers(self) -> int | None:
        """The number of layers of AFTER's base image that BEFORE does not have; None if the base image is unknown."""
        base = self.after.base
        if base is None or not base.layers:
            return None
        return sum(
            layer.after is not None and layer.after < base.layers and layer.status is not LayerStatus.SHARED
            for layer in self.layers
        )
