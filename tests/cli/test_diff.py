"""``ocisize diff``: two images of any form, read as far as comparing them needs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer, to_json
from ocisize.oci.documents import Descriptor
from tests.images import BuiltImage, build_image, layer, raw_layer, write_docker_archive, write_layout
from tests.cli.test_main import run, status_of
from tests.oci.test_image import single

LARGE = bytes(range(256)) * 200
BASE = layer({"etc/os-release": b"ID=debian", "lib/libc.so": LARGE})


@pytest.fixture
def before() -> BuiltImage:
    return build_image([BASE, layer({"app/a": b"a" * 3000, "old": LARGE + b"1"})])


@pytest.fixture
def after() -> BuiltImage:
    return build_image([BASE, layer({"app/a": b"b" * 4000, "new": LARGE + b"1"})])


def test_both_sides_in_any_form(
    before: BuiltImage, after: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Archives, layouts and saved analyses give the same files; large contents in archives are compared, too."""
    layout = str(write_layout(before, tmp_path / "layout"))
    archive = str(write_docker_archive(before, tmp_path / "before.tar"))
    saved = tmp_path / "before.json"
    assert status_of([layout, "-f", "json", "--files", "-o", str(saved), "--platform", "linux/amd64"], capsys)[0] == 0
    right = str(write_docker_archive(after, tmp_path / "after.tar"))
    found = []
    for side in (layout, archive, str(saved)):
        status, out, err = status_of(["diff", side, right, "-f", "json"], capsys)
        assert (status, err) == (0, "")
        document = json.loads(out)
        assert document["before"]["source"] == (side if side != str(saved) else layout)
        found.append([(file["kind"], file["path"], file["growth"]) for file in document["files"]])
    assert found == [[("changed", "app/a", 1000), ("moved", "new", 0)]] * 3


def test_the_command_reports_text(before: BuiltImage, after: BuiltImage, tmp_path: Path) -> None:
    """The text names the cause, lists are cut by --top, and the same image twice is one line."""
    left, right = (str(write_layout(image, tmp_path / name)) for image, name in ((before, "b"), (after, "a")))
    result = run("diff", left, right, "--top", "1")
    assert (result.returncode, result.stderr) == (0, "")
    assert "A host with BEFORE downloads" in result.stdout
    assert "layer 1 `RUN step 1` changes 1 file" in result.stdout
    assert "… and 1 more (-f json has all)" in result.stdout
    assert len(run("diff", left, left).stdout.splitlines()) == 1


def test_a_saved_analysis_without_files_is_reported(
    before: BuiltImage, after: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A side saved without files gives totals and layers, and the report says so."""
    saved = tmp_path / "before.json"
    saved.write_text(to_json(Analyzer().analyze_source(single(before))))
    status, out, _ = status_of(["diff", str(saved), str(write_layout(after, tmp_path / "a"))], capsys)
    assert status == 0
    assert "Files are not compared: BEFORE was saved without them" in out


def test_errors_name_the_side(before: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever side cannot be read, the error names it."""
    good = str(write_layout(before, tmp_path / "good"))
    broken = build_image([layer({"a": b"1" * 999})])
    bad = write_layout(broken, tmp_path / "bad")
    blob = bad / "blobs" / broken.layers[0].digest.replace(":", "/")
    blob.write_bytes(blob.read_bytes()[:-9])
    other = tmp_path / "other.json"
    other.write_text('  {"schema": "something"}')
    for side in (str(bad), str(other), str(tmp_path / "missing.tar")):
        for arguments in ([side, good], [good, side]):
            status, out, err = status_of(["diff", *arguments], capsys)
            assert (status, out) == (2, "")
            assert err.startswith("error: ")
            assert side in err
            assert good not in err


def test_an_image_named_like_the_command(before: BuiltImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``analyze diff`` is an image of that name."""
    write_layout(before, tmp_path / "diff")
    monkeypatch.chdir(tmp_path)
    assert "Layers  0" in run("analyze", "./diff").stdout
    assert "2 layers" in run("analyze", "diff").stdout


class Counting:
    """A source that counts the blobs it is asked for."""

    def __init__(self, image: BuiltImage) -> None:
        self.inner, self.opened = single(image), list[str]()

    def read_manifest(self, digest: str | None = None) -> bytes:
        return self.inner.read_manifest(digest)

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        self.opened.append(descriptor.digest)
        return self.inner.open_blob(descriptor)


def test_shared_layers_are_read_once(before: BuiltImage, after: BuiltImage) -> None:
    """Layers that both images have are read from the first one only, and the second analysis is the same to the byte."""
    analyzer = Analyzer(keep_layers=True)
    analyzer.analyze_source(single(before))
    counting = Counting(after)
    found = analyzer.analyze_source(counting)
    assert BASE.digest not in counting.opened
    assert after.layers[1].digest in counting.opened
    assert to_json(found, files=True) == to_json(Analyzer().analyze_source(single(after)), files=True)


def test_kept_layers_keep_their_share_of_the_download(tmp_path: Path) -> None:
    """Also where an image in between, a docker-archive with plain layers, does not tell their download sizes."""
    image = build_image([layer({"a": LARGE}, "plain"), layer({"a": b""}, "plain")])
    folder, archive = write_layout(image, tmp_path / "layout"), write_docker_archive(image, tmp_path / "image.tar")
    analyzer = Analyzer(keep_layers=True, verify=True)
    assert analyzer.analyze(archive).wasted_compressed_size is None
    found = [to_json(analyzer.analyze(folder), files=True) for _ in range(2)]
    assert found == 2 * [to_json(Analyzer(verify=True).analyze(folder), files=True)]
    assert to_json(analyzer.analyze(archive)) == to_json(Analyzer(verify=True).analyze(archive))


def test_unverified_layers_are_not_taken_for_others(tmp_path: Path) -> None:
    """What a local archive calls a digest proves nothing about another image's layer."""
    true, false = raw_layer(layer({"a": b"true"}).tar, "plain"), layer({"a": b"else"}, "plain")
    image = build_image([true])
    folder = write_layout(image, tmp_path / "layout")
    (folder / "blobs" / true.digest.replace(":", "/")).write_bytes(false.tar)
    analyzer = Analyzer(keep_layers=True, hash_content=True)
    lied: Any = analyzer.analyze(folder).layers[0].files
    assert not analyzer.analyze(folder).layers[0].digest_verified
    honest: Any = analyzer.analyze_source(single(image)).layers[0].files
    assert lied.hashes != honest.hashes


def test_bases_are_given_for_both_or_for_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--base makes sure which layers are the base's, and the growth is parted into both; three of them are an error."""
    newer = layer({"etc/os-release": b"ID=debian12", "lib/libc.so": LARGE})
    images = {
        "before": [BASE, layer({"app/a": b"a" * 3000})],
        "after": [newer, layer({"app/a": b"b" * 4000})],
        "old-base": [BASE],
        "new-base": [newer],
    }
    paths = {name: str(write_layout(build_image(layers), tmp_path / name)) for name, layers in images.items()}
    sides = ["diff", paths["before"], paths["after"], "-f", "json", "--platform", "linux/amd64"]
    status, out, err = status_of([*sides, "--base", paths["old-base"], "--base", paths["new-base"]], capsys)
    assert (status, err) == (0, "")
    base = json.loads(out)["base"]
    assert (base["sure"], base["base"]["growth"], base["own"]["growth"]) == (True, 2, 1000)
    status, out, err = status_of([*sides, "--base", paths["old-base"]], capsys)
    assert (status, json.loads(out)["base"]) == (0, None)
    assert "is not the base" in err
    status, _, err = status_of([*sides, *["--base", paths["old-base"]] * 3], capsys)
    assert (status, "--base: give one for both images, or one for each" in err) == (2, True)


def _sides(before: BuiltImage, after: BuiltImage, folder: Path) -> list[str]:
    return ["diff", *(str(write_layout(image, folder / name)) for image, name in ((before, "b"), (after, "a")))]


@pytest.mark.parametrize(
    ("limit", "status"), [("--max-unpacked=+1001 B", 0), ("--max-unpacked=+999 B", 1), ("--max-download=1 B", 1)]
)
def test_a_failed_budget_ends_with_status_1(
    limit: str, status: int, before: BuiltImage, after: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Growth is measured from BEFORE without a baseline file; the verdict is in the report, and on standard error else."""
    sides = _sides(before, after, tmp_path)
    found, out, err = status_of([*sides, limit], capsys)
    assert (found, "Budgets: 1" in out, err) == (status, True, "")
    found, out, err = status_of([*sides, limit, "-f", "json"], capsys)
    assert (found, "budget fail" in err) == (status, status == 1)
    assert json.loads(out)["budgets"][0]["outcome"] == ("fail" if status else "pass")


def test_an_unknown_figure_ends_with_status_1(
    before: BuiltImage, after: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It fails a budget in all commands; here the download of an archive with uncompressed layers, unless that is fine."""
    archive = str(write_docker_archive(before, tmp_path / "before.tar"))
    sides = ["diff", archive, str(write_layout(after, tmp_path / "a"))]
    found, out, _ = status_of([*sides, "--max-download", "+5 %"], capsys)
    assert (found, "the layers of BEFORE are uncompressed" in out) == (1, True)
    assert status_of([archive, "--max-download", "1 GB"], capsys)[0] == 1
    assert status_of([archive, "--max-download", "+5 %", "--baseline", str(tmp_path / "none.json")], capsys)[0] == 1
    budgets = tmp_path / "budgets.toml"
    budgets.write_text('[[budget]]\nmax-download = "+5 %"\nif-unknown = "warn"\n')
    assert status_of([*sides, "--budget-file", str(budgets)], capsys)[0] == 0


def test_several_reports_of_one_run(
    before: BuiltImage, after: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``-f NAME=FILE`` writes a report to a file beside the one on standard output."""
    file = tmp_path / "diff.json"
    status, out, _ = status_of([*_sides(before, after, tmp_path), "-f", "text", "-f", f"json={file}"], capsys)
    assert (status, "Why" in out, json.loads(file.read_text())["schema"]) == (0, True, "ocisize.comparison")


def test_a_new_image(after: BuiltImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``scratch`` is an image without layers: all formats say that the image is new, and its growth is not limited."""
    folder = str(write_layout(after, tmp_path / "after"))
    limits = ["--max-unpacked", "+1 kB", "--max-waste", "10 %"]
    status, out, err = status_of(["diff", "scratch", folder, *limits], capsys)
    assert (status, err) == (0, "")
    assert "New image: " in out
    assert "there is no image before" in out
    assert "again because" not in out
    assert "layer 0 `RUN step 0` is new: adds 2 files" in out
    _, out, _ = status_of(["diff", "scratch", folder, "-f", "json", *limits], capsys)
    document = json.loads(out)
    assert document["before"]["source"] == "scratch"
    assert document["growth"] == document["after"]["content_size"]
    assert document["before"]["platform"] == document["after"]["platform"]
    assert [verdict["status"] for verdict in document["budgets"]] == ["skipped", "pass"]
    for name, words in (
        ("markdown", "is new: "), ("html", "is new: "), ("github", "New image: "), ("junit", "<testsuite"), ("sarif", '"new"'),
    ):  # fmt: skip
        status, out, _ = status_of(["diff", "scratch", folder, "-f", f"{name}={tmp_path / 'report'}", *limits], capsys)
        assert status == 0, name
        assert words in (tmp_path / "report").read_text()
    status, _, _ = status_of(["diff", "scratch", folder, "--max-unpacked", "1 kB"], capsys)
    assert status == 1
