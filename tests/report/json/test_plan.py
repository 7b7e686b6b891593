"""The plan in the JSON documents: all of it is written, and read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from ocisize import from_json, to_json
from ocisize.errors import ReportError
from ocisize.model.plan import Plan
from ocisize.report.json.advice import advice_to_json
from ocisize.report.json.analysis import encodable
from tests.gates import image
from tests.plans import plan, random_plans, with_plan


def test_a_plan_comes_back() -> None:
    """Steps and edits read back equal those written; the totals are derived from the steps."""
    analysis = with_plan(image())
    document = json.loads(to_json(analysis))
    assert document["plan"]["total"] == {"size": 6500, "compressed_size": 3250}
    assert document["plan"]["patched"] == {"size": 6000, "compressed_size": 3000}
    assert document["plan"]["edits"][0]["build_step"] == "RUN apt-get install"
    document["plan"]["total"] = {"size": -1}
    assert from_json(json.dumps(document)) == analysis


@given(random_plans(4))
def test_any_plan_comes_back(random_plan: Plan) -> None:
    """Whatever the texts are, what is written is read, and written again as it was."""
    text = to_json(with_plan(image(), random_plan))
    back = from_json(text)
    assert to_json(back) == text
    assert (back.plan.total, back.plan.patched) == (random_plan.total, random_plan.patched)
    assert encodable(list(random_plan.ignored)) == list(back.plan.ignored)
    text.encode()


def test_documents_without_a_plan_are_read() -> None:
    """An analysis that was saved before there were plans has an empty one."""
    document = json.loads(to_json(with_plan(image())))
    del document["plan"]
    for finding in document["advice"]["findings"]:
        del finding["plan_step"]
    assert from_json(json.dumps(document)).plan == Plan()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"layers": [4]}, "there is no layer 4"),
        ({"size": -1}, "step 1 of the plan: size is out of range"),
        ({"findings": ["<b>"]}, "'<b>' is not the id of a finding"),
        ({"lines": [0]}, "the plan names a line number that is out of range"),
        ({"confidence": "sure"}, "sure"),
        ({"layers": None}, "layers"),
    ],
)
def test_contradictions_are_refused(change: dict[str, Any], problem: str) -> None:
    """Reports rely on layers, lines, sizes and ids."""
    document = json.loads(to_json(with_plan(image())))
    document["plan"]["steps"][0].update(change)
    with pytest.raises(ReportError, match=problem):
        from_json(json.dumps(document))


@pytest.mark.parametrize("number", [0, 4, -1])
def test_findings_name_a_step_of_the_plan(number: int) -> None:
    """The number of the step that fixes a finding is one of the plan's."""
    document = json.loads(to_json(with_plan(image())))
    assert document["advice"]["findings"][0]["plan_step"] == 1
    document["advice"]["findings"][0]["plan_step"] = number
    with pytest.raises(ReportError, match=f"the plan has no step {number}"):
        from_json(json.dumps(document))


def test_edits_of_layers_that_do_not_exist_are_refused() -> None:
    """An edit names a layer of the image and lines from 1."""
    document = json.loads(to_json(with_plan(image())))
    document["plan"]["edits"][0].update({"layer": 9, "lines": [-1, 4]})
    with pytest.raises(ReportError, match=r"the plan names a line number that is out of range; there is no layer 9"):
        from_json(json.dumps(document))


def test_advice_has_the_plan() -> None:
    """The document of ``advise`` has the plan as the analysis has it."""
    analysis = with_plan(image(), plan(dockerfile=None))
    assert json.loads(advice_to_json(analysis))["plan"] == json.loads(to_json(analysis))["plan"]
