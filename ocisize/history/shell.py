"""The commands of a build step, and how to write the step better."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

_BETWEEN = re.compile(r"(\s*(?:&&|\|\|?|;)\s*)")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'")
_UNSAFE = re.compile(r"^RUN \[|<<|(?:^|\s)#|\\$|[&|;]$")  # no shell, a here-document, a comment, or text that was cut
_IN_SENTENCE = 120  # characters of a step within a sentence
_LONGEST = 400  # characters of a step that is shown as a whole


@attrs.frozen(kw_only=True)
class Change:
    """A change to the RUN that made a layer: of one of its commands or several, or a command more at its end."""

    layer: int
    edit: Callable[[list[str]], list[str] | None] | None = None  #: all commands → all commands; None: not to be changed
    command: str = ""


@attrs.frozen
class Rewritten:
    """A RUN with some changes made."""

    instruction: str
    shown: str  #: short enough for a sentence: of a long step, only what changes
    made: tuple[bool, ...]  #: by change


def shorten(step: str, most: int = _IN_SENTENCE) -> str:
    """A step short enough for a sentence."""
    return step if len(step) <= most else f"{step[: most - 1]}…"


def shell_commands(step: str) -> list[str]:
    """The commands of a RUN, one after the other; what stands in quotes is not looked into."""
    return _split(step)[::2]


def run_commands(step: str) -> list[str] | None:
    """The commands of a RUN that are run one after the other, without the word RUN; None where that is not all."""
    if not step.startswith("RUN ") or _UNSAFE.search(step):
        return None
    parts = _split(step.removeprefix("RUN "))
    return parts[::2] if all(between.strip() in ("&&", ";") for between in parts[1::2]) else None


def edit_each(change: Callable[[str], str | None]) -> Callable[[list[str]], list[str] | None]:
    """An edit of single commands: ``change`` gets each one and returns the new one, or None to leave it."""

    def edit(before: list[str]) -> list[str] | None:
        after = [change(command) or command for command in before]
        return after if after != before else None

    return edit


def apply_changes(step: str, changes: Sequence[Change]) -> Rewritten | None:
    """The RUN with all changes that can be made; None where none can, or where that is not safe."""
    if not step.startswith("RUN ") or _UNSAFE.search(step):
        return None
    parts = _split(step)
    made: list[bool] = []
    added: list[str] = []
    before = parts[::2]
    for change in changes:
        after = change.edit(parts[::2]) if change.edit is not None else None
        if after is not None:
            parts[::2] = after
        if change.command and change.command not in (*added, *parts[::2]):
            added.append(change.command)
        made.append(
            after is not None or bool(change.command) or (change.edit is not None and change.edit(before) is not None)
        )
    if not any(made):
        return None
    whole = " && ".join(["".join(parts), *added])
    edited = [_cut(command) for command, old in zip(parts[::2], before, strict=True) if command != old]
    shown = whole if len(whole) <= _LONGEST else "; ".join([*edited, *(["… && " + " && ".join(added)] if added else [])])
    return Rewritten(whole, shown, tuple(made))


def _cut(command: str) -> str:
    return command if len(command) <= _LONGEST else f"{command[: _LONGEST - 1]}…"


def _split(step: str) -> list[str]:
    """Commands with what stands between them, alternating."""
    parts, start = [], 0
    for match in re.finditer(f"{_QUOTED.pattern}|{_BETWEEN.pattern}", step):
        if match[1] is not None:
            parts += [step[start : match.start()], match[1]]
            start = match.end()
    return [*parts, step[start:]]
