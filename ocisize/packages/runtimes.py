"""How to recognize language runtimes, and the usual sizes of images with them: ``runtimes.toml`` and ``targets.toml``."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from ocisize.tuples import NamedTuple

_SPECIAL = {b"{version}": rb"(?P<version>\d+(?:\.\d+)*)", b"*": rb"[^/]*"}


class RuntimeRule(NamedTuple):
    """How to recognize a language runtime by its programs."""

    name: str
    title: str
    programs: tuple[str, ...]  #: ends of paths, the most specific first
    environment: str = ""  #: the variable in which official images note the version
    replaces: str = ""  #: the runtime that is part of this one
    links: bool = False  #: whether a symlink is enough
    matches: Mapping[str, str] = {}  #: example paths, with the versions in them
    misses: tuple[str, ...] = ()  #: paths that look alike

    @property
    def patterns(self) -> tuple[re.Pattern[bytes], ...]:
        """The programs as regular expressions for whole paths; group ``version`` is the version, if the path has one."""
        return tuple(map(_compile, self.programs))

    @property
    def stems(self) -> set[bytes]:
        """The names of the programs, without a version at the end."""
        return {text.rpartition("/")[2].replace("{version}", "").encode() for text in self.programs}


class Target(NamedTuple):
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
    from ocisize.prebuilt.runtimes import TABLE

    return tuple(RuntimeRule(**table) for table in TABLE["runtime"])


@functools.cache
def load_targets() -> dict[str, Target]:
    """The targets by runtime."""
    from ocisize.prebuilt.targets import TABLE

    return {table["runtime"]: Target(**table) for table in TABLE["target"]}
