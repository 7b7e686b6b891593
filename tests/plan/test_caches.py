"""Caches of tools: an option, or a cleanup at the end of the RUN, also of RUNs that are joined."""

from __future__ import annotations

import pytest

from ocisize.model.findings import Confidence
from ocisize.model.plan import Plan
from tests.evidence import plan_on
from tests.images import Entries

LISTS, ARCHIVE = "var/lib/apt/lists/deb_Packages", "var/cache/apt/archives/x_1.deb"
BIG, SMALL = b"1" * 40_000, b"2" * 50
CLEANUP = "rm -rf /var/lib/apt/lists/*"


def texts(plan: Plan) -> list[tuple[int, str]]:
    return [(edit.layer, edit.text) for edit in plan.edits]


def test_one_group_of_apt_in_one_run() -> None:
    """update, install and the late cleanup become one RUN, which cleans up once; nothing is fetched twice."""
    layers: list[Entries] = [
        {LISTS: BIG}, {"usr/bin/x": SMALL, ARCHIVE: BIG[1:]}, {f"{ARCHIVE.rpartition('/')[0]}/.wh.x_1.deb": b"",
                                                               "var/lib/apt/lists/.wh.deb_Packages": b""},
    ]  # fmt: skip
    plan = plan_on(*layers, steps=["RUN apt-get update", "RUN apt-get install -y x", f"RUN apt-get clean && {CLEANUP}"])
    (first, *others) = texts(plan)
    assert first == (0, f"RUN apt-get update && apt-get install -y x && {CLEANUP} && apt-get clean")
    assert others == [(1, ""), (2, "")]
    assert plan.total.size == 79_999


def test_update_is_never_separated_from_install() -> None:
    """Lists that a later RUN needs stay, unless that RUN fetches them itself."""
    layers: list[Entries] = [{LISTS: BIG}, {"b": SMALL}, {"usr/bin/x": SMALL}]
    apart = plan_on(*layers, steps=["RUN apt-get update", "COPY b /b", "RUN apt-get install -y x"])
    assert texts(apart) == []
    assert [step.in_patch for step in apart.steps] == [False]
    fetched = plan_on(*layers, steps=["RUN apt-get update && apt-get install w", "COPY b /b", "RUN apt-get install -y x"])
    assert texts(fetched) == [
        (0, f"RUN apt-get update && apt-get install w && {CLEANUP}"),
        (2, f"RUN apt-get update && apt-get install -y x && {CLEANUP}"),
    ]


@pytest.mark.parametrize(
    "step", ['RUN ["apt-get", "install", "x"]', "RUN <<EOF apt-get install x EOF", "RUN apt-get install x <<EOF"]
)
def test_an_installation_that_cannot_be_changed(step: str) -> None:
    """The lists stay: the RUN would fail without them."""
    layers: list[Entries] = [{LISTS: BIG}, {"b": SMALL}, {"usr/bin/x": SMALL}]
    plan = plan_on(*layers, steps=["RUN apt-get update && apt-get install w", "COPY b /b", step])
    assert texts(plan) == []


def test_cleanups_that_are_there() -> None:
    """A RUN that cleans up elsewhere is not told to do so twice."""
    plan = plan_on({LISTS: BIG}, steps=[f"RUN apt-get update && apt-get install -y x && {CLEANUP}"])
    assert texts(plan) == []


def test_an_option_in_all_commands() -> None:
    """Every call of the tool gets the option, also in pipelines."""
    plan = plan_on({"root/.cache/pip/x": BIG}, steps=["RUN pip install a && pip install b | tee /log"])
    assert texts(plan) == [(0, "RUN pip install --no-cache-dir a && pip install --no-cache-dir b | tee /log")]
    assert plan.steps[0].confidence is Confidence.SAFE


def test_caches_of_several_tools() -> None:
    """One RUN has one final text; each tool is a step of the plan with its own bytes."""
    layer: Entries = {LISTS: BIG, "root/.cache/pip/x": BIG[1:], "root/.npm/_cacache/x": BIG[2:], "usr/x": SMALL}
    plan = plan_on(layer, steps=["RUN apt-get update && apt-get install -y x && pip install y && npm ci"])
    ((_, text),) = texts(plan)
    assert text.count(CLEANUP) == text.count("--no-cache-dir") == text.count("npm cache clean --force") == 1
    assert [step.size for step in plan.steps] == [40_000, 39_999, 39_998]


def test_a_repeated_cleanup() -> None:
    """Several RUNs are one step of the plan."""
    layers: list[Entries] = [{LISTS: BIG}, {"b": SMALL}, {LISTS: BIG[1:]}]
    steps = ["RUN apt-get update && apt-get install -y x", "COPY b /b", "RUN apt-get update && apt-get install -y y"]
    plan = plan_on(*layers, steps=steps)
    assert [text for _, text in texts(plan)] == [f"{steps[0]} && {CLEANUP}", f"{steps[2]} && {CLEANUP}"]
    (step,) = plan.steps
    assert (step.size, step.action) == (79_999, f"End each of the 2 RUNs with `{CLEANUP}`.")


def test_caches_of_the_base_and_of_copies() -> None:
    """Only RUNs above the base can clean up."""
    assert plan_on({LISTS: BIG}, {"x": SMALL}, steps=["RUN apt-get update", "RUN make"], base_layers=1).edits == ()
    assert plan_on({LISTS: BIG}, steps=["COPY --from=build / /"]).edits == ()


def test_text_that_was_cut_or_redacted() -> None:
    """A step that history does not have whole cannot be written again without the Dockerfile."""
    for step in ("RUN pip install x && curl -H 'X-Api-Key: <redacted>' y", "RUN pip install x && make …"):
        plan = plan_on({"root/.cache/pip/x": BIG}, steps=[step])
        assert plan.edits == ()
        assert [step.in_patch for step in plan.steps] == [False]


def test_a_cache_mount_is_not_emptied() -> None:
    """A cleanup at the end of a RUN with a cache mount would remove the files of the mount."""
    mount = "--mount=type=cache,target=/var/lib/apt"
    plan = plan_on({ARCHIVE: BIG}, steps=[f"RUN {mount} apt-get update && apt-get install -y x"])
    assert texts(plan) == []
