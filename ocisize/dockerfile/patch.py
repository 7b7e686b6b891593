"""Patches of a Dockerfile and its ignore file, and the reasons why an instruction is not patched."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.dockerfile.lines import is_same_text
from ocisize.dockerfile.parse import Dockerfile, Instruction, parse_dockerfile
from ocisize.dockerfile.unified_diff import Edit, make_diff
from ocisize.dockerfile.words import split_sum
from ocisize.errors import PatchError
from ocisize.model.build_step import BuildStep

_BYTE_ORDER_MARK, _RETURN = "\ufeff", "\r"
_WILDCARD = re.compile(r"\\(.)|\[(.)\]", re.DOTALL)
_COMMENT_WIDTH = 98  # characters of a comment, without "# "
#: text in backticks is one word, which can be copied from one line, and so is a share
_COMMENT_WORD = re.compile(r"(?:`[^`]*`|\d+ %|[^\s`]|`)+")
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})


def make_patch(
    dockerfile_name: str,
    dockerfile_text: str,
    replacements: Sequence[tuple[int, int, str]],
    ignore_name: str,
    ignore_text: str | None,
    ignored: Sequence[str],
    comments: Sequence[str],
) -> str:
    r"""Return a unified diff of a Dockerfile and its ignore file that ``git apply`` takes.

    Each of ``replacements`` has the first and last line of one or several whole instructions, counted from 1, and their new
    text; "" removes the lines, and a last line before the first one inserts text in front of the first line. ``ignored`` are
    patterns to add to the ignore file, whose text is None if the file does not exist. ``comments`` are texts in front of the
    diff, wrapped to about 100 columns, which ``git apply`` skips. Without changes the patch has comments only.

    Raises PatchError if the edits overlap, cut an instruction, or change any other one, and if a pattern has no effect.

    >>> print(make_patch("Dockerfile", "FROM x\nRUN a\n", [(2, 2, "RUN b")], ".dockerignore", None, ["a"], ["why"]), end="")
    # why
    diff --git a/Dockerfile b/Dockerfile
    --- a/Dockerfile
    +++ b/Dockerfile
    @@ -1,2 +1,2 @@
     FROM x
    -RUN a
    +RUN b
    diff --git a/.dockerignore b/.dockerignore
    new file mode 100644
    --- /dev/null
    +++ b/.dockerignore
    @@ -0,0 +1,1 @@
    +a
    """
    parts = [f"# {line}\n" for comment in comments for line in wrap_comment(comment)]
    lines = _split_lines(dockerfile_text)
    edits = _edits(lines, replacements, _newline_of(dockerfile_text))
    _check(dockerfile_text, replacements, _applied(lines, edits), edits)
    parts.append(make_diff(_normalize(dockerfile_name), lines, edits))
    ignore_lines = _split_lines(ignore_text or "")
    edit = _added_patterns(ignore_lines, ignore_text or "", ignored)
    parts.append(make_diff(_normalize(ignore_name), None if ignore_text is None else ignore_lines, [edit]))
    return "".join(parts)


def wrap_comment(comment: str) -> Iterator[str]:
    """The lines of a comment without "# ", further lines indented; text in backticks is not broken.

    >>> list(wrap_comment("End the RUN with `rm -rf /var/lib/apt/lists/*`."))
    ['End the RUN with `rm -rf /var/lib/apt/lists/*`.']
    """
    for line in comment.splitlines() or [""]:
        wrapped = ""
        for word in _COMMENT_WORD.findall(line):
            if wrapped and len(wrapped) + 1 + len(word) > _COMMENT_WIDTH:
                yield wrapped
                wrapped = f"  {word}"
            else:
                wrapped = f"{wrapped} {word}" if wrapped else word
        yield wrapped


def refusal(dockerfile: Dockerfile, instruction: Instruction, step: BuildStep | None = None) -> str:
    r"""Return why a plan may not edit an instruction; "" if it may.

    ``step`` is the build step of the layer that the instruction made; None for an instruction without a layer.

    >>> dockerfile = parse_dockerfile('FROM x\nSHELL ["pwsh", "-c"]\nRUN a\n')
    >>> refusal(dockerfile, dockerfile.instructions[2])
    'SHELL sets another shell than sh or bash'
    """
    in_run = instruction.keyword == "RUN"
    is_other = step is not None and not _is_summed(step) and not is_same_text(step, instruction)
    reasons = {
        "the instruction is not part of the last stage": instruction not in dockerfile.chain_instructions,
        "ONBUILD runs in builds of other images": instruction.keyword == "ONBUILD",
        "the instruction has a here-document": instruction.is_heredoc,
        "the instruction is in JSON form": in_run and instruction.is_json,
        "SHELL sets another shell than sh or bash": in_run and not _has_known_shell(dockerfile, instruction),
        "the instruction differs from the build step in the history of the image": is_other,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _is_summed(step: BuildStep) -> bool:
    """Whether the history has a sum in place of the sources, so that their text cannot be compared."""
    return split_sum(step.text.partition(" ")[2]) is not None


def _has_known_shell(dockerfile: Dockerfile, instruction: Instruction) -> bool:
    shell = "sh"
    for line in dockerfile.chain_instructions:
        if line.first >= instruction.first and line.stage == instruction.stage:
            break
        if line.keyword == "SHELL":
            shell = line.words[0] if line.words else ""
    return posixpath.basename(shell) in _SHELLS


def _normalize(name: str) -> str:
    return posixpath.normpath(name).lstrip("/")


def _newline_of(text: str) -> str:
    return "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"


def _edits(lines: Sequence[str], replacements: Sequence[tuple[int, int, str]], newline: str) -> list[Edit]:
    edits: list[Edit] = []
    for first, last, text in sorted(replacements, key=lambda replacement: replacement[:2]):
        start, end = first - 1, last
        if not 0 <= start <= end <= len(lines) or (edits and start < edits[-1].end):
            raise PatchError(f"lines {first} to {last} cannot be replaced: they overlap others or are not in the Dockerfile")
        new = [f"{line.removesuffix(_RETURN)}{newline}" for line in text.removesuffix("\n").split("\n")] if text else []
        if new and start == 0 < end and lines[0].startswith(_BYTE_ORDER_MARK):
            new[0] = f"{_BYTE_ORDER_MARK}{new[0]}"
        if new and start == end == len(lines) and not (edits and edits[-1].end == end):
            edits.append(_closed(lines, newline))
        edits.append(Edit(start, end, new))
    return edits


def _closed(lines: Sequence[str], newline: str) -> Edit:
    """The edit that gives the last line its line end."""
    last = [line if line.endswith("\n") else f"{line}{newline}" for line in lines[-1:]]
    return Edit(len(lines) - len(last), len(lines), last)


def _applied(lines: Sequence[str], edits: Sequence[Edit]) -> str:
    parts: list[str] = []
    position = 0
    for edit in edits:
        parts += [*lines[position : edit.start], *edit.lines]
        position = edit.end
    return "".join([*parts, *lines[position:]])


def _check(text: str, replacements: Sequence[tuple[int, int, str]], after: str, edits: Sequence[Edit]) -> None:
    """Compare all instructions outside of the edits byte by byte."""
    kept = list(_outside(parse_dockerfile(text), [(edit.start, edit.end) for edit in edits]))
    spans, shift = [], 0
    for edit in edits:
        spans.append((edit.start + shift, edit.start + shift + len(edit.lines)))
        shift += len(edit.lines) - (edit.end - edit.start)
    if kept != list(_outside(parse_dockerfile(after), spans)):
        changed = ", ".join(f"{first} to {last}" for first, last, _ in replacements)
        raise PatchError(f"the edit of lines {changed} would change other instructions of the Dockerfile")


def _outside(dockerfile: Dockerfile, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    """The instructions outside of some ranges of lines. One that is partly in a range is outside: its text will differ."""
    index = 0
    for instruction in dockerfile.instructions:
        start, end = instruction.first - 1, instruction.last
        while index < len(spans) and spans[index][1] <= start:
            index += 1
        if index == len(spans) or not (spans[index][0] <= start and end <= spans[index][1]):
            yield instruction.keyword, instruction.source


def _added_patterns(lines: Sequence[str], text: str, patterns: Sequence[str]) -> Edit:
    """The edit that adds patterns at the end of an ignore file, where they decide."""
    present = IgnoreFile.parse(text).patterns
    last_exception = max((index for index, pattern in enumerate(present) if pattern.startswith("!")), default=-1)
    effective = set(present[last_exception + 1 :])
    added = [pattern for pattern in dict.fromkeys(patterns) if pattern not in effective]
    newline = _newline_of(text)
    closed = _closed(lines, newline) if added else Edit(len(lines), len(lines), [])
    edit = Edit(closed.start, closed.end, [*closed.lines, *(f"{pattern}{newline}" for pattern in added)])
    ignore = IgnoreFile.parse(_applied(lines, [edit]))
    for pattern in patterns:
        if not ignore.excludes(_example(pattern)):
            raise PatchError(f"{pattern!r} is no pattern that leaves out files of the build context")
    return edit


def _example(pattern: str) -> str:
    """A path that a pattern matches."""
    path = _WILDCARD.sub(lambda match: match[1] or match[2] or "", pattern.replace("**/", ""))
    return path.replace("*", "x")


def _split_lines(text: str) -> list[str]:
    """The lines of a text with their line ends; nothing but a newline ends a line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines
