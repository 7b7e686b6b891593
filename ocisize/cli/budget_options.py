"""Budgets on the command line: options, the files they are read from, and verdicts that decide the exit status."""

from __future__ import annotations

import os
from argparse import SUPPRESS
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ocisize.cli.options import BROKEN, KEPT, UNUSABLE
from ocisize.cli.terminal import print_message
from ocisize.errors import InvalidGlob

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ocisize.budgets.baseline import Baseline
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Budget, Verdict
    from ocisize.model.platforms import IndexAnalysis

UNWRITTEN = UNUSABLE  #: exit status
_FILES = ("ocisize.toml", "pyproject.toml", ".dive-ci")
#: flags of limits on the whole image → what they limit
LIMIT_FLAGS = {
    "max-download": "bytes to download: '120 MB', or with a baseline '+2 %%'",
    "max-unpacked": "bytes that all layers store",
    "max-live": "bytes that a container sees",
    "max-waste": "wasted bytes, or their share of unpacked: '5 %%'",
    "min-efficiency": "live / unpacked, at least: '95 %%'",
    "max-files": "files in all layers",
    "max-layers": "layers",
    "max-layer-download": "bytes to download of the largest layer",
    "max-layer-unpacked": "bytes that the largest layer stores",
    "max-file-size": "bytes of the largest file",
    "max-pull": "time to transfer the download: '10 s at 100 Mbit/s'",
}
DIVE_FLAGS = ("lowestEfficiency", "highestWastedBytes", "highestUserWastedPercent")


class BudgetGate(NamedTuple):
    """Budgets and the baseline that growth is measured from."""

    budgets: tuple[Budget, ...]
    baseline_file: Path
    name: str | None
    rules: Sequence[str] = ()  #: files of users' rules

    def load_baseline(self) -> Baseline | None:
        """The baseline, None where there is none; raises BudgetError."""
        from ocisize.budgets.config import load_baseline

        return load_baseline(self.baseline_file)

    def judge(self, analysis: Analysis) -> tuple[Verdict, ...]:
        """A verdict on each budget; the baseline is read where one of them needs it."""
        if not self.budgets:
            return ()
        from ocisize.budgets.check import check

        return check(analysis, self.budgets, self._baseline(), name=self.name, rules=self._rules())

    def judge_all(self, index: IndexAnalysis) -> Mapping[str, tuple[Verdict, ...]]:
        """The same for the images of all platforms."""
        if not self.budgets:
            return dict.fromkeys(index.analyses, ())
        from ocisize.budgets.check_platforms import check_all

        absent = [*index.absent, *(each.platform or each.digest for each in index.unread)]
        return check_all(index.analyses, self.budgets, self._baseline(), name=self.name, rules=self._rules(), absent=absent)

    def _rules(self) -> Sequence[str]:
        from ocisize.rules.load import load_catalog

        return [rule.id for rule in load_catalog([Path(file) for file in self.rules]).rules]

    def _baseline(self) -> Baseline | None:
        return self.load_baseline() if any(budget.limit.growth for budget in self.budgets) else None


def add_budget_options(parser: argparse.ArgumentParser, *, brief: bool = False) -> None:
    """Add the options that set up budgets; ``brief`` leaves all but a word of them out of the help."""
    group = add_growth_options(parser)
    _add_rules(group)
    if brief:
        group.description = (
            "--max-download LIMIT, --max-waste LIMIT, --forbid GLOB and more: ocisize analyze --help has them"
        )
        for action in group._group_actions:  # noqa: SLF001 - argparse has no other way
            action.help = SUPPRESS


def _add_rules(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--forbid", metavar="GLOB", action="append", default=[], help="paths that no layer may have")
    add(
        "--forbid-findings",
        metavar="ID",
        action="append",
        default=[],
        help="findings by id, or by severity: high, medium, low",
    )
    add("--ci", action="store_true", help="check dive's rules, by .dive-ci or dive's defaults")
    add("--ci-config", metavar="FILE", help="file of dive's rules instead of .dive-ci")
    for rule in DIVE_FLAGS:
        add(f"--{rule}", metavar="LIMIT", dest=rule, help="dive's rule of this name; 'disabled' switches it off")


def add_growth_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that also growth over a baseline is limited by."""
    group = parser.add_argument_group("budgets, see docs/budgets.md")
    add = group.add_argument
    add(
        "--budget-file",
        metavar="FILE",
        help="read budgets from FILE instead of ocisize.toml, pyproject.toml or .dive-ci here",
    )
    add("--no-budgets", action="store_true", help="do not look for files of budgets")
    for key, what in LIMIT_FLAGS.items():
        add(f"--{key}", metavar="LIMIT", action="append", default=[], dest=key, help=what)
    add("--baseline", metavar="FILE", help="file of the baseline (default: ocisize-baseline.json beside the budgets)")
    add("--name", metavar="NAME", help="how the baseline knows the image (default: its reference without the tag)")
    parser.set_defaults(forbid=[], forbid_findings=[], ci=False, ci_config=None, **dict.fromkeys(DIVE_FLAGS))
    return group


def find_gate(options: argparse.Namespace) -> BudgetGate:
    """What the options and the files of the current folder set up, in no time where that is nothing; raises BudgetError."""
    return read_gate(options) if _asks_for_budgets(options) else BudgetGate((), Path(), None)


def _asks_for_budgets(options: argparse.Namespace) -> bool:
    """Whether to load what reads them: it takes longer than the analysis of a small image."""
    flags = [getattr(options, key) for key in (*LIMIT_FLAGS, *DIVE_FLAGS)]
    others = (options.forbid, options.forbid_findings, options.ci, options.ci_config, options.budget_file)
    return any(flags) or any(others) or (not options.no_budgets and any(map(os.path.exists, _FILES)))


def read_gate(options: argparse.Namespace) -> BudgetGate:
    """What the options and the files of the current folder set up; raises BudgetError."""
    from ocisize.budgets.config import Config, find_config, load_config
    from ocisize.errors import BudgetError

    if options.budget_file:
        config = load_config(Path(options.budget_file))
        if not config.sets_up:
            raise BudgetError(f"{options.budget_file}: sets up no budgets, nor where the baseline is")
    else:
        config = Config() if options.no_budgets else find_config(Path())
        if config.file and not config.sets_up and not options.quiet:
            print_message("warning", f"{config.file}: sets up no budgets")
    flags = list(_read_flags(options))
    said = {budget.key for budget in flags}
    budgets = [budget for budget in config.budgets if budget.key not in said or _is_narrow(budget)]
    dive = _read_dive(options)
    if dive:
        budgets = [budget for budget in budgets if budget.key not in DIVE_FLAGS]
    baseline = Path(options.baseline) if options.baseline else config.baseline
    return BudgetGate(
        (*budgets, *flags, *dive), baseline, options.name or config.name, getattr(options, "rules", None) or ()
    )


def _is_narrow(budget: Budget) -> bool:
    return bool(budget.platform or budget.layer or budget.paths or budget.ignore or budget.visible_only)


def _read_flags(options: argparse.Namespace) -> Iterator[Budget]:
    """The budgets of the flags; all their problems are told at once."""
    from ocisize.budgets.load import FORBID, FORBID_FINDINGS, OFF, forbid_findings, forbid_paths, make_limit, make_off
    from ocisize.errors import BudgetError
    from ocisize.globs import parse_glob

    makers: list[tuple[str, Callable[[], Budget]]] = [
        (f"--{key}: got {text!r}, ", partial(make_limit, key, text, f"--{key}"))
        for key in LIMIT_FLAGS
        for text in getattr(options, key)
    ]
    for key, texts in ((FORBID, options.forbid), (FORBID_FINDINGS, options.forbid_findings)):
        if texts == [OFF]:
            yield make_off(key, f"--{key}")
    if options.forbid not in ([], [OFF]):
        makers.append(("--forbid: ", lambda: forbid_paths([parse_glob(text) for text in options.forbid], "--forbid")))
    if options.forbid_findings not in ([], [OFF]):
        makers.append(("--forbid-findings: ", partial(forbid_findings, options.forbid_findings, "--forbid-findings")))
    found = [_made(what, make) for what, make in makers]
    problems = [each for each in found if isinstance(each, str)]
    if problems:
        raise BudgetError("; ".join(problems), problems=problems)
    yield from (each for each in found if not isinstance(each, str))


def _made(what: str, make: Callable[[], Budget]) -> Budget | str:
    """A budget, or what is wrong with it."""
    try:
        return make()
    except (ValueError, InvalidGlob) as error:
        return f"{what}{error}"


def _read_dive(options: argparse.Namespace) -> Sequence[Budget]:
    """Budgets by dive's rules, where an option asks for them; a file that is named must be there."""
    from ocisize.budgets.config import DIVE_FILE, load_dive_budgets

    flags = {rule: getattr(options, rule) for rule in DIVE_FLAGS if getattr(options, rule) is not None}
    if not (flags or options.ci or options.ci_config):
        return ()
    usual = None if options.no_budgets else Path(options.budget_file or DIVE_FILE)
    if usual is not None and (usual.suffix == ".toml" or not usual.is_file()):
        usual = None
    return load_dive_budgets(flags, Path(options.ci_config) if options.ci_config else usual)


def status_of(verdicts: Sequence[Verdict]) -> int:
    """The exit status."""
    return BROKEN if any(verdict.outcome.value == "fail" for verdict in verdicts) else KEPT


def report_violations(verdicts: Sequence[Verdict], analysis: Analysis, *, about: str = "") -> None:
    """Name the budgets that are not kept on standard error, for reports that do not or that nobody sees."""
    if not verdicts:
        return
    from ocisize.report.words.budgets import describe

    for outcome in ("fail", "warn"):
        for verdict in verdicts:
            if verdict.outcome.value == outcome:
                print_message(f"budget {outcome}", f"{about}{': ' * bool(about)}{describe(verdict, analysis)}")
