"""Harnesses of what a layer is made of: tar, PAX records, compressed streams."""

from __future__ import annotations

import gzip
import io
import itertools
import random
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import zstandard

from ocisize.errors import StreamError
from ocisize.tar.filetable import FileTable
from ocisize.tar.header import ExtendedHeader, parse_pax
from ocisize.blob.stream import LayerStream
from ocisize.tar.scanner import WINDOW, scan_tar
from ocisize.tar.sparse import sparse_size
from ocisize.blob.zstd_frames import ZstdFrameParser
from tests import strategies as made
from tests.fuzz.oracle import Harness, Refused, check_table, outcome, same
from tests.fuzz.shapes import mend_tar
from tests.images import DIR, Entries, File, Hard, Link, tar_bytes

_WINDOWS = (512, 1024, 1536, 4096, 64 << 10, WINDOW)
_MOST_OUTPUT = 8 << 20  # bytes that a bomb is followed for
TAR_TOKENS = (
    b"ustar\x0000", b"ustar  \0", b"tar\0", b"./", b"../", b".wh.", b".wh..wh..opq", b".a\0", b".wh..a\0", b"././@LongLink", b"PaxHeaders/", b"11 path=a\n",
    b"GNU.sparse.major=1\n", b"GNU.sparse.map=", b"GNU.sparse.size=", b"GNU.sparse.name=", b"GNU.sparse.offset=",
    b"GNU.sparse.numbytes=", b"SCHILY.xattr.", b"linkpath=", b"size=", b"uid=", b"etc/os-release", b"var/lib/dpkg/status",
    b"\n1\n0\n5\n", b"mtime=", b"GNU.sparse.numblocks=", b"GNU.sparse.realsize=", b"\x80\0\0\0", b"\xff\xff\xff\xff", b"0000644\0", b"00000001000\0", bytes(512), b"L", b"K", b"x", b"g", b"S",
)  # fmt: skip


def run_tar(data: bytes) -> None:
    """One tar through different windows, chops and ways of passing over payloads gives one table, or one refusal."""
    flags, seed = (data[0], data[1]) if len(data) > 1 else (0, 0)
    tar = data[2:] if flags & 1 else mend_tar(data[2:])
    window = _WINDOWS[(flags >> 1) % len(_WINDOWS)]
    wanted: dict[str, Any] = {"wanted": lambda path, size: size <= 1000 and len(path) % 3 == 0} if flags & 64 else {}
    whole = outcome(lambda: scan_tar(made.Bytes(tar), **wanted))
    table = same(
        _columns(whole),
        _columns(outcome(lambda: scan_tar(made.Chopped(tar, seed), window_size=window, **wanted))),
    )
    without = [
        outcome(lambda stream=stream: scan_tar(stream, window_size=window, hash_content=False))  # type: ignore[misc]
        for stream in (made.Bytes(tar), made.Chopped(tar, seed), made.Skippable(tar, seed))
    ]
    unread = same(*(_columns(each, hashes=False, contents=False) for each in without))
    if isinstance(whole, Refused):
        assert table is unread is None
    else:
        assert unread == _columns(whole, hashes=False, contents=False)
        check_table(whole, len(tar))


def _columns(found: FileTable | Refused, *, hashes: bool = True, contents: bool = True) -> Any:
    if isinstance(found, Refused):
        return found
    columns = made.columns(found, hashes=hashes)
    return columns if contents else {**columns, "contents": None}


def tar_seeds() -> list[bytes]:
    """Tars of every form, each with a window of its own."""
    return [bytes([number % 128, number]) + tar for number, tar in enumerate(tars())]


def tars() -> list[bytes]:
    """Small tars with everything that readers know: of three formats, long names, PAX, sparse files, odd types."""
    sparse = made.header(
        b"holes", 10, b"S", magic=made.GNU, fields={386: b"%011o\0%011o\0" % (512, 10), 483: b"%011o\0" % 2000}
    )
    pairs = b"".join(b"%011o\0%011o\0" % (at, 1) for at in (0, 2, 4, 6))
    more = made.header(b"h", 6, b"S", magic=made.GNU, fields={386: pairs, 482: b"\1", 483: b"%011o\0" % 90})
    pax_sparse = made.pax(
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", b"s"),
        (b"GNU.sparse.realsize", b"2048"),
    )
    old_pax_sparse = made.pax(
        (b"GNU.sparse.size", b"100"),
        (b"GNU.sparse.numblocks", b"1"),
        (b"GNU.sparse.offset", b"0"),
        (b"GNU.sparse.numbytes", b"5"),
    )
    entries: Entries = {
        "etc": DIR, "etc/os-release": b"ID=debian\n", "bin/sh": Link("dash"), "bin/a": Hard("bin/sh"), "n" * 120 + "/f": b"x" * 600,
        "café": File(b"1", 0o755, 70000, 5, 1 << 33, {"SCHILY.xattr.user.a": "b"}), "tmp/.wh.a": b"", "d/.wh..wh..opq": b"",
    }  # fmt: skip
    own_whiteouts = [(b"d/.a", b"1"), (b"d/.wh..a", b""), (b"d/b", b"22"), (b"d/.wh.b", b""), (b"d/a.wh.b", b"333")]
    pieces = [
        b"".join(made.member(*pair) for pair in own_whiteouts),
        made.member(b"a", b"hello") + made.member(b"./d/", kind=b"5") + made.member(b"l", kind=b"2", link=b"../x"),
        made.long_name(b"long/" * 30) + made.long_name(b"target/" * 20, b"K") + made.member(b"short", kind=b"1"),
        made.pax((b"path", b"\xc3\xa9"), (b"size", b"3"), (b"uid", b"1"), (b"mtime", b"1.5")) + made.member(b"a", b"abc"),
        made.pax((b"mtime", b"1600000000.123456789"))
        + made.member(b"t", b"time")
        + made.pax((b"mtime", b"1.5"))
        + made.member(b"d/", kind=b"5"),
        made.pax((b"mtime", b"2.")) + made.pax((b"path", b"d/" * 99), (b"mtime", b"-1.5")) + made.member(b"p", b"both"),
        made.pax((b"mtime", b"3"), (b"path", b"d/l"))
        + made.member(b"l", kind=b"2", link=b"t")
        + made.pax((b"path", b"h"))
        + made.long_name(b"l" * 120, b"K")
        + made.member(b"h", kind=b"1"),
        made.pax((b"mtime", b"4.25")) + made.pax((b"comment", b"x"), kind=b"g") + made.member(b"after", b"g"),
        made.pax((b"comment", b"x"), kind=b"g") + made.member(b"g", b"1"),
        sparse + made.padded(b"0123456789"),
        more + struct.pack("12s12s488x", b"00000000010\0", b"00000000002\0") + made.padded(b"abcdef"),
        pax_sparse + made.member(b"GNUSparseFile.0/s", b"1\n0\n4\n".ljust(512, b"\0") + b"data"),
        old_pax_sparse + made.member(b"o", b"12345"),
        made.member(b"fifo", kind=b"6") + made.member(b"dev", kind=b"3") + made.member(b"odd", b"z", kind=b"Z"),
        made.member(b"c", b"1", kind=b"7") + made.member(b"v7", b"2", kind=b"\0", magic=made.V7),
        made.header(b"big", made.base256(600, 12), b"0", uid=made.base256(1 << 30, 8), gid=made.base256(-1, 8))
        + bytes(1024),
        made.member(b"name", b"p", prefix=b"pre/fix") + made.member(b"gnu", b"q", magic=made.GNU, prefix=b"old"),
        made.header(b"\xff\xfe", 0, signed=True) + made.header(b"claims", 100, b"5"),
    ]
    found = [piece + made.END for piece in pieces]
    found += [tar_bytes(entries, format=form) for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)]
    return [*found, b"".join(pieces) + made.END, b"".join(pieces), made.END, b"", made.END[:512]]


def run_pax(data: bytes) -> None:
    """Records are read or refused with ValueError; what is read can be written and read again."""
    try:
        records = parse_pax(data)
    except ValueError:
        return
    sparse = records.get(b"GNU.sparse.map")
    if sparse is None:
        assert parse_pax(b"".join(made.record(*pair) for pair in records.items())) == records
    extra = ExtendedHeader(pax=records)
    reads: tuple[Callable[[], int | None], ...] = (
        lambda: extra.size(1),
        lambda: extra.owner_id(b"uid", 1),
        lambda: sparse_size(records, 10),
    )
    for read in reads:
        try:
            value = read()
        except ValueError:
            continue
        assert value is None or type(value) is int
    assert extra.name(b"a")
    assert all(type(name) is str for name in extra.xattrs)
    run_tar(b"\0\0" + made.member(b"x", data, b"x") + made.member(b"a", b"123") + made.END)


def pax_seeds() -> list[bytes]:
    """Records of all keys that mean something."""
    pairs = [
        (b"path", b"a/b"), (b"linkpath", b"c"), (b"size", b"3"), (b"uid", b"-7"), (b"gid", b"70000"), (b"mtime", b"1.5"),
        (b"SCHILY.xattr.security.capability", b"\1\0\0\2"), (b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", b"s"), (b"GNU.sparse.realsize", b"2048"), (b"GNU.sparse.map", b"0,1,2,1"), (b"uname", b""),
    ]  # fmt: skip
    old = [(b"GNU.sparse.size", b"9"), (b"GNU.sparse.offset", b"0"), (b"GNU.sparse.numbytes", b"3")]
    singles = [made.record(*pair) for pair in pairs]
    usual = [pairs[0], (b"mtime", b"1600000000.123456789"), (b"atime", b"-1."), (b"ctime", b"7")]
    return [
        *singles,
        *(b"".join(made.record(*pair) for pair in usual[:count]) for count in (2, 3, 4)),
        b"".join(singles),
        b"".join(made.record(*pair) for pair in old),
        b"",
    ]


def run_stream(data: bytes) -> None:
    """A stored stream gives the same bytes and the same map, or the same refusal, however it comes in and is read."""
    size, chunk = (1 + 64 * data[0], 1 + data[1] * data[1]) if len(data) > 1 else (1, 1)
    stored = data[2:]
    found = [
        _read(lambda: iter([stored]), 64 << 10, len(stored)),
        _read(lambda: (stored[at : at + chunk] for at in range(0, len(stored), chunk)), 64 << 10, len(stored)),
    ]
    result = same(*found)
    other = _read(lambda: iter([stored]), size, len(stored))
    if result is None:  # libzstd looks at what a frame claims to hold only where the buffer has room for all of it
        assert isinstance(other, Refused) or stored[:3] != b"\x1f\x8b\x08"
    else:
        assert not isinstance(other, Refused) and other[:2] == result[:2]
        _check_stream(stored, *result)
    pieces = [stored[at : at + chunk] for at in range(0, len(stored), chunk)]
    assert outcome(lambda: _ends_between_frames([stored])) == outcome(lambda: _ends_between_frames(pieces))


def _ends_between_frames(pieces: Iterable[bytes]) -> bool:
    walker = ZstdFrameParser()
    for piece in pieces:
        walker.feed(piece)
    return walker.complete


def _read(
    chunks: Callable[[], Any], step: int, stored_size: int
) -> tuple[bytes, list[str], tuple[int, ...], bool] | Refused:
    """Output, anomalies, compressed sizes and whether it was read to the end."""

    def read() -> tuple[bytes, list[str], tuple[int, ...], bool]:
        stream, found = LayerStream(chunks(), stored_size=stored_size), io.BytesIO()
        buffer, ended = memoryview(bytearray(step)), False
        while found.tell() < _MOST_OUTPUT and not ended:
            count = stream.readinto(buffer)
            found.write(buffer[:count])
            ended = not count
        output = found.getvalue()
        if not ended:
            return output[:_MOST_OUTPUT], [], (), False
        assert stream.finish() == stored_size
        assert len(output) == stream.size
        shares = stream.offsets.compressed_sizes([*range(0, len(output), max(len(output) // 7, 1)), len(output)])
        assert min(shares) >= 0 and sum(shares) == stored_size - (0 if output else stored_size)
        return output, stream.anomalies, tuple(shares), True

    found = outcome(read)
    return Refused(found.kind, "") if isinstance(found, Refused) and found.kind is StreamError else found


def _check_stream(stored: bytes, output: bytes, anomalies: list[str], _: object, ended: bool) -> None:
    """What the standard library makes of the same stream, where it takes it."""
    if ended and stored[:3] == b"\x1f\x8b\x08" and not anomalies:
        try:
            expected = gzip.decompress(stored)
        except (OSError, EOFError, zlib.error):
            return
        assert output == expected
    if ended and stored[:4] not in (b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd") and stored == output:
        assert not anomalies


def stream_seeds() -> list[bytes]:
    """Streams in one piece and several, with names, checksums, frames to skip, and cut ones."""
    text = tar_bytes({"a": b"hello " * 50, "b": random.Random(1).randbytes(300)})
    named = io.BytesIO()
    with gzip.GzipFile("name", "wb", 6, named, 0) as file:
        file.write(text)
    extra = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0ab\x02\0cd" + gzip.compress(text)[10:]
    pieces = [text[at : at + 700] for at in range(0, len(text), 700)]
    zstd = zstandard.ZstdCompressor(level=3, write_checksum=True)
    unsized = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    skipped = b"\x50\x2a\x4d\x18\x04\0\0\0skip"
    streams = [
        text[:1024], gzip.compress(text), named.getvalue(), extra, b"".join(map(gzip.compress, pieces)), gzip.compress(text) + b"garbage",
        gzip.compress(text) + bytes(100), gzip.compress(b""), gzip.compress(text)[:-5], zstd.compress(text),
        b"".join(map(zstd.compress, pieces)), skipped + zstd.compress(text) + skipped, b"".join(itertools.chain(*((zstd.compress(piece), skipped) for piece in pieces))),
        unsized.compress(text) + unsized.flush(), zstd.compress(bytes(200_000)), zstd.compress(b""), zstd.compress(text)[:-3], b"", b"BZh91AY&SY", b"\xfd7zXZ\0",
    ]  # fmt: skip
    return [bytes([number, 17 * number % 256]) + stream for number, stream in enumerate(streams)]


HARNESSES = {
    "tar": Harness(run_tar, tar_seeds, TAR_TOKENS, share=3),
    "pax": Harness(run_pax, pax_seeds, TAR_TOKENS),
    "stream": Harness(
        run_stream, stream_seeds, (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\xff\xff\xff\x7f"), share=2
    ),
}
