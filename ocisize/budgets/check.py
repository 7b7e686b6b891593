"""Checking of budgets: a verdict on each, from an analysis and, for growth, a baseline.

A figure equal to its limit is kept. A budget never passes only because its figure is unavailable: if the figure is unknown
the budget is UNKNOWN, which fails, and if it selects nothing it is UNMATCHED, which warns, unless the budget says otherwise.
If layers could not be read, a budget passes only when no such layer could break it; otherwise it is INCOMPLETE, which fails.
So are all budgets on an image whose config and manifest list different numbers of layers: nobody knows which are missing.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from contextlib import suppress

from ocisize.budgets.baseline import Baseline, BaselineEntry, baseline_name, number_repeats
from ocisize.budgets.figures import MAX_PLACES, SEVERITIES, Figure
from ocisize.budgets.kinds import Unread, Value, is_narrowed, kind_of, measure
from ocisize.budgets.scope import BudgetScope, PackagesMissing, TablesMissing
from ocisize.errors import BudgetError
from ocisize.findings.explanations import Check, explain, packaged_ids
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.budget import BASELINE, Budget, BudgetLevel, BudgetStatus, Verdict
from ocisize.model.findings import is_packaged_id
from ocisize.model.outline import Outline
from ocisize.model.quantity import Number
from ocisize.model.unread import NOT_READ, as_analysis, was_outlined
from ocisize.oci.toc_annotations import SOCI
from ocisize.values import evolve, frozen

NO_TABLES = "the analysis was saved without its files"
NO_BASELINE = "there is no baseline of this image and platform"
NOT_IN_BASELINE = "the baseline has no such figure"
NO_LAYER = "no layer has such a build step"
NO_PATH = "no path matches"
NO_PACKAGES = "the packages of the image were not read"
UNREAD = "not all layers could be read"
NO_DIGESTS = "a layer was read from its SOCI index, which has no digests of files (--no-toc reads the layer)"


@frozen
class _Comparison:
    """A figure with the limit that applies to it."""

    figure: Figure
    measured: Number
    allowed: Number
    excess: Number  #: above 0 if the limit is broken


def check(
    image: Analysis | Outline,
    budgets: Iterable[Budget],
    baseline: Baseline | None = None,
    *,
    name: str | None = None,
    rules: Sequence[str] | None = None,
) -> tuple[Verdict, ...]:
    """A verdict on every budget of an image, in their order.

    ``image``: an analysis, or an outline; a budget that needs the layers of an outline is INCOMPLETE, which fails.

    ``baseline``: the figures that growth is measured from.
    ``name``: the image's name in the baseline; by default ``baseline_name(image)``.
    ``rules``: the ids of the users' rules that the analysis used, None if unknown. A budget that forbids a finding with any
    other id, which no image can have, is UNMATCHED.

    Raises BudgetError for a budget whose figure cannot be measured on the part of the image that it selects. Budgets of
    ``parse_budgets`` always can.

    >>> import ocisize
    >>> budgets = ocisize.parse_budgets('max-download = "1 MB"\\nmax-layers = 5').budgets
    >>> for verdict in check(ocisize.analyze("testdata/example.tar"), budgets):
    ...     print(verdict.outcome, verdict.budget.key, verdict.measured, verdict.limit)
    fail max-download 1590055 1000000
    pass max-layers 5 5
    """
    entry = baseline.entry(name or baseline_name(image), image.platform) if baseline is not None else None
    return check_from(entry, image, budgets, rules=rules)


def check_from(
    entry: BaselineEntry | None,
    image: Analysis | Outline,
    budgets: Iterable[Budget],
    *,
    rules: Sequence[str] | None = None,
    growth_from: str = BASELINE,
) -> tuple[Verdict, ...]:
    """The same, with growth measured from the figures of ``entry``, which ``growth_from`` names in messages."""
    scope = BudgetScope(as_analysis(image))
    verdicts = [_check_unread(_judge(budget, scope, entry, rules), scope) for budget in budgets]
    return tuple(evolve(verdict, growth_from=growth_from) for verdict in verdicts)


def measure_parts(image: Analysis | Outline, budgets: Iterable[Budget]) -> dict[str, int]:
    """The figures of the parts of an image whose growth budgets limit, for ``baseline_entry``; unknown ones are left out.

    An outline has none: parts are made of files.

    >>> import ocisize
    >>> budgets = ocisize.parse_budgets('path = "/app"\\nmax-unpacked = "+5 %"').budgets
    >>> measure_parts(ocisize.analyze("testdata/example.tar"), budgets)
    {'content_size in /app': 147712}
    """
    if isinstance(image, Outline):
        return {}
    scope = BudgetScope(image)
    parts = {}
    for budget in budgets:
        if budget.limit.growth and (part := part_of(budget)) and not _skip_reason(budget, image.platform):
            with suppress(TablesMissing):
                (figure,) = measure(budget, scope, image.layers)
                if figure.value is not None:
                    parts[part] = int(figure.value)
    return parts


def part_of(budget: Budget) -> str:
    """The name, in a baseline, of the part of an image that a budget measures; "" for the whole image and for layers.

    >>> from ocisize.budgets.parse import parse_budgets
    >>> part_of(parse_budgets('path = ["/opt", "/app"]\\nmax-unpacked = "+5 %"').budgets[0])
    'content_size in /app, /opt'
    """
    globs = [
        f"{word} {', '.join(sorted(glob.text for glob in globs))}"
        for word, globs in (("in", budget.paths), ("without", budget.ignore))
        if globs
    ]
    packages = [f"of package {', '.join(sorted(budget.packages))}"] if budget.packages else []
    words = [*globs, *packages, *["visible"] * budget.visible_only]
    return " ".join([budget.metric.value, *words]) if words and not budget.layer else ""


def is_for(pattern: str, platform: str) -> bool:
    """True if a budget's ``platform`` pattern matches a platform.

    ``*`` is any text, and variants belong to their platform. After a blank, indexes distinguish images of one platform, such
    as versions of Windows.

    >>> is_for("linux/arm64", "linux/arm64/v8"), is_for("linux/*", "linux/amd64"), is_for("linux/arm", "linux/arm64")
    (True, True, False)
    """
    patterns = (pattern, f"{pattern}/*", f"{pattern} *")
    return not pattern or any(fnmatch.fnmatchcase(platform, accepted) for accepted in patterns)


def _judge(budget: Budget, scope: BudgetScope, entry: BaselineEntry | None, rules: Sequence[str] | None) -> Verdict:
    if reason := _skip_reason(budget, scope.analysis.platform):
        return Verdict(budget=budget, status=BudgetStatus.SKIPPED, reason=reason)
    layers = scope.layers_of(budget)
    if budget.layer and not layers:
        return Verdict(budget=budget, status=BudgetStatus.UNMATCHED, reason=NO_LAYER)
    try:
        verdict = _compare(budget, measure(budget, scope, layers), _baselines(budget, scope.analysis, layers, entry), entry)
        selects_nothing = _selects_nothing(budget, scope, layers, entry)
    except TablesMissing as error:
        reason = NO_PACKAGES if isinstance(error, PackagesMissing) else NO_TABLES
        return Verdict(budget=budget, status=BudgetStatus.UNKNOWN, reason=reason)
    if selects_nothing:
        reason = scope.explain_no_package(budget) if budget.packages else NO_PATH
        return Verdict(budget=budget, status=BudgetStatus.UNMATCHED, reason=reason)
    return _check_ids(_with_grown_layers(verdict, scope.analysis, entry), rules)


def _with_grown_layers(verdict: Verdict, analysis: Analysis, entry: BaselineEntry | None) -> Verdict:
    """The verdict; one on an image that has grown too much with the layers that grew as its places."""
    budget = verdict.budget
    is_whole = budget.limit.growth and not budget.layer and not part_of(budget)
    if not is_whole or entry is None or verdict.where or verdict.status is not budget.violation_status:
        return verdict
    from ocisize.budgets.growth import grown_layers

    places = grown_layers(budget, analysis.layers, entry)
    return evolve(verdict, where=tuple(places[:MAX_PLACES]), where_count=len(places))


def _check_ids(verdict: Verdict, rules: Sequence[str] | None) -> Verdict:
    """The verdict, with a reason if the budget forbids findings that cannot be; UNMATCHED if there are no others."""
    impossible = [finding for finding in verdict.budget.findings if not _can_be_found(finding, rules)]
    if not impossible:
        return verdict
    reason = f"unknown finding {', '.join(impossible)}"
    if verdict.measured:
        return evolve(verdict, reason=reason)
    return Verdict(budget=verdict.budget, status=BudgetStatus.UNMATCHED, reason=reason)


def _skip_reason(budget: Budget, platform: str) -> str:
    """Why a budget is not checked; "" if it is."""
    if budget.level is BudgetLevel.OFF:
        return "switched off"
    return "" if is_for(budget.platform, platform) else f"only for {budget.platform}"


def _selects_nothing(
    budget: Budget, scope: BudgetScope, layers: Sequence[LayerAnalysis], entry: BaselineEntry | None
) -> bool:
    """True if the image has no path and no package that the budget names, and had none when the baseline was written."""
    if not (budget.paths or budget.packages) or kind_of(budget).value is Value.GLOBS:
        return False
    if budget.limit.growth and entry is not None and entry.parts.get(part_of(budget)):
        return False
    return not scope.select_packages(budget).packages if budget.packages else scope.select_rows(layers, budget).is_empty()


def _baselines(
    budget: Budget, analysis: Analysis, layers: Sequence[LayerAnalysis], entry: BaselineEntry | None
) -> list[Number | None]:
    """The figures that growth is measured from: one of the whole, or one of each layer, 0 of a step that is new.

    None where there is no baseline or it does not have the figure, and for a limit that is not on growth.
    """
    kind, growth = kind_of(budget), budget.limit.growth
    each_layer = bool(budget.layer) and kind.measures.each_layer
    if growth and ((budget.layer and (part_of(evolve(budget, layer="")) or not kind.baseline_layer)) or not kind.baseline):
        raise BudgetError(f"{budget.key}: growth cannot be limited: baselines have no such figure")
    if not growth or entry is None:
        return [None] * (len(layers) if each_layer else 1)
    if part := part_of(budget):
        return [entry.parts.get(part)]
    if not budget.layer:
        return [kind.baseline(entry)] if kind.baseline else [None]
    steps = number_repeats([layer.build_step.text for layer in analysis.layers])
    old_steps = entry.by_step()
    old_layers = [old_steps.get(steps[layer.index]) for layer in layers]
    return [0 if old is None else kind.baseline_layer(old) if kind.baseline_layer else None for old in old_layers]


def _compare(
    budget: Budget, figures: Sequence[Figure], baselines: Sequence[Number | None], entry: BaselineEntry | None
) -> Verdict:
    """The verdict on some figures, with the worst of them as ``measured``."""
    comparisons: list[_Comparison] = []
    problems: list[str] = []
    for figure, baseline in zip(figures, baselines, strict=True):
        allowed = budget.limit.allowed(baseline)
        if figure.value is None:
            problems.append(figure.reason)
        elif allowed is None:
            problems.append(NO_BASELINE if entry is None else NOT_IN_BASELINE)
        else:
            excess = allowed - figure.value if budget.limit.is_minimum else figure.value - allowed
            comparisons.append(_Comparison(figure, figure.value, allowed, excess))
    comparisons.sort(key=lambda comparison: -comparison.excess)
    broken = [comparison for comparison in comparisons if comparison.excess > 0]
    if not broken and problems:
        return Verdict(budget=budget, status=BudgetStatus.UNKNOWN, reason=problems[0])
    worst, places = comparisons[0], [comparison.figure for comparison in broken or comparisons[:1]]
    return Verdict(
        budget=budget,
        status=budget.violation_status if broken else BudgetStatus.PASS,
        exact_measured=worst.measured,
        exact_limit=worst.allowed,
        where=tuple([place for figure in places for place in figure.places][:MAX_PLACES]),
        where_count=sum(figure.place_count for figure in places),
    )


def _check_unread(verdict: Verdict, scope: BudgetScope) -> Verdict:
    """The verdict, or INCOMPLETE if layers that could not be read, or that no document lists, may change it."""
    budget = verdict.budget
    if (mismatch := scope.analysis.layer_mismatch) and verdict.status is not BudgetStatus.SKIPPED:
        return Verdict(budget=budget, status=BudgetStatus.INCOMPLETE, reason=mismatch)
    if verdict.status is BudgetStatus.PASS and _needs_contents(budget) and _has_unhashed_layer(scope.analysis):
        return Verdict(budget=budget, status=BudgetStatus.INCOMPLETE, reason=NO_DIGESTS)
    is_judged = verdict.status not in (BudgetStatus.UNKNOWN, BudgetStatus.SKIPPED) and verdict.reason != NO_LAYER
    if scope.analysis.complete or not is_judged:
        return verdict
    unread = kind_of(budget).unread
    is_read = all(layer.failure is None for layer in scope.layers_of(budget))
    is_broken = verdict.status in (BudgetStatus.WARN, BudgetStatus.FAIL)
    if budget.visible_only or unread is Unread.ANY:
        is_final = False
    elif unread is Unread.NONE:  # ignored files of unread layers are not subtracted
        is_final = not is_narrowed(budget) or is_read or (is_broken and not budget.ignore)
    else:
        is_final = is_broken or (unread is Unread.RAISE and is_read)
    if is_final:
        return verdict
    reason = NOT_READ if was_outlined(scope.analysis) else UNREAD
    return Verdict(budget=budget, status=BudgetStatus.INCOMPLETE, reason=reason)


def _needs_contents(budget: Budget) -> bool:
    """True if a budget forbids findings that only contents tell, by their id or by a severity that they may have."""
    needing = (*SEVERITIES, *(explain(check).id for check in (Check.IDENTICAL_FILES, Check.METADATA_ONLY)))
    return any(finding in needing for finding in budget.findings)


def _has_unhashed_layer(analysis: Analysis) -> bool:
    """True if a layer was read from a SOCI index, so that its contents are unknown."""
    return any(layer.toc is not None and layer.toc.format == SOCI for layer in analysis.layers)


def _can_be_found(finding: str, rules: Sequence[str] | None) -> bool:
    """True if there can be findings of an id or severity; any id of a user's rule can be if these are unknown."""
    if finding in SEVERITIES:
        return True
    return finding in packaged_ids() if is_packaged_id(finding) else rules is None or finding in rules
