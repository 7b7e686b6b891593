"""Mounts in place of COPY instructions: only where the RUN finds what the COPY brought, and does not write there."""

from __future__ import annotations

import pytest

from tests.evidence import plan_on
from tests.images import DIR, Entries

BIG, SMALL = b"1" * 20_000, b"3" * 100


def mounts(copy: str, run: str, path: str, *, below: Entries | None = None) -> bool:
    """Whether the plan mounts the source of a COPY for a RUN; a last RUN removes the file."""
    folder, _, name = path.rpartition("/")
    layers: list[Entries] = [
        below or {"bin/sh": SMALL},
        {path: BIG},
        {"usr/lib/x": SMALL},
        {f"{folder}/.wh.{name}".lstrip("/"): b""},
    ]
    steps = ["ADD rootfs.tar /", copy, run, f"RUN rm -rf /{path}"]
    dockerfile = "\n".join(["FROM x", *steps[1:]]) + "\n"
    history = [step.replace("--chmod=755 ", "") for step in steps]
    plan = plan_on(*layers, steps=history, base_layers=1, dockerfile=dockerfile)
    return any("--mount" in edit.text for edit in plan.edits)


@pytest.mark.parametrize(
    ("copy", "run", "path"),
    [
        ("COPY install.sh /install.sh", "RUN sh /install.sh", "install.sh"),
        ("COPY x.deb /tmp/", "RUN dpkg -i /tmp/x.deb && rm -rf /var/lib/apt/lists/*", "tmp/x.deb"),
        ("COPY x.deb /tmp", "RUN dpkg -i /tmp/x.deb", "tmp/x.deb"),
        ("COPY wheels /wheels", "RUN pip install --find-links /wheels x", "wheels/x.whl"),
        ("COPY wheels /wheels", "RUN pip install /wheels/x.whl && rm -rf /wheels", "wheels/x.whl"),
    ],
)
def test_commands_that_only_read(copy: str, run: str, path: str) -> None:
    """The RUN reads the mounted files, and no other file is hidden by the mount."""
    assert mounts(copy, run, path, below={"tmp": DIR, "bin/sh": SMALL})


@pytest.mark.parametrize(
    ("copy", "run", "path"),
    [
        ("COPY install.sh /install.sh", "RUN chmod +x /install.sh && /install.sh", "install.sh"),
        ("COPY x.deb /tmp/", "RUN dpkg -i /tmp/x.deb && rm -rf /tmp/*", "tmp/x.deb"),
        ("COPY *.deb /debs/", "RUN dpkg -i /debs/x.deb", "debs/x.deb"),  # no source of a mount
        ("COPY debs /tmp", "RUN dpkg -i /tmp/x.deb", "tmp/x.deb"),  # hides all of /tmp
        ("COPY src /src", "RUN cd /src && make install", "src/Makefile"),
        ("COPY src /src", "RUN make -C /src install", "src/Makefile"),
        ("COPY src /src", "RUN pip install /src", "src/setup.py"),
        ("COPY src /srv/src", "RUN load /srv/src && chown -R 5:5 /srv", "srv/src/x"),
        ("COPY --chmod=755 install.sh /install.sh", "RUN /install.sh", "install.sh"),
    ],
)
def test_commands_that_need_a_copy(copy: str, run: str, path: str) -> None:
    """The RUN writes to the files, or a mount has other modes, hides other files, or has no such source."""
    assert not mounts(copy, run, path, below={"tmp": DIR, "bin/sh": SMALL})


def test_sources_of_other_stages() -> None:
    """The history of BuildKit has no --from: absolute sources are those of a stage or image."""
    layers: list[Entries] = [{"wheels/a.whl": BIG}, {"lib/x": SMALL}, {".wh.wheels": b""}]
    steps = ["COPY /wheels /wheels # buildkit", "RUN pip install /wheels/a.whl # buildkit", "RUN rm -rf /wheels # buildkit"]
    assert plan_on(*layers, steps=steps).edits == ()


@pytest.mark.parametrize(
    "instruction",
    [
        "COPY $SOURCES /opt/",
        "COPY t* /opt/",
        "RUN --mount=type=bind,target=/context make",
        "RUN --mount=source=.,target=/context make",
    ],
)
def test_instructions_that_may_read_the_files(instruction: str) -> None:
    """.dockerignore would keep the files from them, too."""
    step = instruction.replace("$SOURCES", "tests")
    step = step if step.startswith("COPY") else "RUN make"
    layers: list[Entries] = [{"srv/tests/a": BIG, "srv/x": SMALL}, {"opt/a": SMALL}, {"srv/.wh.tests": b""}]
    dockerfile = f"FROM x\nCOPY . /srv\n{instruction}\nRUN rm -rf /srv/tests\n"
    plan = plan_on(*layers, steps=["COPY . /srv", step, "RUN rm -rf /srv/tests"], dockerfile=dockerfile)
    assert (plan.ignored, plan.edits) == ((), ())
    assert [step.size for step in plan.steps if not step.in_patch] == [20_000]


def test_everything_of_a_directory() -> None:
    """``*`` also stands for directories, whose files come without them: the path in the context is not known."""
    layers: list[Entries] = [{"srv/dump.sql": BIG, "srv/x": SMALL}, {"srv/.wh.dump.sql": b""}]
    assert plan_on(*layers, steps=["COPY * /srv/", "RUN rm /srv/dump.sql"]).ignored == ()
    assert plan_on(*layers, steps=["COPY *.sql x /srv/", "RUN rm /srv/dump.sql"]).ignored == ()  # COPY needs a match
