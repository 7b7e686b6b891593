"""How owners and modes can be set where files come in: options of a COPY, or a command of the RUN that makes the files."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ocisize.history.ownership import OwnershipChange, parse_ownership
from ocisize.patterns import lazy_pattern
from ocisize.plan.build import Build
from ocisize.plan.merged_rows import RowsByLayer
from ocisize.plan.paths import PathCounts, is_inside
from ocisize.plan.reads import names_parent, names_path, with_directories
from ocisize.tar.filetable import DIRECTORY, SYMLINK, Attributes
from ocisize.tuples import NamedTuple

_MAX_TOPS = 6  # directories that a chown in the RUN that makes them names
_MODE_BITS = 0o7777
_COPIES_OWNERS = re.compile(r"\b(?:cp\s.*(?:-\w*[ap]|--archive|--preserve)|(?:rsync|tar|mv)\s)")
_COPIES_MODES = re.compile(r"\b(?:cp|rsync|tar|mv)\s")
_STORES = re.compile(r"\b(?:chown|chgrp|chmod|touch)\b")  # commands that store a file again without new content
_EXPANDED = lazy_pattern(r"[*?\[$`~{]")  # what the shell expands begins here
_PUNCTUATION = str.maketrans(dict.fromkeys("|&;()<>{}\"'", " "))


class FileGroup(NamedTuple):
    """Files of one layer that a later RUN stores again."""

    layer: int
    rows: tuple[int, ...]  #: of that layer, hidden
    copies: tuple[int, ...]  #: of the later RUN's layer: the copies of ``rows``, in their order


class ChangedPaths(NamedTuple):
    """The chown and chmod commands of a RUN on the same paths."""

    paths: tuple[str, ...]  #: without leading slashes
    prefixes: tuple[str, ...]  #: the paths with slashes at their ends
    commands: tuple[tuple[int, OwnershipChange], ...]  #: with their numbers in the RUN

    def holds(self, path: str) -> bool:
        """Whether a path is one of the paths or below one of them."""
        return path.startswith(self.prefixes) or path in self.paths


def find_targets(build: Build, upper: int) -> list[ChangedPaths]:
    """Return the chown and chmod commands that a RUN has left, by their paths."""
    commands: dict[tuple[str, ...], list[tuple[int, OwnershipChange]]] = defaultdict(list)
    for index, command, directory in _commands_with_directories(build, upper):
        change = parse_ownership(command)
        if change is not None:
            paths = tuple(posixpath.normpath(posixpath.join(directory, path)).strip("/") for path in change.targets)
            commands[paths].append((index, change))
    return [
        ChangedPaths(paths, tuple(f"{path}/" for path in paths), tuple(changes))
        for paths, changes in commands.items()
        if all(paths)
    ]


def join_targets(targets: Sequence[ChangedPaths]) -> tuple[ChangedPaths | None, frozenset[str]]:
    """Return the commands on some paths and on paths inside as one target, with the paths inside.

    The target is None if no target holds all others.
    """
    for outer in targets:
        inner = frozenset(path for target in targets if target is not outer for path in target.paths)
        if inner and all(map(outer.holds, inner)):
            commands = sorted((command for target in targets for command in target.commands), key=lambda command: command[0])
            return outer._replace(commands=tuple(commands)), inner
    return None, frozenset()


def are_stored_by_others(build: Build, upper: int, target: ChangedPaths, rows: RowsByLayer) -> bool:
    """Return whether a command of the RUN that is no part of the target stores some of the files again, too."""
    indexes = {index for index, _ in target.commands}
    others = [other for other in find_targets(build, upper) if not indexes & {index for index, _ in other.commands}]
    unread = tuple(prefix for _, *command in _commands_with_directories(build, upper) for prefix in _prefixes(*command))
    paths = list(paths_of(build, rows)) if others or unread else []
    return any(path.startswith(unread) for path in paths) or any(
        path in other.paths or (other.holds(path) and any(change.recursive for _, change in other.commands))
        for other in others
        for path in paths
    )


def are_copied_before(build: Build, group: FileGroup, upper: int, target: ChangedPaths, *, with_mode: bool) -> bool:
    """Return whether a RUN copies files of a target, with their owners or modes, before the RUN that changes them.

    Args:
        build: the build.
        group: the files of a lower layer.
        upper: the layer of the RUN that changes owners and modes.
        target: the paths that the RUN changes.
        with_mode: whether the modes of the files change; ``cp`` copies modes, and owners only with some options.

    """
    copies = _COPIES_MODES if with_mode else _COPIES_OWNERS
    return any(
        copies.search(command)
        and any(names_path(command, path, directory) or names_parent(command, path, directory) for path in target.paths)
        for layer in range(group.layer + 1, upper)
        if build.drafts[layer].run is not None
        for _, command, directory in _commands_with_directories(build, layer)
    )


def _commands_with_directories(build: Build, upper: int) -> Iterator[tuple[int, str, str]]:
    """The commands that a RUN has left, with their numbers and the directories in which they run."""
    numbered = list(build.own_commands(upper))
    directories = with_directories([command for _, command in numbered], build.drafts[upper].context.working_dir)
    return ((index, command, directory) for (index, command), (_, directory) in zip(numbered, directories, strict=True))


def _prefixes(command: str, directory: str) -> Iterator[str]:
    """How the paths begin whose files a command may store again, where ``parse_ownership`` does not read the command.

    >>> list(_prefixes("find /app | xargs chmod 755", "/")), list(_prefixes("chmod +x *.sh", "/srv"))
    (['find', 'app', 'xargs', '755'], ['srv/'])
    """
    if not _STORES.search(command) or parse_ownership(command) is not None:
        return
    for word in command.translate(_PUNCTUATION).split():
        if word.startswith(("-", "+")) or _STORES.fullmatch(word):
            continue
        literal = _EXPANDED.split(word, maxsplit=1)[0]
        path = posixpath.normpath(posixpath.join(directory, literal)).lstrip("/")
        if word.startswith(("$", "`")):
            yield ""
        elif path and literal != word and literal in ("", posixpath.join(literal, "")):
            yield f"{path}/"
        else:
            yield path


def paths_of(build: Build, rows: RowsByLayer) -> Iterator[str]:
    """Yield the paths of some rows."""
    return (path for layer, chosen in rows.items() for path in map(build.rows.paths(layer).__getitem__, chosen))


def find_changes(build: Build, group: FileGroup, upper: int) -> list[tuple[Attributes, Attributes]]:
    """Return the distinct owners and modes of files, each with those that a later RUN gives to the files."""
    before, after = build.evidence.tables[group.layer], build.evidence.tables[upper]
    numbers = zip(map(before.owners.__getitem__, group.rows), map(after.owners.__getitem__, group.copies), strict=True)
    return [(before.attributes[old], after.attributes[new]) for old, new in set(numbers)]


def mode_of(attributes: Attributes) -> int:
    """Return the permission bits of a mode, with those for set-user-ID and the like."""
    return attributes.mode & _MODE_BITS


def destination_of(build: Build, layer: int) -> str:
    """Return where a COPY puts its files, without slashes at the ends."""
    draft = build.drafts[layer]
    destination = draft.copy.destination if draft.copy is not None else "/"
    return posixpath.normpath(posixpath.join(draft.context.working_dir, destination)).strip("/")


def are_all_inside(build: Build, layer: int, target: ChangedPaths) -> bool:
    """Whether all files that a COPY brings are below the target, so that an option of the COPY changes no other file."""
    table, paths = build.evidence.tables[layer], build.rows.paths(layer)
    return all(kind == DIRECTORY or target.holds(path) for kind, path in zip(table.kinds, paths, strict=True))


def owner_text(build: Build, owner: tuple[int, int], layer: int, target: ChangedPaths) -> str:
    """User and group for ``--chown``: the names in the command where earlier steps made all users, else the numbers."""
    written = next((change.value for _, change in target.commands if change.tool == "chown"), "")
    user, colon, group = written.partition(":")
    if colon and user and group and build.knows_users(layer):
        return written
    return f"{owner[0]}:{owner[1]}"


def common_mode(build: Build, group: FileGroup, modes: set[int]) -> str:
    """The mode for ``--chmod``, which COPY gives to files and directories alike; "" if they have several."""
    table = build.evidence.tables[group.layer]
    files = sum(1 for kind in table.kinds if kind not in (DIRECTORY, SYMLINK))
    root = destination_of(build, group.layer)
    folders = {
        mode_of(table.attributes[table.owners[row]])
        for row, path in enumerate(build.rows.paths(group.layer))
        if table.kinds[row] == DIRECTORY and is_inside(path, (root,))
    }
    if len(modes) != 1 or files != len(group.rows):
        return ""
    (mode,) = modes
    return f"{mode:o}" if folders <= {mode} or _copies_one_file(build, group) else ""


def _copies_one_file(build: Build, group: FileGroup) -> bool:
    """Whether a COPY has one source, a file: the directories above its copy keep their modes."""
    copy, root = build.drafts[group.layer].copy, destination_of(build, group.layer)
    if copy is None or len(copy.sources) != 1 or len(group.rows) != 1:
        return False
    path = build.rows.paths(group.layer)[group.rows[0]]
    name = posixpath.basename(copy.sources[0])
    return path in (root, f"{root}/{name}".lstrip("/"))


def own_command(build: Build, group: FileGroup, target: ChangedPaths, owner: tuple[int, int]) -> str:
    """A chown for the end of the RUN that makes the files, of paths that hold only its files; "" if there are too many."""
    chosen = set(paths_of(build, {group.layer: group.rows}))
    others = {path for lower in range(group.layer) for path in _files_inside(build, lower, target)}
    own = set(_files_inside(build, group.layer, target))
    root = next((path for path in target.paths if all(f"{name}/".startswith(f"{path}/") for name in chosen)), "")
    tops = PathCounts(own | others, root).tops(own)
    if own & others:
        return ""
    value = f"{owner[0]}:{owner[1]}"
    if len(tops) <= _MAX_TOPS:
        return f"chown -R {value} {' '.join(shlex.quote('/' + path) for path in tops)}"
    names = {path.rpartition("/")[2] for path in tops}
    if len(names) == 1 and root:
        (name,) = names
        if not any(f"/{name}/" in f"/{path}" for path in others):
            return f"find /{shlex.quote(root)} -name {shlex.quote(name)} -exec chown -R {value} {{}} +"
    return ""


def _files_inside(build: Build, layer: int, target: ChangedPaths) -> Iterator[str]:
    """The paths of a layer's files in a target."""
    kinds = build.evidence.tables[layer].kinds
    return (path for row, path in build.rows.inside(layer, target.paths) if kinds[row] != DIRECTORY)
