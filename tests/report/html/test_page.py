"""The HTML page as text and data: no name becomes markup, sums stay exact when rows are combined, and the same image gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize.model.build_step import BuildStep
from ocisize import Analysis, Analyzer, analyze, from_json, to_json
from ocisize.model.findings import Advice, Category, Confidence, Finding, Severity
from ocisize.model.plan import PlanEdit, Plan
from ocisize.cli.main import main
from ocisize.report.html import rows as html_rows
from ocisize.report.html.code import patch_block
from ocisize.report.html.page import to_html
from ocisize.report.html.data import MAX_SIZE, embed, page_data
from tests.gates import image
from tests.hostile import finding as make_finding
from tests.images import DIR, Entries, Hard, Link, build_image, layer, write_docker_archive, write_layout
from tests.plans import PATCH, plan, random_plans, step, with_plan

EXAMPLE = Path(__file__).parent.parent.parent.parent / "testdata" / "example.tar"
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)' x=\"",
    "&lt;b&gt;",
    "\u2028\u2029",
    "\u202egnp.exe",
    "\x00\x1b[31m\x07".replace("\x00", ""),
    "caf\udce9",
    "${1+1}`{{7*7}}",
    "__proto__",
]


class Page(HTMLParser):
    """A page's elements with their attributes, the text of each script, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag in ("script", "style"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        {"script": self.scripts, "style": self.styles}.get(self._inside, self.words).append(data)

    @property
    def data(self) -> Any:
        return json.loads(self.scripts[0])


def analysis_of(tmp_path: Path, *layers: Entries, steps: list[str] | None = None) -> Analysis:
    built = [layer(entries) for entries in layers]
    history = [{"created_by": step} for step in steps] if steps else None
    folder = write_layout(build_image(built, history=history), tmp_path / "layout")
    return Analyzer(platform="linux/amd64").analyze(str(folder))


def sums(data: dict[str, Any]) -> tuple[Counter[tuple[Any, ...]], Counter[tuple[Any, ...]]]:
    """Bytes of content and of download by layer and state, as the page has them."""
    content: Counter[tuple[Any, ...]] = Counter()
    download: Counter[tuple[Any, ...]] = Counter()
    rows = data["rows"]
    for size, compressed, kind in zip(rows["sizes"], rows["compressed_sizes"] or rows["sizes"], rows["kinds"], strict=True):
        content[tuple(data["kinds"][kind][:3])] += size
        download[tuple(data["kinds"][kind][:1])] += compressed
    return +content, +download


def check(analysis: Analysis, data: dict[str, Any]) -> None:
    """The page has every byte of every layer once, with its state."""
    content, download = sums(data)
    expected: Counter[tuple[Any, ...]] = Counter()
    causes = data["causes"]
    for entry in analysis.waste:
        expected[entry.held_by, entry.hidden_by, causes.index(entry.cause.value)] += entry.size
    for stored in analysis.layers:
        expected[stored.index, -1, -1] += stored.live_size
    assert content == +expected
    if data["rows"]["compressed_sizes"] is not None:
        assert sum(download.values()) == analysis.compressed_size
    columns = data["rows"]
    count = len(columns["sizes"])
    assert len(columns["kinds"]) == count == sum(data["directories"]["rows"])
    assert count in (0, len(columns["names"].split("/")))
    parents = data["directories"]["parents"]
    assert len(parents) == len(data["directories"]["names"].split("/"))
    assert all(parent < place for place, parent in enumerate(parents) if place)


def file_count(data: dict[str, Any]) -> int:
    """The number of files, listed and combined."""
    rows, special = data["rows"], data["special"]
    groups = {int(row): entries for row, entries in rows["groups"].items()}
    kinds = [data["kinds"][kind][3] for kind in rows["kinds"]]
    return sum(groups.get(row, 1) for row, kind in enumerate(kinds) if kind >= special)


@pytest.fixture(scope="module")
def example() -> Analysis:
    return analyze(str(EXAMPLE))


def test_page_is_one_file_that_fetches_nothing(example: Analysis) -> None:
    """No element of the page names another file, and its policy forbids everything but its own script and style."""
    text = to_html(example)
    page = Page(text)
    named = [pair for pair in page.attributes if pair[1] in ("src", "href", "action", "style", "srcset")]
    assert named[0] == ("link", "href", "data:,")
    assert {value for tag, name, value in named[1:] if (tag, name) == ("a", "href")} == {
        "#plan-title", *(f"#fix-{number}" for number in range(1, len(example.plan.steps) + 1)),
    }  # fmt: skip
    assert all(tag == "a" for tag, *_ in named[1:])
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "url(" not in page.styles[0]
    policy = next(value or "" for tag, name, value in page.attributes if (tag, name) == ("meta", "content"))
    hashes = [
        base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (page.scripts[1], page.styles[0])
    ]
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}';")
    assert "unsafe" not in policy
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|fetch\(|XMLHttp", page.scripts[1])


def test_page_says_what_the_text_report_says(example: Analysis) -> None:
    """Figures, findings and layers are in the page as text, for readers without scripts."""
    words = " ".join("\n".join(Page(to_html(example)).words).split())
    for text in ("testdata/example.tar", "linux/amd64", "1,590,055 bytes", "8.9 % of the unpacked content, 207 kB of the download",
                 "verified: the digest of every layer", "Findings", "Deleted by layer 3, but still downloaded: 2 files of layer 1",
                 "OS101", "/var/cache/apt/archives/", "RUN rm -f /var/cache/apt/archives/*.deb"):  # fmt: skip
        assert text in words


def test_page_repeats_byte_for_byte(example: Analysis) -> None:
    """The same image analysed again gives the same page."""
    assert to_html(analyze(str(EXAMPLE), verify=False)) == to_html(example)


def test_the_page_has_every_byte(example: Analysis, tmp_path: Path) -> None:
    """Sums by layer, state and cause are those of the analysis; with links, directories, markers and an empty layer."""
    check(example, json.loads(page_data(example)))
    analysis = analysis_of(
        tmp_path,
        {"a": DIR, "a/x.py": b"1" * 50, "a/hard": Hard("a/x.py"), "b": Link("a"), "c/d/e": b"2" * 70, "c/d/.wh.f": b"odd"},
        {},
        {"a/x.py": b"3" * 9, "c/.wh.d": b"", "../out": b"lost", "root.txt": b"4"},
    )
    data = json.loads(page_data(analysis))
    check(analysis, data)
    names = data["directories"]["names"].split("/")
    assert names == ["", "..", "a", "c", "d"]
    assert data["directories"]["parents"] == [0, 0, 0, 0, 3]
    by_name = dict(zip(data["rows"]["names"].split("/"), data["rows"]["kinds"], strict=True))
    kind = data["kinds"][by_name["e"]]
    assert kind[:2] == [0, 2]
    assert data["causes"][kind[2]] == "deleted"


def test_a_repeated_blob_is_downloaded_once(tmp_path: Path) -> None:
    """Rows of a blob that several layers have count as download in the uppermost of them only, where they are visible."""
    analysis = analysis_of(tmp_path, {"a": b"1" * 100}, {"b": b"2" * 100}, {"a": b"1" * 100})
    data = json.loads(page_data(analysis))
    check(analysis, data)
    assert set(sums(data)[1]) == {(1,), (2,)}
    assert data["kinds"][data["rows"]["kinds"][data["rows"]["compressed_sizes"].index(0)]][:2] == [0, 2]


def test_an_unknown_download_stays_unknown(tmp_path: Path) -> None:
    """If a saved file does not have the compressed sizes of its layers, the page has no download bytes."""
    image = build_image([layer({"a": b"x" * 10}, "plain")])
    analysis = analyze(str(write_docker_archive(image, tmp_path / "app.tar")))
    data = json.loads(page_data(analysis))
    assert data["compressed_size"] is None
    assert data["rows"]["compressed_sizes"] is None
    check(analysis, data)


def test_saved_analyses_keep_exact_sums(example: Analysis) -> None:
    """Read back with file tables the page is the same; without, it lists the wasted files and combines all others."""
    assert page_data(from_json(to_json(example, files=True))) == page_data(example)
    data = json.loads(page_data(from_json(to_json(example))))
    check(example, data)
    rows = dict(zip(data["rows"]["names"].split("/"), data["rows"]["sizes"], strict=False))
    assert set(rows) == {"", *(entry.path.rpartition("/")[2] for entry in example.waste)}


@pytest.mark.parametrize("size", [60_000, 12_000, 6000, 2500, 1000])
def test_small_files_are_added_up_to_fit(size: int, tmp_path: Path) -> None:
    """A page of fewer bytes has the same sums and counts, and lists the largest files."""
    files = {
        f"d{number % 7}/e{number % 31}/name-{number}.{'txt' if number % 2 else 'js'}": b"x" * number for number in range(900)
    }
    analysis = analysis_of(tmp_path, files, {"d3/.wh.e3": b"", "top": b"y" * 1000})
    full, text = json.loads(page_data(analysis)), page_data(analysis, size)
    data = json.loads(text)
    assert len(text) <= max(size, 1500)
    check(analysis, data)
    assert file_count(data) == file_count(full) == analysis.file_count - 1  # one is empty
    listed = [size for size, name in zip(data["rows"]["sizes"], data["rows"]["names"].split("/"), strict=True) if name]
    if size < 60_000:
        assert 1 < data["least"] == full["least"] * data["least"]
    assert sorted(listed) == [size for size in sorted(full["rows"]["sizes"]) if size >= data["least"]][-len(listed) :]


names = st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=6).filter(
    lambda name: name not in (".", "..")
)
trees = st.dictionaries(st.lists(names, min_size=1, max_size=4).map("/".join), st.integers(1, 5000), max_size=12)


@given(trees, st.integers(1, 6000), st.integers(1, 20_000))
def test_folding_loses_nothing(tree: dict[str, int], least: int, least_folder: int) -> None:
    """Whatever the limit, files, groups and bytes are those of the rows, and directories come before their subdirectories."""
    rows = html_rows.PageRows()
    for path, size in tree.items():
        rows.add_file(path.encode("utf-8", "surrogatepass"), size, size // 2, 0, (-1, -1))
    folders = html_rows.fold_small_files(rows, least, least_folder)
    listed = [row for folder in folders for row in folder.files]
    groups = [group for folder in folders for group in folder.groups]
    assert sorted(rows.sizes[row] for row in listed) == sorted(size for size in tree.values() if size >= least)
    assert sum(rows.sizes[row] for row in listed) + sum(group[2] for group in groups) == sum(tree.values())
    assert len(listed) + sum(group[1] for group in groups) == len(tree)
    assert all(folder.parent < place for place, folder in enumerate(folders) if place)
    paths = [b""]
    for folder in folders[1:]:
        paths.append(paths[folder.parent] + b"/" + folder.name)
    for folder, place in zip(folders, paths, strict=True):
        for row in folder.files:
            assert b"/" + list(tree)[row].encode("utf-8", "surrogatepass") == place + b"/" + rows.names[row]


def test_types_are_few(tmp_path: Path) -> None:
    """However many extensions an image has, the page names a hundred types; those with the most bytes."""
    analysis = analysis_of(tmp_path, {f"file.x{number}": b"x" * (number + 1) for number in range(300)})
    data = json.loads(page_data(analysis))
    check(analysis, data)
    assert len(data["types"]) == data["special"] + html_rows.MAX_TYPES
    assert {".x299", ".x201", html_rows.RARE} <= set(data["types"])
    assert ".x200" not in data["types"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_cannot_break_out(name: str, tmp_path: Path) -> None:
    """Hostile names of files, folders, steps, images, findings and plans add no element and no attribute, and come back as text."""
    plain = analysis_of(tmp_path, {"d/x": b"x" * 1000, "d/y": b"y"}, {"d/x": b"z"}, steps=["RUN a", "RUN b"])
    finding = Finding(
        id="OS999", title="t", confidence=Confidence.SAFE, severity=Severity.HIGH, layers=(0,), build_steps=(BuildStep("RUN a"),),
        paths=("d/x",), path_count=1, size=10, compressed_size=5, fix="do",
    )  # fmt: skip
    secret = attrs.evolve(finding, category=Category.SECRET, size=0)
    steps = Plan(
        steps=(step(title="t", layers=[0], lines=[1], action="do", caution="c", ignored=["i"], findings=["OS999"], paths=["p"]),),
        edits=(PlanEdit(layer=0, build_step=BuildStep("RUN a"), text="RUN b", lines=(1, 1)),), dockerfile="Dockerfile", patch="p",
    )  # fmt: skip
    plain = attrs.evolve(plain, advice=Advice((finding, secret)), plan=steps, warnings=("w",))
    hostile = analysis_of(
        tmp_path / "hostile",
        {f"d{name}/{name}": b"x" * 1000, f"d{name}/y": b"y"},
        {f"d{name}/{name}": b"z"},
        steps=[f"RUN {name.encode('utf-8', 'replace').decode()}", "RUN b"],
    )
    finding = attrs.evolve(finding, title=name, paths=(name,), fix=name.replace("`", "'"), build_steps=(BuildStep(name),))
    secret = attrs.evolve(finding, category=Category.SECRET, size=0)
    fix = name.replace("`", "'")
    steps = attrs.evolve(
        steps,
        steps=(attrs.evolve(steps.steps[0], title=name, action=fix, caution=fix, ignored=(name,), paths=(name,)),),
        edits=(attrs.evolve(steps.edits[0], build_step=BuildStep(name), text=name),), dockerfile=name, patch=name,
    )  # fmt: skip
    hostile = attrs.evolve(
        hostile, advice=Advice((finding, secret)), plan=steps, source=name, reference=name, warnings=(name,), created=name
    )
    text = to_html(hostile)
    text.encode()
    page, expected = Page(text), Page(to_html(plain))
    assert {**page.tags, "code": 0} == {**expected.tags, "code": 0}
    assert [pair[:2] for pair in page.attributes] == [pair[:2] for pair in expected.attributes]
    assert len(page.scripts) == 2
    assert page.scripts[1] == expected.scripts[1]
    assert not set("<>&\u2028\u2029") & set(page.scripts[0])
    stored = page.data["rows"]["names"].split("/")
    assert stored.count(html_rows_name(name)) == 2 * ("/" not in name)
    assert sum(name in word or html_rows_name(name) in word for word in page.words) >= 4


def html_rows_name(name: str) -> str:
    from ocisize.text import printable

    return printable(name)


def test_embedded_text_comes_back() -> None:
    """Escapes are JSON's own, so that the scripts read what was written."""
    document = {"a": "</script>&\u2028\u2029\\u003c\"'", "b": [1, None]}
    assert json.loads(embed(document)) == document


def test_an_empty_image_has_a_page(tmp_path: Path) -> None:
    """An image without layers or files has a page."""
    for count in (0, 1):
        analysis = analysis_of(tmp_path / str(count), *[{}] * count)
        data = Page(to_html(analysis)).data
        check(analysis, data)


def test_the_limit_leaves_room_for_the_page() -> None:
    """Data, text and scripts together stay below 15 MB."""
    assert MAX_SIZE <= 14_000_000


def test_budgets_and_costs_are_in_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page shows the verdicts, worst first, and the dollars that each finding saves."""
    path = tmp_path / "report.html"
    options = ["--max-layers", "9", "--max-download", "1MB", "--cost", "deploys=1000,nodes=50", "-f", f"html={path}"]
    assert main([str(EXAMPLE), *options]) == 1
    words = Page(path.read_text("utf-8")).words
    assert words.index("FAIL") < words.index("PASS")
    assert any("1 failed, 1 passed" in word for word in words)
    assert any("download 1.59 MB > 1.00 MB" in word for word in words)
    assert any("/year" in word for word in words)
    assert not any("Budgets" in word for word in Page(to_html(analyze(str(EXAMPLE)))).words)


def lines_of(analysis: Analysis) -> str:
    """All text of a page, spaces joined."""
    return " ".join("".join(Page(to_html(analysis)).words).split())


def test_the_plan_comes_before_findings() -> None:
    """Secrets, then the steps of the plan in order, their total, the edited instructions, the patch, and the findings."""
    secret = attrs.evolve(make_finding(401, text="a secret", size=0), category=Category.SECRET, paths=("app/.env",))
    analysis = with_plan(attrs.evolve(image(), advice=Advice((*image().advice.findings, secret))))
    words = lines_of(analysis)
    assert (
        words.index("SecretsA secretPlanAll 3 fixes")
        < words.index("Where the bytes are")
        < words.index("Secrets in the image")
    )
    words = words[words.index("Secrets in the image") :]
    parts = [
        "Secrets in the image", "A secret", "/app/.env", "Fix first", "2.00 kBdownload1. apt archives left behind",
        "safe · Dockerfile:3 · 4.00 kB unpacked · OS101", "Delete them in the RUN that downloads them.",
        "2. documentation copied into the image", "probably · layer 3 · .dockerignore", "3. test data",
        "ask · Dockerfile:3, 6 · 500 B unpacked · by hand", "Check that no test runs in the image.",
        "All 3 fixes: 3.25 kB less to download (32 %), 2.00 kB of it safe.",
        "Dockerfile:3-4 · replaces RUN apt-get install", "Dockerfile:5 · delete RUN rm", "Add to .dockerignore",
        "docs !docs/keep.md", "All edits as a patch, 6 lines", "Findings", "fix 1",
    ]  # fmt: skip
    places = [words.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)


def test_code_of_the_plan_can_be_copied() -> None:
    """Final texts, patterns and patch are in blocks, line by line, with tabs and without escapes."""
    odd = attrs.evolve(plan(), edits=(attrs.evolve(plan().edits[0], text="RUN <<EOF\r\n\tif a; then\r\nEOF \x1b"),))
    blocks = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", to_html(with_plan(image(), odd)), re.DOTALL)
    assert [unescape(re.sub(r"</?span[^>]*>", "", text)) for text in blocks] == [
        "RUN <<EOF\n\tif a; then\nEOF \\x1b", "docs\n!docs/keep.md", PATCH.rstrip("\n"),
    ]  # fmt: skip


def test_code_has_the_line_numbers_of_the_dockerfile() -> None:
    """Edited instructions are numbered from their first line; a patch has old numbers, and new ones at added lines."""
    text = to_html(with_plan(image()))
    edited = plan().edits[0]
    assert edited.lines is not None
    assert f'<pre class="numbered"><code><span data-line="{edited.lines[0]}">RUN' in text
    assert '<span data-line="3" class="removed">-RUN apt-get install</span>' in text
    assert '<span data-line="4" class="added">+ &amp;&amp; rm -rf /var/cache/apt</span>' in text
    two = "--- a/D\n+++ b/D\n@@ -1,2 +1,2 @@\n a\n--- b\n+++ c\n--- a/.dockerignore\n+++ b/.dockerignore\n@@ -0,0 +1 @@\n+x"
    lines = re.findall(r'data-line="(\d*)"(?: class="(\w+)")?', patch_block(two))
    assert lines == [("", ""), ("", ""), ("", ""), ("1", ""), ("2", "removed"), ("2", "added"),
                     ("", ""), ("", ""), ("", ""), ("1", "added")]  # fmt: skip


def test_a_plan_without_a_dockerfile_names_layers_and_steps() -> None:
    """No line is named, and the build steps are shown; bytes of download that are estimates are marked."""
    words = lines_of(with_plan(image(), attrs.evolve(plan(dockerfile=None), estimated=True)))
    assert (
        "≈ 2.00 kBdownload1. apt archives left behindsafe · layer 1 · 4.00 kB unpacked · OS101Layer 1: RUN apt-get install"
        in words
    )
    assert "Layer 1 · replaces RUN apt-get install" in words
    assert "≈: the download is an estimate" in words
    assert "Dockerfile:" not in words and "patch" not in words


def test_an_image_with_nothing_to_fix_says_so(tmp_path: Path) -> None:
    """Without findings and steps there is one sentence, and no plan."""
    words = lines_of(attrs.evolve(analysis_of(tmp_path, {"a": b"1"}), advice=Advice()))
    assert "Nothing worth fixing was found." in words
    assert "Fix first" not in words


def test_remarks_have_no_size() -> None:
    """A finding that saves no bytes is called a remark where others have their saving."""
    analysis = attrs.evolve(image(), advice=Advice((make_finding(701, size=0, compressed_size=0),)))
    assert '<p class="saving">remark</p>' in to_html(analysis)


@given(random_plans(4))
def test_any_plan_has_a_page(random_plan: Plan) -> None:
    """Whatever a plan says, the page is one document with two scripts and no other markup than that of a plain plan."""
    text = to_html(with_plan(image(), random_plan))
    text.encode()
    page = Page(text)
    assert (len(page.scripts), page.tags["html"], page.tags["img"]) == (2, 1, 0)
    assert {value for _, name, value in page.attributes if name == "href"} <= {
        "data:,", "#secrets-title", "#plan-title", *(f"#fix-{number}" for number in range(1, 7)),
    }  # fmt: skip
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
