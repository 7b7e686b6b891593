"""Ways to an endpoint: over TLS or plain http, with or without verified certificates, in the order in which to try them."""

from __future__ import annotations

import re

from ocisize.errors import RegistryError
from ocisize.oci.reference import DOCKER_HUB, is_loopback
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.settings.host_certificates import HostCertificates, find_certificates
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.mirrors import Endpoint
from ocisize.sources.registry.tls_hints import is_broken_off
from ocisize.values import evolve, frozen

_MIRROR_RETRIES = 1
_BAD_REQUEST = 400  # the answer of Go and nginx to plain http on a TLS port
_OF_TLS = re.compile("certificate|handshake|alert", re.IGNORECASE)  # errors of servers that speak TLS
_UNVERIFIED, _PLAIN = "without verifying its TLS certificate", "over plain http"


@frozen
class Way:
    """How to talk to an endpoint."""

    plain_http: bool
    connection: Connection
    sends_credentials: bool = True
    caveat: str = ""  #: why nobody knows whether the endpoint itself answers; empty if that is verified or was asked for
    is_upgrade: bool = False  #: to TLS, after plain http that nobody asked for

    def may_follow(self, failure: Exception) -> bool:
        """Return True if the failure of the way before leaves a chance for this one."""
        if not isinstance(failure, RegistryError):
            return False
        if not self.is_upgrade:
            return failure.status is None  # an answer over TLS is the mirror's own
        return failure.status == _BAD_REQUEST or (failure.status is None and is_broken_off(failure))

    def is_reported(self, error: Exception) -> bool:
        """Return True if a failure of this way says more than the failure of the way before."""
        if not self.is_upgrade or not isinstance(error, RegistryError):
            return True
        return error.status is not None or bool(_OF_TLS.search(str(error)))


def find_ways(endpoint: Endpoint, connection: Connection, machine: Machine) -> list[Way]:
    """Return the ways to an endpoint.

    Mirrors that settings call insecure are asked as podman asks them: over TLS without verification, then over plain http,
    but without credentials. Hosts of this machine are asked over plain http, then over TLS if they speak TLS. Other hosts
    are asked as the connection says.
    """
    if endpoint.is_mirror:  # options for the registry are not for its mirrors, and retries delay the next place
        retries = min(connection.retries, _MIRROR_RETRIES)
        connection = evolve(connection, plain_http=endpoint.plain_http, client_cert=None, client_key=None, retries=retries)
        if not is_loopback(endpoint.reference.registry) and (endpoint.insecure or endpoint.plain_http):
            return _insecure_ways(endpoint, connection)
    plain_http = _choose_plain_http(endpoint, connection, machine)
    if plain_http is not None:
        caveat = _UNVERIFIED if connection.tls_verify is False and not plain_http else ""
        return [Way(plain_http=plain_http, connection=connection, caveat=caveat)]
    upgraded = evolve(connection, tls_verify=False) if endpoint.insecure and endpoint.is_mirror else connection
    caveat = _UNVERIFIED if upgraded.tls_verify is False else ""
    return [
        Way(plain_http=True, connection=connection),
        Way(plain_http=False, connection=upgraded, caveat=caveat, is_upgrade=True),
    ]


def _choose_plain_http(endpoint: Endpoint, connection: Connection, machine: Machine) -> bool | None:
    """Return True for plain http, False for TLS, None if the answer of a host on this machine decides."""
    registry = endpoint.reference.registry
    if registry == DOCKER_HUB:  # --insecure is meant for the other registry of two
        return False
    if connection.plain_http is not None:
        return connection.plain_http
    is_for_tls = connection.uses_tls and not endpoint.is_mirror
    if not is_loopback(registry) or is_for_tls or find_certificates(registry, machine) != HostCertificates():
        return False
    return None


def _insecure_ways(endpoint: Endpoint, connection: Connection) -> list[Way]:
    """Return the ways to a mirror on another machine that may be asked without TLS."""
    unverified = evolve(connection, tls_verify=False)
    over_tls = Way(plain_http=False, connection=unverified, sends_credentials=False, caveat=_UNVERIFIED)
    plain = Way(plain_http=True, connection=connection, sends_credentials=False, caveat=_PLAIN)
    return [plain] if endpoint.plain_http else [over_tls, plain]
