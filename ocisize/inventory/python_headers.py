"""Headers of a package of Python: its name, its requirements and its licenses.

Format: https://packaging.python.org/en/latest/specifications/core-metadata/ and
https://packaging.python.org/en/latest/specifications/dependency-specifiers/.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from ocisize.inventory.record import Alternatives
from ocisize.inventory.text_fields import text_of
from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple

_MAX_LICENSE = 100  # characters; older packages have the whole text in the field
_UNKNOWN = ("", "UNKNOWN")  # values that distutils writes for what it does not know
_NO_EXTRAS: frozenset[str] = frozenset()
_USED = frozenset((
    "name", "version", "requires-dist", "license", "license-expression", "classifier", "author", "maintainer",
))  # fmt: skip
_SEPARATORS = lazy_pattern(r"[-_.]+")
_REQUIREMENT = lazy_pattern(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^]]*)\])?")
_EXTRA = lazy_pattern(r"""\bextra\s*==\s*["']([^"']*)["']""")


class Requirement(NamedTuple):
    """What a package needs, or needs with one of its extras."""

    name: str
    extras: frozenset[str]  # of the needed package
    extra: str  # of the package itself, "" if it always needs the other one
    has_condition: bool  # on the interpreter or the platform


def normalize(name: str) -> str:
    """A name as packages are compared, https://peps.python.org/pep-0503/#normalized-names.

    >>> normalize("Zope.Interface"), normalize("ruamel_yaml")
    ('zope-interface', 'ruamel-yaml')
    """
    return _SEPARATORS.sub("-", name).lower()


def read_headers(content: bytes) -> dict[str, list[str]]:
    r"""The fields that packages have here, up to the first empty line, by their names in lower case.

    >>> read_headers(b"Name: x\r\nSummary: a\nLicense: MIT\n  or BSD\n\nName: y\n")
    {'name': ['x'], 'license': ['MIT\n  or BSD']}
    """
    fields: dict[str, list[str]] = defaultdict(list)
    last: list[str] = []
    start = 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        line = content[start:end].rstrip(b"\r").decode(errors="replace")
        start = end + 1
        if not line:
            break
        if line[0] in " \t":
            if last:
                last.append(line)
            continue
        name, _, value = line.partition(":")
        if last:
            fields[last[0]].append("\n".join(last[1:]))
        key = name.strip().lower()
        last = [key, value.strip()] if key in _USED else []
    if last:
        fields[last[0]].append("\n".join(last[1:]))
    return dict(fields)


def first_line(headers: Mapping[str, list[str]], name: str) -> str:
    """A field of one line; "" if there is none."""
    value = headers.get(name, [""])[0].strip()
    return "" if value in _UNKNOWN or "\n" in value else text_of(value)


def find_licenses(headers: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The license expression, else the short name of the license, else what classifiers say.

    >>> find_licenses({"classifier": ["License :: OSI Approved :: MIT License"]})
    ('MIT License',)
    """
    for name in ("license-expression", "license"):
        if 0 < len(value := first_line(headers, name)) <= _MAX_LICENSE:
            return (value,)
    prefix = "License :: "
    values = [value.rpartition(" :: ")[2] for value in headers.get("classifier", []) if value.startswith(prefix)]
    return tuple(value for value in dict.fromkeys(values) if value != "OSI Approved")


def read_requirement(value: str) -> Requirement | None:
    """Read a ``Requires-Dist``; None for one without a name.

    >>> read_requirement('PySocks!=1.5.7,>=1.5.6; extra == "socks"')
    Requirement(name='pysocks', extras=frozenset(), extra='socks', has_condition=False)
    """
    text, _, marker = value.partition(";")
    match = _REQUIREMENT.match(text)
    if match is None:
        return None
    listed = match[2] or ""
    extras = frozenset(normalize(extra.strip()) for extra in listed.split(",") if extra.strip()) if listed else _NO_EXTRAS
    extra = _EXTRA.search(marker)
    rest = marker if extra is None else marker.replace(extra[0], "")
    return Requirement(
        normalize(match[1]), extras, normalize(extra[1]) if extra is not None else "", bool(rest.strip(" ()"))
    )


def needed_packages(requirements: Iterable[Requirement], extras: Collection[str]) -> tuple[Alternatives, ...]:
    """What a package needs, with those of its extras that are in use."""
    names = [found.name for found in requirements if not found.extra or found.extra in extras]
    return tuple((name,) for name in dict.fromkeys(names))
