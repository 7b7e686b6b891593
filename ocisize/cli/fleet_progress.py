"""FleetLine: one line on a terminal that says how many references of a fleet are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from ocisize.cli.progress_line import ProgressLine

if TYPE_CHECKING:
    from ocisize.fleet.read import FleetProgress


class FleetLine(ProgressLine):
    """Draws the line; ``note`` is for ``on_progress`` of ``read_fleet``."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._fleet: FleetProgress | None = None

    def note(self, progress: FleetProgress) -> None:
        """Note how many references are read."""
        self._fleet = progress

    def _describe(self, _: float) -> str:
        return "" if self._fleet is None else describe_fleet(self._fleet)


def describe_fleet(progress: FleetProgress) -> str:
    """The text of the line.

    >>> from ocisize import FleetProgress
    >>> describe_fleet(FleetProgress(references=1200, done=300, failed=2))
    '300 of 1,200 references · 2 could not be read'
    """
    text = f"{progress.done:,} of {progress.references:,} references"
    return f"{text} · {progress.failed:,} could not be read" if progress.failed else text
