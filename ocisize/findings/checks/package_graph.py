"""PackageGraph: which packages of a system would go together with some others, as package managers remove them.

A package stays as long as a package that somebody asked for needs or recommends it, through any number of others and through
any of several alternatives. So the answer names at most what ``apt-get purge --auto-remove`` or ``apk del`` would remove.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from ocisize.findings.checks.package_kinds import load_protected_names
from ocisize.inventory.record import PackageRecord

_MAX_PROVIDERS = 32  # packages that one name leads to, where each package that needs it is looked at


class PackageGraph:
    """The packages of a system with their dependencies. Packages are known by their place in ``records``."""

    def __init__(self, records: Sequence[PackageRecord]) -> None:
        self.records = records

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        """The packages that each name can mean."""
        places: dict[str, list[int]] = defaultdict(list)
        for index, record in enumerate(self.records):
            for name in {record.name, *record.provides}:
                places[name].append(index)
        return places

    @cached_property
    def asked(self) -> frozenset[int]:
        """The packages that a command named, as far as the database says; without such a note, all."""
        return frozenset(index for index, record in enumerate(self.records) if record.is_automatic is not True)

    @cached_property
    def protected(self) -> frozenset[int]:
        """The packages that no advice removes: a system does not work without them, or everything may read their files."""
        return frozenset(
            index
            for index, record in enumerate(self.records)
            if record.is_essential or record.name in load_protected_names()
        )

    def named(self, names: Collection[str]) -> frozenset[int]:
        """The packages with some names."""
        return frozenset(
            index for name in names for index in self._by_name.get(name, ()) if self.records[index].name == name
        )

    def requirements(self, package: int) -> frozenset[int]:
        """The packages that one package needs, any of several alternatives included.

        A name that many packages provide leads to the first of them.
        """
        record = self.records[package]
        return frozenset(
            other
            for names in record.requires
            for name in names
            for other in self._by_name.get(name, ())[:_MAX_PROVIDERS]
            if other != package
        )

    def reach(self, start: Iterable[int], not_recommended: AbstractSet[int] = frozenset()) -> set[int]:
        """Some packages, with all that they need or recommend.

        A package of ``not_recommended`` is reached only if another one needs it.
        """
        waiting = list(start)
        reached = set(waiting)
        followed: dict[bool, set[str]] = {True: set(), False: set()}  # names by whether they are only recommended
        while waiting:
            record = self.records[waiting.pop()]
            for is_weak, relations in ((False, record.requires), (True, record.recommends)):
                names = {name for alternatives in relations for name in alternatives} - followed[is_weak]
                followed[is_weak] |= names
                for name in names:
                    for other in self._by_name.get(name, ()):
                        if other not in reached and not (is_weak and other in not_recommended):
                            reached.add(other)
                            waiting.append(other)
        return reached

    def removed_with(self, packages: AbstractSet[int], keep: Iterable[int] = ()) -> frozenset[int]:
        """The packages that a package manager removes with some of them.

        Args:
            packages: the packages to remove; those that another package needs stay, not those that one recommends.
            keep: packages that stay in any case.

        """
        left = self.reach({*(self.asked - packages), *keep}, packages)
        return frozenset(self.reach(self.asked | packages) - left)

    def askers(self, package: int) -> frozenset[int]:
        """The packages that somebody asked for and that are the reason for a package, the package itself left out."""
        needed_by = self._needed_by
        waiting, found = [package], {package}
        while waiting:
            for other in needed_by.get(waiting.pop(), ()):
                if other not in found:
                    found.add(other)
                    waiting.append(other)
        return frozenset((found & self.asked) - {package})

    @cached_property
    def _needed_by(self) -> dict[int, list[int]]:
        """By package, those that need or recommend it; a name that many packages provide leads to the first of them."""
        needed_by: dict[int, list[int]] = defaultdict(list)
        for index, record in enumerate(self.records):
            for names in (*record.requires, *record.recommends):
                for name in names:
                    for other in self._by_name.get(name, ())[:_MAX_PROVIDERS]:
                        needed_by[other].append(index)
        return needed_by
