"""``ocisize fleet SOURCE …``: what many images share, what each of them costs alone, and what deleting some frees."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TextIO

from ocisize.cli.caching import warn_of_cache
from ocisize.cli.fleet_documents import read_documents
from ocisize.cli.fleet_engine import add_engine_options, check_engine_options, read_files
from ocisize.cli.fleet_sources import add_source_options
from ocisize.cli.inputs import make_analyzer
from ocisize.cli.options import KEPT, UNUSABLE, color_mode, incomplete_status, positive
from ocisize.cli.terminal import write_outputs
from ocisize.report.fleet.formats import FLEET_FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocisize.analyzer import Analyzer
    from ocisize.model.fleet import Fleet
    from ocisize.model.fleet_histories import RepositoryHistory
    from ocisize.report.fleet.subject import FleetSubject

_IMAGE = "image"
_KINDS = (_IMAGE, "repository", "label", "store", "node")  # values of ``--by``
_ORDERS = ("frees", "share", "size", "pull")  # values of ``--sort``
_DELETIONS = 10  # references whose deletion frees the most together, unless ``--top`` asks for more
_TOP = 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    add_source_options(parser)
    add = parser.add_argument
    add(
        "--by", choices=_KINDS, default=_IMAGE, metavar="WHAT",
        help=f"what a row sums: {', '.join(_KINDS)} (default: %(default)s)",
    )  # fmt: skip
    add(
        "--sort", choices=_ORDERS, default=_ORDERS[0],
        help="sort by what deleting frees, the share of the stored bytes, the size, or what a host with all other images "
        "downloads (default: %(default)s)",
    )  # fmt: skip
    add(
        "--top", type=positive, default=_TOP, metavar="N", help="rows of each list of the text report (default: %(default)s)"
    )
    add(
        "--frees", action="append", default=[], metavar="GLOB",
        help="say what deleting the references that match frees: '*/app:v1.*', 'team/app:*'; can be repeated",
    )  # fmt: skip
    add_engine_options(parser)


def run(options: argparse.Namespace) -> int:
    """Read the documents of all images, and with ``--files`` their layers, and write all reports."""
    check_engine_options(options)
    analyzer = make_analyzer(options)
    fleet = read_documents(options, analyzer)
    if not fleet.roots:
        return UNUSABLE
    subject = _make_subject(fleet, options, analyzer)

    def write(name: str, file: TextIO) -> None:
        FLEET_FORMATS[name].load()(subject, file)

    written = write_outputs(options.outputs, write)
    complete = fleet.complete and (subject.files is None or subject.files.complete)
    return incomplete_status(KEPT, complete=complete) if written else UNUSABLE


def _make_subject(fleet: Fleet, options: argparse.Namespace, analyzer: Analyzer) -> FleetSubject:
    from ocisize.errors import ViewError
    from ocisize.fleet.best_deletions import find_deletions
    from ocisize.fleet.deletions import frees, match_references
    from ocisize.fleet.measure import measure_fleet
    from ocisize.model.fleet_figures import GroupKind
    from ocisize.report.fleet.subject import FleetOrder, FleetSubject

    chosen = match_references(fleet, options.frees)
    if options.frees and not chosen:
        raise ViewError(f"--frees: no reference matches {', '.join(options.frees)}")
    figures = measure_fleet(fleet)
    files = read_files(figures, options, analyzer)
    warn_of_cache(analyzer.cache)
    return FleetSubject(
        figures=figures,
        files=files,
        histories=_measure_histories(fleet, options),
        deletions=find_deletions(fleet, max(options.top, _DELETIONS)),
        freed=frees(fleet, chosen) if options.frees else None,
        by=None if options.by == _IMAGE else GroupKind(options.by),
        order=FleetOrder(options.sort),
        top=options.top,
        color=color_mode(options),
    )


def _measure_histories(fleet: Fleet, options: argparse.Namespace) -> Sequence[RepositoryHistory]:
    """The updates of all repositories, if a report shows them."""
    if not any(FLEET_FORMATS[output.format].shows_histories for output in options.outputs):
        return ()
    from ocisize.updates.histories import measure_histories

    return measure_histories(fleet)
