"""start and micro: start-up time, imported packages, and single steps in one process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import peers
from groups.context import Context
from measure import interleave
from results import Section
from revisions import REPOSITORY, variables

HERE = Path(__file__).parent.parent
EXAMPLE = REPOSITORY / "testdata" / "example.tar"
MICRO = HERE / "micro.py"
VALUES = "python -c 'import attrs, cattrs'"
TEXT = "python -m ocisize example.tar"
MICRO_CASES = ("python-service", "node-service", "pax-trees", "debian-python", "node")
HEAVY = ("jsonschema", "oras", "requests", "rich", "urllib3")
_START_ROUNDS = 20  # short commands vary most
_PAX_ROUNDS = 9
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
        VALUES: peers.python("import attrs, cattrs", rounds=None),
        "python -m ocisize --help": peers.ocisize("--help"),
        "python -m ocisize -f json example.tar": peers.ocisize("-f", "json", str(EXAMPLE)),
        TEXT: peers.ocisize(str(EXAMPLE)),
    }
    outcomes = interleave(commands, max(context.rounds, _START_ROUNDS))
    yield Section("start", "", "commands", "Starting up", next(iter(commands)), outcomes=outcomes)
    command = [sys.executable, "-c", _IMPORTS, str(EXAMPLE)]
    process = subprocess.run(command, check=True, capture_output=True, text=True, env=variables(), cwd=REPOSITORY)
    imported = process.stdout.split()
    figures = {name: float(name in imported) for name in HEAVY}
    yield Section(
        "start", "", "imports", "Packages imported for a local archive with -f json", figures=figures, unit="1 is yes"
    )


def micro(context: Context) -> Iterator[Section]:
    """CPU time per entry of scanning, analyzing, mapping, merging and finding waste; entries with PAX headers."""
    figures = run_micro("pax", max(context.rounds, _PAX_ROUNDS))
    yield Section(
        "micro", "", "pax", "The same tree with and without PAX headers", figures=figures, unit="ns of CPU per entry"
    )
    for case in context.cases(*MICRO_CASES):
        figures = run_micro(str(case.folder), context.rounds)
        title = f"{case.name}, single steps in one process"
        yield Section("micro", case.name, "steps", title, facts=case.facts(), figures=figures, unit="ns of CPU per entry")


def run_micro(case: str, rounds: int, *, tree: Path = REPOSITORY, only: Sequence[str] = ()) -> dict[str, float]:
    """Measure the steps in a new process, with ocisize as it is in a tree."""
    command = [sys.executable, str(MICRO), case, "--rounds", str(rounds), *(["--only", *only] if only else [])]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=variables(tree)).stdout
    return {name: float(value) for name, value in json.loads(output).items()}
