"""The memory law, measured: each case in a process of its own, by the most that it ever had resident."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.cli.main import main
from ocisize.errors import LayerError, LimitExceeded
from ocisize.limits import Limits
from ocisize.limits import (
    BASE_MEMORY,
    TIMES_EVERY_FILE,
    MEMORY_PER_BYTE,
    MEMORY_PER_ENTRY,
    MEMORY_PER_JOB,
    TIMES_TWO_IMAGES,
    limits_within,
)
from tests.registry import Server
from tests.test_endings import serve
from tests.images import (
    BuiltLayer,
    build_image,
    compress,
    for_platform,
    index_bytes,
    layer,
    layout_files,
    tar_bytes,
    write_files,
    write_layout,
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
MIB = 1 << 20
SLACK = 3 * MIB  #: of a job that reads small layers
COUNT = 40_000
RUN = """
import sys
from ocisize.cli.main import main
main(sys.argv[1:])
status = open("/proc/self/status").read()
print(1024 * int(status.split("VmHWM:")[1].split()[0]), file=sys.stderr)
"""


def header(name: bytes, size: int, flag: bytes = b"0") -> bytes:
    """An old tar header, made faster than tarfile does."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108], block[108:116], block[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    block[124:136], block[136:148] = b"%011o\0" % size, b"%011o\0" % 0
    block[148:156], block[156:157], block[257:265] = b" " * 8, flag, b"ustar  \0"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def entries(count: int, *, name: int = 50, each: int = 20, first: int = 0) -> bytes:
    """A tar of small files whose names have so many bytes, ``each`` in a directory."""
    parts = []
    for number in range(first, first + count):
        path = (b"usr/lib/d%d/p%d/f%d.js" % (number // each // 50, number // each, number)).ljust(name, b"x")
        if len(path) > 99:
            parts += [header(b"././@LongLink", len(path) + 1, b"L"), path.ljust(-(-(len(path) + 1) // 512) * 512, b"\0")]
        parts += [header(path[:99], 8), (b"%08d" % number).ljust(512, b"\0")]
    return b"".join([*parts, bytes(1024)])


def stored(tar: bytes) -> BuiltLayer:
    return BuiltLayer(tar, compress(tar, "zstd"), "zstd")


def metadata(count: int, name: int) -> int:
    """Bytes of names that the law counts, directories and long names' headers included."""
    return count * (name + 1) * (3 if name > 99 else 2)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, int, int]]:
    """Images by what is special about them, with their entries and the bytes of their names."""
    made = {}
    half = COUNT // 2
    for kind, tars, entry_count, size in (
        ("nothing", [entries(1)], 2, 100),
        ("distinct", [entries(half), entries(half, first=half)], COUNT + COUNT // 20, metadata(COUNT, 50)),
        ("twice", [entries(half), entries(half) + bytes(512)], COUNT + COUNT // 20, metadata(COUNT, 50)),
        ("long names", [entries(COUNT // 5, name=1000)], COUNT // 5 + COUNT // 100, metadata(COUNT // 5, 1000)),
        ("a directory each", [entries(COUNT, each=1)], 2 * COUNT, 2 * metadata(COUNT, 50)),
    ):
        built = build_image([stored(tar) for tar in tars])
        made[kind] = write_layout(built, tmp_path_factory.mktemp("memory") / "l"), entry_count, size
    platforms = [
        build_image([stored(entries(half)), stored(entries(half // 2, first=at))], architecture=name)
        for name, at in (("amd64", half), ("arm64", 2 * half))
    ]
    listed = [for_platform(each.descriptor, "linux", name) for each, name in zip(platforms, ("amd64", "arm64"), strict=True)]
    blobs = {digest: data for platform in platforms for digest, data in platform.blobs.items()}
    folder = write_files(layout_files(index_bytes(listed), blobs), tmp_path_factory.mktemp("memory") / "index")
    made["index"] = folder, COUNT + COUNT // 20, metadata(COUNT, 50)
    return made


@pytest.fixture(scope="module")
def least(images: dict[str, tuple[Path, int, int]]) -> int:
    """What an image of one file takes."""
    return peak(str(images["nothing"][0]))


def peak(*arguments: str) -> int:
    result = subprocess.run(
        [sys.executable, "-c", RUN, *arguments, "-q", "-o", "/dev/null"], capture_output=True, text=True, timeout=300
    )
    return int(result.stderr.split()[-1])


CASES: Sequence[tuple[str, list[str], int]] = [
    ("distinct", [], 1),
    ("twice", [], 1),
    ("long names", [], 1),
    ("a directory each", [], 1),
    ("distinct", ["--jobs", "8"], 1),
    ("twice", ["-f", "json"], TIMES_EVERY_FILE),
    ("twice", ["-f", "sarif"], 1),
    ("twice", ["-f", "json", "--files"], TIMES_EVERY_FILE),
    ("long names", ["-f", "json", "--files"], TIMES_EVERY_FILE),
    ("a directory each", ["-f", "csv", "--files"], TIMES_EVERY_FILE),
    ("a directory each", ["-f", "html"], TIMES_EVERY_FILE),
    ("a directory each", ["-f", "ncdu"], TIMES_EVERY_FILE),
    ("twice", ["-f", "dive-json"], TIMES_EVERY_FILE),
    ("index", ["--all-platforms"], TIMES_TWO_IMAGES),
]


@pytest.mark.parametrize(("kind", "arguments", "times"), CASES, ids=lambda each: each if isinstance(each, str) else None)
def test_the_law(images: dict[str, tuple[Path, int, int]], least: int, kind: str, arguments: list[str], times: int) -> None:
    """What entries take beyond an image of one file is what the law says, or less; and the base is enough for the rest."""
    folder, entry_count, size = images[kind]
    found = peak(str(folder), *arguments)
    jobs = int(arguments[-1]) if "--jobs" in arguments else 2
    assert least < BASE_MEMORY
    assert found - least <= times * (MEMORY_PER_ENTRY * entry_count + MEMORY_PER_BYTE * size) + jobs * SLACK


def test_the_law_of_comparisons(images: dict[str, tuple[Path, int, int]], least: int) -> None:
    """Two images, all of whose files are compared."""
    (one, entry_count, size), (other, *_) = images["distinct"], images["twice"]
    result = subprocess.run(
        [sys.executable, "-c", RUN, "diff", str(one), str(other), "-q", "-o", "/dev/null"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = int(result.stderr.split()[-1]) - least
    assert found <= TIMES_TWO_IMAGES * (MEMORY_PER_ENTRY * entry_count + MEMORY_PER_BYTE * size) + 2 * SLACK


def test_the_base_is_enough_for_a_registry(server: Server) -> None:
    """Whose client is most of what is loaded."""
    assert peak(serve(server, build_image([stored(entries(1))]))) < BASE_MEMORY


def test_large_files_take_none(tmp_path: Path, least: int) -> None:
    """Contents stream: 200 MB of them, in layers that are read at once, take what the jobs are granted."""
    image = build_image(
        [stored(header(b"f%d" % number, 50 * MIB) + bytes([number]) * (50 * MIB) + bytes(1024)) for number in range(4)]
    )
    large = write_layout(image, tmp_path / "l")
    assert peak(str(large), "--jobs", "4") - least <= 4 * MEMORY_PER_JOB


# --max-memory


def test_limits_that_fit() -> None:
    """What is left for entries and windows, and what it takes with them, is what was allowed."""
    for memory in (200 * MIB, 512 * MIB, 4096 * MIB):
        for jobs in (1, 2, 4):
            for times in (1, 2, 6):
                limits = limits_within(memory, Limits(), jobs=jobs, times=times)
                assert limits.memory is not None
                assert 0 < BASE_MEMORY + jobs * (MEMORY_PER_JOB + limits.zstd_window) + times * limits.memory <= memory
    roomy = limits_within(64 << 30, Limits(), jobs=2)
    assert (roomy.zstd_window, roomy.entries) == (Limits().zstd_window, Limits().entries)
    assert limits_within(64 << 30, Limits(memory=5), jobs=1).memory == 5


def test_too_little_for_anything() -> None:
    """Said before anything is read, with what would help."""
    with pytest.raises(LimitExceeded, match="not enough memory: reading 8 layers at once needs more than") as caught:
        limits_within(100 * MIB, Limits(), jobs=8)
    assert caught.value.hint == "raise the limit with --max-memory, or read fewer at once with --jobs"


def test_an_image_that_does_not_fit(images: dict[str, tuple[Path, int, int]], capsys: pytest.CaptureFixture[str]) -> None:
    """Is refused with the flag that allows it, while it is read; one that fits is analysed as ever."""
    folder = str(images["a directory each"][0])
    with pytest.raises(LayerError, match="more than .* bytes of memory for the entries of all layers") as caught:
        Analyzer(max_memory=140 * MIB, jobs=1).analyze(folder)
    assert isinstance(caught.value.cause, LimitExceeded)
    assert "--max-memory" in (caught.value.hint or "")
    assert Analyzer(max_memory=400 * MIB, jobs=1).analyze(folder) == Analyzer(jobs=1).analyze(folder)
    assert main([folder, "--max-memory", "140 MB", "--jobs", "1"]) == 2
    assert "bytes of memory for the entries of all layers" in capsys.readouterr().err
    assert main([folder, "--max-memory", "400 MB", "--jobs", "1", "-q", "-o", os.devnull]) == 0
    assert main([folder, "--max-memory", "400 MB", "--jobs", "1", "-f", "json", "--files"]) == 2


def test_it_is_refused_in_time(images: dict[str, tuple[Path, int, int]]) -> None:
    """What is refused has not taken more than was allowed."""
    assert peak(str(images["a directory each"][0]), "--max-memory", "140 MiB", "--jobs", "1") < 140 * MIB


def test_going_on_does_not_go_beyond(images: dict[str, tuple[Path, int, int]]) -> None:
    """A limit on all layers together ends the analysis, also one that keeps going: others would only add to it."""
    with pytest.raises(LayerError, match="bytes of memory"):
        Analyzer(max_memory=140 * MIB, jobs=1, keep_going=True).analyze(images["a directory each"][0])


def test_the_index_of_an_archive_counts(tmp_path: Path) -> None:
    """What an archive has members is held within the same memory, before it is known to be an image."""
    archive = tmp_path / "a.tar"
    archive.write_bytes(tar_bytes({f"{number}": b"" for number in range(30_000)}))
    for analyze in (Analyzer.analyze, Analyzer.analyze_all):
        with pytest.raises(LimitExceeded, match="bytes of memory"):
            analyze(Analyzer(max_memory=120 * MIB, jobs=1), archive)


def test_a_layer_beyond_its_own_limit_is_left_out(tmp_path: Path) -> None:
    """But one that is too large by itself is a layer that cannot be read."""
    folder = write_layout(build_image([layer({"a": b"1"}), layer({"b": b"2" * 50_000})]), tmp_path / "l")
    found = Analyzer(limits=Limits(layer_size=20_000), keep_going=True).analyze(folder)
    assert [(each.index, each.failure and each.failure.step) for each in found.unread] == [(1, "limit")]
