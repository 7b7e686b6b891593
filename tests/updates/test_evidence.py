"""What a history shows about its build steps, and orders replayed on the history: against builds in these orders."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given

from ocisize.model.updates import Release, UpdateHistory
from ocisize.updates.advise import advise_updates
from ocisize.updates.dependencies import Dependency
from ocisize.updates.evidence import StepEvidence, collect_evidence, replay_order
from ocisize.updates.measure import measure_updates
from ocisize.updates.order import MAX_STEPS
from ocisize.values import evolve
from tests.updates.builds import CONTENTS, build_releases, random_versions
from tests.updates.releases import histories

STEPS = ("RUN make", "COPY a /a", "COPY b /b", "RUN apt-get install -y curl", "COPY c /c")


def step_sizes(history: UpdateHistory) -> int:
    """The bytes by blob of the layers above the base, in all updates."""
    return sum(layer.size for update in history.updates for layer in update.layers if layer.by_blob and layer.index)


def evidence_of(history: UpdateHistory) -> StepEvidence:
    evidence = collect_evidence(history)
    assert len(evidence.updates) == len(history.updates)
    return evidence


def test_replays_are_the_downloads_of_builds_in_this_order() -> None:
    """With the files of the layers, a replay is exact for every order."""
    numbers = random.Random(8)
    for _ in range(10):
        versions = random_versions(numbers, 8, [0.3, 0.6, 0.1, 0.2, 0.8])
        history = measure_updates(build_releases(versions, range(5), STEPS), contents=CONTENTS)
        evidence = evidence_of(history)
        for order in itertools.permutations(range(5)):
            built = measure_updates(build_releases(versions, order, STEPS), contents=CONTENTS, advice=False)
            assert replay_order(evidence, order) == step_sizes(built)


def test_rates_are_those_of_changes() -> None:
    """With the files: every change of a step is counted, whatever changed below."""
    versions = random_versions(random.Random(9), 30, [0.3, 0.6, 0.1, 0.2, 0.8])
    history = measure_updates(build_releases(versions, range(5), STEPS), contents=CONTENTS)
    for step, rate in enumerate(evidence_of(history).rates):
        changes = versions[-1][step + 1]
        assert (rate.changes, rate.updates) == (changes, 29)
        assert rate.rate == pytest.approx((changes + 0.5) / 30)


def test_without_files_rates_come_from_updates_that_show_them() -> None:
    """A step counts where no lower layer changed; the estimates come near the probabilities."""
    rates = [0.05, 0.1, 0.2, 0.1, 0.5]
    versions = random_versions(random.Random(10), 3000, rates, base_rate=0.01)
    evidence = evidence_of(measure_updates(build_releases(versions, range(5), STEPS)))
    for step, rate in enumerate(evidence.rates):
        below = [
            after[: step + 1] == before[: step + 1] for before, after in itertools.pairwise(versions)
        ]  # fmt: skip
        assert rate.updates == sum(below)
        assert rate.rate == pytest.approx(rates[step], rel=0.25)


@given(histories)
def test_the_order_of_the_history_replays_to_its_downloads(releases: list[Release]) -> None:
    """Whatever the layers are: changed, moved, repeated, recompressed."""
    history = measure_updates(releases, advice=False)
    evidence = collect_evidence(history)
    actual = sum(place.size for update in evidence.updates for place in update if place.is_downloaded)
    assert replay_order(evidence, range(len(evidence.tracks))) == actual


def test_the_advised_order_saves_what_builds_in_it_save() -> None:
    """A COPY that changes in each release is below a large installation, which it does not need."""
    steps = ("COPY . /app", "RUN apt-get update && apt-get install -y build-essential", "COPY c /c")
    versions = random_versions(random.Random(11), 20, [0.9, 0.05, 0.3])
    history = measure_updates(build_releases(versions, range(3), steps), contents=CONTENTS)
    advice = history.advice
    assert advice is not None and advice.order is not None and advice.bound_size is not None
    found = [str(history.tracks[track].build_step) for track in advice.order.tracks]
    assert found == [steps[1], steps[2], steps[0]]
    order = [steps.index(step) for step in found]
    built = measure_updates(build_releases(versions, order, steps), contents=CONTENTS, advice=False)
    assert advice.order.actual_size == step_sizes(history)
    assert advice.order.saved_size == step_sizes(history) - step_sizes(built) > 0
    assert advice.bound_size <= advice.order.replayed_size
    assert advice.order.is_certain and advice.possible_order is None and advice.order.assumed == 0
    assert advice.order.expected_size < advice.order.expected_actual_size
    without_files = advise_updates(evolve(measure_updates(build_releases(versions, range(3), steps)), advice=None))
    assert without_files.order is not None and without_files.order.assumed > 0
    assert without_files.order.tracks[-1] == advice.order.tracks[-1] and without_files.order.saved_size > 0


def test_an_order_that_needs_independence_names_the_steps() -> None:
    """Two RUNs trade places only as advice with a condition."""
    steps = ("RUN ./generate", "RUN ./install-tools", "COPY c /c")
    versions = random_versions(random.Random(12), 20, [0.9, 0.05, 0.02])
    advice = advise_updates(measure_updates(build_releases(versions, range(3), steps), contents=CONTENTS))
    history = measure_updates(build_releases(versions, range(3), steps), contents=CONTENTS)
    assert advice.order is None and advice.possible_order is not None
    moves = {
        str(history.tracks[move.track].build_step): [
            str(history.tracks[track].build_step) for track in move.if_independent
        ]
        for move in advice.possible_order.moves
    }  # fmt: skip
    assert moves[steps[1]] == [steps[0]] and not advice.possible_order.is_certain
    assert Dependency.MAYBE < Dependency.NEEDED


def test_layers_that_do_not_follow_have_no_better_order() -> None:
    """Layers that stay equal when lower ones change, as COPY --link makes them, cost the same in any order."""
    versions = random_versions(random.Random(13), 20, [0.9, 0.05, 0.3], base_rate=0.0)
    steps = ("COPY --link a /a", "COPY --link b /b", "COPY --link c /c")
    releases = []
    for number, release in enumerate(versions):
        (single,) = build_releases([release], range(3), steps)
        layers = [evolve(layer, digest=f"sha256:{layer.index}-{version}", diff_id=None)
                  for layer, version in zip(single.layers, release, strict=True)]  # fmt: skip
        releases.append(evolve(single, layers=tuple(layers), digest=f"sha256:{number}"))
    history = measure_updates(releases)
    assert history.advice is not None
    assert history.advice.order is None and history.advice.possible_order is None
    assert history.advice.bound_size == step_sizes(history)


@pytest.mark.parametrize(("count", "is_ordered"), [(MAX_STEPS, True), (MAX_STEPS + 1, False)])
def test_many_steps_are_not_ordered(count: int, *, is_ordered: bool) -> None:
    """An image may have 4096 layers, and the time grows with their cube."""
    steps = ["COPY . /app", *["RUN apt-get update && apt-get install -y curl"] * (count - 1)]
    versions = [(0, number, *[0] * (count - 1)) for number in range(4)]
    history = measure_updates(build_releases(versions, range(count), steps, sizes=[100] * count))
    assert history.advice is not None
    assert (history.advice.order is not None) == is_ordered
