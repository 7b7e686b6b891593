"""Commands that fail where files are not in the image any more: they get ``-f``, or the files must stay."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ocisize.model.build_step import StepKind
from ocisize.plan.build import Build
from ocisize.plan.reads import matches_wildcard, names_path, with_directories

_REMOVAL = re.compile(r"\brm\s([^;&|]*)")
_FORCE = re.compile(r"--force|-[A-Za-z]*f[A-Za-z]*")


def can_lack(build: Build, paths: Collection[str], above: int) -> bool:
    """Return whether all RUNs above a layer work, or can be changed to work, without some paths that the layer brings.

    Args:
        build: the build.
        paths: of files and directories, without leading slashes.
        above: the layer.

    """
    return all(
        build.can_edit_run(layer) and index >= 0 and command.startswith("rm ")
        for layer, index, command in _failing_commands(build, paths, above)
    )


def tolerate_missing(build: Build, paths: Collection[str], above: int) -> None:
    """Let no ``rm`` above a layer fail because some paths are not in the image any more; the arguments are those above."""
    for layer, index, command in list(_failing_commands(build, paths, above)):
        if index >= 0 and command.startswith("rm "):
            build.replace(layer, index, f"rm -f {command.removeprefix('rm').lstrip()}")


def _failing_commands(build: Build, paths: Collection[str], above: int) -> Iterator[tuple[int, int, str]]:
    """The commands that fail without some paths, with their layers and numbers; -1 for commands that cannot be changed."""
    for layer in range(above + 1, len(build.drafts)):
        draft = build.drafts[layer]
        if draft.step.kind is not StepKind.RUN:
            continue
        numbered = (
            list(build.own_commands(layer)) if draft.run is not None else [(-1, text) for text in draft.step.shell_commands]
        )
        directories = with_directories([text for _, text in numbered], draft.context.working_dir)
        for (index, _), (command, directory) in zip(numbered, directories, strict=True):
            if any(_fails_without(match, paths, directory) for match in _REMOVAL.finditer(command)):
                yield layer, index, command


def _fails_without(removal: re.Match[str], paths: Collection[str], directory: str) -> bool:
    """Whether a call of ``rm`` fails where one of some paths is missing."""
    words = removal[1].split()
    if any(map(_FORCE.fullmatch, words)):
        return False
    return any(
        names_path(removal[0], path, directory) or any(matches_wildcard(word, path, directory) for word in words)
        for path in paths
    )
