"""EngineClient: requests to an engine over a Unix socket, TCP or TLS, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from ocisize.errors import SourceError
from ocisize.logs import Logger
from ocisize.sources.engine.endpoint import Endpoint, Engine, TlsFiles
from ocisize.text import printable

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0  # for a document
_PREPARE_SECONDS = 3600.0  # for the first byte of an archive: engines write it to their disk first
_SILENCE_SECONDS = 300.0  # within an archive
_MAX_DOCUMENT = 64 << 20  # bytes; the list of 10,000 images has 10 MB
_MAX_ERROR = 64 << 10  # bytes
_R = TypeVar("_R")
_log = Logger(__name__)


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_CONNECT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answer:
    """The answer to a request: its status, headers and body; ``close`` ends the connection."""

    def __init__(self, client: EngineClient, connection: http.client.HTTPConnection) -> None:
        self._client, self._connection = client, connection
        self._response = client.guard(connection.getresponse)
        self.status = self._response.status
        if connection.sock is not None:
            connection.sock.settimeout(_SILENCE_SECONDS)

    def header(self, name: str) -> str:
        """Return a header, empty if there is none."""
        return self._response.headers.get(name) or ""

    def readinto(self, buffer: memoryview, /) -> int:
        """Write some bytes of the body to the buffer; return how many, 0 at the end. Raises SourceError."""
        count = self._client.guard(lambda: self._response.readinto(buffer))
        if not count and self._response.length:  # the connection ended before the length that was promised
            raise SourceError(f"{self._client.engine.title} ended its answer early")
        return count

    def read(self, limit: int) -> bytes:
        """Return the body, cut after ``limit`` bytes. Raises SourceError."""
        return self._client.guard(lambda: self._response.read(limit))

    def close(self) -> None:
        """End the connection."""
        self._response.close()
        self._connection.close()


class EngineClient:
    """Sends requests to an engine; ``name`` is the image that they are about, for hints."""

    def __init__(self, engine: Engine, endpoint: Endpoint, name: str) -> None:
        self.engine, self.endpoint, self._name = engine, endpoint, name

    def get(self, path: str, *, seconds: float = _ANSWER_SECONDS) -> Answer:
        """Send a request, wait at most ``seconds`` for the head of the answer, and return the answer.

        Raises SourceError if the engine cannot be reached.
        """
        connection = self._connect()
        try:
            connection.sock.settimeout(seconds)
            self.guard(lambda: connection.request("GET", path, headers={"Host": "localhost", "User-Agent": "ocisize"}))
            answer = Answer(self, connection)
        except BaseException:
            connection.close()
            raise
        _log.info("GET %s%s: %d", self.endpoint.address, printable(path), answer.status)
        return answer

    def get_archive(self, path: str) -> Answer:
        """Send a request for an archive, whose first byte may take long."""
        return self.get(path, seconds=_PREPARE_SECONDS)

    def read_json(self, path: str) -> tuple[int, Any]:
        """Return the status and the decoded body of an answer; raise SourceError for one that is no JSON."""
        answer = self.get(path)
        try:
            data = answer.read(_MAX_DOCUMENT + 1)
        finally:
            answer.close()
        if len(data) > _MAX_DOCUMENT:
            raise SourceError(f"{self.engine.title} answered with more than {_MAX_DOCUMENT} bytes to {printable(path)}")
        try:
            return answer.status, json.loads(data)
        except (ValueError, RecursionError):
            raise SourceError(
                f"{self.engine.title} at {self.endpoint.address} answered with no JSON (HTTP {answer.status})",
                hint="check whether the address is that of an engine",
            ) from None

    def refuse(self, answer: Answer) -> SourceError:
        """Return the error of an answer that is none, with the message in its body."""
        try:
            document = json.loads(answer.read(_MAX_ERROR))
        except (ValueError, RecursionError):
            document = None
        return self.refuse_document(answer.status, document)

    def refuse_document(self, status: int, document: object) -> SourceError:
        """Return the error of an answer whose body was decoded."""
        message = document.get("message") if isinstance(document, dict) else None
        text = message if isinstance(message, str) and message else f"HTTP {status}"
        return SourceError(f"{self.engine.title}: {printable(text)}")

    def guard(self, act: Callable[[], _R]) -> _R:
        """Return what ``act()`` does; raise its errors of the connection as SourceError."""
        title = self.engine.title
        try:
            return act()
        except TimeoutError:
            raise SourceError(f"{title} did not answer in time") from None
        except http.client.RemoteDisconnected:
            raise SourceError(f"{title} closed the connection without an answer") from None
        except http.client.IncompleteRead:
            raise SourceError(f"{title} ended its answer early") from None
        except (http.client.HTTPException, ValueError) as error:
            raise SourceError(f"{title} at {self.endpoint.address} does not speak HTTP: {type(error).__name__}") from None
        except OSError as error:
            raise SourceError(f"{title}: the connection broke: {error.strerror or error}") from None

    def _connect(self) -> http.client.HTTPConnection:
        connection = self._make_connection()
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise self._explain(error) from None
        return connection

    def _explain(self, error: OSError) -> SourceError:
        """Return the error of a connection that could not be made."""
        if isinstance(error, PermissionError):
            return self._unreachable("permission denied", self.engine.denied_hint)
        if isinstance(error, ssl.SSLError):
            reason = getattr(error, "verify_message", "") or error.reason or str(error)
            return self._unreachable(
                f"TLS failed: {printable(str(reason))}", "check DOCKER_CERT_PATH, and whether the engine listens with TLS"
            )
        return self._unreachable(error.strerror or str(error), self.engine.absent_hint)

    def _make_connection(self) -> http.client.HTTPConnection:
        endpoint = self.endpoint
        if endpoint.socket is not None:
            return _UnixConnection(endpoint.socket)
        if endpoint.tls is None:
            return http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=_CONNECT_SECONDS)
        context = _make_context(endpoint.tls)
        return http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=_CONNECT_SECONDS, context=context)

    def _unreachable(self, reason: str, hint: str) -> SourceError:
        text = f"cannot connect to {self.engine.title} at {self.endpoint.address}: {reason}"
        return SourceError(text, hint=hint.replace("{name}", self._name))


def _make_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a context with the certificates of an endpoint; raise SourceError for files that cannot be used."""
    if files.folder is None:
        return ssl.create_default_context()
    authorities, certificate, key = (files.folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    try:
        context = ssl.create_default_context(cafile=str(authorities) if authorities.is_file() else None)
        if not files.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate.is_file():
            context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SourceError(f"the certificates in {files.folder} cannot be used: {error}") from None
    return context
