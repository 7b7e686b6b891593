"""The nearest of some known words, for the hints of usage errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MIN_RATIO = 0.7  # of difflib: one or two wrong letters of a short word
_MIN_PREFIX = 2  # characters of a beginning that is taken for the word


def find_nearest(word: str, known: Iterable[str], *, min_ratio: float = _MIN_RATIO) -> str | None:
    """Return the known word that a misspelled word probably means, also one that it begins; None if no word is near.

    >>> find_nearest("jsno", ["text", "json"]), find_nearest("Lay", ["layers", "waste"]), find_nearest("x", ["text"])
    ('json', 'layers', None)
    """
    by_name = {name.lower(): name for name in known}
    lowered = word.lower()
    longer = [name for name in by_name if name.startswith(lowered)] if len(lowered.lstrip("-")) >= _MIN_PREFIX else []
    if lowered in by_name or len(longer) == 1:
        return by_name[lowered if lowered in by_name else longer[0]]
    import difflib  # 5 ms, for errors only

    meant = difflib.get_close_matches(lowered, by_name, 1, cutoff=min_ratio)
    return by_name[meant[0]] if meant else None


def advise_on_word(word: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Return a hint about a word that is not one of the known ones: the nearest, behind ``prefix``, or all of them.

    >>> advise_on_word("jsno", ["text", "json"], prefix="-f ")
    'did you mean -f json?'
    >>> advise_on_word("pdf", ["text", "json"])
    'choose from text, json'
    """
    words = list(known)
    nearest = find_nearest(word, words)
    return f"did you mean {prefix}{nearest}?" if nearest else f"choose from {', '.join(words)}"


def join_words(words: Sequence[str], conjunction: str = "and") -> str:
    """Return words as a phrase.

    >>> join_words(["analyze", "files", "tree"]), join_words(["write", "check"], "or"), join_words(["tree"])
    ('analyze, files and tree', 'write or check', 'tree')
    """
    return f" {conjunction} ".join(filter(None, (", ".join(words[:-1]), words[-1])))
