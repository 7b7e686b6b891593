"""A late rm of files that a RUN wrote moves to the end of that RUN, unless a step in between reads the files."""

from __future__ import annotations

import pytest

from ocisize.model.findings import Confidence
from ocisize.model.plan import Plan
from ocisize.rules.parse import parse_catalog
from tests.evidence import plan_on
from tests.images import Entries, File

BIG = b"1" * 20_000
SMALL = b"2" * 50


def texts(plan: Plan) -> list[tuple[int, str]]:
    return [(edit.layer, edit.text) for edit in plan.edits]


def removed(command: str, between: str = "COPY b /b", first: str = "RUN fetch", whiteout: str = "opt/.wh.a") -> Plan:
    """The plan for a file that the first step brings and the third removes."""
    return plan_on({"opt/a": BIG, "opt/keep": SMALL}, {"b": SMALL}, {whiteout: b""}, steps=[first, between, command])


@pytest.mark.parametrize(
    ("command", "moved"),
    [
        ("RUN rm -f /opt/a", "rm -f /opt/a"),
        ("RUN rm /opt/a", "rm /opt/a"),
        ("RUN rm -rf /opt/*", "rm -rf /opt/*"),
        ("RUN rm -r -f /opt/a", "rm -r -f /opt/a"),
        ("RUN rm -rf /opt/a /no/such", "rm -rf /opt/a"),
    ],
)
def test_the_removal_moves(command: str, moved: str) -> None:
    """It goes to the end of the RUN that writes the files; the late RUN does nothing any more, and goes."""
    plan = removed(command)
    assert texts(plan) == [(0, f"RUN fetch && {moved}"), (2, "")]
    (step,) = plan.steps
    assert (step.size, step.confidence, step.layers) == (20_000, Confidence.SAFE, (0, 2))


def test_a_late_run_that_does_more_stays() -> None:
    """Only the removal is done earlier."""
    assert texts(removed("RUN rm -rf /opt/a && make clean")) == [(0, "RUN fetch && rm -rf /opt/a")]


@pytest.mark.parametrize("command", ["RUN rm -rf $DIR", "RUN rm -rf `x`", "RUN rm -rf /opt/{a,b}", "RUN x | rm -rf /opt/a",
                                     "RUN rm -rf 'opt/a", "RUN unlink /opt/a", "RUN test -e x || rm -rf /opt/a"])  # fmt: skip
def test_removals_that_stay(command: str) -> None:
    """Text that the shell expands, and commands that are part of something else."""
    plan = removed(command)
    assert [step.size for step in plan.steps] == [20_000]
    assert texts(plan) == []


@pytest.mark.parametrize(
    ("between", "confidence"),
    [
        ("RUN read /opt/a", None),
        ("RUN make", Confidence.PROBABLY),
        ("RUN cp -r /opt /x", None),
        ("RUN useradd u", Confidence.SAFE),
    ],
)
def test_reads_in_between(between: str, confidence: Confidence | None) -> None:
    """A RUN that may read the file makes the move probable; one that names the file forbids the move."""
    layers: list[Entries] = [{"opt/a": BIG, "opt/keep": SMALL}, {"b": SMALL}, {"c": SMALL}, {"opt/.wh.a": b""}]
    plan = plan_on(*layers, steps=["RUN fetch", "COPY b /b", between, "RUN rm -rf /opt/a"])
    if confidence is None:
        assert [step.in_patch for step in plan.steps] == [False]
    else:
        assert [(step.in_patch, step.confidence) for step in plan.steps] == [(True, confidence)]


def test_a_command_before_the_removal_reads_the_file() -> None:
    """The same RUN may use the file first."""
    assert texts(removed("RUN load /opt/a && rm -rf /opt/a")) == []


def test_files_of_the_base_and_of_a_copy() -> None:
    """Neither the base image nor a COPY can remove files."""
    for plan in (
        removed("RUN rm -rf /opt/a", first="COPY --from=build /opt /opt"),
        removed("RUN rm -rf /opt/a", first="COPY dir:7baf0123456789ab in /opt"),
    ):
        assert texts(plan) == []
    layers: list[Entries] = [{"opt/a": BIG}, {"opt/.wh.a": b""}]
    based = plan_on(*layers, steps=["RUN fetch", "RUN rm -rf /opt/a"], base_layers=1)
    assert (based.edits, based.steps) == ((), ())


def test_two_writers() -> None:
    """Each RUN removes its own files."""
    layers: list[Entries] = [
        {"opt/a": BIG},
        {"b": SMALL},
        {"opt/c": BIG},
        {"d": SMALL},
        {"opt/.wh.a": b"", "opt/.wh.c": b""},
    ]
    plan = plan_on(*layers, steps=["RUN fetch a", "COPY b /b", "RUN fetch c", "COPY d /d", "RUN rm -rf /opt/a /opt/c"])
    assert texts(plan) == [(0, "RUN fetch a && rm -rf /opt/a"), (2, "RUN fetch c && rm -rf /opt/c"), (4, "")]
    assert plan.total.size == 40_000


def test_files_that_a_chown_stores_again() -> None:
    """Both copies go with the file."""
    layers: list[Entries] = [{"opt/a": BIG}, {"b": SMALL}, {"opt/a": File(BIG, uid=1)}, {"d": SMALL}, {"opt/.wh.a": b""}]
    plan = plan_on(*layers, steps=["RUN fetch a", "COPY b /b", "RUN chown -R 1:0 /opt", "COPY d /d", "RUN rm -rf /opt/a"])
    assert plan.total.size == 40_000
    assert not any("rm -rf /opt/a" in text and "chown" in text for _, text in texts(plan))


@pytest.mark.parametrize("category", ["cache", "temporary", "build", ""])
def test_categories_of_users(category: str) -> None:
    """A rule of a user names the files; the texts of the steps decide who reads them."""
    text = '[[rule]]\nid = "ACME001"\ntitle = "acme"\nwhat = "x"\nglobs = ["*.acme"]\nconfidence = "safe"\nfix = { any = "Ask acme." }\n'
    catalog = parse_catalog(text + f'category = "{category}"\n' * bool(category), "x")
    layers: list[Entries] = [{"a.acme": BIG}, {"b": SMALL}, {".wh.a.acme": b""}]
    plan = plan_on(*layers, steps=["RUN acme", "COPY b /b", "RUN rm -f /a.acme"], catalog=catalog)
    assert texts(plan) == [(0, "RUN acme && rm -f /a.acme"), (2, "")]


@pytest.mark.parametrize(
    "command",
    ["rm -rf " + "/a" * 50_000 + "$", "chown -R 1 " + "/a" * 50_000 + " |", "rm -rf " + "/a " * 10_000 + "$",
     "rm -rf " + "/opt/a " * 5_000, "chmod 1 " + "/a/b " * 5_000, "cp a b && " * 2_000 + "true"],
    ids=range(6),
)  # fmt: skip
def test_hostile_commands_take_no_time(command: str) -> None:
    """Long steps that almost say something are read once."""
    plan = plan_on({"opt/a": BIG}, {"b": SMALL}, {"opt/.wh.a": b""}, steps=["RUN fetch", "COPY b /b", f"RUN {command}"])
    assert plan.total.size == 20_000


def test_many_arguments_and_many_files() -> None:
    """Each file is looked up once, however many paths the removal names."""
    files = {f"opt/d/{number}": SMALL for number in range(3000)}
    names = " ".join(f"/opt/x{number}" for number in range(3000))
    plan = plan_on(files, {"b": SMALL}, {"opt/.wh.d": b""}, steps=["RUN fetch", "COPY b /b", f"RUN rm -rf {names} /opt/d"])
    assert texts(plan)[0] == (0, "RUN fetch && rm -rf /opt/d")
    globs = " ".join(f"/opt/x{number}*" for number in range(100))
    plan = plan_on(files, {"b": SMALL}, {"opt/.wh.d": b""}, steps=["RUN fetch", "COPY b /b", f"RUN rm -rf {globs} /opt/d"])
    assert texts(plan) == []


@pytest.mark.parametrize(
    ("argument", "size"),
    [("/opt/*", 40_000), ("/opt/?", 40_000), ("/opt/[ab]", 20_000), ("/opt/*/x", 20_000)],
)
def test_globs(argument: str, size: int) -> None:
    """A star is a part of a path."""
    whiteouts = {20_000: ["opt/.wh.a"], 40_000: ["opt/.wh.a", "opt/.wh.c"]}[size]
    layers: list[Entries] = [{"opt/a/x": BIG, "opt/c/y": b"3" * 20_000}, {"b": SMALL}, dict.fromkeys(whiteouts, b"")]
    plan = plan_on(*layers, steps=["RUN fetch", "COPY b /b", f"RUN rm -rf {argument}"])
    assert texts(plan)[0] == (0, f"RUN fetch && rm -rf {argument}")
    assert plan.total.size == size


@pytest.mark.parametrize(
    "command", ["rm -rf /*", "rm -rf /o*/a", "cd /opt && rm -rf *", "rm -rf /", "cd $DIR && rm -rf opt/*"]
)
def test_globs_of_the_root(command: str) -> None:
    """No earlier RUN removes what any directory of the image may hold, and ``cd`` counts."""
    whiteouts = dict.fromkeys(["opt/.wh.a", "opt/.wh.c"], b"")
    layers: list[Entries] = [{"opt/a/x": BIG, "opt/c/y": b"3" * 20_000}, {"b": SMALL}, whiteouts]
    plan = plan_on(*layers, steps=["RUN fetch", "COPY b /b", f"RUN {command}"])
    assert texts(plan) == []
