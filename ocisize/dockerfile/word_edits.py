"""Changes to single words of a text that keep its line breaks, indentation and comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_MAX_COMPARED = 250_000  # pairs of words; beyond them all words are replaced


def edit_words(tokens: Sequence[str], words: Sequence[str], gaps: Sequence[str], after: Sequence[str]) -> str:
    r"""Return the source of a text with other words, changing as little of the source as possible.

    ``tokens`` are the words in the source, where one may go on in the next line; ``words`` are the same words on one line.
    ``gaps`` are the texts between the tokens, one fewer than tokens. ``after`` are the words that the result has.

    >>> edit_words(["apk", "add", "a", "b"], ["apk", "add", "a", "b"], [" ", " \\\n  ", " \\\n  "], ["apk", "add", "b"])
    'apk add \\\n  b'
    """
    result: list[str] = []
    waiting: list[str] = []  # the gaps since the last word of the result

    def add(word: str, gap: str | None = None) -> None:
        if result:
            result.append(_choose_gap(waiting) if gap is None else gap)
        result.append(word)
        if gap is None:
            waiting.clear()

    for start, end, new in _changes(words, after):
        kept = end - start if new is None else min(end - start, len(new))
        for index in range(start, end):
            waiting.extend(gaps[index - 1 : index] if index else ())
            if index - start < kept:
                add(tokens[index] if new is None else new[index - start])
        for word in (new or ())[kept:]:
            add(word, _gap_of_list(gaps, end))
    return "".join(result)


def strip_comments(gap: str) -> str:
    r"""Return the text between two words without its comment lines and blank lines.

    >>> strip_comments(" && \\\n    # why\n    ")
    ' && \\\n    '
    """
    first, *middle = gap.split("\n")
    if not middle:
        return gap
    last = middle.pop()
    kept = [line for line in middle if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join([first, *kept, last])


def _changes(words: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, int, Sequence[str] | None]]:
    """Ranges of ``words`` in order, each with the words that replace the range; None for words that stay."""
    start = 0
    while start < min(len(words), len(after)) and words[start] == after[start]:
        start += 1
    tail = 0
    while tail < min(len(words), len(after)) - start and words[-1 - tail] == after[-1 - tail]:
        tail += 1
    yield 0, start, None
    old, new = words[start : len(words) - tail], after[start : len(after) - tail]
    if not old or not new or len(old) * len(new) > _MAX_COMPARED:
        yield start, start + len(old), new
    else:
        from difflib import SequenceMatcher

        for kind, first, last, first_new, last_new in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            yield start + first, start + last, None if kind == "equal" else new[first_new:last_new]
    yield len(words) - tail, len(words), None


def _choose_gap(gaps: Sequence[str]) -> str:
    """The gap to keep where words between several gaps are gone: one with a comment, else one with a line break."""
    gap = " "
    for candidate in gaps:
        if _rank(candidate) >= _rank(gap):
            gap = candidate
    return gap


def _rank(gap: str) -> int:
    return ("\n" in gap) + (gap != strip_comments(gap))


def _gap_of_list(gaps: Sequence[str], index: int) -> str:
    """The gap before a new word in front of word ``index``: that of a list with one word on each line, else a blank."""
    before = strip_comments(gaps[index - 2]) if 2 <= index <= len(gaps) + 1 else ""
    return before if "\n" in before and (index > len(gaps) or "\n" in gaps[index - 1]) else " "
