"""ZstdFrameParser: a zstd stream is complete between frames, and nowhere else."""

from __future__ import annotations

import random

import pytest
import zstandard

from ocisize.analyzer import Analyzer
from ocisize.errors import OcisizeError, StreamError
from ocisize.blob.stream import LayerStream
from ocisize.blob.zstd_frames import ZstdFrameParser
from tests.images import BuiltLayer, build_image, compress, tar_bytes, write_layout, write_oci_archive

SKIPPABLE = b"\x53\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
DATA = random.Random(1).randbytes(150_000) + bytes(400_000) + b"text " * 1000


def frames() -> dict[str, bytes]:
    size = zstandard.ZstdCompressor(write_checksum=False, write_content_size=True).compress(DATA)
    checksum = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False, level=1).compress(DATA)
    small = zstandard.ZstdCompressor(write_checksum=True).compress(b"x")
    empty = zstandard.ZstdCompressor().compress(b"")
    return {"size": size, "checksum": checksum, "small": small, "empty": empty, "skippable": SKIPPABLE}


@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize(
    "names", [["size"], ["checksum", "skippable", "small"], ["skippable", "empty", "size", "skippable"]]
)
def test_complete_between_frames_only(names: list[str], step: int) -> None:
    """However the bytes are cut into pieces, the stream is complete exactly where a frame ends."""
    parts = [frames()[name] for name in names]
    stream = b"".join(parts)
    ends = {sum(map(len, parts[:count])) for count in range(len(parts) + 1)}
    walker = ZstdFrameParser()
    for start in range(0, len(stream), step):
        piece = memoryview(stream[start : start + step])
        walker.feed(piece)
        assert walker.complete == (start + len(piece) in ends)


def test_a_cut_layer_with_a_right_digest_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A zstd blob that ends within a frame is an error even where its digest is that of the cut bytes."""
    tar = tar_bytes({f"f{number}": random.Random(number).randbytes(20_000) for number in range(40)})
    blob = zstandard.ZstdCompressor(write_checksum=True).compress(tar)
    for cut in (1, 3, 4, 200, 100_000, len(blob) // 2):
        image = build_image([BuiltLayer(tar, blob[:-cut], "zstd")])
        folder = write_layout(image, tmp_path_factory.mktemp("cut") / "layout")
        with pytest.raises(OcisizeError):
            Analyzer().analyze(str(folder))


def test_cut_checksums_are_detected() -> None:
    """A stream without the checksum of its last frame is cut, though all contents are there."""
    stream = LayerStream([compress(tar_bytes({"a": b"1"}), "zstd")[:-2]])
    buffer = memoryview(bytearray(1 << 16))
    while stream.readinto(buffer):
        pass
    with pytest.raises(StreamError, match="zstd stream ends early"):
        stream.finish()


def test_a_cut_archive_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An archive that is compressed as a whole and ends within a frame is an error."""
    path = write_oci_archive(build_image([]), tmp_path_factory.mktemp("archive") / "a.tar.zst", outer="zstd")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(OcisizeError, match="zstd stream ends early"):
        Analyzer().analyze(str(path))
