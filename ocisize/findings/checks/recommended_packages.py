"""Findings on packages that apt-get installed only because others recommend them, with their files.

hadolint's DL3015 requires ``--no-install-recommends`` by the text alone; dpkg's database shows which files it avoids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.install_options import NO_RECOMMENDED, installs_without_recommended, without_recommended
from ocisize.history.shell import Change, edit_each
from ocisize.history.step_effects import copies_from_context
from ocisize.layer.kept_files import APT_STATES, DPKG_STATUS
from ocisize.packages.dpkg import Package, PackageId, only_recommended, read_automatic, read_status
from ocisize.packages.dpkg_files import kept_payloads, rows_by_package

_MAX_NAMES = 3  # packages in a title
_NOTE = "Largest packages avoided: {}. Install the packages that the program needs by name."


def find_recommended(evidence: ImageEvidence) -> Iterator[Claim]:
    """A claim for each layer with packages that are installed only as recommendations."""
    packages: dict[PackageId, Package] = {}
    automatic: frozenset[PackageId] = frozenset()
    for layer, table in enumerate(evidence.tables):
        payloads = kept_payloads(table)
        if APT_STATES in payloads:
            automatic = read_automatic(payloads[APT_STATES])
        if DPKG_STATUS not in payloads:
            continue
        below, packages = packages, read_status(payloads[DPKG_STATUS])
        if len(packages.keys() - below.keys()) and not installs_without_recommended(evidence.layers[layer].build_step):
            recommended = only_recommended(packages, automatic, below)
            yield from _claim(evidence, layer, recommended, payloads)


def _claim(
    evidence: ImageEvidence, layer: int, packages: Sequence[Package], payloads: Mapping[bytes, bytes]
) -> Iterator[Claim]:
    table = evidence.tables[layer]
    rows = rows_by_package(packages, payloads, table)
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
        change=Change(layer=layer, edit=edit_each(without_recommended)) if layer >= evidence.base_layers else None,
        note=_NOTE.format(", ".join(package.id.name for package in chosen[:_MAX_NAMES])),
        tier=Tier.HISTORY,
        rows={layer: sorted({row for package in chosen for row in rows[package.id]})},
    )


def _fix(evidence: ImageEvidence, layer: int) -> str:
    if layer < evidence.base_layers:
        return "The base image contains them: use a base image without recommended packages."
    step = evidence.layers[layer].build_step
    if copies_from_context(step):
        return f"Install with `{NO_RECOMMENDED}` in the stage that `{evidence.step(layer)}` copies from (hadolint DL3015)."
    where = f"in `{evidence.step(layer)}` (hadolint DL3015)"
    return f"Install with `{NO_RECOMMENDED}` {where}."
