"""--verbose: the log on standard error, beside reports and never in them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from ocisize.cli.main import main
from tests.pulling import BLOB_PATH, PATH, SECRET, serve_image
from tests.registry import Server, basic, guarded, redirect, token_answer, write_docker_config


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str]]:
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    return out, err.splitlines()


def test_nothing_is_logged_unless_asked_for(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the option standard error stays empty."""
    serve_image(server)
    assert run([f"{server.host}/app:1"], capsys)[1] == []


def test_reports_are_the_same_with_a_log(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output has the report alone; -v logs choices and requests, -vv more, and neither outlasts the run."""
    serve_image(server)
    handlers = [*logging.getLogger("ocisize").handlers]
    image = f"{server.host}/app:1"
    report, _ = run([image, "--no-cache", "-f", "json"], capsys)
    once, info = run([image, "--no-cache", "-f", "json", "-v"], capsys)
    twice, debug = run([image, "--no-cache", "-f", "json", "-vv"], capsys)
    assert json.loads(report) == json.loads(once) == json.loads(twice)
    assert {line.partition(": ")[0] for line in info} == {"info"}
    assert {line.partition(": ")[0] for line in debug} == {"info", "debug"}
    assert f"info: source: registry {image}, because no file or folder of this name exists" in info
    assert "info: platform linux/amd64: the source has a single image" in info
    assert sum(line.startswith(f"info: GET {server.host}/v2/app/") for line in info) == 4
    assert logging.getLogger("ocisize").handlers == handlers
    assert run([image], capsys)[1] == []


def test_no_secret_is_logged(
    server: Server, second_server: Server, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login with a token service and storage with signed URLs: the most verbose log names hosts and files alone."""
    image = serve_image(server)
    write_docker_config(home / ".docker", server.host, "user", SECRET)
    realm = f'Bearer realm="{server.url}/token",service="reg"'
    server.on("/token", guarded([basic("user", SECRET)], token_answer("token-1234"), "none"))
    for digest in image.blobs:
        path = f"/v2/app/blobs/{digest}"
        second_server.on(f"/store/{digest}", server.scripted(path))
        signed = redirect(f"http://key:{SECRET}@{second_server.host}/store/{digest}?X-Signature={SECRET}")
        server.on(path, guarded(["Bearer token-1234"], signed, realm))
    server.on(PATH, guarded(["Bearer token-1234"], server.scripted(PATH), realm))
    _, lines = run([f"{server.host}/app:1", "-vv"], capsys)
    text = "\n".join(lines)
    assert f"info: credentials for {server.host}: the login in {home}/.docker/config.json" in lines
    assert f"debug: {server.host}/app:1 asks for bearer" in lines
    assert f"info: redirect from {server.host} to {second_server.host} (307)" in lines
    for secret in (SECRET, basic("user", SECRET).split()[1], "token-1234", "X-Signature", "?", "Authorization", "key:"):
        assert secret not in text


def test_names_in_the_log_steer_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path with control characters is written with escapes."""
    from tests.images import build_image, layer, write_docker_archive

    path = tmp_path / "a\x1b[2J\nb.tar"
    write_docker_archive(build_image([layer({"a": b"1"})]), path)
    _, lines = run([str(path), "-v"], capsys)
    assert any("a\\x1b[2J\\nb.tar is read as a docker-archive: it has a manifest.json" in line for line in lines)
    assert all(line.startswith(("info: ", "warning: ")) and line.isprintable() for line in lines)


def test_bars_give_way_to_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a terminal the log takes the place of progress bars, whose lines it would tear."""
    from ocisize.cli import inputs
    from ocisize.cli.main import make_parser

    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert inputs._shows_progress(make_parser().parse_args(["x"]))
    assert not inputs._shows_progress(make_parser().parse_args(["x", "-v"]))
