"""Registries that are slow, broken or hostile, over real sockets: what is read is right, or the error says what is not."""

from __future__ import annotations

import gc
import gzip
import hashlib
import logging
import random
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
from urllib3.connection import HTTPConnection

import ocisize
from ocisize.errors import (
    AuthenticationFailed,
    DigestMismatch,
    DocumentError,
    InvalidReference,
    LayerError,
    OcisizeError,
    RegistryError,
    SizeMismatch,
)
from ocisize.cli import main
from ocisize.image import read_blob
from ocisize.oci import MAX_CONFIG, Descriptor, Digest
from ocisize.reference import parse_reference
from ocisize.sources import transport
from ocisize.sources.client import Connection
from ocisize.sources.credentials import Credentials
from ocisize.sources.registry import RegistrySource
from ocisize.sources.incoming import Lines, Patience, is_private_address
from ocisize.verify import verified
from tests.images import build_image, layer, sha256
from tests.registry import (
    Answer,
    Request,
    Server,
    Signer,
    basic,
    challenge,
    errors,
    free_port,
    guarded,
    ranged,
    redirect,
    token_answer,
)

pytestmark = pytest.mark.usefixtures("home")
SECRET = "hunter2-very-secret"
USER = Credentials("user", SECRET)
MANIFEST = b'{"schemaVersion": 2}'
BLOB = random.Random(1).randbytes(300_000)
DIGEST = Digest(sha256(BLOB))
PATH, BLOB_PATH = "/v2/app/manifests/1", f"/v2/app/blobs/{DIGEST}"
QUICK = Connection(timeout=(5.0, 5.0), retries=0)
HURRIED = Connection(timeout=(5.0, 0.3), retries=0, min_rate=1000)


def opened(host: str, connection: Connection = QUICK, credentials: Credentials | None = None) -> closing[RegistrySource]:
    return closing(RegistrySource(parse_reference(f"{host}/app:1"), connection=connection, credentials=credentials))


def manifest_of(server: Server, connection: Connection = QUICK) -> bytes:
    with opened(server.host, connection) as source:
        return source.read_manifest()


def blob_of(server: Server, connection: Connection = QUICK) -> bytes:
    with opened(server.host, connection) as source:
        return read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG)


def failure(read: Callable[..., object], *arguments: Any) -> OcisizeError:
    """The error of a read that must fail: one short line without secrets."""
    with pytest.raises(OcisizeError) as caught:
        read(*arguments)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1000
    assert SECRET not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    return caught.value


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited before trying again, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr(Lines, "pause", lambda _, seconds: waited.append(seconds))
    return waited


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Names that resolve to addresses, beside those of this machine; all others fail to resolve."""
    known: dict[str, str] = {"localhost": "127.0.0.1"}
    original = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if is_private_address(name) or name in known:
            return original(known.get(name, name), *arguments, **options)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


# Slow


@pytest.mark.parametrize("read", [manifest_of, blob_of])
def test_a_dripping_body(read: Callable[..., bytes], server: Server) -> None:
    """A body that comes byte by byte, each in time, is given up for its rate."""
    server.on(PATH, Answer(MANIFEST * 100, cut=1, drip=0.01))
    server.on(BLOB_PATH, Answer(BLOB, cut=1000, drip=0.01))
    error = failure(read, server, HURRIED)
    assert "too slow: " in str(error)
    assert "1000 bytes a second are the least" in str(error)


def test_a_dripping_blob_is_resumed(server: Server) -> None:
    """A download that got stuck is asked for again from where it is, which may be quick."""
    server.on(BLOB_PATH, Answer(BLOB, cut=100_000, drip=0.01), ranged(BLOB))
    assert blob_of(server, attrs.evolve(HURRIED, retries=1)) == BLOB
    assert len(server.requests) == 2
    assert int(server.requests[1].headers["Range"][6:-1]) >= 64 << 10


def test_a_slow_reader_is_not_a_slow_server(server: Server) -> None:
    """Time that passes between reads is not held against the registry."""
    server.on(BLOB_PATH, ranged(BLOB))
    with opened(server.host, attrs.evolve(HURRIED, min_rate=1 << 20)) as source:
        got = b""
        for chunk in source.open_blob(Descriptor(DIGEST, len(BLOB))):
            got += chunk
            time.sleep(0.2)
    assert got == BLOB


def test_a_dripping_header_is_tried_again(server: Server) -> None:
    """An answer that does not get on is asked for once more."""
    server.on(PATH, Answer(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5000, cut=30, drip=0.01), Answer(MANIFEST))
    assert manifest_of(server, attrs.evolve(HURRIED, retries=1)) == MANIFEST


@pytest.mark.parametrize("drop", [0, 1])
def test_a_dripping_header(drop: int, server: Server) -> None:
    """A header that comes byte by byte is given up as well, also when it never ends by being replaced."""
    endless = b"HTTP/1.1 100 Continue\r\n\r\n"
    server.on(
        PATH,
        [Answer(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 5000, cut=30, drip=0.01), Answer(endless, raw=endless, forever=True)][
            drop
        ],
    )
    assert "too slow: " in str(failure(manifest_of, server, HURRIED))


def test_a_deadline(server: Server, waits: list[float]) -> None:
    """A blob that gets on again and again, but takes too long altogether, is given up with a hint."""
    blob = bytes(30 << 20)
    digest = Digest(sha256(blob))
    server.on(f"/v2/app/blobs/{digest}", ranged(blob, cut=1_100_000))
    with opened(server.host, attrs.evolve(QUICK, retries=4, deadline=0.01)) as source:
        error = failure(lambda: read_blob(source, Descriptor(digest, len(blob)), 1 << 30))
    assert "it took more than 0.01 s" in str(error)
    assert f"of {len(blob)} bytes" in str(error)
    assert "--deadline" in (error.hint or "")


def test_trailers_without_end(server: Server) -> None:
    """What follows the last chunk of a body may not last for ever either."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
    server.on(PATH, Answer(b"X: x\r\n" * 1000, raw=head, forever=True))
    assert "no end in 0.3 s" in str(failure(manifest_of, server, attrs.evolve(HURRIED, deadline=0.3)))


def test_documents_have_less_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest that takes minutes though its rate would do for a layer is given up."""
    monkeypatch.setattr(transport, "DOCUMENT_SECONDS", 0.0)
    server.on(PATH, Answer(MANIFEST))
    assert "too slow: 20 bytes in 0 s" in str(failure(manifest_of, server))


@pytest.mark.parametrize("where", ["challenge", "token", "error", "redirect", "retry"])
def test_unwanted_bodies_without_end(where: str, server: Server) -> None:
    """Bodies that nobody asked for are read up to a limit, never to their end."""
    endless = Answer(b"x" * 65536, headers={"Content-Length": "1000000000000"}, forever=True)
    realm = f'Bearer realm="{server.url}/token"'
    script = {
        "challenge": [attrs.evolve(endless, status=401, headers={**endless.headers, "WWW-Authenticate": realm})],
        "token": [challenge(realm)],
        "error": [attrs.evolve(endless, status=404)],
        "redirect": [attrs.evolve(endless, status=307, headers={**endless.headers, "Location": "/ok"})],
        "retry": [attrs.evolve(endless, status=503)],
    }[where]
    server.on(PATH, *script, guarded(["Bearer t1"], Answer(MANIFEST), realm) if where == "challenge" else Answer(MANIFEST))
    server.on("/ok", Answer(MANIFEST))
    server.on("/token", endless if where == "token" else token_answer("t1"))
    connection = attrs.evolve(QUICK, retries=1)
    if where in ("token", "error"):
        failure(manifest_of, server, connection)
    else:
        assert manifest_of(server, connection) == MANIFEST
    assert server.sent < 50 << 20


def test_a_chunk_of_negative_size(server: Server) -> None:
    """A chunk that claims a negative size makes nobody read without end."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"
    server.on(BLOB_PATH, Answer(b"x" * 65536, raw=raw, forever=True))
    assert "unusable chunk size" in str(failure(blob_of, server))
    assert server.sent < 50 << 20


def test_a_manifest_of_50_megabytes(server: Server) -> None:
    """A manifest far too large is refused without being read."""
    server.on(PATH, Answer(b" " * (1 << 20), headers={"Content-Length": str(50 << 20)}, forever=True))
    assert "the manifest has more than 4194304 bytes" in str(failure(manifest_of, server))
    assert server.sent < 40 << 20


# Cut


@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_every_two_megabytes(reset: bool, server: Server, waits: list[float]) -> None:
    """100 MB whose connection ends or is reset every 2 MB arrive as they are, nothing asked for twice."""
    piece = random.Random(2).randbytes(1 << 20)
    blob = piece * 100
    whole = ranged(blob, cut=2_000_000)
    server.on("/blob", lambda request: attrs.evolve(whole(request), reset=reset))
    digest = Digest(sha256(blob))
    server.on(f"/v2/app/blobs/{digest}", redirect("/blob"))
    hasher, size = hashlib.sha256(), 0
    with opened(server.host, attrs.evolve(QUICK, retries=4)) as source:
        for chunk in source.open_blob(Descriptor(digest, len(blob))):
            hasher.update(chunk)
            size += len(chunk)
    assert (f"sha256:{hasher.hexdigest()}", size) == (digest, len(blob))
    starts = [int((request.headers["Range"] or "bytes=0-")[6:-1]) for request in server.requests_of("/blob")]
    assert starts == sorted(starts)
    assert len(starts) >= 50


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"", 206, {"Content-Range": "bytes 0-9/10"}),
        Answer(b"", 206, {"Content-Range": "bytes */300000"}),
        Answer(b"", 206, {"Content-Range": "items 100000-299999/300000"}),
        Answer(b"", 206, {"Content-Range": "bytes 100000-299999/400000"}),
        Answer(b"", 206, {"Content-Range": f"bytes {'9' * 5000}-1/2"}),
    ],
)
def test_ranges_that_were_not_asked_for(answer: Answer, server: Server) -> None:
    """A part of another place, or of a blob of another size, is not put behind what came first."""
    server.on(BLOB_PATH, Answer(BLOB, cut=100_000), answer)
    error = failure(blob_of, server, attrs.evolve(QUICK, retries=3))
    assert "asked for bytes from" in str(error)
    assert "of 300000, got" in str(error)
    assert len(server.requests) == 2


def test_a_range_may_be_answered_in_part(server: Server) -> None:
    """A server may send less than it was asked for, and is asked for the rest."""

    def answer(request: Request) -> Answer:
        start = int((request.headers["Range"] or "bytes=0-")[6:-1])
        end = min(start + 90_000, len(BLOB))
        return Answer(BLOB[start:end], 206, {"Content-Range": f"bytes {start}-{end - 1}/*"})

    server.on(BLOB_PATH, answer)
    assert blob_of(server, attrs.evolve(QUICK, retries=4)) == BLOB
    assert len(server.requests) == 4


def test_a_part_where_all_was_asked_for(server: Server) -> None:
    """A partial answer nobody asked for is no manifest, and a blob only if it is its beginning."""
    server.on(PATH, Answer(MANIFEST, 206, {"Content-Range": "bytes 0-19/100"}))
    assert "answered 206" in str(failure(manifest_of, server))
    server.on(BLOB_PATH, Answer(BLOB[5:], 206, {"Content-Range": f"bytes 5-{len(BLOB) - 1}/{len(BLOB)}"}))
    assert "got bytes 5-" in str(failure(blob_of, server))


def test_a_blob_that_is_there_needs_no_end(server: Server) -> None:
    """When all bytes have come, a connection that breaks or hangs afterwards is no reason to ask again."""
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(BLOB), BLOB)
    for answer in (Answer(raw=whole), Answer(raw=whole, stall=True)):
        server.on(BLOB_PATH, answer)
        assert blob_of(server, attrs.evolve(HURRIED, retries=3)) == BLOB
    assert len(server.requests) == 2


def test_a_cut_manifest_is_read_again(server: Server, waits: list[float]) -> None:
    """A manifest that breaks off is asked for again, as often as anything is."""
    server.on(PATH, Answer(MANIFEST, cut=5), Answer(MANIFEST, cut=3, reset=True), Answer(MANIFEST))
    assert manifest_of(server, attrs.evolve(QUICK, retries=2)) == MANIFEST
    server.on(PATH, Answer(MANIFEST, cut=5))
    error = failure(manifest_of, server, attrs.evolve(QUICK, retries=2))
    assert str(error) == f"{server.host}/app:1: reading the manifest failed: the connection was closed early"
    assert len(server.requests) == 6


def test_a_manifest_without_length_is_checked(server: Server) -> None:
    """A manifest whose end is that of its connection may be half of one, which the registry's own digest tells."""
    told = {"Docker-Content-Digest": sha256(MANIFEST)}
    server.on(PATH, Answer(MANIFEST, headers=told, length=False), Answer(MANIFEST, headers=told, length=False, cut=9))
    assert manifest_of(server) == MANIFEST
    assert isinstance(failure(manifest_of, server), DigestMismatch)
    server.on(PATH, Answer(MANIFEST, headers={"Docker-Content-Digest": "tarsum.v1+sha256:e"}))
    assert manifest_of(server) == MANIFEST


def test_out_of_range_at_the_start(server: Server) -> None:
    """A 416 to a request for everything is an answer like any other that is none."""
    server.on(BLOB_PATH, errors(416, "RANGE_INVALID"))
    error = failure(blob_of, server, attrs.evolve(QUICK, retries=3))
    assert isinstance(error, RegistryError)
    assert error.status == 416
    assert len(server.requests) == 1


def test_out_of_range_on_resuming(server: Server) -> None:
    """A 416 to a request for the rest says that the blob is shorter than its descriptor says; it is not read on."""
    server.on(BLOB_PATH, Answer(BLOB, cut=100_000), Answer(b"x", 416, {"Content-Length": "300000"}, stall=True))
    assert "has 100000 bytes, its descriptor says 300000" in str(failure(blob_of, server, attrs.evolve(QUICK, retries=3)))


@pytest.mark.parametrize("after", ["86400", "Fri, 31 Dec 9999 23:59:59 GMT", "9" * 400])
def test_a_retry_after_is_capped(after: str, server: Server, waits: list[float]) -> None:
    """However long a registry asks to wait, a minute is the most for each try, and the tries are counted."""
    server.on(PATH, errors(429, "TOOMANYREQUESTS", headers={"Retry-After": after}))
    error = failure(manifest_of, server, attrs.evolve(QUICK, retries=2))
    assert waits == [60, 60]
    assert "too many requests" in (error.hint or "")


def test_realms_that_are_no_host(server: Server) -> None:
    """A token service whose name cannot be one is shown so that no terminal obeys it."""
    server.on(PATH, Answer(b"", 401, {"WWW-Authenticate": 'Bearer realm="http://a\x1b[31mb/token"'}))
    assert isinstance(failure(manifest_of, server), RegistryError)


def test_any_malformed_answer_is_an_error(server: Server) -> None:
    """Answers that are no HTTP, or hardly, end as errors of ocisize."""
    for raw in (
        b"\x15\x03\x01\x00\x02\x02\x16", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"\0" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9" + b"9" * 5000 + b"\r\n\r\n{", b"HTTP/1.1 99 \r\n\r\n", b"HTTP/1.1 200 OK\r\n\xff\xfe: \xff\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\n{\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b"gzip, " * 50 + b"gzip\r\nContent-Length: 1\r\n\r\n{",
        b"HTTP/1.1 307 X\r\nLocation: \xff\xfe\r\n\r\n", b"HTTP/1.1 307 X\r\nLocation: http://[::1%/\r\n\r\n",
        b"HTTP/1.1 307 X\r\nLocation: http://x..y/\r\n\r\n", b"HTTP/1.1 307 X\r\nLocation: http://\xc3\xbc" + b"a" * 300 + b"/\r\n\r\n",
        b"HTTP/1.1 401 X\r\nWWW-Authenticate: Bearer realm=\"\xff\"\r\nContent-Length: 0\r\n\r\n",
    ):  # fmt: skip
        server.on(PATH, Answer(raw=raw))
        with pytest.raises(OcisizeError):
            ocisize.analyze(f"{server.host}/app:1", connection=attrs.evolve(QUICK, timeout=(1.0, 1.0)))


# Names, TLS, proxies


def test_a_host_that_does_not_resolve(names: dict[str, str]) -> None:
    """A name that nobody knows is told as that, with the name and no retry of a minute."""
    error = failure(lambda: ocisize.analyze("reg.invalid/app:1", connection=QUICK))
    assert str(error) == "reg.invalid/app:1: the host name cannot be resolved"
    assert "is the host right?" in (error.hint or "")


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.make(tmp_path_factory.mktemp("signer"), "IP:127.0.0.1,DNS:reg.test,DNS:auth.test,DNS:cdn.test")


@pytest.fixture
def secure(home: Path, signer: Signer) -> Iterator[Server]:
    """A registry behind TLS."""
    running = Server(signer)
    yield running
    running.close()


def trusting(signer: Signer, **changes: Any) -> Connection:
    return attrs.evolve(QUICK, plain_http=False, tls_verify=str(signer.certificate), **changes)


def test_tls_with_its_ca(secure: Server, signer: Signer) -> None:
    """A registry behind TLS is read when its CA is named."""
    secure.on(PATH, Answer(MANIFEST))
    assert manifest_of(secure, trusting(signer)) == MANIFEST


@pytest.mark.parametrize("fault", ["unknown", "expired", "other host"])
def test_certificates_that_prove_nothing(fault: str, signer: Signer, home: Path, tmp_path: Path) -> None:
    """An unknown, expired or foreign certificate is refused at the first try, with advice that fits."""
    other = Signer.make(
        tmp_path, "DNS:elsewhere.test" if fault == "other host" else "IP:127.0.0.1", expired=fault == "expired"
    )
    running = Server(other)
    try:
        trusted = signer if fault == "unknown" else other
        with opened(running.host, trusting(trusted, retries=4), USER) as source:
            error = failure(source.read_manifest)
        assert not running.requests
    finally:
        running.close()
    assert "certificate verify failed" in str(error)
    says = {"unknown": "--ca-cert", "expired": "renew", "other host": "another host's"}[fault]
    assert says in (error.hint or "")


@pytest.mark.parametrize("silent", [True, False])
def test_handshakes_that_fail(silent: bool) -> None:
    """A server that says nothing to a TLS handshake, or hangs up, is an error after the time to connect."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, kept = listener.getsockname()[1], []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                kept.append(connection) if silent else connection.close()

        threading.Thread(target=accept, daemon=True).start()
        with opened(f"127.0.0.1:{port}", attrs.evolve(QUICK, plain_http=False, timeout=(0.3, 0.3))) as source:
            assert isinstance(failure(source.read_manifest), RegistryError)
        listener.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()


def test_a_realm_in_the_clear(secure: Server, server: Server, signer: Signer) -> None:
    """A registry behind TLS cannot have the password sent over plain http, by a realm or by a redirect."""
    secure.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    with opened(secure.host, trusting(signer), USER) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, AuthenticationFailed)
    assert "without TLS" in str(error)
    secure.on(PATH, challenge(f'Bearer realm="{secure.url}/token"'))
    secure.on("/token", redirect(f"{server.url}/token"))
    with opened(secure.host, trusting(signer), USER) as source:
        assert "answered 307" in str(failure(source.read_manifest))
    assert server.requests == []


def test_redirects_from_tls_to_plain_http(secure: Server, server: Server, signer: Signer) -> None:
    """A blob may come over plain http, where its digest proves it, without the token; a manifest by tag may not."""
    secure.on(PATH, redirect(f"{server.url}/manifest"))
    secure.on(BLOB_PATH, guarded([basic("user", SECRET)], redirect(f"{server.url}/blob"), 'Basic realm="x"'))
    server.on("/blob", ranged(BLOB))
    server.on("/manifest", Answer(MANIFEST))
    with opened(secure.host, trusting(signer), USER) as source:
        assert "redirected to plain http" in str(failure(source.read_manifest))
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB
    assert [request.authorization for request in server.requests] == [None, None]


def through(monkeypatch: pytest.MonkeyPatch, proxy: Server, user: str = "") -> None:
    monkeypatch.setenv("http_proxy", f"http://{user}{proxy.host}")
    monkeypatch.setenv("https_proxy", f"http://{user}{proxy.host}")


PLAIN = attrs.evolve(QUICK, plain_http=True)


def test_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go through the proxy that the environment names, but not for hosts that need none."""
    through(monkeypatch, server)
    server.on(PATH, Answer(MANIFEST))
    with opened("reg.test", PLAIN) as source:
        assert source.read_manifest() == MANIFEST
    assert server.requests[0].headers["Host"] == "reg.test"
    monkeypatch.setenv("no_proxy", ".test")
    with opened("reg.test", PLAIN) as source:
        failure(source.read_manifest)
    assert len(server.requests) == 1


def test_no_proxy_for_this_machine(server: Server, second_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry on this machine is asked directly whatever the environment says, as docker asks it."""
    through(monkeypatch, second_server)
    server.on(PATH, Answer(MANIFEST))
    server.on(BLOB_PATH, redirect(f"{server.url}/blob"))
    server.on("/blob", ranged(BLOB))
    assert manifest_of(server) == MANIFEST
    assert blob_of(server) == BLOB
    assert second_server.requests == []


def test_no_proxy_where_a_redirect_leads(
    server: Server, second_server: Server, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage that needs no proxy is asked without one although the registry is asked through it."""
    names |= {"reg.test": "127.0.0.1", "cdn.test": "127.0.0.1"}
    monkeypatch.setenv("no_proxy", "cdn.test,reg.test")
    through(monkeypatch, second_server)
    server.on(BLOB_PATH, redirect(f"http://cdn.test:{server.port}/blob"))
    server.on("/blob", ranged(BLOB))
    with opened(f"reg.test:{server.port}", PLAIN) as source:
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB
    monkeypatch.setenv("no_proxy", "reg.test")
    second_server.on("/blob", ranged(BLOB))
    with opened(f"reg.test:{server.port}", PLAIN) as source:
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB
    assert [request.headers["Host"] for request in second_server.requests] == [f"cdn.test:{server.port}"]


def test_tls_through_a_proxy(secure: Server, server: Server, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy TLS reaches to the registry: the proxy learns its name, and neither request nor password."""
    through(monkeypatch, server, f"proxyuser:{SECRET}@")
    server.tunnels["reg.test:443"] = secure.host
    server.on("reg.test:443", Answer())
    secure.on(PATH, guarded([basic("user", "reg-pass")], Answer(MANIFEST), 'Basic realm="x"'))
    with opened("reg.test", trusting(signer), Credentials("user", "reg-pass")) as source:
        assert source.read_manifest() == MANIFEST
    (asked,) = server.requests
    assert (asked.method, asked.authorization) == ("CONNECT", None)
    assert asked.headers["Proxy-Authorization"] == basic("proxyuser", SECRET)
    assert all(request.headers["Proxy-Authorization"] is None for request in secure.requests)


def test_proxies_that_fail(server: Server, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses or is away is named as the one that failed, without its password."""
    through(monkeypatch, server, f"proxyuser:{SECRET}@")
    server.on("reg.test:443", Answer(b"", 407))
    with opened("reg.test", trusting(signer)) as source:
        assert "the proxy failed: Tunnel connection failed: 407" in str(failure(source.read_manifest))
    monkeypatch.setenv("https_proxy", f"http://proxyuser:{SECRET}@127.0.0.1:{free_port()}")
    with opened("reg.test", trusting(signer)) as source:
        assert "the proxy cannot be reached: cannot connect to 127.0.0.1" in str(failure(source.read_manifest))


# Private addresses


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("100.100.100.200", True), ("64:ff9b::a9fe:a9fe", True), ("2002:7f00:1::", True), ("::ffff:10.0.0.1", True), ("224.0.0.1", True),
        ("fe80::1%eth0", True), ("127.1", True), ("0x7f000001", True), ("2130706433", True), ("::", True),
        ("::ffff:8.8.8.8", False), ("64:ff9b::808:808", False), ("1.1.1.1", False), ("ü.example", False),
    ],
)  # fmt: skip
def test_addresses_in_disguise(host: str, expected: bool) -> None:
    """Private addresses are told whatever they are written or wrapped as."""
    assert is_private_address(host) is expected


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "fe80::1%eth0", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
def test_where_names_may_not_lead(address: str) -> None:
    """A public registry's storage may be at a private address, but not on this machine and at no link-local one."""
    lines = Lines("reg.test", Patience(1, 1, 1))
    lines.reached("cdn.test", "10.0.0.1")
    with pytest.raises(RegistryError, match="reg.test led to cdn.test"):
        lines.reached("cdn.test", address)
    lines.reached("reg.test", "10.0.0.1")
    lines.reached("cdn.test", address)


def test_connections_through_other_proxies() -> None:
    """What connects in its own way, as through SOCKS, goes on to do so, and its proxy's address is nobody's."""

    class Socks(HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.create_connection(("127.0.0.1", port))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        lines = Lines("reg.test", Patience(1, 1, 1))
        watched = lines.watched(Socks)
        assert lines.watched(watched) is lines.watched(Socks) is watched
        connection = watched("reg.test")
        connection.connect()
        connection.close()
    assert not lines.home_is_private


@pytest.mark.parametrize("realm", [False, True])
def test_a_public_registry_leads_to_no_private_address(
    realm: bool, server: Server, second_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry out there, here behind a proxy, cannot make us ask hosts of the network we are in."""
    through(monkeypatch, server)
    target = f"{second_server.url}/inside"
    server.on(PATH, challenge(f'Bearer realm="{target}"') if realm else redirect(target))
    with opened("reg.test", PLAIN, USER) as source:
        error = failure(source.read_manifest)
    assert "private address" in str(error)
    assert "127.0.0.1" in str(error)
    assert second_server.requests == []


@pytest.mark.parametrize("realm", [False, True])
def test_a_private_registry_may_lead_to_private_addresses(
    realm: bool, server: Server, second_server: Server, names: dict[str, str]
) -> None:
    """A registry that is found at a private address itself may keep storage and tokens at others."""
    names["reg.test"] = "127.0.0.1"
    target = f"{second_server.url}/inside"
    server.on(PATH, guarded(["Bearer t1"], Answer(MANIFEST), f'Bearer realm="{target}"') if realm else redirect(target))
    second_server.on("/inside", token_answer("t1") if realm else Answer(MANIFEST))
    with opened(f"reg.test:{server.port}", PLAIN, USER) as source:
        assert source.read_manifest() == MANIFEST
    assert second_server.requests[0].authorization == (basic("user", SECRET) if realm else None)


def test_names_that_resolve_to_this_machine(
    server: Server, second_server: Server, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public registry cannot reach this machine by a name of its own making either."""
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    monkeypatch.setenv("no_proxy", "evil.test")
    names["evil.test"] = "127.0.0.1"
    server.on(BLOB_PATH, redirect(f"http://evil.test:{second_server.port}/inside"))
    with opened("reg.test", PLAIN) as source:
        error = failure(lambda: list(source.open_blob(Descriptor(DIGEST, len(BLOB)))))
    assert "reg.test led to evil.test, which is the private address 127.0.0.1" in str(error)
    assert second_server.requests == []


# Credentials


def test_a_wrong_password_is_sent_once(server: Server) -> None:
    """Threads that find out at the same time that a password is wrong have sent it once together."""
    realm = f'Bearer realm="{server.url}/token"'
    server.on(PATH, guarded(["Bearer t1"], Answer(MANIFEST), realm))
    server.on(BLOB_PATH, challenge(realm))
    # the token of the manifest has expired, and the password was changed meanwhile
    server.on("/token", guarded([basic("user", SECRET)], token_answer("t1"), "x"), errors(401, "UNAUTHORIZED"))
    with opened(server.host, attrs.evolve(QUICK, retries=4), USER) as source, ThreadPoolExecutor(8) as pool:
        source.read_manifest()
        reads = [pool.submit(lambda: list(source.open_blob(Descriptor(DIGEST, len(BLOB))))) for _ in range(8)]
        found = [read.exception() for read in reads]
        assert isinstance(failure(source.read_manifest), AuthenticationFailed)
    assert all(isinstance(error, AuthenticationFailed) for error in found)
    assert len(server.requests_of("/token")) == 2


def test_a_wrong_basic_password_is_sent_once(server: Server) -> None:
    """A client whose password was refused does not send it with the next request."""
    server.on(PATH, challenge('Basic realm="x"'))
    server.on(BLOB_PATH, challenge('Basic realm="x"'))
    with opened(server.host, attrs.evolve(QUICK, retries=4), USER) as source:
        for _ in range(3):
            assert isinstance(failure(source.read_manifest), AuthenticationFailed)
        assert isinstance(failure(lambda: list(source.open_blob(Descriptor(DIGEST, 1)))), AuthenticationFailed)
    assert sum(request.authorization is not None for request in server.requests) == 1


def test_a_token_that_breaks_off(server: Server) -> None:
    """A token service whose answer is cut is asked once more."""
    server.on(PATH, guarded(["Bearer t1"], Answer(MANIFEST), f'Bearer realm="{server.url}/token"'))
    server.on("/token", Answer(b'{"token": "t1"}', cut=5), token_answer("t1"))
    assert manifest_of(server) == MANIFEST
    server.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    server.on("/token", Answer(b'{"token": "t1"}', cut=5))
    assert f"token service {server.host} broke off" in str(failure(manifest_of, server))
    assert len(server.requests_of("/token")) == 4


@pytest.mark.parametrize("encoded", [SECRET, basic("user", SECRET), "token-1234"])
def test_registries_that_repeat_secrets(encoded: str, server: Server) -> None:
    """A registry's own words are repeated without the secrets in them."""
    realm = f'Bearer realm="{server.url}/token"'
    server.on("/token", token_answer("token-1234"))
    server.on(PATH, challenge(realm), errors(404, "UNKNOWN", f"nothing for {encoded}, see /x?sig=abc&x=1 and http://u:p@h/"))
    with opened(server.host, credentials=USER) as source:
        text = str(failure(source.read_manifest))
    assert "token-1234" not in text
    assert encoded.removeprefix("Basic ") not in text
    assert "nothing for " in text
    assert "sig=" not in text
    assert "u:p@" not in text


@pytest.mark.parametrize("token", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\u00fc"])
def test_stored_tokens_that_are_none(token: str, server: Server) -> None:
    """A stored token that no header can hold is not sent, and not shown."""
    server.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    with opened(server.host, credentials=Credentials(registry_token=token)) as source:
        assert "cannot be one" in str(failure(source.read_manifest))
    assert len(server.requests) == 1


def test_signed_addresses_stay_out_of_errors(server: Server, second_server: Server) -> None:
    """The address of a blob in storage carries its own proof, which no error shows."""
    for target in ("http://[::1/blob?sig=abc", f"http://127.0.0.1:{free_port()}/blob?sig=abc", "ftp://x/blob?sig=abc"):
        server.on(BLOB_PATH, redirect(target))
        assert "sig=abc" not in str(failure(blob_of, server))
    second_server.on("/blob", Answer(b"", 404))
    server.on(BLOB_PATH, redirect(f"{second_server.url}/blob?sig=abc"))
    text = str(failure(blob_of, server))
    assert "its storage host 127.0.0.1 answered 404" in text
    assert "sig=abc" not in text


@pytest.mark.parametrize("status", [400, 401, 403, 410])
def test_expired_addresses(status: int, server: Server, second_server: Server) -> None:
    """However a storage host says that an address has expired, the registry is asked for a new one."""
    server.on(BLOB_PATH, redirect(f"{second_server.url}/old"), redirect(f"{second_server.url}/new"))
    second_server.on("/old", Answer(b"<Error><Code>ExpiredToken</Code></Error>", status))
    second_server.on("/new", ranged(BLOB))
    assert blob_of(server, attrs.evolve(QUICK, retries=1)) == BLOB


def test_logs_hold_no_secret(server: Server, second_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever logs everything that happens below logs no password and no token."""
    caplog.set_level(logging.DEBUG)
    realm = f'Bearer realm="{second_server.url}/token",service="s"'
    server.on(PATH, guarded(["Bearer token-1234"], Answer(MANIFEST), realm))
    second_server.on("/token", errors(503, "BUSY"), token_answer("token-1234"))
    with opened(server.host, attrs.evolve(QUICK, retries=1), USER) as source:
        assert source.read_manifest() == MANIFEST
    assert caplog.text
    for secret in (SECRET, basic("user", SECRET).removeprefix("Basic "), "token-1234"):
        assert secret not in caplog.text


def test_the_deadline_is_an_option(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line takes the deadline, and leaves all else to the defaults."""
    serve_image(server)
    assert main([f"{server.host}/app:1", "--platform", "linux/amd64", "--deadline", "600"]) == 0
    with pytest.raises(SystemExit):
        main([f"{server.host}/app:1", "--deadline", "0"])
    assert "must be at least 1" in capsys.readouterr().err


def test_the_page_on_registries_tells_the_defaults() -> None:
    """What docs/registries.md says of times and counts is what Connection has."""
    page = (Path(__file__).parents[1] / "docs" / "registries.md").read_text("utf-8")
    connection = Connection()
    said = {
        "four more tries": connection.retries == 4,
        "for 60 seconds": connection.timeout[1] == 60,
        "1024 bytes a second": connection.min_rate == 1024,
        "four hours": connection.deadline == 4 * 3600,
        "five minutes": transport.DOCUMENT_SECONDS == 300,
        "a minute at most": transport.MAX_WAIT == 60,
    }
    assert all(words in page for words in said)
    assert all(said.values())


@pytest.mark.parametrize("options", [{"deadline": 0}, {"timeout": (0, 1)}, {"retries": -1}, {"min_rate": -1}])
def test_connections_that_cannot_be(options: dict[str, Any]) -> None:
    """Times must be positive, counts not negative."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Connection(**options)


@pytest.mark.parametrize("name", ["user:{}@reg.test/app:1", "https://user:{}@reg.test/app", "docker://user:{}@reg.test/app"])
def test_passwords_in_references(name: str) -> None:
    """A password does not belong into a reference, and the error that says so does not repeat it."""
    error = failure(lambda: ocisize.analyze(name.format(SECRET)))
    assert isinstance(error, InvalidReference)
    assert SECRET not in (error.hint or "")
    assert "docker login reg.test" in (error.hint or "")


def test_reports_hold_no_secret(server: Server) -> None:
    """What an analysis keeps of where it came from has neither credentials nor addresses in it."""
    image = serve_image(server)
    realm = f'Bearer realm="{server.url}/token"'
    for path in [PATH, *(f"/v2/app/blobs/{digest}" for digest in image.blobs)]:
        inner = server.scripted(path)
        server.on(path, guarded(["Bearer token-1234"], inner, realm))
    server.on("/token", token_answer("token-1234"))
    with opened(server.host, credentials=USER) as source:
        text = ocisize.to_json(ocisize.Analyzer(platform="linux/amd64").analyze_source(source, name="app"))
    assert SECRET not in text
    assert "token-1234" not in text


# Documents


def serve_image(server: Server) -> Any:
    """An image of two layers in the scripted registry."""
    image = build_image([layer({"a": BLOB, "b": b"b" * 50_000}, "plain"), layer({"c": b"c" * 1000, ".wh.b": b""})])
    server.on(PATH, Answer(image.manifest))
    for digest, data in image.blobs.items():
        server.on(f"/v2/app/blobs/{digest}", ranged(data))
    return image


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b'{"config": {}, "config": {}}', "the name 'config' stands twice in one object"),
        (b'{"config": {"size": 1, "size": 2}}', "the name 'size' stands twice"),
        (b'{"manifests": [], "layers": []}', "both an index and a manifest"),
        (b'{"manifests": [], "mediaType": "application/vnd.oci.image.manifest.v1+json"}', "but is an index"),
        (b'{"config": {}, "mediaType": "application/vnd.oci.image.index.v1+json"}', "but is not an index"),
        (b'{"config": {}, "Config": {}}', "differ in case alone"),
        (b'{"config": {"Digest": "a", "digest": "b"}}', "differ in case alone"),
        (b'{"%s": 1, "%s": 2}' % (b"x" * 100_000, b"x" * 100_000), "stands twice"),
        (b'{"mediaType": "%s", "config": 1}' % (b"x" * 100_000), "is not valid"),
        (b'{"config": {"digest": "%s"}}' % (b"x" * 100_000), "is not valid"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply"),
        (b"<html>\n<title>Log in</title>", "is not valid JSON"),
        (b"\xff\xfe{\x00}\x00", "is not valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "is not valid JSON"),
        (b"9" * 5000, "is not"),
        (b"", "is not valid JSON"),
    ],
)  # fmt: skip
def test_documents_that_say_two_things_or_none(document: bytes, says: str, server: Server) -> None:
    """What two readers could read differently is refused, in a line of bounded length."""
    server.on(PATH, Answer(document, headers={"Content-Type": "text/html"}))
    error = failure(lambda: ocisize.analyze(f"{server.host}/app:1", connection=QUICK))
    assert isinstance(error, DocumentError)
    assert says in str(error)
    if document.startswith(b"<"):
        assert "login page" in (error.hint or "")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x-unknown"])
def test_encodings_nobody_asked_for(encoding: str, server: Server) -> None:
    """Bytes that were encoded on the way are not taken for the blob's own, whatever is said of them."""
    data = gzip.compress(BLOB)
    server.on(BLOB_PATH, Answer(data, headers={"Content-Encoding": encoding}))
    error = failure(blob_of, server, attrs.evolve(QUICK, retries=1))
    assert "300000" in str(error)


# Ending


def test_closing_ends_reads_in_other_threads(server: Server) -> None:
    """A source that is closed lets go of threads that read a stalled body, wait for a header, or for the next try."""
    server.on(BLOB_PATH, Answer(BLOB, cut=200_000, stall=True))
    other = Digest(sha256(b"other"))
    server.on(f"/v2/app/blobs/{other}", Answer(silent=True))
    server.on(PATH, errors(503, "BUSY", headers={"Retry-After": "60"}))
    reached = threading.Semaphore(0)
    original = server.answer

    def answer(request: Request) -> Answer:
        reached.release()
        return original(request)

    server.answer = answer  # type: ignore[method-assign]
    with opened(server.host, Connection()) as source, ThreadPoolExecutor(3) as pool:
        reads: list[Future[Any]] = [
            pool.submit(lambda: list(source.open_blob(Descriptor(DIGEST, len(BLOB))))),
            pool.submit(lambda: list(source.open_blob(Descriptor(other, 5)))),
            pool.submit(source.read_manifest),
        ]
        for _ in reads:
            assert reached.acquire(timeout=20)
        source.close()
        for read in reads:
            assert isinstance(read.exception(timeout=20), RegistryError)
        assert isinstance(failure(source.read_manifest), RegistryError)


def connections_to(server: Server) -> int:
    """Sockets of this process that lead to a server and are open."""
    count = 0
    for found in gc.get_objects():
        if isinstance(found, socket.socket) and found.fileno() >= 0:
            with suppress(OSError):
                count += found.getpeername()[1] == server.port
    return count


def test_errors_leave_no_connection(server: Server) -> None:
    """After analyses that failed no thread and no connection is left, though the server never closed one."""
    image = serve_image(server)
    server.on(f"/v2/app/blobs/{image.layers[0].digest}", Answer(image.layers[0].blob, cut=100_000, stall=True))
    for _ in range(3):
        connection = attrs.evolve(HURRIED, retries=1)
        error = failure(lambda: ocisize.analyze(f"{server.host}/app:1", platform="linux/amd64", connection=connection))
        assert isinstance(error, LayerError)
    assert connections_to(server) == 0
    assert not [thread.name for thread in threading.enumerate() if "ocisize" in thread.name]


def test_idle_connections_are_closed_at_once(server: Server) -> None:
    """What a client keeps open for its next request is closed with it, also where tries before that one failed."""
    server.on(PATH, Answer(raw=b"HTTP/1.1 x\r\n\r\n"), Answer(MANIFEST))
    gc.disable()
    try:
        with opened(server.host, attrs.evolve(QUICK, retries=1)) as source:
            source.read_manifest()
            assert connections_to(server) == 1
        assert connections_to(server) == 0
    finally:
        gc.enable()


def test_refused_blobs_are_closed_at_once(server: Server) -> None:
    """A blob that is given up in the middle keeps no connection, though the error is still at hand."""
    server.on(BLOB_PATH, Answer(BLOB + b"x", length=False, stall=True))
    gc.disable()
    try:
        with opened(server.host) as source:
            for read in (
                lambda: read_blob(source, Descriptor(DIGEST, len(BLOB) - 100_000), MAX_CONFIG),
                lambda: list(verified(source.open_blob(Descriptor(DIGEST, len(BLOB))), DIGEST, len(BLOB) - 100_000)),
            ):
                with pytest.raises(SizeMismatch) as caught:
                    read()
                assert connections_to(server) == 0
                del caught
    finally:
        gc.enable()


def test_forgotten_downloads_end_silently(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that somebody began and forgot is no noise on standard error when it is collected."""
    heard: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)
    server.on(BLOB_PATH, Answer(BLOB, cut=200_000, stall=True))
    for _ in range(5):
        with opened(server.host) as source:
            chunks = iter(source.open_blob(Descriptor(DIGEST, len(BLOB))))
            next(chunks)
            holder: list[object] = [chunks, source]
            holder.append(holder)
            del chunks, holder
        gc.collect()
    assert heard == []


def test_a_running_read_is_counted(server: Server) -> None:
    """The count of connections that the test above relies on sees one."""
    server.on(BLOB_PATH, Answer(BLOB, cut=200_000, stall=True))
    with opened(server.host) as source:
        chunks = iter(source.open_blob(Descriptor(DIGEST, len(BLOB))))
        next(chunks)
        assert connections_to(server) == 1
    chunks.close()  # type: ignore[attr-defined]
    assert connections_to(server) == 0
