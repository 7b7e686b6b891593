"""redact: the text of build steps without the secrets in it; names and everything else stay.

A value is a secret if its name promises one, or if the value itself has the form of a token. Names go by their words, values
by the prefixes that their issuers document; ``secrets.toml`` lists both. Here is the grammar of names and values: variables,
build arguments, options, headers and JSON fields.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from ocisize.history.secret_patterns import WordRole, load_secret_patterns
from ocisize.patterns import lazy_pattern
from ocisize.tuples import NamedTuple

REDACTED = "<redacted>"

_MAX_TEXT = 1 << 16  # characters of a step that are shown; what people write is shorter
_MAX_CACHED = 256  # texts whose results are cached: each is asked for several times
_MAX_CACHED_NAMES = 1024  # the names of options and variables are the same in most steps
_MAX_ROUNDS = 8  # the text around a secret may hide another one
_MAX_HARMLESS = 500  # characters of a harmless value; keeps the search through hostile text linear
_WORD = lazy_pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Few steps need the strings below: re compiles them where they are used, and caches them.
_PRIVATE_KEY_NAME = "API|ACCESS|PRIVATE|ENCRYPT|AUTH|SECRET|LICEN[CS]E"
_FINGERPRINT = r"(?i)(?:0x)?(?:[0-9A-F]{8}|[0-9A-F]{16}|[0-9A-F]{40})|(?:[0-9A-F]{4}\s*){10}"
_VALUE = r"""(?sx) \\"[^"\\]*\\" | "(?:\\.|[^"\\])*(?:"|$) | '[^']*(?:'|$)
    | (?: [^\s"';&|<>()`\\] | \\. | \$\([^)]{0,500}\)? | `[^`]{0,500}`?
    | "(?=[^\s;&|<>)"])[^"]*"? | '(?=[^\s;&|<>)'])[^']*'? )+"""
_QUOTE = r"\\?[\"']"
_ENV_WITHOUT_EQUALS = r"(?:/bin/sh -c #\(nop\)\s+)?ENV\s+([A-Za-z_][\w.-]*)\s+(?=\S)"
_NAME = lazy_pattern(
    r"""(?<![\w.$-]) (?<!\$\{) (?<!://) (?!passwd:) (?P<name>-{0,2}[A-Za-z_][\w.-]{0,80})
    (?P<between> \s{1,9}=\s{1,9} | = | \\?["']\s{0,9}:\s{0,9} | \\?["'](?:,|(?=\s))\s{0,9}(?=\\?["'])
    | :\s{0,9}(?![\\/\s:]) | \s{1,9})
    (?:(?:bearer|basic|token)\s{1,9}(?!["']))?""",
    re.VERBOSE | re.IGNORECASE,
)
_ASSIGNMENT = lazy_pattern(r"(?:^|(?<=\s))[A-Za-z_][\w.-]*=")
_VARIABLES_STEP = re.compile(r"(?:/bin/sh -c #\(nop\)\s+)?(?:ENV|ARG|LABEL)\s+")
_BUILD_ARGUMENTS = re.compile(r"(?:RUN\s+)?\|(\d{1,4})\s")
_SHELL = lazy_pattern(r"\s(?=/\S*sh\s|/bin/\S+\s|cmd(?:\.exe)?\s+/S|powershell|pwsh)")

_Span = tuple[int, int, str]  # start and end of a secret, and its name


class Redacted(NamedTuple):
    """A text without its secrets."""

    text: str
    secrets: tuple[str, ...] = ()  #: names of the secrets, in the order of the text: of a variable, or ``GitHub token``


@functools.lru_cache(_MAX_CACHED)
def redact(text: str) -> Redacted:
    """Replace the secrets in the text of a build step by ``<redacted>``; redacting the result again changes nothing.

    Text beyond 65,536 characters is cut.

    >>> redact("RUN |1 NPM_TOKEN=abc-123 /bin/sh -c npm ci # buildkit")
    Redacted(text='RUN |1 NPM_TOKEN=<redacted> /bin/sh -c npm ci # buildkit', secrets=('NPM_TOKEN',))
    >>> redact("RUN git clone https://me:hunter2@example.com/x.git").text
    'RUN git clone https://me:<redacted>@example.com/x.git'
    >>> redact("ENV GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305").secrets
    ()
    """
    if len(text) > _MAX_TEXT:
        text = f"{text[: _MAX_TEXT - 1]}…"
    names: dict[str, None] = {}
    for _ in range(_MAX_ROUNDS):
        spans = sorted({*_find_tokens(text), *_find_named_values(text)})
        if not spans:
            break
        names.update((name, None) for _, _, name in spans)
        text = _replace(text, spans)
    return Redacted(text, tuple(names))


def _replace(text: str, spans: Sequence[_Span]) -> str:
    """The text with REDACTED in place of spans, which are sorted and may overlap."""
    parts, end = list[str](), 0
    for start, stop, _ in spans:
        if start >= end:
            parts += [text[end:start], REDACTED]
        end = max(end, stop)
    return "".join([*parts, text[end:]])


def is_secret(name: str, value: str) -> bool:
    """Whether the value of a variable is a secret: its name promises one, or the value has the form of a secret.

    >>> is_secret("DB_PASSWORD", "hunter2"), is_secret("DB_PASSWORD", "$OTHER"), is_secret("DB_PASSWORD_FILE", "/run/x")
    (True, False, False)
    """
    if promises_secret(name) and not _is_harmless(name, value):
        return True
    return any(True for spans in (_find_tokens(value), _scan_names(value, 0, len(value))) for _ in spans)


@functools.lru_cache(_MAX_CACHED_NAMES)
def promises_secret(name: str) -> bool:
    """Whether the name of a variable, option, header or field says that its value is a secret.

    >>> promises_secret("clientSecret"), promises_secret("--api-key"), promises_secret("GPG_KEY"), promises_secret("PATH")
    (True, True, False, False)
    """
    words = [word.upper() for word in _WORD.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    if not words:
        return False
    has_role = load_secret_patterns().has_role
    promises = (
        any(has_role(word, WordRole.ANYWHERE) for word in words)
        or has_role(words[-1], WordRole.LAST)
        or (has_role(words[-1], WordRole.LAST_OF_SEVERAL) and len(words) > 1)
        or name == "_auth"
    )
    if not promises:
        return False
    if has_role(words[-1], WordRole.METADATA_SUFFIX) or any(has_role(word, WordRole.BOOLEAN) for word in words):
        return False
    is_public = any(has_role(word, WordRole.PUBLIC) for word in words)
    return not is_public or any(has_role(word, WordRole.STRONG) for word in words)


def _is_harmless(name: str, value: str) -> bool:
    if len(value) > _MAX_HARMLESS:
        return False
    value, name = value.strip("\\\"' \t,"), name.upper()
    if name.endswith("KEY") and not re.search(_PRIVATE_KEY_NAME, name) and re.fullmatch(_FINGERPRINT, value):
        return True
    return load_secret_patterns().is_harmless(value)


def _find_tokens(text: str) -> Iterator[_Span]:
    """Values that are secrets whatever they are called."""
    for secret in load_secret_patterns().secrets:
        for match in secret.find(text):
            if not _is_harmless("", match[1]):
                yield match.start(1), match.end(1), secret.title


def _find_named_values(text: str) -> Iterator[_Span]:
    """Values whose names promise a secret."""
    start = 0
    if match := _BUILD_ARGUMENTS.match(text):
        shell = _SHELL.search(text, match.end())
        start = shell.start() if shell else match.end()
        yield from _scan_assignments(text, match.end(), start, int(match[1]))
    elif match := _VARIABLES_STEP.match(text):
        if variable := re.match(_ENV_WITHOUT_EQUALS, text):
            if is_secret(variable[1], text[variable.end() :]):
                yield variable.end(), len(text), variable[1]
            return
        start = len(text)
        yield from _scan_assignments(text, match.end(), start)
    yield from _scan_names(text, start, len(text))


def _scan_names(text: str, start: int, end: int) -> Iterator[_Span]:
    """Values behind names, within a part of a text."""
    if not load_secret_patterns().may_name_secret(text[start:end]):
        return
    while match := _NAME.search(text, start, end):
        name, between = match["name"], match["between"]
        start = match.end("name")
        is_spaced = not {"=", ":"}.intersection(between)
        if (is_spaced and name[0] not in "-_") or not promises_secret(name):
            continue
        value = re.compile(_VALUE).match(text, match.end(), end)
        if value is None or _is_harmless(name, value[0]) or (is_spaced and value[0].startswith("-")):
            continue
        start = value.end()
        quote = re.match(_QUOTE, value[0])
        width = len(quote[0]) if quote and value[0].endswith(quote[0]) and len(value[0]) > len(quote[0]) else 0
        yield value.start() + width, start - width, name.lstrip("-")


def _scan_assignments(text: str, start: int, end: int, count: int | None = None) -> Iterator[_Span]:
    """Values of ``NAME=VALUE`` pairs, which may hold blanks without quotes.

    ``count`` is the number of pairs, if known; if more seem to be there, a value holds one, and each secret ends the text.
    """
    pairs = [match for match in _ASSIGNMENT.finditer(text, start, end) if match.start() >= start]
    is_surplus = count is not None and len(pairs) > count
    for number, pair in enumerate(pairs, 1):
        name = pair[0][:-1]
        next_start = end if number == len(pairs) else pairs[number].start() - 1
        stop = end if is_surplus else next_start
        if promises_secret(name) and not _is_harmless(name, text[pair.end() : stop]):
            yield pair.end(), stop, name
        else:
            yield from _scan_names(text, pair.end(), next_start)
