"""Findings on packages of the distribution that a running container rarely needs: compilers, headers, npm, git.

The names of packages tell their kind, and the dependencies in the database tell what goes with them. A package that another
one needs stays, and so do the libraries that compiled programs load. If the RUN that installs the packages is the last one
that may use them, the plan removes them in this RUN.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import TypeAlias

from ocisize.findings.checks.installed_packages import (
    RowsByLayer,
    find_listed_rows,
    names_in_system,
    read_system,
    size_of,
    visible_contents,
)
from ocisize.findings.checks.package_graph import PackageGraph
from ocisize.findings.checks.package_kinds import PackageKind, load_idle_programs, load_package_kinds, load_runtime_kinds
from ocisize.findings.checks.second_runtimes import find_second_runtimes
from ocisize.findings.claim import FILES, Claim, Tier
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.history.package_managers import ManagerCommand
from ocisize.history.removal import (
    add_beside,
    calls_after_install,
    find_callers,
    find_manager,
    named_packages,
    names_program,
    removal_command,
    replace_packages,
)
from ocisize.history.shell import Change, shorten
from ocisize.history.step_effects import copies_from_context, lays_root_filesystem
from ocisize.inventory.record import PackageRecord
from ocisize.model.findings import Confidence
from ocisize.patterns import lazy_pattern
from ocisize.text import count_of
from ocisize.tuples import NamedTuple

_MAX_NAMES = 3  # packages in a title
_MAX_KEPT = 50  # libraries that stay, so that an edit names few of them
_HEADERS = Check.DEVELOPMENT_LIBRARIES
#: libraries that compilers bring and compiled programs load
_OF_COMPILED = lazy_pattern(r"lib(?:gomp|gfortran|atomic|quadmath|stdc\+\+|gcc|objc|itm|clang-?cpp|llvm)[\w.-]*(?<!-dev)")
_DEVELOPMENT_LABEL = "devcontainer.metadata"


_Places: TypeAlias = "Mapping[int, RowsByLayer]"  # rows by package


class _Removal(NamedTuple):
    """Packages that one RUN can remove again."""

    layer: int
    packages: frozenset[int]  #: all that go
    change: Change
    is_used: bool  #: whether the RUN itself may use them


def find_system_packages(evidence: ImageEvidence) -> Iterator[Claim]:
    """Claims for packages of the kinds in ``package_kinds.toml``; those of the base image are separate claims."""
    contents = visible_contents(evidence)
    kinds, runtimes = load_package_kinds(), load_runtime_kinds()
    tests = [*(kind.has for kind in kinds), *(runtime.has for runtime in runtimes)]
    if not any(has(*name) for name in names_in_system(contents) for has in tests):
        return
    graph = PackageGraph(read_system(contents))
    groups: dict[str, list[PackageKind]] = defaultdict(list)
    for kind in kinds:
        groups[kind.group].append(kind)
    for members in groups.values():
        seeds = frozenset(
            index
            for index, record in enumerate(graph.records)
            if any(kind.is_seed(record.ecosystem, record.name) for kind in members)
        )
        if seeds and not _is_for(evidence, members):
            yield from _Group(evidence, graph, members, seeds).claims()
    yield from find_second_runtimes(evidence, graph)


def _is_for(evidence: ImageEvidence, kinds: Sequence[PackageKind]) -> bool:
    """Whether containers of the image start one of the programs of the packages."""
    run = evidence.config.run
    programs = frozenset[str]().union(*(kind.programs for kind in kinds))
    return names_program([*run.entrypoint, *run.cmd], programs)


def _starts_shell(evidence: ImageEvidence) -> bool:
    """Whether containers start a shell or nothing, as in images that others build on or work in."""
    run = evidence.config.run
    command = [*run.entrypoint, *run.cmd]
    words = load_idle_programs()
    is_idle = (word.rpartition("/")[2] in words or word in words or word.startswith("-") for word in command)
    return _DEVELOPMENT_LABEL in run.labels or all(is_idle)


class _Group:
    """The packages of some kinds, which are removed together."""

    def __init__(
        self, evidence: ImageEvidence, graph: PackageGraph, kinds: Sequence[PackageKind], seeds: frozenset[int]
    ) -> None:
        self._evidence, self._graph, self._kinds, self._seeds = evidence, graph, kinds, seeds

    def claims(self) -> Iterator[Claim]:
        """The claims: one for each kind in each RUN that can remove its packages, and one for all others of a kind."""
        evidence = self._evidence
        kept = self._libraries(self._seeds)
        gone = self._graph.removed_with(self._seeds, kept)
        if not gone:
            return
        rows = find_listed_rows(evidence, (self._graph.records[index] for index in sorted(gone)))
        places = {index: rows[self._graph.records[index]] for index in gone}
        taken: set[int] = set()
        for layer in range(evidence.base_layers, len(evidence.layers)):
            if any(layer in found for found in places.values()) and (removal := self._removal(layer, places)) is not None:
                taken.add(layer)
                for kind, packages in self._by_kind(removal.packages & gone):
                    if chosen := {index: found for index in packages if (found := places[index].get(layer))}:
                        yield self._claim(kind, {index: {layer: found} for index, found in chosen.items()}, removal)
        for kind, packages in self._by_kind(gone):
            for in_base in (True, False):
                others = {
                    index: {
                        layer: found
                        for layer, found in places[index].items()
                        if layer not in taken and (layer < evidence.base_layers) is in_base
                    }
                    for index in packages
                }
                if others := {index: found for index, found in others.items() if found}:
                    yield self._claim(kind, others, None)

    def _by_kind(self, packages: Iterable[int]) -> Iterator[tuple[PackageKind, list[int]]]:
        """The packages of each kind; those of no kind, which the others brought, are with the first kind."""
        found: dict[int, list[int]] = defaultdict(list)
        for index in sorted(packages):
            record = self._graph.records[index]
            kinds = (number for number, kind in enumerate(self._kinds) if kind.has(record.ecosystem, record.name))
            found[next(kinds, -1)].append(index)
        rest = found.pop(-1, [])
        for number in sorted(found):
            yield self._kinds[number], found[number] + (rest if number == min(found) else [])
        if rest and not found:
            yield self._kinds[0], rest

    def _libraries(self, seeds: AbstractSet[int]) -> frozenset[int]:
        """What stays although only the packages need it: the libraries of headers, and what compiled programs load."""
        graph, records = self._graph, self._graph.records
        gone = graph.removed_with(seeds)
        kept = {
            index
            for index in gone
            if index in graph.protected
            or any(kind.keeps(records[index].name) for kind in self._kinds)
            or (self._kind_of(records[index]) is None and _OF_COMPILED.fullmatch(records[index].name))
        }
        for index in gone:
            kind = self._kind_of(records[index])
            if kind is not None and kind.check is _HEADERS:
                kept |= {
                    other
                    for other in graph.requirements(index) & gone
                    if self._kind_of(records[other]) is None and _source(records[other]) == _source(records[index])
                }
        return frozenset(kept)

    def _kind_of(self, record: PackageRecord) -> PackageKind | None:
        return next((kind for kind in self._kinds if kind.has(record.ecosystem, record.name)), None)

    def _removal(self, layer: int, places: _Places) -> _Removal | None:
        """How the RUN of a layer can leave packages out or remove them; None if later steps may use them."""
        evidence, graph = self._evidence, self._graph
        step = evidence.layers[layer].build_step
        manager = find_manager(step)
        if manager is None or _starts_shell(evidence) or self._user_above(layer):
            return None
        names = named_packages(manager, step)
        # what lower layers have already would only be hidden
        seeds = frozenset(index for index in graph.named(names) & self._seeds if min(places.get(index, (-1,))) >= layer)
        kept = self._libraries(seeds)
        packages = graph.removed_with(seeds, kept)
        removed = {graph.records[index].name for index in seeds if index in packages}
        if not removed or len(kept) > _MAX_KEPT:
            return None
        added = sorted({graph.records[index].name for index in self._not_needed(kept)} - names)
        is_used = calls_after_install(manager, step, removed)
        return _Removal(layer, packages, _change(layer, manager, removed, added, is_used=is_used), is_used)

    def _not_needed(self, packages: frozenset[int]) -> list[int]:
        """Those of a few packages that no other one of them needs, so that naming them keeps all."""
        left = sorted(packages)
        for index in sorted(packages):
            others = [other for other in left if other != index]
            if index in self._graph.reach(others):
                left = others
        return left

    def _user_above(self, layer: int) -> str:
        """The first command of a layer above that may use the packages, in backquotes with its layer; "" if none may."""
        for number in range(layer + 1, len(self._evidence.layers)):
            for command in find_callers(self._evidence.layers[number].build_step):
                return f"`{shorten(command.strip())}` in layer {number}"
        return ""

    def _claim(self, kind: PackageKind, places: _Places, removal: _Removal | None) -> Claim:
        evidence, records = self._evidence, self._graph.records
        rows: dict[int, list[int]] = defaultdict(list)
        sizes = {index: size_of(evidence, found) for index, found in places.items()}
        for found in places.values():
            for layer, chosen in found.items():
                rows[layer] += chosen
        largest = sorted(places, key=lambda index: (-sizes[index], records[index].name))
        names = [records[index].name for index in largest[:_MAX_NAMES]]
        in_base = max(rows) < evidence.base_layers
        rule = explain(kind.check)
        return Claim(
            rule=rule,
            title=rule.title_of(
                packages=count_of(len(places), "package"),
                names=", ".join(names) + (" …" if len(largest) > _MAX_NAMES else ""),
                files=FILES,
            ),
            confidence=self._confidence(kind, removal),
            fix=partial(self._fix, kind, names),
            change=removal.change if removal is not None else None,
            note="" if in_base else kind.note,
            tier=Tier.PACKAGE,
            rows={layer: sorted(chosen) for layer, chosen in sorted(rows.items())},
        )

    def _confidence(self, kind: PackageKind, removal: _Removal | None) -> Confidence:
        """What is installed and not used by any build step may be for the container."""
        if _starts_shell(self._evidence) or (removal is not None and not removal.is_used):
            return Confidence.ASK
        return kind.confidence

    def _fix(self, kind: PackageKind, names: Sequence[str], layer: int, _: str) -> str:
        """The fix for the layer that brought the packages."""
        evidence = self._evidence
        step = evidence.layers[layer].build_step
        if layer < evidence.base_layers or lays_root_filesystem(step):
            return f"The base image contains them: use a smaller variant of it. {kind.fix.format(names='what builds need')}"
        if copies_from_context(step):
            return f"Remove them in the stage that `{evidence.step(layer)}` copies from, or copy less."
        user = self._user_above(layer)
        because = f" {user} may use them." if user else ""
        return f"{kind.fix.format(names=_join(names))} `{evidence.step(layer)}` installs them.{because}"


def _change(
    layer: int, manager: ManagerCommand, removed: AbstractSet[str], added: Sequence[str], *, is_used: bool
) -> Change:
    """The change that leaves packages out, or removes them behind the last command of the RUN that may use them."""
    if not is_used:
        return Change(layer, replace_packages(manager, removed, added))
    return Change(layer, add_beside(manager, removed, added), removal_command(manager, removed))


def _source(record: PackageRecord) -> str:
    return record.source or record.name


def _join(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> _join(["gcc", "g++", "make"])
    'gcc, g++ and make'
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
