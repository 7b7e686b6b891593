"""The tree: which nodes are chosen, what hangs from what, and what is left for the others."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocisize import Analysis, Analyzer
from ocisize.filesystem.directories import MAX_DEPTH, MAX_PATH, DirectoryIndex
from ocisize.sizes.files import SortOrder
from ocisize.sizes.tree import TreeNode, make_tree
from ocisize.errors import ViewError
from tests.images import BuiltLayer, File, build_image, layer, write_docker_archive
from tests.oci.test_image import single


def analyse(*layers: BuiltLayer) -> Analysis:
    return Analyzer().analyze_source(single(build_image(layers)))


def lines(node: TreeNode, level: int = 0) -> Iterator[str]:
    """Path, stored and wasted bytes of all nodes, one per line; a directory's path ends in a slash."""
    group = node.group
    yield f"{'  ' * level}/{group.name}{'/' * (node.is_directory and level > 0)} {group.content_size} {group.wasted_size}"
    for child in node.children:
        yield from lines(child, level + 1)
    if node.others is not None:
        yield f"{'  ' * (level + 1)}… {node.others.file_count} {node.others.content_size} {node.others.wasted_size}"


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    base = layer({"usr/lib/big": b"1" * 1000, "usr/lib/small": b"2" * 10, "usr/bin/tool": b"3" * 300, "var/log/old": b"4" * 200,
                  "note": b"5" * 5, "only/one/way/x": b"6" * 30, "only/one/way/y": b"7" * 20})  # fmt: skip
    return analyse(base, layer({"usr/bin/tool": File(b"3" * 300, uid=1), "var/.wh.log": b""}))


def test_the_largest_nodes(analysis: Analysis) -> None:
    """Directories and files, all layers together, larger ones first; directories that only lead on are left out."""
    assert list(lines(make_tree(analysis.layers, count=100))) == [
        "/ 1865 500",
        "  /usr/ 1610 300",
        "    /usr/lib/ 1010 0",
        "      /usr/lib/big 1000 0",
        "      /usr/lib/small 10 0",
        "    /usr/bin/ 600 300",
        "      /usr/bin/tool 600 300",
        "  /var/log/ 200 200",
        "    /var/log/old 200 200",
        "  /only/one/way/ 50 0",
        "    /only/one/way/x 30 0",
        "    /only/one/way/y 20 0",
        "  /note 5 0",
        "  … 0 0 0",
    ]


def test_small_siblings_are_one_line(analysis: Analysis) -> None:
    """With fewer nodes the largest remain, and what hangs beside them is reported in one figure."""
    assert list(lines(make_tree(analysis.layers, count=4))) == [
        "/ 1865 500",
        "  /usr/ 1610 300",
        "    /usr/lib/ 1010 0",
        "      /usr/lib/big 1000 0",
        "      … 1 10 0",
        "    /usr/bin/ 600 300",
        "  … 4 255 200",
    ]


def test_depth(analysis: Analysis) -> None:
    """Nothing deeper than asked for is shown, and a directory at the end of a way is."""
    assert list(lines(make_tree(analysis.layers, count=100, depth=1))) == [
        "/ 1865 500", "  /usr/ 1610 300", "  /var/ 200 200", "  /only/ 50 0", "  /note 5 0",
    ]  # fmt: skip
    assert "  /only/one/ 50 0" in lines(make_tree(analysis.layers, count=100, depth=2))
    assert list(lines(make_tree(analysis.layers, count=100, depth=0))) == ["/ 1865 500"]


def test_one_layer(analysis: Analysis) -> None:
    """A layer's tree holds what it stores, also what an upper layer hides."""
    assert list(lines(make_tree(analysis.layers[1:], count=100))) == [
        "/ 300 0", "  /usr/bin/ 300 0", "    /usr/bin/tool 300 0", "  … 0 0 0",
    ]  # fmt: skip


def test_by_download() -> None:
    """Zeros are small to download, whatever their size."""
    noise = random.Random(5).randbytes(40_000)
    analysis = analyse(layer({"zeros/x": bytes(100_000), "noise/x": noise}))
    assert [child.group.name for child in make_tree(analysis.layers, count=2).children] == ["zeros"]
    nodes = make_tree(analysis.layers, count=2, order=SortOrder.DOWNLOAD).children
    assert [child.group.name for child in nodes] == ["noise"]


def test_copies_of_a_path_are_one_file() -> None:
    """A file that many layers store weighs as much as all its copies, also beside larger single ones."""
    again = [layer({"often": bytes([number]) * 60}) for number in range(5)]
    analysis = analyse(layer({"once": b"x" * 200, "twice": b"y" * 70}), *again, layer({"twice": b"z" * 70}))
    assert [(child.group.name, child.group.content_size, child.group.file_count) for child in
            make_tree(analysis.layers, count=3).children] == [("often", 300, 5), ("once", 200, 1), ("twice", 140, 2)]  # fmt: skip


def test_a_path_can_be_both() -> None:
    """What one layer has as a file and another as a directory is two nodes."""
    analysis = analyse(layer({"x": b"1" * 10}), layer({"x/y": b"2" * 20}))
    assert list(lines(make_tree(analysis.layers, count=9))) == ["/ 30 10", "  /x/ 20 0", "    /x/y 20 0", "  /x 10 10"]


def test_very_deep_paths() -> None:
    """Deeper than MAX_DEPTH nothing is distinguished."""
    deep = "/".join(["d"] * (MAX_DEPTH + 5))
    tree = make_tree(analyse(layer({f"{deep}/x": b"1" * 10, "y": b"2"})).layers, count=9)
    assert list(lines(tree)) == ["/ 11 0", f"  {'/d' * MAX_DEPTH}/ 10 0", "  /y 1 0"]


def test_an_empty_image_is_a_root() -> None:
    """Without layers there is a root that weighs nothing."""
    tree = make_tree((), count=9)
    assert (list(lines(tree)), tree.group.compressed_size) == (["/ 0 0"], 0)


def test_an_unknown_compressed_size_cannot_order(tmp_path: Path) -> None:
    """If compressed sizes are unknown, those of the nodes are, too, and nodes cannot be sorted by them."""
    analysis = Analyzer().analyze(str(write_docker_archive(build_image([layer({"a": b"1"})]), tmp_path / "a.tar")))
    assert make_tree(analysis.layers, count=9).children[0].group.compressed_size is None
    with pytest.raises(ViewError, match="uncompressed"):
        make_tree(analysis.layers, count=9, order=SortOrder.DOWNLOAD)


def test_deep_directories_have_one_number() -> None:
    """What is deeper than asked for counts for the directory at that depth; nothing in between is kept."""
    tree = DirectoryIndex(2)
    assert [tree.numbers[path] for path in (b"a/b/c/d", b"a/b", b"a/b/x", b"a", b"")] == [2, 2, 2, 1, 0]
    assert tree.paths == [b"", b"a", b"a/b"]


def test_too_long_directories_hang_from_a_shallow_one() -> None:
    """No directory between is numbered: a path of thousands of components would take the square of its length."""
    tree = DirectoryIndex()
    number = tree.numbers[b"/".join([b"d"] * (MAX_PATH // 2 + 1))]
    assert len(tree) == MAX_DEPTH + 2
    assert tree.depths()[number] == MAX_DEPTH + 1
