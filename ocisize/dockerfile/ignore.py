"""IgnoreFile: the patterns of a .dockerignore file, and the paths of the build context that they leave out.

Form: https://docs.docker.com/build/concepts/context/#dockerignore-files. Patterns begin at the root of the context; ``*``
and ``?`` match within one name, ``**`` any number of directories. The last pattern that matches a path or one of its parents
decides.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple
from ocisize.values import field, frozen

_MANY_SLASHES = lazy_pattern(r"/{2,}")
_TOKEN = lazy_pattern(r"\*\*/?|\*|\?|\[(\^?)((?:\\.|[^\]\\])+)\]|\\(.)|(.)", re.DOTALL)
_IN_CLASS = lazy_pattern(r"\\(.)|(.)", re.DOTALL)
_NAME, _CHARACTER, _DIRECTORIES, _ANYTHING = "[^/]*", "[^/]", "(?:.*/)?", ".*"
_WILDCARDS = frozenset({_NAME, _DIRECTORIES, _ANYTHING})
_MAX_WILDCARDS = 2  # of a pattern that is matched by a regular expression; more make the search slow


class _Pattern(NamedTuple):
    matches: Callable[[str], bool]
    is_exception: bool


@frozen
class IgnoreFile:
    r"""A parsed .dockerignore file. ``IgnoreFile.parse`` makes it.

    >>> ignore = IgnoreFile.parse("# what tests need\n**/*.log\ndocs\n!docs/keep.md\n")
    >>> [ignore.excludes(path) for path in ("a.log", "b/a.log", "docs/a.md", "docs/keep.md", "src/docs")]
    [True, True, True, False, False]
    """

    patterns: Sequence[str]  #: as they are in the file, without comments and blank lines
    _parsed: Sequence[_Pattern] = field(eq=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> IgnoreFile:
        """Parse the text of a .dockerignore file; patterns that builders refuse match nothing."""
        lines = [line.strip() for line in text.removeprefix("\ufeff").split("\n") if not line.startswith("#")]
        patterns = [line for line in lines if line]
        return cls(tuple(patterns), tuple(map(_parse_pattern, patterns)))

    def excludes(self, path: str) -> bool:
        """Whether a path, relative to the context, is left out of the build."""
        path = path.strip("/")
        for pattern in reversed(self._parsed):
            if pattern.matches(path):
                return not pattern.is_exception
        return False


def ignore_names(dockerfile: str) -> tuple[str, ...]:
    """The paths of the ignore file of a Dockerfile: the first one that exists is used, and no other.

    The second one is relative to the build context. docker's classic builder reads no other than that.

    >>> ignore_names("docker/app.Dockerfile")
    ('docker/app.Dockerfile.dockerignore', '.dockerignore')
    """
    return (f"{dockerfile}.dockerignore", ".dockerignore")


def _parse_pattern(line: str) -> _Pattern:
    is_exception = line.startswith("!")
    text = line[1:].strip() if is_exception else line
    if not text:
        return _Pattern(_never, is_exception)
    text = posixpath.normpath(_MANY_SLASHES.sub("/", text))
    text = text[1:] if text.startswith("/") and len(text) > 1 else text
    return _Pattern(_matcher(text), is_exception)


def _never(_: str) -> bool:
    return False


def _matcher(pattern: str) -> Callable[[str], bool]:
    """The fastest test whether a pattern matches a path or one of its parents."""
    if not set("*?[]\\") & set(pattern):
        inside = f"{pattern}/"
        return lambda path: path == pattern or path.startswith(inside)
    if pattern.startswith("**") and not set("*?[]\\") & set(pattern[2:]):  # builders look at the end of the path alone
        end = f"{pattern[2:]}/"
        return lambda path: end in f"/{path}/"
    tokens = list(_tokens(pattern))
    if "" in tokens:
        return _never
    if sum(token in _WILDCARDS for token in tokens) <= _MAX_WILDCARDS:
        return _compiled(f"{''.join(tokens)}(?:/.*)?")
    return _Stepper(tokens).matches


def _compiled(expression: str) -> Callable[[str], bool]:
    match = re.compile(expression, re.DOTALL).fullmatch
    return lambda path: match(path) is not None


def _tokens(pattern: str) -> Iterator[str]:
    """A pattern as regular expressions, one for each character, wildcard or class; "" for what builders refuse."""
    before = ""
    for match in _TOKEN.finditer(pattern):
        text = match[0]
        if text in {"**", "**/"}:
            token = _DIRECTORIES if text == "**/" or match.end() < len(pattern) else _ANYTHING
        elif text == "*":
            token = _NAME
        elif text == "?":
            token = _CHARACTER
        elif match[2] is not None:
            token = _class(match[1], match[2])
        else:
            token = "" if text in {"[", "\\"} else re.escape(match[3] or text)
        if token != before or token not in _WILDCARDS:
            yield token
        before = token


def _class(negation: str, text: str) -> str:
    """A class of characters; "" if a range runs backwards."""
    characters = [match[1] or match[2] for match in _IN_CLASS.finditer(text)]
    ranges, index = "", 0
    while index < len(characters):
        first = last = characters[index]
        if characters[index + 1 : index + 2] == ["-"] and index + 2 < len(characters):
            index, last = index + 2, characters[index + 2]
        if last < first:
            return ""
        ranges += f"{re.escape(first)}-{re.escape(last)}"
        index += 1
    return f"[{negation}{ranges}]"


class _Stepper:
    """Matches all tokens at once, character by character, so that no path takes long."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._tests = [None if token in _WILDCARDS else re.compile(token, re.DOTALL).fullmatch for token in tokens]

    def matches(self, path: str) -> bool:
        states = self._reach({0})
        for character in path:
            if character == "/" and len(self._tokens) in states:
                return True
            states = self._reach({state for before in states for state in self._step(before, character)})
        return len(self._tokens) in states

    def _step(self, state: int, character: str) -> Iterator[int]:
        """The states behind a character: indexes of tokens; ``~index`` within the directories of a ``**``."""
        if state < 0:
            yield state
            if character == "/":
                yield ~state + 1
        elif state < len(self._tokens):
            token, test = self._tokens[state], self._tests[state]
            if test is not None:
                if test(character):
                    yield state + 1
            elif token == _ANYTHING or (token == _NAME and character != "/"):
                yield state

    def _reach(self, states: set[int]) -> set[int]:
        """The states, and those behind wildcards that match nothing."""
        reached: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state in reached:
                continue
            reached.add(state)
            if 0 <= state < len(self._tokens) and self._tests[state] is None:
                waiting.append(state + 1)
                if self._tokens[state] == _DIRECTORIES:
                    waiting.append(~state)
        return reached
