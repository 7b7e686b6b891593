"""Output to the terminal and to files: messages, reports and the progress."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from ocisize.cli.charset import ascii_codec, find_encoding
from ocisize.errors import ReportError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from ocisize.analyzer import Analyzer
    from ocisize.cli.options import Output

_MAX_ITEM = 500  # characters of a line of a list


def prepare_streams() -> None:
    """Replace closed standard streams by the null device, and write ASCII and escapes where UTF-8 cannot be shown."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
            if encoding := find_encoding(stream.encoding, os.environ):
                stream.reconfigure(encoding=ascii_codec(encoding), errors="backslashreplace")


def print_message(kind: str, text: str, items: Sequence[str] = ()) -> None:
    """Print a line on standard error, and each of ``items`` below on a line; a closed standard error is not an error."""
    from ocisize.text import printable

    lines = [f"{kind}: {printable(text)}", *(f"  {printable(item[:_MAX_ITEM])}" for item in items)]
    try:
        print("\n".join(lines), file=sys.stderr, flush=True)  # noqa: T201 - the one place that may
    except OSError:
        silence_stream(sys.stderr)


def silence_stream(stream: TextIO) -> None:
    """Connect a standard stream that cannot be written to the null device, because Python flushes it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def open_output(options: argparse.Namespace | Output) -> Iterator[TextIO]:
    """The stream of a report: its file, or standard output; UTF-8 for all formats except text.

    A report is appended to the summary file of a GitHub step. A reader that closes the pipe early is not an error.
    """
    if options.output:
        from pathlib import Path

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
    except BrokenPipeError:  # its reader has had enough; the status is the command's
        silence_stream(sys.stdout)


def write_outputs(outputs: Sequence[Output], write: Callable[[str, TextIO], None]) -> bool:
    """Write each report with ``write(format, file)``; returns whether all were written. All are tried.

    Standard output comes last, because its reader may stop early.
    """
    in_order = sorted(outputs, key=lambda output: output.output is None)
    written = [_write_output(output, write) for output in in_order]
    return all(written)


def _write_output(output: Output, write: Callable[[str, TextIO], None]) -> bool:
    try:
        with open_output(output) as file:
            write(output.format, file)
    except OSError as error:
        print_message("error", f"{output.output or 'standard output'}: cannot be written: {error.strerror}")
        if output.output is None:
            silence_stream(sys.stdout)
        return False
    except ReportError as error:
        print_message("error", f"{output.format}: {error}")
        return False
    return True


@contextmanager
def show_progress(analyzer: Analyzer, *, show: bool) -> Iterator[None]:
    """Show on standard error how far the layers are read, if ``show``: on a terminal only."""
    if not show:
        yield
        return
    from ocisize.cli.progress_line import ProgressLine

    with ProgressLine(sys.stderr) as line:
        analyzer.on_progress = line.update
        yield
