"""divetree: the trees in which dive keeps layers, with what it knows of each path.

A later entry replaces the metadata of an earlier one, parents that have no entry are blank nodes, and what starts with
``.wh..wh..`` is left out, its parents are not. Laid over lower layers, every node overwrites what is known of its path,
so a blank parent makes a directory one no more; whiteouts remove, and opaque markers do nothing.

Unlike dive, paths that are longer than any filesystem can hold are left out, so that none costs the square of its length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ocisize.filesystem.directories import MAX_PATH
from ocisize.filesystem.whiteout import WHITEOUT
from ocisize.tar.filetable import DIRECTORY, FileTable

DROPPED = b".wh..wh.."  #: how names begin that dive leaves out
TYPE_BITS = 0xFFFF_F000  #: of a header's mode: a file type that dive believes beside the type flag
BLANK = -1  #: stands for the row of a node that no entry describes


def list_nodes(table: FileTable) -> list[tuple[bytes, int]]:
    """The nodes of a layer's tree in dive's order, each with the row that describes it or BLANK."""
    nodes = make_nodes(table, range(len(table)), list(table.paths), list_marked(table))
    implied = directories_above(nodes) - nodes.keys() - {b""}
    nodes.update(dict.fromkeys(implied, BLANK))
    return [(path, nodes[path]) for path in sorted(nodes, key=tree_order)]


def list_marked(table: FileTable) -> list[bytes]:
    """The paths in which a name begins with ``.wh.``, as dive cleans them."""
    rows = list(table.paths.rows_with(WHITEOUT))
    pairs = zip(rows, table.paths.select(rows), strict=True)
    rooted = set(table.paths.rooted) if rows else ()
    return [
        _resolved(path) if row in rooted else path
        for row, path in pairs
        if b"/.wh." in b"/" + path and len(path) <= MAX_PATH
    ]


def make_nodes(table: FileTable, rows: Sequence[int], paths: Sequence[bytes], marked: Iterable[bytes]) -> dict[bytes, int]:
    """The nodes that some rows describe or touch, by path: the last row with the path, or BLANK.

    ``marked`` is what list_marked gives for the table.
    """
    if table.paths.rooted and table.paths.contain(b".."):
        rooted = set(table.paths.rooted)
        paths = [_resolved(path) if row in rooted else path for row, path in zip(rows, paths, strict=True)]
    nodes = dict(zip(paths, rows, strict=True))
    for path in marked:
        dropped = (b"/" + path).find(b"/" + DROPPED)
        if dropped >= 0:
            nodes.pop(path, None)
            nodes.setdefault(path[: max(dropped - 1, 0)], BLANK)
    nodes.pop(b"", None)
    if max(map(len, nodes), default=0) > MAX_PATH:
        return {path: row for path, row in nodes.items() if len(path) <= MAX_PATH}
    return nodes


def directories_above(paths: Iterable[bytes]) -> set[bytes]:
    """All directories above some paths, the root too."""
    found = {b""}
    for directory in {path.rpartition(b"/")[0] for path in paths}:
        at = directory
        while at not in found:
            found.add(at)
            at = parent_of(at)
    return found


class DiveNode:
    """What a stack knows of a path."""

    __slots__ = ("children", "is_directory", "size")

    def __init__(self) -> None:
        self.children: dict[bytes, DiveNode] = {}
        self.size, self.is_directory = 0, False


class Stack:
    """The lower layers laid over each other as dive does it, as far as whiteouts need it: at and below what they remove.

    ``marked`` is what list_marked gives, per layer.
    """

    def __init__(self, marked: Sequence[Iterable[bytes]]) -> None:
        self._root = DiveNode()
        self._scopes: set[bytes] = set()  # whiteouts and what they remove: at and below these, nodes are kept
        self._layers_left = 0  # to lay until the last whiteout was looked up
        for index, paths in enumerate(marked):
            scopes = {each for path in paths for each in _scopes(path)}
            if scopes:
                self._scopes |= scopes
                self._layers_left = index
        self._weights: dict[int, int] = {}  # by id of a node, while nothing is laid on

    def size_below(self, path: bytes) -> int | None:
        """Bytes of a directory and all below it, 0 for a file, None where nothing is."""
        node = self._find(path)
        if node is None or not node.is_directory:
            return None if node is None else 0
        known, found = self._weights, [node]
        for each in found:
            found += [child for child in each.children.values() if id(child) not in known]
        for each in reversed(found):
            known[id(each)] = each.size + sum(known[id(child)] for child in each.children.values())
        return known[id(node)]

    def copy(self, table: FileTable, nodes: dict[bytes, int], size_of: Callable[[int], int]) -> None:
        """Put the first layer in as it is, whiteouts too."""
        for path, row in self._touched(nodes).items():
            self._put(path, size_of(row), is_directory=_is_directory(table, row))

    def lay(self, table: FileTable, nodes: dict[bytes, int], size_of: Callable[[int], int]) -> None:
        """Lay a layer on, unless no whiteout is left that could remove anything of it."""
        if not self._layers_left:
            return
        self._layers_left -= 1
        self._weights.clear()
        touched = self._touched(nodes)
        for path in sorted(touched, key=tree_order):
            row = touched[path]
            if is_dive_whiteout(path):
                parent, _, name = hidden_by(path).rstrip(b"/").rpartition(b"/")
                if (node := self._find(parent)) is not None:
                    node.children.pop(name, None)
            elif target := _resolved(path):
                self._put(target, size_of(row), is_directory=_is_directory(table, row))

    def _find(self, path: bytes) -> DiveNode | None:
        node: DiveNode | None = self._root
        for name in path.split(b"/"):
            if name and node is not None:
                node = node.children.get(name)
        return node

    def _put(self, path: bytes, size: int, *, is_directory: bool) -> None:
        node = self._root
        for name in path.split(b"/"):
            if name not in node.children:
                node.children[name] = DiveNode()
            node = node.children[name]
        node.size, node.is_directory = size, is_directory

    def _touched(self, nodes: dict[bytes, int]) -> dict[bytes, int]:
        """The nodes in a scope, implied ones included."""
        touched: dict[bytes, int] = {}
        inside = {b"": False}  # by directory: whether all in it is touched
        for path in nodes if self._scopes else ():
            at, directory = path, path.rpartition(b"/")[0]
            if directory not in inside:
                self._enter(inside, directory)
            while (inside[directory] or self._begins_scope(at)) and at not in touched:
                touched[at] = nodes.get(at, BLANK)
                at, directory = directory, parent_of(directory)
        return touched

    def _enter(self, inside: dict[bytes, bool], directory: bytes) -> None:
        new = []
        while directory not in inside:
            new.append(directory)
            directory = parent_of(directory)
        for at in reversed(new):
            inside[at] = inside[parent_of(at)] or self._begins_scope(at)

    def _begins_scope(self, path: bytes) -> bool:
        return path in self._scopes or (path[:2] == b".." and _resolved(path) in self._scopes)


def size_reader(table: FileTable) -> Callable[[int], int]:
    """A function from row to the size in its header: sparse files in full, links and directories too where they claim one.

    BLANK has the size 0.
    """
    sizes, others = table.sizes, {**table.claimed_sizes, **table.apparent_sizes, BLANK: 0}
    return lambda row: others[row] if row in others else sizes[row]


def _is_directory(table: FileTable, row: int) -> bool:
    if row == BLANK:
        return False
    mode = table.attributes[table.owners[row]].mode
    return table.kinds[row] == DIRECTORY or mode & TYPE_BITS == 0o40000


def is_dive_whiteout(path: bytes) -> bool:
    """Whether the last name of a path is a whiteout to dive: AUFS' own files are, opaque markers are not."""
    name = path.rpartition(b"/")[2]
    return name.startswith(WHITEOUT) and not name.startswith(DROPPED)


def hidden_by(whiteout: bytes) -> bytes:
    """The path that a whiteout is for."""
    directory, slash, name = whiteout.rpartition(b"/")
    return directory + slash + name[len(WHITEOUT) :]


def _resolved(path: bytes) -> bytes:
    """A path that climbs above the root, from the root on."""
    while path == b".." or path[:3] == b"../":
        path = path[3:]
    return path


def parent_of(path: bytes) -> bytes:
    """The directory that a path lies in, b"" for the root."""
    return path.rpartition(b"/")[0]


def _scopes(path: bytes) -> Iterator[bytes]:
    """The whiteouts among a path and the directories above it, and what they remove."""
    padded, start = b"/" + path + b"/", 0
    while (start := padded.find(b"/.wh.", start)) >= 0:
        start = padded.find(b"/", start + 1)
        at = path[: start - 1]
        if is_dive_whiteout(at):
            yield at
            yield hidden_by(at).rstrip(b"/")


def tree_order(path: bytes) -> bytes:
    """Sort key: siblings in byte order, what is below a path right before it."""
    return path.replace(b"/", b"\0\0") + b"\0\1"
