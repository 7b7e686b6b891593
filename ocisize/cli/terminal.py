"""Where the command line meets the terminal: messages, reports, and bars while layers are read."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import argparse

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from ocisize.analyzer import Analyzer, Progress, ProgressCallback
    from ocisize.cli.options import Output


def prepare_streams() -> None:
    """Give closed streams a place to go, and let encodings that lack a character write an escape."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(kind: str, text: str) -> None:
    """Print a line on standard error."""
    from ocisize.report.units import printable

    print(f"{kind}: {printable(text)}", file=sys.stderr)  # noqa: T201 - the one place that may


@contextmanager
def open_output(options: argparse.Namespace | Output) -> Iterator[TextIO]:
    """Where a report goes: its file, or standard output until its reader has had enough; UTF-8 for all formats but text.

    The file of a GitHub step's summary is appended to: what the step has said before stays.
    """
    if options.output:
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        path = Path(options.output)
        with path.open("a" if summary and Path(summary) == path else "w", encoding="utf-8", newline="") as file:
            yield file
        return
    if options.format != "text" and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:  # keep Python from complaining when it flushes at exit; the status is the command's
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_outputs(outputs: Sequence[Output], write: Callable[[str, TextIO], None]) -> bool:
    """Write each report with ``write(format, file)``, and say whether that went well; one that does not stops no other.

    Standard output comes last: whoever reads it may stop early.
    """
    in_order = sorted(outputs, key=lambda output: output.output is None)
    written = [_write_output(output, write) for output in in_order]
    return all(written)


def _write_output(output: Output, write: Callable[[str, TextIO], None]) -> bool:
    try:
        with open_output(output) as file:
            write(output.format, file)
    except OSError as error:
        complain("error", f"{output.output or 'standard output'}: cannot be written: {error.strerror}")
        return False
    return True


@contextmanager
def progress_bars(analyzer: Analyzer, *, show: bool) -> Iterator[None]:
    """Show a bar per layer that is being read, on a terminal only."""
    if not show:
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("layer {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        analyzer.on_progress = _bar_updater(bars)
        yield


def _bar_updater(bars: Bars) -> ProgressCallback:
    tasks: dict[int, TaskID] = {}

    def update(progress: Progress) -> None:
        if progress.layer not in tasks:
            tasks[progress.layer] = bars.add_task(f"{progress.layer:>3}", total=progress.size)
        task = tasks[progress.layer]
        bars.update(task, completed=progress.done, visible=progress.done < progress.size)

    return update
