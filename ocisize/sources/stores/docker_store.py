"""``docker-store:``: an image in the data folder of the Docker engine, read from disk as root.

Up to Docker 28, and in installations that were upgraded, a storage driver keeps the images: ``docker_root``. It has no
manifests and no compressed layers. Docker 29 keeps images in containerd, in the namespace ``moby``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ocisize.blob.compression import PLAIN
from ocisize.blob.digest import Digest, digest_of
from ocisize.errors import ArchiveError, DocumentError, OcisizeError
from ocisize.logs import Logger
from ocisize.oci.documents import Descriptor
from ocisize.oci.image import MAX_LAYERS
from ocisize.oci.media_types import DOCKER_CONFIG, DOCKER_MANIFEST, docker_layer_type
from ocisize.oci.parse import parse_config
from ocisize.oci.reference import canonical_name
from ocisize.oci.source import ImageSource, RebuiltLayer
from ocisize.sources.saved_images import SavedImage, SavedManifest
from ocisize.sources.stores.choose import choose_in_store, merge_select
from ocisize.sources.stores.containerd import MOBY, ContainerdSource, StoredImage, find_containerd_roots, read_root
from ocisize.sources.stores.docker_root import DRIVERS, DockerRoot, chain_ids, find_docker_roots, find_other_drivers
from ocisize.sources.stores.documents import data_home, read_json_settings, split_root, text_of
from ocisize.sources.stores.unpacked_layer import UnpackedLayer
from ocisize.text import printable
from ocisize.tuples import NamedTuple

SCHEME = "docker-store"
_SETTINGS = "/etc/docker/daemon.json"
_DEFAULT_ROOT = "/var/lib/docker"
_MANAGED = "containerd/daemon"  # of a containerd that Docker runs, in the data folder
_DANGLING = "moby-dangling@"  # beginning of the name of an image without one
_log = Logger(__name__)


class _ClassicImage(NamedTuple):
    """An image of a storage driver."""

    root: DockerRoot
    id: Digest


def open_docker_store(text: str, select: str | None = None) -> ImageSource:
    """Open an image of ``docker-store:``; ``text`` is what follows: ``[DATA-ROOT]`` in brackets, and a name.

    Without a name, the only image is opened. An image in containerd is preferred to one of the same name that an upgrade
    left in the store of a storage driver. Raises ArchiveError, which lists the images where the choice is not clear,
    DocumentError, InvalidReference and ViewError.
    """
    root, name = split_root(text, SCHEME)
    wanted = merge_select(SCHEME, name, select)
    paths = [root] if root else find_data_roots()
    images = list_stored(paths, with_system=not root)
    scheme = f"{SCHEME}:[{root}]" if root else f"{SCHEME}:"
    chosen, found = choose_in_store(
        [image for image, _ in images],
        wanted,
        scheme=scheme,
        place=f"the store of Docker in {printable(' and '.join(paths))}",
    )
    held = next(held for image, held in images if image == chosen)
    _log.info("image %s in %s", printable(str(chosen)), "containerd" if isinstance(held, StoredImage) else held.root.path)
    if isinstance(held, StoredImage):
        return ContainerdSource(held, form=SCHEME)
    return DockerStore(held.root, held.id, found)


def find_data_roots(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the folders where Docker may keep its data: that of a user's own engine, and that of the system's settings."""
    environ = os.environ if environ is None else environ
    own = [f"{data_home(environ)}/docker"] if os.geteuid() else []
    return [*own, text_of(read_json_settings(_SETTINGS), "data-root") or _DEFAULT_ROOT]


def list_stored(paths: Sequence[str], *, with_system: bool) -> list[tuple[SavedImage, StoredImage | _ClassicImage]]:
    """Return all images with what is needed to open them; ``with_system``: those in the system's containerd, too."""
    refused: list[ArchiveError] = []
    roots = [f"{path}/{_MANAGED}" for path in paths] + (find_containerd_roots() if with_system else [])
    images: list[tuple[SavedImage, StoredImage | _ClassicImage]] = [
        (_describe(image), image)
        for root in dict.fromkeys(roots)
        for image in read_root(root, refused) or ()
        if image.namespace == MOBY
    ]
    taken = {canonical_name(name) for image, _ in images for name in image.names}
    for root in _find_roots(paths, refused):
        for image_id, names in root.list_images().items():
            own = tuple(name for name in names if canonical_name(name) not in taken)
            if own or not names:
                images.append((SavedImage(own, (SavedManifest(None, config=image_id),)), _ClassicImage(root, image_id)))
    if not images:
        raise (refused or [_no_images(paths)])[0]
    return images


def _find_roots(paths: Sequence[str], refused: list[ArchiveError]) -> list[DockerRoot]:
    """Return the data folders with images of a storage driver; one that may not be read is added to ``refused``."""
    try:
        return find_docker_roots(paths)
    except ArchiveError as error:
        refused.append(error)
        return []


def _no_images(paths: Sequence[str]) -> ArchiveError:
    if drivers := find_other_drivers(paths):
        return ArchiveError(
            f"{printable(' and '.join(paths))} has images of the storage driver {', '.join(map(printable, drivers))}; "
            f"{', '.join(DRIVERS)} are read",
            hint="let the engine save the image: docker save NAME | ocisize -",
        )
    return ArchiveError(
        f"there are no images of Docker in {printable(' and '.join(paths))}",
        hint=f"name the folder that docker info shows as Docker Root Dir: {SCHEME}:[FOLDER]NAME",
    )


def _describe(image: StoredImage) -> SavedImage:
    names = () if image.name.startswith(_DANGLING) else (image.name,)
    return SavedImage(names, (SavedManifest(None, image.target),))


class DockerStore(ImageSource):
    """An image of a storage driver. ``name`` is the name by which it was chosen.

    Raises ArchiveError and DocumentError for missing and broken files of the store.
    """

    format = SCHEME
    is_local = True
    keeps_compression = False
    has_manifest = False

    def __init__(self, root: DockerRoot, image_id: Digest, name: str | None) -> None:
        self.reference = name
        self._config = root.read_config(image_id)
        diff_ids = parse_config(self._config, f"the config {image_id}").rootfs.diff_ids
        if len(diff_ids) > MAX_LAYERS:
            raise DocumentError(f"the image has {len(diff_ids)} layers, more than {MAX_LAYERS}")
        self._layers: dict[str, UnpackedLayer] = {}
        for diff_id, chain_id in zip(diff_ids, chain_ids(diff_ids), strict=True):
            self._layers.setdefault(diff_id, root.unpacked(chain_id))
        self._manifest = _compose(
            self._config, diff_ids, {diff_id: _size_of(layer) for diff_id, layer in self._layers.items()}
        )
        self.warnings = [
            f"the store has no tar-split of the layer {diff_id}: its order and the overhead of its tar are unknown"
            for diff_id, layer in self._layers.items()
            if not layer.is_exact
        ]

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is not None:
            raise ArchiveError(f"the store of Docker has no manifest {digest}")
        return self._manifest

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        layer = self._layers.get(descriptor.digest)
        return [self._config] if layer is None else layer.read()

    def rebuilt_layer(self, descriptor: Descriptor, diff_id: str | None) -> RebuiltLayer | None:
        layer = self._layers.get(diff_id or "")
        return None if layer is None else RebuiltLayer(descriptor, is_exact=layer.is_exact)


def _size_of(layer: UnpackedLayer) -> int:
    """Return the bytes of a tar; 0 for a layer that cannot be read, whose reading raises the error."""
    try:
        return layer.size()
    except OcisizeError:
        return 0


def _compose(config: bytes, diff_ids: Sequence[str], sizes: Mapping[str, int]) -> bytes:
    """Return a manifest of the tars of all layers."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": _descriptor(DOCKER_CONFIG, digest_of(config), len(config)),
            "layers": [_descriptor(docker_layer_type(PLAIN), diff_id, sizes[diff_id]) for diff_id in diff_ids],
        }
    ).encode()


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}
