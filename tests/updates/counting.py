"""A proxy before a registry that counts the bytes of the documents and blobs that clients download."""

from __future__ import annotations

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS = 30.0
_PIECE = 1 << 16
_PASSED = ("Accept", "Range", "User-Agent")


class Counter:
    """The host of the proxy, and what it has sent since ``reset``."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.sent = dict[str, int]()  #: bytes of bodies by path
        self._lock = threading.Lock()

    def add(self, path: str, size: int) -> None:
        with self._lock:
            self.sent[path] = self.sent.get(path, 0) + size

    def reset(self) -> None:
        with self._lock:
            self.sent.clear()

    @property
    def total(self) -> int:
        """Bytes of manifests and blobs."""
        with self._lock:
            return sum(size for path, size in self.sent.items() if "/manifests/" in path or "/blobs/" in path)

    @property
    def blob_total(self) -> int:
        """Bytes of blobs alone."""
        with self._lock:
            return sum(size for path, size in self.sent.items() if "/blobs/" in path)


@contextmanager
def counting_proxy(registry: str) -> Iterator[Counter]:
    """Pass requests to a registry on this machine, and count what its answers to GET have in their bodies."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _SECONDS

        def do_GET(self) -> None:
            connection = http.client.HTTPConnection(registry, timeout=_SECONDS)
            try:
                headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
                accepted = self.headers.get_all("Accept") or []
                if len(accepted) > 1:
                    headers["Accept"] = ", ".join(accepted)
                connection.request(self.command, self.path, headers=headers)
                answer = connection.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                        self.send_header(name, value)
                if answer.getheader("Content-Length") is None:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                size = 0
                while piece := answer.read(_PIECE):
                    self.wfile.write(piece)
                    size += len(piece)
                if answer.status == http.client.OK:
                    counter.add(self.path, size)
            except OSError:
                self.close_connection = True
            finally:
                connection.close()

        do_HEAD = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    counter = Counter(f"127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield counter
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
