"""What always holds of merged images, whatever is in their layers."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize.history.steps import LayerHistory
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.waste import WasteTable
from ocisize.filesystem.overlay import overlay_all
from ocisize.sizes.layers import LayerFacts, summarize_layers, sum_layers
from ocisize.filesystem.duplicates import find_duplicates
from ocisize.filesystem.waste import find_waste
from ocisize.analyzer import Analyzer
from tests.images import DIR, Compression, Entry, Hard, Link, Sparse, build_image, layer
from tests.property.model import Pairs, overlay, tables_of
from tests.oci.test_image import single
from tests.strategies import SPARSE_FORMS

NAMES = st.sampled_from(["a", ".b", "c"])  # ``.b`` sorts before ``.wh.``
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
CONTENTS = st.sampled_from([b"", b"x", b"yy", b"zz", b"four"])
SPARSE = st.builds(
    Sparse,
    st.sampled_from([20, 21, 5000]),
    st.sampled_from([((0, b"x"),), ((0, b"x"), (1, b"y")), ((5, b""), (5, b"xy"), (9, b"")), ((19, b"z"),)]),
    st.sampled_from(SPARSE_FORMS),
)
TARGETS = st.one_of(PATHS, PATHS.map("/{}".format), PATHS.map("../{}".format), st.sampled_from(["..", ".", "/", "../.."]))


def in_some_folder(name: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just(name), PATHS.map(lambda folder: f"{folder}/{name}"))


WHITEOUTS = NAMES.flatmap(lambda name: in_some_folder(f".wh.{name}"))
ODD_PATHS = st.one_of(
    st.sampled_from(["./", "..", "../a", "a/../../b", ".wh.", ".wh...", ".wh..wh.aufs", "a/.wh..wh.b", "x/.wh.b/c"]),
    PATHS.map("./{}".format), PATHS.map("/{}/".format), NAMES.map("a//{}".format), NAMES.map("a/../{}".format),
)  # fmt: skip
LINK_TARGETS = st.one_of(PATHS, PATHS, st.just(".wh..wh.plnk/1"))
ENTRY: st.SearchStrategy[tuple[str, Entry]] = st.one_of(
    st.tuples(PATHS, CONTENTS),
    st.tuples(PATHS, CONTENTS),
    st.tuples(PATHS, SPARSE),
    st.tuples(PATHS, st.just(DIR)),
    st.tuples(PATHS, TARGETS.map(Link)),
    st.tuples(PATHS, LINK_TARGETS.map(Hard)),
    st.tuples(WHITEOUTS, st.sampled_from([b"", b"", b"payload"])),
    st.tuples(in_some_folder(".wh..wh..opq"), st.just(b"")),
    st.tuples(ODD_PATHS, CONTENTS),
    st.tuples(st.just(".wh..wh.plnk/1"), CONTENTS),
)
LAYERS = st.lists(st.lists(ENTRY, max_size=10), min_size=1, max_size=5)

laws = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@attrs.frozen
class Result:
    """What the package makes of some layers."""

    waste: WasteTable
    layers: tuple[LayerAnalysis, ...]

    @property
    def rows(self) -> list[tuple[str, int, str, int, int]]:
        return sorted((row.path, row.size, row.cause.value, row.held_by, row.hidden_by) for row in self.waste)


def analyzed(layers: Sequence[Pairs]) -> Result:
    tables = tables_of(layers)
    merged = overlay_all(tables)
    waste = find_waste(tables, merged)
    sizes = [table.tar_size or 0 for table in tables]
    facts = [LayerFacts(f"{size}", None, "", "plain", size, True, True) for size in sizes]
    tables = [
        table.with_compressed_sizes(table.sizes, size - sum(table.sizes)) for table, size in zip(tables, sizes, strict=True)
    ]
    return Result(
        waste,
        summarize_layers(
            tables,
            facts,
            [LayerHistory()] * len(tables),
            waste,
            [duplicate.size for duplicate in find_duplicates(tables, merged)],
        ),
    )


@laws
@given(LAYERS)
def test_merge_agrees_with_the_model(layers: list[Pairs]) -> None:
    """The linear merge hides the same files, for the same causes and in the same layers, as the plainly written rules."""
    result, model = analyzed(layers), overlay(layers)
    assert result.rows == model.waste
    assert sum_layers(result.layers).live_size == model.live_size


@laws
@given(LAYERS)
def test_waste_is_content_that_does_not_live(layers: list[Pairs]) -> None:
    """The sizes of all wasted entries add up to content_size - live_size."""
    result = analyzed(layers)
    image = sum_layers(result.layers)
    assert sum(entry.size for entry in result.waste) == image.wasted_size == image.content_size - image.live_size


@laws
@given(LAYERS)
def test_layers_add_up_to_the_image(layers: list[Pairs]) -> None:
    """Every figure of the image is the sum of its layers', and what layers hide is what layers waste.

    Compressed sizes count a blob that several layers share once.
    """
    result = analyzed(layers)
    image = sum_layers(result.layers)
    distinct = {each.digest: each for each in result.layers}.values()
    estimates = {"estimated_compressed_size", "estimate_error"}  # of layers without a compressed size
    assert {getattr(image, name) for name in estimates} == {None}
    for name in attrs.fields_dict(type(image)).keys() - estimates:
        added = distinct if "compressed" in name else result.layers
        assert getattr(image, name) == sum(getattr(each, name) for each in added)
    assert sum(each.hides_size for each in result.layers) == image.wasted_size


@laws
@given(LAYERS)
def test_nothing_is_hidden_from_below(layers: list[Pairs]) -> None:
    """The hiding layer is never below the holding one, and is the same one exactly for a layer's own faults."""
    for entry in analyzed(layers).waste:
        assert entry.held_by <= entry.hidden_by
        assert (entry.held_by == entry.hidden_by) == (entry.cause.value in ("duplicate-entry", "unreachable"))


@laws
@given(LAYERS)
def test_efficiency_is_a_ratio(layers: list[Pairs]) -> None:
    """Efficiency lies in 0..1 for the image and every layer, and is 1 exactly where nothing is wasted."""
    result = analyzed(layers)
    for each in (sum_layers(result.layers), *result.layers):
        assert 0 <= each.efficiency <= 1
        assert (each.efficiency == 1) == (each.wasted_size == 0)


@laws
@given(LAYERS, st.data())
def test_an_empty_layer_changes_nothing(layers: list[Pairs], data: st.DataObject) -> None:
    """An empty layer anywhere changes the layer count, the numbers of the layers above it, and no other figure."""
    at = data.draw(st.integers(0, len(layers)))
    before, after = analyzed(layers), analyzed([*layers[:at], [], *layers[at:]])
    moved = [(path, size, cause, held + (held >= at), hidden + (hidden >= at))
             for path, size, cause, held, hidden in before.rows]  # fmt: skip
    assert after.rows == sorted(moved)
    empty = after.layers[at]
    assert (empty.content_size, empty.live_size, empty.disk_size, empty.hides_size, empty.entry_count) == (0, 0, 0, 0, 0)
    image, grown = sum_layers(before.layers), sum_layers(after.layers)
    assert attrs.evolve(grown, tar_size=0, compressed_size=0) == attrs.evolve(image, tar_size=0, compressed_size=0)


@laws
@given(LAYERS)
def test_the_place_of_whiteouts_in_the_tar_does_not_matter(layers: list[Pairs]) -> None:
    """Whiteouts at the end of their layer do what they do at its beginning."""

    def moved(*, last: bool) -> list[Pairs]:
        return [sorted(entries, key=lambda pair: ("/.wh." in f"/{pair[0]}") == last) for entries in layers]

    assert analyzed(moved(last=True)).rows == analyzed(moved(last=False)).rows


@settings(laws, max_examples=40)
@given(LAYERS)
def test_compression_changes_compressed_sizes_only(layers: list[Pairs]) -> None:
    """However layers are compressed, what lives, what is wasted and why are the same, and compressed sizes add up."""
    plain = analyzed(layers)
    ways: list[Compression] = ["gzip", "zstd", "plain"]
    for compression in ways:
        image = build_image([layer(entries, compression) for entries in layers])
        analysis = Analyzer(jobs=1).analyze_source(single(image))
        found = sorted((row.path, row.size, row.cause.value, row.held_by, row.hidden_by) for row in analysis.waste)
        assert found == plain.rows
        assert (analysis.live_size, analysis.duplicate_size) == (
            sum_layers(plain.layers).live_size, sum_layers(plain.layers).duplicate_size,
        )  # fmt: skip
        for each, built in zip(analysis.layers, image.layers, strict=True):
            files = each.files
            assert files is not None and files.compressed_sizes is not None and files.overhead is not None
            assert sum(files.compressed_sizes) + files.overhead == each.compressed_size == len(built.blob)
