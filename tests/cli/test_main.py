"""The command line: what goes to stdout, what to stderr, and the exit status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ocisize.cli.command_table import COMMANDS
from ocisize.cli.main import main, make_parser
from tests.images import (
    build_image,
    index_bytes,
    layer,
    layout_files,
    named,
    sha256,
    write_docker_archive,
    write_files,
    write_layout,
)

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A layout folder with one small image and some waste."""
    image = build_image([layer({"a": b"1" * 2000, "b": b"2" * 10}), layer({".wh.a": b""})])
    return write_layout(image, tmp_path / "layout")


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ocisize", *arguments],
        capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}, timeout=60,
    )  # fmt: skip


def status_of(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_text_is_the_default(layout: Path) -> None:
    """The main job: one argument, a report on stdout, nothing on stderr, status 0."""
    result = run(str(layout))
    assert result.returncode == 0
    assert "Layers  0" in result.stdout
    assert result.stderr == ""


def test_the_full_report_and_its_sections(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--full shows all sections, --section those that are named, in the order of the report; others are usage errors."""
    status, full, _ = status_of([str(layout), "--full"], capsys)
    assert (status, "\nEfficiency " in full, "\nLargest files of " in full) == (0, True, True)
    _, screen, _ = status_of([str(layout)], capsys)
    assert "Efficiency" not in screen and "Largest files" not in screen
    _, some, _ = status_of([str(layout), "--section", "largest,layers", "--section", "figures"], capsys)
    assert some.index("\nEfficiency ") < some.index("\nLayers, base first") < some.index("\nLargest files of ")
    assert "Egress" not in some and "Egress" in full
    result = run(str(layout), "--section", "layers,wastes")
    assert result.returncode == 2
    assert result.stderr == "error: --section: unknown section 'wastes'\nhint: did you mean waste?\n"


def test_the_report_repeats_options_in_its_commands(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands to type next read the same image."""
    _, out, _ = status_of([str(layout), "--select", "app", "--platform", "linux/amd64"], capsys)
    assert f"ocisize {layout} --platform linux/amd64 --select app --full" in "".join(out.split("\n"))


def test_json_is_clean_on_stdout(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With -f json stdout is one JSON document."""
    status, out, _ = status_of([str(layout), "-f", "json"], capsys)
    document = json.loads(out)
    assert status == 0
    assert (document["wasted_size"], document["live_size"]) == (2000, 10)
    assert "files" not in document["layers"][0]


def test_files_are_behind_a_flag(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--files adds the columns of every layer, with content hashes."""
    _, out, _ = status_of([str(layout), "-f", "json", "--files"], capsys)
    files = json.loads(out)["layers"][0]["files"]
    assert files["paths"] == ["a", "b"]
    assert all(files["content_hashes"])


def test_dives_export_is_a_format(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-f dive-json writes what dive exports, for sources that dive cannot read too."""
    status, out, _ = status_of([str(layout), "-f", "dive-json"], capsys)
    document = json.loads(out)
    assert status == 0
    assert out.startswith('{\n  "layer": [\n')
    assert document["image"] == {
        "sizeBytes": 2010, "inefficientBytes": 2000, "efficiencyScore": 10 / 2010,
        "fileReference": [{"count": 2, "sizeBytes": 2000, "file": "/a"}],
    }  # fmt: skip


def test_output_goes_to_a_file(layout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-o writes the report to a file and nothing to stdout."""
    status, out, _ = status_of([str(layout), "-f", "json", "-o", str(tmp_path / "out.json")], capsys)
    assert (status, out) == (0, "")
    assert json.loads((tmp_path / "out.json").read_text())["schema"] == "ocisize.analysis"


def test_an_output_that_cannot_be_written_is_an_error(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be written is one line naming it, status 2."""
    status, _, err = status_of([str(layout), "-o", "/nowhere/out.txt"], capsys)
    assert status == 2
    assert err.startswith("error: /nowhere/out.txt: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nosuch.tar"], "no such file or folder: nosuch.tar"),
        (["./nosuch"], "no such file or folder: ./nosuch"),
        (["app/UPPER"], "invalid reference 'app/UPPER'"),
        (["docker-archive:nosuch.tar"], "cannot open nosuch.tar"),
        (["https://example.com/app"], "no URL scheme"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input ends with status 2 and an error line that names the thing, at most a hint below it."""
    status, out, err = status_of(arguments, capsys)
    assert (status, out) == (2, "")
    assert says in err
    assert all(line.startswith(("error: ", "hint: ")) for line in err.splitlines())


def test_a_wrong_platform_lists_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A platform that is not there is an error with the available ones and a hint."""
    image = build_image([layer({"a": b""})])
    descriptor = {**image.descriptor, "platform": {"os": "linux", "architecture": "amd64"}}
    inner = index_bytes([descriptor])
    entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(inner), "size": len(inner)}
    files = layout_files(index_bytes([named(entry, "x")]), image.blobs | {sha256(inner): inner})
    status, _, err = status_of([str(write_files(files, tmp_path / "l")), "--platform", "linux/s390x"], capsys)
    assert status == 2
    assert "no image for platform linux/s390x; available: linux/amd64" in err
    assert "hint: choose one with --platform" in err


def test_a_truncated_layer_names_the_layer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cut blob is an error that names the layer and what was expected."""
    image = build_image([layer({"a": os.urandom(5000)})])
    folder = write_layout(image, tmp_path / "l")
    blob = folder / "blobs" / image.layers[0].digest.replace(":", "/")
    blob.write_bytes(blob.read_bytes()[:-700])
    status, out, err = status_of([str(folder)], capsys)
    assert (status, out) == (2, "")
    assert f"layer 0 ({image.layers[0].digest})" in err


def test_the_base_is_distinguished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--base parts the figures; one that is not the base is a warning, and one that cannot be read an error."""
    base, top = layer({"a": b"1" * 2000}), layer({"b": b"2" * 10})
    image = str(write_layout(build_image([base, top]), tmp_path / "app"))
    write_layout(build_image([base]), tmp_path / "base")
    status, out, err = status_of([image, "--base", str(tmp_path / "base"), "-f", "json"], capsys)
    document = json.loads(out)["base"]
    assert (status, err) == (0, "")
    assert (document["found"]["method"], document["base"]["content_size"], document["own"]["content_size"]) == (
        "given",
        2000,
        10,
    )
    write_layout(build_image([top]), tmp_path / "other")
    status, _, err = status_of([image, "--base", str(tmp_path / "other")], capsys)
    assert status == 0
    assert err.startswith("warning: ") and "is not the base: layer 0 is" in err
    status, out, err = status_of([image, "--base", "./nothing.tar"], capsys)
    assert (status, out) == (2, "")
    assert "the base image: no such file or folder: ./nothing.tar" in err


def test_rules_of_ones_own(layout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--rules adds rules for findings; a file that is none names itself and what is wrong."""
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nid = "ACME001"\ntitle = "our b"\nwhat = "x"\nglobs = ["/b"]\nconfidence = "safe"\n')
    status, out, _ = status_of([str(layout), "--rules", str(rules), "-f", "json"], capsys)
    findings = {finding["id"]: finding for finding in json.loads(out)["advice"]["findings"]}
    assert (status, findings["ACME001"]["paths"]) == (0, ["b"])
    rules.write_text('[[rule]]\nid = "ACME001"\n')
    status, out, error = status_of([str(layout), "--rules", str(rules)], capsys)
    assert (status, out) == (2, "")
    assert str(rules) in error
    assert "title: got nothing" in error


def test_cost_is_assumed_or_stated(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--cost replaces the assumptions in the report and in JSON; mistakes are usage errors."""
    _, out, _ = status_of([str(layout), "--full"], capsys)
    assert "10 deploys/day, 5 nodes" in out and "/year" not in out
    cost = ["--cost", "deploys=1000,nodes=900,bandwidth=2Gbps"]
    _, out, _ = status_of([str(layout), *cost], capsys)
    assert "to pull at 2 Gbps" in out and "of egress a year" in out
    _, out, _ = status_of([str(layout), *cost, "--full"], capsys)
    assert "1000 deploys/day, 900 nodes" in out and "at 2 Gbps" in out and "/year" in out
    _, out, _ = status_of([str(layout), "--cost", "price=0.5", "-f", "json"], capsys)
    assert json.loads(out)["cost"]["assumptions"]["price"] == 0.5
    result = run(str(layout), "--cost", "nodes=few")
    assert (result.returncode, result.stdout) == (2, "")
    assert "error: --cost: nodes=few: nodes must be a number" in result.stderr


def test_usage_errors_have_status_2() -> None:
    """A wrong option is status 2, like everything that could not be analysed."""
    assert run("--nonsense").returncode == 2
    assert run().returncode == 2


def test_analyze_is_an_optional_word(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``ocisize analyze IMAGE`` is ``ocisize IMAGE``, for images named like a command."""
    assert status_of(["analyze", str(layout), "-f", "json"], capsys)[0] == 0


def test_an_image_can_be_named_like_a_command(
    layout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first argument alone is a command; behind it, and behind options, the same word is an image."""
    monkeypatch.chdir(layout.parent)
    layout.rename("tree")
    for arguments in (["analyze", "tree"], ["tree", "tree"], ["files", "tree"], ["-q", "tree"]):
        status, out, _ = status_of(arguments, capsys)
        assert (status, out.startswith("tree · app")) == (0, True)
    with pytest.raises(SystemExit) as caught:
        main(["tree"])
    assert caught.value.code == 2


def test_files_command(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``ocisize files`` lists the largest files, with their causes of waste."""
    status, out, err = status_of(["files", str(layout)], capsys)
    assert (status, err) == (0, "")
    assert re.search(r"2\.00 kB +\S+ B +0→1 +deleted +/a\n", out)
    assert re.search(r"10 B +\S+ B +0 +live +/b\n", out)
    assert "… and 1 more, 10 B" in status_of(["files", str(layout), "--top", "1"], capsys)[1]


def test_files_command_selects(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Globs, a layer and an order choose among the files, and the document says what was chosen."""
    arguments = [
        "files",
        str(layout),
        "-f",
        "json",
        "--layer",
        "0",
        "--glob",
        "b*",
        "--glob",
        "/none/",
        "--sort",
        "download",
    ]
    status, out, _ = status_of(arguments, capsys)
    document = json.loads(out)
    assert status == 0
    assert (document["schema"], document["version"]) == ("ocisize.files", 1)
    assert (document["layer"], document["globs"], document["sort"]) == (0, ["b*", "/none/"], "download")
    assert [(file["path"], file["size"], file["state"], file["hidden_by"]) for file in document["files"]] == [
        ("b", 10, "live", None)
    ]
    assert (document["file_count"], document["content_size"]) == (1, 10)


def test_tree_command(layout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``ocisize tree`` draws a tree, or writes it as a document, also to a file."""
    status, out, err = status_of(["tree", str(layout)], capsys)
    assert (status, err) == (0, "")
    assert re.search(r"├ a\n", out)
    assert re.search(r"└ b\n", out)
    status_of(["tree", str(layout), "-f", "json", "--depth", "1", "--top", "1", "-o", str(tmp_path / "out.json")], capsys)
    document = json.loads((tmp_path / "out.json").read_text())
    assert (document["schema"], document["version"], document["depth"]) == ("ocisize.tree", 1, 1)
    root = document["tree"]
    assert (root["path"], root["kind"], root["content_size"], root["live_size"], root["file_count"]) == (
        "",
        "dir",
        2010,
        10,
        2,
    )
    assert [(child["path"], child["kind"], child["wasted_size"]) for child in root["children"]] == [("a", "file", 2000)]
    assert (root["others"]["content_size"], root["others"]["file_count"]) == (10, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--layer", "2"], "there is no layer 2"),
        (["--layer", "-1"], "expected a whole number of at least 0"),
        (["--sort", "path"], "got 'path', expected size or download"),
    ],
)
@pytest.mark.parametrize("command", ["files", "tree"])
def test_bad_views_are_errors(
    command: str, arguments: list[str], says: str, layout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A view of what is not there is status 2 and says what is wrong."""
    try:
        status = main([command, str(layout), *arguments])
    except SystemExit as ended:
        status = int(ended.code or 0)
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert says in captured.err


def test_a_bad_glob_is_a_usage_error(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A glob that matches too much, or cannot be parsed, is refused before anything is read."""
    for glob, says in (("*", "matches too much"), ("[a", "without a ']'")):
        with pytest.raises(SystemExit) as caught:
            main(["files", str(layout), "--glob", glob])
        assert caught.value.code == 2
        assert says in capsys.readouterr().err


def test_select_and_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several images in one layout one is chosen by name; without a choice they are listed."""
    one, two = build_image([layer({"a": b"1"})]), build_image([layer({"a": b"22"})])
    index = index_bytes([named(one.descriptor, "app:1"), named(two.descriptor, "app:2")])
    folder = str(write_files(layout_files(index, one.blobs | two.blobs), tmp_path / "l"))
    status, _, err = status_of([folder], capsys)
    assert status == 2
    listed = "".join(
        f"\n  @{number} app:{number + 1} (linux/amd64, {image.digest[7:19]})" for number, image in enumerate((one, two))
    )
    hint = "choose one with --select NAME or --select @N"
    assert err == f"error: {folder}: the layout contains several images:{listed}\nhint: {hint}\n"
    assert status_of([folder, "--select", "x"], capsys)[2].endswith(f"no image 'x' in the layout; it contains:{listed}\n")
    _, _, err = status_of([folder, "--platform", "linux/amd64"], capsys)
    assert err.endswith(f"hint: {hint}; --platform chooses among the images of one name\n")
    for arguments in ([folder, "--select", "app:2"], [f"oci-dir:{folder}:app:2"]):
        _, out, _ = status_of([*arguments, "-f", "json"], capsys)
        assert json.loads(out)["content_size"] == 2


def test_the_hint_of_broken_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the other layers hold can be shown, by the commands that have the option."""
    image = build_image([layer({"a": b"1"}), layer({"b": b"2"})])
    folder = write_layout(image, tmp_path / "l")
    blob = folder / "blobs" / image.layers[1].digest.replace(":", "/")
    hint = "hint: the folder is incomplete: copy or save the image again"
    blob.rename(tmp_path / "blob")
    for command in ([], ["files"], ["tree"], ["advise"]):
        assert status_of([*command, str(folder)], capsys)[2].endswith(f"{hint}; --keep-going reports the other layers\n")
    assert status_of(["diff", str(folder), str(folder)], capsys)[2].endswith(f"{hint}\n")
    blob.write_bytes(b"x" * len(image.layers[1].blob))
    assert status_of([str(folder)], capsys)[2].endswith("\nhint: --keep-going reports the other layers\n")
    assert "hint" not in status_of([str(folder), "--keep-going"], capsys)[2]


def test_warnings_go_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is odd is said on stderr, unless --quiet."""
    path = str(write_docker_archive(build_image([layer([("a", b"1"), ("../up", b"2")])]), tmp_path / "a.tar"))
    assert "warning: layer 0: the path '../up'" in status_of([path], capsys)[2]
    assert status_of([path, "-q"], capsys)[2] == ""


def test_a_closed_pipe_is_no_error(layout: Path) -> None:
    """``ocisize … | head -1`` ends quietly."""
    command = f"{sys.executable} -m ocisize {layout} --top 1 -f json --files | head -c 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert result.stderr == ""


@pytest.mark.parametrize("command", ["analyze", "advise", "files", "tree"])
@pytest.mark.parametrize("color", ["always", "never"])
def test_a_closed_pipe_leaves_the_status(layout: Path, command: str, color: str) -> None:
    """Who has read enough changes nothing of the exit status, with colours or without."""
    command = f"{sys.executable} -m ocisize {command} {layout} --color {color} | true; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("command", ["analyze", "advise"])
def test_a_dockerfile_of_another_image_is_noted(
    command: str, layout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Dockerfile that the user names is never ignored in silence."""
    other = tmp_path / "other.Dockerfile"
    other.write_text("FROM x\nRUN make install\n")
    arguments = [command, str(layout), "--dockerfile", str(other)]
    status, _, err = status_of(arguments, capsys)
    assert status == 0
    assert err == f"warning: --dockerfile: {other} did not make the layers of this image; the plan names no lines\n"
    assert status_of([*arguments, "--quiet"], capsys)[2] == ""


def test_a_patch_has_one_format(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--patch`` with another format is refused: a program would read a diff as JSON."""
    status, out, err = status_of(["advise", str(layout), "--patch", "-f", "json"], capsys)
    assert (status, out) == (2, "")
    assert "--patch writes a diff, not json" in err


def test_advise_command(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``ocisize advise`` shows every finding, as text or as a document, by users' rules as well."""
    status, out, err = status_of(["advise", str(layout)], capsys)
    assert (status, err) == (0, "")
    assert "deleted by layer 1, but still downloaded: 1 file of layer 0" in out
    document = json.loads(status_of(["advise", str(layout), "-f", "json"], capsys)[1])
    ids = [finding["id"] for finding in document["advice"]["findings"]]
    assert document["schema"] == "ocisize.advice"
    assert all(each in out for each in ids)
    short, whole = (status_of(["advise", str(layout), *more], capsys)[1] for more in (["--top", "0"], ["--all"]))
    assert ("→" in short, whole.count("→")) == (False, len(ids))
    with pytest.raises(SystemExit):
        main(["advise", str(layout), "--all", "--top", "3"])


def test_select_in_a_registry(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--select is for files, and is not ignored; beside a file in a comparison it is for the file."""
    status, out, err = status_of(["127.0.0.1:9/app:1", "--select", "v2"], capsys)
    assert (status, out) == (2, "")
    assert err.splitlines() == [
        "error: 127.0.0.1:9/app:1: --select chooses among the images of a file, not in a registry",
        "hint: name the tag or the digest in the reference; --platform chooses among the images of an index",
    ]
    assert "connection refused" in status_of(["diff", str(layout), "127.0.0.1:9/app:1", "--select", "@0"], capsys)[2]
    assert "--select chooses" in status_of(["diff", "127.0.0.1:9/a:1", "127.0.0.1:9/app:1", "--select", "@0"], capsys)[2]


def test_files_without_a_format_for_them(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--files changes nothing of the text, and says so; with a format that has files it is silent."""
    status, _, err = status_of([str(layout), "--files"], capsys)
    assert (status, err) == (0, "warning: --files adds to json and csv only; ocisize files IMAGE lists files\n")
    assert status_of([str(layout), "--files", "-f", "csv"], capsys)[2] == ""
    assert status_of([str(layout), "--files", "-q"], capsys)[2] == ""


def test_a_text_file_is_no_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is something else is said to be, without talk of headers and bytes."""
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    status, out, err = status_of([str(path)], capsys)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {path} is not a tar, an OCI layout or an image archive\nhint: expected ")


@pytest.mark.parametrize("command", [None, *COMMANDS])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_help_fits_the_terminal(command: str | None, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands, examples and formats are wrapped like the options."""
    monkeypatch.setenv("COLUMNS", str(width))
    text = make_parser(command).format_help()
    assert max(map(len, text.splitlines())) <= width
    assert "130 interrupted" in " ".join(text.split())


def test_budgets_are_in_the_long_help() -> None:
    """The program's help is for everybody; what is for CI is in that of analyze, and works without the word, too."""
    assert "--highestWastedBytes" not in make_parser().format_help()
    assert "ocisize analyze --help" in " ".join(make_parser().format_help().split())
    assert "--highestWastedBytes" in make_parser("analyze").format_help()
    assert make_parser().parse_args(["x", "--max-download", "1"]) == make_parser("analyze").parse_args(
        ["x", "--max-download", "1"]
    )


def test_light_work_loads_light_modules(tmp_path: Path) -> None:
    """--help loads no analysis; a saved image loads neither the registry client nor the terminal library."""
    path = write_docker_archive(build_image([layer({"a": b"1"})]), tmp_path / "a.tar")
    ordinary = [
        "attr", "attrs", "cattrs", "concurrent.futures", "datetime", "decimal", "fractions", "inspect", "linecache", "logging",
        "lzma", "ocisize.budgets.parse", "ocisize.dockerfile.patch", "ocisize.oci.structure", "ocisize.sources.describe", "oras",
        "platform", "queue", "requests", "rich", "shutil", "tempfile", "tomllib", "typing_extensions", "zipfile", "zstandard",
    ]  # fmt: skip
    unadvised = ["ocisize.findings.advise", "ocisize.plan.make", *ordinary]
    example = str(Path(__file__).parents[2] / "testdata" / "example.tar")
    for arguments, modules in (
        ([example], ordinary),
        ([example, "-f", "csv"], unadvised),
        ([example, "--quick"], ["ocisize.pipeline", "ocisize.filesystem.overlay", "ocisize.budgets.check", *unadvised]),
        ([example, "-f", "badge"], [name for name in ordinary if name not in {"decimal", "fractions"}]),  # it names secrets
        (["files", example, "-f", "json"], unadvised),
        (["--help"], ["attrs", "zstandard", "rich", "oras", "difflib", "tomllib"]),
        (["tree", "--help"], ["attrs", "zstandard", "rich", "oras"]),
        (["files", str(path), "-f", "json"], ["oras", "requests", "jsonschema", "rich"]),
        (["tree", str(path), "-f", "json"], ["oras", "requests", "jsonschema", "rich"]),
        ([str(path), "-f", "json"], ["oras", "requests", "jsonschema", "rich", "zipfile"]),
        ([str(path)], ["oras", "requests", "jsonschema", "rich", "zipfile", "tomllib", "ocisize.toml_tables"]),
    ):
        code = (
            "import sys\nfrom ocisize.cli.main import main\n"
            f"try: main({arguments})\nexcept SystemExit: pass\n"
            f"print([name for name in {modules} if name in sys.modules])"
        )
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}  # which shutil reads
        environment["OCISIZE_CACHE_MAX_SIZE"] = "0"  # entries of the cache need zstandard
        result = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
            env=environment,
        )  # fmt: skip
        assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_help(command: str) -> None:
    """No option is left unexplained, and every command has its line in the program's help."""
    assert all(action.help for action in make_parser(command)._actions)
    assert f"  {command} " in make_parser().format_help()


# several reports at once


def test_several_reports_from_one_reading(layout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each -f NAME=FILE writes its file, and the one without a file goes to stdout."""
    files = {name: tmp_path / f"out.{name}" for name in ("sarif", "junit", "csv", "json")}
    named = [word for name, path in files.items() for word in ("-f", f"{name}={path}")]
    status, out, err = status_of([str(layout), *named, "-f", "badge"], capsys)
    assert (status, err) == (0, "")
    assert json.loads(out)["schemaVersion"] == 1
    assert json.loads(files["sarif"].read_text())["version"] == "2.1.0"
    assert json.loads(files["json"].read_text())["schema"] == "ocisize.analysis"
    assert files["junit"].read_text().startswith("<?xml")
    assert files["csv"].read_bytes().count(b"\r\n") == 3


def test_output_names_the_file_of_a_report_without(layout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-o is where the report without a file of its own goes, and - is standard output."""
    arguments = ["-f", f"badge={tmp_path / 'badge'}", "-f", "text", "-o", str(tmp_path / "text")]
    assert status_of([str(layout), *arguments], capsys) == (0, "", "")
    assert "Layers  0" in (tmp_path / "text").read_text()
    assert status_of([str(layout), "-f", "badge=-"], capsys)[1] == (tmp_path / "badge").read_text()


def test_other_commands_write_one_report(layout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands with one report take -f NAME=FILE, too, but not twice."""
    assert status_of(["tree", str(layout), "-f", f"json={tmp_path / 'tree'}"], capsys) == (0, "", "")
    assert json.loads((tmp_path / "tree").read_text())["schema"] == "ocisize.tree"
    with pytest.raises(SystemExit):
        main(["tree", str(layout), "-f", "text", "-f", f"json={tmp_path / 'tree'}"])
    assert "this command writes one report" in capsys.readouterr().err


def test_a_step_summary_is_appended_to(
    layout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a GitHub step has written to its summary stays; any other file is replaced."""
    summary, other = tmp_path / "summary", tmp_path / "other"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for path in (summary, other):
        path.write_text("before\n")
        assert status_of([str(layout), "-f", f"markdown={path}"], capsys)[0] == 0
    assert summary.read_text() == "before\n" + other.read_text()


def test_data_is_utf8_in_any_locale(tmp_path: Path) -> None:
    """Formats for programs are UTF-8 on stdout where the terminal is not; text has escapes there."""
    image = write_layout(build_image([layer({"é": b"1" * 100})]), tmp_path / "é")
    environment = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "ocisize", str(image), "-f"]
    for name, written in (("ncdu", '"name":"é"'.encode()), ("text", "/é".encode("latin-1"))):
        result = subprocess.run(
            [*command, name], capture_output=True, env={**os.environ, **environment}, timeout=60, check=True
        )
        assert written in result.stdout


def test_files_are_written_though_nobody_reads_stdout(layout: Path, tmp_path: Path) -> None:
    """A reader that stops early takes nothing from the other reports."""
    command = f"{sys.executable} -m ocisize {layout} -f text -f badge={tmp_path / 'badge'} | true"
    subprocess.run(["bash", "-c", command], check=True, timeout=60)
    assert json.loads((tmp_path / "badge").read_text())["schemaVersion"] == 1
