"""Packages that one installation brings in its final version."""

from __future__ import annotations

import pytest

from ocisize.model.findings import Confidence
from ocisize.model.plan import Plan
from ocisize.oci.documents import History
from tests.evidence import plan_on
from tests.images import Entries

OLD, NEW = b"1" * 20_000, b"2" * 30_000


def texts(plan: Plan) -> list[tuple[int, str]]:
    return [(edit.layer, edit.text) for edit in plan.edits]


def upgraded(first: str, second: str, *between: str) -> Plan:
    """The plan for a file that a second installation writes again."""
    layers: list[Entries] = [{"lib/x": OLD}, *({f"b{number}": b"3"} for number, _ in enumerate(between)), {"lib/x": NEW}]
    return plan_on(*layers, steps=[first, *between, second])


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("RUN pip install a==1 b", "RUN pip install -U a==2", "RUN pip install a==2 b"),
        ("RUN pip install a_b[x]~=1.0", "RUN pip install --upgrade a-b[x]==2 c", "RUN pip install a-b[x]==2 c"),
        ("RUN npm install a@1", "RUN npm install a@2", "RUN npm install a@2"),
    ],
)
def test_final_versions_at_once(first: str, second: str, joined: str) -> None:
    """The first installation names the final versions; the second one goes."""
    plan = upgraded(first, second)
    assert texts(plan) == [(0, joined), (1, "")]
    (step,) = plan.steps
    assert (step.size, step.confidence, step.layers) == (20_000, Confidence.PROBABLY, (0, 1))


@pytest.mark.parametrize(
    ("first", "between", "second"),
    [
        ("RUN pip install a==1", "COPY . /app", "RUN pip install -r /app/new.txt"),
        ("RUN pip install a==1", "COPY . /app", "RUN pip install ./app"),
        ("RUN pip install a==1", "COPY . /app", "RUN pip uninstall -y a && pip install a==2"),
        ("RUN curl x | sh", "COPY . /app", "RUN pip install a==2"),
        ("COPY lib /lib", "COPY . /app", "RUN pip install a==2"),
    ],
)
def test_what_cannot_be_installed_earlier(first: str, between: str, second: str) -> None:
    """Requirements in files, other tools, and steps that do more."""
    assert upgraded(first, second, between).edits == ()


def test_thousands_of_packages() -> None:
    """The title and the action stay short; the edit has all packages."""
    many = " ".join(f"p{number}" for number in range(5000))
    plan = upgraded(f"RUN pip install {many}", f"RUN pip install {many} q")
    assert texts(plan) == [(0, f"RUN pip install {many} q"), (1, "")]
    (step,) = plan.steps
    assert len(step.title) < 200
    assert len(step.action) < 400


@pytest.mark.parametrize("setup", ["ENV PIP_INDEX_URL=https://x", "USER 1000", "ARG PIP_INDEX_URL", 'SHELL ["/bin/bash"]'])
def test_a_setup_in_between_keeps_both_installations(setup: str) -> None:
    """The second installation may come from another place, or be for another user."""
    history = [
        History(created_by="RUN pip install a==1"),
        History(created_by=setup, empty_layer=True),
        History(created_by="RUN pip install a==2"),
    ]
    plan = plan_on({"lib/x": OLD}, {"lib/x": NEW}, steps=[entry.created_by for entry in history[::2]], history=history)
    assert texts(plan) == []
