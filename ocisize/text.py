"""Names and other text as people and encoders can take them."""

from __future__ import annotations

import re

_BRIEF = 200


def count_of(number: int, noun: str) -> str:
    """A number with its noun, which is in the plural unless the number is 1.

    >>> count_of(1, "file"), count_of(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {plural(number, noun)}"


def plural(number: int, noun: str) -> str:
    """A regular noun, in the plural unless ``number`` is 1.

    >>> plural(1, "layer"), plural(2, "layer")
    ('layer', 'layers')
    """
    return noun if number == 1 else f"{noun}s"


def decode_name(name: bytes) -> str:
    """A tar name as text that can be turned back into the same bytes."""
    return name.decode("utf-8", "surrogateescape")


def brief_name(name: bytes) -> bytes:
    """A tar name as messages repeat it: of a long one its beginning and its end."""
    return name if len(name) <= _BRIEF else name[: _BRIEF // 2] + "…".encode() + name[-_BRIEF // 2 :]


def display_name(name: str) -> str:
    """A name as text that any encoder takes: what is not UTF-8 is written as ``\\xNN`` or ``\\uNNNN``."""
    try:
        name.encode()
    except UnicodeEncodeError:
        try:
            return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:  # a lone surrogate that no byte stands behind, as JSON can have it
            return name.encode("utf-8", "backslashreplace").decode()
    return name


#: a part of a regular expression's set: what steers terminals beyond ASCII's first 32 characters, or turns text around
STEERING = r"\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROL = re.compile(rf"[\x00-\x1f{STEERING}\u2028\u2029\ufeff\ufffe\uffff]")


def printable(text: str) -> str:
    """Text that cannot steer a terminal, and that XML can hold: control and direction characters are written as escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), display_name(text))
