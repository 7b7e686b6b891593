"""The plan of an image of many layers takes time in proportion to them, counted in calls of functions."""

from __future__ import annotations

import sys

import pytest

from ocisize.plan.make import make_plan
from tests.evidence import make_evidence
from tests.images import Entries

STEPS = {
    "unknown commands": "RUN step {number}",
    "installations": "RUN apt-get update && apt-get install -y p{number}",
    "removals": "RUN touch /a{number} && rm -rf /app/x{number}",
    "owners": "RUN chown -R app /app",
    "copies": "COPY . /app{number}",
}


def count_calls(step: str, layers: int) -> int:
    """The calls of functions while an image is planned whose layers replace some files of each other."""
    trees: list[Entries] = [{f"app/f{number % 7}": bytes([number % 250]) * 900} for number in range(layers)]
    evidence = make_evidence(*trees, steps=[step.format(number=number) for number in range(layers)])
    make_plan(evidence, [])  # loads tables and fills caches
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        make_plan(evidence, [])
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_time_is_linear(step: str) -> None:
    """Four times as many layers take about four times as many calls; work on all pairs of layers would take 16 times."""
    assert count_calls(step, 160) < 8 * count_calls(step, 40)
