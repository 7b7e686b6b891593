"""Write RESULTS.md and the plots of figures that run.py measured, without measuring again.

    python benchmarks/report.py [--results FILE] [--no-plots]

comparing.md, advice.md, soak.md and fuzzing.md are taken in as comparing.py, advice.py, soak.py and fuzz.py wrote them.
Hand-written notes are in NOTES.md; nothing in RESULTS.md is edited by hand. Plots need matplotlib (``pip install
ocisize[benchmark]``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import plots
import results as store
import tables
import targets
from cases import DESCRIPTIONS
from results import Results

HERE = Path(__file__).parent
INTRODUCTION = """\
# Results

Written by `benchmarks/report.py` from `results.json`; do not edit. How to build, run and compare:
[README.md](README.md). What was learned: [NOTES.md](NOTES.md).

Ratios are what counts: machines are shared and noisy. All commands of a table ran in turn, files in the page cache;
figures are medians, of up to {rounds} rounds for short commands and of one for slow peers. CPU is user and system time of
all processes. Peak is resident memory of the largest process; nothing below that of the measuring process, about 28 MB,
is seen."""
TITLES = {
    "archive": "docker-archive, plain layers",
    "gzip": "gzip layers",
    "zstd": "zstd layers",
    "linear": "Growth with entries and bytes",
    "memory": "Memory",
    "registry": "Registry",
    "start": "Starting up",
    "micro": "Single steps",
}


def write(results: Results, *, with_plots: bool) -> str:
    """The whole report as Markdown; draws the plots beside it."""
    drawn = plots.draw(results, HERE / "plots") if with_plots else []
    parts = [INTRODUCTION.format(rounds=_most_rounds(results)), *_circumstances(results)]
    parts += ["## Targets", targets.table(results)]
    for group, title in TITLES.items():
        if results.of(group):
            parts += [f"## {title}", *_group(results, group)]
            parts += [f"![{plot.title}](plots/{plot.name}.svg)" for plot in drawn if plot.group == group]
    sections = (("Comparing", "comparing"), ("Advice", "advice"), ("Faults", "soak"), ("Fuzzing", "fuzzing"))
    for title, name in sections:
        parts += [f"## {title}", (HERE / f"{name}.md").read_text().strip()]
    return "\n\n".join(parts) + "\n"


def _most_rounds(results: Results) -> int:
    return max((len(one.runs) for section in results.sections for one in section.outcomes.values()), default=0)


def _circumstances(results: Results) -> Iterator[str]:
    dates = sorted({section.measured for section in results.sections})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    yield f"Measured {when} on {results.machine}. " + ", ".join(" ".join(pair) for pair in results.versions.items()) + "."
    rows = [[f"`{name}`", text] for name, text in DESCRIPTIONS.items()]
    yield "## Inputs\n\n`benchmarks/build.sh` makes them.\n\n" + tables.markdown(["case", "what it is"], rows, left=2)


def _group(results: Results, group: str) -> Iterator[str]:
    if group == "linear":
        yield "Time per entry as measured, and less that of an empty image, which is the time of starting up."
        yield tables.linear(results)
    elif group == "memory":
        yield "Allowed are 60 MB and 200 bytes per entry."
        yield tables.memory(results)
    else:
        yield from (tables.section(section, level=3) for section in results.of(group))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results.json", metavar="FILE")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md", metavar="FILE")
    parser.add_argument("--no-plots", action="store_true", help="tables only; needs no matplotlib")
    options = parser.parse_args()
    options.output.write_text(write(store.load(options.results), with_plots=not options.no_plots))


if __name__ == "__main__":
    main()
