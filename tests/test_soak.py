"""A short run of the soak: many random faults, no wrong result, nothing left open."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "soak.py"


def test_a_short_soak() -> None:
    """Analyses through a registry that breaks are equal to the sound one, or end in clean errors."""
    command = [sys.executable, str(SCRIPT), "--runs", "25", "--seed", "2"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (result.returncode, result.stderr) == (0, "")
    equal = re.search(r"\| equal \| ([0-9]+) \|", result.stdout)
    assert equal is not None
    assert 5 <= int(equal[1]) < 25
