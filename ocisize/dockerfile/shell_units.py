"""The commands of a shell text that run one after the other, never cut within quotes, substitutions or compound commands.

Grammar: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html, and bash's ``[[``, ``((``, arrays and
redirections. A text that cannot be cut with certainty has no units.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ocisize.dockerfile.shell_grammar import ASSIGNMENT, LEAKING, CasePlace, Command, Frame, UncertainCut, scan_reserved_word
from ocisize.patterns import lazy_pattern
from ocisize.values import frozen

_PLAIN = re.compile(r"[^\s'\"\\$`&|;<>()]+")
_SKIPPED = {'"': lazy_pattern(r"[^\"\\$`]+"), "${": lazy_pattern(r"[^}\"'\\$`]+"), "((": lazy_pattern(r"[^()\"'\\$`]+")}
_NOT_IN_NAME = str.maketrans("", "", "\"'\\")
_OPERATOR = re.compile(r"&&|\|\||;;&|;;|;&|\|&|&>>|&>|<<<|<<|<&|<>|>>|>&|>\||[&|;<>()]")


@frozen(kw_only=True)
class ShellUnits:
    """The commands of a shell text; pipelines, ``||`` lists and compound commands are whole."""

    spans: Sequence[tuple[int, int]]  #: start and end of each command
    separators: Sequence[str]  #: between the commands: ``&&`` or ``;``
    ends_with_separator: bool
    has_alternatives: bool  #: one of the commands is a ``||`` list
    has_background: bool  #: one of the commands runs in the background
    changes_shell: bool  #: one of the commands changes the directory, a variable or an option of the shell, or ends it


def find_units(text: str, start: int = 0) -> ShellUnits | None:
    """Find the commands of a shell text on one line, from the offset ``start`` on; None if that is not certain.

    None for comments, here-documents, function definitions by ``function``, and anything that is not balanced.

    >>> text = "a && if b; then c; fi; d | e || f"
    >>> units = find_units(text)
    >>> [text[start:end] for start, end in units.spans], units.separators
    (['a', 'if b; then c; fi', 'd | e || f'], ('&&', ';'))
    """
    scanner = _Scanner(text, start)
    try:
        return scanner.run()
    except UncertainCut:
        return None


class _Scanner:
    def __init__(self, text: str, start: int) -> None:
        self._text, self._position = text, start
        self._frames: list[Frame] = []
        self._subshells = 0
        self._command = Command()
        self._unit = start  # where the current unit starts
        self._operator = ""  # the last one between commands that are not within others
        self._has_command = False  # behind the last operator
        self._spans: list[tuple[int, int]] = []
        self._separators: list[str] = []
        self._flags = {"has_alternatives": False, "has_background": False, "changes_shell": False}

    @property
    def _top(self) -> str:
        return self._frames[-1].kind if self._frames else ""

    def run(self) -> ShellUnits:
        text = self._text
        while self._position < len(text):
            if self._top in _SKIPPED:
                self._scan_quoted(self._top)
            else:
                self._scan_command()
        self._end_command()
        if self._frames:
            raise UncertainCut
        ends_with_separator = not self._has_command
        if ends_with_separator and self._operator not in {";", "&"}:
            raise UncertainCut
        if ends_with_separator and self._operator == ";":
            self._separators.pop()
        else:
            self._add_span(len(text))
        return ShellUnits(
            spans=tuple(self._spans),
            separators=tuple(self._separators),
            ends_with_separator=ends_with_separator,
            **self._flags,
        )

    def _add_span(self, end: int) -> None:
        unit = self._text[self._unit : end]
        start = self._unit + len(unit) - len(unit.lstrip())
        self._spans.append((start, start + len(unit.strip())))

    # quotes and substitutions

    def _scan_quoted(self, kind: str) -> None:
        text = self._text
        if match := _SKIPPED[kind].match(text, self._position):
            self._position = match.end()
            return
        character = text[self._position]
        if character == "'":
            if kind == "${" and any(frame.kind == '"' for frame in self._frames):
                raise UncertainCut  # shells differ
            self._skip_single_quotes()
        elif character == ('"' if kind == '"' else "}" if kind == "${" else ")"):
            self._frames.pop()
            self._position += 1
        elif character == "(":
            self._frames.append(Frame("(("))
            self._position += 1
        else:
            self._scan_special(character)

    def _scan_special(self, character: str) -> None:
        """An escaped character, or the start of a quote or substitution; inside and outside of quotes."""
        text, position = self._text, self._position
        if character == "\\":
            if position + 1 >= len(text):
                raise UncertainCut
            self._position += 2
        elif character == '"':
            self._frames.append(Frame('"'))
            self._position += 1
        elif character == "`":
            self._open_subshell("`", 1)
        elif text.startswith("$((", position):
            self._frames += [Frame("(("), Frame("((")]
            self._position += 3
        elif text.startswith("$(", position):
            self._open_subshell("$(", 2)
        elif text.startswith("${", position):
            self._frames.append(Frame("${"))
            self._position += 2
        else:
            self._position += 1

    def _skip_single_quotes(self) -> None:
        text, start = self._text, self._position
        end = text.find("'", start + 1)
        if end < 0 or (text[end - 1] == "\\" and text[start - 1 : start] == "$"):  # $'…\'' differs between shells
            raise UncertainCut
        self._position = end + 1

    def _open_subshell(self, kind: str, length: int) -> None:
        self._frames.append(Frame(kind, self._command))
        self._subshells += 1
        self._command = Command()
        self._position += length

    def _close_subshell(self) -> None:
        self._end_command()
        frame = self._frames.pop()
        self._subshells -= 1
        self._position += 1
        if frame.outer is not None:
            self._command = frame.outer  # in the middle of a word
            return
        self._command = Command(awaits_name=False)
        if self._frames and self._frames[-1].kind == "case" and self._frames[-1].place == CasePlace.PATTERN:
            self._frames[-1].place = CasePlace.COMMANDS
            self._command = Command()

    # commands

    def _scan_command(self) -> None:
        text, position, command = self._text, self._position, self._command
        character = text[position]
        if character.isspace():
            self._end_word()
            self._position += 1
        elif character in "&|;<>()":
            self._scan_operator()
        elif character == "`" and self._top == "`":
            self._close_subshell()
        else:
            if command.word < 0:
                if character == "#":
                    raise UncertainCut
                command.word, command.is_plain = position, True
            if match := _PLAIN.match(text, position):
                self._position = match.end()
                return
            command.is_plain = False
            if character == "'":
                self._skip_single_quotes()
            else:
                self._scan_special(character)

    def _scan_operator(self) -> None:
        text, start = self._text, self._position
        match = _OPERATOR.match(text, start)
        operator = match[0] if match else ""
        if operator[0] in "<>" or operator.startswith("&>"):
            self._redirect(operator)
        elif operator == "(":
            if self._command.word >= 0:  # an array or a function
                self._flags["changes_shell"] |= not self._subshells
                self._end_word()
            self._frames.append(Frame("("))
            self._subshells += 1
            self._command = Command()
            self._position += 1
            self._has_command = True
        elif operator == ")":
            self._close_parenthesis()
        else:
            self._end_command()
            self._separate(operator, start)
            self._position = start + len(operator)

    def _close_parenthesis(self) -> None:
        if self._top in {"(", "$("}:
            self._close_subshell()
            return
        self._end_word()
        if self._top != "case" or self._frames[-1].place != CasePlace.PATTERN:
            raise UncertainCut
        self._frames[-1].place = CasePlace.COMMANDS
        self._command = Command()
        self._position += 1

    def _redirect(self, operator: str) -> None:
        command = self._command
        if operator == "<<":
            raise UncertainCut  # a here-document
        if command.word >= 0 and self._text[command.word : self._position].isdigit():
            command.word = -1  # a file descriptor
        self._end_word()
        self._flags["has_background"] |= operator.startswith("&>")  # as plain shells read it
        if self._top != "[[":
            command.is_target = True
        self._position += len(operator)

    def _separate(self, operator: str, start: int) -> None:
        self._flags["has_background"] |= operator == "&"
        if operator in {";;", ";&", ";;&"}:
            if self._top != "case" or self._frames[-1].place != CasePlace.COMMANDS:
                raise UncertainCut
            self._frames[-1].place = CasePlace.PATTERN
        if self._frames:
            return
        if not self._has_command:
            raise UncertainCut
        self._has_command, self._operator = False, operator
        self._flags["has_alternatives"] |= operator == "||"
        if operator in {"&&", ";"}:
            self._add_span(start)
            self._separators.append(operator)
            self._unit = start + len(operator)

    def _end_command(self) -> None:
        self._end_word()
        command = self._command
        if command.awaits_name and command.has_assignment:
            self._flags["changes_shell"] |= not self._subshells
        self._command = Command()

    def _end_word(self) -> None:
        command = self._command
        if command.word < 0:
            return
        text = self._text[command.word : self._position]
        word = text if command.is_plain else ""
        command.word = -1
        self._has_command = True
        if command.is_target:
            command.is_target = False
        elif after := scan_reserved_word(self._frames, word, command):
            self._command = after
        elif command.awaits_name:
            command.may_be_keyword = False
            if ASSIGNMENT.match(text):
                command.has_assignment = True
            else:
                command.awaits_name = False
                self._flags["changes_shell"] |= not self._subshells and text.translate(_NOT_IN_NAME) in LEAKING
