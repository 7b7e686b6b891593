"""The commands to type next, at the end of a screen."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ocisize.patterns import lazy_pattern
from ocisize.report.text.lines import Line
from ocisize.text import printable

#: the commands that have the name of an image as their own: ``analyze`` must be written before these
_COMMANDS = frozenset({"analyze", "advise", "files", "tree", "packages", "baseline", "diff", "cache", "completion"})
#: names of standard input, and of a pipe that the shell makes for ``<(command)`` and removes with the command
_FROM_PIPE = lazy_pattern(r"((?:[a-z-]+:)?)(?:-|/dev/stdin|(?:/dev|/proc/self)/fd/[0-9]+)")


def write_analyze(arguments: Sequence[str]) -> str:
    """The command that analyzes an image; ``arguments`` are the image and the options to read it again.

    >>> write_analyze(["app:1", "--insecure"]), write_analyze(["tree"])
    ('ocisize app:1 --insecure', 'ocisize analyze tree')
    """
    return write_command("analyze " if arguments[0] in _COMMANDS else "", arguments)


def write_command(command: str, arguments: Sequence[str]) -> str:
    """A command about an image. Of one that came from a pipe, ``…`` is the program that writes to the pipe.

    >>> write_command("advise ", ["app:1"]), write_command("advise ", ["/dev/fd/63", "--verify"])
    ('ocisize advise app:1', '… | ocisize advise - --verify')
    """
    image, *options = arguments
    piped = _FROM_PIPE.fullmatch(image)
    words = [f"{piped[1]}-" if piped else image, *options]
    return f"{'… | ' if piped else ''}ocisize {command}{printable(shlex.join(words))}"


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
