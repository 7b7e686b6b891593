"""Verdicts on an image of which every figure is known: what narrows budgets, what is unknown, and growth.

The states of every kind of budget, and the parts of the image that it is measured on, are in test_check_table.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import attrs
import pytest

from ocisize.model.build_step import BuildStep
from ocisize import Analysis, Verdict, parse_budgets
from ocisize.budgets.check_platforms import check_all
from ocisize.budgets.baseline import Baseline, baseline_entry
from ocisize.budgets.check import measure_parts, part_of
from ocisize.budgets.kinds import LIMIT_KEYS, kinds_of
from ocisize.model.budget import BudgetLevel, VerdictPlace, BudgetStatus
from ocisize.errors import BudgetError
from tests.gates import COMPRESSED_SIZES, changed, image, judge, verdict


def test_forbidden_paths() -> None:
    """Absent passes; present fails, with layers and paths, also where a later layer deletes them."""
    assert verdict('forbid = ["**/.git/**", "*.pem"]').status == BudgetStatus.PASS
    found = verdict('forbid = ["/app/tmp", "*.pem"]')
    assert (found.status, found.exact_measured, found.exact_limit) == (BudgetStatus.FAIL, 1, 0)
    assert found.where == (VerdictPlace(layer=1, path="app/tmp", exact_measured=3000),)
    assert verdict('forbid = "/app/tmp"\nvisible-only = true').status == BudgetStatus.PASS
    assert verdict('forbid = "/bin/sh"\nvisible-only = true').status == BudgetStatus.FAIL
    assert verdict('forbid = "/app/tmp"\nignore = "/app/"').status == BudgetStatus.PASS
    assert verdict('forbid = "/app/tmp"\nlevel = "warn"').status == BudgetStatus.WARN
    for text in ('forbid = "/app/tmp"\nlevel = "off"', "forbid = false", 'forbid = "off"', 'forbid = ["off"]'):
        assert verdict(text).status == BudgetStatus.SKIPPED


def test_a_forbidden_directory_is_what_lies_in_it() -> None:
    """A glob stands for everything below it, whether the layer lists the directory or not."""
    for glob in ("/app", "/app/", "app", "/app/**", "**/app/**"):
        assert verdict(f'forbid = "{glob}"').exact_measured == 3, glob


def test_many_forbidden_paths_are_counted() -> None:
    """The first places are reported, all are counted, in the order of layers."""
    found = verdict('forbid = ["/app", "/bin", "/etc"]')
    assert (found.exact_measured, found.where_count) == (6, 6)
    assert [place.layer for place in found.where] == [0, 0, 1, 1, 1, 3]


@pytest.mark.parametrize("text", ['"**"', '""', "[]", "3", '["/a", ""]', '"/a/../b"'])
def test_forbidden_paths_misconfigured(text: str) -> None:
    """A glob that cannot be understood is an error, and so is a list of none."""
    with pytest.raises(BudgetError, match="ocisize.toml:1: forbid: "):
        parse_budgets(f"forbid = {text}")


def test_forbidden_findings() -> None:
    """By id and by severity, which includes the higher ones."""
    assert verdict('forbid-findings = "OS101"').where[0].finding == "OS101"
    assert verdict('forbid-findings = ["OS102", "OS301", "ACME001"]').status == BudgetStatus.PASS
    assert verdict('forbid-findings = "OS102"').exact_measured == 0
    assert verdict('forbid-findings = ["OS101", "OS999"]').status == BudgetStatus.FAIL
    unheard_of = verdict('forbid-findings = ["OS102", "OS999"]')
    assert (unheard_of.status, unheard_of.reason) == (BudgetStatus.UNMATCHED, "unknown finding OS999")
    assert [verdict(f'forbid-findings = ["{severity}"]').exact_measured for severity in ("low", "medium", "high")] == [
        2,
        1,
        0,
    ]
    assert verdict('[[budget]]\nforbid-findings = "OS101"\nlayer = "COPY*"').status == BudgetStatus.PASS
    assert verdict('[[budget]]\nforbid-findings = "OS101"\nlayer = "RUN rm"').status == BudgetStatus.FAIL
    for text in ('forbid-findings = "low"\nlevel = "off"', "forbid-findings = false", 'forbid-findings = "off"'):
        assert verdict(text).status == BudgetStatus.SKIPPED
    with pytest.raises(BudgetError, match="forbid-findings: got 'serious', expected an id such as OS101 or one of high"):
        parse_budgets('forbid-findings = ["serious"]')


def test_several_limits_of_one_figure() -> None:
    """An array sets several, each with its verdict; waste is limited in bytes too."""
    found = judge('max-waste = ["25 %", "4999 B", "5 kB"]')
    assert [each.status.value for each in found] == ["pass", "fail", "pass"]
    assert [place.exact_measured for place in found] == [Fraction(1, 4), 5000, 5000]


def test_budgets_of_paths() -> None:
    """A path is itself and all below it, in all layers; what is hidden there is not live."""
    assert verdict('[[budget]]\npath = "/app"\nmax-unpacked = 8000').exact_measured == 8000
    assert verdict('[[budget]]\npath = "/app"\nmax-live = 4000').exact_measured == 4000
    assert verdict('[[budget]]\npath = "/app/*"\nignore = "cache"\nmax-unpacked = 8000').exact_measured == 7000
    assert verdict('[[budget]]\npath = ["/app/tmp", "/etc/"]\nmax-download = 3000').exact_measured == 3000
    assert verdict('[[budget]]\npath = "/app"\nmax-files = 3').exact_measured == 3
    assert verdict('[[budget]]\npath = "/app"\nmax-waste = "50 %"').exact_measured == Fraction(1, 2)
    assert verdict('[[budget]]\npath = "/app"\nmin-efficiency = 0.5').exact_measured == Fraction(1, 2)
    assert verdict('[[budget]]\npath = "/app"\nmax-transfer = "8 s at 500 B/s"').exact_measured == 8
    largest = verdict('[[budget]]\npath = "/app"\nmax-file-size = 3999')
    assert (largest.status, largest.where) == (
        BudgetStatus.FAIL,
        (VerdictPlace(layer=1, path="app/big", exact_measured=4000),),
    )


def test_ignored_paths_do_not_count() -> None:
    """What is ignored is taken from the figures of the whole, and the rest of the blob stays."""
    assert verdict('max-waste = 2000\nignore = "/app/tmp"').exact_measured == 2000
    assert verdict('max-waste = "100 %"\nignore = "/app/tmp"').exact_measured == Fraction(2, 17)
    assert verdict('max-download = 1\nignore = "/app/tmp"').exact_measured == sum(COMPRESSED_SIZES) - 1500
    assert verdict('max-file-size = 1\nignore = "/bin/"').exact_measured == 4000
    assert verdict('max-files = 1\nignore = ["/bin/", "*.md"]').exact_measured == 5
    assert verdict('max-files = 1\nignore = "/nothing"').exact_measured == 6


def test_the_largest_layer_of_what_counts() -> None:
    """Layers are compared by what paths select and without what is ignored."""
    for text, size, index in (
        ('ignore = "/bin"\nmax-layer-unpacked = 1', 8000, 1),
        ('ignore = "/bin"\nmax-layer-download = 1', 4000, 1),
        ('ignore = ["/bin", "/app"]\nmax-layer-download = 1', 1000, 3),
        ('path = "/etc"\nmax-layer-unpacked = 1', 2000, 3),
        ('path = "/etc"\nlayer = "ADD *"\nmax-layer-download = 1', 500, 0),
    ):
        found = verdict(f"[[budget]]\n{text}")
        assert (found.status, found.exact_measured, found.where[0].layer) == (BudgetStatus.FAIL, size, index), text
    assert verdict('[[budget]]\npath = "/nothing"\nmax-layer-download = 1').status == BudgetStatus.UNMATCHED
    assert verdict('ignore = "/bin"\nmax-layer-download = 1', uncompressed()).status == BudgetStatus.UNKNOWN


def test_the_visible_view() -> None:
    """Files are counted, and the largest looked for, among all that is downloaded or among what a container sees."""
    assert verdict("max-files = 3\nvisible-only = true").exact_measured == 3
    assert verdict('max-file-size = 1\nvisible-only = true\nignore = ["/bin", "big"]').exact_measured == 2000
    assert verdict('max-file-size = 1\nignore = ["/bin", "big"]').exact_measured == 3000


def test_budgets_of_layers() -> None:
    """Each layer whose build step matches is measured by itself; the one that is furthest off is reported first."""
    found = verdict('[[budget]]\nlayer = "RUN *"\nmax-unpacked = 7999')
    assert (found.status, found.exact_measured, found.where_count) == (BudgetStatus.FAIL, 8000, 1)
    assert found.where == (VerdictPlace(layer=1, exact_measured=8000),)
    every = verdict('[[budget]]\nlayer = "*"\nmax-download = 999')
    assert [place.layer for place in every.where] == [0, 1, 3]
    assert verdict('[[budget]]\nlayer = "RUN *"\nmax-layers = 2').exact_measured == 2
    assert verdict('[[budget]]\nlayer = "*-get*"\npath = "/app/big"\nmax-unpacked = 4000').exact_measured == 4000
    assert verdict('[[budget]]\nlayer = "COPY . /app"\nmax-file-size = 2000').exact_measured == 2000
    assert verdict('[[budget]]\nlayer = "RUN *"\nforbid = "/etc"').status == BudgetStatus.PASS


def test_patterns_of_build_steps_are_literal_but_for_stars() -> None:
    """Brackets and dots mean themselves, and the pattern covers the whole build step."""
    layers = [attrs.evolve(layer, build_step=BuildStep('CMD ["a.b"]')) for layer in image().layers]
    analysis = changed(image(), layers=tuple(layers))
    assert verdict("""[[budget]]\nlayer = 'CMD ["a.b"]'\nmax-layers = 4""", analysis).exact_measured == 4
    assert verdict("""[[budget]]\nlayer = 'CMD ["axb"]'\nmax-layers = 4""", analysis).status == BudgetStatus.UNMATCHED
    assert verdict("""[[budget]]\nlayer = 'CMD'\nmax-layers = 4""", analysis).status == BudgetStatus.UNMATCHED


@pytest.mark.parametrize("narrow", ['layer = "FROM scratch"', 'path = "/opt/app"'])
def test_what_matches_nothing_is_no_pass(narrow: str) -> None:
    """A budget about nothing in the image is reported, as a warning unless it says otherwise."""
    text = f"[[budget]]\n{narrow}\nmax-unpacked = 1\n"
    found = verdict(text)
    assert (found.status, found.outcome, found.exact_measured) == (BudgetStatus.UNMATCHED, BudgetStatus.WARN, None)
    for level, outcome in (("fail", BudgetStatus.FAIL), ("off", BudgetStatus.PASS)):
        assert verdict(f'{text}if-unmatched = "{level}"').outcome == outcome
    assert verdict(f'{text}if-unmatched = "fail"\nlevel = "warn"').outcome == BudgetStatus.WARN


@pytest.mark.parametrize(
    ("pattern", "applies"),
    [("linux/amd64", True), ("linux", True), ("*/amd64", True), ("linux/arm64", False), ("linux/amd", False), ("", True)],
)
def test_budgets_of_platforms(pattern: str, applies: bool) -> None:
    """A budget for another platform is skipped and says so."""
    scope = f'platform = "{pattern}"' if pattern else ""
    found = verdict(f"[[budget]]\n{scope}\nmax-download = 1")
    assert (found.status == BudgetStatus.FAIL) is applies
    assert applies or (found.status, found.reason) == (BudgetStatus.SKIPPED, f"only for {pattern}")


def test_variants_of_a_platform_belong_to_it() -> None:
    """``linux/arm`` is any variant of it."""
    analysis = changed(image(), platform="linux/arm/v7")
    assert verdict('[[budget]]\nplatform = "linux/arm"\nmax-download = 1', analysis).status == BudgetStatus.FAIL
    assert verdict('[[budget]]\nplatform = "linux/arm/v6"\nmax-download = 1', analysis).status == BudgetStatus.SKIPPED


def uncompressed() -> Analysis:
    """The image as a docker-archive of plain layers has it, with estimates, which no budget may use."""
    unknown: dict[str, Any] = {
        "compressed_size": None,
        "wasted_compressed_size": None,
        "estimated_compressed_size": 1,
        "estimate_error": 0.0,
    }
    layers = [attrs.evolve(layer, **unknown) for layer in image().layers]
    return changed(image(), layers=tuple(layers), **unknown)


@pytest.mark.parametrize(
    "text", ['max-download = "1 GB"', 'max-transfer = "9 s at 1 GB/s"', 'max-layer-download = "1 GB"', 'max-download = "1 GB"\nlayer = "*"',
             'max-download = "1 GB"\nignore = "/app"'],
)  # fmt: skip
def test_an_unknown_figure_is_no_pass(text: str) -> None:
    """Where the download is unknown a limit on it fails, unless it says otherwise."""
    found = verdict(text, uncompressed())
    assert (found.status, found.outcome, found.exact_measured) == (BudgetStatus.UNKNOWN, BudgetStatus.FAIL, None)
    assert "unknown" in found.reason
    assert verdict(f'{text}\nif-unknown = "warn"', uncompressed()).outcome == BudgetStatus.WARN
    assert verdict(f'{text}\nif-unknown = "off"', uncompressed()).outcome == BudgetStatus.PASS
    assert verdict(f'{text}\nlevel = "warn"', uncompressed()).outcome == BudgetStatus.WARN


@pytest.mark.parametrize(
    "text",
    ['forbid = "/a"', "max-file-size = 90000", 'max-live = 90000\npath = "/app"', 'max-waste = 90000\nignore = "/b"'],
)
def test_an_analysis_without_files_is_no_pass(text: str) -> None:
    """Read back from JSON without --files, an analysis cannot tell of paths."""
    bare = changed(image(), layers=tuple(attrs.evolve(layer, files=None) for layer in image().layers))
    assert verdict(text, bare).status == BudgetStatus.UNKNOWN
    assert verdict("max-unpacked = 20000", bare).status == BudgetStatus.PASS


def baseline(analysis: Analysis | None = None) -> Baseline:
    return Baseline().with_entry("acme/app", "linux/amd64", baseline_entry(analysis or image()))


GROWING = [key for key in LIMIT_KEYS if any(kind.baseline for kind in kinds_of(key))]


@pytest.mark.parametrize("key", GROWING)
@pytest.mark.parametrize("growth", ["+0", "+0 %", "+5 %", "+1000"])
def test_growth_of_nothing_is_kept(key: str, growth: str) -> None:
    """Against its own baseline an image has not grown."""
    found = verdict(f'{key} = "{growth}"', baseline=baseline())
    assert found.status == BudgetStatus.PASS
    assert (found.exact_measured == found.exact_limit) is growth.startswith("+0")


@pytest.mark.parametrize("key", GROWING)
def test_growth_without_a_baseline_is_no_pass(key: str) -> None:
    """Neither without a file, nor without this image, nor without this platform in it."""
    others = Baseline(
        {"acme/app": {"linux/arm64": baseline_entry(image())}, "other": {"linux/amd64": baseline_entry(image())}}
    )
    for each in (None, Baseline(), others):
        found = verdict(f'{key} = "+50 %"', baseline=each)
        assert (found.status, found.outcome) == (BudgetStatus.UNKNOWN, BudgetStatus.FAIL)
        assert "no baseline" in found.reason


def test_growth_of_layers_goes_by_their_steps() -> None:
    """A layer is compared with the layer of the same step; a new step grows from nothing."""
    old = changed(image(), layers=(image().layers[0], attrs.evolve(image().layers[1], content_size=7000)))
    text = '[[budget]]\nlayer = "*"\nmax-unpacked = "{}"'
    found = verdict(text.format("+1 kB"), baseline=baseline(old))
    assert (found.status, found.exact_measured, found.exact_limit) == (BudgetStatus.FAIL, 2000, 1000)
    assert [place.layer for place in found.where] == [3]
    assert verdict(text.format("+2 kB"), baseline=baseline(old)).status == BudgetStatus.PASS
    assert [place.layer for place in verdict(text.format("+10 %"), baseline=baseline(old)).where] == [3, 1]


def test_equal_steps_are_distinguished_by_their_order() -> None:
    """The second layer of a step is compared with the second one."""
    twice = changed(image(), layers=tuple(attrs.evolve(layer, build_step=BuildStep("RUN x")) for layer in image().layers))
    text = '[[budget]]\nlayer = "RUN x"\nmax-unpacked = "+0"'
    assert verdict(text, twice, baseline(twice)).status == BudgetStatus.PASS


def test_growth_that_the_baseline_cannot_tell() -> None:
    """A baseline without the download knows no growth of the download."""
    found = verdict('max-download = "+1 GB"', baseline=baseline(uncompressed()))
    assert (found.status, found.reason) == (BudgetStatus.UNKNOWN, "the baseline has no such figure")
    assert (
        verdict('[[budget]]\nlayer = "*"\nmax-download = "+1 GB"', baseline=baseline(uncompressed())).status
        == BudgetStatus.UNKNOWN
    )


PARTS = {
    '"max-unpacked" in /app': ('path = "/app"', "max-unpacked", 8000),
    '"max-download" in two folders': ('path = ["/etc/", "/app/tmp"]', "max-download", 3000),
    '"max-live" in /app': ('path = "/app"', "max-live", 4000),
    '"max-waste" without /app/tmp': ('ignore = "/app/tmp"', "max-waste", 2000),
    '"max-files" that are visible': ("visible-only = true", "max-files", 3),
    '"max-layer-unpacked" without': ('ignore = "/bin"', "max-layer-unpacked", 8000),
    '"max-layer-download" in /etc': ('path = "/etc"', "max-layer-download", 1000),
    '"max-file-size" without': ('ignore = ["/bin", "big"]', "max-file-size", 3000),
}


@pytest.mark.parametrize("part", PARTS)
def test_growth_of_a_part(part: str) -> None:
    """What a path, or all but some, may grow: equal and less are kept, a byte more is not, an unknown figure is no pass."""
    scope, key, size = PARTS[part]
    text = f'[[budget]]\n{scope}\n{key} = "{{}}"'
    budgets = parse_budgets(text.format("+0")).budgets
    kept = measure_parts(image(), budgets)
    assert kept == {part_of(budgets[0]): size}

    def judged(size: int, growth: str) -> Verdict:
        entry = baseline_entry(image(), dict.fromkeys(kept, size))
        return verdict(text.format(growth), baseline=Baseline().with_entry("acme/app", "linux/amd64", entry))

    equal, over, under = judged(size, "+0"), judged(size - 1, "+0"), judged(size + 1, "+0 %")
    assert (equal.status, equal.exact_measured, equal.exact_limit) == (BudgetStatus.PASS, size, size)
    assert (over.status, over.exact_measured, over.limit) == (BudgetStatus.FAIL, size, size - 1)
    assert (under.status, judged(size - 1, "+1").status, judged(size - 1, "+100 %").status) == (BudgetStatus.PASS,) * 3
    unknown = verdict(text.format("+1 %"), baseline=baseline())
    assert (unknown.status, unknown.outcome) == (BudgetStatus.UNKNOWN, BudgetStatus.FAIL)
    assert unknown.reason == "the baseline has no such figure"


def test_parts_are_known_by_what_they_are() -> None:
    """The order of globs does not matter, all else does; the whole, layers, and limits without growth have no part."""
    texts = ['path = ["/a", "/b"]', 'path = ["/b", "/a"]', 'path = "/a"', 'ignore = "/a"', 'path = "/a"\nignore = "/a/b"']
    budgets = [parse_budgets(f'{text}\nmax-download = "+0"').budgets[0] for text in texts]
    assert [part_of(budget) for budget in budgets] == [
        "compressed_size in /a, /b", "compressed_size in /a, /b", "compressed_size in /a", "compressed_size without /a", "compressed_size in /a without /a/b",
    ]  # fmt: skip
    others = parse_budgets(
        'max-download = "+0"\n[[budget]]\nlayer = "RUN"\nmax-download = "+0"\n[[budget]]\npath = "/a"\nmax-download = 1'
    )
    assert measure_parts(image(), others.budgets) == {}
    elsewhere = parse_budgets('platform = "linux/s390x"\npath = "/app"\nmax-download = "+0"')
    assert measure_parts(image(), elsewhere.budgets) == {}


def test_a_part_that_is_gone_has_not_grown() -> None:
    """A path that the baseline has may go; one that neither has is a misspelt glob."""
    text = '[[budget]]\npath = "/opt/app"\nmax-unpacked = "+0"'
    for size, status in ((7, BudgetStatus.PASS), (0, BudgetStatus.UNMATCHED)):
        entry = baseline_entry(image(), {"content_size in /opt/app": size})
        assert verdict(text, baseline=Baseline().with_entry("acme/app", "linux/amd64", entry)).status == status
    assert measure_parts(image(), parse_budgets(text).budgets) == {"content_size in /opt/app": 0}


def test_a_platform_that_no_image_is_for() -> None:
    """Of all platforms of an index none is what a budget is for: that is reported once, and what the file lacks counts."""
    analyses = {name: changed(image(), platform=name) for name in ("linux/amd64", "linux/arm64/v8")}
    text = '[[budget]]\nplatform = "{}"\nmax-download = 1\n{}'

    def statuses(platform: str, more: str = "", **options: Any) -> list[str]:
        found = check_all(analyses, parse_budgets(text.format(platform, more)).budgets, **options)
        return [each.status.value for verdicts in found.values() for each in verdicts]

    assert statuses("linux/amd46") == ["unmatched", "skipped"]
    assert statuses("linux/amd46", absent=["linux/amd46"]) == ["skipped", "skipped"]
    assert statuses("linux/arm64") == ["skipped", "fail"]
    assert statuses("linux/*") == ["fail", "fail"]
    assert statuses("linux/amd46", 'level = "off"') == ["skipped", "skipped"]
    (found, _) = check_all(analyses, parse_budgets(text.format("x", 'if-unmatched = "fail"')).budgets).values()
    assert (found[0].outcome, found[0].reason) == (
        BudgetStatus.FAIL,
        "no image for x, only for linux/amd64, linux/arm64/v8",
    )
    assert check_all({}, parse_budgets(text.format("x", "")).budgets) == {}


def test_verdicts_come_in_the_order_of_budgets() -> None:
    """One for each limit, as they were written."""
    found = judge('max-live = 1\nmax-download = 1\n[[budget]]\nmax-files = 1\nreason = "few"')
    assert [each.budget.key for each in found] == ["max-live", "max-download", "max-files"]
    assert found[2].budget.reason == "few"
    assert found[2].budget.level == BudgetLevel.FAIL


def test_figures_are_plain_numbers() -> None:
    """Callers get int and float; the exact fractions decide."""
    for text, kind in (('max-waste = "7 %"', float), ("max-files = 1", int), ("max-download = 1000", int)):
        found = verdict(text)
        assert (type(found.measured), type(found.limit)) == (kind, kind), text
    assert verdict('max-waste = "7 %"').limit == 0.07 and verdict('max-waste = "7 %"').exact_limit == Fraction(7, 100)
    assert [place.measured for place in verdict('forbid = "/app/tmp"').where] == [3000]
