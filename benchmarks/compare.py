"""Measure two revisions of ocisize in turn, each from its own git worktree, with the Python that runs this.

    python benchmarks/compare.py REV_A REV_B OUT [--case CASE...] [--rounds N]

A revision is any name that git accepts; ``.`` is the working tree.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import cases
import peers
import tables
from cases import Case
from groups.before import steps_of_both
from groups.process import EXAMPLE
from measure import Command, interleave
from revisions import checked_out

DEFAULT_CASES = ("node", "debian-python")


def macro_commands(built: list[Case], tree: Path) -> dict[str, Command]:
    """Whole commands over every case, run from within a tree."""
    arguments = {"--help": ("--help",), "example.tar": (str(EXAMPLE),)}
    for case in built:
        arguments[f"{case.name}, gzip"] = (str(case.layout("gzip")),)
        arguments[f"{case.name}, gzip, -j 1"] = ("-j", "1", str(case.layout("gzip")))
        for form, image in (("zstd", case.layout("zstd")), ("plain archive", case.archive)):
            if image.exists():
                arguments[f"{case.name}, {form}"] = (str(image),)
        if case.archive.exists():
            arguments[f"{case.name}, plain archive, --verify"] = ("--verify", str(case.archive))
    return {name: peers.ocisize(*words, tree=tree) for name, words in arguments.items()}


def compare_commands(built: list[Case], trees: Mapping[str, Path], rounds: int) -> str:
    """A table of whole commands, the revisions run in turn."""
    by_tree = {label: macro_commands(built, tree) for label, tree in trees.items()}
    names = list(by_tree["A"])
    outcomes = interleave({f"{name} {label}": by_tree[label][name] for name in names for label in trees}, rounds)
    rows = []
    for name in names:
        a, b = outcomes[f"{name} A"], outcomes[f"{name} B"]
        if not (a.finished and b.finished):
            rows.append([name, *("finished" if one.finished else "not finished" for one in (a, b)), *[""] * 6])
            continue
        rows.append([name, *tables.both(a, b)])
    heads = [f"{what} {label}" for what in ("wall s", "CPU s", "peak MB") for label in ("A", "B", "B ÷ A")]
    return tables.markdown(["command", *heads], rows)


def compare_steps(case: Case, trees: Mapping[str, Path], rounds: int) -> str:
    """A table of the single steps of both, each round in new processes."""
    pairs = steps_of_both(case, trees, rounds)
    rows = [[name, f"{a:.0f}", f"{b:.0f}", f"{b / a:.2f}"] for name, (a, b) in pairs.items()]
    return tables.markdown([f"{case.name}, ns per entry", "A", "B", "B ÷ A"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("a", metavar="REV_A")
    parser.add_argument("b", metavar="REV_B")
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder that build.sh filled")
    parser.add_argument("--case", nargs="+", default=DEFAULT_CASES, help="inputs (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="(default: %(default)s)")
    options = parser.parse_args()
    built = cases.find(options.out.resolve(), *options.case)
    with checked_out(options.a) as tree_a, checked_out(options.b) as tree_b:
        trees = {"A": tree_a, "B": tree_b}
        print(f"A is {options.a}, B is {options.b}; medians of {options.rounds} rounds.\n", flush=True)
        print(compare_commands(built, trees, options.rounds) + "\n", flush=True)
        for case in built:
            if case.archive.exists():
                print(compare_steps(case, trees, options.rounds) + "\n", flush=True)


if __name__ == "__main__":
    main()
