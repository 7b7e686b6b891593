"""RUNs that store files for each other to hide are joined, where the texts say that nothing else changes."""

from __future__ import annotations

import pytest

from ocisize.model.findings import Confidence
from ocisize.oci.documents import History
from ocisize.model.plan import Plan
from tests.evidence import plan_on
from tests.images import Entries, File

BIG, BIGGER, GENERATED = b"1" * 20_000, b"2" * 30_000, b"3" * 20_000


def texts(plan: Plan) -> list[tuple[int, str]]:
    return [(edit.layer, edit.text) for edit in plan.edits]


def overwritten(*steps: str, dockerfile: str | None = None, history: list[History] | None = None) -> Plan:
    """The plan for a file that the second of two RUNs writes again."""
    return plan_on({"opt/a": BIG}, {"opt/a": BIGGER}, steps=steps, dockerfile=dockerfile, history=history)


def test_two_runs() -> None:
    """The layer of the joined RUN stores the second file only."""
    plan = overwritten("RUN make /opt/a", "RUN strip /opt/a")
    assert texts(plan) == [(0, "RUN make /opt/a && strip /opt/a"), (1, "")]
    (step,) = plan.steps
    assert (step.size, step.compressed_size, step.confidence, step.layers) == (20_000, 10_000, Confidence.SAFE, (0, 1))


def test_what_is_used_before_it_is_deleted() -> None:
    """All RUNs from the one that writes to the one that deletes are joined, in their order."""
    steps = ["RUN wget x -O /opt/a", "RUN tar xf /opt/a", "RUN rm -rf /opt"]
    plan = plan_on({"opt/a": BIG}, {"usr/x": b"2"}, {".wh.opt": b""}, steps=steps)
    assert texts(plan) == [(0, "RUN wget x -O /opt/a && tar xf /opt/a && rm -rf /opt"), (1, ""), (2, "")]
    assert plan.total.size == 20_000


def test_packages_are_not_moved_before_their_source() -> None:
    """The RUN that adds a repository stays in front of the installation."""
    layers: list[Entries] = [{"lib/x": BIG}, {"etc/apt/sources.list.d/x": b"x"}, {"lib/x": BIGGER}]
    steps = ["RUN apt-get install -y x", "RUN echo deb x > /etc/apt/sources.list.d/x", "RUN apt-get install -y x=2"]
    (first, *others) = texts(plan_on(*layers, steps=steps))
    joined = " && ".join(step.removeprefix("RUN ") for step in steps)
    assert (first, others) == ((0, f"RUN {joined}"), [(1, ""), (2, "")])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("RUN make", "RUN strip /opt/a || true"),
        ("RUN make", "RUN true; strip /opt/a"),
        ("RUN cd /opt && make", "RUN strip a"),
        ("RUN export A=b && make", "RUN strip /opt/a"),
        ("RUN set -e && make", "RUN strip /opt/a"),
        ("RUN make &", "RUN strip /opt/a"),
        ("RUN make", "RUN chown -R app /srv && strip /opt/a"),
        ("RUN make", "RUN chmod -R 755 /srv && strip /opt/a"),
        ("RUN --mount=type=cache,target=/c make", "RUN strip /opt/a"),
        ("RUN --network=none make", "RUN strip /opt/a"),
        ('RUN ["make"]', "RUN strip /opt/a"),
        ("RUN make", "COPY a /opt/a"),
    ],
)  # fmt: skip
def test_what_is_not_joined(first: str, second: str) -> None:
    """State of the shell, failures that would be hidden, owners of whole trees, options, and other instructions."""
    plan = overwritten(first, second)
    assert plan.edits == ()
    assert [step.in_patch for step in plan.steps] == [False]


@pytest.mark.parametrize("between", ["ENV A=b", "USER 1000", "WORKDIR /x", "ARG A", "SHELL [/bin/bash -c]"])
def test_instructions_in_between(between: str) -> None:
    """They change what the second RUN does."""
    history = [
        History(created_by="RUN make"),
        History(created_by=between, empty_layer=True),
        History(created_by="RUN strip x"),
    ]
    assert overwritten(history=history).edits == ()


def test_a_label_in_between() -> None:
    """A label changes nothing; with the Dockerfile, RUNs are joined only where they are neighbors."""
    history = [
        History(created_by="RUN make"), History(created_by="LABEL a=b", empty_layer=True), History(created_by="RUN strip x"),
    ]  # fmt: skip
    assert texts(overwritten(history=history)) == [(0, "RUN make && strip x"), (1, "")]
    assert overwritten(history=history, dockerfile="FROM x\nRUN make\nLABEL a=b\nRUN strip x\n").edits == ()


def test_what_is_not_worth_it() -> None:
    """RUNs stay apart, with their cached layers, for a few bytes."""
    assert plan_on({"opt/a": b"1" * 9000}, {"opt/a": b"2" * 9000}, steps=["RUN a", "RUN b"]).edits == ()
    assert plan_on({"opt/a": BIG, "x": bytes(30_000_000)}, {"opt/a": BIGGER}, steps=["RUN a", "RUN b"]).edits == ()


def test_chains_are_not_joined_beyond_need() -> None:
    """Only the RUNs from the one that stores to the one that hides are joined."""
    layers: list[Entries] = [{"a": b"1"}, {"opt/a": BIG}, {"opt/a": BIGGER}, {"b": b"1"}]
    plan = plan_on(*layers, steps=["RUN a", "RUN b", "RUN c", "RUN d"])
    assert texts(plan) == [(1, "RUN b && c"), (2, "")]


def test_lines_of_the_dockerfile() -> None:
    """The joined RUN takes the lines of the first one, with its line breaks."""
    dockerfile = "FROM x\nRUN make \\\n    install\n# strip\nRUN strip /opt/a\n"
    plan = overwritten("RUN make     install", "RUN strip /opt/a", dockerfile=dockerfile)
    assert [(edit.text, edit.lines) for edit in plan.edits] == [
        ("RUN make \\\n    install \\\n    && strip /opt/a", (2, 3)), ("", (5, 5)),
    ]  # fmt: skip
    assert plan.steps[0].lines == (2, 5)


def test_windows() -> None:
    """cmd and PowerShell join commands in other ways: nothing is edited."""
    history = [History(created_by="cmd /S /C msiexec x.msi"), History(created_by="cmd /S /C del C:\\x.msi")]
    layers: list[Entries] = [{"Files/x.msi": BIG}, {"Files/.wh.x.msi": b""}]
    plan = plan_on(*layers, history=history, os="windows")
    assert plan.edits == ()
    (step,) = plan.steps
    assert (step.in_patch, step.size) == (False, 20_000)


def test_owners_of_the_second_run_do_not_move_up() -> None:
    """A chown -R joined into a RUN would store the files of lower layers once more."""
    layers: list[Entries] = [
        {"srv/a": BIG, "srv/b": BIGGER},
        {"srv/gen": GENERATED},
        {"srv/a": File(BIG, uid=1), "srv/b": File(BIGGER, uid=1), "srv/gen": File(GENERATED, uid=1)},
    ]
    plan = plan_on(*layers, steps=["COPY app /srv", "RUN make gen", "RUN chown -R 1:0 /srv"])
    assert texts(plan) == [(0, "COPY --chown=1:0 app /srv"), (1, "RUN make gen && chown -R 1:0 /srv/gen"), (2, "")]
    assert plan.total.size == 70_000
