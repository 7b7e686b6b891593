"""Properties of the findings on one image that several sources hold: order and severity do not depend on the source."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import Analysis, Analyzer
from ocisize.report.words.advice import is_significant, list_advice
from tests.images import Entry, build_image, layer, write_dir, write_docker_archive, write_layout
from tests.property.model import Pairs
from tests.property.test_advice_laws import JUNK, STEPS

ENTRY: st.SearchStrategy[tuple[str, Entry]] = st.tuples(
    JUNK,
    st.one_of(
        st.integers(0, 5000).map(lambda size: b"x" * size),  # which compresses to nearly nothing
        st.integers(0, 5000).map(lambda size: random.Random(size).randbytes(size)),  # which does not compress
    ),
)
LAYERS: st.SearchStrategy[list[Pairs]] = st.lists(st.lists(ENTRY, max_size=8), min_size=1, max_size=5)


def findings_of(analysis: Analysis) -> list[tuple[object, ...]]:
    """The findings in the order of reports, with all that may not depend on the source."""
    return [
        (finding.id, finding.layers, finding.title, finding.severity, finding.size, is_significant(finding, analysis))
        for finding in list_advice(analysis)
        if finding.id != "OS221"  # which depends on the image's name
    ]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(LAYERS, STEPS)
def test_every_source_has_the_same_findings_in_the_same_order(layers: list[Pairs], steps: list[str]) -> None:
    """Layouts, folders of dir: and archives, with layers of each compression, have the same findings."""
    history = [{"created_by": step} for step in steps[: len(layers)]]
    image = build_image([layer(entries) for entries in layers], history=history)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, *others = (
            findings_of(Analyzer(jobs=1, platform="linux/amd64").analyze(path))
            for path in (
                write_layout(image, folder / "gzip"),
                write_layout(image.recompressed("zstd"), folder / "zstd"),
                write_dir(image.recompressed("plain"), folder / "dir"),
                write_docker_archive(image.recompressed("plain"), folder / "plain.tar"),
                write_docker_archive(image.recompressed("plain"), folder / "both.tar", style="docker25"),
                write_docker_archive(image, folder / "containerd.tar", style="containerd"),
            )
        )
    assert all(other == first for other in others)
