"""How owners and modes can be set where files come in: options of a COPY, or a command of the RUN that makes the files."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Collection
from typing import NamedTuple

from ocisize.history.ownership import OwnershipChange
from ocisize.plan.build import Build
from ocisize.plan.rows import Place, parents_of, top_paths
from ocisize.tar.filetable import DIRECTORY, SYMLINK, Attributes

_MAX_TOPS = 6  # directories that a chown in the RUN that makes them names
_MODE_BITS = 0o7777


class FileGroup(NamedTuple):
    """Files of one layer that a later RUN stores again."""

    layer: int
    places: tuple[Place, ...]  #: the rows of that layer that are hidden


class ChangedPaths(NamedTuple):
    """The chown and chmod commands of a RUN on the same paths."""

    paths: tuple[str, ...]  #: without leading slashes
    prefixes: tuple[str, ...]  #: the paths with slashes at their ends
    commands: tuple[tuple[int, OwnershipChange], ...]  #: with their numbers in the RUN

    def holds(self, path: str) -> bool:
        """Whether a path is one of the paths or below one of them."""
        return path.startswith(self.prefixes) or path in self.paths


def attributes_of(build: Build, place: Place) -> Attributes:
    """Return the owner and the mode of a row."""
    table = build.evidence.tables[place[0]]
    return table.attributes[table.owners[place[1]]]


def mode_of(attributes: Attributes) -> int:
    """Return the permission bits of a mode, with those for set-user-ID and the like."""
    return attributes.mode & _MODE_BITS


def is_inside(path: str, targets: Collection[str]) -> bool:
    """Return whether a path is one of some paths or below one of them."""
    return path in targets or any(parent in targets for parent in parents_of(path))


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
    if colon and user and group and build.last_layer_of_users < layer:
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
    if len(modes) != 1 or files != len(group.places):
        return ""
    (mode,) = modes
    return f"{mode:o}" if folders <= {mode} or _copies_one_file(build, group) else ""


def _copies_one_file(build: Build, group: FileGroup) -> bool:
    """Whether a COPY has one source, a file: the directories above its copy keep their modes."""
    copy, root = build.drafts[group.layer].copy, destination_of(build, group.layer)
    if copy is None or len(copy.sources) != 1 or len(group.places) != 1:
        return False
    ((layer, row),) = group.places
    path, name = build.rows.paths(layer)[row], posixpath.basename(copy.sources[0])
    return path in (root, f"{root}/{name}".lstrip("/"))


def own_command(build: Build, group: FileGroup, target: ChangedPaths, owner: tuple[int, int]) -> str:
    """A chown for the end of the RUN that makes the files, of paths that hold only its files; "" if there are too many."""
    chosen = {build.rows.paths(layer)[row] for layer, row in group.places}
    others = {
        path
        for lower in range(group.layer)
        for path, kind in zip(build.rows.paths(lower), build.evidence.tables[lower].kinds, strict=True)
        if kind != DIRECTORY and target.holds(path)
    }
    own = {
        path
        for path, kind in zip(build.rows.paths(group.layer), build.evidence.tables[group.layer].kinds, strict=True)
        if kind != DIRECTORY and target.holds(path)
    }
    root = next((path for path in target.paths if all(is_inside(name, (path,)) for name in chosen)), "")
    tops = top_paths(own, others - own, root)
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
