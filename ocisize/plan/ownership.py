"""Owners and modes that a late RUN changes: set where the files come in, so that no layer stores the files twice.

No ``chown -R`` is placed over files of a lower layer: a COPY gets ``--chown``, and a RUN changes only the files that the
same RUN makes. What is left of the late command names single directories, which cost nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

from ocisize.filesystem.whiteout import is_whiteout
from ocisize.history.ownership import OwnershipChange
from ocisize.model.build_step import StepKind
from ocisize.model.findings import Category, Confidence
from ocisize.plan.build import Build
from ocisize.plan.fixes import Fix
from ocisize.plan.merged_rows import merge_rows
from ocisize.plan.ownership_origin import (
    ChangedPaths,
    FileGroup,
    are_all_inside,
    are_copied_before,
    are_stored_by_others,
    common_mode,
    destination_of,
    find_changes,
    find_targets,
    join_targets,
    mode_of,
    own_command,
    owner_text,
    paths_of,
)
from ocisize.plan.paths import find_inside, parents_of
from ocisize.tar.filetable import DIRECTORY, SYMLINK, Attributes
from ocisize.tar.row_values import row_values
from ocisize.text import quote_code
from ocisize.values import define, field

_MAX_NAMED = 8  # directories and files that the rest of a chown names


@define
class _Placement:
    """Where owners and modes of files are set instead."""

    options: dict[int, dict[str, str | None]] = field(factory=dict)  #: of COPY, by layer
    commands: dict[int, str] = field(factory=dict)  #: for the ends of RUNs, by layer
    rows: dict[int, Sequence[int]] = field(factory=dict)  #: that no layer stores again, by layer
    left: dict[int, Sequence[int]] = field(factory=dict)  #: that the late command stores again, by layer


def fix_ownership(build: Build) -> Iterator[Fix]:
    """Set owners and modes where files come in, and yield a fix for each late chown and chmod."""
    for upper in build.own_layers:
        if build.drafts[upper].step.kind is StepKind.RUN and build.can_edit_run(upper) and not build.is_joined(upper):
            targets = find_targets(build, upper)
            joined, inner = join_targets(targets)
            if joined is not None and (fix := _fix_target(build, upper, joined, inner)) is not None:
                yield fix
                continue
            for target in targets:
                if (fix := _fix_target(build, upper, target)) is not None:
                    yield fix


def _fix_target(build: Build, upper: int, target: ChangedPaths, inner: frozenset[str] = frozenset()) -> Fix | None:
    """Fix the commands on a target. ``inner`` are the paths of joined commands: they must be files that need no command."""
    groups = _find_groups(build, upper, target)
    if not groups:
        return None
    if _changes_nothing(build, upper, target, groups):
        is_saved = not are_stored_by_others(build, upper, target, {group.layer: group.rows for group in groups})
        return _drop_commands(build, upper, target, groups) if is_saved else None
    placed = _Placement()
    for group in groups:
        _place(build, upper, target, group, placed)
    rest = _rest(build, upper, target, placed)
    if not placed.rows or rest is None or (inner and rest):
        return None
    if inner and not inner <= set(paths_of(build, placed.rows)):
        return None
    if are_stored_by_others(build, upper, target, placed.rows):
        return None
    for layer, options in placed.options.items():
        build.drafts[layer].copy_options.update(options)
    for layer, command in placed.commands.items():
        build.append(layer, command)
    written = _quote_commands(build, upper, target)
    _replace_commands(build, upper, target, rest)
    return _describe(build, upper, target, placed, written)


def _place(build: Build, upper: int, target: ChangedPaths, group: FileGroup, placed: _Placement) -> None:
    """Set owner and mode of a layer's files where the layer brings them, or leave the files to the late command.

    Files whose mode another command of the same RUN changes stay with that command.
    """
    draft = build.drafts[group.layer]
    if draft.is_dropped:
        return
    placed.left[group.layer] = group.rows
    if draft.copy is not None and draft.copy.may_unpack:
        return
    sets_mode = any(change.tool == "chmod" for _, change in target.commands)
    changes = find_changes(build, group, upper)
    rows, changes_mode = group.rows, any(mode_of(before) != mode_of(after) for before, after in changes)
    if changes_mode and not sets_mode:
        rows, changes_mode = _rows_of_equal_modes(build, upper, group), False
    owners = {(after.uid, after.gid) for _, after in changes}
    if len(owners) != 1 or not rows or are_copied_before(build, group, upper, target, with_mode=changes_mode):
        return
    (owner,) = owners
    if draft.copy is not None and are_all_inside(build, group.layer, target):
        options = _copy_options(build, upper, target, group, owner, changes_mode=changes_mode)
        if not options:
            return
        placed.options[group.layer] = options
    else:
        command = own_command(build, group, target, owner) if _can_own(build, group.layer) and not changes_mode else ""
        if not command:
            return
        placed.commands[group.layer] = command
    placed.rows[group.layer] = rows
    del placed.left[group.layer]


def _rows_of_equal_modes(build: Build, upper: int, group: FileGroup) -> tuple[int, ...]:
    """The files whose mode a later RUN keeps."""
    modes = [list(map(mode_of, build.evidence.tables[layer].attributes)) for layer in (group.layer, upper)]
    owners = [build.evidence.tables[layer].owners for layer in (group.layer, upper)]
    pairs = zip(group.rows, group.copies, strict=True)
    return tuple(row for row, copy in pairs if modes[0][owners[0][row]] == modes[1][owners[1][copy]])


def _can_own(build: Build, layer: int) -> bool:
    """Whether a chown at the end of a layer's RUN works: only root can give files away."""
    draft = build.drafts[layer]
    return draft.run is not None and not build.is_joined(layer) and draft.context.is_root and build.can_edit_run(layer)


def _copy_options(
    build: Build, upper: int, target: ChangedPaths, group: FileGroup, owner: tuple[int, int], *, changes_mode: bool
) -> dict[str, str | None]:
    """The options of a COPY that give its files their owner and mode; none if no options do."""
    changes = find_changes(build, group, upper)
    options: dict[str, str | None] = {}
    if any((before.uid, before.gid) != owner for before, _ in changes):
        options["--chown"] = owner_text(build, owner, group.layer, target)
    if changes_mode:
        modes = {mode_of(after) for _, after in changes}
        options["--chmod"] = common_mode(build, group, modes) if build.can_mount else ""
    return options if all(options.values()) else {}


def _describe(build: Build, upper: int, target: ChangedPaths, placed: _Placement, written: str) -> Fix:
    """The fix; ``written`` are the commands as the step has them, in backquotes."""
    verb = "store" if len(target.commands) > 1 else "stores"
    options = (f"{name}={value}" for values in placed.options.values() for name, value in values.items())
    flags = " ".join(dict.fromkeys(options))
    actions = [f"Copy with `{flags}`"] if flags else []
    ends = dict.fromkeys(placed.commands.values())
    actions += [f"end the RUN that makes the files with {quote_code(command)}" for command in ends]
    text = ", and ".join(actions)
    rows = merge_rows([placed.rows])
    return Fix(
        title=f"{_name_tools(target)} {verb} files again",
        confidence=Confidence.SAFE,
        category=Category.WASTE,
        layers=(*sorted(rows, key=lambda layer: -build.rows.size_of({layer: rows[layer]})), upper),
        action=f"{text[:1].upper()}{text[1:]}, in place of {written}.",
        caution="--chmod needs BuildKit (Docker 23 or later) or Buildah." if "--chmod" in flags else "",
        rows=rows,
    )


def _name_tools(target: ChangedPaths) -> str:
    """The tools of the commands, each once: ``chmod -R and chown -R``."""
    return " and ".join(dict.fromkeys(_shown(change) for _, change in target.commands))


def _quote_commands(build: Build, upper: int, target: ChangedPaths) -> str:
    """The commands as the step has them, in backquotes."""
    written = dict(build.own_commands(upper))
    return " and ".join(quote_code(written[index]) for index, _ in target.commands)


def _shown(change: OwnershipChange) -> str:
    return f"{change.tool} -R" if change.recursive else change.tool


def _find_groups(build: Build, upper: int, target: ChangedPaths) -> list[FileGroup]:
    """Files below the target that the RUN stores again with the same content, by the layer that has them."""
    table = build.evidence.tables[upper]
    if not any(table.sizes):
        return []
    groups: list[FileGroup] = []
    for lower in build.rows.layers_hidden_by(upper):
        if copies := list(build.rows.copies_in(upper, lower)):
            paths = row_values(build.rows.paths(lower), [row for row, _ in copies])
            copies = list(compress(copies, map(target.holds, paths)))
        if copies:
            groups.append(FileGroup(lower, *zip(*copies, strict=True)))
    return groups


def _changes_nothing(build: Build, upper: int, target: ChangedPaths, groups: Iterable[FileGroup]) -> bool:
    """Whether all entries that the RUN stores below the target have the owner and the mode that they had before.

    ``groups`` are the files in lower layers that the RUN stores again.
    """
    if any(before != after for group in groups for before, after in find_changes(build, group, upper)):
        return False
    table = build.evidence.tables[upper]
    known: dict[str, Attributes] = {}
    for lower in range(upper):
        other = build.evidence.tables[lower]
        for row, path in build.rows.inside(lower, target.paths):
            known[path] = other.attributes[other.owners[row]]
    return all(
        table.kinds[row] == SYMLINK or known.get(path) == table.attributes[table.owners[row]]
        for row, path in build.rows.inside(upper, target.paths)
    )


def _drop_commands(build: Build, upper: int, target: ChangedPaths, groups: Sequence[FileGroup]) -> Fix:
    rows = merge_rows({group.layer: group.rows} for group in groups)
    written = _quote_commands(build, upper, target)
    _replace_commands(build, upper, target, [])
    tools = _name_tools(target)
    verb = "change nothing but store" if len(target.commands) > 1 else "changes nothing but stores"
    return Fix(
        title=f"{tools} {verb} files again",
        confidence=Confidence.SAFE,
        category=Category.WASTE,
        layers=(upper, *(group.layer for group in groups)),
        action=f"Drop {written}: owners and modes do not change.",
        rows=rows,
    )


def _rest(build: Build, upper: int, target: ChangedPaths, placed: _Placement) -> list[str] | None:
    """The directories and files that the late command must still name; None if there are too many."""
    known: set[str] = set()
    for layer in placed.options.keys() | placed.commands.keys():
        draft, kinds = build.drafts[layer], build.evidence.tables[layer].kinds
        below = {path for lower in range(layer) for path in _directories_inside(build, lower, target)}
        root = destination_of(build, layer) if draft.copy is not None else ""
        known |= {
            path
            for row, path in build.rows.inside(layer, target.paths)
            if path not in below
            and (kinds[row] != DIRECTORY or (path.startswith(f"{root}/") if root else path not in target.paths))
        }
    table = build.evidence.tables[upper]
    made = _made_anyway(build, upper) if build.removed_paths else set()
    names = set(paths_of(build, placed.left))
    for row, path in build.rows.inside(upper, target.paths):
        is_free = table.kinds[row] == DIRECTORY or not table.sizes[row]
        if is_free and path not in known and not is_whiteout(table.paths[row]):
            names.add(path)
    if build.removed_paths:
        names -= {path for _, path in find_inside(names, build.removed_paths)} - made
    return sorted(names) if len(names) <= _MAX_NAMED else None


def _directories_inside(build: Build, layer: int, target: ChangedPaths) -> Iterator[str]:
    """The paths of a layer's directories in a target."""
    kinds = build.evidence.tables[layer].kinds
    return (path for row, path in build.rows.inside(layer, target.paths) if kinds[row] == DIRECTORY)


def _made_anyway(build: Build, upper: int) -> set[str]:
    """Paths inside removed directories that a RUN makes in any case, with their parents."""
    made: set[str] = set()
    for layer in range(upper):
        if build.drafts[layer].step.kind is not StepKind.RUN:
            continue
        kinds = build.evidence.tables[layer].kinds
        paths = {row: path for row, path in build.rows.inside(layer, build.removed_paths) if kinds[row] != DIRECTORY}
        for row in build.rows.originals(layer, paths):
            made.update(parents_of(paths[row]), (paths[row],))
    return made


def _replace_commands(build: Build, upper: int, target: ChangedPaths, rest: Sequence[str]) -> None:
    """Let the commands act on some paths alone, without ``-R``; without paths the commands go."""
    kinds = build.evidence.tables[upper].kinds
    links = {path for row, path in enumerate(build.rows.paths(upper)) if kinds[row] == SYMLINK} if rest else set()
    for index, change in target.commands:
        paths = [path for path in rest if change.tool != "chmod" or path not in links]  # symlinks have no mode
        if paths:
            names = " ".join(shlex.quote(f"/{path}") for path in paths)
            tool = f"{change.tool} -h" if links.intersection(paths) else change.tool  # else their targets change
            build.replace(upper, index, f"{tool} {change.value} {names}")
        else:
            build.remove(upper, index)
