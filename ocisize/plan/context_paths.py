"""ContextCopy: a COPY from the build context, with the path in the context of each file that it brought."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from ocisize.dockerfile.copy_source import CopyInstruction, parse_copy
from ocisize.history.step_effects import copies_from_context, lays_root_filesystem
from ocisize.plan.build import Build
from ocisize.plan.paths import PathCounts
from ocisize.plan.rows import RowIndex
from ocisize.values import field, frozen

_ABSOLUTE = re.compile("/").match
_WILDCARD = re.compile(r"[*?\[]")


@frozen(eq=False, slots=False)  # with a dictionary for the cached properties
class ContextCopy:
    """A COPY or ADD of files from the build context."""

    layer: int
    destination: str  #: without slashes at its ends; "" is the root
    sources: tuple[str, ...]  #: as the instruction names them, without "./" and slashes at their ends; "." is the context
    is_folder: bool  #: whether ``destination`` is a directory by the text of the instruction
    rows: RowIndex = field(repr=False)

    @cached_property
    def image_paths(self) -> Mapping[int, str]:
        """By row of ``context_paths`` and of other files of the layer: the path in the image."""
        return self.rows.files(self.layer) if self.rows.may_hold(self.layer, self.destination) else {}

    @cached_property
    def context_paths(self) -> Mapping[int, str]:
        """By row, directories left out: the path in the context; no row whose path is unknown."""
        return _map(self.image_paths, self.sources, self.destination, is_folder=self.is_folder)

    @cached_property
    def counts(self) -> PathCounts:
        """The paths in the image of the files."""
        return PathCounts(map(self.image_paths.__getitem__, self.context_paths), self.destination)


def find_context_copies(build: Build) -> Iterator[ContextCopy]:
    """Yield the COPY and ADD instructions above the base image that copy from the context and name their sources."""
    for layer in build.own_layers:
        draft = build.drafts[layer]
        if draft.copy is not None and draft.instruction is None and any(map(_ABSOLUTE, draft.copy.sources)):
            continue  # BuildKit leaves --from out of the history
        if draft.copy is not None and copies_from_context(draft.step) and not lays_root_filesystem(draft.step):
            yield from _find_paths(build, layer, draft.copy, draft.context.working_dir)
        for squashed in build.squashed_copies.get(layer, ()):
            copy = parse_copy(squashed.instruction.source, build.escape)
            if copy is not None:
                yield from _find_paths(build, layer, copy, squashed.working_dir)


def _find_paths(build: Build, layer: int, copy: CopyInstruction, working_dir: str) -> Iterator[ContextCopy]:
    if (
        copy.from_stage
        or not copy.sources
        or "--parents" in copy.options
        or any("$" in word or "://" in word for word in (*copy.sources, copy.destination))
    ):
        return
    sources = tuple(_clean(source) for source in copy.sources)
    if copy.may_unpack:
        return  # unpacked: its paths are those of the archive
    target = posixpath.normpath(posixpath.join(working_dir, copy.destination)).strip("/")
    is_folder = copy.destination.endswith("/") or copy.destination in (".", "..") or len(sources) > 1
    yield ContextCopy(layer, target, sources, is_folder, build.rows)


def has_wildcard(source: str) -> bool:
    """Return whether a source of a COPY may name several files.

    >>> has_wildcard("package*.json"), has_wildcard("src")
    (True, False)
    """
    return _WILDCARD.search(source) is not None


def _clean(source: str) -> str:
    return posixpath.normpath(source).lstrip("/") or "."


def _map(paths: Mapping[int, str], sources: Sequence[str], target: str, *, is_folder: bool) -> dict[int, str]:
    """The path in the context of each row, where it is certain."""
    prefix = f"{target}/" if target else ""
    if len(sources) == 1 and not has_wildcard(sources[0]):
        (source,) = sources
        file = prefix + posixpath.basename(source)
        if source == ".":
            return {row: path[len(prefix) :] for row, path in paths.items() if path.startswith(prefix)}
        if any(all(map(name.__eq__, paths.values())) for name in ((file,) if is_folder else (file, target))):
            return dict.fromkeys(paths, source)
        return {row: f"{source}/{path[len(prefix) :]}" for row, path in paths.items() if path.startswith(prefix)}
    mapped: dict[int, str] = {}
    named = [
        source for source in sources if posixpath.basename(source).strip("*")
    ]  # others bring what is in directories, too
    for row, path in paths.items():
        relative = path[len(prefix) :] if path.startswith(prefix) else ""
        matching = [source for source in named if fnmatch.fnmatchcase(relative, posixpath.basename(source))]
        if relative and "/" not in relative and len(matching) == 1:
            mapped[row] = posixpath.join(posixpath.dirname(matching[0]), relative)
    return mapped
