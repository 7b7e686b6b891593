"""start and micro: start-up time, imported packages, and single steps in one process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import peers
from groups.context import Context
from measure import interleave
from results import Section

HERE = Path(__file__).parent.parent
EXAMPLE = HERE.parent / "testdata" / "example.tar"
MICRO = HERE / "micro.py"
HEAVY = ("jsonschema", "oras", "requests", "rich", "urllib3")
_START_ROUNDS = 20  # short commands vary most
_IMPORTS = f"""
import sys
from ocisize.cli.main import main
assert main(["-q", "-f", "json", "-o", "/dev/null", sys.argv[1]]) == 0
print(*(name for name in {HEAVY} if name in sys.modules))
"""


def start(context: Context) -> Iterator[Section]:
    """Start-up against a bare interpreter, and the heavy packages imported for a local archive."""
    commands = {
        "python -c 'import argparse'": peers.python("import argparse", rounds=None),
        "python -m ocisize --help": peers.ocisize("--help"),
        "python -m ocisize -f json example.tar": peers.ocisize("-f", "json", str(EXAMPLE)),
        "python -m ocisize example.tar": peers.ocisize(str(EXAMPLE)),
    }
    outcomes = interleave(commands, max(context.rounds, _START_ROUNDS))
    yield Section("start", "", "commands", "Starting up", next(iter(commands)), outcomes=outcomes)
    command = [sys.executable, "-c", _IMPORTS, str(EXAMPLE)]
    imported = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    figures = {name: float(name in imported) for name in HEAVY}
    yield Section(
        "start", "", "imports", "Packages imported for a local archive with -f json", figures=figures, unit="1 is yes"
    )


def micro(context: Context) -> Iterator[Section]:
    """Nanoseconds per entry of scanning, mapping, merging and finding waste."""
    for case in context.cases("node", "pax", "debian-python"):
        figures = run_micro(case.folder, context.rounds)
        title = f"{case.name}, single steps in one process"
        yield Section("micro", case.name, "steps", title, facts=case.facts(), figures=figures, unit="ns per entry")


def run_micro(folder: Path, rounds: int, environment: Mapping[str, str] | None = None) -> dict[str, float]:
    """Measure the steps in a new process."""
    command = [sys.executable, str(MICRO), str(folder), "--rounds", str(rounds)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout
    return {name: float(value) for name, value in json.loads(output).items()}
