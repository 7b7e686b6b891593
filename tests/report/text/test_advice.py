"""Findings and the plan in the full text report and in ``ocisize advise``."""

from __future__ import annotations

import io
import json
from typing import Any

import attrs
import pytest
from rich.console import Console

from ocisize import Analysis, Analyzer
from ocisize.model.build_step import BuildStep
from ocisize.model.findings import Advice, Category, Confidence, Finding, Severity
from ocisize.model.plan import PlanEdit, Plan, PlanStep
from ocisize.report.json.advice import advice_to_json
from ocisize.report.text.advice import write_findings
from ocisize.report.text.advise import write_advise
from ocisize.report.text.full import write_sections
from ocisize.report.text.plan import wrap_instruction
from ocisize.report.words.fixes import LEGEND
from tests.images import build_image, layer, write_layout

FINDING = Finding(
    id="OS101",
    title="7 files of layer 0 deleted by layer 1; they are still downloaded",
    confidence=Confidence.SAFE,
    severity=Severity.HIGH,
    layers=(0, 1),
    build_steps=(BuildStep("RUN apt-get install"), BuildStep("RUN rm")),
    paths=tuple(f"var/{name}" for name in "abcde"),
    path_count=7,
    size=5000,
    compressed_size=1000,
    fix="Delete them at once.",
)


def text_of(analysis: Analysis, *findings: Finding, top: int = 10, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, no_color=True)
    write_findings(console, attrs.evolve(analysis, advice=Advice(findings)), top)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def step(title: str = "apt archives and lists left behind", **changes: Any) -> PlanStep:
    values: dict[str, Any] = {
        "title": title,
        "confidence": Confidence.SAFE,
        "category": Category.CACHE,
        "size": 5000,
        "compressed_size": 1000,
        "layers": (0,),
        "action": "Remove them in the same RUN.",
    }
    return PlanStep(**values | changes)


def all_of(analysis: Analysis, *findings: Finding, top: int | None = None, width: int = 100) -> str:
    file = io.StringIO()
    write_advise(attrs.evolve(analysis, advice=Advice(findings)), file, top=top, width=width)
    return file.getvalue()


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder = write_layout(build_image([layer({"a": b"1"})]), tmp_path_factory.mktemp("advice") / "layout")
    return attrs.evolve(Analyzer(platform="linux/amd64").analyze(folder), compressed_size=10_000, content_size=50_000)


SECRET = attrs.evolve(
    FINDING,
    id="OS230",
    category=Category.SECRET,
    title="private SSH keys in layer 0: 1 file",
    confidence=Confidence.PROBABLY,
    paths=("app/id_rsa",),
    path_count=1,
    size=0,
    compressed_size=0,
)
REMARK = attrs.evolve(
    SECRET,
    id="OS240",
    category=Category.BASE,
    title="far too large",
    confidence=Confidence.ASK,
    severity=Severity.MEDIUM,
    paths=(),
)


def test_a_finding_in_short(analysis: Analysis) -> None:
    """What is wrong, how sure that is and what that means, what it saves, where, and what to do: in a few lines."""
    assert (
        text_of(analysis, FINDING).rstrip()
        == f"""
All findings: 1, saving 1.00 kB of download (10.0 %), 5.00 kB unpacked
safe 1.00 kB
{LEGEND}
1.00 kB 7 files of layer 0 deleted by layer 1; they are still downloaded
        OS101 · safe · 5.00 kB unpacked · layers 0 and 1
        /var/a and 6 more
        → Delete them at once."""
    )


def test_a_long_fix_is_cut_in_short_and_whole_in_full(analysis: Analysis) -> None:
    """A finding takes at most six lines or so of the report; ``ocisize advise`` shows the whole fix."""
    words = " ".join(f"word{number}" for number in range(90))
    finding = attrs.evolve(FINDING, fix=words)
    short = text_of(analysis, finding, width=80)
    assert len(short.splitlines()) <= 4 + 6
    assert short.endswith("…")
    assert "word89" in all_of(analysis, finding)


def test_others_take_a_line_each(analysis: Analysis) -> None:
    """Below the first findings as many others take a line each, serious remarks first; the rest is counted."""
    others = [attrs.evolve(FINDING, id=f"OS1{number}", compressed_size=900 - number, size=900) for number in range(10, 15)]
    text = text_of(analysis, FINDING, *others, REMARK, top=2)
    lines = text.splitlines()
    assert lines[-3:] == [
        "      - OS240 · ask · far too large",
        "  889 B OS111 · safe · 7 files of layer 0 deleted by layer 1; they are still downloaded",
        "… and 3 more, 2.66 kB; ocisize advise IMAGE shows all",
    ]


def test_small_findings_take_a_line_only(analysis: Analysis) -> None:
    """What saves less than half a percent and is not serious is not shown at length."""
    small = attrs.evolve(FINDING, id="OS301", title="small", size=60, compressed_size=40, severity=Severity.LOW)
    assert text_of(analysis, FINDING, small).splitlines()[-1] == "   40 B OS301 · safe · small"


def test_what_is_asked_is_last(analysis: Analysis) -> None:
    """Findings to ask about are below safe ones of any size, and the legend explains the word."""
    ask = attrs.evolve(FINDING, id="OS384", confidence=Confidence.ASK, compressed_size=5000)
    text = text_of(analysis, ask, FINDING)
    assert text.index("OS101") < text.index("OS384")
    assert "ask: only you know" in text


def test_findings_as_json(analysis: Analysis) -> None:
    """A separate document, with all findings as the whole report has them."""
    document = json.loads(advice_to_json(attrs.evolve(analysis, advice=Advice((FINDING, SECRET)))))
    assert (document["schema"], document["version"]) == ("ocisize.advice", 1)
    assert [finding["id"] for finding in document["advice"]["findings"]] == ["OS101", "OS230"]
    assert document["savings"]["safe"] == {"size": 5000, "compressed_size": 1000}
    assert document["savings"]["ask"] == {"size": 0, "compressed_size": 0}


def test_at_most_top_findings(analysis: Analysis) -> None:
    """The largest are shown, the rest is counted; none at all are counted, too."""
    findings = [FINDING, attrs.evolve(FINDING, id="OS102"), attrs.evolve(FINDING, id="OS103")]
    text = text_of(analysis, *findings, top=1)
    assert "OS101 · safe" in text
    assert "OS102 · safe ·" in text
    assert "OS103" not in text
    assert text.endswith("… and 1 more, 1.00 kB; ocisize advise IMAGE shows all")
    assert text_of(analysis, *findings, top=0).endswith("… and 3 more, 3.00 kB; ocisize advise IMAGE shows all")


def test_unknown_download_sizes(analysis: Analysis) -> None:
    """Without the download the content counts."""
    finding = attrs.evolve(FINDING, compressed_size=None)
    text = text_of(attrs.evolve(analysis, compressed_size=None), finding)
    assert f"All findings: 1, saving 5.00 kB unpacked\nsafe 5.00 kB\n{LEGEND}\n5.00 kB 7 files" in text


def test_findings_in_the_base_say_so(analysis: Analysis) -> None:
    """The report says which findings only another base image fixes, and that the sums count them."""
    text = text_of(analysis, attrs.evolve(FINDING, in_base=True))
    assert "safe 1.00 kB; of these in the base image 1.00 kB" in text
    assert "OS101 · safe · 5.00 kB unpacked · in the base image" in text


def test_hostile_names_are_escaped(analysis: Analysis) -> None:
    """Nothing in titles, steps, paths and fixes can steer a terminal."""
    bad = "\x1b[31m\r\n\u202e"
    finding = attrs.evolve(
        FINDING, title=bad, build_steps=(BuildStep(bad), BuildStep(bad)), paths=(bad,), path_count=1, fix=bad
    )
    for text, times in ((text_of(analysis, finding), 3), (all_of(analysis, finding), 5)):
        assert not set(text) & set("\x1b\r\u202e")
        assert text.count("\\x1b[31m") == times


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits(analysis: Analysis, width: int) -> None:
    """Long words are folded."""
    finding = attrs.evolve(
        FINDING, title="t" * 300, build_steps=(BuildStep("i" * 300), BuildStep()), paths=("p" * 300,), fix="f" * 300
    )
    secret = attrs.evolve(finding, id="OS230", category=Category.SECRET)
    file = io.StringIO()
    write_sections(attrs.evolve(analysis, advice=Advice((finding, secret))), file, width=width)
    for text in (file.getvalue(), all_of(analysis, finding, secret, width=width)):
        assert max(map(len, text.splitlines())) <= width


def test_no_findings_no_section(analysis: Analysis) -> None:
    """Silence where all is well."""
    assert text_of(analysis) == ""


def test_all_findings_in_groups(analysis: Analysis) -> None:
    """No finding is left out: secrets first, then by confidence, then remarks and findings of the base image."""
    small = attrs.evolve(FINDING, id="OS301", title="small", size=60, compressed_size=40, severity=Severity.LOW)
    probable = attrs.evolve(FINDING, id="OS340", confidence=Confidence.PROBABLY)
    base = attrs.evolve(FINDING, id="OS360", in_base=True)
    findings = (
        FINDING,
        *[attrs.evolve(small, id=f"OS3{number}") for number in range(10, 30)],
        base,
        probable,
        SECRET,
        REMARK,
    )
    text = all_of(analysis, *findings)
    assert all(finding.id in text for finding in findings)
    headings = [line for line in text.splitlines() if line.endswith(")") and line[0].isupper()]
    assert headings == [
        "Secrets: revoke them first, anyone with the image can read them (1 finding)",
        "Safe: no container needs the files (21 findings, 1.80 kB)",
        "Probably: most containers do not need the files (1 finding, 1.00 kB)",
        "Remarks (1 finding)",
        "Base image: only another base image fixes these (1 finding, 1.00 kB)",
    ]
    assert "        layer 0: RUN apt-get install\n        layer 1: RUN rm\n        /var/a\n" in text
    assert "        /var/e\n        … and 2 more\n        → Delete them at once.\n" in text
    assert "   40 B OS329 · safe · small\n" in text
    assert text.endswith("\n\n--all shows the steps, files and fix of each finding\n")
    assert all_of(analysis, *findings, top=len(findings)).count("→ Delete") == len(findings)


def test_nothing_found(analysis: Analysis) -> None:
    """An image without findings says so."""
    assert all_of(analysis).splitlines()[-1] == "Nothing to fix was found."


def advise(analysis: Analysis, plan: Plan, *findings: Finding, width: int = 80, top: int | None = None) -> str:
    return all_of(attrs.evolve(analysis, plan=plan), *findings, width=width, top=top)


def test_the_plan_step_by_step(analysis: Analysis) -> None:
    """Each step has its saving, safety, place, action and caution; a step that is not in the patch is made by hand."""
    plan = Plan(
        steps=(
            step(lines=(2,), in_patch=True, findings=("OS203", "OS202"), paths=("var/lib/apt/lists/a",), path_count=7),
            step("caches", confidence=Confidence.ASK, compressed_size=900, lines=(9, 4), caution="does a step read them?"),
            step("small", size=20, compressed_size=10, confidence=Confidence.PROBABLY, ignored=(".git",)),
        ),
        dockerfile="Dockerfile",
        patch="--- a/Dockerfile",
    )
    assert (
        advise(analysis, plan).partition("waste\n")[2]
        == """
Plan: 3 steps, 1.91 kB less to download (19 %), 10.0 kB unpacked
safe 1.00 kB · probably 10 B · ask 900 B
safe: no container needs the files · probably: most do not · ask: only you know
largest unpacked size first, ask last; no byte is counted twice

1 1.00 kB apt archives and lists left behind
          safe · Dockerfile:2 · 5.00 kB unpacked · OS203, OS202
          Remove them in the same RUN.
          /var/lib/apt/lists/a and 6 more files

2   900 B caches
          ask · Dockerfile:4, 9 · 5.00 kB unpacked · by hand
          Remove them in the same RUN.
          Caution: does a step read them?

3    10 B probably · small · .dockerignore · by hand

Add to .dockerignore
    .git
"""
    )
    assert advise(analysis, plan, top=3).count("Remove them in the same RUN") == 3


def test_each_edited_step_once_in_the_order_of_the_dockerfile(analysis: Analysis) -> None:
    """The final text of each instruction, as it can be pasted; a removed instruction says so."""
    edits = (
        PlanEdit(
            layer=1, build_step=BuildStep("RUN a"), text="RUN apt-get update && apt-get install -y " + "x" * 50, lines=(2, 4)
        ),
        PlanEdit(layer=2, build_step=BuildStep("RUN b"), text="COPY --chown=app . /app", lines=(5, 5)),
        PlanEdit(layer=3, build_step=BuildStep("RUN c"), text="", lines=(6, 6)),
    )
    text = advise(analysis, Plan(steps=(step(),), edits=edits, dockerfile="build/Dockerfile"))
    assert (
        text.partition("The edited build steps, in the order of the Dockerfile\n")[2]
        == f"""\
build/Dockerfile:2-4 (layer 1)
    RUN apt-get update \\
        && apt-get install -y \\
            {"x" * 50}
build/Dockerfile:5 (layer 2)
    COPY --chown=app . /app
build/Dockerfile:6 (layer 3)
    (remove the step)
"""
    )


def test_findings_of_the_plan_are_not_repeated(analysis: Analysis) -> None:
    """Below the plan are the findings that no step fixes, even if a step fixes another finding of the same rule."""
    other = attrs.evolve(FINDING, layers=(5,), build_steps=(BuildStep("RUN other"),), title="another layer")
    fixed = attrs.evolve(FINDING, plan_step=1)
    text = advise(analysis, Plan(steps=(step(findings=("OS101",)),)), fixed, other, REMARK)
    assert "7 files of layer 0" not in text
    assert "Not in the plan: safe (1 finding, 1.00 kB)\n1.00 kB another layer" in text
    assert "Remarks (1 finding)" in text


@pytest.mark.parametrize(
    "text",
    [
        "RUN apt-get update && apt-get install -y curl; rm -rf /x || true",
        'RUN echo \'a  b && c\' && printf "%s\\n" "$(date && id)" | tee /x',
        "RUN echo it's && echo \"open",
        "RUN " + " ".join(["--option=value"] * 30),
    ],
)
@pytest.mark.parametrize("width", [30, 60])
def test_wrapped_instructions_mean_the_same(text: str, width: int) -> None:
    """A builder joins the lines of a wrapped RUN to the same words; quoted text is not touched."""
    lines = wrap_instruction(text, width)
    assert all(line.endswith(" \\") for line in lines[:-1])
    joined = " ".join(line.removesuffix("\\").strip() for line in lines)
    assert joined.split() == text.split()
    assert all(quoted in joined for quoted in ("'a  b && c'",) if quoted in text)


def test_other_instructions_keep_their_lines() -> None:
    """Here-documents and instructions with line breaks are shown as they are."""
    text = "RUN <<EOF\n" + "x " * 60 + "\nEOF"
    assert wrap_instruction(text, 40) == text.split("\n")
    assert wrap_instruction("COPY " + "a " * 60, 40) == ["COPY " + "a " * 60]
    assert wrap_instruction("", 40) == []
