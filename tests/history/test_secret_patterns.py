"""The patterns of secrets.toml: each finds its examples, and none of their near misses."""

from __future__ import annotations

import re

import pytest

from ocisize.history.redact import promises_secret, redact
from ocisize.history.secret_patterns import ValuePattern, WordPattern, load_secret_patterns

FILLER = "ZQXHUNTERW"
PATTERNS = load_secret_patterns()


def fill(text: str) -> str:
    """The example with a made-up secret in place of ``{12}``."""
    return re.sub(r"\{(\d+)\}", lambda match: (FILLER * 20)[: int(match[1])], text)


@pytest.mark.parametrize("words", PATTERNS.words.values(), ids=lambda words: words.role.value)
def test_words_decide_their_examples(words: WordPattern) -> None:
    """A name among the matches has such a word and is decided by it; a near miss is decided the other way."""
    for name in words.matches:
        parts = [part.upper() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
        assert any(re.fullmatch(words.pattern, part) for part in parts), name
        assert promises_secret(name) is words.role.promises_secret, name
    for name in words.misses:
        assert promises_secret(name) is not words.role.promises_secret, name


@pytest.mark.parametrize("harmless", PATTERNS.harmless, ids=lambda harmless: harmless.title)
def test_harmless_values_are_no_secrets(harmless: ValuePattern) -> None:
    """A value among the matches stays where a password is expected; near misses are not of this kind."""
    for value in harmless.matches:
        assert re.fullmatch(harmless.pattern, value, re.IGNORECASE), value
        assert not redact(f"RUN x --password='{value}'").secrets, value
    for value in harmless.misses:
        assert not re.fullmatch(harmless.pattern, fill(value), re.IGNORECASE), value


@pytest.mark.parametrize("secret", PATTERNS.secrets, ids=lambda secret: secret.title)
def test_secret_values_are_found(secret: ValuePattern) -> None:
    """The made-up secret of each example is gone, and the finding has its title; near misses have no such secret."""
    for text in map(fill, secret.matches):
        match = next(secret.find(text), None)
        assert match is not None and FILLER[:9] in match[1], text
        redacted = redact(f"RUN {text}")
        assert secret.title in redacted.secrets, text
        assert FILLER[:9] not in redacted.text, text
    for text in map(fill, secret.misses):
        assert secret.title not in redact(f"RUN {text}").secrets, text
