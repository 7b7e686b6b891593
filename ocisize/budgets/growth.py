"""The layers that made an image grow since its baseline was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.budgets.baseline import BaselineEntry, BaselineLayer, layers_of, number_repeats
from ocisize.budgets.kinds import kind_of
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.budget import Budget, VerdictPlace


def grown_layers(budget: Budget, layers: Sequence[LayerAnalysis], entry: BaselineEntry) -> list[VerdictPlace]:
    """The layers that grew since the baseline, with their growth in bytes, the largest growth first.

    A layer is compared with the baseline's layer of the same build step. Layers whose build steps are new are compared in
    order with the baseline's layers whose build steps are gone, as of a base image of another version.

    Args:
        budget: a budget of growth. Where baselines do not have its figure for layers, the list is empty.
        layers: all layers of the image, base first.
        entry: the baseline of the image.

    """
    figure = kind_of(budget).baseline_layer
    if figure is None:
        return []
    places = []
    for index, (old, new) in enumerate(_pair_layers(entry.layers, layers_of(layers))):
        before, after = 0 if old is None else figure(old), figure(new)
        if before is not None and after is not None and after > before:
            places.append(VerdictPlace(layer=index, exact_measured=after - before))
    return sorted(places, key=lambda place: -(place.exact_measured or 0))


def _pair_layers(
    old: Sequence[BaselineLayer], new: Sequence[BaselineLayer]
) -> Iterator[tuple[BaselineLayer | None, BaselineLayer]]:
    """The layers of the image in their order, each with the layer of the baseline that it is compared with, if any."""
    old_steps = dict(zip(number_repeats([layer.build_step for layer in old]), old, strict=True))
    steps = number_repeats([layer.build_step for layer in new])
    gone = iter([layer for step, layer in old_steps.items() if step not in set(steps)])
    for step, layer in zip(steps, new, strict=True):
        yield old_steps[step] if step in old_steps else next(gone, None), layer
