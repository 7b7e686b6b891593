"""Owners and modes of files: options of the COPY, or commands of the RUN, that writes the files in the first place.

A RUN that only changes the owner or mode of files stores all of them again in its layer.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from ocisize.history.shell import shorten
from ocisize.history.step_effects import makes_users
from ocisize.model.build_step import BuildStep

_MODE = re.compile(r"[0-7]{3,4}")
_OWNER = re.compile(r"[\w.-]+(?::[\w.-]*)?")
_RECURSIVE_OPTION = re.compile(r"--recursive|-\w*R\w*")
_PLACEHOLDER_OPTIONS = "--chown=USER:GROUP --chmod=MODE"


class OwnershipChange(NamedTuple):
    """One chown or chmod command."""

    text: str
    tool: str  #: ``chown`` or ``chmod``
    value: str  #: owner or mode
    targets: tuple[str, ...]  #: paths without slashes at their ends
    recursive: bool

    @property
    def option(self) -> str:
        """The option of COPY that does the same, such as ``--chown=app:app``."""
        return f"--{self.tool}={self.value}"


def ownership_changes(step: BuildStep) -> tuple[list[OwnershipChange], bool]:
    """Return the chown and chmod commands of a RUN, and whether they are all that the RUN does.

    Commands with other owners than names and numbers, or other modes than octal ones, do not count.

    >>> changes, is_all = ownership_changes(BuildStep("RUN chown -R app:app /app/ && make"))
    >>> changes[0].option, changes[0].targets, is_all
    ('--chown=app:app', ('/app',), False)
    """
    if step.commands is None:
        return [], False
    changes = [_parse_command(command) for command in step.commands]
    return [change for change in changes if change is not None], None not in changes


def target_of(copy: BuildStep, folder: str) -> str | None:
    """Return the destination of a COPY or ADD as an absolute path without a slash at its end; None if it is not clear.

    ``folder`` is the working directory at that step.

    >>> target_of(BuildStep("COPY --link src ./lib/"), "/app")
    '/app/lib'
    """
    words = copy.arguments.split()
    if len(words) < 2 or words[-1].endswith("]"):
        return None
    target = (
        words[-1] if words[-1].startswith("/") else f"{folder.rstrip('/')}/{words[-1].removeprefix('./').removeprefix('.')}"
    )
    return target.rstrip("/")


def copy_with_ownership(copy: BuildStep, step: BuildStep, layer: int, target: str | None) -> str:
    """Return a fix that sets owner and mode in a COPY instead of in a later RUN.

    ``step`` is the later RUN, ``layer`` the index of its layer, and ``target`` is what ``target_of`` returns for the COPY.
    The fix drops the RUN only if the COPY then does everything that the RUN does.

    >>> copy, step = BuildStep("COPY . /app"), BuildStep("RUN chown -R app /app")
    >>> copy_with_ownership(copy, step, 4, "/app")
    'Set owner and mode where the files come in, `COPY --chown=app . /app`, and drop layer 4, `RUN chown -R app /app`.'
    """
    changes, is_all = ownership_changes(step)
    carried = [change for change in changes if change.recursive and target is not None and target in change.targets]
    separate = [change for change in changes if not change.recursive and _is_inside(change, target)]
    keyword, _, rest = copy.text.partition(" ")
    options = " ".join(dict.fromkeys(change.option for change in carried)) or _PLACEHOLDER_OPTIONS
    for option in options.split():
        rest = re.sub(rf"{option.partition('=')[0]}=\S+\s+", "", rest)
    fix = f"Set owner and mode where the files come in, `{keyword} {options} {rest}`"
    if not carried:
        return f"{fix}, and leave them alone in `{shorten(step.text)}`."
    exact = [change for change in carried if change.targets == (target,)]
    copies = ", ".join(
        f"{' '.join(change.targets)} with `{keyword} {_replace_option(options, change)}`" for change in separate
    )
    extra = f"; copy {copies} (a RUN stores files again)" if separate else ""
    if is_all and len(exact) + len(separate) == len(changes):
        return f"{fix}{extra}, and drop layer {layer}, `{shorten(step.text)}`."
    edits = [
        f"drop `{change.text}`" if change in (*exact, *separate) else f"take {target} out of `{change.text}`"
        for change in changes
        if change in (*carried, *separate)
    ]
    users = " Make the user in a step before." if makes_users(step) else ""
    return f"{fix}{extra}; in layer {layer}, {' and '.join(dict.fromkeys(edits))}.{users}"


def _replace_option(options: str, change: OwnershipChange) -> str:
    """The options with that of a change, in place of one of the same tool."""
    others = [option for option in options.split() if not option.startswith(f"--{change.tool}=")]
    return " ".join([*others, change.option])


def chown_for_earlier_run(step: BuildStep, paths: Sequence[str]) -> tuple[str, str] | None:
    """Return the chown or chmod command to append to the earlier RUN that writes ``paths``, and the edit of the later RUN.

    ``step`` is the later RUN. The edit is a text like ``take /app out of``, or "" if the later RUN can go. Returns None if
    the text of the later RUN does not show which of its commands changes the paths, which have no leading slash.

    >>> chown_for_earlier_run(BuildStep("RUN chown -R app /app /srv"), ["app/a", "app/b"])
    ('chown -R app /app', 'take /app out of')
    """
    changes, is_all = ownership_changes(step)
    commands: list[str] = []
    moved: list[str] = []
    for change in changes:
        targets = [target for target in change.targets if any(_contains(target, f"/{path}") for path in paths)]
        if targets:
            flag = " -R" if change.recursive else ""
            commands.append(f"{change.tool}{flag} {change.value} {' '.join(targets)}")
            moved += targets
    if not commands:
        return None
    can_drop = is_all and all(set(change.targets) <= set(moved) for change in changes)
    return " && ".join(commands), "" if can_drop else f"take {' '.join(dict.fromkeys(moved))} out of"


def _is_inside(change: OwnershipChange, target: str | None) -> bool:
    return target is not None and all(path.startswith(f"{target}/") for path in change.targets)


def _contains(target: str, path: str) -> bool:
    return path == target or path.startswith(f"{target.rstrip('/')}/")


def _parse_command(command: str) -> OwnershipChange | None:
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    if not words or words[0] not in ("chown", "chmod"):
        return None
    options = [word for word in words[1:] if word.startswith("-")]
    value, *targets = [word for word in words[1:] if not word.startswith("-")] or [""]
    if not targets or not (_OWNER if words[0] == "chown" else _MODE).fullmatch(value):
        return None
    return OwnershipChange(
        text=command,
        tool=words[0],
        value=value,
        targets=tuple(target.rstrip("/") or "/" for target in targets),
        recursive=any(map(_RECURSIVE_OPTION.fullmatch, options)),
    )
