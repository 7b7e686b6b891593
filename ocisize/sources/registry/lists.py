"""The lists of a registry: its repositories, and the tags of a repository, page by page.

Specification: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags, and for the list of
repositories https://distribution.github.io/distribution/spec/api/#catalog, which many registries refuse.

The registry itself is asked, not its mirrors: a mirror lists what it has copied.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from ocisize.errors import DocumentError, RegistryError
from ocisize.oci.reference import Reference
from ocisize.oci.strict_json import parse_json
from ocisize.sources.registry.client import RegistryClient
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.credentials import StoredLogin
from ocisize.sources.registry.documents import Documents
from ocisize.sources.registry.messages import host_of
from ocisize.sources.registry.place import Place
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.mirrors import Endpoint, find_endpoints
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

if TYPE_CHECKING:
    import requests

MAX_PAGES = 20_000  #: of a list: with the smallest pages of a registry, two million names
MAX_NAMES = 2_000_000  #: of a list, those that no pattern matches included: each is kept to notice pages that come again
MAX_NAME = 400  #: characters; a longer name is no reference
_PAGE_SIZES = ("n=1000", "n=100", "")  # ECR refuses more than 1000; administrators of others may allow less
_MAX_PAGE_SIZE = 64 << 20  # bytes: registries without pages send all tags at once
_REFUSALS = frozenset({400, 416, 422})  # of the number of names in a page
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Page(NamedTuple):
    """A page of a list."""

    names: Sequence[str]
    response: requests.Response  #: whose header names the next page


class RegistryList:
    """A list of a registry that is read while its ``pages`` are used; another thread may close it."""

    def __init__(
        self,
        reference: Reference,
        *,
        namespace: str | None = None,
        connection: Connection | None = None,
        machine: Machine | None = None,
    ) -> None:
        """List the tags of a reference's repository; with a namespace, the repositories of its registry.

        The login is that for the repository or the namespace. Raises RegistryError if settings block the repository.
        """
        connection, machine = connection or Connection(), machine or Machine()
        if namespace is None:
            self._key, self._what = "tags", f"the tags of {reference.registry}/{reference.repository}"
            found = find_endpoints(reference, machine) if connection.mirrors else [Endpoint(reference)]
            endpoint = found[-1]
            self._path = f"/v2/{endpoint.reference.repository}/tags/list"
            login = StoredLogin(endpoint.reference)
        else:
            self._key, self._what = "repositories", f"the repositories of {reference.registry}"
            endpoint = Endpoint(evolve(reference, repository=""))
            if connection.mirrors:
                find_endpoints(evolve(reference, repository=f"{namespace}/catalog" if namespace else "catalog"), machine)
            self._path = "/v2/_catalog"
            login = StoredLogin(evolve(reference, repository=namespace))
        self._place = Place(endpoint, connection, machine, login, Documents())

    @property
    def warnings(self) -> Sequence[str]:
        """What the user should know: about the login, and if another server could have answered."""
        caveat = self._place.caveat
        registry = self._place.endpoint.reference.registry
        return (
            *self._place.warnings,
            *([f"{registry} was read {caveat}: another server could have answered"] if caveat else []),
        )

    def pages(self) -> Generator[Sequence[str], None, None]:
        """Yield the names of each page, as the registry sends them.

        Pages end where the registry names no next page, whatever their size. Raises RegistryError, AuthenticationFailed and
        DocumentError, also for a list that does not end.
        """
        page = self._read_first()
        seen, queries, count = set[str](), set[str](), 0
        for _ in range(MAX_PAGES):
            count += len(page.names)
            if count > MAX_NAMES:
                raise RegistryError(f"{self._what}: the list has more than {MAX_NAMES:,} names")
            yield page.names
            if not (query := self.next_query(page.response)):
                return
            seen.update(page.names)
            page = self._read(query)
            if query in queries or (page.names and seen.issuperset(page.names)):
                raise RegistryError(f"{self._what}: the registry sends the same page again and again")
            queries.add(query)
        raise RegistryError(f"{self._what}: the list has more than {MAX_PAGES:,} pages")

    def close(self) -> None:
        """Close all connections; a thread that reads gets a RegistryError at once."""
        self._place.close()

    def _read_first(self) -> _Page:
        """Return the first page, of the largest size that the registry takes."""
        for size in _PAGE_SIZES[:-1]:
            with contextlib.suppress(_SizeRefused):
                return self._read(size)
        return self._read(_PAGE_SIZES[-1])

    def _read(self, query: str) -> _Page:
        return self._place.ask(lambda client: self._read_with(client, query))

    def _read_with(self, client: RegistryClient, query: str) -> _Page:
        url = f"{client.prefix}://{self._place.endpoint.reference.host}{self._path}{'?' if query else ''}{query}"
        try:
            response, body = client.read_document(url, self._what, _MAX_PAGE_SIZE, {"Accept": "application/json"}, "list")
        except RegistryError as error:
            if error.status in _REFUSALS and query in _PAGE_SIZES[:-1]:
                raise _SizeRefused(str(error), status=error.status, hint=error.hint) from None
            raise
        names = parse_json(body, self._what).get(self._key, [])
        if not isinstance(names, list):
            raise DocumentError(f"{self._what}: {self._key!r} is not an array but {type(names).__name__}")
        # What is no text is no name, either.
        return _Page([name if isinstance(name, str) and len(name) <= MAX_NAME else "" for name in names], response)

    def next_query(self, response: requests.Response) -> str:
        """Return the query of the next page, by the ``Link`` header (RFC 8288) of a page; empty for the last page.

        The next page is asked from the same address as this one: registries behind proxies name theirs by the scheme or the
        path that they see. Raises RegistryError if it is on another host.
        """
        target = response.links.get("next", {}).get("url", "")
        if not target:
            return ""
        try:
            link, here = urlsplit(urljoin(response.url, target)), urlsplit(response.url)
            same = link.hostname == here.hostname and _port_of(link) == _port_of(here)
        except ValueError:
            raise RegistryError(f"{self._what}: the address of the next page is invalid") from None
        if not same:
            raise RegistryError(f"{self._what}: the next page is on another host, {host_of(link.geturl())}")
        return link.query


class _SizeRefused(RegistryError):
    """The registry refuses the number of names in a page."""


def _port_of(url: SplitResult) -> int | None:
    """Return the port of a split URL, None for the default one of http or https."""
    return None if url.port in (None, _DEFAULT_PORTS.get(url.scheme)) else url.port
