"""Findings on packages that apt-get installed only because others recommend them, with the files they brought.

hadolint's DL3015 asks for ``--no-install-recommends`` by the text alone; here dpkg's database says what it would spare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.shell import Change, edit_each
from ocisize.history.step_kind import copies_from_context
from ocisize.model.build_step import BuildStep
from ocisize.packages.dpkg import Package, PackageId, only_recommended, read_automatic, read_status
from ocisize.tar.filetable import REGULAR, FileTable

OPTION = "--no-install-recommends"

_STATUS = b"var/lib/dpkg/status"
_STATES = b"var/lib/apt/extended_states"
_INFO = b"var/lib/dpkg/info/"
_KINDS = (b"list", b"md5sums", b"conffiles", b"config", b"templates", b"triggers", b"shlibs", b"symbols")
_SCRIPTS = (b"preinst", b"postinst", b"prerm", b"postrm")
_MERGED = re.compile(rb"(?:bin|sbin|lib|lib32|lib64|libo32|libx32)/")
_APT_INSTALL = re.compile(r"\b(?:apt-get|apt|aptitude)\b.*?\sinstall\b")
_WITHOUT_RECOMMENDED = re.compile(
    r"--no-install-recommends|--without-recommends|Install-Recommends=[\"']?(?:0|false|no)", re.IGNORECASE
)
_MAX_NAMES = 3  # packages in a title
_FIX_SUFFIX = " (hadolint DL3015). Largest packages avoided: {}; if one is needed at run time, install it by name"


def find_recommended(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for each layer with packages that only a Recommends leads to."""
    packages: dict[PackageId, Package] = {}
    automatic: frozenset[PackageId] = frozenset()
    for layer, table in enumerate(evidence.tables):
        databases = _databases(table)
        if _STATES in databases:
            automatic = read_automatic(databases[_STATES])
        if _STATUS not in databases:
            continue
        below, packages = packages, read_status(databases[_STATUS])
        if len(packages.keys() - below.keys()) and not _installs_without_recommended(evidence.layers[layer].build_step):
            recommended = only_recommended(packages, automatic, below)
            yield from _claim(evidence, layer, recommended, databases)


def _databases(table: FileTable) -> dict[bytes, bytes]:
    """The kept payloads of a layer by path; of a path that stands twice, the last one."""
    rows = sorted(table.contents)
    return {path: table.contents[row] for row, path in zip(rows, table.paths.select(rows), strict=True)}


def _installs_without_recommended(step: BuildStep) -> bool:
    """Whether a step installs, and always without recommended packages."""
    installs = [command for command in step.shell_commands if _APT_INSTALL.search(command)]
    return bool(installs) and (all(map(_WITHOUT_RECOMMENDED.search, installs)) or "Install-Recommends" in step.text)


def _claim(
    evidence: ImageEvidence, layer: int, packages: Sequence[Package], databases: Mapping[bytes, bytes]
) -> Iterator[Claim]:
    table = evidence.tables[layer]
    rows = _rows_of(packages, databases, table)
    chosen = [package for package in packages if rows[package.id]]
    if not chosen:
        return
    sizes = {package.id: sum(table.sizes[row] for row in rows[package.id]) for package in chosen}
    chosen.sort(key=lambda package: (-sizes[package.id], package.id.name, package.id.architecture))
    names = ", ".join(package.id.name for package in chosen[:_MAX_NAMES]) + (" …" if len(chosen) > _MAX_NAMES else "")
    count = len(chosen)
    what, how = (f"{count:,} packages", "recommendations") if count > 1 else ("1 package", "a recommendation")
    rule = explain(Check.RECOMMENDED_PACKAGES)
    yield Claim(
        rule=rule,
        title=rule.title_of(layer=layer, packages=what, recommendations=how, names=names, files=FILES),
        fix=_fix(evidence, layer),
        change=Change(layer=layer, edit=edit_each(_without_recommended)) if layer >= evidence.base_layers else None,
        fix_suffix=_FIX_SUFFIX.format(", ".join(package.id.name for package in chosen[:_MAX_NAMES])),
        tier=Tier.HISTORY,
        rows={layer: sorted({row for package in chosen for row in rows[package.id]})},
    )


def _fix(evidence: ImageEvidence, layer: int) -> str:
    if layer < evidence.base_layers:
        return "The base image brings them: use a base image that installs no recommended packages."
    step = evidence.layers[layer].build_step
    if copies_from_context(step):
        return f"Install with {OPTION} in the stage that `{evidence.step(layer)}` copies from (hadolint DL3015)."
    return (
        f"Install with {OPTION} in `{evidence.step(layer)}` (hadolint DL3015); what is missed at run time, install by name."
    )


def _without_recommended(command: str) -> str | None:
    return None if _WITHOUT_RECOMMENDED.search(command) else _APT_INSTALL.sub(rf"\g<0> {OPTION}", command, count=1)


def _rows_of(packages: Sequence[Package], databases: Mapping[bytes, bytes], table: FileTable) -> dict[PackageId, list[int]]:
    """By package, the rows of its files in the layer, dpkg's on it too; a file that two packages list goes to neither."""
    listed: dict[bytes, PackageId | None] = {}
    for package in packages:
        info = _info_of(package.id, databases)
        paths = databases.get(info + b".list", b"").split(b"\n")
        for path in (*paths, *(info + b"." + kind for kind in (*_KINDS, *_SCRIPTS))):
            name = path.strip(b"/\r")
            listed[name] = None if listed.get(name, package.id) != package.id else package.id
    wanted = {b"usr/" + name: id_ for name, id_ in listed.items() if _MERGED.match(name)}
    rows: dict[PackageId, list[int]] = {package.id: [] for package in packages}
    merged: list[tuple[int, bytes]] = []
    stored: set[bytes] = set()
    kinds = table.kinds
    for row, path in enumerate(table.paths):
        if path in listed:
            stored.add(path)
            if kinds[row] == REGULAR and (id_ := listed[path]) is not None:
                rows[id_].append(row)
        elif path in wanted and kinds[row] == REGULAR:
            merged.append((row, path))
    for row, path in merged:
        if path[len(b"usr/") :] not in stored and (id_ := wanted[path]) is not None:
            rows[id_].append(row)
    return rows


def _info_of(id_: PackageId, databases: Mapping[bytes, bytes]) -> bytes:
    """What dpkg's own files on a package are called, without their last dot and what is behind it.

    Packages of which several architectures may be installed have theirs in the name.
    """
    name = _INFO + id_.name.encode()
    with_architecture = name + b":" + id_.architecture.encode()
    return with_architecture if with_architecture + b".list" in databases else name
