"""SecretPatterns: the words that promise a secret and the values that are secrets, as secrets.toml lists them."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Mapping

from ocisize.tuples import NamedTuple


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


#: the roles of words that promise a secret; so does the name ``_auth``
_PROMISING = (WordRole.ANYWHERE, WordRole.LAST, WordRole.LAST_OF_SEVERAL)


class WordPattern(NamedTuple):
    """The words of one role."""

    role: WordRole
    what: str
    words: tuple[str, ...]  #: regular expressions for a whole word in capitals
    matches: tuple[str, ...]  #: names that the words decide
    misses: tuple[str, ...]  #: names that are decided the other way
    needles: tuple[str, ...] = ()  #: a word with none of these has another role; () if none is in every word
    source: str = ""

    @property
    def pattern(self) -> str:
        """Regular expression for a whole word in capitals."""
        return "|".join(self.words)


class ValuePattern(NamedTuple):
    """Values that are secrets, or harmless, whatever they are called."""

    title: str
    pattern: str  #: of secrets, group 1 is the secret; of harmless values, for the whole value
    matches: tuple[str, ...]
    misses: tuple[str, ...]
    needles: tuple[str, ...] = ()  #: a text with none of these has no such secret; () if none is in every match
    source: str = ""

    def find(self, text: str) -> Iterator[re.Match[str]]:
        """The secrets in a text."""
        if not self.needles or any(needle in text for needle in self.needles):
            return _compile(self.pattern, re.DOTALL).finditer(text)
        return iter(())


class SecretPatterns(NamedTuple):
    """All patterns of ``secrets.toml``. Each is compiled when a text may match, because few texts have secrets."""

    words: Mapping[WordRole, WordPattern]
    harmless: tuple[ValuePattern, ...]
    harmless_value: str  #: regular expression for the values of all ``harmless``
    secrets: tuple[ValuePattern, ...]
    name_needles: frozenset[str]  #: in capitals; every name that promises a secret has one

    def has_role(self, word: str, role: WordRole) -> bool:
        """Whether a word, in capitals, has a role.

        >>> load_secret_patterns().has_role("PASSWORD", WordRole.STRONG)
        True
        """
        words = self.words[role]
        if words.needles and not any(needle in word for needle in words.needles):
            return False
        return _compile(words.pattern).fullmatch(word) is not None

    def may_name_secret(self, text: str) -> bool:
        """Whether a text has letters that every name of a secret has.

        >>> load_secret_patterns().may_name_secret("apt-get update"), load_secret_patterns().may_name_secret("apiToken=")
        (False, True)
        """
        text = text.upper()
        return any(needle in text for needle in self.name_needles)

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
    """The patterns of ``secrets.toml``."""
    from ocisize.prebuilt.secrets import TABLE

    words = [WordPattern(**{**table, "role": WordRole(table["role"])}) for table in TABLE["word"]]
    harmless = tuple(ValuePattern(**table) for table in TABLE["harmless"])
    return SecretPatterns(
        words={word.role: word for word in words},
        harmless=harmless,
        harmless_value="|".join(f"(?:{value.pattern})" for value in harmless),
        secrets=tuple(ValuePattern(**table) for table in TABLE["value"]),
        name_needles=frozenset(needle for word in words if word.role in _PROMISING for needle in word.needles) | {"_AUTH"},
    )
