"""``ocisize IMAGE``, which is ``ocisize analyze IMAGE``: the whole report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.options import colored, count
from ocisize.cli.reading import read_image
from ocisize.cli.terminal import open_output

if TYPE_CHECKING:
    import argparse

FORMATS = {"text": "", "json": "", "dive-json": "what dive --json exports"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what only this command has."""
    parser.add_argument(
        "--files", action="store_true", help="with -f json: add every layer's file table, with content hashes"
    )
    parser.add_argument(
        "--top", type=count, default=10, metavar="N", help="rows in the lists of files (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Analyse and report."""
    analysis = read_image(options, hash_content=options.files)
    with open_output(options) as file:
        if options.format == "json":
            from ocisize.report.json import to_json

            file.write(to_json(analysis, files=options.files) + "\n")
        elif options.format == "dive-json":
            from ocisize.report.dive_json import write_dive_json

            file.writelines(write_dive_json(analysis))
        else:
            from ocisize.report.text import write_text

            write_text(analysis, file, top=options.top, color=colored(options))
    return 0
