"""Channels: the connections and logins that the sources of many images of one repository share.

Each source alone would make connections of its own, and ask the token service again.
"""

from __future__ import annotations

import threading
from collections import Counter

import oras.auth

from ocisize.errors import RegistryError
from ocisize.oci.reference import Reference
from ocisize.sources.registry import auth
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.credentials import Credentials, StoredLogin
from ocisize.sources.registry.login import Login
from ocisize.sources.registry.session import Session
from ocisize.sources.registry.settings.machine import Machine
from ocisize.tuples import NamedTuple
from ocisize.values import evolve

_MAX_SILENCE = 3  # images that wait for a mirror without an answer


class Channel(NamedTuple):
    """The connections to a registry, and what is known about the login for one of its repositories."""

    session: Session
    auth: auth.RegistryAuth


def open_channel(
    reference: Reference,
    *,
    plain_http: bool,
    connection: Connection,
    credentials: Credentials | StoredLogin | None,
    machine: Machine | None = None,
) -> Channel:
    """Return a new channel; nothing is sent yet."""
    session = Session(connection, reference.host, machine)
    backend: auth.RegistryAuth = oras.auth.get_auth_backend(auth.BACKEND, session, plain_http)
    backend.login = Login(reference, credentials)
    session.connections.secrets = backend.secrets
    return Channel(session, backend)


class SilentMirrors:
    """Mirrors that gave no answer to several images: each further image would wait for the same timeouts."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()  # by host; a lost count does no harm

    def __contains__(self, registry: str) -> bool:
        return self._failures[registry] >= _MAX_SILENCE

    def note(self, registry: str, error: Exception) -> None:
        """Note why an image was not read from a mirror."""
        if isinstance(error, RegistryError) and error.status is None:
            self._failures[registry] += 1
        else:
            self._failures[registry] = 0


class Channels:
    """Makes a channel for each repository and way to its registry once. Threads may share it.

    ``silent_mirrors`` is what sources of several repositories know of mirrors.
    """

    def __init__(self, silent_mirrors: SilentMirrors | None = None) -> None:
        self.silent_mirrors = silent_mirrors or SilentMirrors()
        self._channels: dict[tuple[str, str, bool, bool, Connection], Channel] = {}
        self._closed, self._lock = False, threading.Lock()

    def open(
        self,
        reference: Reference,
        *,
        plain_http: bool,
        connection: Connection,
        credentials: Credentials | StoredLogin | None,
        machine: Machine | None = None,
    ) -> Channel:
        """Return the channel for a repository; messages about its login name no tag. Raises RegistryError once closed."""
        key = (reference.registry, reference.repository, plain_http, credentials is not None, connection)
        with self._lock:
            if self._closed:
                raise RegistryError("the connection has been closed")
            if key not in self._channels:
                self._channels[key] = open_channel(
                    evolve(reference, tag=None, digest=None),
                    plain_http=plain_http,
                    connection=connection,
                    credentials=credentials,
                    machine=machine,
                )
            return self._channels[key]

    def close(self) -> None:
        """Close all connections; threads that read from one get an error at once."""
        with self._lock:
            self._closed, channels = True, list(self._channels.values())
        for channel in channels:
            channel.session.close()
