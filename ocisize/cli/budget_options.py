"""Budgets on the command line: options, files, and the exit status that follows from the verdicts."""

from __future__ import annotations

from argparse import SUPPRESS
from functools import partial
from typing import TYPE_CHECKING

from ocisize.cli.options import BROKEN, KEPT, UNUSABLE
from ocisize.cli.terminal import print_message
from ocisize.errors import InvalidGlob
from ocisize.tuples import NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ocisize.budgets.baseline import Baseline
    from ocisize.model.analysis import Analysis
    from ocisize.model.budget import Budget, Verdict
    from ocisize.model.comparison import Comparison
    from ocisize.model.outline import Outline
    from ocisize.model.outline_comparison import OutlineComparison
    from ocisize.oci.platform import UnreadImage

UNWRITTEN = UNUSABLE  #: exit status
#: flags of limits on the whole image, and their help; the keys of ``ocisize.budgets.kinds``, which takes long to import
LIMIT_FLAGS = {
    "max-download": "maximum download: '120 MB', or growth over {growth_from}: '+2 %%'",
    "max-unpacked": "maximum unpacked size of all layers",
    "max-live": "maximum live size, which a container sees",
    "max-waste": "maximum waste, in bytes or as a share of unpacked: '5 %%'",
    "min-efficiency": "minimum efficiency (live / unpacked): '95 %%'",
    "max-files": "maximum number of files in all layers",
    "max-layers": "maximum number of layers",
    "max-layer-download": "maximum download of a single layer",
    "max-layer-unpacked": "maximum unpacked size of a single layer",
    "max-file-size": "maximum size of a file",
    "max-transfer": "maximum time to transfer the download at a bandwidth: '10 s at 100 Mbit/s'",
}
DIVE_FLAGS = ("lowestEfficiency", "highestWastedBytes", "highestUserWastedPercent")


class BudgetGate(NamedTuple):
    """Budgets and the baseline that growth is measured from."""

    budgets: tuple[Budget, ...]
    given_baseline: Path | None  #: the file of the baseline; None: the usual file in the current folder
    name: str | None  #: of the image in the baseline; None: its reference
    rules: Sequence[str] = ()  #: files of the user's rules

    @property
    def forbids_findings(self) -> bool:
        """Whether a budget is about findings, some of which depend on an estimate of the download."""
        return any(budget.findings for budget in self.budgets)

    @property
    def needs_files(self) -> bool:
        """Whether a budget is measured on the file tables."""
        return any(budget.needs_files for budget in self.budgets)

    @property
    def needs_packages(self) -> bool:
        """Whether a budget is measured on packages."""
        return any(budget.needs_packages for budget in self.budgets)

    @property
    def baseline_file(self) -> Path:
        """The file of the baseline, which may not exist."""
        from pathlib import Path

        from ocisize.budgets.config import BASELINE_FILE

        return self.given_baseline or Path(BASELINE_FILE)

    def load_baseline(self) -> Baseline | None:
        """The baseline, None if there is no file; raises BudgetError."""
        from ocisize.budgets.config import load_baseline

        return load_baseline(self.baseline_file)

    def judge(self, image: Analysis | Outline) -> tuple[Verdict, ...]:
        """A verdict on each budget; the baseline is read if one of them limits growth."""
        if not self.budgets:
            return ()
        from ocisize.budgets.check import check

        return check(image, self.budgets, self._baseline(), name=self.name, rules=self._rules())

    def judge_change(self, comparison: Comparison | OutlineComparison) -> tuple[Verdict, ...]:
        """A verdict on each budget of AFTER, with growth measured from BEFORE."""
        if not self.budgets:
            return ()
        from ocisize.budgets.check_change import check_change

        return check_change(comparison.before, comparison.after, self.budgets, rules=self._rules())

    def judge_all(
        self, images: Mapping[str, Analysis | Outline], absent: Sequence[str], unread: Sequence[UnreadImage]
    ) -> Mapping[str, tuple[Verdict, ...]]:
        """Verdicts by platform on the images of an index, which also names absent and unread ones."""
        if not self.budgets:
            return dict.fromkeys(images, ())
        from ocisize.budgets.check_platforms import check_all

        missing = [*absent, *(image.platform or image.digest for image in unread)]
        return check_all(images, self.budgets, self._baseline(), name=self.name, rules=self._rules(), absent=missing)

    def _rules(self) -> Sequence[str]:
        """The ids of the users' rules, which only budgets that forbid findings need."""
        if not self.forbids_findings:
            return ()
        from pathlib import Path

        from ocisize.rules.load import load_catalog

        return [rule.id for rule in load_catalog([Path(file) for file in self.rules]).rules]

    def _baseline(self) -> Baseline | None:
        return self.load_baseline() if any(budget.limit.growth for budget in self.budgets) else None


def add_budget_options(parser: argparse.ArgumentParser, *, brief: bool = False) -> None:
    """Add the options of budgets; ``brief`` shows only a summary of them in the help."""
    group = add_growth_options(parser)
    _add_rules(group)
    if brief:
        group.description = "--max-download LIMIT, --max-waste LIMIT, --forbid GLOB and more: see ocisize analyze --help"
        for action in group._group_actions:  # noqa: SLF001 - argparse has no other way
            action.help = SUPPRESS


def _add_rules(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--forbid", metavar="GLOB", action="append", default=[], help="forbid paths in any layer, including deleted ones")
    add(
        "--forbid-findings",
        metavar="ID",
        action="append",
        default=[],
        help="forbid findings by id, or by severity: high, medium, low",
    )
    add("--ci", action="store_true", help="check dive's rules, from .dive-ci or with dive's defaults")
    add("--ci-config", metavar="FILE", help="read dive's rules from FILE instead of .dive-ci")
    for rule in DIVE_FLAGS:
        add(f"--{rule}", metavar="LIMIT", dest=rule, help="limit of this rule of dive, or 'disabled'")


def add_change_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of budgets on a comparison, whose growth is measured from BEFORE."""
    _add_rules(_add_limits(parser, "BEFORE"))
    parser.set_defaults(baseline=None, name=None)


def add_growth_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that limit growth over a baseline, too."""
    group = _add_limits(parser, "a baseline")
    add = group.add_argument
    add("--baseline", metavar="FILE", help="baseline file (default: ocisize-baseline.json next to the budgets)")
    add("--name", metavar="NAME", help="name of the image in the baseline (default: its reference without tag)")
    return group


def _add_limits(parser: argparse.ArgumentParser, growth_from: str) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("budgets; ocisize.toml also limits packages, paths, layers")
    add = group.add_argument
    add(
        "--budget-file",
        metavar="FILE",
        help="read budgets from FILE instead of ocisize.toml, pyproject.toml or .dive-ci",
    )
    add("--no-budgets", action="store_true", help="ignore ocisize.toml, pyproject.toml and .dive-ci")
    for key, what in LIMIT_FLAGS.items():
        text = what.format(growth_from=growth_from)
        add(f"--{key}", metavar="LIMIT", action="append", default=[], dest=key, help=text)
    parser.set_defaults(forbid=[], forbid_findings=[], ci=False, ci_config=None, **dict.fromkeys(DIVE_FLAGS))
    return group


def find_gate(options: argparse.Namespace) -> BudgetGate:
    """The budgets of the options and of the files in the current folder, with the baseline; raises BudgetError."""
    from ocisize.budgets.config import BudgetFile, find_budget_file, load_budget_file
    from ocisize.errors import BudgetError

    if options.budget_file:
        from pathlib import Path

        config = load_budget_file(Path(options.budget_file))
        if not config.has_settings:
            raise BudgetError(f"{options.budget_file}: has no budgets, name or baseline")
    else:
        config = BudgetFile() if options.no_budgets else find_budget_file()
        if config.file and not config.has_settings and not options.quiet:
            print_message("warning", f"{config.file}: has no budgets")
    flags = list(_read_flags(options))
    replaced = {budget.key for budget in flags}
    budgets = [budget for budget in config.budgets if budget.key not in replaced or _is_narrowed(budget)]
    dive = _read_dive(options)
    if dive:
        budgets = [budget for budget in budgets if budget.key not in DIVE_FLAGS]
    baseline = config.baseline
    if options.baseline:
        from pathlib import Path

        baseline = Path(options.baseline)
    return BudgetGate((*budgets, *flags, *dive), baseline, options.name or config.name, options.rules or ())


def _is_narrowed(budget: Budget) -> bool:
    return bool(budget.platform or budget.layer or budget.paths or budget.ignore or budget.visible_only or budget.packages)


def _read_flags(options: argparse.Namespace) -> Iterator[Budget]:
    """The budgets of the flags; raises BudgetError with all problems."""
    arguments = vars(options)
    if not any((options.forbid, options.forbid_findings, *(arguments[key] for key in LIMIT_FLAGS))):
        return  # the modules of budgets take longer to import than a small image takes to read
    from ocisize.budgets.parse import FORBID, FORBID_FINDINGS, OFF, forbid_findings, forbid_paths, make_limit, make_off
    from ocisize.errors import BudgetError
    from ocisize.globs import parse_glob

    makers: list[tuple[str, Callable[[], Budget]]] = [
        (f"--{key}: got {text!r}, ", partial(make_limit, key, text, f"--{key}"))
        for key in LIMIT_FLAGS
        for text in arguments[key]
    ]
    for key, texts in ((FORBID, options.forbid), (FORBID_FINDINGS, options.forbid_findings)):
        if texts == [OFF]:
            yield make_off(key, f"--{key}")
    if options.forbid not in ([], [OFF]):
        makers.append(("--forbid: ", lambda: forbid_paths([parse_glob(text) for text in options.forbid], "--forbid")))
    if options.forbid_findings not in ([], [OFF]):
        makers.append(("--forbid-findings: ", partial(forbid_findings, options.forbid_findings, "--forbid-findings")))
    problems: list[str] = []
    budgets = [budget for prefix, make in makers for budget in _make(prefix, make, problems)]
    if problems:
        raise BudgetError("; ".join(problems), problems=problems)
    yield from budgets


def _make(prefix: str, make: Callable[[], Budget], problems: list[str]) -> Sequence[Budget]:
    """One budget, or none and a problem."""
    try:
        return [make()]
    except (ValueError, InvalidGlob) as error:
        problems.append(f"{prefix}{error}")
        return []


def _read_dive(options: argparse.Namespace) -> Sequence[Budget]:
    """The budgets of dive's rules if an option asks for them; a file given by ``--ci-config`` must exist."""
    flags = {rule: value for rule, value in vars(options).items() if rule in DIVE_FLAGS and value is not None}
    if not (flags or options.ci or options.ci_config):
        return ()
    from pathlib import Path

    from ocisize.budgets.config import DIVE_FILE, load_dive_budgets

    default = None if options.no_budgets else Path(options.budget_file or DIVE_FILE)
    if default is not None and (default.suffix == ".toml" or not default.is_file()):
        default = None
    return load_dive_budgets(flags, Path(options.ci_config) if options.ci_config else default)


def status_of(verdicts: Sequence[Verdict]) -> int:
    """The exit status of all commands: UNUSABLE if a budget is incomplete, BROKEN if one failed, else KEPT.

    A budget whose figure is unknown fails, unless it says otherwise; docs/running.md has the meaning of the statuses.
    """
    if any(verdict.status.value == "incomplete" for verdict in verdicts):
        return UNUSABLE
    return BROKEN if any(verdict.outcome.value == "fail" for verdict in verdicts) else KEPT


def report_unshown(
    options: argparse.Namespace, verdicts: Sequence[Verdict], image: Analysis | Outline, *, about: str = ""
) -> None:
    """List the budgets that are not kept on standard error, unless a report on standard output shows them to people."""
    if not any(output.format == "text" and output.output is None for output in options.outputs):
        report_violations(verdicts, image, about=about)


def report_violations(verdicts: Sequence[Verdict], image: Analysis | Outline, *, about: str = "") -> None:
    """List the budgets that are not kept on standard error, for reports that do not show them on the terminal."""
    if not verdicts:
        return
    from ocisize.model.unread import as_analysis
    from ocisize.report.words.budgets import describe

    analysis = as_analysis(image)

    for outcome in ("fail", "warn"):
        for verdict in verdicts:
            if verdict.outcome.value == outcome:
                print_message(f"budget {outcome}", f"{about}{': ' * bool(about)}{describe(verdict, analysis)}")
