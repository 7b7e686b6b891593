r"""Dockerfiles, as far as findings are shown at their lines: instructions, and which of them wrote which layer.

Form: https://docs.docker.com/reference/dockerfile/. An instruction ends with the line that no escape character continues;
comments and empty lines within it do not count, and a here-document belongs to it. What a builder notes in the history is
not the text of the file: variables are expanded in COPY, ADD and WORKDIR, options of RUN are left out, older builders name
hashes in place of sources. So a layer is paired with an instruction only where the two can be the same, in order; the rest
has none.
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
_MAX_CELLS = 1_000_000  # pairs of layer and instruction that are looked at
_SAME, _LIKE = 2, 1


@attrs.frozen(kw_only=True)
class Instruction:
    """One instruction and the lines it takes, counted from 1."""

    keyword: str  #: in capitals
    text: str  #: what follows it, on one line and without options
    first: int
    last: int
    width: int = 0  #: characters of the last line


def parse_dockerfile(text: str) -> tuple[Instruction, ...]:
    """The instructions in their order; what is none is passed over, a file of any content is none or some."""
    lines = text.removeprefix("\ufeff").split("\n")
    return tuple(_instructions(lines, _find_escape(lines)))


def _find_escape(lines: Sequence[str]) -> str:
    """The character that continues a line; directives stand before all else."""
    for line in lines:
        if match := _ESCAPE.fullmatch(line.strip()):
            return match[1]
        if not _DIRECTIVE.fullmatch(line.strip()):
            break
    return "\\"


def _instructions(lines: Sequence[str], escape: str) -> Iterator[Instruction]:
    at = 0
    while at < len(lines):
        first, pieces = at, list[str]()
        last = at
        while at < len(lines) and (at == first or pieces):
            line = lines[at].rstrip()
            at += 1
            if line and not line.lstrip().startswith("#"):
                goes_on = line.endswith(escape) and not line.endswith(2 * escape)
                pieces.append(line[:-1] if goes_on else line)
                last = at - 1
                if not goes_on:
                    break
        match = _KEYWORD.fullmatch("".join(pieces))
        if match is None:
            continue
        keyword, rest = match[1].upper(), match[2] or ""
        body, end = _heredocs(lines, at, rest) if keyword in _WITH_LAYERS else ("", at)
        last, at = max(last, end - 1), end
        if body and _HEREDOC.fullmatch(rest.strip()):
            rest = body
        yield Instruction(
            keyword=keyword, text=_plain(rest), first=first + 1, last=last + 1, width=len(lines[last].rstrip("\r"))
        )


def _heredocs(lines: Sequence[str], at: int, text: str) -> tuple[str, int]:
    """The text of the here-documents that an instruction opens, and the line behind them."""
    found = list[str]()
    for dash, _, word in _HEREDOC.findall(text):
        start = at
        while at < len(lines) and (lines[at].lstrip("\t") if dash else lines[at]).rstrip("\r") != word:
            at += 1
        found += lines[start:at]
        at = min(at + 1, len(lines))
    return "\n".join(found), at


def _plain(text: str) -> str:
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
    """The instruction that wrote each layer, base first, given the layers' build steps.

    The lowest ``base`` layers belong to the FROM of the last stage where no instruction is theirs. None where nothing
    in the file can be what wrote the layer.
    """
    found: list[Instruction | None] = [None] * len(steps)
    writing = [each for each in instructions if each.keyword in _WITH_LAYERS]
    for layer, number in _pair(steps, writing):
        found[layer] = writing[number]
    origin = _base_of(instructions)
    return tuple(origin if each is None and layer < base else each for layer, each in enumerate(found))


def _pair(steps: Sequence[BuildStep], instructions: Sequence[Instruction]) -> Iterator[tuple[int, int]]:
    """The pairs, in order on both sides, that fit best together; of equal ones those further down the file."""
    if len(steps) * len(instructions) > _MAX_CELLS:
        return
    fits = []
    for step in steps:
        text = _plain(step.text.partition(" ")[2])
        fits.append([_fit(step.keyword.upper(), text, each) for each in instructions])
    best = [[0] * (len(instructions) + 1) for _ in range(len(steps) + 1)]  # of what is before
    for row, line in enumerate(fits):
        for column, fit in enumerate(line):
            paired = best[row][column] + fit if fit else 0
            best[row + 1][column + 1] = max(paired, best[row][column + 1], best[row + 1][column])
    row, column = len(steps), len(instructions)
    while row and column:
        fit = fits[row - 1][column - 1]
        if fit and best[row][column] == best[row - 1][column - 1] + fit:
            row, column = row - 1, column - 1
            yield row, column
        elif best[row][column] == best[row - 1][column]:
            row -= 1
        else:
            column -= 1


def _fit(keyword: str, text: str, instruction: Instruction) -> int:
    """How well a layer's build step fits an instruction, 0 where that cannot have written it."""
    if keyword != instruction.keyword or not text:
        return 0
    if text == instruction.text:
        return _SAME
    if keyword == "RUN":
        return 0
    source = _HASHED.match(text)
    if source:
        return _LIKE if text[source.end() :].split() == instruction.text.split()[-1:] else 0
    return _LIKE if _can_become(_VARIABLE.split(instruction.text), text) else 0


def _can_become(parts: Sequence[str], text: str) -> bool:
    """Whether some text in place of the variables between the parts makes ``text``."""
    first, *middle = parts
    if not middle or not text.startswith(first):
        return False
    at, last = len(first), middle.pop()
    for part in middle:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return text.endswith(last) and len(text) - len(last) >= at


def _base_of(instructions: Sequence[Instruction]) -> Instruction | None:
    """The FROM that names the image below the last stage; a stage that goes on from another one has that one's."""
    stages: dict[str, Instruction] = {}
    found = None
    for each in instructions:
        match = _FROM.fullmatch(each.text) if each.keyword == "FROM" else None
        if match is not None:
            found = stages.get(match[1].lower(), each)
            if match[2]:
                stages[match[2].lower()] = found
    return found
