"""Rules for files that images rarely need, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from ocisize.globs import Glob
from ocisize.model.findings import Confidence

DEFAULT_KINDS = ("file", "hardlink", "symlink")
OWN_PREFIX = "OS"  #: of the packaged rules' ids
LEAK_ID = "OS230"  #: the id of every secret's rule

FIX_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z_]+)\}")


@attrs.frozen(kw_only=True)
class Protection:
    """Paths that no rule matches, or that are no secret."""

    what: str
    globs: tuple[Glob, ...]
    matches: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Rule:
    """One kind of junk and how to keep it out of an image."""

    id: str
    title: str
    what: str
    globs: tuple[Glob, ...]
    confidence: Confidence
    why: str = ""
    exceptions: tuple[Glob, ...] = ()
    kinds: tuple[str, ...] = DEFAULT_KINDS
    needs: tuple[str, ...] = ()
    source: str = ""
    note: str = ""  #: a sentence for behind the fix: what it costs
    matches: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()
    fix: Mapping[str, str] = attrs.field(factory=dict, hash=False)  #: what to change in the Dockerfile, by ecosystem

    def fixes(self, *, build_step: str, path: str) -> dict[str, str]:
        """The fixes with their placeholders filled in."""
        values = {"build_step": build_step, "path": path}
        return {name: FIX_PLACEHOLDER.sub(lambda found: values[found[1]], text) for name, text in self.fix.items()}


@attrs.frozen
class Catalog:
    """Rules in the order in which they claim a path, and what none of them may claim; secrets likewise, on their own."""

    rules: tuple[Rule, ...]
    protections: tuple[Protection, ...] = ()
    secrets: tuple[Rule, ...] = ()
    public: tuple[Protection, ...] = ()  #: what is no secret
