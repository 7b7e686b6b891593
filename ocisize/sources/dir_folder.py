"""Folders of the transport ``dir:``, and trees of them, as skopeo, podman and buildah write them.

A folder has ``manifest.json`` with a manifest or an index, and blobs that are named by the hex digits of their digests. The
manifests of an index are ``HEX.manifest.json`` (https://github.com/containers/image, ``directory/``). ``skopeo sync`` writes
a tree of such folders, whose paths are the names of the images.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ocisize.blob.compression import PLAIN, detect_compression
from ocisize.blob.digest import digest_of, is_digest
from ocisize.errors import ArchiveError, DocumentError, OcisizeError
from ocisize.oci.documents import Descriptor, Index, Manifest
from ocisize.oci.media_types import LAYER_TYPES, OCI_INDEX
from ocisize.oci.parse import MAX_MANIFEST, parse_manifest
from ocisize.sources.folder import open_file
from ocisize.sources.saved_images import SavedImage
from ocisize.sources.store import Store, StoredSource

if TYPE_CHECKING:
    from pathlib import Path

_VERSION = b"Directory Transport Version:"
_MAX_DEPTH = 8  # folders from the root of a tree to an image: a host and a repository
_MAX_FOLDERS = 20_000  # that are looked at: the text may name any folder


class DirBlobs(StoredSource):
    """The manifests and blobs of a folder by digest."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._root = store.read("manifest.json", MAX_MANIFEST)
        self._root_digest = digest_of(self._root)

    def root(self) -> Descriptor:
        """Return the descriptor of the manifest or index; raise DocumentError if it is neither."""
        document = parse_manifest(self._root, "manifest.json")
        media_type = document.media_type or (OCI_INDEX if isinstance(document, Index) else "")
        return Descriptor(self._root_digest, len(self._root), media_type)

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest in (None, self._root_digest):
            return self._root
        return self._store.read(f"{_encoded(digest or '')}.manifest.json", MAX_MANIFEST)

    def is_decompressed(self, images: Iterable[SavedImage]) -> bool:
        """Return True if a layer is plain, and its media type says that it is not.

        podman 4.3.1 decompresses layers for ``save --format docker-dir`` and leaves their media types. Their compressed
        sizes are then unknown.
        """
        stored = [manifest.stored for image in images for manifest in image.manifests if manifest.stored is not None]
        return any(
            LAYER_TYPES.get(layer.media_type) not in (None, PLAIN) and self._is_plain(layer)
            for descriptor in stored
            for layer in self._list_layers(descriptor)
        )

    def _list_layers(self, descriptor: Descriptor) -> Sequence[Descriptor]:
        try:
            document = parse_manifest(self.read_manifest(descriptor.digest), "the manifest")
        except OcisizeError:
            return ()
        return document.layers if isinstance(document, Manifest) else ()

    def _is_plain(self, layer: Descriptor) -> bool:
        try:
            head = next(iter(self.open_blob(layer)), b"")
        except OcisizeError:
            return False
        return detect_compression(head) == PLAIN

    def member_name(self, descriptor: Descriptor) -> str:
        return _encoded(descriptor.digest)


def _encoded(digest: str) -> str:
    if not is_digest(digest):
        raise DocumentError(f"{digest!r} is not a digest")
    return digest.partition(":")[2]


def is_dir_manifest(document: Any) -> bool:
    """Return True if a decoded ``manifest.json`` is that of an image, as in the transport ``dir:``.

    >>> is_dir_manifest({"schemaVersion": 2, "config": {}, "layers": []}), is_dir_manifest({"name": "a web page"})
    (True, False)
    """
    return isinstance(document, dict) and "schemaVersion" in document


def find_dir_folders(root: Path) -> list[str]:
    """Return the paths of all images of the transport ``dir:`` below a folder, sorted, relative to the folder.

    Links are not followed. Raises ArchiveError if there are more than 20,000 folders and one of them has an image.
    """
    found: list[str] = []
    for count, (path, names) in enumerate(_walk(root)):
        if count >= _MAX_FOLDERS:
            if found:
                raise ArchiveError(f"{root} has more than {_MAX_FOLDERS} folders", hint="name the folder of one image")
            return []
        if {"version", "manifest.json"} <= names and _is_dir_version(path / "version"):
            found.append(path.relative_to(root).as_posix())
    return sorted(found)


def _walk(root: Path) -> Iterator[tuple[Path, set[str]]]:
    """Yield the folders below a folder with the names of their files."""
    pending = [(root, 0)]
    while pending:
        folder, depth = pending.pop()
        files, folders = set[str](), list[str]()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
                    else:
                        files.add(entry.name)
        except OSError:  # a folder that may not be read has no image for this user
            continue
        if folder != root:
            yield folder, files
        if depth < _MAX_DEPTH:
            pending += [(folder / name, depth + 1) for name in folders]


def _is_dir_version(path: Path) -> bool:
    try:
        descriptor = open_file(path)
    except ArchiveError:
        return False
    try:
        return os.read(descriptor, len(_VERSION)) == _VERSION
    except OSError:
        return False
    finally:
        os.close(descriptor)
