"""``ocisize IMAGE --quick``: reports from the manifest and the config of an image, or of all images of an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.budget_options import UNWRITTEN, report_violations, status_of
from ocisize.cli.caching import warn_of_cache
from ocisize.cli.inputs import make_analyzer, refuse_absent, repeat_arguments, show_warnings
from ocisize.cli.options import color_mode, incomplete_status
from ocisize.cli.quick_option import refuse_layers
from ocisize.cli.terminal import print_message, write_outputs
from ocisize.errors import ViewError
from ocisize.report.outline_formats import OUTLINE_FORMATS, write_index_outline_report, write_outline_report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from ocisize.cli.budget_options import BudgetGate
    from ocisize.model.budget import Verdict
    from ocisize.model.outline import IndexOutline, Outline
    from ocisize.report.options import ReportOptions


def run_quick(options: argparse.Namespace, gate: BudgetGate) -> int:
    """Write the reports and return the exit status; raises ViewError and BudgetError for what needs the layers."""
    refuse_layers(options, OUTLINE_FORMATS, gate.budgets)
    if options.all_platforms:
        return _run_all(options, gate)
    outline = read_outline(options)
    return _report(outline, gate.judge(outline), options)


def _report(outline: Outline, verdicts: Sequence[Verdict], options: argparse.Namespace) -> int:
    chosen = _choose(options, verdicts)
    written = write_outputs(options.outputs, lambda name, file: write_outline_report(name, outline, file, chosen))
    if not _is_on_terminal(options):
        report_violations(verdicts, outline)
    return status_of(verdicts) if written else UNWRITTEN


def _run_all(options: argparse.Namespace, gate: BudgetGate) -> int:
    """The same for all images of an index."""
    from ocisize.cli.commands.all_platforms import refuse_single_formats

    refuse_single_formats(options)
    index = read_outlines(options)
    verdicts = gate.judge_all(index.outlines, index.absent, index.unread)
    chosen = _choose(options, ())
    written = write_outputs(
        options.outputs, lambda name, file: write_index_outline_report(name, index, file, chosen, verdicts)
    )
    if not _is_on_terminal(options):
        for platform, own_verdicts in verdicts.items():
            report_violations(own_verdicts, index.outlines[platform], about=platform)
    if gate.budgets:
        refuse_absent(index)
    status = max(map(status_of, verdicts.values()), default=0)
    return incomplete_status(status, complete=index.complete) if written else UNWRITTEN


def read_outline(options: argparse.Namespace) -> Outline:
    """The outline of the image of the options; prints warnings, and raises OcisizeError."""
    analyzer = make_analyzer(options, base=options.base)
    outline = analyzer.outline(options.image, select=options.select)
    if not options.quiet:
        show_warnings(outline.warnings)
        warn_of_cache(analyzer.cache)
    return outline


def read_outlines(options: argparse.Namespace) -> IndexOutline:
    """The outlines of the images of all platforms; prints warnings, and raises OcisizeError."""
    if options.platform:
        raise ViewError("--all-platforms and --platform: choose one of them")
    analyzer = make_analyzer(options, base=options.base)
    index = analyzer.outline_all(options.image, select=options.select)
    if not options.quiet:
        absent = [f"{name}: listed in the index, but its manifest is missing" for name in index.absent]
        own = [f"{name}: {text}" for name, outline in index.outlines.items() for text in outline.warnings]
        show_warnings([*absent, *index.warnings, *own])
        warn_of_cache(analyzer.cache)
    for image in index.unread:
        print_message("error", f"{image.platform or image.digest}: {image.error}")
    return index


def _choose(options: argparse.Namespace, verdicts: Sequence[Verdict]) -> ReportOptions:
    from ocisize.report.options import ReportOptions

    return ReportOptions(
        arguments=repeat_arguments(options), color=color_mode(options), assumptions=options.cost, verdicts=verdicts
    )


def _is_on_terminal(options: argparse.Namespace) -> bool:
    """Whether a report on standard output shows the verdicts to people."""
    return any(output.format == "text" and output.output is None for output in options.outputs)
