"""Divisions of layers, replayed on the updates of a history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from ocisize.model.comparison import LayerStatus
from ocisize.model.update_advice import LayerSplit, SplitGroup
from ocisize.model.updates import UpdateHistory
from ocisize.tuples import NamedTuple
from ocisize.updates.components import Component, divide_layers
from ocisize.updates.contents import LayerContents
from ocisize.updates.packing import Part, estimate_rate, pack

MAX_GROUPS = 4  #: that a layer is divided into
MAX_SPLITS = 5  #: layers with most bytes that are divided
_ENOUGH = 0.9  # of the saving of the most groups: fewer groups are as good
_MIN_CHANGES = 2  # updates that change a layer
_MAX_NAMES = 5  # of a group

Key = TypeVar("Key")


class _Step(NamedTuple):
    """An update of a layer: its components in the older and in the newer release."""

    before: Mapping[str, Component]
    after: Mapping[str, Component]

    @property
    def changed(self) -> set[str]:
        """The components that differ."""
        return {name for name in {*self.before, *self.after} if not self._is_same(name)}

    def _is_same(self, name: str) -> bool:
        old, new = self.before.get(name), self.after.get(name)
        return old is not None and new is not None and old.identity == new.identity


def split_layers(history: UpdateHistory, contents: Mapping[str, LayerContents]) -> list[LayerSplit]:
    """Return the divisions that would have saved download, of the layers that changes cost most; largest saving first."""
    candidates = []
    for track in range(len(history.tracks)):
        places = [
            (update, layer)
            for update in history.updates
            for layer in update.layers
            if layer.track == track and layer.by_blob and layer.is_compared and layer.status is LayerStatus.CHANGED
        ]
        if len(places) >= _MIN_CHANGES and not history.tracks[track].is_base:
            candidates.append((sum(layer.size for _, layer in places), track))
    splits = [split_layer(history, track, contents) for _, track in sorted(candidates, reverse=True)[:MAX_SPLITS]]
    found = [split for split in splits if split is not None and split.saved_size > 0]
    return sorted(found, key=lambda split: -split.saved_size)


def split_layer(history: UpdateHistory, track: int, contents: Mapping[str, LayerContents]) -> LayerSplit | None:
    """Return the best division of a tracked layer; None if its files have one component."""
    steps = _collect_steps(history, track, contents)
    names = sorted({name for step in steps for name in (*step.before, *step.after)})
    if not steps or len(names) < 2:
        return None
    sizes = {name: sum(step.after[name].size for step in steps if name in step.after) / len(steps) for name in names}
    changed_by = _find_changes(steps)
    clusters = _cluster({name: changed_by.get(name, ()) for name in names})
    parts = [_make_part(members, sizes, len(changes), len(steps)) for changes, members in clusters.items()]
    packings = [_spread(pack(parts, count), clusters.values()) for count in range(2, MAX_GROUPS + 1)]
    costs = [_replay(steps, groups) for groups in packings]
    actual = sum(_size_of(step) for step in steps)
    enough = actual - _ENOUGH * (actual - min(costs))
    best = next(number for number, cost in enumerate(costs) if cost <= enough)
    groups = _merge_alike(packings[best], steps)
    return LayerSplit(
        track=track,
        groups=tuple(_describe_groups(groups, steps, sizes)),
        updates=len(steps),
        actual_size=actual,
        replayed_size=costs[best],
        bound_size=sum(step.after[name].size for step in steps for name in step.changed if name in step.after),
        forward_size=_replay_forward(steps, best + 2),
    )


def _collect_steps(history: UpdateHistory, track: int, contents: Mapping[str, LayerContents]) -> list[_Step]:
    """The updates that change the content of a layer."""
    tracked = history.tracks[track]
    places = zip(tracked.releases, tracked.indexes, strict=True)
    layers = {release: history.releases[release].layers[index] for release, index in places}
    updates = [
        update
        for update in history.updates
        for layer in update.layers
        if layer.track == track and layer.by_blob and layer.is_compared and layer.status is LayerStatus.CHANGED
    ]
    used = {layers[release].digest: layers[release].size for update in updates for release in (update.before, update.after)}
    divided = dict(zip(used, divide_layers([contents[digest] for digest in used], list(used.values())), strict=True))
    return [_Step(divided[layers[update.before].digest], divided[layers[update.after].digest]) for update in updates]


def _size_of(step: _Step) -> int:
    """The bytes of the layer in the newer release."""
    return sum(component.size for component in step.after.values())


def _find_changes(steps: Sequence[_Step]) -> dict[str, tuple[int, ...]]:
    """The numbers of the updates that change each component; those that never changed are not in it."""
    found = dict[str, tuple[int, ...]]()
    for number, step in enumerate(steps):
        for name in step.changed:
            found[name] = (*found.get(name, ()), number)
    return found


def _cluster(keys: Mapping[str, Key]) -> dict[Key, list[str]]:
    """Names by their keys.

    Components that the same updates changed are one part of a packing. Each for itself would count as likely to change
    alone in the next update, so that a hundred components that never changed would seem to change in most updates.
    """
    clusters: dict[Key, list[str]] = {}
    for name, key in keys.items():
        clusters.setdefault(key, []).append(name)
    return clusters


def _make_part(members: Sequence[str], sizes: Mapping[str, float], changes: int, updates: int) -> Part:
    return Part(sum(sizes.get(name, 0.0) for name in members), estimate_rate(changes, updates))


def _spread(groups: Sequence[int], clusters: Iterable[Sequence[str]]) -> dict[str, int]:
    """The group of each component, from those of its cluster."""
    return {name: group for group, members in zip(groups, clusters, strict=True) for name in members}


def _merge_alike(groups: Mapping[str, int], steps: Sequence[_Step]) -> dict[str, int]:
    """The groups with those as one that the same updates change, which costs nothing in these updates."""
    changed_by = {
        group: tuple(group in {groups[name] for name in step.changed} for step in steps) for group in set(groups.values())
    }
    first: dict[tuple[bool, ...], int] = {}
    for group in sorted(changed_by):
        first.setdefault(changed_by[group], group)
    return {name: first[changed_by[group]] for name, group in groups.items()}


def _replay(steps: Sequence[_Step], groups: Mapping[str, int]) -> int:
    """The bytes of all updates if each group were a layer that is built again only if one of its components changes."""
    return sum(_download(step, {groups[name] for name in step.changed}, groups) for step in steps)


def _download(step: _Step, fetched: set[int], groups: Mapping[str, int]) -> int:
    """The bytes of the groups that an update downloads."""
    return sum(component.size for name, component in step.after.items() if groups[name] in fetched)


def _replay_forward(steps: Sequence[_Step], count: int) -> int:
    """The bytes of all updates if the division is made before each of them from the earlier ones.

    Components that have not been seen go to the first group. An update also downloads the groups whose components differ
    from those that hosts have.
    """
    total, changes = 0, dict[str, tuple[int, ...]]()
    held: dict[str, int] = dict.fromkeys(steps[0].before, 0)
    for number, step in enumerate(steps):
        known = sorted({*step.before, *step.after})
        clusters = _cluster({name: (changes.get(name, ()), held.get(name)) for name in known})
        sizes = {name: float(component.size) for name, component in step.after.items()}
        parts = [_make_part(members, sizes, len(seen), number) for (seen, _), members in clusters.items()]
        packed = pack(parts, count, [group for _, group in clusters]) if number else [group or 0 for _, group in clusters]
        groups = _spread(packed, clusters.values())
        moved = {groups[name] for name in known if groups[name] != held.get(name)}
        left = {held[name] for name in known if name in held and groups[name] != held[name]}
        fetched = {groups[name] for name in step.changed} | moved | left
        total += _download(step, fetched, groups)
        for name in step.changed:
            changes[name] = (*changes.get(name, ()), number)
        held = {name: groups[name] for name in step.after}
    return total


def _describe_groups(groups: Mapping[str, int], steps: Sequence[_Step], sizes: Mapping[str, float]) -> list[SplitGroup]:
    """The groups with their largest components, rarely changed ones first."""
    newest = steps[-1].after
    described = []
    for group in sorted(set(groups.values())):
        members = sorted((name for name in groups if groups[name] == group), key=lambda name: (-sizes[name], name))
        described.append(
            SplitGroup(
                names=tuple(members[:_MAX_NAMES]),
                name_count=len(members),
                size=sum(newest[name].size for name in members if name in newest),
                changes=sum(not step.changed.isdisjoint(members) for step in steps),
            )
        )
    return sorted(described, key=lambda group: (group.changes, -group.size))
