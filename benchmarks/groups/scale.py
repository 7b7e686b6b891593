"""linear and memory: how time and memory grow with entries, bytes, depth and layers."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import peers
from cases import Case
from groups.context import Context
from measure import Command, interleave
from results import Section
from revisions import variables

SCALE = ("scale-10000", "scale-30000", "scale-100000", "scale-300000", "scale-1000000", "scale-2000000")
SHAPES = ("flat-1000", "flat-1000000", "deep", "layers-127", "whiteouts", "no-whiteouts")
BYTES = ("big-100mb", "big-1gb", "big-10gb")
EMPTY = "empty"  # its time is the start-up time
_MAX_PEER_ENTRIES = 1_000_000
AFTER_START = "seconds after start-up"
_IN_PROCESS = """
import sys, time
from ocisize import Analyzer
Analyzer().analyze(sys.argv[1])
start = time.perf_counter()
Analyzer().analyze(sys.argv[2])
print(time.perf_counter() - start)
"""


def linear(context: Context) -> Iterator[Section]:
    """All sizes and shapes in turn, with gzip layers and with plain ones."""
    for names in ((EMPTY, *SCALE, *SHAPES), BYTES):
        for form in ("gzip", "archive"):
            yield from _in_turn(context, context.cases(*names), form)


def _in_turn(context: Context, cases: list[Case], form: str) -> Iterator[Section]:
    commands = {(case, name): command for case in cases for name, command in _commands(case, form).items()}
    outcomes = interleave({f"{case.name} {name}": command for (case, name), command in commands.items()}, context.rounds)
    for case in cases:
        own = {name: outcomes[f"{case.name} {name}"] for owner, name in commands if owner == case}
        figures = {}
        if case.name in SCALE:
            image = case.archive if form == "archive" else case.layout("gzip")
            figures[AFTER_START] = seconds_after_start(image, context.cases(EMPTY)[0].archive)
        yield context.section("linear", case, form, f"{case.name}, {form}", own, figures=figures)


def seconds_after_start(image: Path, empty: Path) -> float:
    """Wall seconds of one analysis in a process that analyzed an empty image before: the median of three."""
    command = [sys.executable, "-c", _IN_PROCESS, str(empty), str(image)]
    runs = [subprocess.run(command, check=True, stdout=subprocess.PIPE, env=variables()) for _ in range(3)]
    return statistics.median(float(run.stdout) for run in runs)


def _commands(case: Case, form: str) -> dict[str, Command]:
    commands = peers.ours(case.archive if form == "archive" else case.layout("gzip"))
    if form == "gzip":
        commands |= peers.decompressors(case, "gzip")
    if case.name == EMPTY or case.facts().entries > _MAX_PEER_ENTRIES:
        return commands
    if form == "archive":
        commands |= peers.dive(case.archive)
    listers = peers.listers(case, form)
    return commands | {name: listers[name] for name in ("tarfile", "tar -t") if name in listers}


def memory(context: Context) -> Iterator[Section]:
    """Peak memory of ocisize alone; one round is enough, since it hardly varies."""
    for case in context.cases(EMPTY, *SCALE, *SHAPES, "big-10gb", "ml", "debian-python", "node", "pax"):
        for form, image in (("gzip", case.layout("gzip")), ("archive", case.archive), ("zstd", case.layout("zstd"))):
            if image.exists():
                outcomes = interleave(peers.ours(image), 1)
                yield context.section("memory", case, form, f"{case.name}, {form}", outcomes)
