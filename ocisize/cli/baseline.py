"""``ocisize baseline write|check IMAGE``: the figures that a team accepted, and whether an image has outgrown them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.gate import add_growth_options, complain_of, read_gate, status_of
from ocisize.cli.options import colored
from ocisize.cli.reading import read_image
from ocisize.cli.terminal import open_output
from ocisize.errors import BudgetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from ocisize.analysis.baseline import Entry
    from ocisize.analysis.verdict import Budget
    from ocisize.cli.gate import Gate

FORMATS = {"text": "", "json": ""}
ACTIONS = {"write": "accept the image as it is", "check": "judge how it has grown, exit status 1 if too much"}
_NOTHING_GROWS = ("max-wire", "max-unpacked", "max-waste")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what only this command has."""
    parser.add_argument(
        "--ratchet", action="store_true", help="with check: when all is kept, lower in the baseline what has become smaller"
    )
    add_growth_options(parser)


def run(options: argparse.Namespace) -> int:
    """Write the baseline, or check the image by it."""
    writes = options.action == "write"
    if writes and options.ratchet:
        raise BudgetError("--ratchet: goes with check; write accepts the image as it is")
    gate = read_gate(options)
    analysis = read_image(options)

    from ocisize.analysis.baseline import Baseline, entry_of, lower, name_of
    from ocisize.analysis.budget import measure_parts
    from ocisize.config import save_baseline
    from ocisize.report.baseline import Comparison, comparison_to_json, write_comparison

    name, now = gate.name or name_of(analysis), entry_of(analysis, measure_parts(analysis, gate.budgets))
    baseline = gate.load_baseline() or Baseline()
    kept = baseline.entry(name, analysis.platform)
    verdicts = () if writes else gate._replace(budgets=tuple(_growth(gate, kept, now)), name=name).judge(analysis)
    status = status_of(verdicts)
    entry = now if writes else lower(kept, now) if options.ratchet and kept and not status else kept
    written = entry is not None and entry != kept
    if entry is not None and written:
        save_baseline(baseline.with_entry(name, analysis.platform, entry), gate.baseline_file)
    comparison = Comparison(
        name=name, analysis=analysis, now=now, kept=kept, verdicts=verdicts, file=str(gate.baseline_file), written=written
    )
    with open_output(options) as file:
        if options.format == "json":
            file.write(comparison_to_json(comparison) + "\n")
        else:
            write_comparison(comparison, file, color=colored(options))
    if options.format != "text" or options.output:
        complain_of(verdicts, analysis)
    return status


def _growth(gate: Gate, kept: Entry | None, now: Entry) -> Iterator[Budget]:
    """The budgets of growth; without any, nothing may grow that is known."""
    from ocisize.analysis.budgetfile import budget_of

    growth = [budget for budget in gate.budgets if budget.limit.growth]
    others = [budget.origin for budget in gate.budgets if not budget.limit.growth and budget.origin.startswith("--")]
    if others:
        raise BudgetError(f"{', '.join(others)}: expected a growth such as '+2 %', which is what check judges")
    if growth:
        yield from growth
        return
    wire_known = now.totals.wire is not None or kept is None or kept.totals.wire is not None
    for key in _NOTHING_GROWS if wire_known else _NOTHING_GROWS[1:]:
        yield budget_of(key, "+0", "baseline check")
