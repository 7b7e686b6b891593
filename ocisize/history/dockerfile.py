r"""Dockerfiles, as far as findings are shown at their lines: the instructions, and which of them wrote which layer.

Form: https://docs.docker.com/reference/dockerfile/. An instruction ends with the line that no escape character continues;
comments and empty lines within the instruction do not count, and a here-document belongs to it.

The history of an image does not have the text of the file: builders expand variables in COPY, ADD and WORKDIR, leave out
options of RUN, and older ones write hashes in place of sources. So layers and instructions are paired in order, and only if
the instruction can be what wrote the layer; other layers have no instruction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import attrs

from ocisize.model.build_step import BuildStep

_KEYWORD = re.compile(r"\s*([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)
_ESCAPE = re.compile(r"#\s*escape\s*=\s*([\\`])\s*", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#\s*\w+\s*=.*")
_HEREDOC = re.compile(r"(?<!\S)\d*<<(-?)([\"']?)(\w+)\2")
_OPTIONS = re.compile(r"(?:--[a-z][a-z-]*(?:=(?:\"[^\"]*\"|\S)*)?\s+)+")
_FROM = re.compile(r"(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
_VARIABLE = re.compile(r"\$(?:\{[^}]*\}|\w+)")
_HASHED = re.compile(r"(?:file|dir|multi):\S+ in ")
_WITH_LAYERS = ("RUN", "COPY", "ADD", "WORKDIR")
_MAX_PAIRS = 1_000_000  # of layers and instructions that are compared
_EQUAL, _SIMILAR = 2, 1  # scores of a pair


@attrs.frozen(kw_only=True)
class Instruction:
    """One instruction and its lines, counted from 1."""

    keyword: str  #: in capitals
    text: str  #: the arguments on one line, without options
    first: int
    last: int
    width: int = 0  #: characters of the last line


def parse_dockerfile(text: str) -> tuple[Instruction, ...]:
    r"""Return the instructions of a Dockerfile, in order. Any text is accepted: lines that are no instruction are skipped.

    >>> for instruction in parse_dockerfile("FROM debian:12\nRUN apt-get update && \\\n    apt-get install -y curl\n"):
    ...     print(instruction.first, instruction.last, instruction.keyword, instruction.text)
    1 1 FROM debian:12
    2 3 RUN apt-get update && apt-get install -y curl
    """
    lines = text.removeprefix("\ufeff").split("\n")
    return tuple(_instructions(lines, _find_escape(lines)))


def _find_escape(lines: Sequence[str]) -> str:
    """The character that continues a line; only directives can come before the one that sets it."""
    for line in lines:
        if match := _ESCAPE.fullmatch(line.strip()):
            return match[1]
        if not _DIRECTIVE.fullmatch(line.strip()):
            break
    return "\\"


def _instructions(lines: Sequence[str], escape: str) -> Iterator[Instruction]:
    row = 0
    while row < len(lines):
        first, pieces = row, list[str]()
        last = row
        while row < len(lines) and (row == first or pieces):
            line = lines[row].rstrip()
            row += 1
            if line and not line.lstrip().startswith("#"):
                continues = line.endswith(escape) and not line.endswith(2 * escape)
                pieces.append(line[:-1] if continues else line)
                last = row - 1
                if not continues:
                    break
        match = _KEYWORD.fullmatch("".join(pieces))
        if match is None:
            continue
        keyword, rest = match[1].upper(), match[2] or ""
        body, end = _read_heredocs(lines, row, rest) if keyword in _WITH_LAYERS else ("", row)
        last, row = max(last, end - 1), end
        if body and _HEREDOC.fullmatch(rest.strip()):
            rest = body
        yield Instruction(
            keyword=keyword, text=_normalize(rest), first=first + 1, last=last + 1, width=len(lines[last].rstrip("\r"))
        )


def _read_heredocs(lines: Sequence[str], row: int, text: str) -> tuple[str, int]:
    """The text of the here-documents that an instruction opens before ``row``, and the row behind them."""
    body = list[str]()
    for dash, _, word in _HEREDOC.findall(text):
        start = row
        while row < len(lines) and (lines[row].lstrip("\t") if dash else lines[row]).rstrip("\r") != word:
            row += 1
        body += lines[start:row]
        row = min(row + 1, len(lines))
    return "\n".join(body), row


def _normalize(text: str) -> str:
    """Arguments as histories have them: on one line, without options, a JSON array as words."""
    text = _OPTIONS.sub("", f"{' '.join(text.split())} ", count=1) if text.lstrip().startswith("--") else text
    text = " ".join(text.split())
    if text.startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return " ".join(words)
    return text


def find_lines(
    steps: Sequence[BuildStep], instructions: Sequence[Instruction], *, base: int = 0
) -> tuple[Instruction | None, ...]:
    r"""Return the instruction that wrote each layer, base first; None for a layer that no instruction can have written.

    ``steps`` are the build steps of the layers. ``base`` is the number of layers of the base image; those of them that no
    instruction wrote get the FROM of the last stage.

    >>> instructions = parse_dockerfile("FROM debian:12\nARG D=app\nCOPY src /$D\nRUN make\n")
    >>> steps = [BuildStep("ADD rootfs.tar /"), BuildStep("COPY src /app"), BuildStep("RUN make")]
    >>> [line.first for line in find_lines(steps, instructions, base=1) if line]
    [1, 3, 4]
    """
    wrote: list[Instruction | None] = [None] * len(steps)
    candidates = [instruction for instruction in instructions if instruction.keyword in _WITH_LAYERS]
    for layer, number in _pair(steps, candidates):
        wrote[layer] = candidates[number]
    origin = _base_of(instructions)
    return tuple(origin if instruction is None and layer < base else instruction for layer, instruction in enumerate(wrote))


def _pair(steps: Sequence[BuildStep], instructions: Sequence[Instruction]) -> Iterator[tuple[int, int]]:
    """The pairs, in order on both sides, with the highest total score; of equal ones those further down the file."""
    if len(steps) * len(instructions) > _MAX_PAIRS:
        return
    scores = []
    for step in steps:
        text = _normalize(step.text.partition(" ")[2])
        scores.append([_score(step.keyword.upper(), text, instruction) for instruction in instructions])
    best = [[0] * (len(instructions) + 1) for _ in range(len(steps) + 1)]  # totals of all pairs before
    for row, line in enumerate(scores):
        for column, score in enumerate(line):
            paired = best[row][column] + score if score else 0
            best[row + 1][column + 1] = max(paired, best[row][column + 1], best[row + 1][column])
    row, column = len(steps), len(instructions)
    while row and column:
        score = scores[row - 1][column - 1]
        if score and best[row][column] == best[row - 1][column - 1] + score:
            row, column = row - 1, column - 1
            yield row, column
        elif best[row][column] == best[row - 1][column]:
            row -= 1
        else:
            column -= 1


def _score(keyword: str, text: str, instruction: Instruction) -> int:
    """How well a build step fits an instruction; 0 if the instruction cannot have written the layer."""
    if keyword != instruction.keyword or not text:
        return 0
    if text == instruction.text:
        return _EQUAL
    if keyword == "RUN":
        return 0
    source = _HASHED.match(text)
    if source:
        return _SIMILAR if text[source.end() :].split() == instruction.text.split()[-1:] else 0
    return _SIMILAR if _can_become(_VARIABLE.split(instruction.text), text) else 0


def _can_become(parts: Sequence[str], text: str) -> bool:
    """Whether some text in place of the variables between the parts makes ``text``."""
    first, *middle = parts
    if not middle or not text.startswith(first):
        return False
    end, last = len(first), middle.pop()
    for part in middle:
        start = text.find(part, end)
        if start < 0:
            return False
        end = start + len(part)
    return text.endswith(last) and len(text) - len(last) >= end


def _base_of(instructions: Sequence[Instruction]) -> Instruction | None:
    """The FROM that names the base image of the last stage, or of the stage that the last stage is built on."""
    stages: dict[str, Instruction] = {}
    base = None
    for instruction in instructions:
        match = _FROM.fullmatch(instruction.text) if instruction.keyword == "FROM" else None
        if match is not None:
            base = stages.get(match[1].lower(), instruction)
            if match[2]:
                stages[match[2].lower()] = base
    return base
