"""The text report's findings."""

from __future__ import annotations

import io
import json

import attrs
import pytest
from rich.console import Console

from ocisize.model.build_step import BuildStep
from ocisize import Analysis, Analyzer
from ocisize.model.findings import Advice, Category, Confidence, Finding, Rewrite, Severity
from ocisize.report.text.advice import write_advice
from ocisize.report.json.advice import advice_to_json
from ocisize.report.text.all_findings import write_advise
from ocisize.report.text.summary import write_secrets
from ocisize.report.text.image import write_text
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
    write_advice(console, attrs.evolve(analysis, advice=Advice(findings)), top)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def all_of(analysis: Analysis, *findings: Finding, top: int | None = None, width: int = 100) -> str:
    file = io.StringIO()
    write_advise(attrs.evolve(analysis, advice=Advice(findings)), file, top=top, width=width)
    return file.getvalue()


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder = write_layout(build_image([layer({"a": b"1"})]), tmp_path_factory.mktemp("advice") / "layout")
    return attrs.evolve(Analyzer(platform="linux/amd64").analyze(folder), compressed_size=10_000, content_size=50_000)


LEGEND = "safe: no container needs it; probably: most do not; ask: may be needed"
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
Advice: 1 finding, saving 1.00 kB of download (10.0 %), 5.00 kB unpacked
safe 1.00 kB
{LEGEND}
1.00 kB 7 files of layer 0 deleted by layer 1; they are still downloaded
        OS101 · safe · 5.00 kB unpacked · layers 0 and 1
        /var/a and 6 more
        → Delete them at once."""
    )


def test_a_long_fix_is_cut_in_short_and_whole_in_full(analysis: Analysis) -> None:
    """A finding takes at most six lines or so of the report; all of its fix stands in the list of findings."""
    words = " ".join(f"word{number}" for number in range(90))
    finding = attrs.evolve(FINDING, fix=words)
    short = text_of(analysis, finding, width=80)
    assert len(short.splitlines()) <= 4 + 6
    assert short.endswith("…")
    assert "word89" in all_of(analysis, finding)


def test_others_take_a_line_each(analysis: Analysis) -> None:
    """Below the first findings as many others stand in a line each, remarks that matter before them; the rest is counted."""
    others = [attrs.evolve(FINDING, id=f"OS1{number}", compressed_size=900 - number, size=900) for number in range(10, 15)]
    text = text_of(analysis, FINDING, *others, REMARK, top=2)
    lines = text.splitlines()
    assert lines[-3:] == [
        " remark OS240 ask far too large",
        "  889 B OS111 safe 7 files of layer 0 deleted by layer 1; they are still downloaded",
        "… and 3 more, 2.66 kB; ocisize advise IMAGE shows all",
    ]


def test_small_findings_take_a_line_only(analysis: Analysis) -> None:
    """What saves less than half a percent and is not serious is not shown at length."""
    small = attrs.evolve(FINDING, id="OS301", title="small", size=60, compressed_size=40, severity=Severity.LOW)
    assert text_of(analysis, FINDING, small).splitlines()[-1] == "   40 B OS301 safe small"


def test_what_is_asked_stands_last(analysis: Analysis) -> None:
    """Nothing that only the author can tell stands above what is sure, however much it weighs, and the legend says so."""
    ask = attrs.evolve(FINDING, id="OS384", confidence=Confidence.ASK, compressed_size=5000)
    text = text_of(analysis, ask, FINDING)
    assert text.index("OS101") < text.index("OS384")
    assert "ask: may be needed" in text


def test_secrets_stand_apart(analysis: Analysis) -> None:
    """What gives something away has a block of its own, whatever it weighs, and is no row of the advice."""
    assert "OS230" not in text_of(analysis, FINDING, SECRET, top=1)
    console = Console(file=io.StringIO(), width=100, no_color=True)
    write_secrets(console, attrs.evolve(analysis, advice=Advice((FINDING, SECRET, REMARK))))
    assert isinstance(console.file, io.StringIO)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "Secrets: anyone who can pull the image can read them; see ocisize advise IMAGE",
        " secret OS230 probably private SSH keys in layer 0: 1 file · /app/id_rsa",
        "",
    ]


def test_secrets_stand_above_the_totals(analysis: Analysis) -> None:
    """The report begins with what the image weighs, what can go, and what it gives away."""
    file = io.StringIO()
    write_text(attrs.evolve(analysis, advice=Advice((FINDING, SECRET))), file, width=80)
    lines = file.getvalue().splitlines()
    assert lines[5:10] == [
        "10.0 kB to download; 1.00 kB safe to remove",
        "Biggest single saving: 1.00 kB, 7 files of layer 0 deleted by layer 1; they are…",
        "",
        "Secrets: anyone who can pull the image can read them; see ocisize advise IMAGE",
        " secret OS230 probably private SSH keys in layer 0: 1 file · /app/id_rsa",
    ]
    assert lines[11].startswith("Download ")


@pytest.mark.parametrize(
    ("confidences", "says"),
    [
        ([], "10.0 kB to download; nothing to remove was found"),
        (["probably"], "10.0 kB to download; 1.00 kB likely removable"),
        (["safe", "probably", "ask"], "10.0 kB to download; 1.00 kB safe to remove, 1.00 kB likely"),
        (["ask"], "10.0 kB to download; 1.00 kB perhaps removable"),
    ],
)
def test_the_image_in_brief(analysis: Analysis, confidences: list[str], says: str) -> None:
    """What can go is told by how sure that is."""
    findings = tuple(attrs.evolve(FINDING, confidence=Confidence(each)) for each in confidences)
    file = io.StringIO()
    write_text(attrs.evolve(analysis, advice=Advice(findings)), file)
    assert file.getvalue().splitlines()[5] == says


def test_all_findings(analysis: Analysis) -> None:
    """The list of findings leaves out none: those that matter with steps and files, the others in a line each."""
    small = attrs.evolve(FINDING, id="OS301", title="small", size=60, compressed_size=40, severity=Severity.LOW)
    findings = (FINDING, *[attrs.evolve(small, id=f"OS3{number}") for number in range(10, 60)], SECRET, REMARK)
    text = all_of(analysis, *findings)
    assert all(finding.id in text for finding in findings)
    assert (
        text.index("secret private SSH keys")
        < text.index("1.00 kB 7 files of layer 0")
        < text.index("OS310")
        < text.index("OS240")
    )
    assert "        layer 0: RUN apt-get install\n        layer 1: RUN rm\n        /var/a\n" in text
    assert "        /var/e\n        … and 2 more\n        → Delete them at once.\n" in text
    assert text.rstrip().endswith("--all shows the steps, files and fix of each")
    assert all_of(analysis, *findings, top=len(findings)).count("→ Delete") == len(findings)
    assert all_of(analysis, *findings, top=2).count("→ Delete") == 2


def test_findings_as_json(analysis: Analysis) -> None:
    """A document of its own, with all findings as the whole report has them."""
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
    assert "OS102 safe" in text
    assert "OS103" not in text
    assert text.endswith("… and 1 more, 1.00 kB; ocisize advise IMAGE shows all")
    assert text_of(analysis, *findings, top=0).endswith("… and 3 more, 3.00 kB; ocisize advise IMAGE shows all")


def test_unknown_download_sizes(analysis: Analysis) -> None:
    """Without the download the content counts."""
    finding = attrs.evolve(FINDING, compressed_size=None)
    text = text_of(attrs.evolve(analysis, compressed_size=None), finding)
    assert f"Advice: 1 finding, saving 5.00 kB unpacked\nsafe 5.00 kB\n{LEGEND}\n5.00 kB 7 files" in text


def test_findings_in_the_base_say_so(analysis: Analysis) -> None:
    """A reader sees what only another base can mend, and that it is counted already."""
    text = text_of(analysis, attrs.evolve(FINDING, in_base=True))
    assert "safe 1.00 kB; of these in the base image 1.00 kB" in text
    assert "OS101 · safe · 5.00 kB unpacked · in the base image" in text


def test_hostile_names_are_escaped(analysis: Analysis) -> None:
    """Nothing in titles, steps, paths and fixes can steer a terminal."""
    bad = "\x1b[31m\r\n\u202e"
    finding = attrs.evolve(
        FINDING, title=bad, build_steps=(BuildStep(bad), BuildStep(bad)), paths=(bad,), path_count=1, fix=bad
    )
    for text, times in ((text_of(analysis, finding), 3), (all_of(analysis, finding), 6)):
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
    write_text(attrs.evolve(analysis, advice=Advice((finding, secret))), file, width=width)
    for text in (file.getvalue(), all_of(analysis, finding, secret, width=width)):
        assert max(map(len, text.splitlines())) <= width


def test_no_findings_no_section(analysis: Analysis) -> None:
    """Silence where all is well."""
    assert text_of(analysis) == ""


def test_a_step_is_written_anew_once(analysis: Analysis) -> None:
    """Findings that one change of a step mends show it at length the first time only."""
    rewrite = Rewrite(layer=2, build_step=BuildStep("RUN x && y"))
    one, other = (
        attrs.evolve(FINDING, id=number, fix="Change layer 2 to `RUN x && y`.", rewrite=rewrite)
        for number in ("OS202", "OS203")
    )
    text = text_of(analysis, one, other)
    assert text.count("RUN x && y") == 1
    assert "→ The rewrite of layer 2 above fixes this too." in text
