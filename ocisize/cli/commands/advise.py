"""``ocisize advise IMAGE``: the plan step by step, the edited build steps, and all other findings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ocisize.cli.inputs import read_image
from ocisize.cli.options import KEPT, add_finding_options, add_keep_going, color_mode, count, incomplete_status
from ocisize.cli.terminal import open_output

if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--all", action="store_true", help="show every step and finding at length (default: small ones take one line)"
    )
    length.add_argument(
        "--top", type=count, metavar="N", help="show the first N of each list at length, the others in one line each"
    )
    add_finding_options(parser)
    add_keep_going(parser)


def run(options: argparse.Namespace) -> int:
    """Analyze, and write the plan and the findings."""
    analysis = read_image(options, estimate_download=True, base=options.base, rules=options.rules)
    with open_output(options) as file:
        if options.format == "json":
            from ocisize.report.json.advice import advice_to_json

            file.write(advice_to_json(analysis) + "\n")
        else:
            from ocisize.report.text.advise import write_advise

            top = sys.maxsize if options.all else options.top
            write_advise(analysis, file, top=top, color=color_mode(options), assumptions=options.cost)
    return incomplete_status(KEPT, complete=analysis.complete)
