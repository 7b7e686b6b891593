"""Rows of ``reach``: archives from a pipe against files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cases import Case
from groups.context import Context
from measure import Command
from peers import ocisize
from results import Section

CASES = ("python-service", "node")
FILE, VERIFIED, PIPE = "the file", "the file, --verify", "cat FILE | ocisize -"
_FROM_PIPE = 'set -o pipefail; cat "$0" | "$@"'


def pipes(context: Context) -> Iterator[Section]:
    """Docker archives as files, where plain layers are read in place, and through a pipe, where all bytes are verified."""
    for case in context.cases(*CASES):
        yield _pipe(context, case, "plain", case.archive)
        yield _pipe(context, case, "gzip", case.gzip_archive)


def _pipe(context: Context, case: Case, form: str, archive: Path) -> Section:
    commands = {
        FILE: ocisize("--no-cache", str(archive)),
        VERIFIED: ocisize("--no-cache", "--verify", str(archive)),
        PIPE: _through_pipe(archive, ocisize("--no-cache", "-")),
    }
    title = f"{case.name}: a docker archive with {form} layers, as a file and through a pipe"
    return context.measure("reach", case, f"pipe-{form}", title, commands)


def _through_pipe(archive: Path, command: Command) -> Command:
    argv = ("bash", "-c", _FROM_PIPE, str(archive), *command.argv)
    return Command(argv, environment=command.environment, folder=command.folder)
