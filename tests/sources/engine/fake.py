"""A fake engine on a Unix socket or on TCP, which answers as the test says."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Handler: TypeAlias = http.server.BaseHTTPRequestHandler
Answer: TypeAlias = Callable[[Handler], None]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    answers: dict[str, Answer]
    requests: list[str]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        self.server.requests.append(self.path)
        answer = self.server.answers.get(self.path, document({"message": f"page not found: {self.path}"}, status=404))
        self.close_connection = True
        answer(self)

    def address_string(self) -> str:
        return "local"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class FakeEngine:
    """The answers by path, and the requests so far."""

    def __init__(self, server: _Server, path: str) -> None:
        self._server, self.socket = server, path

    @property
    def requests(self) -> list[str]:
        """The paths that were asked for, in order."""
        return self._server.requests

    def on(self, path: str, answer: Answer) -> None:
        """Answer requests for a path."""
        self._server.answers[path] = answer

    def has_image(
        self, name: str, archive: Answer, *, tag: str = "", api: str = "", facts: Mapping[str, Any] | None = None
    ) -> None:
        """Have an image by a name, whose archive is asked for by the name with its tag."""
        self.on(f"{api}/images/{name}/json", document({"Id": "sha256:" + 64 * "a", "RepoDigests": [], **(facts or {})}))
        self.on(f"{api}/images/{name}{tag}/get", archive)


@contextmanager
def fake_engine(folder: Path) -> Iterator[FakeEngine]:
    """Run an engine below a folder."""
    path = str(folder / "engine.sock")
    with _Server(path, _Handler) as server:
        server.answers, server.requests = {}, []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield FakeEngine(server, path)
        finally:
            server.shutdown()
            thread.join()


def document(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a JSON document."""

    def answer(handler: Handler) -> None:
        body = json.dumps(value).encode()
        handler.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, text)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def chunked(data: bytes, *, step: int = 32 << 10, delay: float = 0.0, ends: bool = True) -> Answer:
    """Answer with chunks, after ``delay`` seconds; without ``ends`` the connection breaks where the last chunk belongs."""

    def answer(handler: Handler) -> None:
        time.sleep(delay)
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-tar")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(data), step):
            piece = data[start : start + step]
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if ends:
            handler.wfile.write(b"0\r\n\r\n")

    return answer


def raw(data: bytes) -> Answer:
    """Answer with these bytes, and close the connection."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(data)

    return answer
