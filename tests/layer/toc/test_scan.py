"""Layers that are read from their tables of contents have the figures of layers that are read."""

from __future__ import annotations

import hashlib
import random
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer, DiskCache, LayerError, Limits, LimitExceeded
from ocisize.layer.toc.position import MIN_LAYER
from tests.images import DIR, BuiltLayer, Entries, File, Hard, Link, Special, build_image, layer
from tests.layer.toc.memory import RangedMemory, figures, read_both
from tests.tocs import LAYOUTS, TOC_DIGEST, TocLayer, estargz, zstd_chunked

NOISE = random.Random(7).randbytes(400_000)
#: of every kind: hidden files, duplicates, links, devices, owners, xattrs, empty and large files, package databases
ENTRIES: Entries = [
    ("etc", DIR),
    ("etc/os-release", b'ID=debian\nVERSION_ID="12"\nNAME="Debian"\n'),
    ("etc/empty", b""),
    ("etc/café", b"name that is not ASCII"),
    ("var/lib/dpkg/status", b"Package: libc6\nStatus: install ok installed\nVersion: 2.36\nInstalled-Size: 9\n\n"),
    ("var/lib/dpkg/info/libc6.list", b"/.\n/etc\n/usr/lib/libc.so\n"),
    ("usr/lib/libc.so", File(NOISE[:150_000], mode=0o755)),
    ("usr/lib/large", NOISE),
    ("usr/lib/copy", NOISE[:150_000]),
    ("usr/bin/tool", File(NOISE[9:90_000], mode=0o4755, uid=7, gid=8, pax={"SCHILY.xattr.security.capability": "cap"})),
    ("usr/bin/hard", Hard("usr/bin/tool")),
    ("usr/bin/soft", Link("tool")),
    ("dev/null", Special(tarfile.CHRTYPE)),
    ("dev/pipe", Special(tarfile.FIFOTYPE)),
    ("tmp/cache", NOISE[:70_000]),
    ("long/" + "x" * 120 + "/file", b"path of more than 100 bytes"),
]
UPPER: Entries = [
    ("tmp/.wh.cache", b""),
    ("usr/lib/copy", File(NOISE[:150_000], mode=0o600)),
    ("usr/lib/large", NOISE[1:]),
    ("opt/.wh..wh..opq", b""),
    ("opt/more", NOISE[:150_000]),
]


def layers_of(form: str) -> list[TocLayer]:
    if form.startswith("estargz"):
        options: dict[str, Any] = {"estargz": {}, "estargz-chunks": {"chunk": 30_000}, "estargz-members": {"members": 5}}
        return [estargz(entries, landmark=False, **options[form]) for entries in (ENTRIES, UPPER)]
    name, _, chunks = form.partition("-")
    return [zstd_chunked(entries, name, chunk=30_000 if chunks else 1 << 20) for entries in (ENTRIES, UPPER)]  # type: ignore[arg-type]


FORMS = ["estargz", "estargz-chunks", "estargz-members", *LAYOUTS, *(f"{layout}-chunks" for layout in LAYOUTS)]


@pytest.mark.parametrize("form", FORMS)
def test_figures_are_those_of_reading_the_layers(form: str) -> None:
    layers = layers_of(form)
    with_toc, whole, source = read_both(*layers)
    assert figures(with_toc) == figures(whole)
    assert with_toc.system.os is not None
    assert with_toc.duplicate_size > 0
    assert not set(source.whole) & {built.digest for built in layers}


@pytest.mark.parametrize("form", FORMS)
def test_content_hashes_are_comparable(form: str) -> None:
    """A layer without a table gets the hashes that tables have, so duplicates between both ways are found."""
    plain = layer({"srv/copy": NOISE[:150_000], "srv/other": NOISE[5:1000]})
    with_toc, whole, _ = read_both(*layers_of(form), plain)
    assert figures(with_toc) == figures(whole)
    tables = [built.files for built in with_toc.layers]
    assert {table.hash_function for table in tables if table is not None} == {"sha256-128"}
    entry = next(entry for entry in tables[-1] or () if entry.path == "srv/other")
    assert entry.content_hash == hashlib.sha256(NOISE[5:1000]).hexdigest()[:32]
    assert with_toc.layers[-1].digest_verified
    assert with_toc.layers[-1].toc is None


@pytest.mark.parametrize("form", FORMS)
def test_stored_bytes_add_up(form: str) -> None:
    layers = layers_of(form)
    with_toc, whole, _ = read_both(*layers)
    for read, other, built in zip(with_toc.layers, whole.layers, layers, strict=True):
        table, read_table = read.files, other.files
        assert table is not None and read_table is not None and table.compressed_sizes is not None
        assert read.overhead_size is not None
        assert sum(table.compressed_sizes) + read.overhead_size == len(built.blob)
        assert min(table.compressed_sizes) >= 0
        for one, another in zip(table, read_table, strict=True):
            if one.path == "stargz.index.json":
                continue
            # the content is noise; headers and padding are the rest
            assert abs((one.compressed_size or 0) - one.size) < 1200 + one.size // 50, one
            assert another.path == one.path


def test_packages_in_executables_are_unknown() -> None:
    """A warning names the layer with executables or jars; a layer that is read has none."""
    _, _, source = read_both(*layers_of("estargz"))
    with_toc = Analyzer(packages=True).analyze_source(source)
    assert with_toc.packages is not None
    assert with_toc.packages.warnings == (
        "layer 0 was read from its table of contents: packages in its executables and jars are unknown",
    )
    whole = Analyzer(packages=True, use_toc=False).analyze_source(source)
    assert whole.packages is not None and not whole.packages.warnings


def test_what_was_read_is_said() -> None:
    (built,) = layers_of("64")[:1]
    with_toc, _, source = read_both(built)
    (read,) = with_toc.layers
    assert (read.digest_verified, read.diff_id_verified) == (False, False)
    assert read.toc is not None
    assert (read.toc.format, read.toc.verified, read.toc.read_size) == ("zstd:chunked", True, source.range_size)
    assert read.tar_size is None
    assert with_toc.tar_size is None


def test_estargz_lists_the_file_of_its_table() -> None:
    """The table is a file of the tar, which most runtimes unpack, and so is the landmark."""
    built = estargz(ENTRIES)
    with_toc, whole, _ = read_both(built)
    assert figures(with_toc) == figures(whole)
    table = with_toc.layers[0].files
    assert table is not None
    assert table[0].path == ".no.prefetch.landmark"
    entry = table[len(table) - 1]
    assert (entry.path, entry.size) == ("stargz.index.json", len(built.toc))
    assert entry.content_hash == hashlib.sha256(built.toc).hexdigest()[:32]
    assert with_toc.tar_size == whole.tar_size == len(built.tar)


def test_requests_and_bytes() -> None:
    """zstd:chunked takes one request for the table, eStargz one for the end of the layer."""
    entries = {f"usr/share/{number}": NOISE[number : number + 3000] for number in range(100)}
    for built in (zstd_chunked(entries), estargz(entries)):
        _, _, source = read_both(built)
        assert len(source.ranges) == 1
        assert source.range_size <= max(64 << 10, len(built.blob) // 100)


def test_a_large_table_of_estargz_takes_two_requests() -> None:
    entries = {f"usr/share/{number:04}": NOISE[number : number + 90] for number in range(3000)}
    built = estargz(entries)
    assert len(built.blob) > 256 << 10
    with_toc, whole, source = read_both(built)
    assert figures(with_toc) == figures(whole)
    assert len(source.ranges) == 2
    (_, first, end), (_, start, stop) = source.ranges
    assert stop == first < end == len(built.blob)
    assert start > 0


def test_files_that_are_read_take_few_requests() -> None:
    entries: dict[str, Any] = {"usr/lib/large": NOISE}
    status = b"".join(b"Package: p%d\nStatus: install ok installed\nVersion: 1\n\n" % number for number in range(200))
    entries["var/lib/dpkg/status"] = status
    for number in range(200):
        entries[f"var/lib/dpkg/info/p{number}.list"] = b"/.\n/usr\n/usr/lib/%d\n" % number
        entries[f"var/lib/dpkg/info/p{number}.md5sums"] = NOISE[number : number + 100]
    entries["usr/lib/more"] = NOISE[1:]
    entries["etc/os-release"] = b"ID=debian\n"
    for built in (zstd_chunked(entries), estargz(entries)):
        with_toc, whole, source = read_both(built)
        assert figures(with_toc) == figures(whole)
        assert len(source.ranges) <= 4
        assert source.range_size < len(built.blob) // 3


def test_a_layer_of_such_files_is_read() -> None:
    entries = {f"app/node_modules/p{number}/package.json": b'{"name": "p%d"}' % number + NOISE[:900].hex().encode()
               for number in range(400)}  # fmt: skip
    built = zstd_chunked(entries)
    assert len(built.blob) > MIN_LAYER
    with_toc, whole, source = read_both(built)
    assert figures(with_toc) == figures(whole)
    assert with_toc.layers[0].digest_verified
    assert source.whole.count(built.digest) == 1


def test_small_layers_are_read() -> None:
    built = estargz({"a": b"small"})
    with_toc, _, source = read_both(built)
    assert not source.ranges
    assert with_toc.layers[0].digest_verified


@pytest.mark.parametrize("options", [{"verify": True}, {"use_toc": False}])
def test_options_that_read_everything(options: dict[str, Any]) -> None:
    image = build_image(layers_of("64"))
    source = RangedMemory(image)
    analysis = Analyzer(**options).analyze_source(source)
    assert not source.ranges
    assert all(read.digest_verified and read.toc is None for read in analysis.layers)
    assert {read.files.hash_function for read in analysis.layers if read.files} == {"xxh3-128"}


def test_a_source_without_ranges_reads_all() -> None:
    class Whole:
        def __init__(self, source: RangedMemory) -> None:
            self.read_manifest, self.open_blob = source.read_manifest, source.open_blob

    analysis = Analyzer().analyze_source(Whole(RangedMemory(build_image(layers_of("estargz")))))
    assert all(read.digest_verified for read in analysis.layers)


@pytest.mark.parametrize("form", ["estargz", "64"])
@pytest.mark.parametrize(
    "change",
    [
        lambda _: None,
        lambda data: data[:-1],
        lambda data: data[:-300] + bytes([data[-300] ^ 1]) + data[-299:],
        lambda data: bytes(len(data)),
    ],
    ids=["refused", "cut", "changed", "zeros"],
)
def test_bytes_that_are_not_the_table(form: str, change: Any) -> None:
    """Whatever a source sends instead of the table: the layer is read, and verified."""
    image = build_image(layers_of(form))
    source = RangedMemory(image, change)
    whole = Analyzer(use_toc=False).analyze_source(RangedMemory(image))
    analysis = Analyzer().analyze_source(source)
    assert figures(analysis) == figures(whole)
    assert all(read.digest_verified and read.toc is None for read in analysis.layers)


def test_without_annotations_the_layer_is_read() -> None:
    for built in layers_of("64")[:1] + layers_of("estargz")[:1]:
        bare = BuiltLayer(built.tar, built.blob, built.compression)
        with_toc, _, source = read_both(bare)
        assert not source.ranges
        assert with_toc.layers[0].digest_verified


def test_limits_hold() -> None:
    image = build_image(layers_of("64"))
    analyzer = Analyzer(limits=Limits(entries=10))
    with pytest.raises(LayerError) as caught:
        analyzer.analyze_source(RangedMemory(image))
    assert isinstance(caught.value.cause, LimitExceeded)
    assert caught.value.cause.limit == "entries"


def test_the_digest_of_the_table_is_that_of_the_manifest() -> None:
    """A table of another author is not used, even if it is well-formed."""
    built, other = estargz(ENTRIES), estargz(UPPER)
    swapped = TocLayer(built.tar, built.blob, "gzip", {**built.annotations, TOC_DIGEST: other.annotations[TOC_DIGEST]}, b"")
    with_toc, whole, source = read_both(swapped)
    assert figures(with_toc) == figures(whole)
    assert source.whole.count(swapped.digest) == 1
    assert with_toc.layers[0].toc is None


def test_scans_in_a_cache_have_comparable_hashes(tmp_path: Path) -> None:
    """A layer that was kept with other hashes is read again, once; a table of contents is not kept."""
    chunked, plain = zstd_chunked(ENTRIES), layer({"srv/copy": NOISE[:150_000]})
    cache = DiskCache(tmp_path / "cache")
    options: dict[str, Any] = {"cache": cache, "files": True}
    Analyzer(**options).analyze_source(RangedMemory(build_image([plain])), name="app")
    expected = figures(Analyzer(use_toc=False).analyze_source(RangedMemory(build_image([chunked, plain])), name="app"))
    reads = []
    for _ in range(3):
        source = RangedMemory(build_image([chunked, plain]))
        analysis = Analyzer(**options).analyze_source(source, name="app")
        assert figures(analysis) == expected
        assert {read.files.hash_function for read in analysis.layers if read.files} == {"sha256-128"}
        reads.append([source.whole.count(built.digest) for built in (chunked, plain)])
    assert reads == [[0, 1], [0, 0], [0, 0]]
