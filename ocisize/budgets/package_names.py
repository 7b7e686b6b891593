"""The packages that a budget measures, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ocisize.model.packages import ECOSYSTEMS, PYTHON, Package
from ocisize.patterns import lazy_pattern

_PYTHON_SEPARATORS = lazy_pattern(r"[-_.]+")


def parse_name(text: str) -> str:
    """Check the name of a package, which stays a text; raises ValueError.

    >>> parse_name("python:torch"), parse_name("nvidia-*")
    ('python:torch', 'nvidia-*')
    """
    if not _split(text)[1]:
        raise ValueError("expected a name such as 'torch', 'python:torch' or 'nvidia-*'")
    return text


def select_packages(packages: Iterable[Package], names: Sequence[str]) -> list[Package]:
    """Return the packages with one of some names, also those that a container does not see, in their order.

    ``names``: as ``Budget.packages`` has them.
    """
    patterns = [_compile(*_split(name)) for name in names]
    return [package for package in packages if any(_matches(package, *pattern) for pattern in patterns)]


def _split(text: str) -> tuple[str, str]:
    """The ecosystem, "" for any, and the name."""
    ecosystem, colon, name = text.partition(":")
    return (ecosystem, name) if colon and ecosystem in ECOSYSTEMS else ("", text)


def _compile(ecosystem: str, name: str) -> tuple[str, re.Pattern[str], re.Pattern[str]]:
    """The ecosystem, the pattern of a name, and that of a Python package, whose names have several forms."""
    return ecosystem, _pattern(name), _pattern(_PYTHON_SEPARATORS.sub("-", name).lower())


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.DOTALL)


def _matches(package: Package, ecosystem: str, name: re.Pattern[str], python_name: re.Pattern[str]) -> bool:
    if ecosystem and package.ecosystem != ecosystem:
        return False
    if package.ecosystem == PYTHON and python_name.fullmatch(_PYTHON_SEPARATORS.sub("-", package.name).lower()):
        return True
    return name.fullmatch(package.name) is not None
