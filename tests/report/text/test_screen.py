"""The default text report: one screen that says what is wrong, what to do first, and what that saves."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from ocisize import Analysis, Verdict
from ocisize.model.base import BaseImage, BaseCertainty, BaseMethod
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Advice, Category, Confidence, Finding, Severity
from ocisize.model.plan import Plan, PlanStep
from ocisize.model.system import OperatingSystem, Runtime, System
from ocisize.report.text.screen import MAX_LINES, write_screen
from ocisize.sizes.layers import split_at_base
from tests.gates import COMPRESSED_SIZES, image, judge

STEP = PlanStep(
    title="apt archives and lists left behind",
    confidence=Confidence.SAFE,
    category=Category.CACHE,
    size=3000,
    compressed_size=1500,
    layers=(1,),
    lines=(2,),
    action="Remove them in the same RUN.",
)
PLAN = Plan(
    steps=(
        attrs.evolve(STEP, in_patch=True),
        attrs.evolve(STEP, title="compilers", confidence=Confidence.PROBABLY, compressed_size=500, size=900, lines=(8, 6)),
        attrs.evolve(
            STEP, title=".git in the image", compressed_size=20, size=50, lines=(), ignored=(".git",), in_patch=True
        ),
    ),
    dockerfile="Dockerfile",
    patch="--- a/Dockerfile",
)
SECRET = Finding(
    id="OS230",
    title="environment files in layers 1 and 3: 1 file",
    confidence=Confidence.PROBABLY,
    severity=Severity.HIGH,
    category=Category.SECRET,
    layers=(1, 3),
    build_steps=(BuildStep(), BuildStep()),
    paths=("srv/app/.env",),
    path_count=1,
    size=0,
    compressed_size=0,
    fix="Replace the secret.",
)


def shown(analysis: Analysis, *, width: int = 80, **options: Any) -> list[str]:
    file = io.StringIO()
    write_screen(analysis, file, width=width, arguments=["shop/py:1"], **options)
    return file.getvalue().splitlines()


def app(plan: Plan = PLAN, findings: Sequence[Finding] = (), **changes: Any) -> Analysis:
    return attrs.evolve(image(), source="shop/py:1", reference=None, plan=plan, advice=Advice(tuple(findings)), **changes)


def test_the_whole_screen() -> None:
    """Size and budgets, secrets, failed budgets, the first fixes, the layers, and what to type next, in this order."""
    system = System(
        os=OperatingSystem("debian", "Debian GNU/Linux 12 (bookworm)", "12"),
        runtimes=(Runtime("python", "Python", "3.11", "usr/bin/python3", 1), Runtime("gcc", "GCC", "", "usr/bin/gcc", 1)),
    )
    verdicts = judge('max-download = "10 kB"\nmax-files = 100\n[[budget]]\nmax-layers = 1\nlevel = "warn"')
    lines = shown(app(findings=[SECRET], system=system), verdicts=verdicts)
    assert (
        "\n".join(lines)
        == """\
shop/py:1 · linux/amd64 · 4 layers · Debian 12, Python 3.11
10.1 kB download · 20.0 kB unpacked · 5.00 kB hidden waste
budgets: 1 of 3 failed

SECRET  /srv/app/.env is in layers 1 and 3.
        Revoke it: anyone with the image can read it. Build without it.
FAILED  download 10.1 kB > 10.0 kB, 100 B over (ocisize.toml:1)
WARNING layers 4 > 1, 3 over (ocisize.toml:4)

Fix first                               saves  safe?     where
1 apt archives and lists left behind  1.50 kB  safe      Dockerfile:2
2 compilers                             500 B  probably  Dockerfile:6, 8
3 .git in the image                      20 B  safe      .dockerignore
All 3 fixes: 2.02 kB less to download (20 %), 1.52 kB of it safe.

Layers  0  5.00 kB  ADD rootfs
        1  4.00 kB  RUN apt-get install
        2    100 B  RUN rm
        3  1.00 kB  COPY . /app

ocisize advise shop/py:1 --patch   2 of these fixes as a patch
ocisize packages shop/py:1         what each package costs, and why it is there
ocisize shop/py:1 --full           layers, files and every figure"""
    )


@pytest.mark.parametrize(("packages", "is_shown"), [(88, True), (0, False), (None, False)])
def test_packages_are_shown_where_an_image_has_some(packages: int | None, is_shown: bool) -> None:  # noqa: FBT001
    """Nothing is listed where neither a package manager nor a runtime was found."""
    lines = shown(app(system=System(package_manager="dpkg", packages=packages)))
    assert any(line.startswith("ocisize packages shop/py:1 ") for line in lines) is is_shown


def many_layers(count: int = 40) -> Analysis:
    layers = tuple(
        attrs.evolve(
            image().layers[index % 4],
            index=index,
            compressed_size=(index + 1) * 10_000_000,
            build_step=BuildStep(f"RUN apt-get update && apt-get install -y package-{index}"),
        )
        for index in range(count)
    )
    return app(findings=[SECRET], layers=layers)


def crowded() -> tuple[Analysis, list[Verdict]]:
    """Many of everything."""
    secrets = [attrs.evolve(SECRET, title=f"the environment reveals a secret: {name * 9}") for name in "ABCDEFG"]
    steps = tuple(attrs.evolve(STEP, title=f"fix number {number} " + "of many " * 9) for number in range(40))
    verdicts = judge("\n".join(f'[[budget]]\nmax-files = {number}\nreason = "{"long " * 30}"' for number in range(6)))
    findings = [*secrets, *[attrs.evolve(SECRET, category=Category.LOG, size=9, compressed_size=9)] * 9]
    analysis = attrs.evolve(many_layers(), plan=attrs.evolve(PLAN, steps=steps), advice=Advice(tuple(findings)))
    return analysis, verdicts


def test_it_fits_one_screen() -> None:
    """Many layers, fixes, secrets and failed budgets still fit 24 lines of 80 columns; the rest is counted."""
    analysis, verdicts = crowded()
    lines = shown(analysis, verdicts=verdicts)
    assert len(lines) <= MAX_LINES
    text = "\n".join(lines)
    assert "… and 4 more" in text
    assert "… and 3 more" in text
    assert "All 40 fixes: " in text
    assert " more layers, " in text


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_no_line_is_too_long(width: int) -> None:
    """At any width each line fits, and nothing but the commands is longer than the screen."""
    analysis, verdicts = crowded()
    assert max(map(len, shown(analysis, width=width, verdicts=verdicts))) <= width
    assert max(map(len, shown(app(findings=[SECRET]), width=width))) <= width
    long = attrs.evolve(app(), source=f"registry.example.com/team/app@sha256:{'0123456789abcdef' * 8}")
    assert max(map(len, shown(long, width=width))) <= width


def test_numbers_are_right_aligned() -> None:
    """The savings of the fixes end in one column, below their heading."""
    lines = shown(app())
    start = next(number for number, line in enumerate(lines) if line.startswith("Fix first"))
    end = lines[start].index("saves") + len("saves")
    assert [line[:end].endswith(unit) for line, unit in zip(lines[start + 1 : start + 4], (" kB", " B", " B"), strict=True)]
    assert all(line[end] == " " for line in lines[start : start + 4])


def test_layers_flow_where_they_do_not_fit() -> None:
    """Too many layers: the base and the largest by what they do, in the order of the build, and the rest in one figure."""
    analysis = many_layers(30)
    base = BaseImage(2, "debian:12", None, BaseMethod.GIVEN, BaseCertainty.SURE)
    lines = shown(attrs.evolve(analysis, base=split_at_base(analysis.layers, base)))
    start = next(number for number, line in enumerate(lines) if line.startswith("Layers"))
    assert lines[start].startswith("Layers  30.0 MB base · ")
    flow = " · ".join(line.strip() for line in lines[start : lines.index("", start)])
    assert " MB apt-get install · " in flow
    assert flow.split(" · ")[-1].endswith(" GB")
    assert len(flow.split(" · ")) < 30


def test_the_base_is_one_line() -> None:
    """The layers of the base image are not what the user changes."""
    base = BaseImage(2, "debian:12", None, BaseMethod.GIVEN, BaseCertainty.SURE)
    lines = shown(app(base=split_at_base(image().layers, base)))
    assert "Layers  0-1  9.00 kB  base image debian:12" in lines
    assert "          2    100 B  RUN rm" in lines


ESTIMATES = tuple(zip(image().layers, COMPRESSED_SIZES, strict=True))


def test_unknown_and_estimated_downloads() -> None:
    """Without the download the fixes show unpacked bytes; estimates are marked."""
    unknown = Plan(steps=tuple(attrs.evolve(step, compressed_size=None) for step in PLAN.steps))
    lines = shown(app(unknown, compressed_size=None))
    assert lines[1] == "20.0 kB unpacked · 5.00 kB hidden waste"
    assert lines[2] == "download size unknown (uncompressed layers)"
    assert any(line.startswith("Fix first  ") and " unpacked  safe?" in line for line in lines)
    assert "All 3 fixes: 3.95 kB less unpacked (20 %), 3.05 kB of it safe." in lines
    layers = [attrs.evolve(layer, compressed_size=None, estimated_compressed_size=size) for layer, size in ESTIMATES]
    estimated: dict[str, Any] = {"compressed_size": None, "estimated_compressed_size": 10_100, "layers": tuple(layers)}
    lines = shown(app(attrs.evolve(PLAN, estimated=True), **estimated))
    assert lines[1] == "≈ 10.1 kB download · 20.0 kB unpacked · 5.00 kB hidden waste"
    assert "Layers  0  ≈ 5.00 kB  ADD rootfs" in lines
    assert any("  ≈ 1.50 kB  safe " in line for line in lines)
    assert "All 3 fixes: ≈ 2.02 kB less to download (20 %), ≈ 1.52 kB of it safe." in lines


def test_an_image_without_findings_says_so() -> None:
    """One line in place of the fixes, and no command that would show nothing."""
    lines = shown(app(Plan()))
    assert "Nothing to fix was found." in lines
    assert not any("advise" in line or "--patch" in line for line in lines)


def test_the_order_of_the_fixes_is_explained() -> None:
    """Fixes come in the order of their unpacked bytes, in every source: the column is shown, or else the title says so."""
    small = attrs.evolve(STEP, title="x" * 60, compressed_size=20, size=8000)
    large = attrs.evolve(STEP, title="archives", compressed_size=3000, size=4000)
    asked = attrs.evolve(STEP, title="copies", compressed_size=9000, size=9000, confidence=Confidence.ASK)
    heads = [
        next(line for line in shown(app(Plan(steps=steps)), width=width) if line.startswith("Fix first"))
        for steps in ((small, large), (large, asked))
        for width in (40, 80, 120)
    ]
    assert ["(largest unpacked)" in head for head in heads] == [False, True, False, False, False, False]
    assert [" unpacked " in head for head in heads] == [False, False, True, False, True, True]
    (row,) = [line for line in shown(app(Plan(steps=(small, large))), width=120) if "archives" in line]
    assert row.split()[2:6] == ["3.00", "kB", "4.00", "kB"]


def test_the_file_name_of_a_dockerfile_far_away_is_shown() -> None:
    """A long path leaves room for the line, which is what a reader looks for."""
    lines = shown(app(attrs.evolve(PLAN, dockerfile="/srv/build/images/shop/Dockerfile")))
    assert any(line.endswith("…/Dockerfile:6, 8") for line in lines)


def test_findings_without_a_plan_are_listed() -> None:
    """A base image that only others can change, or an analysis without a plan, still shows what is large."""
    finding = attrs.evolve(SECRET, category=Category.CACHE, title="caches", size=900, compressed_size=90, in_base=True)
    lines = shown(app(Plan(), [finding]))
    assert any(line.startswith("Findings ") for line in lines)
    assert any(line.startswith("1 caches") and line.endswith("base image") for line in lines)
    assert "The finding is in the base image (90 B): use a smaller one." in lines
    lines = shown(app(Plan(), [attrs.evolve(finding, in_base=False)]))
    assert "1 finding: 90 B less to download (1 %), all of it probably safe." in lines
    assert "ocisize advise shop/py:1   how to fix each" in lines


IN_BASE = attrs.evolve(SECRET, category=Category.CACHE, title="caches", size=900, compressed_size=90, in_base=True)


def test_findings_come_in_the_order_of_their_size() -> None:
    """Without a plan, the largest finding comes first, whatever its confidence; a title that says so is true."""
    asked = attrs.evolve(IN_BASE, title="a" * 60, size=9000, compressed_size=80, confidence=Confidence.ASK)
    lines = shown(app(Plan(), [asked, IN_BASE, *[attrs.evolve(IN_BASE, size=5)] * 5]))
    assert any(line.startswith("Findings (largest unpacked)") for line in lines)
    assert [line[:3] for line in lines if line[1:2] == " "][:3] == ["1 a", "2 c", "3 c"]
    assert "All 7 findings are in the base image (620 B): use a smaller one." in lines


def test_findings_without_a_download_are_unpacked_bytes() -> None:
    """The download of files in uncompressed layers is not estimated, except for the steps of a plan."""
    lines = shown(app(Plan(estimated=True), [attrs.evolve(IN_BASE, compressed_size=None)], compressed_size=None))
    assert any(line.split() == ["Findings", "unpacked", "safe?", "where"] for line in lines)
    assert "The finding is in the base image (900 B unpacked): use a smaller one." in lines


@pytest.mark.parametrize(
    ("layers", "certainty", "method", "plan", "expected"),
    [
        (1, BaseCertainty.GUESS, BaseMethod.ROOTFS, PLAN, "2 more findings in the guessed base image (layer 0): 180 B; see --base"),
        (3, BaseCertainty.LIKELY, BaseMethod.CREATED, PLAN, "2 more findings in the guessed base image (layers 0-2): 180 B; see --base"),
        (1, BaseCertainty.GUESS, BaseMethod.ROOTFS, Plan(), "Both findings are in the guessed base image (layer 0, 180 B): use a smaller one, or see --base."),
        (1, BaseCertainty.SURE, BaseMethod.FROM, PLAN, ""),
    ],
)  # fmt: skip
def test_findings_left_to_a_guess(
    layers: int, certainty: BaseCertainty, method: BaseMethod, plan: Plan, expected: str
) -> None:
    """The screen says how much depends on a base image that is not certain, and how to make it certain."""
    base = split_at_base(image().layers, BaseImage(layers, None, None, method, certainty))
    text = " ".join(shown(app(plan, [IN_BASE, IN_BASE], base=base), width=120))
    assert expected in text
    assert text.count("guess") == text.count("see --base") == bool(expected)
    narrow = shown(app(plan, [IN_BASE] * 30, base=base), width=60)
    assert len(narrow) <= MAX_LINES


def test_what_the_next_command_shows() -> None:
    """The words name what is there: fixes, findings or remarks."""
    remark = attrs.evolve(SECRET, category=Category.CONFIG, size=0)
    cases = {(remark,): "the remark", (remark, remark): "the remarks", (SECRET, remark): "the findings"}
    cases |= {(IN_BASE,): "the files of each finding"}
    for findings, expected in cases.items():
        assert f"ocisize advise shop/py:1   {expected}" in shown(app(Plan(), findings))


def test_only_commands_that_make_sense() -> None:
    """The patch is offered only if there is one; names are quoted for the shell."""
    file = io.StringIO()
    write_screen(app(attrs.evolve(PLAN, patch="")), file, width=80, arguments=["a b.tar", "--select", "x:1"])
    assert file.getvalue().splitlines()[-2:] == [
        "ocisize advise 'a b.tar' --select x:1   how to fix each",
        "ocisize 'a b.tar' --select x:1 --full   layers, files and every figure",
    ]
    file = io.StringIO()
    write_screen(app(), file, width=80, arguments=["docker-archive:/dev/fd/63"])  # a pipe that is gone then
    assert file.getvalue().splitlines()[-2:] == [
        "… | ocisize advise docker-archive:- --patch   2 of these fixes as a patch",
        "… | ocisize docker-archive:- --full           layers, files and every figure",
    ]
    file = io.StringIO()
    write_screen(app(), file, arguments=["tree"])
    assert "ocisize analyze tree --full" in file.getvalue()


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (
            [
                SECRET,
                attrs.evolve(SECRET, title="private SSH keys in layers 1 and 3: 2 files", paths=("a", "b"), path_count=2),
            ],
            ["/srv/app/.env, /a and 1 more are in layers 1 and 3."],
        ),
        (
            [attrs.evolve(SECRET, title="keys in layer 2, still downloadable although layer 3 deletes it: 1 file")],
            ["/srv/app/.env is in layer 2 (layer 3 deletes it too late)."],
        ),
        (
            [attrs.evolve(SECRET, title="the environment reveals a secret: TOKEN", paths=(), path_count=0)],
            ["The environment reveals a secret: TOKEN."],
        ),
    ],
)
def test_secrets_in_a_sentence(secrets: list[Finding], expected: list[str]) -> None:
    """Files in the same layers share a sentence; a secret without a file has its title."""
    lines = shown(app(findings=secrets), width=100)
    start = next(number for number, line in enumerate(lines) if line.startswith("SECRET"))
    assert [line[8:] for line in lines[start : start + len(expected)]] == expected


def test_a_secret_that_the_plan_keeps_out() -> None:
    """The remedy names the file to edit."""
    step = attrs.evolve(
        STEP, title="secret", category=Category.SECRET, size=0, compressed_size=0, ignored=(".env",), lines=(6,)
    )
    lines = shown(app(attrs.evolve(PLAN, steps=(step,)), [SECRET]))
    assert "        Revoke it, then add it to .dockerignore (Dockerfile:6)." in lines


def test_hostile_names_are_escaped() -> None:
    """Nothing in names, titles, steps and paths can steer a terminal, with colors or without."""
    bad = "\x1b[31m\r\n\u202e"
    secret = attrs.evolve(SECRET, title=f"{bad} in layers 1 and 3: 1 file", paths=(bad,))
    other = attrs.evolve(SECRET, title=bad, paths=())
    plan = attrs.evolve(PLAN, steps=(attrs.evolve(STEP, title=bad),), dockerfile=bad)
    layers = tuple(attrs.evolve(layer, build_step=BuildStep(f"RUN {bad}")) for layer in image().layers)
    system = System(os=OperatingSystem(bad, bad, bad), runtimes=(Runtime("python", bad, bad, bad, 0),))
    analysis = app(plan, [secret, other], layers=layers, system=system, platform=bad)
    file = io.StringIO()
    write_screen(attrs.evolve(analysis, source=bad), file, width=100)
    assert not set(file.getvalue()) & set("\x1b\r\u202e")


def test_colors_tell_safety_and_severity() -> None:
    """Color adds to the words and replaces none of them."""
    file = io.StringIO()
    write_screen(app(findings=[SECRET]), file, width=80, color=True, arguments=["shop/py:1"])
    text = file.getvalue()
    assert "\x1b[32msafe    \x1b[0m" in text
    assert "\x1b[1;31mSECRET  \x1b[0m" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() == shown(app(findings=[SECRET]))
