"""Which rows are visible, of an analysis as it was made and of one read back from JSON."""

from __future__ import annotations

import gc
import weakref

import pytest

from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.filesystem.visibility import overlay_of
from tests.images import build_image, layer
from tests.oci.test_image import single


@pytest.fixture
def analysis() -> Analysis:
    layers = [layer({"etc/motd": b"hello", "etc/issue": b"1"}), layer({"etc/.wh.motd": b"", "etc/issue": b"22"})]
    return Analyzer().analyze_source(single(build_image(layers)))


def test_a_saved_analysis_is_overlaid_once(analysis: Analysis) -> None:
    """Read back with its files, an analysis has the same hidden rows and causes; later calls return the same overlay."""
    back = from_json(to_json(analysis, files=True))
    assert [each.hidden_by for each in back.layers] == [None, None]
    overlay = overlay_of(back)
    assert [list(column) for column in overlay.hidden_by] == [[1, 1], [-1, -1]]
    assert overlay.hidden_by == overlay_of(analysis).hidden_by
    assert overlay.causes == overlay_of(analysis).causes
    assert overlay_of(back) is overlay


def test_overlays_end_with_their_analyses(analysis: Analysis) -> None:
    """An overlay is kept no longer than the analysis, and never taken for that of another one."""
    back = from_json(to_json(analysis, files=True))
    kept = weakref.ref(overlay_of(back))
    del back
    gc.collect()
    assert kept() is None


def test_files_are_needed(analysis: Analysis) -> None:
    """Without file tables there are no rows to hide."""
    with pytest.raises(ValueError, match="without its file tables"):
        overlay_of(from_json(to_json(analysis)))
