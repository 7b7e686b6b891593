"""The merge against umoci, which unpacks images for real: the same files, the same bytes.

umoci writes through symlinks of lower layers where overlay drivers put a directory, so images with symlinks are
left out here. It refuses hard links without their target and implied directories in the place of files, so random
images have neither.
"""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sysconfig
import tarfile
from itertools import accumulate
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.text import decode_name
from tests.tools import program
from tests.images import DIR, BuiltLayer, Entry, File, Hard, Link, build_image, layer, raw_layer, tar_bytes, write_layout
from tests.property.model import Pairs, overlay

SEEDS = range(60)
NAMES = "abc"


def unpack(folder: Path) -> Path:
    """The root filesystem of the layout in a folder, as umoci makes it."""
    umoci = program("umoci")
    bundle = folder.parent / "bundle"
    rootless = [] if os.geteuid() == 0 else ["--rootless"]
    command = [umoci, "unpack", *rootless, "--image", f"{folder}:app", str(bundle)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    return bundle / "rootfs"


def unpacked_files(root: Path) -> dict[str, os.stat_result]:
    """Regular files by path; names as text with surrogate escapes."""
    found = {}
    for folder, _, names in os.walk(os.fsencode(root)):
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                found[decode_name(os.path.relpath(path, os.fsencode(root)))] = status
    return found


def live_bytes(files: dict[str, os.stat_result]) -> int:
    return sum({status.st_ino: status.st_size for status in files.values()}.values())


def gnu_layer(entries: Pairs) -> BuiltLayer:
    return raw_layer(tar_bytes(entries, format=tarfile.GNU_FORMAT))  # PAX has no names that are not UTF-8


def check(tmp_path: Path, layers: list[Pairs]) -> None:
    """Figures and visible files are those of the unpacked image."""
    folder = write_layout(build_image([gnu_layer(entries) for entries in layers]), tmp_path / "layout")
    files = unpacked_files(unpack(folder))
    assert Analyzer(jobs=1).analyze(str(folder)).live_size == live_bytes(files)
    assert overlay(layers).visible_files == set(files)


CASES: dict[str, list[Pairs]] = {
    "overwritten": [[("a", b"one")], [("a", b"three")]],
    "deleted": [[("d/a", b"one"), ("d/b", b"two")], [("d/.wh.a", b"")]],
    "directory deleted": [[("d/a", b"one"), ("d/e/b", b"two"), ("c", b"four")], [(".wh.d", b"")]],
    "missing deleted": [[("a", b"one")], [(".wh.b", b""), ("x/y/.wh.z", b"")]],
    "whiteout before its name": [[("d/a", b"one")], [("d/.wh.a", b""), ("d/a", b"three")]],
    "whiteout after its name": [[("d/a", b"one")], [("d/a", b"three"), ("d/.wh.a", b"")]],
    "opaque first": [[("d/a", b"one"), ("d/e/b", b"two")], [("d/.wh..wh..opq", b""), ("d/c", b"four")]],
    "opaque last": [[("d/a", b"one"), ("d/e/b", b"two")], [("d/c", b"four"), ("d/.wh..wh..opq", b"")]],
    "opaque root": [[("d/a", b"one")], [("c", b"four"), (".wh..wh..opq", b"")]],
    "file over directory": [[("d/a", b"one"), ("d/e/b", b"two")], [("d", b"four")]],
    "directory over file": [[("d", b"four")], [("d", DIR), ("d/a", b"one")]],
    "directory over directory": [[("d", DIR), ("d/a", b"one")], [("d", DIR), ("d/b", b"two")]],
    "implied parents": [[("d/a", b"one")], [("d/e/f/b", b"two")]],
    "whiteout below a file": [[("d", b"four")], [("d/.wh.a", b""), ("d/.wh..wh..opq", b"")]],
    "twice in a layer": [[("a", b"one"), ("a", b"three")]],
    "hard links": [[("a", b"one"), ("b", Hard("a")), ("d/c", Hard("b"))]],
    "a name of three deleted": [[("a", b"one"), ("b", Hard("a")), ("c", Hard("b"))], [(".wh.a", b"")]],
    "a link overwritten": [[("a", b"one"), ("b", Hard("a"))], [("b", b"three")]],
    "all names deleted": [[("a", b"one"), ("b", Hard("a"))], [(".wh.a", b""), (".wh.b", b"")]],
    "link to a lower layer": [[("a", b"one")], [("b", Hard("a"))], [(".wh.a", b"")]],
    "target replaced under its link": [[("a", b"one"), ("b", Hard("a"))], [("a", b"three"), ("c", Hard("a"))]],
    "payload in a whiteout": [[("a", b"one")], [(".wh.a", b"payload")]],
    "not UTF-8": [[("d\udcff/a\udce9", b"one"), ("d\udcff/b", b"two")], [("d\udcff/.wh.a\udce9", b"")]],
    "case": [[("a", b"one"), ("A", b"three")], [(".wh.A", b"")]],
    "dots and slashes": [[("./d//a", b"one"), ("/d/b", b"two")], [("d/./a", b"three"), ("./d/.wh.b", b"")]],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_made_cases_are_unpacked_alike(tmp_path: Path, name: str) -> None:
    """Each rule of overlaying does what unpacking does."""
    check(tmp_path, CASES[name])


LED: dict[str, tuple[Pairs, int]] = {
    "a whiteout": ([("x/l/.wh.f", b"")], 1),
    "an opaque marker": ([("x/l/.wh..wh..opq", b"")], 0),
    "a deep whiteout": ([("x/l/d/e/.wh.f", b"")], 99),
    "a folder that comes too late": ([("x/l/.wh.f", b""), ("x/l", DIR)], 1),
    "a folder that replaces the symlink": ([("x/l", DIR), ("x/l/.wh.f", b"")], 100),
}


@pytest.mark.parametrize("name", LED)
def test_whiteouts_below_lower_symlinks(tmp_path: Path, name: str) -> None:
    """umoci 0.4.7 and later follow the symlink, overlayfs hides it: where they differ, there is a warning."""
    upper, live = LED[name]
    lower: Pairs = [("x/real/f", bytes(99)), ("x/real/d/e/f", b"1"), ("x/l", Link("real"))]
    folder = write_layout(build_image([gnu_layer(lower), gnu_layer(upper)]), tmp_path / "layout")
    analysis = Analyzer(jobs=1).analyze(str(folder))
    assert live_bytes(unpacked_files(unpack(folder))) == live
    assert analysis.live_size == 100
    assert len(analysis.warnings) == (live != 100)


def random_layers(chance: random.Random) -> list[Pairs]:
    """Layers over few names, so that they collide; tried until no hard link is without its target."""
    while True:
        layers = [random_layer(chance) for _ in range(chance.randint(2, 5))]
        if not overlay(layers).odd_links:
            return layers


def random_layer(chance: random.Random) -> Pairs:
    entries: list[tuple[str, Entry]] = []
    for _ in range(chance.randint(1, 8)):
        path = "/".join(chance.choices(NAMES, k=chance.choice([1, 2, 2, 3])))
        folder, _, name = path.rpartition("/")
        prefix = f"{folder}/" if folder else ""
        files = [known for known, entry in entries if isinstance(entry, File) and ".wh." not in known]
        entries += [(parent, DIR) for parent in accumulate(path.split("/")[:-1], "{}/{}".format)]
        kind = chance.choice(["file", "file", "file", "dir", "whiteout", "opaque", "link"])
        if kind == "file":
            entries.append((path, File(bytes(chance.choices(b"xyz", k=chance.randint(0, 9))))))
        elif kind == "dir":
            entries.append((path, DIR))
        elif kind == "whiteout":
            entries.append((f"{prefix}.wh.{name}", b""))
        elif kind == "opaque":
            entries.append((f"{prefix}.wh..wh..opq", b""))
        elif files:
            entries.append((path, Hard(chance.choice(files))))
    return entries


@pytest.mark.parametrize("seed", SEEDS)
def test_random_images_are_unpacked_alike(tmp_path: Path, seed: int) -> None:
    """Images of colliding files, directories, hard links and whiteouts hold the same files and bytes when unpacked."""
    check(tmp_path, random_layers(random.Random(seed)))


def gnu_tar(folder: Path, *options: str) -> BuiltLayer:
    """What is in a folder as GNU tar writes it."""
    tar = program("tar")
    command = [tar, "--sort=name", "--format=gnu", "-C", str(folder), *options, "-cf", "-", "usr"]
    return raw_layer(subprocess.run(command, capture_output=True, check=True).stdout)


def test_an_image_of_real_files(tmp_path: Path) -> None:
    """Packages of the Python library, partly changed, given away and deleted in upper layers, weigh what they do unpacked."""
    library = Path(sysconfig.get_paths()["stdlib"])
    base, change = tmp_path / "base", tmp_path / "change"
    for package in ("json", "email", "unittest"):
        shutil.copytree(library / package, base / "usr/lib" / package, ignore=shutil.ignore_patterns("__pycache__"))
    (base / "usr/lib/email/linked.py").hardlink_to(base / "usr/lib/email/parser.py")
    shutil.copytree(base / "usr/lib/email", change / "usr/lib/email")  # stored again for its owner
    changed = change / "usr/lib/email/header.py"
    changed.write_text(changed.read_text() + "# changed\n")
    layers = [
        gnu_tar(base),
        gnu_tar(change, "--owner=1000", "--group=1000", "--mode=u+x"),
        layer({"usr/lib/json/.wh.tool.py": b"", "usr/lib/.wh.unittest": b"", "usr/lib/email/.wh.parser.py": b"",
               "usr/lib/email/mime/.wh..wh..opq": b"", "usr/lib/email/mime/new.py": b"new"}),
    ]  # fmt: skip
    folder = write_layout(build_image(layers), tmp_path / "layout")
    files = unpacked_files(unpack(folder))
    analysis = Analyzer().analyze(str(folder))
    assert analysis.live_size == live_bytes(files) > 0
    assert analysis.content_size == sum(
        member.size for built in layers for member in tar_members(built, tmp_path / "one.tar") if member.isreg()
    )
    by_cause = {str(entry.cause) for entry in analysis.waste}
    assert by_cause == {"metadata-only", "overwritten", "deleted", "opaque"}
    wasted = {entry.path for entry in analysis.waste if entry.held_by == 0}
    assert {f"usr/lib/email/{name}" for name in ("header.py", "charset.py")} <= wasted
    assert [entry.path for entry in analysis.waste if str(entry.cause) == "overwritten"] == ["usr/lib/email/header.py"]


def tar_members(built: BuiltLayer, path: Path) -> list[tarfile.TarInfo]:
    path.write_bytes(built.tar)
    with tarfile.open(path) as archive:
        return archive.getmembers()
