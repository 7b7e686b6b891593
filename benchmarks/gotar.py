"""Compare scan_tar on mutated tars with Go's archive/tar, which Docker, containerd and Podman use to read layers.

    python benchmarks/gotar.py [--seconds 60] [--seed 1] [--corpus FOLDER]

Needs ``go``. FOLDER is the corpus that fuzz.py keeps for the harness ``tar``; without it, only the seeds are mutated. The times
of star headers, which ocisize does not read, are made valid first. Solaris' type X, which ocisize reads as x and Go as a file,
becomes x. Prints the number of tars by result, and an example of each difference.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from ocisize.errors import TarError
from ocisize.tar.filetable import KIND_NAMES
from ocisize.text import decode_name
from ocisize.tar.header import BLOCK, parse_number
from ocisize.tar.paths import clean_name
from ocisize.tar.scanner import scan_tar
from tests.fuzz.layers import TAR_TOKENS, tars
from tests.fuzz.mutate import mutate
from tests.fuzz.shapes import mend_tar
from tests.strategies import Bytes

Listing: TypeAlias = "list[tuple[Any, ...]] | str"  #: rows, or why there are none
_NO_PAYLOAD = b"123456"
_MAX_CONTENT = 1 << 20  # bytes of a file whose content is compared


def by_scan(tar: bytes) -> Listing:
    try:
        table = scan_tar(Bytes(tar), wanted=lambda path, size: size <= _MAX_CONTENT)
    except TarError as error:
        return re.sub(r"b'.*|b\".*|'.*|\d+", "…", str(error))
    return [
        row(entry.path, entry.kind, entry.size, (entry.mode, entry.uid, entry.gid), entry.link,
            hashlib.sha256(table.contents.get(number, b"")).hexdigest())
        for number, entry in enumerate(table)
    ]  # fmt: skip


def by_go(reader: subprocess.Popen[bytes], tar: bytes) -> Listing:
    assert reader.stdin is not None and reader.stdout is not None
    reader.stdin.write(struct.pack("<I", len(tar)) + tar)
    reader.stdin.flush()
    answer = json.loads(reader.stdout.readline())
    if answer.get("error"):
        return str(answer["error"])
    rows = []
    for name, kind, size, _, *owner, link, digest in answer["entries"]:
        if kind != "g":  # archive/tar lists it, and ocisize skips it
            path, target = (decode_name(base64.b64decode(text or b"")) for text in (name, link))
            rows.append(row(decode_name(clean_name(path.encode("utf-8", "surrogateescape"))),
                            KIND_NAMES.get(ord(kind), "file"), size, tuple(owner), target, digest))  # fmt: skip
    return rows


def row(path: str, kind: str, size: int, owner: tuple[int, ...], link: str | None, digest: str) -> tuple[Any, ...]:
    content = (size, digest if size <= _MAX_CONTENT else None) if kind == "file" else None
    return path, kind, content, owner, link if kind in ("symlink", "hardlink") else None


def without_unread(tar: bytes) -> bytes:
    """The tar with valid values where ocisize reads none, and right checksums."""
    data, position = bytearray(tar), 0
    while any(header := data[position : position + BLOCK]) and len(header) == BLOCK:
        if header[156] == ord("X"):
            data[position + 156] = ord("x")
        if header[508:512] == b"tar\0":
            data[position + 476 : position + 500] = b"%011o\0" % 0 * 2
        position += BLOCK
        if header[156] not in _NO_PAYLOAD:
            try:
                position += max(-(-parse_number(bytes(header[124:136])) // BLOCK) * BLOCK, 0)
            except ValueError:
                break
    return mend_tar(bytes(data))


def mutated(seeds: list[bytes], dice: random.Random) -> Iterator[bytes]:
    while True:
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.choice((0, 1, 1, 2, 3, 5))):
            mutate(data, seeds, TAR_TOKENS, dice)
        yield without_unread(bytes(data))


def judge(ours: Listing, theirs: Listing) -> str:
    if isinstance(ours, str) or isinstance(theirs, str):
        if type(ours) is type(theirs):
            return "refused by both"
        return f"refused by ocisize alone: {ours}" if isinstance(ours, str) else f"refused by Go alone: {theirs}"
    return "read alike" if ours == theirs else "read differently"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, metavar="FOLDER")
    parser.add_argument("--reader", metavar="PROGRAM", help="gotar.go, built elsewhere")
    options = parser.parse_args()
    seeds = [*tars(), *(path.read_bytes()[2:] for path in sorted(options.corpus.iterdir() if options.corpus else ()))]
    counts, examples, end = Counter[str](), dict[str, tuple[Listing, Listing]](), time.monotonic() + options.seconds
    with tempfile.TemporaryDirectory() as folder:
        program = options.reader or f"{folder}/gotar"
        if not options.reader:
            subprocess.run(["go", "build", "-o", program, HERE / "inputs" / "gotar.go"], check=True)
        with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
            for tar in mutated(seeds, random.Random(options.seed)):
                ours, theirs = by_scan(tar), by_go(reader, tar)
                counts[judge(ours, theirs)] += 1
                examples.setdefault(judge(ours, theirs), (ours, theirs))
                if time.monotonic() > end:
                    break
            reader.stdin.close()  # type: ignore[union-attr]
    for result, count in counts.most_common():
        print(f"{count:9,} {result}")
    for result, (ours, theirs) in examples.items():
        if result not in ("read alike", "refused by both"):
            print(f"\n{result}\n  ocisize: {str(ours)[:500]}\n  Go:      {str(theirs)[:500]}")


if __name__ == "__main__":
    main()
