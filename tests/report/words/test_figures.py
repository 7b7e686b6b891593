"""Each figure has one explanation, wherever it is explained."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import ocisize
from ocisize.report.html.page import to_html
from ocisize.report.text.full import write_sections
from ocisize.report.words.figures import FIGURES
from ocisize.report.words.image import list_figures

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", FIGURES)
def test_the_docs_have_the_explanation(name: str) -> None:
    """docs/numbers.md explains a figure with the words of the reports."""
    rows = [line for line in (ROOT / "docs/numbers.md").read_text("utf-8").splitlines() if f"**{name}**" in line]
    assert any(FIGURES[name] in row for row in rows), name


def test_reports_have_the_explanation() -> None:
    """So do the text report, beside the figure, and the HTML page, for all figures."""
    analysis = ocisize.analyze(ROOT / "testdata/example.tar")
    file = io.StringIO()
    write_sections(analysis, file, sections=["figures"], width=160)
    page = to_html(analysis)
    shown = [name for name, _, _ in list_figures(analysis)]
    assert len(shown) == 8
    for name in shown:
        assert f"{name} " in file.getvalue()
        assert FIGURES[name] in file.getvalue()
    assert all(explanation in page for explanation in FIGURES.values())
