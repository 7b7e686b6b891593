"""Findings on packages of the distribution that a running container rarely needs: compilers, headers, npm, git.

The names of packages tell their kind, and the dependencies in the database tell what goes with them. A package that another
one needs stays, and so do the libraries that compiled programs load. If the RUN that installs the packages is the last one
that may use them, the plan removes them in this RUN.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import partial

from ocisize.findings.checks.installed_packages import (
    names_in_system,
    read_system,
    size_of,
    visible_contents,
)
from ocisize.findings.checks.package_graph import PackageGraph
from ocisize.findings.checks.package_kinds import PackageKind, load_idle_programs, load_package_kinds, load_runtime_kinds
from ocisize.findings.checks.package_removal import Places, Removal, Removals
from ocisize.findings.checks.second_runtimes import find_second_runtimes
from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import explain
from ocisize.history.removal import find_callers, names_program
from ocisize.history.shell import shorten
from ocisize.history.step_effects import copies_from_context, lays_root_filesystem
from ocisize.inventory.record import PackageRecord
from ocisize.model.findings import Confidence
from ocisize.text import count_of

_MAX_NAMES = 3  # packages in a title
_NO_KIND = 1 << 30  # number of the kind of packages that are there for others
_DEVELOPMENT_LABEL = "devcontainer.metadata"


def find_system_packages(evidence: ImageEvidence) -> Iterator[Claim]:
    """Claims for packages of the kinds in ``package_kinds.toml``; those of the base image are separate claims."""
    contents = visible_contents(evidence)
    kinds, runtimes = load_package_kinds(), load_runtime_kinds()
    tests = [*(kind.has for kind in kinds), *(runtime.has for runtime in runtimes)]
    if not any(has(*name) for name in names_in_system(contents) for has in tests):
        return
    graph = PackageGraph(read_system(contents, evidence.packages.kept))
    groups: dict[str, list[PackageKind]] = defaultdict(list)
    for kind in kinds:
        groups[kind.group].append(kind)
    wanted = [members for members in groups.values() if not _is_for(evidence, members)]
    removals = Removals(evidence, graph, wanted, can_edit=not _starts_shell(evidence))
    for removal in removals:
        yield from _claims(evidence, removals, removal, graph.records)
    yield from find_second_runtimes(evidence, graph)


def _is_for(evidence: ImageEvidence, kinds: Sequence[PackageKind]) -> bool:
    """Whether containers of the image start one of the programs of the packages, as their command or as health check."""
    run = evidence.config.run
    programs = frozenset[str]().union(*(kind.programs for kind in kinds))
    return names_program([*run.entrypoint, *run.cmd, *run.healthcheck], programs)


def _starts_shell(evidence: ImageEvidence) -> bool:
    """Whether containers start a shell or nothing, as in images that others build on or work in."""
    run = evidence.config.run
    command = [*run.entrypoint, *run.cmd]
    words = load_idle_programs()
    is_idle = (word.rpartition("/")[2] in words or word in words or word.startswith("-") for word in command)
    return _DEVELOPMENT_LABEL in run.labels or all(is_idle)


def _claims(
    evidence: ImageEvidence, removals: Removals, removal: Removal, records: Sequence[PackageRecord]
) -> Iterator[Claim]:
    """The claims for what goes: for each kind, what the chosen RUN removes, and the rest by whether it is in the base."""
    parts: dict[tuple[int, int], dict[int, dict[int, Sequence[int]]]] = defaultdict(lambda: defaultdict(dict))
    first = min((_number_of(removal, records, index) for index in removal.packages), default=0)
    for index in sorted(removal.packages):
        number = _number_of(removal, records, index)
        for layer, rows in removals.places.get(index, {}).items():
            is_removed = layer == removals.layer and index in removal.in_layer
            part = 0 if is_removed else 1 if layer >= evidence.base_layers else 2
            parts[_kind_for(number, first), part][index][layer] = rows
    for (number, part), places in sorted(parts.items()):
        yield _claim(evidence, removal.kinds[number], places, records, removal if part == 0 else None)


def _kind_for(number: int, first: int) -> int:
    """The number of the kind whose finding a package is in: what is there for others is with the first kind."""
    return number if number != _NO_KIND else first if first != _NO_KIND else 0


def _number_of(removal: Removal, records: Sequence[PackageRecord], index: int) -> int:
    """The number of the kind of a package; _NO_KIND of those that only others need."""
    record = records[index]
    kinds = (number for number, kind in enumerate(removal.kinds) if kind.has(record.ecosystem, record.name))
    return next(kinds, _NO_KIND)


def _claim(
    evidence: ImageEvidence,
    kind: PackageKind,
    places: Places,
    records: Sequence[PackageRecord],
    removal: Removal | None,
) -> Claim:
    rows: dict[int, list[int]] = defaultdict(list)
    for found in places.values():
        for layer, chosen in found.items():
            rows[layer] += chosen
    sizes = {index: size_of(evidence, found) for index, found in places.items()}
    largest = sorted(places, key=lambda index: (-sizes[index], records[index].name))
    names = [records[index].name for index in largest[:_MAX_NAMES]]
    rule = explain(kind.check)
    return Claim(
        rule=rule,
        title=rule.title_of(
            packages=count_of(len(places), "package"),
            names=", ".join(names) + (" …" if len(largest) > _MAX_NAMES else ""),
            files=FILES,
        ),
        confidence=_confidence(evidence, kind, removal),
        fix=partial(_fix, evidence, kind, names, frozenset(records[index].name for index in places)),
        change=removal.change if removal is not None else None,
        note="" if max(rows) < evidence.base_layers else kind.note,
        tier=Tier.PACKAGE,
        rows={layer: sorted(chosen) for layer, chosen in sorted(rows.items())},
    )


def _confidence(evidence: ImageEvidence, kind: PackageKind, removal: Removal | None) -> Confidence:
    """What is installed and not used by any build step may be for the container."""
    if _starts_shell(evidence) or (removal is not None and not removal.is_used):
        return Confidence.ASK
    return kind.confidence


def _fix(
    evidence: ImageEvidence, kind: PackageKind, names: Sequence[str], all_names: Collection[str], layer: int, _: str
) -> str:
    """The fix for the layer that brought the packages; ``names`` are the largest of ``all_names``."""
    step = evidence.layers[layer].build_step
    if layer < evidence.base_layers or lays_root_filesystem(step):
        return f"The base image contains them: use a smaller variant of it. {kind.fix.format(names='what builds need')}"
    if copies_from_context(step):
        return f"Remove them in the stage that `{evidence.step(layer)}` copies from, or copy less."
    because = _name_user_above(evidence, all_names, layer)
    return f"{kind.fix.format(names=_join(names))} `{evidence.step(layer)}` installs them.{because}"


def _name_user_above(evidence: ImageEvidence, names: Collection[str], layer: int) -> str:
    """A sentence about the command of a layer above that uses the packages: the first that starts one, else that may use it.

    It starts with a blank; "" if no command may use them.
    """
    first = ""
    for number in range(layer + 1, len(evidence.layers)):
        for command in find_callers(evidence.layers[number].build_step):
            shown = f"`{shorten(command.strip())}` in layer {number}"
            if command.split()[0] in names:
                return f" {shown} uses them."
            first = first or f" {shown} may use them."
    return first


def _join(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> _join(["gcc", "g++", "make"])
    'gcc, g++ and make'
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
