"""SecretPatterns: the words that promise a secret and the values that are secrets, as secrets.toml lists them."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from importlib.resources import files

import attrs

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


@attrs.frozen(kw_only=True)
class WordPattern:
    """The words of one role."""

    role: WordRole
    pattern: re.Pattern[str]  #: for a whole word in capitals
    matches: tuple[str, ...]  #: names that the words decide
    misses: tuple[str, ...]  #: names that are decided the other way


@attrs.frozen(kw_only=True)
class ValuePattern:
    """Values that are secrets, or harmless, whatever they are called."""

    title: str
    pattern: str  #: of secrets, group 1 is the secret; of harmless values, for the whole value
    matches: tuple[str, ...]
    misses: tuple[str, ...]


@attrs.frozen(kw_only=True)
class SecretPatterns:
    """All patterns of ``secrets.toml``, compiled."""

    words: Mapping[WordRole, WordPattern]
    harmless: tuple[ValuePattern, ...]
    harmless_value: re.Pattern[str]  #: all of ``harmless`` in one
    secrets: tuple[tuple[ValuePattern, re.Pattern[str]], ...]

    def has_role(self, word: str, role: WordRole) -> bool:
        """Whether a word, in capitals, has a role.

        >>> load_secret_patterns().has_role("PASSWORD", WordRole.STRONG)
        True
        """
        return self.words[role].pattern.fullmatch(word) is not None


@functools.cache
def load_secret_patterns() -> SecretPatterns:
    """The patterns, read and compiled once per process, when the first text is redacted."""
    return parse_secret_patterns((files("ocisize") / "history" / _FILE).read_text("utf-8"))


def parse_secret_patterns(text: str) -> SecretPatterns:
    """Parse the text of a file like ``secrets.toml``; raises TomlError, which lists all problems with their lines."""
    document = read_toml(text, _FILE)
    document.refuse_unknown(("word", "harmless", "value"))
    words = [_read_words(table) for table in document.tables("word")]
    harmless = [_read_value(table, "what") for table in document.tables("harmless")]
    harmless_value = _compile(document, "harmless", "|".join(f"(?:{value.pattern})" for value in harmless), re.IGNORECASE)
    secrets = []
    for table in document.tables("value"):
        secret = _read_value(table, "title")
        secrets.append((secret, _compile(table, "pattern", secret.pattern, re.DOTALL)))
    for role in WordRole:
        if sum(word.role is role for word in words) != 1:
            document.note("word", f"expected one table with the role {role.value}")
    if document.problems:
        raise TomlError("; ".join(document.problems))
    return SecretPatterns(
        words={word.role: word for word in words},
        harmless=tuple(harmless),
        harmless_value=harmless_value,
        secrets=tuple(secrets),
    )


def _read_words(table: TableReader) -> WordPattern:
    table.refuse_unknown(("role", "what", "source", "words", "matches", "misses"))
    return WordPattern(
        role=table.choice("role", WordRole.ANYWHERE, required=True),
        pattern=_compile(table, "words", "|".join(table.texts("words", required=True))),
        matches=table.texts("matches", required=True),
        misses=table.texts("misses", required=True),
    )


def _read_value(table: TableReader, title: str) -> ValuePattern:
    table.refuse_unknown((title, "pattern", "source", "matches", "misses"))
    return ValuePattern(
        title=table.text(title, required=True),
        pattern=table.text("pattern", required=True),
        matches=table.texts("matches", required=True),
        misses=table.texts("misses", required=True),
    )


def _compile(table: TableReader, key: str, pattern: str, flags: int = 0) -> re.Pattern[str]:
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        table.note(key, f"is no regular expression: {error}")
        return re.compile("")
