"""Measure two revisions of ocisize in turn, each from its own git worktree, with the Python that runs this.

    python benchmarks/compare.py REV_A REV_B OUT [--case CASE...] [--rounds N]

A revision is any name that git accepts; ``.`` is the working tree.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import cases
import peers
import tables
from cases import Case
from groups.process import EXAMPLE, run_micro
from measure import Command, interleave

REPOSITORY = Path(__file__).parent.parent
DEFAULT_CASES = ("node", "debian-python")
WORKING_TREE = "."


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A folder with the files of a revision."""
    if revision == WORKING_TREE:
        yield REPOSITORY
        return
    with tempfile.TemporaryDirectory(prefix="ocisize-") as parent:
        folder = Path(parent) / "tree"
        git = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def environment(tree: Path) -> dict[str, str]:
    """The environment that makes Python import ocisize from a tree."""
    return {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": ""}


def macro_commands(built: list[Case], tree: Path) -> dict[str, Command]:
    """Whole commands over every case, run from within a tree."""
    commands = {"--help": peers.ocisize("--help"), "example.tar": peers.ocisize(str(EXAMPLE))}
    for case in built:
        commands[f"{case.name}, gzip"] = peers.ocisize(str(case.layout("gzip")))
        commands[f"{case.name}, gzip, -j 1"] = peers.ocisize("-j", "1", str(case.layout("gzip")))
        for form, image in (("zstd", case.layout("zstd")), ("plain archive", case.archive)):
            if image.exists():
                commands[f"{case.name}, {form}"] = peers.ocisize(str(image))
        if case.archive.exists():
            commands[f"{case.name}, plain archive, --verify"] = peers.ocisize("--verify", str(case.archive))
    return {
        name: Command(command.argv, environment=environment(tree), folder=tree)  # -m looks in the folder first
        for name, command in commands.items()
    }


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
        row = [name]
        for x, y in ((a.wall, b.wall), (a.cpu, b.cpu)):
            row += [tables.seconds(x), tables.seconds(y), f"{y / x:.2f}"]
        rows.append([*row, f"{a.peak / 1e6:.0f}", f"{b.peak / 1e6:.0f}", f"{b.peak / a.peak:.2f}"])
    heads = [f"{what} {label}" for what in ("wall s", "CPU s", "peak MB") for label in ("A", "B", "B ÷ A")]
    return tables.markdown(["command", *heads], rows)


def compare_steps(case: Case, trees: Mapping[str, Path], rounds: int) -> str:
    """A table of the single steps of both, each round in new processes."""
    times: dict[str, dict[str, list[float]]] = {"A": {}, "B": {}}
    for _ in range(rounds):
        for label, tree in trees.items():
            for name, value in run_micro(case.folder, 3, {**os.environ, **environment(tree)}).items():
                times[label].setdefault(name, []).append(value)
    medians = {label: {name: statistics.median(values) for name, values in steps.items()} for label, steps in times.items()}
    a, b = medians["A"], medians["B"]
    rows = []
    for name in dict.fromkeys([*a, *b]):
        ratio = f"{b[name] / a[name]:.2f}" if name in a and name in b else ""
        rows.append([name, *(f"{one[name]:.0f}" if name in one else "" for one in (a, b)), ratio])
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
