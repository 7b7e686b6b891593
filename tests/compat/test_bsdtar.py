"""scan_tar against libarchive, on random tars: by Python's tarfile, by GNU tar and by bsdtar of random trees, and umoci's layers.

Every reader says of every entry its path, type, size, mode, owner, link and the sha256 of its content; bsdtar by converting
a tar into mtree (https://man.freebsd.org/cgi/man.cgi?query=mtree&sektion=5).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import re
import stat
import subprocess
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import attrs
import pytest
import xxhash
from hypothesis import HealthCheck, given, reject, settings

from ocisize import Analyzer
from ocisize.text import decode_name
from ocisize.tar.paths import clean_name
from ocisize.tar.scanner import scan_tar
from tests.tools import program
from tests.compat.test_umoci import unpack
from tests.images import sha256
from tests.strategies import END, Bytes, padded, tars

KINDS = {"file": "file", "dir": "dir", "link": "symlink", "fifo": "fifo", "char": "char", "block": "block"}
LATIN = "latin\udce9"  # not UTF-8: libarchive does not take it from PAX records
NAMES = ("a", "b.txt", "with space", "new\nline", "caf\u00e9", LATIN, "back\\slash", "#hash=1", "x" * 120, "-dash", "\u202e")
SIZES = (0, 0, 1, 511, 512, 513, 1024, 5000, 70_000)
UTF8 = {**os.environ, "LC_ALL": "C.UTF-8"}
MTREE = "mtree:!all,type,size,mode,uid,gid,link,sha256"


@attrs.frozen(order=True)
class Seen:
    """An entry as all readers see it; ``link`` of symlinks, ``content`` the sha256 of regular files."""

    path: str
    kind: str
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    link: str = ""
    content: str = ""


def by_scan(tar: bytes) -> list[Seen]:
    """What scan_tar finds; contents are those it keeps when asked to."""
    table = scan_tar(Bytes(tar), wanted=lambda path, size: True)
    found = []
    for row, entry in enumerate(table):
        content = hashlib.sha256(table.contents.get(row, b"")).hexdigest() if entry.kind == "file" else ""
        link = entry.link or "" if entry.kind in ("symlink", "hardlink") else ""
        found.append(Seen(entry.path, entry.kind, entry.size, entry.mode, entry.uid, entry.gid, link, content))
    return found


def by_bsdtar(tar: bytes) -> dict[str, Seen]:
    """What libarchive finds, the last entry of each path; of hard links only that there is a file."""
    command = [program("bsdtar"), "-cf", "-", "--format=mtree", f"--options={MTREE}", "@-"]
    result = subprocess.run(command, input=tar, capture_output=True, timeout=60, env=UTF8, check=False)
    if result.returncode:
        raise ValueError(result.stderr.decode(errors="replace"))
    found = {}
    for line in result.stdout.splitlines():
        if line.startswith(b"#") or not line:
            continue
        name, *words = line.split(b" ")
        facts = dict(word.decode().split("=", 1) for word in words)
        path = decode_name(clean_name(unvis(name)))
        kind, digest = KINDS[facts["type"]], facts.get("sha256digest", "")
        size = int(facts.get("size", 0)) if kind == "file" else 0
        if kind == "file" and not size:
            digest = hashlib.sha256().hexdigest()
        link = decode_name(unvis(facts.get("link", "").encode()))
        ids = (int(facts["mode"], 8), int(facts["uid"]), int(facts["gid"]))
        found[path] = Seen(path, kind, size, *ids, link, digest)
    return found


def unvis(text: bytes) -> bytes:
    """mtree's escapes: octal digits behind a backslash."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), text)


def compare(found: list[Seen], others: dict[str, Seen], *, exact: bool = True) -> None:
    """Each entry, the last of its path, is what the other reader says; hard links are files of whatever size to it."""
    last = {seen.path: seen for seen in found}
    assert set(last) == set(others)
    for path, seen in last.items():
        other = others[path]
        if seen.kind == "hardlink":
            assert other.kind == "file"
        elif exact:
            assert seen == other
        else:
            assert attrs.evolve(seen, size=other.size, content=other.content) == other


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tars(sparse=False))
def test_random_tars_by_tarfile(tar: bytes) -> None:
    """Paths, types, sizes, modes, owners, links and contents of tarfile's tars are what libarchive says."""
    try:
        expected = by_bsdtar(tar)
    except ValueError:  # it wants headers in UTF-8, where a long name is cut within a character
        reject()
    found = by_scan(tar)
    if not is_tree(found):
        reject()  # mtree mixes up entries that are in one place
    compare(found, expected)


def is_tree(found: list[Seen]) -> bool:
    """Whether each path occurs once, and below directories only."""
    kinds = {seen.path: seen.kind for seen in found}
    above = {parent for path in kinds for parent in accumulate(path.split("/")[:-1], "{}/{}".format)}
    return len(kinds) == len(found) and all(kinds.get(path, "dir") == "dir" for path in above)


def make_tree(root: Path, chance: random.Random, *, latin: bool = False) -> None:
    """A random folder: nested, with odd names, holes, links, modes, owners and times."""
    folders, files = [root], list[Path]()
    root.mkdir()
    for _ in range(chance.randint(5, 30)):
        path = chance.choice(folders) / chance.choice(NAMES)
        if os.path.lexists(path) or (path.name == LATIN and not latin):
            continue
        kind = chance.choice(["file"] * 5 + ["dir", "dir", "symlink", "hardlink", "fifo", "sparse"])
        if kind == "dir" and len(folders) < 12:
            path.mkdir()
            folders.append(path)
        elif kind == "symlink":
            path.symlink_to(chance.choice(["a", "../x", "/etc/passwd", "y" * 150, "caf\u00e9"]))
        elif kind == "hardlink" and files:
            path.hardlink_to(chance.choice(files))
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "sparse":
            with path.open("wb") as file:
                file.seek(1 << 18)
                file.write(b"x" * 5000)
                file.truncate(1 << 20)
        elif kind == "file":
            path.write_bytes(chance.randbytes(chance.choice(SIZES)))
            files.append(path)
        if path.exists() and not path.is_symlink():
            path.chmod(chance.choice([0o755, 0o644, 0o4711, 0o600, 0o1777]))
            if os.geteuid() == 0:
                os.chown(path, chance.choice([0, 1000, 70_000]), chance.choice([0, 3_000_000]))


GNU = [["tar", "-cf", "-", f"--format={form}"] for form in ("gnu", "posix", "oldgnu")]
BSD = [
    ["bsdtar", "-cf", "-", "--format", form, "--no-xattrs", "--no-acls", "--no-read-sparse"]
    for form in ("pax", "gnutar", "ustar")
]
SPARSE = [
    ["tar", "-cf", "-", "--sparse", "--format=posix", f"--sparse-version={number}"] for number in ("0.0", "0.1", "1.0")
]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("command", [*GNU, *BSD], ids=" ".join)
def test_random_trees(tmp_path: Path, command: list[str], seed: int) -> None:
    """Trees that GNU tar and bsdtar packed are read as libarchive reads them."""
    root = tmp_path / "tree"
    make_tree(root, random.Random(seed), latin="--format=posix" not in command and "pax" not in command)
    tar = packed(command, root)
    compare(by_scan(tar), by_bsdtar(tar))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("command", [*SPARSE, [*GNU[0], "--sparse"]], ids=" ".join)
def test_random_trees_with_holes(tmp_path: Path, command: list[str], seed: int) -> None:
    """Of sparse files the size is what libarchive unpacks, and the content that of the tree; mtree has no hash of holes."""
    root = tmp_path / "tree"
    make_tree(root, random.Random(seed))
    tar = packed(command, root)
    compare(by_scan(tar), by_bsdtar(tar), exact=False)
    files = [entry for entry in scan_tar(Bytes(tar)) if entry.kind == "file"]
    unpacked = by_bsdtar(tar)
    for entry in files:
        content = (root / entry.path).read_bytes()
        assert unpacked[entry.path].size == entry.size == len(content)
        assert entry.content_hash == xxhash.xxh3_128_hexdigest(content)


def packed(command: list[str], root: Path) -> bytes:
    """The folder as a tar; pathnames that a format cannot hold are left out by its writer."""
    result = subprocess.run(
        [program(command[0]), *command[1:], "-C", str(root), "."], capture_output=True, timeout=60, env=UTF8, check=False
    )
    assert result.stdout
    return result.stdout


@pytest.mark.parametrize("seed", range(5))
def test_layers_by_umoci(tmp_path: Path, seed: int) -> None:
    """Images that umoci built by inserting, changing and repacking trees: each layer as libarchive reads it, all as unpacked."""
    chance = random.Random(seed)
    layout, image = tmp_path / "layout", f"{tmp_path / 'layout'}:app"
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    umoci("init", "--layout", str(layout))
    umoci("new", "--image", image)
    for number in range(3):
        root = tmp_path / f"tree-{number}"
        make_tree(root, chance)
        umoci("insert", *rootless, *(["--opaque"] if number == 2 else []), "--image", image, str(root), "/usr")
    umoci("insert", *rootless, "--image", image, "--whiteout", "/usr/a")
    bundle = tmp_path / "changed"
    umoci("unpack", *rootless, "--image", image, str(bundle))
    for path in sorted(bundle.rglob("*"))[:: chance.randint(2, 5)]:
        if path.is_file() and not path.is_symlink() and "rootfs" in path.parts:
            path.unlink() if chance.random() < 0.5 else path.write_bytes(chance.randbytes(700))
    umoci("repack", *rootless, "--image", image, str(bundle))
    for blob in layers_of(layout):
        tar = gzip.decompress(blob)
        compare(by_scan(tar), by_bsdtar(padded(tar) + END))  # umoci leaves out the last padding and the end marker
    check_unpacked(layout, unpack(layout))


def check_unpacked(layout: Path, root: Path) -> None:
    """The files that the merge shows are those on disk, with their sizes and contents."""
    analysis = Analyzer(hash_content=True).analyze(str(layout))
    shown = dict[str, tuple[int, str | None]]()
    for layer in analysis.layers:
        assert layer.files is not None and layer.hidden_by is not None
        for row, entry in enumerate(layer.files):
            marker = entry.path.rpartition("/")[2].startswith(".wh.")
            if entry.kind == "file" and layer.hidden_by[row] < 0 and not marker:
                shown[entry.path] = (entry.size, entry.content_hash)
    on_disk = dict(files_of(root))
    names = {(status.st_dev, status.st_ino): set[str]() for status in on_disk.values()}
    for path, status in on_disk.items():
        names[status.st_dev, status.st_ino].add(path)
    assert set(shown) <= set(on_disk)
    assert all(any(name in shown for name in inode) for inode in names.values())
    for path, (size, content_hash) in shown.items():
        assert size == on_disk[path].st_size
        assert content_hash == xxhash.xxh3_128_hexdigest((root / path).read_bytes())
    assert analysis.live_size == sum(size for size, _ in shown.values())


def files_of(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield decode_name(os.path.relpath(path, os.fsencode(root))), os.lstat(path)


def umoci(*arguments: str) -> None:
    result = subprocess.run([program("umoci"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def layers_of(layout: Path) -> Iterator[bytes]:
    """The layers' blobs, base first."""

    def blob(digest: str) -> bytes:
        data = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
        assert sha256(data) == digest
        return data

    index = json.loads((layout / "index.json").read_bytes())
    for layer in json.loads(blob(index["manifests"][0]["digest"]))["layers"]:
        yield blob(layer["digest"])
