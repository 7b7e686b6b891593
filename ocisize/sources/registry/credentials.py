"""Credentials in the files and helpers of docker, podman and skopeo.

The first file with an entry for the registry wins: ``$DOCKER_CONFIG/config.json`` (``~/.docker``), then
``$REGISTRY_AUTH_FILE``, ``$XDG_RUNTIME_DIR/containers/auth.json``, ``~/.config/containers/auth.json``. In a file, a
credential helper wins over stored entries, and the longest matching ``host/namespace`` over shorter ones. Formats:
https://docs.docker.com/reference/cli/docker/login/ and
https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any

import attrs

from ocisize.errors import AuthenticationFailed
from ocisize.oci.reference import DOCKER_HUB, Reference

_HUB_KEY = "https://index.docker.io/v1/"
_HUB_KEYS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_HELPER_SECONDS = 30
_TOKEN_USER = "<token>"  # noqa: S105 - the user name by which a helper marks an identity token
_log = logging.getLogger(__name__)


@attrs.frozen
class Credentials:
    """A password or a token for a registry; secrets do not appear in the repr.

    >>> Credentials("user", "word")
    Credentials(username='user')
    """

    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    identity_token: str | None = attrs.field(default=None, repr=False)
    registry_token: str | None = attrs.field(default=None, repr=False)

    @property
    def basic(self) -> str | None:
        """The value of a Basic authorization header."""
        if self.username is None or self.password is None:
            return None
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def find_credentials(reference: Reference, environment: Mapping[str, str] | None = None) -> Credentials | None:
    """Return the credentials for the registry of a reference, None if there are none.

    ``environment`` takes the place of the process's environment. Raises AuthenticationFailed if a file or a helper is
    broken.
    """
    for path in _config_files(os.environ if environment is None else environment):
        if not os.path.isfile(path):  # noqa: PTH113 - never raises
            _log.debug("credentials: %s does not exist", path)
        elif (credentials := _from_file(path, reference)) is not None:
            return credentials
        else:
            _log.debug("credentials: %s has none for %s", path, reference.registry)
    _log.info("no credentials for %s: requests are anonymous", reference.registry)
    return None


def _config_files(environment: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - Path.home() may raise
    docker = environment.get("DOCKER_CONFIG")
    yield (Path(docker) if docker else home / ".docker") / "config.json"
    if auth_file := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(auth_file)
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"
    config_home = environment.get("XDG_CONFIG_HOME")
    yield (Path(config_home) if config_home else home / ".config") / "containers" / "auth.json"


def _from_file(path: Path, reference: Reference) -> Credentials | None:
    try:
        config = json.loads(path.read_bytes())
        helpers, auths = config.get("credHelpers") or {}, config.get("auths") or {}
        store = config.get("credsStore")
        helper = next((name for key, name in helpers.items() if _key(key) == reference.registry), store) or ""
        _require(dict, auths)
        _require(str, helper)
    except (ValueError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise AuthenticationFailed(f"cannot read credentials from {path}: {type(error).__name__}") from None
    if helper and (credentials := _from_helper(helper, reference.registry)) is not None:
        _log.info("credentials for %s from the helper docker-credential-%s, named in %s", reference.registry, helper, path)
        return credentials
    wanted = f"{reference.registry}/{reference.repository}"
    matching = [key for key in auths if (key_path := _key(key)) == wanted or wanted.startswith(f"{key_path}/")]
    for key in sorted(matching, key=lambda key: len(_key(key)), reverse=True):
        if (credentials := _from_entry(auths[key], path)) is not None:
            _log.info("credentials for %s from %s", reference.registry, path)
            return credentials
    return None


def _key(key: str) -> str:
    """Return the key of an entry without scheme and API suffix: ``https://index.docker.io/v1/`` is ``docker.io``."""
    name = key.partition("://")[2] or key
    for suffix in ("/v1/", "/v2/", "/v1", "/v2", "/"):
        name = name.removesuffix(suffix)
    host, slash, namespace = name.partition("/")
    return f"{DOCKER_HUB if host in _HUB_KEYS else host}{slash}{namespace}"


def _from_entry(entry: Any, path: Path) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    username, password = entry.get("username"), entry.get("password")
    if auth := entry.get("auth"):
        try:
            username, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, TypeError, ValueError):
            colon = ""
        if not colon:
            raise AuthenticationFailed(f"{path} has an entry whose auth is not base64 of user:password")
    identity, token = entry.get("identitytoken"), entry.get("registrytoken")
    try:
        _require(str | None, username, password, identity, token)
    except TypeError:
        raise AuthenticationFailed(f"{path} has an entry whose fields are not strings") from None
    if not (username or identity or token):
        return None
    return Credentials(username or None, (password or "").rstrip("\0") if username else None, identity, token)


def _from_helper(suffix: str, registry: str) -> Credentials | None:
    server = _HUB_KEY if registry == DOCKER_HUB else registry
    command = f"docker-credential-{suffix}"
    if os.sep in suffix:
        raise AuthenticationFailed(f"{command!r} is not the name of a credential helper")
    try:
        result = subprocess.run(  # noqa: S603 - the user's own docker config names the helper, as docker does it
            [command, "get"], input=server.encode(), capture_output=True, timeout=_HELPER_SECONDS, check=False
        )
        if result.returncode != 0:
            if b"credentials not found" in result.stdout + result.stderr:
                return None
            raise AuthenticationFailed(f"credential helper {command} failed with status {result.returncode}")
        answer = json.loads(result.stdout)
        username, secret = answer["Username"], answer["Secret"]
        _require(str, username, secret)
    except FileNotFoundError:
        raise AuthenticationFailed(f"credential helper {command} is configured but not installed") from None
    except subprocess.TimeoutExpired:
        raise AuthenticationFailed(f"credential helper {command} did not answer within {_HELPER_SECONDS} s") from None
    except OSError as error:
        raise AuthenticationFailed(f"credential helper {command} cannot be run: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AuthenticationFailed(f"credential helper {command} returned an invalid answer") from None
    if not secret:
        return None
    return Credentials(identity_token=secret) if username == _TOKEN_USER else Credentials(username, secret)


def _require(kind: type | UnionType, *values: object) -> None:
    """Raise a TypeError that repeats no value unless all values are of this type."""
    if not all(isinstance(value, kind) for value in values):
        raise TypeError
