"""Outline and its parts: what the index, the manifest and the config of an image say, without its layers.

An outline has exact figures of the download. The sizes of unpacked files, waste, files and the secrets in files are known to
nobody who did not read the layers, so an outline has no field for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress

from ocisize.errors import IncompleteAnalysis
from ocisize.model.base import BaseImage
from ocisize.model.build_step import BuildStep
from ocisize.model.provenance import Provenance, SourceLines
from ocisize.model.sizes import paid_layers, sum_known
from ocisize.oci.documents import RunConfig
from ocisize.oci.platform import UnreadImage
from ocisize.values import field, frozen


@frozen(kw_only=True)
class LayerOutline:
    """What the manifest and the config say about a layer, which was not read.

    >>> import ocisize
    >>> layer = ocisize.Analyzer().outline("testdata/example.tar").layers[3]
    >>> str(layer.build_step), layer.compressed_size, layer.compression
    ('RUN rm -f /var/cache/apt/archives/*.deb', 176, 'gzip')
    """

    index: int  #: 0 at the base
    digest: str  #: of the blob
    diff_id: str | None  #: the digest of the uncompressed tar; None if the config has none
    media_type: str  #: as the manifest names it
    compression: str  #: as the media type names it: ``gzip``, ``zstd``, ``plain`` …; ``unknown`` if it names none
    compressed_size: int | None  #: bytes to download; None if an archive has the layer uncompressed
    blob_size: int  #: bytes of the blob where the image was read: equal to ``compressed_size`` if that is known
    build_step: BuildStep  #: secrets are redacted, here and in created_by
    created_by: str  #: the text of the build step as the builder wrote it into the history
    created: str  #: RFC 3339, "" if unknown
    build_step_certain: bool  #: False if there are more or fewer history entries than layers
    repeats: int | None = None  #: index of the lowest layer with the same blob, which is downloaded once; None if it is new
    toc_format: str | None = None  #: ``estargz`` or ``zstd:chunked`` if annotations name a table of contents, else None
    member: str | None = None  #: the layer's file within a saved image
    source: SourceLines | None = None  #: the lines of the Dockerfile; None if no provenance names them


@frozen(kw_only=True)
class Outline:
    """What the index, the manifest and the config of an image say; no layer was read. ``Analyzer.outline`` makes one.

    >>> import ocisize
    >>> outline = ocisize.Analyzer().outline("testdata/example.tar")
    >>> outline.platform, len(outline.layers), outline.compressed_size
    ('linux/amd64', 5, 1590055)
    """

    source: str  #: the input as the user gave it
    format: str  #: as in ``Analysis``
    reference: str | None  #: the image's name, None if it has none
    platform: str  #: ``linux/amd64``; ``unknown`` if neither index nor config names it
    os_version: str | None  #: as the config names it: of Windows ``10.0.20348.1726``
    digest: str | None  #: of the manifest; None if the input has no manifest
    config_digest: str  #: of the config, which is Docker's image ID
    media_type: str  #: of the manifest
    created: str  #: RFC 3339, "" if unknown
    manifest_size: int | None  #: bytes; None if the input has no manifest
    config_size: int  #: bytes
    layers: tuple[LayerOutline, ...]  #: base first
    run: RunConfig  #: how containers run; secrets are redacted, values of more than 4,096 characters are cut
    base: BaseImage | None = None  #: None if no base image is known
    secrets: tuple[str, ...] = ()  #: names of the secrets in the environment and the build steps; files were not read
    annotations: Mapping[str, str] = field(factory=dict, hash=False)  #: of the manifest and of its entry in the index
    soci_index: str | None = None  #: the digest of a SOCI index that the manifest names, None without one
    index_digest: str | None = None  #: of the index that the image was chosen from; None if there is none
    index_size: int | None = None  #: bytes of that index; None if there is none
    platforms: tuple[str, ...] = ()  #: all platforms of that index, in its order; empty without an index
    attestations: int = 0  #: entries of that index that describe its images
    mirror: str | None = None  #: the reference that the image was read from, None if that is ``reference``
    unverified_hosts: tuple[str, ...] = ()  #: registries whose identity was not verified, by options or settings
    warnings: tuple[str, ...] = ()  #: what the user should know about how the image was read
    config_layers: int | None = None  #: how many layers the config lists if the manifest lists more or fewer, else None
    provenance: Provenance | None = None  #: the attestation of the build; None if there is none, or if it was not read

    @property
    def compressed_size(self) -> int | None:
        """Bytes to download with nothing cached, a repeated blob once; None if an archive has layers uncompressed."""
        return sum_downloads(self.layers, range(len(self.layers)))

    @property
    def blob_size(self) -> int:
        """Bytes of the blobs where the image was read, a repeated blob once."""
        return sum(layer.blob_size for layer in compress(self.layers, paid_layers(self.layers)))

    @property
    def base_compressed_size(self) -> int | None:
        """The part of ``compressed_size`` that the layers of the base image take; None if either is unknown."""
        return sum_downloads(self.layers, range(self.base.layers)) if self.base is not None and self.base.layers else None

    @property
    def own_compressed_size(self) -> int | None:
        """The part of ``compressed_size`` that the layers above the base image take; None if either is unknown."""
        whole, base = self.compressed_size, self.base_compressed_size
        return None if whole is None or base is None else whole - base

    @property
    def layer_mismatch(self) -> str:
        """How many layers the config and the manifest list, "" if as many: which layers the image has is then unknown."""
        count, listed = self.config_layers, len(self.layers)
        return "" if count is None else f"the config lists {count} layers, the manifest {listed}"


def require_listed_layers(outline: Outline) -> None:
    """Raise IncompleteAnalysis if config and manifest list different numbers of layers."""
    if mismatch := outline.layer_mismatch:
        raise IncompleteAnalysis(outline.source, [], mismatch)


@frozen(kw_only=True)
class IndexOutline:
    """The outlines of the images of an index. ``Analyzer.outline_all`` makes one.

    >>> import ocisize
    >>> index = ocisize.Analyzer().outline_all("testdata/example.tar")
    >>> list(index.outlines), index.stored_size, index.complete
    (['linux/amd64'], 1590055, True)
    """

    source: str  #: the input as it was given
    format: str  #: as in ``Analysis``
    reference: str | None  #: the name of the index, None if it has none
    digest: str | None  #: of the index; None if the input is a single image
    media_type: str  #: of the index, or of the manifest of a single image
    outlines: Mapping[str, Outline]  #: by platform as the index names it, in the order of the index
    index_size: int | None = None  #: bytes of the index; None if the input is a single image
    attestations: int = 0  #: number of entries that describe other entries; they are left out
    absent: tuple[str, ...] = ()  #: platforms that the index names and the source lacks
    unread: tuple[UnreadImage, ...] = ()  #: images whose manifest or config could not be read
    warnings: tuple[str, ...] = ()  #: what the user should know about how the index was read

    @property
    def complete(self) -> bool:
        """True if the manifests and configs of all images could be read."""
        return not self.unread

    @property
    def stored_size(self) -> int | None:
        """Bytes that a registry stores for the layers of all images, each blob once; None if unknown."""
        layers = [layer for outline in self.outlines.values() for layer in outline.layers]
        return sum_downloads(layers, range(len(layers)))


def sum_downloads(layers: Sequence[LayerOutline], which: range) -> int | None:
    """Return the bytes of download of some layers, given by position; None if one is unknown.

    A blob that several of ``layers`` have counts in the first of them, also if ``which`` leaves that one out.
    """
    flags = paid_layers(layers)
    return sum_known(layers[position].compressed_size for position in which if flags[position])
