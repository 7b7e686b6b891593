"""Processors in names: what is called otherwise on another processor for no other reason.

The names are those of Go and OCI (https://go.dev/doc/install/source#environment), of the kernel, and of Debian's
multiarch tuples (https://wiki.debian.org/Multiarch/Tuples). ``/usr/lib/x86_64-linux-gnu/libc.so.6`` and
``/usr/lib/aarch64-linux-gnu/libc.so.6`` are one file to who compares platforms.
"""

from __future__ import annotations

import re

from ocisize.model.build_step import BuildStep

_ANY = "@"
#: name → what stands for it; longer ones first, where one contains another
_TUPLES = {
    "arm-linux-gnueabihf": "@-linux-gnu",
    "arm-linux-gnueabi": "@-linux-gnu",
    "arm-linux-musleabihf": "@-linux-musl",
    "mips64el-linux-gnuabi64": "@-linux-gnu",
}
_NAMES = (
    "x86_64", "x86-64", "amd64", "aarch64", "arm64v8", "arm64", "armhf", "armel", "armv7l", "armv6l", "i386", "i686",
    "powerpc64le", "ppc64le", "ppc64el", "s390x", "riscv64", "mips64le", "mips64el", "loongarch64", "loong64",
)  # fmt: skip
_IN_PATHS = [(name.encode(), other.encode()) for name, other in (*_TUPLES.items(), *((name, _ANY) for name in _NAMES))]
_IN_PATHS += [(b"-x64", b"-@"), (b"_x64", b"_@")]  # as Node names it; "x64" ends other words, too
_WORDS = "|".join([*map(re.escape, (*_TUPLES, *_NAMES)), "arm32v[567]", "armv[567]", "arm", "386", "x64"])
_IN_TEXT = re.compile(rf"(?<![a-z0-9])(?:{_WORDS})(?:/v[0-9])?(?![a-z0-9])")
_ID = re.compile(r"\b[0-9a-f]{12,}\b")  # digests and ids: other contents, same step


def without_processor(step: BuildStep) -> str:
    """A build step with one sign for all processors, and without digests, which differ as they do."""
    return _ID.sub("#", _IN_TEXT.sub(_ANY, step.text))


def paths_without_processor(paths: list[bytes]) -> list[bytes]:
    """Paths with one sign for all processors; 20 searches over all of them at once, so a few ns a path and name."""
    joined = b"\0".join(paths)
    for name, other in _IN_PATHS:
        joined = joined.replace(name, other)
    return joined.split(b"\0") if paths else []
