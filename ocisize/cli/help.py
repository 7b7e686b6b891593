"""Help texts that fit the terminal, and error messages for unknown arguments."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping, Sequence

_GAP = "  "  # before and between the columns of a table


class HelpFormatter(argparse.HelpFormatter):
    """Wraps paragraphs, and the right column of tables."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = [line for text_line in text.splitlines() for line in _wrap(text_line, width)]
        return "\n".join(indent + line for line in lines)


def table(title: str, rows: Mapping[str, str]) -> str:
    """A title, and below it a table of names and descriptions."""
    width = max(map(len, rows))
    return "\n".join([title, *(f"{_GAP}{name:{width}}{_GAP}{what}" for name, what in rows.items())])


def _wrap(line: str, width: int) -> list[str]:
    if not line.startswith(_GAP):
        return textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    name, _, _ = line[len(_GAP) :].partition(_GAP)
    right = len(line) - len(line[len(_GAP) + len(name) :].lstrip())
    return textwrap.wrap(line, width, subsequent_indent=" " * right)


def _has(parser: argparse.ArgumentParser, option: str) -> bool:
    return any(option in action.option_strings for action in parser._actions)  # noqa: SLF001 - argparse has no other way


def explain_extras(
    image: str, extras: Sequence[str], command: str | None, parsers: Mapping[str, argparse.ArgumentParser]
) -> str:
    """The error message for arguments that a command does not have, with a suggestion if there is one."""
    text = f"unrecognized arguments: {' '.join(extras)}"
    for extra in extras:
        name = extra.partition("=")[0]
        owners = [owner for owner, parser in parsers.items() if _has(parser, name)]
        if name.startswith("-") and owners:
            those = " and ".join(filter(None, (", ".join(owners[:-1]), owners[-1])))
            return f"{text}\n{name} belongs to {those}: ocisize {owners[0]} IMAGE {name} …"
        if command is None and extra in parsers:
            return f"{text}\ncommands come first: ocisize {extra} {image}"
    if command is not None:
        return text
    import difflib

    meant = difflib.get_close_matches(image, parsers, 1)
    return f"{text}\ndid you mean the command {meant[0]}? ocisize {meant[0]} {extras[0]}" if meant else text
