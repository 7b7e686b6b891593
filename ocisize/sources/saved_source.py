"""SavedSource: the chosen image of a saved file or folder, or the images of one name for several platforms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ocisize.errors import ArchiveError, DocumentError
from ocisize.oci.documents import Descriptor, Platform
from ocisize.oci.media_types import OCI_INDEX
from ocisize.oci.parse import MAX_MANIFEST, check_media_type
from ocisize.oci.platform import find_subject
from ocisize.oci.read import check_document
from ocisize.sources.docker_archive import LEFT_OUT, LEFT_OUT_HINT, MEMBER, ComposedManifest, compose_manifests
from ocisize.sources.saved_images import ArchiveItem, SavedImage, SavedManifest
from ocisize.sources.store import Store, StoredSource

_CONFLICT_HINT = "choose the document: oci-archive:FILE reads index.json, docker-archive:FILE reads manifest.json"


class SavedSource(StoredSource):
    """The images of one name in a saved file; ``images`` are those that ``choose_images`` returns.

    A single image is read by its stored manifest or index. Other manifests, and an index of several images, are composed.
    ``blobs`` reads stored manifests and blobs by digest; without ``owns_store``, closing leaves the store open. Raises
    ArchiveError and DocumentError for missing and broken files of a composed manifest.
    """

    def __init__(
        self,
        store: Store,
        blobs: StoredSource,
        images: Sequence[SavedImage],
        *,
        form: str,
        reference: str | None = None,
        keeps_compression: bool = True,
        owns_store: bool = True,
    ) -> None:
        super().__init__(store)
        self._owns_store = owns_store
        self._blobs = blobs
        self.format, self.reference, self.keeps_compression = form, reference, keeps_compression
        manifests = [manifest for image in images for manifest in image.manifests]
        self._conflicts: dict[str, str] = {
            manifest.stored.digest: manifest.conflict for manifest in manifests if manifest.stored and manifest.conflict
        }
        self._composed = self._compose([manifest for manifest in manifests if manifest.stored is None])
        self._by_digest: dict[str, ComposedManifest] = {
            composed.descriptor.digest: composed for composed in self._composed.values()
        }
        self.has_manifest = not self._composed
        self.warnings = [
            *dict.fromkeys(manifest.warning for manifest in manifests if manifest.warning),
            *(warning for composed in self._composed.values() for warning in composed.warnings),
        ]
        self._attestations = [attestation for image in images for attestation in image.attestations]
        self._root: Descriptor | bytes
        if len(images) == 1 and (images[0].index is not None or len(manifests) == 1):
            self._root = images[0].index or self._descriptor(manifests[0])
        else:
            self._root = self._compose_index(images)
            self.has_index = False

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is not None:
            return self._read(digest)
        if isinstance(self._root, bytes):
            return self._root
        data = self._read(self._root.digest)
        check_document(data, self._root)
        check_media_type(data, f"the manifest {self._root.digest}", self._root.media_type)
        return data

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        if not self.member_name(descriptor):
            raise ArchiveError(LEFT_OUT, hint=LEFT_OUT_HINT)
        return super().open_blob(descriptor)

    def blob_position(self, descriptor: Descriptor) -> int:
        return super().blob_position(descriptor) if self.member_name(descriptor) else 0

    def member_name(self, descriptor: Descriptor) -> str:
        member = descriptor.annotations.get(MEMBER, "")
        if any(member in composed.members.get(descriptor.digest, ()) for composed in self._composed.values()):
            return member
        return self._blobs.member_name(descriptor)

    def find_attestation(self, digest: str) -> Descriptor | None:
        return next((entry for entry in self._attestations if find_subject(entry) == digest), None)

    def close(self) -> None:
        if self._owns_store:
            super().close()

    def _read(self, digest: str) -> bytes:
        if digest in self._conflicts:
            raise DocumentError(
                f"index.json and manifest.json contradict each other: {self._conflicts[digest]}", hint=_CONFLICT_HINT
            )
        if digest in self._by_digest:
            return self._by_digest[digest].data
        return self._blobs.read_manifest(digest)

    def _compose(self, manifests: Sequence[SavedManifest]) -> dict[ArchiveItem, ComposedManifest]:
        """Return a manifest for each item of ``manifest.json``."""
        items = list(dict.fromkeys(manifest.item for manifest in manifests if manifest.item is not None))
        return dict(zip(items, compose_manifests(self._store, items), strict=True))

    def _descriptor(self, manifest: SavedManifest) -> Descriptor:
        if manifest.stored is not None:
            return manifest.stored
        return self._composed[manifest.item or ArchiveItem("")].descriptor

    def _compose_index(self, images: Sequence[SavedImage]) -> bytes:
        """Return an index of images for several platforms, and of the attestations about them."""
        entries: list[dict[str, Any]] = []
        for image in images:
            if image.index is not None:
                entries.append(_to_json(image.index, None))
            else:
                entries += [_to_json(self._descriptor(manifest), manifest.platform) for manifest in image.manifests]
            entries += [_to_json(attestation, attestation.platform) for attestation in image.attestations]
        data = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
        if len(data) > MAX_MANIFEST:
            raise DocumentError(f"the index of {len(entries)} images has {len(data)} bytes, more than {MAX_MANIFEST}")
        return data


def _to_json(descriptor: Descriptor, platform: Platform | None) -> dict[str, Any]:
    document: dict[str, Any] = {"digest": descriptor.digest, "size": descriptor.size}
    if descriptor.media_type:
        document["mediaType"] = descriptor.media_type
    if descriptor.annotations:
        document["annotations"] = dict(descriptor.annotations)
    if platform is not None:
        names = {"os": "os", "architecture": "architecture", "variant": "variant", "os_version": "os.version"}
        document["platform"] = {
            json_name: value for name, json_name in names.items() if (value := getattr(platform, name)) is not None
        }
    return document
