"""The connections of one client: what they have in common, the log of what they exchange, and their end.

Responses are read with the deadlines of ``deadline.py``, and another thread can end all of them.
"""

from __future__ import annotations

import http.client
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError, ProxyError

from ocisize.errors import RegistryError
from ocisize.sources.registry.address import is_private_address, read_address
from ocisize.sources.registry.deadline import BoundedReader, DeadlineReader, Deadlines
from ocisize.sources.registry.messages import sanitize, target_of
from ocisize.values import define

_ERROR_NUMBER = re.compile(r"\[Errno -?\d+\] ")
_log = logging.getLogger(__name__)


@define
class _Exchange:
    """A request and its response, for the log."""

    method: str
    target: str  #: host and path, without query
    started: float
    status: int | None = None
    received: int = 0  #: bytes of the body
    ended: bool = False

    def end(self, secrets: Iterable[str]) -> None:
        """Log the exchange, once."""
        if self.ended:
            return
        self.ended = True
        seconds = time.monotonic() - self.started
        answer = "no answer" if self.status is None else f"{self.status}, {self.received:,} bytes"
        _log.info("%s %s: %s in %.3f s", self.method, sanitize(self.target, secrets), answer, seconds)


class Connections:
    """The connections of one client: their common settings, and the responses that are being read.

    ``registry_host`` is the host that the user named, without port.
    """

    def __init__(self, registry_host: str, deadlines: Deadlines) -> None:
        self.registry_host, self.deadlines = registry_host.strip("[]").lower(), deadlines
        self.registry_is_private = is_private_address(registry_host)
        self.secrets: Callable[[], Iterable[str]] = tuple  #: what must not appear in the log
        self.stopped = threading.Event()
        self._reading: set[DeadlineReader] = set()  # without a lock: the garbage collector could need it at any time
        self._classes: dict[type, type] = {}

    def check_open(self) -> None:
        """Raise RegistryError once the client is closed."""
        if self.stopped.is_set():
            raise RegistryError("the connection has been closed")

    def pause(self, seconds: float) -> None:
        """Wait; raise RegistryError as soon as the client is closed."""
        self.stopped.wait(seconds)
        self.check_open()

    def stop(self) -> None:
        """Shut down all responses that are being read and end all pauses, in all threads."""
        self.stopped.set()
        for reader in list(self._reading):
            reader.shut_down()

    def register(self, reader: DeadlineReader) -> None:
        """Add a response that is being read."""
        self._reading.add(reader)
        if self.stopped.is_set():
            reader.shut_down()

    def unregister(self, reader: DeadlineReader) -> None:
        """Remove a response that was read or given up."""
        self._reading.discard(reader)

    def check_peer(self, host: str, address: str) -> None:
        """Raise RegistryError if a public registry led to an address of this machine or a link-local one.

        Metadata services of clouds have link-local addresses. Storage hosts may have other private addresses, as those of
        cloud providers do inside their networks.
        """
        if host.strip("[]").lower() == self.registry_host:
            self.registry_is_private = self.registry_is_private or is_private_address(address)
            return
        peer = read_address(address)
        if peer is not None and (peer.is_loopback or peer.is_link_local) and not self.registry_is_private:
            raise RegistryError(f"{self.registry_host} redirected to {host} at the private address {address}")

    def connection_class(self, base: type) -> type:
        """Return a subclass of a connection class of urllib3 whose responses have deadlines and can be shut down.

        Peer addresses are checked for direct connections only; behind a proxy they are unknown.
        """
        if base not in self._classes:
            self._classes[base] = self._make_class(base)
        return self._classes[base]

    def _make_class(self, base: Any) -> type:
        connections, direct = self, base in (HTTPConnection, HTTPSConnection)

        class DeadlineConnection(base):  # type: ignore[misc]
            exchange: _Exchange | None = None

            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                self.response_class = lambda sock, **rest: _Response(sock, connections, self.exchange, **rest)

            def connect(self) -> None:
                connections.check_open()
                try:
                    super().connect()
                except NewConnectionError as error:
                    if direct:
                        raise
                    reason = _ERROR_NUMBER.sub("", str(error).rpartition("new connection: ")[2])
                    raise ProxyError("SOCKS", OSError(reason)) from None  # urllib3 blames the host behind the proxy
                if direct and self.proxy is None and (address := _peer_address(self.sock)):
                    _log.debug("connected to %s at %s", self.host, address)
                    connections.check_peer(self.host, address)

            def request(self, method: str, url: str, *arguments: Any, **options: Any) -> None:
                host, port = self._tunnel_host or self.host, self._tunnel_port or self.port
                self.exchange = _Exchange(method, target_of(url, host, port), time.monotonic())
                super().request(method, url, *arguments, **options)

        self._classes[DeadlineConnection] = DeadlineConnection
        return DeadlineConnection


def _peer_address(sock: socket.socket) -> str | None:
    """Return the address of the peer, None if the peer has already hung up, so that nothing can be sent."""
    try:
        return str(sock.getpeername()[0])
    except OSError:
        return None


class _Response(http.client.HTTPResponse):
    """A response that is read through a ``DeadlineReader``."""

    def __init__(
        self, sock: socket.socket, connections: Connections, exchange: _Exchange | None = None, **options: Any
    ) -> None:
        super().__init__(sock, **options)
        self.fp.close()
        self._connections, self._exchange = connections, exchange
        self._reader = DeadlineReader(sock, connections)
        self.fp = BoundedReader(self._reader)

    def begin(self) -> None:
        # The status line must start within one window, and the header must end within another.
        self._reader.set_deadline(2 * self._reader.deadlines.window)
        super().begin()
        self._reader.set_deadline(self._reader.deadlines.deadline)
        if self._exchange is not None:
            self._exchange.status = self.status

    def read(self, amt: int | None = None) -> bytes:
        data = super().read(amt)
        if self._exchange is not None:
            self._exchange.received += len(data)
            if self.isclosed():
                self._exchange.end(self._connections.secrets())
        return data

    def close(self) -> None:
        super().close()
        if self._exchange is not None:
            self._exchange.end(self._connections.secrets())

    def flush(self) -> None:
        """Do nothing. http.client flushes when it closes, even if the garbage collector has closed the file."""
