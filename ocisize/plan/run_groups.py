"""Neighboring RUNs that store files for each other to hide: joined into one RUN, whose layer stores only what is left.

RUNs are joined only where the text says that nothing changes: no ENV, USER or WORKDIR between them, no command that sets the
shell up for the next ones, no ``||`` that would hide the failure of another step, and no ``chown -R`` or ``chmod -R``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ocisize.findings.checks.tools import ToolCache, load_tools
from ocisize.history.ownership import sets_ownership
from ocisize.model.build_step import StepKind
from ocisize.model.findings import Category, Confidence
from ocisize.plan.build import Build
from ocisize.plan.caches import cache_rows, fetches_only
from ocisize.plan.fixes import Fix
from ocisize.plan.merged_rows import by_layer

_MIN_SHARE = 0.001  # of the content that joining two steps saves
_MIN_SIZE = 10_000  # bytes of content that joining two steps saves


def join_runs(build: Build) -> Iterator[Fix]:
    """Join neighboring RUNs where a later one hides what an earlier one stores, and yield a fix for each group."""
    least = max(_MIN_SIZE, _MIN_SHARE * build.content_size)
    for chain in _chains(build):
        for first, last in _intervals(build, chain, least):
            rows = by_layer(
                (layer, row)
                for layer in range(first, last)
                for hider in build.rows.hiders(layer)
                if hider <= last
                for row in build.rows.hidden_rows(layer, hider)
            )
            build.join(first, last)
            steps = "two RUNs" if last == first + 1 else f"{last - first + 1} RUNs"
            yield Fix(
                title="files that a later RUN deletes or replaces",
                confidence=Confidence.SAFE,
                category=Category.WASTE,
                layers=tuple(range(first, last + 1)),
                action=f"Join the {steps} into one.",
                rows=rows,
            )


def _chains(build: Build) -> Iterator[list[int]]:
    """The longest sequences of neighboring layers whose RUNs can be joined."""
    chain: list[int] = []
    for layer in build.own_layers:
        if chain and not (_can_join(build, layer, leads=False) and _follows(build, layer)):
            if len(chain) > 1:
                yield chain
            chain = []
        if chain or _can_join(build, layer, leads=True):
            chain.append(layer)
    if len(chain) > 1:
        yield chain


def _can_join(build: Build, layer: int, *, leads: bool) -> bool:
    """Whether a RUN can be joined with others: as the first of them, or behind them."""
    draft = build.drafts[layer]
    if draft.step.kind is not StepKind.RUN or not build.can_edit_run(layer) or draft.run is None:
        return False
    if draft.run.options or draft.options or any(map(sets_ownership, draft.run.units)):
        return False
    return draft.run.can_lead if leads else draft.run.can_join


def _follows(build: Build, layer: int) -> bool:
    """Whether nothing is between a RUN and that of the layer below."""
    draft, below = build.drafts[layer], build.drafts[layer - 1]
    if not draft.context.follows_directly or draft.context.user != below.context.user:
        return False
    if build.dockerfile is None or draft.instruction is None or below.instruction is None:
        return True
    order = build.dockerfile.instructions
    return order.index(draft.instruction) == order.index(below.instruction) + 1


def _intervals(build: Build, chain: list[int], least: float) -> list[tuple[int, int]]:
    """First and last layers of the groups to join, without overlaps."""
    tools = load_tools()
    last_users = [max((layer for layer in chain if _uses(tool, _commands(build, layer))), default=-1) for tool in tools]
    merged: list[tuple[int, int]] = []
    for first in chain:
        last = max(_last_hider(build, first, chain[-1], least), _last_user(build, first, last_users, least))
        if last <= first:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _commands(build: Build, layer: int) -> Sequence[str]:
    return build.drafts[layer].step.shell_commands


def _uses(tool: ToolCache, commands: Sequence[str]) -> bool:
    """Whether a tool does more than to download what later steps need."""
    return any(re.search(tool.command, command) for command in commands) and not fetches_only(tool, commands)


def _last_user(build: Build, lower: int, last_users: Sequence[int], least: float) -> int:
    """The last layer that needs what a tool has only downloaded in a lower layer, if that is much; else -1.

    ``last_users``: for each tool, the last layer that uses the tool.
    """
    found = -1
    for tool, last in zip(load_tools(), last_users, strict=True):
        if last > max(lower, found) and fetches_only(tool, _commands(build, lower)):
            fetched = cache_rows(build, lower, [other for other in load_tools() if other.tool == tool.tool])
            if build.rows.size_of({lower: list(fetched)}) >= least:
                found = last
    return found


def _last_hider(build: Build, lower: int, last: int, least: float) -> int:
    """The last layer, up to ``last``, that hides much of a lower layer, caches left out; -1 if there is none."""
    caches = cache_rows(build, lower, load_tools())
    for hider in reversed(build.rows.hiders(lower)):
        rows = [row for row in build.rows.hidden_rows(lower, hider) if row not in caches] if hider <= last else []
        if rows and build.rows.size_of({lower: rows}) >= least:
            return hider
    return -1
