"""Image and Layer: what a manifest, its config and its history say, read from any Source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.blob.digest import Digest, digest_of
from ocisize.errors import DocumentError, NotAnImage
from ocisize.logs import Logger
from ocisize.oci.artifacts import find_artifact_kind
from ocisize.oci.choose import IndexFacts, choose_entry
from ocisize.oci.documents import Descriptor, ImageConfig, Index, Manifest, Platform
from ocisize.oci.media_types import CONFIG_TYPES, LAYER_TYPES
from ocisize.oci.parse import MAX_CONFIG, parse_config, parse_manifest
from ocisize.oci.platform import select
from ocisize.oci.read import read_blob
from ocisize.oci.source import ImageSource, RebuiltLayer, Source
from ocisize.text import printable
from ocisize.values import evolve, field, frozen

MAX_LAYERS = 4096
_MAX_LISTED_BLOBS = 5  # of an artifact that is not an image
_log = Logger(__name__)


@frozen
class Layer:
    """One layer of an image; ``index`` counts from 0 at the base."""

    index: int
    descriptor: Descriptor
    diff_id: Digest | None  #: digest of the uncompressed tar, None if the config lists none
    #: how the source rebuilds the tar, which is then what ``descriptor`` describes; None if it has the stored bytes
    rebuilt: RebuiltLayer | None = None

    @property
    def pulled_blob(self) -> Descriptor | None:
        """The blob that a registry has of a rebuilt layer; None if it is not known, or if the source has it."""
        return None if self.rebuilt is None else self.rebuilt.pulled

    @property
    def is_verifiable(self) -> bool:
        """False if the tar is rebuilt with other headers than its own: no digest is that of its bytes."""
        return self.rebuilt is None or self.rebuilt.is_exact


@frozen
class Image:
    """An image for one platform: its documents and layers, base first."""

    digest: Digest  #: of the manifest
    manifest_size: int
    media_type: str
    config: ImageConfig
    config_descriptor: Descriptor
    layers: tuple[Layer, ...]
    warnings: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(factory=dict, hash=False)  #: of the manifest, then of its index entry
    index: IndexFacts | None = None  #: that the image was chosen from; None if there is none
    attestation: Descriptor | None = None  #: of the manifest of the attestations that an index lists about the image

    @property
    def platform(self) -> Platform:
        """The platform that the config names."""
        return self.config.platform

    @property
    def config_layers(self) -> int | None:
        """How many layers the config lists, None if as many as the manifest."""
        count = len(self.config.rootfs.diff_ids)
        return None if count == len(self.layers) else count


def read_image(source: Source, platform: Platform | None = None) -> Image:
    """Return the image for a platform, its manifest and config verified by size and digest.

    Without a platform the default is Linux on the processor of this machine. A source with a single image gives that
    image, whatever its platform. Raises NoMatchingPlatform, NotAnImage, DocumentError and what the source raises.

    >>> config = '{"os": "linux", "architecture": "s390x", "rootfs": {"type": "layers", "diff_ids": []}}'
    >>> config_type, digest = "application/vnd.oci.image.config.v1+json", digest_of(config.encode())
    >>> descriptor = f'{{"mediaType": "{config_type}", "digest": "{digest}", "size": {len(config)}}}'
    >>> class OneImage:
    ...     def read_manifest(self, digest=None):
    ...         return f'{{"config": {descriptor}, "layers": []}}'.encode()
    ...
    ...     def open_blob(self, descriptor):
    ...         return [config.encode()]
    >>> image = read_image(OneImage())
    >>> str(image.platform), len(image.layers)
    ('linux/s390x', 0)
    """
    data = source.read_manifest()
    document = parse_manifest(data, "the manifest")
    if isinstance(document, Index):
        choice = choose_entry(source, document, digest_of(data), platform)
        image = make_image(source, choice.data, choice.manifest, choice.entry)
        warnings = (*choice.warnings, *image.warnings)
        facts = evolve(choice.facts, size=len(data))
        return evolve(image, warnings=warnings, index=facts, attestation=choice.attestation)
    image = make_image(source, data, document)
    _log.info("platform %s: the source has a single image", printable(str(image.platform)))
    if platform is not None and image.config.os and image.config.architecture:
        select([(image.platform, image.config_descriptor)], platform)  # a single manifest may be for another one
    return image


def make_image(source: Source, data: bytes, document: Index | Manifest, entry: Descriptor | None = None) -> Image:
    """Read the config of a manifest and return the image of both.

    ``data`` is the manifest as stored, ``document`` the parsed one, ``entry`` its entry in an index. Raises NotAnImage,
    DocumentError and what the source raises.
    """
    digest = digest_of(data)
    if isinstance(document, Index):
        raise DocumentError(f"{digest} is an index, expected a manifest")
    if len(document.layers) > MAX_LAYERS:
        raise DocumentError(f"{digest} has {len(document.layers)} layers, more than {MAX_LAYERS}")
    _refuse_two_sizes(document.layers, digest)
    config = parse_config(_read_config(source, document, digest), f"the config {document.config.digest}")
    diff_ids, warnings = config.rootfs.diff_ids, _list_untyped(document)
    if diff_ids and not document.layers:  # as engines refuse it; with some layers there are figures to show
        raise DocumentError(f"the config lists {len(diff_ids)} layers, the manifest none")
    if len(diff_ids) != len(document.layers):
        warnings.append(f"the config lists {len(diff_ids)} layers, the manifest {len(document.layers)}")
    ordered = _in_config_order(document.layers, diff_ids)
    if ordered is not document.layers:
        warnings.append("the manifest lists the layers in another order than the config, whose order is used")
    layers = tuple(
        _make_layer(source, index, descriptor, diff_ids[index] if index < len(diff_ids) else None)
        for index, descriptor in enumerate(ordered)
    )
    return Image(
        digest=digest,
        manifest_size=len(data),
        media_type=document.media_type or (entry.media_type if entry else ""),
        config=config,
        config_descriptor=document.config,
        layers=layers,
        warnings=tuple(warnings),
        annotations={**(entry.annotations if entry else {}), **document.annotations},
    )


def _refuse_two_sizes(descriptors: Sequence[Descriptor], digest: Digest) -> None:
    """Raise DocumentError for a blob that a manifest lists twice, with two sizes: figures would count one of them."""
    sizes = dict[Digest, int]()
    for blob in descriptors:
        known = sizes.setdefault(blob.digest, blob.size)
        if known != blob.size:
            raise DocumentError(f"{digest} lists the blob {blob.digest} with {known} bytes and with {blob.size}")


def _make_layer(source: Source, index: int, descriptor: Descriptor, diff_id: Digest | None) -> Layer:
    rebuilt = source.rebuilt_layer(descriptor, diff_id) if isinstance(source, ImageSource) else None
    return Layer(index, descriptor if rebuilt is None else rebuilt.tar, diff_id, rebuilt)


def _in_config_order(descriptors: Sequence[Descriptor], diff_ids: Sequence[Digest]) -> Sequence[Descriptor]:
    """Return the layers in the order of the config, if all of them are plain and only their order differs.

    Docker 25.0.0 saved the layers of its manifests in random order.
    """
    by_digest = {descriptor.digest: descriptor for descriptor in descriptors}
    shuffled = [descriptor.digest for descriptor in descriptors] != [*diff_ids]
    if shuffled and set(by_digest) == set(diff_ids) and len(descriptors) == len(diff_ids):
        return [by_digest[diff_id] for diff_id in diff_ids]
    return descriptors


def _read_config(source: Source, manifest: Manifest, digest: str) -> bytes:
    """Return the config of an image; raise NotAnImage if the manifest describes another artifact: a chart, a signature."""
    kind, config = find_artifact_kind(manifest), b""
    if kind is None:
        config = read_blob(source, manifest.config, MAX_CONFIG)
        kind = find_artifact_kind(manifest, config)
    if kind is None:
        return config
    listed = (f"{layer.media_type or 'no media type'} ({layer.size} bytes)" for layer in manifest.layers[:_MAX_LISTED_BLOBS])
    raise NotAnImage(
        f"{digest} is not a container image but: {kind}, config type {manifest.config.media_type or 'missing'}, "
        f"{', '.join(listed) or 'no blobs'}",
        kind=kind,
    )


def _list_untyped(manifest: Manifest) -> list[str]:
    """Return warnings about media types that do not name what the content is."""
    warnings = []
    config_type = manifest.config.media_type
    if config_type not in CONFIG_TYPES:
        named = f"the media type {config_type}" if config_type else "no media type"
        warnings.append(f"the config has {named}; it is that of an image by its content")
    untyped = [layer.media_type for layer in manifest.layers if layer.media_type not in LAYER_TYPES]
    if untyped:
        named = f"the media type {untyped[0]}" if untyped[0] else "no media type"
        which = "layers have" if len(untyped) == len(manifest.layers) else f"of {len(manifest.layers)} layers have"
        warnings.append(f"{len(untyped)} {which} {named}; their bytes show how they are compressed")
    return warnings
