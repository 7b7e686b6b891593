"""Texts that reports of a fleet share: names of roots and families, and what the figures mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ocisize.model.fleet import Fleet, Root
from ocisize.model.fleet_figures import Family, FleetFigures, Freed, GroupFigures, RootFigures
from ocisize.report.words.units import human_size
from ocisize.text import count_of

#: what a figure is called → what it means
FIGURES: Mapping[str, str] = {
    "Logical": "The sizes of all images added up, as lists of images show them.",
    "Stored": "Bytes of distinct blobs: manifests, configs and layers of these images. A blob counts once in each store.",
    "Sharing ratio": "Logical size divided by stored size.",
    "Size": "All blobs of an image: manifest, config, layers, and of an index those of all platforms.",
    "Frees": "Bytes of the blobs that no other image of the store needs. Deleting all tags of the image frees these bytes "
    "after the garbage collection of the registry. Two images can free more together than the sum of both.",
    "Share": "The part of the store that the image pays for: each blob is split evenly among the images that need it. The "
    "shares of all images add up to the stored size.",
    "Pull": "What a host downloads that has all other images of the fleet.",
    "Dangling": "Bytes that no tag reaches are unknown: registries do not list them.",
}
_SHORT = 19  # characters of a digest: the algorithm and twelve digits


def name_root(root: Root) -> str:
    """The first reference of a root, and how many more there are; its digest if none names it."""
    return _count_others(root.references[0], root) if root.references else short_digest(root.digest)


def short_name(fleet: Fleet, root: Root) -> str:
    """``name_root`` without the registry, if all images are in one."""
    if not root.references or len(fleet.stores) > 1:
        return name_root(root)
    return _count_others(shorten(fleet, root.references[0]), root)


def shorten(fleet: Fleet, name: str) -> str:
    """The name of an image or a repository without the registry or the file, if all images are in one."""
    if len(fleet.stores) != 1:
        return name
    return name.removeprefix(f"{fleet.stores[0]}/").removeprefix(f"{fleet.stores[0]} --select ")


def _count_others(name: str, root: Root) -> str:
    more = len(root.references) - 1
    return f"{name} +{more}" if more else name


def short_digest(digest: str) -> str:
    """The beginning of a digest.

    >>> short_digest("sha256:" + 8 * "01234567")
    'sha256:012345670123'
    """
    return digest[:_SHORT]


def name_group(group: GroupFigures) -> str:
    """The name of a group; references without a label or a node have a group, too."""
    return group.name or f"no {group.kind.value}"


def name_family(families: Sequence[Family], family: Family) -> str:
    """The name of a base. A family without one is named after the family around it, or after the digest of its ChainID."""
    layers, named = 0, family
    while not named.name and named.parent is not None:
        layers += len(named.layers)
        named = families[named.parent]
    name = named.name or short_digest(named.chain_id)
    return f"{name} + {count_of(layers, 'layer')}" if layers else name


def count_fleet(figures: FleetFigures) -> str:
    """How many images and names there are."""
    parts = [count_of(figures.images, "image"), count_of(figures.references, "reference")]
    if len(figures.fleet.stores) > 1:
        parts.append(count_of(len(figures.fleet.stores), "store"))
    return ", ".join(parts)


def describe_ratio(ratio: float | None) -> str:
    """The sharing ratio.

    >>> describe_ratio(22.33), describe_ratio(None)
    ('22.3 : 1', '?')
    """
    return "?" if ratio is None else f"{ratio:.1f} : 1"


def list_platforms(root: Root) -> list[str]:
    """The platforms of the images of a root, each once."""
    return list(dict.fromkeys(image.platform for image in root.images))


def by_unique_size(roots: Iterable[RootFigures]) -> list[RootFigures]:
    """The figures of roots, those first whose deletion frees the most."""
    return sorted(roots, key=lambda root: (-root.unique_size, -root.total_size, root.root))


def describe_freed(freed: Freed) -> str:
    """What deleting references frees, in one sentence without its stop."""
    count = len(freed.roots)
    text = f"Deleting {count_of(len(freed.references), 'reference')} frees {describe_freed_sizes(freed)}"
    return f"{text}; {count_of(count, 'image')} {'has' if count == 1 else 'have'} no other name"


def describe_freed_sizes(freed: Freed) -> str:
    """The bytes of a deletion, and those where manifests without a tag are kept if people see a difference."""
    size, kept = human_size(freed.size), human_size(freed.size_if_untagged_stay)
    return size if kept == size else f"{size}, or {kept} where manifests without a tag are kept"


def describe_closest(fleet: Fleet, root: RootFigures) -> str:
    """The root that shares the most bytes with this one, and how many; "" if none shares any."""
    if root.closest is None:
        return ""
    return f"{human_size(root.closest_size)} with {short_name(fleet, fleet.roots[root.closest])}"
