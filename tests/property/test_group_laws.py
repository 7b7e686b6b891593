"""What always holds of groups, lists and trees, whatever is in the layers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import Analysis
from ocisize.rules.rule import Catalog
from ocisize.sizes.directories import directory_sums, subtree_totals
from ocisize.sizes.groups import find_groups
from ocisize.sizes.files import SortOrder, list_files
from ocisize.model.sizes import Group
from ocisize.sizes.tree import TreeNode, make_tree
from ocisize.analyzer import Analyzer
from ocisize.sizes.rows import directory_runs, layer_columns
from tests.images import Compression, build_image, layer
from tests.property.model import Pairs
from tests.property.test_merge_laws import LAYERS
from tests.oci.test_image import single

laws = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
ANALYZER = Analyzer(jobs=1, catalog=Catalog(()))  # without advice, which is not at issue
ORDERS = st.sampled_from(list(SortOrder))


def analyzed(layers: Sequence[Pairs], compression: Compression = "gzip", piece: int = 1 << 14) -> Analysis:
    """An analysis whose paths are split after so many rows, as those of long tables are."""
    with patch("ocisize.tar.paths._PIECE_ROWS", piece):
        return ANALYZER.analyze_source(single(build_image([layer(entries, compression) for entries in layers])))


def compressed_size_of_entries(analysis: Analysis) -> int:
    blobs = {each.digest: each for each in analysis.layers}.values()
    return sum((blob.compressed_size or 0) - (blob.overhead_size or 0) for blob in blobs)


def figures(group: Group) -> tuple[int, ...]:
    compressed = (group.compressed_size or 0, group.wasted_compressed_size or 0)
    return group.content_size, group.wasted_size, group.live_size, group.file_count, *compressed


def added(groups: Sequence[Group]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*map(figures, groups), strict=True)))


def expected(analysis: Analysis) -> tuple[int, ...]:
    compressed = (compressed_size_of_entries(analysis), analysis.wasted_compressed_size or 0)
    return analysis.content_size, analysis.wasted_size, analysis.live_size, analysis.file_count, *compressed


@laws
@given(LAYERS, st.sampled_from(["gzip", "zstd", "plain"]), st.sampled_from([1, 3, 1000]))
def test_groups_add_up(layers: list[Pairs], compression: Compression, piece: int) -> None:
    """Every division holds every row once: its groups add up to the image's figures, and none is negative."""
    analysis = analyzed(layers, compression, piece)
    groups = find_groups(analysis.layers)
    assert groups == analysis.groups
    for division in (groups.directories, groups.file_types, groups.build_steps):
        assert added(division) == expected(analysis)
        assert all(min(figures(group)) >= 0 for group in division)
        names = [group.name for group in division]
        assert len(set(names)) == len(names)
        sizes = [group.content_size for group in division[:-1]]
        assert sizes == sorted(sizes, reverse=True)


@laws
@given(LAYERS, st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order_of_rows(layers: list[Pairs], dice: random.Random) -> None:
    """Rows in any order give the same groups, lists and trees, as long as the same of them are hidden."""
    before = analyzed(layers, "plain")
    after = analyzed([dice.sample(list(entries), len(entries)) for entries in layers], "plain")
    if what_order_decides(before) == what_order_decides(after):
        assert before.groups is not None and after.groups is not None
        assert before.groups.directories == after.groups.directories
        assert before.groups.file_types == after.groups.file_types
        assert make_tree(before.layers, count=5) == make_tree(after.layers, count=5)


def what_order_decides(analysis: Analysis) -> tuple[list[tuple[str, int, int]], int]:
    """What is wasted, and how many layers share their blob with another."""
    waste = sorted((row.path, row.size, row.held_by) for row in analysis.waste)
    return waste, len({each.digest for each in analysis.layers})


@laws
@given(LAYERS, st.sampled_from([1, 3, 1000]))
def test_directories_hold_what_is_below_them(layers: list[Pairs], piece: int) -> None:
    """A directory's figures are those of the rows whose path begins with it, counted the slow way."""
    analysis = analyzed(layers, "plain", piece)
    runs = directory_runs(analysis.layers)
    directories = runs.directories
    whole = subtree_totals(directories, directory_sums(layer_columns(analysis.layers), runs))
    rows = [(entry.path, entry.size) for each in analysis.layers for entry in each.files or ()]
    for number, path in enumerate(directories.paths):
        inside = path.decode("utf-8", "surrogateescape") + "/" if path else ""
        assert whole.content[number] == sum(size for at, size in rows if at.startswith(inside))


def nodes(node: TreeNode) -> Iterator[TreeNode]:
    yield node
    for child in node.children:
        yield from nodes(child)


@laws
@given(LAYERS, st.integers(0, 12), st.one_of(st.none(), st.integers(0, 4)), ORDERS)
def test_trees_hang_together(layers: list[Pairs], most: int, depth: int | None, order: SortOrder) -> None:
    """The root is the whole; children and others add up to their parent; no node is shown before a heavier one."""
    analysis = analyzed(layers, "plain")
    tree = make_tree(analysis.layers, count=most, depth=depth, order=order)
    assert figures(tree.group) == expected(analysis)
    shown = list(nodes(tree))
    assert len(shown) <= most + 1
    for node in shown:
        if node.children:
            parts = [child.group for child in node.children] + ([node.others] if node.others else [])
            assert added(parts) == figures(node.group)
        weights = [
            child.group.compressed_size if order == SortOrder.DOWNLOAD else child.group.content_size
            for child in node.children
        ]
        assert weights == sorted(weights, key=lambda weight: -(weight or 0))
        assert all(
            (child.group.name or "").startswith(f"{node.group.name}/" if node.group.name else "") for child in node.children
        )
    if depth is not None:
        assert all((node.group.name or "").count("/") < depth for node in shown[1:])


@laws
@given(LAYERS, st.integers(1, 12))
def test_trees_show_the_heaviest(layers: list[Pairs], most: int) -> None:
    """What is shown weighs no less than what is left out, files in all their copies."""
    analysis = analyzed(layers, "plain")
    everything = [node.group.content_size for node in nodes(make_tree(analysis.layers, count=10_000))][1:]
    shown = [node.group.content_size for node in nodes(make_tree(analysis.layers, count=most))][1:]
    assert sorted(shown, reverse=True) == sorted(everything, reverse=True)[:most]


@laws
@given(LAYERS, st.integers(0, 12), ORDERS, st.sampled_from([1, 3, 1000]))
def test_lists_are_the_largest_files(layers: list[Pairs], most: int, order: SortOrder, piece: int) -> None:
    """The list is what sorting all files gives, with the cause and layer that the waste has."""
    analysis = analyzed(layers, "gzip", piece)
    listing = list_files(analysis.layers, count=most, order=order)
    files = [
        (-(entry.size if order == SortOrder.SIZE else entry.compressed_size or 0), entry.path, each.index)
        for each in analysis.layers
        for entry in each.files or ()
        if entry.kind == "file" and not entry.path.rpartition("/")[2].startswith(".wh.")
    ]
    assert listing.file_count == len(files) == analysis.file_count
    assert [(file.path, file.layer) for file in listing.files] == [(path, at) for _, path, at in sorted(files)[:most]]
    waste = {(row.path, row.size, row.held_by, row.hidden_by, row.cause) for row in analysis.waste}
    for file in listing.files:
        if file.size and file.hidden_by is not None:
            assert (file.path, file.size, file.layer, file.hidden_by, file.cause) in waste
