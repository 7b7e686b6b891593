"""Stored logins: the credentials for a registry in the files and helpers of docker, podman and skopeo.

The first place with credentials for the image wins: ``$DOCKER_AUTH_CONFIG`` (the JSON itself), ``$REGISTRY_AUTH_FILE``,
``$XDG_RUNTIME_DIR/containers/auth.json`` (without the variable ``/run/containers/UID/auth.json``),
``$XDG_CONFIG_HOME/containers/auth.json`` (``~/.config``), ``$DOCKER_CONFIG/config.json`` (``~/.docker``), ``~/.dockercfg``.
In a place, a credential helper wins over stored entries, and the longest matching ``host/namespace`` over shorter ones.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping

from ocisize.errors import AuthenticationFailed
from ocisize.oci.reference import Reference
from ocisize.sources.registry.credential_files import Config, find_entry, find_helper, list_places, read_config
from ocisize.sources.registry.helpers import ask_helper
from ocisize.sources.registry.identity import Credentials
from ocisize.values import evolve

__all__ = ["Credentials", "StoredLogin", "find_credentials"]

_log = logging.getLogger(__name__)


class StoredLogin:
    """The login that this machine has for an image, looked up once, when a registry asks for one.

    A place that cannot be read does not end the search: ``problems`` has one text for each. ``environment`` takes the place
    of the process's environment.

    >>> from ocisize.oci.reference import parse_reference
    >>> login = StoredLogin(parse_reference("registry.io/app"), {"HOME": "/nowhere", "XDG_RUNTIME_DIR": "/nowhere"})
    >>> login.credentials, login.problems
    (None, ())
    """

    def __init__(self, reference: Reference, environment: Mapping[str, str] | None = None) -> None:
        self.problems: tuple[str, ...] = ()  #: complete once ``credentials`` was read
        self.remedies: tuple[str, ...] = ()  #: how to solve the problems, as far as that is known
        self.absent: tuple[str, ...] = ()  #: files that variables name and that do not exist, which is no problem by itself
        self._reference, self._environment = reference, environment
        self._found: Credentials | None = None
        self._searched = False
        self._lock = threading.Lock()

    @property
    def credentials(self) -> Credentials | None:
        """The credentials, None if there are none; the first access runs a credential helper if there is one."""
        with self._lock:
            if not self._searched:
                self._found = self._search()
                self._searched = True
        return self._found

    def _search(self) -> Credentials | None:
        registry = self._reference.registry
        for place in list_places(os.environ if self._environment is None else self._environment):
            try:
                config = read_config(place)
            except AuthenticationFailed as error:
                self._add_problem(error)
                continue
            if config is None:
                _log.debug("credentials: %s does not exist", place.name)
                if place.variable and not os.path.lexists(place.name):
                    self.absent += (f"{place.name}, named by {place.variable}, does not exist",)
            elif (found := self._search_config(config)) is not None:
                _log.info("credentials for %s: %s", registry, found.name)
                return found
            else:
                _log.debug("credentials: %s has none for %s", place.name, registry)
        _log.info("no credentials for %s: requests are anonymous", registry)
        return None

    def _search_config(self, config: Config) -> Credentials | None:
        if helper := find_helper(config, self._reference.registry):
            _log.debug("credentials: %s names the helper docker-credential-%s", config.name, helper)
            try:
                registry = self._reference.registry
                if (credentials := ask_helper(helper, registry, config.name)) is not None:
                    return evolve(credentials, renewal=config.renewal(registry))
            except AuthenticationFailed as error:
                self._add_problem(error)
        try:
            return find_entry(config, self._reference)
        except AuthenticationFailed as error:
            self._add_problem(error)
            return None

    def _add_problem(self, error: AuthenticationFailed) -> None:
        _log.info("%s", error)
        self.problems += (str(error),)
        self.remedies += (error.hint,) if error.hint else ()


def find_credentials(reference: Reference, environment: Mapping[str, str] | None = None) -> Credentials | None:
    """Return the credentials for the registry of a reference, None if there are none.

    ``environment`` takes the place of the process's environment. Raises AuthenticationFailed if none are found and a file or
    a helper is broken.
    """
    login = StoredLogin(reference, environment)
    if login.credentials is None and login.problems:
        raise AuthenticationFailed("; ".join(login.problems))
    return login.credentials
