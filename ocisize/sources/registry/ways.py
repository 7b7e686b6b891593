"""Ways to an endpoint: over TLS or plain http, with or without verified certificates, in the order in which to try them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from ocisize.errors import RegistryError
from ocisize.oci.reference import DOCKER_HUB, is_loopback
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.settings.host_certificates import HostCertificates, find_certificates
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.mirrors import Endpoint
from ocisize.sources.registry.tls_hints import is_broken_off

_BAD_REQUEST = 400  # the answer of Go and nginx to plain http on a TLS port
_OF_TLS = re.compile("certificate|handshake|alert", re.IGNORECASE)  # errors of servers that speak TLS
_UNVERIFIED, _PLAIN = "without verifying its TLS certificate", "over plain http"


@attrs.frozen
class Way:
    """How to talk to an endpoint."""

    plain_http: bool
    connection: Connection
    sends_credentials: bool = True
    caveat: str = ""  #: why nobody knows whether the endpoint itself answers; empty if that is verified or was asked for
    is_upgrade: bool = False  #: to TLS, after plain http that nobody asked for

    def may_follow(self, failure: Exception) -> bool:
        """Return True if the failure of the way before leaves a chance for this one."""
        if not self.is_upgrade:
            return True
        if not isinstance(failure, RegistryError):
            return False
        return failure.status == _BAD_REQUEST or (failure.status is None and is_broken_off(failure))

    def is_reported(self, before: Exception, error: Exception) -> bool:
        """Return True if the failure of this way says more than that of the way before."""
        if not self.is_upgrade or not isinstance(error, RegistryError):
            return before is not error
        return error.status is not None or bool(_OF_TLS.search(str(error)))


def find_ways(endpoint: Endpoint, connection: Connection, machine: Machine) -> Iterator[Way]:
    """Yield the ways to an endpoint.

    Mirrors that settings call insecure are asked as podman asks them: over TLS without verification, then over plain http,
    but without credentials. Hosts of this machine are asked over plain http, then over TLS if they speak TLS. Other hosts
    are asked as the connection says.
    """
    registry = endpoint.reference.registry
    local = is_loopback(registry)
    plain_http = None if endpoint.is_mirror else connection.plain_http
    # --insecure is meant for the other registry of two, if one is Docker Hub
    if registry == DOCKER_HUB or (local and plain_http is None and _wants_tls(registry, connection, machine)):
        plain_http = False
    if endpoint.is_mirror and not local and (endpoint.insecure or endpoint.plain_http):
        if not endpoint.plain_http:
            unverified = attrs.evolve(connection, tls_verify=False)
            yield Way(plain_http=False, connection=unverified, sends_credentials=False, caveat=_UNVERIFIED)
        yield Way(plain_http=True, connection=connection, sends_credentials=False, caveat=_PLAIN)
    elif local and plain_http is None:
        yield Way(plain_http=True, connection=connection)
        yield Way(plain_http=False, connection=connection, is_upgrade=True)
    else:
        caveat = _UNVERIFIED if connection.tls_verify is False and not plain_http else ""
        yield Way(plain_http=bool(plain_http), connection=connection, caveat=caveat)


def _wants_tls(registry: str, connection: Connection, machine: Machine) -> bool:
    return connection.uses_tls or find_certificates(registry, machine) != HostCertificates()
