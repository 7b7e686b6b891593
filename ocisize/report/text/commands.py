"""The commands to type next, at the end of a screen."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ocisize.report.text.lines import Line
from ocisize.text import printable

#: the commands that have the name of an image as their own: ``analyze`` must be written before these
_COMMANDS = frozenset({"analyze", "advise", "files", "tree", "baseline", "diff", "cache", "completion"})


def write_analyze(arguments: Sequence[str]) -> str:
    """The command that analyzes an image; ``arguments`` are the image and the options to read it again.

    >>> write_analyze(["app:1", "--insecure"]), write_analyze(["tree"])
    ('ocisize app:1 --insecure', 'ocisize analyze tree')
    """
    analyze = "analyze " if arguments[0] in _COMMANDS else ""
    return f"ocisize {analyze}{printable(shlex.join(arguments))}"


def list_commands(rows: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """Commands with what each shows, where that fits."""
    longest = max(len(command) for command, _ in rows)
    return [
        Line(
            (command, "cyan"),
            (f"{'':{longest - len(command)}}   {about}" if longest + 3 + len(about) <= width else "", "dim"),
        )
        for command, about in rows
    ]
