"""Reports as texts: what the command line writes."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocisize

EXAMPLE = str(Path(__file__).parent.parent.parent / "testdata" / "example.tar")
BUDGETS = ocisize.parse_budgets('max-download = "1 MB"').budgets


@pytest.fixture(scope="module")
def analysis() -> ocisize.Analysis:
    return ocisize.Analyzer(packages=True).analyze(EXAMPLE)


@pytest.mark.parametrize("name", ocisize.FORMATS)
def test_every_format(name: str, analysis: ocisize.Analysis) -> None:
    assert ocisize.render_report(analysis, name).strip()
    assert "\x1b[" not in ocisize.render_report(analysis, name)


def test_verdicts_are_shown(analysis: ocisize.Analysis) -> None:
    """As arguments, by platform, or as an option."""
    verdicts = ocisize.check(analysis, BUDGETS)
    text = ocisize.render_report(analysis, verdicts=verdicts)
    assert "1.59 MB > 1.00 MB" in text
    assert text == ocisize.render_report(analysis, verdicts={"linux/amd64": verdicts})
    assert text == ocisize.render_report(analysis, options=ocisize.ReportOptions(verdicts=verdicts))


def test_all_platforms() -> None:
    """An index is shown as a whole, with the verdicts on each image."""
    index = ocisize.Analyzer().analyze_all(EXAMPLE)
    verdicts = ocisize.check_all(index.analyses, BUDGETS)
    assert "download 1.59 MB" in ocisize.render_report(index, "junit", verdicts=verdicts)
    with pytest.raises(ocisize.ReportError, match="one image only"):
        ocisize.render_report(index, "html")


def test_unknown_formats_are_refused(analysis: ocisize.Analysis) -> None:
    with pytest.raises(ocisize.ReportError, match="no format 'yaml'") as raised:
        ocisize.render_report(analysis, "yaml")
    assert raised.value.hint is not None and "markdown" in raised.value.hint


@pytest.mark.parametrize("name", ocisize.DIFF_FORMATS)
def test_comparisons(name: str, analysis: ocisize.Analysis) -> None:
    """A comparison has formats and verdicts, too."""
    comparison = ocisize.compare(ocisize.analyze(str(Path(EXAMPLE).parent / "golden" / "01-single-layer.tar")), analysis)
    verdicts = ocisize.check(analysis, BUDGETS)
    plain, judged = ocisize.render_report(comparison, name), ocisize.render_report(comparison, name, verdicts=verdicts)
    assert plain != judged
    with pytest.raises(ocisize.ReportError, match="no format 'ncdu'"):
        ocisize.render_report(comparison, "ncdu")
