"""``ocisize IMAGE --all-platforms``: the images of an index side by side, each with its budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.budget_options import UNWRITTEN, report_unshown, status_of
from ocisize.cli.inputs import name_reported_dockerfile, read_all, read_dockerfile, refuse_absent
from ocisize.cli.options import color_mode, incomplete_status
from ocisize.cli.terminal import write_outputs
from ocisize.errors import ViewError
from ocisize.report.formats import FORMATS, write_index_report

if TYPE_CHECKING:
    import argparse

    from ocisize.cli.budget_options import BudgetGate


def run_all(options: argparse.Namespace, gate: BudgetGate) -> int:
    """Judge the budgets on each platform and write all reports; the exit status is 1 if a budget fails.

    Raises ViewError after the reports are written, if there are budgets and a manifest is missing.
    """
    refuse_single_formats(options)
    formats = [FORMATS[output.format] for output in options.outputs]
    needs_hashes = options.files and any(row.content_hashes for row in formats)
    estimates = gate.forbids_findings or any(row.estimates for row in formats)
    advice = bool(gate.budgets) or any(row.advice for row in formats)
    packages = gate.needs_packages
    index = read_all(options, hash_content=needs_hashes, estimate_download=estimates, advice=advice, packages=packages)
    verdicts = gate.judge_all(index.analyses, index.absent, index.unread)

    from ocisize.report.options import ReportOptions

    dockerfile = read_dockerfile(options, index.analyses.values())
    chosen = ReportOptions(
        sizes=options.sizes,
        files=options.files,
        color=color_mode(options),
        assumptions=options.cost,
        dockerfile=name_reported_dockerfile(options, index.analyses.values(), dockerfile),
        parsed_dockerfile=dockerfile,
    )
    written = write_outputs(options.outputs, lambda name, file: write_index_report(name, index, file, chosen, verdicts))
    for platform, own_verdicts in verdicts.items():
        report_unshown(options, own_verdicts, index.analyses[platform], about=platform)
    if gate.budgets:
        refuse_absent(index)
    status = max(map(status_of, verdicts.values()), default=0)
    return incomplete_status(status, complete=index.lacks_only_foreign) if written else UNWRITTEN


def refuse_single_formats(options: argparse.Namespace) -> None:
    """Raise ViewError for a report that can show one image only."""
    formats = [FORMATS[output.format] for output in options.outputs]
    if others := [row.name for row in formats if not row.all_platforms]:
        able = ", ".join(row.name for row in FORMATS.values() if row.all_platforms)
        raise ViewError(
            f"--all-platforms: {', '.join(others)} can show one image only",
            hint=f"choose one with --platform, or one of the formats {able}",
        )
