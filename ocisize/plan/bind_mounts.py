"""Files that a COPY brings for one RUN and a later step removes: mounted for the RUN instead."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ocisize.model.findings import Category, Confidence
from ocisize.patterns import lazy_pattern
from ocisize.plan.build import Build
from ocisize.plan.context_paths import ContextCopy, has_wildcard
from ocisize.plan.context_state import ContextState
from ocisize.plan.fixes import Fix
from ocisize.plan.missing_paths import can_lack, tolerate_missing
from ocisize.plan.reads import (
    Reading,
    is_within,
    matches_wildcard,
    names_parent,
    names_path,
    reading_of,
    with_directories,
)
from ocisize.plan.rows import REMOVED, Ending
from ocisize.tar.filetable import DIRECTORY

_WRITES = lazy_pattern(  # commands that write to files or directories that they name
    r"(?:^|[;&|(]\s*|\b(?:then|do|else|sudo|exec)\s+)(?:chmod|chown|chgrp|mv|rm|rmdir|find|sed|touch|ln|patch|dos2unix"
    r"|make|cmake|ninja|cargo|mvn|gradle|npm|yarn|pnpm|go|git|bundle|composer|dotnet)\s"
)
_INSTALLS_SOURCES = lazy_pattern(
    r"\bpip[\d.]*\s+install\s(?!.*(?:--find-links|-f)\b)"
)  # pip builds in the directory of the sources
_BIND_CAUTION = "Needs BuildKit (Docker 23 or later) or Buildah 1.24 or later."


def mount_for_reader(build: Build, copy: ContextCopy, state: ContextState) -> Fix | None:
    """Mount the source of a COPY whose files one RUN reads and a later step removes."""
    ending = _ending_of_all(build, copy)
    if ending is None or ending.cause not in REMOVED or len(copy.sources) != 1 or not copy.destination:
        return None
    rows = sorted(copy.context_paths)
    paths = [build.rows.paths(copy.layer)[row] for row in rows]
    is_file = set(copy.context_paths.values()) == {copy.sources[0]}
    target = paths[0] if is_file else copy.destination
    readers = [
        layer
        for layer in range(copy.layer + 1, ending.layer + 1)
        if any(
            reading_of(command, [target, *paths[:1]], build.drafts[layer].context.working_dir) is Reading.YES
            for command in build.written_commands(layer)
        )
    ]
    if len(readers) != 1 or not build.can_edit_run(readers[0]) or copy.sources == (".",) or not build.can_mount:
        return None
    (reader,) = readers
    if not _can_mount(build, copy, reader, target) or not can_lack(build, [target], copy.layer):
        return None
    for index, command in list(_commands_left(build, reader, target)):
        if command:
            build.replace(reader, index, command)
        else:
            build.remove(reader, index)
    source = copy.sources[0]
    build.drafts[copy.layer].is_dropped = True
    build.removed_paths.add(target)
    tolerate_missing(build, [target], copy.layer)
    option = f"--mount=type=bind,source={source},target=/{target}"
    build.leader(reader).options.append(option)
    state.copies.remove(copy)
    state.needed.add(source)
    name = source if is_file else f"{source}/"
    return Fix(
        title=f"{name} copied for one RUN and removed later",
        confidence=Confidence.PROBABLY,
        category=Category.WASTE,
        layers=(copy.layer, reader),
        action=f"Mount {name} for the RUN that reads it (`{option}`) and drop {build.name(copy.layer)}.",
        caution=f"{_BIND_CAUTION} The RUN cannot write into the mount.",
        rows=build.rows.with_copies({copy.layer: rows}),
    )


def _ending_of_all(build: Build, copy: ContextCopy) -> Ending | None:
    """What hides the last copies of all files of a layer; None if they end in several ways, or a COPY did not bring all."""
    table = build.evidence.tables[copy.layer]
    if not build.rows.hiders(copy.layer) or len(copy.context_paths) < len(table) - table.kinds.count(DIRECTORY):
        return None
    endings = [ending for _, ending in build.rows.endings(copy.layer, copy.context_paths)]
    return endings[0] if endings and len(endings) == len(copy.context_paths) and len(set(endings)) == 1 else None


def _can_mount(build: Build, copy: ContextCopy, reader: int, target: str) -> bool:
    """Whether a mount does for a RUN what a COPY does: nothing else is at the path, and no command writes there."""
    instruction, context = build.drafts[copy.layer].copy, build.drafts[reader].context
    if instruction is None or instruction.chmod or (instruction.chown and not context.is_root):
        return False
    if has_wildcard(copy.sources[0]) or any(
        layer != copy.layer and build.rows.has(layer, target) for layer in range(reader)
    ):
        return False
    commands = [command for _, command in _commands_left(build, reader, target)]
    return not any(
        is_within(directory, target) or _may_write(command, target, directory)
        for command, directory in with_directories(commands, context.working_dir)
    )


def _may_write(command: str, target: str, directory: str) -> bool:
    """Whether a command may write to a path, or remove the path."""
    words = command.split()
    if _INSTALLS_SOURCES.search(command) and any(
        posixpath.normpath(posixpath.join(directory, word)) == f"/{target}" for word in words
    ):
        return True
    touches = names_path(command, target, directory) or names_parent(command, target, directory)
    touches = touches or any(matches_wildcard(word, target, directory) for word in words[1:])
    return touches and _WRITES.search(command) is not None


def _commands_left(build: Build, reader: int, target: str) -> Iterator[tuple[int, str]]:
    """The commands of a RUN, with their numbers, without the removal of a path; "" for a command that goes."""
    numbered = list(build.own_commands(reader))
    directories = with_directories([command for _, command in numbered], build.drafts[reader].context.working_dir)
    for (index, command), (_, directory) in zip(numbered, directories, strict=True):
        if not command.startswith("rm ") or not names_path(command, target, directory):
            yield index, command
            continue
        words = [word for word in command.split() if not names_path(word, target, directory)]
        yield index, " ".join(words) if any(not word.startswith("-") for word in words[1:]) else ""
