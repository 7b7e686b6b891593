"""``ocisize IMAGE``, which is ``ocisize analyze IMAGE``: the whole report, in as many forms as are asked for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ocisize.cli.gate import add_budget_options, complain_of, find_gate, status_of
from ocisize.cli.options import colored, count
from ocisize.cli.reading import read_image
from ocisize.cli.terminal import open_output
from ocisize.errors import InvalidCost
from ocisize.report.formats import FORMATS, write_report

if TYPE_CHECKING:
    from ocisize.analysis.cost import Assumptions

__all__ = ["FORMATS", "SEVERAL", "add_options", "run"]

SEVERAL = True  #: reports at once


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what only this command has."""
    add = parser.add_argument
    add("--files", action="store_true", help="every stored file: in json with content hashes, in csv as its rows")
    add("--top", type=count, default=10, metavar="N", help="rows in the lists of files (default: %(default)s)")
    add("--base", metavar="IMAGE", help="image that this one was built on; only its manifest and config are read")
    add(
        "--rules",
        action="append",
        metavar="FILE",
        help="TOML file with rules of your own for files that images do not need; may be repeated (see docs/rules.md)",
    )
    add(
        "--cost",
        type=_assumptions,
        metavar="KEY=VALUE,...",
        help="assume other deploys (a day), nodes, price (dollars a GB) or bandwidth (100Mbps); adds cost to findings",
    )
    add(
        "--dockerfile",
        metavar="FILE",
        default="Dockerfile",
        help="file of the repository that sarif, github and gitlab show findings at (default: %(default)s)",
    )
    add_budget_options(parser)


def _assumptions(text: str) -> Assumptions:
    from ocisize.analysis.cost import parse_cost

    try:
        return parse_cost(text)
    except InvalidCost as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    """Judge and report, every report of one analysis, standard output last: whoever reads it may stop early."""
    gate = find_gate(options)
    needs_hashes = options.files and any(output.format == "json" for output in options.outputs)
    analysis = read_image(options, hash_content=needs_hashes, base=options.base, rules=options.rules)
    verdicts = gate.judge(analysis)

    from ocisize.report.options import ReportOptions

    chosen = ReportOptions(
        top=options.top,
        files=options.files,
        color=colored(options),
        assumptions=options.cost,
        dockerfile=options.dockerfile,
        verdicts=verdicts,
    )
    for output in sorted(options.outputs, key=lambda output: output.output is None):
        with open_output(output) as file:
            write_report(output.format, analysis, file, chosen)
    if not any(output.format == "text" and output.output is None for output in options.outputs):
        complain_of(verdicts, analysis)
    return status_of(verdicts)
