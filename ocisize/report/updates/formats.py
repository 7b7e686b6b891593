"""The formats of reports of updates: one row each, which loads its module when it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TextIO

from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.report.updates.subject import HistorySubject


class HistoryFormat(NamedTuple):
    """What a format is for, and how it is written."""

    about: str  #: one line of ``--help``
    load: Callable[[], Callable[[HistorySubject, TextIO], object]]  #: imports the module and returns its function


def _text() -> Callable[[HistorySubject, TextIO], object]:
    from ocisize.report.updates.text import write

    return write


def _json() -> Callable[[HistorySubject, TextIO], object]:
    from ocisize.report.updates.json import write

    return write


def _csv() -> Callable[[HistorySubject, TextIO], object]:
    from ocisize.report.updates.csv import write

    return write


def _html() -> Callable[[HistorySubject, TextIO], object]:
    from ocisize.report.updates.html import write

    return write


def _markdown() -> Callable[[HistorySubject, TextIO], object]:
    from ocisize.report.updates.markdown import write

    return write


def _openmetrics() -> Callable[[HistorySubject, TextIO], object]:
    from ocisize.report.updates.openmetrics import write

    return write


#: by the name that ``-f`` takes; the first is the default
HISTORY_FORMATS: Mapping[str, HistoryFormat] = {
    "text": HistoryFormat("for people, on a terminal", _text),
    "json": HistoryFormat("all updates, layers and figures, for programs", _json),
    "csv": HistoryFormat("a row per update, for spreadsheets", _csv),
    "html": HistoryFormat("one page with charts and tables; works offline", _html),
    "markdown": HistoryFormat("for comments and step summaries", _markdown),
    "openmetrics": HistoryFormat("figures for Prometheus, for a dashboard over time", _openmetrics),
}
