"""The command line: arguments to library calls to exit status, and the only place that prints.

Exit status: 0 analysed, 1 kept for budgets and rules that fail, 2 could not analyse (usage, network, broken image).
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import ocisize
from ocisize.errors import OcisizeError

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from ocisize.analysis.model import Analysis
    from ocisize.analyzer import Analyzer, Progress, ProgressCallback

OK, UNUSABLE, INTERRUPTED = 0, 2, 130
_MAX_WARNINGS = 10
_DESCRIPTION = "Show how big a container image is on the wire, unpacked and wasted, and which layer and file is to blame."
_EPILOG = """\
IMAGE is a reference (registry.io/app:tag), a docker save archive, an OCI archive or an OCI layout folder.
A scheme makes it explicit: docker://REF, docker-archive:FILE[:NAME], oci-archive:FILE[:NAME], oci-dir:FOLDER[:NAME].

exit status: 0 analysed, 2 could not analyse; 1 is kept for budgets that fail
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of ``ocisize IMAGE``."""
    parser = argparse.ArgumentParser(
        prog="ocisize", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )  # fmt: skip
    add = parser.add_argument
    add("image", metavar="IMAGE", help="what to analyse, see below")
    add("--platform", metavar="OS/ARCH", help="image of an index to take (default: linux on this processor)")
    add("--select", metavar="NAME", help="image to take from a file that holds several: a tag, a digest or @N")
    add("-f", "--format", choices=("text", "json", "dive-json"), default="text",
        help="form of the report (default: %(default)s); dive-json is what dive --json exports")  # fmt: skip
    add("-o", "--output", metavar="FILE", help="write the report to FILE instead of standard output")
    add("--files", action="store_true", help="with -f json: add every layer's file table, with content hashes")
    add("--top", type=_count, default=10, metavar="N", help="rows in the lists of files (default: %(default)s)")
    add("--verify", action="store_true", help="read and check everything, uncompressed digests included")
    add("-j", "--jobs", type=_positive, metavar="N", help="layers to read at once (default: one per processor)")
    add(
        "--insecure",
        action="store_true",
        help="plain http to the registry (loopback gets it anyway, save with --ca-cert)",
    )
    add(
        "--ca-cert",
        metavar="FILE",
        help="CA certificates to trust for the registry instead of the usual ones",
    )
    add("--color", choices=("auto", "always", "never"), default="auto", help="colour the text report (default: %(default)s)")
    add("-q", "--quiet", action="store_true", help="no progress bars and no warnings")
    add("--version", action="version", version=f"ocisize {ocisize.__version__}")
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["analyze"]:  # for an image whose name is a command
        del arguments[0]
    _prepare_streams()
    options = make_parser().parse_args(arguments)
    try:
        analysis = _analyze(options)
        _report(analysis, options)
    except OcisizeError as error:
        named = options.image in str(error)
        _complain("error", str(error) if named else f"{options.image}: {error}")
        if error.hint:
            _complain("hint", error.hint)
        return UNUSABLE
    except BrokenPipeError:
        # Whoever read our output has had enough; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        _complain("error", f"{error.filename or 'cannot write'}: {error.strerror}")
        return UNUSABLE
    except KeyboardInterrupt:
        _complain("error", "interrupted")
        return INTERRUPTED
    return OK


def _prepare_streams() -> None:
    """Give closed streams a place to go, and let encodings that lack a character write an escape."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _complain(kind: str, text: str) -> None:
    from ocisize.report.units import printable

    print(f"{kind}: {printable(text)}", file=sys.stderr)  # noqa: T201 - the one place that may


def _analyze(options: argparse.Namespace) -> Analysis:
    from ocisize.analyzer import Analyzer

    analyzer = Analyzer(platform=options.platform, verify=options.verify, hash_content=options.files)
    if options.jobs:
        analyzer.jobs = options.jobs
    if options.insecure or options.ca_cert:
        analyzer.connection = ocisize.Connection(
            plain_http=options.insecure, tls_verify=options.ca_cert or True, pool_size=max(analyzer.jobs, 8)
        )
    with _progress(analyzer, show=not options.quiet and sys.stderr.isatty()):
        analysis = analyzer.analyze(options.image, select=options.select)
    if not options.quiet:
        for text in analysis.warnings[:_MAX_WARNINGS]:
            _complain("warning", text)
        if len(analysis.warnings) > _MAX_WARNINGS:
            _complain("warning", f"and {len(analysis.warnings) - _MAX_WARNINGS} more, see -f json")
    return analysis


@contextmanager
def _progress(analyzer: Analyzer, *, show: bool) -> Iterator[None]:
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


def _report(analysis: Analysis, options: argparse.Namespace) -> None:
    if options.output:
        with Path(options.output).open("w", encoding="utf-8") as file:
            _write(analysis, options, file)
    else:
        _write(analysis, options, sys.stdout)
        sys.stdout.flush()


def _write(analysis: Analysis, options: argparse.Namespace, file: TextIO) -> None:
    if options.format == "json":
        from ocisize.report.json import to_json

        file.write(to_json(analysis, files=options.files) + "\n")
    elif options.format == "dive-json":
        from ocisize.report.dive_json import write_dive_json

        file.writelines(write_dive_json(analysis))
    else:
        from ocisize.report.text import write_text

        color = {"auto": None, "always": True, "never": False}[options.color]
        write_text(analysis, file, top=options.top, color=color)
