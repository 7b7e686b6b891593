"""Figures of roots by store, repository, label and node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.fleet.shares import split_evenly
from ocisize.fleet.table import SharingTable
from ocisize.model.fleet import Fleet, Root
from ocisize.model.fleet_figures import GroupFigures, GroupKind


def group_roots(table: SharingTable, sizes: Sequence[int], amortised: Sequence[int]) -> list[GroupFigures]:
    """Return the figures of all groups of all kinds, those with the most amortised bytes first.

    ``sizes`` and ``amortised`` are ``total_size`` and ``amortised_size`` of all roots. A fleet without labels has no groups
    by label, one without nodes has none by node.
    """
    groups = list[GroupFigures]()
    for kind in GroupKind:
        names = [_names_of(table.fleet, root, kind) for root in table.fleet.roots]
        if any(name for names_of_root in names for name in names_of_root):
            groups += _group(table, kind, names, sizes, amortised)
    return sorted(groups, key=lambda group: (-group.amortised_size, group.kind, group.name))


def _names_of(fleet: Fleet, root: Root, kind: GroupKind) -> Mapping[str, int]:
    """The groups of one kind that a root belongs to, and how many of its references do."""
    if kind is GroupKind.REPOSITORY and root.repositories:
        return {name: root.repositories.count(name) for name in dict.fromkeys(root.repositories)}
    if kind in (GroupKind.STORE, GroupKind.REPOSITORY):
        return {fleet.stores[root.store]: len(root.references)}
    names = root.labels if kind is GroupKind.LABEL else root.nodes
    return dict.fromkeys(names or ("",), len(root.references))


def _group(
    table: SharingTable,
    kind: GroupKind,
    names: Sequence[Mapping[str, int]],
    sizes: Sequence[int],
    amortised: Sequence[int],
) -> list[GroupFigures]:
    references: dict[str, int] = {}
    roots, logical, stored, unique, parts = (dict[str, int]() for _ in range(5))
    for index, names_of_root in enumerate(names):
        for (name, count), part in zip(
            names_of_root.items(), split_evenly(amortised[index], len(names_of_root)), strict=True
        ):
            references[name] = references.get(name, 0) + count
            roots[name] = roots.get(name, 0) + 1
            logical[name] = logical.get(name, 0) + sizes[index]
            parts[name] = parts.get(name, 0) + part
    for bundle in table.bundles:
        reaching = {name for root in bundle.roots for name in names[root]}
        for name in reaching:
            stored[name] = stored.get(name, 0) + bundle.size
        if len(reaching) == 1:  # each of the roots is in this group alone
            name = next(iter(reaching))
            unique[name] = unique.get(name, 0) + bundle.size
    return [
        GroupFigures(
            kind=kind,
            name=name,
            references=references[name],
            roots=roots[name],
            logical_size=logical[name],
            stored_size=stored[name],
            unique_size=unique.get(name, 0),
            amortised_size=parts[name],
        )
        for name in roots
    ]
