"""Caches that tools leave in the layer of their RUN: an option of the tool, or a cleanup at the end of the same RUN."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ocisize.findings.checks.tools import ToolCache, load_tools
from ocisize.history.package_managers import find_install, relies_on_lists
from ocisize.history.shell import Change, edit_each
from ocisize.model.build_step import StepKind, split_commands
from ocisize.model.findings import Category
from ocisize.patterns import lazy_pattern
from ocisize.plan.build import Build
from ocisize.plan.fixes import Fix

_INSTALLS_SOMEHOW = lazy_pattern(
    r"^RUN\b.*\bapt(?:-get|itude)?\b.*\binstall\b", re.DOTALL
)  # also the exec form and here-documents
# calls that use the cache of another user, or in another place, than a cleanup behind them
_APT_LISTS = re.compile("/lists")
_USES_OTHER_CACHE = re.compile(r"\b(?:su|sudo|gosu|su-exec|runuser|setpriv)\s|\s--cache[= ]|\bnpm_config_cache=")
_NAMES_SYSTEM_CACHE = lazy_pattern(r"\s/var/|\bapt-get\b|\bzypper\b")
_UPDATES_SOMEHOW = lazy_pattern(r"\bupdate\b")

_MIN_SIZE, _MIN_SHARE = 10_000, 0.001  # bytes, or share of the content, of a cache that is worth a command


def fix_caches(build: Build) -> Iterator[Fix]:
    """Clean up in each RUN that leaves the cache of a tool, and yield a fix for each tool."""
    tools: dict[str, list[ToolCache]] = defaultdict(list)
    for tool in load_tools():
        tools[tool.tool].append(tool)
    for name, caches in tools.items():
        rows: dict[int, set[int]] = defaultdict(set)
        cleaned: dict[str, str] = {}  # title → change
        for members in _groups(build):
            for cache in caches:
                chosen = _clean(build, members, cache)
                for layer in chosen:
                    rows[layer] |= chosen[layer]
                    cleaned[cache.title] = cache.option or cache.cleanup.replace("{tool}", cache.tool)
        if not rows:
            continue
        option = caches[0].option
        commands = " && ".join(dict.fromkeys(cleaned.values()))
        yield Fix(
            title=f"{_join_words(cleaned)} left behind",
            confidence=caches[0].confidence,
            category=Category.CACHE,
            layers=tuple(sorted(rows, key=lambda layer: -build.rows.size_of({layer: sorted(rows[layer])}))),
            action=f"Call {name} with `{option}`." if option else f"End {_count_runs(len(rows))} with `{commands}`.",
            rows={layer: sorted(chosen) for layer, chosen in rows.items()},
        )


def cache_rows(build: Build, layer: int, tools: Iterable[ToolCache]) -> set[int]:
    """The rows of a layer that are caches of some tools."""
    matches = build.evidence.matches[layer]
    return {row for tool in tools for rule in tool.rules for row in matches.get(rule, ())}


def fetches_only(tool: ToolCache, commands: Sequence[str]) -> bool:
    """Whether all calls of a tool only download what later steps need.

    >>> apt = next(tool for tool in load_tools() if tool.tool == "apt-get")
    >>> fetches_only(apt, ["apt-get update"]), fetches_only(apt, ["apt-get update", "apt-get install -y curl"])
    (True, False)
    """
    calls = [command for command in commands if re.search(tool.command, command)]
    return bool(tool.fetches and calls) and all(re.search(tool.fetches, call) for call in calls)


def _groups(build: Build) -> list[list[int]]:
    """The layers whose RUNs can be edited: those of RUNs that are joined together."""
    groups: dict[int, list[int]] = defaultdict(list)
    for layer in build.own_layers:
        if build.drafts[layer].step.kind is StepKind.RUN and build.can_edit_run(layer):
            groups[build.leader(layer).layer].append(layer)
    return list(groups.values())


def _clean(build: Build, members: Sequence[int], cache: ToolCache) -> dict[int, set[int]]:
    """Change a RUN so that a tool leaves no cache; the rows that go, by layer, none if the RUN stays."""
    rows = {layer: chosen for layer in members if (chosen := cache_rows(build, layer, [cache]))}
    layer = members[0]
    least = min(_MIN_SIZE, _MIN_SHARE * build.content_size)
    if build.rows.size_of({holder: sorted(chosen) for holder, chosen in rows.items()}) < max(least, 1):
        return {}
    commands = [part for command in build.commands(layer) for part in split_commands(command)[::2]]
    called = next((match for part in commands if (match := re.search(cache.command, part))), None)
    if called is None or _cleans_up(build.commands(layer), cache):
        return {}
    followers = _followers(build, members[-1], cache)
    is_needed = fetches_only(cache, commands) and bool(_find_later_calls(build, members[-1], cache))
    # A cleanup would empty a cache mount.
    is_mounted = any(option.startswith("--mount=type=cache") for member in members for option in _options(build, member))
    if is_needed or is_mounted or not all(map(build.can_edit_run, followers)):
        return {}
    if cache.option:
        edit = edit_each(lambda command: _with_option(command, cache))
        changed = [member for member in (*members, *followers) if build.change(Change(member, edit=edit))]
        return rows if changed else {}
    if not _reaches(build, cache, called.string, rows) or not _update_where_needed(build, members[-1], cache):
        return {}
    cleanup = cache.cleanup.replace("{tool}", called[1] if called.re.groups else cache.tool)
    for member in (members[-1], *followers):
        build.append(member, cleanup)
    return rows


def _reaches(build: Build, cache: ToolCache, call: str, rows: Mapping[int, set[int]]) -> bool:
    """Whether the cleanup of a tool, at the end of a RUN with a call of the tool, removes the files of the call."""
    if not all(build.can_clean_up(layer, chosen) for layer, chosen in rows.items()):
        return False
    return not _USES_OTHER_CACHE.search(call) or _NAMES_SYSTEM_CACHE.search(cache.cleanup) is not None


def _options(build: Build, layer: int) -> Sequence[str]:
    run = build.drafts[layer].run
    return run.options if run is not None else ()


def _cleans_up(commands: Sequence[str], cache: ToolCache) -> bool:
    """Whether a RUN keeps a cache out of its layer: a cleanup counts only behind the last call of the tool."""
    last = max(number for number, command in enumerate(commands) if re.search(cache.command, command))
    counted = commands if cache.option else commands[last:]
    return any(re.search(cache.keeps_out, command) for command in counted)


def _followers(build: Build, layer: int, cache: ToolCache) -> list[int]:
    """Later RUNs of a tool that fill its cache again, or fail, where the cache of a RUN is gone; apt's lists are apart."""
    if not cache.fetches or _APT_LISTS.search(cache.cleanup):
        return []
    later = _find_later_calls(build, layer, cache)
    return [other for other in later if not re.search(cache.keeps_out, build.drafts[other].step.text)]


def _find_later_calls(build: Build, layer: int, cache: ToolCache) -> list[int]:
    """The layers above a RUN, and not joined with the RUN, whose RUNs call a tool."""
    leader = build.leader(layer)
    return [
        later
        for later in range(layer + 1, len(build.drafts))
        if build.drafts[later].step.kind is StepKind.RUN
        and build.leader(later) is not leader
        and any(re.search(cache.command, command) for command in build.drafts[later].step.shell_commands)
    ]


def _update_where_needed(build: Build, layer: int, cache: ToolCache) -> bool:
    """Make later RUNs fetch the package lists that this one will remove; False if one of them cannot be changed."""
    leader = build.leader(layer)
    dependent: list[tuple[int, int, str]] = []
    for later in range(layer + 1, len(build.drafts)):
        step = build.drafts[later].step
        if build.leader(later) is leader or not _APT_LISTS.search(cache.cleanup):
            continue
        if (
            build.drafts[later].run is None
            and _INSTALLS_SOMEHOW.search(step.text)
            and not _UPDATES_SOMEHOW.search(step.text)
        ):
            return False
        if not relies_on_lists(step):
            continue
        if any(re.search(r"\bapt(?:-get|itude)?\s+(?:.*\s)?update\b", command) for command in build.commands(later)):
            continue
        index = next((index for index, command in build.own_commands(later) if find_install(command)), None)
        if index is None or not build.can_edit_run(later) or not build.drafts[later].context.is_root:
            return False
        dependent.append((later, index, "apt-get update"))
    for later, index, command in dependent:
        build.insert_before(later, index, command)
        build.append(later, cache.cleanup)
    return True


def _with_option(command: str, tool: ToolCache) -> str | None:
    match = None if re.search(tool.keeps_out, command) else re.search(tool.command, command)
    return f"{command[: match.end()]} {tool.option}{command[match.end() :]}" if match else None


def _join_words(titles: Sequence[str] | dict[str, str]) -> str:
    """Titles as a list: those that share their first words name them once.

    >>> _join_words(["apt package lists", "apt archives and caches"])
    'apt package lists, archives and caches'
    """
    first, *others = list(titles)
    word = first.split()[0]
    rest = [title.removeprefix(f"{word} ") for title in others]
    return ", ".join([first, *rest])


def _count_runs(count: int) -> str:
    return "the RUN" if count == 1 else f"each of the {count} RUNs"
