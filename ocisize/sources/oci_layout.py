"""OCI layouts: ``oci-layout``, ``index.json`` and ``blobs/<algorithm>/<hex>``, in a folder or a tar.

Specification: https://github.com/opencontainers/image-spec/blob/main/image-layout.md. Blobs may be missing. Entries of
``index.json`` may repeat (Docker writes one per tag) and may be nested indexes. Other entries are no images: signatures,
attestations and other referrers, which ``cosign save`` and ``oras copy -r`` store beside the image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ocisize.blob.digest import Digest, is_digest
from ocisize.errors import DocumentError, LimitExceeded, OcisizeError
from ocisize.oci.artifacts import find_artifact_kind, find_index_kind, names_artifact, needs_config
from ocisize.oci.documents import Descriptor, Index, Manifest, Platform
from ocisize.oci.index_walk import walk_index
from ocisize.oci.parse import MAX_CONFIG, MAX_MANIFEST, parse_config, parse_manifest
from ocisize.oci.platform import image_entries, is_attestation
from ocisize.oci.read import read_blob, read_optional_manifest
from ocisize.oci.reference import canonical_name
from ocisize.oci.source import Source
from ocisize.oci.strict_json import parse_json
from ocisize.sources.saved_images import SavedImage, SavedManifest, merge_names
from ocisize.sources.store import StoredSource
from ocisize.tuples import NamedTuple
from ocisize.values import asdict, evolve, field, frozen

_IMAGE_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"
_MAX_DOCUMENTS = 256 << 20  # bytes of all manifests and configs that are read to list images
_SUBJECT = "vnd.docker.reference.digest"
_COSIGN_KIND = "kind"  # annotation of cosign save: https://github.com/sigstore/cosign/blob/main/pkg/oci/layout
_COSIGN_IMAGES = ("dev.cosignproject.cosign/image", "dev.cosignproject.cosign/imageIndex")
# Tags of referrers: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
_FALLBACK_TAG = r"(?:.*:)?sha(?:256|512)-[0-9a-f]{64,128}(?:\.[a-z]+)?"


class LayoutBlobs(StoredSource):
    """The manifests and blobs of a layout by digest."""

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is None:
            return self._store.read("index.json")
        return self._store.read(self.manifest_name(digest), MAX_MANIFEST)

    def manifest_name(self, digest: str) -> str:
        """Return the name of the file of a manifest; raise DocumentError for a text that is no digest."""
        if not is_digest(digest):
            raise DocumentError(f"{digest!r} is not a digest")
        algorithm, _, encoded = digest.partition(":")
        return f"blobs/{algorithm}/{encoded}"

    def member_name(self, descriptor: Descriptor) -> str:
        return self.manifest_name(descriptor.digest)


def parse_layout_index(data: bytes) -> Index:
    """Return the index of an ``index.json``; raise DocumentError for another document.

    >>> parse_layout_index(b'{"schemaVersion": 2, "manifests": null}').manifests  # Docker 25.0 wrote this
    ()
    """
    document = parse_json(data, "index.json")  # without names whose value is null
    if document.get("schemaVersion") == 2 and not document.keys() & {"manifests", "config", "layers", "fsLayers"}:
        return Index((), str(document.get("mediaType", "")))
    index = parse_manifest(data, "index.json")
    if not isinstance(index, Index):
        raise DocumentError("index.json is not an image index")
    return index


class LayoutContent(NamedTuple):
    """What an index lists: images, and artifacts that are none, which are read only where nothing else is."""

    images: list[SavedImage]
    artifacts: list[SavedImage]


def list_layout(blobs: StoredSource, index: Index) -> LayoutContent:
    """Return the images that an index lists, each digest once, in its order.

    Broken manifests are images whose platform is unknown, unless their entry names it: reading them raises the error. Raises
    DocumentError if the documents have more than 256 MiB together, and for indexes that are nested too deeply.
    """
    inspector = _Inspector(_CountedDocuments(blobs))
    content = LayoutContent([], [])
    attestations = [entry for entry in index.manifests if is_attestation(entry)]
    for entries in _group(index.manifests):
        image, is_artifact = inspector.inspect(entries)
        related = tuple(entry for entry in attestations if entry.annotations.get(_SUBJECT) in image.digests)
        content[is_artifact].append(evolve(image, attestations=related))
    images = (_mark_child(image, inspector.children) for image in content.images)
    return LayoutContent([image for image in images if image is not None], content.artifacts)


def _group(descriptors: Sequence[Descriptor]) -> list[list[Descriptor]]:
    """Return the entries that may be images, those of one digest together: an image has an entry for each name."""
    groups: dict[Digest, list[Descriptor]] = {entry.digest: [] for entry in image_entries(descriptors)}
    for entry in descriptors:
        if entry.digest in groups and not is_attestation(entry):
            groups[entry.digest].append(entry)
    return list(groups.values())


def _names(entries: Iterable[Descriptor]) -> tuple[str, ...]:
    """Return the names of entries, whole names before tags, which are parts of names."""
    texts = [[entry.annotations[key] for key in (_IMAGE_NAME, _REF_NAME) if entry.annotations.get(key)] for entry in entries]
    return merge_names((name for names in texts for name in names[:1]), (name for names in texts for name in names[1:]))


def _mark_child(image: SavedImage, children: Mapping[str, set[str]]) -> SavedImage | None:
    """Return the image, marked if it is a child of a listed index; None if such a child has no name of its own."""
    stored = image.index or image.manifests[0].stored
    if stored is None or stored.digest not in children:
        return image
    has_own_name = not {canonical_name(name) for name in image.names} <= children[stored.digest]
    return evolve(image, in_index=True) if has_own_name else None


class _CountedDocuments:
    """Documents of a layout: few bytes of manifests may refer to one large document again and again."""

    def __init__(self, blobs: StoredSource) -> None:
        self._blobs = blobs
        self._remaining = _MAX_DOCUMENTS

    def read_manifest(self, digest: str | None = None) -> bytes:
        data = self._blobs.read_manifest(digest)
        self._count(len(data))
        return data

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        self._count(descriptor.size)
        return self._blobs.open_blob(descriptor)

    def _count(self, size: int) -> None:
        self._remaining -= size
        if self._remaining < 0:
            raise LimitExceeded(
                f"the manifests and configs that index.json lists have more than {_MAX_DOCUMENTS} bytes",
                limit="documents",
                got=_MAX_DOCUMENTS - self._remaining,
                allowed=_MAX_DOCUMENTS,
            )


class _ConfigFacts(NamedTuple):
    """What the choice of an image needs of a config."""

    platform: Platform | None
    is_image: bool  #: True if the content is that of an image's config, whatever its media type


@frozen
class _Inspector:
    """Reads manifests and configs, each config once: many manifests may share one."""

    source: Source
    configs: dict[Digest, _ConfigFacts | None] = field(factory=dict)
    children: dict[str, set[str]] = field(factory=dict)  #: digest of each child of an index → names of the index

    def inspect(self, entries: list[Descriptor]) -> tuple[SavedImage, bool]:
        """Return the image of entries with one digest, and whether it is another artifact than an image."""
        entry = next((entry for entry in entries if _has_platform(entry)), entries[0])
        names, is_marked = _names(entries), _is_marked(entries)
        document, is_absent = self._read(entry)
        if isinstance(document, Index):
            manifests = self._walk(document)
            is_artifact = is_marked or not manifests or find_index_kind(document) is not None
            if not is_artifact:
                for child in document.manifests:
                    self.children.setdefault(child.digest, set()).update(map(canonical_name, names))
            return SavedImage(names, manifests, index=entry), is_artifact
        manifest, is_artifact = self._describe(entry, document)
        platforms = dict.fromkeys(entry.platform for entry in entries if _has_platform(entry))  # one image may have several
        manifests = tuple(
            evolve(manifest, platform=platform or manifest.platform, is_absent=is_absent) for platform in platforms or [None]
        )
        return SavedImage(names, manifests), is_marked or is_artifact

    def _read(self, entry: Descriptor) -> tuple[Index | Manifest | None, bool]:
        """Return the document of an entry, None if it cannot be read; and whether it is absent."""
        try:
            found = read_optional_manifest(self.source, entry)
        except LimitExceeded:
            raise
        except OcisizeError:
            return None, False
        return (found[1], False) if found is not None else (None, True)

    def _walk(self, index: Index) -> tuple[SavedManifest, ...]:
        """Return the manifests of images in an index and in the indexes nested in it."""
        found: list[SavedManifest] = []
        for platform, entry in walk_index(self.source, index).images:
            document, is_absent = self._read(entry)
            manifest, is_artifact = self._describe(entry, document)
            if not is_artifact:
                listed = platform if platform != Platform() else manifest.platform
                found.append(evolve(manifest, platform=listed, is_absent=is_absent))
        return tuple(found)

    def _describe(self, entry: Descriptor, document: Index | Manifest | None) -> tuple[SavedManifest, bool]:
        """Return the manifest of an entry, and whether it describes another artifact than an image."""
        manifest = SavedManifest(entry.platform if _has_platform(entry) else None, entry)
        if not isinstance(document, Manifest):
            return manifest, names_artifact(entry)
        if document.subject is not None or find_artifact_kind(document) is not None:
            return manifest, True
        facts = self._read_config(document)
        if needs_config(document) and (facts is None or not facts.is_image):
            return manifest, True
        platform = manifest.platform or _complete(entry.platform, facts.platform if facts is not None else None)
        return evolve(manifest, platform=platform, config=document.config.digest), False

    def _read_config(self, manifest: Manifest) -> _ConfigFacts | None:
        """Return what the config of a manifest says; None if the config cannot be read."""
        digest = manifest.config.digest
        if digest not in self.configs:
            try:
                config = parse_config(read_blob(self.source, manifest.config, MAX_CONFIG), "the config")
            except LimitExceeded:
                raise
            except OcisizeError:
                self.configs[digest] = None
            else:
                platform = config.platform if config.os or config.architecture else None
                self.configs[digest] = _ConfigFacts(platform, is_image=platform is not None or bool(config.history))
        return self.configs[digest]


def _has_platform(entry: Descriptor) -> bool:
    return entry.platform is not None and bool(entry.platform.os and entry.platform.architecture)


def _complete(listed: Platform | None, stated: Platform | None) -> Platform | None:
    """Return the platform that an index lists in part, with the rest as its config states it."""
    if listed is None or stated is None:
        return stated
    named = {name: value for name, value in asdict(listed).items() if value}
    return evolve(stated, **named)


def _is_marked(entries: list[Descriptor]) -> bool:
    """Return True if annotations or names say that entries describe another image."""
    kinds = {entry.annotations.get(_COSIGN_KIND, "") for entry in entries}
    if any(kind.startswith("dev.cosignproject.") and kind not in _COSIGN_IMAGES for kind in kinds):
        return True
    names = _names(entries)
    return bool(names) and all("-" in name and re.fullmatch(_FALLBACK_TAG, name) for name in names)
