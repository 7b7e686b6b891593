"""The formats of reports of a fleet: one row each, which loads its module when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.report.fleet.subject import FleetSubject


class FleetFormat(NamedTuple):
    """What a format is for, and how it is written."""

    about: str  #: one line of ``--help``
    load: Callable[[], Callable[[FleetSubject, TextIO], object]]  #: imports the module and returns its function
    shows_histories: bool = False  #: it shows ``FleetSubject.histories``


def _text() -> Callable[[FleetSubject, TextIO], object]:
    from ocisize.report.fleet.text import write

    return write


def _json() -> Callable[[FleetSubject, TextIO], object]:
    from ocisize.report.fleet.json import write

    return write


def _csv() -> Callable[[FleetSubject, TextIO], object]:
    from ocisize.report.fleet.csv import write

    return write


def _html() -> Callable[[FleetSubject, TextIO], object]:
    from ocisize.report.fleet.html import write

    return write


def _markdown() -> Callable[[FleetSubject, TextIO], object]:
    from ocisize.report.fleet.markdown import write

    return write


def _openmetrics() -> Callable[[FleetSubject, TextIO], object]:
    from ocisize.report.fleet.openmetrics import write

    return write


#: by the name that ``-f`` takes; the first is the default
FLEET_FORMATS: Mapping[str, FleetFormat] = {
    "text": FleetFormat("for people, on a terminal", _text),
    "json": FleetFormat("all figures, for programs", _json),
    "csv": FleetFormat("a row per image, for spreadsheets", _csv),
    "html": FleetFormat(
        "one page with tables, a matrix, base families and updates; works offline", _html, shows_histories=True
    ),
    "markdown": FleetFormat("for comments and step summaries", _markdown),
    "openmetrics": FleetFormat("figures for Prometheus, for a dashboard over time", _openmetrics),
}
