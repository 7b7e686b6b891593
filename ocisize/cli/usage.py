"""What is wrong with arguments that no command takes, and what to write instead."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from ocisize.cli.command_table import DEFAULT
from ocisize.cli.nearest import find_nearest, join_words
from ocisize.cli.parser import MissingArguments, UsageError
from ocisize.sources.schemes import path_exists
from ocisize.text import printable

_WORDS = ("help", "version")  # commands of other programs that are options here
_ARCHIVE_ENDINGS = (".tar", ".tgz", ".tzst", ".txz", ".tbz2", ".tbz", ".gz", ".zst", ".xz", ".bz2")
_LAYOUT_FILES = ("oci-layout", "index.json", "manifest.json")
_MAX_ENTRIES = 10_000  # of a folder, among which a name is searched

Parsers = Mapping[str, argparse.ArgumentParser]


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return all option names of a parser."""
    actions = parser._actions  # noqa: SLF001 - argparse has no other way
    return [option for action in actions for option in action.option_strings]


def explain_missing(error: MissingArguments, arguments: Sequence[str], command: str | None, parsers: Parsers) -> UsageError:
    """Return the error of a command without its arguments: that of an unknown option if there is one."""
    known = options_of(parsers[command or DEFAULT])
    unknown = [word for word in arguments if word.startswith("--") and word.partition("=")[0] not in known and word != "--"]
    if unknown:
        return explain_extras("", unknown, command, parsers)
    if command is None and set(arguments) & {"-v", "--verbose"}:
        return UsageError(error.text, f"for the version: ocisize --version; for the log: ocisize IMAGE {arguments[0]}")
    program = f"ocisize {command}" if command else "ocisize"
    needed = " ".join(_positionals_of(parsers[command or DEFAULT]))
    return UsageError(error.text, f"{program} {needed} [OPTION ...]; {program} --help shows examples and options")


def _positionals_of(parser: argparse.ArgumentParser) -> list[str]:
    actions = parser._actions  # noqa: SLF001 - argparse has no other way
    return [str(action.metavar or "|".join(action.choices or ())) for action in actions if not action.option_strings]


def explain_single_dash(arguments: Sequence[str], command: str | None, parsers: Parsers) -> UsageError | None:
    """Return the error for a long option behind one dash, which argparse reads as a short one with a value: ``-json``."""
    from ocisize.cli.foreign_options import advise_on_option

    for word in arguments:
        name = word.partition("=")[0]
        if re.fullmatch(r"-[a-z]{3,}", name) and set(name) != set("-v"):
            hint = advise_on_option(f"-{name}", options_of(parsers[command or DEFAULT]))
            return UsageError(f"unknown option {name}", hint) if hint else None
    return None


def explain_extras(image: str, extras: Sequence[str], command: str | None, parsers: Parsers) -> UsageError:
    """Return the error for arguments that a command does not have, with what was probably meant."""
    options = [word for word in extras if word.startswith("-") and word != "-"]
    if options:
        return _explain_option(image, options[0], extras, command, parsers)
    if command is not None:
        extra = printable(extras[0])
        return UsageError(f"unexpected argument {extra}", f"ocisize {command} --help shows the arguments and options")
    return _explain_word(image, extras, parsers)


def _explain_word(image: str, extras: Sequence[str], parsers: Parsers) -> UsageError:
    """The error for words after an image, or after what may be a misspelled command."""
    extra = printable(extras[0])
    if image == "help" and not path_exists(image):
        meant = f"{extra} --help" if extra in parsers else "--help"
        return UsageError("help is not a command", f"did you mean ocisize {meant}?")
    if extra in parsers:
        return UsageError(f"unexpected argument {extra}", f"the command comes first: ocisize {extra} {_quote(image)}")
    if [image, *extras].count("-") > 1:
        return UsageError("two images cannot come from standard input", "to compare two images: ocisize diff app.tar -")
    if not _may_be_image(image):
        return _explain_command(image, extras, parsers)
    return UsageError(
        f"unexpected argument {extra}: one image is analyzed at a time",
        f"to compare two images: ocisize diff {_quote(image)} {_quote(extras[0])}",
    )


def _explain_option(image: str, option: str, extras: Sequence[str], command: str | None, parsers: Parsers) -> UsageError:
    """The error for an unknown option: it belongs to another command, is one of other programs, or is misspelled."""
    from ocisize.cli.foreign_options import advise_on_option, hide_secrets

    name = option.partition("=")[0]
    shown = printable(name)
    if owners := [owner for owner, parser in parsers.items() if name in options_of(parser)]:
        words = hide_secrets(extras)
        rest = shlex.join(map(printable, words[words.index(option) :][:2]))
        text = f"{shown} is an option of {join_words(owners)}"
        return UsageError(text, f"did you mean ocisize {owners[0]} {_quote(image) or 'IMAGE'} {rest}?")
    hint = advise_on_option(name, options_of(parsers[command or DEFAULT]))
    if not hint and (meant := find_nearest(name, [known for parser in parsers.values() for known in options_of(parser)])):
        owners = [owner for owner, parser in parsers.items() if meant in options_of(parser)]
        hint = f"did you mean {meant}, an option of {join_words(owners)}?"
    program = f"ocisize {command}" if command else "ocisize"
    return UsageError(f"unknown option {shown}", hint or f"{program} --help lists the options")


def _explain_command(word: str, rest: Sequence[str], parsers: Parsers) -> UsageError:
    """The error for a first word before other arguments that is neither a command nor the name of an image."""
    from ocisize.cli.foreign_options import COMMANDS_INSTEAD

    meant = COMMANDS_INSTEAD.get(word) or find_nearest(word, parsers)
    hint = f"did you mean ocisize {meant} {shlex.join(map(printable, rest))}?" if meant else None
    return UsageError(f"unknown command {printable(word)}", hint or f"the commands are {join_words(list(parsers))}")


def _may_be_image(text: str) -> bool:
    return text == "-" or path_exists(text) or any(mark in text for mark in "/:.")


def _quote(text: str) -> str:
    return shlex.quote(printable(text)) if text else ""


def refuse_word(word: str, commands: Iterable[str]) -> None:
    """Raise UsageError for the only argument if it is probably a misspelled command, or one of other programs.

    >>> refuse_word("version", [])
    Traceback (most recent call last):
    ocisize.cli.parser.UsageError: version is not a command
    >>> refuse_word("debian", ["diff"])
    """
    if path_exists(word) or not word.isalpha():
        return
    meant = f"--{word}" if word in _WORDS else find_nearest(word, commands, min_ratio=0.8)
    if meant:
        image = "" if word in _WORDS or meant == word else " IMAGE"
        raise UsageError(
            f"{word} is not a command", f"did you mean ocisize {meant}{image}? for an image of this name: docker://{word}"
        )


def refuse_misspelled_file(image: str) -> None:
    """Raise UsageError for the name of a missing file if the folder has a saved image with a similar name."""
    is_path = image.startswith((".", "/", "~"))
    if (is_path or "." in Path(image).name.strip(".")) and (near := find_near_file(image)):
        other = "" if is_path else f" for an image of this name in a registry: docker://{printable(image)}"
        raise UsageError(f"no such file: {printable(image)}", f"did you mean {_quote(near)}?{other}")


def find_near_file(image: str) -> str | None:
    """Return the path of a saved image whose name is similar to that of a missing file; None if there is none."""
    if path_exists(image) or ":" in image or "@" in image:
        return None
    folder = Path(image).parent
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, _MAX_ENTRIES) if _is_saved_image(entry)]
    except OSError:
        return None
    near = find_nearest(Path(image).name, names)
    return image[: image.rfind("/") + 1] + near if near else None


def _is_saved_image(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder looks like a saved image: an archive by its name, or a folder with a layout."""
    if entry.name.endswith(_ARCHIVE_ENDINGS):
        return True
    return (
        not entry.name.startswith(".")
        and entry.is_dir()
        and any(path_exists(f"{entry.path}/{name}") for name in _LAYOUT_FILES)
    )
