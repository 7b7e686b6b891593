"""Findings on packages of npm with native code that cannot run in the image, told by the ends of their names.

Most such packages are files of a rule of the catalog (OS373 to OS375). A glob cannot tell the processor of the image, and
whether its C library is musl: these packages are here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.patterns import lazy_pattern
from ocisize.text import decode_name
from ocisize.tuples import NamedTuple

_MAX_NAMES = 3  # packages in a title
#: names of processors in the names of packages, by the architecture of an image
_PROCESSORS = {
    "amd64": "x64", "arm64": "arm64", "arm": "arm", "386": "ia32", "ppc64le": "ppc64", "s390x": "s390x",
    "riscv64": "riscv64", "loong64": "loong64", "mips64le": "mips64el",
}  # fmt: skip
_NATIVE = lazy_pattern(  # the root of a package: its name, the library, the processor and the library again
    rb"((?:.*/)?node_modules/((?:@[^/]+/)?(?:[^/]+[-.])?linux(musl|-musl)?-"
    rb"(x64|arm64|arm|ia32|ppc64|s390x|riscv64|loong64|mips64el)(?:le|hf|v[67]|el)?(?:-(gnu|musl)\w*)?))/.*",
    re.DOTALL,
)
#: packages that have a variant for musl, so that their plain name means glibc; others are static
_FOR_GLIBC = lazy_pattern(rb"@img/sharp(?:-libvips)?-linux-\w+")


class _Native(NamedTuple):
    """What the name of a package says that its code needs."""

    root: bytes
    name: bytes
    libc: str  #: ``musl`` or ``glibc``; "" if the name does not say
    processor: str


def find_foreign_packages(evidence: ImageEvidence) -> Iterator[Claim]:
    """Claims for packages for glibc in an image with musl, and for other processors in an image that is not for x86-64."""
    processor = _PROCESSORS.get(evidence.config.architecture, "")
    is_musl = evidence.system.libc == "musl"
    if not is_musl and processor in ("", "x64"):
        return  # what the catalog finds
    rows: dict[tuple[bool, Check], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    names: dict[tuple[bool, Check], dict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    for layer, table in enumerate(evidence.tables):
        if not table.paths.contain(b"node_modules/"):
            continue
        hidden_by = evidence.overlay.hidden_by[layer]
        for row, path in table.paths.select_with(b"linux"):
            native = _native_of(path) if hidden_by[row] < 0 else None
            if native is None:
                continue
            if processor and native.processor != processor and not _runs_on(native.processor, processor):
                check = Check.FOREIGN_PROCESSOR
            elif is_musl and native.libc == "glibc":
                check = Check.FOREIGN_LIBC
            else:
                continue
            key = layer < evidence.base_layers, check
            rows[key][layer].append(row)
            names[key][native.name] += table.sizes[row]
    for (in_base, check), found in sorted(rows.items(), key=lambda item: (item[0][0], item[0][1].value)):
        sizes = names[in_base, check]
        largest = sorted(sizes, key=lambda name: (-sizes[name], name))
        shown = ", ".join(map(decode_name, largest[:_MAX_NAMES])) + (" …" if len(largest) > _MAX_NAMES else "")
        rule = explain(check)
        yield Claim(
            rule=rule,
            title=rule.title_of(names=shown, files=FILES),
            fix="The base image contains them: use another one." if in_base else _fix(check, processor),
            blame_first_layer=True,
            tier=Tier.PACKAGE,
            rows={layer: sorted(set(chosen)) for layer, chosen in found.items()},
        )


def _native_of(path: bytes) -> _Native | None:
    match = _NATIVE.fullmatch(path)
    if match is None:
        return None
    root, name, before, processor, behind = match.groups()
    libc = "musl" if before or behind == b"musl" else "glibc" if behind == b"gnu" or _FOR_GLIBC.fullmatch(name) else ""
    return _Native(root, name, libc, processor.decode())


def _runs_on(code: str, processor: str) -> bool:
    """Whether a processor runs the code of another one: 64-bit processors run 32-bit programs."""
    return (code, processor) in (("ia32", "x64"), ("arm", "arm64"))


def _fix(check: Check, processor: str) -> str:
    options = "--os=linux --libc=musl" if check is Check.FOREIGN_LIBC else f"--os=linux --cpu={processor}"
    return (
        f"Install in an image of the same kind, or with `npm ci {options}` (npm 10.3 or later). Add `**/node_modules` to "
        ".dockerignore if COPY adds them."
    )
