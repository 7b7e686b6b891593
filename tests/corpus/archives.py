"""Archives that are compressed with xz or bzip2 as a whole: cut, damaged, doubly compressed, bombs."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.corpus.cases import Case, Verdict, file_of, good
from tests.images import docker_archive_entries, tar_bytes
from tests.strategies import header, member


def _case(name: str, verdict: Verdict, message: str, write: Callable[[Path], Path]) -> Case:
    return Case(f"archive-{name}", verdict, message, lambda: write)


def archive_cases() -> Iterator[Case]:
    """All of them."""
    archive = tar_bytes(docker_archive_entries(good(), "skopeo", ["a:1"]))
    zeros = member(b"manifest.json", b"[]") + header(b"zeros", b"\x80" + (1 << 50).to_bytes(11, "big"))
    packs: dict[str, Callable[[bytes], bytes]] = {"xz": partial(lzma.compress, preset=0), "bzip2": bz2.compress}
    for kind, pack in packs.items():
        whole = pack(archive)
        yield _case(f"{kind}", "accept", "", file_of(whole))
        yield _case(f"{kind}-cut", "reject", f"{kind} stream ends early", file_of(whole[: len(whole) // 2]))
        yield _case(f"{kind}-cut-at-the-end", "reject", f"{kind} stream ends early", file_of(whole[:-1]))
        damaged = whole[:300] + bytes([whole[300] ^ 1]) + whole[301:]
        yield _case(f"{kind}-damaged", "reject", f"broken {kind} stream|checksum|ends early", file_of(damaged))
        yield _case(f"{kind}-of-two-streams", "accept", "", file_of(pack(archive[:5000]) + pack(archive[5000:])))
        yield _case(f"{kind}-of-nothing", "reject", "it is empty", file_of(pack(b"")))
        yield _case(f"{kind}-in-{kind}", "reject", f"compressed twice, with {kind} and {kind}", file_of(pack(whole)))
    huge = lzma.compress(archive, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 192 << 20}])
    bomb = "more than 200 uncompressed bytes per stored byte"
    yield _case("xz-bomb", "limit", bomb, partial(_bomb, packs["xz"], zeros))
    yield _case("xz-dictionary", "limit", "more than 134217728 bytes of dictionary", file_of(huge))
    alone = lzma.compress(archive, lzma.FORMAT_ALONE)
    yield _case("lzma-alone", "reject", "a file compressed with lzma", file_of(alone))


def _bomb(pack: Callable[[bytes], bytes], beginning: bytes, folder: Path) -> Path:
    return file_of(pack(beginning) + pack(bytes(64 << 20)) * 20)(folder)
