"""Blobs from the URLs of their descriptors, for foreign layers that the registry does not have.

URLs come from the manifest, so they are requested without any secret, over TLS unless the registry has none, and not at
private addresses unless the registry is at one. The caller verifies size and digest, as of every blob.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from urllib.parse import urlsplit

import requests
import urllib3

from ocisize.errors import ForeignLayerAbsent, RegistryError, SizeMismatch
from ocisize.oci.documents import Descriptor
from ocisize.oci.foreign import is_foreign
from ocisize.sources.registry.address import is_private_address
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.download import Download
from ocisize.sources.registry.messages import explain_error, host_of
from ocisize.sources.registry.session import Session, content_range
from ocisize.values import frozen

_MAX_URLS = 4  # of a descriptor that are tried
_OK, _PARTIAL, _NOT_FOUND = 200, 206, 404
_BODY_ERRORS = (urllib3.exceptions.HTTPError, OSError)  # errors of requests are OSErrors
_log = logging.getLogger(__name__)


def read_or_fetch(blob: Iterable[bytes], descriptor: Descriptor, open_urls: Callable[[], BlobUrls]) -> Iterator[bytes]:
    """Yield a blob of the registry; if the registry answers 404, that of the first URL of its descriptor that has it.

    Raises ForeignLayerAbsent if nobody has a foreign layer, RegistryError for another blob or after the first byte, and
    SizeMismatch.
    """
    try:
        yield from blob
    except RegistryError as error:
        if error.status != _NOT_FOUND:
            raise
        problems = [str(error)]
    else:
        return
    if descriptor.urls and (yield from open_urls().read(descriptor, problems)):
        return
    if is_foreign(descriptor):
        raise ForeignLayerAbsent(f"could not be had: {'; '.join(problems)}")
    raise RegistryError("; ".join(problems), status=_NOT_FOUND)


@frozen
class BlobUrls:
    """Reads blobs from the URLs of their descriptors, in the session of a client: closing the client ends the reads."""

    session: Session
    connection: Connection
    plain_http: bool  #: the registry has no TLS

    def read(self, descriptor: Descriptor, problems: list[str]) -> Generator[bytes, None, bool]:
        """Yield the stored bytes of the first URL that has the blob; return False, and add to ``problems``, if none has it.

        Raises RegistryError if a download that began cannot be completed, and SizeMismatch.
        """
        for url in descriptor.urls[:_MAX_URLS]:
            if problem := self._refusal(url):
                problems.append(problem)
                continue
            download = Download(descriptor.digest, descriptor.size, self.connection.retries, self.connection.deadline)
            try:
                _log.info("blob %s is not in the registry; reading it from %s", descriptor.digest, host_of(url))
                yield from self._read_url(url, download)
            except RegistryError as error:
                self.session.connections.check_open()
                if download.position:
                    raise
                problems.append(str(error))
            else:
                return True
        return False

    def _refusal(self, url: str) -> str:
        """Return why a URL is not requested, "" if it may be."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return "one of its URLs is invalid"
        if parts.scheme != "https" and not (parts.scheme == "http" and self.plain_http):
            return f"the URL at {host_of(url) or 'no host'} is not https"
        if not host or parts.username is not None:
            return "one of its URLs is invalid"
        if is_private_address(host) and not self.session.connections.registry_is_private:
            return f"the URL at {host} is at a private address"
        return ""

    def _read_url(self, url: str, download: Download) -> Iterator[bytes]:
        """Yield the bytes of a URL, and go on where a connection breaks."""
        while True:
            try:
                yield from _read_once(self.session, url, download)
                problem = "the connection was closed early"
            except _BODY_ERRORS as error:
                problem = f"{host_of(url)}: {explain_error(error)}"
                if not download.position:
                    raise RegistryError(problem) from None
            if download.position >= download.size:
                return
            self.session.connections.pause(download.seconds_until_retry(problem, None))


def _read_once(session: Session, url: str, download: Download) -> Iterator[bytes]:
    """Yield the bytes from the position of a download on, until the end or until the connection breaks."""
    headers = {"Range": f"bytes={download.position}-"} if download.position else {}
    try:
        answer = session.get(url, headers=headers, stream=True)
    except (ValueError, requests.RequestException) as error:
        raise OSError(explain_error(error)) from None
    with contextlib.closing(answer) as response:
        known = download.position
        if response.status_code == _PARTIAL and content_range(response.headers) == (known, download.size):
            known = 0
        elif response.status_code != _OK:
            raise RegistryError(f"{host_of(url)} answered {response.status_code}", status=response.status_code)
        elif (announced := response.raw.length_remaining) not in (None, download.size):
            raise SizeMismatch(download.digest, got=announced, expected=download.size)
        yield from download.receive(response.raw, known)  # a server without ranges sends again what was received
