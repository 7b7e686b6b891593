"""``ocisize history IMAGE IMAGE …``: what hosts download that follow the releases of an image, and which layers cause it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from ocisize.cli.fleet_sources import add_source_options
from ocisize.cli.inputs import make_analyzer
from ocisize.cli.notes import show_warnings
from ocisize.cli.options import KEPT, UNUSABLE, color_mode, incomplete_status, positive
from ocisize.cli.terminal import print_message, show_progress, write_outputs
from ocisize.errors import ViewError
from ocisize.model.updates import ReleaseOrder
from ocisize.report.updates.formats import HISTORY_FORMATS
from ocisize.report.updates.subject import HistorySubject

if TYPE_CHECKING:
    import argparse

    from ocisize.model.updates import UpdateHistory

_ADVICE = "name the tags of the repository, such as --tags '*', or several images in order"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    add_source_options(parser)
    add = parser.add_argument
    add(
        "--order", choices=[order.value for order in ReleaseOrder],
        help="what releases are sorted by: the numbers in their tags, the times in their configs, or as given "
        "(default: version for tags that are listed, else given)",
    )  # fmt: skip
    add(
        "--files", action="store_true", default=False,
        help="read each distinct layer once, to tell layers that changed from layers that were only built again",
    )  # fmt: skip
    add("--top", type=positive, default=6, metavar="N", help="updates to list in the text report (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Read the releases, measure the updates and write all reports."""
    history = _read_history(options)
    subject = HistorySubject(history=history, top=options.top, color=color_mode(options))

    def write(name: str, file: TextIO) -> None:
        HISTORY_FORMATS[name].load()(subject, file)

    written = write_outputs(options.outputs, write)
    return incomplete_status(KEPT, complete=history.complete) if written else UNUSABLE


def _read_history(options: argparse.Namespace) -> UpdateHistory:
    """The history of the images of the options; raises ViewError if none can be read."""
    from ocisize.listing.sources import list_references
    from ocisize.updates.measure import measure_updates
    from ocisize.updates.read import MAX_READERS, read_layer_contents, read_releases
    from ocisize.updates.releases import order_releases

    analyzer = make_analyzer(options)
    analyzer.use_attestations = False  # two requests for each release, and their facts are of no use here
    listing = list_references(
        options.images, connection=analyzer.connection, tags=options.tags, last=options.last, limits=analyzer.limits
    )
    read = read_releases(analyzer, listing.references, jobs=options.jobs or MAX_READERS)
    failures = (*listing.failures, *read.failures)
    is_listed = any(reference.repository for reference in listing.references)
    order = ReleaseOrder(options.order or (ReleaseOrder.VERSION if is_listed else ReleaseOrder.GIVEN))
    contents = None
    if options.files and read.releases:
        with show_progress(analyzer, show=not options.quiet and not options.verbose and sys.stderr.isatty()):
            found = read_layer_contents(analyzer, order_releases(read.releases))
        contents, failures = found.contents, (*failures, *found.failures)
    warnings = (*listing.warnings, *read.warnings)
    show_warnings(options, warnings, analyzer)
    for failure in failures:
        print_message("error", failure.text)
        if failure.hint:
            print_message("hint", failure.hint)
    if not read.releases:
        is_untagged = len(options.images) == 1 and not options.tags and options.last is None
        raise ViewError("no release could be read", hint=_ADVICE if is_untagged else None)
    return measure_updates(read.releases, order=order, contents=contents, failures=failures, warnings=warnings)
