"""Findings on language runtimes of the distribution that are there only because another package needs them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ocisize.findings.checks.installed_packages import size_of
from ocisize.findings.checks.listed_files import find_listed_rows
from ocisize.findings.checks.package_graph import PackageGraph
from ocisize.findings.checks.package_kinds import RuntimeKind, load_runtime_kinds
from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.removal import names_program

_MAX_ASKERS = 3  # packages that are the reason; of more, no single change removes the runtime
_MAX_NAMES = 3  # packages in a title


def find_second_runtimes(evidence: ImageEvidence, graph: PackageGraph) -> Iterator[Claim]:
    """Claims for runtimes that no build step names, with all that goes with the packages that need them.

    Args:
        evidence: the image.
        graph: the packages of its distribution.

    """
    for kind in load_runtime_kinds():
        for index, record in enumerate(graph.records):
            if record.is_automatic is not True or not kind.has(record.ecosystem, record.name):
                continue
            askers = graph.askers(index)
            names = sorted({graph.records[asker].name for asker in askers})
            if 0 < len(names) <= _MAX_ASKERS and not _is_wanted(evidence, kind, names):
                gone = graph.removed_with(askers, graph.protected)
                if index in gone:
                    yield from _claims(evidence, graph, kind, sorted(gone), names)
                    break


def _is_wanted(evidence: ImageEvidence, kind: RuntimeKind, askers: Sequence[str]) -> bool:
    """Whether the image is for the runtime, or for a package that needs it."""
    if any(map(kind.is_wanted_by, askers)):
        return True
    if not kind.programs:  # the runtime of the image must be another one of the same language
        return all(runtime.path.startswith("usr/bin/") for runtime in evidence.system.runtimes if runtime.name == "python")
    run = evidence.config.run
    return names_program([*run.entrypoint, *run.cmd], kind.programs.union(askers))


def _claims(
    evidence: ImageEvidence, graph: PackageGraph, kind: RuntimeKind, packages: Sequence[int], askers: Sequence[str]
) -> Iterator[Claim]:
    rows = find_listed_rows(evidence, (graph.records[index] for index in packages))
    sizes = {record: size_of(evidence, found) for record, found in rows.items()}
    largest = sorted(rows, key=lambda record: (-sizes[record], record.name))
    joined: dict[bool, dict[int, list[int]]] = {True: defaultdict(list), False: defaultdict(list)}
    for found in rows.values():
        for layer, chosen in found.items():
            joined[layer < evidence.base_layers][layer] += chosen
    rule = explain(Check.SECOND_RUNTIME)
    title = rule.title_of(
        runtime=kind.title,
        askers=" and ".join(askers),
        needs="need" if len(askers) > 1 else "needs",
        names=", ".join(record.name for record in largest[:_MAX_NAMES]) + (" …" if len(largest) > _MAX_NAMES else ""),
        files=FILES,
    )
    what = " and ".join(askers)
    for in_base, by_layer in joined.items():
        if by_layer:
            yield Claim(
                rule=rule,
                title=title,
                fix=(
                    f"The base image contains {what}: use a smaller variant of it."
                    if in_base
                    else f"Use {what} in a build stage, and copy the result, or a form without {kind.title}."
                ),
                tier=Tier.PACKAGE,
                rows={layer: sorted(found) for layer, found in sorted(by_layer.items())},
            )
