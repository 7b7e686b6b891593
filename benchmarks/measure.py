"""Measuring whole commands: wall time, CPU time and peak memory, interleaved over several rounds."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import attrs


MORE_ROUNDS = 9
MORE_SECONDS = 20.0


@attrs.frozen
class Command:
    """A command and its limits."""

    argv: tuple[str, ...]
    rounds: int | None = None  #: at most so many, for slow peers
    timeout: float = 300.0  #: seconds until it is stopped and not run again
    environment: Mapping[str, str] = attrs.field(factory=dict)
    folder: Path | None = None  #: to run in
    statuses: tuple[int, ...] = (0,)  #: exit statuses of a command that did its job


@attrs.frozen
class Run:
    """One run of a command; CPU is user and system time of the process and all its children."""

    wall: float  #: seconds
    cpu: float  #: seconds
    peak: int  #: bytes of resident memory of the largest process; never below that of the measuring process


@attrs.frozen
class Outcome:
    """All runs of a command."""

    runs: tuple[Run, ...] = ()
    unfinished: float | None = None  #: seconds after which it was stopped, if it was

    @property
    def finished(self) -> bool:
        return bool(self.runs)

    @property
    def wall(self) -> float:
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak(self) -> int:
        return int(statistics.median(run.peak for run in self.runs))

    def ratio(self, other: Outcome, figure: Callable[[Run], float]) -> float:
        """The median of this command's figure by the other's in the same round, so that a change of load divides out."""
        pairs = zip(self.runs, other.runs, strict=False)  # a slow command has fewer rounds
        return statistics.median(figure(mine) / figure(theirs) for mine, theirs in pairs)


def wall(run: Run) -> float:
    return run.wall


def cpu(run: Run) -> float:
    return run.cpu


def peak(run: Run) -> float:
    return run.peak


class Unfinished(Exception):
    """A command was stopped because its time was up."""


def run(command: Command) -> Run:
    """Run a command without its output; raise if it fails or takes too long."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **command.environment},
        cwd=command.folder,
        start_new_session=True,  # so that its children can be stopped with it
    )
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(command.timeout, stop)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if stopped.is_set():
        raise Unfinished
    if process.returncode not in command.statuses:
        raise RuntimeError(f"{' '.join(command.argv)} ended with status {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def warm(commands: Iterable[Command]) -> None:
    """Read the inputs of the commands, so that they are in the page cache."""
    named = {Path(argument) for command in commands for argument in command.argv[1:] if argument.startswith("/")}
    for path in named:
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.is_file():
                with file.open("rb", buffering=0) as stream:
                    while stream.read(1 << 18):
                        pass


def interleave(commands: Mapping[str, Command], rounds: int) -> dict[str, Outcome]:
    """Run all commands in turn, ``rounds`` times; a command that takes too long is not run again.

    Commands so short that all rounds take less than MORE_SECONDS are run more often, MORE_ROUNDS times at most; one round
    stays one.
    """
    warm(commands.values())
    start = time.monotonic()
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    unfinished: dict[str, float] = {}
    for number in range(max(rounds, MORE_ROUNDS) if rounds > 1 else 1):
        if number >= rounds and time.monotonic() - start > MORE_SECONDS * number / (number + 1):  # no time for another one
            break
        for name, command in commands.items():
            if name in unfinished or (command.rounds is not None and number >= command.rounds):
                continue
            try:
                runs[name].append(run(command))
            except Unfinished:
                unfinished[name] = command.timeout
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {name: Outcome(tuple(many), unfinished.get(name)) for name, many in runs.items()}
