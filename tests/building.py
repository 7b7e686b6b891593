"""A model of image builds: runs Dockerfiles with a few commands, and stores layers as overlay file systems do.

::

    context = {"app/main.py": b"print()", ".git/HEAD": b"x"}
    built = build("FROM base\\nCOPY . /app\\nRUN chown -R 1:1 /app\\n", context, base={"bin/sh": b"sh"})
    write_layout(built.image, tmp_path / "image")

A layer stores every entry that its step touches, changed or not, with its parent directories; a removed path becomes a
whiteout. Commands of RUN: ``write PATH SIZE``, ``read PATH``, ``rm``, ``chown``, ``chmod``, ``mkdir -p``, ``cp``, ``find … -exec
chown``, ``apt-get update|install|clean``. A step that would fail in a real build raises BuildError.
"""

from __future__ import annotations

import fnmatch
import hashlib
import io
import posixpath
import shlex
import tarfile
from collections.abc import Iterator, Mapping

import attrs

from ocisize.dockerfile.copy_source import parse_copy
from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.dockerfile.parse import Instruction, parse_dockerfile
from ocisize.dockerfile.run_source import RunSource
from tests.images import BuiltImage, BuiltLayer, build_image, raw_layer

LISTS, ARCHIVES = "var/lib/apt/lists", "var/cache/apt/archives"
_APT_SIZES = {f"{LISTS}/deb_Packages": 40_000, "var/cache/apt/pkgcache.bin": 30_000}


class BuildError(Exception):
    """A step that fails, as it would in a real build."""


@attrs.frozen
class Node:
    """A file, or a directory if ``data`` is None."""

    data: bytes | None
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


@attrs.frozen
class Built:
    """The image of a build, and what a container of it sees."""

    image: BuiltImage
    tree: Mapping[str, Node]

    @property
    def content_size(self) -> int:
        """Bytes of content in all layers."""
        return sum(
            member.size
            for layer in self.image.layers
            for member in tarfile.open(fileobj=io.BytesIO(layer.tar))
            if member.isfile()
        )


@attrs.define
class _Machine:
    """The file system while steps run."""

    context: Mapping[str, bytes]
    tree: dict[str, Node] = attrs.field(factory=dict)
    touched: set[str] = attrs.field(factory=set)
    removed: set[str] = attrs.field(factory=set)
    working_dir: str = "/"
    user: tuple[int, int] = (0, 0)

    def make_folders(self, path: str, owner: tuple[int, int] = (0, 0)) -> None:
        parent = posixpath.dirname(path)
        if parent and parent not in self.tree:
            self.make_folders(parent, owner)
            self.tree[parent] = Node(None, 0o755, *owner)
            self.touched.add(parent)

    def write(self, path: str, node: Node, owner: tuple[int, int] = (0, 0)) -> None:
        self.make_folders(path, owner)
        self.tree[path] = node
        self.touched.add(path)

    def below(self, path: str) -> list[str]:
        return sorted(name for name in self.tree if name == path or name.startswith(f"{path}/"))

    def expand(self, word: str) -> list[str]:
        pattern = posixpath.normpath(posixpath.join(self.working_dir, word)).strip("/")
        if not any(mark in pattern for mark in "*?["):
            return [pattern]
        depth = pattern.count("/")
        return sorted(name for name in self.tree if name.count("/") == depth and fnmatch.fnmatchcase(name, pattern))

    def remove(self, path: str) -> None:
        for name in self.below(path):
            del self.tree[name]
            self.touched.discard(name)
            self.removed.add(name)

    def check_owner(self, path: str) -> None:
        """Raise BuildError for a user that may not remove a path."""
        if self.user[0] and any(self.tree[name].uid != self.user[0] for name in self.below(path)):
            raise BuildError(f"{path}: Permission denied")

    def take_layer(self, below: Mapping[str, Node]) -> BuiltLayer:
        """The layer of what was touched since the last one."""
        names = set(self.touched)
        for name in list(names) + list(self.removed):
            parent = posixpath.dirname(name)
            while parent:
                if parent in self.tree:
                    names.add(parent)
                parent = posixpath.dirname(parent)
        gone = {name for name in self.removed if name in below and name not in self.tree}
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name in sorted(gone):
                if posixpath.dirname(name) not in gone:
                    folder, _, leaf = name.rpartition("/")
                    archive.addfile(tarfile.TarInfo(f"{folder}/.wh.{leaf}".lstrip("/")))
            for name in sorted(names):
                node = self.tree[name]
                info = tarfile.TarInfo(name)
                info.mode, info.uid, info.gid = node.mode, node.uid, node.gid
                info.type = tarfile.DIRTYPE if node.data is None else tarfile.REGTYPE
                info.size = len(node.data or b"")
                archive.addfile(info, io.BytesIO(node.data or b""))
        self.touched.clear()
        self.removed.clear()
        return raw_layer(buffer.getvalue())


def build(dockerfile: str, context: Mapping[str, bytes], *, ignore: str = "", base: Mapping[str, bytes]) -> Built:
    """Build a Dockerfile with one stage. Raises BuildError if a step fails."""
    excluded = IgnoreFile.parse(ignore)
    machine = _Machine({path: data for path, data in context.items() if not excluded.excludes(path)})
    for path, data in base.items():
        machine.write(path, Node(data, 0o644))
    layers = [machine.take_layer({})]
    history: list[dict[str, object]] = [{"created_by": "ADD rootfs.tar.gz / # buildkit"}]
    for instruction in parse_dockerfile(dockerfile).instructions:
        if instruction.keyword == "FROM":
            continue
        below = dict(machine.tree)
        made = _run_instruction(machine, instruction)
        text = f"{instruction.keyword} {instruction.text}"
        if instruction.keyword == "RUN":
            text = f"RUN /bin/sh -c {instruction.text} # buildkit"
        elif made:
            text += " # buildkit"
        history.append({"created_by": text} if made else {"created_by": text, "empty_layer": True})
        if made:
            layers.append(machine.take_layer(below))
    return Built(build_image(layers, history=history), dict(machine.tree))


def _run_instruction(machine: _Machine, instruction: Instruction) -> bool:
    """Run one instruction; whether it makes a layer."""
    if instruction.keyword == "WORKDIR":
        machine.working_dir = posixpath.join(machine.working_dir, instruction.text)
        path = machine.working_dir.strip("/")
        if path in machine.tree:
            return False
        machine.make_folders(f"{path}/x")
        return True
    if instruction.keyword == "USER":
        uid, _, gid = instruction.text.partition(":")
        machine.user = int(uid), int(gid or 0)
        return False
    if instruction.keyword == "COPY":
        _copy(machine, instruction)
        return True
    if instruction.keyword == "RUN":
        _run(machine, instruction)
        return True
    return False


def _copy(machine: _Machine, instruction: Instruction) -> None:
    copy = parse_copy(instruction.source)
    assert copy is not None
    uid, _, gid = (copy.chown or "0:0").partition(":")
    owner = int(uid), int(gid or uid)
    mode = int(copy.chmod, 8) if copy.chmod else 0o644
    target = posixpath.normpath(posixpath.join(machine.working_dir, copy.destination)).strip("/")
    folder = (
        copy.destination.endswith("/") or copy.destination in (".", "./") or len(copy.sources) > 1 or target in machine.tree
    )
    for source in copy.sources:
        for path, relative in _selected(machine.context, posixpath.normpath(source)):
            name = f"{target}/{relative}" if relative else f"{target}/{posixpath.basename(path)}" if folder else target
            name = name.strip("/")
            if machine.tree.get(name, Node(b"")).data is None:
                raise BuildError(f"{name} is a directory")
            existing = set(machine.tree)
            machine.write(name, Node(machine.context[path], mode, *owner), owner)
            for new in set(machine.tree) - existing - {name}:
                inside = new.startswith(f"{target}/") or new == target
                machine.tree[new] = Node(
                    None, int(copy.chmod, 8) if copy.chmod and inside else 0o755, *(owner if inside else (0, 0))
                )


def _selected(context: Mapping[str, bytes], source: str) -> Iterator[tuple[str, str]]:
    """Path and path below the source of each file that a source selects; "" for a source that is a file."""
    matching = [path for path in context if path == source or source == "." or path.startswith(f"{source}/")]
    if not matching and source != ".":
        raise BuildError(f"{source}: not found in the context")
    for path in sorted(matching):
        yield path, "" if path == source else path if source == "." else path[len(source) + 1 :]


def _run(machine: _Machine, instruction: Instruction) -> None:
    run = RunSource.parse(instruction.source)
    assert run is not None, instruction.source
    mounts: list[str] = []
    before = dict(machine.tree)
    for option in run.options:
        fields = dict(part.partition("=")[::2] for part in option.removeprefix("--mount=").split(","))
        target, source = fields["target"].strip("/"), fields["source"]
        for path, relative in _selected(machine.context, source):
            name = f"{target}/{relative}" if relative else target
            machine.make_folders(name)
            machine.tree[name] = Node(machine.context[path], 0o644)
            mounts.append(name)
    for command in run.units:
        _execute(machine, shlex.split(command))
    if not (machine.touched | machine.removed).isdisjoint(mounts):
        raise BuildError("Read-only file system")
    for name in mounts:
        if name in before:
            machine.tree[name] = before[name]
        else:
            machine.tree.pop(name, None)
        machine.touched.discard(name)


def _execute(machine: _Machine, words: list[str]) -> None:
    tool, *rest = words
    options = [word for word in rest if word.startswith("-") and len(word) > 1]
    plain = [word for word in rest if word not in options]
    if tool == "write":
        (path,) = machine.expand(plain[0])
        if machine.tree.get(path, Node(b"")).data is None:
            raise BuildError(f"{path} is a directory")
        machine.write(path, Node(content_of(path, int(plain[1])), 0o644, *machine.user), machine.user)
    elif tool == "read":
        if not any(name in machine.tree for name in machine.expand(plain[0])):
            raise BuildError(f"{plain[0]}: No such file or directory")
    elif tool == "rm":
        is_forced = any("f" in option for option in options)
        for word in plain:
            chosen = [path for path in machine.expand(word) if machine.below(path)]
            if not chosen and not is_forced:
                raise BuildError(f"{word}: No such file or directory")
            for path in chosen:
                machine.check_owner(path)
                machine.remove(path)
    elif tool == "mkdir":
        for word in plain:
            machine.make_folders(f"{machine.expand(word)[0]}/x")
    elif tool in ("chown", "chmod"):
        _change(machine, tool, plain[0], [path for word in plain[1:] for path in machine.expand(word)], "-R" in options)
    elif tool == "find":
        start, name = machine.expand(plain[0])[0], rest[rest.index("-name") + 1]
        chosen = [path for path in machine.below(start) if posixpath.basename(path) == name]
        _change(machine, "chown", rest[rest.index("chown") + 2], chosen, True)
    elif tool == "cp":
        (source,), (target,) = machine.expand(plain[0]), machine.expand(plain[1])
        if source not in machine.tree or machine.tree[source].data is None:
            raise BuildError(f"{source}: No such file")
        machine.write(target, attrs.evolve(machine.tree[source], uid=machine.user[0], gid=machine.user[1]), machine.user)
    elif tool == "apt-get":
        _apt(machine, next(word for word in plain), [word for word in plain[1:]])
    elif tool != "true":
        raise BuildError(f"{tool}: not found")


def _change(machine: _Machine, tool: str, value: str, paths: list[str], recursive: bool) -> None:
    if machine.user[0] and tool == "chown":
        raise BuildError("Operation not permitted")
    for start in paths:
        if start not in machine.tree:
            raise BuildError(f"{start}: No such file or directory")
        for path in machine.below(start) if recursive else [start]:
            node = machine.tree[path]
            if tool == "chown":
                uid, _, gid = value.partition(":")
                node = attrs.evolve(node, uid=int(uid), gid=int(gid or node.gid))
            else:
                node = attrs.evolve(node, mode=int(value, 8))
            machine.tree[path] = node
            machine.touched.add(path)


def _apt(machine: _Machine, verb: str, packages: list[str]) -> None:
    if verb == "update":
        for path, size in _APT_SIZES.items():
            machine.write(path, Node(content_of(path, size), 0o644))
    elif verb == "install":
        if f"{LISTS}/deb_Packages" not in machine.tree:
            raise BuildError(f"Unable to locate package {packages[0]}")
        for package in packages:
            machine.write(f"usr/bin/{package}", Node(content_of(package, 20_000)))
            machine.write(f"{ARCHIVES}/{package}.deb", Node(content_of(f"{package}.deb", 15_000), 0o644))
    elif verb == "clean":
        for path in [name for name in machine.tree if name.startswith(f"{ARCHIVES}/") or name.endswith("pkgcache.bin")]:
            machine.remove(path)


def content_of(name: str, size: int) -> bytes:
    """Bytes that only this name and size have."""
    seed = hashlib.sha256(f"{name} {size}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]
