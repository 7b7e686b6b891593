"""``ocisize IMAGE``, which is ``ocisize analyze IMAGE``: the whole report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ocisize.cli.options import colored, count
from ocisize.cli.reading import read_image
from ocisize.cli.terminal import open_output
from ocisize.errors import InvalidCost

if TYPE_CHECKING:
    from ocisize.analysis.cost import Assumptions

FORMATS = {"text": "", "json": "", "dive-json": "what dive --json exports"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what only this command has."""
    parser.add_argument(
        "--files", action="store_true", help="with -f json: add every layer's file table, with content hashes"
    )
    parser.add_argument(
        "--top", type=count, default=10, metavar="N", help="rows in the lists of files (default: %(default)s)"
    )
    parser.add_argument(
        "--base", metavar="IMAGE", help="image that this one was built on; only its manifest and config are read"
    )
    parser.add_argument(
        "--rules",
        action="append",
        metavar="FILE",
        help="TOML file with rules of your own for files that images do not need; may be repeated (see docs/rules.md)",
    )
    parser.add_argument(
        "--cost",
        type=_assumptions,
        metavar="KEY=VALUE,...",
        help="assume other deploys (a day), nodes, price (dollars a GB) or bandwidth (100Mbps); adds cost to findings",
    )


def _assumptions(text: str) -> Assumptions:
    from ocisize.analysis.cost import parse_cost

    try:
        return parse_cost(text)
    except InvalidCost as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    """Analyse and report."""
    analysis = read_image(options, hash_content=options.files, base=options.base, rules=options.rules)
    with open_output(options) as file:
        if options.format == "json":
            from ocisize.report.json import to_json

            file.write(to_json(analysis, files=options.files, assumptions=options.cost) + "\n")
        elif options.format == "dive-json":
            from ocisize.report.dive_json import write_dive_json

            file.writelines(write_dive_json(analysis))
        else:
            from ocisize.report.text import write_text

            write_text(analysis, file, top=options.top, color=colored(options), assumptions=options.cost)
    return 0
