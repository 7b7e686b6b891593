"""advise_updates: orders of build steps and divisions of layers, with what they would have saved over a history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.model.comparison import LayerStatus
from ocisize.model.update_advice import StepMove, StepOrder, UpdateAdvice
from ocisize.model.updates import UpdateHistory
from ocisize.updates.contents import LayerContents
from ocisize.updates.dependencies import Dependency, find_dependency
from ocisize.updates.evidence import StepEvidence, collect_evidence, count_assumed, replay_order
from ocisize.updates.order import MAX_STEPS, best_order, order_cost
from ocisize.updates.split import split_layers

_MIN_SHARE = 0.01  # of the bytes of the steps, that an order must save
_MORE = 1.05  # an order with conditions must save so many times as much as one without


def advise_updates(history: UpdateHistory, contents: Mapping[str, LayerContents] | None = None) -> UpdateAdvice:
    """Return what would have made the updates of a history smaller.

    ``contents`` are the files of the layers by digest, which divisions of layers need; None if the layers were not read.

    >>> import ocisize
    >>> advise_updates(ocisize.measure_updates([])).order is None
    True
    """
    evidence = collect_evidence(history)
    downloads = [layer for update in history.updates for layer in update.layers if layer.by_blob]
    rebuilt = [layer.size for layer in downloads if layer.status is LayerStatus.REBUILT]
    recompressed = [layer.size for layer in downloads if layer.status is LayerStatus.RECOMPRESSED]
    bound = sum(place.size for update in evidence.updates for place in update if place.is_changed)
    order = _find_order(history, evidence, Dependency.MAYBE)
    possible = _find_order(history, evidence, Dependency.NEEDED)
    if order is not None and possible is not None and possible.saved_size < order.saved_size * _MORE:
        possible = None
    return UpdateAdvice(
        order=order,
        possible_order=possible,
        splits=() if contents is None else tuple(split_layers(history, contents)),
        rates=tuple(evidence.rates),
        rebuilt_size=sum(rebuilt),
        rebuilt_layers=len(rebuilt),
        recompressed_size=sum(recompressed),
        recompressed_layers=len(recompressed),
        bound_size=bound if evidence.updates else None,
    )


def _find_order(history: UpdateHistory, evidence: StepEvidence, least: Dependency) -> StepOrder | None:
    """The best order that keeps dependencies from ``least`` on.

    None if it saves next to nothing over the history, and for more than ``MAX_STEPS`` steps.
    """
    count = len(evidence.tracks)
    if not evidence.updates or not 1 < count <= MAX_STEPS:
        return None
    steps = [history.tracks[track].build_step for track in evidence.tracks]
    found = [[find_dependency(steps[lower], steps[upper]) for lower in range(upper)] for upper in range(count)]
    needs = [[lower for lower, dependency in enumerate(row) if dependency >= least] for row in found]
    parts = evidence.parts
    order, given = best_order(parts, needs), list(range(count))
    actual, replayed = replay_order(evidence, given), replay_order(evidence, order)
    if actual - replayed <= _MIN_SHARE * actual:
        return None
    moves = _list_moves(order, found)
    return StepOrder(
        tracks=tuple(evidence.tracks[step] for step in order),
        moves=tuple(
            StepMove(
                track=evidence.tracks[step],
                below=evidence.tracks[below],
                if_independent=tuple(evidence.tracks[other] for other in doubtful),
            )
            for step, below, doubtful in moves
        ),
        is_certain=not any(doubtful for _, _, doubtful in moves),
        replayed_updates=len(evidence.updates),
        actual_size=actual,
        replayed_size=replayed,
        expected_size=order_cost(parts, order),
        expected_actual_size=order_cost(parts, given),
        assumed=count_assumed(evidence),
    )


def _list_moves(order: Sequence[int], found: Sequence[Sequence[Dependency]]) -> list[tuple[int, int, list[int]]]:
    """The steps that move below steps which were lower: the step, the lowest of those, and those that it may need."""
    moves = []
    for place, step in enumerate(order):
        passed = [other for other in order[place + 1 :] if other < step]
        if passed:
            moves.append((step, min(passed), [other for other in passed if found[step][other] is Dependency.MAYBE]))
    return moves
