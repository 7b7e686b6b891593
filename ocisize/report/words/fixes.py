"""The fixes of an image in rows: the steps of the plan, or the findings if there is no plan; and the uncovered findings."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.base import BaseCertainty
from ocisize.model.findings import Confidence, Finding, Saving, sum_savings
from ocisize.model.plan import Plan, PlanStep
from ocisize.report.words.plan import (
    DOCKERIGNORE,
    describe_less,
    describe_place,
    describe_safety,
    describe_saving,
    describe_total,
    saving_of,
)
from ocisize.report.words.steps import name_lines_of, name_step
from ocisize.text import plural, printable
from ocisize.values import frozen

NO_SAVING = "-"
LEGEND = "safe: no container needs the files · probably: most do not · ask: only you know"
ORDER = "largest unpacked size first, ask last; no byte is counted twice"
_MAX_LAYERS = 3  # that a place names


@frozen(kw_only=True)
class Fix:
    """One row of the list of fixes: a step of the plan, or a finding if there is no plan."""

    title: str
    saving: str  #: with its unit, "-" if nothing is saved
    saved: Saving  #: in bytes
    confidence: Confidence
    place: str  #: a line of the Dockerfile, or a layer with its build step


def list_fixes(analysis: Analysis) -> list[Fix]:
    """The steps of the plan; the findings that save bytes if the plan has no steps, as for a foreign base image."""
    plan = analysis.plan
    if plan.steps:
        return [
            Fix(
                title=step.title,
                saving=describe_bytes(saving_of(step), plan),
                saved=saving_of(step),
                confidence=step.confidence,
                place=DOCKERIGNORE if step.ignored else place_of(step, analysis),
            )
            for step in plan.steps
        ]
    return [
        Fix(
            title=finding.title,
            saving=describe_bytes(sum_savings([finding]), plan),
            saved=sum_savings([finding]),
            confidence=finding.confidence,
            place="base image" if finding.in_base else place_of_layers(finding.layers, analysis),
        )
        for finding in _saving_findings(analysis)
    ]


def _saving_findings(analysis: Analysis) -> list[Finding]:
    """The findings that save bytes, the largest first."""
    return [finding for finding in analysis.advice.findings if finding.size]


def describe_bytes(saving: Saving, plan: Plan) -> str:
    """The download that is saved, or the content if that is unknown, in a column: "-" for none.

    >>> describe_bytes(Saving(3000, None), Plan()), describe_bytes(Saving(0, 0), Plan())
    ('3.00 kB', '-')
    """
    return describe_saving(saving, plan).removesuffix(" unpacked") or NO_SAVING


def place_of(step: PlanStep, analysis: Analysis) -> str:
    """Where a step of the plan is made: ``Dockerfile:2, 6``, ``.dockerignore`` or ``layer 4 apt-get install``."""
    if step.lines and analysis.plan.dockerfile is not None:
        return describe_place(step, analysis.plan)
    if step.ignored:
        return DOCKERIGNORE
    return place_of_layers(step.layers, analysis)


def place_of_layers(layers: Sequence[int], analysis: Analysis) -> str:
    """The lines of one layer, or its number, with its build step; or the numbers of several layers."""
    if not layers:
        return ""
    if len(layers) > 1:
        return f"layers {list_layers(layers)}"
    layer = analysis.layers[layers[0]]
    place = name_lines_of(layer) or f"layer {layers[0]}"
    return f"{place} {printable(name_step(layer.build_step))}".rstrip()


def list_layers(layers: Sequence[int]) -> str:
    """The numbers of layers, base first; of many the first ones.

    >>> list_layers([7, 2]), list_layers([2, 10, 7, 4])
    ('2, 7', '2, 4 and 2 more')
    """
    numbers = [str(layer) for layer in sorted(layers)]
    if len(numbers) <= _MAX_LAYERS:
        return ", ".join(numbers)
    return f"{', '.join(numbers[: _MAX_LAYERS - 1])} and {len(numbers) - _MAX_LAYERS + 1} more"


def is_all_in_base(analysis: Analysis) -> bool:
    """Whether there is no plan, and all findings that save bytes are in the base image, which no edit makes smaller."""
    return not analysis.plan.steps and all(finding.in_base for finding in _saving_findings(analysis))


def summarize_fixes(analysis: Analysis) -> str:
    """What all fixes save together: ``All 34 fixes: 468 MB less to download (75 %), 278 MB of it safe.``."""
    if analysis.plan.steps:
        return describe_total(analysis)
    findings = _saving_findings(analysis)
    if is_all_in_base(analysis):
        name = f"{_count_all(findings)} are" if len(findings) > 1 else "The finding is"
        size = describe_saving(sum_savings(findings), analysis.plan)
        if is_base_guessed(analysis):
            return f"{name} in the guessed base image ({_base_layers(analysis)}, {size}): use a smaller one, or see --base."
        return f"{name} in the base image ({size}): use a smaller one."
    total, advice = sum_savings(findings), analysis.advice
    safety = describe_safety(total, advice.saving(Confidence.SAFE), advice.saving(Confidence.PROBABLY), analysis.plan)
    name = _count_all(findings) if len(findings) > 1 else "1 finding"
    return f"{name}: {describe_less(total, analysis)}{safety}."


def _count_all(findings: Sequence[Finding]) -> str:
    """All of several findings."""
    return "Both findings" if len(findings) == 2 else f"All {len(findings):,} findings"


def summarize_guess(analysis: Analysis) -> str:
    """The findings that the plan leaves to a base image that is only guessed; "" if there are none.

    ``23 more findings in the guessed base image (layer 0): 403 MB; see --base``
    """
    findings = [finding for finding in list_uncovered(analysis) if finding.size and finding.in_base]
    if not findings or not analysis.plan.steps or not is_base_guessed(analysis):
        return ""
    size = describe_saving(sum_savings(findings), analysis.plan)
    count = f"{len(findings):,} more {plural(len(findings), 'finding')}"
    return f"{count} in the guessed base image ({_base_layers(analysis)}): {size}; see --base"


def is_base_guessed(analysis: Analysis) -> bool:
    """Whether findings are assigned to a base image that is not certain."""
    base = analysis.base.found if analysis.base is not None else None
    return base is not None and base.certainty is not BaseCertainty.SURE and base.certain_layers > 0


def _base_layers(analysis: Analysis) -> str:
    """``layer 0`` or ``layers 0-4``."""
    count = analysis.base.found.certain_layers if analysis.base is not None else 0
    return f"layers 0-{count - 1}" if count > 1 else "layer 0"


def by_confidence(plan: Plan) -> str:
    """What the steps of each confidence save: ``safe 278 MB · probably 180 MB``."""
    savings = ((confidence, describe_saving(plan.saving(confidence), plan)) for confidence in Confidence)
    return " · ".join(f"{confidence} {saving}" for confidence, saving in savings if saving)


def list_uncovered(analysis: Analysis) -> list[Finding]:
    """The findings that no step of the plan fixes, in their order."""
    return [finding for finding in analysis.advice.findings if finding.plan_step is None]
