"""Histories of builds as a Dockerfile makes them: a step that changes gives all steps above it new layers."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ocisize.model.build_step import BuildStep
from ocisize.model.updates import Release, ReleaseLayer
from ocisize.tar.filetable import FileTable
from ocisize.updates.contents import LayerContents
from tests.updates.releases import digest, make_release_of

BASE_SIZE = 5000
SIZES = (700, 40, 90, 1000, 3)


def random_versions(numbers: random.Random, count: int, rates: Sequence[float], base_rate: float = 0.1) -> list[list[int]]:
    """The version of the base and of each step, by release: a step changes with its probability."""
    versions = [[0] * (len(rates) + 1)]
    for _ in range(count - 1):
        chances = [base_rate, *rates]
        versions.append([
            version + (numbers.random() < chance) for version, chance in zip(versions[-1], chances, strict=True)
        ])  # fmt: skip
    return versions


def build_releases(
    versions: Sequence[Sequence[int]], order: Sequence[int], steps: Sequence[str], sizes: Sequence[int] = SIZES
) -> list[Release]:
    """The releases that are built with the steps in an order, lowest first; the size of a layer depends on its version."""
    releases = []
    for number, release in enumerate(versions):
        state = f"base {release[0]}"
        layers = [_layer(0, state, state, BASE_SIZE + release[0], "ADD file:0123456789ab… in /")]
        for step in order:
            version = release[step + 1]
            state = digest(f"{state} {step} {version}")
            layers.append(
                _layer(len(layers), state, f"step {step} {version}", sizes[step] * 10 + version, steps[step])
            )  # fmt: skip
        releases.append(make_release_of(layers, f"app:{number}", base_layers=1))
    return releases


def _layer(index: int, state: str, content: str, size: int, step: str) -> ReleaseLayer:
    """A layer whose blob depends on all layers below, as times of files do; its diff_id tells its content to the tests."""
    made = digest(f"{state} {content}")
    CONTENTS[made] = LayerContents(FileTable.empty(), content.encode())
    return ReleaseLayer(index=index, digest=made, diff_id=digest(made), size=size, build_step=BuildStep(step))


#: the contents of all layers that were built, by digest
CONTENTS: dict[str, LayerContents] = {}
