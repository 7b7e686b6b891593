"""``ocisize diff BEFORE AFTER``: what changed between two images, why it grew, and whether budgets allow it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ocisize.cli.budget_options import UNWRITTEN, add_change_options, find_gate, report_unshown, status_of
from ocisize.cli.inputs import (
    make_analyzer,
    name_reported_dockerfile,
    read_build_files,
    read_dockerfile,
    read_image_with,
    warn_of_misfit,
)
from ocisize.cli.notes import show_warnings
from ocisize.cli.options import add_dockerfile, add_rules, color_mode, count
from ocisize.cli.quick_option import add_quick, refuse_layers
from ocisize.cli.terminal import write_outputs
from ocisize.errors import ViewError
from ocisize.model.base import SCRATCH
from ocisize.report.diff_formats import write_diff_report
from ocisize.report.formats import FORMATS
from ocisize.report.outline_formats import OUTLINE_DIFF_FORMATS, write_outline_diff_report
from ocisize.sources.schemes import names_registry
from ocisize.sources.standard_input import names_standard_input
from ocisize.values import evolve

if TYPE_CHECKING:
    import argparse

    from ocisize.analyzer import Analyzer
    from ocisize.cli.budget_options import BudgetGate
    from ocisize.model.analysis import Analysis
    from ocisize.model.build_files import BuildFiles
    from ocisize.model.outline import Outline

_BEGINNING = 512  # bytes that tell a saved analysis from an archive


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    parser.add_argument(
        "--base", action="append", default=[], metavar="IMAGE",
        help="base image of both images, scratch for none; if given twice, of BEFORE and of AFTER",
    )  # fmt: skip
    parser.add_argument(
        "--top", type=count, default=10, metavar="N",
        help="number of rows in the lists of causes, directories and files (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--browse", action="store_true", help="show both images side by side on the terminal, without a report or budgets"
    )
    add_quick(parser)
    add_dockerfile(parser)
    add_rules(parser)
    add_change_options(parser)


def run(options: argparse.Namespace) -> int:
    """Read both, check the budgets of AFTER and write all reports."""
    from ocisize.comparison.images import compare
    from ocisize.report.options import ReportOptions

    if len(options.base) > 2:
        raise ViewError("--base: give one for both images, or one for each")
    if options.browse:
        from ocisize.cli.commands.browse import show_change

        return show_change(options)
    gate = find_gate(options)
    if options.quick:
        return _run_quick(options, gate)
    files = read_build_files(options)
    before, after = _read_both(options, files, packages=gate.needs_packages)
    comparison = compare(before, after)
    if not any(FORMATS[output.format].dockerfile_lines for output in options.outputs):
        warn_of_misfit(options, files, after)
    verdicts = gate.judge_change(comparison)
    dockerfile = read_dockerfile(options, [after], files)
    chosen = ReportOptions(
        top=options.top,
        color=color_mode(options),
        dockerfile=name_reported_dockerfile(options, [after], dockerfile),
        parsed_dockerfile=dockerfile,
        verdicts=verdicts,
    )
    written = write_outputs(options.outputs, lambda name, file: write_diff_report(name, comparison, file, chosen))
    report_unshown(options, verdicts, comparison.after)
    return status_of(verdicts) if written else UNWRITTEN


def _run_quick(options: argparse.Namespace, gate: BudgetGate) -> int:
    """Compare the manifests and configs of both, check the budgets of AFTER and write all reports."""
    from ocisize.comparison.outlines import compare_outlines
    from ocisize.report.options import ReportOptions

    refuse_layers(options, OUTLINE_DIFF_FORMATS, gate.budgets)
    analyzer, bases = make_analyzer(options), options.base or [None]
    before = None if options.before == SCRATCH else _outline(options, options.before, analyzer, bases[0])
    after = _outline(options, options.after, analyzer, bases[-1])
    comparison = compare_outlines(_outline_scratch(after) if before is None else before, after)
    verdicts = gate.judge_change(comparison)
    chosen = ReportOptions(top=options.top, color=color_mode(options), verdicts=verdicts)
    written = write_outputs(options.outputs, lambda name, file: write_outline_diff_report(name, comparison, file, chosen))
    report_unshown(options, verdicts, comparison.after)
    return status_of(verdicts) if written else UNWRITTEN


def _outline(options: argparse.Namespace, image: str, analyzer: Analyzer, base: str | None) -> Outline:
    """The outline of one side, which must be an image."""
    options.image, analyzer.base = image, base
    if not names_standard_input(image) and _is_saved(Path(image)):
        hint = "omit --quick: the layers of a saved analysis are not read again"
        raise ViewError("a saved analysis, which --quick cannot compare", hint=hint)
    outline = analyzer.outline(image, select=_select(options))
    show_warnings(options, outline.warnings, analyzer)
    return outline


def _outline_scratch(after: Outline) -> Outline:
    """The outline of no image, for the platform of AFTER."""
    from ocisize.analyzer import Analyzer
    from ocisize.sources.scratch import ScratchSource

    return evolve(Analyzer().outline_source(ScratchSource(), name=SCRATCH), platform=after.platform)


def _read_both(options: argparse.Namespace, files: BuildFiles | None, *, packages: bool) -> tuple[Analysis, Analysis]:
    """Both sides; the Dockerfile is that of AFTER."""
    analyzer = make_analyzer(options, hash_content=True, estimate_download=True, rules=options.rules)
    analyzer.keep_layers = analyzer.keep_packages = True
    analyzer.packages = packages
    bases = options.base or [None]
    analyzer.base = bases[0]
    before = None if options.before == SCRATCH else _read(options, options.before, analyzer)
    analyzer.hash_function = _hash_function(before)  # contents of AFTER are compared with these
    analyzer.base, analyzer.build_files = bases[-1], files
    after = _read(options, options.after, analyzer)
    return (_analyze_scratch(after) if before is None else before), after


def _analyze_scratch(after: Analysis) -> Analysis:
    """The image before if there is none: without layers, for the platform of AFTER."""
    from ocisize.analyzer import Analyzer
    from ocisize.sources.scratch import ScratchSource

    analyzer = Analyzer(packages=after.packages is not None)
    return evolve(analyzer.analyze_source(ScratchSource(), name=SCRATCH), platform=after.platform)


def _hash_function(analysis: Analysis | None) -> str | None:
    """The function that the contents of an image were hashed with; None if it has no files."""
    layers = analysis.layers if analysis is not None else ()
    return next((layer.files.hash_function for layer in layers if layer.files is not None), None)


def _read(options: argparse.Namespace, image: str, analyzer: Analyzer) -> Analysis:
    """One side: a saved analysis, or an image."""
    options.image = image
    if names_standard_input(image) or not _is_saved(Path(image)):
        return read_image_with(analyzer, options, select=_select(options))
    from ocisize.report.json.read import from_json

    return from_json(Path(image).read_bytes())


def _select(options: argparse.Namespace) -> str | None:
    """The value of ``--select`` for one side; beside a file, the option is not meant for an image in a registry."""
    sides = [names_registry(image) for image in (options.before, options.after) if image != SCRATCH]
    return None if any(sides) and not all(sides) and names_registry(options.image) else options.select


def _is_saved(path: Path) -> bool:
    """Whether a file begins like a JSON object; an archive has a NUL after its first name."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    return beginning.lstrip().startswith(b"{") and b"\0" not in beginning
