"""Streams: decompression by magic bytes, verification, and what happens to broken blobs."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import random
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import attrs
import pytest
import zstandard

import ocisize.blob.stream
from ocisize.blob.region import FileRegion
from ocisize.errors import BlobError, DigestMismatch, LimitExceeded, OcisizeError, SizeMismatch, StreamError
from ocisize.blob.stream import LayerStream
from ocisize.blob.compression import COMPRESSIONS, Decompressors, detect_compression
from ocisize.limits import Limits, Meter, Tally
from ocisize.blob.verify import Verifier, verify_chunks
from ocisize.tar.scanner import scan_tar
from tests.images import layer, sha256, tar_bytes

DATA = random.Random(1).randbytes(50_000) + b"compressible " * 20_000
SKIPPABLE = b"\x50\x2a\x4d\x18\x05\0\0\0extra"
LAST_SKIPPABLE = b"\x5f\x2a\x4d\x18\0\0\0\0"


def chunked(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def drain(stream: LayerStream, size: int = 10_000) -> bytes:
    """All uncompressed bytes."""
    found, buffer = bytearray(), memoryview(bytearray(size))
    while count := stream.readinto(buffer):
        found += buffer[:count]
    return bytes(found)


def read(blob: bytes, size: int = 10_000) -> tuple[bytes, LayerStream]:
    stream = LayerStream(chunked(blob))
    data = drain(stream, size)
    assert stream.finish() == len(blob)
    return data, stream


def zstd(data: bytes, *, content_size: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=content_size, write_checksum=True).compress(data)


def members(data: bytes, compress: Callable[[bytes], bytes], size: int = 70_000) -> bytes:
    return b"".join(compress(piece) for piece in chunked(data, size))


@pytest.fixture(params=["isal", "zlib"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With ISA-L, and as on machines that have none."""
    if request.param == "zlib":
        monkeypatch.setattr(ocisize.blob.compression, "isal_zlib", None)
    return str(request.param)


def xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=1)


FORMS = {
    "plain": (DATA, "plain"),
    "gzip": (gzip.compress(DATA), "gzip"),
    "gzip members": (members(DATA, gzip.compress), "gzip"),
    "gzip many members": (members(DATA, gzip.compress, 300), "gzip"),
    "gzip empty members": (gzip.compress(b"") + gzip.compress(DATA) + gzip.compress(b""), "gzip"),
    "gzip zeros": (gzip.compress(DATA) + bytes(3000), "gzip"),
    "zstd": (zstd(DATA), "zstd"),
    "zstd unsized": (zstd(DATA, content_size=False), "zstd"),
    "zstd frames": (members(DATA, zstd), "zstd"),
    "zstd many frames": (members(DATA, zstd, 300), "zstd"),
    "zstd skippable first": (SKIPPABLE + zstd(DATA), "zstd"),
    "zstd skippable between": (zstd(DATA[:9]) + SKIPPABLE + LAST_SKIPPABLE + zstd(DATA[9:]), "zstd"),
    "zstd skippable last": (zstd(DATA) + LAST_SKIPPABLE + SKIPPABLE, "zstd"),
    "zstd all": (SKIPPABLE + members(DATA, lambda data: zstd(data) + SKIPPABLE), "zstd"),
    "xz": (xz(DATA), "xz"),
    "xz without checksum": (lzma.compress(DATA, check=lzma.CHECK_NONE, preset=1), "xz"),
    "xz sha256": (lzma.compress(DATA, check=lzma.CHECK_SHA256, preset=1), "xz"),
    "xz streams": (members(DATA, xz), "xz"),
    "xz many streams": (members(DATA, xz, 3000), "xz"),
    "xz empty streams": (xz(b"") + xz(DATA) + xz(b""), "xz"),
    "xz padding": (xz(DATA[:9]) + bytes(4) + xz(DATA[9:]) + bytes(40_000), "xz"),
    "bzip2": (bz2.compress(DATA), "bzip2"),
    "bzip2 small blocks": (bz2.compress(DATA, 1), "bzip2"),
    "bzip2 streams": (members(DATA, bz2.compress), "bzip2"),
    "bzip2 many streams": (members(DATA, bz2.compress, 3000), "bzip2"),
    "bzip2 empty streams": (bz2.compress(b"") + bz2.compress(DATA) + bz2.compress(b""), "bzip2"),
}


@pytest.mark.parametrize("size", [1000, 10_000, 1 << 20])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.usefixtures("decoder")
def test_every_form_gives_the_same_bytes(form: str, size: int) -> None:
    """Members, frames and skippable frames in any order are read to the end."""
    blob, compression = FORMS[form]
    data, stream = read(blob, size)
    assert data == DATA
    assert (stream.compression, stream.size, stream.anomalies) == (compression, len(DATA), [])


@pytest.mark.parametrize("blob", [b"", gzip.compress(b"", mtime=0), zstd(b""), SKIPPABLE, xz(b""), bz2.compress(b"")])
@pytest.mark.usefixtures("decoder")
def test_empty_streams(blob: bytes) -> None:
    """Nothing at all, plain or compressed, is a valid empty stream."""
    assert read(blob)[0] == b""


@pytest.mark.parametrize("pieces", [1, 2, 17, 40_000])
@pytest.mark.parametrize("form", ["plain", "gzip members", "zstd all", "xz padding", "bzip2 streams"])
def test_chunks_of_any_size(form: str, pieces: int) -> None:
    """The bytes do not depend on how the blob is cut into chunks, empty ones included."""
    blob = FORMS[form][0]
    stream = LayerStream(chunk for piece in chunked(blob, pieces) for chunk in (piece, b""))
    assert drain(stream) == DATA


def test_a_decompressor_is_used_again() -> None:
    """Streams that are read one after the other share its window; one that was left in its middle does no harm."""
    decompressors, blob = Decompressors(), zstd(DATA)
    for _ in range(2):
        assert drain(LayerStream([blob], decompressors=decompressors)) == DATA
        used = decompressors.zstd
        LayerStream([blob], decompressors=decompressors).readinto(memoryview(bytearray(10)))
        with pytest.raises(StreamError, match="broken"):
            drain(LayerStream([blob[:-8] + bytes(8)], decompressors=decompressors))
        assert used is decompressors.zstd is not None


def test_magic_bytes_decide() -> None:
    """Compression is detected from the content."""
    assert detect_compression(gzip.compress(b"x")) == "gzip"
    assert detect_compression(zstd(b"x")) == "zstd"
    assert {detect_compression(bytes([first]) + b"\x2a\x4d\x18") for first in range(0x50, 0x60)} == {"zstd"}
    for other in (
        b"",
        b"\x1f\x8b",
        b"\x28\xb5\x2f",
        b"\x60\x2a\x4d\x18",
        b"\x4f\x2a\x4d\x18",
        b"*M\x18",
        b"\x1f\x8b\x07",
        bytes(18),
    ):
        assert detect_compression(other) == "plain"
    assert detect_compression(xz(b"x")) == "xz"
    assert detect_compression(bz2.compress(b"x")) == detect_compression(bz2.compress(b"")) == "bzip2"


@pytest.mark.parametrize(("blob", "tool", "module"), [(xz(b"x"), "xz", "lzma"), (bz2.compress(b"x"), "bzip2", "bz2")])
def test_pythons_without_a_module(blob: bytes, tool: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python can be built without these two; the error names the program that decompresses the file."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(StreamError, match=f"compressed with {tool}, but this Python was built without its module") as raised:
        LayerStream([blob])
    assert raised.value.hint == f"decompress it first: {tool} -d"


def test_seldom_decoders_cost_nothing_at_import() -> None:
    """The modules of xz and bzip2 are loaded with the first stream that needs them."""
    program = "import sys, ocisize.blob.stream; print({'lzma', 'bz2', '_lzma', '_bz2'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


@pytest.mark.parametrize("name", ["BZh", "BZh9", "BZhackers/tool"])
def test_a_tar_may_begin_with_a_name_like_bzip2(name: str) -> None:
    """The first file's name is not taken for another compression."""
    assert [entry.path for entry in scan_tar(LayerStream([tar_bytes({name: b"x"})]))] == [name]


# Verification


def test_verified_chunks_come_unchanged() -> None:
    """A blob with the right digest is passed on unchanged."""
    for algorithm in ("sha256", "sha384", "sha512"):
        digest = f"{algorithm}:{hashlib.new(algorithm, DATA).hexdigest()}"
        assert b"".join(verify_chunks(chunked(DATA), digest, len(DATA))) == DATA
    assert list(verify_chunks([], sha256(b""), 0)) == []


def test_other_bytes_are_a_digest_mismatch() -> None:
    """The error comes after the last chunk and says what was got and expected."""
    chunks, got = verify_chunks(chunked(DATA), sha256(b"other"), len(DATA)), 0
    with pytest.raises(DigestMismatch) as raised:
        for chunk in chunks:
            got += len(chunk)
    assert (got, raised.value.got, raised.value.expected) == (len(DATA), sha256(DATA), sha256(b"other"))


def test_short_and_long_blobs() -> None:
    """A blob of another length is a size mismatch; a longer one ends at the first chunk that is too much."""
    with pytest.raises(SizeMismatch, match=f"has {len(DATA)} bytes, its descriptor says {len(DATA) + 1}"):
        list(verify_chunks(chunked(DATA), sha256(DATA), len(DATA) + 1))
    served: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            served.append(1)
            yield bytes(100)

    with pytest.raises(SizeMismatch, match="has more than 1000 bytes"):
        list(verify_chunks(endless(), sha256(DATA), 1000))
    assert len(served) == 11


@pytest.mark.parametrize("digest", ["md5:d41d8cd98f00b204e9800998ecf8427e", "shake_128:00", "blake9:00", "sha1:00"])
def test_digests_that_cannot_be_verified(digest: str) -> None:
    """A digest of a broken or unknown algorithm is refused before the first chunk."""
    with pytest.raises(BlobError, match="unknown algorithm"):
        next(verify_chunks(iter([b"x"]), digest, 1))
    with pytest.raises(BlobError, match="unknown algorithm"):
        LayerStream([b"x"], diff_id=digest)


def hashing_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ocisize-hash"]


def failing() -> Iterator[bytes]:
    yield from chunked(DATA)
    raise StreamError("the line was cut")


@pytest.mark.parametrize(
    "chunks",
    [
        lambda: verify_chunks(chunked(DATA), sha256(DATA), len(DATA), hash_in_thread=True),
        lambda: verify_chunks(chunked(DATA), sha256(b""), len(DATA), hash_in_thread=True),
        lambda: verify_chunks(chunked(DATA), sha256(DATA), 5, hash_in_thread=True),
        lambda: verify_chunks(chunked(DATA), sha256(DATA), 1 << 40, hash_in_thread=True),
        lambda: verify_chunks(failing(), sha256(DATA), len(DATA), hash_in_thread=True),
    ],
    ids=["good", "digest", "long", "short", "broken"],
)
def test_the_hashing_thread_always_ends(chunks: Callable[[], Iterator[bytes]]) -> None:
    """However a blob ends, no thread is left."""
    try:
        for _ in chunks():
            pass
    except OcisizeError:
        pass
    assert hashing_threads() == []


def test_the_hashing_thread_ends_when_the_reader_gives_up() -> None:
    """Closing the chunks early ends the thread."""
    chunks = verify_chunks(chunked(DATA), sha256(DATA), len(DATA), hash_in_thread=True)
    next(chunks)
    assert len(hashing_threads()) == 1
    chunks.close()  # type: ignore[attr-defined]
    assert hashing_threads() == []


@pytest.mark.parametrize("form", FORMS)
def test_the_diff_id_is_checked(form: str) -> None:
    """finish compares the uncompressed bytes with the diff_id."""
    blob = FORMS[form][0]
    good, bad = LayerStream([blob], diff_id=sha256(DATA)), LayerStream([blob], diff_id=sha256(b"other"))
    drain(good), drain(bad)
    assert good.finish() == len(blob)
    with pytest.raises(DigestMismatch, match="uncompressed layer has digest") as raised:
        bad.finish()
    assert raised.value.got == sha256(DATA)


def test_progress_counts_stored_bytes() -> None:
    """The callback gets ascending positions in the blob, up to its size."""
    seen: list[int] = []
    blob = FORMS["gzip"][0]
    stream = LayerStream(chunked(blob), on_bytes=seen.append)
    drain(stream)
    assert seen[-1] == len(blob) and all(low < high for low, high in pairwise(seen))


@pytest.mark.parametrize("compress", [gzip.compress, zstd, xz, bz2.compress])
def test_a_caller_can_end_the_read_of_few_bytes_that_unpack_to_many(compress: Callable[[bytes], bytes]) -> None:
    """80 bytes of bzip2 unpack to 64 MiB, which takes seconds on a slow machine."""

    class Ended(Exception):
        pass

    def on_bytes(_: int) -> None:
        calls.append(stream.size)
        if stream.size > 20 << 20:
            raise Ended

    calls: list[int] = []
    stream = LayerStream([compress(bytes(48 << 20))], on_bytes=on_bytes)
    with pytest.raises(Ended):
        drain(stream, 1 << 18)
    assert calls[-1] <= 33 << 20


# Broken blobs


def consume(blob: bytes, digest: str, size: int) -> None:
    stream = LayerStream(verify_chunks(chunked(blob), digest, size))
    drain(stream)
    stream.finish()


@pytest.mark.parametrize("form", [form for form in FORMS if form != "plain"])
@pytest.mark.usefixtures("decoder")
def test_truncated_blobs_never_pass(form: str) -> None:
    """A blob cut anywhere is an error."""
    blob, digest = FORMS[form][0], sha256(FORMS[form][0])
    dice = random.Random(form)
    cuts = {
        *range(min(40, len(blob))),
        *(len(blob) - back for back in range(1, 40)),
        *(dice.randrange(len(blob)) for _ in range(30)),
    }
    for cut in cuts:
        with pytest.raises((StreamError, SizeMismatch)):
            consume(blob[:cut], digest, len(blob))
    assert hashing_threads() == []


@pytest.mark.parametrize("length", [3, 4, 17])
@pytest.mark.usefixtures("decoder")
def test_a_gzip_stream_that_is_hardly_begun(length: int) -> None:
    """A header cut behind its magic bytes is a cut stream."""
    with pytest.raises(StreamError):
        read(gzip.compress(b"x")[:length])


@pytest.mark.usefixtures("decoder")
def test_truncated_gzip_is_an_error_without_a_digest() -> None:
    """A gzip stream cut within a member is an error by itself."""
    blob = FORMS["gzip members"][0]
    first = len(gzip.compress(DATA[:70_000]))
    for cut in (19, 100, first - 9, first - 1, first + 11, first + 500, len(blob) - 1):
        with pytest.raises(StreamError, match="the gzip stream ends early"):
            read(blob[:cut])


@pytest.mark.parametrize("form", ["gzip", "gzip members", "zstd", "zstd all", "xz", "xz streams", "bzip2", "bzip2 streams"])
@pytest.mark.usefixtures("decoder")
def test_damaged_blobs_never_pass(form: str) -> None:
    """A flipped bit anywhere is an error, of stream or digest."""
    blob, dice = FORMS[form][0], random.Random(form)
    for position in (2, 3, 4, 9, 10, 11, len(blob) - 1, *(dice.randrange(len(blob)) for _ in range(40))):
        damaged = bytearray(blob)
        damaged[position] ^= 1 << dice.randrange(8)
        with pytest.raises((StreamError, DigestMismatch)):
            consume(bytes(damaged), sha256(blob), len(blob))
    assert hashing_threads() == []


@pytest.mark.parametrize("garbage", [b"garbage garbage", b"\n" * 20, b"x" * 100_000, bytes(100) + b"x" * 20])
@pytest.mark.parametrize("form", ["gzip", "gzip members", "gzip many members"])
@pytest.mark.parametrize("size", [10_000, 1 << 20])
@pytest.mark.usefixtures("decoder")
def test_garbage_after_gzip_is_an_anomaly(form: str, size: int, garbage: bytes) -> None:
    """What follows the last member is noted, costs no data and is still part of the digest."""
    blob = FORMS[form][0] + garbage
    data, stream = read(blob, size)
    assert (data == DATA, stream.size, stream.anomalies) == (True, len(DATA), ["garbage follows the gzip stream"])
    consume(blob, sha256(blob), len(blob))
    with pytest.raises(DigestMismatch):
        consume(blob[:-1] + b"!", sha256(blob), len(blob))


@pytest.mark.parametrize("garbage", [b"x", b"\n", b"trailing\n", b"\0\0x", b"\x1fx"])
@pytest.mark.parametrize("size", [10_000, 1 << 20])
def test_a_few_bytes_of_garbage_after_gzip(decoder: str, size: int, garbage: bytes) -> None:
    """Garbage too short for a gzip header is an anomaly too; behind several members it is an error where zlib's decoder is not used."""
    blob = FORMS["gzip"][0] + garbage
    data, stream = read(blob, size)
    assert (data == DATA, stream.size, stream.anomalies) == (True, len(DATA), ["garbage follows the gzip stream"])
    consume(blob, sha256(blob), len(blob))
    with pytest.raises(DigestMismatch):
        consume(blob[:-1] + b"!", sha256(blob), len(blob))
    if decoder == "isal":
        with pytest.raises(StreamError, match="ends early, after 310000 bytes"):
            read(FORMS["gzip members"][0] + garbage)


@pytest.mark.usefixtures("decoder")
def test_the_beginning_of_a_gzip_header_is_no_garbage() -> None:
    """A second member that is cut in its header is a cut stream."""
    for length in range(2, 10):
        with pytest.raises(StreamError, match="ends early, after 310000 bytes"):
            read(FORMS["gzip"][0] + FORMS["gzip"][0][:length])


def test_garbage_after_zstd() -> None:
    """What follows the last frame and is no frame is refused."""
    with pytest.raises(StreamError, match="broken zstd stream"):
        read(FORMS["zstd"][0] + b"garbage")


@pytest.mark.parametrize(
    "garbage", [b"garbage", b"\n", bytes(100), b"BZx9", b"BZh0" + bytes(50), xz(b"x"), gzip.compress(b"x")]
)
@pytest.mark.parametrize("form", ["bzip2", "bzip2 streams", "bzip2 many streams"])
@pytest.mark.parametrize("size", [10_000, 1 << 20])
def test_garbage_after_bzip2_is_an_anomaly(form: str, size: int, garbage: bytes) -> None:
    """bzip2 1.0.8 warns "trailing garbage after EOF ignored" and ends with status 0."""
    blob = FORMS[form][0] + garbage
    data, stream = read(blob, size)
    assert (data == DATA, stream.size, stream.anomalies) == (True, len(DATA), ["garbage follows the bzip2 stream"])
    consume(blob, sha256(blob), len(blob))


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (xz(DATA) + b"garbage", "broken xz stream after 310000 bytes of output: garbage follows a stream"),
        (xz(DATA) + bytes(3), "broken xz stream after 310000 bytes of output: 3 zero bytes follow a stream"),
        (xz(DATA) + bytes(6) + xz(b"x"), "broken xz stream after 310000 bytes of output: 6 zero bytes follow a stream"),
        (xz(DATA) + bytes(4) + xz(DATA)[:20], "the xz stream ends early, after 310000 bytes"),
        (xz(DATA) + gzip.compress(b"x"), "broken xz stream after 310000 bytes of output: garbage follows a stream"),
        (bz2.compress(DATA) + b"B", "the bzip2 stream ends early, after 310000 bytes"),
        (bz2.compress(DATA) + b"BZh", "the bzip2 stream ends early, after 310000 bytes"),
        (bz2.compress(DATA) + b"BZh9", "the bzip2 stream ends early, after 310000 bytes"),
        (bz2.compress(DATA) + b"BZh9 and so on", "broken bzip2 stream after 310000 bytes of output: Invalid data stream"),
    ],
)
def test_what_xz_and_bzip2_refuse_behind_a_stream(blob: bytes, message: str) -> None:
    """xz 5.4.1 and bzip2 1.0.8 decompress what is whole and end with an error (tests/compat/test_decompressors.py)."""
    with pytest.raises(StreamError, match=message):
        read(blob)


def dictionary_of(size: int) -> bytes:
    """A small xz stream that asks for a dictionary of ``size`` bytes."""
    return lzma.compress(DATA, filters=[{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": size}])


def test_xz_dictionaries_are_limited() -> None:
    """A dictionary is memory, as the window of a zstd frame is, and has the same limit."""
    assert read(dictionary_of(1 << 20))[0] == DATA
    meter = Meter(Tally(Limits(zstd_window=(1 << 20) - 1)))
    with pytest.raises(LimitExceeded, match="more than 1048575 bytes of dictionary for an xz stream") as raised:
        drain(LayerStream([xz(b"x"), dictionary_of(4 << 20)], meter=meter))
    assert raised.value.limit == "zstd_window" and "zstd_window" in str(raised.value.hint)


@pytest.mark.parametrize("compress", [xz, bz2.compress])
def test_slow_decoders_have_a_lower_ratio_floor(compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of zeros are refused earlier where unpacking them takes long."""
    rows = {name: attrs.evolve(row, ratio_floor=row.ratio_floor and 1 << 20) for name, row in COMPRESSIONS.items()}
    monkeypatch.setattr("ocisize.blob.stream.COMPRESSIONS", rows)
    blob = compress(bytes(2 << 20))
    for limits in (Limits(), Limits(ratio_floor=1 << 40)):
        with pytest.raises(LimitExceeded, match="more than 200 uncompressed bytes per stored byte"):
            drain(LayerStream([blob], meter=Meter(Tally(limits))))
    assert len(drain(LayerStream([blob], meter=Meter(Tally(Limits(ratio=100_000)))))) == 2 << 20
    assert len(drain(LayerStream([gzip.compress(bytes(2 << 20))], meter=Meter(Tally(Limits()))))) == 2 << 20


def test_zstd_windows_are_limited() -> None:
    """A frame with a larger window than the zstd tool accepts is refused."""
    parameters = zstandard.ZstdCompressionParameters(window_log=28)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(LimitExceeded, match="more than 134217728 bytes of window for a zstd frame"):
        read(compressor.compress(b"x") + compressor.flush())


def test_what_follows_the_tar_is_verified() -> None:
    """Bytes behind the tar's end marker count: the stream is read to its end."""
    built = layer({"a": b"x"}, "plain")
    blob = gzip.compress(built.tar + b"behind the end")
    stream = LayerStream(
        verify_chunks(chunked(blob), sha256(blob), len(blob)), diff_id=sha256(built.tar + b"behind the end")
    )
    table = scan_tar(stream)
    assert (table.tar_size, stream.finish()) == (len(built.tar) + 14, len(blob))
    other = LayerStream([blob], diff_id=built.diff_id)
    scan_tar(other)
    with pytest.raises(DigestMismatch):
        other.finish()


def test_what_follows_the_gzip_stream_of_a_layer_is_verified() -> None:
    """Damage in the last bytes of the blob is found, though the tar ended long before."""
    blob = gzip.compress(tar_bytes({"a": b"x"}) + bytes(100_000)) + bytes(50_000)
    for end in (b"", b"x"):
        chunks: Iterable[bytes] = verify_chunks(chunked(blob[: len(blob) - len(end)] + end), sha256(blob), len(blob))
        stream = LayerStream(chunks)
        if not end:
            scan_tar(stream)
            assert stream.finish() == len(blob)
            continue
        with pytest.raises((DigestMismatch, StreamError)):
            scan_tar(stream)
            stream.finish()
        chunks.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("extra", [0, 1, 4000, 5000, 65_535])
@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("accelerated", [True, False])
def test_gzip_headers_with_extra_fields(
    extra: int, in_place: bool, accelerated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Extra fields of any length are skipped by every decoder."""
    if not accelerated:
        monkeypatch.setattr("ocisize.blob.compression.isal_zlib", None)
    compressor = zlib.compressobj(wbits=-15)
    body = compressor.compress(DATA) + compressor.flush()
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + struct.pack("<H", extra) + bytes(extra)
    blob = head + body + struct.pack("<II", zlib.crc32(DATA), len(DATA))
    path = tmp_path / "blob"
    path.write_bytes(blob)
    with path.open("rb") as file:
        if in_place:
            region, verifier = FileRegion(file.fileno(), 0, len(blob)), Verifier(sha256(blob), len(blob))
            stream = LayerStream(region, stored_size=len(blob), verifier=verifier)
        else:
            stream = LayerStream(chunked(blob), stored_size=len(blob))
        buffer, got = memoryview(bytearray(1 << 16)), b""
        while count := stream.readinto(buffer):
            got += bytes(buffer[:count])
        assert (got, stream.finish()) == (DATA, len(blob))
