"""The trees in which dive keeps layers, with its faults.

A later entry replaces the metadata of an earlier one. Parents without an entry are blank nodes. Names that begin with
``.wh..wh..`` are left out, their parents are not. A node of an upper layer replaces the node of a lower layer, whiteouts
remove nodes, and opaque markers do nothing. A fault of dive, kept on purpose: a parent that is only implied by a path
replaces a real directory node, which then no longer counts as a directory.

Unlike in dive, paths that are too long for any filesystem are left out, so that no path takes time of its squared length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ocisize.filesystem.directories import MAX_PATH
from ocisize.filesystem.whiteout import WHITEOUT, marked_rows, whiteout_target
from ocisize.tar.filetable import DIRECTORY, FileTable

DROPPED = b".wh..wh.."  #: prefix of the names that dive leaves out
TYPE_BITS = 0xFFFF_F000  #: of a header's mode: a file type that dive believes beside the type flag
BLANK = -1  #: in place of the row of a node that no entry describes


def list_nodes(table: FileTable) -> list[tuple[bytes, int]]:
    """Return the nodes of a layer's tree in dive's order, each with the row that describes it, or BLANK."""
    nodes = make_nodes(table, range(len(table)), list(table.paths), list_marked(table))
    implied = directories_above(nodes) - nodes.keys() - {b""}
    nodes.update(dict.fromkeys(implied, BLANK))
    return [(path, nodes[path]) for path in sorted(nodes, key=tree_order)]


def list_marked(table: FileTable) -> list[bytes]:
    """Return the paths in which a name begins with ``.wh.``, as dive cleans them."""
    pairs = list(marked_rows(table))
    rooted = set(table.paths.rooted) if pairs else ()
    return [
        _strip_parents(path) if row in rooted else path
        for row, path in pairs
        if b"/.wh." in b"/" + path and len(path) <= MAX_PATH
    ]


def make_nodes(table: FileTable, rows: Sequence[int], paths: Sequence[bytes], marked: Iterable[bytes]) -> dict[bytes, int]:
    """Return the nodes that some rows describe or imply, by path: the last row with the path, or BLANK.

    ``paths``: of ``rows``, in their order; ``marked``: what ``list_marked`` gives for the table.
    """
    if table.paths.rooted and table.paths.contain(b".."):
        rooted = set(table.paths.rooted)
        paths = [_strip_parents(path) if row in rooted else path for row, path in zip(rows, paths, strict=True)]
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
    directories = {b""}
    for parent in {path.rpartition(b"/")[0] for path in paths}:
        directory = parent
        while directory not in directories:
            directories.add(directory)
            directory = parent_of(directory)
    return directories


class DiveNode:
    """A path in a stack of layers that is a directory, or has paths below it."""

    __slots__ = ("children", "is_directory", "size")

    def __init__(self, size: int = 0, *, is_directory: bool = False) -> None:
        self.children: dict[bytes, DiveNode | int] = {}  # a number is the size of a file with nothing below it
        self.size, self.is_directory = size, is_directory

    def child(self, name: bytes) -> DiveNode:
        """The node with a name below this one, made if there is none."""
        child = self.children.get(name, 0)
        if isinstance(child, int):
            child = self.children[name] = DiveNode(child)
        return child

    def put(self, name: bytes, size: int, *, is_directory: bool) -> None:
        """Set what a path directly below this one is; what is below that path stays."""
        child = self.children.get(name)
        if isinstance(child, DiveNode):
            child.size, child.is_directory = size, is_directory
        else:
            self.children[name] = DiveNode(size, is_directory=True) if is_directory else size


class Stack:
    """The lower layers laid over each other as dive does it; of paths, only those that whiteouts remove and those below.

    ``marked``: what ``list_marked`` gives, by layer.
    """

    def __init__(self, marked: Sequence[Iterable[bytes]]) -> None:
        self._root = DiveNode()
        self._last_parent = b"", self._root  # path and node: most paths share their directory with the path before
        self._scopes: set[bytes] = set()  # whiteouts, and the paths that they remove: nodes are kept there and below
        self._layers_left = 0  # to add until the last whiteout was looked up
        for index, paths in enumerate(marked):
            scopes = {scope for path in paths for scope in _scopes(path)}
            if scopes:
                self._scopes |= scopes
                self._layers_left = index
        self._weights: dict[int, int] = {}  # by id of a node; valid until the next layer is added

    def size_below(self, path: bytes) -> int | None:
        """Return the bytes of a directory and all below it, 0 for a file, None if the path does not exist."""
        root = self._find(path)
        if not isinstance(root, DiveNode) or not root.is_directory:
            return None if root is None else 0
        known, visited = self._weights, [root]
        for node in visited:
            children = node.children.values()
            visited += [child for child in children if isinstance(child, DiveNode) and id(child) not in known]
        for node in reversed(visited):
            children = node.children.values()
            known[id(node)] = node.size + sum(
                [known[id(child)] if isinstance(child, DiveNode) else child for child in children]
            )
        return known[id(root)]

    def copy(self, table: FileTable, nodes: dict[bytes, int], size_of: Callable[[int], int]) -> None:
        """Put the first layer in as it is, whiteouts too."""
        for path, row in self._nodes_in_scope(nodes).items():
            self._put(path, size_of(row), is_directory=_is_directory(table, row))

    def lay(self, table: FileTable, nodes: dict[bytes, int], size_of: Callable[[int], int]) -> None:
        """Add a layer, unless no upper layer has a whiteout that could remove a part of it."""
        if not self._layers_left:
            return
        self._layers_left -= 1
        self._weights.clear()
        touched = self._nodes_in_scope(nodes)
        for path in sorted(touched, key=tree_order):
            row = touched[path]
            if WHITEOUT in path and is_dive_whiteout(path):
                parent, _, name = whiteout_target(path).rstrip(b"/").rpartition(b"/")
                if isinstance(node := self._find(parent), DiveNode):
                    node.children.pop(name, None)
                    self._last_parent = b"", self._root
            elif target := _strip_parents(path):
                self._put(target, size_of(row), is_directory=_is_directory(table, row))

    def _find(self, path: bytes) -> DiveNode | int | None:
        node: DiveNode | int | None = self._root
        for name in filter(None, path.split(b"/")):
            node = node.children.get(name) if isinstance(node, DiveNode) else None
        return node

    def _put(self, path: bytes, size: int, *, is_directory: bool) -> None:
        directory, _, name = path.rpartition(b"/")
        last, parent = self._last_parent
        if directory != last:
            parent = self._root
            for above in directory.split(b"/") if directory else ():
                parent = parent.child(above)
            self._last_parent = directory, parent
        parent.put(name, size, is_directory=is_directory)

    def _nodes_in_scope(self, nodes: dict[bytes, int]) -> dict[bytes, int]:
        """The nodes in a scope, with implied ones."""
        touched: dict[bytes, int] = {}
        inside = {b"": False}  # by directory: whether all in it is touched
        directory, is_inside = b"", False
        for path, row in nodes.items() if self._scopes else ():
            parent = path.rpartition(b"/")[0]
            if parent != directory:  # neighbors share it
                directory = parent
                if directory not in inside:
                    self._enter(inside, directory)
                is_inside = inside[directory]
            if is_inside or self._begins_scope(path):
                touched[path] = row
        for directory in set(map(parent_of, touched)):
            node = directory
            while node not in touched and (inside[parent_of(node)] or self._begins_scope(node)):
                touched[node] = BLANK
                node = parent_of(node)
        return touched

    def _enter(self, inside: dict[bytes, bool], directory: bytes) -> None:
        new = []
        while directory not in inside:
            new.append(directory)
            directory = parent_of(directory)
        for new_directory in reversed(new):
            inside[new_directory] = inside[parent_of(new_directory)] or self._begins_scope(new_directory)

    def _begins_scope(self, path: bytes) -> bool:
        return path in self._scopes or (path[:2] == b".." and _strip_parents(path) in self._scopes)


def size_reader(table: FileTable) -> Callable[[int], int]:
    """Return a function from row to the size in its header, also of links and directories.

    BLANK has the size 0.
    """
    sizes = table.sizes[:]
    sizes.append(0)  # at BLANK
    for row, size in table.claimed_sizes.items():
        sizes[row] = size
    return sizes.__getitem__


def _is_directory(table: FileTable, row: int) -> bool:
    if row == BLANK:
        return False
    mode = table.attributes[table.owners[row]].mode
    return table.kinds[row] == DIRECTORY or mode & TYPE_BITS == 0o40000


def is_dive_whiteout(path: bytes) -> bool:
    """Return True if dive takes the last name of a path for a whiteout: those of AUFS' own files, but no opaque markers.

    >>> is_dive_whiteout(b"etc/.wh.passwd"), is_dive_whiteout(b".wh..wh.plnk"), is_dive_whiteout(b"etc/.wh..wh..opq")
    (True, True, False)
    """
    name = path.rpartition(b"/")[2]
    return name.startswith(WHITEOUT) and not name.startswith(DROPPED)


def _strip_parents(path: bytes) -> bytes:
    """A path without the ``..`` at its begin."""
    while path == b".." or path[:3] == b"../":
        path = path[3:]
    return path


def parent_of(path: bytes) -> bytes:
    """Return the directory of a path, ``b""`` for the root."""
    return path.rpartition(b"/")[0]


def _scopes(path: bytes) -> Iterator[bytes]:
    """The whiteouts among a path and the directories above it, and the paths that they remove."""
    padded, start = b"/" + path + b"/", 0
    while (start := padded.find(b"/.wh.", start)) >= 0:
        start = padded.find(b"/", start + 1)
        whiteout = path[: start - 1]
        if is_dive_whiteout(whiteout):
            yield whiteout
            yield whiteout_target(whiteout).rstrip(b"/")


def tree_order(path: bytes) -> bytes:
    """Return a sort key: siblings in byte order, children right before their parent."""
    return path.replace(b"/", b"\0\0") + b"\0\1"
