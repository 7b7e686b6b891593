"""Plans as a whole: one text for each step, no byte twice, no sum and no secret in any text, the right Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ocisize.findings.advise import advise
from ocisize.model.build_files import BuildFiles
from ocisize.model.plan import Plan
from ocisize.oci.documents import History, ImageConfig, RootFs
from ocisize.history.steps import describe
from ocisize.plan.make import PlannedFindings, make_plan
from tests.evidence import make_evidence, plan_on, paired
from tests.images import Entries, File

A, B, C = b"1" * 20_000, b"2" * 30_000, b"3" * 15_000
BASE: Entries = {"bin/sh": b"sh"}
SUM = re.compile(r"\b(?:dir|file|multi):\s?[0-9a-f]{4,}")
LAYERS: Sequence[Entries] = [
    BASE,
    {"app/x": A, "app/.git/y": B, "app/.env": b"P=1", "app/notes.log": C},
    {"app/x": File(A, uid=7), "app/.git/y": File(B, uid=7), "app/.env": File(b"P=1", uid=7), "app/notes.log": File(C, uid=7)},
    {"app/.wh..git": b"", "root/.cache/pip/x": C},
    {"app/x": b"4" * 20_000},
]  # fmt: skip
CLASSIC = [
    "/bin/sh -c #(nop) ADD file:0539abcdef012345 in / ", "/bin/sh -c #(nop) COPY --chown=1:1dir:7baf0123456789ab in /app ",
    "/bin/sh -c chown -R 7:0 /app", "/bin/sh -c rm -rf /app/.git && pip install x",
    "/bin/sh -c #(nop) ADD multi:9ba00123456789ab in /app/ ",
]  # fmt: skip


def planned(history: Sequence[History], dockerfile: str | None = None, ignore: str | None = None) -> PlannedFindings:
    steps = [describe(entry).text for entry in history if not entry.empty_layer]
    evidence = make_evidence(*LAYERS[: len(steps)], steps=steps, config=ImageConfig(RootFs(), history=tuple(history)))
    files = BuildFiles(dockerfile="Dockerfile", text=dockerfile, ignore_text=ignore) if dockerfile is not None else None
    return make_plan(evidence, advise(evidence), paired(evidence, files))


def strings(value: object) -> Iterator[str]:
    """All texts in a value, but for the build steps, which show what the history has."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from strings(part)
    elif attrs.has(kind := type(value)):
        for field in attrs.fields(kind):
            if field.name not in ("build_step", "build_steps"):
                yield from strings(getattr(value, field.name))


def test_no_sum_in_any_text() -> None:
    """The history of docker and Buildah has sums in place of sources, which no Dockerfile has."""
    for comment in ("", "FROM docker.io/library/debian:12"):
        result = planned([History(created_by=text, comment=comment) for text in CLASSIC])
        assert result.plan.steps
        assert [text for text in strings(result) if SUM.search(text)] == []


@given(
    st.lists(st.sampled_from(CLASSIC[1:] + ["/bin/sh -c #(nop) COPY file:0123456789abcdef in /app/x ", "/bin/sh -c make"]), min_size=4, max_size=4),
    st.sampled_from(["", "FROM docker.io/library/debian:12", "buildkit.dockerfile.v0"]),
)  # fmt: skip
def test_no_sum_whatever_the_steps(texts: list[str], comment: str) -> None:
    """Also where the steps did not make what the layers hold."""
    result = planned([History(created_by=text, comment=comment) for text in [CLASSIC[0], *texts]])
    assert [text for text in strings(result) if SUM.search(text)] == []
    assert len({edit.layer for edit in result.plan.edits}) == len(result.plan.edits)


def test_one_layer_of_all_steps() -> None:
    """buildah build makes one layer: a late rm or chown costs nothing there, and nothing can be edited from the history."""
    history = [
        History(created_by="/bin/sh", comment=""),
        History(created_by="/bin/sh -c #(nop) COPY dir:7baf0123456789ab in /app ", empty_layer=True, comment="FROM base"),
        History(created_by="/bin/sh -c chown -R 7:7 /app", empty_layer=True),
        History(created_by="/bin/sh -c apt-get update && apt-get install -y x"),
    ]
    layers: list[Entries] = [BASE, {"app/x": A, "var/lib/apt/lists/deb_Packages": B, "root/.cache/pip/x": C}]
    dockerfile = "FROM base\nCOPY . /app\nRUN chown -R 7:7 /app\nRUN apt-get update && apt-get install -y x\n"
    for text in (None, dockerfile):
        plan = plan_on(*layers, history=history, dockerfile=text)
        assert (plan.edits, plan.ignored, plan.patch) == ((), (), "")
        assert not any(step.in_patch for step in plan.steps)


def test_secrets_in_texts() -> None:
    """Edits have no secrets, also where the Dockerfile has them; the patch keeps the author's own lines."""
    step = "RUN pip install --index-url https://user:hunter2secret@pypi.example/simple x"
    redacted = describe(History(created_by=step)).text
    dockerfile = f"FROM base\n{step}\n"
    for text in (None, dockerfile):
        plan = plan_on(BASE, {"root/.cache/pip/x": A}, steps=["ADD rootfs.tar.gz /", redacted], dockerfile=text)
        assert not any("hunter2secret" in line for line in strings(attrs.evolve(plan, patch="")))
    assert "pip install --no-cache-dir --index-url" in plan.patch


def test_a_dockerfile_of_another_image() -> None:
    """A Dockerfile that made none of the layers is ignored."""
    steps = ["ADD rootfs.tar.gz /", "COPY . /app", "RUN chown -R 7:0 /app"]
    expected = plan_on(*LAYERS[:3], steps=steps)
    found = plan_on(*LAYERS[:3], steps=steps, dockerfile="FROM x\nRUN one\nRUN two\nCOPY three /\n")
    assert (found.dockerfile, found.patch, found.edits) == (None, "", expected.edits)


STAGE = "FROM node AS build\nCOPY . /app\nRUN chown -R 7:0 /app\n"


def test_the_right_stage() -> None:
    """Equal instructions of another stage stay, and .dockerignore keeps what the other stage may need."""
    steps = ["ADD rootfs.tar.gz /", "COPY . /app", "RUN chown -R 7:0 /app", "RUN rm -rf /app/.git && pip install x"]
    dockerfile = f"{STAGE}FROM base\n" + "\n".join(steps[1:]) + "\n"
    plan = plan_on(*LAYERS[:4], steps=steps, dockerfile=dockerfile)
    assert {edit.layer: edit.lines for edit in plan.edits} == {1: (5, 5), 2: (6, 6), 3: (7, 7)}
    assert ".git" not in plan.ignored
    assert re.search(r"(?m)^# \d+\. by hand, line 5: ", plan.patch)
    assert any(not step.in_patch and "Another instruction also reads the context" in step.action for step in plan.steps)


def test_a_stage_that_the_last_one_continues() -> None:
    """FROM build: the instructions of both stages made the layers."""
    steps = ["ADD rootfs.tar.gz /", "COPY . /app", "RUN chown -R 7:0 /app"]
    plan = plan_on(
        *LAYERS[:3], steps=steps, dockerfile="FROM base AS build\nCOPY . /app\nFROM build\nRUN chown -R 7:0 /app\n"
    )
    assert {edit.layer: (edit.text, edit.lines) for edit in plan.edits} == {
        1: ("COPY --chown=7:0 . /app", (2, 2)), 2: ("", (4, 4)),
    }  # fmt: skip


def total_of(plan: Plan) -> int:
    return sum(step.size for step in plan.steps)


def test_steps_save_no_byte_twice() -> None:
    """All steps together save what the layers store at most; findings name the step that fixes them."""
    steps = ["ADD rootfs.tar.gz /", "COPY . /app", "RUN chown -R 7:0 /app", "RUN rm -rf /app/.git && pip install x"]
    result = planned([History(created_by=step, comment="buildkit.dockerfile.v0") for step in steps])
    plan = result.plan
    assert plan.total.size == total_of(plan) <= sum(map(len, (A, B, C, b"P=1"))) * 2 + len(C)
    assert [step.size for step in plan.steps] == [65_003, 30_000, 15_000, 3, 15_000]
    assert (plan.patched.size, plan.total.size) == (110_006, 125_006)
    for finding in result.findings:
        if finding.plan_step is not None:
            assert finding.id in plan.steps[finding.plan_step - 1].findings
    numbered = {finding.id for finding in result.findings if finding.plan_step is not None}
    assert {name for step in plan.steps for name in step.findings} == numbered


def test_what_costs_nothing_is_no_step() -> None:
    """Directories that a chmod stores again are 512 bytes of tar and no content."""
    plan = plan_on({"d/x": A}, {"d": File(b"")}, steps=["RUN a", "RUN b"])
    assert all(step.size for step in plan.steps)
    assert plan_on(BASE, {"app/x": A}, steps=["ADD rootfs.tar.gz /", "COPY . /app"]) == Plan()
    assert plan_on() == Plan()


def test_copies_squashed_into_one_layer() -> None:
    """Buildah without layers: what one instruction brought is named for all of them."""
    names = {".DS_Store": b"1" * 9000, "n": b"n", "q": b"q"}
    layer: Entries = {f"{folder}/{name}": content + folder.encode() for folder in "ab" for name, content in names.items()}
    history = (
        History(created_by="/bin/sh -c #(nop) ADD file:0539abcdef012345 in / "),
        History(created_by="/bin/sh -c #(nop) COPY dir:7baf0123456789ab in /a ", empty_layer=True),
        History(created_by="/bin/sh -c #(nop) COPY dir:7baf0123456789ab in /b ", empty_layer=True),
        History(created_by='/bin/sh -c #(nop) CMD ["x"]'),
    )
    steps = [describe(entry).text for entry in history if not entry.empty_layer]
    evidence = make_evidence(BASE, layer, steps=steps, config=ImageConfig(RootFs(), history=history))
    files = BuildFiles(dockerfile="Dockerfile", text='FROM base\nCOPY . /a\nCOPY . /b\nCMD ["x"]\n')
    plan, _ = make_plan(evidence, advise(evidence), paired(evidence, files))
    assert plan.ignored == (".DS_Store",)
    assert plan.total.size == 2 * 9001
