"""Write RESULTS.md and the plots from the figures that run.py measured, without measuring again.

    python benchmarks/report.py [--results FILE] [--no-plots]

Includes layout.md, which is written by hand, and comparing.md, browse.md, fleet.md, pull_time.md, estimates.md, advice.md, plans.md, soak.md and
fuzzing.md, which scripts write. If the tables are of different dates, each has its own. Hand-written notes are in NOTES.md; do not edit RESULTS.md
by hand. Plots need matplotlib (``pip install ocisize[benchmark]``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import plots
import results as store
import tables
import targets
from cases import DESCRIPTIONS
from results import Results, Section

HERE = Path(__file__).parent
INTRODUCTION = """\
# Results

Written by `benchmarks/report.py` from `results.json`; do not edit. How to build, run and compare:
[README.md](README.md). Lessons: [NOTES.md](NOTES.md).

Compare ratios, not seconds: machines are shared and noisy. The commands of a table ran in turn, with files in the page cache.
Figures are medians, of up to {rounds} rounds for short commands and of one round for slow ones; a ratio is the median of the
ratios of all rounds. CPU is user and system time of
all processes. Peak is the resident memory of the largest process; it is never less than that of the measuring process, about
28 MB."""
TITLES = {
    "archive": "docker-archive, plain layers",
    "gzip": "gzip layers",
    "zstd": "zstd layers",
    "linear": "Growth with entries and bytes",
    "memory": "Memory",
    "registry": "Registry",
    "reach": "Images that were read before",
    "packages": "Packages",
    "start": "Starting up",
    "micro": "Single steps",
    "before": "Before and after",
}


def write(results: Results, *, with_plots: bool) -> str:
    """The whole report as Markdown; also draws the plots."""
    drawn = plots.draw(results, HERE / "plots") if with_plots else []
    parts = [INTRODUCTION.format(rounds=_most_rounds(results)), *_circumstances(results)]
    parts += ["## Targets", targets.table(results)]
    for group, title in TITLES.items():
        if results.of(group):
            parts += [f"## {title}", *_group(results, group)]
            parts += [f"![{plot.title}](plots/{plot.name}.svg)" for plot in drawn if plot.group == group]
    sections = (
        ("Layout", "layout"),
        ("Comparing", "comparing"),
        ("Browsing", "browse"),
        ("The time of a pull", "pull_time"),
        ("Fleets", "fleet"),
        ("Estimates of the download", "estimates"),
        ("Advice", "advice"),
        ("Plans proved by building", "plans"),
        ("Faults", "soak"),
        ("Fuzzing", "fuzzing"),
    )
    for title, name in sections:
        parts += [f"## {title}", (HERE / f"{name}.md").read_text().strip()]
    return "\n\n".join(parts) + "\n"


def _most_rounds(results: Results) -> int:
    return max((len(one.runs) for section in results.sections for one in section.outcomes.values()), default=0)


def _circumstances(results: Results) -> Iterator[str]:
    yield (
        f"Measured {_dates(results.sections)} on {results.machine}. "
        + ", ".join(" ".join(pair) for pair in results.versions.items())
        + "."
    )
    rows = [[f"`{name}`", text] for name, text in DESCRIPTIONS.items()]
    yield "## Inputs\n\n`benchmarks/build.sh` makes them.\n\n" + tables.markdown(["case", "content"], rows, left=2)


def _dates(sections: Sequence[Section]) -> str:
    """The date when sections were measured, or the first and the last one."""
    dates = sorted({section.measured for section in sections})
    return " to ".join(dict.fromkeys([dates[0], dates[-1]]))


def _group(results: Results, group: str) -> Iterator[str]:
    sections, one_date = results.of(group), len({section.measured for section in results.sections}) == 1
    measured = "" if one_date else f" Measured {_dates(sections)}."
    if group == "linear":
        yield "Time per entry as measured, and without start-up, which is the time of an empty image." + measured
        yield tables.linear(results)
    elif group == "memory":
        yield "The target is 60 MB and 200 bytes per entry." + measured
        yield tables.memory(results)
    elif group == "before":
        yield f"Two revisions in turn: {sections[0].title}." + measured
        yield tables.before(results)
    else:
        yield from (tables.section(section, level=3, dated=not one_date) for section in sections)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=HERE / "results.json", metavar="FILE")
    parser.add_argument("--output", type=Path, default=HERE / "RESULTS.md", metavar="FILE")
    parser.add_argument("--no-plots", action="store_true", help="tables only; needs no matplotlib")
    options = parser.parse_args()
    options.output.write_text(write(store.load(options.results), with_plots=not options.no_plots))


if __name__ == "__main__":
    main()
