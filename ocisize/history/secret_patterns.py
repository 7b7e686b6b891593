"""SecretPatterns: the words that promise a secret and the values that are secrets, as secrets.toml lists them."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ocisize.packaged import read_packaged
from ocisize.toml_tables import TableReader, TomlError, read_toml

_FILE = "secrets.toml"


class WordRole(str, enum.Enum):
    """What a word in a name says about its value; ``secrets.toml`` explains each role."""

    ANYWHERE = "anywhere"
    LAST = "last"
    LAST_OF_SEVERAL = "last-of-several"
    METADATA_SUFFIX = "metadata-suffix"
    BOOLEAN = "boolean"
    PUBLIC = "public"
    STRONG = "strong"

    @property
    def promises_secret(self) -> bool:
        """Whether words of this role promise a secret, or deny it."""
        return self not in (WordRole.METADATA_SUFFIX, WordRole.BOOLEAN, WordRole.PUBLIC)


class WordPattern(NamedTuple):
    """The words of one role."""

    role: WordRole
    pattern: str  #: regular expression for a whole word in capitals
    matches: tuple[str, ...]  #: names that the words decide
    misses: tuple[str, ...]  #: names that are decided the other way


class ValuePattern(NamedTuple):
    """Values that are secrets, or harmless, whatever they are called."""

    title: str
    pattern: str  #: of secrets, group 1 is the secret; of harmless values, for the whole value
    marks: tuple[str, ...]  #: of secrets: a text with none of these has no such secret
    matches: tuple[str, ...]
    misses: tuple[str, ...]

    def find(self, text: str) -> Iterator[re.Match[str]]:
        """The secrets in a text."""
        if any(mark in text for mark in self.marks):
            return _compile(self.pattern, re.DOTALL).finditer(text)
        return iter(())


class SecretPatterns(NamedTuple):
    """All patterns of ``secrets.toml``. Each is compiled when a text may match, because few texts have secrets."""

    words: Mapping[WordRole, WordPattern]
    harmless: tuple[ValuePattern, ...]
    harmless_value: str  #: regular expression for the values of all ``harmless``
    secrets: tuple[ValuePattern, ...]

    def has_role(self, word: str, role: WordRole) -> bool:
        """Whether a word, in capitals, has a role.

        >>> load_secret_patterns().has_role("PASSWORD", WordRole.STRONG)
        True
        """
        return _compile(self.words[role].pattern).fullmatch(word) is not None

    def is_harmless(self, value: str) -> bool:
        """Whether a value is no secret, whatever its name promises.

        >>> load_secret_patterns().is_harmless("/run/secrets/token")
        True
        """
        return _compile(self.harmless_value, re.IGNORECASE).fullmatch(value) is not None


@functools.cache
def _compile(pattern: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(pattern, flags)


@functools.cache
def load_secret_patterns() -> SecretPatterns:
    """The patterns, read once per process, when the first text is redacted."""
    return parse_secret_patterns(read_packaged("ocisize.history", _FILE))


def parse_secret_patterns(text: str) -> SecretPatterns:
    """Parse the text of a file like ``secrets.toml``; raises TomlError, which lists all problems with their lines."""
    document = read_toml(text, _FILE)
    document.refuse_unknown(("word", "harmless", "value"))
    words = [_read_words(table) for table in document.tables("word")]
    harmless = [_read_value(table, "what") for table in document.tables("harmless")]
    secrets = [_read_value(table, "title", marked=True) for table in document.tables("value")]
    for role in WordRole:
        if sum(word.role is role for word in words) != 1:
            document.note("word", f"expected one table with the role {role.value}")
    if document.problems:
        raise TomlError("; ".join(document.problems))
    return SecretPatterns(
        words={word.role: word for word in words},
        harmless=tuple(harmless),
        harmless_value="|".join(f"(?:{value.pattern})" for value in harmless),
        secrets=tuple(secrets),
    )


def _read_words(table: TableReader) -> WordPattern:
    table.refuse_unknown(("role", "what", "source", "words", "matches", "misses"))
    return WordPattern(
        role=table.choice("role", WordRole.ANYWHERE, required=True),
        pattern="|".join(table.texts("words", required=True)),
        matches=table.texts("matches", required=True),
        misses=table.texts("misses", required=True),
    )


def _read_value(table: TableReader, title: str, *, marked: bool = False) -> ValuePattern:
    table.refuse_unknown((title, "pattern", "source", "matches", "misses", *(["marks"] if marked else [])))
    return ValuePattern(
        title=table.text(title, required=True),
        pattern=table.text("pattern", required=True),
        marks=table.texts("marks", required=marked),
        matches=table.texts("matches", required=True),
        misses=table.texts("misses", required=True),
    )
