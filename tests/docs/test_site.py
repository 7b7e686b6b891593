"""The site builds without a warning, and has the pages that readers look for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ocisize

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow  # Sphinx takes ten seconds


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "cache")]
    result = subprocess.run([*command, "docs", str(folder / "html")], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0, result.stderr
    return folder / "html"


def test_every_public_name_has_an_entry(site: Path) -> None:
    """A reader, and other sites through the inventory, find every name as an attribute of ``ocisize``."""
    from sphinx.util.inventory import InventoryFile

    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    names = {name for kind, entries in inventory.items() if kind.startswith("py:") for name in entries}
    assert {f"ocisize.{name}" for name in ocisize.__all__ if name != "__version__"} <= names
    assert "ocisize.Finding.severity" in names


def test_types_lead_to_their_entries(site: Path) -> None:
    text = (site / "api" / "analyzing.html").read_text("utf-8")
    assert 'href="analysis.html#ocisize.Analysis"' in text


def test_documentation_of_findings_has_its_anchors(site: Path) -> None:
    """Findings name their documentation as ``docs/rules.md#os101``."""
    assert 'id="os101"' in (site / "rules.html").read_text("utf-8")


def test_embedded_pages_link_to_pages_of_the_site(site: Path) -> None:
    text = (site / "project" / "architecture.html").read_text("utf-8")
    assert 'href="../numbers.html"' in text and 'href="contributing.html"' in text
    assert ".md" not in "".join(part.partition('"')[0] for part in text.split('href="')[1:])


def test_every_page_is_in_a_table_of_contents() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = {str(page.relative_to(ROOT / "docs").with_suffix("")) for page in ROOT.glob("docs/**/*.md")} - {"index"}
    assert pages <= set(index.splitlines())
