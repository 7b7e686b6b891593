"""Usage errors: two lines, the second of which says what to write; nothing is read."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ocisize.cli.command_table import COMMANDS
from ocisize.cli.main import main
from tests.images import build_image, layer, write_docker_archive, write_layout


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The error and the hint of arguments that are refused with status 2."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out) == (2, "")
    error, hint, end = captured.err.split("\n")
    assert (error[:7], hint[:6], end) == ("error: ", "hint: ", "")
    return error[7:], hint[6:]


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["tre", "app.tar"], "unknown command tre", "did you mean ocisize tree app.tar?"),
        (["inspect", "app.tar"], "unknown command inspect", "did you mean ocisize analyze app.tar?"),
        (["compare", "a.tar", "b.tar"], "unknown command compare", "did you mean ocisize diff a.tar b.tar?"),
        (["nonsense", "app.tar"], "unknown command nonsense", "the commands are analyze, advise, "),
        (["help", "diff"], "help is not a command", "did you mean ocisize diff --help?"),
        (["help", "nonsense"], "help is not a command", "did you mean ocisize --help?"),
        (["completion"], "bash, zsh or fish is missing", "ocisize completion bash|zsh|fish"),
        (["baseline"], "write or check and IMAGE are missing", "ocisize baseline write|check IMAGE"),
        (["fils"], "fils is not a command", "did you mean ocisize files IMAGE? for an image of this name: docker://fils"),
        (["app.tar", "tree"], "unexpected argument tree", "the command comes first: ocisize tree app.tar"),
        (["app.tar", "other.tar"], "unexpected argument other.tar: ", "ocisize diff app.tar other.tar"),
        (["-", "-"], "two images cannot come from standard input", "ocisize diff app.tar -"),
        (["-", "app.tar"], "unexpected argument app.tar: ", "ocisize diff - app.tar"),
        (["files", "app.tar", "other.tar"], "unexpected argument other.tar", "ocisize files --help shows"),
        ([], "IMAGE is missing", "ocisize IMAGE [OPTION ...]; ocisize --help"),
        (["diff", "a.tar"], "AFTER is missing", "ocisize diff BEFORE AFTER [OPTION ...]"),
        (["-v"], "IMAGE is missing", "for the version: ocisize --version; for the log: ocisize IMAGE -v"),
        (["-vv"], "IMAGE is missing", "ocisize IMAGE [OPTION ...]"),
        (["baseline", "chek", "app.tar"], "got 'chek', expected write or check", "did you mean ocisize baseline check?"),
    ],
)
def test_words(arguments: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands that are misspelled, misplaced or those of other programs, and missing or surplus images."""
    text, advice = refusal(arguments, capsys)
    assert error in text and hint in advice


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["a.tar", "--json"], "unknown option --json", "did you mean -f json?"),
        (["--json"], "unknown option --json", "did you mean -f json?"),
        (["a.tar", "-json"], "unknown option -json", "did you mean -f json?"),
        (["a.tar", "-platform=linux/arm64"], "unknown option -platform", "did you mean --platform?"),
        (["a.tar", "-V"], "unknown option -V", "did you mean --version?"),
        (["--plaform", "linux/arm64", "a.tar"], "unknown option --plaform", "did you mean --platform?"),
        (["a.tar", "--plat", "linux/arm64"], "unknown option --plat", "did you mean --platform?"),
        (["a.tar", "--nonsense"], "unknown option --nonsense", "ocisize --help lists the options"),
        (["a.tar", "--layr", "3"], "unknown option --layr", "did you mean --layer, an option of files, tree and browse?"),
        (
            ["a.tar", "--layer", "3"],
            "--layer is an option of files, tree and browse",
            "did you mean ocisize files a.tar --layer 3?",
        ),
        (["a.tar", "--sort", "download"], "--sort is an option of ", "did you mean ocisize files a.tar --sort download?"),
        (["a.tar", "--glob=*.pyc"], "--glob is an option of files", "did you mean ocisize files a.tar '--glob=*.pyc'?"),
        (
            ["diff", "a.tar", "b.tar", "--keep-going"],
            "--keep-going is an option of analyze, advise, files, tree, packages and browse",
            "ocisize ",
        ),
        (
            ["a.tar", "--creds", "ann:word"],
            "unknown option --creds",
            "passwords are not arguments: log in with docker login",
        ),
        (["files", "--authfile", "auth.json", "reg.io/app"], "unknown option --authfile", "set REGISTRY_AUTH_FILE=FILE"),
        (["--tls-verify=false", "reg.io/app"], "unknown option --tls-verify", "use --tls-no-verify for any TLS certificate"),
        (["a.tar", "--override-arch", "arm64"], "unknown option --override-arch", "use --platform OS/ARCH[/VARIANT]"),
        (["a.tar", "--\x1b[31m"], r"unknown option --\x1b[31m", "ocisize --help"),
        (["a.tar", "--a\nb"], r"unknown option --a\nb", "ocisize --help"),
    ],
)
def test_options(arguments: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Options of other commands and programs, and misspelled ones."""
    text, advice = refusal(arguments, capsys)
    assert error in text and hint in advice


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["--platform", "arm64"], "--platform: got 'arm64', expected OS/ARCH[/VARIANT]", "did you mean linux/arm64?"),
        (["--platform", "x86_64"], "--platform: got 'x86_64'", "did you mean linux/amd64?"),
        (["--platform", "vms"], "--platform: got 'vms'", "e.g. linux/arm64"),
        (["--platform"], "--platform: the value is missing", "--platform OS/ARCH: which platform to analyze"),
        (["--max-download"], "--max-download: the value is missing", "--max-download LIMIT"),
        (["--color", "alwys"], "--color: got 'alwys', expected auto, always or never", "did you mean --color always?"),
        (["--section", "layers,wastes"], "--section: unknown section 'wastes'", "did you mean waste?"),
        (["--full=3"], "--full: takes no value, got '3'", "--full: show the full text report"),
        (["--deadline", "nan"], "--deadline: got 'nan', expected a whole number of at least 1", "--deadline SECONDS"),
        (["--top", "²"], "--top: got '²', expected a whole number of at least 0", "--top N"),
        (["--max-memory", "1,5 GB"], "--max-memory: got '1,5 GB', expected a size such as '2 GB'", "--max-memory SIZE"),
        (["-f", "jsno"], "-f: unknown format 'jsno'", "did you mean -f json?"),
        (["-f", "nosuch=a"], "-f: unknown format 'nosuch'", "choose from text, json, "),
        (["-f", "text="], "-f: got 'text=', expected a file after '='", "without a file: -f text"),
        (["-f", "text", "-f", "json"], "-f: text and json cannot share one output", "name a file: -f json=FILE"),
        (["-f", "text=a", "-f", "json=a"], "-f: two reports cannot share a", "name another file"),
        (["-f", "text=a", "-o", "b"], "-o: -f already names the file", "omit -o"),
        (["-f", "text=a", "-f", "json", "-o", "a"], "-f: two reports cannot share a", "name another file"),
    ],
)
def test_values(arguments: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Values that an option does not take, missing values, and reports that would mix or vanish."""
    text, advice = refusal(["nosuch.tar", *arguments], capsys)
    assert error in text and hint in advice


def test_choices_are_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    error, hint = refusal(["fleet", "nosuch.txt", "--by", "team"], capsys)
    assert error == "--by: got 'team', expected image, repository, label, store or node"
    assert hint.startswith("--by WHAT: what a row sums")


def test_a_format_of_another_command(capsys: pytest.CaptureFixture[str]) -> None:
    error, hint = refusal(["packages", "nosuch.tar", "-f", "spdx"], capsys)
    assert error == "-f: unknown format 'spdx'"
    assert hint == "ocisize IMAGE -f spdx writes it; this command has text, json, csv, html, markdown"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--creds=ann:word", "app:1"],
        ["app:1", "--password", "word"],
        ["app:1", "--creds", "ann:word"],
        ["app:1", "--token=word"],
        ["app:1", "--layer", "3", "--password", "word"],
    ],
)
def test_passwords_among_unknown_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """No message repeats a password that was given as an argument."""
    text, advice = refusal(arguments, capsys)
    assert "word" not in f"{text}{advice}".replace("passwords", "").replace("--password", "")


@pytest.mark.parametrize("word", ["help", "version"])
def test_words_that_are_options_here(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No registry is asked for an image named help or version; a folder of this name is read."""
    hint = f"did you mean ocisize --{word}? for an image of this name: docker://{word}"
    assert refusal([word], capsys) == (f"{word} is not a command", hint)
    monkeypatch.chdir(tmp_path)
    write_layout(build_image([layer({"a": b"1"})]), tmp_path / word)
    assert main([word]) == 0


def test_misspelled_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The name of a missing file that is near to that of a saved image; no registry is asked for names with a dot."""
    image = build_image([layer({"a": b"1"})])
    monkeypatch.chdir(tmp_path)
    write_docker_archive(image, tmp_path / "py.tar")
    write_layout(image, tmp_path / "build" / "layout")
    other = "for an image of this name in a registry: docker://"
    assert refusal(["py.tarr"], capsys) == ("no such file: py.tarr", f"did you mean py.tar? {other}py.tarr")
    assert refusal(["diff", "py.tar", "py.tat"], capsys)[0] == "no such file: py.tat"
    assert refusal(["./build/layuot"], capsys)[1] == "did you mean ./build/layout?"
    assert refusal(["tree", "./py.tra"], capsys)[1] == "did you mean ./py.tar?"
    assert main(["127.0.0.1:9/py.tarr"]) == 2
    assert "connection refused" in capsys.readouterr().err
    (tmp_path / "notes.txt").touch()
    assert main(["./notes.tx"]) == 2  # no image has a similar name
    assert "no such file or folder" in capsys.readouterr().err


def test_a_page_on_a_terminal(tmp_path: Path) -> None:
    """-f html asks for a file where the page would fill a terminal; a pipe gets it."""
    image = write_layout(build_image([layer({"a": b"1"})]), tmp_path / "l")
    command = [sys.executable, "-m", "ocisize", str(image), "-f", "html"]
    leader, follower = pty.openpty()
    result = subprocess.run(command, stdout=follower, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(follower)
    os.close(leader)
    lines = ["error: -f html: a page is not for a terminal", "hint: name a file: -f html=report.html"]
    assert (result.returncode, result.stderr.splitlines()) == (2, lines)
    assert subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.startswith(b"<!")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_in_two_lines(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No command prints a page of options where one is unknown."""
    assert refusal([command, "--nonsense"], capsys)[0] == "unknown option --nonsense"
