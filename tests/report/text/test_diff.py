"""Comparisons as text that fits and says the cause first, and as JSON."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer, from_json, to_json
from ocisize.comparison.images import compare
from ocisize.model.comparison import Comparison, LayerStatus
from ocisize.model.file_changes import FileChangeKind
from ocisize.report.text.diff import write_diff
from ocisize.report.words.download import human_download
from ocisize.report.json.diff import comparison_to_json
from tests.images import Entries, File, Link, build_image, layer, write_docker_archive
from tests.comparison.test_images import NOISE, STEPS, analyzed, rebuilt

LONG = "usr/share/" + "very-long-folder-name/" * 6 + "file.bin"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Two images with something in every table, and names that would steer a terminal."""
    before: list[Entries] = [*NOISE, {"app/a": b"a" * 5000, "caf\udce9\x1b[31m": b"1", "gone": b"g" * 700}]
    after: list[Entries] = [
        NOISE[0],
        NOISE[1] | {LONG: b"git" * 9000},
        rebuilt(NOISE[2], 4),
        {path: File(content, mtime=5) for path, content in NOISE[3].items()},
        {"app/a": b"a" * 5000, "caf\udce9\x1b[31m": b"22", "link": Link("app/a")},
        {"app/a": File(b"a" * 5000, uid=7), "moved/lib/0": b""},
    ]
    steps = [*STEPS, "COPY . /app"]
    new = [STEPS[0], "RUN apt-get install -y python3 git\x1b[31m", *STEPS[2:], "COPY . /app", "RUN chown -R 7 /app"]
    return compare(analyzed(before, steps), analyzed(after, new))


def text_of(comparison: Comparison, **options: Any) -> str:
    file = io.StringIO()
    write_diff(comparison, file, **options)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_text_fits_its_width(comparison: Comparison, width: int) -> None:
    """No line of the report is wider than the terminal."""
    assert max(map(len, text_of(comparison, width=width).splitlines())) <= width


def test_text_says_what_matters(comparison: Comparison) -> None:
    """Totals, download, causes, advice, layers, kinds, directories and files are there, the largest cause first."""
    text = text_of(comparison, width=120)
    for words in ("Grew by", "A host with BEFORE downloads", f"{comparison.compressed_growth:+,} bytes",
                  f"{comparison.growth:+,} bytes", "1 of 6 layers shared", "Why", "Advice", "1→1", "·→5", "rebuilt",
                  "stored again", "unchanged", "together", "Directories", "Files: 8 (layer before→after)"):  # fmt: skip
        assert words in text, words
    assert text.index("(step changed: `git") < text.index("is new: stores 1 file of layer 4 again")
    assert text.index("Why") < text.index("Layers, base first")


def test_names_cannot_steer_the_terminal(comparison: Comparison) -> None:
    """Escape sequences in names and steps are shown, not sent."""
    text = text_of(comparison, width=160, top=50, color=False)
    assert "\x1b" not in text
    assert r"caf\xe9\x1b[31m" in text


def test_colour_is_a_choice(comparison: Comparison) -> None:
    """Colour appears when it is asked for, and never by itself in a file."""
    assert "\x1b[" in text_of(comparison, color=True)
    assert "\x1b[" not in text_of(comparison)


def test_lists_are_cut(comparison: Comparison) -> None:
    """A cut list says what is missing; with none at all the totals and layers are left."""
    assert "… and 7 more (-f json has all)" in text_of(comparison, top=1)
    text = text_of(comparison, top=0)
    assert "Why" not in text and "Files:" not in text and "Layers, base first" in text


def test_nothing_changed_is_one_line() -> None:
    """The same image is reported in one line, and so is another config over the same layers."""
    image = analyzed(NOISE[:2], STEPS[:2])
    assert text_of(compare(image, image)).startswith("Nothing changed: the same 2 layers, ")
    assert len(text_of(compare(image, image)).splitlines()) == 1
    other = compare(image, analyzed(NOISE[:2], ["RUN x", "RUN y"]))
    assert text_of(other).startswith("Only the config changed: the same 2 layers, ")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({"a": b"1" * 500}, {"a": b"1" * 400}, "100 B (20.0 %) unpacked."),
        ({"a": b"1" * 500}, {}, "500 B (100.0 %) unpacked."),
        ({}, {"a": b"1" * 500}, "500 B unpacked."),
        ({"a": b"1" * 5000}, {"a": b"1" * 5000, "b": b"2"}, "1 B (less than 0.1 %) unpacked."),
        ({"a": b"1"}, {"a": b"2"}, "the same size unpacked."),
    ],
)
def test_headlines(before: Entries, after: Entries, says: str) -> None:
    """The first sentence tells both growths, with their share where there is one."""
    text = " ".join(text_of(compare(analyzed([before]), analyzed([after])), width=160).split())
    assert says in text


def test_other_signs_are_distinguished() -> None:
    """An image that grows to download and shrinks unpacked is reported with both words."""
    found = compare(analyzed([{"a": b"0" * 90_000}]), analyzed([{"a": bytes(range(256)) * 8 + b"\1\7\3" * 99}]))
    assert found.compressed_growth is not None
    assert found.compressed_growth > 0 > found.growth
    assert "to download, shrank by" in " ".join(text_of(found).split())


def test_unknown_download_sizes_are_said(tmp_path: Path) -> None:
    """Plain layers of a docker-archive have no download size; growth is estimated, or without a sample shown unpacked."""
    path = write_docker_archive(build_image([layer({"a": b"1" * 100})]), tmp_path / "a.tar")
    before, after = Analyzer(estimate_download=False).analyze(path), analyzed([{"a": b"1" * 300}])
    text = text_of(compare(before, after))
    assert "Grew by 200 B (200.0 %) unpacked; the download is unknown" in text
    assert text_of(compare(after, before)).count("?") > 2
    sampled = compare(Analyzer().analyze(path), after)
    assert sampled.compressed_growth is None
    assert sampled.estimated_growth is not None
    text = text_of(sampled)
    assert f"≈ {abs(sampled.estimated_growth)} B" in text
    assert re.search(rf"^Download +{human_download(sampled.before)} +{human_download(after)} +≈ [+-]", text, re.MULTILINE)
    assert "Grew by 200 B (200.0 %) unpacked; the" not in text


def test_unknown_figures_are_explained() -> None:
    """Without its files a saved analysis has no tables of files, and the report says why."""
    saved = from_json(to_json(analyzed([{"a": b"1"}])))
    text = text_of(compare(saved, analyzed([{"a": b"22"}])))
    assert "Files are not compared: BEFORE was saved without them (-f json --files keeps them)." in text
    assert "Directories" not in text
    text = text_of(compare(analyzed([{"a": b"22"}]), saved))
    assert "Files are not compared: AFTER was saved" in text


def test_platforms_that_differ_are_shown() -> None:
    """Comparing images of two platforms is allowed and shown."""
    arm = build_image([layer({"a": b"1"})], architecture="arm64")
    from tests.oci.test_image import single

    text = text_of(compare(analyzed([{"a": b"22"}]), Analyzer().analyze_source(single(arm))))
    assert "linux/amd64 → linux/arm64" in text


def test_json_has_it_all(comparison: Comparison) -> None:
    """The document adds up, names the schema, and its sizes are integers of bytes."""
    document = json.loads(comparison_to_json(comparison))
    assert (document["schema"], document["version"]) == ("ocisize.comparison", 1)
    assert document["growth"] == sum(change["growth"] for change in document["layers"])
    assert document["compressed_growth"] == sum(files["compressed_growth"] for files in document["kinds"].values())
    assert document["growth"] == sum(directory["growth"] for directory in document["directories"])
    assert len(document["files"]) == 8
    assert document["shared_layers"] == [0]
    assert document["shareable_layers"] == [3]
    assert document["without_files"] == []
    assert {file["kind"] for file in document["files"]} == {"added", "changed", "removed", "stored again"}
    assert any(file["path"] == r"caf\xe9" + "\x1b[31m" for file in document["files"])
    assert len(json.loads(comparison_to_json(comparison, top=2))["files"]) == 2


def test_json_without_files() -> None:
    """What is not known is null."""
    saved = from_json(to_json(analyzed([{"a": b"1"}])))
    document = json.loads(comparison_to_json(compare(saved, analyzed([{"a": b"22"}]))))
    assert (document["files"], document["kinds"], document["without_files"]) == (None, None, ["before"])
    assert document["layers"][0]["unchanged"] is None


def test_the_page_on_comparisons_has_all_words(comparison: Comparison) -> None:
    """Every status, kind and field is in the documentation."""
    page = (Path(__file__).parent.parent.parent.parent / "docs" / "diff.md").read_text()
    for word in (*LayerStatus, *FileChangeKind, *json.loads(comparison_to_json(comparison))):
        assert f"`{word}`" in page or word in ("schema", "version", "ocisize"), word


def test_figures_say_what_they_are_of(tmp_path: Path) -> None:
    """Causes and advice are about the download, or unpacked if it is unknown; columns of nothing but that are left out."""
    steps = ["ADD x /", "RUN pip install numpy"]
    before, after = (
        analyzed(NOISE[:2], steps),
        analyzed([rebuilt(NOISE[0], 9) | {"more": b"m"}, rebuilt(NOISE[1], 5)], steps),
    )
    text = text_of(compare(before, after), width=100)
    assert "Why (growth of the download)" in text
    assert "Advice (bytes of the download affected)" in text
    built = [layer(rebuilt(NOISE[0], 9) | {"more": b"m"}), layer(rebuilt(NOISE[1], 5))]
    image = build_image(built, history=[{"created_by": step} for step in steps])
    archive = Analyzer(hash_content=True).analyze(write_docker_archive(image, tmp_path / "a.tar"))
    text = text_of(compare(before, archive), width=100)
    assert "Why (growth of the unpacked size)" in text
    assert "Advice (bytes of the unpacked size affected)" in text
    tables = text[text.index("Layers, base first") :]
    assert "Download" not in tables and "?" not in tables


def test_all_sizes_are_of_one_measure(tmp_path: Path) -> None:
    """If the download of one image is unknown, all sizes are unpacked, also of a layer whose download is known."""
    steps = ["ADD x /", "RUN make", "COPY . /app"]
    old: list[Entries] = [NOISE[0], {"gone": b"0" * 90_000, "too": b"t" * 700}, {"app/a": b"1" * 500}]
    new = [layer(NOISE[0]), layer({"app/a": b"2" * 900, "app/b": b"3" * 400})]
    image = build_image(new, history=[{"created_by": step} for step in (steps[0], steps[2])])
    archive = Analyzer(hash_content=True).analyze(write_docker_archive(image, tmp_path / "a.tar"))
    found = compare(analyzed(old, steps), archive)
    assert [(reason.weight, reason.compressed_growth) for reason in found.reasons] == [(-90_700, None), (800, None)]
    assert found.reasons[1].text.endswith("adds 1 file +400 B, most in /app/; changes 1 file +400 B")
    text = text_of(found, width=100)
    assert "Why (growth of the unpacked size)" in text
    assert re.search(r"^-90.7 kB layer 1 of BEFORE", text, re.MULTILINE)


def test_the_same_tars_stored_otherwise_are_one_line(tmp_path: Path) -> None:
    """An archive that holds the same layers uncompressed has nothing to tell but that."""
    image = build_image([layer(entries) for entries in NOISE[:2]])
    archive = Analyzer().analyze(write_docker_archive(image, tmp_path / "a.tar"))
    from tests.oci.test_image import single

    found = compare(Analyzer().analyze_source(single(image)), archive)
    line = "Only the compression of layers changed: the same 2 tars, 600 kB unpacked."
    assert text_of(found, width=80).splitlines() == [line]
    assert text_of(compare(found.after, found.before), width=80).splitlines() == [line]
    swapped = build_image([layer(entries) for entries in NOISE[1::-1]])
    assert "Layers, base first" in text_of(compare(Analyzer().analyze_source(single(swapped)), archive))


def test_layers_with_the_same_tar_are_not_called_other_ones() -> None:
    """Beside the shared layers stand those that are the same but for compression; a whole download is called that."""
    zstd = [layer(entries, "zstd") for entries in NOISE[:2]]
    text = text_of(compare(analyzed(NOISE[:2]), analyzed(zstd)), width=120)
    assert "0 of 2 layers shared, 2 have the same tar" in text
    assert "A host with BEFORE downloads all " in text


def test_base_and_own_layers_are_distinguished() -> None:
    """Where both bases are known, what grew is parted into theirs and the rest, exactly, with the doubt there is."""
    steps = ["/bin/sh -c #(nop) ADD file:0123456789ab in / ", "RUN make # buildkit"]
    before, after = analyzed(NOISE[:2], steps), analyzed([NOISE[0] | {"more": b"m" * 900}, NOISE[1] | {"x": b"x"}], steps)
    found = compare(before, after)
    assert found.base is not None
    assert (found.base.base.growth, found.base.own.growth) == (900, 1)
    assert (found.base.base.compressed_growth or 0) + (found.base.own.compressed_growth or 0) == found.compressed_growth
    text = text_of(found, width=120)
    rows = {line.split()[0]: line for line in text.splitlines() if line.startswith(("Base ", "Yours "))}
    assert rows["Base"].endswith("+900 B unpacked; probably layer 0 (confirm with --base)")
    assert rows["Yours"].endswith("+1 B unpacked")
    document = json.loads(comparison_to_json(found))
    assert document["base"]["sure"] is False
    assert (document["base"]["before_layers"], document["base"]["after_layers"]) == (1, 1)
    assert document["base"]["base"]["growth"] + document["base"]["own"]["growth"] == document["growth"]


def test_a_base_with_different_guesses_is_not_reported() -> None:
    """Where a layer is the base's in one image and one's own in the other, nothing can be said exactly."""
    import attrs

    from ocisize.sizes.layers import split_at_base

    steps = ["/bin/sh -c #(nop) ADD file:0123456789ab in / ", "RUN make # buildkit", "COPY . /app # buildkit"]
    before, after = analyzed(NOISE[:3], steps), analyzed([*NOISE[:2], {"a": b"1"}], steps)
    assert compare(before, after).base is not None
    assert after.base is not None
    higher = attrs.evolve(after, base=split_at_base(after.layers, attrs.evolve(after.base.found, layers=2)))
    doubtful = attrs.evolve(
        after,
        base=split_at_base(after.layers, attrs.evolve(after.base.found, certainty=type(after.base.found.certainty).GUESS)),
    )
    for other in (higher, doubtful, attrs.evolve(after, base=None)):
        assert compare(before, other).base is None
        assert "Yours" not in text_of(compare(before, other))
        assert json.loads(comparison_to_json(compare(before, other)))["base"] is None


def test_both_paths_of_a_moved_file_fit() -> None:
    """The old path is below the new one, each cut by itself."""
    old, new = (f"{place}/python3/{'very-long-folder-name/' * 3}" for place in ("usr/lib", "opt/venv/lib"))
    text = text_of(compare(analyzed([{f"{old}x.so": b"q" * 70}]), analyzed([{f"{new}y.so": b"q" * 70}])), width=80)
    files = text[text.index("Files: 1 (layer") :].splitlines()
    assert files[2].endswith("/y.so") and "moved 0→0" in files[2]
    assert files[3].strip().startswith("was /usr/") and files[3].endswith("/x.so")
    assert files[3].index("was ") == files[2].index("/opt/")
