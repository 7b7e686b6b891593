"""The layers of an image laid over each other, as a container sees them: which entries are hidden, by what and why.

Rules: https://github.com/opencontainers/image-spec/blob/main/layer.md. In each layer, whiteouts act on the lower layers
first, then the entries are added in order. A non-directory in place of a directory removes the tree below it. The bytes of a
file are visible as long as at least one of its hard links is. A path below a symlink of a lower layer hides the symlink and
does not follow it, as overlayfs does. Every contested entry is added once and hidden at most once: time is linear.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

from ocisize.filesystem.directories import MAX_PATH
from ocisize.filesystem.marker_paths import Node, find_entries_in_way
from ocisize.filesystem.overlap import RowSelection, find_overlapping_rows
from ocisize.filesystem.whiteout import AUFS, OPAQUE_MARKER, WHITEOUT, is_aufs
from ocisize.model.waste import CAUSES, Cause
from ocisize.tar.filetable import DIRECTORY, HARD_LINK, NO_HASH, SYMLINK, FileTable, IntArray
from ocisize.tar.paths import clean_name, join
from ocisize.text import brief_name, decode_name
from ocisize.values import frozen

_AUFS_LINKS = b".wh..wh.plnk/"
_MAX_HOPS = 40  # symlinks in a row, as the Linux kernel has it
_MAX_STEPS = 100  # directories that symlinks may lead through, per entry of a layer: keeps hostile layers linear
_MAX_ANOMALIES = 100  # more are left out
_CODES = {cause: code for code, cause in enumerate(CAUSES)}

_Directory: TypeAlias = "dict[bytes, Node]"


@frozen
class Overlay:
    """Which rows of each layer are hidden, by which layer and why."""

    hidden_by: tuple[IntArray, ...]  #: by layer, then row: index of the layer that hides it, -1 if it is visible
    causes: tuple[bytes, ...]  #: by layer, then row: index into CAUSES; only of hidden rows
    anomalies: tuple[str, ...]  #: oddities in words, such as hard links without a target


def overlay_all(tables: Sequence[FileTable]) -> Overlay:
    """Lay the tables of an image's layers, base first, over each other."""
    return overlay_selected(tables, find_overlapping_rows(tables))


def overlay_selected(tables: Sequence[FileTable], selection: Sequence[RowSelection]) -> Overlay:
    """Lay the selected rows of each layer over each other; all others are visible.

    ``selection``: what ``find_overlapping_rows`` gives for the tables.
    """
    merger = _Merger(tables)
    for index, rows in enumerate(selection):
        merger.apply(index, rows)
    return merger.overlay()


class _Merger:
    """The merged filesystem while layers are added. Entries are numbered through all layers, base first."""

    def __init__(self, tables: Sequence[FileTable]) -> None:
        self._tables = tables
        self._bases = list(accumulate(map(len, tables), initial=0))
        self._hidden = array("i", [-1]) * self._bases[-1]
        self._causes = bytearray(self._bases[-1])
        self._root: _Directory = {}
        self._directories: dict[bytes, _Directory] = {b"": self._root}
        self._aliases: dict[bytes, bytes] = {}  # paths through this layer's own symlinks → where they lead
        self._inode_of: dict[int, int] = {}  # hard link → entry that holds its bytes
        self._names: dict[int, int] = {}  # inode with hard links → visible names
        self._aufs_links: dict[bytes, int] = {}
        self._anomalies: dict[str, None] = {}
        self._layer = self._base = self._steps = 0

    def overlay(self) -> Overlay:
        spans = [slice(start, end) for start, end in pairwise(self._bases)]
        hidden = tuple(self._hidden[span] for span in spans)
        causes = tuple(bytes(self._causes[span]) for span in spans)
        return Overlay(hidden, causes, tuple(self._anomalies))

    def apply(self, index: int, selected: RowSelection) -> None:
        """Add the next layer."""
        table = self._tables[index]
        self._layer, self._base = index, self._bases[index]
        self._steps = _MAX_STEPS * (1000 + len(table))
        self._aliases.clear()
        self._aufs_links.clear()
        self._whiteouts(table, selected)
        self._add_entries(table, selected)

    def _add_entries(self, table: FileTable, selected: RowSelection) -> None:
        # Fast: one dictionary lookup for the directory and one for the name per entry; 0.6 µs.
        directories, base, kinds, special = self._directories, self._base, table.kinds, selected.special
        for row, path in zip(selected.rows, selected.paths, strict=True):
            if special and row in special:
                continue
            kind = kinds[row]
            if kind == DIRECTORY:
                if path not in directories:
                    self._add_directory(path)
                continue
            parent_path, _, name = path.rpartition(b"/")
            parent = directories.get(parent_path)
            if parent is None:
                parent = self._directory(parent_path)
            number = base + row
            if kind == HARD_LINK:
                self._link(number, path, table.links.get(row, b""))
            old = parent.get(name)
            parent[name] = number
            if old is not None:
                self._remove_tree(old, path, self._cause_of_replacing(old, number))

    def _whiteouts(self, table: FileTable, selected: RowSelection) -> None:
        """Apply the layer's whiteouts to the lower layers."""
        if not selected.special:
            return
        markers = [(row, path) for row, path in zip(selected.rows, selected.paths, strict=True) if row in selected.special]
        for number, path in find_entries_in_way(self._root, self._directories, markers, selected):
            self._own_symlink(number, path)  # which notes that it is not followed
        for row, path in markers:
            directory, _, name = path.rpartition(b"/")
            if name == OPAQUE_MARKER:
                self._clear(directory)
            elif is_aufs(path):
                if path.startswith(_AUFS_LINKS):
                    self._aufs_links[path] = self._base + row
            elif not name.startswith(WHITEOUT) or name.startswith(AUFS):
                self._note(f"the path {_quote(path)} cannot be part of a filesystem")
            elif name[len(WHITEOUT) :] in (b"", b".", b".."):
                self._note(f"the whiteout {_quote(path)} names nothing")
            else:
                self._delete(directory, name[len(WHITEOUT) :])
            if table.sizes[row]:
                self._record(self._base + row, Cause.UNREACHABLE)

    def _delete(self, directory: bytes, name: bytes, cause: Cause = Cause.DELETED) -> None:
        parent = self._directories.get(directory)
        if parent is not None and (node := parent.pop(name, None)) is not None:
            self._remove_tree(node, join(directory, name), cause)

    def _clear(self, directory: bytes) -> None:
        entries = self._directories.get(directory, {})
        for name in list(entries):
            self._delete(directory, name, Cause.OPAQUE)
        entries.clear()  # iterating a dict is slow after many deletions: repeated opaque markers would take quadratic time

    def _add_directory(self, path: bytes) -> None:
        """Add a directory that the layer lists; it replaces a non-directory at its path."""
        parent_path, _, name = path.rpartition(b"/")
        parent = self._directory(parent_path)
        old = parent.get(name)
        if isinstance(old, dict):
            return  # reached through a symlink
        parent[name] = self._directories[self._real(path)] = {}
        if old is not None:
            self._remove_tree(old, path, Cause.OVERWRITTEN)

    def _directory(self, path: bytes, *, create: bool = True) -> _Directory:
        """The directory at a path; missing directories are created, non-directories on the way are replaced.

        With ``create=False`` nothing is changed, and a missing directory is returned as an empty one.
        """
        directory = self._directories.get(self._aliases.get(path, path))
        return self._walk(path, create=create) if directory is None else directory

    def _walk(self, path: bytes, *, create: bool, hops: int = _MAX_HOPS) -> _Directory:
        """Go down a path, through this layer's own symlinks unless they loop, and never above the root."""
        node, current = self._root, b""
        parts = path.split(b"/")[::-1]
        while parts:
            part = parts.pop()
            if part in (b"", b".", b".."):  # in symlinks' targets only
                current = current.rpartition(b"/")[0] if part == b".." else current
                node = self._directories[current]
                continue
            child = node.get(part)
            if isinstance(child, int):
                target = self._own_symlink(child, join(current, part)) if hops >= 0 and self._steps > 0 else None
                if target and len(current) + len(target) + sum(map(len, parts)) <= MAX_PATH:
                    hops -= 1
                    if hops < 0:
                        return self._walk(path, create=create, hops=hops)
                    parts += target.split(b"/")[::-1]
                    self._steps -= target.count(b"/") + 1
                    current = b"" if target.startswith(b"/") else current
                    node = self._directories[current]
                    continue
                if create:
                    self._remove_tree(child, b"", Cause.OVERWRITTEN)
            current = join(current, part)
            if not isinstance(child, dict):
                if not create:
                    return {}
                child = node[part] = self._directories[current] = {}
            node = child
        if current != path:
            self._aliases[path] = current
        return node

    def _own_symlink(self, number: int, path: bytes) -> bytes | None:
        """The target of a symlink of the current layer; None for anything else."""
        number = self._inode_of.get(number, number)
        table, row = self._at(number)
        if table.kinds[row] != SYMLINK:
            return None
        if number < self._base:
            self._note(f"{_quote(path)} is a symlink of a lower layer; drivers without overlays follow it")
            return None
        return table.links.get(row)

    def _real(self, path: bytes) -> bytes:
        """A path without this layer's symlinks; its parent must have been looked up before."""
        parent, _, name = path.rpartition(b"/")
        return join(self._aliases.get(parent, parent), name)

    def _link(self, number: int, path: bytes, target: bytes) -> None:
        """Note that a hard link shares its target's bytes."""
        target = clean_name(target)
        inode = self._aufs_links.get(target)
        if inode is None:
            parent_path, _, name = target.rpartition(b"/")
            node = self._directory(parent_path, create=False).get(name)
            if not isinstance(node, int):
                self._note(f"the hard link {_quote(path)} has no target {_quote(target)}")
                return
            if node < self._base:
                self._note(f"the hard link {_quote(path)} points to a lower layer; some runtimes refuse it")
            inode = self._inode_of.get(node, node)
            shown = self._names.get(inode, 1)
        else:
            shown = self._names.get(inode, 0)
            self._hidden[inode] = -1
        self._inode_of[number] = inode
        self._names[inode] = shown + 1

    def _cause_of_replacing(self, old: Node, new: int) -> Cause:
        """Why ``old`` is hidden by the entry that the current layer puts in its place.

        METADATA_ONLY is decided here: both have the same content hash and size. A file without a hash, because its content
        was not read, is OVERWRITTEN.
        """
        if isinstance(old, int):
            content = self._content(old)
            if content[0] != NO_HASH and content == self._content(new):
                return Cause.METADATA_ONLY
        return Cause.OVERWRITTEN

    def _content(self, number: int) -> tuple[bytes, int]:
        table, row = self._at(self._inode_of.get(number, number))
        return table.hash_of(row), table.sizes[row]

    def _remove_tree(self, node: Node, path: bytes, cause: Cause) -> None:
        """Hide an entry, or all entries below a directory."""
        if isinstance(node, int):
            self._aliases.clear()
            self._remove_entry(node, cause)
            return
        trees = [(self._real(path), node)]
        self._aliases.clear()
        while trees:  # not recursive: paths can be thousands of directories deep
            current, tree = trees.pop()
            del self._directories[current]
            for name, child in tree.items():
                if isinstance(child, int):
                    self._remove_entry(child, cause)
                else:
                    trees.append((current + b"/" + name, child))

    def _remove_entry(self, number: int, cause: Cause) -> None:
        inode = self._inode_of.get(number, number)
        if inode >= self._base:
            cause = Cause.DUPLICATE_ENTRY
        if inode != number:
            self._record(number, cause)
        if inode in self._names:
            self._names[inode] -= 1
            if self._names[inode] > 0:
                return
        self._record(inode, cause)

    def _record(self, number: int, cause: Cause) -> None:
        self._hidden[number] = self._layer
        self._causes[number] = _CODES[cause]

    def _at(self, number: int) -> tuple[FileTable, int]:
        layer = bisect_right(self._bases, number) - 1
        return self._tables[layer], number - self._bases[layer]

    def _note(self, text: str) -> None:
        if len(self._anomalies) < _MAX_ANOMALIES:
            self._anomalies[f"layer {self._layer}: {text}"] = None


def _quote(path: bytes) -> str:
    return repr(decode_name(brief_name(path)))
