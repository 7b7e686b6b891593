"""CPU instructions of the hot path stay within their budget; the load of the machine does not change their number."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.tools import program

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "instructions.py"
TOLERANCE = 1.05  # other builds of the same interpreter and libraries


def test_instructions_per_entry() -> None:
    """Scanning and merging take no more instructions per entry than the committed budget allows."""
    program("valgrind")  # counts the instructions
    spec = importlib.util.spec_from_file_location("instructions", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    instructions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(instructions)
    budget = instructions.budget()
    if not budget:
        pytest.skip(f"no budget for {instructions.version()}")
    assert set(budget) == set(instructions.STEPS)
    measured = {step: instructions.measure(step) for step in instructions.STEPS}
    over = {step: (got, budget[step]) for step, got in measured.items() if got > budget[step] * TOLERANCE}
    assert not over, "instructions per entry (got, budget); see benchmarks/instructions.py"
