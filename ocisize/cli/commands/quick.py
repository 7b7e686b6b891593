"""``ocisize IMAGE --quick``: reports from the manifest and the config of an image, or of all images of an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.budget_options import UNWRITTEN, report_unshown, status_of
from ocisize.cli.inputs import make_analyzer, refuse_absent, refuse_platform, repeat_arguments
from ocisize.cli.notes import show_index_notes, show_warnings
from ocisize.cli.options import color_mode, incomplete_status
from ocisize.cli.quick_option import refuse_layers
from ocisize.cli.terminal import write_outputs
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
    report_unshown(options, verdicts, outline)
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
    for platform, own_verdicts in verdicts.items():
        report_unshown(options, own_verdicts, index.outlines[platform], about=platform)
    if gate.budgets:
        refuse_absent(index)
    status = max(map(status_of, verdicts.values()), default=0)
    return incomplete_status(status, complete=index.complete) if written else UNWRITTEN


def read_outline(options: argparse.Namespace) -> Outline:
    """The outline of the image of the options; prints warnings, and raises OcisizeError."""
    analyzer = make_analyzer(options, base=options.base)
    outline = analyzer.outline(options.image, select=options.select)
    show_warnings(options, outline.warnings, analyzer)
    return outline


def read_outlines(options: argparse.Namespace) -> IndexOutline:
    """The outlines of the images of all platforms; prints warnings, and raises OcisizeError."""
    refuse_platform(options)
    analyzer = make_analyzer(options, base=options.base)
    index = analyzer.outline_all(options.image, select=options.select)
    show_index_notes(options, index, index.outlines, analyzer)
    return index


def _choose(options: argparse.Namespace, verdicts: Sequence[Verdict]) -> ReportOptions:
    from ocisize.report.options import ReportOptions

    return ReportOptions(
        arguments=repeat_arguments(options),
        sizes=options.sizes,
        color=color_mode(options),
        assumptions=options.cost,
        verdicts=verdicts,
    )
