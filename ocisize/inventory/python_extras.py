"""Which extras of packages are in use: those that others ask for, and those that explain why packages are there.

pip does not note the extras of a command: after ``pip install "uvicorn[standard]"``, uvloop is a package that no command
named and that no package needs without an extra.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from ocisize.inventory.python_headers import Requirement

Requirements = Mapping[str, Sequence[Requirement]]  #: by the name of the package that has them


def find_extras(requirements: Requirements, asked: Collection[str], automatic: Collection[str]) -> Mapping[str, set[str]]:
    """The extras in use by package.

    Args:
        requirements: those of all packages of one environment.
        asked: the packages that a command named, as far as the environment says.
        automatic: the packages that no command named, likewise.

    >>> from ocisize.inventory.python_headers import read_requirement
    >>> uvicorn = list(map(read_requirement, ["click", "uvloop; extra == 'standard'", "trio; extra == 'other'"]))
    >>> dict(find_extras({"uvicorn": uvicorn, "click": [], "uvloop": []}, ["uvicorn"], ["click", "uvloop"]))
    {'uvicorn': {'standard'}}

    """
    search = _Search(requirements)
    search.add(found for own in requirements.values() for found in own if not found.extra)
    unexplained = set(automatic) - search.needed
    for name in asked if unexplained else ():
        by_extra: dict[str, list[Requirement]] = defaultdict(list)
        for found in requirements.get(name, ()):
            by_extra[found.extra].append(found)
        for extra, own in by_extra.items():
            is_there = all(found.name in requirements or found.has_condition for found in own)
            if extra and is_there and any(found.name in unexplained for found in own):
                search.use(name, extra)
    return {name: extras for name, extras in search.extras.items() if extras}


class _Search:
    """The requirements that count, with all that follow from them."""

    def __init__(self, requirements: Requirements) -> None:
        self.extras: dict[str, set[str]] = defaultdict(set)
        self.needed: set[str] = set()
        self._by_extra: dict[tuple[str, str], list[Requirement]] = defaultdict(list)
        for name, own in requirements.items():
            for found in own:
                if found.extra:
                    self._by_extra[name, found.extra].append(found)

    def add(self, requirements: Iterable[Requirement]) -> None:
        """Count requirements, and those of the extras that they ask for."""
        waiting = list(requirements)
        while waiting:
            found = waiting.pop()
            self.needed.add(found.name)
            for extra in found.extras - self.extras[found.name]:
                self.extras[found.name].add(extra)
                waiting += self._by_extra.get((found.name, extra), ())

    def use(self, name: str, extra: str) -> None:
        """Count the requirements of an extra."""
        if extra not in self.extras[name]:
            self.extras[name].add(extra)
            self.add(self._by_extra.get((name, extra), ()))
