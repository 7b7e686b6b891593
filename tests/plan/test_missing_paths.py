"""Commands that fail without files that the plan keeps out of the image."""

from __future__ import annotations

import pytest

from tests.evidence import plan_on

BIG, SMALL = b"1" * 20_000, b"3" * 100


@pytest.mark.parametrize(
    ("command", "after"),
    [
        ("rm /srv/a.log && touch /y", "rm -f /srv/a.log && touch /y"),
        ("rm /srv/*.log && touch /y", "rm -f /srv/*.log && touch /y"),
        ("cd /srv && rm a.log && touch /y", "cd /srv && rm -f a.log && touch /y"),
        ("rm -rf /srv/a.log && touch /y", ""),
    ],
)
def test_a_removal_gets_force(command: str, after: str) -> None:
    """``rm`` fails where a file is missing, also where it names the file by a wildcard or below the current directory."""
    layers = [{"srv/a.log": BIG, "srv/x": SMALL}, {"srv/.wh.a.log": b"", "y": SMALL}]
    plan = plan_on(*layers, steps=["COPY . /srv", f"RUN {command}"])
    assert plan.ignored == ("a.log",)
    assert [edit.text for edit in plan.edits] == ([f"RUN {after}"] if after else [])


@pytest.mark.parametrize(
    "command",
    ["if true; then rm /srv/a.log; fi", "find /srv/a.log -delete", "cd /srv/t && rm -rf *", "sh -c 'rm /srv/a.log'"],
)
def test_removals_that_cannot_be_changed(command: str) -> None:
    """The files stay in the context, as the RUN would fail without them."""
    path = "srv/t/a" if "/srv/t" in command else "srv/a.log"
    folder, _, name = path.rpartition("/")
    layers = [{path: BIG, "srv/x": SMALL}, {f"{folder}/.wh.{name}": b"", "y": SMALL}]
    plan = plan_on(*layers, steps=["COPY . /srv", f"RUN {command} && touch /y"])
    assert (plan.ignored, plan.edits) == ((), ())
    assert [step.in_patch for step in plan.steps] == [False]


def test_removals_in_instructions_that_are_not_edited() -> None:
    """The plan does not edit the exec form."""
    dockerfile = 'FROM x\nCOPY . /srv\nRUN ["rm","/srv/a.log"]\n'
    layers = [{"srv/a.log": BIG, "srv/x": SMALL}, {"srv/.wh.a.log": b""}]
    plan = plan_on(*layers, steps=["COPY . /srv # buildkit", "RUN rm /srv/a.log # buildkit"], dockerfile=dockerfile)
    assert (plan.ignored, plan.patch) == ((), "")


def test_a_build_reads_its_sources() -> None:
    """What a build tool finds below its directory is asked for, not assumed to be unused."""
    layers = [{"app/src/a.js": BIG, "app/package.json": SMALL}, {"app/dist/x": SMALL, "app/.wh.src": b""}]
    (step,) = plan_on(*layers, steps=["COPY . /app", "RUN cd /app && npm run build && rm -rf src"]).steps
    assert (step.in_patch, step.confidence.value) == (False, "ask")
