"""Reports as texts, for callers of the library."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ocisize.errors import ReportError
from ocisize.report.formats import DIFF_FORMATS, FORMATS, write_diff_report, write_index_report, write_report
from ocisize.report.options import ReportOptions
from ocisize.values import evolve

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Verdict
    from ocisize.model.comparison import Comparison
    from ocisize.model.platforms import IndexAnalysis


def render_report(
    subject: Analysis | IndexAnalysis | Comparison,
    format: str = "text",  # noqa: A002  (the word of the command line)
    *,
    options: ReportOptions | None = None,
    verdicts: Sequence[Verdict] | Mapping[str, Sequence[Verdict]] = (),
) -> str:
    """Return the report on an image, on the images of all platforms, or on a comparison, as text.

    The text is what ``ocisize IMAGE -f FORMAT`` or ``ocisize diff BEFORE AFTER -f FORMAT`` writes: without colors unless
    ``options`` ask for them, and as wide as the terminal of the process.

    Args:
        subject: the result of ``analyze``, ``Analyzer.analyze_all`` or ``compare``.
        format: a key of FORMATS, such as ``text``, ``markdown``, ``sarif`` or ``html``; of DIFF_FORMATS for a comparison.
        options: the options of the report; None: the defaults.
        verdicts: the results of ``check``, or of ``check_all`` for all platforms; of AFTER for a comparison. They replace
            those of ``options``.

    Raises:
        ReportError: there is no such format, or it cannot show this subject.

    >>> import ocisize
    >>> analysis = ocisize.analyze("testdata/example.tar")
    >>> render_report(analysis, "csv").partition(",compression")[0]
    'image,platform,layer,digest'
    >>> render_report(analysis, "yaml")
    Traceback (most recent call last):
    ocisize.errors.ReportError: there is no format 'yaml'

    """
    from ocisize.model.analysis import Analysis
    from ocisize.model.platforms import IndexAnalysis

    options, file = options or ReportOptions(), io.StringIO()
    if isinstance(subject, IndexAnalysis):
        _check_format(format, FORMATS)
        by_platform = verdicts if isinstance(verdicts, Mapping) else dict.fromkeys(subject.analyses, verdicts)
        write_index_report(format, subject, file, options, by_platform)
        return file.getvalue()
    image = subject if isinstance(subject, Analysis) else subject.after
    own = verdicts.get(image.platform, ()) if isinstance(verdicts, Mapping) else verdicts
    options = evolve(options, verdicts=own or options.verdicts)
    if isinstance(subject, Analysis):
        _check_format(format, FORMATS)
        write_report(format, subject, file, options)
    else:
        _check_format(format, DIFF_FORMATS)
        write_diff_report(format, subject, file, options)
    return file.getvalue()


def _check_format(name: str, formats: Collection[str]) -> None:
    if name not in formats:
        raise ReportError(f"there is no format {name!r}", hint=f"the formats are {', '.join(formats)}")
