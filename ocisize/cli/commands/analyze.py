"""``ocisize IMAGE``, short for ``ocisize analyze IMAGE``: the report, in one or more formats."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ocisize.cli.budget_options import UNWRITTEN, BudgetGate, add_budget_options, find_gate, report_unshown, status_of
from ocisize.cli.inputs import (
    name_reported_dockerfile,
    read_build_files,
    read_dockerfile,
    read_image,
    repeat_arguments,
    warn_of_misfit,
)
from ocisize.cli.options import (
    add_dockerfile,
    add_finding_options,
    add_keep_going,
    color_mode,
    count,
    incomplete_status,
    split_names,
)
from ocisize.cli.quick_option import add_quick, is_enough
from ocisize.cli.source_date import read_source_date
from ocisize.cli.terminal import print_message, write_outputs
from ocisize.report.formats import FORMATS, Format, write_report
from ocisize.report.sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence


_WITH_SIZES = ("text", "markdown", "csv")  # formats that show what other tools show with --sizes


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only this command has."""
    _add_options(parser, brief=False)


def add_brief_options(parser: argparse.ArgumentParser) -> None:
    """Add the same options, but leave rare ones out of the help: for the help of the program."""
    _add_options(parser, brief=True)


def _add_options(parser: argparse.ArgumentParser, *, brief: bool) -> None:
    add = parser.add_argument
    add("--files", action="store_true", help="add every stored file: to json with content hashes, to csv as rows")
    add_quick(parser)
    add("--full", action="store_true", help="show the full text report: every figure, layer and list; read the layers")
    add(
        "--section",
        type=_sections,
        action="append",
        default=[],
        dest="sections",
        metavar="NAME,...",
        help=f"show these sections of the full text report only: {', '.join(SECTIONS)}; can be repeated",
    )
    add(
        "--sizes",
        action="store_true",
        help="show what docker, podman, crictl and registries show for the image: in text, markdown and csv",
    )
    add(
        "--top",
        type=count,
        default=5,
        metavar="N",
        help="number of fixes and of rows in each list of the text report (default: %(default)s)",
    )
    add_finding_options(parser)
    add_dockerfile(parser)
    add("--all-platforms", action="store_true", help="analyze all images of an index and show where they differ")
    add_keep_going(parser)
    add_budget_options(parser, brief=brief)


def _sections(text: str) -> tuple[str, ...]:
    return split_names(text, SECTIONS, "section")


def _choose_sections(options: argparse.Namespace) -> tuple[str, ...]:
    """The sections of the full text report to show; none means one screen."""
    chosen = tuple(name for names in options.sections for name in names)
    if options.full and not chosen:
        return SECTIONS
    return (*chosen, "sizes") if options.sizes else chosen


def _needs_files(options: argparse.Namespace, gate: BudgetGate, formats: Sequence[Format]) -> bool:
    """Whether a report or a budget is made from the file tables, not from figures alone."""
    shows_largest = options.full or any("largest" in names for names in options.sections)
    return options.files or gate.needs_files or shows_largest or any(row.file_tables for row in formats)


def _needs_packages(options: argparse.Namespace, gate: BudgetGate, formats: Sequence[Format]) -> bool:
    """Whether a report shows packages, or a budget is measured on them."""
    has_section = options.full or any("packages" in names for names in options.sections)
    in_text = has_section and any(row.name == "text" for row in formats)
    return in_text or gate.needs_packages or any(row.needs_packages for row in formats)


def run(options: argparse.Namespace) -> int:
    """Analyze the image, judge its budgets and write all reports; no layer is read if none is needed."""
    gate = find_gate(options)
    if options.quick or is_enough(options, gate.budgets):
        from ocisize.cli.commands.quick import run_quick

        return run_quick(options, gate)
    if options.all_platforms:
        from ocisize.cli.commands.all_platforms import run_all

        return run_all(options, gate)
    formats = [FORMATS[output.format] for output in options.outputs]
    if options.files and not any(row.takes_files for row in formats) and not options.quiet:
        names = " and ".join(row.name for row in FORMATS.values() if row.takes_files)
        print_message("warning", f"--files adds to {names} only; ocisize files IMAGE lists files")
    if options.sizes and not any(row.name in _WITH_SIZES for row in formats) and not options.quiet:
        print_message("warning", f"--sizes adds to {', '.join(_WITH_SIZES)} only; json always has these figures")
    needs_hashes = options.files and any(row.content_hashes for row in formats)
    estimates = gate.forbids_findings or any(row.estimates for row in formats)
    advice = bool(gate.budgets) or any(row.advice for row in formats)
    source_date = read_source_date() if any(row.has_date for row in formats) else None
    files = read_build_files(options) if advice or options.dockerfile else None
    analysis = read_image(
        options,
        hash_content=needs_hashes,
        estimate_download=estimates,
        base=options.base,
        rules=options.rules,
        build_files=files,
        advice=advice,
        files=_needs_files(options, gate, formats),
        packages=_needs_packages(options, gate, formats),
    )
    if not any(row.dockerfile_lines for row in formats):
        warn_of_misfit(options, files, analysis)
    verdicts = gate.judge(analysis)

    from ocisize.report.options import ReportOptions

    dockerfile = read_dockerfile(options, [analysis], files)
    chosen = ReportOptions(
        top=options.top,
        sections=_choose_sections(options),
        sizes=options.sizes,
        arguments=repeat_arguments(options),
        files=options.files,
        color=color_mode(options),
        assumptions=options.cost,
        dockerfile=name_reported_dockerfile(options, [analysis], dockerfile),
        parsed_dockerfile=dockerfile,
        verdicts=verdicts,
        source_date=source_date,
    )
    written = write_outputs(options.outputs, lambda name, file: write_report(name, analysis, file, chosen))
    report_unshown(options, verdicts, analysis)
    return incomplete_status(status_of(verdicts), complete=analysis.lacks_only_foreign) if written else UNWRITTEN
