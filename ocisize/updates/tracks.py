"""Tracked layers: which layer of a release continues which layer of the release before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.comparison.layer_alignment import align, status_of
from ocisize.model.comparison import LayerStatus
from ocisize.model.updates import Release, ReleaseLayer, TrackedLayer, Update, UpdateLayer
from ocisize.tuples import NamedTuple


class Pair(NamedTuple):
    """A layer of the newer release of an update, with the layer of the older one that it continues."""

    old: ReleaseLayer | None
    new: ReleaseLayer
    status: LayerStatus  #: by the digests alone


def pair_layers(before: Release, after: Release) -> list[Pair]:
    """Return the layers of ``after``, base first, each with the layer of ``before`` that has its blob, tar or build step."""
    held = {layer.digest for layer in before.layers}
    pairs = []
    for old_index, new_index in align(before.layers, after.layers):
        if new_index is not None:
            new, old = after.layers[new_index], None if old_index is None else before.layers[old_index]
            pairs.append(Pair(old, new, LayerStatus.SHARED if new.digest in held else status_of(old, new)))
    return pairs


def number_tracks(releases: Sequence[Release], pairs: Sequence[Sequence[Pair]]) -> list[list[int]]:
    """Return by release and layer the number of its track: tracks are numbered as they appear."""
    tracks = [list(range(len(releases[0].layers)))] if releases else []
    count = len(tracks[0]) if tracks else 0
    for update_pairs in pairs:
        older, newer = tracks[-1], []
        for pair in update_pairs:
            newer.append(count if pair.old is None else older[pair.old.index])
            count += pair.old is None
        tracks.append(newer)
    return tracks


def make_tracks(
    releases: Sequence[Release], tracks: Sequence[Sequence[int]], updates: Sequence[Update]
) -> list[TrackedLayer]:
    """Return the tracked layers by number; ``tracks`` are those of ``number_tracks``."""
    places: dict[int, list[tuple[int, ReleaseLayer]]] = {}
    for number, release in enumerate(releases):
        for track, layer in zip(tracks[number], release.layers, strict=True):
            places.setdefault(track, []).append((number, layer))
    steps: dict[int, list[tuple[Update, UpdateLayer]]] = {}
    for update in updates:
        for update_layer in update.layers:
            steps.setdefault(update_layer.track, []).append((update, update_layer))
    return [_make_track(releases, places[track], steps.get(track, [])) for track in sorted(places)]


def _make_track(
    releases: Sequence[Release], places: Sequence[tuple[int, ReleaseLayer]], steps: Sequence[tuple[Update, UpdateLayer]]
) -> TrackedLayer:
    newest_release, newest = places[-1]
    downloads = [layer for _, layer in steps if layer.by_blob]
    caused = [
        [other.size for other in update.layers if other.caused_by == layer.index] for update, layer in steps if layer.by_blob
    ]
    is_known = all(layer.is_compared or layer.is_unchanged or layer.status is LayerStatus.ADDED for layer in downloads)
    return TrackedLayer(
        build_step=newest.build_step,
        releases=tuple(release for release, _ in places),
        sizes=tuple(layer.size for _, layer in places),
        indexes=tuple(layer.index for _, layer in places),
        digests=len({layer.digest for _, layer in places}),
        downloads=len(downloads),
        downloaded_size=sum(layer.size for layer in downloads),
        causes=sum(bool(sizes) for sizes in caused),
        caused_size=sum(map(sum, caused)),
        unchanged_size=sum(layer.size for layer in downloads if layer.is_unchanged),
        changes=sum(not layer.is_unchanged for layer in downloads) if is_known else None,
        is_base=newest.index < releases[newest_release].base_layers,
    )


def sort_tracks(tracks: Sequence[TrackedLayer]) -> tuple[list[TrackedLayer], Mapping[int, int]]:
    """Return tracked layers with most bytes of caused download first, and the place of each by its number."""
    order = sorted(
        range(len(tracks)), key=lambda number: (-tracks[number].caused_size, -tracks[number].downloaded_size, number)
    )
    return [tracks[number] for number in order], {number: place for place, number in enumerate(order)}
