"""Measuring whole commands: wall time, CPU time and peak memory, interleaved over several rounds."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence

import attrs


@attrs.frozen
class Run:
    """One run of a command; CPU is user and system time of the process and all its children."""

    wall: float  #: seconds
    cpu: float  #: seconds
    peak: int  #: bytes of resident memory of the largest process


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run a command with its output thrown away; raise when it could not do its job (status above 1)."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode > 1:
        raise RuntimeError(f"{' '.join(command)} ended with status {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def interleave(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Run]:
    """Run all commands in turn, ``rounds`` times, and return the median of each figure."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(run(command))
    return {
        name: Run(
            statistics.median(one.wall for one in many),
            statistics.median(one.cpu for one in many),
            int(statistics.median(one.peak for one in many)),
        )
        for name, many in runs.items()
    }


def table(results: Mapping[str, Run], reference: str) -> str:
    """A Markdown table; ratios are to the command named ``reference``."""
    base = results[reference]
    lines = [
        f"| command | wall s | CPU s | peak MB | wall ÷ {reference} | CPU ÷ {reference} |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, one in results.items():
        ratios = f"{one.wall / base.wall:.2f} | {one.cpu / base.cpu:.2f}"
        lines.append(f"| {name} | {one.wall:.2f} | {one.cpu:.2f} | {one.peak / 1e6:.0f} | {ratios} |")
    return "\n".join(lines)
