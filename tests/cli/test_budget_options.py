"""Budgets on the command line: what is read from where, and that the exit status tells the truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocisize.budgets.kinds import LIMIT_KEYS
from ocisize.budgets.dive_ci import DIVE_RULES
from ocisize.cli.main import main
from ocisize.cli.budget_options import DIVE_FLAGS, LIMIT_FLAGS
from tests.gates import build
from tests.images import build_image, layer, write_docker_archive, write_layout


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the image of which every figure is known."""
    write_layout(build(), tmp_path / "app")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, command: str = "") -> int:
    return main([*command.split(), "./app", "--platform", "linux/amd64", "-q", *arguments])


def test_flags_are_the_keys_of_files() -> None:
    """Every limit of a file is a flag, and dive's rules are too."""
    assert list(LIMIT_FLAGS) == list(LIMIT_KEYS)
    assert set(DIVE_FLAGS) == set(DIVE_RULES)


def test_without_budgets_nothing_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """No files, no flags, no section, status 0."""
    assert run() == 0
    assert "Budgets" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--max-unpacked", "20kB"], 0), (["--max-unpacked", "19.9 kB"], 1), (["--max-waste", "25%"], 0),
        (["--max-waste=24%"], 1), (["--min-efficiency", "0.75"], 0), (["--min-efficiency", "76 %"], 1),
        (["--max-waste", "5kB", "--max-waste", "24%"], 1), (["--max-files", "6"], 0), (["--max-layers", "3"], 1),
        (["--forbid", "*.pem"], 0), (["--forbid", "*.pem", "--forbid", "/app/tmp"], 1), (["--forbid-findings", "OS101"], 1),
        (["--forbid-findings", "OS102"], 0), (["--max-download", "+2 %"], 1), (["--max-unpacked", "off"], 0),
        (["--max-unpacked", "1 XB"], 2), (["--max-unpacked", "nan"], 2), (["--forbid", "**"], 2), (["--ci"], 1),
        (["--lowestEfficiency", "0.75", "--highestUserWastedPercent", "0.4"], 0), (["--lowestEfficiency", "0.7"], 1),
        (["--lowestEfficiency", "disabled", "--highestUserWastedPercent", "disabled"], 0), (["--lowestEfficiency", "75"], 2),
        (["--highestWastedBytes", "nan"], 2), (["--ci-config", "missing"], 2), (["--budget-file", "missing"], 2),
        (["--max-transfer", "1 s at 1 B/s", "--max-transfer", "9 s at 1 GB/s"], 1),
        (["--forbid", "off"], 0), (["--forbid-findings", "off"], 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["text", "json", "dive-json"])
def test_the_status(arguments: list[str], status: int, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """0 kept, 1 broken, 2 not understood; whatever the report looks like, and a report there is unless it is 2."""
    assert run(*arguments, "-f", form) == status
    captured = capsys.readouterr()
    assert bool(captured.out) is (status < 2)
    assert ("error: " in captured.err) is (status == 2)
    assert ("budget fail: " in captured.err) is (status == 1 and form != "text")


def test_all_wrong_flags_are_reported_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, before the image is read."""
    assert main(["missing.tar", "--max-download", "x", "--max-files", "1.5", "--forbid-findings", "y"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: --max-download: got 'x', expected a size such as '120 MB' or '120 MiB' or a growth such as '+2 %'",
        "error: --max-files: got '1.5', expected a whole number or a growth such as '+2 %'",
        "error: --forbid-findings: got 'y', expected an id such as OS101 or one of high, medium, low",
    ]


def test_a_report_into_a_file_names_what_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who sees no report sees what failed."""
    assert run("--max-files", "5", "-o", "report.txt") == 1
    assert capsys.readouterr().err == "budget fail: files 6 > 5, 1 over\n"
    assert "FAILED  files 6 > 5" in (folder / "report.txt").read_text()


def test_a_closed_pipe_does_not_pass() -> None:
    """``set -o pipefail; ocisize … | head`` ends with the status of the budgets."""
    command = f"{sys.executable} -m ocisize ./app --platform linux/amd64 --max-files 1 --files -f json"
    script = f"set -o pipefail; {command} 2>/dev/null | true"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(["bash", "-c", script], check=False, timeout=60, env=environment).returncode == 1


def test_the_first_file_counts(folder: Path) -> None:
    """ocisize.toml, then [tool.ocisize] of pyproject.toml, then .dive-ci."""
    (folder / ".dive-ci").write_text("rules:\n  lowestEfficiency: 0.7\n  highestUserWastedPercent: 0.4\n")
    assert run() == 0
    (folder / ".dive-ci").write_text("rules:\n  lowestEfficiency: 0.8\n")
    assert run() == 1
    (folder / "pyproject.toml").write_text("[project]\ndependencies = ['ocisize']\n[tool.other]\nx = 1\n")
    assert run() == 1
    for text in (
        "tool.ocisize.max-files = 6\n",
        "tool = {ocisize = {max-files = 6}}\n",
        "[tool]\nocisize = {max-files = 6}\n",
        " [ 'tool' . 'ocisize' ] # budgets\nmax-files = 6\n",
        "[[tool.ocisize.budget]]\nmax-files = 6\n",
        "[tool.ocisize]\nname = 'x'\n",
    ):
        (folder / "pyproject.toml").write_text(text)
        assert run() == 0
    (folder / "pyproject.toml").write_text("[tool.ocisize]\nmax-files = 6\n")
    assert run() == 0
    (folder / "ocisize.toml").write_text("max-files = 5\n")
    assert run() == 1
    assert run("--no-budgets") == 0
    assert run("--budget-file", "pyproject.toml") == 0
    assert run("--budget-file", ".dive-ci") == 1


def test_flags_replace_what_a_file_says_of_the_whole(folder: Path) -> None:
    """A flag wins over the same limit at the top; limits of tables stay."""
    (folder / "ocisize.toml").write_text('max-files = 5\n[[budget]]\npath = "/app"\nmax-files = 3\n')
    assert run() == 1
    assert run("--max-files", "6") == 0
    (folder / "ocisize.toml").write_text('[[budget]]\npath = "/app"\nmax-files = 2\n')
    assert run("--max-files", "6") == 1


def test_dives_flags_win_over_its_file(folder: Path) -> None:
    """Flag, file, default; also when the file's name is said, and beside budgets of our own."""
    (folder / ".dive-ci").write_text("rules:\n  lowestEfficiency: 0.8\n  highestUserWastedPercent: 0.5\n")
    assert run("--ci") == 1
    assert run("--lowestEfficiency", "0.7") == 0
    (folder / "other.yml").write_text("rules:\n  highestUserWastedPercent: 0.1\n")
    assert run("--lowestEfficiency", "0.7", "--ci-config", "other.yml") == 1
    (folder / "ocisize.toml").write_text("max-files = 6\n")
    assert run() == 0
    assert run("--ci") == 1
    assert run("--ci", "--lowestEfficiency", "0.7") == 0


def test_errors_in_files_name_the_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, one line for each problem, no report."""
    (folder / "ocisize.toml").write_text('\nmax-download = "5 XB"\nmax-fils = 3\n')
    assert run() == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [text.partition(": got")[0] for text in captured.err.splitlines()] == [
        "error: ocisize.toml:3: max-fils: unknown key, expected max-files", "error: ocisize.toml:2: max-download",
    ]  # fmt: skip
    for content in (b"\xff", b"max-download"):
        (folder / "ocisize.toml").write_bytes(content)
        assert run() == 2


def test_an_archive_of_plain_layers_passes_no_limit_on_the_download(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The download is not known there, and that is said."""
    path = write_docker_archive(build_image([layer({"a": b"1"})]), folder / "a.tar")
    assert main([str(path), "--max-download", "1GB"]) == 1
    assert "FAILED  download unknown: the layers were read uncompressed" in capsys.readouterr().out
    assert main([str(path), "--max-unpacked", "1GB"]) == 0


def test_a_baseline_is_written_and_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """write accepts, check compares: equal passes, and an image that has grown fails until it is written again."""
    assert run(command="baseline check") == 1
    assert capsys.readouterr().out == (
        "No baseline of app (linux/amd64) in ocisize-baseline.json. Write it, and commit the file:\n"
        "  ocisize baseline write ./app --platform linux/amd64\n"
    )
    assert run("-f", "json", "--name", "my app", "--baseline", "b.json", command="baseline check") == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["baseline"] is None
    assert captured.err == (
        "budget fail: no baseline of my app (linux/amd64) in b.json; write it with: "
        "ocisize baseline write ./app --platform linux/amd64 --name 'my app' --baseline b.json\n"
    )
    assert not (folder / "ocisize-baseline.json").exists()
    assert run(command="baseline write") == 0
    assert "Wrote ocisize-baseline.json" in capsys.readouterr().out
    assert run(command="baseline check") == 0
    write_layout(build_image([layer({"a": b"1" * 30000})]), folder / "grown")
    arguments = ["--platform", "linux/amd64", "--name", "app"]
    kept = (folder / "ocisize-baseline.json").read_text()
    for more in ([], ["--ratchet"]):
        assert main(["baseline", "check", "grown", *arguments, *more]) == 1
    assert (folder / "ocisize-baseline.json").read_text() == kept
    assert main(["baseline", "check", "grown", *arguments, "--max-unpacked", "+10 kB"]) == 0
    assert main(["baseline", "check", "grown", *arguments, "--max-unpacked", "+49 %"]) == 1
    assert main(["grown", *arguments, "--max-unpacked", "+9.9 kB"]) == 1
    assert main(["baseline", "write", "grown", *arguments]) == 0
    assert main(["baseline", "check", "grown", *arguments]) == 0


def test_the_ratchet_lowers_and_never_raises(folder: Path) -> None:
    """What has become smaller is written; checking again changes nothing."""
    run(command="baseline write")
    write_layout(build_image([layer({"a": b"1" * 7000}), layer({}), layer({}), layer({}), layer({})]), folder / "small")
    arguments = ["baseline", "check", "small", "--platform", "linux/amd64", "--name", "app"]
    before = json.loads((folder / "ocisize-baseline.json").read_text())["images"]["app"]["linux/amd64"]["totals"]
    assert main(arguments) == 0
    assert json.loads((folder / "ocisize-baseline.json").read_text())["images"]["app"]["linux/amd64"]["totals"] == before
    assert main([*arguments, "--ratchet"]) == 0
    after = json.loads((folder / "ocisize-baseline.json").read_text())["images"]["app"]["linux/amd64"]["totals"]
    assert (after["content_size"], after["wasted_size"], after["files"], after["layers"]) == (7000, 0, 1, 4)
    assert all(after[name] <= before[name] for name in before)
    text = (folder / "ocisize-baseline.json").read_text()
    assert main([*arguments, "--ratchet"]) == 0
    assert (folder / "ocisize-baseline.json").read_text() == text
    assert run("--ratchet", command="baseline check") == 1
    assert (folder / "ocisize-baseline.json").read_text() == text


def test_the_baseline_of_the_file_of_budgets(folder: Path) -> None:
    """Its name and place come from there, relative to it; budgets of growth are judged in every analysis."""
    (folder / "ci").mkdir()
    (folder / "ci" / "limits.toml").write_text('name = "acme"\nbaseline = "kept.json"\nmax-download = "+0"\nmax-files = 1\n')
    arguments = ["--budget-file", "ci/limits.toml"]
    assert run(*arguments, command="baseline write") == 0
    assert list(json.loads((folder / "ci" / "kept.json").read_text())["images"]) == ["acme"]
    assert run(*arguments, command="baseline check") == 0
    assert run(*arguments) == 1
    assert run(*arguments, "--max-files", "6") == 0
    assert run("--max-files", "6", "--max-live", "+0", "--baseline", "ci/kept.json", "--name", "acme") == 0


def test_a_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Totals of both, verdicts, and whether the file was changed."""
    run(command="baseline write")
    capsys.readouterr()
    assert run("-f", "json", command="baseline check") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "ocisize.baseline-check"
    assert document["baseline"] == document["image"]
    assert [row["status"] for row in document["budgets"]] == ["pass"] * 3
    assert document["written"] is False


def test_what_the_baseline_command_refuses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A limit that is no growth, a ratchet for writing, a damaged file, a folder that is not there."""
    for arguments, command, says in (
        (["--max-download", "5MB"], "baseline check", "--max-download: expected a growth such as '+2 %'"),
        (["--ratchet"], "baseline write", "--ratchet: only works with check"),
        (["--baseline", "nowhere/b.json"], "baseline write", "No such file or directory"),
    ):
        assert run(*arguments, command=command) == 2
        assert says in capsys.readouterr().err
    (folder / "ocisize-baseline.json").write_text("{}")
    for command in ("baseline write", "baseline check"):
        assert run(command=command) == 2
    assert (folder / "ocisize-baseline.json").read_text() == "{}"
    assert sorted(path.name for path in folder.iterdir()) == ["app", "ocisize-baseline.json"]


def test_a_baseline_without_the_download_goes_by_the_rest(folder: Path) -> None:
    """Of archives that never tell the download the other figures are kept and checked."""
    path = str(write_docker_archive(build_image([layer({"a": b"1"})]), folder / "a.tar"))
    assert main(["baseline", "write", path]) == 0
    assert main(["baseline", "check", path]) == 0
    assert main(["baseline", "check", path, "--max-download", "+1 GB"]) == 1


def test_growth_of_a_path_is_kept_in_the_baseline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """write keeps the figure of each path that a budget of growth is about; check and analyses judge it."""
    (folder / "ocisize.toml").write_text('name = "app"\n[[budget]]\npath = "/app"\nmax-unpacked = "+0"\n')
    assert run() == 1
    assert "unpacked in /app unknown: there is no baseline" in capsys.readouterr().out
    assert run(command="baseline write") == 0
    assert json.loads((folder / "ocisize-baseline.json").read_text())["images"]["app"]["linux/amd64"]["parts"] == {
        "content_size in /app": 8000
    }
    assert run() == run(command="baseline check") == 0
    write_layout(build_image([layer({"app/big": b"b" * 8001})]), folder / "app")
    capsys.readouterr()
    assert run() == run(command="baseline check") == 1
    assert "unpacked in /app 8,001 B > 8,000 B (baseline +0 B), 1 B over" in capsys.readouterr().out
    write_layout(build_image([layer({"app/big": b"b" * 7000})]), folder / "app")
    assert run("--ratchet", command="baseline check") == 0
    assert '"content_size in /app": 7000' in (folder / "ocisize-baseline.json").read_text()


def test_a_report_that_cannot_be_written_stops_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there, a full disk: status 2, the file is named, all else is written and said."""
    arguments = ["-f", "json=nowhere/a.json", "-f", "sarif=/dev/full", "-f", "junit=b.xml", "-f", "text", "--max-files", "5"]
    for more in ([], ["--all-platforms"]):
        assert main(["./app", "-q", *arguments, *more]) == 2
        captured = capsys.readouterr()
        assert "error: nowhere/a.json: cannot be written: No such file or directory\n" in captured.err
        assert "error: /dev/full: cannot be written: No space left on device\n" in captured.err
        assert "files 6 > 5" in captured.out
        assert "files 6" in (folder / "b.xml").read_text()
        (folder / "b.xml").unlink()


def test_a_file_that_sets_up_nothing_is_no_gate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named, it is an error: a misplaced table would pass everything. Found, it is reported."""
    (folder / "pyproject.toml").write_text("[tool.ocisise]\nmax-files = 1\n")
    (folder / "empty.toml").write_text("# max-files = 1\n")
    for name in ("pyproject.toml", "empty.toml"):
        assert run("--budget-file", name) == 2
        assert f"error: {name}: has no budgets, name or baseline" in capsys.readouterr().err
    assert run() == 0
    (folder / "ocisize.toml").write_text("# max-files = 1\n")
    assert main(["./app", "--platform", "linux/amd64"]) == 0
    assert "warning: ocisize.toml: has no budgets\n" in capsys.readouterr().err
    (folder / "named.toml").write_text('name = "x"\n')
    assert run("--budget-file", "named.toml") == 0


def test_forbidden_findings_that_no_rule_makes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An id is one of ocisize's or of the rules that were given; any other one is reported, beside what was found, too."""
    (folder / "team.toml").write_text(
        '[[rule]]\nid = "ACME001"\ntitle = "big"\nwhat = "w"\nconfidence = "safe"\nfix = {any = "f"}\nglobs = ["/app/big"]\n'
    )
    assert run("--forbid-findings", "ACME001") == 0
    assert "WARNING forbidden findings: unknown finding ACME001" in capsys.readouterr().out
    status = run("--forbid-findings", "ACME001", "--rules", "team.toml")
    assert (status, "forbidden findings 1: ACME001 in layer 1" in capsys.readouterr().out) == (1, True)
    assert run("--forbid-findings", "OS101", "--forbid-findings", "ACME002", "--rules", "team.toml") == 1
    assert "forbidden findings 1: OS101 in layer 1; unknown finding ACME002" in capsys.readouterr().out


def test_two_reports_cannot_share_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However its name is written."""
    (folder / "link").symlink_to("a")
    for name in ("a", "./a", "app/../a", str(folder / "a"), "link"):
        with pytest.raises(SystemExit):
            run("-f", "text=a", "-f", f"json={name}")
        assert f"two reports cannot share {name}" in capsys.readouterr().err
    assert not (folder / "a").exists()
