"""Download: how far one blob has come, and whether and when a download that broke off is resumed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ocisize.blob.region import CHUNK
from ocisize.errors import AuthenticationFailed, RegistryError
from ocisize.sources.registry.answers import StorageRefused
from ocisize.sources.registry.session import MAX_RETRY_SECONDS, RETRYABLE_STATUSES
from ocisize.values import define, field

if TYPE_CHECKING:
    import urllib3

_MAX_READ = 512 << 10  # bytes; reads of 64 KiB take more than twice the CPU time
_MIN_PROGRESS = 1 << 20  # bytes after which the count of failures starts again
_FIRST_PAUSE_SECONDS = 0.2
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
    _checkpoint: int = 0
    _until: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._until = time.monotonic() + self.seconds

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
        return bool(download.position) or not download.failures
    return bool(download.position) and error.status in RETRYABLE_STATUSES | {None}
