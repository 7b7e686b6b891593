"""Plans made by hand and at random, for tests of reports."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from hypothesis import strategies as st

from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Advice, Category, Confidence
from ocisize.model.plan import PlanEdit, Plan, PlanStep
from tests.hostile import HOSTILE, texts

PATCH = """\
--- a/Dockerfile
+++ b/Dockerfile
@@ -3,2 +3,3 @@
-RUN apt-get install
+RUN apt-get install \\
+ && rm -rf /var/cache/apt
"""


def step(
    *,
    title: str = "apt archives left behind",
    confidence: Confidence = Confidence.SAFE,
    category: Category = Category.CACHE,
    size: int = 4000,
    compressed_size: int | None = 2000,
    layers: Sequence[int] = (1,),
    lines: Sequence[int] = (),
    action: str = "Delete them in the `RUN` that downloads them.",
    caution: str = "",
    ignored: Sequence[str] = (),
    findings: Sequence[str] = ("OS101",),
    paths: Sequence[str] = ("app/tmp",),
    path_count: int = 2,
    in_patch: bool = True,
) -> PlanStep:
    """A step on layer 1 of the image of ``gates``."""
    return PlanStep(
        title=title, confidence=confidence, category=category, size=size, compressed_size=compressed_size,
        layers=tuple(layers), lines=tuple(lines), action=action, caution=caution, ignored=tuple(ignored),
        in_patch=in_patch, findings=tuple(findings), paths=tuple(paths), path_count=path_count,
    )  # fmt: skip


def plan(*, dockerfile: str | None = "Dockerfile") -> Plan:
    """A plan of three steps for the image of ``gates``; with a Dockerfile it has lines and a patch."""
    known = dockerfile is not None
    steps = (
        step(lines=[3] if known else []),
        step(
            title="documentation copied into the image", confidence=Confidence.PROBABLY, category=Category.DOCUMENTATION,
            size=2000, compressed_size=1000, layers=[3], action="Do not copy `docs`.", ignored=["docs", "!docs/keep.md"],
            findings=["OS103"], paths=["etc/conf"], path_count=1,
        ),
        step(
            title="test data", confidence=Confidence.ASK, category=Category.TEST, size=500, compressed_size=250,
            layers=[3, 1], lines=[6, 3] if known else [], action="Copy named directories.",
            caution="Check that no test runs in the image.", findings=[], paths=[], path_count=0, in_patch=False,
        ),
    )  # fmt: skip
    edits = (
        PlanEdit(
            layer=1, build_step=BuildStep("RUN apt-get install"), lines=(3, 4) if known else None,
            text="RUN apt-get install \\\n && rm -rf /var/cache/apt",
        ),
        PlanEdit(layer=2, build_step=BuildStep("RUN rm"), text="", lines=(5, 5) if known else None),
    )  # fmt: skip
    return Plan(steps=steps, edits=edits, dockerfile=dockerfile, patch=PATCH if known else "")


def hostile_plan() -> Plan:
    """A plan whose every text is hostile, for an image of two layers."""
    steps = [
        step(
            title=text, layers=[0, 1], lines=[1], action=f"Do `{text}` or {text}", caution=text, ignored=[text], paths=[text]
        )
        for text in HOSTILE
    ]
    edits = [
        PlanEdit(layer=number % 2, build_step=BuildStep(text), text=f"{text}\n```\n{text}", lines=(1, 2))
        for number, text in enumerate(HOSTILE)
    ]
    return Plan(steps=tuple(steps), edits=tuple(edits), dockerfile=HOSTILE[1], patch="".join(HOSTILE))


def with_plan(analysis: Analysis, plan_: Plan | None = None) -> Analysis:
    """The analysis with a plan, and its findings with the first step that names them."""
    made = plan_ or plan()
    findings = tuple(
        attrs.evolve(
            finding, plan_step=next((number for number, one in enumerate(made.steps, 1) if finding.id in one.findings), None)
        )
        for finding in analysis.advice.findings
    )
    return attrs.evolve(analysis, plan=made, advice=Advice(findings))


def random_plans(layer_count: int) -> st.SearchStrategy[Plan]:
    """Plans for an image of some layers, with hostile texts."""
    layers = st.integers(0, layer_count - 1)
    sizes = st.integers(0, 1 << 40)
    lines = st.integers(1, 10_000)
    blocks = st.lists(texts, max_size=3).map("\n".join)
    steps = st.builds(
        PlanStep,
        title=texts, confidence=st.sampled_from(Confidence), category=st.sampled_from(Category), size=sizes,
        compressed_size=st.none() | sizes, layers=st.lists(layers, max_size=3).map(tuple),
        lines=st.lists(lines, max_size=3).map(tuple), action=texts, caution=st.just("") | texts,
        ignored=st.lists(texts, max_size=2).map(tuple), in_patch=st.booleans(),
        findings=st.lists(st.sampled_from(["OS101", "OS102", "ACME001"]), max_size=2).map(tuple),
        paths=st.lists(texts, max_size=3).map(tuple), path_count=st.integers(3, 10_000),
    )  # fmt: skip
    edits = st.builds(
        PlanEdit, layer=layers, build_step=texts.map(BuildStep), text=blocks, lines=st.none() | st.tuples(lines, lines)
    )
    return st.builds(
        Plan, steps=st.lists(steps, max_size=6).map(tuple), edits=st.lists(edits, max_size=4).map(tuple),
        estimated=st.booleans(), dockerfile=st.none() | texts, patch=blocks,
    )  # fmt: skip
