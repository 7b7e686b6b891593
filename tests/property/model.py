"""The rules of overlaying, written as slowly and plainly as they read: what fast code is compared with.

The merged filesystem is one dict of path → thing. Every step is a copy of it before and after: what stood before
and no longer stands was hidden by that step.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs

from ocisize.model.waste import Cause
from ocisize.tar.filetable import FileTable
from ocisize.tar.scanner import scan_tar
from tests.images import Entry, File, Hard, Link, Sparse, Special, tar_bytes

Pairs: TypeAlias = "Sequence[tuple[str, Entry]]"


@attrs.define(eq=False)
class Thing:
    """Anything but a directory: an inode, which hard links share."""

    path: str
    layer: int
    content: bytes | None = None  #: of regular files
    symlink: str | None = None
    hidden: tuple[Cause, int] | None = None
    shown: bool = False  #: whether it ever was part of the filesystem


DIRECTORY = "directory"
Tree: TypeAlias = "dict[str, Thing | str]"


@attrs.define
class Model:
    """The merged filesystem of some layers, and every file that was stored in them."""

    tree: Tree = attrs.field(factory=dict)
    stored: list[Thing] = attrs.field(factory=list)
    odd_links: list[str] = attrs.field(factory=list)  #: hard links that real tools refuse to make
    layer: int = 0
    links: dict[str, Thing] = attrs.field(factory=dict)  #: AUFS link targets of the layer at hand

    @property
    def waste(self) -> list[tuple[str, int, str, int, int]]:
        """Path, size, cause, holding and hiding layer of every file that cannot be seen, sorted."""
        found = []
        for file in self.stored:
            if file.content and file not in self.tree.values():
                cause, layer = file.hidden if file.shown and file.hidden else (Cause.UNREACHABLE, file.layer)
                found.append((file.path, len(file.content), cause.value, file.layer, layer))
        return sorted(found)

    @property
    def live_size(self) -> int:
        return sum(len(file.content or b"") for file in self.stored if file in self.tree.values())

    @property
    def visible_files(self) -> set[str]:
        return {path for path, thing in self.tree.items() if isinstance(thing, Thing) and thing.content is not None}

    def lay(self, entries: Pairs) -> None:
        """Lay one layer on: all its whiteouts first, then its entries."""
        self.links.clear()
        additions: list[tuple[str, Entry, Thing]] = []
        for name, entry in entries:
            path = clean(name)
            thing = Thing(path, self.layer)
            if isinstance(entry, bytes):
                entry = File(entry)
            if isinstance(entry, File | Sparse):
                thing.content = entry.data if isinstance(entry, File) else entry.content
                self.stored.append(thing)
            if isinstance(entry, Link):
                thing.symlink = entry.target
            folder, _, base = path.rpartition("/")
            if path.startswith(".wh..wh.plnk/"):
                self.links[path] = thing
            elif base == ".wh..wh..opq":
                self._step(without(self.tree, folder, keep=True), Cause.OPAQUE)
            elif base.startswith(".wh.") and base[4:] not in ("", ".", ".."):
                self._step(without(self.tree, join(folder, base[4:])), Cause.DELETED)
            elif not base.startswith(".wh.") and path.split("/")[0] != ".." and len(os.fsencode(path)) <= 4096:
                additions.append((path, entry, thing))
        for path, entry, thing in additions:
            if path:
                self._add(path, entry, thing)
        self.layer += 1

    def _add(self, path: str, entry: Entry, thing: Thing) -> None:
        tree = dict(self.tree)
        folder, _, name = path.rpartition("/")
        real = join(self._enter(tree, folder, make=True) or "", name)
        self._step(tree, Cause.OVERWRITTEN)
        if entry == Special(tarfile.DIRTYPE):
            if tree.get(real) != DIRECTORY:
                self._step(without(tree, real) | {real: DIRECTORY}, Cause.OVERWRITTEN)
            return
        if isinstance(entry, Hard):
            thing = self._target(tree, path, real, entry.target) or thing
        old = tree.get(real)
        same = isinstance(old, Thing) and old.content is not None and old.content == thing.content
        vanishing = Cause.METADATA_ONLY if same else Cause.OVERWRITTEN
        thing.shown = True
        self._step(without(tree, real) | {real: thing}, vanishing)

    def _target(self, tree: Tree, path: str, real: str, target: str) -> Thing | None:
        target = clean(target)
        if target in self.links:
            return self.links[target]
        folder, _, name = target.rpartition("/")
        found_in = self._enter(tree, folder, make=False)
        found = tree.get(join(found_in, name)) if found_in is not None else None
        if (
            not isinstance(found, Thing)
            or found.layer != self.layer
            or found_in != folder
            or target == real
            or below(target, real)
        ):
            self.odd_links.append(path)
        return found if isinstance(found, Thing) else None

    def _enter(self, tree: Tree, path: str, *, make: bool, hops: int = 40) -> str | None:
        """Where the directory at a path really is; ``make`` puts directories where there are none."""
        at, parts = "", path.split("/")
        while parts:
            part, parts = parts[0], parts[1:]
            if part == "..":
                at = at.rpartition("/")[0]
            elif part not in ("", "."):
                there = tree.get(join(at, part))
                link = there.symlink if isinstance(there, Thing) and there.layer == self.layer and hops >= 0 else None
                if link and hops == 0:
                    return self._enter(tree, path, make=make, hops=-1)  # a loop: no symlink counts
                if link:
                    hops -= 1
                    at, parts = "" if link.startswith("/") else at, link.split("/") + parts
                    continue
                at = join(at, part)
                if there != DIRECTORY:
                    if not make:
                        return None
                    tree[at] = DIRECTORY
        return at

    def _step(self, after: Tree, cause: Cause) -> None:
        before, self.tree = self.tree, after
        for thing in before.values():
            if isinstance(thing, Thing) and thing not in after.values():
                thing.hidden = (Cause.DUPLICATE_ENTRY if thing.layer == self.layer else cause, self.layer)


def overlay(layers: Sequence[Pairs]) -> Model:
    """Lay all layers over each other, base first."""
    model = Model()
    for entries in layers:
        model.lay(entries)
    return model


def tables_of(layers: Sequence[Pairs]) -> list[FileTable]:
    """The same layers as the package sees them: written as tars and scanned."""
    return [scan_tar(io.BytesIO(tar_bytes(entries))) for entries in layers]


def without(tree: Tree, path: str, *, keep: bool = False) -> Tree:
    """A tree without a path and all below; ``keep`` spares the path itself."""
    return {at: thing for at, thing in tree.items() if not (below(at, path) or (at == path and not keep))}


def below(path: str, folder: str) -> bool:
    return path != folder and (not folder or path.startswith(folder + "/"))


def join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def clean(name: str) -> str:
    """A tar name without ``.``, doubled slashes and ``..`` that stay inside."""
    parts: list[str] = []
    for part in _parts(name):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _parts(name: str) -> Iterator[str]:
    return (part for part in name.split("/") if part not in ("", "."))
