"""Changes to the shell commands of a RUN, which findings propose and the plan makes."""

from __future__ import annotations

from collections.abc import Callable

from ocisize.tuples import NamedTuple

_MAX_IN_SENTENCE = 120  # characters of a step within a sentence


class Change(NamedTuple):
    """A change to the commands of the RUN that made a layer."""

    layer: int
    #: given all commands, without the word RUN, returns them changed; None for no change
    edit: Callable[[list[str]], list[str] | None]
    last: str = ""  #: a command to run after all others, before those that clean up


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
