"""dive's rules, written as slowly and plainly as they read: what fast code is compared with.

A layer is a tree of nodes; nodes know their parents. Whiteouts are looked up in a stack that is built again for each.
"""

from __future__ import annotations

import posixpath
import random
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs

from tests.images import DIR, Entry, File, Hard, Link, Sparse
from tests.property.model import Pairs

WHITEOUT, DOUBLE = ".wh.", ".wh..wh.."


class WhiteoutOfNothing(Exception):
    """Ends the counting of a layer."""


@attrs.define(eq=False)
class Node:
    """A node of a tree; the root has no parent."""

    name: str
    parent: Node | None = None
    children: dict[str, Node] = attrs.field(factory=dict)
    described: bool = False
    size: int = 0
    is_directory: bool = False

    @property
    def path(self) -> str:
        names = []
        at: Node | None = self
        while at is not None and at.parent is not None:
            names.append(at.name.removeprefix(WHITEOUT) if at is self else at.name)
            at = at.parent
        return ("/" + "/".join(reversed(names))).replace("//", "/")

    @property
    def is_whiteout(self) -> bool:
        return self.name.startswith(WHITEOUT)

    def visit(self) -> Iterator[Node]:
        """All nodes, children first and siblings in byte order; never the root."""
        for name in sorted(self.children, key=lambda name: name.encode("utf-8", "surrogateescape")):
            yield from self.children[name].visit()
        if self.parent is not None:
            yield self

    def add(self, path: str, like: Node) -> None:
        """Add a path as Go's path.Clean has it, with the metadata of another node."""
        node, names = self, go_clean(path).strip("/").split("/")
        for index, name in enumerate(names):
            if not name:
                continue
            if name not in node.children:
                if name.startswith(DOUBLE):
                    return
                node.children[name] = Node(name, node)
            node = node.children[name]
            if index == len(names) - 1:
                node.described, node.size, node.is_directory = like.described, like.size, like.is_directory

    def find(self, path: str) -> Node | None:
        node: Node | None = self
        for name in path.strip("/").split("/"):
            if name and node is not None:
                node = node.children.get(name)
        return node

    def copy(self, parent: Node | None = None) -> Node:
        twin = Node(self.name, parent, {}, self.described, self.size, self.is_directory)
        twin.children = {name: child.copy(twin) for name, child in self.children.items()}
        return twin

    def lay(self, upper: Node) -> None:
        for node in upper.visit():
            if node.is_whiteout:
                found = self.find(node.path)
                if found is not None and found.parent is not None:
                    del found.parent.children[found.name]
            else:
                self.add(node.path, node)


@attrs.define
class Row:
    """A path in dive's table."""

    path: str
    total: int = 0
    smallest: int = -1
    count: int = 0


@attrs.define
class Verdict:
    """What dive says of some layers."""

    layer_sizes: list[int] = attrs.field(factory=list)
    trees: list[Node] = attrs.field(factory=list)
    rows: dict[str, Row] = attrs.field(factory=dict)
    repeated: list[Row] = attrs.field(factory=list)  #: in the order they are found

    @property
    def efficiency(self) -> float:
        total = sum(row.total for row in self.rows.values())
        return sum(row.smallest for row in self.rows.values()) / total if total else 1.0

    @property
    def wasted_size(self) -> int:
        return sum(row.total for row in self.repeated)

    @property
    def node_lists(self) -> list[list[tuple[str | None, int]]]:
        """Per layer, path and size of all nodes; None stands for the path of blank ones."""
        return [[(full_path(node) if node.described else None, node.size) for node in tree.visit()] for tree in self.trees]


def dive(layers: Sequence[Pairs]) -> Verdict:
    """Count layers, base first."""
    verdict = Verdict()
    for entries in layers:
        tree, size = Node(""), 0
        for name, entry in entries:
            path = go_clean(name)
            if path != ".":
                data = entry.data if isinstance(entry, File) else entry if isinstance(entry, bytes) else b""
                data = entry.content if isinstance(entry, Sparse) else data
                size += len(data)
                tree.add(path, Node("", described=True, size=len(data), is_directory=entry == DIR))
        verdict.trees.append(tree)
        verdict.layer_sizes.append(size)
    for index, tree in enumerate(verdict.trees):
        try:
            for node in tree.visit():
                if not node.children:
                    count(verdict, index, node)
        except WhiteoutOfNothing:
            pass
    return verdict


def count(verdict: Verdict, index: int, node: Node) -> None:
    """Count one leaf of a layer."""
    row = verdict.rows.setdefault(node.path, Row(node.path))
    size = node.size
    if node.is_whiteout:
        stack = verdict.trees[0].copy()
        for tree in verdict.trees[:index]:
            stack.lay(tree)
        found = stack.find(node.path)
        if found is None:
            raise WhiteoutOfNothing
        size = sum(below.size for below in found.visit()) if found.is_directory else 0
    row.total += size
    row.smallest = size if row.smallest < 0 else min(row.smallest, size)
    row.count += 1
    if row.count == 2:
        verdict.repeated.append(row)


def full_path(node: Node) -> str:
    return node.path.rpartition("/")[0].removeprefix("/") + "/" * (node.path.count("/") > 1) + node.name


def go_clean(path: str) -> str:
    """Go's path.Clean: Python's, but two slashes in front are no more than one."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


NAMES = ("a", "b", "c", "a-", "\U0001f600", "caf\u00e9", "-x", "a.b")
#: Names around ``.wh.`` in byte order: siblings on both sides of a whiteout, names with ``.wh.`` inside, near misses.
NEIGHBORS = ("!", "+", "-", ".a", ".w", ".wg", ".wh", ".wh-", ".whx", ".wi", "0", "A", "Z", "a.wh.b", "..x", "...", "a")
Dice: TypeAlias = random.Random


def random_layers(dice: Dice) -> list[Pairs]:
    """Layers in which dive's rules meet: whiteouts of all kinds, blank parents, files with children, odd names."""

    names = dice.sample((*NAMES, *NEIGHBORS), 3)
    odd_ones = dice.choice([0, 0.1])

    def path() -> str:
        return "/".join(dice.choice(names) for _ in range(dice.randint(1, 3)))

    def entry() -> tuple[str, Entry]:
        at = path()
        folder = at.rpartition("/")[0]
        inside = f"{folder}/" if folder else ""
        name = at.rpartition("/")[2]
        kinds: list[tuple[int, tuple[str, Entry]]] = [
            (12, (at, File(bytes(dice.choice((0, 1, 2, 3, 700))), mode=dice.choice((0o644, 0o4755, 0o1777))))),
            (4, (at, DIR)),
            (2, (at, Link(path()))),
            (2, (at, Hard(path()))),
            (4 * dice.randint(0, 1), (f"{inside}.wh.{name}", b"")),
            (1, (f"{inside}.wh..wh..opq", b"")),
        ]
        if dice.random() < odd_ones:
            odd = ["./", "/", ".wh.", f"{inside}.wh..wh.plnk", f"{inside}.wh..wh..x/{name}", f"{inside}.wh.{name}/c",
                   f"/{at}", f"../{at}", f"/../{at}", f"./{at}/", f"{inside}.wh...", "..", f"../.wh.{name}"]  # fmt: skip
            return dice.choice(odd), bytes(dice.randint(0, 2))
        return dice.choices([each for _, each in kinds], [weight for weight, _ in kinds])[0]

    return [[entry() for _ in range(dice.randint(0, 14))] for _ in range(dice.randint(1, 5))]


def layers_apart(dice: Dice) -> list[Pairs]:
    """Layers that mostly share no directory, with whiteouts of their own entries, of nothing, and of whiteouts.

    Most rows overlap no other row: what a whiteout names may be counted by subtraction only.
    """
    names = dice.sample(NEIGHBORS, 5)
    layers: list[list[tuple[str, Entry]]] = []
    for index in range(dice.randint(1, 4)):
        folders = dice.choices(["", f"{index}/", f"d{index}/{dice.choice(names)}/", "same/"], [1, 3, 3, 1], k=2)
        entries = entries_beside_whiteouts(dice, names, folders)
        layers.append(entries if dice.random() < 0.85 else [])
    return list(layers)


def entries_beside_whiteouts(dice: Dice, names: Sequence[str], folders: Sequence[str]) -> list[tuple[str, Entry]]:
    """Entries in some folders, and whiteouts beside them."""
    entries: list[tuple[str, Entry]] = []
    for _ in range(dice.randint(0, 7)):
        folder, name = dice.choice(folders), dice.choice(names)
        kinds: list[Entry] = [bytes(dice.choice((0, 1, 2, 9))), DIR, Link(name), Hard(folder + dice.choice(names))]
        entries.append((folder + name, dice.choices(kinds, [8, 2, 1, 2])[0]))
    for _ in range(dice.choice((0, 1, 1, 2))):
        folder, name = dice.choice(folders), dice.choice(names)
        marker = dice.choices(
            [f".wh.{name}", f".wh..wh.{name}", f"{name}/.wh..wh..opq", ".wh..wh..opq", f".wh.{name}/{name}", f"{name}/.wh.{name}"],
            [8, 2, 1, 1, 1, 2],
        )[0]  # fmt: skip
        entries.insert(dice.randint(0, len(entries)), (folder + marker, bytes(dice.choice((0, 0, 0, 3)))))
    return entries
