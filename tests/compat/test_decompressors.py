"""xz and bzip2 files are accepted and refused as the programs ``xz`` and ``bzip2`` do."""

from __future__ import annotations

import bz2
import lzma
import subprocess

import pytest

from ocisize.blob.stream import LayerStream
from ocisize.errors import StreamError
from tests.tools import program

DATA = b"".join(b"%d " % number for number in range(20_000))
XZ, BZIP2 = lzma.compress(DATA, preset=1), bz2.compress(DATA)
FILES = {
    "xz": XZ, "xz of nothing": lzma.compress(b""), "xz twice": XZ * 2, "xz padded": XZ + bytes(8) + XZ + bytes(4),
    "xz padded by 3": XZ + bytes(3), "xz padded by 6 within": XZ + bytes(6) + XZ, "xz garbage": XZ + b"garbage",
    "xz short garbage": XZ + b"x", "xz cut": XZ[:-1], "xz second cut": XZ + XZ[:-1], "xz second hardly begun": XZ + XZ[:3],
    "xz crc32": lzma.compress(DATA, check=lzma.CHECK_CRC32, preset=1), "xz sha256": lzma.compress(DATA, check=lzma.CHECK_SHA256, preset=1),
    "xz x86": lzma.compress(DATA, filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 1}]),
    "xz flipped": XZ[:500] + bytes([XZ[500] ^ 1]) + XZ[501:],
    "bzip2": BZIP2, "bzip2 of nothing": bz2.compress(b""), "bzip2 twice": BZIP2 * 2, "bzip2 zeros": BZIP2 + bytes(100),
    "bzip2 garbage": BZIP2 + b"garbage", "bzip2 short garbage": BZIP2 + b"x", "bzip2 cut": BZIP2[:-1],
    "bzip2 second cut": BZIP2 + BZIP2[:-1], "bzip2 second hardly begun": BZIP2 + b"BZ", "bzip2 magic without digit": BZIP2 + b"BZh0" * 9,
    "bzip2 magic alone": BZIP2 + b"BZh9", "bzip2 magic and garbage": BZIP2 + b"BZh9" + b"garbage" * 9,
    "bzip2 flipped": BZIP2[:500] + bytes([BZIP2[500] ^ 1]) + BZIP2[501:],
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_the_program_agrees(name: str) -> None:
    """Both give the same bytes, or both end with an error."""
    tool = name.partition(" ")[0]
    found = subprocess.run([program(tool), "-dc"], input=FILES[name], capture_output=True, check=False)
    stream, buffer, data = LayerStream([FILES[name]]), memoryview(bytearray(1 << 20)), b""
    try:
        while count := stream.readinto(buffer):
            data += bytes(buffer[:count])
        stream.finish()
    except StreamError:
        assert found.returncode != 0
    else:
        assert (found.returncode, found.stdout == data) == (0, True)
        assert bool(stream.anomalies) == (b"trailing garbage" in found.stderr)
