"""Reports: text that fits and cannot harm a terminal, JSON that comes back as it went."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.sizes.files import SortOrder, list_files, select_layers
from ocisize.sizes.tree import make_tree
from ocisize.errors import ReportError
from ocisize.tar.filetable import FileTable
from ocisize.report.export.dive_json import to_dive_json
from ocisize.report.text.files import write_files
from ocisize.report.text.full import write_sections
from ocisize.report.text.tree import write_tree
from ocisize.report.words.units import human_size, percent, shorten_path, shorten_step, shorten_steps
from ocisize.text import printable
from ocisize.report.json.views import files_to_json, tree_to_json
from tests.images import DIR, File, Hard, Link, build_image, layer, write_docker_archive, write_layout


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """An image with something in every table: waste, odd names, links, extended attributes."""
    base = layer(
        {
            "etc": DIR,
            "etc/passwd": b"root" * 1000,
            "bin/sh": b"#!" * 50_000,
            "bin/bash": Hard("bin/sh"),
            "bin/ash": Link("sh"),
            "app/deep/" + "folder/" * 20 + "file.bin": b"z" * 5000,
            "caf\udce9\x1b[31m.txt": b"latin-1 and an escape",
            "xattr": File(b"x", pax={"SCHILY.xattr.user.note": "hello"}),
        }
    )
    top = layer({"etc/passwd": File(b"root" * 1000, uid=7), "bin/.wh.bash": b"", "app/.wh.deep": b""}, "zstd")
    image = build_image([base, top])
    folder = write_layout(image, tmp_path_factory.mktemp("report") / "layout")
    return Analyzer(platform="linux/amd64").analyze(str(folder))


def tree_of(
    analysis: Analysis, *, most: int = 50, layer: int | None = None, order: SortOrder = SortOrder.SIZE, **options: Any
) -> str:
    file = io.StringIO()
    tree = make_tree(select_layers(analysis.layers, layer), count=most, order=order)
    write_tree(analysis, tree, file, layer=layer, order=order, **options)
    return file.getvalue()


def files_of(analysis: Analysis, *, most: int = 50, layer: int | None = None, **options: Any) -> str:
    file = io.StringIO()
    write_files(analysis, list_files(select_layers(analysis.layers, layer), count=most), file, layer=layer, **options)
    return file.getvalue()


def text_of(analysis: Analysis, **options: Any) -> str:
    file = io.StringIO()
    write_sections(analysis, file, **options)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("report", [text_of, tree_of, files_of])
def test_text_fits_its_width(analysis: Analysis, width: int, report: Callable[..., str]) -> None:
    """No line of a report is wider than the terminal."""
    assert max(map(len, report(analysis, width=width).splitlines())) <= width


def test_groups_are_side_by_side(analysis: Analysis) -> None:
    """The largest directories and file types, half as many as there are rows in the lists of files."""
    lines = text_of(analysis, width=100, top=4).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Where the bytes are"))
    assert lines[start + 1].split() == ["Size", "Download", "Directory", "Size", "Download", "File", "type"]
    assert re.fullmatch(r" *100 kB +\S+ k?B /bin/ +100 kB +\S+ k?B programs", lines[start + 2])
    assert re.fullmatch(r" *8\.00 kB +\S+ k?B /etc/ +.* other files", lines[start + 3])
    assert lines[start + 4] == ""
    assert "Where the bytes are" not in text_of(analysis, top=0)


def test_trees_are_drawn(analysis: Analysis) -> None:
    """Branches lead to children; bars are as long as what a node weighs, wasted bytes lighter."""
    text = tree_of(analysis, width=120)
    assert re.search(r"100\.0 % █+\S*░+ /\n", text)
    assert re.search(r"├ bin/\n.*│ └ sh\n", text)
    assert re.search(r"0 B +5\.00 kB .*file\.bin\n", text)
    bars = [len(re.findall("[█▏▎▍▌▋▊▉░]", line)) for line in text.splitlines()[3:]]
    assert max(bars) == bars[1] == 20
    assert "… 5 more files" in tree_of(analysis, most=1)


def test_a_view_of_a_layer_names_it(analysis: Analysis) -> None:
    """The heading of a view has the number and build step of the layer."""
    for text in (tree_of(analysis, layer=1), files_of(analysis, layer=1)):
        assert text.splitlines()[1].startswith("linux/amd64 · layer 1: RUN step 1")


def test_trees_by_download(analysis: Analysis) -> None:
    """Shares are those of what orders the tree."""
    lines = tree_of(analysis, order=SortOrder.DOWNLOAD).splitlines()
    assert "100.0 %" in lines[4]
    shares = [float(found[1]) for line in lines[5:] if (found := re.search(r"([0-9.]+) %", line))]
    assert max(shares) < 100


def test_views_cannot_steer_the_terminal(analysis: Analysis) -> None:
    """Escape sequences in file names are shown, not sent, by every view."""
    for text in (tree_of(analysis, width=160, color=False), files_of(analysis, width=160, color=False)):
        assert "\x1b" not in text
        assert r"caf\xe9\x1b[31m.txt" in text
    for document in (
        files_to_json(analysis, list_files(analysis.layers, count=50)),
        tree_to_json(analysis, make_tree(analysis.layers, count=50)),
    ):
        assert r"caf\\xe9" in document
        document.encode("ascii")


def test_text_says_what_matters(analysis: Analysis) -> None:
    """Totals, layers with their build step, wasted files with cause and layers, and the largest files are there."""
    text = text_of(analysis, width=100)
    for words in ("linux/amd64", "OCI layout, 2 layers (gzip, zstd)", f"manifest {analysis.digest}", "verified", "Download",
                  "Unpacked", "Live", "Waste", "RUN step 0", "RUN step 1", "metadata-only", "deleted", "0→1",
                  "/etc/passwd", "Largest files"):  # fmt: skip
        assert words in text
    assert f"{analysis.compressed_size:,} bytes" in text


def test_wide_text_shows_more(analysis: Analysis) -> None:
    """At 120 columns the layer table also shows what layers take on disk."""
    assert text_of(analysis, width=120).count("On disk") == 2
    assert text_of(analysis, width=80).count("On disk") == 1


def test_cut_lists_end_with_the_rest(analysis: Analysis) -> None:
    """A list that is cut says how many entries and bytes are missing."""
    rest = len(analysis.waste) - 1
    assert f"… and {rest} more" in text_of(analysis, top=1)


def test_names_cannot_steer_the_terminal(analysis: Analysis) -> None:
    """Escape sequences in file names are shown, not sent."""
    text = text_of(analysis, width=120, top=50, color=False)
    assert "\x1b" not in text
    assert r"caf\xe9\x1b[31m.txt" in text


def test_colour_is_a_choice(analysis: Analysis) -> None:
    """Colour appears when it is asked for, and never by itself in a file."""
    assert "\x1b[" in text_of(analysis, color=True)
    assert "\x1b[" not in text_of(analysis)


def test_an_unknown_download_size_is_said(tmp_path: Path) -> None:
    """Plain layers of a docker-archive have no download size, and the report marks the estimate as one."""
    path = write_docker_archive(build_image([layer({"a": b"1" * 100}), layer({"a": b"2"})]), tmp_path / "a.tar")
    analysis = Analyzer().analyze(str(path))
    assert analysis.compressed_size is None
    assert analysis.wasted_compressed_size is None
    assert analysis.estimated_compressed_size is not None
    text, size = text_of(analysis, width=160), f"≈ {analysis.estimated_compressed_size} B"
    assert re.search(rf"Download +{size} +.* · estimated with gzip -6\n", text)
    assert text.splitlines()[1].startswith(f"{size} download · 101 B unpacked · 100 B hidden waste")
    unsampled = text_of(Analyzer(estimate_download=False).analyze(str(path)), width=160)
    assert re.search(r"Download +\? +.* · layers in this file are uncompressed\n", unsampled)
    assert unsampled.splitlines()[1].startswith("101 B unpacked · 100 B hidden waste · download size unknown")
    assert "not verified: 2 plain layers were read in place" in text


def test_an_image_without_waste_says_so(tmp_path: Path) -> None:
    """Without waste there is a line, not an empty table."""
    folder = write_layout(build_image([layer({"a": b"1"})]), tmp_path / "layout")
    assert "No wasted files." in text_of(Analyzer().analyze(str(folder)))


def test_an_empty_image_is_reported(tmp_path: Path) -> None:
    """An image without layers has figures of zero and full efficiency."""
    analysis = Analyzer().analyze(str(write_layout(build_image([]), tmp_path / "layout")))
    assert (analysis.compressed_size, analysis.content_size, analysis.efficiency) == (0, 0, 1.0)
    assert "0 layers" in text_of(analysis)


@pytest.mark.parametrize("files", [False, True])
def test_json_comes_back(analysis: Analysis, files: bool) -> None:
    """from_json gives the analysis that to_json wrote, and writing it again gives the same text."""
    text = to_json(analysis, files=files)
    back = from_json(text)
    assert to_json(back, files=files) == text
    assert [entry.size for entry in back.waste] == [entry.size for entry in analysis.waste]
    assert back.layers[0].wasted_size == analysis.layers[0].wasted_size


def test_json_is_an_equal_value(tmp_path: Path) -> None:
    """With plain names the analysis read back equals the one written."""
    image = build_image([layer({"a": b"1", "b": b"2"}), layer({"a": b"3"})])
    analysis = Analyzer().analyze(str(write_layout(image, tmp_path / "layout")))
    assert from_json(to_json(analysis)) == analysis


def test_file_tables_come_back(analysis: Analysis) -> None:
    """The columns of a file table survive the way through JSON."""
    back = from_json(to_json(analysis, files=True))
    for before, after in zip(analysis.layers, back.layers, strict=True):
        assert isinstance(before.files, FileTable)
        assert isinstance(after.files, FileTable)
        assert after.files.sizes == before.files.sizes
        assert after.files.compressed_sizes == before.files.compressed_sizes
        assert bytes(after.files.hashes) == bytes(before.files.hashes)
        assert [entry.mode for entry in after.files] == [entry.mode for entry in before.files]
    assert any(entry.xattrs == {"user.note": b"hello"} for entry in back.layers[0].files or ())


def test_json_sizes_are_integers(analysis: Analysis) -> None:
    """Every size and count in the document is an integer of bytes."""

    def check(document: Any) -> None:
        for name, value in document.items() if isinstance(document, dict) else enumerate(document):
            if isinstance(value, dict | list):
                check(value)
            elif name == "estimated_compressed_size":
                assert value is None, "the compressed sizes are known"
            elif name == "size" or str(name).endswith(("_size", "_count")):
                assert type(value) is int, name

    check(json.loads(to_json(analysis)))


def test_dives_figures_are_shown(analysis: Analysis) -> None:
    """The text has a row for dive, with its efficiency and its waste; the JSON has all of its figures."""
    figures = analysis.dive
    assert figures is not None
    row = next(line for line in text_of(analysis, width=120).splitlines() if line.startswith("dive"))
    assert percent(figures.efficiency) in row
    assert human_size(figures.wasted_size) in row
    document = json.loads(to_json(analysis))
    assert document["dive"]["efficiency"] == figures.efficiency
    assert document["dive"]["user_wasted_ratio"] == figures.user_wasted_ratio
    assert from_json(json.dumps(document)).dive == figures


def test_a_ratio_of_nothing_is_null(tmp_path: Path) -> None:
    """One layer has no user's part: dive's ratio is no number, which JSON cannot say."""
    analysis = Analyzer().analyze(str(write_layout(build_image([layer({"a": b"1"})]), tmp_path / "layout")))
    assert analysis.dive is not None
    assert math.isnan(analysis.dive.user_wasted_ratio)
    assert json.loads(to_json(analysis))["dive"]["user_wasted_ratio"] is None
    assert from_json(to_json(analysis)).dive == analysis.dive


def test_documents_without_dives_figures_load(analysis: Analysis) -> None:
    """What was saved before there were such figures is read, and shown without their row."""
    document = json.loads(to_json(analysis, files=True))
    del document["dive"]
    for stored in document["layers"]:
        del stored["member"], stored["files"]["claimed_sizes"], stored["files"]["type_flags"], stored["files"]["rooted"]
    back = from_json(json.dumps(document))
    assert back.dive is None
    assert not any(line.startswith("dive") for line in text_of(back).splitlines())
    assert to_dive_json(back) == to_dive_json(attrs.evolve(analysis, layers=back.layers))


def test_dives_export_needs_file_tables(tmp_path: Path) -> None:
    """An analysis read back exports the same; one that was saved without its file tables cannot, and the error says why."""
    image = build_image([layer({"/a": b"1", "b/c": Link("x"), "d": DIR}), layer({"a": b"23", ".wh.d": b""})])
    analysis = Analyzer().analyze(str(write_docker_archive(image, tmp_path / "a.tar")))
    assert to_dive_json(from_json(to_json(analysis, files=True))) == to_dive_json(analysis)
    with pytest.raises(ReportError, match="without its file tables"):
        to_dive_json(from_json(to_json(analysis)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "not a saved analysis"),
        ("[]", "its schema is not ocisize.analysis"),
        ('{"schema": "ocisize.index", "version": 1}', "its schema is ocisize.index, not ocisize.analysis"),
        ('{"schema": "ocisize.analysis", "version": 99}', "version 99"),
        ('{"schema": "ocisize.analysis", "version": 1}', "not a valid saved analysis"),
    ],
)
def test_other_json_is_refused(text: str, says: str) -> None:
    """What is not a saved analysis of this version is a clear error."""
    with pytest.raises(ReportError, match=says):
        from_json(text)


@pytest.mark.parametrize(
    ("column", "change", "says"),
    [
        ("compressed_sizes", lambda values: values[:-1], "columns of different lengths"),
        ("content_hashes", lambda values: ["ab" * 17, *values[1:]], "content hashes that are too long"),
        ("paths", lambda values: ["a\0b", *values[1:]], "paths with NUL"),
        ("stored_sizes", lambda values: values | {"999999": 1}, "rows that do not exist"),
        ("stored_sizes", lambda values: values | {"0": 1}, "sparse files with impossible sizes"),
        ("stored_sizes", lambda values: values | {"0": -1}, "negative sizes"),
        ("links", lambda values: values | {"-1": "x"}, "rows that do not exist"),
    ],
)
def test_file_tables_that_do_not_fit_together_are_refused(
    column: str, change: Callable[[Any], Any], says: str, analysis: Analysis
) -> None:
    """What was edited by hand is a clear error, before anything is computed from it."""
    document = json.loads(to_json(analysis, files=True))
    table = document["layers"][0]["files"]
    table[column] = change(table[column])
    with pytest.raises(ReportError, match=says):
        from_json(json.dumps(document))


def test_wrong_types_are_named(analysis: Analysis) -> None:
    """A saved analysis with a wrong type is refused with the path of the value."""
    document = json.loads(to_json(analysis))
    document["layers"][1]["tar_size"] = "10"
    with pytest.raises(ReportError, match=r"expected int, got str.*\$\.layers\[1\]\.tar_size"):
        from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("content_size", -1, "the image: content_size is out of range"),
        ("wasted_size", 10**400, "the image: wasted_size is out of range"),
        ("layers.1.index", 7, "layer 1 has the index 7"),
        ("layers.0.file_count", -1, "layer 0: file_count is out of range"),
        ("waste.0.held_by", 9, "there is no layer 9"),
        ("waste.0.hidden_by", -2, "there is no layer -2"),
        ("waste.0.size", -2, "a wasted entry has a negative size"),
        ("advice.findings.0.layers", [0, 5], "there is no layer 5"),
        ("advice.findings.0.build_steps", [], "and 0 build steps"),
        ("groups.directories.0.content_size", -5, "content_size is out of range"),
        ("dive.efficiency", float("inf"), "dive's figures: efficiency is inf"),
        ("dive.layer_sizes", [-1], "a layer size of dive is out of range"),
        ("dive.layer_sizes", [], "dive's figures are of 0 layers"),
        ("advice.findings.0.id", "\x1b[31m\ud800", r"'\x1b[31m\ud800' is not the id of a finding"),
        ("system.packages", -1, "the system: packages is out of range"),
        ("layers.0.files.kinds", "Z", "columns of different lengths"),
        ("layers.0.files.paths.0", "a\0b", "paths with NUL"),
        ("layers.0.files.sizes.0", -1, "negative sizes"),
        ("layers.0.files.ends.0", 1 << 60, "ends that are not in order"),
        ("layers.0.files.content_hashes.0", "ab" * 40, "content hashes that are too long"),
        ("layers.0.files.modes.0", "a", "values that are not numbers"),
        ("layers.0.files.links", {"99": "a"}, "rows that do not exist"),
        ("layers.0.files.stored_sizes", {"0": 1 << 80}, "values that are not numbers"),
    ],
)
def test_a_saved_analysis_that_cannot_be_is_refused(analysis: Analysis, path: str, value: Any, says: str) -> None:
    """Figures that are none, and pointers to layers and rows that do not exist, are refused when a document is read."""
    document = json.loads(to_json(analysis, files=True))
    *places, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    container: Any = document
    for place in places:
        container = container[place]
    container[last] = value
    with pytest.raises(ReportError, match=re.escape(says)):
        from_json(json.dumps(document))


def test_kinds_that_do_not_exist_are_refused(analysis: Analysis) -> None:
    """Each row is of a kind that there is."""
    document = json.loads(to_json(analysis, files=True))
    files = document["layers"][0]["files"]
    files["kinds"] = "Z" * len(files["kinds"])
    with pytest.raises(ReportError, match="kinds that do not exist"):
        from_json(json.dumps(document))


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (9994, "9.99 kB"), (9996, "10.0 kB"), (99_960, "100 kB"),
     (999_499, "999 kB"), (999_500, "1.00 MB"), (1_119_533_875, "1.12 GB"), (None, "?")],
)  # fmt: skip
def test_human_sizes(size: int | None, text: str) -> None:
    """Sizes have three digits and a decimal unit, rounded before the unit is chosen."""
    assert human_size(size) == text


def test_small_words() -> None:
    """Percent, safe text and shortened paths look as people expect."""
    assert percent(0.3642) == "36.4 %"
    assert printable("a\x1b\u202eb\udcff") == r"a\x1b\u202eb\xff"
    assert printable("\u061c\u200e\u2067") == r"\u061c\u200e\u2067"
    assert shorten_path("/usr/lib/python3/file.so", 40) == "/usr/lib/python3/file.so"
    assert human_size(None) == "?"


@pytest.mark.parametrize(
    ("path", "width", "short"),
    [
        ("/usr/" + "x" * 100 + "/file.so", 20, "/usr/…/file.so"),
        ("/a/b/c/d/e/f/name", 14, "/a/b/…/f/name"),
        ("/usr/lib/x86_64-linux-gnu/", 24, "/usr/…/x86_64-linux-gnu/"),
        ("/usr/local/lib/python3/site-packages/lxml/etree.so", 40, "/usr/local/…/site-packages/lxml/etree.so"),
        ("/root/.cache/pip/http/5/9/7/7/0/59770ae78c41cbbac8e3c18914fe69a3f2bc13", 45,
         "/root/.cache/pip/http/5/9/7/7/0/59770ae7…"),
        ("/app/.git/objects/pack/pack-7f0819f72ef12be3c032af2c75df577c2d2d8609.pack", 45,
         "/app/.git/objects/pack/pack-7f0819f7….pack"),
        ("/a/deb.debian.org_debian_dists_bookworm_Packages", 30, "/…/deb.debia…bookworm_Packages"),
        ("/a/b/deb.debian.org_debian_dists_bookworm_Packages", 34, "/a/…/deb.debian…_bookworm_Packages"),
        ("one-long-name-without-folders.deb", 20, "one-lon…-folders.deb"),
    ],
)  # fmt: skip
def test_paths_are_cut_at_slashes(path: str, width: int, short: str) -> None:
    """Hashes first, then names in the middle; the last name is cut only where it alone is too long."""
    assert shorten_path(path, width) == short


@given(st.text("/abcdef0123456789.é", max_size=80), st.integers(8, 90))
def test_short_paths_fit(path: str, width: int) -> None:
    """Whatever a path looks like, it fits, and one that fits already is left alone."""
    short = shorten_path(path, width)
    assert len(short) <= width
    assert len(path) > width or short == path


@pytest.mark.parametrize(
    ("step", "short"),
    [
        ("RUN apt-get update && apt-get install -y tini", "RUN … apt-get install -y tini"),
        ("RUN set -eux; mkdir -p /x && cp models/a /srv/models/a", "RUN … cp models/a /srv/models/a"),
        ("RUN pip install --no-cache-dir --break-system-packages numpy", "RUN pip install … numpy"),
        ("RUN make all && apt-get update && make install", "RUN make all && apt-get update …"),
        ("COPY --chown=1000:1000 --from=build /app /app", "COPY --chown=1000:1000 --from=b…"),
        ("RUN apt-get update", "RUN apt-get update"),
    ],
)
def test_steps_show_what_tells_them_apart(step: str, short: str) -> None:
    """What many RUNs begin with makes room, and only where room is needed."""
    assert shorten_step(step, 32) == short
    assert shorten_step(step, 80) == step


def test_steps_that_look_alike_are_cut_in_their_middle() -> None:
    """The difference between two steps may be at their end."""
    steps = ["RUN python3 tools/build_pages.py /srv/pages draft", "RUN python3 tools/build_pages.py /srv/pages", "RUN x"]
    assert shorten_steps(steps, 30) == ["RUN python…py /srv/pages draft", "RUN python…pages.py /srv/pages", "RUN x"]


def test_only_titles_are_bold(analysis: Analysis) -> None:
    """On a terminal the style of a finding's title ends with the title, and no line is padded with blanks."""
    text = text_of(analysis, color=True, width=80)
    assert re.search(r"\x1b\[1m(?:deleted|overwritten) by layer \d(?s:.){1,90}?\x1b\[0m\n.*\x1b\[2mOS10", text)
    assert not re.search(r"\x1b\[1m→|\x1b\[1;2m", text)
    assert not re.search(r" (\x1b\[0m)?$", text, re.MULTILINE)


def test_whiteouts_are_no_files(tmp_path: Path) -> None:
    """The list of the largest files has no more rows than there are files."""
    image = build_image([layer({"a": b"1", "b": b""}), layer({".wh.a": b""})])
    text = io.StringIO()
    write_sections(Analyzer().analyze(write_layout(image, tmp_path / "layout")), text)
    assert text.getvalue().partition("Largest files of 2\n")[2].count("\n") == 3
