"""Globs over the paths of an image: parsed once, component by component.

``*``
    any characters within a component, also none and also a leading dot.
``?``
    one character within a component; a byte that is not UTF-8 counts as one character.
``[abc]``, ``[a-z]``, ``[!a]``
    one character of a set, or one that is not in it. A ``]`` directly after the ``[`` or ``[!`` means itself.
``**``
    as a whole component: any number of components, also none.
leading ``/``
    the glob begins at the root of the image; without it, at any directory.
trailing ``/``
    a directory and everything below it; without it, the path itself only.

Everything else means itself, and case counts. There is no escape character: ``[*]`` is a star.

Budgets and lists of files select the paths that a glob matches, and everything below them (`with_contents`). A rule claims
the paths that its globs match, so that ``core`` is a core dump and not all files in a directory of this name.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable

from ocisize.errors import InvalidGlob
from ocisize.tuples import NamedTuple

ANY_DEPTH = "**"

_PIECE = r"(?s)\*+|\?|\[(?:!.|[^!])[^\]]*\]|\[|[^*?\[]+"
_IN_SET = r"(?s)(.)-(.)|(.)"  # a range, or one character
_WILDCARDS = {"*": ".*", "?": "."}
_MAX_CACHED = 1 << 12  # components; globs share many of them
_UNCLOSED = "has a '[' without a ']'"


class Component(NamedTuple):
    """One component of a glob. ``**`` is recognized by its text; its other fields say nothing.

    >>> component = parse_component("lib*.so")
    >>> component.literal, component.key, component.start, component.end
    (None, b'so', b'lib', b'.so')
    """

    text: str
    literal: bytes | None = None  #: the only name that matches; None where several match
    key: bytes | None = None  #: the bytes after the last dot of every matching name; None where they vary
    start: bytes = b""  #: the bytes that every matching name begins with
    end: bytes = b""  #: the bytes that every matching name ends with
    needle: bytes = b""  #: the longest bytes in every matching name; followed by NUL where they end it
    pattern: str = ""  #: regular expression for the names; "" where the other fields decide

    def make_test(self) -> Callable[[bytes], bool]:
        """The fastest test of a name. Bytes suffice where no single character counts: UTF-8 is self-synchronizing.

        >>> test = parse_component("lib*.so").make_test()
        >>> test(b"libc.so"), test(b"libc.so.6")
        (True, False)
        """
        _, literal, _, start, end, needle, pattern = self
        if literal is not None:
            return literal.__eq__
        inside = needle.removesuffix(b"\0")
        if pattern:  # compiled when a name first passes the quick test
            return lambda name: (
                inside in name and _compile(pattern).fullmatch(name.decode("utf-8", "surrogateescape")) is not None
            )
        if start and end:
            length = len(start) + len(end)
            return lambda name: len(name) >= length and name.startswith(start) and name.endswith(end)
        if start:
            return lambda name: name.startswith(start)
        if end:
            return lambda name: name.endswith(end)
        return lambda name: inside in name


class Glob(NamedTuple):
    """A parsed glob. Its components start at the root; a trailing slash adds the component ``**``."""

    text: str  #: as it was written
    components: tuple[Component, ...]  #: between the slashes
    anchored: bool  #: matches from the root only
    directory: bool  #: matches the path itself only if it is a directory, because the glob ends with a slash


def parse_glob(text: str) -> Glob:
    """Parse a glob; docs/commands.md describes the language. Raises InvalidGlob, which says in words what is wrong.

    >>> glob = parse_glob("/var/cache/*/")
    >>> glob.text, glob.anchored, glob.directory
    ('/var/cache/*/', True, True)
    >>> parse_glob("a**b")
    Traceback (most recent call last):
        ...
    ocisize.errors.InvalidGlob: the glob 'a**b' has '**' within a component
    """
    if not text or "\0" in text:
        raise InvalidGlob(text, "is empty" if not text else "has a NUL")
    if not _is_utf8(text):
        raise InvalidGlob(text, "is not UTF-8")
    parts = text.split("/")
    anchored, directory = parts[0] == "" and len(parts) > 1, parts[-1] == "" and len(parts) > 1
    parts = parts[anchored : -1 if directory else None] or [""]
    for part in parts:
        if part in ("", ".", ".."):
            raise InvalidGlob(text, f"has a component {part!r}")
        if ANY_DEPTH in part and part != ANY_DEPTH:
            raise InvalidGlob(text, "has '**' within a component")
    if directory:
        parts.append(ANY_DEPTH)
    parts = [part for index, part in enumerate(parts) if part != ANY_DEPTH or parts[index - 1 : index] != [ANY_DEPTH]]
    if parts[0] == ANY_DEPTH:
        anchored, parts = False, parts[1:]
    try:
        components = tuple(map(parse_component, parts))
    except ValueError as error:
        raise InvalidGlob(text, str(error)) from None
    if not any(component.needle for component in components):
        raise InvalidGlob(text, "has no literal character and matches too much")
    return Glob(text, components, anchored, directory)


def with_contents(globs: Iterable[Glob]) -> tuple[Glob, ...]:
    """Globs that also match everything below the paths that some globs match.

    >>> [glob.text for glob in with_contents([parse_glob("node_modules"), parse_glob("/app/")])]
    ['node_modules', '/app/', 'node_modules/']
    """
    given = tuple(globs)
    return (*given, *[parse_glob(glob.text + "/") for glob in given if not glob.directory])


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@functools.lru_cache(_MAX_CACHED)
def parse_component(text: str) -> Component:
    """Parse one component, the text between two slashes. Raises ValueError, which says in words what is wrong."""
    if text == ANY_DEPTH:
        return Component(text)
    tokens = re.findall(_PIECE, text)
    if "[" in tokens:
        raise ValueError(_UNCLOSED)
    literals = [b"" if token[0] in "*?[" else token.encode() for token in tokens]
    head, tail = literals[0], literals[-1]
    ends = [b"\0" if index == len(tokens) - 1 else b"" for index in range(len(tokens))]
    needle = max((run + end for run, end in zip(literals, ends, strict=True) if run), key=len, default=b"")
    literal = head if len(tokens) == 1 and head else None
    is_plain = not any(token[0] in "?[" for token in tokens) and (tokens.count("*") < 2 or len(tokens) == 3)
    return Component(
        text=text,
        literal=literal,
        key=tail.rpartition(b".")[2] if literal is not None or b"." in tail else None,
        start=head,
        end=tail,
        needle=needle,
        pattern="" if is_plain else _make_pattern(tokens),
    )


def _make_pattern(tokens: list[str]) -> str:
    pattern = "".join(map(_translate, tokens))
    try:
        _compile(pattern)
    except re.error as error:
        raise ValueError(f"has a bad set: {error}") from None
    return pattern


@functools.lru_cache(_MAX_CACHED)
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


def _translate(token: str) -> str:
    """A token of a glob as a regular expression."""
    if token[0] != "[":
        return _WILDCARDS.get(token) or re.escape(token)
    negated = "^" if token[1] == "!" else ""
    return f"[{negated}{re.sub(_IN_SET, _translate_in_set, token[1:-1].removeprefix('!'))}]"


def _translate_in_set(match: re.Match[str]) -> str:
    first, last, single = match.groups()
    return re.escape(single) if single else f"{re.escape(first)}-{re.escape(last)}"
