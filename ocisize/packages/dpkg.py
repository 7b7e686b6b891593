"""dpkg's database: the installed packages, and which of them are installed only because others recommend them.

Formats: https://man7.org/linux/man-pages/man5/deb-control.5.html (stanzas, relations),
https://man7.org/linux/man-pages/man1/dpkg-query.1.html (Status). APT records in ``extended_states`` the packages
that no command named. Nothing here raises for a broken file: a stanza without a name, or not installed, is skipped.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple

#: a field that is used here, after the end of a line: its name, and the value with the folded lines
_FIELD = lazy_pattern(
    rb"\n(?:[\r\v\f][ \t\r\v\f]*)?"
    rb"((?i:package|status|version|architecture|(?:pre-)?depends|recommends|provides|auto-installed|source|maintainer"
    rb"|essential|protected|priority))"
    rb"[ \t\r\v\f]*:(.*(?:\n[ \t].*)*)"
)
_STANZA_END = lazy_pattern(rb"\n(?:[ \t\r]*\n)+")
# Bounds of the memory that a database of a hostile image takes; a database beyond them counts as one without packages.
_MAX_STANZA = 256 << 10  # bytes; the largest of Debian have 30 kB
_MAX_PACKAGES = 20_000  # installed; Debian has 60,000, and few systems have more than 5,000 of them
_MAX_RELATIONS = 250_000  # names of other packages; 5,000 packages have 50,000
_PART = lazy_pattern(rb"[^,]+")
_RELATED = lazy_pattern(rb"[,|]\s*([a-z0-9][a-z0-9+.-]*)", re.IGNORECASE)


#: the last word of Status while the files of a package are unpacked, https://man7.org/linux/man-pages/man1/dpkg.1.html
_UNPACKED = frozenset({b"installed", b"triggers-pending", b"triggers-awaited", b"half-configured", b"unpacked"})


class PackageId(NamedTuple):
    """The identity of a package: two architectures of one name are two packages."""

    name: str
    architecture: str


class Package(NamedTuple):
    """An installed package. Relations are the names of all alternatives: any of them may be the reason to install it."""

    id: PackageId
    depends: frozenset[str] = frozenset()  #: Depends and Pre-Depends
    recommends: frozenset[str] = frozenset()
    provides: frozenset[str] = frozenset()
    version: str = ""


def read_status(status: bytes) -> dict[PackageId, Package]:
    r"""The installed packages in a ``status`` file; none of a file with more packages or relations than any system has.

    >>> status = b"Package: curl\nStatus: install ok installed\nArchitecture: amd64\nDepends: libcurl4 (>= 8)\n"
    >>> [(id_.name, sorted(package.depends)) for id_, package in read_status(status).items()]
    [('curl', ['libcurl4'])]
    """
    packages: dict[PackageId, Package] = {}
    relations = 0
    for fields in installed_stanzas(status):
        id_ = package_id(fields)
        package = packages[id_] = Package(
            id_,
            _names(fields.get(b"depends")) | _names(fields.get(b"pre-depends")),
            _names(fields.get(b"recommends")),
            _names(fields.get(b"provides")),
            field_text(fields, b"version"),
        )
        relations += len(package.depends) + len(package.recommends) + len(package.provides)
        if len(packages) > _MAX_PACKAGES or relations > _MAX_RELATIONS:
            return {}
    return packages


def installed_stanzas(status: bytes, *, is_distroless: bool = False) -> Iterator[dict[bytes, bytes]]:
    """The fields of each package whose files are there: names in lower case, folded lines joined.

    Args:
        status: content of a ``status`` file, or of a file in ``status.d``.
        is_distroless: whether packages without a ``Status`` count, as those in ``status.d`` do.

    """
    for fields in _stanzas(status):
        state = fields.get(b"status", b"").split()
        if fields.get(b"package", b"").strip() and (state[-1] in _UNPACKED if state else is_distroless):
            yield fields


def package_id(fields: Mapping[bytes, bytes]) -> PackageId:
    """The identity of the package that a stanza describes."""
    return PackageId(field_text(fields, b"package"), field_text(fields, b"architecture"))


def field_text(fields: Mapping[bytes, bytes], name: bytes) -> str:
    """The value of a field; "" if it is not there."""
    value = fields.get(name)
    return value.strip().decode("utf-8", "replace") if value else ""


def read_alternatives(relations: bytes) -> Iterator[tuple[str, ...]]:
    """The names in each part of ``Depends`` or a field like it; any name of a part satisfies it.

    >>> list(read_alternatives(b"libc6 (>= 2.36), debconf:any (>= 0.5) | debconf-2.0"))
    [('libc6',), ('debconf', 'debconf-2.0')]
    """
    for part in _PART.findall(relations):
        if names := _RELATED.findall(b"," + part):
            yield tuple(name.decode("ascii").lower() for name in names)


def read_automatic(states: bytes) -> frozenset[PackageId]:
    """The packages that no command named, from APT's ``extended_states``; none if there are more than any system has."""
    found = (package_id(fields) for fields in _stanzas(states) if fields.get(b"auto-installed", b"").strip() == b"1")
    automatic = frozenset(islice(found, _MAX_PACKAGES + 1))
    return automatic if len(automatic) <= _MAX_PACKAGES else frozenset()


def only_recommended(
    packages: Mapping[PackageId, Package], automatic: frozenset[PackageId], below: Iterable[PackageId] = ()
) -> list[Package]:
    """The packages that are installed only because others recommend them, sorted by name.

    A package that dependencies lead to, through alternatives and virtual packages, too, is not among them. Neither is a
    package that nothing leads to.

    Args:
        packages: the installed packages, as `read_status` returns them.
        automatic: the packages that no command named, as `read_automatic` returns them.
        below: packages of lower layers; they count as named.

    """
    old = set(below)
    by_name: dict[str, list[Package]] = defaultdict(list)
    for package in packages.values():
        for name in {package.id.name, *package.provides}:
            by_name[name].append(package)
    named = {id_.name for id_ in automatic}  # recorded with the machine's architecture, even if they are for all
    asked = [
        package
        for id_, package in packages.items()
        if id_ in old or not (id_ in automatic or (id_.architecture == "all" and id_.name in named))
    ]
    needed = _reach(asked, by_name, recommended=False)
    if len(needed) == len(packages):
        return []
    led_to = _reach(asked, by_name, recommended=True)
    return sorted((packages[id_] for id_ in led_to - needed), key=lambda package: (package.id.name, package.id.architecture))


def _reach(start: Iterable[Package], by_name: Mapping[str, list[Package]], *, recommended: bool) -> set[PackageId]:
    waiting = list(start)
    reached = {package.id for package in waiting}
    followed = set[str]()
    while waiting:
        package = waiting.pop()
        names = (package.depends | package.recommends if recommended else package.depends) - followed
        followed |= names
        for name in names:
            for other in by_name.get(name, ()):
                if other.id not in reached:
                    reached.add(other.id)
                    waiting.append(other)
    return reached


def _stanzas(text: bytes) -> Iterator[dict[bytes, bytes]]:
    """The fields of each stanza that are used here: names in lower case, folded lines joined."""
    # one by one: a list of all stanzas can take many times the memory of the text
    ends = chain((match.span() for match in _STANZA_END.finditer(text)), ((len(text), len(text)),))
    start = 0
    for end, next_start in ends:
        stanza, start = text[start : min(end, start + _MAX_STANZA)], next_start
        fields = {name.lower(): value.replace(b"\n", b"") for name, value in _FIELD.findall(b"\n" + stanza)}
        if fields:
            yield fields


def _names(relations: bytes | None) -> frozenset[str]:
    """The names in ``a (>= 1) | b, c:any [amd64]``."""
    return (
        frozenset(name.decode("ascii").lower() for name in _RELATED.findall(b"," + relations)) if relations else frozenset()
    )
