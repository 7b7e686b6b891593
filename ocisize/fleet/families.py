"""Base families: images whose lowest layers are the same in the same order, as a tree of common prefixes.

The chains of diff_ids of all images are sorted, so that images with a common prefix are neighbors. The lengths of the common
prefixes of neighbors then give the nodes of the tree: where it branches, and where an image ends.
ChainID: https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise

from ocisize.model.fleet import Fleet, FleetImage
from ocisize.model.fleet_figures import Family, NameOrigin
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

_MAX_EXAMPLES = 3  # roots that are named


class Member(NamedTuple):
    """An image, and the roots that have it."""

    image: FleetImage
    chain: tuple[str, ...]  #: diff_ids, base first
    roots: tuple[int, ...]  #: indexes in ``Fleet.roots``, ascending


class _Node(NamedTuple):
    """Members that have ``depth`` layers in common: those from ``start`` to ``stop`` in the sorted list."""

    start: int
    stop: int
    depth: int


def list_members(fleet: Fleet) -> list[Member]:
    """Return the distinct images, by the digests of their manifests; one whose diff_ids are not all known has no chain."""
    images: dict[str, tuple[FleetImage, dict[int, None]]] = {}
    for index, root in enumerate(fleet.roots):
        for image in root.images:
            images.setdefault(image.digest, (image, {}))[1][index] = None
    return [Member(image, _chain_of(image), tuple(roots)) for image, roots in images.values()]


def _chain_of(image: FleetImage) -> tuple[str, ...]:
    chain = tuple(layer.diff_id for layer in image.layers if layer.diff_id is not None)
    return chain if len(chain) == len(image.layers) else ()


def find_families(fleet: Fleet, members: Sequence[Member]) -> list[Family]:
    """Return the families of two images or more, those with the most images first, an outer one before those inside it.

    A family has the name of an image of the fleet that has exactly its layers; else that which the labels or annotations of
    all its images state as their base, if no outer family has a name.
    """
    ordered = sorted((member for member in members if member.chain), key=lambda member: member.chain)
    nodes = _find_nodes([member.chain for member in ordered])
    parents = _find_parents(nodes)
    names = [_name_base(ordered[node.start : node.stop]) for node in nodes]
    families, chain_ids = list[Family](), list[str]()
    named = set[int]()  # numbers of families that have a name, or are inside one with a name
    for node, parent, stated in zip(nodes, parents, names, strict=True):
        above = nodes[parent].depth if parent is not None else 0
        inside = ordered[node.start : node.stop]
        first = inside[0]
        layers = first.image.layers[above : node.depth]
        chain_ids.append(_extend_chain(chain_ids[parent] if parent is not None else "", first.chain[above : node.depth]))
        roots = sorted({root for member in inside for root in member.roots})
        family = Family(
            parent=parent,
            depth=node.depth,
            layers=tuple(layers),
            size=sum({layer.digest: layer.size for layer in first.image.layers[: node.depth]}.values()),
            own_size=sum({layer.digest: layer.size for layer in layers}.values()),
            chain_id=chain_ids[-1],
            images=len(inside),
            roots=len(roots),
            examples=tuple(roots[:_MAX_EXAMPLES]),
        )
        own = _name_member(fleet, inside, node.depth)
        if own:
            family = evolve(family, name=own, named_by=NameOrigin.MEMBER)
        elif stated and parent not in named:
            family = evolve(family, name=stated, named_by=NameOrigin.LABEL)
        if family.name or parent in named:
            named.add(len(families))
        families.append(family)
    return families


def _find_nodes(chains: Sequence[tuple[str, ...]]) -> list[_Node]:
    """The nodes of sorted chains, most members first; of those with the same ones there is only the deepest."""
    nodes, open_nodes = list[_Node](), list[tuple[int, int]]()  # start and depth, the deepest last
    depths = [_common(first, second) for first, second in pairwise(chains)]
    for position, depth in enumerate([*depths, 0]):
        start = position
        while open_nodes and open_nodes[-1][1] > depth:
            start, closed = open_nodes.pop()
            nodes.append(_Node(start, position + 1, closed))
        if depth and (not open_nodes or open_nodes[-1][1] < depth):
            open_nodes.append((start, depth))
    return sorted(nodes, key=lambda node: (node.start - node.stop, node.start, node.depth))


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """How many items two sequences begin with in common."""
    for index, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return index
    return min(len(first), len(second))


def _find_parents(nodes: Sequence[_Node]) -> list[int | None]:
    """For each node the number of the smallest one around it; nodes are nested or apart."""
    parents: list[int | None] = [None] * len(nodes)
    around: list[int] = []
    for number in sorted(range(len(nodes)), key=lambda number: (nodes[number].start, -nodes[number].stop)):
        while around and nodes[around[-1]].stop <= nodes[number].start:
            around.pop()
        parents[number] = around[-1] if around else None
        around.append(number)
    return parents


def _name_base(members: Sequence[Member]) -> str:
    """The base that all members name; "" if they differ."""
    names = {member.image.base_name for member in members}
    return names.pop() if len(names) == 1 else ""


def _name_member(fleet: Fleet, members: Sequence[Member], depth: int) -> str:
    """The first reference of a member that has exactly ``depth`` layers, if others have more; "" if there is none."""
    if all(len(member.chain) == depth for member in members):
        return ""
    roots = sorted(root for member in members if len(member.chain) == depth for root in member.roots)
    return next((fleet.roots[root].references[0] for root in roots if fleet.roots[root].references), "")


def _extend_chain(chain_id: str, diff_ids: Sequence[str]) -> str:
    for diff_id in diff_ids:
        chain_id = f"sha256:{hashlib.sha256(f'{chain_id} {diff_id}'.encode()).hexdigest()}" if chain_id else diff_id
    return chain_id
