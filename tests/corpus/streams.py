"""Layers whose compressed stream is broken, endless, or a bomb."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import zlib
from collections.abc import Iterator

import zstandard

from tests.corpus.cases import Bundle, Case, Verdict, bundle, of_blob
from tests.images import BuiltLayer, build_image, compress, layer, tar_bytes
from tests.strategies import END, header, long_name, member, pax, record, sparse_member

TAR = tar_bytes({"etc/a": b"a" * 1000, "b": random.Random(0).randbytes(5000)})
GIB = 1 << 30


def stream_cases() -> Iterator[Case]:
    """All of them."""
    yield from _broken_gzip()
    yield from _broken_zstd()
    yield from _broken_xz()
    yield from _broken_bzip2()
    yield from _others()
    yield from _bombs()


def _case(name: str, verdict: Verdict, message: str, blob: bytes, *options: str, tar: bytes = TAR) -> Case:
    kind = next((kind for kind in ("zstd", "xz", "bzip2") if kind in name), "gzip")
    return Case(f"stream-{name}", verdict, message, lambda: of_blob(blob, tar, kind), options)  # type: ignore[arg-type]


def _broken_gzip() -> Iterator[Case]:
    blob = compress(TAR, "gzip")
    yield _case("gzip-of-nothing", "accept", "", gzip.compress(b"", mtime=0), tar=b"")
    yield _case("gzip-cut-in-the-header", "reject", "gzip stream ends early", blob[:8])
    yield _case("gzip-cut-in-the-middle", "reject", "gzip stream ends early", blob[: len(blob) // 2])
    yield _case("gzip-cut-in-the-trailer", "reject", "gzip stream ends early", blob[:-4])
    yield _case("gzip-without-trailer", "reject", "gzip stream ends early", blob[:-8])
    yield _case("gzip-wrong-checksum", "reject", "broken gzip stream", blob[:-8] + b"abcd" + blob[-4:])
    yield _case("gzip-wrong-length", "reject", "broken gzip stream", blob[:-4] + b"abcd")
    yield _case(
        "gzip-flipped-bit", "reject", "broken gzip stream|cut|checksum", blob[:200] + bytes([blob[200] ^ 4]) + blob[201:]
    )
    yield _case("gzip-reserved-flags", "accept", "", blob[:3] + b"\xe0" + blob[4:])
    yield _case("gzip-unknown-method", "reject", "not a tar|broken", blob[:2] + b"\x07" + blob[3:])
    yield _case("gzip-garbage-behind", "accept", "garbage follows the gzip stream", blob + b"garbage" * 100)
    yield _case("gzip-zeros-behind", "accept", "", blob + bytes(5000))
    yield _case("gzip-second-member-cut", "reject", "gzip stream ends early", blob + compress(bytes(5000), "gzip")[:-9])
    yield _case("gzip-second-member-broken", "reject", "broken gzip|cut", blob + blob[:10] + b"\xff" * 50)
    yield _case("gzip-empty-members", "accept", "", gzip.compress(b"", mtime=0) * 50_000 + blob)
    yield _case(
        "gzip-bytes-as-members",
        "accept",
        "",
        b"".join(gzip.compress(TAR[at : at + 1], 1, mtime=0) for at in range(2048)) + compress(TAR[2048:], "gzip"),
    )
    name = b"\x1f\x8b\x08\x08" + bytes(6) + b"\x1b]0;name\x07" * 10_000
    yield _case("gzip-name-without-end", "reject", "ends early|unusual|broken", name)
    extra = b"\x1f\x8b\x08\x04" + bytes(6) + b"\xff\xff" + bytes(0xFFFF) + blob[10:]
    yield _case("gzip-extra-field-of-64-KiB", "accept", "", extra)
    yield _case("gzip-extra-field-cut", "reject", "ends early|unusual|broken", extra[:1000])
    stored = b"".join(struct.pack("<BHH", 0, 0, 0xFFFF) for _ in range(100_000))
    yield _case("gzip-empty-blocks", "accept", "", blob[:10] + stored + blob[10:])


def _broken_zstd() -> Iterator[Case]:
    blob = compress(TAR, "zstd")
    skippable = b"\x50\x2a\x4d\x18" + struct.pack("<I", 1000) + bytes(1000)
    yield _case("zstd-of-nothing", "accept", "", zstandard.compress(b""), tar=b"")
    yield _case("zstd-magic-alone", "reject", "zstd stream ends early", blob[:4])
    yield _case("zstd-cut-in-the-header", "reject", "zstd stream ends early", blob[:6])
    yield _case("zstd-cut-in-the-middle", "reject", "zstd stream ends early", blob[: len(blob) // 2])
    yield _case("zstd-without-checksum", "reject", "zstd stream ends early|the tar ends within", blob[:-4])
    yield _case("zstd-wrong-checksum", "reject", "broken zstd stream", blob[:-4] + b"abcd")
    yield _case(
        "zstd-flipped-bit", "reject", "broken zstd stream|cut|checksum", blob[:200] + bytes([blob[200] ^ 4]) + blob[201:]
    )
    yield _case("zstd-garbage-behind", "reject", "broken zstd stream", blob + b"garbage")
    yield _case("zstd-skippable-behind", "accept", "", blob + skippable * 3)
    yield _case("zstd-skippable-before", "accept", "", skippable * 1000 + blob)
    yield _case("zstd-skippable-cut", "reject", "zstd stream ends early", blob + skippable[:500])
    yield _case("zstd-skippable-of-4-GiB", "reject", "zstd stream ends early", b"\x50\x2a\x4d\x18\xff\xff\xff\xff" + blob)
    yield _case("zstd-skippable-only", "accept", "", skippable, tar=b"")
    yield _case(
        "zstd-dictionary-needed", "reject", "broken zstd stream", b"\x28\xb5\x2f\xfd\x23\x01\x02\x03\x04\x64" + blob[9:]
    )
    yield _case("zstd-reserved-block", "reject", "broken zstd stream", b"\x28\xb5\x2f\xfd\x00\x58\x07\x00\x00" + bytes(100))
    yield _case("zstd-empty-frames", "accept", "", zstandard.compress(b"") * 50_000 + blob)
    for log in (28, 31, 41):
        frame = b"\x28\xb5\x2f\xfd\x00" + bytes([(log - 10) << 3]) + b"\x01\x00\x00"
        yield _case(f"zstd-window-of-2-to-{log}", "limit", "more than 134217728 bytes of window", frame)
    claim = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 1 << 62) + b"\x01\x00\x00"
    yield _case("zstd-content-of-4-EiB", "limit", "more than 134217728 bytes of window", claim)
    lie = b"\x28\xb5\x2f\xfd\xc0\x58" + struct.pack("<Q", 1 << 62) + b"\x09\x00\x00x"
    yield _case("zstd-content-less-than-said", "reject", "broken zstd stream", lie)


def _broken_xz() -> Iterator[Case]:
    blob = compress(TAR, "xz")
    yield _case("xz", "accept", "", blob)
    yield _case("xz-of-nothing", "accept", "", lzma.compress(b""), tar=b"")
    yield _case("xz-magic-alone", "reject", "xz stream ends early", blob[:6])
    yield _case("xz-cut-in-the-middle", "reject", "xz stream ends early", blob[: len(blob) // 2])
    yield _case("xz-without-index", "reject", "xz stream ends early", blob[:-24])
    yield _case("xz-wrong-checksum", "reject", "broken xz stream.*Corrupt", blob[:-40] + b"abcd" + blob[-36:])
    yield _case("xz-wrong-footer", "reject", "broken xz stream", blob[:-4] + b"abcd")
    yield _case("xz-garbage-behind", "reject", "broken xz stream.*garbage follows", blob + b"garbage")
    yield _case("xz-padding-behind", "accept", "", blob + bytes(400_000))
    yield _case("xz-padding-not-in-fours", "reject", "zero bytes follow a stream, not a multiple of four", blob + bytes(401))
    yield _case("xz-second-stream-cut", "reject", "xz stream ends early", blob + blob[:100])
    yield _case("xz-empty-streams", "accept", "", lzma.compress(b"") * 20_000 + blob)
    yield _case("xz-unknown-checksum", "reject", "broken xz stream", blob[:7] + b"\x0f" + blob[8:])
    huge = lzma.compress(b"x", lzma.FORMAT_XZ, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 192 << 20}])
    yield _case("xz-dictionary-of-192-MiB", "limit", "more than 134217728 bytes of dictionary", huge)
    zeros = header(b"zeros", b"\x80" + (1 << 50).to_bytes(11, "big"))
    bomb = lzma.compress(zeros, preset=0) + lzma.compress(bytes(64 << 20), preset=0) * 20
    yield _case("xz-bomb", "limit", "more than 200 uncompressed bytes per stored byte", bomb)


def _broken_bzip2() -> Iterator[Case]:
    blob = compress(TAR, "bzip2")
    yield _case("bzip2", "accept", "", blob)
    yield _case("bzip2-of-nothing", "accept", "", bz2.compress(b""), tar=b"")
    yield _case("bzip2-magic-alone", "reject", "bzip2 stream ends early", blob[:10])
    yield _case("bzip2-cut-in-the-middle", "reject", "bzip2 stream ends early", blob[: len(blob) // 2])
    yield _case("bzip2-wrong-checksum", "reject", "broken bzip2 stream", blob[:-4] + b"abcd")
    yield _case("bzip2-garbage-behind", "accept", "garbage follows the bzip2 stream", blob + b"garbage")
    yield _case("bzip2-second-stream-cut", "reject", "bzip2 stream ends early", blob + blob[:100])
    yield _case("bzip2-second-stream-broken", "reject", "broken bzip2 stream", blob + blob[:4] + b"\xff" * 50)
    yield _case("bzip2-empty-streams", "accept", "", bz2.compress(b"") * 20_000 + blob)
    zeros = header(b"zeros", b"\x80" + (1 << 50).to_bytes(11, "big"))
    bomb = bz2.compress(zeros) + bz2.compress(bytes(64 << 20)) * 20
    yield _case("bzip2-bomb", "limit", "more than 200 uncompressed bytes per stored byte", bomb)


def _others() -> Iterator[Case]:
    yield _case("gzip-in-gzip", "reject", "not a tar", compress(compress(TAR, "gzip"), "gzip"))
    yield _case("gzip-in-zstd", "reject", "not a tar", compress(compress(TAR, "gzip"), "zstd"))
    yield Case("stream-nothing", "accept", "", lambda: of_blob(b"", b"", "plain"))
    yield _case("one-byte", "reject", "ends within a header", b"\x1f")
    yield _case("quine", "reject", "not a tar", bytes(range(1, 256)) * 20)
    image = build_image([BuiltLayer(b"another", compress(TAR, "gzip"), "gzip")])
    other = "uncompressed layer has digest sha256:[0-9a-f]{64}, expected sha256:"
    yield Case("stream-diff-id-of-another", "reject", other, lambda: bundle(image), ("--verify",))
    yield Case("stream-diff-id-not-asked-for", "accept", "", lambda: bundle(image))


def repeated(beginning: bytes, piece: bytes, times: int) -> bytes:
    """A gzip stream, but for its end, of a piece many times over, made without compressing it each time."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = compressor.compress(beginning) + compressor.flush(zlib.Z_FULL_FLUSH)
    once = compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)
    return head + once * times


def repeated_zstd(beginning: bytes, times: int) -> bytes:
    """A zstd stream of a beginning and 64 MiB of zeros many times over, a frame each."""
    return zstandard.compress(beginning) + zstandard.compress(bytes(64 << 20)) * times


def _bombs() -> Iterator[Case]:
    zeros, mebibyte = header(b"zeros", b"\x80" + (1 << 50).to_bytes(11, "big")), bytes(1 << 20)
    ratio, small = "more than 200 uncompressed bytes per stored byte", ("--max-layer-size", "64 MiB")
    yield Case("stream-bomb-gzip", "limit", ratio, lambda: of_blob(repeated(zeros, mebibyte, 17 << 10)), costly=True)
    yield Case("stream-bomb-zstd", "limit", ratio, lambda: of_blob(repeated_zstd(zeros, 1 << 14)))
    too_much = "more than 67108864 uncompressed bytes in one layer"
    yield _case("bomb-by-size", "limit", too_much, repeated(zeros, mebibyte, 100), *small)
    yield _case("bomb-behind-the-end", "limit", too_much, repeated(member(b"a") + END, mebibyte, 100), *small)
    yield _case("bomb-of-zero-blocks", "limit", too_much, repeated(END, mebibyte, 100), *small)
    yield Case("stream-zeros-of-a-gibibyte", "accept", "", lambda: of_blob(repeated_zstd(b"", 16), b"", "zstd"))
    entries = "more than 4000000 entries in all layers"
    ten_million = repeated(b"", header(b"a") * 1000, 10_000)
    yield Case("stream-bomb-of-entries", "limit", entries, lambda: of_blob(ten_million), costly=True)
    few = ("--max-entries", "5000")
    for name, part in (
        ("symlinks", header(b"l", kind=b"2", link=b"t" * 100)), ("directories", header(b"d/", kind=b"5")),
        ("whiteouts", header(b".wh.x")), ("hardlinks", header(b"h", kind=b"1", link=b"h")), ("devices", header(b"d", kind=b"3")),
        ("odd-types", header(b"z", kind=b"Z")), ("pax", pax((b"path", b"p")) + header(b"")),
    ):  # fmt: skip
        yield _case(f"bomb-of-{name}", "limit", "more than 5000 entries", repeated(b"", part * 100, 200), *few)
    metadata = "more than 268435456 bytes of names, links and attributes"
    names = repeated(b"", (long_name(b"n" * 65_000) + header(b"")) * 10, 430)
    yield Case("stream-bomb-of-long-names", "limit", metadata, lambda: of_blob(names), costly=True)
    yield _case(
        "bomb-of-long-links",
        "limit",
        metadata,
        repeated(b"", (long_name(b"n" * 65_000, b"K") + header(b"", kind=b"2")) * 10, 430),
    )
    yield _case("bomb-of-long-names-unused", "limit", too_much, repeated(b"", long_name(b"n" * 1_000_000) * 10, 30), *small)
    yield _case(
        "bomb-of-pax-headers", "limit", "more than 5000 entries", repeated(b"", member(b"p", b"", b"x") * 1000, 4100), *few
    )
    for name, records in (
        ("pax-records", b"6 a=b\n" * 10_000),
        ("sparse-maps", record(b"GNU.sparse.map", b"1," * 10_000 + b"1")),
    ):
        yield _case(
            f"bomb-of-{name}", "limit", "more than 5000 entries", repeated(b"", member(b"p", records, b"x"), 200), *few
        )
    for form in ("gnu", "1.0"):
        maps = sparse_member(form, 1 << 30, [(2 * number, b"") for number in range(40_000)])
        yield _case(f"bomb-of-sparse-maps-{form}", "limit", "more than 5000 entries", repeated(b"", maps, 200), *few)
    deep = b"".join(long_name(b"%d/" % number + b"d/" * 2000 + b"f") + header(b"") for number in range(600))
    yield _case("bomb-of-implied-directories", "limit", "more than", compress(deep + END, "gzip"))
    yield Case("bomb-of-layers-together", "limit", ratio, _many_layers, costly=True)


def _many_layers() -> Bundle:
    """Layers of zstd that are each below the floor of 16 GiB."""
    layers = []
    for number in range(5):
        start = header(b"zeros%d" % number, b"\x80" + (4 * GIB).to_bytes(11, "big"))
        layers.append(BuiltLayer(b"%d" % number, repeated_zstd(start, 64) + compress(END, "zstd"), "zstd"))
    return bundle(build_image([layer({"a": b"x"}), *layers]))
