"""Owners and modes that a late RUN changes: set where the files come in, so that no layer stores the files twice.

No ``chown -R`` is placed over files of a lower layer: a COPY gets ``--chown``, and a RUN changes only the files that the
same RUN makes. What is left of the late command names single directories, which cost nothing.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from ocisize.filesystem.whiteout import is_whiteout
from ocisize.history.ownership import OwnershipChange
from ocisize.model.build_step import StepKind
from ocisize.model.findings import Category, Confidence
from ocisize.plan.build import Build
from ocisize.plan.fixes import Fix
from ocisize.plan.ownership_origin import (
    ChangedPaths,
    FileGroup,
    are_all_inside,
    are_copied_before,
    are_stored_by_others,
    attributes_of,
    common_mode,
    destination_of,
    find_targets,
    join_targets,
    mode_of,
    own_command,
    owner_text,
)
from ocisize.plan.paths import is_inside, parents_of
from ocisize.plan.rows import Place, by_layer
from ocisize.tar.filetable import DIRECTORY, SYMLINK, Attributes
from ocisize.text import quote_code
from ocisize.values import define, field

_MAX_NAMED = 8  # directories and files that the rest of a chown names


@define
class _Placement:
    """Where owners and modes of files are set instead."""

    options: dict[int, dict[str, str | None]] = field(factory=dict)  #: of COPY, by layer
    commands: dict[int, str] = field(factory=dict)  #: for the ends of RUNs, by layer
    rows: list[Place] = field(factory=list)  #: that no layer stores again
    left: list[Place] = field(factory=list)  #: that the late command stores again


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


def _fix_target(build: Build, upper: int, target: ChangedPaths, inner: Collection[str] = ()) -> Fix | None:
    """Fix the commands on a target. ``inner`` are the paths of joined commands: they must be files that need no command."""
    groups = _find_groups(build, upper, target)
    if not groups:
        return None
    places = [place for group in groups for place in group.places]
    if _changes_nothing(build, upper, target, places):
        is_saved = not are_stored_by_others(build, upper, target, places)
        return _drop_commands(build, upper, target, groups) if is_saved else None
    placed = _Placement()
    for group in groups:
        _place(build, upper, target, group, placed)
    rest = _rest(build, upper, target, placed)
    if not placed.rows or rest is None or (inner and rest):
        return None
    if not {build.rows.paths(layer)[row] for layer, row in placed.rows}.issuperset(inner):
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
    if draft.copy is not None and draft.copy.may_unpack:
        placed.left += group.places
        return
    sets_mode = any(change.tool == "chmod" for _, change in target.commands)
    places, changes_mode = group.places, False
    after = {place: attributes_of(build, build.rows.next_copy(place)) for place in places}
    changed = {place for place in places if mode_of(attributes_of(build, place)) != mode_of(after[place])}
    if sets_mode:
        changes_mode = bool(changed)
    else:
        places = tuple(place for place in places if place not in changed)
    owners = {(attributes.uid, attributes.gid) for attributes in after.values()}
    if len(owners) != 1 or not places or are_copied_before(build, group, upper, target, with_mode=changes_mode):
        placed.left += group.places
        return
    (owner,) = owners
    if draft.copy is not None and are_all_inside(build, group.layer, target):
        options = _copy_options(build, target, group, owner, changes_mode=changes_mode)
        if options:
            placed.options[group.layer] = placed.options.get(group.layer, {}) | options
            placed.rows += places
            return
    elif _can_own(build, group.layer) and not changes_mode:
        command = own_command(build, group, target, owner)
        if command:
            placed.commands[group.layer] = command
            placed.rows += places
            return
    placed.left += group.places


def _can_own(build: Build, layer: int) -> bool:
    """Whether a chown at the end of a layer's RUN works: only root can give files away."""
    draft = build.drafts[layer]
    return draft.run is not None and not build.is_joined(layer) and draft.context.is_root and build.can_edit_run(layer)


def _copy_options(
    build: Build, target: ChangedPaths, group: FileGroup, owner: tuple[int, int], *, changes_mode: bool
) -> dict[str, str | None]:
    """The options of a COPY that give its files their owner and mode; none if no options do."""
    before = [attributes_of(build, place) for place in group.places]
    options: dict[str, str | None] = {}
    if any((attributes.uid, attributes.gid) != owner for attributes in before):
        options["--chown"] = owner_text(build, owner, group.layer, target)
    if changes_mode:
        modes = {mode_of(attributes_of(build, build.rows.next_copy(place))) for place in group.places}
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
    rows = by_layer(placed.rows)
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
    places: dict[int, list[Place]] = defaultdict(list)
    for lower in build.rows.layers_hidden_by(upper):
        for row in build.rows.hidden_rows(lower, upper):
            if build.rows.has_copy((lower, row), upper) and target.holds(build.rows.paths(lower)[row]):
                places[lower].append((lower, row))
    return [FileGroup(layer, tuple(chosen)) for layer, chosen in places.items()]


def _changes_nothing(build: Build, upper: int, target: ChangedPaths, places: Iterable[Place]) -> bool:
    """Whether all entries that the RUN stores below the target have the owner and the mode that they had before.

    ``places`` are the files in lower layers that the RUN stores again.
    """
    if any(attributes_of(build, place) != attributes_of(build, build.rows.next_copy(place)) for place in places):
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
    rows = by_layer(place for group in groups for place in group.places)
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
    names = {build.rows.paths(layer)[row] for layer, row in placed.left}
    for row, path in build.rows.inside(upper, target.paths):
        is_free = table.kinds[row] == DIRECTORY or not table.sizes[row]
        if is_free and path not in known and not is_whiteout(table.paths[row]):
            names.add(path)
    names = {path for path in names if path in made or not is_inside(path, build.removed_paths)}
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
        for row, path in build.rows.inside(layer, build.removed_paths):
            if kinds[row] != DIRECTORY and build.rows.is_original((layer, row)):
                made.update(parents_of(path), (path,))
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
