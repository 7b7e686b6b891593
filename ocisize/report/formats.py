"""The report formats: one row each, which says what a format takes and needs, and loads its module when it is used.

To add a format, write a module with ``write(subject: Subject, file: TextIO, options: ReportOptions) -> None`` and add its
loader and its row here. docs/formats.md has a section for each format, tests/test_injection.py a parser.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Verdict
    from ocisize.model.platforms import IndexAnalysis
    from ocisize.oci.platform import UnreadImage
    from ocisize.report.options import ReportOptions
    from ocisize.report.subject import Subject


class Writer(Protocol):
    """The function that writes a report in one format, as text that is later encoded as UTF-8."""

    def __call__(self, subject: Subject, file: TextIO, options: ReportOptions, /) -> None: ...


class Format(NamedTuple):
    """What a format is for, and what the command line must know about it."""

    name: str  #: as ``-f`` takes it
    about: str  #: one line of ``--help``
    load: Callable[[], Writer]  #: imports the module of the format and returns its function
    all_platforms: bool = False  #: one document can be about the images of several platforms
    unread_images: bool = False  #: it names images of an index of which nothing could be read
    dockerfile_lines: bool = False  #: it shows findings at lines of the Dockerfile
    takes_files: bool = False  #: ``--files`` adds every stored file
    content_hashes: bool = False  #: with ``--files`` it also writes content hashes, which cost time
    estimates: bool = True  #: it shows estimates of the download, or findings that depend on them
    advice: bool = True  #: it shows findings or the plan, which take half of the time after reading
    file_tables: bool = False  #: it always reads the file tables, not figures alone
    needs_layers: bool = True  #: an outline is not enough: it shows figures that only the layers have
    lists_files: bool = False  #: it always lists all files, or all wasted ones: this takes memory
    needs_packages: bool = False  #: it shows ``Analysis.packages``, which take time to find
    has_date: bool = False  #: it says when it was written


def _text() -> Writer:
    from ocisize.report.text.image import write

    return write


def _json() -> Writer:
    from ocisize.report.json.report import write

    return write


def _html() -> Writer:
    from ocisize.report.html.page import write

    return write


def _markdown() -> Writer:
    from ocisize.report.ci.markdown import write

    return write


def _sarif() -> Writer:
    from ocisize.report.ci.sarif import write

    return write


def _junit() -> Writer:
    from ocisize.report.ci.junit import write

    return write


def _github() -> Writer:
    from ocisize.report.ci.github import write

    return write


def _gitlab() -> Writer:
    from ocisize.report.ci.gitlab import write

    return write


def _openmetrics() -> Writer:
    from ocisize.report.ci.openmetrics import write

    return write


def _csv() -> Writer:
    from ocisize.report.export.csv import write

    return write


def _ncdu() -> Writer:
    from ocisize.report.export.ncdu import write

    return write


def _dive_json() -> Writer:
    from ocisize.report.export.dive_json import write

    return write


def _cyclonedx() -> Writer:
    from ocisize.report.sbom.cyclonedx import write

    return write


def _spdx() -> Writer:
    from ocisize.report.sbom.spdx import write

    return write


def _badge() -> Writer:
    from ocisize.report.export.badge import write

    return write


def _badge_svg() -> Writer:
    from ocisize.report.export.badge_svg import write

    return write


_ROWS = (
    Format("text", "for people, on a terminal", _text, all_platforms=True, unread_images=True),
    Format(
        "json", "everything, for programs; ocisize.from_json reads it", _json,
        all_platforms=True, unread_images=True, takes_files=True, content_hashes=True, lists_files=True,
    ),
    Format(
        "html", "one page with a treemap and all files; works offline", _html,
        lists_files=True, file_tables=True, needs_packages=True,
    ),
    Format("markdown", "for comments of pull requests and step summaries", _markdown, all_platforms=True),
    Format("sarif", "findings for code scanning and editors", _sarif, all_platforms=True, dockerfile_lines=True),
    Format("junit", "budgets and findings as tests, for Jenkins, GitLab, Azure", _junit, all_platforms=True),
    Format("github", "findings as annotations of a GitHub workflow", _github, all_platforms=True, dockerfile_lines=True),
    Format("gitlab", "findings for GitLab's Code Quality widget", _gitlab, all_platforms=True, dockerfile_lines=True),
    Format("openmetrics", "figures for Prometheus and GitLab's metrics report", _openmetrics, all_platforms=True),
    Format(
        "csv", "rows of layers, or of files with --files", _csv,
        estimates=False, advice=False, all_platforms=True, takes_files=True,
    ),
    Format(
        "ncdu", "the live files, for ncdu -f and gdu -f", _ncdu,
        estimates=False, advice=False, lists_files=True, file_tables=True,
    ),
    Format(
        "dive-json", "the format of dive --json", _dive_json,
        estimates=False, advice=False, lists_files=True, file_tables=True,
    ),
    Format(
        "cyclonedx", "installed packages as CycloneDX 1.6, for grype, trivy and other scanners", _cyclonedx,
        estimates=False, advice=False, needs_packages=True, has_date=True,
    ),
    Format(
        "spdx", "installed packages as SPDX 2.3, for Docker Scout and other scanners", _spdx,
        estimates=False, advice=False, needs_packages=True, has_date=True,
    ),
    Format("badge", "JSON for a shields.io endpoint", _badge, estimates=False, needs_layers=False),
    Format("badge-svg", "the badge as an SVG image", _badge_svg, estimates=False, needs_layers=False),
)  # fmt: skip
#: name → format; the first is the default
FORMATS: Mapping[str, Format] = {row.name: row for row in _ROWS}


def write_report(name: str, analysis: Analysis, file: TextIO, options: ReportOptions) -> None:
    """Write the analysis of one image to a text file in the format ``name``.

    Raises KeyError for an unknown format, and ReportError if the format cannot show this analysis.

    >>> import io
    >>> import ocisize
    >>> from ocisize.report.options import ReportOptions
    >>> file = io.StringIO()
    >>> write_report("badge", ocisize.analyze("testdata/example.tar"), file, ReportOptions())
    >>> file.getvalue()
    '{"schemaVersion": 1, "label": "image size", "message": "1.59 MB", "color": "yellowgreen"}\\n'
    """
    from ocisize.report.subject import Subject

    FORMATS[name].load()(Subject.of_image(analysis, options), file, options)


def write_index_report(
    name: str, index: IndexAnalysis, file: TextIO, options: ReportOptions, verdicts: Mapping[str, Sequence[Verdict]]
) -> None:
    """Write the analyses of all platforms to a text file in the format ``name``.

    ``verdicts`` are those on each platform's image, by the platform's name. Raises KeyError for an unknown format, and
    ReportError as ``refuse_index`` does.
    """
    from ocisize.report.subject import Subject

    refuse_index(FORMATS[name], index.unread)
    FORMATS[name].load()(Subject.of_index(index, options, verdicts), file, options)


def refuse_index(row: Format, unread: Sequence[UnreadImage]) -> None:
    """Raise ReportError if a format shows one image only, or has no place for an image of which nothing could be read."""
    from ocisize.errors import ReportError

    if not row.all_platforms:
        raise ReportError("this format shows one image only")
    if unread and not row.unread_images:
        listed = ", ".join(image.platform or image.digest for image in unread)
        raise ReportError(f"this format cannot show images that could not be read: {listed}")
