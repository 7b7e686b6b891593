"""Short names of build steps: the command that does the work of a RUN, the target of a COPY."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from ocisize.model.build_step import BuildStep, StepKind
from ocisize.model.provenance import SourceLines
from ocisize.patterns import lazy_pattern
from ocisize.report.words.units import cut
from ocisize.text import printable

_PRELUDE = re.compile(
    r"(?:set|export|cd|mkdir|true|:|umask|sleep)\b"
    r"|(?:apt|apt-get|apk|dnf|yum|microdnf|zypper)(?: -\S+)* (?:update|upgrade|makecache)\b"
)
_ASSIGNMENT = lazy_pattern(r"\w+=\S*")
_INTERPRETERS = ("perl", "ruby", "node", "sh", "bash")
#: programs whose next word says what they do
_WITH_ACTIONS = frozenset((
    "apk", "apt", "apt-get", "bun", "bundle", "cargo", "composer", "conda", "dnf", "dotnet", "gem", "git", "go", "gradle",
    "make", "mamba", "microdnf", "micromamba", "mix", "mvn", "npm", "pip", "pip3", "pipx", "pnpm", "poetry", "rustup", "uv",
    "yarn", "yum", "zypper",
))  # fmt: skip
_RECURSIVE = frozenset({"chown", "chmod", "chgrp", "rm", "cp"})
_SUM = lazy_pattern(r"\b(?:file|dir|multi):[0-9a-f]{12,}\S* in ")  # in place of the sources, as older builders write it
MAX_NAME = 26  #: characters of a short name
_MAX_PLACE = 20  # characters of a file with a line


def show_step(step: BuildStep) -> str:
    """The text of a build step without the checksums of sources.

    >>> show_step(BuildStep("COPY dir:0d1a6187c856… in /wheels"))
    'COPY … /wheels'
    """
    return _SUM.sub("… ", step.text) if " in " in step.text else step.text


class Placed(Protocol):
    """A layer, or a change of one, with its build step and its lines."""

    @property
    def build_step(self) -> BuildStep:
        """The build step."""

    @property
    def source(self) -> SourceLines | None:
        """The lines of the Dockerfile; None if no provenance names them."""


def show_layer(layer: Placed) -> str:
    """The build step of a layer with its lines in the Dockerfile, if the provenance names them; "" for an unknown step.

    ``Dockerfile:4-6 RUN apt-get update …``
    """
    return " ".join(filter(None, (name_lines_of(layer), layer.build_step.shown)))


def name_lines_of(layer: Placed) -> str:
    """The lines of a layer in the Dockerfile, ``Dockerfile:4-6``; "" if no provenance names them."""
    return "" if layer.source is None else printable(str(layer.source))


def name_lines_at(layers: Sequence[Placed], index: int) -> str:
    """The same of the layer with an index, "" for an index that no layer has."""
    return name_lines_of(layers[index]) if 0 <= index < len(layers) else ""


def name_line_of(layer: Placed) -> str:
    """The first line of a layer in at most 20 characters, without the folder and the last line: ``Dockerfile:4``."""
    if layer.source is None:
        return ""
    name, line = printable(layer.source.file.rpartition("/")[2]), f":{layer.source.first}"
    return f"{cut(name, _MAX_PLACE - len(line))}{line}"


def name_step(step: BuildStep) -> str:
    """The name of a build step in a few words, "" for an unknown step.

    >>> name_step(BuildStep("RUN apt-get update && apt-get install -y --no-install-recommends curl"))
    'apt-get install'
    >>> name_step(BuildStep("RUN chown -R app:app /app")), name_step(BuildStep("COPY --chown=app . /app"))
    ('chown -R', 'COPY . /app')
    """
    if step.kind is StepKind.ROOT_FILESYSTEM:
        return "root filesystem"
    if step.kind is StepKind.RUN:
        return cut(_name_command(step), MAX_NAME)
    if step.kind in (StepKind.COPY, StepKind.ADD):
        target = step.arguments.split()[-1:] if " in " in step.arguments else step.arguments.split()
        return cut(" ".join([step.keyword, *target]), MAX_NAME)
    return cut(step.text, MAX_NAME)


def _name_command(step: BuildStep) -> str:
    commands = [command.strip() for command in step.shell_commands]
    command = next((command for command in commands if command and not _PRELUDE.match(command)), commands[0])
    words = command.split()
    while len(words) > 1 and "=" in words[0] and _ASSIGNMENT.fullmatch(words[0]):
        words.pop(0)
    if not words:
        return "RUN"
    program, rest = words[0].rpartition("/")[2], words[1:]
    if program in _INTERPRETERS or (program.startswith("python") and not program[6:].strip("0123456789.")):
        if rest[:1] == ["-m"] and len(rest) > 1:
            program, rest = rest[1], rest[2:]
        else:
            script = next((word for word in rest if not word.startswith("-")), "")
            return f"{program} {script.rpartition('/')[2]}".rstrip()
    if program in _WITH_ACTIONS:
        action = next((word for word in rest if not word.startswith("-")), "")
        return f"{program} {action}".rstrip()
    if program in _RECURSIVE and rest[:1] and rest[0].startswith("-"):
        return f"{program} {rest[0]}"
    return program
