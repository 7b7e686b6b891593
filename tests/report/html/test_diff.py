"""The page about a comparison: verdict, three figures, causes, tables that add up; no name becomes markup."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from ocisize import Analyzer, check, compare, from_json, parse_budgets, to_json
from ocisize.cli.main import main
from ocisize.model.build_step import BuildStep
from ocisize.model.comparison import Comparison
from ocisize.model.findings import Advice, Category
from ocisize.report.diff_subject import DiffSubject
from ocisize.report.html.changes import CHANGES, list_changes
from ocisize.report.html.diff import diff_to_html
from ocisize.report.options import ReportOptions
from tests.hostile import finding
from tests.images import write_layout
from tests.pairs import make_image
from tests.report.html.test_page import HOSTILE, Page, analysis_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layouts of two images of which the second has a package more."""
    path = tmp_path_factory.mktemp("pair")
    for name, with_git in (("before", False), ("after", True)):
        write_layout(make_image(with_git=with_git), path / name)
    return path


@pytest.fixture(scope="module")
def comparison(folder: Path) -> Comparison:
    analyzer = Analyzer(hash_content=True, keep_layers=True)
    return compare(analyzer.analyze(str(folder / "before")), analyzer.analyze(str(folder / "after")))


def page_of(comparison: Comparison, options: ReportOptions | None = None) -> Page:
    return Page(diff_to_html(DiffSubject.of(comparison, options or ReportOptions())))


def words_of(page: Page) -> str:
    return " ".join("".join(page.words).split())


def test_verdict_and_figures_come_first(comparison: Comparison) -> None:
    """The growth is the headline; then what a host downloads and why, and the figures before, after and their change."""
    budgets = parse_budgets('max-download = "1 MB"').budgets
    words = words_of(page_of(comparison, ReportOptions(verdicts=check(comparison.after, budgets))))
    parts = [
        "app grew by 399 kB (15.6 %) to download", "compared with", "A host with the image before downloads 2.07 MB of 2.96 MB",
        "because layer 1 RUN apt-get update", "Before2.56 MBto download", "After2.96 MBto download",
        "Change+399 kB (15.6 %)to download · +375 kB unpacked", "Budgets: 1 failed", "FAIL", "Why", "+399 kB", "Folders",
        "/usr/lib/git-core/", "Files", "25 files differ.", "/usr/lib/git-core/file00", "10 more files", "Layers", "1→1", "Advice",
    ]  # fmt: skip
    place = 0
    for part in parts:
        place = words.find(part, place)
        assert place >= 0, part


def test_secrets_come_before_the_causes(comparison: Comparison) -> None:
    """They link to nothing that is not on the page, which has no plan."""
    secret = attrs.evolve(finding(401, text="a private key"), category=Category.SECRET, plan_step=1)
    after = attrs.evolve(comparison.after, advice=Advice((secret,)))
    page = page_of(attrs.evolve(comparison, after=after))
    words = words_of(page)
    assert 0 < words.index("A private key") < words.index("Why")
    ids = {f"#{value}" for _, name, value in page.attributes if name == "id"}
    assert {value for _, name, value in page.attributes if name == "href" and value != "data:,"} <= ids


def test_the_command_writes_the_page(folder: Path, tmp_path: Path) -> None:
    """``ocisize diff BEFORE AFTER -f html=FILE`` writes the page, with the exit status of the budgets."""
    path = tmp_path / "diff.html"
    images = [str(folder / "before"), str(folder / "after")]
    assert main(["diff", *images, "-f", f"html={path}", "--max-download", "1MB"]) == 1
    page = Page(path.read_text("utf-8"))
    assert page.tags["h1"] == 1
    assert "FAIL" in page.words


def test_the_page_runs_nothing_else(comparison: Comparison) -> None:
    """The policy names the hashes of one style and one script beside the data; no element names a file or has a handler."""
    page = page_of(comparison)
    assert (len(page.scripts), len(page.styles)) == (2, 1)
    policy = next(value or "" for tag, name, value in page.attributes if (tag, name) == ("meta", "content"))
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    names = {name for _, name, _ in page.attributes}
    assert not names & {"src", "style", "action", "srcset"}
    assert not [name for name in names if name.startswith("on")]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_break_out(name: str, tmp_path: Path) -> None:
    """Hostile names of files, folders, steps and images add no element, and are text."""
    safe = name.replace("/", "_")
    pages = []
    for text in ("plain", safe):
        before = analysis_of(
            tmp_path / text.encode("utf-8", "surrogateescape").hex()[:40] / "1",
            {f"d{text}/{text}": b"x" * 900, "keep": b"k" * 50},
        )
        after = analysis_of(
            tmp_path / text.encode("utf-8", "surrogateescape").hex()[:40] / "2",
            {f"d{text}/{text}": b"y" * 5000, "keep": b"k" * 50},
        )
        layers = tuple(attrs.evolve(layer, build_step=BuildStep(f"RUN {text}")) for layer in after.layers)
        pages.append(page_of(compare(before, attrs.evolve(after, layers=layers, source=text, reference=text))))
    plain, hostile = pages
    assert {**hostile.tags, "code": 0} == {**plain.tags, "code": 0}
    assert [pair[:2] for pair in hostile.attributes] == [pair[:2] for pair in plain.attributes]
    assert hostile.scripts[1:] == plain.scripts[1:]
    assert json.loads(hostile.scripts[0])["content_size"] == json.loads(plain.scripts[0])["content_size"]


def test_equal_images_have_a_page(comparison: Comparison) -> None:
    """Without a change the page says so, and lists no files."""
    page = page_of(compare(comparison.after, comparison.after))
    words = words_of(page)
    assert "app did not change" in words
    assert "Change=" in words
    assert "git-core" not in words


def test_sides_without_files_are_named(comparison: Comparison) -> None:
    """An analysis that was saved without its files has totals and layers, and a note in place of files."""
    saved = from_json(to_json(comparison.before))
    words = words_of(page_of(compare(saved, comparison.after)))
    assert "Files are not compared: the image before was saved without them" in words
    assert "1→1" in words


def test_the_page_repeats_byte_for_byte(comparison: Comparison) -> None:
    """The same comparison gives the same page."""
    again = compare(comparison.before, comparison.after)
    assert page_of(again).words == page_of(comparison).words


def test_changes_of_files_by_layer(tmp_path: Path) -> None:
    """Each file with content of a layer that differs has the code of its change, in the order of the layer."""
    before = analysis_of(tmp_path / "1", {"a": b"1" * 9, "b": b"2" * 9, "c": b"3" * 9, "x/moved": b"5" * 700})
    entries = {"a": b"1" * 9, "empty": b"", "b": b"2" * 8, "c": b"3" * 10, "d": b"4", "y/moved": b"5" * 700}
    after = analysis_of(tmp_path / "2", entries)
    found = compare(before, after)
    changes = list_changes(found)
    assert changes is not None
    assert [CHANGES[code] for code in changes[0]] == ["unchanged", "shrank", "grew", "added", "moved"]
    saved = from_json(to_json(after))
    assert list_changes(compare(before, saved)) is None
    assert "explorer" not in diff_to_html(DiffSubject.of(compare(before, saved), ReportOptions()))


def test_new_secrets_come_first(tmp_path: Path) -> None:
    """A secret that the image before has, too, follows the new ones, and is marked."""
    key = b"-----BEGIN OPENSSH PRIVATE KEY-----" + b"k" * 400
    before = analysis_of(tmp_path / "1", {"a/id_rsa": key})
    after = analysis_of(tmp_path / "2", {"a/id_rsa": key}, {"z/.env": b"API_TOKEN=abc123abc123"})
    words = words_of(page_of(compare(before, after)))
    assert 0 < words.index("/z/.env") < words.index("in the image before, too") < words.index("/a/id_rsa")
    assert words.count("in the image before, too") == 1


def test_new_secrets_beside_known_ones_are_named(tmp_path: Path) -> None:
    """If a finding is about a known secret, too, the page says which are new; a moved one is not."""
    key = b"-----BEGIN OPENSSH PRIVATE KEY-----" + b"k" * 400
    before = analysis_of(tmp_path / "1", {"a/id_rsa": key})
    after = analysis_of(
        tmp_path / "2", {"b/id_rsa": key, **{f"c/{number}/id_rsa": key + b"%d" % number for number in range(6)}}
    )
    words = words_of(page_of(compare(before, after)))
    names = ", ".join(f"/c/{number}/id_rsa" for number in range(5))
    assert f"new: {names} and 1 more" in words
