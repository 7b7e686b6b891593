"""What can follow on a command line: commands, options, values, files and images, for the completion of shells.

The scripts of ``ocisize completion SHELL`` call the program with the words that are typed, so that all shells answer the
same, and a script does not grow old. The first line of an answer is ``words``, or ``files PREFIX`` where the shell completes
a file behind ``PREFIX`` as well. Each other line is a candidate, with its description behind a tab.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ocisize.cli.command_table import COMMANDS, DEFAULT, take_command
from ocisize.model.base import SCRATCH
from ocisize.report.words.units import cut_words
from ocisize.text import printable
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ocisize.cli.parser import Parser

_PLATFORMS = (
    "linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/s390x", "linux/riscv64",
    "windows/amd64",
)  # fmt: skip
_COSTS = {"deploys=": "per day", "nodes=": "that pull", "price=": "dollars per GB", "bandwidth=": "such as 100Mbps"}
_MAX_ABOUT = 60  # characters of a description


class Candidates(NamedTuple):
    """Words that may follow, and whether a file may."""

    words: Mapping[str, str]  #: word → description
    files_behind: str | None = None  #: the part of the current word behind which a file is completed; None: no file


def complete(words: Sequence[str], make_parser: Callable[[str], Parser]) -> Candidates:
    """Return what the last of some words may become.

    Args:
        words: those behind the program's name.
        make_parser: makes the parser of a command.

    >>> from ocisize.cli.main import make_parser
    >>> list(complete(["fil"], make_parser).words), list(complete(["app.tar", "-f", "js"], make_parser).words)
    (['files'], ['json'])

    """
    *before, word = words or [""]
    command, behind = take_command(before)
    parser = make_parser(command or DEFAULT)
    found = _find_candidates(parser, command, behind, word)
    candidates = {**found.words, **(_list_second_words(command) if command and not behind else {})}
    return Candidates({name: about for name, about in candidates.items() if name.startswith(word)}, found.files_behind)


def _list_second_words(command: str) -> Mapping[str, str]:
    """What can follow the first word of commands of two words."""
    names = {name: name.removeprefix(f"{command} ") for name in COMMANDS}
    return {second: COMMANDS[name].about for name, second in names.items() if second != name}


def _find_candidates(parser: Parser, command: str | None, before: Sequence[str], word: str) -> Candidates:
    options = {name: action for action in parser._actions for name in action.option_strings}  # noqa: SLF001 - argparse has no other way
    position, pending = _walk(before, options)
    if pending is not None:
        return _complete_value(pending, command, word)
    name, equals, value = word.partition("=")
    if equals and name in options:
        values = _complete_value(options[name], command, value)
        behind = None if values.files_behind is None else f"{name}={values.files_behind}"
        return Candidates({f"{name}={text}": about for text, about in values.words.items()}, behind)
    if word.startswith("-"):
        return Candidates(_describe_options(parser, before))
    return _complete_positional(parser, command, position, word)


def _walk(words: Sequence[str], options: Mapping[str, argparse.Action]) -> tuple[int, argparse.Action | None]:
    """The number of positional arguments among some words, and the option whose value comes next."""
    position, pending = 0, None
    for word in words:
        if pending is not None:
            pending = None
        elif word.startswith("-") and word != "-":
            action = options.get(word)
            pending = action if action is not None and action.nargs != 0 else None
        else:
            position += 1
    return position, pending


def _describe_options(parser: Parser, before: Sequence[str]) -> dict[str, str]:
    """The options that may still follow, the long names first; one that was given only if it can be repeated."""
    names = {}
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way
        repeats = isinstance(action, argparse._AppendAction | argparse._CountAction)  # noqa: SLF001
        if repeats or not set(action.option_strings) & set(before):
            for name in sorted(action.option_strings, key=len, reverse=True):
                names[name] = str(action.help or "").partition(" (default")[0].replace("%%", "%")
    return names


def _complete_value(action: argparse.Action, command: str | None, word: str) -> Candidates:
    """The values of an option."""
    if action.dest == "outputs":
        name, equals, _ = word.partition("=")
        return Candidates(COMMANDS[command or DEFAULT].formats, f"{name}=" if equals else None)
    if action.metavar == "IMAGE":
        return _complete_image(word, {SCRATCH: "there is no base image"})
    if action.choices is not None or action.dest == "platform":
        return Candidates(dict.fromkeys(map(str, action.choices or _PLATFORMS), ""))
    words = dict(_list_findings()) if action.dest == "forbid_findings" else _complete_list(word, _list_parts(action.dest))
    return Candidates(words, "" if action.metavar == "FILE" else None)


def _list_parts(option: str) -> Mapping[str, str]:
    """The parts of an option with a list of them between commas."""
    from ocisize.cli.commands.packages import KINDS, REASONS
    from ocisize.report.sections import SECTIONS

    words = {"sections": SECTIONS, "kinds": KINDS, "reasons": REASONS}
    return _COSTS if option == "cost" else dict.fromkeys(words.get(option, ()), "")


def _complete_list(word: str, parts: Mapping[str, str]) -> dict[str, str]:
    """The parts of a list that are not in it yet, behind those that are."""
    given, comma, _ = word.rpartition(",")
    used = given.split(",")
    return {f"{given}{comma}{part}": about for part, about in parts.items() if part not in used}


def _list_findings() -> Iterator[tuple[str, str]]:
    """The severities and the ids of findings, with their titles."""
    from ocisize.rules.load import load_catalog

    yield from {"high": "severity", "medium": "severity", "low": "severity"}.items()
    yield from ((rule.id, rule.title) for rule in load_catalog().rules)


def _complete_positional(parser: Parser, command: str | None, position: int, word: str) -> Candidates:
    """Commands in the first place; else actions or images, as the command takes them."""
    positionals = [action for action in parser._actions if not action.option_strings]  # noqa: SLF001 - argparse has no other way
    if position >= len(positionals) and not (positionals and positionals[-1].nargs == "+"):
        return Candidates({})
    action = positionals[min(position, len(positionals) - 1)]
    if action.choices is not None:
        return Candidates(COMMANDS[command or DEFAULT].actions)
    if action.dest == "before":
        return _complete_image(word, {SCRATCH: "there is no image before"})
    commands = {name: row.about for name, row in COMMANDS.items() if " " not in name} if command is None else {}
    return _complete_image(word, commands)


def _complete_image(word: str, others: Mapping[str, str]) -> Candidates:
    """References, schemes and files; behind a scheme for files, files only."""
    from ocisize.cli.references import list_references
    from ocisize.sources.schemes import SCHEMES

    names = {f"{row.name}:{row.only_before if row.only_before == '//' else ''}": row.usage for row in SCHEMES if row.usage}
    scheme = next((name for name in names if word.startswith(name)), "")
    if scheme and not scheme.endswith("//"):
        return Candidates({}, scheme)
    references = {f"{scheme}{name}": about for name, about in list_references().items()}
    return Candidates({**others, **references, **names}, None if scheme else "")


def format_candidates(candidates: Candidates) -> str:
    """The answer as the scripts of the shells read it."""
    behind = candidates.files_behind
    head = [f"files {printable(behind)}"] if behind is not None else ["words"]
    lines = [f"{name}\t{cut_words(about, _MAX_ABOUT)}" for name, about in candidates.words.items() if name.isprintable()]
    return "\n".join([*head, *lines]) + "\n"
