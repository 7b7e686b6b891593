"""What always holds of plans: the edits build, and save exactly what the plan promises, on a model of builds."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocisize.analyzer import Analyzer
from ocisize.dockerfile.ignore import IgnoreFile
from ocisize.model.analysis import Analysis
from ocisize.model.build_files import BuildFiles
from ocisize.model.findings import Category
from ocisize.model.plan import Plan
from tests.building import ARCHIVES, LISTS, Built, BuildError, Node, build, content_of
from tests.images import write_layout

BASE = {"bin/sh": b"sh", "etc/passwd": b"root", "var/lib/dpkg/status": b"", "opt/base": content_of("base", 6000)}
CONTEXT = {
    path: content_of(path, size)
    for path, size in {
        "app/main.py": 3000, "app/util/a.py": 2000, "app/util/empty": 0, "app/tests/t.py": 11_000, "conf.ini": 500, "run.sh": 700,
        ".git/objects/p": 30_000, ".git/HEAD": 20, "wheels/w.whl": 25_000, "notes/a.log": 12_000, ".env": 60,
    }.items()
}  # fmt: skip
STEPS = [
    "COPY . /srv", "COPY . .", "COPY app /srv/app", "COPY app app/", "COPY wheels /wheels", "COPY conf.ini /etc/conf.ini",
    "COPY --chown=5:5 app /srv/app", "COPY run.sh conf.ini /srv/", "WORKDIR /srv", "WORKDIR /srv/app",
    "RUN write /srv/gen 15000", "RUN write /srv/app/util/made 14000", "RUN write /srv/app/__pycache__/m.pyc 13000",
    "RUN write /opt/big 20000 && write /opt/small 12000", "RUN write /opt/big 21000", "RUN rm -rf /opt/big", "RUN rm -rf /opt/*",
    "RUN rm -rf /srv/.git /wheels /srv/wheels", "RUN rm -rf /srv/app/tests", "RUN rm -rf /srv/notes && rm -f /opt/small",
    "RUN chown -R 1000:1000 /srv", "RUN chown -R 5:5 /srv/app", "RUN chmod -R 755 /srv/app", "RUN chmod 755 /srv/run.sh",
    "RUN chown -R 7:7 /srv && rm -rf /srv/.git", "RUN rm -rf /srv/.git && chown -R 7:7 /srv", "RUN chown 3:3 /srv/gen /opt/big",
    "RUN read /wheels/w.whl && write /usr/lib/w 19000", "RUN read /opt/big", "RUN read /wheels/w.whl && rm -rf /wheels",
    "RUN apt-get update", "RUN apt-get install -y x", "RUN apt-get update && apt-get install -y y && write /opt/extra 11000",
    "RUN apt-get clean && rm -rf /var/lib/apt/lists/*", "RUN apt-get clean", "USER 1000", "USER 0", "ENV A=b",
    "RUN chown -R 7:7 /srv && chmod 755 /srv/run.sh", "RUN chown -R 5:5 /srv/app && chmod -R 755 /srv/app/util",
    "COPY . /opt/src", "RUN rm -rf /opt/src/notes /opt/src/wheels", "RUN read /opt/src/wheels/w.whl",
    "RUN rm /srv/conf.ini", "RUN rm -r /opt/*", "RUN chown 1000 /wheels/w.whl && read /wheels/w.whl", "RUN write /opt/own 13000",
    "RUN cp /opt/big /opt/copy", "RUN cp /srv/app/main.py /opt/main.py", "RUN true", "# a comment", "",
]  # fmt: skip
laws = settings(deadline=None, max_examples=120)


@attrs.frozen
class Planned:
    """A build, its analysis, and the build after the plan was carried out."""

    before: Built
    analysis: Analysis
    after: Built


def carry_out(dockerfile: str, context: Mapping[str, bytes], ignore: str = "") -> Planned:
    """Build, plan, change the files as the plan says, and build again."""
    before = build(dockerfile, context, ignore=ignore, base=BASE)
    files = BuildFiles(dockerfile="Dockerfile", text=dockerfile, ignore_text=ignore)
    with tempfile.TemporaryDirectory() as folder:
        analysis = Analyzer(build_files=files).analyze(write_layout(before.image, Path(folder)))
    plan = analysis.plan
    after = build(
        edited(dockerfile, plan), context, ignore=ignore + "".join(f"\n{line}" for line in plan.ignored), base=BASE
    )
    return Planned(before, analysis, after)


def edited(dockerfile: str, plan: Plan) -> str:
    """The Dockerfile after the edits of a plan."""
    lines = dockerfile.split("\n")
    for edit in sorted(plan.edits, key=lambda edit: edit.lines or (0, 0), reverse=True):
        assert edit.lines is not None
        first, last = edit.lines
        lines[first - 1 : last] = edit.text.split("\n") if edit.text else []
    return "\n".join(lines)


def built_or_none(dockerfile: str) -> Built | None:
    """The build, None if a step fails."""
    try:
        return build(dockerfile, CONTEXT, base=BASE)
    except BuildError:
        return None


DOCKERFILES = st.lists(st.sampled_from(STEPS), min_size=2, max_size=9).map(
    lambda steps: "\n".join(["FROM base", *steps]) + "\n"
)
GOOD = DOCKERFILES.filter(lambda text: built_or_none(text) is not None)


def steps(*lines: str) -> str:
    return "\n".join(["FROM base", *lines]) + "\n"


@example(
    steps(
        "COPY . /srv",
        "RUN write /srv/app/__pycache__/m.pyc 13000",
        "RUN chown -R 1000:1000 /srv",
        "RUN rm -rf /srv/app/tests",
    )
)
@example(
    steps(
        "RUN apt-get update",
        "RUN apt-get install -y x",
        "RUN cp /usr/bin/x /opt/copy",
        "RUN apt-get clean && rm -rf /var/lib/apt/lists/*",
    )
)
@example(
    steps(
        "COPY wheels /wheels",
        "RUN read /wheels/w.whl && write /usr/lib/w 19000",
        "COPY . /srv",
        "RUN rm -rf /srv/.git /wheels /srv/wheels",
    )
)
@example(
    steps(
        "COPY . /srv",
        "RUN chown -R 7:7 /srv && chmod 755 /srv/run.sh",
        "COPY app /srv/app",
        "RUN chown -R 7:7 /srv && chmod 755 /srv/run.sh",
    )
)
@example(
    steps(
        "RUN write /srv/app/__pycache__/m.pyc 13000",
        "COPY . /srv",
        "COPY . /srv",
        "RUN chown -R 5:5 /srv/app && chmod -R 755 /srv/app/util",
    )
)
@example(steps("COPY --chown=5:5 app /srv/app", "RUN cp /srv/app/main.py /opt/main.py", "RUN chmod -R 755 /srv/app"))
@example(steps("COPY . /opt/src", "ENV A=b", "RUN rm -rf /opt/*"))
@example(
    steps(
        "RUN write /opt/big 20000 && write /opt/small 12000",
        "RUN write /opt/big 21000",
        "WORKDIR /srv",
        "RUN rm -rf /opt/*",
        "COPY . .",
    )
)
@example(
    steps(
        "COPY . .", "RUN read /wheels/w.whl && rm -rf /wheels", "COPY . /opt/src", "RUN rm -rf /opt/src/notes /opt/src/wheels"
    )
)  # fmt: skip
@laws
@given(GOOD)
def test_a_plan_saves_what_it_promises(dockerfile: str) -> None:
    """The content that the image loses is what the steps in the patch save; nothing that they keep changes."""
    planned = carry_out(dockerfile, CONTEXT)
    plan = planned.analysis.plan
    assert planned.before.content_size - planned.after.content_size == plan.patched.size
    assert kept_nodes(planned.before.tree, plan) == kept_nodes(planned.after.tree, plan)


def kept_nodes(tree: Mapping[str, Node], plan: Plan) -> dict[str, Node]:
    """The files that a plan keeps, with owners and modes; of directories only what is in them counts."""
    unneeded = (step for step in plan.steps if step.category is not Category.WASTE)  # a container does not see waste
    ignored = IgnoreFile.parse("\n".join(pattern for step in unneeded for pattern in step.ignored))
    names = {path for path in CONTEXT if ignored.excludes(path)}
    return {
        path: node
        for path, node in tree.items()
        if not path.startswith((LISTS, ARCHIVES, "var/cache/apt"))
        and node.data is not None
        and not any(path.endswith(f"/{name}") or path == name for name in names)
    }


@laws
@given(GOOD)
def test_steps_save_in_sequence(dockerfile: str) -> None:
    """Each step saves what those before it leave, all together no more than is stored, and no instruction is edited twice."""
    built = build(dockerfile, CONTEXT, base=BASE)
    with tempfile.TemporaryDirectory() as folder:
        analysis = Analyzer(build_files=BuildFiles(dockerfile="Dockerfile", text=dockerfile)).analyze(
            write_layout(built.image, Path(folder))
        )
    plan = analysis.plan
    assert all(step.size >= 0 and (step.compressed_size or 0) >= 0 for step in plan.steps)
    assert plan.total.size <= analysis.content_size
    assert (plan.total.compressed_size or 0) <= (analysis.compressed_size or 0)
    assert len({edit.layer for edit in plan.edits}) == len(plan.edits)
    lines = [line for edit in plan.edits if edit.lines for line in range(edit.lines[0], edit.lines[1] + 1)]
    assert len(lines) == len(set(lines))
