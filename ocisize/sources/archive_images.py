"""The images of an archive that has both an OCI ``index.json`` and docker's ``manifest.json``, each image once.

Docker 25 and later, containerd and BuildKit write both. Docker 25.0 has faults (https://github.com/moby/moby/issues/47065,
https://github.com/moby/moby/issues/47210): OCI manifests without layers, and images that ``index.json`` leaves out. So
the document that has all layers of an image is used, and the user is warned. Documents that contradict each other are
refused, if both have all layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocisize.blob.compression import PLAIN
from ocisize.errors import ArchiveError, OcisizeError
from ocisize.oci.documents import Manifest
from ocisize.oci.foreign import is_foreign
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.oci.parse import parse_manifest
from ocisize.oci.platform import normalize
from ocisize.oci.reference import canonical_name
from ocisize.sources.docker_archive import ArchiveConfig, named_digest, read_archive_config
from ocisize.sources.saved_images import ArchiveItem, SavedImage, SavedManifest, merge_names
from ocisize.sources.store import Store, StoredSource
from ocisize.tuples import NamedTuple
from ocisize.values import evolve


def list_items(store: Store, items: Iterable[ArchiveItem]) -> list[SavedImage]:
    """Return the images of ``manifest.json``, each pair of config and layers once, in its order.

    Configs that are missing or broken give images without a platform: reading them raises the error.
    """
    facts: dict[object, SavedManifest] = {}
    manifests: dict[object, SavedManifest] = {}
    names: dict[object, list[str]] = {}
    for item in items:
        try:
            identity = store.identity(item.Config)
        except ArchiveError:
            identity = item.Config
        if identity not in facts:
            facts[identity] = _describe(store, item)
        manifest = evolve(facts[identity], item=item)
        key = (manifest.config or identity, item.Layers)
        manifests.setdefault(key, manifest)
        names.setdefault(key, []).extend(filter(None, item.RepoTags))
    return [SavedImage(merge_names(names[key]), (manifest,)) for key, manifest in manifests.items()]


def _describe(store: Store, item: ArchiveItem) -> SavedManifest:
    try:
        config = read_archive_config(store, item.Config)
    except OcisizeError:
        return SavedManifest(None, item=item)
    platform = config.platform if config.platform.os or config.platform.architecture else None
    return SavedManifest(platform, item=item, config=config.digest)


def merge_images(
    blobs: StoredSource, store: Store, listed: Sequence[SavedImage], items: Sequence[SavedImage]
) -> list[SavedImage]:
    """Return the images of ``index.json`` (``listed``) and of ``manifest.json`` (``items``), in this order.

    Two images are one if their configs have the same digest, also where the config cannot be read, or if the manifest of
    the first cannot be read and they have a name in common.
    """
    images = list(listed)
    places: dict[str, list[tuple[int, int]]] = {}  # digest of a config → the manifests that have it, those of indexes last
    for number, image in sorted(enumerate(images), key=lambda pair: pair[1].index is not None):
        for index, manifest in enumerate(image.manifests):
            if manifest.config is not None:
                places.setdefault(manifest.config, []).append((number, index))
    unread = _find_unread(images)
    for item in items:
        (composed,) = item.manifests
        same = places.pop(composed.config, []) if composed.config is not None else []
        if broken := places.get(_name_config(composed), []):
            images += _add_names(images, broken, item)
        elif same:
            read = _read_item(store, composed)
            for number, index in same:
                manifest = _reconcile(blobs, store, images[number].manifests[index], read)
                images[number] = _replace(images[number], index, manifest)
            images += _add_names(images, same, item)
        elif (place := _pop_unread(unread, item)) is not None:
            number, index = place
            gone = images[number].manifests[index]
            reason = f"the OCI manifest {gone.id} {'is missing' if gone.is_absent else 'cannot be read'}"
            composed = evolve(composed, warning=f"manifest.json is used: {reason}")
            images[number] = _replace(images[number], index, composed)
            images[number] = evolve(images[number], names=merge_names(images[number].names, item.names))
        else:
            images.append(item)
    return images


def _name_config(manifest: SavedManifest) -> str:
    """Return the digest that the file of a missing or broken config is named after; empty for another config."""
    return "" if manifest.config is not None or manifest.item is None else named_digest(manifest.item.Config) or ""


def _find_unread(images: Sequence[SavedImage]) -> dict[tuple[str, object], tuple[int, int]]:
    """Return the places of missing and broken manifests by each name of the image and by platform."""
    return {
        (canonical_name(name), normalize(manifest.platform) if manifest.platform else None): (number, index)
        for number, image in enumerate(images)
        for index, manifest in enumerate(image.manifests)
        if manifest.config is None
        for name in image.names
    }


def _pop_unread(unread: dict[tuple[str, object], tuple[int, int]], item: SavedImage) -> tuple[int, int] | None:
    platform = item.manifests[0].platform
    for name in map(canonical_name, item.names):
        for key in ((name, normalize(platform) if platform else None), (name, None)):
            if key in unread:
                return unread.pop(key)
    return None


def _replace(image: SavedImage, index: int, manifest: SavedManifest) -> SavedImage:
    """Return the image with another manifest; a stored index does not list a composed one."""
    manifests = (*image.manifests[:index], manifest, *image.manifests[index + 1 :])
    return evolve(image, manifests=manifests, index=image.index if manifest.stored is not None else None)


def _add_names(images: list[SavedImage], places: Sequence[tuple[int, int]], item: SavedImage) -> list[SavedImage]:
    """Add the names of an item that ``index.json`` lacks to the image of the same config.

    Returns an image of its own for a child of an index: containerd names only one image of an index in ``manifest.json``.
    """
    known = {canonical_name(name) for number, _ in places for name in images[number].names}
    names = tuple(name for name in item.names if canonical_name(name) not in known)
    number, index = places[0]
    if names and images[number].index is None:
        images[number] = evolve(images[number], names=(*images[number].names, *names))
    elif names:
        return [SavedImage(names, (images[number].manifests[index],), in_index=True)]
    return []


class _ReadItem(NamedTuple):
    """An item of ``manifest.json`` with what is read once: many manifests may have its config."""

    composed: SavedManifest
    item: ArchiveItem
    config: ArchiveConfig
    missing: frozenset[int]  #: layers without a file


def _read_item(store: Store, composed: SavedManifest) -> _ReadItem:
    item = composed.item or ArchiveItem("")
    missing = frozenset(index for index, member in enumerate(item.Layers) if not _exists(store, member))
    return _ReadItem(composed, item, read_archive_config(store, item.Config), missing)


def _reconcile(blobs: StoredSource, store: Store, listed: SavedManifest, read: _ReadItem) -> SavedManifest:
    """Return the manifest to use of one config: the stored one if it has all layers, else the composed one if that has."""
    stored = listed.stored
    if stored is None:
        return listed
    document = parse_manifest(blobs.read_manifest(stored.digest), "the manifest")
    if not isinstance(document, Manifest):
        return listed
    gap, item_gap = _find_gap(blobs, store, document, read.config), _find_item_gap(document, read)
    if gap is None and item_gap is None:
        difference = _find_difference(blobs, store, document, read.item, read.config)
        return listed if difference is None else evolve(listed, conflict=difference)
    if gap is None:
        return evolve(listed, warning=f"index.json is used: manifest.json {item_gap}")
    if item_gap is None or len(read.item.Layers) > len(document.layers):
        platform = listed.platform or read.composed.platform
        warning = f"manifest.json is used: the OCI manifest {stored.digest} {gap}"
        return evolve(read.composed, platform=platform, warning=warning)
    return listed


def _find_gap(blobs: StoredSource, store: Store, manifest: Manifest, config: ArchiveConfig) -> str | None:
    """Return what a manifest lacks, None if it has its config and all layers."""
    if len(manifest.layers) != len(config.diff_ids):
        return f"lists {len(manifest.layers)} of {len(config.diff_ids)} layers"
    if not _exists(store, blobs.member_name(manifest.config)):
        return "refers to a missing config"
    missing = [layer for layer in manifest.layers if not is_foreign(layer) and not _exists(store, blobs.member_name(layer))]
    return f"refers to {len(missing)} missing layers of {len(manifest.layers)}" if missing else None


def _find_item_gap(manifest: Manifest, read: _ReadItem) -> str | None:
    """Return what an item lacks, None if it has all layers but the foreign ones of the manifest."""
    count, expected = len(read.item.Layers), len(read.config.diff_ids)
    if count != expected:
        return f"lists {count} of {expected} layers"
    foreign = {index for index, layer in enumerate(manifest.layers) if is_foreign(layer)}
    missing = read.missing - foreign
    return f"refers to {len(missing)} missing layers of {count}" if missing else None


def _exists(store: Store, member: str | None) -> bool:
    try:
        store.open(member or "")
    except ArchiveError:
        return False
    return True


def _find_difference(
    blobs: StoredSource, store: Store, manifest: Manifest, item: ArchiveItem, config: ArchiveConfig
) -> str | None:
    """Return how the layers of both documents differ, None if they are the same."""
    named = [named_digest(member) for member in item.Layers]
    if sorted(layer.digest for layer in manifest.layers) == sorted(config.diff_ids) and named == [*config.diff_ids]:
        return None  # Docker 25.0.0 stored the layers of its manifests in random order
    for index, (layer, member) in enumerate(zip(manifest.layers, item.Layers, strict=True)):
        is_compressed = LAYER_TYPES.get(layer.media_type, PLAIN) != PLAIN
        if named[index] == layer.digest or (named[index] == config.diff_ids[index] and is_compressed):
            continue
        blob = blobs.member_name(layer) or ""
        if is_foreign(layer) or (_exists(store, blob) and store.identity(blob) == store.identity(member)):
            continue
        return f"layer {index} is {layer.digest} in its OCI manifest, and the file {member} in manifest.json"
    return None
