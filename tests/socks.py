"""A SOCKS5 proxy for tests (RFC 1928, RFC 1929) that leads names to other addresses."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress


class SocksProxy:
    """A proxy on a free port of 127.0.0.1 that remembers the names it was asked for; ``password`` is ``user:word``."""

    def __init__(self, tunnels: dict[str, str], *, password: str = "") -> None:
        self.asked: list[str] = []
        self.tunnels, self.password = tunnels, password
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self.host = "127.0.0.1:%d" % self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    proxy: SocksProxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may close connections as they like."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    timeout = 30

    def handle(self) -> None:
        proxy = self.server.proxy
        self.rfile.read(self.rfile.read(2)[1])  # the ways to log in that the client knows
        self.wfile.write(bytes([5, 2 if proxy.password else 0]))
        if proxy.password:
            user = self.rfile.read(self.rfile.read(2)[1])
            word = self.rfile.read(self.rfile.read(1)[0])
            accepted = b"%s:%s" % (user, word) == proxy.password.encode()
            self.wfile.write(bytes([1, 0 if accepted else 1]))
            if not accepted:
                return
        kind = self.rfile.read(4)[3]
        if kind == 3:
            name = self.rfile.read(self.rfile.read(1)[0]).decode()
        else:
            name = socket.inet_ntop(
                *((socket.AF_INET, self.rfile.read(4)) if kind == 1 else (socket.AF_INET6, self.rfile.read(16)))
            )
        name += ":%d" % int.from_bytes(self.rfile.read(2), "big")
        proxy.asked.append(name)
        host, _, port = proxy.tunnels.get(name, "").partition(":")
        if not port:
            self.wfile.write(bytes([5, 4, 0, 1]) + bytes(6))  # host unreachable
            return
        with socket.create_connection((host, int(port))) as far:
            self.wfile.write(bytes([5, 0, 0, 1]) + bytes(6))
            back = threading.Thread(target=_relay, args=(far, self.connection), daemon=True)
            back.start()
            _relay(self.connection, far)
            back.join()


def _relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(64 << 10):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
