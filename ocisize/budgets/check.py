"""check: what becomes of budgets, given an analysis and, for growth, a baseline.

A figure equal to its limit keeps the budget. A figure that is not known keeps none: its status is UNKNOWN, which fails
unless the budget says otherwise. A budget that no layer, path or kind of finding is about is UNMATCHED, which warns. Of an
image that was read in part, a limit is only kept by what unread layers cannot change, else it is INCOMPLETE, which fails.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fractions import Fraction

import attrs

from ocisize.budgets.baseline import Baseline, Entry, name_of, number_repeats
from ocisize.budgets.forbidden import MAX_PLACES, judge_findings, judge_paths
from ocisize.budgets.scope import BudgetScope, ScopeSizes, TablesMissing
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.budget import Budget, BudgetStatus, Level, Metric, Place, Verdict
from ocisize.model.quantity import Number, Unit
from ocisize.text import decode_name

UNKNOWN_DOWNLOAD = "the archive holds layers uncompressed, so that the download is unknown"
NO_TABLES = "the analysis was saved without its files"
NO_BASELINE = "there is no baseline of this image and platform"
NOT_IN_BASELINE = "the baseline does not have the figure"
NO_LAYER = "no layer has such a build step"
NO_PATH = "no path matches"
UNREAD = "not all layers could be read"

_OF_MANIFEST = (Metric.DOWNLOAD, Metric.PULL, Metric.LAYER_DOWNLOAD)
_ADDED_UP = (Metric.UNPACKED, Metric.FILES, Metric.LAYER_UNPACKED, Metric.FILE_SIZE, Metric.PATHS)  # more layers, more bytes
_PER_LAYER = (Metric.LAYER_DOWNLOAD, Metric.LAYER_UNPACKED)


@attrs.frozen
class _Sample:
    """A figure at a place; None where it is unknown, for ``reason``."""

    value: Number | None
    place: Place | None = None
    reason: str = ""
    baseline: Number | None = None  #: the figure that growth is measured from, where it is another for each place


def check(
    analysis: Analysis,
    budgets: Iterable[Budget],
    baseline: Baseline | None = None,
    *,
    name: str | None = None,
    rules: Sequence[str] | None = None,
) -> tuple[Verdict, ...]:
    """A verdict on every budget, in their order.

    ``name`` is how the baseline knows the image; see ``name_of``. ``rules`` are the ids of the users' rules that made the
    analysis, None where they are not known: a forbidden finding of any other id is UNMATCHED.
    """
    entry = baseline.entry(name or name_of(analysis), analysis.platform) if baseline is not None else None
    surroundings = BudgetScope(analysis, rules)
    return tuple(_as_far_as_read(_judge(budget, surroundings, entry), surroundings) for budget in budgets)


def _as_far_as_read(verdict: Verdict, surroundings: BudgetScope) -> Verdict:
    """The verdict, unless layers that could not be read might change it."""
    budget = verdict.budget
    judged = (
        verdict.status in (BudgetStatus.PASS, BudgetStatus.WARN, BudgetStatus.FAIL, BudgetStatus.UNMATCHED)
        and verdict.reason != NO_LAYER
    )
    if surroundings.analysis.complete or not judged:
        return verdict
    whole = all(layer.failure is None for layer in surroundings.layers_of(budget))
    if budget.visible_only:
        final = False
    elif budget.metric is Metric.LAYERS or (budget.metric in _OF_MANIFEST and not (budget.paths or budget.ignore)):
        final = True
    elif budget.metric in _ADDED_UP:
        final = whole or _is_broken(verdict)
    elif budget.metric in (Metric.DOWNLOAD, Metric.PULL):
        final = whole or (_is_broken(verdict) and not budget.ignore)
    else:
        in_bytes = budget.metric is Metric.WASTE and budget.unit is Unit.BYTES
        final = _is_broken(verdict) and (in_bytes or budget.metric is Metric.FINDINGS)
    return verdict if final else Verdict(budget=budget, status=BudgetStatus.INCOMPLETE, reason=UNREAD)


def _is_broken(verdict: Verdict) -> bool:
    return verdict.status in (BudgetStatus.WARN, BudgetStatus.FAIL)


def measure_parts(analysis: Analysis, budgets: Iterable[Budget]) -> dict[str, int]:
    """The figures of the parts of an image whose growth budgets limit, by ``part_of``; unknown ones are left out."""
    surroundings = BudgetScope(analysis)
    found = {}
    for budget in budgets:
        if budget.limit.growth and (part := part_of(budget)) and not _skip(budget, analysis.platform):
            with suppress(TablesMissing):
                (sample,) = _measure(budget, surroundings, analysis.layers, None)
                if sample.value is not None:
                    found[part] = int(sample.value)
    return found


def part_of(budget: Budget) -> str:
    """How a baseline calls the part of an image that a budget is about; "" for the whole and for layers."""
    globs = [
        f"{word} {', '.join(sorted(glob.text for glob in each))}"
        for word, each in (("in", budget.paths), ("without", budget.ignore))
        if each
    ]
    words = [*globs, *["visible"] * budget.visible_only]
    return " ".join([budget.metric.value, *words]) if words and not budget.layer else ""


def _judge(budget: Budget, surroundings: BudgetScope, entry: Entry | None) -> Verdict:
    if reason := _skip(budget, surroundings.analysis.platform):
        return Verdict(budget=budget, status=BudgetStatus.SKIPPED, reason=reason)
    layers = surroundings.layers_of(budget)
    if budget.layer and not layers:
        return Verdict(budget=budget, status=BudgetStatus.UNMATCHED, reason=NO_LAYER)
    try:
        if budget.metric in _JUDGES:
            return _JUDGES[budget.metric](budget, surroundings, layers)
        gone = budget.limit.growth and _kept(budget, entry)  # which is no growth
        if budget.paths and not gone and not any(len(surroundings.rows(layer.index, budget)) for layer in layers):
            return Verdict(budget=budget, status=BudgetStatus.UNMATCHED, reason=NO_PATH)
        return _compare(budget, _measure(budget, surroundings, layers, entry), entry)
    except TablesMissing:
        return Verdict(budget=budget, status=BudgetStatus.UNKNOWN, reason=NO_TABLES)


def _skip(budget: Budget, platform: str) -> str:
    """Why a budget is not checked; "" if it is."""
    if budget.level is Level.OFF:
        return "switched off"
    return "" if is_for(budget.platform, platform) else f"only for {budget.platform}"


def is_for(pattern: str, platform: str) -> bool:
    """Whether a budget's platform names an image's: ``linux/arm64`` is also ``linux/arm64/v8``, ``*`` is any text.

    Behind a blank indexes tell images of one platform apart, such as by the version of Windows.
    """
    return not pattern or any(fnmatch.fnmatchcase(platform, each) for each in (pattern, f"{pattern}/*", f"{pattern} *"))


def _measure(
    budget: Budget, surroundings: BudgetScope, layers: Sequence[LayerAnalysis], entry: Entry | None
) -> list[_Sample]:
    """The figures that a budget limits: one of the image, or one of each layer that it is about."""
    if budget.metric is Metric.LAYERS:
        return [_Sample(len(layers))]
    if budget.metric in _PER_LAYER:
        return _largest_layer(budget, surroundings, layers)
    if budget.metric is Metric.FILE_SIZE:
        return _largest_file(budget, surroundings, layers)
    if budget.metric is Metric.USER_WASTE:
        return [_user_waste(surroundings, budget)]
    if not budget.layer:
        return [_sample(budget, surroundings.figures(layers, budget))]
    found = []
    for layer, kept in zip(layers, _kept_layers(budget, surroundings.analysis, layers, entry), strict=True):
        sample = _sample(budget, surroundings.figures([layer], budget))
        place = Place(layer=layer.index, measured=sample.value)
        found.append(attrs.evolve(sample, place=place, baseline=kept))
    return found


def _kept_layers(
    budget: Budget, analysis: Analysis, layers: Sequence[LayerAnalysis], entry: Entry | None
) -> Sequence[int | None]:
    """The baseline's figure of each layer, 0 for a step that it does not have."""
    if not budget.limit.growth or entry is None:
        return [None] * len(layers)
    kept = entry.by_step()
    numbered = number_repeats([layer.build_step.text for layer in analysis.layers])
    found = [kept.get(numbered[layer.index]) for layer in layers]
    if budget.metric is Metric.DOWNLOAD:
        return [0 if layer is None else layer.wire for layer in found]
    return [0 if layer is None else layer.unpacked for layer in found]


def _sample(budget: Budget, figures: ScopeSizes) -> _Sample:
    """A budget's figure among those of its scope."""
    metric = budget.metric
    if metric in (Metric.DOWNLOAD, Metric.PULL) and figures.wire is None:
        return _Sample(None, reason=UNKNOWN_DOWNLOAD)
    if metric is Metric.DOWNLOAD:
        return _Sample(figures.wire)
    if metric is Metric.PULL:
        return _Sample(Fraction(figures.wire or 0) / (budget.limit.bandwidth or 1))
    if metric is Metric.EFFICIENCY:
        return _Sample(1 - _share(figures.waste, figures.unpacked))
    if metric is Metric.WASTE and budget.limit.unit is Unit.SHARE and not budget.limit.growth:
        return _Sample(_share(figures.waste, figures.unpacked))
    value: int = getattr(figures, metric.value)
    return _Sample(value)


def _share(part: int, whole: int) -> Fraction:
    """A part of a whole; of nothing, nothing."""
    return Fraction(part, whole) if whole else Fraction(0)


def _user_waste(surroundings: BudgetScope, budget: Budget) -> _Sample:
    """Waste among what the layers above the first store."""
    layers = surroundings.analysis.layers[1:]
    figures = [surroundings.figures([layer], budget) for layer in layers]
    return _Sample(_share(sum(each.waste for each in figures), sum(each.unpacked for each in figures)))


def _largest_layer(budget: Budget, surroundings: BudgetScope, layers: Sequence[LayerAnalysis]) -> list[_Sample]:
    wire = budget.metric is Metric.LAYER_DOWNLOAD
    figures = [(surroundings.figures([layer], budget), layer.index) for layer in layers]
    sizes = [(each.wire if wire else each.unpacked, index) for each, index in figures]
    known = [(size, -index) for size, index in sizes if size is not None]
    if len(known) < len(sizes):
        return [_Sample(None, reason=UNKNOWN_DOWNLOAD)]
    if not known:
        return [_Sample(0)]
    size, index = max(known)
    return [_Sample(size, Place(layer=-index, measured=size))]


def _largest_file(budget: Budget, surroundings: BudgetScope, layers: Sequence[LayerAnalysis]) -> list[_Sample]:
    best: tuple[int, int, int] | None = None
    for layer in layers:
        sizes = surroundings.tables[layer.index].sizes
        largest = max(((sizes[row], -layer.index, -row) for row in surroundings.files(layer.index, budget)), default=None)
        best = max((found for found in (best, largest) if found is not None), default=None)
    if best is None:
        return [_Sample(0)]
    size, index, row = best[0], -best[1], -best[2]
    path = decode_name(surroundings.tables[index].paths[row])
    return [_Sample(size, Place(layer=index, path=path, measured=size))]


def _compare(budget: Budget, samples: Sequence[_Sample], entry: Entry | None) -> Verdict:
    """The verdict on some figures, of which the one that is furthest off is told."""
    limit = budget.limit
    judged: list[tuple[Number, Number, Number, _Sample]] = []  # how far off, figure, limit
    problems: list[str] = []
    for sample in samples:
        allowed: Number | None = limit.value
        if limit.growth:
            per_place = sample.place is not None and bool(budget.layer) and budget.metric not in _PER_LAYER
            kept = sample.baseline if per_place else _kept(budget, entry)
            allowed = None if kept is None else limit.over(kept)
        if sample.value is None:
            problems.append(sample.reason)
        elif allowed is None:
            problems.append(NO_BASELINE if entry is None else NOT_IN_BASELINE)
        else:
            off = allowed - sample.value if budget.is_minimum else sample.value - allowed
            judged.append((off, sample.value, allowed, sample))
    judged.sort(key=lambda found: -found[0])
    broken = [found for found in judged if found[0] > 0]
    if not broken and problems:
        return Verdict(budget=budget, status=BudgetStatus.UNKNOWN, reason=problems[0])
    _, measured, allowed, _ = judged[0]
    places = [sample.place for *_, sample in (broken or judged[:1]) if sample.place is not None]
    return Verdict(
        budget=budget,
        status=budget.violation_status if broken else BudgetStatus.PASS,
        measured=measured,
        limit=allowed,
        where=tuple(places[:MAX_PLACES]),
        where_count=len(places),
    )


def _kept(budget: Budget, entry: Entry | None) -> Number | None:
    """The baseline's figure that growth is measured from; None where it has none."""
    if entry is None:
        return None
    part = part_of(budget)
    return entry.parts.get(part) if part else entry.figure(budget.metric)


_JUDGES = {Metric.PATHS: judge_paths, Metric.FINDINGS: judge_findings}
