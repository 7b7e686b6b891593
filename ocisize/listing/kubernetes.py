"""Images that objects of Kubernetes name: pods, nodes, and workloads with templates of pods.

Pods: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/. The status of a container has the
digest that runs, so images of pods are pinned to it. Nodes list what they hold, but only the largest 50 images unless the
setting ``nodeStatusMaxImages`` of the kubelet says otherwise:
https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ocisize.errors import DocumentError, InvalidReference
from ocisize.listing.names import add_name, pin_digest
from ocisize.text import count_of

if TYPE_CHECKING:
    from ocisize.listing.references import Collector

MAX_NODE_IMAGES = 50  #: that a kubelet reports by default
_CONTAINERS = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)
_TEMPLATES = {  # kind → where the template of its pods is
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "PodTemplate": ("template",),
}
_NO_NAME = "<none>@<none>"


class _Notes:
    """What the warnings about one document count."""

    def __init__(self) -> None:
        self.unpinned = self.waiting = self.full_nodes = self.nameless = 0
        self.others: Counter[str] = Counter()


def list_objects(document: dict[str, Any], name: str, collector: Collector) -> None:
    """Add the images of an object or a list of objects; labels are namespaces, nodes those that run or hold the image.

    Raises DocumentError if no object names images, and LimitExceeded.
    """
    notes, count = _Notes(), 0
    for item in _objects(document):
        count += 1
        kind, metadata = _text(item.get("kind")) or "?", _part(item, "metadata")
        label = _text(metadata.get("namespace"))
        place = f"{name}, {kind} {f'{label}/' if label else ''}{_text(metadata.get('name')) or '?'}"
        if kind == "Pod":
            _add_pod(_part(item, "spec"), _part(item, "status"), (place, name, label), collector, notes)
        elif kind == "Node":
            _add_node(item, place, name, collector, notes)
        elif kind in _TEMPLATES:
            template = _part(item, *_TEMPLATES[kind])
            _add_pod(_part(template, "spec"), {}, (place, name, label), collector, None)
        else:
            notes.others[kind] += 1
    if count == sum(notes.others.values()):
        kinds = ", ".join(sorted(notes.others)[:5]) or "nothing"
        raise DocumentError(
            f"{name} lists no pods, nodes or workloads, but {kinds}" if count else f"{name} is a list without objects",
            hint="use kubectl get pods -A -o json, or kubectl get nodes -o json",
        )
    _warn(name, collector, notes)


def _objects(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, those of lists in lists too; the items of typed lists take their kind from the list."""
    pending = [(document, "")]
    while pending:
        item, implied = pending.pop()
        kind = item.get("kind") or implied
        items = item.get("items")
        if isinstance(items, list) and isinstance(kind, str) and kind.endswith("List"):
            pending += [(child, kind.removesuffix("List")) for child in reversed(items) if isinstance(child, dict)]
        else:
            yield item if item.get("kind") else {**item, "kind": kind}


def _add_pod(
    spec: dict[str, Any], status: dict[str, Any], about: tuple[str, str, str], collector: Collector, notes: _Notes | None
) -> None:
    """Add the images of a pod; without ``notes`` it is a template, which no node runs."""
    place, source, label = about
    nodes = (node,) if (node := _text(spec.get("nodeName"))) else ()
    for key, status_key in _CONTAINERS:
        running = {_text(one.get("name")): _text(one.get("imageID")) for one in _dicts(status.get(status_key))}
        for container in _dicts(spec.get(key)):
            container_name, image = _text(container.get("name")), _text(container.get("image"))
            image_id = running.get(container_name, "")
            pinned = _pin(image, image_id)
            if notes is not None:
                notes.unpinned += bool(image_id) and pinned is None and "@" not in image
                notes.waiting += not image_id and "@" not in image
            where = f"{place}, container {container_name or '?'}"
            add_name(pinned or image, where, source, collector, label=label, nodes=nodes)
    for volume in _dicts(spec.get("volumes")):
        if isinstance(volume.get("image"), dict) and (image := _text(volume["image"].get("reference"))):
            add_name(
                image, f"{place}, volume {_text(volume.get('name')) or '?'}", source, collector, label=label, nodes=nodes
            )


def _add_node(item: dict[str, Any], place: str, source: str, collector: Collector, notes: _Notes) -> None:
    node = _text(_part(item, "metadata").get("name"))
    images = _dicts(_part(item, "status").get("images"))
    notes.full_nodes += len(images) >= MAX_NODE_IMAGES
    for image in images:
        listed = image.get("names")
        names = [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
        names = [text for text in names if text != _NO_NAME]
        digests = [text for text in names if "@" in text]
        tags = [text for text in names if "@" not in text]
        pinned = _pin(tags[0] if tags else "", digests[0]) if digests else None
        if chosen := pinned or next(iter([*tags, *digests]), ""):
            add_name(chosen, place, source, collector, nodes=(node,) if node else ())
        else:
            notes.nameless += 1


def _pin(image: str, image_id: str) -> str | None:
    """Return the reference of what runs, None if ``image_id`` does not say it."""
    try:
        pinned = pin_digest(image, image_id)
    except InvalidReference:
        return None
    return str(pinned) if pinned is not None else None


def _warn(name: str, collector: Collector, notes: _Notes) -> None:
    if notes.unpinned:
        collector.warn(
            f"{name}: {count_of(notes.unpinned, 'container')} with the digest of a config, by which no registry finds "
            "an image: the tags are read, which may mean another image today"
        )
    if notes.waiting:
        waiting = count_of(notes.waiting, "container")
        collector.warn(f"{name}: {waiting} without a digest, since they have not run: the tags are read")
    if notes.full_nodes:
        collector.warn(
            f"{name}: {count_of(notes.full_nodes, 'node')} with {MAX_NODE_IMAGES} images or more: smaller ones may be "
            f"missing, since a kubelet reports the largest {MAX_NODE_IMAGES} unless nodeStatusMaxImages says otherwise"
        )
    if notes.nameless:
        collector.warn(f"{name}: left out: {count_of(notes.nameless, 'image')} of nodes without a name")
    if notes.others:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(notes.others.items())[:5])
        collector.warn(f"{name}: left out: objects of kinds that name no images: {kinds}")


def _part(document: Any, *keys: str) -> dict[str, Any]:
    """Return an inner object, empty if there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
