"""Texts and tables as GitHub-flavored Markdown, in which names from an image are code: markup and links have no effect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ocisize.report.words.units import cut
from ocisize.text import count_of, printable, printable_lines, split_code

MAX_CODE = 240  #: characters of a name or build step
MAX_COMMAND = 2000  #: characters of a command in a fix, which people copy
_PLAIN = re.compile(r"[^\W_]|[ .,;:/()%+…→·≤≥≈'-]")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "=": "="}
_LINKED = re.compile(r"://|www\.|:\w+:|\bGH-\d", re.IGNORECASE)  # becomes a link or an emoji outside of code
_SAFE_IN_SPAN = re.compile(r"(?=.*\S)[^`|\\]+")  # text that a code span in a table can hold unchanged
_SAFE_IN_ELEMENT = " /,-=%+;{}()'^?"  # characters that are no markup in an element within a table
_FENCE = re.compile(r"`{3,}")


def byte_length(text: str) -> int:
    """The bytes of a text as UTF-8."""
    return len(text.encode())


class Table:
    """A table with as many rows as fit."""

    def __init__(self, noun: str, columns: str, *, left: int) -> None:
        """``noun``: of a row. ``columns``: separated by bars; all but a platform and the last ``left`` are numbers."""
        self._noun = noun
        names = columns.split(" | ")
        texts = [number >= len(names) - left or name == "Platform" for number, name in enumerate(names)]
        self._head = f"| {columns} |\n|{''.join('---|' if text else '---:|' for text in texts)}"

    def length(self, rows: Sequence[str], *, summary: str = "") -> int:
        """Bytes of the table with all rows."""
        return byte_length(self._text(rows, 0, summary))

    def fill(self, rows: Sequence[str], room: int, *, summary: str = "") -> str:
        """The table in at most ``room`` bytes, folded if it has a summary; "" if there are no rows or none fits."""
        if rows and self.length(rows, summary=summary) <= room:
            return self._text(rows, 0, summary)
        room -= byte_length(self._text((), len(rows), summary))
        shown = 0
        for row in rows:
            room -= byte_length(row) + 1
            if room < 0:
                break
            shown += 1
        return self._text(rows[:shown], len(rows) - shown, summary) if shown else ""

    def fill_first(self, rows: Sequence[str], count: int, room: int) -> str:
        """The first ``count`` rows, and the others folded below, in at most ``room`` bytes; "" if no row fits."""
        first, rest = rows[:count], rows[count:]
        if not rest:
            return self.fill(first, room)
        text = self.fill(first, room // 2)
        if not text:
            return ""
        folded = self.fill(rest, room - byte_length(text), summary=count_of(len(rest), f"more {self._noun}"))
        return text + (folded or f"\n{note_missing(len(rest), self._noun)}")  # a note takes less room than the first rows

    def _text(self, rows: Sequence[str], missing: int, summary: str) -> str:
        note = f"\n{note_missing(missing, self._noun)}" if missing else ""
        body = "\n".join((self._head, *rows)) + f"\n{note}"
        return fold(summary, body) if summary else f"\n{body}"


def note_missing(count: int, noun: str) -> str:
    """A line about rows or blocks that a report has no room for."""
    return f"… and {count_of(count, f'more {noun}')}, not shown to save space.\n"


def fill_blocks(blocks: Sequence[str], noun: str, room: int) -> str:
    """The first blocks in at most ``room`` bytes, and how many there are more; "" if not even that fits.

    ``noun``: of a block, singular.
    """
    texts = [f"\n{block}\n" for block in blocks]
    if sum(map(byte_length, texts)) <= room:
        return "".join(texts)
    room -= byte_length(note_missing(len(blocks), noun)) + 1
    shown = 0
    while (room := room - byte_length(texts[shown])) >= 0:
        shown += 1
    return "".join([*texts[:shown], f"\n{note_missing(len(blocks) - shown, noun)}"]) if shown else ""


def keep_together(text: str) -> str:
    """A figure whose number and unit stay on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def escape_text(text: str) -> str:
    """Markdown for a text with code in backticks, as findings have it. Words that could be markup become code, too.

    >>> print(escape_text("Delete `rm -rf /x` and *.pyc in /a"))
    Delete `rm -rf /x` and `*.pyc` in /a
    """
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    for number, piece in enumerate(split_code(text)):
        if number % 2:
            yield code_span(piece, MAX_COMMAND)
            continue
        for word in re.split(r"( +)", printable(piece)):
            bare = word.lstrip("(").rstrip(".,;:)")
            start = len(word) - len(word.lstrip("("))
            yield _ENTITIES.get(word) or (
                word if _is_plain(word) else word[:start] + code_span(bare) + word[start + len(bare) :]
            )


def _is_plain(word: str) -> bool:
    return all(map(_PLAIN.fullmatch, word)) and not _LINKED.search(word)


def code_span(text: str, max_length: int = MAX_CODE) -> str:
    """Text as code in a table: a code span, or an element if the text could end a code span.

    A text of more than ``max_length`` characters is cut.

    >>> print(code_span("/bin/sh"), code_span("a|b"))
    `/bin/sh` <code>a&#124;b</code>
    """
    text = printable(text)
    text = cut(text, max_length)
    if _SAFE_IN_SPAN.fullmatch(text):
        return f"`{text}`"
    safe = _SAFE_IN_ELEMENT if "www" in text.lower() else f"{_SAFE_IN_ELEMENT}."
    escaped = (character if character.isalnum() or character in safe else f"&#{ord(character)};" for character in text)
    return f"<code>{''.join(escaped)}</code>"


def code_block(text: str, language: str = "") -> str:
    """Lines of code, fenced by more backticks than any run of them in the lines.

    >>> print(code_block("RUN a", "dockerfile"))
    ```dockerfile
    RUN a
    ```
    """
    text = printable_lines(text)
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCE.findall(text))])
    return f"{fence}{language}\n{text}\n{fence}"


def fold(summary: str, body: str) -> str:
    """Blocks that a reader unfolds."""
    return f"\n<details>\n<summary>{summary}</summary>\n\n{body.strip(chr(10))}\n\n</details>\n"
