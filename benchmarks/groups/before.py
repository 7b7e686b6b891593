"""before: this working tree and an older revision in turn, by whole commands and by single steps."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

import peers
from cases import Case
from groups.context import Context
from groups.process import EXAMPLE, run_micro
from measure import Outcome, interleave
from results import Section
from revisions import WORKING_TREE, checked_out, describe

BEFORE, AFTER = "before", "after"
CASES = ("python-service", "node-service", "pax-trees", "ml", "debian-python", "node")
STEP_CASES = ("python-service", "node-service")
_STEPS = ("in-place", "analysis")  # of micro.py


def before(context: Context) -> Iterator[Section]:
    """Wall time, CPU time and peak memory of both revisions; nothing without a revision to compare with."""
    if context.before is None:
        print("no revision to compare with, see --before: nothing measured\n")
        return
    with checked_out(context.before) as old, checked_out(WORKING_TREE) as new:
        trees = {BEFORE: old, AFTER: new}
        note = f"{describe(context.before)} and {describe(WORKING_TREE)}"
        for name, arguments in {"example": (str(EXAMPLE),), "help": ("--help",)}.items():
            outcomes = _run_both(arguments, trees, context.rounds)
            yield Section("before", "", name, note, BEFORE, outcomes=outcomes)
        for case in context.cases(*CASES):
            for form, image in (("archive", case.archive), ("gzip", case.layout("gzip"))):
                outcomes = _run_both((str(image),), trees, context.rounds)
                yield context.section("before", case, form, note, outcomes)
        for case in context.cases(*STEP_CASES):
            pairs = steps_of_both(case, trees, context.rounds, _STEPS)
            yield Section("before", case.name, "steps", note, facts=case.facts(), pairs=pairs, unit="ns of CPU per entry")


def _run_both(arguments: tuple[str, ...], trees: Mapping[str, Path], rounds: int) -> dict[str, Outcome]:
    return interleave({label: peers.ocisize(*arguments, tree=tree) for label, tree in trees.items()}, rounds)


def steps_of_both(
    case: Case, trees: Mapping[str, Path], rounds: int, only: tuple[str, ...] = ()
) -> dict[str, tuple[float, float]]:
    """The single steps that two revisions have, in ns per entry: medians of rounds in new processes, in turn."""
    times: list[dict[str, list[float]]] = [{} for _ in trees]
    for _ in range(rounds):
        for kept, tree in zip(times, trees.values(), strict=True):
            for name, value in run_micro(str(case.folder), 3, tree=tree, only=only).items():
                kept.setdefault(name, []).append(value)
    old, new = ({name: statistics.median(values) for name, values in kept.items()} for kept in times)
    return {name: (old[name], new[name]) for name in old if name in new}
