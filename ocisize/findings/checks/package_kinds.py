"""Kinds of packages of distributions that images rarely need when they run, read from ``package_kinds.toml``."""

from __future__ import annotations

import functools
import re
from typing import Any

from ocisize.findings.explanations import Check
from ocisize.model.findings import Confidence
from ocisize.model.packages import APK, DEB, RPM
from ocisize.tuples import NamedTuple

_ECOSYSTEMS = (DEB, APK, RPM)
_MAX_NAME = 200  # characters; no package has a longer name


class PackageKind(NamedTuple):
    """A kind of packages. Regular expressions match whole names; ``package_kinds.toml`` explains each field."""

    check: Check
    group: str
    confidence: Confidence
    names: dict[str, str]  #: by ecosystem: a regular expression
    seeds: frozenset[str]  #: those of the packages that build steps name; empty if all of them are
    keep: str  #: regular expression for packages that stay
    programs: frozenset[str]
    fix: str
    note: str
    matches: tuple[str, ...]
    misses: tuple[str, ...]

    def has(self, ecosystem: str, name: str) -> bool:
        """Whether a package is of this kind.

        >>> load_package_kinds()[0].has("deb", "gcc-12"), load_package_kinds()[0].has("deb", "gcc-12-base")
        (True, False)
        """
        return _matches(self.names.get(ecosystem, ""), name)

    def is_seed(self, ecosystem: str, name: str) -> bool:
        """Whether a package of this kind is one that build steps name."""
        return (not self.seeds or name in self.seeds) and self.has(ecosystem, name)

    def keeps(self, name: str) -> bool:
        """Whether a package stays although only packages of this kind need it."""
        return _matches(self.keep, name)


@functools.cache
def load_package_kinds() -> tuple[PackageKind, ...]:
    """The kinds in the order of their table: a package belongs to the first kind that has it."""
    from ocisize.prebuilt.package_kinds import TABLE

    return tuple(_make_kind(table) for table in TABLE["kind"])


def _matches(pattern: str, name: str) -> bool:
    return bool(pattern) and len(name) <= _MAX_NAME and re.fullmatch(pattern, name) is not None


@functools.cache
def load_protected_names() -> frozenset[str]:
    """The packages of distributions that no advice removes.

    >>> "ca-certificates" in load_protected_names()
    True
    """
    return _words("protected")


@functools.cache
def load_usual_names() -> frozenset[str]:
    """The packages of rpm one of which is in a database with packages of a kind."""
    return _words("usual")


@functools.cache
def load_idle_programs() -> frozenset[str]:
    """The programs that a container starts which does nothing by itself, and the words behind them."""
    return _words("idle")


def _words(name: str) -> frozenset[str]:
    from ocisize.prebuilt.package_kinds import TABLE

    return frozenset(word for line in TABLE[name] for word in line.split())


class RuntimeKind(NamedTuple):
    """A language runtime of distributions; ``package_kinds.toml`` explains each field."""

    title: str
    programs: frozenset[str]
    names: dict[str, str]  #: by ecosystem: a regular expression
    family: str  #: regular expression for the packages that somebody names who wants the runtime

    def has(self, ecosystem: str, name: str) -> bool:
        """Whether a package is the runtime.

        >>> load_runtime_kinds()[0].title, load_runtime_kinds()[0].has("deb", "ruby3.1")
        ('Ruby', True)
        """
        return _matches(self.names.get(ecosystem, ""), name)

    def is_wanted_by(self, name: str) -> bool:
        """Whether somebody who names a package wants the runtime."""
        return _matches(self.family, name)


@functools.cache
def load_runtime_kinds() -> tuple[RuntimeKind, ...]:
    """The runtimes in the order of their table."""
    from ocisize.prebuilt.package_kinds import TABLE

    return tuple(
        RuntimeKind(
            table["title"],
            frozenset(table["programs"]),
            {ecosystem: table[ecosystem] for ecosystem in _ECOSYSTEMS},
            table["family"],
        )
        for table in TABLE["runtime"]
    )


class ExclusivePackages(NamedTuple):
    """Packages of Python that install the same modules."""

    names: tuple[str, ...]  #: normalized; the first one that is installed stays
    fix: str


@functools.cache
def load_exclusive_packages() -> tuple[ExclusivePackages, ...]:
    """The groups of packages of which only one can work.

    >>> load_exclusive_packages()[1].names
    ('psycopg2', 'psycopg2-binary')
    """
    from ocisize.prebuilt.package_kinds import TABLE

    return tuple(ExclusivePackages(**table) for table in TABLE["exclusive"])


def _make_kind(table: dict[str, Any]) -> PackageKind:
    return PackageKind(
        check=Check(table["check"]),
        group=table["group"],
        confidence=Confidence(table["confidence"]),
        names={ecosystem: "|".join(table[ecosystem]) for ecosystem in _ECOSYSTEMS if table[ecosystem]},
        seeds=frozenset(table.get("seeds", ())),
        keep="|".join(table.get("keep", ())),
        programs=frozenset(table["programs"]),
        fix=table["fix"],
        note=table["note"],
        matches=table["matches"],
        misses=table["misses"],
    )
