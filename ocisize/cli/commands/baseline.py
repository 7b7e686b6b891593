"""``ocisize baseline write|check IMAGE``: the figures that a team accepted, and whether an image has outgrown them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocisize.cli.budget_options import add_growth_options, read_gate, report_violations, status_of
from ocisize.cli.inputs import read_all, read_image, refuse_absent
from ocisize.cli.options import KEPT, colored
from ocisize.cli.terminal import open_output
from ocisize.errors import BudgetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from ocisize.budgets.baseline import Baseline, Entry
    from ocisize.cli.budget_options import BudgetGate
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Budget
    from ocisize.model.platforms import IndexAnalysis
    from ocisize.report.words.baseline import BaselineComparison

FORMATS = {"text": "", "json": ""}
ACTIONS = {"write": "accept the image as it is", "check": "judge how it has grown, exit status 1 if too much"}
_NOTHING_GROWS = ("max-download", "max-unpacked", "max-waste")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what only this command has."""
    parser.add_argument(
        "--ratchet", action="store_true", help="with check: when all is kept, lower in the baseline what has become smaller"
    )
    parser.add_argument("--all-platforms", action="store_true", help="all images of an index, each by its own figures")
    add_growth_options(parser)


def run(options: argparse.Namespace) -> int:
    """Write the baseline, or check the image by it, of one platform or of all."""
    writes = options.action == "write"
    if writes and options.ratchet:
        raise BudgetError("--ratchet: goes with check; write accepts the image as it is")
    gate = read_gate(options)
    index = read_all(options) if options.all_platforms else None
    analyses = _by_name(index) if index else [read_image(options)]

    from attrs import evolve

    from ocisize.budgets.baseline import Baseline
    from ocisize.budgets.config import save_baseline

    baseline = before = gate.load_baseline() or Baseline()
    compared = [_compare(analysis, gate, baseline, judged=not writes) for analysis in analyses]
    status = max((status_of(each.verdicts) for each in compared), default=KEPT)
    for number, each in enumerate(compared):
        entry = _entry_after(each, options, status)
        if entry is not None and entry != each.kept:
            baseline = baseline.with_entry(each.name, each.analysis.platform, entry)
            compared[number] = evolve(each, written=True)
    if baseline is not before:
        save_baseline(baseline, gate.baseline_file)
    _report(compared, options)
    if index and not writes:
        refuse_absent(index)
    return status


def _by_name(index: IndexAnalysis) -> list[Analysis]:
    """The images of an index, for the platforms that it names: no two are alike, as those of configs can be."""
    from attrs import evolve

    return [evolve(analysis, platform=name) for name, analysis in index.analyses.items()]


def _compare(analysis: Analysis, gate: BudgetGate, baseline: Baseline, *, judged: bool) -> BaselineComparison:
    """An image beside its baseline, with the verdicts on how it has grown."""
    from ocisize.budgets.baseline import entry_of, name_of
    from ocisize.budgets.check import measure_parts
    from ocisize.report.words.baseline import BaselineComparison

    name, now = gate.name or name_of(analysis), entry_of(analysis, measure_parts(analysis, gate.budgets))
    kept = baseline.entry(name, analysis.platform)
    growth = gate._replace(budgets=tuple(_growth(gate, kept, now)), name=name) if judged else None
    verdicts = growth.judge(analysis) if growth else ()
    return BaselineComparison(
        name=name, analysis=analysis, now=now, kept=kept, verdicts=verdicts, file=str(gate.baseline_file)
    )


def _entry_after(compared: BaselineComparison, options: argparse.Namespace, status: int) -> Entry | None:
    """What the baseline has of an image when the command is done."""
    from ocisize.budgets.baseline import ratchet

    if options.action == "write":
        return compared.now
    lowers = options.ratchet and compared.kept is not None and status == KEPT
    return ratchet(compared.kept, compared.now) if lowers and compared.kept else compared.kept


def _report(compared: Sequence[BaselineComparison], options: argparse.Namespace) -> None:
    from ocisize.report.json.baseline import comparison_to_json, comparisons_to_json
    from ocisize.report.text.baseline import write_comparison

    with open_output(options) as file:
        if options.format == "json":
            text = comparisons_to_json(compared) if options.all_platforms else comparison_to_json(compared[0])
            file.write(text + "\n")
        else:
            for each in compared:
                write_comparison(each, file, color=colored(options))
    if options.format != "text" or options.output:
        for each in compared:
            report_violations(each.verdicts, each.analysis, about=each.analysis.platform if options.all_platforms else "")


def _growth(gate: BudgetGate, kept: Entry | None, now: Entry) -> Iterator[Budget]:
    """The budgets of growth; without any, nothing may grow that is known."""
    from ocisize.budgets.load import budget_of

    growth = [budget for budget in gate.budgets if budget.limit.growth]
    others = [budget.origin for budget in gate.budgets if not budget.limit.growth and budget.origin.startswith("--")]
    if others:
        raise BudgetError(f"{', '.join(others)}: expected a growth such as '+2 %', which is what check judges")
    if growth:
        yield from growth
        return
    compressed_size_known = now.totals.wire is not None or kept is None or kept.totals.wire is not None
    for key in _NOTHING_GROWS if compressed_size_known else _NOTHING_GROWS[1:]:
        yield budget_of(key, "+0", "baseline check")
