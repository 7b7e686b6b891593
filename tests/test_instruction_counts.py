"""CPU instructions of start-up and of the hot path stay within their budget; the load of the machine does not change their number."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.tools import program

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "instructions.py"
TOLERANCE = 1.05  # other builds of the same interpreter and libraries


def test_instructions() -> None:
    """Starting, reporting, scanning, merging and analyzing take no more instructions than the committed budget allows."""
    program("valgrind")  # counts the instructions
    spec = importlib.util.spec_from_file_location("instructions", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    instructions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(instructions)
    budget = instructions.budget()
    if not budget:
        pytest.skip(f"no budget for {instructions.version()}")
    assert set(budget) == {*instructions.STEPS, *instructions.COMMANDS}
    measured = instructions.measure()
    over = {name: (got, budget[name]) for name, got in measured.items() if got > budget[name] * TOLERANCE}
    assert not over, "instructions (got, budget); see benchmarks/instructions.py"
