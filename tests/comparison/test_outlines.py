"""Two images compared by their documents."""

from __future__ import annotations

import json

import pytest

from ocisize import Analyzer, Outline, compare, compare_outlines
from ocisize.errors import IncompleteAnalysis
from ocisize.model.comparison import LayerStatus
from tests.images import BuiltImage, build_image, layer
from tests.oci.test_image import MemorySource, single
from tests.outlines import APP, BASE, TOOLS, build

ANALYZER = Analyzer(platform="linux/amd64", hash_content=True)
NEW = layer({"app/main": b"new" * 900})
STEPS = [{"created_by": step} for step in ("ADD rootfs", "RUN apt-get install tool", "COPY . /app", "RUN late")]


def outlined(image: BuiltImage) -> Outline:
    return ANALYZER.outline_source(single(image))


PAIRS = [
    (build_image([BASE, TOOLS, APP], history=STEPS[:3]), build_image([BASE, TOOLS, NEW, APP], history=STEPS)),
    (build_image([BASE, TOOLS], history=STEPS[:2]), build_image([BASE, TOOLS], history=STEPS[:2]).recompressed("zstd")),
    (build_image([BASE, APP, APP], history=STEPS[:3]), build_image([APP, BASE, APP, NEW, NEW], history=[*STEPS, STEPS[0]])),
    (build_image([]), build_image([BASE])),
]


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_downloads_are_those_of_the_comparison(old: BuiltImage, new: BuiltImage) -> None:
    """Of the image and of each layer; a status differs only where the files decide."""
    quick = compare_outlines(outlined(old), outlined(new))
    full = compare(ANALYZER.analyze_source(single(old)), ANALYZER.analyze_source(single(new)))
    assert (quick.compressed_growth, quick.download_size) == (full.compressed_growth, full.download_size)
    assert sum(layer.compressed_growth or 0 for layer in quick.layers) == quick.compressed_growth
    for one, other in zip(quick.layers, full.layers, strict=True):
        assert (one.before, one.after, one.download_size) == (other.before, other.after, other.download_size)
        assert one.status is (LayerStatus.CHANGED if other.status is LayerStatus.REBUILT else other.status)


def test_rebuilt_layers_count_as_changed() -> None:
    """Nobody knows without the layers that the files are the same."""
    early, late = layer({"a": b"a" * 900}), layer({"a": b"a" * 900, "b": b""})
    (change,) = compare_outlines(outlined(build_image([early])), outlined(build_image([late]))).layers
    assert change.status is LayerStatus.CHANGED


def test_changes_of_the_config_and_the_base() -> None:
    old, new = build(), build_image([NEW, TOOLS, APP, APP], history=[{"created_by": "ADD rootfs.tar.xz /"}, *STEPS[1:]])
    comparison = compare_outlines(outlined(old), outlined(new))
    assert {"user", "env", "labels", "healthcheck"} <= set(comparison.config_changes)
    assert comparison.changed_base_layers == 1 and not comparison.same_layers
    assert compare_outlines(outlined(old), outlined(old)).changed_base_layers == 0
    assert compare_outlines(outlined(old), outlined(build_image([]))).changed_base_layers is None


def test_documents_that_disagree_are_refused() -> None:
    image = build()
    manifest = json.loads(image.manifest)
    manifest["layers"].pop()
    broken = ANALYZER.outline_source(MemorySource(json.dumps(manifest).encode(), image.blobs), name="broken")
    with pytest.raises(IncompleteAnalysis, match="broken: cannot be compared, because the config lists 4 layers"):
        compare_outlines(outlined(image), broken)
