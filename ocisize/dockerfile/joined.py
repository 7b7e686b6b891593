"""The lines of an instruction joined to one line, with the way back from each character to the source."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ocisize.values import frozen

_BLANKS = " \t"


def continues(line: str, escape: str) -> bool:
    r"""Whether the next line belongs to the same instruction: the line ends with one escape character and maybe blanks.

    >>> continues("RUN a \\ ", "\\"), continues("RUN a \\\\", "\\")
    (True, False)
    """
    line = line.removesuffix("\r").rstrip(_BLANKS)
    return line.endswith(escape) and not line.endswith(2 * escape)


def is_skipped(line: str) -> bool:
    """Whether a line within an instruction is no part of the instruction: a comment, or blank.

    >>> is_skipped("  # why"), is_skipped(""), is_skipped("a # b")
    (True, True, False)
    """
    line = line.strip()
    return not line or line.startswith("#")


@frozen
class JoinedText:
    """Text of an instruction on one line, without escape characters, line ends, comments and blank lines."""

    text: str
    end: int  #: offset in the source of the line end behind the instruction, or the length of the source
    complete: bool  #: False if the last line continues and nothing follows
    _starts: Sequence[int]  # of the slices in ``text``
    _sources: Sequence[int]  # offsets of the slices in the source

    def offset(self, index: int) -> int:
        """The offset in the source of the character ``index`` of the text."""
        number = max(bisect_right(self._starts, index) - 1, 0)
        return self._sources[number] + index - self._starts[number]


def join_lines(source: str, escape: str = "\\") -> JoinedText:
    r"""Join the lines of the instruction that ``source`` begins with, as a builder does.

    >>> joined = join_lines("RUN a && \\\n    # why\n    b\nEOF")
    >>> joined.text, joined.offset(joined.text.index("b")), joined.end
    ('RUN a &&     b', 25, 26)
    """
    slices: list[str] = []
    starts: list[int] = []
    sources: list[int] = []
    length = position = end = 0
    complete = False
    while position < len(source) or not position:
        line_end = source.find("\n", position)
        line_end = len(source) if line_end < 0 else line_end
        line = source[position:line_end]
        if not is_skipped(line):
            complete = not continues(line, escape)
            line = line.removesuffix("\r") if complete else line.removesuffix("\r").rstrip(_BLANKS)[:-1]
            slices.append(line)
            starts.append(length)
            sources.append(position)
            length += len(line)
            end = line_end
            if complete:
                break
        position = line_end + 1
    return JoinedText("".join(slices), end, complete, starts or [0], sources or [0])
