"""The images of an engine's store: one reference for each name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.errors import ArchiveError
from ocisize.listing.references import ListedReference
from ocisize.text import count_of
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ocisize.listing.references import Collector


class _Names(NamedTuple):
    """The names of images as a scheme takes them, and how many images have none."""

    names: list[str]
    unnamed: int


def list_store(scheme: str, text: str, collector: Collector) -> bool:
    """Add all images of a store; return False if ``text``, which follows the scheme, names one image.

    Raises ArchiveError if there is no store, or none with a named image, and InvalidReference.
    """
    found = _LISTERS[scheme](text)
    if found is None:
        return False
    source = f"{scheme}:{text}"
    if not found.names:
        raise ArchiveError(f"{source} has no image with a name")
    for name in found.names:
        collector.add(ListedReference(name=f"{scheme}:{name}", store=f"{scheme}:", source=source))
    if found.unnamed:
        collector.warn(f"{source}: left out: {count_of(found.unnamed, 'image')} without a name")
    return True


def _list_containers_storage(text: str) -> _Names | None:
    from ocisize.sources.stores.containers_storage import find_roots, list_held_images
    from ocisize.sources.stores.storage_conf import find_settings, split_location

    given, name = split_location(text)
    if name:
        return None
    records = [held.record for held in list_held_images(find_roots(given or find_settings()))]
    names = [f"{text}{name}" for record in records for name in record.names]
    return _Names(names, sum(not record.names for record in records))


def _list_containerd(text: str) -> _Names | None:
    """List the names of containerd; Kubernetes also names each image by its digest and by its ID."""
    from ocisize.sources.stores.containerd import SCHEME, find_containerd_roots, list_images
    from ocisize.sources.stores.documents import split_root

    root, name = split_root(text, SCHEME)
    namespace, slash, rest = name.partition("/")
    if rest or (name and not slash):
        return None
    images = [
        image
        for image in list_images([root] if root else find_containerd_roots())
        if namespace in ("", image.namespace) and not image.name.startswith("sha256:")
    ]
    tagged = {(image.namespace, image.target.digest) for image in images if "@" not in image.name}
    wanted = [image for image in images if "@" not in image.name or (image.namespace, image.target.digest) not in tagged]
    prefix = f"[{root}]" if root else ""
    return _Names([f"{prefix}{image.full_name}" for image in wanted], 0)


def _list_docker_store(text: str) -> _Names | None:
    from ocisize.sources.stores.docker_store import SCHEME, find_data_roots, list_stored
    from ocisize.sources.stores.documents import split_root

    root, name = split_root(text, SCHEME)
    if name:
        return None
    images = [image for image, _ in list_stored([root] if root else find_data_roots(), with_system=not root)]
    names = [f"{text}{name}" for image in images for name in image.names]
    return _Names(names, sum(not image.names for image in images))


_LISTERS: Mapping[str, Callable[[str], _Names | None]] = {
    "containers-storage": _list_containers_storage,
    "containerd": _list_containerd,
    "docker-store": _list_docker_store,
}
