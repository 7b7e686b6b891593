r"""The instructions and stages of a Dockerfile, with the exact text of their lines.

Form: https://docs.docker.com/reference/dockerfile/. An instruction ends with the line that no escape character continues;
comments and empty lines within the instruction do not count, and a here-document belongs to it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from ocisize.dockerfile.joined import continues, is_skipped, join_lines
from ocisize.dockerfile.words import parse_words, split_flags, split_words
from ocisize.patterns import lazy_pattern
from ocisize.values import frozen

_KEYWORD = lazy_pattern(r"\s*([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)
_ESCAPE = lazy_pattern(r"#\s*escape\s*=\s*([\\`])\s*", re.IGNORECASE)
_DIRECTIVE = lazy_pattern(r"#\s*\w+\s*=.*")
_HEREDOC = lazy_pattern(r"\d*<<(-?)([^<\s]+)")
_FROM = lazy_pattern(r"(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_VARIABLE = lazy_pattern(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_QUOTES = str.maketrans("", "", "\"'")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")


@frozen(kw_only=True)
class Instruction:
    """One instruction and its lines, counted from 1."""

    keyword: str  #: in capitals
    text: str  #: the arguments on one line, without flags; of a JSON array its words
    first: int  #: number of the first line, from 1
    last: int  #: number of the last line
    width: int = 0  #: characters of the last line
    source: str = ""  #: the lines as they are in the file, without the last line end
    flags: Sequence[str] = ()  #: such as ``--from=build``
    words: Sequence[str] | None = None  #: of a JSON array; None for all other forms
    heredocs: Sequence[str] = ()  #: the names of the here-documents
    stage: int = -1  #: index of the stage; -1 before the first FROM

    @property
    def is_json(self) -> bool:
        """Whether the arguments are a JSON array: the exec form of RUN."""
        return self.words is not None

    @property
    def is_heredoc(self) -> bool:
        """Whether the instruction has here-documents."""
        return bool(self.heredocs)


@frozen(kw_only=True)
class Stage:
    """A build stage: a FROM and the instructions up to the next one."""

    index: int  #: its number, from 0
    name: str  #: in lower case; "" without a name
    base: str  #: the image or stage as the FROM names it
    parent: int | None  #: index of the stage that this one continues; None if the base is an image
    origin: Instruction  #: the FROM
    instructions: Sequence[Instruction]  #: without the FROM


@frozen(kw_only=True, slots=False)  # with a dictionary for the cached properties
class Dockerfile:
    """A parsed Dockerfile."""

    text: str  #: as it was read
    escape: str  #: the character that continues a line
    instructions: Sequence[Instruction]  #: in the order of the file
    stages: Sequence[Stage]  #: in the order of the file

    @property
    def newline(self) -> str:
        r"""The line end of the file: ``\r\n`` if the first line ends with that."""
        return "\r\n" if self.text.partition("\n")[0].endswith("\r") else "\n"

    @cached_property
    def chain(self) -> tuple[Stage, ...]:
        r"""The stages whose instructions make up the image of the last stage, in the order of the build.

        >>> text = "FROM debian AS a\nRUN x\nFROM golang AS b\nRUN y\nFROM a\nCOPY --from=b /y /y\n"
        >>> [stage.index for stage in parse_dockerfile(text).chain]
        [0, 2]
        """
        chain = list(self.stages[-1:])
        while chain and (parent := chain[-1].parent) is not None:
            chain.append(self.stages[parent])
        return tuple(reversed(chain))

    @cached_property
    def chain_instructions(self) -> tuple[Instruction, ...]:
        """The instructions of ``chain``, without each FROM."""
        return tuple(instruction for stage in self.chain for instruction in stage.instructions)


def parse_dockerfile(text: str) -> Dockerfile:
    r"""Parse a Dockerfile. Any text is accepted: lines that are no instruction are skipped.

    >>> for line in parse_dockerfile("FROM debian:12\nRUN apt-get update && \\\n    apt-get install -y curl\n").instructions:
    ...     print(line.first, line.last, line.keyword, line.text)
    1 1 FROM debian:12
    2 3 RUN apt-get update && apt-get install -y curl
    """
    lines = text.removeprefix("\ufeff").split("\n")
    escape = _find_escape(lines)
    instructions = tuple(_instructions(lines, escape))
    return Dockerfile(text=text, escape=escape, instructions=instructions, stages=tuple(_stages(instructions)))


def _find_escape(lines: Sequence[str]) -> str:
    """The character that continues a line; only directives can come before the one that sets it."""
    for line in lines:
        if match := _ESCAPE.fullmatch(line.strip()):
            return match[1]
        if not _DIRECTIVE.fullmatch(line.strip()):
            break
    return "\\"


def _instructions(lines: Sequence[str], escape: str) -> Iterator[Instruction]:
    terminators = _Terminators(lines)
    row, stage = 0, -1
    while row < len(lines):
        if is_skipped(lines[row]):
            row += 1
            continue
        first = last = row
        while row < len(lines):
            line = lines[row]
            row += 1
            if not is_skipped(line):
                last = row - 1
                if not continues(line, escape):
                    break
        match = _KEYWORD.fullmatch(join_lines("\n".join(lines[first : last + 1]), escape).text)
        if match is None:
            continue
        keyword, rest = match[1].upper(), match[2] or ""
        flags, start = split_flags(rest)
        arguments = rest[start:].strip()
        heredocs, body, row = terminators.read(keyword, arguments, row)
        last = row - 1 if heredocs else last
        words = None if heredocs else parse_words(arguments)
        stage += keyword == "FROM"
        yield Instruction(
            keyword=keyword,
            text=_one_line(arguments, words, () if keyword in ("COPY", "ADD") else body),
            first=first + 1,
            last=last + 1,
            width=len(lines[last].removesuffix("\r")),
            source="\n".join(lines[first : last + 1]).removesuffix("\r"),
            flags=flags,
            words=words,
            heredocs=heredocs,
            stage=stage,
        )


class _Terminators:
    """Where the here-documents end: rows by line, so that no search runs through all lines again."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._rows: dict[bool, dict[str, list[int]]] = {}

    def read(self, keyword: str, arguments: str, row: int) -> tuple[tuple[str, ...], Sequence[str], int]:
        """The names of the here-documents that an instruction opens before ``row``, their text, and the row behind them.

        A here-document without its end is none, as for the builders that do not know here-documents.
        """
        onbuild = keyword == "ONBUILD" and arguments.partition(" ")[0].upper() in _WITH_HEREDOCS
        if "<<" not in arguments or not (onbuild or keyword in _WITH_HEREDOCS):
            return (), (), row
        names: list[str] = []
        body: list[str] = []
        opened = list(_heredocs(arguments))
        for tabs, name in opened:
            end = self._find(name, tabs=tabs, row=row)
            if end is None:
                break
            names.append(name)
            body += self._lines[row:end] if [arguments] == arguments.split() else self._lines[row : end + 1]
            row = end + 1
        return tuple(names), body, row

    def _find(self, name: str, *, tabs: bool, row: int) -> int | None:
        if tabs not in self._rows:
            rows = self._rows[tabs] = {}
            for number, line in enumerate(self._lines):
                text = line.removesuffix("\r")
                rows.setdefault(text.lstrip("\t") if tabs else text, []).append(number)
        candidates = self._rows[tabs].get(name, ())
        index = bisect_left(candidates, row)
        return candidates[index] if index < len(candidates) else None


def _heredocs(arguments: str) -> Iterator[tuple[bool, str]]:
    """Of each here-document that a line opens, whether leading tabs go, and its name."""
    for word in split_words(arguments):
        match = _HEREDOC.fullmatch(word)
        if match is not None and (name := match[2].translate(_QUOTES)):
            yield match[1] == "-", name


def _one_line(arguments: str, words: Sequence[str] | None, body: Sequence[str]) -> str:
    """Arguments as histories have them: on one line, the text of here-documents in place of or behind the words."""
    if words is not None:
        return " ".join(words)
    if body and len(arguments.split()) == 1:
        arguments = ""
    return " ".join(" ".join([arguments, *body]).split())


def _stages(instructions: Sequence[Instruction]) -> Iterator[Stage]:
    names: dict[str, int] = {}
    starts = [index for index, instruction in enumerate(instructions) if instruction.keyword == "FROM"]
    ends = [*starts[1:], len(instructions)][: len(starts)]
    defaults = _argument_defaults(instructions[: starts[0]] if starts else ())
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        match = _FROM.fullmatch(instructions[start].text)
        base, name = (match[1], (match[2] or "").lower()) if match else ("", "")
        yield Stage(
            index=index,
            name=name,
            base=base,
            parent=names.get(_expand(base, defaults).lower()),
            origin=instructions[start],
            instructions=instructions[start + 1 : end],
        )
        if name:
            names[name] = index


def _argument_defaults(instructions: Sequence[Instruction]) -> Mapping[str, str]:
    words = [word for line in instructions if line.keyword == "ARG" for word in line.text.split()]
    return {name: value.translate(_QUOTES) for name, _, value in (word.partition("=") for word in words)}


def _expand(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[3]) or match[2] or "", text)
