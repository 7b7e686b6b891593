"""Help texts that fit the terminal, and error messages for unknown arguments."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from ocisize.cli.command_table import DEFAULT
from ocisize.sources.schemes import path_exists

_GAP = "  "  # before and between the columns of a table
_WORDS = ("help", "version")  # commands of other programs that are options here


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
    import textwrap

    if not line.startswith(_GAP):
        return textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    name, _, _ = line[len(_GAP) :].partition(_GAP)
    right = len(line) - len(line[len(_GAP) + len(name) :].lstrip())
    return textwrap.wrap(line, width, subsequent_indent=" " * right)


def _options_of(parser: argparse.ArgumentParser) -> list[str]:
    actions = parser._actions  # noqa: SLF001 - argparse has no other way
    return [option for action in actions for option in action.option_strings]


def explain_extras(
    image: str, extras: Sequence[str], command: str | None, parsers: Mapping[str, argparse.ArgumentParser]
) -> str:
    """The error message for arguments that a command does not have, with a suggestion if there is one."""
    from ocisize.cli.foreign_options import advise_on_option, hide_secrets

    text = f"unrecognized arguments: {' '.join(hide_secrets(extras))}"
    known = _options_of(parsers[command or DEFAULT])
    for extra in extras:
        name = extra.partition("=")[0]
        owners = [owner for owner, parser in parsers.items() if name in _options_of(parser)]
        if name.startswith("-") and owners:
            those = " and ".join(filter(None, (", ".join(owners[:-1]), owners[-1])))
            return f"{text}\n{name} belongs to {those}: ocisize {owners[0]} IMAGE {name} …"
        if advice := advise_on_option(name, known):
            return f"{text}\n{name}: {advice}"
        if command is None and extra in parsers:
            return f"{text}\ncommands come first: ocisize {extra} {image}"
    if command is not None or extras[0].startswith("-"):
        return text
    import difflib

    meant = difflib.get_close_matches(image, parsers, 1)
    if meant:
        return f"{text}\ndid you mean the command {meant[0]}? ocisize {meant[0]} {extras[0]}"
    is_image = path_exists(image) or any(mark in image for mark in "/:.")
    return f"{text}\nto compare two images: ocisize diff {image} {extras[0]}" if is_image else text


def explain_word(image: str) -> str:
    """The error message for a word that other programs have as a command, and that names no file; empty for an image.

    >>> explain_word("version"), explain_word("debian")
    ('version is no command: ocisize --version; for an image of this name: docker://version', '')
    """
    if image not in _WORDS or path_exists(image):
        return ""
    return f"{image} is no command: ocisize --{image}; for an image of this name: docker://{image}"
