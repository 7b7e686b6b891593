"""registries.conf: where podman, skopeo and buildah read the images of a registry from.

Format: containers-registries.conf(5). The table with the longest prefix of a reference decides; its mirrors come before its
own location. Settings of short names are not used, since a short name means Docker Hub here.
"""

from __future__ import annotations

import enum
import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ocisize.errors import InvalidReference, RegistryError
from ocisize.oci.reference import Reference, parse_reference, split_host
from ocisize.sources.registry.messages import sanitize
from ocisize.values import evolve, frozen

_KINDS = {dict: "a table", list: "an array", str: "a string", bool: "a boolean"}  # the words of TOML
_MAX_PARSED = 32  # files
_HINT = "correct the file, or ignore it with --no-mirrors"


class Pulls(enum.Enum):
    """The references that a mirror serves."""

    ALL = "all"
    DIGESTS = "digest-only"
    TAGS = "tag-only"


@frozen
class Location:
    """A place that takes the place of a prefix: the registry's own, or a mirror."""

    name: str  #: ``host[:port][/namespace]``; empty for the name in the reference
    insecure: bool = False
    pulls: Pulls = Pulls.ALL


@frozen
class RegistryTable:
    """A ``[[registry]]`` of a file."""

    file: Path
    prefix: str
    location: Location
    blocked: bool = False
    mirrors: tuple[Location, ...] = ()

    def match(self, reference: Reference) -> int | None:
        """Return the number of characters of a reference that the prefix matches, None without a match."""
        text, host = str(reference), reference.registry
        if self.prefix.startswith("*."):
            name = split_host(host)[0]
            return len(name) if name.endswith(self.prefix[1:]) else None
        if not text.startswith(self.prefix):
            return None
        # After a host, a colon begins its port, which makes it another host.
        ends = "/:@" if "/" in self.prefix else "/"
        return len(self.prefix) if text[len(self.prefix) : len(self.prefix) + 1] in ends else None

    def rewrite(self, reference: Reference, location: Location) -> Reference:
        """Return the reference at a location; raise RegistryError if the location makes it invalid."""
        if not location.name:
            return reference
        text = location.name + str(reference)[self.match(reference) or 0 :]
        try:
            return parse_reference(text)
        except InvalidReference as error:
            raise RegistryError(f"{self.file}: the location {location.name!r}: {error}", hint=_HINT) from None


def find_table(reference: Reference, files: Iterable[Path]) -> RegistryTable | None:
    """Return the table for a reference, None if the files have none; the last of several files with a prefix counts.

    Raises RegistryError, which names the file, for a file that cannot be read.
    """
    tables: dict[str, RegistryTable] = {}
    for file in files:
        own: dict[str, RegistryTable] = {}
        for table in read_tables(file):
            own.setdefault(table.prefix, table)
        tables.update(own)
    matching = [table for table in tables.values() if table.match(reference) is not None]
    return max(matching, key=lambda table: len(table.prefix), default=None)


def read_tables(file: Path) -> list[RegistryTable]:
    """Return the tables of a file; raise RegistryError for what is not TOML or has another form."""
    try:
        return list(_parse(file, file.read_text("utf-8")))
    except OSError as error:
        named = "correct CONTAINERS_REGISTRIES_CONF, which names it, or " if isinstance(error, FileNotFoundError) else ""
        raise RegistryError(f"{file}: {error.strerror or error}", hint=f"{named}ignore it with --no-mirrors") from None
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError names the line
        raise RegistryError(f"{file}: {error}", hint=_HINT) from None


@functools.lru_cache(_MAX_PARSED)
def _parse(file: Path, text: str) -> Sequence[RegistryTable]:
    """The tables of a file; remembered, since thousands of images may be opened and parsing takes a millisecond."""
    if sys.version_info >= (3, 11):  # imported here, since most machines have no such file
        import tomllib
    else:
        import tomli as tomllib
    document = tomllib.loads(text)
    tables = [_parse_table(file, table) for table in _list(document, "registry", dict)]
    old = _parse_old_lists(file, _get(document, "registries", dict) or {})
    if tables and old:
        raise ValueError("[[registry]] and the lists of [registries] must not be in one file")
    _check_conflicts(tables)
    return tuple(tables or old)


def _parse_old_lists(file: Path, lists: Mapping[str, Any]) -> list[RegistryTable]:
    """Return the registries of version 1 of the format, which has lists of names."""
    search, insecure, block = (
        [_check_place(name, kind) for name in _list(_get(lists, kind, dict) or {}, "registries", str)]
        for kind in ("search", "insecure", "block")
    )
    return [
        RegistryTable(file, name, Location(name, insecure=name in insecure), blocked=name in block)
        for name in dict.fromkeys((*search, *insecure, *block))
    ]


def _check_conflicts(tables: Iterable[RegistryTable]) -> None:
    """Raise ValueError for a location with two answers to whether it is blocked or insecure, which podman refuses."""
    known: dict[str, RegistryTable] = {}
    for table in tables:
        first = known.setdefault(table.location.name or table.prefix, table)
        for setting, same in (
            ("insecure", first.location.insecure == table.location.insecure),
            ("blocked", first.blocked == table.blocked),
        ):
            if not same:
                raise ValueError(f"the location {table.location.name!r} has two different values of {setting}")


def _parse_table(file: Path, table: Mapping[str, Any]) -> RegistryTable:
    location = _parse_location(table)
    prefix = _place(table, "prefix") or location.name
    if not prefix:
        raise ValueError("a [[registry]] has neither prefix nor location")
    if prefix.startswith("*.") and any(mark in prefix for mark in "/:@"):
        raise ValueError(f"the prefix {prefix!r} has more than a wildcard and a host name")
    if not location.name and not prefix.startswith("*."):
        raise ValueError(f"the prefix {prefix!r} has no location")
    mirrors = [_parse_location(mirror) for mirror in _list(table, "mirror", dict)]
    if not all(mirror.name for mirror in mirrors):
        raise ValueError(f"a mirror of {prefix!r} has no location")
    if _get(table, "mirror-by-digest-only", bool):
        mirrors = [evolve(mirror, pulls=Pulls.DIGESTS) for mirror in mirrors]
    return RegistryTable(file, prefix, location, bool(_get(table, "blocked", bool)), tuple(mirrors))


def _parse_location(table: Mapping[str, Any]) -> Location:
    pulls = _get(table, "pull-from-mirror", str) or Pulls.ALL.value
    if pulls not in {choice.value for choice in Pulls}:
        raise ValueError(f"pull-from-mirror is {pulls!r}, expected all, digest-only or tag-only")
    return Location(_place(table, "location"), bool(_get(table, "insecure", bool)), Pulls(pulls))


def _place(table: Mapping[str, Any], key: str) -> str:
    return _check_place(str(_get(table, key, str) or ""), key)


def _check_place(name: str, key: str) -> str:
    if "://" in name:
        raise ValueError(f"{key} is {sanitize(name)!r}, expected a host without a URL scheme")
    if "@" in name and key != "prefix":
        raise ValueError(f"{key} has a user name, a password or a digest, expected host[:port][/namespace]")
    return name.rstrip("/")


def _get(table: Mapping[str, Any], key: str, kind: type) -> Any:
    value = table.get(key)
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{key} is {value!r}, expected {_KINDS[kind]}")
    return value


def _list(table: Mapping[str, Any], key: str, kind: type) -> list[Any]:
    values = _get(table, key, list) or []
    if not all(isinstance(value, kind) for value in values):
        raise ValueError(f"{key}: expected an array of {'tables' if kind is dict else 'strings'}")
    return list(values)
