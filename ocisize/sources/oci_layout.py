"""LayoutSource: an image of an OCI layout in a folder or a tar: ``oci-layout``, ``index.json``, ``blobs/<algorithm>/<hex>``.

Specification: https://github.com/opencontainers/image-spec/blob/main/image-layout.md. Blobs may be missing. Entries of
``index.json`` may repeat (Docker writes one per tag) and may be nested indexes.
"""

from __future__ import annotations

import json

from ocisize.blob.digest import is_digest
from ocisize.errors import ArchiveError, DocumentError
from ocisize.oci.documents import Descriptor, Index
from ocisize.oci.media_types import INDEX_TYPES
from ocisize.oci.parse import MAX_MANIFEST, parse_manifest
from ocisize.oci.platform import image_entries
from ocisize.oci.read import check_document
from ocisize.oci.reference import same_name
from ocisize.sources.store import Store, StoredSource

_REF_NAME = "org.opencontainers.image.ref.name"
_IMAGE_NAME = "io.containerd.image.name"


class LayoutSource(StoredSource):
    """An image of an OCI layout; ``select`` is the tag, full name, digest or ``@N`` of one of several.

    Raises ArchiveError and DocumentError.
    """

    def __init__(self, store: Store, *, form: str, keeps_compression: bool = True, select: str | None = None) -> None:
        super().__init__(store)
        self.format, self.keeps_compression = form, keeps_compression
        data = store.read("index.json")
        document = parse_manifest(data, "index.json")
        if not isinstance(document, Index):
            raise DocumentError("index.json is not an image index")
        self.is_empty = not document.manifests  #: True if ``index.json`` has no entry; reading then raises
        if select is not None and len(entries := _select_entries(document, select)) > 1:  # a name for several platforms
            wanted = {entry.digest for entry in entries}
            raw = json.loads(data)
            data = json.dumps(
                raw | {"manifests": [entry for entry in raw["manifests"] if entry["digest"] in wanted]}
            ).encode()
            self._root = None
        else:
            self._root = _select(document, select) if document.manifests else None
        self._index = data
        self.reference = select or _only_name(document, self._root)

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is None:
            if self._root is None:
                return self._index
            data = self._store.read(_blob_name(self._root.digest), MAX_MANIFEST)
            check_document(data, self._root)
            return data
        return self._store.read(_blob_name(digest), MAX_MANIFEST)

    def member_name(self, descriptor: Descriptor) -> str:
        return _blob_name(descriptor.digest)


def _blob_name(digest: str) -> str:
    if not is_digest(digest):
        raise DocumentError(f"{digest!r} is not a digest")
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded}"


def _names(descriptor: Descriptor) -> list[str]:
    return [descriptor.annotations[key] for key in (_IMAGE_NAME, _REF_NAME) if key in descriptor.annotations]


def _select_entries(index: Index, select: str) -> list[Descriptor]:
    """Return the entries of a name, a digest or ``@N``, each digest once."""
    entries = image_entries(index.manifests)
    numbered = {f"@{number}": entry for number, entry in enumerate(entries)}
    if select in numbered:
        return [numbered[select]]
    named = [
        entry
        for entry in index.manifests
        if entry.digest == select or any(same_name(name, select) for name in _names(entry))
    ]
    return list({entry.digest: entry for entry in named}.values())


def _only_name(index: Index, root: Descriptor | None) -> str | None:
    names = [names[0] for entry in index.manifests if root in (None, entry) and (names := _names(entry))]
    return names[0] if len(set(names)) == 1 else None


def _select(index: Index, select: str | None) -> Descriptor | None:
    """Return the entry to read, or None if the index itself is the image (one entry per platform)."""
    if select is not None:
        for entry in _select_entries(index, select):
            return entry
        raise ArchiveError(f"no image {select!r} in the layout; it contains: {_listing(index)}")
    entries = image_entries(index.manifests)
    if not entries:
        raise ArchiveError("the layout contains no image")
    if len(entries) == 1:
        return entries[0]
    names = {name for entry in index.manifests for name in _names(entry)[:1]}
    platforms = [entry.platform for entry in entries]
    by_platform = None not in platforms and len(set(platforms)) == len(platforms)
    if len(names) <= 1 and by_platform and not any(entry.media_type in INDEX_TYPES for entry in entries):
        return None
    raise ArchiveError(f"the layout contains several images: {_listing(index)}", hint="choose one with --select NAME")


def _listing(index: Index) -> str:
    entries = image_entries(index.manifests)
    return ", ".join(dict.fromkeys((_names(entry) or [entry.digest])[0] for entry in entries)) or "none"
