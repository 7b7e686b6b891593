"""The pairs of layers of two images.

Layers with the same digest are paired first, in any order, then layers with the same diff_id. All others are paired in
order, by the text of their build steps: the alignment of Needleman and Wunsch (doi:10.1016/0022-2836(70)90057-4), with gaps
that cost nothing, finds the pairs that are equal or most similar.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Protocol

from ocisize.model.build_step import BuildStep
from ocisize.model.comparison import LayerStatus
from ocisize.model.sizes import paid_layers

_SAME, _ALIKE, _UNKNOWN, _BASE = 300, 50, 60, 50  # scores of a pair; that of similar steps is their similarity in percent
_MAX_CELLS = 1_000_000  # pairs of steps that are scored; if there are more, steps are paired by position
_HASH = re.compile(r"\b[0-9a-f]{12,64}\b")
_WORD = re.compile(r"[^\s;&|()'\"\[\],]+")


class PairedLayer(Protocol):
    """A layer of an analysis or of an outline, as far as it is paired with one of another image."""

    @property
    def index(self) -> int:
        """0 at the base."""

    @property
    def digest(self) -> str:
        """Of the blob."""

    @property
    def diff_id(self) -> str | None:
        """Of the uncompressed tar."""

    @property
    def build_step(self) -> BuildStep:
        """What made the layer."""

    @property
    def compressed_size(self) -> int | None:
        """Bytes of download; None if unknown."""


def paid_sizes(layers: Sequence[PairedLayer]) -> list[int | None]:
    """Return by layer the bytes of download; None if unknown, 0 if a lower layer has the same blob."""
    return [layer.compressed_size if pays else 0 for layer, pays in zip(layers, paid_layers(layers), strict=True)]


def status_of(old: PairedLayer | None, new: PairedLayer | None) -> LayerStatus:
    """Return how a layer of AFTER relates to the one of BEFORE that it is paired with, by their digests alone."""
    if new is None:
        return LayerStatus.REMOVED
    if old is None:
        return LayerStatus.ADDED
    if old.digest == new.digest:
        return LayerStatus.SHARED
    return LayerStatus.RECOMPRESSED if old.diff_id == new.diff_id is not None else LayerStatus.CHANGED


def align(before: Sequence[PairedLayer], after: Sequence[PairedLayer]) -> list[tuple[int | None, int | None]]:
    """Return pairs of layer indexes, base first: each layer of both images is in one pair, with None if it is alone."""
    partner: dict[int, int] = {}  # by index in AFTER
    _pair_equal(before, after, partner, lambda layer: layer.digest)
    _pair_equal(before, after, partner, lambda layer: layer.diff_id)
    paired = set(partner.values())
    left = [layer for layer in before if layer.index not in paired]
    right = [layer for layer in after if layer.index not in partner]
    partner.update((new.index, old.index) for old, new in _pair_alike(left, right))
    return _in_order(len(before), len(after), partner)


def _pair_equal(
    before: Sequence[PairedLayer],
    after: Sequence[PairedLayer],
    partner: dict[int, int],
    key: Callable[[PairedLayer], str | None],
) -> None:
    paired = set(partner.values())
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for layer in before:
        if layer.index not in paired and (value := key(layer)) is not None:
            waiting[value].append(layer.index)
    for layer in after:
        if layer.index not in partner and (value := key(layer)) is not None and waiting.get(value):
            partner[layer.index] = waiting[value].popleft()


def _pair_alike(before: Sequence[PairedLayer], after: Sequence[PairedLayer]) -> list[tuple[PairedLayer, PairedLayer]]:
    """The pairs with the highest total score that keep the order of both images."""
    if len(before) * len(after) > _MAX_CELLS:
        return list(zip(before, after, strict=False))
    steps_before, steps_after = [_Step(layer) for layer in before], [_Step(layer) for layer in after]
    fits = [[_fit(old, new) for new in steps_after] for old in steps_before]
    best = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]  # the highest score from there on
    for row in reversed(range(len(before))):
        for column in reversed(range(len(after))):
            fit = fits[row][column]
            paired = fit + best[row + 1][column + 1] if fit else 0
            best[row][column] = max(paired, best[row + 1][column], best[row][column + 1])
    pairs, row, column = [], 0, 0
    while row < len(before) and column < len(after):
        if fits[row][column] and best[row][column] == fits[row][column] + best[row + 1][column + 1]:
            pairs.append((before[row], after[column]))
            row, column = row + 1, column + 1
        elif best[row][column] == best[row][column + 1]:
            column += 1
        else:
            row += 1
    return pairs


class _Step:
    """A build step as it is compared: without the hashes of added files."""

    def __init__(self, layer: PairedLayer) -> None:
        self.is_base = layer.index == 0
        self.text = _HASH.sub("", layer.build_step.text)
        self.verb, *words = _WORD.findall(self.text) or [""]
        self.words = frozenset(words)


def _fit(old: _Step, new: _Step) -> int:
    """The score of a pair of build steps, 0 if they are not similar."""
    if not old.text and not new.text:
        return _UNKNOWN
    if old.text == new.text:
        return _SAME
    total = len(old.words) + len(new.words)
    likeness = 200 * len(old.words & new.words) // total if old.verb == new.verb and total else 0
    if likeness >= _ALIKE:
        return likeness
    return _BASE if old.is_base and new.is_base else 0


def _in_order(before: int, after: int, partner: dict[int, int]) -> list[tuple[int | None, int | None]]:
    """All pairs in the order of AFTER; a layer that only BEFORE has follows the one that it was built on."""
    place = {old: new for new, old in partner.items()}
    pairs: list[tuple[int, int | None, int | None]] = [(new, partner.get(new), new) for new in range(after)]
    below = -1
    for old in range(before):
        below = place.get(old, below)
        if old not in place:
            pairs.append((below, old, None))
    pairs.sort(key=lambda pair: (pair[0], pair[2] is None, pair[1] or 0))
    return [(old, new) for _, old, new in pairs]
