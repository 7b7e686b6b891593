"""What the log says of a registry: requests, retries, redirects and credentials, and never a secret (see conftest)."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from urllib.parse import quote

import attrs
import pytest

from ocisize import Analyzer
from ocisize.oci.documents import Descriptor
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.credentials import Credentials, find_credentials
from tests.pulling import (
    BLOB,
    BLOB_PATH,
    DIGEST,
    MANIFEST,
    PATH,
    QUICK,
    SECRET,
    USER,
    blob_of,
    failure,
    manifest_of,
    opened,
    serve_image,
)
from tests.registry import Answer, Request, Server, basic, challenge, errors, guarded, ranged, redirect, token_answer
from tests.sources.registry.conftest import FORBIDDEN, log_lines

SECONDS = r"in \d+\.\d{3} s"


def matches(lines: list[str], *patterns: str) -> bool:
    """Whether the lines match the patterns one by one, apart from those on credentials."""
    return len(lines) == len(patterns) and all(map(re.fullmatch, patterns, lines))


def test_each_request_has_a_line(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Method, host, path, status, bytes of the body, seconds; of an image all of them."""
    image = serve_image(server)
    Analyzer(jobs=1).analyze(f"{server.host}/app:1")
    requests = [line for line in log_lines(caplog) if line.startswith("GET ")]
    sizes = {f"{server.host}{PATH}": len(image.manifest)}
    sizes |= {
        f"{server.host}/v2/app/blobs/{digest}": len(data) for digest, data in image.blobs.items() if digest != image.digest
    }
    assert sorted(line.rpartition(" in ")[0] for line in requests) == sorted(
        f"GET {target}: 200, {size:,} bytes" for target, size in sizes.items()
    )
    assert all(re.search(rf" {SECONDS}$", line) for line in requests)


def test_chunks_of_a_body_are_counted_without_their_frames(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """The bytes are those of the body, however it is sent."""
    body = b"".join(b"%x\r\n%s\r\n" % (size, MANIFEST[start : start + size]) for start, size in ((0, 5), (5, 15)))
    assert MANIFEST[20:] == b""
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
    server.on(PATH, Answer(raw=answer))
    assert manifest_of(server) == MANIFEST
    assert matches(log_lines(caplog), rf"GET {server.host}{PATH}: 200, 20 bytes {SECONDS}")


def test_retries_have_a_reason_and_a_delay(server: Server, waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    """A status, a Retry-After, a broken blob: each try says why and when it comes."""
    server.on(PATH, Answer(b"", 503), Answer(b"", 429, {"Retry-After": "7"}), Answer(b"{", cut=0), Answer(MANIFEST))
    server.on(BLOB_PATH, Answer(BLOB, cut=100_000), Answer(b"", 500), ranged(BLOB))
    connection = attrs.evolve(QUICK, retries=3)
    manifest_of(server, connection)
    assert matches(
        log_lines(caplog),
        rf"GET {server.host}{PATH}: 503, 0 bytes {SECONDS}",
        rf"GET {server.host}{PATH}: status 503; retry in \d\.\d s",
        rf"GET {server.host}{PATH}: 429, 0 bytes {SECONDS}",
        rf"GET {server.host}{PATH}: status 429; retry in 7.0 s",
        rf"GET {server.host}{PATH}: 200, 0 bytes {SECONDS}",
        rf"{server.host}/app:1: reading the manifest failed: the connection was closed early; retry in 0.2 s",
        rf"GET {server.host}{PATH}: 200, {len(MANIFEST)} bytes {SECONDS}",
    )
    caplog.clear()
    blob_of(server, connection)
    retries = [line for line in log_lines(caplog) if "retry" in line]
    assert (
        retries[0] == f"blob {DIGEST} broke off at 100000 of 300000 bytes: the connection was closed early; retry in 0.0 s"
    )
    assert len(retries) == 2


def test_a_server_that_is_away(server: Server, waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    """A connection that fails is a retry with the reason, not a request."""
    server.close()
    failure(manifest_of, server, attrs.evolve(QUICK, retries=1))
    assert matches(
        log_lines(caplog),
        rf"GET {server.host}{PATH}: cannot connect to {server.host}: connection refused; retry in \d\.\d s",
    )


def test_redirects_have_hosts_alone(server: Server, second_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """The signature of a storage URL, and a password in it, stay out, also when storage is asked again."""
    signed = f"http://user:{SECRET}@{second_server.host}/blob?signature={SECRET}&sig=abc"
    server.on(BLOB_PATH, redirect(signed))
    second_server.on("/blob", Answer(b"", 503), Answer(BLOB, cut=1000), errors(403, "EXPIRED", signed), ranged(BLOB))
    with opened(server.host, attrs.evolve(QUICK, retries=3)) as source:
        assert b"".join(source.open_blob(Descriptor(DIGEST, len(BLOB)))) == BLOB
    lines = log_lines(caplog, logging.DEBUG)
    assert lines.count(f"redirect from {server.host} to {second_server.host} (307)") == 3
    assert any(re.fullmatch(rf"GET {second_server.host}/blob: 206, 299,000 bytes {SECONDS}", line) for line in lines)


def test_where_credentials_come_from(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file that was used, those that were looked at before, or that there are none."""
    reference = parse_reference("registry.test/app")
    assert find_credentials(reference) is None
    assert log_lines(caplog) == ["no credentials for registry.test: requests are anonymous"]
    caplog.clear()
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": {}}))
    auth = home / ".config" / "containers" / "auth.json"
    auth.parent.mkdir(parents=True)
    auth.write_text(json.dumps({"auths": {"registry.test": {"username": "user", "password": SECRET}}}))
    assert find_credentials(reference) == USER
    lines = log_lines(caplog, logging.DEBUG)
    assert lines[0].startswith("credentials: ") and lines[0].endswith("/auth.json does not exist")
    assert lines[1:] == [f"credentials for registry.test: the login in {auth}"]
    caplog.clear()
    auth.write_text(json.dumps({"auths": {}}))
    assert find_credentials(reference) is None
    assert f"credentials: {auth} has none for registry.test" in log_lines(caplog, logging.DEBUG)


def test_helpers_are_named(home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """So is the helper that gave them, with the file that names it."""
    helper = home / "docker-credential-test"
    helper.write_text(f'#!/bin/sh\necho \'{{"Username": "user", "Secret": "{SECRET}"}}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:/usr/bin:/bin")
    config = home / ".docker" / "config.json"
    config.parent.mkdir()
    config.write_text(json.dumps({"credsStore": "test"}))
    assert find_credentials(parse_reference("registry.test/app")) == USER
    lines = log_lines(caplog, logging.DEBUG)
    assert lines[-2:] == [
        f"credentials: {config} names the helper docker-credential-test",
        "credentials for registry.test: the login of docker-credential-test",
    ]


@pytest.mark.parametrize("credentials", [USER, Credentials(identity_token=SECRET), Credentials(registry_token=SECRET)])
def test_tokens_and_passwords_stay_out(credentials: Credentials, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """A registry and its token service repeat all that they get, in paths, reasons and headers, and redirect to it."""

    def repeat(request: Request) -> Answer:
        secret = (request.authorization or "none").split()[-1]
        if request.path == PATH:
            return Answer(b"", 307, {"Location": f"{server.url}/{secret}/{SECRET}?token={secret}"})
        return Answer(MANIFEST)

    realm = f'Bearer realm="{server.url}/token?sig={SECRET}",service="{SECRET}"'
    server.on("/token", Answer(b"", 404), token_answer("token-1234")) if credentials.identity_token else server.on(
        "/token", token_answer("token-1234")
    )
    server.on(PATH, challenge(realm), repeat)
    with opened(server.host, credentials=credentials) as source:
        failure(source.read_manifest)  # nothing is at that path
    lines = log_lines(caplog, logging.DEBUG)
    assert f"{server.host}/app:1 asks for bearer" in lines
    assert any(line.startswith(f"redirect from {server.host} to {server.host}") for line in lines)
    assert any("/…/…: 404" in line for line in lines)


def test_other_spellings_of_secrets_stay_out(server: Server) -> None:
    """A token service may repeat the form that it got, and the header without its padding."""
    secret = f"{SECRET}/+ä=="

    def repeat(request: Request) -> Answer:
        text = request.body.decode() or (request.authorization or "").rstrip("=")
        return errors(401, "DENIED", text)

    server.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    for credentials in (Credentials("users", secret), Credentials(identity_token=secret)):
        server.on("/token", repeat)
        with opened(server.host, credentials=credentials) as source:
            text = str(failure(source.read_manifest))
        assert "DENIED" in text
        for spelling in (secret, quote(secret, safe=""), basic("users", secret).partition(" ")[2].rstrip("=")):
            assert spelling not in text


def test_the_proof_finds_secrets() -> None:
    """What every test of the registry is searched for is found where it is."""
    for text in (SECRET, basic("user", SECRET), "GET a/b?sig=1", "to http://user:word@host", "Bearer t1"):
        assert FORBIDDEN.search(text)
    for text in ("GET registry.io/v2/app/manifests/1: 200, 20 bytes in 0.001 s", "asks for bearer", "Basic …", "a/b?…"):
        assert not FORBIDDEN.search(text)
