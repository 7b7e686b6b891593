"""The files of an image by Python's tarfile alone, to judge what ocisize says about images.

A tree has the visible files; a difference names a path and what differs. Times are left out.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import pickle
import re
import tarfile
from collections.abc import Callable, Collection, Iterator
from fnmatch import translate
from pathlib import Path
from typing import IO

import attrs

OPAQUE = ".wh..wh..opq"
WHITEOUT = ".wh."
LIST = re.compile(r"var/lib/dpkg/info/([^/:]+)(?::\w+)?\.list")
CAPABILITY = "SCHILY.xattr.security.capability"


@attrs.frozen
class Entry:
    """A tar entry, without its times."""

    path: str
    kind: str  #: file, directory, symlink, link, or the number of another type
    mode: int
    owner: tuple[int, int]
    size: int
    digest: str = ""  #: of the content of a file
    target: str = ""  #: of a link
    capability: str = ""
    files: tuple[str, ...] = ()  #: of a Debian package, in the list that names them

    def difference(self, other: Entry, *, content: bool) -> str:
        """What differs, in words; "" if nothing. ``content`` is whether the content of files counts."""
        parts = []
        for name in ("kind", "target", "capability"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                parts.append(f"{name} {mine or '-'} → {theirs or '-'}")
        if self.mode != other.mode and self.kind != "symlink":
            parts.append(f"mode {self.mode:o} → {other.mode:o}")
        if self.owner != other.owner:
            parts.append("owner {}:{} → {}:{}".format(*self.owner, *other.owner))
        if content and self.digest != other.digest:
            parts.append(f"content, {self.size:,} → {other.size:,} bytes")
        return ", ".join(parts)


KINDS = {
    tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "link",
}  # fmt: skip


def hash_file(content: IO[bytes]) -> str:
    """The digest of an open file."""
    state = hashlib.sha256()
    while chunk := content.read(1 << 20):
        state.update(chunk)
    return state.hexdigest()


def read_layer(blob: Path) -> list[Entry]:
    """The entries of a layer in a gzip file, in order."""
    entries = []
    with gzip.open(blob) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for info in tar:
            kind = KINDS.get(info.type, info.type.decode("latin-1"))
            path = info.name.removeprefix("./").strip("/")
            digest, listed = "", ()
            if kind == "file":
                content = tar.extractfile(info)
                assert content is not None
                if LIST.fullmatch(path):
                    text = content.read()
                    digest, listed = hashlib.sha256(text).hexdigest(), tuple(text.decode().replace("\n/", "\n").splitlines())
                else:
                    digest = hash_file(content)
            size, target = info.size if kind == "file" else 0, info.linkname if "link" in kind else ""
            capability = info.pax_headers.get(CAPABILITY, "")
            mode, owner = info.mode & 0o7777, (info.uid, info.gid)
            entries.append(Entry(path, kind, mode, owner, size, digest, target, capability, listed))
    return entries


@attrs.frozen
class Tree:
    """What an image shows and what it stores."""

    visible: dict[str, Entry]
    content_size: int  #: bytes of the files of all layers
    compressed_size: int  #: bytes of all layers as gzip; a blob that comes twice is downloaded once
    layers: int

    @property
    def packages(self) -> dict[str, tuple[str, ...]]:
        """The files of Debian's packages by name."""
        lists = ((LIST.fullmatch(path), entry) for path, entry in self.visible.items())
        return {match[1]: entry.files for match, entry in lists if match is not None}


def read_tree(layout: Path, cache: Path) -> Tree:
    """The tree of the only image of an OCI layout; ``cache`` is a folder that keeps the entries of layers by digest."""
    cache.mkdir(parents=True, exist_ok=True)

    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    visible: dict[str, Entry] = {}
    content_size = 0
    for layer in manifest["layers"]:
        kept = cache / layer["digest"].partition(":")[2]
        if kept.exists():
            entries = pickle.loads(kept.read_bytes())
        else:
            entries = read_layer(blob(layer["digest"]))
            kept.write_bytes(pickle.dumps(entries))
        content_size += sum(entry.size for entry in entries)
        visible = apply(visible, entries)
    blobs = {layer["digest"]: layer["size"] for layer in manifest["layers"]}
    return Tree(visible, content_size, sum(blobs.values()), len(manifest["layers"]))


def apply(lower: dict[str, Entry], entries: Collection[Entry]) -> dict[str, Entry]:
    """The files that are visible with a layer on top of others."""
    gone, emptied = set(), set()
    for entry in entries:
        parent, _, base = entry.path.rpartition("/")
        if base == OPAQUE:
            emptied.add(parent)
        elif base.startswith(WHITEOUT):
            gone.add(f"{parent}/{base.removeprefix(WHITEOUT)}".lstrip("/"))
    replaced = {entry.path for entry in entries if entry.kind != "directory"}

    def hidden(path: str) -> bool:
        if path in gone:
            return True
        while "/" in path:
            path = path.rpartition("/")[0]
            if path in gone or path in emptied or path in replaced:
                return True
        return "" in emptied

    visible = {path: entry for path, entry in lower.items() if not hidden(path)}
    for entry in entries:
        if entry.path.rpartition("/")[2].startswith(WHITEOUT):
            continue
        if entry.kind == "link":  # equal to the file it names
            original = visible.get(entry.target.removeprefix("./").strip("/"))
            entry = attrs.evolve(original, path=entry.path) if original is not None else entry
        visible[entry.path] = entry
    return visible


def matcher(globs: Collection[str]) -> Callable[[str], bool]:
    """Whether a path matches one of some globs, whose ``*`` crosses folders."""
    pattern = re.compile("|".join(map(translate, globs)) or r"(?!)")
    return lambda path: pattern.match(path) is not None


def package_files(before: Tree, after: Tree) -> set[str]:
    """The files of the Debian packages that only the first image has."""
    kept, paths = after.packages, set()
    for name, files in before.packages.items():
        if name not in kept:
            paths.update(files)
            paths.update(path for path in before.visible if re.match(rf"var/lib/dpkg/info/{re.escape(name)}[.:]", path))
    return paths


def differences(
    before: Tree,
    after: Tree,
    *,
    ignored: Collection[str],
    changing: Collection[str],
    removed: Collection[str],
    packages: bool = False,
) -> Iterator[str]:
    """The differences of two trees.

    Left out are ignored paths, the content of changing files, files that may go and, if ``packages``, files of Debian
    packages that only the first image has.
    """
    ignores, changes, may_go = matcher(ignored), matcher(changing), matcher(removed)
    unpacked = package_files(before, after) if packages else set()
    for path in sorted({*before.visible, *after.visible}):
        if not path or ignores(path):
            continue
        old, new = before.visible.get(path), after.visible.get(path)
        if new is None:
            if not may_go(path) and path not in unpacked:
                yield f"{path}: gone"
        elif old is None:
            yield f"{path}: new"
        elif difference := old.difference(new, content=not changes(path)):
            yield f"{path}: {difference}"
