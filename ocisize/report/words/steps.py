"""Short names of build steps: the command that does the work of a RUN, the target of a COPY."""

from __future__ import annotations

import re

from ocisize.model.build_step import BuildStep, StepKind
from ocisize.patterns import lazy_pattern
from ocisize.report.words.units import cut

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


def show_step(step: BuildStep) -> str:
    """The text of a build step without the checksums of sources.

    >>> show_step(BuildStep("COPY dir:0d1a6187c856… in /wheels"))
    'COPY … /wheels'
    """
    return _SUM.sub("… ", step.text) if " in " in step.text else step.text


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
