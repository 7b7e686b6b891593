"""Removals: which packages of a distribution can go, kind by kind, and the one RUN that can remove some of them itself.

Kinds are removed one after the other, so that what two of them need goes with the second one. The edits of a RUN follow the
same order: together they remove exactly what is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TypeAlias

from ocisize.findings.checks.installed_packages import RowsByLayer, size_of
from ocisize.findings.checks.listed_files import find_listed_rows
from ocisize.findings.checks.package_graph import PackageGraph
from ocisize.findings.checks.package_kinds import PackageKind
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check
from ocisize.history.package_managers import ManagerCommand
from ocisize.history.removal import (
    add_beside,
    calls_after_install,
    find_callers,
    find_manager,
    named_packages,
    names_installed,
    removal_command,
    replace_packages,
)
from ocisize.history.shell import Change
from ocisize.inventory.record import PackageRecord
from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple

Places: TypeAlias = "Mapping[int, RowsByLayer]"  #: rows by package

_MAX_KEPT = 50  # libraries that stay where a RUN removes packages
_MAX_LAYERS = 8  # that are tried as the one that removes packages
_NO_KIND = -1  # number of the kind of packages that are there only for others
#: libraries that compilers bring and compiled programs load
_OF_COMPILED = lazy_pattern(r"lib(?:gomp|gfortran|atomic|quadmath|stdc\+\+|gcc|objc|itm|clang-?cpp|llvm)[\w.-]*(?<!-dev)")


class Removal(NamedTuple):
    """The packages of some kinds that go, and how the chosen RUN removes those of its layer."""

    kinds: Sequence[PackageKind]
    packages: frozenset[int]  #: all that go, those that only other packages among them need included
    in_layer: frozenset[int] = frozenset()  #: those that the RUN removes, as far as its layer has them
    change: Change | None = None  #: of the RUN
    is_used: bool = False  #: whether commands of the RUN may use the packages


class Removals:
    """The packages of a distribution that can go, by groups of kinds that are removed together."""

    def __init__(
        self, evidence: ImageEvidence, graph: PackageGraph, groups: Sequence[Sequence[PackageKind]], *, can_edit: bool
    ) -> None:
        """Note what is searched; ``can_edit`` is False if no RUN may remove packages, as others build on the image."""
        self.evidence, self._graph, self._groups, self._can_edit = evidence, graph, groups, can_edit
        self._kinds = [kind for kinds in groups for kind in kinds]
        self._seeds = [self._find_seeds(kinds) for kinds in groups]
        self._kept: dict[frozenset[int], frozenset[int]] = {}  # what ``_libraries`` found
        self._in_layers: dict[int, frozenset[int]] = {}  # what ``seeds_in`` found

    def _find_seeds(self, kinds: Sequence[PackageKind]) -> frozenset[int]:
        records = enumerate(self._graph.records)
        return frozenset(
            index for index, record in records if any(kind.is_seed(record.ecosystem, record.name) for kind in kinds)
        )

    @cached_property
    def all_seeds(self) -> frozenset[int]:
        """The packages that are removed by name."""
        return frozenset[int]().union(*self._seeds)

    @cached_property
    def places(self) -> Places:
        """The rows of all packages that go."""
        gone = self._graph.removed_with(self.all_seeds, self._libraries(self.all_seeds))
        rows = find_listed_rows(self.evidence, (self._graph.records[index] for index in sorted(gone)))
        return {index: rows[self._graph.records[index]] for index in gone}

    @cached_property
    def layer(self) -> int | None:
        """The layer whose RUN can remove most bytes of packages itself; None if none can remove any."""
        evidence = self.evidence
        sizes: dict[int, int] = {}
        layers = range(len(evidence.layers) - 1, evidence.base_layers - 1, -1) if self._can_edit else ()
        for layer in layers:
            seeds = self.seeds_in(layer)
            if seeds:
                gone = self.removed_in(layer, seeds)
                rows = ({layer: self.places[index].get(layer, ())} for index in gone if index in self.places)
                sizes[layer] = sum(size_of(evidence, chosen) for chosen in rows)
            if len(sizes) == _MAX_LAYERS or find_callers(evidence.layers[layer].build_step):
                break  # a layer below must not remove what this one may use
        best = max(sizes, key=lambda layer: (sizes[layer], layer), default=None)
        return best if best is not None and sizes[best] else None

    def __iter__(self) -> Iterator[Removal]:
        """What goes with each group, after what goes with those before it."""
        before: frozenset[int] = frozenset()
        run = _Run(self, self.layer) if self.layer is not None else None
        for number, kinds in enumerate(self._groups):
            seeds = frozenset[int]().union(*self._seeds[: number + 1])
            gone = self._graph.removed_with(seeds, self._libraries(seeds))
            removal = Removal(kinds, gone - before)
            before |= gone
            yield run.remove(removal, self._seeds[number]) if run is not None else removal

    def seeds_in(self, layer: int) -> frozenset[int]:
        """The packages that the RUN of a layer can remove by name: no layer below has them, and none above names them."""
        if layer not in self._in_layers:
            self._in_layers[layer] = self._find_seeds_in(layer)
        return self._in_layers[layer]

    def _find_seeds_in(self, layer: int) -> frozenset[int]:
        step = self.evidence.layers[layer].build_step
        manager = find_manager(step)
        if manager is None or (again := self._named_above(layer)) is None:
            return frozenset()
        named = self._graph.named(named_packages(manager, step)) & self.all_seeds - again
        seeds = frozenset(index for index in named if min(self.places.get(index) or (-1,)) >= layer)
        return seeds if len(self._libraries(seeds)) <= _MAX_KEPT else frozenset()

    def _named_above(self, layer: int) -> frozenset[int] | None:
        """The packages that RUNs above a layer install, and would bring again; None if one does not name them."""
        names = names_installed(above.build_step for above in self.evidence.layers[layer + 1 :])
        return self._graph.named(names) if names is not None else None

    def removed_in(self, layer: int, seeds: frozenset[int]) -> frozenset[int]:
        """What goes if the RUN of a layer removes some packages: nothing that RUNs above bring again."""
        again = self._named_above(layer) or frozenset()
        return self._graph.removed_with(seeds, self._libraries(seeds) | again)

    def names_of(self, packages: frozenset[int]) -> set[str]:
        """The names of some packages."""
        return {self._graph.records[index].name for index in packages}

    def names_to_keep(self, layer: int, seeds: frozenset[int]) -> set[str]:
        """The libraries that a RUN must name so that they stay; what one of them needs stays with it."""
        graph, kept = self._graph, self._libraries(seeds)
        needed: set[int] = set()
        for index in sorted(kept):
            waiting = [index] if index not in needed else []
            while waiting:
                for other in graph.requirements(waiting.pop()) & kept:
                    if other not in needed and other != index:
                        needed.add(other)
                        waiting.append(other)
        step = self.evidence.layers[layer].build_step
        manager = find_manager(step)
        named = named_packages(manager, step) if manager is not None else frozenset[str]()
        return {graph.records[index].name for index in kept - needed} - named

    def _libraries(self, seeds: frozenset[int]) -> frozenset[int]:
        """What stays although only the packages need it: the libraries of headers, and what compiled programs load."""
        if seeds not in self._kept:
            graph, headers = self._graph, self._headers
            gone = graph.removed_with(seeds)
            kept = set(gone & self._always_kept)
            for index in gone & headers.keys():
                kept |= {other for other in graph.requirements(index) & gone if self._sources.get(other) == headers[index]}
            self._kept[seeds] = frozenset(kept)
        return self._kept[seeds]

    @cached_property
    def _kind_numbers(self) -> list[int]:
        """By package, the number of its kind; _NO_KIND if it is there only for others."""
        return [
            next((number for number, kind in enumerate(self._kinds) if kind.has(record.ecosystem, record.name)), _NO_KIND)
            for record in self._graph.records
        ]

    @cached_property
    def _sources(self) -> dict[int, str]:
        """The names of the sources of all packages that are of no kind."""
        pairs = enumerate(zip(self._graph.records, self._kind_numbers, strict=True))
        return {index: _source(record) for index, (record, number) in pairs if number == _NO_KIND}

    @cached_property
    def _headers(self) -> dict[int, str]:
        """The names of the sources of all packages with headers."""
        is_headers = [kind.check is Check.DEVELOPMENT_LIBRARIES for kind in self._kinds]
        pairs = enumerate(zip(self._graph.records, self._kind_numbers, strict=True))
        return {index: _source(record) for index, (record, number) in pairs if number != _NO_KIND and is_headers[number]}

    @cached_property
    def _always_kept(self) -> frozenset[int]:
        """The packages that stay, whatever is removed."""
        names = ((index, record.name) for index, record in enumerate(self._graph.records))
        kept = (
            index
            for index, name in names
            if any(kind.keeps(name) for kind in self._kinds) or (index in self._sources and _OF_COMPILED.fullmatch(name))
        )
        return self._graph.protected.union(kept)


class _Run:
    """The RUN that removes packages, while one group after the other is removed."""

    def __init__(self, removals: Removals, layer: int) -> None:
        self._removals, self._layer = removals, layer
        step = removals.evidence.layers[layer].build_step
        self._step, self._manager = step, find_manager(step)
        self._commands = list(step.commands or ())  # after the edits so far
        self._seeds: frozenset[int] = frozenset()
        self._packages: frozenset[int] = frozenset()
        self._names: set[str] = set()  # of packages that are removed, or added to stay

    def remove(self, removal: Removal, seeds: frozenset[int]) -> Removal:
        """A removal with the change of the RUN for it; without, if the RUN would install nothing any more."""
        removals, layer = self._removals, self._layer
        tried = self._seeds | (removals.seeds_in(layer) & seeds)
        if self._manager is None or tried == self._seeds:
            return removal
        packages = removals.removed_in(layer, tried)
        names = removals.names_of(tried & packages) - self._names
        added = removals.names_to_keep(layer, tried) - self._names
        if not names:
            return removal
        is_used = calls_after_install(self._manager, self._step, names)
        change = _change(layer, self._manager, names, sorted(added), is_used=is_used)
        commands = change.edit(self._commands)
        if commands is None and not is_used:
            return removal
        self._commands = commands or self._commands
        before, self._packages = self._packages, packages
        self._seeds = tried
        self._names |= names | added
        return Removal(removal.kinds, removal.packages, packages - before, change, is_used)


def _change(
    layer: int, manager: ManagerCommand, removed: AbstractSet[str], added: Sequence[str], *, is_used: bool
) -> Change:
    """The change that leaves packages out, or removes them behind the last command of the RUN that may use them."""
    if not is_used:
        return Change(layer, replace_packages(manager, removed, added))
    return Change(layer, add_beside(manager, removed, added), removal_command(manager, removed))


def _source(record: PackageRecord) -> str:
    return record.source or record.name
