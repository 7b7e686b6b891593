"""The formats of reports on outlines: those of ``report.formats`` that can show an image without its layers, one row each.

All other formats list files or findings. To add a format here, write a function that takes an ``OutlineSubject``, or an
``OutlineDiffSubject``, and add its loader and its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from ocisize.model.budget import Verdict
    from ocisize.model.outline import IndexOutline, Outline
    from ocisize.model.outline_comparison import OutlineComparison
    from ocisize.report.options import ReportOptions
    from ocisize.report.outline_subject import OutlineDiffSubject, OutlineSubject


class OutlineWriter(Protocol):
    """The function that writes outlines in one format."""

    def __call__(self, subject: OutlineSubject, file: TextIO, options: ReportOptions, /) -> None: ...


class OutlineDiffWriter(Protocol):
    """The function that writes a comparison of outlines in one format."""

    def __call__(self, subject: OutlineDiffSubject, file: TextIO, options: ReportOptions, /) -> None: ...


def _text() -> OutlineWriter:
    from ocisize.report.text.outline import write

    return write


def _json() -> OutlineWriter:
    from ocisize.report.json.outline import write

    return write


def _markdown() -> OutlineWriter:
    from ocisize.report.ci.markdown_outline import write

    return write


def _junit() -> OutlineWriter:
    from ocisize.report.ci.outline import write_junit

    return write_junit


def _github() -> OutlineWriter:
    from ocisize.report.ci.outline import write_github

    return write_github


def _openmetrics() -> OutlineWriter:
    from ocisize.report.ci.outline import write_openmetrics

    return write_openmetrics


def _csv() -> OutlineWriter:
    from ocisize.report.export.csv import write_outline

    return write_outline


def _badge() -> OutlineWriter:
    from ocisize.report.export.badge import write_outline

    return write_outline


def _badge_svg() -> OutlineWriter:
    from ocisize.report.export.badge_svg import write_outline

    return write_outline


def _text_of_diff() -> OutlineDiffWriter:
    from ocisize.report.text.outline_diff import write

    return write


def _json_of_diff() -> OutlineDiffWriter:
    from ocisize.report.json.outline import write_diff

    return write_diff


def _markdown_of_diff() -> OutlineDiffWriter:
    from ocisize.report.ci.markdown_outline import write_diff

    return write_diff


def _junit_of_diff() -> OutlineDiffWriter:
    from ocisize.report.ci.outline import write_junit_diff

    return write_junit_diff


def _github_of_diff() -> OutlineDiffWriter:
    from ocisize.report.ci.outline import write_github_diff

    return write_github_diff


#: formats of one image or of all platforms → what imports the module of the format and returns its function
OUTLINE_FORMATS: Mapping[str, Callable[[], OutlineWriter]] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "junit": _junit,
    "github": _github,
    "openmetrics": _openmetrics,
    "csv": _csv,
    "badge": _badge,
    "badge-svg": _badge_svg,
}
#: formats of comparisons → the same
OUTLINE_DIFF_FORMATS: Mapping[str, Callable[[], OutlineDiffWriter]] = {
    "text": _text_of_diff,
    "json": _json_of_diff,
    "markdown": _markdown_of_diff,
    "junit": _junit_of_diff,
    "github": _github_of_diff,
}


def write_outline_report(name: str, outline: Outline, file: TextIO, options: ReportOptions) -> None:
    """Write an outline to a text file in the format ``name``; raises KeyError for a format that cannot show one."""
    from ocisize.report.outline_subject import OutlineSubject

    OUTLINE_FORMATS[name]()(OutlineSubject.of_image(outline, options), file, options)


def write_index_outline_report(
    name: str, index: IndexOutline, file: TextIO, options: ReportOptions, verdicts: Mapping[str, Sequence[Verdict]]
) -> None:
    """Write the outlines of all platforms to a text file in the format ``name``.

    ``verdicts`` are those on each platform's image, by the platform's name. Raises KeyError for a format that cannot show
    outlines, and ReportError as ``write_index_report`` does.
    """
    from ocisize.report.formats import FORMATS, refuse_index
    from ocisize.report.outline_subject import OutlineSubject

    refuse_index(FORMATS[name], index.unread)
    OUTLINE_FORMATS[name]()(OutlineSubject.of_index(index, verdicts), file, options)


def write_outline_diff_report(name: str, comparison: OutlineComparison, file: TextIO, options: ReportOptions) -> None:
    """Write a comparison of outlines to a text file in the format ``name``; ``options.verdicts`` are those on AFTER.

    Raises KeyError for a format that cannot show one.
    """
    from ocisize.report.outline_subject import OutlineDiffSubject

    OUTLINE_DIFF_FORMATS[name]()(OutlineDiffSubject.of(comparison, options), file, options)
