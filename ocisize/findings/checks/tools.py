"""Tools that leave a cache in the layer of their build step, read from ``tools.toml``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ocisize.model.findings import Confidence
from ocisize.tuples import NamedTuple


class ToolCache(NamedTuple):
    """A tool that leaves files unless a command cleans up. Regular expressions are searched for in shell commands."""

    id: str  #: of its findings
    title: str  #: names the files that are left
    message: str  #: template of a finding's title
    what: str  #: for docs/rules.md, as ``why``
    why: str
    tool: str  #: the name in advice
    command: str  #: regular expression for a command that leaves files; its first group, if any, is the tool as called
    removes: str  #: the directory, as a regular expression, whose removal cleans up
    remedy: str = ""  #: regular expression for other texts that keep the cache out of the layer
    fetches: str = ""  #: regular expression for commands that only download what a later command needs
    rules: tuple[str, ...] = ()  #: ids of the catalog's rules for the files
    option: str = ""  #: to add to each command, if that is enough
    cleanup: str = ""  #: to add at the end of the build step; ``{tool}`` is the tool as called
    hadolint: str = ""  #: id of hadolint's rule, if there is one
    confidence: Confidence = Confidence.SAFE
    matches: tuple[str, ...] = ()  #: commands of RUNs that leave the cache
    misses: tuple[str, ...] = ()  #: commands of RUNs that do not

    @property
    def advice(self) -> str:
        """How to change a build step that leaves the cache.

        >>> next(tool for tool in load_tools() if tool.tool == "apk").advice
        'use apk with `--no-cache` (hadolint DL3019)'
        """
        cleanup = self.cleanup.replace("{tool}", self.tool)
        what = f"use {self.tool} with `{self.option}`" if self.option else f"end with `&& {cleanup}`"
        return what + (f" (hadolint {self.hadolint})" if self.hadolint else "")

    @property
    def keeps_out(self) -> str:
        """Regular expression for a build step that keeps the cache out of its layer."""
        removal = rf"\brm\s+-.*{self.removes}|\bfind\s+.*{self.removes}.*-delete"
        return f"{self.remedy}|{removal}" if self.remedy else removal


@functools.cache
def load_tools() -> tuple[ToolCache, ...]:
    """The tools in the order of their ids."""
    from ocisize.prebuilt.tools import TABLE

    return tuple(_make_tool(TABLE, table) for table in TABLE["tool"])


def _make_tool(shared: Mapping[str, str], table: Mapping[str, Any]) -> ToolCache:
    what = shared["what"].format(tool=table["tool"], title=table["title"], rules=" and ".join(table["rules"]))
    confidence = Confidence(table.get("confidence", Confidence.SAFE))
    return ToolCache(**{**table, "confidence": confidence, "message": shared["message"], "what": what, "why": shared["why"]})
