"""The plan in words: where a step changes the build, what it saves, and what all steps save together."""

from __future__ import annotations

from ocisize.model.analysis import Analysis
from ocisize.model.findings import Confidence, Saving
from ocisize.model.plan import Plan, PlanEdit, PlanStep
from ocisize.model.sizes import weight_of
from ocisize.report.words.units import human_size
from ocisize.text import plural, printable

DOCKERIGNORE = ".dockerignore"
BY_HAND = "by hand"  #: of a step that the edits of the plan do not carry out
FROM_PROVENANCE = "lines are those of the Dockerfile in the provenance of the image"  #: in place of a Dockerfile of the user
MIN_SHARE = 0.005  #: of the image; smaller shares are left out


def describe_saving(saving: Saving, plan: Plan) -> str:
    """The download that some steps save, ``≈`` in front of an estimate; without download the content; "" for nothing.

    >>> describe_saving(Saving(size=2_000_000, compressed_size=512_000), Plan(estimated=True))
    '≈ 512 kB'
    >>> describe_saving(Saving(size=2_000_000, compressed_size=None), Plan())
    '2.00 MB unpacked'
    """
    if not weight_of(saving.compressed_size, saving.size):
        return ""
    if saving.compressed_size is None:
        return f"{human_size(saving.size)} unpacked"
    return f"{'≈ ' if plan.estimated else ''}{human_size(saving.compressed_size)}"


def saving_of(step: PlanStep) -> Saving:
    """The bytes that one step saves after the steps before it."""
    return Saving(step.size, step.compressed_size)


def describe_place(step: PlanStep, plan: Plan) -> str:
    """Where a step changes the build: lines of the Dockerfile, or else layers; and .dockerignore.

    >>> from ocisize.model.findings import Category
    >>> step = PlanStep(
    ...     title="apt archives", confidence=Confidence.SAFE, category=Category.CACHE, size=1, compressed_size=1,
    ...     layers=(2, 4), lines=(6, 8), action="", ignored=(".git",),
    ... )
    >>> describe_place(step, Plan(dockerfile="Dockerfile")), describe_place(step, Plan())
    ('Dockerfile:6, 8 · .dockerignore', 'layers 2, 4 · .dockerignore')
    """
    parts = []
    if plan.dockerfile is not None and step.lines:
        parts.append(f"{printable(plan.dockerfile)}:{', '.join(map(str, sorted(set(step.lines))))}")
    elif step.layers:
        parts.append(f"{plural(len(step.layers), 'layer')} {', '.join(map(str, sorted(step.layers)))}")
    if step.ignored:
        parts.append(DOCKERIGNORE)
    return " · ".join(parts)


def describe_edit_place(edit: PlanEdit, plan: Plan) -> str:
    """Where an edited instruction is: ``Dockerfile:6-8``, or ``layer 3``."""
    if plan.dockerfile is None or edit.lines is None:
        return f"layer {edit.layer}"
    return name_lines(plan.dockerfile, *edit.lines)


def name_lines(dockerfile: str, first: int, last: int) -> str:
    """Lines of a file: ``Dockerfile:6-8``.

    >>> name_lines("Dockerfile", 6, 6)
    'Dockerfile:6'
    """
    return f"{printable(dockerfile)}:{first}{f'-{last}' if last > first else ''}"


def describe_total(analysis: Analysis) -> str:
    """What all steps of the plan save, and how much of that is safe; "" without steps.

    ``All 34 fixes: 468 MB less to download (75 %), 278 MB of it safe.``
    """
    plan = analysis.plan
    if not plan.steps:
        return ""
    count = len(plan.steps)
    name = "1 fix" if count == 1 else "Both fixes" if count == 2 else f"All {count:,} fixes"
    saved, safe = plan.total, plan.saving(Confidence.SAFE)
    if not describe_saving(saved, plan):
        return f"{name}, which {'save' if count > 1 else 'saves'} no bytes."
    return f"{name}: {describe_less(saved, analysis)}{describe_safety(saved, safe, plan.saving(Confidence.PROBABLY), plan)}."


def describe_less(total: Saving, analysis: Analysis) -> str:
    """``468 MB less to download (75 %)``, or the same of the unpacked size if the download is unknown."""
    part, whole = total.compressed_size, analysis.expected_compressed_size
    if part is None or not whole:
        part, whole = total.size, analysis.content_size
    share = f" ({100 * part / whole:.0f} %)" if whole and part >= MIN_SHARE * whole else ""
    size = describe_saving(total, analysis.plan).removesuffix(" unpacked")
    return f"{size or human_size(0)} less {'unpacked' if total.compressed_size is None else 'to download'}{share}"


def describe_safety(total: Saving, safe: Saving, probable: Saving, plan: Plan) -> str:
    """How much of a total is safe, or probably safe if nothing is: ``, 278 MB of it safe``; "" if all of it is asked."""
    for saving, words in ((safe, "safe"), (probable, "probably safe")):
        if described := describe_saving(saving, plan):
            nearly = "nearly all" if described == describe_saving(total, plan) else described.removesuffix(" unpacked")
            return f", {'all' if saving == total else nearly} of it {words}"
    return ""
