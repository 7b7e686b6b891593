"""Budgets and verdicts: what a team allows an image, and what became of it. Values only; ``budget`` checks them."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from ocisize.globs import Glob
from ocisize.model.quantity import Limit, Number, Unit


class Metric(str, enum.Enum):
    """A figure that can be limited; see ``ocisize.model.analysis`` for their definitions."""

    DOWNLOAD = "download"
    UNPACKED = "unpacked"  #: content_size
    LIVE = "live"
    WASTE = "waste"  #: in bytes, or as a share of unpacked
    USER_WASTE = "user-waste"  #: wasted share of what the layers above the first store
    EFFICIENCY = "efficiency"
    FILES = "files"
    LAYERS = "layers"
    LAYER_DOWNLOAD = "layer-download"  #: of the layer that has most
    LAYER_UNPACKED = "layer-unpacked"
    FILE_SIZE = "file-size"  #: of the largest file
    PULL = "pull"  #: seconds to transfer the wire
    PATHS = "paths"  #: entries at forbidden paths
    FINDINGS = "findings"  #: forbidden findings

    def __str__(self) -> str:
        return self.value


#: the units in which each metric is limited
UNITS: Mapping[Metric, tuple[Unit, ...]] = {
    Metric.DOWNLOAD: (Unit.BYTES,),
    Metric.UNPACKED: (Unit.BYTES,),
    Metric.LIVE: (Unit.BYTES,),
    Metric.WASTE: (Unit.SHARE, Unit.BYTES),
    Metric.USER_WASTE: (Unit.SHARE,),
    Metric.EFFICIENCY: (Unit.SHARE,),
    Metric.FILES: (Unit.COUNT,),
    Metric.LAYERS: (Unit.COUNT,),
    Metric.LAYER_DOWNLOAD: (Unit.BYTES,),
    Metric.LAYER_UNPACKED: (Unit.BYTES,),
    Metric.FILE_SIZE: (Unit.BYTES,),
    Metric.PULL: (Unit.SECONDS,),
}


class Level(str, enum.Enum):
    """What a budget that is not kept does."""

    FAIL = "fail"  #: exit status 1
    WARN = "warn"  #: a line in the report
    OFF = "off"  #: as a budget's level: it is not checked; as an answer to a question without one: it passes

    def __str__(self) -> str:
        return self.value


class BudgetStatus(str, enum.Enum):
    """What became of a budget."""

    PASS = "pass"  #: kept; equal to the limit is kept  # noqa: S105
    WARN = "warn"  #: not kept, and its level is ``warn``
    FAIL = "fail"  #: not kept
    UNKNOWN = "unknown"  #: the figure or its baseline is not known
    INCOMPLETE = "incomplete"  #: not all layers could be read, and those might break what the others keep
    UNMATCHED = "unmatched"  #: no layer or path of the image is what it is about
    SKIPPED = "skipped"  #: switched off, or for another platform

    def __str__(self) -> str:
        return self.value


@attrs.frozen(kw_only=True)
class Budget:
    """One limit. What it is about is narrowed by platform, layers and paths; see docs/budgets.md."""

    key: str  #: how it is called where it was written: ``max-download``, ``forbid``, ``lowestEfficiency``
    metric: Metric
    limit: Limit
    level: Level = Level.FAIL
    reason: str = ""  #: why there is this budget, in its author's words
    platform: str = ""  #: ``linux/arm64`` or with ``*``; "" is any
    layer: str = ""  #: build step with ``*`` for any text; each layer that matches is measured by itself
    paths: tuple[Glob, ...] = ()  #: what is measured or forbidden; a path stands for all below it, too
    ignore: tuple[Glob, ...] = ()  #: what is left out
    visible_only: bool = False  #: only what a container sees, not all that is downloaded
    findings: tuple[str, ...] = ()  #: forbidden ones: ids, or severities, which include the higher ones
    unknown: Level = Level.FAIL  #: what UNKNOWN does
    unmatched: Level = Level.WARN  #: what UNMATCHED does
    origin: str = ""  #: where it was written: ``ocisize.toml:3``, ``--max-download``

    @property
    def unit(self) -> Unit:
        """What the figure is measured in, which growth as a share is not."""
        if self.limit.growth and self.limit.unit is Unit.SHARE:
            return next(unit for unit in UNITS[self.metric] if unit is not Unit.SHARE)
        return self.limit.unit

    @property
    def violation_status(self) -> BudgetStatus:
        """What becomes of it where the figure is beyond the limit."""
        return BudgetStatus.WARN if self.level is Level.WARN else BudgetStatus.FAIL

    @property
    def is_minimum(self) -> bool:
        """Whether the limit is the smallest value allowed, not the largest."""
        return self.metric is Metric.EFFICIENCY


@attrs.frozen
class Place:
    """Where in the image a verdict comes from."""

    layer: int | None = None  #: index
    path: str | None = None
    finding: str | None = None  #: id
    measured: Number | None = None  #: the figure there, where each has its own


@attrs.frozen(kw_only=True)
class Verdict:
    """What became of one budget."""

    budget: Budget
    status: BudgetStatus
    measured: Number | None = None  #: the figure, in the budget's unit; of several the worst
    limit: Number | None = None  #: with the baseline's figure taken into account; None when that is unknown
    where: tuple[Place, ...] = ()  #: the first of the places at fault, worst first
    where_count: int = 0  #: how many there are
    reason: str = ""  #: what stands behind the status, and what to do about it, where figures do not say it

    @property
    def outcome(self) -> BudgetStatus:
        """PASS, WARN or FAIL: what the verdict does to the exit status. Never more than the budget's level."""
        if self.status is BudgetStatus.UNKNOWN:
            level = self.budget.unknown
        elif self.status is BudgetStatus.UNMATCHED:
            level = self.budget.unmatched
        elif self.status is BudgetStatus.INCOMPLETE:
            level = Level.FAIL
        else:
            return BudgetStatus.PASS if self.status is BudgetStatus.SKIPPED else self.status
        if level is Level.FAIL and self.budget.level is Level.WARN:
            level = Level.WARN
        return {Level.FAIL: BudgetStatus.FAIL, Level.WARN: BudgetStatus.WARN, Level.OFF: BudgetStatus.PASS}[level]
