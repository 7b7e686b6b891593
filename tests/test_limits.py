"""Limits: each is kept, names itself and how to raise it, and refuses nothing below it."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from ocisize import Analyzer, Limits
from ocisize.cli.main import main, make_parser
from ocisize.cli.inputs import make_limits
from ocisize.errors import LayerError, LimitExceeded, OcisizeError
from ocisize.limits import Meter, Tally
from ocisize.blob.stream import LayerStream
from ocisize.tar.scanner import scan_tar
from tests.images import (
    BuiltImage,
    Entry,
    File,
    Link,
    build_image,
    compress,
    layer,
    raw_layer,
    tar_bytes,
    write_docker_archive,
    write_layout,
    write_oci_archive,
)
from tests.oci.test_image import MemorySource


def analyze(image: BuiltImage, **limits: int) -> None:
    Analyzer(limits=Limits(**limits)).analyze_source(MemorySource(image.manifest, image.blobs))


def refused(image: BuiltImage, **limits: int) -> LimitExceeded:
    """The limit that an image meets, in the layer that met it."""
    with pytest.raises(LayerError) as caught:
        analyze(image, **limits)
    assert isinstance(caught.value.cause, LimitExceeded)
    assert caught.value.hint == caught.value.cause.hint
    return caught.value.cause


ZEROS = build_image([layer({"zeros": bytes(1 << 20)})])


@pytest.mark.parametrize("compression", ["gzip", "zstd", "plain"])
def test_bytes_of_a_layer(compression: str) -> None:
    """A layer may have as many bytes as it is allowed, however they are stored, and not one more."""
    image = ZEROS.recompressed(compression)  # type: ignore[arg-type]
    size = len(image.layers[0].tar)
    analyze(image, layer_size=size)
    error = refused(image, layer_size=size - 1)
    assert (error.limit, error.allowed) == ("layer_size", size - 1)
    assert error.got > size - 1
    assert str(error) == f"more than {size - 1} uncompressed bytes in one layer"
    assert error.hint is not None
    assert "--max-layer-size" in error.hint
    assert "Limits(layer_size=...)" in error.hint


def test_bytes_of_all_layers() -> None:
    """Layers that are each within the limit may be beyond it together; a repeated one counts once."""
    layers = [layer({f"zeros{number}": bytes(1 << 20)}) for number in range(3)]
    size = sum(len(built.tar) for built in layers)
    image = build_image([*layers, layers[0]])
    analyze(image, image_size=size)
    assert refused(image, image_size=size - 1).limit == "image_size"


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_ratios_are_judged_beyond_a_floor(compression: str) -> None:
    """Zeros compress by the thousand; that is a bomb only where there are many of them."""
    image = ZEROS.recompressed(compression)  # type: ignore[arg-type]
    size = len(image.layers[0].tar)
    analyze(image, ratio=100, ratio_floor=size)
    error = refused(image, ratio=100, ratio_floor=size - 1)
    assert error.limit == "ratio"
    assert error.got > error.allowed == 100
    assert error.hint is not None
    assert "--max-ratio" in error.hint


def test_ratios_of_all_layers_together() -> None:
    """Many layers below the floor are judged by what they have together."""
    image = build_image([layer({f"zeros{number}": bytes(1 << 20)}) for number in range(4)])
    analyze(image, ratio=100, ratio_floor=5 << 20)
    assert refused(image, ratio=100, ratio_floor=3 << 20).limit == "ratio"


def test_what_does_not_compress_is_no_bomb() -> None:
    """A layer beyond the floor is read when its bytes are worth their ratio."""
    image = build_image([raw_layer(tar_bytes({"a": bytes(range(256)) * 4096}), "plain")])
    analyze(image, ratio=1, ratio_floor=1)


def rows(count: int, prefix: str = "a") -> dict[str, Entry]:
    return {f"{prefix}{number}": b"" for number in range(count)}


def test_entries_of_all_layers() -> None:
    """Entries of all layers count together."""
    image = build_image([layer(rows(2000)), layer(rows(2000, "b"))])
    analyze(image, entries=4000)
    error = refused(image, entries=3999)
    assert (error.limit, str(error)) == (
        "entries",
        "more than 3999 entries in all layers, extended headers and implied directories included",
    )


def test_names_count_by_their_bytes() -> None:
    """Names may be 64 KiB long, each; all of them together are bounded, targets of links and attributes too."""
    long = "n" * 200
    names = build_image([layer({f"{long}{number}": b"" for number in range(2000)})])
    links = build_image([layer({f"{number}": Link(f"{long}{number}") for number in range(2000)})])
    pax = {"SCHILY.xattr.user.a": long}
    attributes = build_image([
        layer({f"{number}": File(pax={**pax, "SCHILY.xattr.user.b": str(number)}) for number in range(2000)})
    ])  # fmt: skip
    for image in (names, links, attributes):
        assert refused(image, metadata_size=300_000).limit == "metadata_size"
        analyze(image, metadata_size=2_000_000)


@pytest.mark.slow
def test_directories_count_that_only_paths_name() -> None:
    """A path of 4 KB leads through 2,000 directories, each of which takes memory."""
    deep = {f"{number}/" + "d/" * 1000 + "f": b"" for number in range(50)}
    image = build_image([layer(deep)])
    assert refused(image, entries=1500).limit == "entries"
    assert refused(image, metadata_size=10 << 20).limit == "metadata_size"
    analyze(image)


def test_shared_directories_count_once() -> None:
    """Files of one deep directory are no directories each."""
    image = build_image([layer({"d/" * 1000 + str(number): b"" for number in range(50)})])
    analyze(image, entries=50 + 50 + 1000)


def test_zstd_windows() -> None:
    """A frame that asks for more memory than allowed is refused as what it is."""
    tar = tar_bytes({"a": bytes(1 << 20)})
    parameters = zstandard.ZstdCompressionParameters(window_log=25, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    blob = compressor.compress(tar) + compressor.flush()
    image = build_image([raw_layer(tar, "zstd")])
    image = build_image([type(image.layers[0])(tar, blob, "zstd")])
    analyze(image, zstd_window=1 << 25)
    error = refused(image, zstd_window=1 << 24)
    assert (error.limit, error.got, error.allowed) == ("zstd_window", 1 << 25, 1 << 24)


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_members_of_an_archive(tmp_path: Path, outer: str) -> None:
    """The files of a saved image are counted while they are looked for."""
    path = write_docker_archive(ZEROS, tmp_path / "a.tar", outer=outer)  # type: ignore[arg-type]
    with tarfile.open(path, "r:*") as archive:
        count = len(archive.getnames())
    Analyzer(limits=Limits(members=count)).analyze(path)
    with pytest.raises(OcisizeError, match=f"more than {count - 1} files in the archive") as caught:
        Analyzer(limits=Limits(members=count - 1)).analyze(path)
    assert caught.value.hint is not None
    assert "members" in caught.value.hint


def test_bytes_of_an_archive(tmp_path: Path) -> None:
    """An archive compressed as a whole is a stream like a layer."""
    path = write_oci_archive(ZEROS.recompressed("plain"), tmp_path / "a.tar", outer="gzip")
    Analyzer(limits=Limits(ratio=1, ratio_floor=2 << 20)).analyze(path)
    with pytest.raises(OcisizeError, match="more than 100 uncompressed bytes per stored byte"):
        Analyzer(limits=Limits(ratio=100, ratio_floor=1 << 20)).analyze(path)


def bomb(size: int) -> Iterator[bytes]:
    """A gzip stream of a file of zeros, made as it is read."""
    info = tarfile.TarInfo("zeros")
    info.size = size
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    yield compressor.compress(info.tobuf(tarfile.GNU_FORMAT))
    piece = bytes(1 << 20)
    for _ in range(size >> 20):
        yield compressor.compress(piece)
    yield compressor.flush()


def test_bombs_end_early() -> None:
    """What follows the byte that is one too many is not read."""
    meter = Meter(Tally(Limits(ratio=100, ratio_floor=8 << 20)))
    stream = LayerStream(bomb(1 << 40), meter=meter)
    with pytest.raises(LimitExceeded):
        scan_tar(stream, meter=meter)
    assert stream.size < 16 << 20


@pytest.mark.parametrize(
    "limit", ["layer_size", "image_size", "ratio", "ratio_floor", "entries", "metadata_size", "zstd_window"]
)
def test_limits_are_positive(limit: str) -> None:
    """A limit of nothing would let nothing be read."""
    with pytest.raises(ValueError, match=limit):
        Limits(**{limit: 0})


def test_the_meter_is_optional() -> None:
    """The library's parts can be used without limits."""
    assert len(scan_tar(io.BytesIO(compress(tar_bytes(rows(3)), "plain")))) == 3


def test_layouts_in_folders_have_limits(tmp_path: Path) -> None:
    """Plain layers that are read in place are counted by their entries."""
    image = build_image([layer(rows(2000), "plain")])
    with pytest.raises(OcisizeError, match="more than 1999 entries"):
        Analyzer(limits=Limits(entries=1999)).analyze(write_layout(image, tmp_path / "l"))


@pytest.mark.parametrize(
    ("flag", "limit", "enough"),
    [("--max-layer-size", "1 MB", "2MiB"), ("--max-entries", "1999", "2000")],
)
def test_limits_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, limit: str, enough: str
) -> None:
    """The limits that people need to change have flags, and the error says which."""
    folder = str(write_layout(build_image([layer({**rows(1999), "zeros": bytes(1 << 20)})]), tmp_path / "l"))
    assert main([folder, flag, enough]) == 0
    assert main([folder, flag, limit]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {folder}: layer 0 (sha256:")
    assert f"hint: if you trust the image, raise the limit: {flag}, or Analyzer(limits=Limits(" in error


def test_ratios_on_the_command_line(tmp_path: Path) -> None:
    """The ratio is an integer; the floor below which it is not judged stays."""
    options = make_parser().parse_args(["x", "--max-ratio", "1000", "--max-layer-size", "2 PB"])
    limits = make_limits(options)
    assert (limits.ratio, limits.ratio_floor) == (1000, Limits().ratio_floor)
    assert limits.image_size == limits.layer_size == 2 * 10**15


@pytest.mark.parametrize("arguments", [["--max-ratio", "0"], ["--max-entries", "-1"], ["--max-layer-size", "5 bananas"]])
def test_limits_that_are_none(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A limit that cannot be understood is an error of usage."""
    with pytest.raises(SystemExit) as caught:
        main(["x", *arguments])
    assert caught.value.code == 2
    assert f"error: {arguments[0]}: got " in capsys.readouterr().err
