"""Files that a COPY brings for one RUN and a later step removes: mounted for the RUN instead."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain

from ocisize.model.findings import Category, Confidence
from ocisize.patterns import lazy_pattern
from ocisize.plan.build import Build
from ocisize.plan.context_paths import ContextCopy, has_wildcard
from ocisize.plan.fixes import Fix
from ocisize.plan.missing_paths import can_lack, tolerate_missing
from ocisize.plan.paths import find_inside
from ocisize.plan.reads import (
    Reading,
    is_within,
    matches_wildcard,
    names_parent,
    names_path,
    reading_of,
    with_directories,
)
from ocisize.plan.rows import REMOVED, Place
from ocisize.tar.filetable import DIRECTORY
from ocisize.values import define, field

_WRITES = lazy_pattern(  # commands that write to files or directories that they name
    r"(?:^|[;&|(]\s*|\b(?:then|do|else|sudo|exec)\s+)(?:chmod|chown|chgrp|mv|rm|rmdir|find|sed|touch|ln|patch|dos2unix"
    r"|make|cmake|ninja|cargo|mvn|gradle|npm|yarn|pnpm|go|git|bundle|composer|dotnet)\s"
)
_INSTALLS_SOURCES = lazy_pattern(
    r"\bpip[\d.]*\s+install\s(?!.*(?:--find-links|-f)\b)"
)  # pip builds in the directory of the sources
_BIND_CAUTION = "Needs BuildKit (Docker 23 or later) or Buildah 1.24 or later."


@define(slots=False)  # with a dictionary for the cached property
class ContextState:
    """What the rules about the build context have decided so far."""

    copies: list[ContextCopy]
    needed: set[str]  #: context paths that must not be ignored: sources of mounts, and of instructions without a layer here
    named: set[str] = field(factory=set)  #: sources of ``copies``: a COPY fails without its sources
    ignored: set[Place] = field(factory=set)
    kept: dict[ContextCopy, set[str]] = field(factory=dict)  #: context paths of what nothing removes, or a RUN reads

    @cached_property
    def keepers(self) -> Counter[str]:
        """The number of COPY instructions that keep a context path."""
        return Counter(chain.from_iterable(self.kept.values()))

    @cached_property
    def places(self) -> Mapping[str, Sequence[Place]]:
        """The rows that hold the file of a context path."""
        places: dict[str, list[Place]] = defaultdict(list)
        for copy in self.copies:
            for row, path in copy.context_paths.items():
                places[path].append((copy.layer, row))
        return places

    def stored_by(self, copy: ContextCopy) -> Iterable[str]:
        """The context paths of the files of a COPY that are not ignored."""
        if not self.ignored:
            return copy.context_paths.values()
        return (path for row, path in copy.context_paths.items() if (copy.layer, row) not in self.ignored)

    def stored_paths(self) -> set[str]:
        """The context paths of all files that are not ignored."""
        return set(chain.from_iterable(map(self.stored_by, self.copies)))

    def find_needed(self, paths: Collection[str], copy: ContextCopy, others: Collection[str] = ()) -> set[str]:
        """Those of some files of a COPY that must stay in the context.

        An instruction reads the file by name, or a narrower COPY has it, or one of some other paths holds it. A folder that
        the COPY itself names may lack files.
        """
        holders = {source for source in self.named if not _holds_source(source, copy)}.union(self.needed, others)
        needed = self.named.intersection(paths)
        if holders:
            needed.update(path for _, path in find_inside(paths, holders))
        if self._wildcards:
            needed.update(path for path in paths if any(matches_wildcard(source, path) for source in self._wildcards))
        return needed

    @cached_property
    def _wildcards(self) -> list[str]:
        return [source for source in (*self.needed, *self.named) if has_wildcard(source)]


def _holds_source(folder: str, copy: ContextCopy) -> bool:
    """Whether all sources of a COPY are in a folder, or one of them is the folder."""
    return all(source == folder or source.startswith(f"{folder}/") for source in copy.sources)


def mount_for_reader(build: Build, copy: ContextCopy, state: ContextState) -> Fix | None:
    """Mount the source of a COPY whose files one RUN reads and a later step removes."""
    table = build.evidence.tables[copy.layer]
    rows = sorted(copy.context_paths)
    if not rows or len(rows) < len(table) - table.kinds.count(DIRECTORY) or len(copy.sources) != 1:
        return None
    ending = build.rows.ending((copy.layer, rows[0]))
    if ending is None or ending.cause not in REMOVED or not copy.destination:
        return None
    if any(build.rows.ending((copy.layer, row)) != ending for row in rows):
        return None
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
