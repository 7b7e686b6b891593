"""Two images side by side: aligned rows, their figures, and what keys do to both trees."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize import Analysis, Analyzer, Comparison, compare
from ocisize.browse.app import BrowseApp
from ocisize.browse.background import Loaded
from ocisize.browse.changes.columns import ChangeColumns
from ocisize.browse.changes.details import describe_change
from ocisize.browse.changes.lines import describe_changes, show_change
from ocisize.browse.changes.tree import ChangeTree
from ocisize.browse.entries import Order
from ocisize.browse.widgets.change_pane import ChangePane
from ocisize.browse.widgets.panes import DetailPane, TreePane
from ocisize.cli.commands.browse import save
from ocisize.model.file_changes import FileChangeKind
from ocisize.text import decode_name
from tests.browse.screens import text_of
from tests.images import BuiltLayer, File, build_image, layer
from tests.oci.test_image import single
from textual.pilot import Pilot


def analyze(*layers: BuiltLayer) -> Analysis:
    return Analyzer(hash_content=True).analyze_source(single(build_image(layers)))


def make_tree(comparison: Comparison) -> ChangeTree:
    assert comparison.files is not None
    return ChangeTree(ChangeColumns(comparison, comparison.files))


def shown(tree: ChangeTree) -> list[str]:
    """Name, sizes, growth and kind of each row, indented; "-" on a side that lacks the row."""
    rows = []
    for number in range(len(tree)):
        node = tree.node(number)
        before, after = node.before_size if node.in_before else "-", node.after_size if node.in_after else "-"
        name = "  " * node.depth + decode_name(node.name) + "/" * node.is_directory
        rows.append(f"{name} {before} {after} {node.growth} {node.kind}")
    return rows


def open_all(tree: ChangeTree) -> None:
    row = 0
    while row < len(tree):
        tree.open(row)
        row += 1


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    before = layer({"usr/lib/big": b"1" * 1000, "usr/lib/old": b"2" * 70, "usr/bin/tool": b"3" * 300, "same": b"4" * 9,
                    "etc/conf": b"5" * 20})  # fmt: skip
    after = layer({"usr/lib/big": b"1" * 1500, "usr/share/old": b"2" * 70, "usr/bin/tool": b"3" * 300, "same": b"4" * 9,
                   "opt/new": b"6" * 40})  # fmt: skip
    again = layer({"usr/bin/tool": File(b"3" * 300, uid=7)})
    return compare(analyze(before), analyze(after, again))


def test_both_trees(comparison: Comparison) -> None:
    """The largest growth first; a file that moved has a row in both places, and files that are the same have none."""
    tree = make_tree(comparison)
    open_all(tree)
    assert shown(tree) == [
        "usr/ 1070 1870 800 None",
        "  lib/ 1070 1500 430 None",
        "    big 1000 1500 500 changed",
        "    old 70 - -70 moved",
        "  bin/ 0 300 300 stored again",
        "    tool - 300 300 stored again",
        "  share/ - 70 70 moved",
        "    old - 70 70 moved",
        "opt/ - 40 40 added",
        "  new - 40 40 added",
        "etc/ 20 - -20 removed",
        "  conf 20 - -20 removed",
    ]


def test_one_status(comparison: Comparison) -> None:
    """Sums are those of the files that are shown; directories stay open."""
    tree = make_tree(comparison)
    open_all(tree)
    tree.show(FileChangeKind.MOVED)
    assert shown(tree) == [
        "usr/ 70 70 0 moved",
        "  lib/ 70 0 -70 moved",
        "    old 70 - -70 moved",
        "  share/ - 70 70 moved",
        "    old - 70 70 moved",
    ]
    kinds = []
    for _ in range(6):
        tree.show_next()
        kinds.append(tree.kind)
    added, removed, changed, moved, again = list(FileChangeKind)[:5]
    assert kinds == [again, None, added, removed, changed, moved]


def test_opening_and_closing(comparison: Comparison) -> None:
    tree = make_tree(comparison)
    assert [tree.node(row).name for row in range(len(tree))] == [b"usr", b"opt", b"etc"]
    tree.open(0)
    tree.open(1)
    assert tree.is_open(1) and tree.parent(2) == 1 and tree.parent(0) is None
    node = tree.node(2)
    tree.close(0)
    assert len(tree) == 3 and tree.find(node) is None
    tree.open(0)
    assert tree.find(node) == 2
    tree.close_all()
    assert len(tree) == 3 and not tree.is_open(0)
    tree.sort(Order.NAME)
    assert [tree.node(row).name for row in range(len(tree))] == [b"etc", b"opt", b"usr"]
    tree.sort(Order.WASTE)
    assert tree.order is Order.NAME


def test_the_download(comparison: Comparison) -> None:
    """Sizes and growth are those of the download; a side that does not know them has none."""
    tree = make_tree(comparison)
    tree.sort(Order.DOWNLOAD)
    changes = comparison.files
    assert changes is not None
    growth = sum(change.compressed_growth or 0 for change in changes)
    assert sum(tree.node(row).growth or 0 for row in range(len(tree))) == growth


def test_details(comparison: Comparison) -> None:
    """Both layers of a file, the other place of one that moved, and the statuses in a directory."""
    tree = make_tree(comparison)
    open_all(tree)
    details = {number: {d.label: d for d in describe_change(tree, tree.node(number))} for number in range(len(tree))}
    assert details[3]["Moved to"].path == "usr/share/old" and not details[3]["Path"].path
    assert details[7]["Moved from"].text == "/usr/lib/old" and details[7]["Path"].path == "usr/share/old"
    assert details[5]["Before"].text == "-" and details[5]["After"].text.startswith("layer 1 ")
    assert details[0]["Growth"].text.startswith("+800 B, download ")
    assert details[0]["Files"].text == "1 changed"
    assert "5 stored files differ: 1 added, 1 removed, 1 changed, 1 moved, 1 stored again" in describe_changes(tree)


PATHS = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "d/e/b", "f/a"])
SIDE = st.lists(st.dictionaries(PATHS, st.sampled_from([b"", b"1", b"22", b"333", b"4" * 400]), min_size=1), max_size=3)


@given(SIDE, SIDE)
def test_sums_are_those_of_the_report(before: list[dict[str, bytes]], after: list[dict[str, bytes]]) -> None:
    """The growth of all rows is that of the image, that of a directory is that of its rows, kinds have as many files."""
    comparison = compare(analyze(*map(layer, before)), analyze(*map(layer, after)))
    tree = make_tree(comparison)
    open_all(tree)
    nodes = [tree.node(row) for row in range(len(tree))]
    assert sum(node.growth or 0 for node in nodes if not node.depth) == comparison.growth
    named = {change.name: change.growth for change in comparison.directories}
    for node in nodes:
        if node.is_directory:
            inside = [below for below in nodes if below.path.startswith(node.path + b"/") and not below.is_directory]
            assert node.before_size == sum(below.before_size or 0 for below in inside)
            assert node.after_size == sum(below.after_size or 0 for below in inside)
            name = f"/{decode_name(node.path)}/"
            assert named.get(name, node.growth) == node.growth
    for kind in tree.columns.kinds:
        tree.show(kind)
        open_all(tree)
        rows = [tree.node(row) for row in range(len(tree)) if not tree.node(row).is_directory]
        total = comparison.sum_of(kind)
        assert len(rows) == total.count * (2 if kind is FileChangeKind.MOVED else 1)
        assert sum(row.before_size or 0 for row in rows) == total.before_size
        assert sum(row.after_size or 0 for row in rows) == total.after_size


@pytest.mark.parametrize("width", [1, 20, 40, 80, 109, 110, 111, 120, 300])
def test_lines_fit(comparison: Comparison, width: int) -> None:
    """From 110 columns on there are two trees, and the line between them is always in the same column."""
    tree = make_tree(comparison)
    open_all(tree)
    lines = ["".join(span.text for span in show_change(tree.node(row), width)) for row in range(len(tree))]
    if width >= 40:
        assert all(len(line) <= width for line in lines)
    bars = [line.find("│") for line in lines]
    assert bars == [bars[0]] * len(lines)
    assert (bars[0] > 0) == (width >= 110)


def test_hostile_names() -> None:
    tree = make_tree(compare(analyze(), analyze(layer({"\x1b]0;x\x07/\x1b[2J": b"1"}))))
    open_all(tree)
    for row in range(len(tree)):
        texts = [span.text for width in (80, 120) for span in show_change(tree.node(row), width)]
        texts += [detail.text for detail in describe_change(tree, tree.node(row))]
        assert all(text.isprintable() for text in texts)


def test_keys(comparison: Comparison) -> None:
    """Both trees open together; Enter on a file leads to its details, and from there to its place in the tree."""

    async def run() -> None:
        app = BrowseApp("after", lambda report: Loaded(comparison.after, (), comparison), save, begin_with_changes=True)
        async with app.run_test(size=(120, 30)) as pilot:
            await _until(pilot, lambda: app.focused is app.query_one(ChangePane))
            pane = app.query_one(ChangePane)
            await _until(pilot, lambda: "compared with" in text_of(app) and "f Status" in text_of(app))
            await pilot.press("right", "right", "right")
            assert pane.node is not None and pane.node.path == b"usr/lib"
            await pilot.press("down")
            await _until(pilot, lambda: "changed: the contents differ" in text_of(app))
            await pilot.press("f")
            assert pane.view is not None and pane.view.kind is FileChangeKind.ADDED
            await pilot.press("f", "f", "f", "f", "f", "C", "n", "s", "d", "w")
            assert pane.view.kind is None and pane.count == 3 and pane.view.order is Order.DOWNLOAD
            await pilot.press("s", "g", "right", "right", "y")
            assert app.clipboard == "/usr/lib"
            await pilot.press("enter", "down", "enter")
            details = app.query_one(DetailPane)
            assert app.focused is details
            await _until(pilot, lambda: details.path == "usr/lib/big")
            await pilot.press("enter")
            tree = app.query_one(TreePane)
            assert tree.display and tree.node is not None and tree.node.path == b"usr/lib/big"

    asyncio.run(run())


async def _until(pilot: Pilot[None], condition: object) -> None:
    for _ in range(400):
        await pilot.pause(0.02)
        if condition():  # type: ignore[operator]
            return
    raise AssertionError(text_of(pilot.app))
