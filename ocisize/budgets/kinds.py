"""The kinds of budgets, one row each: the figure that is limited, its unit, and the parts of an image it is measured on.

A part without a function cannot be measured: the parser refuses such a budget, and ``measure`` raises BudgetError. To add a
kind, add a member of ``Metric`` and a row here; CONTRIBUTING.md has the steps.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias

from ocisize.budgets import figures
from ocisize.budgets.baseline import BaselineEntry, BaselineLayer
from ocisize.budgets.figures import Figure
from ocisize.budgets.scope import BudgetScope, LayerSelection, PackageSelection, RowSelection, ScopeSizes
from ocisize.errors import BudgetError
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.budget import Budget, BudgetLevel, Metric, VerdictPlace
from ocisize.model.findings import Category, Finding
from ocisize.model.quantity import Unit
from ocisize.model.sizes import weight_of
from ocisize.values import evolve, frozen

NARROWING_KEYS = ("path", "ignore", "layer", "visible-only", "package")

MeasureImage: TypeAlias = Callable[[Analysis, Budget], Figure]
MeasureLayers: TypeAlias = Callable[[LayerSelection, Budget], Figure]
MeasureRows: TypeAlias = Callable[[RowSelection, Budget], Figure]
MeasurePackages: TypeAlias = Callable[[PackageSelection, Budget], Figure]


class Value(enum.Enum):
    """What the key of a budget has as its value."""

    LIMIT = "limit"
    GLOBS = "globs"  #: forbidden paths
    FINDINGS = "findings"  #: forbidden findings


class Unread(enum.Enum):
    """How layers that could not be read may change a figure."""

    NONE = "none"  #: not at all: the manifest has it, of whole layers
    RAISE = "raise"  #: upwards, if the budget measures them; other layers do not matter
    RAISE_OTHERS = "raise others"  #: upwards, even if the budget measures other layers
    ANY = "any"  #: up or down, even if the budget measures other layers


@frozen(kw_only=True)
class Measures:
    """The functions that measure a figure, by part of the image; None where it cannot be measured."""

    image: MeasureImage | None = None  #: the whole image
    layers: MeasureLayers | None = None  #: whole layers, selected by ``layer``
    rows: MeasureRows | None = None  #: rows, selected by ``path`` and ``ignore`` in all layers or in some
    visible: MeasureRows | None = None  #: rows, selected by ``visible-only`` and perhaps by ``path`` and ``ignore``
    packages: MeasurePackages | None = None  #: packages, selected by ``package``
    each_layer: bool = False  #: layers selected by ``layer`` are measured one by one, not together


@frozen(kw_only=True)
class BudgetKind:
    """One kind of budget. A metric with several units has a kind for each."""

    key: str  #: in TOML, and the name of its flag; "" if only dive's rules set it
    metric: Metric
    unit: Unit
    name: str  #: of the figure, in messages
    measures: Measures
    unread: Unread
    value: Value = Value.LIMIT
    is_minimum: bool = False  #: the limit is the smallest value allowed
    baseline: Callable[[BaselineEntry], int | None] | None = (
        None  #: the figure that growth is measured from; None: no growth
    )
    baseline_layer: Callable[[BaselineLayer], int | None] | None = None  #: the same of one layer, for ``layer``
    saving: Callable[[Finding], int | None] = lambda _finding: None  #: bytes by which a finding lowers the figure

    @property
    def narrowed_by(self) -> tuple[str, ...]:
        """The keys that can narrow it, of NARROWING_KEYS."""
        measures, has_globs = self.measures, self.value is Value.GLOBS
        possible = {
            "path": measures.rows is not None and not has_globs,
            "ignore": measures.rows is not None,
            "layer": measures.layers is not None or has_globs,
            "visible-only": measures.visible is not None,
            "package": measures.packages is not None,
        }
        return tuple(key for key in NARROWING_KEYS if possible[key])


def _sums(figure: Callable[[ScopeSizes], Figure], *, visible: bool = False) -> Measures:
    """A figure that follows from sums, and so can be measured on the image, on each layer and on rows."""

    def measure_rows(rows: RowSelection, _budget: Budget) -> Figure:
        return figure(rows.sizes())

    def measure_packages(selection: PackageSelection, _budget: Budget) -> Figure:
        places = tuple(VerdictPlace(layer=layer) for layer in selection.layers[: figures.MAX_PLACES])
        return evolve(figure(selection.sizes()), places=places, place_count=len(selection.layers))

    return Measures(
        image=lambda analysis, _budget: figure(ScopeSizes.of([analysis])),
        layers=lambda selection, _budget: figure(ScopeSizes.of(selection.layers)),
        rows=measure_rows,
        visible=measure_rows if visible else None,
        packages=measure_packages,
        each_layer=True,
    )


def _largest(sizes: Iterable[int | None]) -> int | None:
    known = list(sizes)
    return None if None in known else max((size or 0 for size in known), default=0)


def _download_saved(finding: Finding) -> int | None:
    return weight_of(finding.compressed_size, finding.size)


def _waste_saved(finding: Finding) -> int | None:
    return finding.size if finding.category is Category.WASTE else None


KINDS: tuple[BudgetKind, ...] = (
    BudgetKind(
        key="max-download", metric=Metric.COMPRESSED_SIZE, unit=Unit.BYTES, name="download",
        measures=_sums(figures.compressed_size), unread=Unread.NONE,
        baseline=lambda entry: entry.totals.compressed_size, baseline_layer=lambda layer: layer.compressed_size,
        saving=_download_saved,
    ),
    BudgetKind(
        key="max-unpacked", metric=Metric.CONTENT_SIZE, unit=Unit.BYTES, name="unpacked",
        measures=_sums(figures.content_size), unread=Unread.RAISE,
        baseline=lambda entry: entry.totals.content_size, baseline_layer=lambda layer: layer.content_size,
        saving=lambda finding: finding.size,
    ),
    BudgetKind(
        key="max-live", metric=Metric.LIVE_SIZE, unit=Unit.BYTES, name="live",
        measures=_sums(figures.live_size), unread=Unread.ANY,
        baseline=lambda entry: entry.totals.live_size,
    ),
    BudgetKind(
        key="max-waste", metric=Metric.WASTED_SIZE, unit=Unit.SHARE, name="waste",
        measures=_sums(figures.wasted_share), unread=Unread.ANY, saving=_waste_saved,
    ),
    BudgetKind(
        key="max-waste", metric=Metric.WASTED_SIZE, unit=Unit.BYTES, name="waste",
        measures=_sums(figures.wasted_size), unread=Unread.RAISE_OTHERS,
        baseline=lambda entry: entry.totals.wasted_size, saving=_waste_saved,
    ),
    BudgetKind(
        key="min-efficiency", metric=Metric.EFFICIENCY, unit=Unit.SHARE, name="efficiency", is_minimum=True,
        measures=_sums(figures.efficiency), unread=Unread.ANY, saving=_waste_saved,
    ),
    BudgetKind(
        key="max-files", metric=Metric.FILES, unit=Unit.COUNT, name="files",
        measures=_sums(figures.file_count, visible=True), unread=Unread.RAISE,
        baseline=lambda entry: entry.totals.files,
    ),
    BudgetKind(
        key="max-layers", metric=Metric.LAYERS, unit=Unit.COUNT, name="layers",
        measures=Measures(image=figures.count_layers, layers=figures.count_layers), unread=Unread.NONE,
        baseline=lambda entry: entry.totals.layers,
    ),
    BudgetKind(
        key="max-layer-download", metric=Metric.LAYER_COMPRESSED_SIZE, unit=Unit.BYTES, name="largest layer download",
        measures=Measures(
            image=figures.largest_layer_download, layers=figures.largest_layer_download,
            rows=figures.largest_layer_download_of_rows,
        ),
        unread=Unread.NONE, baseline=lambda entry: _largest(layer.compressed_size for layer in entry.layers),
    ),
    BudgetKind(
        key="max-layer-unpacked", metric=Metric.LAYER_CONTENT_SIZE, unit=Unit.BYTES, name="largest layer unpacked",
        measures=Measures(
            image=figures.largest_layer_content, layers=figures.largest_layer_content,
            rows=figures.largest_layer_content_of_rows,
        ),
        unread=Unread.RAISE, baseline=lambda entry: _largest(layer.content_size for layer in entry.layers),
    ),
    BudgetKind(
        key="max-file-size", metric=Metric.FILE_SIZE, unit=Unit.BYTES, name="largest file",
        measures=Measures(
            image=figures.largest_file, layers=figures.largest_file, rows=figures.largest_file_of_rows,
            visible=figures.largest_file_of_rows,
        ),
        unread=Unread.RAISE, baseline=lambda entry: entry.totals.file_size,
    ),
    BudgetKind(
        key="max-transfer", metric=Metric.TRANSFER, unit=Unit.SECONDS, name="transfer",
        measures=_sums(figures.compressed_size), unread=Unread.NONE, saving=_download_saved,
    ),
    BudgetKind(
        key="forbid", metric=Metric.PATHS, unit=Unit.COUNT, name="forbidden paths", value=Value.GLOBS,
        measures=Measures(rows=figures.count_entries, visible=figures.count_entries), unread=Unread.RAISE,
    ),
    BudgetKind(
        key="forbid-findings", metric=Metric.FINDINGS, unit=Unit.COUNT, name="forbidden findings", value=Value.FINDINGS,
        measures=Measures(image=figures.count_image_findings, layers=figures.count_layer_findings),
        unread=Unread.RAISE_OTHERS,
    ),
    BudgetKind(
        key="", metric=Metric.USER_WASTE, unit=Unit.SHARE, name="waste above the first layer",
        measures=Measures(image=figures.user_waste), unread=Unread.ANY, saving=_waste_saved,
    ),
)  # fmt: skip
_BY_METRIC = {(kind.metric, kind.unit): kind for kind in KINDS}
_BY_KEY = {
    key: tuple(kind for kind in KINDS if kind.key == key) for key in dict.fromkeys(kind.key for kind in KINDS if kind.key)
}
KEYS = tuple(_BY_KEY)  #: of all kinds, in TOML
LIMIT_KEYS = tuple(key for key, kinds in _BY_KEY.items() if kinds[0].value is Value.LIMIT)


def kinds_of(key: str) -> tuple[BudgetKind, ...]:
    """The kinds of a key, one for each unit that its limit can have.

    >>> [kind.unit.value for kind in kinds_of("max-waste")]
    ['share', 'bytes']
    """
    return _BY_KEY[key]


def kind_of(budget: Budget) -> BudgetKind:
    """The kind of a budget; raises BudgetError if its metric is not limited in its unit."""
    kind = _BY_METRIC.get((budget.metric, budget.unit))
    if kind is None:
        raise BudgetError(f"{budget.key}: {budget.metric} cannot be limited in {budget.unit}")
    return kind


def measure(budget: Budget, scope: BudgetScope, layers: Sequence[LayerAnalysis]) -> list[Figure]:
    """The figures of a budget: one of the whole, or one of each of the ``layers`` that its ``layer`` selects.

    Raises BudgetError for a part of the image that the budget's kind cannot measure, and TablesMissing.
    """
    if budget.layer and kind_of(budget).measures.each_layer:
        values = [_measure(budget, scope, [layer]) for layer in layers]
        return [
            evolve(figure, places=(VerdictPlace(layer=layer.index, exact_measured=figure.value),), place_count=1)
            for layer, figure in zip(layers, values, strict=True)
        ]
    return [_measure(budget, scope, layers)]


def _measure(budget: Budget, scope: BudgetScope, layers: Sequence[LayerAnalysis]) -> Figure:
    kind = kind_of(budget)
    narrowed = {
        "path": bool(budget.paths) and kind.value is not Value.GLOBS,
        "ignore": bool(budget.ignore),
        "layer": bool(budget.layer),
        "visible-only": budget.visible_only,
        "package": bool(budget.packages),
    }
    refused = [key for key in NARROWING_KEYS if narrowed[key] and key not in kind.narrowed_by]
    measures, figure = kind.measures, None
    if budget.packages and sum(narrowed.values()) > 1:
        refused = [key for key in NARROWING_KEYS if narrowed[key]]
    if not refused and budget.packages and measures.packages:
        figure = measures.packages(scope.select_packages(budget), budget)
    elif not refused and budget.visible_only and measures.visible:
        figure = measures.visible(scope.select_rows(layers, budget), budget)
    elif not refused and (budget.paths or budget.ignore) and measures.rows:
        figure = measures.rows(scope.select_rows(layers, budget), budget)
    elif not refused and budget.layer and measures.layers:
        figure = measures.layers(scope.select_layers(layers), budget)
    elif not refused and measures.image:
        figure = measures.image(scope.analysis, budget)
    if figure is None:
        raise BudgetError(
            f"{budget.key}: {kind.name} cannot be measured {'by ' + ', '.join(refused) if refused else 'on the whole image'}"
        )
    if figure.value is not None and budget.limit.bandwidth is not None:
        return evolve(figure, value=Fraction(figure.value) / budget.limit.bandwidth)
    return figure


def needs_layers(budget: Budget) -> bool:
    """Return True if a budget is about what layers hold; the manifest alone has the figures of all others.

    >>> from ocisize.budgets.parse import parse_budgets
    >>> budgets = parse_budgets('max-download = "1 MB"\\nmax-layers = 9\\nmax-waste = "5 %"').budgets
    >>> [needs_layers(budget) for budget in budgets]
    [False, False, True]
    """
    if budget.level is BudgetLevel.OFF:
        return False
    return is_narrowed(budget) or kind_of(budget).unread is not Unread.NONE


def is_narrowed(budget: Budget) -> bool:
    """Return True if a budget is about files or packages, not about whole layers."""
    return bool(budget.paths or budget.ignore or budget.visible_only or budget.packages)
