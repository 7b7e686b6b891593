"""Readers of sockets that end: bytes must come in time, and another thread can shut a socket down.

A socket timeout bounds one wait for bytes; a server that sends one byte a minute never exceeds it. So every response is read
through a layer that also bounds the seconds of its header and of the whole response, and the bytes that must come a second.
Only time spent waiting counts: a slow reader is not a slow server.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time
from typing import Any, Protocol

from urllib3.util.ssltransport import SSLTransport

from ocisize.values import frozen

_MAX_READ = 1 << 20  # bytes; http.client passes on the sizes of chunks, which may be negative or huge


class TooSlow(OSError):
    """A response that keeps coming, but too slowly."""

    def __init__(self, text: str) -> None:
        super().__init__(f"too slow: {text}")


@frozen
class Deadlines:
    """How long to wait for responses, in seconds."""

    window: float  #: each stretch of waiting in which ``min_rate`` must be reached
    min_rate: int  #: bytes per second
    deadline: float  #: a whole response


class Readers(Protocol):
    """Who knows the readers of sockets that are in use."""

    deadlines: Deadlines

    def register(self, reader: DeadlineReader) -> None:
        """Add a response that is being read."""

    def unregister(self, reader: DeadlineReader) -> None:
        """Remove a response that was read or given up."""


class BoundedReader(io.BufferedReader):
    """Refuses reads of impossible sizes, which broken chunks of a response ask for."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _MAX_READ:
            raise http.client.HTTPException(f"unusable chunk size: {size}")
        return super().read(size)


class DeadlineReader(io.RawIOBase):
    """The bytes of a socket; raises TooSlow if they do not come in time."""

    def __init__(self, sock: socket.socket, readers: Readers) -> None:
        super().__init__()
        self.deadlines = readers.deadlines
        self._sock, self._readers, self._timeout = sock, readers, sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)
        self._waited, self._received = 0.0, -1  # in the current window; the socket timeout bounds the first wait
        self._seconds, self._until = 0.0, 0.0
        self.set_deadline(self.deadlines.deadline)
        readers.register(self)

    def set_deadline(self, seconds: float) -> None:
        """Allow so many seconds from now on."""
        self._seconds, self._until = seconds, time.monotonic() + seconds
        self._sock.settimeout(self._timeout)

    def shut_down(self) -> None:
        """End reading, from any thread. TLS is left out, since another thread may be inside its code."""
        below = self._sock.socket if isinstance(self._sock, SSLTransport) else self._sock  # TLS inside a proxy's TLS
        with contextlib.suppress(OSError):  # the connection may have ended
            socket.socket.shutdown(below, socket.SHUT_RDWR)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        began = time.monotonic()
        left = self._until - began
        if left <= 0:
            raise TooSlow(f"not complete after {self._seconds:g} s")
        is_last_wait = self._timeout is None or left < self._timeout
        if is_last_wait:
            self._sock.settimeout(left)
        try:
            count = self._raw.readinto(buffer) or 0
        except TimeoutError:
            if is_last_wait:
                raise TooSlow(f"not complete after {self._seconds:g} s") from None
            raise
        self._check_rate(count, time.monotonic() - began)
        return count

    def _check_rate(self, count: int, seconds: float) -> None:
        if self._received < 0:
            self._received = 0
            return
        self._received += count
        self._waited += seconds
        if self._waited >= self.deadlines.window:
            if self._received < self.deadlines.min_rate * self._waited:
                minimum = f"the minimum is {self.deadlines.min_rate} bytes per second"
                raise TooSlow(f"{self._received} bytes in {self._waited:.3g} s, {minimum}")
            self._waited, self._received = 0.0, 0

    def close(self) -> None:
        if not self.closed:
            self._readers.unregister(self)
            self._raw.close()
        super().close()
