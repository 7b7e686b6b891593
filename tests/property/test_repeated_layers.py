"""A blob that several layers have is downloaded once, and counted in the lowest of them by everything that counts."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import Analysis, Analyzer, check, from_json, parse_budgets, to_json
from ocisize.comparison.images import compare
from ocisize.model.base import BaseImage, BaseMethod
from ocisize.model.base import BaseCertainty
from ocisize.model.sizes import paid_layers
from ocisize.report.html.data import page_data
from ocisize.sizes.files import list_files
from ocisize.sizes.layers import split_at_base
from tests.images import build_image, layer
from tests.oci.test_image import single
from tests.property.model import Pairs
from tests.property.test_merge_laws import LAYERS

laws = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def analyzed(layers: list[Pairs]) -> Analysis:
    """Every layer has a build step of its own."""
    history = [{"created_by": f"RUN step {number}"} for number in range(len(layers))]
    return Analyzer(jobs=1).analyze_source(single(build_image([layer(entries) for entries in layers], history=history)))


def first_copies(analysis: Analysis) -> list[int]:
    """Bytes of download by layer: all of a blob in the first layer that has it, counted the slow way."""
    digests = [each.digest for each in analysis.layers]
    return [(each.compressed_size or 0) if digests.index(each.digest) == each.index else 0 for each in analysis.layers]


@st.composite
def images(draw: st.DrawFn) -> list[Pairs]:
    """Layers of which some are repeated."""
    pool = draw(LAYERS)
    return draw(st.lists(st.sampled_from(pool), min_size=1, max_size=6))


@laws
@given(images())
def test_the_lowest_layer_pays(layers: list[Pairs]) -> None:
    """Groups by build step and the comparison with an empty image agree, layer by layer."""
    analysis = analyzed(layers)
    expected = first_copies(analysis)
    assert [
        (each.compressed_size or 0) * pays for each, pays in zip(analysis.layers, paid_layers(analysis.layers), strict=True)
    ] == expected
    assert sum(expected) == analysis.compressed_size

    compared = compare(analyzed([[]]), analysis)
    by_layer = {each.after: each.after_compressed_size for each in compared.layers if each.after is not None}
    assert [by_layer[index] for index in range(len(layers))] == expected

    assert analysis.groups is not None
    by_step = {group.name: group.compressed_size or 0 for group in analysis.groups.build_steps[:-1]}
    for each, size in zip(analysis.layers, expected, strict=True):
        if each.build_step.text in by_step:
            assert by_step[each.build_step.text] == (size - (each.overhead_size or 0) if size else 0)


@laws
@given(images())
def test_rows_of_the_page_show_the_wasted_download(layers: list[Pairs]) -> None:
    """The uppermost layer of a blob has its download, so that the hidden rows add up to the figure of the image."""
    analysis = analyzed(layers)
    digests = [each.digest for each in analysis.layers]
    for saved in (analysis, from_json(to_json(analysis)), from_json(to_json(analysis, files=True))):
        data = json.loads(page_data(saved))
        by_layer, hidden = Counter[int](), 0
        for size, kind in zip(data["rows"]["compressed_sizes"], data["rows"]["kinds"], strict=True):
            layer_index, hidden_by = data["kinds"][kind][:2]
            by_layer[layer_index] += size
            hidden += size * (hidden_by >= 0)
        assert hidden == analysis.wasted_compressed_size
        assert by_layer.total() == analysis.compressed_size
        for each in analysis.layers:
            is_uppermost = each.digest not in digests[each.index + 1 :]
            assert by_layer[each.index] == (each.compressed_size if is_uppermost else 0)


@laws
@given(images(), st.integers(1, 6))
def test_the_base_pays_for_what_it_has(layers: list[Pairs], count: int) -> None:
    """What base and own layers share is downloaded with the base."""
    analysis = analyzed(layers)
    count = min(count, len(layers))
    parts = split_at_base(analysis.layers, BaseImage(count, None, None, BaseMethod.GIVEN, BaseCertainty.SURE))
    assert parts.base is not None and parts.own is not None
    expected = first_copies(analysis)
    assert parts.base.compressed_size == sum(expected[:count])
    assert parts.own.compressed_size == sum(expected[count:])


@laws
@given(images())
def test_totals_count_each_blob_once(layers: list[Pairs]) -> None:
    """Lists add up each blob's files once; what a copy still shows is no waste of the download, and removing it saves none."""
    analysis = analyzed(layers)
    blobs = {each.digest: each for each in analysis.layers}.values()
    listing = list_files(analysis.layers, count=3)
    assert (listing.compressed_size or 0) <= sum((blob.compressed_size or 0) - (blob.overhead_size or 0) for blob in blobs)
    assert analysis.wasted_compressed_size == sum(each.wasted_compressed_size or 0 for each in blobs)
    assert (analysis.advice.compressed_size or 0) <= sum(
        (each.compressed_size or 0) - (each.overhead_size or 0) for each in blobs
    )


def test_a_copy_that_shows_keeps_the_download() -> None:
    """Storing a blob a second time wastes no download; removing what both of its layers store saves the download once."""
    kept, cache = ("opt/a", b"1" * 1000), ("root/.cache/pip/x", b"2" * 3000)
    (finding,) = (each for each in analyzed([[kept], [("b", b"")], [kept]]).advice.findings if each.size)
    assert (finding.size, finding.compressed_size) == (1000, 0)
    analysis = analyzed([[kept, cache], [("b", b"")], [kept, cache]])
    table = analysis.layers[0].files
    assert table is not None and table.compressed_sizes is not None
    cost = table.compressed_sizes[list(table.paths).index(b"root/.cache/pip/x")]
    assert (analysis.advice.size, analysis.advice.compressed_size) == (1000 + 2 * 3000, cost)


def test_budgets_count_a_row_of_a_blob_once() -> None:
    """A path that two layers with the same blob store is downloaded once."""
    analysis = analyzed([[("a", b"1" * 1000)], [("b", b"")], [("a", b"1" * 1000)]])
    found = parse_budgets('path = "/a"\nmax-download = "1 GB"', "x")
    (verdict,) = check(analysis, found.budgets)
    table = analysis.layers[0].files
    assert table is not None and table.compressed_sizes is not None
    assert verdict.measured == table.compressed_sizes[0]
