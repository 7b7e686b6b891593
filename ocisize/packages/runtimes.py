"""How to recognize language runtimes, and the usual sizes of images with them: ``runtimes.toml`` and ``targets.toml``."""

from __future__ import annotations

import functools
import re
import sys
from importlib.resources import files
from typing import Any, TypeVar

import attrs

from ocisize.oci.strict_json import strict_converter

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_SPECIAL = {b"{version}": rb"(?P<version>\d+(?:\.\d+)*)", b"*": rb"[^/]*"}
_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class RuntimeRule:
    """How to recognize a language runtime by its programs."""

    name: str
    title: str
    programs: tuple[str, ...]  #: ends of paths, the most specific first
    environment: str = ""  #: the variable in which official images note the version
    replaces: str = ""  #: the runtime that is part of this one
    links: bool = False  #: whether a symlink is enough

    @property
    def patterns(self) -> tuple[re.Pattern[bytes], ...]:
        """The programs as regular expressions for whole paths; group ``version`` is the version, if the path has one."""
        return tuple(map(_compile, self.programs))

    @property
    def stems(self) -> set[bytes]:
        """The names of the programs, without a version at the end."""
        return {text.rpartition("/")[2].replace("{version}", "").encode() for text in self.programs}


@attrs.frozen(kw_only=True)
class Target:
    """The usual size of an image of one runtime, and its base images; sizes are bytes of download."""

    runtime: str
    title: str
    target: tuple[int, ...] = ()  #: least and most; () if nobody names a target
    source: str = ""  #: of the target
    slim: str = ""
    slim_size: int = 0
    full: str = ""
    full_size: int = 0
    alpine: str = ""
    alpine_size: int = 0
    more: tuple[str, ...] = ()
    musl: str = ""
    major: bool = False


@functools.cache
def _compile(program: str) -> re.Pattern[bytes]:
    parts = re.split(rb"(\{version\}|\*)", program.encode())
    return re.compile(rb"(?:.*/)?" + b"".join(_SPECIAL.get(part) or re.escape(part) for part in parts), re.DOTALL)


@functools.cache
def load_runtimes() -> tuple[RuntimeRule, ...]:
    """The runtimes that are recognized.

    >>> [rule.title for rule in load_runtimes() if rule.name == "node"]
    ['Node.js']
    """
    return _load("runtimes.toml", "runtime", RuntimeRule)


@functools.cache
def load_targets() -> dict[str, Target]:
    """The targets by runtime."""
    return {target.runtime: target for target in _load("targets.toml", "target", Target)}


def _load(name: str, key: str, kind: type[_T]) -> tuple[_T, ...]:
    converter = strict_converter()
    converter.forbid_extra_keys = True
    return tuple(converter.structure(table, kind) for table in _read(name)[key])


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("ocisize") / "packages" / name).read_text("utf-8"))
