"""``ocisize IMAGE --all-platforms``: every image of an index, judged one by one and shown beside each other."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ocisize.cli.gate import complain_of, find_gate, status_of
from ocisize.cli.options import colored
from ocisize.cli.reading import make_analyzer, show_warnings
from ocisize.cli.terminal import open_output, progress_bars
from ocisize.errors import ViewError

if TYPE_CHECKING:
    import argparse

FORMATS = ("text", "json")


def run_all(options: argparse.Namespace) -> int:
    """Judge each platform by the budgets, report all; the exit status is 1 if one of them fails.

    Raises ViewError, with the reports written, where a platform is absent that budgets should have been judged on.
    """
    if options.platform:
        raise ViewError("--all-platforms and --platform: choose one of them")
    others = [output.format for output in options.outputs if output.format not in FORMATS]
    if others:
        raise ViewError(f"--all-platforms writes text and json, not {', '.join(others)}", hint="choose one with --platform")
    gate = find_gate(options)
    needs_hashes = options.files and any(output.format == "json" for output in options.outputs)
    analyzer = make_analyzer(options, hash_content=needs_hashes, base=options.base, rules=options.rules)
    with progress_bars(analyzer, show=not options.quiet and sys.stderr.isatty()):
        index = analyzer.analyze_all(options.image, select=options.select)
    if not options.quiet:
        absent = [f"{name}: the index names it, but its manifest is not there" for name in index.absent]
        own = [f"{name}: {text}" for name, each in index.analyses.items() for text in each.warnings]
        show_warnings([*absent, *index.warnings, *own])
    verdicts = {name: gate.judge(analysis) for name, analysis in index.analyses.items()}

    from ocisize.report.options import ReportOptions

    chosen = ReportOptions(files=options.files, assumptions=options.cost)
    for output in sorted(options.outputs, key=lambda output: output.output is None):
        with open_output(output) as file:
            if output.format == "json":
                from ocisize.report.indexjson import index_to_json

                file.write(index_to_json(index, chosen, verdicts=verdicts) + "\n")
            else:
                from ocisize.report.index import write_index

                write_index(index, file, verdicts=verdicts, color=colored(options))
    if not any(output.format == "text" and output.output is None for output in options.outputs):
        for name, found in verdicts.items():
            complain_of(found, index.analyses[name], about=name)
    if gate.budgets and index.absent:
        raise ViewError(
            f"no budget can be judged on {', '.join(index.absent)}: the index names it, but its manifest is not there",
            hint="choose what is there with --platform, or analyse the image in its registry",
        )
    return max(map(status_of, verdicts.values()), default=0)
