"""Laws of findings on packages: on random sequences of RUNs, the plan removes exactly what it promises and nothing else breaks."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocisize.findings.advise import advise, make_claims
from ocisize.findings.claim import Tier
from ocisize.oci.documents import History, ImageConfig, RootFs, RunConfig
from ocisize.plan.make import make_plan
from tests.debian import DEBIAN, DEPENDS, Machine, files, installed, relations, sizes
from tests.evidence import make_evidence

_INSTALL = "RUN apt-get update && apt-get install -y --no-install-recommends"
ASKED = st.lists(st.sampled_from(sorted(DEPENDS)), min_size=1, max_size=5, unique=True)


@st.composite
def runs(draw: st.DrawFn) -> list[str]:
    """RUNs that install packages; some of them use programs, or copy nothing."""
    steps = []
    for _ in range(draw(st.integers(1, 3))):
        names = draw(ASKED)
        text = f"{_INSTALL} {' '.join(names)}"
        if draw(st.booleans()):
            text += f" && use {' '.join(names)}"
        if draw(st.booleans()):
            text += " && rm -rf /var/lib/apt/lists/*"
        steps.append(text)
    return steps


def carried_out(steps: list[str]) -> tuple[Machine, list[str]]:
    """The machine after some RUNs, and the packages whose files their layers store."""
    machine = Machine({*DEBIAN}, {*DEBIAN})
    stored = []
    for step in steps:
        before = set(machine.present)
        machine.run(step)
        stored += sorted(machine.present - before)
    return machine, stored


@example([f"{_INSTALL} dpkg-dev git"], ("/srv/app",), 0)
@example([f"{_INSTALL} binutils build-essential", f"{_INSTALL} binutils"], ("/srv/app",), 0)
@settings(deadline=None, max_examples=150)
@given(runs(), st.sampled_from([("/srv/app",), ("bash",), ("git", "daemon")]), st.integers(0, 2))
def test_what_the_plan_promises_is_what_goes(steps: list[str], command: tuple[str, ...], base_layers: int) -> None:
    """The edits work, free the promised bytes, leave what is not reported, and no package loses one that it needs."""
    machine = Machine({*DEBIAN}, {*DEBIAN})
    layers = [installed(DEBIAN), *(machine.run(step) for step in steps)]
    texts = ["ADD rootfs in /", *steps]
    history = tuple(History(created_by=text, comment="buildkit.dockerfile.v0") for text in texts)
    config = ImageConfig(RootFs(), os="linux", history=history, run=RunConfig(user="app", cmd=command))
    evidence = make_evidence(*layers, steps=texts, base_layers=1 + base_layers, config=config)
    claims = [claim for claim in make_claims(evidence) if claim.tier is Tier.PACKAGE]
    ownership = evidence.packages.ownership
    seen: set[tuple[int, int]] = set()
    reported: set[str] = set()
    for claim in claims:
        places = {(layer, row) for layer, rows in claim.rows.items() for row in rows}
        assert seen.isdisjoint(places)
        assert len(places) == sum(map(len, claim.rows.values()))
        seen |= places
        owners = [ownership.package_at(*place) for place in places]
        reported |= {owner.name for owner in owners if owner is not None}
        assert None not in owners
        assert {layer < evidence.base_layers for layer, _ in places} == {max(claim.rows) < evidence.base_layers}
    assert reported.isdisjoint(DEBIAN)
    for name in machine.present - reported:
        assert reported.isdisjoint(relations(name)), name  # what stays has all that it needs

    plan, _ = make_plan(evidence, advise(evidence))
    edited = list(steps)
    for edit in plan.edits:
        if edit.layer:
            edited[edit.layer - 1] = edit.text
    after, stored = carried_out([text for text in edited if text])
    before, stored_before = carried_out(steps)
    promised = sum(step.size for step in plan.steps if step.in_patch and any(id_ >= "OS250" for id_ in step.findings))
    assert sizes(*stored_before) - sizes(*stored) == promised
    assert before.present - after.present <= reported
    assert after.present <= before.present
    assert sum(len(data) for data in files(before.present).values() if isinstance(data, bytes)) == sizes(*before.present)
