"""The documents of the images that the sources of a fleet name, read with what the options say."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ocisize.cli.notes import show_warnings
from ocisize.cli.terminal import print_message
from ocisize.values import evolve

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from ocisize.analyzer import Analyzer
    from ocisize.fleet.read import FleetProgress
    from ocisize.model.fleet import Fleet


def read_documents(options: argparse.Namespace, analyzer: Analyzer) -> Fleet:
    """Return the fleet; one without roots is explained on standard error, as far as nothing else was found."""
    from ocisize.fleet.read import JOBS, read_fleet
    from ocisize.listing.sources import list_references

    listing = list_references(
        options.images, connection=analyzer.connection, tags=options.tags, last=options.last, limits=analyzer.limits
    )
    with _show_progress(options) as update:
        fleet = read_fleet(
            listing.references,
            platform=options.platform,
            connection=analyzer.connection,
            limits=analyzer.limits,
            cache=analyzer.cache,
            jobs=options.jobs or JOBS,
            on_progress=update,
        )
    fleet = evolve(fleet, failures=(*listing.failures, *fleet.failures), warnings=(*listing.warnings, *fleet.warnings))
    show_warnings(options, fleet.warnings, analyzer)
    if not fleet.roots:
        _explain_nothing(fleet)
    return fleet


def _explain_nothing(fleet: Fleet) -> None:
    for failure in fleet.failures:
        print_message("error", failure.text)
        if failure.hint:
            print_message("hint", failure.hint)
    if not fleet.failures:
        print_message("error", "no image was found")


@contextmanager
def _show_progress(options: argparse.Namespace) -> Iterator[Callable[[FleetProgress], object] | None]:
    """Show on standard error how many references are read: on a terminal only."""
    if options.quiet or options.verbose or not sys.stderr.isatty():
        yield None
        return
    from ocisize.cli.fleet_progress import FleetLine

    line = FleetLine(sys.stderr)
    with line:
        yield line.note
