"""Image and Layer: what a manifest, its config and its history say, read from any Source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from ocisize.blob.digest import Digest, check_digest, digest_of
from ocisize.blob.region import close_chunks
from ocisize.errors import (
    ArchiveError,
    DocumentError,
    NoMatchingPlatform,
    NotAnImage,
    OcisizeError,
    RegistryError,
    SizeMismatch,
)
from ocisize.oci.documents import Descriptor, ImageConfig, Index, Manifest, Platform
from ocisize.oci.media_types import CONFIG_TYPES, INDEX_TYPES, LAYER_TYPES
from ocisize.oci.parse import MAX_CONFIG, parse_config, parse_manifest
from ocisize.oci.platform import default_platform, image_entries, is_attestation, select
from ocisize.oci.source import Source

MAX_INDEX_DEPTH = 8
MAX_INDEX_ENTRIES = 10_000
MAX_LAYERS = 4096
_NOT_FOUND = 404

_ARTIFACTS = (
    ("cosign", "cosign signature or attestation"),
    ("in-toto", "build attestation"),
    ("dsse", "attestation"),
    ("sigstore", "signature bundle"),
    ("helm", "Helm chart"),
    ("wasm", "Wasm module"),
    ("buildkit.cacheconfig", "BuildKit cache"),
    ("amazon.soci", "SOCI index"),
    ("ollama", "language model"),
    ("docker.ai", "language model"),
    ("cncf.model", "model"),
    ("docker.plugin", "Docker plugin"),
    ("encrypted", "encrypted image"),
)


@attrs.frozen
class Layer:
    """One layer of an image; ``index`` counts from 0 at the base."""

    index: int
    descriptor: Descriptor
    diff_id: Digest | None  #: digest of the uncompressed tar, None where the config lists none


@attrs.frozen
class Image:
    """An image for one platform: its documents and layers, base first."""

    digest: Digest  #: of the manifest
    manifest_size: int
    media_type: str
    config: ImageConfig
    config_descriptor: Descriptor
    layers: tuple[Layer, ...]
    warnings: tuple[str, ...] = ()
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)  #: of the manifest, then of its index entry

    @property
    def platform(self) -> Platform:
        """The platform the config names."""
        return self.config.platform


def read_image(source: Source, platform: Platform | None = None) -> Image:
    """Read the manifest for a platform and its config, every document verified by size and digest.

    Without a platform the default is Linux on this machine's processor; if the source holds one single image, that
    one is taken whatever it is for. Raises NoMatchingPlatform, NotAnImage, DocumentError and what the source raises.
    """
    data = source.read_manifest()
    document = parse_manifest(data, "the manifest")
    if isinstance(document, Index):
        chosen, note = _choose(source, document, platform)
        image = read_entry(source, chosen)
        return attrs.evolve(image, warnings=(note, *image.warnings)) if note else image
    image = make_image(source, data, document)
    if platform is not None and image.config.os and image.config.architecture:
        select([(image.platform, image.config_descriptor)], platform)  # a single manifest may be for another one
    return image


def read_entry(source: Source, entry: Descriptor) -> Image:
    """Read the image that an entry of an index points to; raises as ``read_image`` does."""
    return make_image(source, *_read_child(source, entry), entry)


def make_image(source: Source, data: bytes, document: Index | Manifest, entry: Descriptor | None = None) -> Image:
    """The image of a manifest that was read, with its config; ``entry`` is what points to it in an index."""
    digest = digest_of(data)
    if isinstance(document, Index):
        raise DocumentError(f"{digest} is an index, expected a manifest")
    _require_image(document, digest)
    config = parse_config(read_blob(source, document.config, MAX_CONFIG), f"the config {document.config.digest}")
    diff_ids, warnings = config.rootfs.diff_ids, list[str]()
    if len(diff_ids) != len(document.layers):
        warnings.append(f"the config lists {len(diff_ids)} layers, the manifest {len(document.layers)}")
    if len(document.layers) > MAX_LAYERS:
        raise DocumentError(f"{digest} has {len(document.layers)} layers, more than {MAX_LAYERS}")
    descriptors = document.layers
    stored = {descriptor.digest: descriptor for descriptor in descriptors}
    shuffled = [descriptor.digest for descriptor in descriptors] != [*diff_ids]
    if shuffled and set(stored) == set(diff_ids) and len(descriptors) == len(diff_ids):
        # Plain layers; Docker 25.0.0 saved their manifest in random order, the config has the true one.
        descriptors = tuple(stored[diff_id] for diff_id in diff_ids)
    layers = tuple(
        Layer(index, descriptor, diff_ids[index] if index < len(diff_ids) else None)
        for index, descriptor in enumerate(descriptors)
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


def read_blob(source: Source, descriptor: Descriptor, limit: int) -> bytes:
    """Read a small blob whole and verify it; raise DocumentError when it is larger than ``limit`` bytes."""
    if descriptor.size > limit:
        raise DocumentError(f"{descriptor.digest} has {descriptor.size} bytes, more than {limit}")
    data, chunks = bytearray(), source.open_blob(descriptor)
    try:
        for chunk in chunks:
            data += chunk
            if len(data) > descriptor.size:
                raise SizeMismatch(descriptor.digest, got=len(data), expected=descriptor.size, more=True)
    finally:
        close_chunks(chunks)
    check_document(bytes(data), descriptor)
    return bytes(data)


def check_document(data: bytes, descriptor: Descriptor) -> None:
    """Raise SizeMismatch or DigestMismatch unless ``data`` is what the descriptor points to."""
    if len(data) != descriptor.size:
        raise SizeMismatch(descriptor.digest, got=len(data), expected=descriptor.size)
    check_digest(data, descriptor.digest)


def _read_child(source: Source, descriptor: Descriptor) -> tuple[bytes, Index | Manifest]:
    data = source.read_manifest(descriptor.digest)
    check_document(data, descriptor)
    return data, parse_manifest(data, f"the manifest {descriptor.digest}", descriptor.media_type)


def _choose(source: Source, index: Index, platform: Platform | None) -> tuple[Descriptor, str | None]:
    found = list(candidates(source, index))
    if not found:
        raise NoMatchingPlatform(str(platform or default_platform()), [])
    try:
        return select(found, platform or default_platform()), None
    except NoMatchingPlatform:
        digests = {descriptor.digest for _, descriptor in found}
        if platform is not None or len(digests) > 1:
            raise
        only, descriptor = found[0]
        return descriptor, f"the only image is for {only}, not for {default_platform()}"


def candidates(
    source: Source,
    index: Index,
    attestations: set[str] | None = None,
    *,
    depth: int = 1,
    seen: set[str] | None = None,
    broken: dict[Digest, OcisizeError] | None = None,
) -> Iterator[tuple[Platform, Descriptor]]:
    """The images of an index with their platforms; nested indexes are flattened, absent and known ones passed over.

    The digests of attestations are added to the set that is given. What cannot be read is added to ``broken``, where that
    is given, with its error.
    """
    seen = set() if seen is None else seen
    if depth > MAX_INDEX_DEPTH:
        raise DocumentError(f"indexes are nested more than {MAX_INDEX_DEPTH} deep")
    if attestations is not None:
        attestations.update(entry.digest for entry in index.manifests if is_attestation(entry))
    for entry in image_entries(index.manifests):
        if entry.platform is not None and entry.media_type not in INDEX_TYPES:
            yield entry.platform, entry
        elif entry.digest not in seen:
            seen.add(entry.digest)
            if len(seen) > MAX_INDEX_ENTRIES:
                raise DocumentError(f"the index leads to more than {MAX_INDEX_ENTRIES} manifests")
            found = _look_into(source, entry, broken)
            if isinstance(found, Index):
                yield from candidates(source, found, attestations, depth=depth + 1, seen=seen, broken=broken)
            elif found is not None:
                yield found, entry


def _look_into(source: Source, entry: Descriptor, broken: dict[Digest, OcisizeError] | None) -> Index | Platform | None:
    """An index that an entry points to, or the platform that an image's config names; None of what is neither or absent."""
    try:
        _, document = read_optional_manifest(source, entry) or (b"", None)
        if isinstance(document, Index) or document is None or document.config.media_type not in CONFIG_TYPES:
            return document if isinstance(document, Index) else None
        config = read_blob(source, document.config, MAX_CONFIG)
        return parse_config(config, f"the config {document.config.digest}").platform
    except OcisizeError as error:
        if broken is None:
            raise
        broken[entry.digest] = error
        return None


def read_optional_manifest(source: Source, entry: Descriptor) -> tuple[bytes, Index | Manifest] | None:
    """What an entry of an index points to; None where it is absent, as partial copies lack other platforms' manifests."""
    try:
        return _read_child(source, entry)
    except ArchiveError:
        return None
    except RegistryError as error:
        if error.status != _NOT_FOUND:
            raise
        return None


def _require_image(manifest: Manifest, digest: str) -> None:
    config_type = manifest.config.media_type
    types = [manifest.artifact_type or "", config_type, *(layer.media_type for layer in manifest.layers)]
    foreign_artifact = manifest.artifact_type not in (None, "", config_type)
    odd_layer = any(layer.media_type not in LAYER_TYPES for layer in manifest.layers)
    if config_type in CONFIG_TYPES and not foreign_artifact and not odd_layer:
        return
    kind = next((name for mark, name in _ARTIFACTS if any(mark in text for text in types)), "unknown artifact")
    blobs = ", ".join(f"{layer.media_type} ({layer.size} bytes)" for layer in manifest.layers[:5]) or "no blobs"
    raise NotAnImage(
        f"{digest} is not a container image but: {kind}, config type {config_type or 'missing'}, {blobs}", kind=kind
    )
