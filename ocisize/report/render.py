"""Reports as texts, for callers of the library."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ocisize.errors import ReportError
from ocisize.report.diff_formats import DIFF_FORMATS, write_diff_report
from ocisize.report.formats import FORMATS, write_index_report, write_report
from ocisize.report.options import ReportOptions
from ocisize.report.outline_formats import (
    OUTLINE_DIFF_FORMATS,
    OUTLINE_FORMATS,
    write_index_outline_report,
    write_outline_diff_report,
    write_outline_report,
)
from ocisize.values import evolve

if TYPE_CHECKING:
    from typing import TextIO, TypeAlias

    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Verdict
    from ocisize.model.comparison import Comparison
    from ocisize.model.outline import IndexOutline, Outline
    from ocisize.model.outline_comparison import OutlineComparison
    from ocisize.model.platforms import IndexAnalysis

    _ByPlatform: TypeAlias = Mapping[str, Sequence[Verdict]]


def render_report(
    subject: Analysis | IndexAnalysis | Comparison | Outline | IndexOutline | OutlineComparison,
    format: str = "text",  # noqa: A002  (the word of the command line)
    *,
    options: ReportOptions | None = None,
    verdicts: Sequence[Verdict] | Mapping[str, Sequence[Verdict]] = (),
) -> str:
    """Return the report on an image, on the images of all platforms, or on a comparison, as text.

    The text is what ``ocisize IMAGE -f FORMAT`` or ``ocisize diff BEFORE AFTER -f FORMAT`` writes: without colors unless
    ``options`` ask for them, and as wide as the terminal of the process. For an outline it is that of ``--quick``.

    Args:
        subject: the result of ``analyze``, ``Analyzer.analyze_all`` or ``compare``; or of ``Analyzer.outline``,
            ``Analyzer.outline_all`` or ``compare_outlines``.
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
    from ocisize.model.outline import IndexOutline
    from ocisize.model.platforms import IndexAnalysis

    options, file = options or ReportOptions(), io.StringIO()
    if isinstance(subject, IndexAnalysis | IndexOutline):
        images = subject.analyses if isinstance(subject, IndexAnalysis) else subject.outlines
        by_platform = verdicts if isinstance(verdicts, Mapping) else dict.fromkeys(images, verdicts)
        _write_index(subject, format, file, options, by_platform)
    else:
        _write_single(subject, format, file, options, verdicts)
    return file.getvalue()


def _write_index(
    subject: IndexAnalysis | IndexOutline, name: str, file: TextIO, options: ReportOptions, verdicts: _ByPlatform
) -> None:
    from ocisize.model.outline import IndexOutline

    _check_format(name, FORMATS)
    if isinstance(subject, IndexOutline):
        _check_outline(name, OUTLINE_FORMATS)
        write_index_outline_report(name, subject, file, options, verdicts)
    else:
        write_index_report(name, subject, file, options, verdicts)


def _write_single(
    subject: Analysis | Comparison | Outline | OutlineComparison,
    name: str,
    file: TextIO,
    options: ReportOptions,
    verdicts: Sequence[Verdict] | _ByPlatform,
) -> None:
    from ocisize.model.analysis import Analysis
    from ocisize.model.outline import Outline
    from ocisize.model.outline_comparison import OutlineComparison

    image = subject if isinstance(subject, Analysis | Outline) else subject.after
    own = verdicts.get(image.platform, ()) if isinstance(verdicts, Mapping) else verdicts
    options = evolve(options, verdicts=own or options.verdicts)
    _check_format(name, FORMATS if isinstance(subject, Analysis | Outline) else DIFF_FORMATS)
    if isinstance(subject, Analysis):
        write_report(name, subject, file, options)
    elif isinstance(subject, Outline):
        _check_outline(name, OUTLINE_FORMATS)
        write_outline_report(name, subject, file, options)
    elif isinstance(subject, OutlineComparison):
        _check_outline(name, OUTLINE_DIFF_FORMATS)
        write_outline_diff_report(name, subject, file, options)
    else:
        write_diff_report(name, subject, file, options)


def _check_format(name: str, formats: Collection[str]) -> None:
    if name not in formats:
        raise ReportError(f"there is no format {name!r}", hint=f"the formats are {', '.join(formats)}")


def _check_outline(name: str, formats: Collection[str]) -> None:
    if name not in formats:
        raise ReportError(f"{name} needs the layers", hint=f"the formats of outlines are {', '.join(formats)}")
