"""Names of processors in paths and build steps, replaced by one sign so that images of two platforms can be compared.

The names are those of Go and OCI (https://go.dev/doc/install/source#environment), of the Linux kernel, and of Debian's
multiarch tuples (https://wiki.debian.org/Multiarch/Tuples). ``/usr/lib/x86_64-linux-gnu/libc.so.6`` and
``/usr/lib/aarch64-linux-gnu/libc.so.6`` are the same file of two platforms.
"""

from __future__ import annotations

import re

from ocisize.model.build_step import BuildStep

_PLACEHOLDER = "@"
#: tuples whose system part depends on the processor, too; a tuple that contains another one comes first
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
_IN_PATHS = [
    *((name.encode(), neutral.encode()) for name, neutral in _TUPLES.items()),
    *((name.encode(), _PLACEHOLDER.encode()) for name in _NAMES),
    (b"-x64", b"-@"),  # as Node.js names it; "x64" alone ends other words, too
    (b"_x64", b"_@"),
]
_WORDS = "|".join([*map(re.escape, (*_TUPLES, *_NAMES)), "arm32v[567]", "armv[567]", "arm", "386", "x64"])
_IN_TEXT = re.compile(rf"(?<![a-z0-9])(?:{_WORDS})(?:/v[0-9])?(?![a-z0-9])")
_DIGEST = re.compile(r"\b[0-9a-f]{12,}\b")


def without_processor(step: BuildStep) -> str:
    """The text of a build step with ``@`` for each processor and ``#`` for each digest or id, which differs as they do.

    >>> without_processor(BuildStep("ADD file:0123456789ab in /opt/go-linux-arm64"))
    'ADD file:# in /opt/go-linux-@'
    """
    return _DIGEST.sub("#", _IN_TEXT.sub(_PLACEHOLDER, step.text))


def paths_without_processor(paths: list[bytes]) -> list[bytes]:
    """The paths, in order, with ``@`` for each processor; all are searched at once, a few ns for each path and name.

    >>> paths_without_processor([b"usr/lib/x86_64-linux-gnu/libc.so.6", b"etc/os-release"])
    [b'usr/lib/@-linux-gnu/libc.so.6', b'etc/os-release']
    """
    joined = b"\0".join(paths)
    for name, neutral in _IN_PATHS:
        joined = joined.replace(name, neutral)
    return joined.split(b"\0") if paths else []
