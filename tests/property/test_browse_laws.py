"""The tree of the screen adds up to the analysis, whatever is in the layers."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from ocisize.browse.entries import Entries, Node, Order
from ocisize.browse.image_index import ImageIndex
from ocisize.browse.scope import Scope
from ocisize.browse.search import Search
from ocisize.browse.tree import TreeView
from ocisize.model.sizes import Group
from ocisize.sizes.layers import sum_layers
from tests.images import Compression
from tests.property.model import Pairs
from tests.property.test_group_laws import analyzed, expected, figures, laws
from tests.property.test_merge_laws import LAYERS

COMPRESSIONS = st.sampled_from(["gzip", "zstd", "plain"])


def open_all(tree: TreeView) -> None:
    row = 0
    while row < len(tree):
        tree.open(row)
        row += 1


def files(tree: TreeView) -> list[Node]:
    return [node for node in map(tree.node, range(len(tree))) if not node.is_directory]


def without_download(group: Group) -> tuple[int, ...]:
    return group.content_size, group.wasted_size, group.file_count


@laws
@given(LAYERS, COMPRESSIONS, st.sampled_from([1, 3, 1000]))
def test_the_tree_adds_up(layers: list[Pairs], compression: Compression, piece: int) -> None:
    """The root has the figures of the image, and each directory those of what is shown in it."""
    analysis = analyzed(layers, compression, piece)
    tree = TreeView(ImageIndex(analysis))
    assert figures(tree.total) == expected(analysis)
    open_all(tree)
    assert len({tree.rows[row].entries.path(tree.rows[row].position) for row in range(len(tree))}) <= len(tree)
    content = sum(node.group.content_size for node in files(tree))
    wasted = sum(node.group.wasted_size for node in files(tree))
    count = sum(node.group.file_count for node in files(tree))
    assert (content, wasted, count) == (analysis.content_size, analysis.wasted_size, analysis.file_count)


@laws
@given(LAYERS, st.data())
def test_layers_add_up(layers: list[Pairs], data: st.DataObject) -> None:
    """A layer alone has the figures of the layer; the image up to a layer has those of an image of these layers."""
    analysis = analyzed(layers)
    number = data.draw(st.integers(0, len(analysis.layers) - 1))
    index, of_layer = ImageIndex(analysis), analysis.layers[number]
    alone = TreeView(index, Scope(number, alone=True))
    assert without_download(alone.total) == (of_layer.content_size, of_layer.wasted_size, of_layer.file_count)
    open_all(alone)
    assert sum(node.group.content_size for node in files(alone)) == of_layer.content_size

    lower = analyzed(layers[: number + 1])
    tree = TreeView(index, Scope(number))
    assert tree.total.content_size == lower.content_size == sum_layers(lower.layers).content_size
    assert tree.total.wasted_size == lower.wasted_size
    open_all(tree)
    assert sum(node.group.wasted_size for node in files(tree)) == lower.wasted_size


@laws
@given(LAYERS, st.sampled_from(list(Order)))
def test_orders_keep_all_rows(layers: list[Pairs], order: Order) -> None:
    """Another order has the same rows, and figures descend in each directory."""
    tree = TreeView(ImageIndex(analyzed(layers)))
    open_all(tree)
    before = sorted((node.path, node.directory) for node in map(tree.node, range(len(tree))))
    tree.sort(order)
    assert sorted((node.path, node.directory) for node in map(tree.node, range(len(tree)))) == before
    for entries in directories(tree):
        weights = [entries.weights(order)[position] for position in entries.order]
        assert order is Order.NAME or weights == sorted(weights, reverse=True)


def directories(tree: TreeView) -> Iterator[Entries]:
    seen: set[int] = set()
    for entries, _ in tree.rows:
        if id(entries) not in seen:
            seen.add(id(entries))
            yield entries


@laws
@given(LAYERS, st.sampled_from(["a", "B", "e/", ".", "b*", "**/a"]))
def test_a_search_finds_what_the_tree_has(layers: list[Pairs], query: str) -> None:
    """A text is found in each name that has it, and in no other; the figures are those of the tree."""
    tree = TreeView(ImageIndex(analyzed(layers)))
    open_all(tree)
    search = Search(tree.index, tree.figures, tree.shares, query)
    assert list(search.steps())[-1] == len(search.found) and search.complete
    found = {(search.found.path(position), search.found.numbers[position]): position for position in search.found.order}
    nodes = {(node.path, node.directory): node for node in map(tree.node, range(len(tree)))}
    assert found.keys() <= nodes.keys()
    for key, position in found.items():
        assert search.found.node(position).group == nodes[key].group
    if query in "aB.":
        ignoring = query.lower() == query
        matching = {key for key in nodes if query.encode() in name_of(key[0], ignoring)}
        assert found.keys() == matching


def name_of(path: bytes, ignoring: bool) -> bytes:
    name = path.rpartition(b"/")[2]
    return name.lower() if ignoring else name
