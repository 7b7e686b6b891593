"""Text for people: names of files that may not be UTF-8, control characters, counted nouns and sizes."""

from __future__ import annotations

import re

from ocisize.patterns import lazy_pattern

UNKNOWN = "?"  #: a figure that is not known
STANDARD_INPUT = "-"  #: the name of an image that comes from standard input
_MAX_BRIEF = 200  # bytes of a name in a message
_CONTINUATION = lazy_pattern(r"[ \t]*\\[ \t]*\r?\n\s*")
_BACKTICKS = lazy_pattern(r"`+")
_CODE = lazy_pattern(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_PADDED = lazy_pattern(r" .*[^ ].* ", re.DOTALL)


def count_of(number: int, noun: str) -> str:
    """A number with its noun, which is in the plural unless the number is 1.

    >>> count_of(1, "file"), count_of(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {plural(number, noun)}"


def plural(number: int, noun: str) -> str:
    """A regular noun, in the plural unless ``number`` is 1.

    >>> plural(1, "layer"), plural(2, "layer"), plural(2, "fix"), plural(2, "directory")
    ('layer', 'layers', 'fixes', 'directories')
    """
    if number == 1:
        return noun
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x")) else f"{noun}s"


def human_size(size: int | None) -> str:
    """A size in bytes with three significant digits and a decimal unit; "?" for an unknown size.

    >>> human_size(512), human_size(1_250_000), human_size(62_651_000), human_size(None)
    ('512 B', '1.25 MB', '62.7 MB', '?')
    """
    if size is None:
        return UNKNOWN
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB", "EB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    if unit == "B":
        return f"{size} B"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def signed_size(growth: int | None, no_growth: str = "0 B") -> str:
    """A growth with its sign; ``no_growth`` for 0, "?" for an unknown growth.

    >>> signed_size(13_700_000), signed_size(-512), signed_size(0), signed_size(0, "="), signed_size(None)
    ('+13.7 MB', '-512 B', '0 B', '=', '?')
    """
    if growth is None:
        return UNKNOWN
    return f"{'+' if growth > 0 else '-'}{human_size(abs(growth))}" if growth else no_growth


def name_input(source: str) -> str:
    """The name of an image as it was given, as messages show it.

    >>> name_input("-"), name_input("app.tar")
    ('standard input', 'app.tar')
    """
    return "standard input" if source == STANDARD_INPUT else source


def decode_name(name: bytes) -> str:
    """A tar name as text; bytes that are not UTF-8 become surrogate escapes, which encode to the same bytes again.

    >>> decode_name(b"caf\\xe9")
    'caf\\udce9'
    """
    return name.decode("utf-8", "surrogateescape")


def brief_name(name: bytes) -> bytes:
    """A tar name for a message: the first and last 100 bytes of a name that has more than 200.

    >>> len(brief_name(b"n" * 65536))
    203
    """
    return name if len(name) <= _MAX_BRIEF else name[: _MAX_BRIEF // 2] + "…".encode() + name[-_MAX_BRIEF // 2 :]


def display_name(name: str) -> str:
    """A name as text that every encoder accepts: bytes that are not UTF-8 are written as ``\\xNN`` or ``\\uNNNN``.

    >>> print(display_name(decode_name(b"caf\\xe9")))
    caf\\xe9
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        try:
            return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        except UnicodeEncodeError:  # a lone surrogate, which JSON allows and which is no byte
            return name.encode("utf-8", "backslashreplace").decode()
    return name


#: For the set of a regular expression: characters after the first 32 that control terminals or the direction of text.
STEERING = r"\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_CONTROL = lazy_pattern(rf"[\x00-\x1f{STEERING}\u2028\u2029\ufeff\ufffe\uffff]")


def printable(text: str) -> str:
    """Text that cannot control a terminal and that XML allows: control and direction characters become escapes.

    >>> print(printable("red \\x1b[31m"))
    red \\x1b[31m
    """
    text = display_name(text)
    if text.isprintable():  # no character of the pattern is
        return text
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable_lines(text: str) -> str:
    """Text of several lines that cannot control a terminal; line breaks and tabs stay, a CR before a line break goes.

    >>> print(printable_lines("RUN a \\\\\\r\\n  b \\x1b[31m"))
    RUN a \\
      b \\x1b[31m
    """
    return "\n".join("\t".join(map(printable, line.removesuffix("\r").split("\t"))) for line in text.split("\n"))


def quote_code(code: str) -> str:
    """Code between backticks for a sentence, as in Markdown: more backticks than any run of them in the code.

    >>> print(quote_code("rm -rf /tmp/*"), quote_code("RUN echo `date`"))
    `rm -rf /tmp/*` `` RUN echo `date` ``
    """
    mark = "`" * (max(map(len, _BACKTICKS.findall(code))) + 1) if "`" in code else "`"
    space = " " * code.startswith("`") or " " * code.endswith("`")
    return f"{mark}{space}{code}{space}{mark}"


def split_code(text: str) -> list[str]:
    """Split a sentence into text and code between backticks, which alternate; the marks of ``quote_code`` go.

    A line break behind a backslash, which continues an instruction, becomes a space.

    >>> split_code("Delete `a` and `` `b` `` in c`")
    ['Delete ', 'a', ' and ', '`b`', ' in c`']
    """
    parts, start = [], 0
    for match in _CODE.finditer(text):
        code = _CONTINUATION.sub(" ", match[2])
        parts += [text[start : match.start()], code[1:-1] if _PADDED.fullmatch(code) else code]
        start = match.end()
    return [*parts, text[start:]]
