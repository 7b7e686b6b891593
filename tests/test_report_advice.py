"""The text report's findings."""

from __future__ import annotations

import io

import attrs
import pytest
from rich.console import Console

from ocisize import Analysis, Analyzer
from ocisize.analysis.findings import Advice, Confidence, Finding, Severity
from ocisize.report.advice import write_advice
from tests.images import build_image, layer, write_layout

FINDING = Finding(
    id="OS101",
    title="layer 1 deletes 7 files of layer 0, which are downloaded all the same",
    confidence=Confidence.SURE,
    severity=Severity.HIGH,
    layers=(0, 1),
    instructions=("RUN apt-get install", "RUN rm"),
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


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder = write_layout(build_image([layer({"a": b"1"})]), tmp_path_factory.mktemp("advice") / "layout")
    return attrs.evolve(Analyzer(platform="linux/amd64").analyze(folder), compressed_size=10_000, content_size=50_000)


def test_a_finding_says_it_all(analysis: Analysis) -> None:
    """What is wrong, how sure that is, what it saves, where, and what to do."""
    assert (
        text_of(analysis, FINDING).rstrip()
        == """
Advice: 1 finding, together 1.00 kB of wire (10.0 %), 5.00 kB unpacked
sure 1.00 kB
1.00 kB layer 1 deletes 7 files of layer 0, which are downloaded all the same
        OS101 · sure · 5.00 kB unpacked
        layer 0: RUN apt-get install
        layer 1: RUN rm
        /var/a
        /var/b
        /var/c
        … and 4 more
        → Delete them at once."""
    )


def test_small_findings_are_counted_only(analysis: Analysis) -> None:
    """What saves less than half a percent and is not serious stands in one line."""
    small = attrs.evolve(FINDING, id="OS301", size=60, compressed_size=40, severity=Severity.LOW)
    secret = attrs.evolve(small, id="OS230", title="a secret", size=0, compressed_size=0, severity=Severity.HIGH)
    text = text_of(analysis, FINDING, small, attrs.evolve(small, id="OS302"), secret)
    assert "a secret" in text
    assert text.endswith("… and 2 more, 80 B: OS301, OS302 (-f json has all)")


def test_secrets_are_shown_whatever_they_weigh(analysis: Analysis) -> None:
    """What gives something away stands below what saves bytes, in short; mild remarks are counted."""
    secret = attrs.evolve(
        FINDING, id="OS231", title="ENV gives away TOKEN", size=0, compressed_size=0, paths=(), path_count=0
    )
    mild = attrs.evolve(secret, id="OS220", title="runs as root", severity=Severity.LOW)
    text = text_of(analysis, FINDING, secret, mild, top=1)
    assert "   high ENV gives away TOKEN\n        OS231 · sure\n        → Delete them at once.\n" in text
    assert text.endswith("… and 1 more, 0 B: OS220 (-f json has all)")


def test_at_most_top_findings(analysis: Analysis) -> None:
    """The largest are shown, the rest is counted."""
    text = text_of(analysis, FINDING, attrs.evolve(FINDING, id="OS102"), top=1)
    assert "OS101 · sure" in text
    assert "OS102 · sure" not in text
    assert "… and 1 more, 1.00 kB: OS102" in text


def test_unknown_wire_sizes(analysis: Analysis) -> None:
    """Without the wire the content counts."""
    finding = attrs.evolve(FINDING, compressed_size=None)
    text = text_of(attrs.evolve(analysis, compressed_size=None), finding)
    assert "Advice: 1 finding, together 5.00 kB unpacked\nsure 5.00 kB\n5.00 kB layer 1" in text


def test_findings_in_the_base_say_so(analysis: Analysis) -> None:
    """A reader sees what only another base can mend."""
    text = text_of(analysis, attrs.evolve(FINDING, in_base=True))
    assert "sure 1.00 kB · in the base image 1.00 kB" in text
    assert "OS101 · sure · 5.00 kB unpacked · in the base image" in text


def test_hostile_names_are_escaped(analysis: Analysis) -> None:
    """Nothing in titles, steps, paths and fixes can steer a terminal."""
    bad = "\x1b[31m\r\n\u202e"
    finding = attrs.evolve(FINDING, title=bad, instructions=(bad, bad), paths=(bad,), path_count=1, fix=bad)
    text = text_of(analysis, finding)
    assert not set(text) & set("\x1b\r\u202e")
    assert text.count("\\x1b[31m") == 5


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits(analysis: Analysis, width: int) -> None:
    """Long words are folded."""
    finding = attrs.evolve(FINDING, title="t" * 300, instructions=("i" * 300, ""), paths=("p" * 300,), fix="f" * 300)
    assert max(map(len, text_of(analysis, finding, width=width).splitlines())) <= width


def test_no_findings_no_section(analysis: Analysis) -> None:
    """Silence where all is well."""
    assert text_of(analysis) == ""
