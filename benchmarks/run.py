"""Measure ocisize and comparable programs, and print each Markdown table when it is measured.

    benchmarks/build.sh OUT
    python benchmarks/run.py OUT [--before REV] [--rounds N] [--only GROUP...] [--case CASE...] [--results FILE]

FILE keeps the raw figures; a new measurement of a table replaces the old one, so you can measure group by group.
``python benchmarks/report.py`` writes RESULTS.md and the plots from FILE.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import results as store
import tables
import targets
from groups import before, layers, network, packages, process, reach, scale
from groups.context import Context
from results import Section

HERE = Path(__file__).parent
GROUPS: dict[str, Callable[[Context], Iterator[Section]]] = {
    "gzip": layers.gzip,
    "zstd": layers.zstd,
    "archive": layers.archive,
    "linear": scale.linear,
    "memory": scale.memory,
    "registry": network.registry,
    "start": process.start,
    "micro": process.micro,
    "before": before.before,
    "reach": reach.reach,
    "packages": packages.packages,
}


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("out", metavar="OUT", type=Path, help="the folder that build.sh filled")
    add("--before", metavar="REV", help="older revision, for the group before: a name that git accepts")
    add("--rounds", type=int, default=5, metavar="N", help="runs of each command (default: %(default)s)")
    add("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    add("--case", nargs="+", default=[], metavar="CASE", help="only these inputs")
    add("--results", type=Path, default=HERE / "results.json", metavar="FILE", help="raw figures (default: %(default)s)")
    return parser


def main() -> None:
    options = make_parser().parse_args()
    context = Context(options.out.resolve(), options.rounds, options.case, options.before)
    results = store.load(options.results)
    results.machine = store.describe_machine()
    results.versions |= store.describe_versions()  # older tables keep the versions of programs that are missing now
    print(f"{results.machine}\n\n{', '.join(' '.join(pair) for pair in results.versions.items())}\n", flush=True)
    for name in options.only:
        print(f"### {name}\n", flush=True)
        for section in GROUPS[name](context):
            results.add(section)
            store.save(results, options.results)
            print(tables.section(section) + "\n", flush=True)
        for derived in (tables.linear, tables.memory, tables.before):
            if derived.__name__ == name:
                print(derived(results) + "\n", flush=True)
    print("### targets\n\n" + targets.table(results, measured_only=True), flush=True)


if __name__ == "__main__":
    main()
