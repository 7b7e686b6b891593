"""StorageRoot: the images, layers and documents below one folder of containers/storage.

https://github.com/containers/storage: ``<driver>-images/images.json`` lists images, and the folder of an image beside it has
its documents, which containers/storage calls big data. ``<driver>-layers/layers.json`` lists layers, each with its parent;
``volatile-layers.json`` beside it has layers of containers only, and is not read. The tar-split of a layer is beside it,
too, and its files are below ``<driver>/``. Engines replace these lists by renaming others over them, so that readers need
no lock.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from ocisize.blob.digest import is_digest
from ocisize.errors import ArchiveError, DocumentError
from ocisize.oci.strict_json import expect_object, expect_text, expect_texts, expect_type, load_json
from ocisize.patterns import lazy_pattern
from ocisize.sources.stores.documents import exists, read_document
from ocisize.sources.stores.unpacked_layer import UnpackedLayer
from ocisize.values import frozen

MANIFEST = "manifest"  #: key of the manifest among the documents of an image
_ID = lazy_pattern(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,254}")  # of images and layers: a name of a file
_PLAIN_KEY = lazy_pattern(r"[.0-9a-z]+")  # of big data whose file has the same name
_COMPRESSIONS = {0: "plain", 1: "bzip2", 2: "gzip", 3: "xz", 4: "zstd"}  # pkg/archive of containers/storage
_Record = TypeVar("_Record")


@frozen
class ImageRecord:
    """An image of ``images.json``."""

    id: str  #: hex digits of the config's digest
    names: tuple[str, ...]
    digests: tuple[str, ...]  #: of the manifest, and of the index that it was pulled from
    manifest_digest: str  #: of the manifest; "" if it is not noted
    layer: str  #: ID of the uppermost layer; "" for an image without layers
    documents: tuple[str, ...]  #: keys of big data


@frozen
class LayerRecord:
    """A layer of ``layers.json``."""

    id: str
    parent: str  #: ID of the layer below; "" at the base
    diff_digest: str  #: the diff_id; "" if it is not noted
    diff_size: int  #: bytes of the tar; -1 if they are not noted
    compressed_digest: str  #: of the blob that was pulled, or of the tar; "" if it is not noted
    compressed_size: int  #: bytes of that blob; 0 or -1 if they are not noted
    compression: str  #: of that blob

    @property
    def is_pulled(self) -> bool:
        """True if the layer came as a compressed blob, whose size is noted."""
        return self.compressed_digest not in ("", self.diff_digest) and self.compressed_size > 0


def big_data_file(key: str) -> str:
    """Return the name of the file that has a document.

    >>> big_data_file("manifest"), big_data_file("sha256:00")
    ('manifest', '=c2hhMjU2OjAw')
    """
    return key if _PLAIN_KEY.fullmatch(key) else "=" + b64encode(key.encode()).decode()


@frozen(slots=False)  # with a dictionary for the cached properties
class StorageRoot:
    """One folder of a storage, read with one driver."""

    path: str
    driver: str  #: ``overlay`` or ``vfs``
    rights_hint: str  #: what to do about files that may not be read

    @cached_property
    def images(self) -> Sequence[ImageRecord]:
        """All images, the layers of build steps included. Raises ArchiveError and DocumentError."""
        return self._read_list(f"{self.driver}-images/images.json", _read_image)

    @cached_property
    def layers(self) -> Mapping[str, LayerRecord]:
        """All layers by ID. Raises ArchiveError and DocumentError."""
        return {layer.id: layer for layer in self._read_list(f"{self.driver}-layers/layers.json", _read_layer)}

    def read_big_data(self, image: ImageRecord, key: str, limit: int) -> bytes:
        """Return a document of an image; raise ArchiveError if it is missing, may not be read or has too many bytes."""
        path = f"{self.path}/{self.driver}-images/{image.id}/{big_data_file(key)}"
        data = read_document(path, limit=limit, rights_hint=self.rights_hint)
        if data is None:
            raise ArchiveError(f"the storage has no {key} of image {image.id[:12]}", hint="pull or build the image again")
        return data

    def unpacked(self, layer: LayerRecord) -> UnpackedLayer:
        """Return the files of a layer."""
        split = f"{self.path}/{self.driver}-layers/{layer.id}.tar-split.gz"
        is_overlay = self.driver == "overlay"
        return UnpackedLayer(
            folder=f"{self.path}/overlay/{layer.id}/diff" if is_overlay else f"{self.path}/vfs/dir/{layer.id}",
            split=split if exists(split, rights_hint=self.rights_hint) else None,
            rights_hint=self.rights_hint,
            can_walk=is_overlay,
        )

    def _read_list(self, name: str, read: Callable[[Any], _Record]) -> list[_Record]:
        path = f"{self.path}/{name}"
        data = read_document(path, rights_hint=self.rights_hint)
        documents = load_json(data, path) if data else []
        try:
            return [read(document) for document in expect_type(documents or [], list)]
        except (LookupError, TypeError, ValueError) as error:
            raise DocumentError(f"{path} is not valid", problems=[str(error)]) from None


def _read_image(document: Any) -> ImageRecord:
    fields = expect_object(document, ())
    digests = expect_object(fields.get("big-data-digests", {}), ())
    manifest_digest = _read_digest(digests, MANIFEST)
    return ImageRecord(
        id=_read_id(fields, "id"),
        names=expect_texts(fields, "names"),
        digests=tuple(dict.fromkeys(filter(None, (manifest_digest, _read_digest(fields, "digest"))))),
        manifest_digest=manifest_digest,
        layer=_read_id(fields, "layer") if fields.get("layer") else "",
        documents=expect_texts(fields, "big-data-names"),
    )


def _read_layer(document: Any) -> LayerRecord:
    fields = expect_object(document, ())
    return LayerRecord(
        id=_read_id(fields, "id"),
        parent=_read_id(fields, "parent") if fields.get("parent") else "",
        diff_digest=_read_digest(fields, "diff-digest"),
        diff_size=_read_size(fields, "diff-size"),
        compressed_digest=_read_digest(fields, "compressed-diff-digest"),
        compressed_size=_read_size(fields, "compressed-size"),
        compression=_COMPRESSIONS.get(expect_type(fields.get("compression", 0), int), "plain"),
    )


def _read_id(fields: Mapping[str, Any], name: str) -> str:
    text = expect_text(fields, name)
    if not _ID.fullmatch(text):
        raise ValueError(f"{name}: {text[:100]!r} is not an ID")
    return text


def _read_digest(fields: Mapping[str, Any], name: str) -> str:
    text = expect_text(fields, name)
    if text and not is_digest(text):
        raise ValueError(f"{name}: {text[:100]!r} is not a digest")
    return text


def _read_size(fields: Mapping[str, Any], name: str) -> int:
    size = expect_type(fields.get(name, -1), int)
    if not -1 <= size < 1 << 63:
        raise ValueError(f"{name}: the number is not a size")
    return size
