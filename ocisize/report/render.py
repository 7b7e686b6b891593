"""Reports as texts, for callers of the library."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ocisize.errors import ReportError
from ocisize.report.formats import FORMATS, write_index_report, write_report
from ocisize.report.options import ReportOptions
from ocisize.values import evolve

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Verdict
    from ocisize.model.platforms import IndexAnalysis


def render_report(
    analysis: Analysis | IndexAnalysis,
    format: str = "text",  # noqa: A002  (the word of the command line)
    *,
    options: ReportOptions | None = None,
    verdicts: Sequence[Verdict] | Mapping[str, Sequence[Verdict]] = (),
) -> str:
    """Return the report on an image, or on the images of all platforms, as text in one of FORMATS.

    The text is what ``ocisize IMAGE -f FORMAT`` writes: without colors unless ``options`` ask for them, and as wide as the
    terminal of the process.

    Args:
        analysis: the result of ``analyze`` or ``Analyzer.analyze_all``.
        format: a key of FORMATS, such as ``text``, ``markdown``, ``sarif`` or ``html``.
        options: the options of the report; None: the defaults.
        verdicts: the results of ``check``, or of ``check_all`` for all platforms. They replace those of ``options``.

    Raises:
        ReportError: there is no such format, or it cannot show this analysis.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> render_report(analysis, "csv").partition(",compression")[0]
    'image,platform,layer,digest'
    >>> render_report(analysis, "yaml")
    Traceback (most recent call last):
    ocisize.errors.ReportError: there is no format 'yaml'

    """
    from ocisize.model.analysis import Analysis

    if format not in FORMATS:
        raise ReportError(f"there is no format {format!r}", hint=f"the formats are {', '.join(FORMATS)}")
    options, file = options or ReportOptions(), io.StringIO()
    if isinstance(analysis, Analysis):
        if isinstance(verdicts, Mapping):
            verdicts = verdicts.get(analysis.platform, ())
        write_report(format, analysis, file, evolve(options, verdicts=verdicts or options.verdicts))
    else:
        by_platform = verdicts if isinstance(verdicts, Mapping) else dict.fromkeys(analysis.analyses, verdicts)
        write_index_report(format, analysis, file, options, by_platform)
    return file.getvalue()
