"""Verdicts as people and programs read them."""

from __future__ import annotations

import io
import json

import attrs
import pytest

import ocisize
from ocisize.model.build_step import BuildStep
from ocisize import Analysis, Verdict, check, from_json, to_json
from ocisize.budgets.baseline import Baseline, baseline_entry
from ocisize.budgets.dive_ci import dive_budgets
from ocisize.report.text.full import write_sections
from ocisize.report.words.budgets import describe
from tests.gates import changed, image, judge, verdict


def line(toml: str, analysis: Analysis | None = None, baseline: Baseline | None = None) -> str:
    return describe(verdict(toml, analysis, baseline), analysis or image())


def report(verdicts: list[Verdict], width: int = 100) -> str:
    file = io.StringIO()
    write_sections(image(), file, width=width, verdicts=verdicts)
    return file.getvalue()


def test_a_long_build_step_ends_with_a_mark() -> None:
    analysis = ocisize.analyze("testdata/example.tar")
    budgets = ocisize.parse_budgets('[[budget]]\nlayer = "*apt-get*"\nmax-unpacked = 1').budgets
    (judged,) = check(analysis, budgets)
    assert describe(judged, analysis).endswith(": in layer 1 (RUN … apt-get install -y ca-certificate…)")


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('max-download = "10 kB"', "download 10.1 kB > 10.0 kB, 100 B over → OS101 saves 45 B"),
        ('max-download = "10.1 kB"', "download 10.1 kB = 10.1 kB"),
        ("max-download = 10_099", "download 10,100 B > 10,099 B, 1 B over → OS101 saves 45 B"),
        ('max-waste = "20 %"', "waste 25.0 % > 20.0 % → OS101 saves 4.00 kB"),
        ('min-efficiency = "75.0001 %"', "efficiency 75 % < 75.0001 % → OS101 saves 4.00 kB"),
        ("max-files = 5", "files 6 > 5, 1 over"),
        ('max-transfer = "5 s at 8 kbit/s"', "transfer at 8 kbps 10.1 s > 5.0 s, 5.1 s over → OS101 saves 45 B"),
        ("max-file-size = 8000", "largest file 9.00 kB > 8.00 kB, 1.00 kB over: /bin/sh in layer 0"),
        ("max-layer-download = 4_000", "largest layer download 5.00 kB > 4.00 kB, 1.00 kB over: in layer 0 (ADD rootfs)"),
        ('[[budget]]\nlayer = "*"\nmax-unpacked = 7000',
         "unpacked of * 10.0 kB > 7.00 kB, 3.00 kB over: in layer 0 (ADD rootfs), in layer 1 (RUN apt-get install)"),
        ('[[budget]]\npath = ["/app", "/x"]\nignore = "c1"\nmax-live = 5000\nreason = "small"',
         "live in /app, /x without c1 4.00 kB < 5.00 kB (small)"),
        ('forbid = ["/app/tmp", "*.conf", "conf"]',
         "forbidden paths 3: /etc/conf in layer 0, /app/tmp in layer 1 and 1 more"
         " → remove them in the step that adds them; files deleted in a later step are still downloaded"),
        ('forbid = "*.pem"', "forbidden paths none"),
        ('forbid-findings = "OS103"', "forbidden findings 1: OS103 in layer 0 → see the findings for their fixes"),
        ('[[budget]]\npath = "/x"\nmax-live = 1', "live in /x: no path matches"),
        ('max-download = "+2 %"',
         "download unknown: there is no baseline of this image and platform → ocisize baseline write IMAGE"),
    ],
)  # fmt: skip
def test_a_line_says_got_limit_and_what_to_do(toml: str, expected: str) -> None:
    """One line: figure, limit, how far off, where, why, and what helps."""
    assert line(toml) == expected


def test_growth_tells_what_it_is_measured_from() -> None:
    """Limit and growth are side by side."""
    baseline = Baseline().with_entry("acme/app", "linux/amd64", baseline_entry(changed(image(), compressed_size=10_000)))
    assert line('max-download = "+2 %"', baseline=baseline) == "download 10.1 kB < 10.2 kB (baseline +2.0 %)"
    assert line('max-files = "+1"', baseline=baseline) == "files 6 < 7 (baseline +1)"


@pytest.mark.parametrize(
    ("kept", "text"),
    [
        (9_902, "download 10,100 B < 10,100.04 B (baseline +2.0 %)"),
        (9_901, "download 10,100 B > 10,099.02 B (baseline +2.0 %), 1 B over → OS101 saves 45 B"),
        (100, "download 10.1 kB > 102 B (baseline +2.0 %), 10.0 kB over → OS101 saves 45 B"),
    ],
)
def test_limits_between_two_bytes(kept: int, text: str) -> None:
    """A share of a baseline is seldom whole: the line never says = or 0 B over."""
    baseline = Baseline().with_entry("acme/app", "linux/amd64", baseline_entry(changed(image(), compressed_size=kept)))
    assert line('max-download = "+2 %"', baseline=baseline) == text


def test_limits_between_two_files() -> None:
    """The same for counts."""
    baseline = Baseline().with_entry("acme/app", "linux/amd64", baseline_entry(image()))
    assert line('max-files = "+2 %"', baseline=baseline) == "files 6 < 6.12 (baseline +2.0 %)"


def test_a_different_verdict_of_dive_is_shown() -> None:
    """Where dive decides otherwise the reader sees its figure; elsewhere nothing."""
    figures = image().dive
    assert figures is not None
    found = {verdict.budget.key: verdict for verdict in check(image(), dive_budgets({"highestWastedBytes": "5500"}, {}, ""))}
    assert describe(found["highestWastedBytes"], image()) == ("waste 5.00 kB < 5.50 kB, fails in dive, which counts 6.00 kB")
    none = changed(image(), dive=attrs.evolve(figures, wasted_size=1, user_size=0))
    kept = check(changed(none, layers=none.layers[:1]), dive_budgets({}, {}, ""))[0]
    assert describe(kept, none).endswith("0.0 % < 10.0 %, fails in dive, which counts no number")
    assert "dive" not in describe(found["lowestEfficiency"], image())


def test_failed_budgets_come_first() -> None:
    """Failed budgets are before the others and above the figures; skipped ones are only counted."""
    verdicts = judge(
        'max-live = "1 GB"\nmax-files = 1\nmax-download = "off"\n[[budget]]\nmax-layers = 1\nlevel = "warn"\n'
        '[[budget]]\nplatform = "linux/s390x"\nmax-layers = 1'
    )
    text = report(verdicts)
    lines = text.splitlines()
    at = lines.index("Budgets: 1 failed, 1 warned, 1 passed, 2 skipped (only for linux/s390x, switched off)")
    assert [row[:4] for row in lines[at + 1 : at + 5]] == ["FAIL", "WARN", "PASS", ""]
    assert lines[at + 1] == "FAIL files 6 > 1, 5 over [ocisize.toml:2]"
    assert any(line.startswith("Download") for line in lines[at + 5 :])


def test_no_budgets_no_section() -> None:
    """Without budgets the report is as it was."""
    assert "Budgets" not in report([])


def test_hostile_text_is_escaped() -> None:
    """Nothing in paths, build steps and reasons can steer a terminal."""
    bad = "\x1b[31m\r\n\u202e"
    layers = tuple(attrs.evolve(layer, build_step=BuildStep(bad)) for layer in image().layers)
    analysis = changed(image(), layers=layers)
    found = verdict('[[budget]]\nlayer = "*"\nmax-unpacked = 1', analysis)
    found = attrs.evolve(found, budget=attrs.evolve(found.budget, reason=bad, origin=bad, layer=bad))
    file = io.StringIO()
    write_sections(analysis, file, width=100, verdicts=[found])
    assert not set(file.getvalue()) & set("\x1b\r\u202e")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits(width: int) -> None:
    """Long reasons and globs are folded."""
    found = verdict(f'forbid = ["/{"x" * 200}", "/app"]\nreason = "{"y" * 300}"')
    assert max(map(len, report([found], width).splitlines())) <= width


def test_json_has_every_verdict() -> None:
    """Beside the analysis, which still reads back; numbers are bytes, shares or seconds, never NaN."""
    verdicts = judge(
        'max-download = "10 kB"\nmax-waste = "20 %"\nmax-transfer = "20 s at 8 kbit/s"\n'
        'forbid = "/app/tmp"\n[[budget]]\nlayer = "RUN *"\nmax-unpacked = "+5 %"\nreason = "x"'
    )
    text = to_json(image(), verdicts=verdicts)
    document = json.loads(text, parse_constant=pytest.fail)
    assert from_json(text).wasted_size == 5000
    rows = document["budgets"]
    assert [(row["key"], row["status"], row["measured"], row["limit"], row["unit"]) for row in rows] == [
        ("max-download", "fail", 10100, 10000, "bytes"),
        ("max-waste", "fail", 0.25, 0.2, "share"),
        ("max-transfer", "pass", 10.1, 20.0, "seconds"),
        ("forbid", "fail", 1, 0, "count"),
        ("max-unpacked", "unknown", None, None, "bytes"),
    ]
    assert rows[3]["where"] == [{"layer": 1, "path": "app/tmp", "finding": None, "measured": 3000}]
    assert (rows[3]["paths"], rows[3]["where_count"], rows[3]["origin"]) == (["/app/tmp"], 1, "ocisize.toml:4")
    assert (rows[4]["growth"], rows[4]["layer"], rows[4]["reason"], rows[4]["outcome"]) == (0.05, "RUN *", "x", "fail")
    assert "budgets" not in json.loads(to_json(image()))
