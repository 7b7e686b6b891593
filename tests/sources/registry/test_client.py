"""The client against a faulty registry: the right bytes or one clear line, never a hang and never a wrong byte."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

import ocisize
from ocisize.errors import AuthenticationFailed, DigestMismatch, DocumentError, OcisizeError, RegistryError, SizeMismatch
from ocisize.oci.read import read_blob
from ocisize.oci.parse import MAX_CONFIG, MAX_MANIFEST
from ocisize.oci.documents import Descriptor
from ocisize.blob.digest import Digest
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.client import Connection, RegistryClient
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.mirrors import Endpoint
from ocisize.sources.registry.source import RegistrySource
from ocisize.sources.registry.ways import find_ways
from ocisize.sources.registry.transport import Connections
from ocisize.sources.registry.session import Session
from tests.images import build_image, layer, sha256
from tests.registry import Answer, Request, Server, challenge, errors, free_port, ranged, redirect

pytestmark = pytest.mark.usefixtures("home")
MANIFEST = b'{"schemaVersion": 2}'
PATH = "/v2/app/manifests/1"
BLOB = bytes(range(256)) * 1200  # 300 KiB, several chunks
DIGEST = Digest(sha256(BLOB))
BLOB_PATH = f"/v2/app/blobs/{DIGEST}"
PATIENT = (5.0, 5.0)


def opened(host: str, retries: int = 0, timeout: tuple[float, float] = PATIENT) -> closing[RegistrySource]:
    connection = Connection(timeout=timeout, retries=retries)
    return closing(RegistrySource(parse_reference(f"{host}/app:1"), connection=connection))


def manifest_of(server: Server, retries: int = 0, **options: Any) -> bytes:
    with opened(server.host, retries, **options) as source:
        return source.read_manifest()


def blob_of(server: Server, retries: int = 0, size: int = len(BLOB), **options: Any) -> bytes:
    """The blob, verified as every caller does it."""
    with opened(server.host, retries, **options) as source:
        return read_blob(source, Descriptor(DIGEST, size), MAX_CONFIG)


def failure(read: Callable[..., bytes], *arguments: Any, **options: Any) -> OcisizeError:
    """The error of a read that must fail, which is one clear line."""
    with pytest.raises(OcisizeError) as caught:
        read(*arguments, **options)
    text = str(caught.value)
    assert text
    assert text.isprintable()
    assert "Traceback" not in text
    assert "object at 0x" not in text
    assert len(text) < 1000
    return caught.value


def status_of(error: OcisizeError) -> int | None:
    assert isinstance(error, RegistryError)
    return error.status


# Statuses


def test_all_is_well(server: Server) -> None:
    """A manifest and a blob arrive as they are, each with one request that asks for no encoding."""
    server.on(PATH, Answer(MANIFEST))
    server.on(BLOB_PATH, ranged(BLOB))
    assert manifest_of(server) == MANIFEST
    assert blob_of(server) == BLOB
    assert len(server.requests) == 2
    assert {request.headers["Accept-Encoding"] for request in server.requests} == {"identity"}
    assert server.requests[0].headers["Accept"].count("application/vnd.") == 4


def test_an_empty_blob(server: Server) -> None:
    """A blob of no bytes is asked for once."""
    digest = Digest(sha256(b""))
    server.on(f"/v2/app/blobs/{digest}", Answer())
    with opened(server.host) as source:
        assert read_blob(source, Descriptor(digest, 0), 10) == b""


def test_http_where_tls_is_spoken(server: Server) -> None:
    """A bad request over plain http comes with the hint that the registry may want TLS."""
    server.on(PATH, Answer(b"Client sent an HTTP request to an HTTPS server.", status=400))
    error = failure(manifest_of, server)
    assert status_of(error) == 400
    assert error.hint is not None
    assert "--ca-cert" in error.hint


def test_not_found(server: Server) -> None:
    """What is missing is named with the registry's own words, and asked for once."""
    error = failure(manifest_of, server, retries=3)
    assert status_of(error) == 404
    assert str(error) == f"{server.host}/app:1: the registry answered 404: MANIFEST_UNKNOWN manifest unknown"
    private = f"if the image is private, log in first: docker login {server.host}"
    assert error.hint == f"check the name and the tag; {private}"
    assert len(server.requests_of(PATH)) == 1


def test_a_missing_blob(server: Server) -> None:
    """A blob that is missing says nothing against the tag."""
    error = failure(blob_of, server, retries=3)
    assert status_of(error) == 404
    assert str(error) == f"{server.host}/app:1: the registry has no blob {DIGEST} (404: MANIFEST_UNKNOWN manifest unknown)"
    assert error.hint == "the image is incomplete in the registry: push it again"
    assert len(server.requests_of(BLOB_PATH)) == 1


def test_a_missing_manifest_of_an_index(server: Server) -> None:
    """Nor does a manifest that an index names."""
    with opened(server.host) as source:
        error = failure(source.read_manifest, DIGEST)
    assert (
        str(error) == f"{server.host}/app:1: the registry has no manifest {DIGEST} (404: MANIFEST_UNKNOWN manifest unknown)"
    )
    assert error.hint == "the image is incomplete in the registry: push it again"


def test_too_many_requests(server: Server) -> None:
    """A Retry-After is waited for, and then the answer comes."""
    server.on(PATH, errors(429, "TOOMANYREQUESTS", headers={"Retry-After": "1"}), Answer(MANIFEST))
    began = time.monotonic()
    assert manifest_of(server, retries=1) == MANIFEST
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("after", ["soon", "-1", "", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_an_odd_retry_after(after: str, server: Server) -> None:
    """A Retry-After that makes no sense, or lies in the past, costs no wait."""
    server.on(PATH, errors(429, "TOOMANYREQUESTS", headers={"Retry-After": after}), Answer(MANIFEST))
    assert manifest_of(server, retries=1) == MANIFEST


def test_a_long_retry_after_is_cut_short() -> None:
    """A registry cannot make us wait for hours."""
    adapter = Session(Connection(), "x").get_adapter("http://x")
    assert isinstance(adapter, requests.adapters.HTTPAdapter)
    assert adapter.max_retries.parse_retry_after("86400") == 60


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_passing_failure(status: int, server: Server) -> None:
    """A failure that is over at the next try goes unnoticed."""
    server.on(PATH, Answer(b"oops", status), Answer(MANIFEST))
    server.on(BLOB_PATH, Answer(b"oops", status), ranged(BLOB))
    assert manifest_of(server, retries=1) == MANIFEST
    assert blob_of(server, retries=1) == BLOB


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_lasting_failure(status: int, server: Server) -> None:
    """A failure that lasts is reported with its status after the tries allowed."""
    server.on(PATH, Answer(b"<html>down</html>", status))
    server.on(BLOB_PATH, Answer(b"<html>down</html>", status))
    assert status_of(failure(manifest_of, server, retries=1)) == status
    assert status_of(failure(blob_of, server, retries=1)) == status
    assert len(server.requests_of(PATH)) == len(server.requests_of(BLOB_PATH)) == 2


@pytest.mark.parametrize("status", [400, 404, 410, 418, 501, 204, 304])
def test_final_answers(status: int, server: Server) -> None:
    """A status that no retry can fix is reported after the first try."""
    server.on(PATH, Answer(b"", status))
    assert status_of(failure(manifest_of, server, retries=3)) == status
    assert len(server.requests_of(PATH)) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[]", b"{}", b'{"errors": []}', b'{"errors": [null]}', b'{"errors": {"0": 1}}', b'{"errors": [{"code": 5}]}',
        b'{"errors": [{"code": "X", "message": "two\\nlines \\u001b[31m"}]}', b'{"errors": "x"}', b"\xff", b"[" * 60_000,
        json.dumps({"errors": [{"code": "X", "message": "y" * 5000}]}).encode(), b"x" * 200_000,
    ],
)  # fmt: skip
def test_error_bodies(body: bytes, server: Server) -> None:
    """Whatever the body of an error holds, the message is one short line with the status."""
    server.on(PATH, Answer(body, 404))
    error = failure(manifest_of, server)
    assert status_of(error) == 404
    assert "the registry answered 404" in str(error)


def test_error_bodies_may_break_off(server: Server) -> None:
    """An error whose body is cut keeps its status."""
    server.on(PATH, Answer(b"x" * 100, 404, cut=10))
    assert status_of(failure(manifest_of, server)) == 404


# Manifests


def test_an_oversized_manifest(server: Server) -> None:
    """More than the limit is refused without reading on."""
    server.on(PATH, Answer(b" " * (MAX_MANIFEST + 1)))
    assert f"more than {MAX_MANIFEST} bytes" in str(failure(manifest_of, server))
    server.on(PATH, Answer(b" " * MAX_MANIFEST))
    assert len(manifest_of(server)) == MAX_MANIFEST


def test_a_compressed_manifest(server: Server) -> None:
    """A manifest that is compressed without being asked for is still read, within the limit."""
    encoded = {"Content-Encoding": "gzip"}
    server.on(PATH, Answer(gzip.compress(MANIFEST), headers=encoded))
    assert manifest_of(server) == MANIFEST
    server.on(PATH, Answer(gzip.compress(bytes(MAX_MANIFEST * 4)), headers=encoded))
    assert f"more than {MAX_MANIFEST} bytes" in str(failure(manifest_of, server))
    server.on(PATH, Answer(b"not gzip", headers=encoded))
    assert status_of(failure(manifest_of, server)) == 200


def test_a_manifest_that_breaks_off(server: Server) -> None:
    """Half a manifest is an error, not a short manifest."""
    server.on(PATH, Answer(MANIFEST, cut=5))
    assert "reading the manifest failed" in str(failure(manifest_of, server))


def test_a_manifest_by_digest_is_verified(server: Server) -> None:
    """Other content than the digest names is refused."""
    digest = sha256(MANIFEST)
    server.on(f"/v2/app/manifests/{digest}", Answer(MANIFEST), Answer(MANIFEST + b" "))
    with opened(server.host) as source:
        assert source.read_manifest(digest) == MANIFEST
        with pytest.raises(DigestMismatch):
            source.read_manifest(digest)


def test_html_instead_of_json(server: Server) -> None:
    """A login page instead of a manifest is recognized, and named by its title."""
    page = b"<!DOCTYPE html>\n<html><head><title>Corp &amp; Co: log\n in</title></head></html>"
    server.on(PATH, Answer(page, headers={"Content-Type": "text/html"}))

    def analyze() -> bytes:
        ocisize.analyze(f"{server.host}/app:1", connection=Connection(timeout=PATIENT, retries=0))
        return b""

    error = failure(analyze)
    assert str(error) == f"{server.host}/app:1: the answer is a web page ('Corp & Co: log in')"
    assert "a proxy or a login page" in (error.hint or "")
    server.on(BLOB_PATH, Answer(page, headers={"Content-Type": "text/html; charset=utf-8"}))
    assert str(failure(blob_of, server)) == f"{server.host}/app@{DIGEST}: the answer is a web page ('Corp & Co: log in')"
    server.on(PATH, Answer(page, 403))
    assert "the registry answered 403: a web page ('Corp & Co: log in')" in str(failure(manifest_of, server))


# Blobs


def test_a_cut_blob_is_resumed(server: Server) -> None:
    """After a cut the rest is asked for by Range, and nothing is read twice."""
    server.on(BLOB_PATH, ranged(BLOB, cut=200_000), ranged(BLOB))
    assert blob_of(server, retries=1) == BLOB
    first, second = server.requests_of(BLOB_PATH)
    assert first.headers["Range"] is None
    start = int(second.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 64 << 10 <= start <= 200_000


def test_a_blob_is_resumed_again_and_again(server: Server, waits: list[float]) -> None:
    """A blob that breaks off several times in a row is resumed, with growing pauses after the first."""
    server.on(BLOB_PATH, *[ranged(BLOB, cut=70_000)] * 3, ranged(BLOB))
    assert blob_of(server, retries=3) == BLOB
    assert len(server.requests) == 4
    assert waits == sorted(waits)
    assert waits[0] == 0 < waits[1]


def test_progress_earns_new_tries(server: Server, waits: list[float]) -> None:
    """A large blob may break off more often than tries are allowed, as long as it gets on."""
    blob = bytes(range(256)) * (40 << 10)
    digest = Digest(sha256(blob))
    path = f"/v2/app/blobs/{digest}"
    server.on(path, ranged(blob, cut=1_200_000))
    with opened(server.host, retries=1) as source:
        assert read_blob(source, Descriptor(digest, len(blob)), MAX_CONFIG) == blob
    assert len(server.requests) >= 8
    assert set(waits) == {0}


def test_a_blob_that_gets_nowhere(server: Server, waits: list[float]) -> None:
    """A blob that always breaks off at the same place is given up and says where."""
    server.on(BLOB_PATH, ranged(BLOB, cut=70_000), ranged(BLOB, cut=0))
    error = failure(blob_of, server, retries=2)
    assert isinstance(error, RegistryError)
    assert f"of {len(BLOB)} bytes" in str(error)
    assert len(server.requests) == 3


def test_a_blob_may_start_with_a_cut(server: Server) -> None:
    """A cut before the first byte is resumed from the start."""
    server.on(BLOB_PATH, Answer(BLOB, cut=0), ranged(BLOB))
    assert blob_of(server, retries=1) == BLOB


def test_a_server_without_ranges(server: Server) -> None:
    """A server that starts over after a cut is read again up to the place, and goes on from there."""
    server.on(BLOB_PATH, Answer(BLOB, cut=200_000), Answer(BLOB))
    assert blob_of(server, retries=1) == BLOB
    assert len(server.requests) == 2


def test_a_wrong_range(server: Server) -> None:
    """Bytes from another place than asked for are refused."""
    headers = {"Content-Range": f"bytes 5-{len(BLOB) - 1}/{len(BLOB)}"}
    server.on(BLOB_PATH, ranged(BLOB, cut=200_000), Answer(BLOB[5:], 206, headers))
    error = failure(blob_of, server, retries=2)
    assert status_of(error) == 206
    assert "got bytes 5" in str(error)
    server.on(BLOB_PATH, ranged(BLOB, cut=200_000), Answer(BLOB[5:], 206))
    assert "got no range" in str(failure(blob_of, server, retries=2))


def test_a_wrong_blob(server: Server) -> None:
    """Other bytes of the right length are refused by their digest."""
    server.on(BLOB_PATH, Answer(b"x" + BLOB[1:]))
    assert isinstance(failure(blob_of, server), DigestMismatch)


def test_a_longer_blob(server: Server) -> None:
    """More bytes than the descriptor says are refused."""
    server.on(BLOB_PATH, Answer(BLOB + b"x"))
    assert isinstance(failure(blob_of, server), SizeMismatch)


@pytest.mark.parametrize("length", [True, False])
def test_a_shorter_blob(length: bool, server: Server) -> None:
    """A blob that is announced as too short is not read; one that ends early is asked for the rest once."""
    short = BLOB[:100_000]

    def answer(request: Request) -> Answer:
        return ranged(short)(request) if request.headers["Range"] else Answer(short, length=length)

    server.on(BLOB_PATH, answer)
    error = failure(blob_of, server, retries=3)
    assert isinstance(error, SizeMismatch)
    assert error.got == len(short)
    assert len(server.requests) == (1 if length else 2)


def test_a_shorter_blob_without_ranges(server: Server) -> None:
    """A short blob is given up as well where the server knows no ranges."""
    server.on(BLOB_PATH, Answer(BLOB[:100_000], length=False))
    assert f"broke off at 100000 of {len(BLOB)} bytes" in str(failure(blob_of, server, retries=1))


def test_a_blob_of_unknown_length(server: Server) -> None:
    """A body that ends with its connection is as good as any."""
    server.on(BLOB_PATH, Answer(BLOB, length=False))
    assert blob_of(server) == BLOB


def test_an_encoded_blob_is_not_the_blob(server: Server) -> None:
    """What is transfer encoding and what is blob is not guessed: the stored bytes count."""
    server.on(BLOB_PATH, Answer(gzip.compress(BLOB), headers={"Content-Encoding": "gzip"}))
    assert isinstance(failure(blob_of, server), (SizeMismatch, RegistryError))
    server.on(BLOB_PATH, Answer(BLOB, headers={"Content-Encoding": "gzip"}))
    assert blob_of(server) == BLOB


def test_a_failure_while_resuming(server: Server, waits: list[float]) -> None:
    """A registry that fails for a moment just when a blob is resumed does not end the download."""
    server.on(BLOB_PATH, ranged(BLOB, cut=200_000), *[Answer(b"", 503)] * 3, ranged(BLOB))
    assert blob_of(server, retries=2) == BLOB
    assert len(server.requests) == 5


def test_a_registry_that_goes_away_while_resuming(server: Server, second_server: Server, waits: list[float]) -> None:
    """A registry that cannot be reached any more is tried again, and named in the end."""
    server.on(BLOB_PATH, ranged(BLOB, cut=200_000), redirect(f"http://127.0.0.1:{free_port()}/gone"))
    error = failure(blob_of, server, retries=1)
    assert "broke off at" in str(error)
    assert "refused" in str(error)
    server.on(BLOB_PATH, ranged(BLOB, cut=200_000), redirect(f"http://127.0.0.1:{free_port()}/gone"), ranged(BLOB))
    assert blob_of(server, retries=2) == BLOB


def test_a_consumer_may_stop(server: Server) -> None:
    """Whoever stops reading closes the connection, and the client still works."""
    server.on(BLOB_PATH, ranged(BLOB))
    with opened(server.host) as source:
        chunks = iter(source.open_blob(Descriptor(DIGEST, len(BLOB))))
        assert BLOB.startswith(next(chunks))
        chunks.close()  # type: ignore[attr-defined]
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB


# Redirects


def test_blobs_on_another_host(server: Server, second_server: Server) -> None:
    """A redirect is followed, and a cut resumed by way of the registry, which may give another address."""
    server.on(BLOB_PATH, redirect(f"{second_server.url}/one"), redirect(f"{second_server.url}/two"))
    second_server.on("/one", ranged(BLOB, cut=200_000))
    second_server.on("/two", ranged(BLOB))
    assert blob_of(server, retries=1) == BLOB
    assert len(server.requests) == 2
    assert [request.path for request in second_server.requests] == ["/one", "/two"]
    assert [request.headers["Range"] is None for request in second_server.requests] == [True, False]


@pytest.mark.parametrize("cut", [0, 200_000])
def test_an_address_that_has_expired(cut: int, server: Server, second_server: Server) -> None:
    """A storage host that refuses an old address is asked again under the one that the registry gives next."""
    first = [redirect(f"{second_server.url}/cut")] if cut else []
    server.on(BLOB_PATH, *first, redirect(f"{second_server.url}/old"), redirect(f"{second_server.url}/new"))
    second_server.on("/cut", ranged(BLOB, cut=cut))
    second_server.on("/old", Answer(b"<Error>expired</Error>", 403))
    second_server.on("/new", ranged(BLOB))
    assert blob_of(server, retries=2 if cut else 1) == BLOB


def test_storage_that_always_refuses(server: Server, second_server: Server) -> None:
    """A storage host that refuses fresh addresses, too, is reported with its status and no talk of logging in."""
    server.on(BLOB_PATH, redirect(f"{second_server.url}/blob"))
    second_server.on("/blob", Answer(b"", 403))
    error = failure(blob_of, server, retries=4)
    assert status_of(error) == 403
    assert not isinstance(error, AuthenticationFailed)
    assert len(second_server.requests) == 2


def test_a_redirect_loop(server: Server) -> None:
    """A circle of redirects ends."""
    server.on(BLOB_PATH, redirect(BLOB_PATH))
    assert "redirects" in str(failure(blob_of, server, retries=3))
    assert len(server.requests) <= 12


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "http://[::1/x", "http://127.0.0.1:99999/"]
)
def test_redirects_to_nowhere(target: str, server: Server) -> None:
    """A redirect to anything but http is an error."""
    server.on(BLOB_PATH, redirect(target))
    assert isinstance(failure(blob_of, server), RegistryError)


def test_cookies_are_not_kept(server: Server) -> None:
    """A registry that sets cookies never gets them back."""
    server.on(PATH, Answer(MANIFEST, headers={"Set-Cookie": "session=1"}))
    with opened(server.host) as source:
        source.read_manifest()
        source.read_manifest()
    assert [request.headers["Cookie"] for request in server.requests] == [None, None]


# Connections


@pytest.mark.parametrize("read", [manifest_of, blob_of])
def test_a_silent_server(read: Callable[..., bytes], server: Server) -> None:
    """A server that accepts and says nothing is given up after the time allowed."""
    server.on(PATH, Answer(silent=True))
    server.on(BLOB_PATH, Answer(silent=True))
    error = failure(read, server, timeout=(0.5, 0.5))
    assert "timed out waiting for an answer" in str(error)
    assert status_of(error) is None


def test_a_server_that_falls_silent(server: Server) -> None:
    """A body that stops coming is treated as a cut."""

    def stall(request: Request) -> Answer:
        return Answer(BLOB, headers={"Content-Length": str(len(BLOB) + 1)})  # promises a byte more

    server.on(BLOB_PATH, stall, ranged(BLOB + b"!"))
    digest = Digest(sha256(BLOB + b"!"))
    server.on(f"/v2/app/blobs/{digest}", stall, ranged(BLOB + b"!"))
    with opened(server.host, 1, (0.5, 0.5)) as source:
        assert read_blob(source, Descriptor(digest, len(BLOB) + 1), MAX_CONFIG) == BLOB + b"!"


def test_connection_refused() -> None:
    """If nothing listens, the error names the reference and the reason."""
    host = f"127.0.0.1:{free_port()}"
    with opened(host) as source:
        error = failure(source.read_manifest)
    assert status_of(error) is None
    assert str(error).startswith(f"{host}/app:1: ")
    assert "refused" in str(error)


def test_a_server_that_hangs_up(server: Server) -> None:
    """A connection that closes before any answer is tried again, and in the end an error."""
    server.on(PATH, Answer(hang_up=True), Answer(MANIFEST))
    assert manifest_of(server, retries=1) == MANIFEST
    server.on(PATH, Answer(hang_up=True))
    assert status_of(failure(manifest_of, server)) is None


def test_tls_where_there_is_none(server: Server) -> None:
    """A plain registry that is spoken to in TLS gets a hint about plain http."""
    connection = Connection(plain_http=False, timeout=PATIENT, retries=0)
    with closing(RegistrySource(parse_reference(f"{server.host}/app:1"), connection=connection)) as source:
        error = failure(source.read_manifest)
    assert "--insecure" in (error.hint or "")


def test_a_missing_ca_file(server: Server, tmp_path: Path) -> None:
    """A file of certificates that does not exist, or holds none, is named."""
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    for file in (tmp_path / "missing.pem", broken):
        connection = Connection(plain_http=False, tls_verify=str(file), timeout=PATIENT, retries=0)
        with closing(RegistrySource(parse_reference(f"{server.host}/app:1"), connection=connection)) as source:
            assert status_of(failure(source.read_manifest)) is None


def test_loopback_is_plain() -> None:
    """Loopback hosts are spoken to in plain http, then in TLS, others in TLS, unless the connection says otherwise."""
    for name, plain, expected in (
        ("localhost:5000/a", None, [True, False]), ("reg.io/a", None, [False]), ("reg.io/a", True, [True]),
        ("[::1]:5/a", False, [False]), ("ubuntu", True, [False]),
    ):  # fmt: skip
        ways = find_ways(Endpoint(parse_reference(name)), Connection(plain_http=plain), Machine())
        assert [way.plain_http for way in ways] == expected


def test_nested_names_are_asked_for_as_they_are(server: Server) -> None:
    """A deep repository and a port end up in the URL unchanged."""
    server.on("/v2/a/b/c/d/manifests/v1.0_x", Answer(MANIFEST))
    with closing(RegistrySource(parse_reference(f"{server.host}/a/b/c/d:v1.0_x"))) as source:
        assert source.read_manifest() == MANIFEST


def test_clients_show_no_secret() -> None:
    """Neither the client nor its parts print what they know."""
    reference = parse_reference("reg.io/a")
    credentials = Credentials("user", "hunter2-very-secret")
    made = RegistryClient(reference, plain_http=False, connection=Connection(), credentials=credentials)
    with closing(made):
        assert "hunter2" not in repr(made) + str(made) + repr(made.auth) + repr(credentials)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (requests.exceptions.ConnectionError("two\nlines"), "two lines"),
        (requests.exceptions.ConnectionError(), "ConnectionError"),
        (
            urllib3.exceptions.NameResolutionError("x.io", HTTPConnection("x.io"), socket.gaierror(8, "no")),
            "cannot be resolved",
        ),
        (urllib3.exceptions.ProxyError("x", OSError("y")), "the proxy failed: y"),
        (urllib3.exceptions.ConnectTimeoutError(HTTPConnection("x.io"), "x"), "the connection timed out"),
    ],
)
def test_reasons_in_words(error: Exception, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason of a failed connection is given in words, not as the name of a class."""

    def fail(*_: Any, **__: Any) -> None:
        raise requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(HTTPConnectionPool("x.io"), "/", error))

    monkeypatch.setattr(HTTPAdapter, "send", fail)
    with opened("reg.io") as source:
        reason = failure(source.read_manifest)
    assert says in str(reason)
    assert "check the host name" in (reason.hint or "")
    with opened("docker.io") as source:
        assert (failure(source.read_manifest).hint or "").startswith(
            "check the internet connection; if the image is local: "
        )


def test_nobody_listens() -> None:
    """The error of a refused connection names the host, without an error number."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        connection = Connection(timeout=PATIENT, retries=0)
        with closing(RegistrySource(parse_reference(f"localhost:{port}/app"), connection=connection)) as source:
            error = failure(source.read_manifest)
    assert str(error) == f"localhost:{port}/app:latest: cannot connect to localhost:{port}: connection refused"


# The whole way


def test_a_cut_layer_is_analysed(server: Server) -> None:
    """An image whose layers break off on the way gives the same analysis as one that comes whole."""
    image = build_image([layer({"a": BLOB, "b": b"b" * 50_000}, "plain"), layer({"c": b"c"})])
    server.on(PATH, Answer(image.manifest))
    for digest, data in image.blobs.items():
        server.on(f"/v2/app/blobs/{digest}", ranged(data))
    connection = Connection(timeout=PATIENT, retries=1)
    whole = ocisize.analyze(f"{server.host}/app:1", platform="linux/amd64", connection=connection)
    digest = image.layers[0].digest
    server.on(f"/v2/app/blobs/{digest}", ranged(image.layers[0].blob, cut=200_000), ranged(image.layers[0].blob))
    cut = ocisize.analyze(f"{server.host}/app:1", platform="linux/amd64", connection=connection)
    assert ocisize.to_json(cut) == ocisize.to_json(whole)
    assert len(server.requests_of(f"/v2/app/blobs/{digest}")) == 3


def test_a_refused_image(server: Server) -> None:
    """An image behind a login is a failure to authenticate, all the way up."""
    server.on(PATH, challenge('Basic realm="x"'))
    with pytest.raises(AuthenticationFailed) as caught:
        ocisize.analyze(f"{server.host}/app:1", connection=Connection(timeout=PATIENT, retries=0))
    assert caught.value.status == 401
