"""The memory law, measured: each case in a process of its own, by the most that it ever had resident."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ocisize import Analyzer
from ocisize.cli.main import main
from ocisize.errors import LayerError, LimitExceeded
from ocisize.limits import Limits
from ocisize.limits import (
    BASE_MEMORY,
    TIMES_EVERY_FILE,
    TIMES_LONG_TABLES,
    MEMORY_PER_BYTE,
    MEMORY_PER_ENTRY,
    MEMORY_PER_KEPT_BYTE,
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
SLACK = 4 * MIB  #: of a job that reads small layers, and has MEMORY_PER_JOB
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


Image = tuple[Path, int, int, int]  # with its entries, and the bytes of its names and of the files that are kept
Images = dict[str, Image]


def law_of(image: Image) -> int:
    """The bytes of memory for what is in an image, by the law."""
    _, entry_count, size, kept = image
    return MEMORY_PER_ENTRY * entry_count + MEMORY_PER_BYTE * size + MEMORY_PER_KEPT_BYTE * kept


def files(*names_and_data: tuple[bytes, bytes]) -> bytes:
    """A tar of small files with short names."""
    return b"".join([*(header(name, len(data)) + padded(data) for name, data in names_and_data), bytes(1024)])


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def findings() -> Iterator[tuple[str, list[bytes], int, int, int]]:
    """Images of which many figures, findings and steps of a plan are kept until the end of a report."""
    each, count = 20, COUNT // 20
    paths = [b"t/d%05d/f%05d" % (number // each, number) for number in range(COUNT)]
    half = COUNT // 2
    size = COUNT * 18
    yield "twenty copies", [entries(count) + bytes(512 * copy) for copy in range(20)], COUNT + 20, metadata(COUNT, 50), 0
    marks = [(b"t/d%05d/.wh.f%05d" % (number // each, number), b"") for number in range(half)]
    yield (
        "whiteouts",
        [files(*((path, b"%08d" % at) for at, path in enumerate(paths[:half]))), files(*marks)],
        COUNT,
        size,
        0,
    )
    types = [(path.replace(b"f", b"x.f"), b"%08d" % at) for at, path in enumerate(paths)]
    yield "a file type each", [files(*types)], COUNT, size, 0
    caches = [(b"o/d%05d/f.pyc" % number, b"%08d" % number) for number in range(half)]
    yield "a cache each", [files(*caches)], COUNT, half * 23, 0
    yield "duplicates", [files(*((path, b"same") for path in paths))], COUNT, size, 0
    yield "one file each step", [files((b"f%d" % number, b"%d" % number)) for number in range(1000)], 1000, 5000, 0
    stanza = b"Package: p%d\nStatus: install ok installed\nVersion: 1\n\n"
    status = b"".join(stanza % number for number in range(100_000))
    database = files((b"etc/os-release", b"ID=debian\n"), (b"var/lib/dpkg/status", status))
    yield "packages", [database], 6, 100, len(status)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Images by what is special about them, with their entries and the bytes of their names."""
    made: Images = {}
    half = COUNT // 2
    for kind, tars, entry_count, size in (
        ("nothing", [entries(1)], 2, 100),
        ("distinct", [entries(half), entries(half, first=half)], COUNT + COUNT // 20, metadata(COUNT, 50)),
        ("twice", [entries(half), entries(half) + bytes(512)], COUNT + COUNT // 20, metadata(COUNT, 50)),
        ("long names", [entries(COUNT // 5, name=1000)], COUNT // 5 + COUNT // 100, metadata(COUNT // 5, 1000)),
        ("a directory each", [entries(COUNT, each=1)], 2 * COUNT, 2 * metadata(COUNT, 50)),
    ):
        built = build_image([stored(tar) for tar in tars])
        made[kind] = write_layout(built, tmp_path_factory.mktemp("memory") / "l"), entry_count, size, 0
    for kind, tars, entry_count, size, kept in findings():
        built = build_image([stored(tar) for tar in tars])
        made[kind] = write_layout(built, tmp_path_factory.mktemp("memory") / "l"), entry_count, size, kept
    platforms = [
        build_image([stored(entries(half)), stored(entries(half // 2, first=at))], architecture=name)
        for name, at in (("amd64", half), ("arm64", 2 * half))
    ]
    listed = [for_platform(each.descriptor, "linux", name) for each, name in zip(platforms, ("amd64", "arm64"), strict=True)]
    blobs = {digest: data for platform in platforms for digest, data in platform.blobs.items()}
    folder = write_files(layout_files(index_bytes(listed), blobs), tmp_path_factory.mktemp("memory") / "index")
    made["index"] = folder, COUNT + COUNT // 20, metadata(COUNT, 50), 0
    return made


@pytest.fixture(scope="module")
def least(images: Images) -> int:
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
    ("twenty copies", [], 1),
    ("twenty copies", ["-f", "markdown"], 1),
    ("twenty copies", ["-f", "json", "--files"], TIMES_EVERY_FILE),
    ("whiteouts", [], 1),
    ("whiteouts", ["-f", "gitlab"], 1),
    ("a file type each", [], 1),
    ("a cache each", ["-f", "junit"], 1),
    ("duplicates", ["-f", "csv"], 1),
    ("packages", [], 1),
    ("packages", ["-f", "cyclonedx"], TIMES_EVERY_FILE),
    ("packages", ["-f", "spdx"], TIMES_EVERY_FILE),
]
VIEWS: Sequence[tuple[str, list[str], int]] = [
    ("advise", [], 1),
    ("files", [], 1),
    ("files", ["--top", "1000000", "-f", "json"], TIMES_LONG_TABLES),
    ("tree", [], 1),
]


@pytest.mark.parametrize(("kind", "arguments", "times"), CASES, ids=lambda each: each if isinstance(each, str) else None)
def test_the_law(images: Images, least: int, kind: str, arguments: list[str], times: int) -> None:
    """What entries take beyond an image of one file is what the law says, or less; and the base is enough for the rest."""
    folder = images[kind][0]
    found = peak(str(folder), *arguments)
    jobs = int(arguments[-1]) if "--jobs" in arguments else 2
    assert least < BASE_MEMORY
    assert found - least <= times * law_of(images[kind]) + jobs * SLACK


@pytest.mark.parametrize(("command", "arguments", "times"), VIEWS, ids=lambda each: each if isinstance(each, str) else None)
def test_the_law_of_views(images: Images, least: int, command: str, arguments: list[str], times: int) -> None:
    """The same for the other commands."""
    image = images["twenty copies"]
    assert peak(command, str(image[0]), *arguments) - least <= times * law_of(image) + 2 * SLACK


def test_the_law_of_comparisons(images: Images, least: int) -> None:
    """Two images, all of whose files are compared."""
    one, other = images["distinct"][0], images["twice"][0]
    result = subprocess.run(
        [sys.executable, "-c", RUN, "diff", str(one), str(other), "-q", "-o", "/dev/null"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = int(result.stderr.split()[-1]) - least
    assert found <= TIMES_TWO_IMAGES * law_of(images["distinct"]) + 2 * SLACK


def test_the_base_is_enough_for_a_registry(server: Server) -> None:
    """Whose client is most of what is loaded."""
    assert peak(serve(server, build_image([stored(entries(1))]))) < BASE_MEMORY


def test_the_base_is_enough_for_many_layers(images: Images) -> None:
    """A thousand build steps and layers take 8 kB each, and an image has at most 4,096 of them."""
    assert peak(str(images["one file each step"][0])) < BASE_MEMORY


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
            for times in (1, TIMES_TWO_IMAGES, TIMES_EVERY_FILE):
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


def test_an_image_that_does_not_fit(images: Images, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_kept_files_count(images: Images) -> None:
    """A package database needs memory by its size, and is refused as entries are."""
    folder = images["packages"][0]
    with pytest.raises(LayerError, match="bytes of memory for the entries of all layers"):
        Analyzer(max_memory=140 * MIB, jobs=1).analyze(folder)
    assert Analyzer(max_memory=200 * MIB, jobs=1).analyze(folder).system.packages == 100_000
    with pytest.raises(LayerError, match="more than 1000 bytes of package databases in all layers") as caught:
        Analyzer(limits=Limits(kept_size=1000)).analyze(folder)
    assert "Limits(kept_size=...)" in (caught.value.hint or "")


@pytest.mark.parametrize("megabytes", [60, 80, 160])
@pytest.mark.parametrize("arguments", [[], ["-f", "json"]], ids=["text", "json"])
def test_a_system_with_too_little_memory(images: Images, megabytes: int, arguments: list[str]) -> None:
    """A run that gets no memory ends with an error and a hint, wherever it is; no traceback."""
    command = [sys.executable, "-m", "ocisize", str(images["twenty copies"][0]), *arguments, "-q", "-o", os.devnull]
    size = megabytes << 20
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))  # noqa: E731
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, preexec_fn=limit, check=False)
    if result.returncode:
        lines = result.stderr.splitlines()
        assert (result.returncode, lines[0]) == (2, "error: not enough memory for this image and this report")
        assert lines[1].startswith("hint: --max-memory SIZE refuses an image")


def test_it_is_refused_in_time(images: Images) -> None:
    """What is refused has not taken more than was allowed."""
    assert peak(str(images["a directory each"][0]), "--max-memory", "140 MiB", "--jobs", "1") < 140 * MIB


def test_going_on_does_not_go_beyond(images: Images) -> None:
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
