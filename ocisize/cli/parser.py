"""Parser: an argument parser whose errors are a line that says what is wrong, and a line that says what to write."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, NoReturn

from ocisize.cli.nearest import find_nearest, join_words

if TYPE_CHECKING:
    from collections.abc import Sequence

# No system has translations of argparse's texts. Not to look for them saves importing locale, a hundredth of a short run.
argparse._ = str  # type: ignore[attr-defined]

_REQUIRED = "the following arguments are required: "
_ARGUMENT = r"(?s)argument ([^:\n]+): (.*)"
_NO_VALUE = "ignored explicit argument "  # as argparse says it


class UsageError(Exception):
    """Arguments that a command does not understand; ``hint`` says what to write instead, "" if nothing is known."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text, self.hint = text, hint


class MissingArguments(UsageError):
    """Arguments without which a command cannot run; ``names`` as the usage shows them."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"{join_words(names)} {'are' if len(names) > 1 else 'is'} missing")
        self.names = names


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse prints the usage. A type may put a hint on the second line of its error."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError for a message of argparse."""
        if message.startswith(_REQUIRED):
            values = {action.dest: join_words(list(action.choices), "or") for action in self._actions if action.choices}
            raise MissingArguments([values.get(name, name) for name in message.removeprefix(_REQUIRED).split(", ")])
        text, _, hint = message.partition("\n")
        if match := re.fullmatch(_ARGUMENT, text):
            name = match[1].partition("/")[0]
            text = f"{name}: {self._reword(match[2])}"
            hint = hint or self._show_use(name)
        raise UsageError(text, hint)

    def _reword(self, text: str) -> str:
        """A problem of one argument in the words of the other messages."""
        if text == "expected one argument":
            return "the value is missing"
        if text.startswith(_NO_VALUE):
            return f"takes no value, got {text.removeprefix(_NO_VALUE)}"
        return text.replace("with argument ", "with ")

    def _show_use(self, name: str) -> str:
        """How an option is written, with the first sentence of its help."""
        action = self._option_string_actions.get(name)
        if action is None:
            return ""
        use = f"{name} {action.metavar or '|'.join(action.choices or ())}" if action.nargs != 0 else name
        if not action.help or action.help == argparse.SUPPRESS:
            return use
        return f"{use}: {action.help.replace('%(default)s', str(action.default)).replace('%%', '%')}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise UsageError with the nearest choice for a value that is none."""
        if action.choices is not None and value not in action.choices:
            choices = list(map(str, action.choices))
            name = action.option_strings[0] if action.option_strings else self.prog
            nearest = find_nearest(str(value), choices)  # the message has all of them
            hint = f"did you mean {name} {nearest}?" if nearest else self._show_use(name)
            raise UsageError(f"{name}: got {value!r}, expected {join_words(choices, 'or')}", hint)
