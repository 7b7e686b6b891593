"""The owners of files, compared with what dpkg says of the files of this machine."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from ocisize.model.packages import DEB
from tests.evidence import make_evidence
from tests.images import Entry, Link
from tests.tools import program, refuse

DATABASE = Path("/var/lib/dpkg")
TREES = ("/etc", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec", "/usr/share", "/usr/include", "/usr/games")
MAX_FILES = 15_000
_MERGED = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libx32/")
_CHUNK = 400  # paths in one call
_SPECIAL = frozenset("*?[\\")  # a path with one of these is a pattern to dpkg


def walk(tree: str) -> Iterator[str]:
    """The regular files below a directory that dpkg may know."""
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path) and not _SPECIAL.intersection(path):
                yield path


def find_with_dpkg(paths: Iterable[str]) -> dict[str, list[str]]:
    """The packages of each path that dpkg knows."""
    waiting, found = iter(paths), dict[str, list[str]]()
    query = [program("dpkg-query"), "--search", "--"]
    while chunk := list(itertools.islice(waiting, _CHUNK)):
        output = subprocess.run(
            [*query, *chunk], capture_output=True, text=True, check=False, env={"LC_ALL": "C.UTF-8"}
        ).stdout
        for line in output.splitlines():
            packages, _, path = line.partition(": ")
            if not packages.startswith(("diversion by", "local diversion")):
                found[path] = [package.partition(":")[0] for package in packages.split(", ")]
    return found


def test_owners_are_those_that_dpkg_names() -> None:
    """Also of files that lists name below /bin and /lib, where these are links."""
    if not (DATABASE / "info").is_dir():
        refuse("this machine has no packages of dpkg")
    trees = [list(walk(tree)) for tree in TREES]
    paths = [path for tree in trees for path in tree[: MAX_FILES // len(trees)]]
    links = [name for name in os.listdir("/") if os.path.islink(f"/{name}") and os.path.isdir(f"/{name}")]
    records = [DATABASE / "status", *filter(Path.exists, [DATABASE / "diversions"]), *sorted(DATABASE.glob("info/*.list"))]
    entries: dict[str, Entry] = {
        **{str(path).lstrip("/"): path.read_bytes() for path in records},
        **{name: Link(os.readlink(f"/{name}")) for name in links},
        **{path.lstrip("/"): b"" for path in paths},
    }
    packages = make_evidence(entries).packages
    mine = {}
    for row, path in enumerate(entries):
        record = packages.ownership.package_at(0, row)
        if record is not None and record.ecosystem == DEB:
            mine[f"/{path}"] = record.name
    unmerged = {path: path.removeprefix("/usr") for path in paths if path.startswith(_MERGED)}
    diverted = dict(read_diversions())
    known = find_with_dpkg([*paths, *unmerged.values(), *(original for original, _ in diverted.values())])
    expected = {path: owner[0] for path in paths if (owner := known.get(path) or known.get(unmerged.get(path, "")))}
    for path, (original, package) in diverted.items():  # dpkg lists such a file under the name that it had
        others = [other for other in known.get(original, ()) if other != package]
        if path in paths and others:
            expected[path] = others[0]
    assert len(expected) > len(paths) // 2
    assert {path: mine.get(path) for path in paths if mine.get(path) != expected.get(path)} == {}


def read_diversions() -> Iterator[tuple[str, tuple[str, str]]]:
    """By the path that a file was diverted to, its path before and the package that keeps that path."""
    path = DATABASE / "diversions"
    lines = iter(path.read_text().splitlines() if path.exists() else ())
    for original, diverted_to, package in zip(lines, lines, lines, strict=True):
        yield diverted_to, (original, package)
