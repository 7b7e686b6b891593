"""The packages with some names, as budgets and lists of packages select them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ocisize.model.packages import (
    ALPM,
    APK,
    COMPOSER,
    DEB,
    DOTNET,
    ECOSYSTEMS,
    GEM,
    GO,
    JAVA,
    NPM,
    PYTHON,
    RPM,
    RUST,
    Package,
)
from ocisize.patterns import lazy_pattern

_TOOLS = {
    PYTHON: "pip pypi pip3 uv poetry pipenv wheel",
    NPM: "node nodejs node.js yarn pnpm javascript js",
    JAVA: "maven mvn gradle jar",
    GO: "golang gomod",
    RUST: "cargo crate crates",
    DOTNET: "nuget .net csharp",
    GEM: "ruby rubygems gems bundler",
    COMPOSER: "php packagist",
    DEB: "apt apt-get dpkg debian",
    APK: "alpine",
    RPM: "dnf yum zypper",
    ALPM: "pacman arch",
}
#: by tool, language or registry: the ecosystem that people mean by it
ALIASES = {alias: ecosystem for ecosystem, aliases in _TOOLS.items() for alias in aliases.split()}
_PYTHON_SEPARATORS = lazy_pattern(r"[-_.]+")
_MIN_RATIO = 0.75  # of difflib: one or two wrong letters
_MIN_LENGTH = 5  # of the name of an ecosystem that a misspelled word can mean


def parse_name(text: str) -> str:
    """Check the name of a package, which stays a text; raises ValueError.

    A colon is also a part of names, as in ``junit:junit``. What looks like another name of an ecosystem is refused: the
    ecosystem in front of the whole name, as in ``java:maven:plugin``, selects a package whose name begins so.

    >>> parse_name("python:torch"), parse_name("nvidia-*")
    ('python:torch', 'nvidia-*')
    >>> parse_name("pip:numpy")
    Traceback (most recent call last):
        ...
    ValueError: unknown ecosystem 'pip', did you mean python:numpy?
    """
    ecosystem, name = _split(text)
    if not name:
        raise ValueError("expected a name such as 'torch', 'python:torch' or 'nvidia-*'")
    prefix, colon, rest = text.partition(":")
    meant = find_ecosystem(prefix) if colon and not ecosystem else None
    if meant is not None:
        raise ValueError(f"unknown ecosystem {prefix!r}, did you mean {meant}:{rest}?")
    return text


def find_ecosystem(word: str) -> str | None:
    """Return the ecosystem that a word means which is not its name, None if none is near.

    >>> find_ecosystem("pip"), find_ecosystem("Maven"), find_ecosystem("pyhton"), find_ecosystem("junit")
    ('python', 'java', 'python', None)
    """
    lowered = word.lower()
    if lowered in ECOSYSTEMS or lowered in ALIASES:
        return ALIASES.get(lowered, lowered)
    import difflib  # 5 ms, for errors only

    # Many groups of Maven resemble a shorter word
    meant = difflib.get_close_matches(lowered, [name for name in ECOSYSTEMS if len(name) >= _MIN_LENGTH], 1, _MIN_RATIO)
    return meant[0] if meant else None


def select_packages(packages: Iterable[Package], names: Sequence[str], *, ignore_case: bool = False) -> list[Package]:
    """Return the packages with one of some names, also those that a container does not see, in their order.

    ``names``: as ``Budget.packages`` has them.
    """
    flags = re.DOTALL | re.IGNORECASE if ignore_case else re.DOTALL
    patterns = [_compile(*_split(name), flags) for name in names]
    return [package for package in packages if any(_matches(package, *pattern) for pattern in patterns)]


def find_similar(packages: Iterable[Package], names: Sequence[str]) -> str | None:
    """Return the name of the package that looks most like one of some names which no package has, None if none does.

    ``names``: as ``Budget.packages`` has them. The result has the ecosystem in front if the name has one.
    """
    import difflib  # 5 ms, for errors only

    packages = list(packages)
    for ecosystem, name in map(_split, names):
        lowered = name.replace("*", "").lower()
        known = {package.name.lower(): package for package in packages if ecosystem in ("", package.ecosystem)}
        elsewhere = next((package for package in packages if package.name.lower() == lowered), None)
        meant = difflib.get_close_matches(lowered, known, 1, _MIN_RATIO)
        found = known[lowered] if lowered in known else elsewhere or (known[meant[0]] if meant else None)
        if found is not None:
            return f"{found.ecosystem}:{found.name}" if ecosystem else found.name
    return None


def _split(text: str) -> tuple[str, str]:
    """The ecosystem, "" for any, and the name."""
    ecosystem, colon, name = text.partition(":")
    return (ecosystem, name) if colon and ecosystem in ECOSYSTEMS else ("", text)


def _compile(ecosystem: str, name: str, flags: re.RegexFlag) -> tuple[str, re.Pattern[str], re.Pattern[str]]:
    """The ecosystem, the pattern of a name, and that of a Python package, whose names have several forms."""
    return ecosystem, _pattern(name, flags), _pattern(_PYTHON_SEPARATORS.sub("-", name).lower(), flags)


def _pattern(name: str, flags: re.RegexFlag) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), flags)


def _matches(package: Package, ecosystem: str, name: re.Pattern[str], python_name: re.Pattern[str]) -> bool:
    if ecosystem and package.ecosystem != ecosystem:
        return False
    if package.ecosystem == PYTHON and python_name.fullmatch(_PYTHON_SEPARATORS.sub("-", package.name).lower()):
        return True
    return name.fullmatch(package.name) is not None
