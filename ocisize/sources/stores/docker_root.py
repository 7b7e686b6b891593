"""DockerRoot: the images and layers in the data folder of a Docker engine with a storage driver.

``image/<driver>`` has the names of images, their configs and what is known of each layer; the files of layers are in the
folder of the driver. A layer is found by its ChainID, the digest of its diff_id and those below
(https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ocisize.blob.digest import Digest, check_digest, digest_of, is_digest
from ocisize.errors import ArchiveError, DocumentError
from ocisize.oci.parse import MAX_CONFIG
from ocisize.oci.strict_json import expect_object, expect_pairs, parse_json
from ocisize.patterns import lazy_pattern
from ocisize.sources.stores.documents import AS_ROOT, exists, read_document
from ocisize.sources.stores.unpacked_layer import UnpackedLayer
from ocisize.text import printable
from ocisize.values import frozen

_FOLDERS = {
    "overlay2": "overlay2/{}/diff",
    "fuse-overlayfs": "fuse-overlayfs/{}/diff",
    "vfs": "vfs/dir/{}",
}  # of layers, by driver
DRIVERS = tuple(_FOLDERS)  #: storage drivers that are read
_CACHE_ID = lazy_pattern(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,254}")
_MAX_ID = 4096  # bytes of a file with an ID


def chain_ids(diff_ids: Sequence[str]) -> Iterator[Digest]:
    """Yield the ChainID of each layer, base first.

    >>> list(chain_ids(["sha256:" + 64 * "0"])) == ["sha256:" + 64 * "0"]
    True
    """
    chain = Digest("")
    for diff_id in diff_ids:
        chain = digest_of(f"{chain} {diff_id}".encode()) if chain else Digest(diff_id)
        yield chain


@frozen
class DockerRoot:
    """A data folder, read with one driver. All methods raise ArchiveError and DocumentError."""

    path: str
    driver: str  #: ``overlay2``, ``fuse-overlayfs`` or ``vfs``

    @property
    def names_file(self) -> str:
        """The path of the list of names."""
        return self._place("repositories.json")

    def list_images(self) -> dict[Digest, tuple[str, ...]]:
        """Return the names of all images by their IDs; those that were built in between have none."""
        names: dict[Digest, tuple[str, ...]] = {}
        for name, image_id in self.read_names().items():
            names[Digest(image_id)] = (*names.get(Digest(image_id), ()), name)
        for encoded in self._list_folder("imagedb/content/sha256"):
            if is_digest(f"sha256:{encoded}"):
                names.setdefault(Digest(f"sha256:{encoded}"), ())
        return names

    def read_config(self, image_id: Digest) -> bytes:
        """Return the config of an image, verified by its ID."""
        data = self._read(f"imagedb/content/sha256/{image_id.partition(':')[2]}", MAX_CONFIG)
        check_digest(data, image_id)
        return data

    def unpacked(self, chain_id: Digest) -> UnpackedLayer:
        """Return the files of the layer with a ChainID."""
        name = f"layerdb/sha256/{chain_id.partition(':')[2]}"
        cache_id = self._read(f"{name}/cache-id", _MAX_ID).decode("ascii", "replace").strip()
        if not _CACHE_ID.fullmatch(cache_id):
            raise DocumentError(f"{self._place(name)}/cache-id is not an ID: {printable(cache_id[:100])!r}")
        split = f"{self._place(name)}/tar-split.json.gz"
        return UnpackedLayer(
            folder=f"{self.path}/{_FOLDERS[self.driver].format(cache_id)}",
            split=split if exists(split) else None,
            rights_hint=AS_ROOT,
            can_walk=self.driver != "vfs",
        )

    def read_names(self) -> Mapping[str, str]:
        """Return the IDs of images by their names, digests included."""
        path = self.names_file
        data = read_document(path)
        if data is None:
            return {}
        names: dict[str, str] = {}
        try:
            repositories = expect_object(parse_json(data, path).get("Repositories", {}), ())
            for repository in repositories:
                names |= expect_pairs(repositories, repository)
        except (TypeError, ValueError) as error:
            raise DocumentError(f"{path} is not valid", problems=[str(error)]) from None
        return {name: image_id for name, image_id in names.items() if is_digest(image_id)}

    def _list_folder(self, name: str) -> list[str]:
        try:
            return sorted(path.name for path in Path(self._place(name)).iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            hint = AS_ROOT if isinstance(error, PermissionError) else None
            raise ArchiveError(f"cannot read {self._place(name)}: {error.strerror}", hint=hint) from None

    def _read(self, name: str, limit: int) -> bytes:
        data = read_document(self._place(name), limit=limit)
        if data is None:
            raise ArchiveError(
                f"there is no file {self._place(name)}", hint="the store is damaged: pull or load the image again"
            )
        return data

    def _place(self, name: str) -> str:
        return f"{self.path}/image/{self.driver}/{name}"


def find_docker_roots(paths: Sequence[str]) -> list[DockerRoot]:
    """Return the data folders that have images of a storage driver which is read; all drivers that a folder has images of.

    Raises ArchiveError for a folder that may not be read.
    """
    return [
        DockerRoot(path, driver) for path in paths for driver in _FOLDERS if exists(f"{path}/image/{driver}/imagedb/content")
    ]


def find_other_drivers(paths: Sequence[str]) -> list[str]:
    """Return the storage drivers that the data folders have images of, and that are not read; those that may be listed."""
    found = [image.parent.parent.name for path in paths for image in Path(path).glob("image/*/imagedb/content")]
    return sorted(set(found) - set(DRIVERS))
