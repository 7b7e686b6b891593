"""Evidence of a history about its build steps: which of them changed themselves, and which only followed a lower one.

A step changed itself in an update if its content is known to have changed. Where the layers were not read, the lowest layer
that is downloaded changed itself, and so did a step whose text changed, or whose layer stays equal when lower ones change.
Other layers above the lowest are taken for followers.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence

from ocisize.model.update_advice import StepRate
from ocisize.model.updates import Update, UpdateHistory, UpdateLayer
from ocisize.tuples import NamedTuple
from ocisize.updates.packing import Part, estimate_rate


class StepUpdate(NamedTuple):
    """A build step in one update."""

    size: int  #: bytes of its layer in the newer release
    is_downloaded: bool  #: by blob
    is_changed: bool  #: the step itself changed
    is_known: bool  #: the history shows whether it did; else it is taken for unchanged


class StepEvidence(NamedTuple):
    """The build steps of the newest release above the base image, in the updates whose releases both have the same steps."""

    tracks: tuple[int, ...]  #: by step, lowest first: index in ``UpdateHistory.tracks``
    follows: tuple[bool, ...]  #: by step: its layer is built again where a lower one changes
    updates: tuple[tuple[StepUpdate, ...], ...]  #: by update and step
    forced: tuple[bool, ...]  #: by update: a layer below all steps is downloaded

    @property
    def parts(self) -> list[Part]:
        """Sizes and probabilities of the steps."""
        return [Part(rate.size, rate.rate) for rate in self.rates]

    @property
    def rates(self) -> list[StepRate]:
        """How often each step changes by itself."""
        rates = []
        for step, track in enumerate(self.tracks):
            places = [update[step] for update in self.updates]
            known = [place for place in places if place.is_known]
            changes = sum(place.is_changed for place in known)
            size = sum(place.size for place in places) / max(len(places), 1)
            rates.append(
                StepRate(
                    track=track, changes=changes, updates=len(known), rate=estimate_rate(changes, len(known)), size=size
                )
            )
        return rates


def collect_evidence(history: UpdateHistory) -> StepEvidence:
    """Return what a history shows about the build steps of its newest release."""
    if not history.updates:
        return StepEvidence((), (), (), ())
    newest = history.releases[-1]
    layers = [layer for layer in history.updates[-1].layers if layer.index >= newest.base_layers]
    tracks = tuple(layer.track for layer in layers)
    usable = [update for update in history.updates if _has_all(history, update, tracks)]
    follows = tuple(_follows(usable, track) for track in tracks)
    updates = tuple(
        tuple(_step_update(history, update, track, follow) for track, follow in zip(tracks, follows, strict=True))
        for update in usable
    )
    forced = tuple(_is_forced(update, tracks) for update in usable)
    return StepEvidence(tracks, follows, updates, forced)


def _has_all(history: UpdateHistory, update: Update, tracks: Sequence[int]) -> bool:
    """Whether the steps are the uppermost layers of both releases, in their order."""
    for number in (update.before, update.after):
        count = len(history.releases[number].layers)
        if [_index_in(history, number, track) for track in tracks] != list(range(count - len(tracks), count)):
            return False
    return True


def _index_in(history: UpdateHistory, release: int, track: int) -> int | None:
    """The position of a tracked layer in a release; None if the release does not have the layer."""
    tracked = history.tracks[track]
    place = bisect.bisect_left(tracked.releases, release)
    return tracked.indexes[place] if place < len(tracked.releases) and tracked.releases[place] == release else None


def _find_layer(update: Update, track: int) -> UpdateLayer:
    return next(layer for layer in update.layers if layer.track == track)


def _follows(updates: Sequence[Update], track: int) -> bool:
    """Whether a layer was never kept by an update that downloads a lower one."""
    return not any(
        update.cause is not None and update.cause < layer.index and not layer.by_blob
        for update in updates
        for layer in [_find_layer(update, track)]
    )


def _is_forced(update: Update, tracks: Sequence[int]) -> bool:
    """Whether a layer below all steps is downloaded."""
    return update.cause is not None and all(_find_layer(update, track).index > update.cause for track in tracks)


def _step_update(history: UpdateHistory, update: Update, track: int, follows: bool) -> StepUpdate:  # noqa: FBT001 - of one caller
    layer = _find_layer(update, track)
    if not layer.by_blob:
        return StepUpdate(layer.size, is_downloaded=False, is_changed=False, is_known=True)
    is_own = layer.index == update.cause or not follows  # no lower layer is the reason
    if layer.is_unchanged:
        return StepUpdate(layer.size, is_downloaded=True, is_changed=is_own, is_known=True)
    texts = [_step_text(history, release, track) for release in (update.before, update.after)]
    is_changed = layer.is_compared or is_own or texts[0] != texts[1]
    return StepUpdate(layer.size, is_downloaded=True, is_changed=is_changed, is_known=is_changed)


def _step_text(history: UpdateHistory, release: int, track: int) -> str:
    """The build step of a tracked layer in a release that has the layer."""
    index = _index_in(history, release, track)
    return "" if index is None else history.releases[release].layers[index].build_step.text


def replay_order(evidence: StepEvidence, order: Sequence[int]) -> int:
    """Return the bytes of all updates if the steps were in an order, of numbers in ``evidence.tracks``, lowest first.

    A step that changed itself, or a layer below all steps, gives new layers to all steps above that follow lower ones. In
    the order of the history this is what was downloaded.
    """
    total = 0
    for update, is_forced in zip(evidence.updates, evidence.forced, strict=True):
        has_changed = is_forced
        for step in order:
            place = update[step]
            has_changed = has_changed or place.is_changed
            total += place.size * (place.is_changed or (has_changed and evidence.follows[step]))
    return total


def count_assumed(evidence: StepEvidence) -> int:
    """Return how many layers are taken for unchanged without being known to be."""
    return sum(not place.is_known for place in itertools.chain.from_iterable(evidence.updates))
