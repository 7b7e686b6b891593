"""Completion: what the program answers, and that bash, zsh and fish show it."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ocisize.cli.command_table import COMMANDS
from ocisize.cli.completion import Candidates
from ocisize.cli.completion import complete as complete_with
from ocisize.cli.main import main, make_parser
from tests.tools import program

ROOT = Path(__file__).parent.parent.parent


def complete(words: list[str]) -> Candidates:
    return complete_with(words, make_parser)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with files that name images, a saved image, and ``ocisize`` on the path."""
    work, programs, config = (tmp_path / name for name in ("work", "bin", "config"))
    for path in (work / "build", programs, config):
        path.mkdir(parents=True)
    (work / "Dockerfile").write_text("FROM --platform=linux/amd64 debian:12 AS base\nFROM base\nFROM $IMAGE\nFROM scratch\n")
    (work / "compose.yaml").write_text("services:\n  db:\n    image: 'registry.corp/db:16'\n")
    (work / "app.tar").touch()
    (work / "my app.tar").touch()
    (config / "config.json").write_text(json.dumps({"auths": {"ghcr.io": {}, "https://index.docker.io/v1/": {}}}))
    own = programs / "ocisize"
    own.write_text(f'#!/bin/sh\nexec {sys.executable} -m ocisize "$@"\n')
    own.chmod(0o755)
    monkeypatch.chdir(work)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DOCKER_CONFIG", str(config))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return work


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["fi"], ["files"]),
        (["files", "app.tar", "--so"], ["--sort"]),
        (["files", "app.tar", "--sort", ""], ["size", "download"]),
        (["app.tar", "--color=al"], ["--color=always"]),
        (["app.tar", "-f", "sar"], ["sarif"]),
        (["tree", "app.tar", "-f", ""], ["text", "json"]),
        (["app.tar", "--section", "layers,wa"], ["layers,waste"]),
        (["app.tar", "--cost", "nodes=5,"], ["nodes=5,deploys=", "nodes=5,nodes=", "nodes=5,price=", "nodes=5,bandwidth="]),
        (["app.tar", "--platform", "linux/arm6"], ["linux/arm64"]),
        (["app.tar", "--forbid-findings", "hi"], ["high"]),
        (["app.tar", "--forbid-findings", "OS360"], ["OS360"]),
        (["baseline", ""], ["write", "check"]),
        (["baseline", "check", "app.tar", "--ratch"], ["--ratchet"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["app.tar", "--full", "--ful"], []),
        (["app.tar", "--max-was"], ["--max-waste"]),
        (["app.tar", "other"], []),
        (["deb"], ["debian:12"]),
        (["docker://reg"], ["docker://registry.corp/db:16"]),
        (["diff", "app.tar", "gh"], ["ghcr.io/"]),
        (["app.tar", "--base", "scr"], ["scratch"]),
        (["diff", "scr"], ["scratch"]),
        (["diff", "app.tar", "scr"], []),
    ],
)
def test_words(words: list[str], expected: list[str], folder: Path) -> None:
    """Commands, options, their values and references, by what is typed before."""
    assert list(complete(words).words)[: len(expected) + 1] == expected


@pytest.mark.parametrize(
    ("words", "behind"),
    [
        ([""], ""),
        (["app"], ""),
        (["files", "app"], ""),
        (["docker-archive:ap"], "docker-archive:"),
        (["docker://ap"], None),
        (["app.tar", "-f", "json=o"], "json="),
        (["app.tar", "-f", "js"], None),
        (["app.tar", "--dockerfile", "D"], ""),
        (["app.tar", "--dockerfile=D"], "--dockerfile="),
        (["baseline", ""], None),
    ],
)
def test_files(words: list[str], behind: str | None, folder: Path) -> None:
    """Where the shell completes a file, and behind which part of the word."""
    assert complete(words).files_behind == behind


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_can_be_completed(command: str) -> None:
    """No option of any command breaks the completion of its value."""
    for name in complete([command, "-"]).words:
        complete([command, name, ""])
        complete([command, f"{name}=x"])


def test_hostile_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names with control characters or signs of shells are no candidates; files that are no text or JSON name nothing."""
    (folder / "Dockerfile").write_bytes(b"FROM \x1b[31mred\nFROM x`{touch,y}`\nFROM x;y\nFROM caf\xc3\xa9\n\xff")
    (folder / "ocisize-baseline.json").write_text("[]")
    (folder.parent / "config" / "config.json").write_text("[1]")
    assert main(["__complete", ""]) == 0
    out = capsys.readouterr().out
    assert not any(sign in out for sign in ("\x1b", "touch", "x;y")) and "\ncafé\tFROM of Dockerfile\n" in out


def typed(command: list[str], setup: str, line: str, expected: str, keys: str = "\t\t") -> str:
    """What a terminal shows after a line and some keys were typed into a shell, up to the expected text."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(TERM="dumb", PS1="$ ", LINES="40", COLUMNS="200", LC_ALL="C.UTF-8")
        os.execvp(command[0], command)
    read_until_quiet(terminal)
    os.write(terminal, f"{setup}; echo rea''dy\n".encode())
    while "ready" not in read_until_quiet(terminal, 0.5):
        pass
    os.write(terminal, f"{line}{keys}".encode())
    shown, end = "", time.monotonic() + 60
    while expected not in shown and time.monotonic() < end:
        shown += read_until_quiet(terminal, 0.5)
    os.write(terminal, b"\x03exit\n")
    os.close(terminal)
    os.waitpid(process, 0)
    return shown


def read_until_quiet(terminal: int, seconds: float = 1.5) -> str:
    """The output of a terminal until nothing comes for some seconds."""
    shown, end = b"", time.monotonic() + 60
    while time.monotonic() < end and select.select([terminal], [], [], seconds)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            break
    return shown.decode("utf-8", "replace")


BASH = r"""
source <(ocisize completion bash)
answer() {
    COMP_LINE=$1 COMP_POINT=${#1}
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _ocisize
    printf '%s|' "${COMPREPLY[@]}"
    echo
}
compopt() { :; }
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words", "expected"),
    [
        ("ocisize fi", ["ocisize", "fi"], "files|"),
        ("ocisize app.tar --sect", ["ocisize", "app.tar", "--sect"], "--section|"),
        ("ocisize app.tar -f json=D", ["ocisize", "app.tar", "-f", "json", "=", "D"], "Dockerfile|"),
        ("ocisize docker-archive:ap", ["ocisize", "docker-archive", ":", "ap"], "app.tar|"),
        ("ocisize registry.corp/db:", ["ocisize", "registry.corp/db", ":"], "16|"),
        ("ocisize debian:1", ["ocisize", "debian", ":", "1"], "12|"),
        ("ocisize bu", ["ocisize", "bu"], "build/|"),
        ("ocisize my", ["ocisize", "my"], r"my\ app.tar|"),
        ("ocisize app.tar --color=al", ["ocisize", "app.tar", "--color", "=", "al"], "always|"),
    ],
)
def test_bash(line: str, words: list[str], expected: str, folder: Path) -> None:
    """Bash splits words at = and :, and replaces only what is behind them."""
    program("bash")
    script = f"{BASH}\nanswer {' '.join(map(json.dumps, [line, *words]))}"
    result = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert (result.stdout.strip(), result.stderr) == (expected, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ocisize fil", "files"),
        ("ocisize app.tar --section layers,was", "layers,waste"),
        ("ocisize app.tar -f json=Dock", "json=Dockerfile"),
        ("ocisize docker-archive:ap", "docker-archive:app.tar"),
        ("ocisize registry.corp/db:", "registry.corp/db:16"),
        ("ocisize app.tar --forbid-findings OS360", "OS360"),
    ],
)
def test_fish(line: str, expected: str, folder: Path) -> None:
    """Fish shows the candidates with their descriptions."""
    program("fish")
    script = f"ocisize completion fish | source; complete -C {json.dumps(line)}"
    result = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert [row.split("\t")[0] for row in result.stdout.splitlines()] == [expected]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ocisize fil", "ocisize files "),
        ("ocisize app.tar -f json=Dock", "json=Dockerfile"),
        ("ocisize docker-archive:ap", "docker-archive:app.tar"),
        ("ocisize registry.c", "registry.corp/db:16"),
        ("ocisize baseline ", "check"),
    ],
)
def test_zsh(line: str, expected: str, folder: Path) -> None:
    """Zsh completes at the prompt, in a terminal."""
    program("zsh")
    setup = "autoload -Uz compinit; compinit -u -D; source <(ocisize completion zsh)"
    assert expected in typed(["zsh", "-f", "-i"], setup, line, expected)


@pytest.mark.slow
def test_bash_at_the_prompt(folder: Path) -> None:
    """Bash completes in a terminal, with a blank behind a whole word only."""
    program("bash")
    setup = "source <(ocisize completion bash)"
    assert "ocisize files " in typed(["bash", "--norc", "-i"], setup, "ocisize fil", "ocisize files ", "\t")
