"""RunSource: the commands of a RUN, and new RUNs of them that keep the text of each command that does not change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from ocisize.dockerfile.joined import JoinedText, join_lines
from ocisize.dockerfile.shell_units import ShellUnits, find_units
from ocisize.dockerfile.word_edits import edit_words, strip_comments
from ocisize.dockerfile.words import parse_words, split_flags
from ocisize.values import field, frozen

_RUN = re.compile(r"\s*RUN(?=\s)", re.IGNORECASE)
_WORD = re.compile(r"\S+")
_INDENT = "    "
_CUT = "…"  # ends a text that was cut


@frozen(slots=False)  # with a dictionary for the cached properties
class RunSource:
    r"""A RUN in shell form: the lines of a Dockerfile, or the text of a build step. ``RunSource.parse`` makes it.

    >>> run = RunSource.parse("RUN --network=none apt-get update && \\\n    apt-get install -y curl | tee log; ldconfig")
    >>> run.options, run.units, run.separators
    (('--network=none',), ('apt-get update', 'apt-get install -y curl | tee log', 'ldconfig'), ('&&', ';'))
    """

    source: str
    escape: str
    _joined: JoinedText = field(eq=False, repr=False)
    _start: int = field(eq=False, repr=False)  # of the arguments in the joined text
    _shell: ShellUnits = field(eq=False, repr=False)

    @classmethod
    def parse(cls, source: str, escape: str = "\\") -> RunSource | None:
        """Parse a RUN; None where its commands cannot be edited with certainty.

        None for the exec form, here-documents, comments of the shell, text that was cut, and what is not balanced.
        ``escape`` is the character that continues lines.

        >>> RunSource.parse('RUN ["make"]') is RunSource.parse("RUN echo 'a") is RunSource.parse("COPY a b") is None
        True
        """
        joined = join_lines(source, escape)
        match = _RUN.match(joined.text)
        if match is None or not joined.complete or source[joined.end :].strip() or joined.text.rstrip().endswith(_CUT):
            return None
        start = match.end() + split_flags(joined.text[match.end() :])[1]
        if parse_words(joined.text[start:].strip()) is not None:
            return None
        shell = find_units(joined.text, start)
        return cls(source, escape, joined, start, shell) if shell is not None else None

    @cached_property
    def options(self) -> tuple[str, ...]:
        """The flags of the RUN, such as ``--mount=…``."""
        return split_flags(self._joined.text[self.keyword_end : self._start])[0]

    @cached_property
    def units(self) -> tuple[str, ...]:
        """The commands between ``&&`` and ``;``, each on one line; pipelines and compound commands are whole."""
        return tuple(" ".join(self._joined.text[start:end].split()) for start, end in self._shell.spans)

    @property
    def separators(self) -> Sequence[str]:
        """What is between the commands: ``&&`` or ``;``."""
        return self._shell.separators

    @property
    def can_lead(self) -> bool:
        """Whether the commands can come first in a RUN that goes on with those of another RUN.

        False if they change the shell, run in the background, or end with a separator.
        """
        return not (self._shell.changes_shell or self._shell.has_background or self._shell.ends_with_separator)

    @property
    def can_join(self) -> bool:
        """Whether the commands can come first or behind those of another RUN.

        False as for ``can_lead``, and if a ``||`` or ``;`` would hide that a command in front of them fails.
        """
        return self.can_lead and not self._shell.has_alternatives and ";" not in self.separators

    @property
    def keyword_end(self) -> int:
        """The offset behind the word RUN, in the source and in the joined text."""
        match = _RUN.match(self._joined.text)
        return match.end() if match else 0

    @property
    def head(self) -> str:
        """The source in front of the first command."""
        return self.source[: self._span(0)[0]]

    @property
    def tail(self) -> str:
        """The source behind the last command."""
        return self.source[self._span(len(self.units) - 1)[1] :]

    def separator(self, index: int) -> str:
        """The source between the commands ``index`` and ``index + 1``."""
        return self.source[self._span(index)[1] : self._span(index + 1)[0]]

    def _span(self, index: int) -> tuple[int, int]:
        start, end = self._shell.spans[index]
        return self._joined.offset(start), self._joined.offset(end - 1) + 1

    def with_words(self, index: int, text: str) -> str:
        r"""The source of a command with the words of ``text``; all other words, line breaks and comments stay.

        >>> RunSource.parse("RUN pip install \\\n    a && b").with_words(0, "pip install --no-cache-dir a")
        'pip install --no-cache-dir \\\n    a'
        """
        if " ".join(text.split()) == self.units[index]:
            return self.source[slice(*self._span(index))]
        matches = list(_WORD.finditer(self._joined.text, *self._shell.spans[index]))
        spans = [(self._joined.offset(match.start()), self._joined.offset(match.end() - 1) + 1) for match in matches]
        gaps = [self.source[left[1] : right[0]] for left, right in pairwise(spans)]
        tokens = [self.source[start:end] for start, end in spans]
        return edit_words(tokens, [match[0] for match in matches], gaps, text.split())


@frozen
class Piece:
    """A command of a new RUN: new text, or the command ``index`` of a source with the words of ``text``."""

    text: str
    source: RunSource | None = None
    index: int = -1

    @property
    def origin(self) -> RunSource | None:
        """The source that has the command; None for new text."""
        return self.source if self.index >= 0 else None


def render_run(pieces: Sequence[Piece], *, options: Sequence[str] = ()) -> str:
    r"""Return a RUN of some commands, with the source of all commands and separators that stay.

    The RUN has the options of all sources and ``options``. Commands that become neighbors are joined by ``&&``, on lines of
    their own if a source has several lines.

    >>> run = RunSource.parse("RUN apt-get update && \\\n    apt-get install -y curl")
    >>> print(render_run([Piece(run.units[0], run, 0), Piece(run.units[1], run, 1), Piece("rm -rf /var/lib/apt/lists/*")]))
    RUN apt-get update && \
        apt-get install -y curl && \
        rm -rf /var/lib/apt/lists/*
    """
    sources = list(dict.fromkeys(piece.source for piece in pieces if piece.source is not None))
    text = [_head(sources, options)]
    fresh = _fresh_separator(sources)
    operator = "&&"
    for number, piece in enumerate(pieces):
        if number:
            operator, separator = _separate(pieces[number - 1], piece, operator, fresh)
            text.append(separator)
        text.append(
            " ".join(piece.text.split()) if piece.origin is None else piece.origin.with_words(piece.index, piece.text)
        )
    last = pieces[-1]
    if last.origin is not None and last.index == len(last.origin.units) - 1:
        text.append(last.origin.tail)
    return "".join(text)


def _head(sources: Sequence[RunSource], options: Sequence[str]) -> str:
    if not sources:
        return " ".join(["RUN", *options, ""])
    first = sources[0]
    wanted = dict.fromkeys([*options, *(option for source in sources[1:] for option in source.options)])
    added = [f" {option}" for option in wanted if option not in first.options]
    return f"{first.head[: first.keyword_end]}{''.join(added)}{first.head[first.keyword_end :]}"


def _fresh_separator(sources: Sequence[RunSource]) -> str:
    """What is put between commands that were no neighbors: in the style of the first source with several lines."""
    for source in sources:
        if "\n" not in source.source:
            continue
        separators = [source.separator(index) for index, operator in enumerate(source.separators) if operator == "&&"]
        broken = [separator for separator in separators if "\n" in separator and separator == strip_comments(separator)]
        if broken:
            return min(broken, key=lambda separator: separator.count("\n"))
        newline = "\r\n" if "\r\n" in source.source else "\n"
        return f" {source.escape}{newline}{_indent_of(source)}&& "
    return " && "


def _indent_of(source: RunSource) -> str:
    indents = (line[: len(line) - len(line.lstrip())] for line in _continued_lines(source))
    return next(indents, "") or _INDENT


def _continued_lines(source: RunSource) -> Iterator[str]:
    return (line for line in source.source.split("\n")[1:] if line.strip() and not line.lstrip().startswith("#"))


def _separate(left: Piece, right: Piece, before: str, fresh: str) -> tuple[str, str]:
    """The operator between two commands and its source. A ``;`` stays one: ``set -e; a && b; c`` would hide that a fails."""
    source = left.origin
    if source is not None and source == right.origin and left.index < right.index:
        operator = source.separators[left.index]
        if operator == source.separators[right.index - 1]:
            return operator, source.separator(right.index - 1)
        return operator, strip_comments(source.separator(left.index))
    if right.origin is not None and source is None and right.index and right.origin.separators[right.index - 1] == ";":
        return ";", right.origin.separator(right.index - 1)
    if right.origin is None and source is not None and source.separators[left.index : left.index + 1] == (";",):
        return ";", strip_comments(source.separator(left.index))
    if right.origin is None and source is None and before == ";":
        return ";", "; "
    return "&&", fresh
