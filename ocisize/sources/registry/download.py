"""Download: how far one blob has come, and whether and when a download that broke off is resumed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import urllib3

from ocisize.blob.region import CHUNK
from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.sources.registry.answers import RangeRefused, StorageRefused
from ocisize.sources.registry.messages import explain_error, sanitize
from ocisize.sources.registry.session import MAX_RETRY_SECONDS, RETRYABLE_STATUSES, content_range
from ocisize.values import define, field

if TYPE_CHECKING:
    import requests

_MAX_READ = 512 << 10  # bytes; reads of 64 KiB take more than twice the CPU time
_MIN_PROGRESS = 1 << 20  # bytes after which the count of failures starts again
_FIRST_PAUSE_SECONDS = 0.2
_PARTIAL, _OUT_OF_RANGE = 206, 416
_BODY_ERRORS = (urllib3.exceptions.HTTPError, OSError)  # raised by a body that breaks off
_log = logging.getLogger(__name__)


@define
class Download:
    """How far a blob has come, and how often it broke off since the last MiB of progress.

    >>> download = Download("sha256:beef", size=5000, retries=2, seconds=60.0)
    >>> [download.seconds_until_retry("the connection was reset", None) for _ in range(2)]
    [0.0, 0.8]
    """

    digest: str
    size: int  #: bytes
    retries: int
    seconds: float  #: for the whole blob, with all retries
    position: int = 0  #: bytes received
    failures: int = 0
    _start: int = field(init=False)
    _checkpoint: int = field(init=False)
    _until: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._start = self._checkpoint = self.position
        self._until = time.monotonic() + self.seconds

    def resume(
        self, read: Callable[[], Iterator[bytes]], pause: Callable[[float], object], secrets: Callable[[], Iterable[str]]
    ) -> Iterator[bytes]:
        """Yield what ``read`` yields, and call it again where a connection breaks, after a pause; raises RegistryError.

        ``secrets`` are kept out of messages.
        """
        while True:
            status: int | None = None
            try:
                yield from read()
                problem = "the connection was closed early"
            except _BODY_ERRORS as error:
                problem = explain_error(error, secrets())
            except RegistryError as error:
                if self.position and error.status == _OUT_OF_RANGE:
                    return  # the blob is shorter than it should be, which the caller's check of the size reports best
                if not is_retryable(error, self):
                    raise
                problem, status = str(error), error.status
            if self.position >= self.size:
                return
            pause(self.seconds_until_retry(problem, status))

    def receive(self, raw: urllib3.BaseHTTPResponse, known: int) -> Iterator[bytes]:
        """Yield the bytes of a body that were not received before; the first ``known`` bytes of the body were.

        Raises RegistryError once the blob takes longer than allowed, and the errors of urllib3.
        """
        # When a connection breaks, urllib3 loses the bytes of the current read, so a read is a small part of what the
        # connection has brought. The read after the last byte asks for one more, which must not come.
        brought = 0
        while chunk := raw.read(min(max(CHUNK, min(brought // 4, _MAX_READ)), known + self.size - self.position) or 1):
            brought += len(chunk)
            if known:
                dropped = min(known, len(chunk))
                known, chunk = known - dropped, chunk[dropped:]
            if chunk:
                self.position += len(chunk)
                yield chunk
            self.check_time()

    @property
    def has_begun(self) -> bool:
        """Whether bytes have come: where none has, the session has repeated the request as often as is allowed."""
        return self.position > self._start

    def check_time(self) -> None:
        """Raise RegistryError once the blob takes longer than allowed."""
        if time.monotonic() > self._until:
            problem = f"it took more than {self.seconds:g} s"
            raise RegistryError(self._describe(problem), hint="raise the timeout with --deadline SECONDS") from None

    def seconds_until_retry(self, problem: str, status: int | None) -> float:
        """Count a failure and return the pause before the next try, in seconds.

        ``problem`` says why the blob broke off; ``status`` is the HTTP status, None if there was no answer. Raises
        RegistryError if there were too many failures or the time is over.
        """
        self.check_time()
        if self.position - self._checkpoint >= _MIN_PROGRESS:
            self.failures, self._checkpoint = 0, self.position
        self.failures += 1
        if self.failures > self.retries:
            raise RegistryError(self._describe(problem), status=status)
        pause = min(_FIRST_PAUSE_SECONDS * 2**self.failures, MAX_RETRY_SECONDS) if self.failures > 1 else 0.0
        _log.info("%s; retry in %.1f s", self._describe(problem), pause)
        return pause

    def _describe(self, problem: str) -> str:
        return f"blob {self.digest} broke off at {self.position} of {self.size} bytes: {problem}"


def is_retryable(error: RegistryError, download: Download) -> bool:
    """Return True if a new request for the rest of a blob may succeed."""
    if isinstance(error, AuthenticationFailed):
        return False
    if isinstance(error, StorageRefused):  # the registry gives a new URL
        return download.has_begun or not download.failures
    return download.has_begun and error.status in RETRYABLE_STATUSES | {None}


def check_rest(response: requests.Response, download: Download, secrets: Iterable[str]) -> None:
    """Raise RegistryError unless a partial answer starts at the position asked for and the blob has the right size."""
    if not _is_part_of(response, download, download.size):
        asked = f"asked for bytes from {download.position} of {download.size}"
        got = f"got {_name_range(response, secrets)}"
        raise RegistryError(f"blob {download.digest}: {asked}, {got}", status=response.status_code)


def check_part(response: requests.Response, download: Download, size: int, secrets: Iterable[str]) -> None:
    """Raise RangeRefused unless an answer has the part of a blob of ``size`` bytes that a download asks for."""
    if response.status_code != _PARTIAL or not _is_part_of(response, download, size):
        asked = f"asked for bytes {download.position}-{download.size - 1} of {size}"
        got = f"got {_name_range(response, secrets)}"
        raise RangeRefused(f"blob {download.digest}: {asked}, {got}", status=response.status_code)


def _is_part_of(response: requests.Response, download: Download, size: int) -> bool:
    answered = content_range(response.headers)
    return answered is not None and answered[0] == download.position and answered[1] in (None, size)


def _name_range(response: requests.Response, secrets: Iterable[str]) -> str:
    return sanitize(response.headers.get("Content-Range", ""), secrets) or "no range"
