"""The JSON of a table of contents, read one entry at a time: a table of 50,000 files has 18 MB."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from typing import Any

from ocisize.layer.toc.unusable import Unusable
from ocisize.patterns import lazy_pattern

_MAX_VALUE = 1 << 20  # characters of one entry, about; each attempt to parse one that goes on starts again
_VERSION = 1
_SPACE = lazy_pattern(r"[ \t\n\r]*")
_parse_value = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # an instance has it


def read_entries(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the entries of a table in their order, from its JSON in pieces of any size.

    Raises Unusable for anything but one object with the version 1 and one list of entries.

    >>> list(read_entries([b'{"version": 1, "entries": [{"name": "a"}', b', {"name": "b"}]}']))
    [{'name': 'a'}, {'name': 'b'}]
    """
    text = _Text(pieces)
    text.expect("{")
    keys: set[str] = set()
    separator = ","
    while separator == ",":
        key = text.value(str)
        if key in keys:
            raise Unusable(f"its table of contents has {key[:80]!r} twice")
        keys.add(key)
        text.expect(":")
        if key == "entries":
            yield from _read_list(text)
        elif key == "version" and text.value(int) != _VERSION:
            raise Unusable("its table of contents has an unknown version")
        elif key != "version":
            text.value(object)
        separator = text.take(",}")
    if not keys >= {"version", "entries"} or not text.ends():
        raise Unusable("its table of contents lacks the version or the entries, or goes on after them")


def _read_list(text: _Text) -> Iterator[dict[str, Any]]:
    text.expect("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value(dict)
        if text.take(",]") == "]":
            return


class _Text:
    """The part of a JSON text that was not read yet, of which only what the next value needs is in memory."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._buffer, self._position = "", 0
        self._is_complete = False

    def value(self, kind: type) -> Any:
        """Return the next value, which must be of this type."""
        self.peek()
        while True:
            try:
                value, end = _parse_value(self._buffer, self._position)
            except (ValueError, StopIteration, RecursionError):
                problem = "is not JSON"
            else:
                if end < len(self._buffer) or self._is_complete:  # else a number may go on
                    break
                problem = "is cut"
            if len(self._buffer) - self._position > _MAX_VALUE or not self._read_on():
                raise Unusable(f"its table of contents {problem}")
        if kind is not object and type(value) is not kind:
            raise Unusable(f"its table of contents has a {type(value).__name__} in place of a {kind.__name__}")
        self._position = end
        return value

    def peek(self) -> str:
        """Return the next character that is no space, "" at the end."""
        while True:
            self._position = _SPACE.match(self._buffer, self._position).end()  # type: ignore[union-attr]  # always matches
            if self._position < len(self._buffer) or not self._read_on():
                return self._buffer[self._position : self._position + 1]

    def take(self, allowed: str) -> str:
        """Move past the next character and return it; raise Unusable if it is not one of ``allowed``."""
        character = self.peek()
        if not character or character not in allowed:
            raise Unusable(f"its table of contents is not JSON: got {character!r}, expected one of {allowed!r}")
        self._position += 1
        return character

    def expect(self, character: str) -> None:
        """Move past this character."""
        self.take(character)

    def ends(self) -> bool:
        """Return True if only spaces are left."""
        return not self.peek()

    def _read_on(self) -> bool:
        """Add the next piece to the buffer; return False at the end of the text."""
        if self._is_complete:
            return False
        piece = next(self._pieces, None)
        self._is_complete = piece is None
        try:
            text = self._decoder.decode(piece or b"", final=self._is_complete)
        except UnicodeDecodeError:
            raise Unusable("its table of contents is not UTF-8") from None
        self._buffer, self._position = self._buffer[self._position :] + text, 0
        return True
