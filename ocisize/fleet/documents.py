"""What the documents behind one reference say: the images, their layers, and all other blobs that the reference reaches."""

from __future__ import annotations

import functools

from ocisize.blob.digest import digest_of
from ocisize.errors import ArchiveError, BlobError, DocumentError, NotAnImage, OcisizeError, RegistryError
from ocisize.history.base_image import find_base
from ocisize.history.steps import describe
from ocisize.model.fleet import Blob, BlobKind, FleetImage, FleetLayer
from ocisize.oci.artifacts import find_artifact_kind, find_index_kind
from ocisize.oci.choose import choose_entry
from ocisize.oci.documents import UNKNOWN, Descriptor, History, Index, Manifest, Platform
from ocisize.oci.foreign import is_foreign
from ocisize.oci.image import Image, make_image
from ocisize.oci.index_walk import MAX_INDEX_DEPTH, MAX_INDEX_ENTRIES
from ocisize.oci.media_types import INDEX_TYPES, MANIFEST_TYPES
from ocisize.oci.parse import parse_manifest
from ocisize.oci.platform import is_attestation, normalize, select
from ocisize.oci.read import NOT_FOUND, read_optional_manifest
from ocisize.oci.source import ImageSource
from ocisize.text import printable
from ocisize.values import define, field

_MAX_TEXT = 200  # characters of a build step, and of the name of a base image
_MAX_SHARED = 1 << 16  # layers and build steps that are remembered: images on one base repeat them
_MAX_WARNINGS = 5  # of a root
_UNREADABLE = (ArchiveError, BlobError, DocumentError, RegistryError)


@define
class Documents:
    """What the document of a reference reaches; ``read`` fills it."""

    source: ImageSource
    platform: Platform | None = None  #: the only one in scope
    images: dict[str, FleetImage] = field(factory=dict)  #: by digest
    others: dict[str, Blob] = field(factory=dict)  #: by digest
    absent: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)
    failures: list[OcisizeError] = field(factory=list)  #: of configs; the layers are known nevertheless
    _entries: int = 0

    def read(self, data: bytes) -> bool:
        """Read everything that a manifest or an index reaches; return whether it is an index.

        Raises NoMatchingPlatform if no image is for the platform in scope, and what the source raises.
        """
        try:
            document = parse_manifest(data, "the manifest")
        except NotAnImage as error:
            self.warnings.append(printable(f"it is no image but: {error.kind}"))
            return False
        if isinstance(document, Manifest):
            self._add_manifest(data, document, None)
            return False
        if self.platform is None:
            self._walk(document, 1)
        else:
            choice = choose_entry(self.source, document, digest_of(data), self.platform)
            self.warnings += choice.warnings
            if isinstance(choice.manifest, Manifest):
                self._add_manifest(choice.data, choice.manifest, choice.entry)
        del self.warnings[_MAX_WARNINGS:]
        return True

    def _walk(self, index: Index, depth: int) -> None:
        if depth > MAX_INDEX_DEPTH:
            raise DocumentError(f"indexes are nested more than {MAX_INDEX_DEPTH} deep")
        are_blobs = find_index_kind(index) is not None
        for entry in index.manifests:
            if entry.digest in self.images or entry.digest in self.others:
                continue
            self._entries += 1
            if self._entries > MAX_INDEX_ENTRIES:
                raise DocumentError(f"the index refers to more than {MAX_INDEX_ENTRIES} manifests")
            if are_blobs or entry.media_type not in ("", *MANIFEST_TYPES, *INDEX_TYPES):
                self._add_other(Blob(entry.digest, entry.size, BlobKind.OTHER))
                continue
            found = read_optional_manifest(self.source, entry)
            if found is None:
                self.absent.append(_name_entry(entry))
            elif isinstance(found[1], Index):
                self._add_other(Blob(entry.digest, len(found[0]), BlobKind.INDEX))
                self._walk(found[1], depth + 1)
            else:
                self._add_manifest(found[0], found[1], entry)

    def _add_manifest(self, data: bytes, manifest: Manifest, entry: Descriptor | None) -> None:
        """Add an image, or the blobs of an attestation or another artifact."""
        kind = find_artifact_kind(manifest)
        if kind is None:
            try:
                image = self._read_image(data, manifest, entry)
                self.images[image.digest] = image
            except NotAnImage as error:  # its config is not that of an image
                kind = error.kind
        if kind is not None:
            self._add_artifact(data, manifest, entry)
            if entry is None:
                self.warnings.append(printable(f"it is no image but: {kind}"))

    def _read_image(self, data: bytes, manifest: Manifest, entry: Descriptor | None) -> FleetImage:
        try:
            image = make_image(self.source, data, manifest, entry)
        except NotAnImage:
            raise
        except _UNREADABLE as error:
            if isinstance(error, RegistryError) and error.status != NOT_FOUND:
                raise  # a registry that fails would fail for the others, too
            self.failures.append(error)
            return _make_unexplained(data, manifest, entry)
        if entry is None and self.platform is not None and image.config.os and image.config.architecture:
            select([(image.platform, image.config_descriptor)], self.platform)
        self.warnings += map(printable, image.warnings)
        return _make_image(image, entry)

    def _add_artifact(self, data: bytes, manifest: Manifest, entry: Descriptor | None) -> None:
        kind = BlobKind.ATTESTATION if entry is not None and is_attestation(entry) else BlobKind.OTHER
        if entry is not None:
            self._add_other(Blob(entry.digest, len(data), kind))
        for blob in (manifest.config, *manifest.layers):
            self._add_other(Blob(blob.digest, blob.size, kind))

    def _add_other(self, blob: Blob) -> None:
        self.others.setdefault(blob.digest, blob)


def _make_image(image: Image, entry: Descriptor | None) -> FleetImage:
    config = image.config
    steps = [step for step in config.history if not step.empty_layer]
    base = find_base(config, image.annotations, len(image.layers))
    layers = [
        _share_layer(
            FleetLayer(
                digest=blob.digest,
                size=blob.size,
                diff_id=layer.diff_id,
                media_type=blob.media_type,
                build_step=_describe(steps[layer.index]) if layer.index < len(steps) else "",
                is_foreign=_is_elsewhere(blob),
            )
        )
        for layer in image.layers
        for blob in [layer.pulled_blob or layer.descriptor]
    ]
    return FleetImage(
        digest=image.digest,
        size=image.manifest_size,
        platform=_name_platform(entry, config.platform),
        config=Blob(image.config_descriptor.digest, image.config_descriptor.size, BlobKind.CONFIG),
        layers=tuple(layers),
        created=printable(config.created),
        base_name=_shorten(base.name) if base is not None and base.name else "",
    )


def _make_unexplained(data: bytes, manifest: Manifest, entry: Descriptor | None) -> FleetImage:
    """An image whose config could not be read."""
    layers = [FleetLayer(one.digest, one.size, None, one.media_type, "", _is_elsewhere(one)) for one in manifest.layers]
    return FleetImage(
        digest=digest_of(data),
        size=len(data),
        platform=_name_platform(entry, Platform()),
        config=Blob(manifest.config.digest, manifest.config.size, BlobKind.CONFIG),
        layers=tuple(map(_share_layer, layers)),
    )


@functools.lru_cache(_MAX_SHARED)
def _share_layer(layer: FleetLayer) -> FleetLayer:
    """The layer that was made first of those that are equal: a base has the same layers in all its images."""
    return layer


def _is_elsewhere(blob: Descriptor) -> bool:
    return is_foreign(blob) or bool(blob.urls)


def _name_platform(entry: Descriptor | None, stated: Platform) -> str:
    """The platform that the index names, else the one of the config."""
    listed = entry.platform if entry is not None else None
    if listed is None or listed.os in ("", UNKNOWN) or not listed.architecture:
        listed = stated
    return printable(str(normalize(listed)))


def _name_entry(entry: Descriptor) -> str:
    return printable(str(entry.platform)) if entry.platform is not None and entry.platform.os else entry.digest


def _describe(step: History) -> str:
    return _describe_text(step.created_by, step.comment, step.author)


@functools.lru_cache(_MAX_SHARED)
def _describe_text(created_by: str, comment: str, author: str) -> str:
    return _shorten(describe(History(created_by=created_by, comment=comment, author=author)).shown)


def _shorten(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _MAX_TEXT else f"{shown[: _MAX_TEXT - 1]}…"
