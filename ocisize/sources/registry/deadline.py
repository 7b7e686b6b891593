"""Connections that end: responses that must come in time, and that another thread can break off.

A socket's timeout bounds one wait for bytes, and a server that sends a byte a minute never runs into it. So every
response is read through a layer that also knows how long its header and the whole may take, and how many bytes a
second it must bring. What is counted is time spent waiting: a slow reader is not a slow server.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import threading
import time
from typing import Any

import attrs
from urllib3.connection import HTTPConnection, HTTPSConnection

from ocisize.errors import RegistryError
from ocisize.sources.registry.address import is_private_address, read_address

_MOST_AT_ONCE = 1 << 20  # bytes; http.client passes on the sizes of chunks, which may be negative or huge


class TooSlow(OSError):
    """A response that keeps coming, but not fast enough."""


@attrs.frozen
class Deadlines:
    """How long to wait for responses, in seconds."""

    window: float  #: a header, once it began, and each stretch of waiting in which ``min_rate`` must be reached
    min_rate: int  #: bytes a second
    deadline: float  #: a whole response


class Connections:
    """The connections of one client: what they have in common, and those that are being read.

    ``home`` is the host that the user named, without port.
    """

    def __init__(self, home: str, patience: Deadlines) -> None:
        self.home, self.patience = home.strip("[]").lower(), patience
        self.home_is_private = is_private_address(home)
        self.stopped = threading.Event()
        self._reading: set[_DeadlineReader] = set()  # without a lock, which the garbage collector could want at any time
        self._classes: dict[type, type] = {}

    def check(self) -> None:
        """Raise RegistryError once the client is closed."""
        if self.stopped.is_set():
            raise RegistryError("the connection has been closed")

    def pause(self, seconds: float) -> None:
        """Wait; raise RegistryError as soon as the client is closed."""
        self.stopped.wait(seconds)
        self.check()

    def stop(self) -> None:
        """Break off what is being read or waited for, in whichever threads."""
        self.stopped.set()
        for incoming in list(self._reading):
            incoming.shut_down()

    def begin(self, incoming: _DeadlineReader) -> None:
        """Take note of a response that is being read."""
        self._reading.add(incoming)
        if self.stopped.is_set():
            incoming.shut_down()

    def end(self, incoming: _DeadlineReader) -> None:
        """Forget a response."""
        self._reading.discard(incoming)

    def check_peer(self, host: str, address: str) -> None:
        """Take note of where a host was found; raise RegistryError where a public registry's answer must not lead.

        Names of storage may resolve to private networks, as those of cloud providers do within, but not to this
        machine or a link-local address, where metadata services are.
        """
        if host.strip("[]").lower() == self.home:
            self.home_is_private = self.home_is_private or is_private_address(address)
            return
        found = read_address(address)
        if found is not None and (found.is_loopback or found.is_link_local) and not self.home_is_private:
            raise RegistryError(f"{self.home} led to {host}, which is the private address {address}")

    def connection_class(self, base: type) -> type:
        """A class of ``urllib3``'s connections whose responses are read through here.

        Where a connection leads is looked at for direct ones only; what is behind a proxy is the proxy's affair.
        """
        if base not in self._classes:
            self._classes[base] = self._watch(base)
        return self._classes[base]

    def _watch(self, base: Any) -> type:
        lines, direct = self, base in (HTTPConnection, HTTPSConnection)

        class Watched(base):  # type: ignore[misc]
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                self.response_class = lambda sock, **rest: _Response(sock, lines=lines, **rest)

            def connect(self) -> None:
                lines.check()
                super().connect()
                if direct and self.proxy is None:
                    lines.check_peer(self.host, self.sock.getpeername()[0])

        self._classes[Watched] = Watched
        return Watched


class _Response(http.client.HTTPResponse):
    """A response that is read through ``_Incoming``."""

    def __init__(self, sock: socket.socket, *, lines: Connections, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp.close()
        self._incoming = _DeadlineReader(sock, lines)
        self.fp = _BoundedReader(self._incoming)

    def begin(self) -> None:
        self._incoming.set_deadline(2 * self._incoming.patience.window)  # its first byte and its last have a window each
        super().begin()
        self._incoming.set_deadline(self._incoming.patience.deadline)

    def flush(self) -> None:
        """There is nothing to flush; http.client tries when it is closed, also if the garbage collector closed its file."""


class _BoundedReader(io.BufferedReader):
    """Refuses reads that no reader of ours asks for, but a broken chunk does."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _MOST_AT_ONCE:
            raise http.client.HTTPException(f"unusable chunk size: {size}")
        return super().read(size)


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes, while they come in time; raises TooSlow when they do not."""

    def __init__(self, sock: socket.socket, lines: Connections) -> None:
        super().__init__()
        self.patience = lines.patience
        self._sock, self._lines, self._timeout = sock, lines, sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)
        self._waited, self._got = 0.0, -1  # in the current window; the first byte's wait is the timeout's affair
        self._seconds, self._until = 0.0, 0.0
        self.set_deadline(self.patience.deadline)
        lines.begin(self)

    def set_deadline(self, seconds: float) -> None:
        """What comes next must be there in so many seconds."""
        self._seconds, self._until = seconds, time.monotonic() + seconds
        self._sock.settimeout(self._timeout)

    def shut_down(self) -> None:
        """End reading, from any thread; TLS is not asked, since a thread may be in the middle of it."""
        below = getattr(self._sock, "socket", self._sock)  # of TLS within a proxy's TLS
        with contextlib.suppress(OSError):  # it may have ended
            socket.socket.shutdown(below, socket.SHUT_RDWR)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        began = time.monotonic()
        left = self._until - began
        if left <= 0:
            raise TooSlow(f"no end in {self._seconds:g} s")
        if self._timeout is None or left < self._timeout:
            self._sock.settimeout(left)
        count = self._raw.readinto(buffer) or 0
        self._check_pace(count, time.monotonic() - began)
        return count

    def _check_pace(self, count: int, seconds: float) -> None:
        if self._got < 0:
            self._got = 0
            return
        self._got += count
        self._waited += seconds
        if self._waited >= self.patience.window:
            if self._got < self.patience.min_rate * self._waited:
                allowed = f"{self.patience.min_rate} bytes a second are the least"
                raise TooSlow(f"{self._got} bytes in {self._waited:.3g} s, {allowed}")
            self._waited, self._got = 0.0, 0

    def close(self) -> None:
        if not self.closed:
            self._lines.end(self)
            self._raw.close()
        super().close()
