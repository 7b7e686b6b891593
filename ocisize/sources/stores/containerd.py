"""ContainerdSource: an image in the content store of containerd, which Docker 29 and later also use by default.

containerd keeps blobs as registries have them, by digest, and the names of images in a bbolt database:
https://github.com/containerd/containerd/blob/main/docs/content-flow.md. The content store is therefore read as an OCI
layout. Each namespace has other names: ``default`` those of ctr and nerdctl, ``k8s.io`` those of Kubernetes, ``moby``
those of Docker.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ocisize.blob.digest import Digest, is_digest
from ocisize.errors import ArchiveError
from ocisize.logs import Logger
from ocisize.oci.documents import Descriptor
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.oci.read import check_document
from ocisize.sources.folder import FolderStore
from ocisize.sources.oci_layout import LayoutBlobs
from ocisize.sources.saved_images import SavedImage, SavedManifest, cut_list, find_images, shorten
from ocisize.sources.store import StoredSource
from ocisize.sources.stores.bolt import Bucket, open_bolt
from ocisize.sources.stores.choose import choose_in_store, merge_select
from ocisize.sources.stores.documents import AS_ROOT, data_home, exists, read_toml_settings, split_root, text_of
from ocisize.text import printable
from ocisize.values import frozen

SCHEME, MOBY = "containerd", "moby"
_CONFIG = "/etc/containerd/config.toml"
_DEFAULT_ROOT = "/var/lib/containerd"
_OTHER_ROOTS = ("/var/lib/rancher/k3s/agent/containerd", "/var/lib/docker/containerd/daemon")
DATABASE = "io.containerd.metadata.v1.bolt/meta.db"
_CONTENT = "io.containerd.content.v1.content"
_LACKS_MANIFEST = "the store has only the platforms that were pulled: pull the image for this platform"
_LACKS_LAYER = "its settings may discard compressed layers (discard_unpacked_layers): pull the image again"
_log = Logger(__name__)


@frozen
class StoredImage:
    """An image that containerd has a name for."""

    root: str  #: the folder of containerd
    namespace: str
    name: str
    target: Descriptor  #: of its manifest or index

    @property
    def full_name(self) -> str:
        """The name behind the scheme."""
        return f"{self.namespace}/{self.name}"


def open_containerd(text: str, select: str | None = None) -> ContainerdSource:
    """Open an image of ``containerd:``; ``text`` is what follows: ``[ROOT]`` in brackets, a namespace and a name.

    Without a namespace, the name is looked up in all of them, and without a name the only image is opened. Raises
    ArchiveError, which lists the images where the choice is not clear, DocumentError, InvalidReference and ViewError.
    """
    root, name = split_root(text, SCHEME)
    images = list_images([root] if root else find_containerd_roots())
    wanted = merge_select(SCHEME, name, select)
    places = " and ".join(dict.fromkeys(image.root for image in images)) or root or _DEFAULT_ROOT
    scheme = f"{SCHEME}:[{root}]" if root else f"{SCHEME}:"
    image = choose_image(images, wanted, scheme=scheme, place=f"containerd in {printable(places)}")
    _log.info("image %s in namespace %s of %s", printable(image.name), printable(image.namespace), printable(image.root))
    return ContainerdSource(image, form=SCHEME)


def find_containerd_roots(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the folders where containerd may be: that of its settings, that of this user, those of k3s and Docker."""
    environ = os.environ if environ is None else environ
    own = [f"{data_home(environ)}/containerd"] if os.geteuid() else []
    configured = text_of(read_toml_settings(_CONFIG) or {}, "root")
    return list(dict.fromkeys([*own, configured or _DEFAULT_ROOT, *_OTHER_ROOTS]))


def list_images(roots: Sequence[str]) -> list[StoredImage]:
    """Return the images of all roots that may be read, in the order of their namespaces and names.

    Raises ArchiveError for a broken database, and if there is no root that may be read.
    """
    images: list[StoredImage] = []
    refused: list[ArchiveError] = []
    found = [read_root(root, refused) for root in roots]
    for part in found:
        images += part or ()
    if all(part is None for part in found):
        raise (refused or [_no_containerd(roots)])[0]
    return images


def read_root(root: str, refused: list[ArchiveError]) -> list[StoredImage] | None:
    """Return the images of a folder of containerd, None if it is none or may not be read, which is added to ``refused``.

    Raises ArchiveError for a broken database.
    """
    try:
        database = open_bolt(f"{root}/{DATABASE}")
    except ArchiveError as error:
        if error.hint != AS_ROOT:
            raise
        refused.append(error)
        return None
    return None if database is None else list(_read_images(root, database.root))


def _no_containerd(roots: Sequence[str]) -> ArchiveError:
    return ArchiveError(
        f"there is no containerd in {', '.join(map(printable, roots))}",
        hint=f"name its folder: {SCHEME}:[FOLDER]NAMESPACE/NAME",
    )


def _read_images(root: str, database: Bucket) -> Iterator[StoredImage]:
    """Yield the images in a database: ``v1``, the namespace, ``images``, the name, ``target``."""
    version = database.bucket(b"v1")
    for namespace, content in version.items() if version is not None else ():
        images = content.bucket(b"images") if isinstance(content, Bucket) else None
        for name, image in images.items() if images is not None else ():
            target = image.bucket(b"target") if isinstance(image, Bucket) else None
            if target is not None and (descriptor := _read_target(target)) is not None:
                yield StoredImage(root, os.fsdecode(namespace), os.fsdecode(name), descriptor)


def _read_target(target: Bucket) -> Descriptor | None:
    """Return the descriptor of an image, None for one that containerd could not have written."""
    fields = {key: value for key, value in target.items() if isinstance(value, bytes)}
    digest, media_type = (fields.get(key, b"").decode("utf-8", "replace") for key in (b"digest", b"mediatype"))
    size = _decode_varint(fields.get(b"size", b""))
    return Descriptor(Digest(digest), size, media_type) if is_digest(digest) and size >= 0 else None


def _decode_varint(data: bytes) -> int:
    """Return a number as Go's ``binary.PutVarint`` writes it, -1 for bytes that are none.

    >>> _decode_varint(bytes([0xAC, 0x02])), _decode_varint(b"")
    (150, -1)
    """
    value = 0
    for position, byte in enumerate(data[:10]):
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return value >> 1 if not value & 1 and value < 1 << 64 else -1
    return -1


def choose_image(images: Sequence[StoredImage], select: str | None, *, scheme: str, place: str) -> StoredImage:
    """Return the image that a name chooses, with its namespace or without; see ``choose_in_store``.

    ``scheme`` is what comes in front of a namespace. Several names for one image are no choice.
    """
    candidates: Sequence[StoredImage] = images
    namespace, slash, name = (select or "").partition("/")
    if slash and any(image.namespace == namespace for image in images) and not any(image.name == select for image in images):
        candidates, select = [image for image in images if image.namespace == namespace], name or None
    described = [SavedImage((image.name,), (SavedManifest(None, image.target),)) for image in candidates]
    chosen = find_images(described, select) if select else []
    if len({image.manifests[0].id for image in chosen}) != 1:
        try:
            chosen = [choose_in_store(described, select, scheme=scheme, place=place)[0]]
        except ArchiveError as error:
            raise _name_with_namespaces(error, candidates, scheme, numbered=candidates is images) from None
    return candidates[described.index(chosen[0])]


def _name_with_namespaces(
    error: ArchiveError, images: Sequence[StoredImage], scheme: str, *, numbered: bool
) -> ArchiveError:
    """Return the error of a choice with the namespaces of the images that it lists, and their numbers if all are listed."""
    if not images:
        return error
    items = [
        printable(f"{f'@{number} ' if numbered else ''}{image.full_name} ({shorten(image.target.digest)})")
        for number, image in enumerate(images)
    ]
    hint = f"name one of them, such as {scheme}{printable(images[0].full_name)}"
    return ArchiveError(error.heading, items=cut_list(items), hint=hint)


class ContainerdSource(StoredSource):
    """An image of a content store; ``form`` is the format that reports show."""

    def __init__(self, image: StoredImage, *, form: str) -> None:
        self._folder = f"{image.root}/{_CONTENT}"
        if not exists(self._folder):
            raise ArchiveError(f"{printable(self._folder)}: the content store of containerd is missing")
        super().__init__(FolderStore(self._folder))
        self.format, self.reference = form, image.name
        self._blobs, self._target = LayoutBlobs(self._store), image.target

    def read_manifest(self, digest: str | None = None) -> bytes:
        self._require(self._blobs.manifest_name(digest or self._target.digest), "the manifest", _LACKS_MANIFEST)
        data = self._blobs.read_manifest(digest or self._target.digest)
        if digest is None:
            check_document(data, self._target)
        return data

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        is_layer = descriptor.media_type in LAYER_TYPES
        what, hint = ("the layer", _LACKS_LAYER) if is_layer else ("the config", _LACKS_MANIFEST)
        self._require(self.member_name(descriptor), what, hint)
        return super().open_blob(descriptor)

    def member_name(self, descriptor: Descriptor) -> str:
        return self._blobs.member_name(descriptor)

    def _require(self, name: str, what: str, hint: str) -> None:
        """Raise ArchiveError if the store lacks a blob, which is no fault of the store."""
        if not exists(f"{self._folder}/{name}"):
            raise ArchiveError(f"{what} {name.rpartition('/')[2][:12]} is not in the store of containerd", hint=hint)
