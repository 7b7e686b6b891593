"""Files of a COPY that the image does not need: .dockerignore where that is certain, else by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ocisize.model.findings import Category, Confidence
from tests.evidence import plan_on
from tests.images import File

BIG, BIGGER = b"1" * 20_000, b"2" * 30_000
SMALL = b"3" * 100


def test_removed_later() -> None:
    """The file is named in .dockerignore; the RUN that only removes it goes."""
    plan = plan_on(
        {"srv/dump.sql": BIG, "srv/main.py": SMALL}, {"srv/.wh.dump.sql": b""}, steps=["COPY . /srv", "RUN rm /srv/dump.sql"]
    )
    (step,) = plan.steps
    assert (step.ignored, step.size, step.in_patch, step.layers) == (("dump.sql",), 20_000, True, (0,))
    assert (step.confidence, step.category) == (Confidence.SAFE, Category.WASTE)
    assert [(edit.layer, edit.text) for edit in plan.edits] == [(1, "")]


def test_the_rm_is_never_joined_into_the_run_that_reads() -> None:
    """The layer of the COPY stores the files in any case: a bind mount keeps them out."""
    layers = [{"wheels/a.whl": BIG, "wheels/b.whl": BIG}, {"usr/lib/a": SMALL}, {"app/x": SMALL}, {".wh.wheels": b""}]
    steps = ["COPY wheels /wheels", "RUN pip install /wheels/*.whl", "COPY app /app", "RUN rm -rf /wheels"]
    plan = plan_on(*layers, steps=steps)
    assert plan.total.size == 40_000
    assert [edit.text for edit in plan.edits] == [
        "", "RUN --mount=type=bind,source=wheels,target=/wheels pip install /wheels/*.whl", "",
    ]  # fmt: skip
    assert plan.ignored == ()  # what is mounted must not be ignored


def test_a_mounted_directory_is_not_ignored_for_another_copy() -> None:
    """The context must keep what a RUN mounts, even if a second COPY brings the files for nothing."""
    layers = [
        {"wheels/a.whl": BIG}, {"usr/lib/a": SMALL},
        {"srv/wheels/a.whl": BIG, "srv/x": SMALL}, {".wh.wheels": b"", "srv/.wh.wheels": b""},
    ]  # fmt: skip
    steps = ["COPY wheels /wheels", "RUN install-all /wheels", "COPY . /srv", "RUN rm -rf /wheels /srv/wheels"]
    plan = plan_on(*layers, steps=steps)
    assert any("--mount=type=bind,source=wheels,target=/wheels" in edit.text for edit in plan.edits)
    assert plan.ignored == ()
    (by_hand,) = [step for step in plan.steps if not step.in_patch]
    assert "Keep wheels out of `COPY . /srv`" in by_hand.action


@pytest.mark.parametrize(
    ("command", "confidence", "in_patch"),
    [
        ("chown app /x", Confidence.SAFE, True),
        ("make", Confidence.PROBABLY, True),
        ("load /srv/dump.sql", Confidence.ASK, False),
        ("cd /srv && load dump.sql", Confidence.ASK, False),
    ],
)
def test_whether_a_run_in_between_reads_the_files(command: str, confidence: Confidence, in_patch: bool) -> None:
    """An image does not record reads: the texts decide, and where a text names the file a person decides."""
    layers = [{"srv/dump.sql": BIG, "srv/main.py": SMALL}, {"lib/x": SMALL}, {"srv/.wh.dump.sql": b""}]
    plan = plan_on(*layers, steps=["COPY . /srv", f"RUN {command}", "RUN rm /srv/dump.sql"])
    (step,) = plan.steps
    assert (step.confidence, step.in_patch, step.size) == (confidence, in_patch, 20_000)
    assert bool(step.ignored) is in_patch


@pytest.mark.parametrize("step", ["COPY app /srv", "COPY app/ /srv/", "COPY app/. /srv", "COPY ./app /srv"])
def test_a_folder_that_is_copied_by_name(step: str) -> None:
    """Patterns below the folder are as good as those for the whole context."""
    files = {"srv/dump.sql": BIG, "srv/lib/.git/objects/p": BIG, "srv/lib/main.py": SMALL}
    plan = plan_on(files, {"srv/.wh.dump.sql": b""}, steps=[step, "RUN rm /srv/dump.sql"])
    assert [(step.ignored, step.size, step.in_patch) for step in plan.steps] == [
        (("app/dump.sql",), 20_000, True), (("app/lib/.git",), 20_000, True),
    ]  # fmt: skip
    dockerfile = f"FROM x\n{step}\nRUN rm /srv/dump.sql\n"
    plan = plan_on(files, {"srv/.wh.dump.sql": b""}, steps=[step, "RUN rm /srv/dump.sql"], dockerfile=dockerfile)
    assert set(plan.ignored) == {"app/dump.sql", "app/lib/.git"}


OWN_NAME = "The instruction names the files: leave them out of it, or drop it."
SHARED = "Another instruction needs the files, and .dockerignore applies to both: copy less in this one."


@pytest.mark.parametrize(
    ("steps", "stage", "reason"),
    [
        (["COPY app/dump.sql /srv/", "COPY app/main.py /srv/"], "", OWN_NAME),
        (["COPY app/*.sql /srv/", "COPY app/main.py /srv/"], "", OWN_NAME),
        (["COPY app /srv", "COPY app/dump.sql /opt/"], "", SHARED),
        (["COPY . /srv", "COPY dump.sql /opt/"], "", SHARED),
        (["COPY app /srv", "COPY other /opt"], "FROM y AS y\nCOPY app /y\n", SHARED),
        (["COPY app /srv", "COPY other /opt"], "FROM y AS y\nRUN --mount=type=bind,source=app,target=/y z\n", SHARED),
    ],
)
def test_files_that_an_instruction_names(steps: Sequence[str], stage: str, reason: str) -> None:
    """A build fails without a file that an instruction names, so that a person decides; the reason is true."""
    other = (
        {"srv/main.py": SMALL} if "main" in steps[1] else {"opt/dump.sql": BIG} if "dump" in steps[1] else {"opt/x": SMALL}
    )
    first = {"srv/dump.sql": BIG} if "main" in steps[1] else {"srv/dump.sql": BIG, "srv/main.py": SMALL}
    steps = [*steps, "RUN rm /srv/dump.sql"]
    dockerfile = f"{stage}FROM x\n" + "\n".join(steps)
    plan = plan_on(first, other, {"srv/.wh.dump.sql": b""}, steps=steps, dockerfile=dockerfile)
    (step, *_) = plan.steps
    assert (step.in_patch, plan.ignored) == (False, ())
    assert step.action.endswith(reason)


def test_a_folder_of_which_nothing_is_needed() -> None:
    """Its COPY is to be dropped by hand: an empty folder in its place helps nobody."""
    (step,) = plan_on({"srv/a": BIG, "srv/b": BIG}, {".wh.srv": b""}, steps=["COPY app /srv", "RUN rm -rf /srv"]).steps
    assert (step.ignored, step.in_patch) == ((), False)
    assert step.action.endswith("The instruction brings nothing else: drop it.")


def test_a_folder_that_is_copied_twice() -> None:
    """What no COPY keeps is ignored for both; what one of them keeps is not."""
    layers = [{"a/big": BIG, "a/x": SMALL}, {"b/big": BIG, "b/x": SMALL}]
    steps = ["COPY app /a", "COPY app /b"]
    plan = plan_on(*layers, {"a/.wh.big": b""}, steps=[*steps, "RUN rm /a/big"])
    assert ([step.in_patch for step in plan.steps], plan.ignored) == ([False], ())
    plan = plan_on(*layers, {"a/.wh.big": b"", "b/.wh.big": b""}, steps=[*steps, "RUN rm /a/big /b/big"])
    assert (plan.total.size, plan.ignored) == (40_000, ("app/big",))


def test_a_second_copy_that_stays() -> None:
    """A file that another COPY brings and nothing removes stays in the context; only the removed copy counts."""
    layers = [{"a/big": BIG, "a/x": SMALL}, {"b/big": BIG, "b/x": SMALL}, {"a/.wh.big": b""}]
    plan = plan_on(*layers, steps=["COPY . /a", "COPY . /b", "RUN rm -rf /a/big"])
    (step,) = plan.steps
    assert (step.size, step.in_patch, plan.ignored, plan.edits) == (20_000, False, (), ())
    removed = {"a/.wh.big": b"", "b/.wh.big": b""}
    both = plan_on(*layers[:2], removed, steps=["COPY . /a", "COPY . /b", "RUN rm -rf /a/big /b/big"])
    assert (both.total.size, both.ignored) == (40_000, ("big",))


def test_a_second_copy_that_a_run_reads() -> None:
    """The file must stay in the context for the RUN that reads the second copy."""
    layers = [{"a/w": BIG, "a/x": SMALL}, {"b/w": BIG, "b/x": SMALL}, {"lib/z": SMALL}, {"a/.wh.w": b"", "b/.wh.w": b""}]
    plan = plan_on(*layers, steps=["COPY . /a", "COPY . /b", "RUN load /b/w", "RUN rm -rf /a/w /b/w"])
    assert plan.ignored == ()
    assert [(step.size, step.in_patch) for step in plan.steps] == [(20_000, False), (20_000, False)]


def test_what_the_catalog_names() -> None:
    """Version control data goes from all copies; bytes that a later chown stores again are counted."""
    lower = {"srv/.git/objects/p": BIGGER, "srv/x": SMALL}
    upper = {path: File(data, uid=1) for path, data in lower.items()}
    plan = plan_on(lower, upper, {"opt/.git/objects/p": BIGGER, "opt/x": SMALL},
                   steps=["COPY . /srv", "RUN chown -R 1:0 /srv", "COPY . /opt"])  # fmt: skip
    step = plan.steps[0]
    assert (step.ignored, step.size, step.in_patch) == ((".git",), 90_000, True)
    assert plan.steps[1].size == 100  # what the chown still stores again


def test_secrets() -> None:
    """A secret is named in .dockerignore and must be revoked, unless a RUN reads it or it may be no secret."""
    layers = [{"app/.env": SMALL, "app/main.py": SMALL}, {"lib/x": SMALL}]
    (step,) = plan_on(*layers, steps=["COPY . /app", "RUN make"]).steps
    assert (step.ignored, step.category, step.confidence) == ((".env",), Category.SECRET, Confidence.PROBABLY)
    assert step.caution == "Revoke the secrets: earlier tags of the image keep them."
    (step,) = plan_on(*layers, steps=["COPY . /app", "RUN . /app/.env && make"]).steps
    assert (step.ignored, step.in_patch, step.confidence) == ((), False, Confidence.ASK)
    perhaps = plan_on({"app/.npmrc": SMALL, "app/main.js": SMALL}, steps=["COPY . /app"])
    assert (perhaps.ignored, perhaps.edits) == ((), ())


@pytest.mark.parametrize(
    "step", ["COPY --from=build /srv /srv", "COPY dir:7baf0123456789ab in /srv", "COPY $SRC /srv", "ADD srv.tgz /srv"]
)
def test_sources_that_are_unknown_or_not_in_the_context(step: str) -> None:
    """Without the paths in the context there is nothing to ignore."""
    plan = plan_on({"srv/dump.sql": BIG, "srv/x": SMALL}, {"srv/.wh.dump.sql": b""}, steps=[step, "RUN rm /srv/dump.sql"])
    assert (plan.ignored, plan.edits) == ((), ())
    assert [step.in_patch for step in plan.steps] == [False]


def test_files_of_the_base() -> None:
    """Nobody can edit the build of the base image."""
    layers = [{"srv/dump.sql": BIG, "srv/x": SMALL}, {"srv/.wh.dump.sql": b""}]
    plan = plan_on(*layers, steps=["COPY . /srv", "RUN rm /srv/dump.sql"], base_layers=1)
    assert (plan.steps, plan.edits, plan.ignored) == ((), (), ())
