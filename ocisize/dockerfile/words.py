"""The arguments of an instruction as words: flags, quoted words, and arrays in JSON form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ocisize.patterns import lazy_pattern

_FLAG = re.compile(r"--[a-z]")
_WORD_END = re.compile(r"[\s\"'\\]")
_BLANKS = re.compile(r"\s*")
_SUM = lazy_pattern(r"(--\w+=\S*?)?(?:file|dir|multi):[0-9a-f][^\s:]*")
_QUOTED = lazy_pattern(r"\"(?:\\.|[^\"\\])*\"|'[^']*'", re.DOTALL)


def split_flags(text: str) -> tuple[tuple[str, ...], int]:
    """Return the flags at the start of the arguments of an instruction, and the offset behind them and their blanks.

    Quotes and backslashes keep blanks within a flag.

    >>> split_flags('--mount=type=bind,"target=/a b" --network=none make')
    (('--mount=type=bind,"target=/a b"', '--network=none'), 47)
    """
    flags: list[str] = []
    position = _skip_blanks(text)
    while _FLAG.match(text, position):
        end = _word_end(text, position)
        flags.append(text[position:end])
        position = _skip_blanks(text, end)
    return tuple(flags), position


def _skip_blanks(text: str, position: int = 0) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _word_end(text: str, position: int) -> int:
    """The offset behind the word at a position."""
    while match := _WORD_END.search(text, position):
        position = match.start()
        character = text[position]
        if character.isspace():
            return position
        if character == "\\":
            position += 2
            continue
        quoted = _QUOTED.match(text, position)
        if quoted is None:
            break
        position = quoted.end()
    return len(text)


def split_words(text: str) -> Iterator[str]:
    """The words of a text; quotes keep blanks within a word.

    >>> list(split_words("cat '<<A' <<B"))
    ['cat', "'<<A'", '<<B']
    """
    position = _skip_blanks(text)
    while position < len(text):
        end = min(_word_end(text, position), len(text))
        yield text[position:end]
        position = _skip_blanks(text, end)


def parse_words(arguments: str) -> tuple[str, ...] | None:
    """The words of arguments in JSON form; None if they have any other form.

    >>> parse_words('["a b", "/srv"]'), parse_words("[ -f x ]")
    (('a b', '/srv'), None)
    """
    if not arguments.startswith("["):
        return None
    try:
        words = json.loads(arguments)
    except (ValueError, RecursionError):
        return None
    return tuple(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def split_sum(arguments: str) -> tuple[str, str] | None:
    """The flag and the destination of a COPY that has a sum in place of its sources; None for all others.

    Older builders write sums into the history, and docker 20 writes ``--chown=…`` in front without a blank.

    >>> split_sum("dir:0123456789ab… in /srv"), split_sum("--chown=1:1dir:0123456789ab… in /srv"), split_sum("dir /srv")
    (('', '/srv'), ('--chown=1:1', '/srv'), None)
    """
    first, _, rest = arguments.partition(" ")
    if not rest.startswith("in ") or not (match := _SUM.fullmatch(first)):
        return None
    return match[1] or "", rest.removeprefix("in ").strip()
