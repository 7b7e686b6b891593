"""Bytecode that pip compiles although a variable forbids it."""

from __future__ import annotations

import pytest

from ocisize.findings.advise import advise
from ocisize.model.findings import Finding
from ocisize.model.plan import Plan
from ocisize.oci.documents import History, ImageConfig, RootFs, RunConfig
from ocisize.plan.make import make_plan
from tests.evidence import make_evidence
from tests.images import Entry

PLACE = "usr/local/lib/python3.12/site-packages"
LAYER: dict[str, Entry] = {
    f"{PLACE}/flask/app.py": b"a" * 100,
    f"{PLACE}/flask/__pycache__/app.cpython-312.pyc": b"b" * 70,
    "app/__pycache__/main.cpython-312.pyc": b"c" * 50,
}


def find(step: str, value: str = "1", *, base_layers: int = 0, above: str = "") -> tuple[list[Finding], Plan]:
    """The findings on bytecode of pip in an image with a layer of a step, and the plan."""
    steps = [step, above] if above else [step]
    history = tuple(History(created_by=text, comment="buildkit.dockerfile.v0") for text in steps)
    run = RunConfig(user="app", env=(f"PYTHONDONTWRITEBYTECODE={value}",) if value else ())
    config = ImageConfig(RootFs(), os="linux", history=history, run=run)
    upper: dict[str, Entry] = {"x": b"x"}
    layers = [LAYER, upper][: len(steps)]
    evidence = make_evidence(*layers, steps=steps, config=config, base_layers=base_layers)
    plan, findings = make_plan(evidence, advise(evidence))
    return [finding for finding in findings if finding.id == "OS260"], plan


def test_bytecode_of_packages() -> None:
    """The bytecode in site-packages goes with an option of pip; that of the program is a finding of the catalog."""
    (found,), plan = find("RUN pip install --no-cache-dir -r requirements.txt")
    assert found.size == 70
    assert found.title == "bytecode that pip compiles in layer 0, although PYTHONDONTWRITEBYTECODE is set: 1 file"
    assert [edit.text for edit in plan.edits] == ["RUN pip install --no-compile --no-cache-dir -r requirements.txt"]
    assert plan.steps[0].findings == ("OS260",)


@pytest.mark.parametrize(
    "step",
    ["RUN pip install --no-compile x", "RUN uv pip install x", "COPY pip install /x", "RUN pip download x", "RUN npm i"],
)
def test_other_steps(step: str) -> None:
    """Steps in which pip compiles nothing."""
    assert not find(step)[0]


def test_where_bytecode_is_wanted() -> None:
    """Without the variable, or with an empty one, Python writes bytecode; and a step that compiles wants it."""
    assert not find("RUN pip install x", "")[0]
    assert not find("RUN pip install x", above="RUN python -m compileall /app")[0]


def test_in_the_base_image() -> None:
    """Only the author of the base image can change its steps."""
    (found,), plan = find("RUN pip install x", base_layers=1)
    assert found.in_base
    assert not plan.edits
