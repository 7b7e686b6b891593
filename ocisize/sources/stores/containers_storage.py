"""ContainersStorage: an image in the storage of podman, buildah or CRI-O, read from disk as its user.

The storage has the manifest as it was pulled, and the files of each layer unpacked. The tar of a layer is rebuilt and has
its diff_id; of the blob that was pulled, only the digest and the size are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from ocisize.blob.compression import PLAIN
from ocisize.blob.digest import Digest, check_digest
from ocisize.errors import ArchiveError, OcisizeError
from ocisize.logs import Logger
from ocisize.oci.documents import Descriptor
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.oci.parse import MAX_CONFIG, MAX_MANIFEST
from ocisize.oci.source import ImageSource, RebuiltLayer
from ocisize.sources.saved_images import SavedImage, SavedManifest
from ocisize.sources.stores.choose import choose_in_store, merge_select
from ocisize.sources.stores.storage_conf import StorageSettings, find_driver, find_settings, split_location
from ocisize.sources.stores.storage_records import MANIFEST, ImageRecord, LayerRecord, StorageRoot
from ocisize.sources.stores.unpacked_layer import UnpackedLayer
from ocisize.text import printable
from ocisize.tuples import NamedTuple

SCHEME = "containers-storage"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_log = Logger(__name__)


class _HeldImage(NamedTuple):
    """An image with the folder that has it."""

    root: StorageRoot
    record: ImageRecord


class _HeldLayer(NamedTuple):
    """A layer with the folder that has it."""

    root: StorageRoot
    record: LayerRecord

    @property
    def unpacked(self) -> UnpackedLayer:
        """The files of the layer."""
        return self.root.unpacked(self.record)


def open_containers_storage(text: str, select: str | None = None) -> ContainersStorage:
    """Open an image of ``containers-storage:``; ``text`` is what follows, with the folders of the storage in brackets.

    Without a name, the only image is opened. Raises ArchiveError, which lists the images where the choice is not clear,
    DocumentError, InvalidReference and ViewError.
    """
    given, name = split_location(text)
    wanted = merge_select(SCHEME, name, select)
    settings = given or find_settings()
    roots = find_roots(settings)
    held = list_held_images(roots)
    scheme = f"{SCHEME}:{text.removesuffix(name)}"
    place = f"the storage {roots[0].path}"
    chosen, found = choose_in_store(
        [describe_image(image.record) for image in held], _find_by_digest(held, wanted), scheme=scheme, place=place
    )
    image = next(image for image in held if f"sha256:{image.record.id}" == chosen.manifests[0].config)
    _log.info("image %s in %s, driver %s", image.record.id, printable(image.root.path), image.root.driver)
    return ContainersStorage(roots, image, found)


def find_roots(settings: StorageSettings) -> list[StorageRoot]:
    """Return the folders of a storage that exist; raise ArchiveError if there are none, or if they may not be read."""
    found = [(path, find_driver(path, settings)) for path in settings.roots]
    roots = [StorageRoot(path, driver, settings.rights_hint) for path, driver in found if driver is not None]
    if not roots:
        raise ArchiveError(
            f"there is no storage of podman or buildah in {', '.join(map(printable, settings.roots))}",
            hint="name its folder: containers-storage:[FOLDER]NAME; root and each user have their own storage",
        )
    return roots


def list_held_images(roots: Iterable[StorageRoot]) -> list[_HeldImage]:
    """Return the images of all roots, those of one ID once."""
    held: dict[str, _HeldImage] = {}
    for root in roots:
        for record in root.images:
            held.setdefault(record.id, _HeldImage(root, record))
    return list(held.values())


def describe_image(record: ImageRecord) -> SavedImage:
    """Return the image for the choice among all, by its names and its ID."""
    return SavedImage(record.names, (SavedManifest(None, config=Digest(f"sha256:{record.id}")),))


def _find_by_digest(held: Iterable[_HeldImage], select: str | None) -> str | None:
    """Return the ID of the image with the digest of a manifest or an index, and any other text as it is."""
    digest = (select or "").rpartition("@")[2]
    return next((f"sha256:{record.id}" for _, record in held if digest in record.digests), select)


class ContainersStorage(ImageSource):
    """An image of a storage. ``name`` is the name by which it was chosen."""

    format = SCHEME
    is_local = True
    keeps_compression = False

    def __init__(self, roots: Sequence[StorageRoot], image: _HeldImage, name: str | None) -> None:
        self.reference = name
        self._roots, self._image = roots, image
        self._layers: Mapping[str, _HeldLayer] | None = None
        self._rebuilt: dict[str, _HeldLayer] = {}
        self.warnings: list[str] = []

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is None:
            root, record = self._image
            data = root.read_big_data(record, MANIFEST, MAX_MANIFEST)
            if record.manifest_digest:
                check_digest(data, record.manifest_digest)
            return data
        return self._read_document([f"{MANIFEST}-{digest}"], digest, MAX_MANIFEST, what="manifest")

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        if (layer := self._rebuilt.get(descriptor.digest)) is not None:
            return layer.unpacked.read()
        if descriptor.media_type in LAYER_TYPES:
            raise ArchiveError("the layer is not in the storage", hint="pull the image again")
        return [self._read_document([descriptor.digest], descriptor.digest, MAX_CONFIG, what="config")]

    def rebuilt_layer(self, descriptor: Descriptor, diff_id: str | None) -> RebuiltLayer | None:
        layers = self._index_layers()
        layer = layers.get(diff_id or "") or layers.get(descriptor.digest)
        if layer is None:
            return None
        record, unpacked = layer.record, layer.unpacked
        digest = record.diff_digest or diff_id or descriptor.digest
        self._rebuilt[digest] = layer
        if not unpacked.is_exact:
            self._warn(
                f"the storage has no tar-split of layer {record.id[:12]}: its order and the overhead of its tar are unknown"
            )
        return RebuiltLayer(
            Descriptor(Digest(digest), _size_of(unpacked, record), _LAYER_TYPE),
            *_find_pulled(descriptor, record),
            is_exact=unpacked.is_exact,
        )

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _read_document(self, keys: Sequence[str], digest: str, limit: int, *, what: str) -> bytes:
        """Return a document of this image or of another one: an index of ``podman manifest`` names others."""
        for root, record in chain([self._image], list_held_images(self._roots)):
            for key in keys:
                if key in record.documents:
                    return root.read_big_data(record, key, limit)
            if what == MANIFEST and record.manifest_digest == digest:
                return root.read_big_data(record, MANIFEST, limit)
        raise ArchiveError(f"the storage has no {what} {digest}", hint="pull the image for this platform")

    def _index_layers(self) -> Mapping[str, _HeldLayer]:
        """All layers by the digests of their tars and blobs; those of the image win, as other notes may have less."""
        if self._layers is None:
            layers: dict[str, _HeldLayer] = {}
            for layer in chain(self._chain(), self._all_layers()):
                for digest in filter(None, (layer.record.diff_digest, layer.record.compressed_digest)):
                    layers.setdefault(digest, layer)
            self._layers = layers
        return self._layers

    def _all_layers(self) -> Iterator[_HeldLayer]:
        return (_HeldLayer(root, record) for root in self._roots for record in root.layers.values())

    def _chain(self) -> Iterator[_HeldLayer]:
        """The layers of the image, the uppermost first; those of a base image may be in another root."""
        by_id: dict[str, _HeldLayer] = {}
        for layer in self._all_layers():
            by_id.setdefault(layer.record.id, layer)
        found = by_id.pop(self._image.record.layer, None)
        while found is not None:
            yield found
            found = by_id.pop(found.record.parent, None)  # a layer that is its own parent ends the chain


def _size_of(unpacked: UnpackedLayer, record: LayerRecord) -> int:
    """Return the bytes of a layer's tar; 0 for a layer that cannot be read, whose reading raises the error."""
    if unpacked.is_exact and record.diff_size >= 0:
        return record.diff_size
    try:
        return unpacked.size()
    except OcisizeError:
        return 0


def _find_pulled(descriptor: Descriptor, record: LayerRecord) -> tuple[Descriptor | None, str]:
    """Return the blob that a registry has of a layer and its compression; None if only its tar is known.

    ``descriptor`` is that of the manifest: the registry's own for a pulled image, that of the tar for a built one.
    """
    named = LAYER_TYPES.get(descriptor.media_type)
    if descriptor.digest != record.diff_digest and (named is not None or record.is_pulled) and named != PLAIN:
        return descriptor, named or record.compression
    if record.is_pulled:
        media_type = f"{_LAYER_TYPE}+{record.compression}" if record.compression != PLAIN else _LAYER_TYPE
        return Descriptor(Digest(record.compressed_digest), record.compressed_size, media_type), record.compression
    return None, PLAIN
