"""Budgets and verdicts: limits on an image, and the result of checking them. ``ocisize.budgets.check`` checks budgets."""

from __future__ import annotations

import enum

from ocisize.globs import Glob
from ocisize.model.quantity import BudgetLimit, Number, Unit, plain_number
from ocisize.values import frozen

BASELINE = "baseline"  #: ``Verdict.growth_from`` of an image that is not compared


class Metric(str, enum.Enum):
    """A figure that can be limited. docs/numbers.md defines the sizes."""

    COMPRESSED_SIZE = "compressed_size"  #: the download
    CONTENT_SIZE = "content_size"  #: what all layers store
    LIVE_SIZE = "live_size"  #: what a container sees
    WASTED_SIZE = "wasted_size"  #: in bytes, or as a share of ``content_size``
    USER_WASTE = "user_waste"  #: wasted share of the content of all layers above the first
    EFFICIENCY = "efficiency"  #: live share of ``content_size``
    FILES = "files"  #: number of regular files
    LAYERS = "layers"  #: number of layers
    LAYER_COMPRESSED_SIZE = "layer_compressed_size"  #: of the layer with the largest
    LAYER_CONTENT_SIZE = "layer_content_size"  #: of the layer with the largest
    FILE_SIZE = "file_size"  #: of the largest file
    TRANSFER = "transfer"  #: seconds to transfer ``compressed_size``
    PATHS = "paths"  #: entries at forbidden paths
    FINDINGS = "findings"  #: forbidden findings

    def __str__(self) -> str:
        return self.value


class BudgetLevel(str, enum.Enum):
    """The effect of a budget that is not kept."""

    FAIL = "fail"  #: exit status 1
    WARN = "warn"  #: a line in the report
    OFF = "off"  #: as ``level``: the budget is skipped; as ``if-unknown`` or ``if-unmatched``: it passes

    def __str__(self) -> str:
        return self.value


class BudgetStatus(str, enum.Enum):
    """The result of checking a budget."""

    #: kept; a figure equal to its limit is kept
    PASS = "pass"  # noqa: S105
    WARN = "warn"  #: not kept, and its level is ``warn``
    FAIL = "fail"  #: not kept
    UNKNOWN = "unknown"  #: the figure or its baseline is unknown
    INCOMPLETE = "incomplete"  #: layers could not be read, and they could change the result
    UNMATCHED = "unmatched"  #: the image has no such layer, path or platform, or there is no such finding
    SKIPPED = "skipped"  #: switched off, or for another platform

    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class Budget:
    """One limit, on the whole image or on a part of it; see docs/budgets.md.

    ``parse_budgets`` reads budgets from TOML. A budget may also be built by hand:

    >>> budget = Budget(key="max-files", metric=Metric.FILES, limit=BudgetLimit(100, Unit.COUNT), platform="linux/amd64")
    >>> budget.unit.value, budget.level.value
    ('count', 'fail')
    """

    key: str  #: its name where it was written: ``max-download``, ``forbid``, ``lowestEfficiency``
    metric: Metric  #: the figure that is limited
    limit: BudgetLimit  #: the largest value allowed, or the smallest of a minimum
    level: BudgetLevel = BudgetLevel.FAIL  #: effect if it is not kept
    reason: str = ""  #: why there is this budget, in its author's words
    platform: str = ""  #: ``linux/arm64``, or a pattern with ``*``; "" is any
    layer: str = ""  #: build step, with ``*`` for any text; "" is all layers
    paths: tuple[Glob, ...] = ()  #: only these paths and all below them are measured, or are forbidden; () is all
    ignore: tuple[Glob, ...] = ()  #: these paths and all below them are left out
    #: only packages of these names are measured: ``*`` is any text, ``python:torch`` names the ecosystem; () is all files
    packages: tuple[str, ...] = ()
    visible_only: bool = False  #: measure only what a container sees, not all that is downloaded
    findings: tuple[str, ...] = ()  #: forbidden findings: ids, or severities, which include the higher ones
    unknown: BudgetLevel = BudgetLevel.FAIL  #: effect of UNKNOWN
    unmatched: BudgetLevel = BudgetLevel.WARN  #: effect of UNMATCHED
    origin: str = ""  #: where it was written: ``ocisize.toml:3``, ``--max-download``

    @property
    def unit(self) -> Unit:
        """The unit of the figure, and of ``Verdict.measured`` and ``Verdict.limit``."""
        return self.limit.unit

    @property
    def needs_files(self) -> bool:
        """Whether it is measured on the file tables, not on figures of the image and its layers alone."""
        return bool(self.paths or self.ignore or self.visible_only) or self.metric is Metric.FILE_SIZE

    @property
    def needs_packages(self) -> bool:
        """Whether it is measured on the packages of the image."""
        return bool(self.packages)

    @property
    def violation_status(self) -> BudgetStatus:
        """The status of a figure beyond the limit: WARN or FAIL, by ``level``."""
        return BudgetStatus.WARN if self.level is BudgetLevel.WARN else BudgetStatus.FAIL


@frozen
class VerdictPlace:
    """A place in the image that a verdict is about."""

    layer: int | None = None  #: index
    path: str | None = None  #: without a leading slash
    finding: str | None = None  #: id
    #: the figure of this place, if it has its own; of a layer that made the image grow too much its growth
    exact_measured: Number | None = None

    @property
    def measured(self) -> int | float | None:
        """``exact_measured`` as a plain number; bytes, a count, a share of 0..1 or seconds, by ``Budget.unit``."""
        return plain_number(self.exact_measured)


@frozen(kw_only=True)
class Verdict:
    """The result of checking one budget."""

    budget: Budget  #: the budget that was checked
    status: BudgetStatus  #: the result
    exact_measured: Number | None = None  #: the figure, in the budget's unit; of several the worst
    exact_limit: Number | None = None  #: in the budget's unit, growth added to its baseline; None if that is unknown
    where: tuple[VerdictPlace, ...] = ()  #: the first of the places at fault, worst first
    where_count: int = 0  #: how many places are at fault
    reason: str = ""  #: why the status is what it is, where the figures do not show it
    growth_from: str = BASELINE  #: what growth is measured from: ``baseline``, or ``BEFORE`` in a comparison

    @property
    def measured(self) -> int | float | None:
        """The figure: bytes, a count, a share of 0..1 or seconds, by ``Budget.unit``; None if it is unknown.

        >>> import ocisize
        >>> budgets = ocisize.parse_budgets('max-waste = "5 %"').budgets
        >>> (verdict,) = ocisize.check(ocisize.analyze("testdata/example.tar"), budgets)
        >>> round(verdict.measured, 3), verdict.limit, verdict.exact_limit
        (0.089, 0.05, Fraction(1, 20))
        """
        return plain_number(self.exact_measured)

    @property
    def limit(self) -> int | float | None:
        """The largest value allowed, or the smallest of a minimum, in the unit of ``measured``; None if it is unknown."""
        return plain_number(self.exact_limit)

    @property
    def outcome(self) -> BudgetStatus:
        """PASS, WARN or FAIL: the effect on the exit status. Never worse than the budget's level.

        >>> budget = Budget(key="max-files", metric=Metric.FILES, limit=BudgetLimit(1, Unit.COUNT), unknown=BudgetLevel.WARN)
        >>> Verdict(budget=budget, status=BudgetStatus.UNKNOWN).outcome.value
        'warn'
        """
        if self.status is BudgetStatus.UNKNOWN:
            level = self.budget.unknown
        elif self.status is BudgetStatus.UNMATCHED:
            level = self.budget.unmatched
        elif self.status is BudgetStatus.INCOMPLETE:
            level = BudgetLevel.FAIL
        else:
            return BudgetStatus.PASS if self.status is BudgetStatus.SKIPPED else self.status
        if level is BudgetLevel.FAIL and self.budget.level is BudgetLevel.WARN:
            level = BudgetLevel.WARN
        return {
            BudgetLevel.FAIL: BudgetStatus.FAIL,
            BudgetLevel.WARN: BudgetStatus.WARN,
            BudgetLevel.OFF: BudgetStatus.PASS,
        }[level]
