"""Which instruction of a Dockerfile made which layer of an image, and how many layers are the base image's.

The history of an image does not have the text of the file: builders expand variables in COPY, ADD and WORKDIR, leave out
flags of RUN, and older ones write hashes in place of sources. So layers and instructions are paired in order, from the top
layer down, and only if the instruction can be what made the layer; other layers have no instruction. Only the stages of the
final image count: layers of other stages are not in the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.dockerfile.parse import Dockerfile, Instruction
from ocisize.dockerfile.words import parse_words, split_flags, split_sum
from ocisize.history.redact import REDACTED, redact
from ocisize.model.build_step import BuildStep
from ocisize.patterns import lazy_pattern
from ocisize.values import frozen

_VARIABLE = lazy_pattern(r"\$(?:\{[^}]*\}|\w+)")
_HEREDOC = lazy_pattern(r"\d*<<-?[\"']?(\w+)[\"']?(?!\S)")
_QUOTES = str.maketrans("", "", "\"'")
_WITH_LAYERS = ("RUN", "COPY", "ADD", "WORKDIR")
_ALWAYS_WITH_LAYERS = ("RUN", "COPY", "ADD")
_MAX_PAIRS = 1_000_000  # of layers and instructions that are compared
_CUT = "…"  # ends the text of a step that was cut
_EQUAL, _SIMILAR = 2, 1  # scores of a pair


@frozen(kw_only=True)
class LayerPairs:
    """The layers of an image with their instructions."""

    instructions: Sequence[Instruction | None]  #: by layer, base first; None for a layer that no instruction can have made
    #: number of layers below those of the Dockerfile; None unless each RUN, COPY and ADD has its layer, without a gap
    base_layers: int | None


def pair_layers(steps: Sequence[BuildStep], dockerfile: Dockerfile) -> LayerPairs:
    r"""Pair the layers of an image with the instructions of the last stage and of the stages that it continues.

    ``steps`` are the build steps of the layers, base first.

    >>> from ocisize.dockerfile.parse import parse_dockerfile
    >>> dockerfile = parse_dockerfile("FROM go AS build\nRUN make\nFROM debian\nCOPY --from=build /src /app\nRUN make")
    >>> pairs = pair_layers([BuildStep("ADD rootfs.tar /"), BuildStep("COPY /src /app"), BuildStep("RUN make")], dockerfile)
    >>> [line.first for line in pairs.instructions if line], pairs.base_layers
    ([4, 5], 1)
    """
    made: list[Instruction | None] = [None] * len(steps)
    candidates = [instruction for instruction in dockerfile.chain_instructions if instruction.keyword in _WITH_LAYERS]
    numbers = set()
    for layer, number in _pair(steps, candidates):
        made[layer] = candidates[number]
        numbers.add(number)
    lowest = next((layer for layer, instruction in enumerate(made) if instruction is not None), len(steps))
    complete = bool(numbers) and all(instruction is not None for instruction in made[lowest:])
    for number, instruction in enumerate(candidates):
        complete &= number in numbers or instruction.keyword not in _ALWAYS_WITH_LAYERS
    return LayerPairs(instructions=tuple(made), base_layers=lowest if complete else None)


def find_lines(steps: Sequence[BuildStep], dockerfile: Dockerfile, *, base: int = 0) -> tuple[Instruction | None, ...]:
    r"""Return the instruction that made each layer, base first; None for a layer that no instruction can have made.

    ``steps`` are the build steps of the layers. ``base`` is the number of layers of the base image; those of them that no
    instruction made get the FROM of the base image.

    >>> from ocisize.dockerfile.parse import parse_dockerfile
    >>> dockerfile = parse_dockerfile("FROM debian:12\nARG D=app\nCOPY src /$D\nRUN make\n")
    >>> steps = [BuildStep("ADD rootfs.tar /"), BuildStep("COPY src /app"), BuildStep("RUN make")]
    >>> [line.first for line in find_lines(steps, dockerfile, base=1) if line]
    [1, 3, 4]
    """
    made = pair_layers(steps, dockerfile).instructions
    origin = dockerfile.chain[0].origin if dockerfile.chain else None
    return tuple(origin if instruction is None and layer < base else instruction for layer, instruction in enumerate(made))


def is_same_text(step: BuildStep, instruction: Instruction) -> bool:
    r"""Whether a build step has the text of an instruction, but for blanks, flags and redacted secrets.

    >>> from ocisize.dockerfile.parse import parse_dockerfile
    >>> dockerfile = parse_dockerfile("FROM x\nRUN --mount=type=cache,target=/c make \\\n  all\n")
    >>> is_same_text(BuildStep("RUN make all"), dockerfile.instructions[1])
    True
    """
    return _Candidate(instruction).score(_Step(step)) == _EQUAL


class _Step:
    """A build step in the form that instructions are compared with."""

    def __init__(self, step: BuildStep) -> None:
        self.keyword = step.keyword.upper()
        self.whole = step.text
        text = " ".join(step.text.partition(" ")[2].split())
        text = text if split_sum(text) else text[split_flags(text)[1] :]
        words = parse_words(text)
        self.text = " ".join(" ".join(words).split()) if words is not None else text
        summed = split_sum(text)
        self.destination = summed[1] if summed else ""


class _Candidate:
    """An instruction that may have made a layer."""

    def __init__(self, instruction: Instruction) -> None:
        self._instruction = instruction
        self._text = " ".join(instruction.text.split())
        self._keyword = instruction.keyword
        plain = self._text if instruction.is_json or self._keyword == "RUN" else _unquote(self._text)
        self._plain = plain
        self._parts = _VARIABLE.split(plain)
        words = instruction.words if instruction.words is not None else plain.split()
        self._destination = words[-1] if words else ""

    def score(self, step: _Step) -> int:
        """How well a build step fits; 0 if the instruction cannot have made the layer."""
        if self._keyword == "RUN":
            return self._score_run(step)
        if step.keyword != self._keyword or not step.text:
            return 0
        if step.text == self._text:
            return _EQUAL
        if step.destination:
            return _SIMILAR if _can_become(_VARIABLE.split(self._destination), step.destination) else 0
        if self._keyword == "WORKDIR":
            return _SIMILAR if self._is_directory(step.text) else 0
        return _SIMILAR if _can_become(self._parts, _unquote(step.text)) else 0

    def _score_run(self, step: _Step) -> int:
        if step.keyword != "RUN":  # docker notes the exec form without a keyword
            return _EQUAL if self._instruction.is_json and step.whole == self._text else 0
        if not step.text:
            return 0
        if step.text == self._text or (REDACTED in step.text and step.text == _redacted(self._text)):
            return _EQUAL
        return _SIMILAR if step.text.endswith(_CUT) and self._text.startswith(step.text.removesuffix(_CUT).rstrip()) else 0

    def _is_directory(self, path: str) -> bool:
        """Whether a path is that of this WORKDIR, which may be relative to the one before."""
        parts = [*self._parts[:-1], self._parts[-1].rstrip("/")]
        path = path.rstrip("/")
        if _can_become(parts, path):
            return True
        return path.startswith("/") and parts[0][:1] not in {"", "/"} and _can_become(["", f"/{parts[0]}", *parts[1:]], path)


def _unquote(text: str) -> str:
    return _HEREDOC.sub(r"<<\1", text).translate(_QUOTES)


def _redacted(text: str) -> str:
    return redact(f"RUN {text}").text.partition(" ")[2]


def _pair(steps: Sequence[BuildStep], instructions: Sequence[Instruction]) -> Iterator[tuple[int, int]]:
    """The pairs, in order on both sides, with the highest total score; of equal ones those further down the file."""
    if len(steps) * len(instructions) > _MAX_PAIRS:
        return
    candidates = [_Candidate(instruction) for instruction in instructions]
    scores = [[candidate.score(step) for candidate in candidates] for step in map(_Step, steps)]
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


def _can_become(parts: Sequence[str], text: str) -> bool:
    """Whether a text is ``parts`` with something in place of the variables between them."""
    first, *middle = parts
    if not middle:
        return text == first
    if not text.startswith(first):
        return False
    end, last = len(first), middle.pop()
    for part in middle:
        start = text.find(part, end)
        if start < 0:
            return False
        end = start + len(part)
    return text.endswith(last) and len(text) - len(last) >= end
