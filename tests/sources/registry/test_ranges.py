"""Closed ranges of blobs: what registries answer, and what becomes of other answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocisize.errors import RegistryError
from ocisize.oci.documents import Descriptor
from ocisize.sources.registry.client import Connection
from tests.pulling import BLOB, BLOB_PATH, DIGEST, MANIFEST, PATH, QUICK, SECRET, USER, opened
from tests.registry import Answer, Request, Script, Server, basic, challenge, errors, ranged, redirect

BLOB_DESCRIPTOR = Descriptor(DIGEST, len(BLOB))
PART = {"Content-Range": f"bytes 1000-2999/{len(BLOB)}"}


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    running.on(PATH, Answer(MANIFEST))
    yield running
    running.close()


def read(server: Server, *script: Script, connection: Connection = QUICK) -> bytes | None:
    """Bytes 1000 to 2999 of the blob."""
    server.on(BLOB_PATH, *script)
    with opened(server.host, connection) as source:
        source.read_manifest()
        return source.read_range(BLOB_DESCRIPTOR, 1000, 3000)


def test_ranges_are_closed(server: Server) -> None:
    """Some registries refuse ranges without an end, and most do not announce that they take ranges."""
    assert read(server, ranged(BLOB)) == BLOB[1000:3000]
    (request,) = server.requests_of(BLOB_PATH)
    assert request.headers["Range"] == "bytes=1000-2999"
    assert request.headers["Accept-Encoding"] == "identity"


def test_ranges_follow_redirects(server: Server) -> None:
    server.on("/storage", ranged(BLOB))
    assert read(server, redirect(f"{server.url}/storage")) == BLOB[1000:3000]
    assert server.requests_of("/storage")[0].headers["Range"] == "bytes=1000-2999"


def test_ranges_take_a_login(server: Server) -> None:
    accepted = basic("user", SECRET)
    answer = ranged(BLOB)
    server.on(BLOB_PATH, lambda request: answer(request) if request.authorization == accepted else challenge("Basic"))
    with opened(server.host, QUICK, USER) as source:
        source.read_manifest()
        assert source.read_range(BLOB_DESCRIPTOR, 1000, 3000) == BLOB[1000:3000]


def test_a_part_that_breaks_off_is_resumed(server: Server) -> None:
    connection = Connection(timeout=(5.0, 5.0), retries=2)
    assert read(server, ranged(BLOB, cut=500), ranged(BLOB), connection=connection) == BLOB[1000:3000]
    assert [request.headers["Range"] for request in server.requests_of(BLOB_PATH)] == ["bytes=1000-2999", "bytes=1500-2999"]


def test_a_total_need_not_be_known(server: Server) -> None:
    assert read(server, Answer(BLOB[1000:3000], 206, {"Content-Range": "bytes 1000-2999/*"})) == BLOB[1000:3000]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(BLOB),
        Answer(BLOB[1000:3000], 206),
        Answer(BLOB[1001:3001], 206, {"Content-Range": f"bytes 1001-3000/{len(BLOB)}"}),
        Answer(BLOB[1000:3000], 206, {"Content-Range": "bytes 1000-2999/5000"}),
        Answer(BLOB[1000:3000], 206, {"Content-Range": "items 1000-2999/300000"}),
        Answer(BLOB[1000:3001], 206, PART, length=False),
        Answer(b"invalid range", 416, {"Content-Length": str(len(BLOB))}, cut=13),
        errors(404, "BLOB_UNKNOWN"),
        errors(400, "UNSUPPORTED"),
        Answer(b"<html>", 200, {"Content-Type": "text/html"}),
        Answer(hang_up=True),
        Answer(BLOB[1000:3000], 206, PART, cut=100),
    ],
    ids=[
        "whole",
        "no-range",
        "other-start",
        "other-total",
        "other-unit",
        "too-long",
        "416",
        "404",
        "400",
        "page",
        "hang-up",
        "cut",
    ],
)
def test_other_answers_are_no_part(server: Server, answer: Answer) -> None:
    assert read(server, answer) is None


def test_a_registry_that_sends_whole_blobs_is_asked_once(server: Server) -> None:
    server.on(BLOB_PATH, Answer(BLOB))
    with opened(server.host) as source:
        source.read_manifest()
        assert [source.read_range(BLOB_DESCRIPTOR, start, start + 9) for start in (0, 100, 200)] == [None] * 3
    assert len(server.requests_of(BLOB_PATH)) == 1


@pytest.mark.parametrize("answer", [Answer(hang_up=True), Answer(b"", 503, {"Retry-After": "0"})])
def test_a_part_that_does_not_begin_is_asked_as_often_as_a_blob(server: Server, answer: Answer) -> None:
    """It makes no difference that the part is not at the start of the blob."""
    server.on(BLOB_PATH, answer)
    with opened(server.host, Connection(timeout=(5.0, 5.0), retries=2)) as source:
        source.read_manifest()
        with pytest.raises(RegistryError):
            list(source.open_blob(BLOB_DESCRIPTOR))
        of_blob = len(server.requests_of(BLOB_PATH))
        assert source.read_range(BLOB_DESCRIPTOR, 1000, 3000) is None
    assert len(server.requests_of(BLOB_PATH)) == 2 * of_blob


def test_a_whole_blob_is_not_read_to_its_end(server: Server) -> None:
    """An answer with all of the blob is closed at once."""
    endless = Answer(BLOB, forever=True, length=False)
    assert read(server, endless) is None
    assert server.sent < 64 << 20


def test_the_end_of_a_source_ends_ranges(server: Server) -> None:
    server.on(BLOB_PATH, ranged(BLOB))
    with opened(server.host) as source:
        source.read_manifest()
        source.abort()
        assert source.read_range(BLOB_DESCRIPTOR, 0, 10) is None


def test_ranges_ask_for_the_blob_of_the_image(server: Server) -> None:
    """No other header than those of blobs is sent."""
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        seen.append(request)
        return ranged(BLOB)(request)

    assert read(server, answer) == BLOB[1000:3000]
    assert set(map(str.lower, seen[0].headers)) <= {"host", "user-agent", "accept-encoding", "accept", "connection", "range"}
