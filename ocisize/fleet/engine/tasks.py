"""Tasks: one for each distinct layer of a fleet, with all places that may have the layer's blob."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.blob.digest import Digest
from ocisize.errors import InvalidReference
from ocisize.limits import Limits
from ocisize.model.fleet import Fleet, FleetLayer, Root
from ocisize.oci.documents import Descriptor
from ocisize.oci.image import Layer
from ocisize.oci.reference import parse_reference
from ocisize.rules.rule import Catalog
from ocisize.sources.registry.connection import Connection
from ocisize.sources.schemes import find_scheme, names_registry
from ocisize.values import field, frozen

MAX_PLACES = 64  #: of one layer: a task is a message to a worker


@frozen
class LayerPlace:
    """A name under which a worker may find a layer."""

    reference: str  #: what ``open_source`` takes
    store: str  #: where a blob is stored once: the host of a registry, a folder or an archive


@frozen
class LayerTask:
    """A layer to read. It names no credentials: workers find their own."""

    digest: str  #: of the blob, by which results are kept
    size: int  #: bytes of the blob
    diff_id: str | None
    media_type: str
    places: tuple[LayerPlace, ...]

    @property
    def store(self) -> str:
        """The store of the first place, which is asked first."""
        return self.places[0].store if self.places else ""

    @property
    def layer(self) -> Layer:
        """The layer as a reader takes it; its index is 0, since a layer of many images has none."""
        diff_id = None if self.diff_id is None else Digest(self.diff_id)
        return Layer(0, Descriptor(Digest(self.digest), self.size, self.media_type), diff_id)


@frozen(kw_only=True)
class TaskOptions:
    """What all tasks of a run share."""

    connection: Connection | None = None  #: paths of certificates and keys at most
    limits: Limits = field(factory=Limits)  #: on each layer
    cache_folder: str | None = None  #: of the cache; a worker uses it if it can see ``mark`` in there
    cache_size: int = 0  #: bytes of all entries of that cache
    catalog: Catalog | None = None  #: the rules for summaries; None: the packaged ones
    mark: str = ""  #: the key of an entry that this run has put into the cache


def list_tasks(fleet: Fleet) -> list[LayerTask]:
    """Return a task for each distinct layer digest of a fleet, the largest first, then by digest.

    A registry may let a blob be read through some of its repositories only, so a task has one reference of each repository
    that has the layer, in the order of the fleet.
    """
    layers: dict[str, FleetLayer] = {}
    places: dict[str, dict[str, LayerPlace]] = {}
    of_repository: dict[str, LayerPlace] = {}  # one reference for all its layers: a worker opens a repository once
    for root in fleet.roots:
        found = _find_place(fleet, root)
        place = None if found is None else (found[0], of_repository.setdefault(*found))
        for image in root.images:
            for layer in image.layers:
                known = layers.setdefault(layer.digest, layer)
                if known.diff_id is None and layer.diff_id is not None:
                    layers[layer.digest] = layer
                of_layer = places.setdefault(layer.digest, {})
                if place is not None and len(of_layer) < MAX_PLACES:
                    of_layer.setdefault(*place)
    ordered = sorted(layers.values(), key=lambda layer: (-layer.size, layer.digest))
    return [_make_task(layer, tuple(places[layer.digest].values())) for layer in ordered]


def _make_task(layer: FleetLayer, places: tuple[LayerPlace, ...]) -> LayerTask:
    return LayerTask(layer.digest, layer.size, layer.diff_id, layer.media_type, places)


def _find_place(fleet: Fleet, root: Root) -> tuple[str, LayerPlace] | None:
    """Where a root's blobs are, by a name that the roots of a repository share; None for a root without a name."""
    if not root.references:
        return None
    reference = root.references[0]
    return _repository_of(reference), LayerPlace(reference, fleet.stores[root.store])


def _repository_of(reference: str) -> str:
    """The registry and repository of a reference; a reference of another kind is its own."""
    if names_registry(reference):
        explicit = find_scheme(reference)
        try:
            parsed = parse_reference(explicit[1] if explicit else reference)
        except InvalidReference:  # the worker says so
            return reference
        return f"{parsed.registry}/{parsed.repository}"
    return reference


def total_size(tasks: Sequence[LayerTask]) -> int:
    """Return the bytes of the blobs of all tasks."""
    return sum(task.size for task in tasks)
