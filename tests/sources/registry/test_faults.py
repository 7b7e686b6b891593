"""Registries that are slow, broken or hostile, over real sockets: what is read is right, or the error says what is not."""

from __future__ import annotations

import gc
import gzip
import hashlib
import random
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import attrs
import pytest

import ocisize
from ocisize.errors import (
    DigestMismatch,
    DocumentError,
    LayerError,
    OcisizeError,
    RegistryError,
    SizeMismatch,
)
from ocisize.oci.read import read_blob
from ocisize.oci.parse import MAX_CONFIG
from ocisize.oci.documents import Descriptor
from ocisize.blob.digest import Digest
from ocisize.sources.registry import session as transport
from ocisize.sources.registry.client import Connection
from ocisize.sources.registry.deadline import DeadlineReader, Deadlines, TooSlow
from ocisize.sources.registry.transport import Connections
from ocisize.blob.verify import verify_chunks
from tests.images import sha256
from tests.pulling import (
    BLOB,
    BLOB_PATH,
    DIGEST,
    HURRIED,
    MANIFEST,
    PATH,
    QUICK,
    blob_of,
    failure,
    manifest_of,
    opened,
    serve_image,
)
from tests.registry import (
    Answer,
    Request,
    Server,
    challenge,
    errors,
    guarded,
    ranged,
    redirect,
    token_answer,
)

pytestmark = pytest.mark.usefixtures("home")


# Slow


@pytest.mark.parametrize("read", [manifest_of, blob_of])
def test_a_dripping_body(read: Callable[..., bytes], server: Server) -> None:
    """A body that comes byte by byte, each in time, is given up for its rate."""
    server.on(PATH, Answer(MANIFEST * 100, cut=1, drip=0.01))
    server.on(BLOB_PATH, Answer(BLOB, cut=1000, drip=0.01))
    error = failure(read, server, HURRIED)
    assert "too slow: " in str(error)
    assert "the minimum is 1000 bytes per second" in str(error)


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


def test_a_deadline_within_a_wait() -> None:
    """A server that says nothing is waited for until the deadline, though a single wait may take longer."""
    ours, theirs = socket.socketpair()
    ours.settimeout(3600)
    hang_up = threading.Timer(20, theirs.close)  # for who waits on, so that the test ends
    hang_up.start()
    with ours, theirs:
        incoming = DeadlineReader(ours, Connections("reg.test", Deadlines(window=3600, min_rate=0, deadline=0.05)))
        with pytest.raises(TooSlow, match=r"too slow: not complete after 0\.05 s"):
            incoming.readinto(bytearray(10))
        incoming.set_deadline(100)
        assert ours.gettimeout() == 3600
        incoming.close()
    hang_up.cancel()


def test_trailers_without_end(server: Server) -> None:
    """What follows the last chunk of a body may not last for ever either."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
    server.on(PATH, Answer(b"X: x\r\n" * 1000, raw=head, forever=True))
    assert "not complete after 0.3 s" in str(failure(manifest_of, server, attrs.evolve(HURRIED, deadline=0.3)))


def test_documents_have_less_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest that takes minutes though its rate would do for a layer is given up."""
    monkeypatch.setattr(transport, "MAX_DOCUMENT_SECONDS", 0.0)
    server.on(PATH, Answer(MANIFEST))
    assert "too slow: 20 bytes in 0 s" in str(failure(manifest_of, server))


@pytest.mark.parametrize("where", ["challenge", "token", "error", "redirect", "retry"])
def test_unwanted_bodies_without_end(where: str, server: Server) -> None:
    """Unwanted bodies are read up to a limit, never to their end."""
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
    """A chunk with a negative size does not start an endless read."""
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
    """An unrequested partial answer is not a manifest, and a blob only if it starts at the first byte."""
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
    """A manifest that ends with the connection may be half of one; the digest in the answer shows that."""
    headers = {"Docker-Content-Digest": sha256(MANIFEST)}
    server.on(PATH, Answer(MANIFEST, headers=headers, length=False), Answer(MANIFEST, headers=headers, length=False, cut=9))
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
    assert f"docker login {server.host} raises the limit" in (error.hint or "")


def test_realms_that_are_no_host(server: Server) -> None:
    """A token service whose name is not valid is shown so that no terminal obeys it."""
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


# Documents


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b'{"config": {}, "config": {}}', "the name 'config' is repeated in one object"),
        (b'{"config": {"size": 1, "size": 2}}', "the name 'size' is repeated"),
        (b'{"manifests": [], "layers": []}', "both an index and a manifest"),
        (b'{"manifests": [], "mediaType": "application/vnd.oci.image.manifest.v1+json"}', "but is an index"),
        (b'{"config": {}, "mediaType": "application/vnd.oci.image.index.v1+json"}', "but is not an index"),
        (b'{"config": {}, "Config": {}}', "differ only in case"),
        (b'{"config": {"Digest": "a", "digest": "b"}}', "differ only in case"),
        (b'{"%s": 1, "%s": 2}' % (b"x" * 100_000, b"x" * 100_000), "is repeated"),
        (b'{"mediaType": "%s", "config": 1}' % (b"x" * 100_000), "is not valid"),
        (b'{"config": {"digest": "%s"}}' % (b"x" * 100_000), "is not valid"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply"),
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
        if isinstance(found, socket.socket) and found.family == socket.AF_INET and found.fileno() >= 0:
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
                lambda: list(verify_chunks(source.open_blob(Descriptor(DIGEST, len(BLOB))), DIGEST, len(BLOB) - 100_000)),
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
