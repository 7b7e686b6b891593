"""``--quick``: reports from the manifest and the config, what it refuses, and when no layer is read without it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ocisize.cli.main import main
from ocisize.report.diff_formats import DIFF_FORMATS
from ocisize.report.formats import FORMATS
from ocisize.report.outline_formats import OUTLINE_DIFF_FORMATS, OUTLINE_FORMATS
from tests.cli.test_main import status_of
from tests.images import build_image, layer, write_docker_archive, write_layout
from tests.outlines import APP, BASE, SECRET, STEPS, TOOLS, build, config_path, requests_of, serve, serve_index
from tests.registry import Server

AMD64 = ("--platform", "linux/amd64")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Dockerfile and no budgets."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def image(server: Server) -> str:
    """The image in a registry."""
    built = build()
    return serve(server, [built], built.manifest)


def lines_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    status, out, err = status_of(arguments, capsys)
    assert (status, err) == (0, "")
    return out.splitlines()


def blobs_of(server: Server) -> list[str]:
    """The blobs that were asked for."""
    return [path for path in requests_of(server) if path.startswith("blobs/")]


def test_one_screen(image: str, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that the documents say fits on a screen of 80 columns and 24 lines."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = lines_of([image, "--quick", *AMD64], capsys)
    text = "\n".join(lines)
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert "4 layers (gzip, zstd) · created 2026-01-02" in text
    assert "16.5 kB download · pull 0.12 to 1.4 s at 100 Mbps" in text
    assert "tars 1.5 to 4 times as large" in text
    assert "The layers were not read" in text and "unpacked size, waste" in text
    assert "SECRET  DB_PASSWORD, NPM_TOKEN" in text and SECRET not in text
    assert "USER app:app" in text and "EXPOSE 80/tcp 443/tcp" in text and "version 1.2.3 · revision 0123456789ab" in text
    assert "2025-05-01  gzip" in text and "as layer 2" in text
    assert "Digest  sha256:" in text
    assert blobs_of(server) == [config_path(build())]


def test_layers_are_worth_more_lines_than_the_digest(
    image: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What needs attention takes the lines of what can be asked for; layers that do not fit at all take none."""
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = status_of([image, "--quick", *AMD64, "--max-layers", "1", "--max-download", "1 kB"], capsys)
    assert status == 1 and len(out.splitlines()) <= 24
    assert "Digest" not in out and "as layer 2" in out


def test_an_index_names_its_platforms(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """And the command for their sizes."""
    name, _ = serve_index(server)
    text = "\n".join(lines_of([name, "--quick", *AMD64], capsys))
    assert "2 platforms: linux/amd64, linux/arm64; 1 attestation" in text
    assert f"ocisize {name} --quick --all-platforms" in text


def test_all_platforms(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each, with what only this platform has; five requests for two platforms, and one for an attestation."""
    name, images = serve_index(server)
    text = "\n".join(lines_of([name, "--quick", "--all-platforms"], capsys))
    assert "2 platforms · 16.5 kB in all, shared layers once · 1 attestation left out" in text
    assert [line.split()[-1] for line in text.splitlines()[-2:]] == ["linux/amd64", "linux/arm64"]
    assert len(server.requests) == 6 and blobs_of(server) == [config_path(one) for one in images]


@pytest.mark.parametrize("name", OUTLINE_FORMATS)
def test_every_format_reads_the_config_alone(
    name: str, image: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """And shows no secret; without a budget, GitHub gets no annotation."""
    text = "\n".join(lines_of([image, "--quick", "-f", name, *AMD64], capsys))
    assert (text or name == "github") and SECRET not in text
    assert blobs_of(server) == [config_path(build())] and len(server.requests) == 2


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in OUTLINE_FORMATS])
def test_formats_that_need_the_layers_are_refused(
    name: str, image: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """In two lines, before anything is read."""
    status, out, err = status_of([image, "--quick", "-f", f"{name}=out"], capsys)
    assert (status, out, server.requests) == (2, "", [])
    error, hint = err.splitlines()
    assert f"--quick reads no layers, which -f {name} needs" in error
    assert hint == f"hint: omit --quick, or choose one of the formats {', '.join(OUTLINE_FORMATS)}"


@pytest.mark.parametrize("option", ["--verify", "--files", "--full", "--section=layers", "--rules=a.toml", "--dockerfile=a"])
def test_options_that_need_the_layers_are_refused(
    option: str, image: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = status_of([image, "--quick", option], capsys)
    name = option.partition("=")[0]
    assert (status, out, server.requests) == (2, "", [])
    assert f"--quick reads no layers, which {name} needs\nhint: omit --quick, or {name}\n" in err


@pytest.mark.parametrize(
    ("arguments", "status", "verdict"),
    [
        (["--max-download", "20 kB"], 0, ""), (["--max-download", "16 kB"], 1, "download 16.5 kB > 16.0 kB"),
        (["--max-layers", "3"], 1, "layers 4 > 3"), (["--max-layer-download", "9 kB"], 1, "largest layer download 9.19"),
        (["--max-transfer", "1 s at 1 kB/s"], 1, "transfer at 8 kbps 16.5 s > 1.0 s"), (["--max-waste", "off"], 0, ""),
        (["--max-download", "+1 %"], 1, "there is no baseline of this image"),
    ],
)  # fmt: skip
def test_budgets_that_the_manifest_answers(
    arguments: list[str], status: int, verdict: str, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are checked, and the exit status is theirs."""
    for form in ("text", "badge"):
        got, out, err = status_of([image, "--quick", *AMD64, "-f", form, *arguments], capsys)
        assert got == status
        assert verdict in (out if form == "text" else err)


@pytest.mark.parametrize(
    ("arguments", "named", "advice"),
    [
        (["--max-waste", "5 %"], "max-waste", "omit --quick, or the budgets"),
        (["--forbid", "*.pem", "--max-unpacked", "1 GB"], "max-unpacked, forbid", "omit --quick, or the budgets"),
        (["--forbid-findings", "high"], "forbid-findings", "omit --quick, or the budgets"),
        (["--budget-file", "b.toml"], "max-live (b.toml:1)", "omit --quick, or --no-budgets ignores the file"),
        (["--budget-file", "path.toml"], "max-download (path.toml:3)", "omit --quick, or --no-budgets ignores the file"),
        (["--ci"], "lowestEfficiency", "omit --quick"),
    ],
)  # fmt: skip
def test_budgets_that_need_the_layers_are_refused(
    arguments: list[str], named: str, advice: str, image: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name, in two lines, before anything is read."""
    Path("b.toml").write_text('max-live = "1 GB"\nmax-download = "1 GB"\n')
    Path("path.toml").write_text('[[budget]]\npath = "/app"\nmax-download = "1 GB"\n')
    status, out, err = status_of([image, "--quick", *arguments], capsys)
    assert (status, out, server.requests) == (2, "", [])
    error, hint = err.splitlines()
    assert error.startswith("error: --quick reads no layers, which these budgets need: ") and named in error
    assert hint.startswith(f"hint: {advice}")


def test_budgets_of_all_platforms(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    name, _ = serve_index(server)
    status, out, _ = status_of([name, "--quick", "--all-platforms", "--max-download", "16 kB"], capsys)
    assert status == 1 and "FAIL linux/arm64: download" in out
    status, _, err = status_of([name, "--quick", "--all-platforms", *AMD64], capsys)
    assert status == 2 and "choose one of them" in err
    status, _, err = status_of([name, "--quick", "--all-platforms", "-f", "badge"], capsys)
    assert status == 2 and "badge can show one image only" in err


@pytest.mark.parametrize(
    ("arguments", "reads_layers"),
    [
        (["-f", "badge"], False), (["-f", "badge-svg"], False), (["-f", "badge", "--max-download", "1 GB"], False),
        (["-f", "badge=a", "-f", "badge-svg=b", "--max-layers", "9", "--max-waste", "off"], False),
        (["-f", "badge", "--max-waste", "90 %"], True), (["-f", "badge", "--forbid", "*.pem"], True),
        (["-f", "badge", "--full"], True), (["-f", "badge", "--verify"], True), (["-f", "badge", "-f", "text=a"], True),
        (["--max-download", "1 GB"], True), (["-f", "json", "--max-download", "1 GB"], True), (["-f", "csv"], True),
    ],
)  # fmt: skip
def test_no_layer_is_read_if_none_is_needed(
    arguments: list[str], reads_layers: bool, image: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --quick, too; a report that shows figures of layers reads them."""
    status, _, err = status_of([image, *AMD64, *arguments], capsys)
    assert (status, err) == (0, "")
    assert (len(blobs_of(server)) > 1) is reads_layers


def test_a_badge_of_an_archive_with_plain_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its layers are read, as those of all files; with --quick the badge says unknown."""
    path = str(write_docker_archive(build_image([layer({"a": b"a" * 3000})]), tmp_path / "app.tar"))
    assert json.loads(lines_of([path, "-f", "badge"], capsys)[0])["label"] == "unpacked size"
    badge = json.loads(lines_of([path, "-f", "badge", "--quick"], capsys)[0])
    assert (badge["label"], badge["message"], badge["color"]) == ("image size", "unknown", "lightgrey")


def test_the_badge_says_what_the_config_tells(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Secrets of the config, but no color of waste."""
    badge = json.loads(lines_of([image, *AMD64, "-f", "badge"], capsys)[0])
    assert (badge["message"], badge["color"]) == ("16.5 kB, 2 secrets", "red")
    status, out, _ = status_of([image, *AMD64, "-f", "badge", "--max-layers", "1"], capsys)
    assert (status, json.loads(out)["message"]) == (1, "16.5 kB, 2 secrets, 1 budget failed")


def test_a_plain_badge_is_blue(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    built = build_image([BASE])
    badge = json.loads(lines_of([serve(server, [built], built.manifest), "-f", "badge"], capsys)[0])
    assert badge["color"] == "blue"


Baseline = Callable[..., tuple[int, str, str]]


@pytest.fixture
def baseline(image: str, server: Server, capsys: pytest.CaptureFixture[str]) -> Baseline:
    """Runs a command about the baseline of the image; requests are counted from there, and nothing is cached."""

    def call(action: str, *arguments: str) -> tuple[int, str, str]:
        server.requests.clear()
        return status_of(["baseline", action, image, "--no-cache", *AMD64, *arguments], capsys)

    return call


def test_a_baseline_of_downloads_alone(baseline: Baseline, server: Server) -> None:
    """It is written and checked without a layer; --full reads them again."""
    assert baseline("write", "--quick")[0] == 0 and len(blobs_of(server)) == 1
    stored = json.loads(Path("ocisize-baseline.json").read_text())
    (entry,) = next(iter(stored["images"].values())).values()
    assert entry["totals"]["content_size"] is None and entry["totals"]["compressed_size"] > 0
    status, out, _ = baseline("check")
    assert (status, len(blobs_of(server))) == (0, 1)
    assert "Download" in out and "Unpacked" not in out and "The layers were not read" in out
    assert baseline("check", "--full")[0] == 0 and len(blobs_of(server)) > 1
    assert baseline("check", "--max-unpacked", "+1 %")[0] == 1 and len(blobs_of(server)) > 1


def test_a_full_baseline_is_checked_as_far_as_budgets_ask(baseline: Baseline, server: Server) -> None:
    """Budgets of downloads need no layer; without budgets, all figures are compared."""
    assert baseline("write")[0] == 0 and len(blobs_of(server)) > 1
    assert baseline("check", "--max-download", "+1 %")[0] == 0 and len(blobs_of(server)) == 1
    assert baseline("check")[0] == 0 and len(blobs_of(server)) > 1
    assert baseline("check", "--quick")[0] == 0 and len(blobs_of(server)) == 1
    before = Path("ocisize-baseline.json").read_text()
    assert baseline("check", "--max-download", "+1 %", "--ratchet")[0] == 0
    assert Path("ocisize-baseline.json").read_text() == before


def test_baselines_refuse_what_the_manifest_does_not_have(
    baseline: Baseline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A budget of growth that needs the layers, and an archive whose download is unknown."""
    status, _, err = baseline("check", "--quick", "--max-waste", "+1 kB")
    assert status == 2 and "which these budgets need: max-waste" in err
    path = str(write_docker_archive(build(), tmp_path / "app.tar"))
    status, _, err = status_of(["baseline", "write", path, "--quick"], capsys)
    assert status == 2 and "--quick has nothing to store: the download is unknown" in err
    assert not Path("ocisize-baseline.json").exists()


def test_a_growing_download_is_found(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The layers that grew are named."""
    old, new = build_image([BASE], history=[{"created_by": STEPS[0][0]}]), build_image([TOOLS, APP])
    name = serve(server, [old], old.manifest)
    assert main(["baseline", "write", name, "--quick", "-q"]) == 0
    serve(server, [new], build_image([BASE, TOOLS]).manifest)
    serve(server, [build_image([BASE, TOOLS])], build_image([BASE, TOOLS]).manifest)
    capsys.readouterr()
    status, out, _ = status_of(["baseline", "check", name, "-q"], capsys)
    assert status == 1 and "download" in out and "over" in out


def test_baselines_of_all_platforms(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    name, images = serve_index(server)
    assert main(["baseline", "write", name, "--quick", "--all-platforms", "-q"]) == 0
    server.requests.clear()
    capsys.readouterr()
    assert main(["baseline", "check", name, "--all-platforms", "--no-cache", "-q", "-f", "json"]) == 0
    assert blobs_of(server) == [config_path(one) for one in images]
    assert [one["image"]["content_size"] for one in json.loads(capsys.readouterr().out)["images"]] == [None, None]


def test_a_diff_reads_both_configs_alone(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The download before and after, what a host downloads, the base, the config and the layers."""
    old, new = build(), build_image([BASE, TOOLS], history=[{"created_by": step} for step, _ in STEPS[:2]])
    names = serve(server, [old], old.manifest), serve(server, [new], new.manifest, tag="2")
    lines = lines_of(["diff", *names, "--quick"], capsys)
    text = " ".join(lines)
    assert "The download shrank by 2.18" in text and "A host with BEFORE downloads nothing but the config." in text
    assert "2 of 2 layers shared, 2 removed" in text and "Config  changed: user, env, entrypoint, cmd" in text
    assert len(server.requests) == 4 and blobs_of(server) == [config_path(old), config_path(new)]


@pytest.mark.parametrize("name", OUTLINE_DIFF_FORMATS)
def test_diffs_in_every_format(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the verdict on a budget of growth."""
    sides = [str(write_layout(one, tmp_path / side)) for side, one in (("a", build_image([BASE])), ("b", build()))]
    status, out, err = status_of(["diff", *sides, "--quick", *AMD64, "-f", name, "--max-download", "+1 %"], capsys)
    assert status == 1 and SECRET not in out
    assert "download" in out.lower() and ("download 16.5 kB >" in out + err or name == "json")


@pytest.mark.parametrize("name", [name for name in DIFF_FORMATS if name not in OUTLINE_DIFF_FORMATS])
def test_diff_formats_that_need_the_layers_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    side = str(write_layout(build(), tmp_path / "a"))
    status, _, err = status_of(["diff", side, side, "--quick", "-f", f"{name}=out"], capsys)
    assert status == 2 and f"which -f {name} needs" in err and ", ".join(OUTLINE_DIFF_FORMATS) in err


def test_a_saved_analysis_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would have no config to compare."""
    side = str(write_layout(build(), tmp_path / "a"))
    assert main([side, "-f", "json=saved.json", "-q"]) == 0
    status, _, err = status_of(["diff", "saved.json", side, "--quick"], capsys)
    assert (
        status == 2 and "saved.json: a saved analysis, which --quick cannot compare" in err and "hint: omit --quick" in err
    )
