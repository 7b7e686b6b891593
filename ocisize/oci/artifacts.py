"""What a manifest describes: a container image, or another artifact that registries and layouts hold beside images.

Media types decide where they can. Builders before 2017 pushed configs whose type says nothing, and other tools layers
without a type (https://github.com/distribution/distribution/issues/1621): there the config decides, by its content.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.errors import DocumentError
from ocisize.oci.documents import Descriptor, Index, Manifest
from ocisize.oci.media_types import CONFIG_TYPES, LAYER_TYPES
from ocisize.oci.strict_json import parse_json

#: types of configs that docker pull and skopeo copy take for those of images, and that HTTP servers give to any file
UNTYPED_CONFIGS = frozenset({"", "application/octet-stream", "application/json", "text/html", "text/plain"})
#: types of layers that say nothing about the content, or that only name a format of files
UNTYPED_LAYERS = frozenset(
    {"", "application/octet-stream", "application/gzip", "application/x-gzip", "application/x-tar", "application/zstd"}
)
UNKNOWN_ARTIFACT = "unknown artifact"
#: a part of media types, and of the annotations of layers → what the artifact is; the first row that fits is taken
ARTIFACTS: Sequence[tuple[str, str]] = (
    ("notary.signature", "Notation signature"),
    ("dev.cosign", "cosign signature or attestation"),
    ("in-toto", "build attestation"),
    ("dsse", "attestation"),
    ("sigstore", "signature bundle"),
    ("spdx", "software bill of materials"),
    ("cyclonedx", "software bill of materials"),
    ("syft", "software bill of materials"),
    ("helm", "Helm chart"),
    ("wasm", "Wasm module"),
    ("buildkit.cacheconfig", "BuildKit cache"),
    ("amazon.soci", "SOCI index"),
    ("ollama", "language model"),
    ("docker.ai", "language model"),
    ("cncf.model", "model"),
    ("docker.plugin", "Docker plugin"),
    ("docker.compose", "Compose project"),
    ("cncf.flux", "Flux artifact"),
    ("openpolicyagent", "policy bundle"),
    ("aquasec.trivy", "Trivy database"),
    ("devcontainers", "dev container feature or template"),
    ("tekton", "Tekton bundle"),
    ("cnab", "CNAB bundle"),
    ("sylabs.sif", "Singularity image, which is one SIF file"),
    ("encrypted", "encrypted image, whose layers only its key opens"),
    ("nydus.blob", "Nydus image, whose layers are no tar archives"),
    ("snapshot/nydus-blob", "Nydus image, whose layers are no tar archives"),
    ("snapshot/overlaybd", "overlaybd image, whose layers are block devices"),
    ("erofs", "image of EROFS layers, which are file systems and no tar archives"),
    ("squashfs", "image of squashfs layers, which are file systems and no tar archives"),
    ("vnd.unknown", "ORAS artifact"),
)
_OTHER_FORMATS = ("containerd.io/snapshot/nydus-blob", "containerd.io/snapshot/overlaybd/")  # in annotations of layers


def find_artifact_kind(manifest: Manifest, config: bytes | None = None) -> str | None:
    """Return what artifact a manifest describes, None if it is an image.

    ``config`` is the content of the config. Without it, media types alone decide, and a manifest with ``needs_config`` is
    taken for an image.

    >>> config = Descriptor("sha256:" + 64 * "0", 2, "application/vnd.cncf.helm.config.v1+json")
    >>> find_artifact_kind(Manifest(config))
    'Helm chart'
    >>> untyped = Manifest(Descriptor("sha256:" + 64 * "0", 2, "text/html"))
    >>> find_artifact_kind(untyped), find_artifact_kind(untyped, b"{}")
    (None, 'unknown artifact')
    """
    if _may_be_image(manifest):
        is_image = config is None or not needs_config(manifest) or _is_image_config(config, manifest)
        return None if is_image else UNKNOWN_ARTIFACT
    texts = [manifest.artifact_type or "", manifest.config.media_type]
    for layer in manifest.layers:
        texts += [layer.media_type, *layer.annotations]
    return next((name for part, name in ARTIFACTS if any(part in text for text in texts)), UNKNOWN_ARTIFACT)


def needs_config(manifest: Manifest) -> bool:
    """Return True if media types do not show whether a manifest describes an image, so that its config must.

    >>> needs_config(Manifest(Descriptor("sha256:" + 64 * "0", 2, "text/html")))
    True
    """
    return _may_be_image(manifest) and not (manifest.config.media_type in CONFIG_TYPES and _has_typed_layers(manifest))


def find_index_kind(index: Index) -> str | None:
    """Return what artifact an index describes whose entries are no manifests; None for an index of images.

    >>> find_index_kind(Index((Descriptor("sha256:" + 64 * "0", 2, "application/vnd.buildkit.cacheconfig.v0"),)))
    'BuildKit cache'
    """
    is_cache = any("buildkit.cacheconfig" in entry.media_type for entry in index.manifests)
    return "BuildKit cache" if is_cache else None


def names_artifact(descriptor: Descriptor) -> bool:
    """Return True if an index entry has the ``artifactType`` of something else than an image; its manifest may differ.

    >>> names_artifact(Descriptor("sha256:" + 64 * "0", 2, artifact_type="application/spdx+json"))
    True
    """
    return descriptor.artifact_type not in (None, "", *CONFIG_TYPES)


def _has_typed_layers(manifest: Manifest) -> bool:
    return all(layer.media_type in LAYER_TYPES for layer in manifest.layers)


def _may_be_image(manifest: Manifest) -> bool:
    """Return False if a media type or an annotation names something else than an image."""
    config_type = without_parameters(manifest.config.media_type)
    is_artifact = manifest.artifact_type not in (None, "", *CONFIG_TYPES, manifest.config.media_type)
    if any(name.startswith(_OTHER_FORMATS) for layer in manifest.layers for name in layer.annotations):
        return False
    if is_artifact:  # beside an image whose types are all right, the type of another artifact is only a label
        return config_type in CONFIG_TYPES and _has_typed_layers(manifest)
    return config_type in CONFIG_TYPES | UNTYPED_CONFIGS and all(
        layer.media_type in LAYER_TYPES or without_parameters(layer.media_type) in UNTYPED_LAYERS
        for layer in manifest.layers
    )


def _is_image_config(data: bytes, manifest: Manifest) -> bool:
    """Return True if the bytes are those of an image's config; of layers without types it must list as many."""
    try:
        document = parse_json(data, "the config")
    except DocumentError:
        return False
    rootfs = document.get("rootfs")
    diff_ids = rootfs.get("diff_ids", []) if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or (len(diff_ids) != len(manifest.layers) and not _has_typed_layers(manifest)):
        return False
    return any(name in document for name in ("os", "architecture", "history"))


def without_parameters(media_type: str) -> str:
    """Return a media type without its parameters, in lower case.

    >>> without_parameters("text/html; charset=utf-8")
    'text/html'
    """
    return media_type.partition(";")[0].strip().lower()
