"""The formats of a report, by name, each a module that is imported when it is used.

A format is a row in FORMATS and in _MODULES, which names a module below ``ocisize.report`` with
``write(analysis: Analysis, file: TextIO, options: ReportOptions) -> None``, which writes text for UTF-8. One whose document
can be about the images of several platforms has ``write_images(images: Sequence[Reported], file, options)`` instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Verdict
    from ocisize.model.platforms import IndexAnalysis
    from ocisize.report.options import ReportOptions

#: name → what it is for; the first is the default
FORMATS: Mapping[str, str] = {
    "text": "for people, on a terminal",
    "json": "everything, for programs; ocisize.from_json reads it",
    "html": "one page with a treemap and all files, which opens offline",
    "markdown": "a pull request's comment or a step summary",
    "sarif": "findings for code scanning and editors",
    "junit": "findings as failed tests, for Jenkins, GitLab, Azure",
    "github": "findings as annotations of a GitHub workflow",
    "gitlab": "findings for GitLab's Code Quality widget",
    "openmetrics": "figures for Prometheus and GitLab's metrics report",
    "csv": "a row per layer, or with --files per file",
    "ncdu": "what a container sees, for ncdu -f and gdu -f",
    "dive-json": "what dive --json exports",
    "badge": "JSON for a shields.io endpoint",
    "badge-svg": "the badge itself",
}


#: name → its module below ``ocisize.report``
_MODULES: Mapping[str, str] = {
    "text": "text.image",
    "json": "json.analysis",
    "html": "html.page",
    "markdown": "ci.markdown",
    "sarif": "ci.sarif",
    "junit": "ci.junit",
    "github": "ci.github",
    "gitlab": "ci.gitlab",
    "openmetrics": "ci.openmetrics",
    "csv": "export.csv",
    "ncdu": "export.ncdu",
    "dive-json": "export.dive_json",
    "badge": "export.badge",
    "badge-svg": "export.badge_svg",
}
_OF_UNREAD = ("text", "json")  # that name images of which nothing could be read
#: those that are about the images of all platforms as well
FORMATS_OF_ALL = ("text", "json", "markdown", "sarif", "junit", "github", "gitlab", "openmetrics", "csv")


def write_report(name: str, analysis: Analysis, file: TextIO, options: ReportOptions) -> None:
    """Write an analysis to a text file in the form of that name."""
    module = _module(name)
    if hasattr(module, "write_images"):
        from ocisize.report.ci.reported import report_on

        module.write_images([report_on(analysis, options)], file, options)
    else:
        module.write(analysis, file, options)


def write_index_report(
    name: str, index: IndexAnalysis, file: TextIO, options: ReportOptions, verdicts: Mapping[str, Sequence[Verdict]]
) -> None:
    """Write the analyses of all platforms, each with its verdicts, in one of FORMATS_OF_ALL."""
    if index.unread and name not in _OF_UNREAD:
        from ocisize.errors import ReportError

        listed = ", ".join(image.platform or image.digest for image in index.unread)
        raise ReportError(f"this format has no place for images that could not be read: {listed}")
    if name == "text":
        from ocisize.report.text.platforms import write_index

        write_index(index, file, verdicts=verdicts, color=options.color)
    elif name == "json":
        from ocisize.report.json.platforms import index_to_json

        file.write(index_to_json(index, options, verdicts=verdicts) + "\n")
    else:
        from ocisize.report.ci.reported import report_on_all

        _module(name).write_images(report_on_all(index.analyses, options, verdicts), file, options)


def _module(name: str) -> Any:
    return import_module(f"ocisize.report.{_MODULES[name]}")
