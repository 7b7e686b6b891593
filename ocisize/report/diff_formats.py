"""The formats of comparisons: one row each, which loads its module when it is used.

To add a format, write a function ``(subject: DiffSubject, file: TextIO, options: ReportOptions) -> None`` and add its loader
and its row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.model.comparison import Comparison
    from ocisize.report.diff_subject import DiffSubject
    from ocisize.report.options import ReportOptions


class DiffWriter(Protocol):
    """The function that writes a report on a comparison in one format, as text that is later encoded as UTF-8."""

    def __call__(self, subject: DiffSubject, file: TextIO, options: ReportOptions, /) -> None: ...


class DiffFormat(NamedTuple):
    """A format of ``ocisize diff``. What ``Format`` says about a format of the same name holds here, too."""

    name: str  #: as ``-f`` takes it
    about: str  #: one line of ``--help``
    load: Callable[[], DiffWriter]  #: imports the module of the format and returns its function


def _text_of_diff() -> DiffWriter:
    from ocisize.report.text.diff import write

    return write


def _json_of_diff() -> DiffWriter:
    from ocisize.report.json.diff import write

    return write


def _markdown_of_diff() -> DiffWriter:
    from ocisize.report.ci.markdown_diff import write

    return write


def _sarif_of_diff() -> DiffWriter:
    from ocisize.report.ci.sarif import write_diff

    return write_diff


def _junit_of_diff() -> DiffWriter:
    from ocisize.report.ci.junit import write_diff

    return write_diff


def _github_of_diff() -> DiffWriter:
    from ocisize.report.ci.github import write_diff

    return write_diff


def _gitlab_of_diff() -> DiffWriter:
    from ocisize.report.ci.gitlab import write_diff

    return write_diff


def _html_of_diff() -> DiffWriter:
    from ocisize.report.html.diff import write

    return write


_DIFF_ROWS = (
    DiffFormat("text", "for people, on a terminal", _text_of_diff),
    DiffFormat("json", "everything, for programs", _json_of_diff),
    DiffFormat("markdown", "for comments of pull requests and step summaries", _markdown_of_diff),
    DiffFormat("sarif", "findings, old and new, and causes of growth for code scanning", _sarif_of_diff),
    DiffFormat("junit", "budgets and new findings as tests, for Jenkins, GitLab, Azure", _junit_of_diff),
    DiffFormat("github", "causes and new findings as annotations of a GitHub workflow", _github_of_diff),
    DiffFormat("gitlab", "findings and causes of growth for GitLab's Code Quality widget", _gitlab_of_diff),
    DiffFormat("html", "one page with causes, folders, files and layers; works offline", _html_of_diff),
)
#: name → format; the first is the default
DIFF_FORMATS: Mapping[str, DiffFormat] = {row.name: row for row in _DIFF_ROWS}


def write_diff_report(name: str, comparison: Comparison, file: TextIO, options: ReportOptions) -> None:
    """Write a comparison to a text file in the format ``name``; ``options.verdicts`` are those on AFTER.

    Raises KeyError for an unknown format.

    >>> import io
    >>> import ocisize
    >>> from ocisize.report.options import ReportOptions
    >>> image, file = ocisize.analyze("testdata/example.tar"), io.StringIO()
    >>> write_diff_report("text", ocisize.compare(image, image), file, ReportOptions())
    >>> file.getvalue()
    'Nothing changed: the same 5 layers, 1.59 MB to download, 2.93 MB unpacked.\\n'
    """
    from ocisize.report.diff_subject import DiffSubject

    DIFF_FORMATS[name].load()(DiffSubject.of(comparison, options), file, options)
