"""Late chown and chmod: owners and modes are set where files come in, and no chown -R acts on files of a lower layer."""

from __future__ import annotations

import re

import pytest

from ocisize.model.plan import Plan
from ocisize.oci.documents import History
from tests.evidence import plan_on
from tests.images import DIR, Entries, File, Link

A, B, C = b"1" * 20_000, b"2" * 30_000, b"3" * 15_000
BASE: Entries = {"bin/sh": b"sh", "etc/passwd": b"root"}


def texts(plan: Plan) -> list[tuple[int, str]]:
    return [(edit.layer, edit.text) for edit in plan.edits]


def copied(command: str, *, uid: int = 1000, gid: int = 0, mode: int = 0o644, copy: str = "COPY . /app") -> Plan:
    """The plan for a copied file that a RUN stores again with another owner or mode."""
    return plan_on(BASE, {"app/x": A}, {"app/x": File(A, uid=uid, gid=gid, mode=mode)},
                   steps=["ADD rootfs.tar.gz /", copy, f"RUN {command}"])  # fmt: skip


@pytest.mark.parametrize(
    ("command", "owner", "copy"),
    [
        ("chown -R app:app /app", (1000, 1000), "COPY --chown=app:app . /app"),
        ("chown -R app /app", (1000, 0), "COPY --chown=1000:0 . /app"),
        ("chown -R 1000:1000 /app/", (1000, 1000), "COPY --chown=1000:1000 . /app"),
        ("chown --recursive 1000 /app", (1000, 0), "COPY --chown=1000:0 . /app"),
        ("chown -Rh 1000:1000 /app", (1000, 1000), "COPY --chown=1000:1000 . /app"),
        ("chgrp -R 5 /app", (0, 5), "COPY --chown=0:5 . /app"),
        ("chown -R 1000:1000 /app || true", (1000, 1000), "COPY --chown=1000:1000 . /app"),
        ("chown 1000:1000 /app/x", (1000, 1000), "COPY --chown=1000:1000 . /app"),
    ],
)
def test_owners(command: str, owner: tuple[int, int], copy: str) -> None:
    """The owner that the files get is that of the COPY, by name where both names are written; the RUN goes."""
    plan = copied(command, uid=owner[0], gid=owner[1])
    assert texts(plan) == [(1, copy), (2, "")]
    (step,) = plan.steps
    assert (step.size, step.in_patch, step.findings, step.layers) == (20_000, True, ("OS102",), (1, 2))


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        ("COPY --chown=a:b . /app", "COPY --chown=app:app . /app"),
        ("COPY --from=build --chown=a:b /out /app", "COPY --from=build --chown=app:app /out /app"),
        ("COPY --from=build /out /app", "COPY --chown=app:app --from=build /out /app"),
    ],
)
def test_options_that_are_there(copy: str, expected: str) -> None:
    """An owner is replaced, other options stay."""
    assert texts(copied("chown -R app:app /app", gid=1000, copy=copy))[0] == (1, expected)


def test_names_that_are_not_utf8() -> None:
    """A late command that must still name a directory whose name is not UTF-8 names the bytes of the tar."""
    name = "app/caf\udce9"
    plan = plan_on({"bin/sh": b"sh", name: DIR}, {"app/x": A}, {"app/x": File(A, uid=7), name: DIR},
                   steps=["ADD rootfs.tar.gz /", "COPY . /app", "RUN chown -R 7:0 /app"])  # fmt: skip
    assert texts(plan) == [(1, "COPY --chown=7:0 . /app"), (2, f"RUN chown 7:0 '/{name}'")]


@pytest.mark.parametrize("command", ["chmod -R 755 /app", "chmod -R u+x,go+rx /app", "chmod 755 /app/x"])
def test_one_mode(command: str) -> None:
    """COPY --chmod takes one octal mode, which the layer shows."""
    plan = copied(command, uid=0, mode=0o755)
    assert texts(plan) == [(1, "COPY --chmod=755 . /app"), (2, "")]
    assert "BuildKit" in plan.steps[0].caution


def test_owner_and_mode() -> None:
    """Both options go into one COPY, and one step of the plan says so."""
    plan = copied("chown -R 1000:1000 /app && chmod 755 /app/x && make", gid=1000, mode=0o755)
    assert texts(plan) == [(1, "COPY --chown=1000:1000 --chmod=755 . /app"), (2, "RUN make")]


def test_modes_of_single_files() -> None:
    """A chmod that COPY cannot replace stays, and so does every command that would store its files again."""
    layers: list[Entries] = [BASE, {"app/a": A, "app/b": B}, {"app/a": File(A, uid=7, mode=0o755), "app/b": File(B, uid=7)}]
    plan = plan_on(*layers, steps=["ADD rootfs.tar.gz /", "COPY app /app", "RUN chown -R 7:0 /app && chmod 755 /app/a"])
    assert texts(plan) == [(1, "COPY --chown=7:0 app /app"), (2, "RUN chmod 755 /app/a")]
    assert [step.size for step in plan.steps if step.in_patch] == [30_000]
    directory: list[Entries] = [BASE, {"app/d": File(A), "app/e": DIR}, {"app/d": File(A, uid=7), "app/e": DIR}]
    plan = plan_on(*directory, steps=["ADD rootfs.tar.gz /", "COPY app /app", "RUN chown -R 7:0 /app && chmod 700 /app/e"])
    assert texts(plan)[1:] == [(2, "RUN chmod 700 /app/e")]


def test_several_modes() -> None:
    """COPY --chmod gives files and directories one mode: with several modes, a person decides."""
    layers: list[Entries] = [
        BASE,
        {"app": DIR, "app/a": A, "app/b": B},
        {"app/a": File(A, mode=0o755), "app/b": File(B, mode=0o750)},
    ]
    plan = plan_on(*layers, steps=["ADD rootfs.tar.gz /", "COPY app /app", "RUN chmod 755 /app/a && chmod 750 /app/b"])
    assert plan.edits == ()
    assert [(step.size, step.in_patch) for step in plan.steps] == [(50_000, False)]
    one = plan_on(BASE, {"app/a": A, "app/b": B}, {"app/a": File(A, mode=0o755)},
                  steps=["ADD rootfs.tar.gz /", "COPY app /app", "RUN chmod 755 /app/a"])  # fmt: skip
    assert one.edits == ()


def test_a_mode_for_directories_as_well() -> None:
    """A mode without the x bit would close the directories: no --chmod."""
    layers: list[Entries] = [BASE, {"app": DIR, "app/d": DIR, "app/d/a": A, "app/d/b": B},
                             {"app/d/a": File(A, mode=0o600), "app/d/b": File(B, mode=0o600)}]  # fmt: skip
    plan = plan_on(*layers, steps=["ADD rootfs.tar.gz /", "COPY app /app", "RUN find /app -type f -exec chmod 600 {} +"])
    assert plan.edits == ()
    plan = plan_on(*layers, steps=["ADD rootfs.tar.gz /", "COPY app /app", "RUN chmod 600 /app/d/a /app/d/b"])
    assert plan.edits == ()


def test_no_buildkit_no_chmod() -> None:
    """docker's classic builder does not know --chmod, and its history has no sources: nothing is edited."""
    history = [
        History(created_by="/bin/sh -c #(nop) ADD file:0123456789ab in / "),
        History(created_by="/bin/sh -c #(nop) COPY dir:7baf0123456789ab in /app "),
        History(created_by="/bin/sh -c chmod -R 755 /app"),
    ]
    layers: list[Entries] = [BASE, {"app/x": A}, {"app/x": File(A, mode=0o755)}]
    assert plan_on(*layers, history=history).edits == ()
    dockerfile = "FROM x\nCOPY . /app\nRUN chmod -R 755 /app\n"
    assert plan_on(*layers, history=history, dockerfile=dockerfile).edits == ()


def test_a_chown_that_changes_nothing() -> None:
    """The RUN goes, and nothing takes its place."""
    files = {f"srv/app/{number}": bytes([number]) * 50_000 for number in range(10)}
    owned: Entries = {path: File(data, uid=5, gid=5) for path, data in files.items()}
    steps = ["ADD rootfs.tar.gz /", "COPY --chown=5:5 app /srv/app", "RUN chown -R 5:5 /srv/app"]
    plan = plan_on(BASE, owned, owned, steps=steps)
    assert texts(plan) == [(2, "")]
    assert plan.total.size == 500_000
    assert "changes nothing" in plan.steps[0].title


def test_files_of_the_base() -> None:
    """A chown over files of the base stays for those files, without -R; only the others are saved."""
    layers: list[Entries] = [
        {"srv/base": B, "bin/sh": b"sh"}, {"srv/app/x": A},
        {"srv/base": File(B, uid=7), "srv/app/x": File(A, uid=7)},
    ]  # fmt: skip
    plan = plan_on(*layers, steps=["ADD rootfs.tar.gz /", "COPY app /srv/app", "RUN chown -R 7:0 /srv"])
    assert texts(plan) == [(1, "COPY --chown=7:0 app /srv/app"), (2, "RUN chown 7:0 /srv/base")]
    in_patch = [step for step in plan.steps if step.in_patch]
    assert [step.size for step in in_patch] == [20_000]


def test_files_that_a_run_makes() -> None:
    """The RUN that makes the files changes their owner, only of paths that hold nothing else."""
    layers: list[Entries] = [BASE, {"srv/app/x": A}, {"srv/gen/y": B, "srv/app/z": C},
                             {"srv/app/x": File(A, uid=7), "srv/gen/y": File(B, uid=7), "srv/app/z": File(C, uid=7)}]  # fmt: skip
    plan = plan_on(*layers, steps=["ADD rootfs.tar.gz /", "COPY app /srv/app", "RUN gen", "RUN chown -R 7:0 /srv"])
    assert texts(plan) == [
        (1, "COPY --chown=7:0 app /srv/app"), (2, "RUN gen && chown -R 7:0 /srv/app/z /srv/gen"), (3, ""),
    ]  # fmt: skip
    assert plan.total.size == 65_000


def test_bytecode_in_many_directories() -> None:
    """Directories of one name are found by their name."""
    sources = {f"srv/{number}/m.py": bytes([number]) * 1000 for number in range(10)}
    bytecode = {f"srv/{number}/__pycache__/m.pyc": bytes([number]) * 2000 for number in range(10)}
    upper: Entries = {path: File(data, uid=7) for path, data in {**sources, **bytecode}.items()}
    steps = ["ADD rootfs.tar.gz /", "COPY . /srv", "RUN python3 -m compileall /srv", "RUN chown -R 7:0 /srv"]
    plan = plan_on(BASE, sources, bytecode, upper, steps=steps)
    assert (2, "RUN python3 -m compileall /srv && find /srv -name __pycache__ -exec chown -R 7:0 {} +") in texts(plan)


@pytest.mark.parametrize(
    "command",
    ["chown -R $OWNER /app", "touch /app/x && chown x y | z", "find /app -exec chown 1000 {} +", "chown -R 1000 /app > /log",
     "chown -R 1000 / ", "make", "chown -R 1000 /a*", "bash -c 'chown -R 1000 /app'"],
)  # fmt: skip
def test_commands_that_stay(command: str) -> None:
    """What the shell expands, pipelines, the root directory, and other tools: a person decides."""
    plan = copied(command)
    assert plan.edits == ()
    assert [(step.size, step.in_patch) for step in plan.steps] == [(20_000, False)]


def test_a_user_that_the_same_run_makes() -> None:
    """A name that does not exist at the COPY is written as a number; making the user stays."""
    upper: Entries = {"app/x": File(A, uid=1000, gid=1000), "etc/passwd": b"root u"}
    steps = ["ADD rootfs.tar.gz /", "COPY . /app", "RUN useradd u && chown -R u:u /app && pip install x"]
    plan = plan_on(BASE, {"app/x": A}, upper, steps=steps)
    assert texts(plan) == [(1, "COPY --chown=1000:1000 . /app"), (2, "RUN useradd u && pip install x")]


def test_relative_paths_and_working_directories() -> None:
    """Paths are those of the RUN's working directory."""
    history = [
        History(created_by="ADD rootfs.tar.gz /"), History(created_by="WORKDIR /srv/web", empty_layer=True),
        History(created_by="COPY . . # buildkit"), History(created_by="RUN /bin/sh -c chown -R 7:7 . # buildkit"),
    ]  # fmt: skip
    plan = plan_on(BASE, {"srv/web/x": A}, {"srv/web/x": File(A, uid=7, gid=7)}, history=history)
    assert texts(plan) == [(1, "COPY --chown=7:7 . ."), (2, "")]


def test_the_chown_before_a_late_rm() -> None:
    """The real service: COPY, a RUN, chown -R, and a late rm: no chown -R of copied files anywhere, everything saved."""
    tests = b"5" * 11_000
    copied_files: Entries = {"srv/app/main.py": A, "srv/app/tests/t.py": tests}
    made: Entries = {"srv/app/__pycache__/m.pyc": C}
    owned: Entries = {"srv/app/main.py": File(A, uid=7, gid=7), "srv/app/tests/t.py": File(tests, uid=7, gid=7),
                      "srv/app/__pycache__/m.pyc": File(C, uid=7, gid=7)}  # fmt: skip
    steps = [
        "ADD rootfs.tar.gz /",
        "COPY app /srv/app",
        "RUN compile",
        "RUN chown -R 7:7 /srv/app",
        "RUN rm -rf /srv/app/tests",
    ]
    dockerfile = "\n".join(["FROM base", *steps[1:], ""])
    for plan in (
        plan_on(BASE, copied_files, made, owned, {"srv/app/.wh.tests": b""}, steps=steps),
        plan_on(BASE, copied_files, made, owned, {"srv/app/.wh.tests": b""}, steps=steps, dockerfile=dockerfile),
    ):
        edits = dict(texts(plan))
        assert edits[1] == "COPY --chown=7:7 app /srv/app"
        assert edits[2] == "RUN compile && chown -R 7:7 /srv/app/__pycache__"
        assert edits[3] == ""
        assert not any(re.search(r"chown -R 7:7 /srv(/app)?( |$)", text) for text in edits.values())
        assert sum(step.size for step in plan.steps if step.in_patch) >= 35_000


def test_many_paths() -> None:
    """A command with thousands of paths is read once."""
    names = " ".join(f"/x{number}" for number in range(5000))
    files: Entries = {f"app/{number}": b"1" for number in range(2000)}
    owned: Entries = {f"app/{number}": File(b"1", uid=7) for number in range(2000)}
    plan = plan_on(BASE, files, owned, steps=["ADD rootfs.tar.gz /", "COPY . /app", f"RUN chown -R 7:0 {names} /app"])
    assert texts(plan)[0] == (1, "COPY --chown=7:0 . /app")


@pytest.mark.parametrize(
    "command",
    [
        "chmod 644 /app/*",
        "find /app -type f -exec chmod 644 {} +",
        "find /app -type f | xargs chmod 644",
        "cd /app && chmod 644 *",
        "chmod 644 $FILES",
        "touch /app/x",
    ],
)
def test_commands_that_store_the_files_again(command: str) -> None:
    """Without the chown nothing is saved: the other command of the RUN stores the files, too."""
    assert texts(copied(f"chown -R 1000:1000 /app && {command}", gid=1000)) == []
    assert texts(copied(f"{command} && chown -R 1000:1000 /app", gid=1000)) == []


@pytest.mark.parametrize("command", ["chmod +x /usr/bin/*.sh", "find /usr -name x -exec chmod 644 {} +", "touch /y"])
def test_commands_on_other_files(command: str) -> None:
    """They do not store the copied files."""
    assert texts(copied(f"chown -R 1000:1000 /app && {command}", gid=1000))[0] == (1, "COPY --chown=1000:1000 . /app")


def test_a_chown_behind_cd() -> None:
    """``cd`` says which directory the command changes."""
    assert texts(copied("cd /app && chown -R 1000:1000 . && make", gid=1000)) == [
        (1, "COPY --chown=1000:1000 . /app"), (2, "RUN cd /app && make"),
    ]  # fmt: skip
    both = copied("cd /app && chown -R 1000:1000 . && chmod 644 x && make", gid=1000)
    assert texts(both) == [(1, "COPY --chown=1000:1000 . /app"), (2, "RUN cd /app && make")]


def test_symlinks_that_the_command_still_names() -> None:
    """Not their targets: chown -R changes the links."""
    layers: list[Entries] = [BASE, {"app/link": Link("/etc/passwd")}, {"app/x": A},
                             {"app/x": File(A, uid=7, gid=7), "app/link": Link("/etc/passwd")}]  # fmt: skip
    plan = plan_on(*layers, steps=["ADD rootfs.tar.gz /", "RUN ln", "COPY x /app/", "RUN chown -R 7:7 /app && make"])
    assert texts(plan) == [(2, "COPY --chown=7:7 x /app/"), (3, "RUN chown -h 7:7 /app/link && make")]


@pytest.mark.parametrize(
    ("copy", "command", "is_fixed"),
    [
        ("cp -a /app/x /opt/x", "chown -R 7:7 /app", False),
        ("cp /app/x /opt/x", "chown -R 7:7 /app", True),
        ("cd /app && tar cf /opt/x .", "chown -R 7:7 /app", False),
        ("cp -a /srv/x /opt/x", "chown -R 7:7 /app", True),
    ],
)
def test_copies_of_the_files(copy: str, command: str, is_fixed: bool) -> None:  # noqa: FBT001 - a case
    """A RUN in between that copies the files with their owners would copy the new ones."""
    layers: list[Entries] = [BASE, {"app/x": A}, {"opt/x": B}, {"app/x": File(A, uid=7, gid=7)}]
    plan = plan_on(*layers, steps=["ADD rootfs.tar.gz /", "COPY . /app", f"RUN {copy}", f"RUN {command}"])
    assert bool(plan.edits) is is_fixed
