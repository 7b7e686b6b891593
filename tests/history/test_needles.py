"""Needles: a pattern whose needles a text lacks finds nothing there, so that not searching the text changes no result."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize.history.redact import promises_secret
from ocisize.history.secret_patterns import ValuePattern, WordRole, load_secret_patterns
from tests.needles import find_needles

SECRETS = load_secret_patterns().secrets
COMPILED = {secret: re.compile(secret.pattern, re.DOTALL) for secret in SECRETS}
FILLER = "Zq7_" * 30
EXAMPLES = [
    re.sub(r"\{(\d+)\}", lambda match: FILLER[: int(match[1])], text)
    for secret in SECRETS
    for text in (*secret.matches, *secret.misses)
]
PIECES = sorted(
    {piece for text in EXAMPLES for piece in re.findall(r"\w+|\W", text)} | {n for s in SECRETS for n in s.needles}
)

PATTERNS = load_secret_patterns()
WITHOUT_NEEDLES = PATTERNS._replace(words={role: words._replace(needles=()) for role, words in PATTERNS.words.items()})
NAME_PIECES = sorted({name for words in PATTERNS.words.values() for name in (*words.matches, *words.misses, *words.needles)})


def assert_same(secret: ValuePattern, text: str) -> None:
    """The secrets found are those of the pattern itself."""
    assert [match.span(1) for match in secret.find(text)] == [match.span(1) for match in COMPILED[secret].finditer(text)]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.title)
def test_every_match_has_a_needle(secret: ValuePattern) -> None:
    """Texts made from the pattern, alone and within others."""

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(COMPILED[secret]))
    def check(text: str) -> None:
        assert_same(secret, text)

    assert secret.needles
    check()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, *EXAMPLES]), max_size=12).map("".join))
def test_texts_of_pieces(text: str) -> None:
    """Texts that almost match, by parts of all examples, for all patterns."""
    for secret in SECRETS:
        assert_same(secret, text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*NAME_PIECES, *"_-.aZ9ſK"]), max_size=4).map("".join), st.sampled_from([*WordRole]))
def test_names_of_pieces(name: str, role: WordRole) -> None:
    """Words have the roles of the patterns, and the names of secrets have a needle."""
    for word in {name.upper(), *re.split(r"\W|_", name.upper())}:
        assert PATTERNS.has_role(word, role) == WITHOUT_NEEDLES.has_role(word, role)
    assert PATTERNS.may_name_secret(f"x {name}=y") >= promises_secret(name)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """Arbitrary texts, for all patterns."""
    for secret in SECRETS:
        assert_same(secret, text)


@pytest.mark.parametrize(
    ("pattern", "needles"),
    [
        (r"abc", ["abc"]),
        (r"\babc(?=de)\w", ["abc"]),
        (r"a(?:b|c)d", ["abd", "acd"]),
        (r"ab?c", ["abc", "ac"]),
        (r"ab{2,3}", ["a"]),
        (r"(?:abc)+x?", ["abc"]),
        (r"(?:abc)*x", ["x"]),
        (r"(?:ab|\d+)", []),
        (r"(?:ab\w|\wcd)", ["ab", "cd"]),
        (r"(?<=://)\w", ["://"]),
        (r"(?!abc)\w", []),
        (r"(?i)abc", []),
        (r"(?i:abc)d", ["d"]),
        (r"(a)\1", ["a"]),
        (r"[^a]", []),
        (r"[a-c]", []),
        (r"(x)?(?(1)ab|cd)", []),
        (r"", []),
    ],
)
def test_needles_of_a_pattern(pattern: str, needles: list[str]) -> None:
    """Each operator of expressions."""
    assert list(find_needles(pattern)) == needles
