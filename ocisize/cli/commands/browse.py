"""``ocisize browse IMAGE``: the layers, directories and files of an image on the screen of a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ocisize.cli.inputs import make_analyzer, read_build_files
from ocisize.cli.notes import show_unread, show_warnings
from ocisize.cli.options import (
    KEPT,
    UNUSABLE,
    add_dockerfile,
    add_keep_going,
    add_rules,
    count,
    incomplete_status,
)
from ocisize.cli.signals import end_with_terminal
from ocisize.cli.terminal import print_message
from ocisize.sources.schemes import reads_standard_input

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from ocisize.analyzer import Analyzer
    from ocisize.browse.background import Loaded
    from ocisize.dockerfile.parse import Instruction
    from ocisize.layer.progress import Progress
    from ocisize.model.analysis import Analysis
    from ocisize.model.build_files import BuildFiles

_MISSING = "ocisize browse needs Textual, which is not installed"
_INSTALL = "pip install 'ocisize[browse]'"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    parser.add_argument(
        "--layer", type=count, metavar="N", help="show the image up to this layer first; 0 is the lowest (default: all)"
    )
    parser.add_argument(
        "--compare",
        dest="before",
        default="",
        metavar="IMAGE",
        help="an older image; lists show which files differ, and both sides",
    )
    parser.add_argument(
        "--base", metavar="IMAGE", help="base image of this image, of which only manifest and config are read; scratch: none"
    )
    add_rules(parser)
    add_dockerfile(parser)
    add_keep_going(parser)


def run(options: argparse.Namespace) -> int:
    """Show the image until the user leaves."""
    return show(options)


def show_change(options: argparse.Namespace) -> int:
    """Show two images side by side, those of ``diff BEFORE AFTER``; its budgets are not checked."""
    options.image, options.layer = options.after, None
    *before, options.base = options.base or [None]
    return show(options, before_base=before[0] if before else options.base, begin_with_changes=True)


def show(options: argparse.Namespace, *, before_base: str | None = None, begin_with_changes: bool = False) -> int:
    """Show the image of the options until the user leaves; returns the exit status.

    ``before_base`` names the base image of the older image.
    """
    from importlib.util import find_spec

    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        print_message("error", "ocisize browse needs a terminal; input and output are something else")
        print_message("hint", "ocisize tree IMAGE and ocisize files IMAGE print lists")
        return UNUSABLE
    if reads_standard_input(options.image) or (options.before and reads_standard_input(options.before)):
        print_message("error", "ocisize browse reads keys from standard input, not an image")
        print_message("hint", "save the image to a file: docker save -o app.tar app:1; ocisize browse app.tar")
        return UNUSABLE
    if find_spec("textual") is None:
        print_message("error", _MISSING)
        print_message("hint", _INSTALL)
        return UNUSABLE

    from ocisize.browse.app import BrowseApp

    files = read_build_files(options)
    analyzer = make_analyzer(options, hash_content=True, estimate_download=True, base=options.base, rules=options.rules)
    analyzer.build_files, analyzer.packages, analyzer.keep_packages = files, True, True
    found: list[Analysis] = []

    def read(report: Callable[[str], None]) -> Loaded:
        loaded = _read(options, analyzer, files, report, before_base)
        found.append(loaded.analysis)
        return loaded

    app = BrowseApp(options.image, read, save, layer=options.layer, begin_with_changes=begin_with_changes)
    end_with_terminal(sys.stdin.fileno())
    app.run()
    if app.error is not None:
        raise app.error
    if app.return_code:
        return app.return_code
    for analysis in found:
        show_warnings(options, analysis.warnings, analyzer)
        show_unread(analysis)
        return incomplete_status(KEPT, complete=analysis.lacks_only_foreign)
    return KEPT


def _read(
    options: argparse.Namespace,
    analyzer: Analyzer,
    files: BuildFiles | None,
    report: Callable[[str], None],
    before_base: str | None,
) -> Loaded:
    """Analyze the image; ``report`` gets the progress, at most five times a second."""
    from ocisize.browse.background import Loaded
    from ocisize.cli.progress_line import Rate, describe_progress

    rate, shown = Rate(), 0.0

    def show(progress: Progress) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= 0.2:
            shown = now
            rate.add(now, progress.total_done)
            report(describe_progress(progress, rate.bytes_per_second()))

    analyzer.on_progress = show
    before = _read_before(options, analyzer, before_base) if options.before else None
    analysis = analyzer.analyze(options.image, select=options.select)

    from ocisize.sizes.files import select_layers

    select_layers(analysis.layers, options.layer)
    if before is None:
        return Loaded(analysis, _find_lines(analysis, files))

    from ocisize.comparison.images import compare

    return Loaded(analysis, _find_lines(analysis, files), compare(before, analysis))


def _read_before(options: argparse.Namespace, analyzer: Analyzer, before_base: str | None) -> Analysis:
    """The older image, which has no Dockerfile; contents of the other one are then hashed with the same function."""
    files, base = analyzer.build_files, analyzer.base
    analyzer.keep_layers, analyzer.build_files, analyzer.base = True, None, before_base
    analysis = analyzer.analyze(options.before)
    analyzer.build_files, analyzer.base = files, base
    tables = (layer.files for layer in analysis.layers)
    analyzer.hash_function = next((table.hash_function for table in tables if table is not None), None)
    return analysis


def _find_lines(analysis: Analysis, files: BuildFiles | None) -> Sequence[Instruction | None]:
    """By layer, the instruction of the Dockerfile if it is the one of the plan."""
    if files is None or analysis.plan.dockerfile is None or analysis.plan.from_provenance:
        return ()
    from ocisize.dockerfile.lines import find_lines
    from ocisize.dockerfile.parse import parse_dockerfile

    base = analysis.base.found.certain_layers if analysis.base is not None else 0
    return find_lines([layer.build_step for layer in analysis.layers], parse_dockerfile(files.text), base=base)


def save(name: str, text: str) -> str:
    """Write a text to a new file; returns why that was not possible, "" if it was."""
    from pathlib import Path

    try:
        with Path(name).expanduser().open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        return "the file exists: choose another name"
    except (OSError, ValueError, RuntimeError) as error:
        return f"cannot be written: {error.strerror if isinstance(error, OSError) else error}"
    return ""
