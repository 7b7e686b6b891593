"""``ocisize fleet export --parquet DIR SOURCE …``: what is known of many images as Parquet tables, for queries."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ocisize.cli.fleet_documents import read_documents
from ocisize.cli.fleet_engine import add_engine_options, check_engine_options, make_engine
from ocisize.cli.fleet_sources import add_source_options
from ocisize.cli.inputs import make_analyzer
from ocisize.cli.options import KEPT, UNUSABLE, incomplete_status
from ocisize.cli.terminal import print_message, write_outputs
from ocisize.text import count_of, printable

if TYPE_CHECKING:
    import argparse

    from ocisize.analyzer import Analyzer
    from ocisize.model.fleet_figures import FleetFigures


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    parser.add_argument(
        "--parquet", type=Path, required=True, metavar="DIR",
        help="the folder for the tables: a new or empty one, or one with an earlier export, which is replaced",
    )  # fmt: skip
    add_source_options(parser)
    text = "also read each distinct layer, once, and export its files and the packages of each image"
    add_engine_options(parser, files_help=text)


def run(options: argparse.Namespace) -> int:
    """Read the documents of all images, and with ``--files`` their layers, and write the tables."""
    from ocisize.fleet.export.folder import check_folder
    from ocisize.fleet.export.writer import check_library
    from ocisize.fleet.measure import measure_fleet

    check_engine_options(options)
    check_library()
    check_folder(options.parquet)
    analyzer = make_analyzer(options)
    fleet = read_documents(options, analyzer)
    if not fleet.roots:
        return UNUSABLE
    figures = measure_fleet(fleet)
    is_complete = _export(figures, options, analyzer)
    what = f"{count_of(figures.images, 'image')} and {count_of(figures.layers, 'layer')}"

    def write(_: str, file: TextIO) -> None:
        file.write(f"wrote {what} to {printable(str(options.parquet))}\n")

    is_written = write_outputs([output for output in options.outputs if output.output or not options.quiet], write)
    if not is_complete:
        print_message("warning", "the export is incomplete: its table failures has what could not be read")
    return incomplete_status(KEPT, complete=is_complete) if is_written else UNUSABLE


def _export(figures: FleetFigures, options: argparse.Namespace, analyzer: Analyzer) -> bool:
    """Write the tables; return whether everything was read."""
    from ocisize.cli.progress_line import ProgressLine
    from ocisize.fleet.engine.collect import PER_STORE
    from ocisize.fleet.export.layers import export_fleet

    is_shown = options.files and not options.quiet and not options.verbose and sys.stderr.isatty()
    line = ProgressLine(sys.stderr) if is_shown else None
    with line or nullcontext():
        return export_fleet(
            figures,
            options.parquet,
            files=options.files,
            engine=make_engine(options) if options.files else None,
            cache=analyzer.cache,
            connection=analyzer.connection,
            limits=analyzer.limits,
            catalog=analyzer.catalog,
            per_store=options.per_store or PER_STORE,
            on_progress=line.update if line is not None else None,
        )
