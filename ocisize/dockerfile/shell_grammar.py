"""The reserved words of the shell, the commands that change it, and the state of a scan through its text."""

from __future__ import annotations

import enum
import re

from ocisize.values import define

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=")
_BEFORE_COMMANDS = frozenset({"then", "elif", "else", "do", "!", "time"})
_OPENING = {
    "if": "if",
    "while": "loop",
    "until": "loop",
    "for": "loop",
    "select": "loop",
    "case": "case",
    "{": "{",
    "[[": "[[",
}
_CLOSING = {"fi": "if", "done": "loop", "esac": "case", "}": "{"}
_NOT_SUPPORTED = frozenset({"function", "coproc"})
#: commands that change the shell that runs them, so that a command behind them in one RUN may do something else
LEAKING = frozenset((
    ".", "alias", "break", "builtin", "cd", "continue", "declare", "enable", "eval", "exec", "exit", "export", "getopts",
    "hash", "let", "local", "mapfile", "popd", "pushd", "read", "readarray", "readonly", "return", "set", "shift", "shopt",
    "source", "trap", "typeset", "ulimit", "umask", "unalias", "unset",
))  # fmt: skip


class UncertainCut(Exception):
    """The text cannot be cut with certainty."""


class CasePlace(enum.Enum):
    """What follows in a ``case``."""

    SUBJECT = enum.auto()
    IN = enum.auto()
    PATTERN = enum.auto()
    COMMANDS = enum.auto()


@define
class Command:
    """How far a simple command has been read."""

    may_be_keyword: bool = True  #: at the place of a command: reserved words have their meaning
    awaits_name: bool = True  #: only assignments and redirections so far
    has_assignment: bool = False
    is_target: bool = False  #: the next word is the target of a redirection
    word: int = -1  #: where the current word starts; -1 between words
    is_plain: bool = True  #: the current word has no quotes or substitutions


@define
class Frame:
    """Something open: a quote, a substitution, or a compound command."""

    kind: str
    outer: Command | None = None  #: of a substitution: the command that it is part of
    place: CasePlace = CasePlace.SUBJECT  #: of a ``case``


def scan_reserved_word(frames: list[Frame], word: str, command: Command) -> Command | None:
    """Open or close the compound command of a reserved word, and return the state behind the word.

    ``word`` is "" if parts of the word are quoted. None for a word of a simple command.

    >>> frames = []
    >>> after = scan_reserved_word(frames, "if", Command())
    >>> frames[0].kind, scan_reserved_word(frames, "make", after)
    ('if', None)
    """
    top = frames[-1] if frames else Frame("")
    if top.kind == "[[":
        if word == "]]":
            frames.pop()
        return command
    if top.kind == "case" and top.place != CasePlace.COMMANDS:
        return _scan_case(frames, word, command)
    if not command.may_be_keyword:
        return None
    if word in _NOT_SUPPORTED:
        raise UncertainCut
    if word in _OPENING:
        frames.append(Frame(_OPENING[word]))
        has_commands = word not in {"for", "select", "case", "[["}
        return Command(may_be_keyword=has_commands, awaits_name=has_commands)
    if word in _CLOSING:
        if top.kind != _CLOSING[word]:
            raise UncertainCut
        frames.pop()
        return Command(awaits_name=False)
    return Command() if word in _BEFORE_COMMANDS else None


def _scan_case(frames: list[Frame], word: str, command: Command) -> Command:
    top = frames[-1]
    if top.place == CasePlace.SUBJECT:
        top.place = CasePlace.IN
    elif top.place == CasePlace.IN:
        if word != "in":
            raise UncertainCut
        top.place = CasePlace.PATTERN
    elif word == "esac":
        frames.pop()
        return Command(awaits_name=False)
    return command
