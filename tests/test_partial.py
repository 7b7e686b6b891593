"""Images of which not all layers can be read: with keep_going the others are reported, and nothing passes for whole."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocisize import Analysis, Analyzer, compare, from_json, to_json
from ocisize.budgets.baseline import baseline_entry
from ocisize.budgets.check import UNREAD, check
from ocisize.budgets.parse import parse_budgets
from ocisize.model.budget import BudgetStatus
from ocisize.layer.content_hashes import candidate_rows
from ocisize.cli.main import main
from ocisize.cli.budget_options import BudgetGate
from ocisize.errors import IncompleteAnalysis, LayerError, PlatformError, ReportError, SourceError
from ocisize.limits import Limits
from ocisize.oci.parse import MAX_MANIFEST
from ocisize.report.formats import FORMATS, write_report
from ocisize.report.options import ReportOptions
from ocisize.report.sections import SECTIONS
from ocisize.report.text.full import write_sections
from ocisize.report.words.units import human_size
from tests.images import (
    BuiltImage, BuiltLayer, build_image, compress, for_platform, index_bytes, layer, layout_files, raw_layer, sha256, tar_bytes,
    write_docker_archive, write_files, write_layout,
)  # fmt: skip
from tests.platforms import NAMES, SHARED, build, build_index
from tests.registry import Answer, Server, errors

BASE = {"a": b"1" * 2000, "b": b"2" * 1000}
TOP = {".wh.a": b"", "c": b"2" * 1000}
DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes | None]]] = {
    "gone": ("fetch", lambda data: None),
    "cut": ("verify", lambda data: data[:-700]),
    "other bytes": ("verify", lambda data: data[:-30] + bytes(30)),
}


def noise(size: int) -> bytes:
    """Bytes that no compression makes smaller, the same in each run."""
    return random.Random(size).randbytes(size)


def image_with(middle: BuiltLayer) -> BuiltImage:
    return build_image([layer(BASE), middle, layer(TOP)])


def whole() -> BuiltImage:
    return image_with(layer({"m": noise(3000), "b": b"3"}))


def blob_of(folder: Path, image: BuiltImage, index: int) -> Path:
    return folder / "blobs" / image.layers[index].digest.replace(":", "/")


def damaged(folder: Path, *indexes: int, damage: str = "cut") -> Path:
    """A layout with damaged layers."""
    image = whole()
    write_layout(image, folder)
    for index in indexes:
        blob = blob_of(folder, image, index)
        data = DAMAGES[damage][1](blob.read_bytes())
        blob.unlink() if data is None else blob.write_bytes(data)
    return folder


@pytest.fixture
def partial(tmp_path: Path) -> Analysis:
    return Analyzer(keep_going=True).analyze(damaged(tmp_path / "l", 1))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_layer_cannot_be_read(tmp_path: Path, damage: str, jobs: int) -> None:
    """It is named with its digest, the step and the error; figures are those of the image without it, and the download is complete."""
    folder = damaged(tmp_path / "l", 1, damage=damage)
    with pytest.raises(LayerError, match="^layer 1 ") as caught:
        Analyzer(jobs=jobs).analyze(folder)
    found = Analyzer(jobs=jobs, keep_going=True).analyze(folder)
    image = whole()
    without = Analyzer().analyze(write_layout(build_image([image.layers[0], image.layers[2]]), tmp_path / "w"))
    assert not found.complete
    (unread,) = found.unread
    assert (unread.index, unread.failure and unread.failure.error) == (1, str(caught.value.cause))
    assert unread.failure is not None and unread.failure.step == DAMAGES[damage][0]
    assert (unread.digest_verified, unread.diff_id_verified, str(unread.build_step)) == (False, False, "RUN step 1")
    for name in ("tar_size", "content_size", "live_size", "disk_size", "wasted_size", "duplicate_size", "entry_count"):
        assert getattr(found, name) == getattr(without, name)
    assert found.compressed_size is not None
    assert found.compressed_size == sum(each.compressed_size or 0 for each in found.layers)
    assert found.compressed_size > (without.compressed_size or 0)
    assert found.dive is None


def test_broken_tars_show_none_of_their_rows(tmp_path: Path) -> None:
    """Entries before the break are not a layer: names that the rest would remove or replace are not reported."""
    tar = tar_bytes({"x": b"1" * 600, "y": b"2"})
    image = image_with(raw_layer(tar[:1536] + b"?" * 512 + tar[2048:]))
    found = Analyzer(keep_going=True).analyze(write_layout(image, tmp_path / "l"))
    assert [each.failure.step for each in found.unread if each.failure] == ["unpack"]
    assert found.layers[1].files is not None and len(found.layers[1].files) == 0


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_the_lowest_broken_layer_is_named(tmp_path: Path, jobs: int) -> None:
    """Of several, whatever is read first: here the largest is the highest."""
    image = build_image([layer({f"f{size}": noise(size)}) for size in (10, 3000, 200_000, 100, 400_000)])
    folder = write_layout(image, tmp_path / "l")
    for index in (1, 2, 4):
        blob = blob_of(folder, image, index)
        blob.write_bytes(blob.read_bytes()[:-20])
    for _ in range(3):
        with pytest.raises(LayerError) as caught:
            Analyzer(jobs=jobs).analyze(folder)
        assert caught.value.index == 1
    archive = tmp_path / "a.tar.gz"
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    archive.write_bytes(compress(tar_bytes(files), "gzip"))
    with pytest.raises(LayerError) as caught:
        Analyzer(jobs=jobs).analyze(archive)
    assert caught.value.index == 1
    assert [each.index for each in Analyzer(jobs=jobs, keep_going=True).analyze(archive).unread] == [1, 2, 4]


def test_a_registry_that_fails_ends_all(server: Server) -> None:
    """Those below a layer that the registry does not have are not waited for; with keep_going they are."""
    image = build_image([layer({"a": noise(10)}), layer({"b": noise(90_000)})])
    server.on(
        "/v2/app/manifests/1", Answer(image.manifest, headers={"Content-Type": "application/vnd.oci.image.manifest.v1+json"})
    )
    for digest, data in image.blobs.items():
        server.on(f"/v2/app/blobs/{digest}", Answer(data))
    server.on(f"/v2/app/blobs/{image.layers[1].digest}", errors(404, "BLOB_UNKNOWN", "blob unknown"))
    server.on(f"/v2/app/blobs/{image.layers[0].digest}", Answer(silent=True))
    with pytest.raises(LayerError) as caught:
        Analyzer(jobs=2).analyze(f"{server.host}/app:1")
    assert caught.value.index == 1
    server.on(f"/v2/app/blobs/{image.layers[0].digest}", Answer(image.layers[0].blob))
    found = Analyzer(jobs=2, keep_going=True).analyze(f"{server.host}/app:1")
    assert [(each.index, each.failure and each.failure.step) for each in found.unread] == [(1, "fetch")]


def test_a_repeated_layer(tmp_path: Path) -> None:
    """Both are unread."""
    twice = layer({"x": noise(900)})
    image = build_image([twice, layer(BASE), twice])
    folder = write_layout(image, tmp_path / "l")
    blob = blob_of(folder, image, 0)
    blob.write_bytes(blob.read_bytes()[:-9])
    assert [each.index for each in Analyzer(keep_going=True).analyze(folder).unread] == [0, 2]


def test_a_file_that_is_cut_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents of layers read in place are hashed last; what fails then names its layer, too, and is left out."""
    data = noise(40_000)
    image = build_image([layer({"a": data}, "plain"), layer({"b": data}, "plain"), layer(BASE)])
    folder = write_layout(image, tmp_path / "l")

    def cut(tables: object, small: int) -> object:
        os.truncate(blob_of(folder, image, 1), 30_000)
        return candidate_rows(tables, small)  # type: ignore[arg-type]

    monkeypatch.setattr("ocisize.layer.content_hashes.candidate_rows", cut)
    with pytest.raises(LayerError, match="^layer 1 .*truncated while it was read"):
        Analyzer().analyze(folder)
    write_layout(image, tmp_path / "l")
    found = Analyzer(keep_going=True).analyze(folder)
    assert [each.index for each in found.unread] == [1]


def test_everything_unread(tmp_path: Path) -> None:
    """What the manifest says is left."""
    found = Analyzer(keep_going=True, packages=True).analyze(damaged(tmp_path / "l", 0, 1, 2))
    assert (found.content_size, len(found.unread)) == (0, 3)
    assert found.compressed_size
    for name in FORMATS:
        if name != "dive-json":
            assert report(name, found)


def test_plain_archives_have_no_download_size(tmp_path: Path) -> None:
    """Of a docker-archive's unread layer nobody knows how it was stored in the registry."""
    image = whole().recompressed("plain")
    path = write_docker_archive(image, tmp_path / "a.tar")
    data = path.read_bytes()
    at = data.index(image.layers[1].tar)
    path.write_bytes(data[:at] + b"?" * 512 + data[at + 512 :])
    found = Analyzer(keep_going=True).analyze(path)
    assert [each.index for each in found.unread] == [1]
    assert (found.compressed_size, found.unread[0].compressed_size) == (None, None)
    assert from_json(to_json(found)) == found


@given(st.sets(st.integers(0, 2), max_size=3), st.booleans())
def test_documents_come_back(tmp_path_factory: pytest.TempPathFactory, broken: set[int], files: bool) -> None:
    """Law: a partial analysis is read back as it was written, and still says what was not read."""
    found = Analyzer(keep_going=True).analyze(damaged(tmp_path_factory.mktemp("law") / "l", *broken))
    text = to_json(found, files=files)
    again = from_json(text)
    assert again == found
    assert (again.complete, [each.index for each in again.unread]) == (not broken, sorted(broken))
    assert to_json(again, files=files) == text
    document = json.loads(text)
    assert document["complete"] is (not broken)
    for index, each in enumerate(document["layers"]):
        assert (each["failure"] is not None) is (index in broken)
        assert (each["content_size"] is None) is (index in broken)
        assert (each["efficiency"] is None) is (index in broken)
        assert each["compressed_size"] is not None


def report(name: str, analysis: Analysis, *, files: bool = False, sections: Sequence[str] = ()) -> str:
    file = io.StringIO()
    write_report(name, analysis, file, ReportOptions(files=files, sections=sections))
    return file.getvalue()


def test_text(partial: Analysis) -> None:
    """The layer is named below the image, its figures are question marks, and totals say what they are worth."""
    text = report("text", partial, sections=SECTIONS)
    lines = text.splitlines()
    assert lines[1] == "3.44 kB download · ≥ 4.00 kB unpacked · ≥ 2.00 kB hidden waste"
    assert lines[2] == "incomplete: 1 of 3 layers could not be read"
    assert partial.layers[1].digest in lines[3]
    assert "verified: the digest of every layer that was read" in text
    assert [line.split()[-4:] for line in lines if line.startswith("1 ")] == [["?", "RUN", "step", "1"]]
    shown = {
        line.split()[0]: line.split()[1]
        for line in lines
        if line.split()[:1] and line.split()[0] in ("Download", "Unpacked", "Live", "Waste", "Efficiency")
    }
    assert (shown["Unpacked"], shown["Live"], shown["Efficiency"]) == ("≥", "?", "?")
    assert " · ≥ 3 files" in text
    assert " · ? 50.0 % of the unpacked content, ≥ " in " ".join(text.split())
    assert "| ≥ 2.00 kB (? 50.0 %) |" in report("markdown", partial)
    assert "dive" not in text


def test_no_download_is_estimated_of_a_part(tmp_path: Path) -> None:
    """Where an archive has no download size, an estimate from what was read would leave out the rest."""
    image = build_image([layer(BASE, "plain"), layer({"x": noise(15_000)}, "plain")])
    archive = write_docker_archive(image, tmp_path / "image.tar")
    assert re.search(r"^Download +≈ ", report("text", Analyzer().analyze(archive), sections=["figures"]), re.MULTILINE)
    found = Analyzer(keep_going=True, verify=True, limits=Limits(layer_size=12_000)).analyze(archive)
    assert not found.complete
    assert found.estimated_compressed_size is None
    assert re.search(r"^Download +\? ", report("text", found, sections=["figures"]), re.MULTILINE)


def test_nothing_looks_like_a_clean_pass(partial: Analysis) -> None:
    """Each format says in its own way that not all was looked at."""
    digest = partial.layers[1].digest
    for name in ("text", "json", "html", "markdown", "sarif", "junit", "github", "gitlab", "csv"):
        assert digest in report(name, partial)
    assert "1 of 3 layers could not be read" in report("markdown", partial).lower()
    assert 'role="alert"' in report("html", partial)
    run = json.loads(report("sarif", partial))["runs"][0]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["toolExecutionNotifications"][0]["level"] == "error"
    assert (run["properties"]["complete"], run["properties"]["contentSize"]) == (False, None)
    suites = ElementTree.fromstring(report("junit", partial))
    assert (suites.get("errors"), len(suites.findall(".//error"))) == ("1", 1)
    assert "no finding of high or medium severity" not in report("junit", partial)
    assert report("github", partial).startswith("::error title=ocisize")
    assert json.loads(report("gitlab", partial))[0]["severity"] == "blocker"
    metrics = report("openmetrics", partial)
    assert 'ocisize_unread_layers{image="app",platform="linux/amd64"} 1\n' in metrics
    assert "wasted" not in metrics
    rows = list(csv.DictReader(io.StringIO(report("csv", partial), newline="")))
    assert [(row["content_size"], bool(row["unread"])) for row in rows] == [("3000", False), ("", True), ("1000", False)]
    assert '"read_error":true' in report("ncdu", partial)
    assert json.loads(report("badge", partial))["color"] == "lightgrey"
    assert "incomplete" in report("badge-svg", partial)
    for name, files in (("dive-json", False), ("csv", True)):
        with pytest.raises(ReportError, match="1 of 3 layers could not be read"):
            report(name, partial, files=files)
    file = io.StringIO()
    with pytest.raises(ReportError):
        write_report("csv", partial, file, ReportOptions(files=True))
    assert file.getvalue() == ""


def test_unread_layers_are_easy_to_read(partial: Analysis) -> None:
    """A digest is shown in full once, and a line that is too long goes on below where it began."""
    digest = partial.unread[0].digest
    file = io.StringIO()
    write_sections(partial, file, width=80)
    head = file.getvalue().partition("Download is from")[0].partition("read\n")[2].splitlines()
    assert head[0].startswith("  layer 1")
    assert len(head) > 1
    assert all(line.startswith("  ") for line in head)
    assert f"blob {digest[:19]}… has " in " ".join(map(str.strip, head))
    assert "".join(head).count(digest) == 1


def test_what_is_whole_says_so(tmp_path: Path) -> None:
    """None of the marks is shown where all was read, with keep_going or without."""
    folder = write_layout(whole(), tmp_path / "l")
    found = Analyzer(keep_going=True, packages=True).analyze(folder)
    assert found == Analyzer(packages=True).analyze(folder)
    assert found.complete
    assert "ocisize_unread_layers" in report("openmetrics", found)
    for name in FORMATS:
        text = report(name, found)
        assert "could not be read" not in text.replace("Layers that could not be read", "")
        assert "incomplete" not in text


def test_an_unread_layer_is_not_called_empty(partial: Analysis) -> None:
    """Findings are about what was read."""
    assert partial.advice.findings
    assert all(1 not in finding.layers for finding in partial.advice.findings)


BUDGETS = """
max-download = "1 GB"
max-layers = 9
max-layer-download = "1 GB"
max-unpacked = "1 GB"
max-live = "1 GB"
max-waste = "1 GB"
min-efficiency = "1 %"
max-files = 100
max-file-size = "1 GB"
forbid = ["*.pyc"]
forbid-findings = ["OS120"]
"""


def statuses(text: str, analysis: Analysis) -> dict[str, BudgetStatus]:
    return {verdict.budget.key: verdict.status for verdict in check(analysis, parse_budgets(text).budgets)}


def test_budgets_that_nobody_could_judge(partial: Analysis) -> None:
    """What the manifest tells is kept; all else is not, since an unread layer might break it."""
    verdicts = check(partial, parse_budgets(BUDGETS).budgets)
    kept = {verdict.budget.key for verdict in verdicts if verdict.status is BudgetStatus.PASS}
    assert kept == {"max-download", "max-layers", "max-layer-download"}
    assert {each.status for each in verdicts} == {BudgetStatus.PASS, BudgetStatus.INCOMPLETE}
    assert {each.outcome for each in verdicts if each.status is BudgetStatus.INCOMPLETE} == {BudgetStatus.FAIL}
    assert {each.reason for each in verdicts if each.status is BudgetStatus.INCOMPLETE} == {UNREAD}


def test_no_budget_lets_an_unread_layer_pass(partial: Analysis) -> None:
    """What is unknown may be let pass, what was not looked at may not; a budget that only warns goes on warning."""
    text = '[[budget]]\nmax-unpacked = "1 GB"\nif-unknown = "off"\nif-unmatched = "off"\n[[budget]]\nlevel = "warn"\nmax-live = "1 GB"\n'
    assert [verdict.outcome for verdict in check(partial, parse_budgets(text).budgets)] == [
        BudgetStatus.FAIL,
        BudgetStatus.WARN,
    ]


def test_budgets_that_are_broken_all_the_same(partial: Analysis) -> None:
    """More layers make no sum smaller: what is too much already is too much; what may shrink is not known."""
    text = 'max-unpacked = "1 kB"\nmax-waste = "1 kB"\nmax-files = 1\nmax-file-size = "1 kB"\nforbid = ["b"]\nmax-live = "1 B"\nmin-efficiency = "99 %"'
    found = statuses(text, partial)
    broken = {key for key, status in found.items() if status is BudgetStatus.FAIL}
    assert broken == {"max-unpacked", "max-waste", "max-files", "max-file-size", "forbid"}
    assert {key for key, status in found.items() if status is BudgetStatus.INCOMPLETE} == {"max-live", "min-efficiency"}


def test_budgets_on_layers_that_were_read(partial: Analysis) -> None:
    """What a budget's own layers store does not depend on others, but what is visible does."""
    text = '[[budget]]\nlayer = "RUN step 0"\nmax-unpacked = "1 GB"\n[[budget]]\nlayer = "RUN step 0"\nmax-live = "1 GB"'
    assert statuses(text, partial) == {"max-unpacked": BudgetStatus.PASS, "max-live": BudgetStatus.INCOMPLETE}


def test_comparisons_refuse(partial: Analysis, tmp_path: Path) -> None:
    """An unread layer is not an empty one: neither a comparison nor a baseline is made of a part."""
    complete = Analyzer().analyze(write_layout(whole(), tmp_path / "w"))
    for pair in ((partial, complete), (complete, from_json(to_json(partial, files=True)))):
        with pytest.raises(IncompleteAnalysis, match="some layers could not be read: 1") as caught:
            compare(*pair)
        assert caught.value.layers == (1,)
    with pytest.raises(IncompleteAnalysis):
        baseline_entry(partial)


# The command line


def test_packages_of_the_layers_that_were_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table adds up to the download of the whole image: the unread layers have a row."""
    folder = str(damaged(tmp_path / "l", 1))
    assert main(["packages", folder, "--keep-going", "-q", "-f", "json"]) == 2
    document = json.loads(capsys.readouterr().out)
    parts = sum(part["compressed_size"] for part in [*document["packages"], *document["unowned"]])
    assert document["unread_size"] > 0
    assert parts + document["overhead_size"] + document["unread_size"] == document["totals"]["compressed_size"]
    assert main(["packages", folder, "--keep-going", "-q"]) == 2
    assert "layers that were not read" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["analyze", "advise", "files", "tree", "packages"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, form: str) -> None:
    """Each shows what could be read, names what could not, and has status 2; without the option it shows nothing."""
    folder = str(damaged(tmp_path / "l", 1))
    assert main([command, folder, "-f", form]) == 2
    assert capsys.readouterr().out == ""
    assert main([command, folder, "-f", form, "--keep-going", "-q"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: layer 1 (sha256:")
    if form == "json":
        document = json.loads(shown.out)
        assert document["complete"] is False
        unread = document.get("unread") or [{"layer": 1, "step": document["layers"][1]["failure"]["step"]}]
        assert (unread[0]["layer"], unread[0]["step"]) == (1, "verify")
    else:
        assert "incomplete: 1 of 3 layers could not be read" in shown.out


def test_a_gate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, whatever the budgets say."""
    folder = str(damaged(tmp_path / "l", 1))
    for budget in ("1GB", "1B"):
        assert main([folder, "--keep-going", "--max-unpacked", budget, "--max-download", budget]) == 2
    assert "unpacked unknown: not all layers could be read" in capsys.readouterr().out
    assert main([str(write_layout(whole(), tmp_path / "w")), "--keep-going"]) == 0


def test_saved_parts_are_refused_by_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Saved with --keep-going, it is still a part."""
    folder, saved = str(damaged(tmp_path / "l", 1)), tmp_path / "saved.json"
    main([folder, "--keep-going", "-q", "-f", "json", "--files", "-o", str(saved)])
    capsys.readouterr()
    assert main(["diff", str(saved), str(write_layout(whole(), tmp_path / "w"))]) == 2
    assert "cannot be compared, because some layers could not be read: 1" in capsys.readouterr().err


# All platforms


def write_index(folder: Path, *gone: str) -> Path:
    """The index of ``tests.platforms`` without some of its blobs."""
    document, blobs = build_index()
    entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(document), "size": len(document)}
    kept = {digest: data for digest, data in blobs.items() if digest not in gone}
    return write_files(layout_files(index_bytes([entry]), kept | {sha256(document): document}), folder)


def test_a_platform_without_its_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, the others are shown and compared; without keep_going it is an error."""
    folder = write_index(tmp_path / "l", sha256(build("arm64").config))
    with pytest.raises(PlatformError, match="^linux/arm64: "):
        Analyzer().analyze_all(folder)
    found = Analyzer(keep_going=True).analyze_all(folder)
    assert list(found.analyses) == ["linux/amd64", "linux/s390x"]
    assert [each.platform for each in found.unread] == ["linux/arm64"]
    assert (found.complete, found.drift.platforms) == (False, ("linux/amd64", "linux/s390x"))
    assert main([str(folder), "--all-platforms", "--keep-going"]) == 2
    shown = capsys.readouterr()
    assert "not read: linux/arm64" in shown.out
    assert f"2 platforms · ≥ {human_size(found.stored_size)} in all" in shown.out
    assert "error: linux/arm64: " in shown.err
    assert main([str(folder), "--all-platforms", "--keep-going", "-f", "json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["complete"], [each["platform"] for each in document["unread"]]) == (False, ["linux/arm64"])


def test_a_budget_for_a_platform_that_was_not_read(tmp_path: Path) -> None:
    """It is not said that the index has no such platform."""
    found = Analyzer(keep_going=True).analyze_all(write_index(tmp_path / "l", sha256(build("arm64").config)))
    for platform, status in (("linux/arm64", BudgetStatus.SKIPPED), ("linux/riscv64", BudgetStatus.UNMATCHED)):
        budgets = parse_budgets(f'[[budget]]\nplatform = "{platform}"\nmax-download = "1 GB"\n').budgets
        assert (
            BudgetGate(budgets, Path(), None).judge_all(found.analyses, found.absent, found.unread)["linux/amd64"][0].status
            is status
        )


def test_a_platform_without_a_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its image is shown as a part and left out of the drift; a layer of all images leaves none."""
    folder = write_index(tmp_path / "l", build("arm64").layers[1].digest)
    found = Analyzer(keep_going=True).analyze_all(folder)
    assert {name: each.complete for name, each in found.analyses.items()} == {
        "linux/amd64": True, "linux/arm64": False, "linux/s390x": True,
    }  # fmt: skip
    assert found.drift.platforms == ("linux/amd64", "linux/s390x")
    assert main([str(folder), "--all-platforms", "--keep-going", "--max-unpacked", "1GB"]) == 2
    shown = capsys.readouterr()
    assert "linux/arm64: incomplete: 1 of 3 layers could not be read" in shown.out
    assert "FAIL linux/arm64: unpacked unknown" in shown.out
    shared = Analyzer(keep_going=True).analyze_all(write_index(tmp_path / "s", SHARED.digest))
    assert [len(analysis.unread) for analysis in shared.analyses.values()] == [1, 1, 1]
    assert shared.drift.platforms == ()


def test_a_platform_whose_manifest_is_too_large(tmp_path: Path) -> None:
    """It is there, so it is not called absent: that would pass for an index with fewer platforms."""
    folder = write_index(tmp_path / "l")
    manifest = folder / "blobs" / build("arm64").digest.replace(":", "/")
    manifest.write_bytes(bytes(MAX_MANIFEST + 1))
    with pytest.raises(PlatformError, match="^linux/arm64: .* bytes, more than"):
        Analyzer().analyze_all(folder)
    found = Analyzer(keep_going=True).analyze_all(folder)
    assert (found.complete, found.absent, [each.platform for each in found.unread]) == (False, (), ["linux/arm64"])


def test_no_platform_at_all(tmp_path: Path) -> None:
    """There is nothing to report then."""
    configs = [sha256(build(name).config) for name in NAMES]
    with pytest.raises(SourceError, match="no image of the index could be read; linux/amd64: "):
        Analyzer(keep_going=True).analyze_all(write_index(tmp_path / "l", *configs))


def test_an_index_that_names_no_platforms(tmp_path: Path) -> None:
    """Where only configs tell the platform, a broken one leaves the others."""
    images = [build(name) for name in NAMES]
    blobs = {digest: data for image in images for digest, data in image.blobs.items()}
    del blobs[sha256(images[1].config)]
    folder = write_files(layout_files(index_bytes([each.descriptor for each in images]), blobs), tmp_path / "l")
    nested = (folder / "index.json").read_bytes()
    entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(nested), "size": len(nested)}
    folder = write_files(layout_files(index_bytes([entry]), blobs | {sha256(nested): nested}), tmp_path / "n")
    found = Analyzer(keep_going=True).analyze_all(folder)
    assert list(found.analyses) == ["linux/amd64", "linux/s390x"]
    assert [(each.platform, each.digest) for each in found.unread] == [("", images[1].digest)]


def test_platforms_with_plain_index_entries(tmp_path: Path) -> None:
    """One image alone counts as an index of one."""
    found = Analyzer(keep_going=True).analyze_all(damaged(tmp_path / "l", 1))
    assert [analysis.complete for analysis in found.analyses.values()] == [False]


@pytest.mark.parametrize("form", ["markdown", "sarif", "junit", "github", "gitlab", "openmetrics", "csv"])
def test_formats_for_ci_on_all_platforms(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    """The platform with an unread layer is distinguished; where an image is missing as a whole, no such document is written."""
    gone = build("arm64").layers[1].digest
    assert main([str(write_index(tmp_path / "l", gone)), "--all-platforms", "--keep-going", "-q", "-f", form]) == 2
    text = capsys.readouterr().out
    if form == "openmetrics":
        unread = [line.split()[-1] for line in text.splitlines() if line.startswith("ocisize_unread_layers")]
        assert unread == ["0", "1", "0"]
        wasted = [line for line in text.splitlines() if line.startswith("ocisize_image_wasted_bytes{")]
        assert len(wasted) == 2
        assert not any("arm64" in line for line in wasted)
    else:
        assert text.count(gone) == (2 if form == "csv" else 1)
    folder = write_index(tmp_path / "m", sha256(build("arm64").config))
    assert main([str(folder), "--all-platforms", "--keep-going", "-q", "-f", form, "-f", f"text={tmp_path / 'text'}"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"error: {form}: this format cannot show images that could not be read: linux/arm64" in shown.err
    assert "not read: linux/arm64" in (tmp_path / "text").read_text()
