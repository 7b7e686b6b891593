"""Changes to the shell commands of a RUN: several findings edit one step, and the rewritten step has all their edits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ocisize.model.build_step import BuildStep, split_commands

_RUN = "RUN "
_MAX_IN_SENTENCE = 120  # characters of a step within a sentence
_MAX_WHOLE = 400  # characters of a step that is shown as a whole


class Change(NamedTuple):
    """A change to the RUN that made a layer: an edit of its commands, a command to append, or both."""

    layer: int
    #: given all commands, without the word RUN, returns them changed; None for no change
    edit: Callable[[list[str]], list[str] | None] | None = None
    command: str = ""  #: to append


class Rewritten(NamedTuple):
    """A RUN after some changes."""

    build_step: BuildStep
    excerpt: str  #: short enough for a sentence: of a long step, only what changes
    made: tuple[bool, ...]  #: for each change, whether it is part of the step


def shorten(text: str, max_length: int = _MAX_IN_SENTENCE) -> str:
    """Return a text, cut to at most ``max_length`` characters so that it fits into a sentence.

    >>> shorten("RUN make install", 10)
    'RUN make …'
    """
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def edit_each(change: Callable[[str], str | None]) -> Callable[[list[str]], list[str] | None]:
    """Return an edit of all commands from a function that changes one: it returns the new command, or None to keep it.

    >>> edit = edit_each(lambda command: f"{command} --no-cache-dir" if command.startswith("pip ") else None)
    >>> edit(["make", "pip install x"]), edit(["make"])
    (['make', 'pip install x --no-cache-dir'], None)
    """

    def edit(before: list[str]) -> list[str] | None:
        after = [change(command) or command for command in before]
        return after if after != before else None

    return edit


def apply_changes(step: BuildStep, changes: Sequence[Change]) -> Rewritten | None:
    """Apply all changes that fit to a RUN; None where none fits or where the step is not safe to edit.

    >>> changes = [Change(layer=1, command="rm -rf /var/lib/apt/lists/*")]
    >>> rewritten = apply_changes(BuildStep("RUN apt-get update && apt-get install -y curl"), changes)
    >>> str(rewritten.build_step), rewritten.made
    ('RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*', (True,))
    """
    if not step.is_editable:
        return None
    parts = split_commands(step.text.removeprefix(_RUN))
    before = parts[::2]
    made: list[bool] = []
    added: list[str] = []
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
    whole = _RUN + " && ".join(["".join(parts), *added])
    edited = [
        shorten(command if index else _RUN + command, _MAX_WHOLE)
        for index, (command, old) in enumerate(zip(parts[::2], before, strict=True))
        if command != old
    ]
    excerpt = "; ".join([*edited, *(["… && " + " && ".join(added)] if added else [])])
    return Rewritten(BuildStep(whole), whole if len(whole) <= _MAX_WHOLE else excerpt, tuple(made))
