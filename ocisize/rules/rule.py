"""Rules for files that images rarely need, as values."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from ocisize.globs import Glob
from ocisize.model.findings import Category, Confidence
from ocisize.tuples import NamedTuple
from ocisize.values import field, frozen

DEFAULT_KINDS = ("file", "hardlink", "symlink")

FIX_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_]+)\}")


class Protection(NamedTuple):
    """Paths that no rule matches, or that are no secret."""

    what: str  #: which files these are
    globs: tuple[Glob, ...]  #: the paths
    matches: tuple[str, ...] = ()  #: examples of paths
    misses: tuple[str, ...] = ()  #: examples of paths that do not count


@frozen(kw_only=True)
class Rule:
    """One kind of file that images rarely need, and how to keep it out of an image.

    docs/rules.md describes the keys of its ``[[rule]]`` table.
    """

    id: str  #: "" for secrets
    title: str  #: one line
    what: str  #: which files these are
    globs: tuple[Glob, ...]  #: the paths
    confidence: Confidence  #: how safe it is to leave the files out
    category: Category = Category.OTHER  #: the subject
    packaged: bool = False  #: comes with ocisize; False for rules of users
    why: str = ""  #: why it matters
    exceptions: tuple[Glob, ...] = ()  #: paths of ``globs`` that do not count
    kinds: tuple[str, ...] = DEFAULT_KINDS  #: kinds of entries, as ``FileEntry.kind`` names them
    needs: tuple[str, ...] = ()  #: globs, one of which the image must have; empty: nothing is needed
    source: str = ""  #: the address of documentation
    note: str = ""  #: a sentence to add to the fix: what the fix costs
    matches: tuple[str, ...] = ()  #: examples of paths
    misses: tuple[str, ...] = ()  #: examples of paths that do not count
    fix: Mapping[str, str] = field(factory=dict, hash=False)  #: what to change in the Dockerfile, by ecosystem

    def fixes(self, *, build_step: str, path: str) -> dict[str, str]:
        """The fixes by ecosystem, with ``{build_step}`` and ``{path}`` filled in."""
        values = {"build_step": build_step, "path": path}
        return {
            name: FIX_PLACEHOLDER.sub(lambda placeholder: values[placeholder[1]], text) for name, text in self.fix.items()
        }


class Ecosystem(NamedTuple):
    """The commands that show that a build step uses a package manager or a language."""

    name: str  #: as in the ``fix`` tables of rules
    commands: tuple[str, ...]  #: ``{version}`` is a version number or nothing, ``*`` any characters but spaces
    system: bool = False  #: a package manager of the distribution, which puts nothing into /usr/local, /opt and the like

    def is_used_in(self, step: str) -> bool:
        """Whether the text of a build step names one of the commands.

        >>> pip = Ecosystem(name="pip", commands=("pip{version}",))
        >>> pip.is_used_in("RUN pip3.12 install x"), pip.is_used_in("RUN pip-sync")
        (True, False)
        """
        if not any(head in step for head in _heads(self.commands)):
            return False
        return _command_pattern(self.commands).search(step) is not None


@functools.lru_cache(256)
def _heads(commands: tuple[str, ...]) -> tuple[str, ...]:
    """The literal beginning of each command: a text without all of them needs no pattern, which takes 0.2 ms to compile."""
    return tuple(command.partition("{")[0].partition("*")[0] for command in commands)


@functools.lru_cache(256)
def _command_pattern(commands: tuple[str, ...]) -> re.Pattern[str]:
    pattern = "|".join(map(re.escape, commands)).replace(r"\{version\}", r"[\d.]*").replace(r"\*", r"\S+")
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])")


@frozen
class Catalog:
    """Rules in the order in which they claim a path, secrets in theirs, and the paths that neither may claim."""

    rules: tuple[Rule, ...]  #: of users first
    protections: tuple[Protection, ...] = ()  #: paths that no rule matches
    secrets: tuple[Rule, ...] = ()  #: kinds of files that are secrets
    public: tuple[Protection, ...] = ()  #: paths that are no secret
    ecosystems: Mapping[str, Ecosystem] = field(factory=dict, hash=False)  #: by name

    def ecosystem(self, name: str) -> Ecosystem:
        """An ecosystem by its name; one that no file lists has its own name as its only command."""
        return self.ecosystems.get(name) or Ecosystem(name=name, commands=(name,))
