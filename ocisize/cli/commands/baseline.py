"""``ocisize baseline write|check IMAGE``: store an image's figures, and compare later builds with them.

``--quick`` is about downloads alone. ``check`` reads no layer of an image in a registry either if no budget of growth needs
one; without budgets of growth, that is so if the baseline has downloads alone.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ocisize.cli.budget_options import add_growth_options, find_gate, report_violations, status_of
from ocisize.cli.commands.quick import read_outline, read_outlines
from ocisize.cli.inputs import read_all, read_image, refuse_absent, repeat_arguments
from ocisize.cli.options import KEPT, color_mode
from ocisize.cli.quick_option import add_quick, list_layer_budgets, refuse_layers
from ocisize.cli.terminal import open_output, print_message
from ocisize.errors import BudgetError, ViewError
from ocisize.sources.schemes import names_registry
from ocisize.values import evolve

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from ocisize.budgets.baseline import Baseline, BaselineEntry
    from ocisize.cli.budget_options import BudgetGate
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Budget
    from ocisize.model.outline import IndexOutline, Outline
    from ocisize.model.platforms import IndexAnalysis
    from ocisize.report.words.baseline import BaselineComparison

_OF_BASELINES = ("name", "baseline", "budget_file")  # options that say where the baseline is
_FORMATS = ("text", "json")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "--ratchet",
        action="store_true",
        help="with check: if all budgets pass, lower the stored figures that have become smaller",
    )
    parser.add_argument("--all-platforms", action="store_true", help="all images of an index, each with its own figures")
    add_quick(parser)
    parser.add_argument("--full", action="store_true", help="read the layers even if only downloads are compared")
    add_growth_options(parser)


def run(options: argparse.Namespace) -> int:
    """Write the baseline, or check the image against it, for one platform or all."""
    writes = options.action == "write"
    if writes and options.ratchet:
        raise BudgetError("--ratchet: only works with check")
    gate = find_gate(options)

    from ocisize.budgets.baseline import Baseline
    from ocisize.budgets.config import save_baseline

    baseline = before = gate.load_baseline() or Baseline()
    images, index = _read(options, gate, baseline)
    comparisons = [_compare(image, gate, baseline, judged=not writes) for image in images]
    status = max((status_of(comparison.verdicts) for comparison in comparisons), default=KEPT)
    for number, comparison in enumerate(comparisons):
        entry = _entry_after(comparison, options, status)
        if entry is not None and entry != comparison.old:
            baseline = baseline.with_entry(comparison.name, comparison.analysis.platform, entry)
            comparisons[number] = evolve(comparison, written=True)
    if baseline is not before:
        save_baseline(baseline, gate.baseline_file)
    _report(comparisons, options)
    if index and not writes:
        refuse_absent(index)
    return status


def _read(
    options: argparse.Namespace, gate: BudgetGate, baseline: Baseline
) -> tuple[Sequence[Analysis | Outline], IndexAnalysis | IndexOutline | None]:
    """The images, with their index if all platforms are asked for; outlines if no layer is needed."""
    if _needs_layers(options, gate, baseline):
        estimates = gate.forbids_findings
        if not options.all_platforms:
            return [read_image(options, estimate_download=estimates, packages=gate.needs_packages)], None
        analyzed = read_all(options, estimate_download=estimates, packages=gate.needs_packages)
        return _by_name(analyzed.analyses), analyzed
    if options.all_platforms:
        outlined = read_outlines(options)
        return _by_name(outlined.outlines), outlined
    return [read_outline(options)], None


def _needs_layers(options: argparse.Namespace, gate: BudgetGate, baseline: Baseline) -> bool:
    """Whether the figures that are stored or compared need the layers; raises an error if ``--quick`` rules them out."""
    growth = [budget for budget in gate.budgets if budget.limit.growth]
    if options.quick:
        refuse_layers(options, _FORMATS, growth)
        return False
    if options.action == "write" or options.full or options.verify or not names_registry(options.image):
        return True
    return bool(list_layer_budgets(growth)) if growth else not baseline.has_downloads_alone


def _by_name(images: Mapping[str, Analysis] | Mapping[str, Outline]) -> list[Analysis | Outline]:
    """The images of an index with the names that the index gives their platforms; configs may give two images one name."""
    return [evolve(image, platform=name) for name, image in images.items()]


def _compare(image: Analysis | Outline, gate: BudgetGate, baseline: Baseline, *, judged: bool) -> BaselineComparison:
    """An image and its baseline, with the verdicts on its growth."""
    from ocisize.budgets.baseline import baseline_entry, baseline_name
    from ocisize.budgets.check import measure_parts
    from ocisize.model.unread import as_analysis
    from ocisize.report.words.baseline import BaselineComparison

    name, new = gate.name or baseline_name(image), baseline_entry(image, measure_parts(image, gate.budgets))
    if new.totals.compressed_size is None and new.totals.content_size is None and not judged:
        raise ViewError(
            "--quick has nothing to store: the download is unknown, because the layers are uncompressed",
            hint="omit --quick, or name the image in its registry",
        )
    old = baseline.entry(name, image.platform)
    growth = gate._replace(budgets=tuple(_growth_budgets(gate, old, new)), name=name) if judged else None
    return BaselineComparison(
        name=name,
        analysis=as_analysis(image),
        new=new,
        old=old,
        verdicts=growth.judge(image) if growth else (),
        file=str(gate.baseline_file),
    )


def _entry_after(comparison: BaselineComparison, options: argparse.Namespace, status: int) -> BaselineEntry | None:
    """The entry of an image when the command is done."""
    from ocisize.budgets.baseline import ratchet

    if options.action == "write":
        return comparison.new
    if options.ratchet and comparison.old is not None and status == KEPT:
        return ratchet(comparison.old, comparison.new)
    return comparison.old


def _report(comparisons: Sequence[BaselineComparison], options: argparse.Namespace) -> None:
    from ocisize.report.json.baseline import baseline_comparison_to_json, baseline_comparisons_to_json
    from ocisize.report.text.baseline import write_baseline_comparison, write_missing_baselines

    missing = [comparison for comparison in comparisons if comparison.old is None and not comparison.written]
    with open_output(options) as file:
        if options.format == "json":
            text = (
                baseline_comparisons_to_json(comparisons)
                if options.all_platforms
                else baseline_comparison_to_json(comparisons[0])
            )
            file.write(text + "\n")
        else:
            for comparison in comparisons:
                if comparison not in missing:
                    write_baseline_comparison(comparison, file, color=color_mode(options))
            if missing:
                write_missing_baselines(missing, _command_to_write(options), file)
    if options.format != "text" or options.output:
        _report_on_terminal(comparisons, missing, options)


def _report_on_terminal(
    comparisons: Sequence[BaselineComparison], missing: Sequence[BaselineComparison], options: argparse.Namespace
) -> None:
    """List failed budgets and missing baselines on standard error, for reports that go elsewhere."""
    from ocisize.report.words.baseline import describe_missing

    for comparison in comparisons:
        if comparison not in missing:
            platform = comparison.analysis.platform if options.all_platforms else ""
            report_violations(comparison.verdicts, comparison.analysis, about=platform)
    if missing:
        print_message("budget fail", f"{describe_missing(missing)}; write it with: {_command_to_write(options)}")


def _command_to_write(options: argparse.Namespace) -> str:
    """The command that writes the missing baseline."""
    words = ["ocisize", "baseline", "write", *repeat_arguments(options)]
    for name in _OF_BASELINES:
        words += [f"--{name.replace('_', '-')}", vars(options)[name]] if vars(options)[name] else []
    flags = [f"--{name.replace('_', '-')}" for name in ("all_platforms", "quick") if vars(options)[name]]
    return shlex.join([*words, *flags])


def _growth_budgets(gate: BudgetGate, old: BaselineEntry | None, new: BaselineEntry) -> Iterator[Budget]:
    """The budgets of growth; if there are none, no known download, content or waste may grow."""
    from ocisize.budgets.parse import make_limit

    growth = [budget for budget in gate.budgets if budget.limit.growth]
    others = [budget.origin for budget in gate.budgets if not budget.limit.growth and budget.origin.startswith("--")]
    if others:
        raise BudgetError(f"{', '.join(others)}: expected a growth such as '+2 %'; baseline check limits growth only")
    if growth:
        yield from growth
        return
    for key in _default_keys(old, new):
        yield make_limit(key, "+0", "baseline check")


def _default_keys(old: BaselineEntry | None, new: BaselineEntry) -> Iterator[str]:
    """The figures that may not grow where no budget limits growth: those that the baseline and the image have."""
    has_content = new.totals.content_size is not None and (old is None or old.totals.content_size is not None)
    is_known = new.totals.compressed_size is not None or old is None or old.totals.compressed_size is not None
    if is_known or not has_content:  # a check of nothing would pass
        yield "max-download"
    if has_content:
        yield from ("max-unpacked", "max-waste")
