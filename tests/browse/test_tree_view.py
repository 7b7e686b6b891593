"""The rows of the tree: what is shown of which layers, with which figures and marks, and what keys do to them."""

from __future__ import annotations

import pytest

from ocisize import Analysis, Analyzer
from ocisize.browse.entries import Order
from ocisize.browse.image_index import ImageIndex
from ocisize.browse.scope import Mark, Scope
from ocisize.browse.tree import TreeView
from ocisize.errors import ViewError
from tests.images import DIR, BuiltLayer, File, Link, build_image, layer
from tests.oci.test_image import single


def analyse(*layers: BuiltLayer) -> Analysis:
    return Analyzer(hash_content=True).analyze_source(single(build_image(layers)))


def shown(tree: TreeView) -> list[str]:
    """Name, stored and wasted bytes and mark of each row, indented."""
    rows = []
    for row in range(len(tree)):
        node = tree.node(row)
        slash = "/" * node.is_directory
        figures = f"{node.group.content_size} {node.group.wasted_size} {node.mark.name.lower()}"
        rows.append(f"{'  ' * tree.depth(row)}{node.name.decode('utf-8', 'replace')}{slash} {figures}")
    return rows


def open_all(tree: TreeView) -> None:
    row = 0
    while row < len(tree):
        tree.open(row)
        row += 1


@pytest.fixture(scope="module")
def index() -> ImageIndex:
    base = layer({"usr/lib/big": b"1" * 1000, "usr/bin/tool": b"3" * 300, "var/log/old": b"4" * 200, "note": b"5" * 5,
                  "empty": DIR, "link": Link("note")})  # fmt: skip
    second = layer({"usr/bin/tool": File(b"3" * 300, uid=1), "var/.wh.log": b"", "new/file": b"6" * 50})
    third = layer({"new/.wh.file": b"", "note": b"77"})
    return ImageIndex(analyse(base, second, third))


def test_the_image(index: ImageIndex) -> None:
    """All that layers store, largest first; what no container sees is marked and counts as waste."""
    tree = TreeView(index)
    open_all(tree)
    assert shown(tree) == [
        "usr/ 1600 300 unchanged",
        "  lib/ 1000 0 unchanged",
        "    big 1000 0 unchanged",
        "  bin/ 600 300 unchanged",
        "    tool 600 300 unchanged",
        "var/ 200 200 unchanged",
        "  log/ 200 200 gone",
        "    old 200 200 gone",
        "new/ 50 50 unchanged",
        "  file 50 50 gone",
        "note 7 5 unchanged",
        "empty/ 0 0 unchanged",
        "link 0 0 unchanged",
    ]


def test_up_to_a_layer(index: ImageIndex) -> None:
    """The image up to a layer, with what this layer adds, changes and removes, and the waste that is there by then."""
    tree = TreeView(index, Scope(1))
    open_all(tree)
    assert shown(tree) == [
        "usr/ 1600 300 changed",
        "  lib/ 1000 0 unchanged",
        "    big 1000 0 unchanged",
        "  bin/ 600 300 changed",
        "    tool 600 300 changed",
        "var/ 200 200 changed",
        "  log/ 200 200 removed",
        "    old 200 200 removed",
        "new/ 50 0 added",
        "  file 50 0 added",
        "note 5 0 unchanged",
        "empty/ 0 0 unchanged",
        "link 0 0 unchanged",
    ]
    tree.show(Scope(0))
    assert {tree.node(row).mark for row in range(len(tree))} == {Mark.UNCHANGED}
    assert tree.total.wasted_size == 0


def test_one_layer_alone(index: ImageIndex) -> None:
    """What a layer stores, its markers included; its waste is that of the whole image, as reports have it."""
    tree = TreeView(index, Scope(1, alone=True))
    open_all(tree)
    assert shown(tree) == [
        "usr/ 300 0 changed",
        "  bin/ 300 0 changed",
        "    tool 300 0 changed",
        "new/ 50 50 added",
        "  file 50 50 added",
        "var/ 0 0 changed",
        "  .wh.log 0 0 removed",
    ]


def test_another_scope_keeps_directories_open(index: ImageIndex) -> None:
    tree = TreeView(index)
    open_all(tree)
    tree.show(Scope(0))
    assert "    big 1000 0 unchanged" in shown(tree)
    assert not any("file" in row for row in shown(tree))


def test_an_absent_layer(index: ImageIndex) -> None:
    with pytest.raises(ViewError, match="there is no layer 9"):
        TreeView(index, Scope(9))


@pytest.mark.parametrize(
    ("order", "names"),
    [
        (Order.SIZE, ["usr", "var", "new", "note", "empty", "link"]),
        (Order.WASTE, ["usr", "var", "new", "note", "empty", "link"]),
        (Order.NAME, ["empty", "link", "new", "note", "usr", "var"]),
    ],
)
def test_orders(index: ImageIndex, order: Order, names: list[str]) -> None:
    tree = TreeView(index)
    tree.sort(order)
    assert [tree.node(row).name.decode() for row in range(len(tree))] == names


def test_the_largest_download_comes_first(index: ImageIndex) -> None:
    tree = TreeView(index, order=Order.DOWNLOAD)
    sizes = [tree.node(row).group.compressed_size or 0 for row in range(len(tree))]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0


def test_open_and_close(index: ImageIndex) -> None:
    """A closed directory hides all that is open in it; closing everything leaves the root."""
    tree = TreeView(index)
    tree.open(0)
    assert [tree.node(row).path for row in range(3)] == [b"usr", b"usr/lib", b"usr/bin"]
    tree.open(1)
    assert tree.is_open(0) and tree.is_open(1) and tree.parent(2) == 1 and tree.parent(0) is None
    tree.close(0)
    assert len(tree) == 6 and not tree.is_open(0)
    tree.open(0)
    tree.close_all()
    assert len(tree) == 6
    tree.open(3)  # a file
    assert len(tree) == 6


def test_paths_are_found(index: ImageIndex) -> None:
    tree = TreeView(index)
    row = tree.reveal(b"usr/bin/tool")
    assert row is not None and tree.node(row).path == b"usr/bin/tool"
    assert tree.reveal(b"usr/bin/none") is None
    tree.show(Scope(0))
    assert tree.reveal(b"new/file") is None


def test_jumps_to_wasted_files(index: ImageIndex) -> None:
    """From one wasted file to the next in the order on the screen, and round at the end."""
    tree = TreeView(index)
    row, paths = -1, []
    for _ in range(5):
        found = tree.next_wasted(row)
        assert found is not None
        row = found
        paths.append(tree.node(row).path)
    assert paths == [b"usr/bin/tool", b"var/log/old", b"new/file", b"note", b"usr/bin/tool"]
    back = tree.next_wasted(row, backwards=True)
    assert back is not None and tree.node(back).path == b"note"
    tree = TreeView(index)
    back = tree.next_wasted(0, backwards=True)
    assert back is not None and tree.node(back).path == b"note"
    back = tree.next_wasted(back, backwards=True)
    assert back is not None and tree.node(back).path == b"new/file"


def test_jumps_begin_in_the_directory_of_the_cursor() -> None:
    """A closed directory is opened; a wasted file in the first row is left for the next one."""
    tree = TreeView(ImageIndex(analyse(layer({"a": b"1" * 9, "b/c": b"2"}), layer({".wh.a": b"", "b/.wh.c": b""}))))
    assert tree.next_wasted(0) == 2 and tree.node(2).path == b"b/c"
    tree.close_all()
    assert tree.next_wasted(1) == 2


def test_no_waste() -> None:
    tree = TreeView(ImageIndex(analyse(layer({"a": b"1"}))))
    assert tree.next_wasted(0) is None and tree.next_wasted(0, backwards=True) is None


def test_a_file_in_place_of_a_directory() -> None:
    """Both are shown, as both are stored."""
    tree = TreeView(ImageIndex(analyse(layer({"opt/a/b": b"1" * 10}), layer({"opt/a": b"2"}))))
    open_all(tree)
    assert shown(tree) == ["opt/ 11 10 unchanged", "  a/ 10 10 gone", "    b 10 10 gone", "  a 1 0 unchanged"]
    row = tree.reveal(b"opt/a")
    assert row is not None and tree.node(row).is_directory


def test_a_directory_that_hides_lower_ones() -> None:
    """What an opaque directory had before is removed, except what the layer stores again."""
    base = layer({"opt/a/b": b"1" * 10, "opt/c/d": b"2"})
    tree = TreeView(ImageIndex(analyse(base, layer({"opt/.wh..wh..opq": b"", "opt/c/e": b"3" * 3}))), Scope(1))
    open_all(tree)
    assert shown(tree) == [
        "opt/ 14 11 changed",
        "  a/ 10 10 removed",
        "    b 10 10 removed",
        "  c/ 4 1 changed",
        "    e 3 0 added",
        "    d 1 1 removed",
    ]


def test_directories_that_come_back() -> None:
    """A directory that a layer removes and another one makes again is there; without the other one it is not."""
    index = ImageIndex(analyse(layer({"opt/a": b"1"}), layer({".wh.opt": b""}), layer({"opt/b": b"2"})))
    assert shown(TreeView(index)) == ["opt/ 2 1 unchanged"]
    assert shown(TreeView(index, Scope(1))) == ["opt/ 1 1 removed"]
    assert shown(TreeView(index, Scope(2))) == ["opt/ 2 1 added"]
