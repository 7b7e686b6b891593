"""The credential files of docker, podman, buildah and skopeo: where they are, and their entry for an image.

Formats: https://docs.docker.com/reference/cli/docker/login/ and
https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any

from ocisize.errors import AuthenticationFailed
from ocisize.oci.reference import DOCKER_HUB, Reference
from ocisize.sources.registry.hints import login_command
from ocisize.sources.registry.identity import Credentials
from ocisize.values import evolve, field, frozen

_HUB_KEYS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_API_SUFFIXES = ("/v1/", "/v2/", "/v1", "/v2", "/")  # that docker has written after a host
_RUN_FOLDER = Path("/run/containers")  # of podman's logins without XDG_RUNTIME_DIR
_MAX_CONFIG = 16 << 20  # bytes
_URL_SAFE = str.maketrans("-_", "+/")


@frozen
class Place:
    """Where credentials may be stored: a file, or the text of an environment variable."""

    name: str  #: as messages show it
    path: Path | None = None
    text: str | None = field(default=None, repr=False)
    legacy: bool = False  #: True for ``~/.dockercfg``, which has the entries at its top
    program: str = ""  #: whose ``login`` writes there, empty for a variable
    variable: str = ""  #: of the environment, that names the file or its folder

    def read(self) -> bytes | str | None:
        """Return the content, None if there is no file; raise OSError for a file that cannot be read.

        A file may be a pipe, as shells make it for ``REGISTRY_AUTH_FILE=<(command)``.
        """
        if self.path is None:
            return self.text
        if not os.path.exists(self.path) or os.path.isdir(self.path):  # noqa: PTH110, PTH112 - never raise
            return None
        with self.path.open("rb") as file:
            content = file.read(_MAX_CONFIG + 1)
        if len(content) > _MAX_CONFIG:
            raise OSError(errno.EFBIG, f"more than {_MAX_CONFIG} bytes")
        return content


@frozen
class Config:
    """The parts of a configuration that say where credentials are."""

    name: str  #: of the place
    auths: Mapping[str, Any] = field(repr=False)
    helpers: Mapping[str, Any]  #: registry → helper
    store: str  #: the helper for all other registries, empty for none
    legacy: bool
    program: str  #: whose ``login`` writes there, empty for none

    def renewal(self, key: str) -> str:
        """Return the command that replaces the login for ``host[/namespace]``, empty if there is none."""
        if "/" in key and self.program:  # docker knows whole hosts only
            return f"podman login --authfile {shlex.quote(self.name)} {key}"
        return login_command(key, self.program) if self.program else ""


def list_places(environment: Mapping[str, str]) -> Iterator[Place]:
    """Yield all places for credentials, in the order in which they are read.

    ``DOCKER_AUTH_CONFIG`` wins, as for docker 28; the files are in the order of skopeo and podman.
    """
    if text := environment.get("DOCKER_AUTH_CONFIG"):
        yield Place("DOCKER_AUTH_CONFIG", text=text)
    home = Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - Path.home() may raise
    runtime, config_home, docker = (
        environment.get(name) for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG")
    )
    if named := environment.get("REGISTRY_AUTH_FILE"):
        yield Place(named, Path(named), program="podman", variable="REGISTRY_AUTH_FILE")
    for path in (
        (Path(runtime) / "containers" if runtime else _RUN_FOLDER / str(os.getuid())) / "auth.json",
        (Path(config_home) if config_home else home / ".config") / "containers" / "auth.json",
    ):
        yield Place(str(path), path, program="podman")
    path = (Path(docker) if docker else home / ".docker") / "config.json"
    yield Place(str(path), path, program="docker", variable="DOCKER_CONFIG" if docker else "")
    yield Place(str(home / ".dockercfg"), home / ".dockercfg", legacy=True, program="docker")


def read_config(place: Place) -> Config | None:
    """Return the configuration of a place, None if the place is missing or empty.

    Raises AuthenticationFailed, without anything of the content, if the configuration cannot be understood.
    """
    try:
        data = place.read()
        if data is None or not data.strip():
            return None
        document = json.loads(data)
        auths = (document if place.legacy else document.get("auths")) or {}
        helpers = {} if place.legacy else document.get("credHelpers") or {}
        store = "" if place.legacy else document.get("credsStore") or ""
        _require(dict, auths, helpers)
        _require(str, store, *helpers.values())
    except OSError as error:
        raise AuthenticationFailed(f"{place.name} cannot be read: {error.strerror}") from None
    except (TypeError, AttributeError):
        raise AuthenticationFailed(f"{place.name} is not a configuration of docker or podman") from None
    except (ValueError, RecursionError):
        raise AuthenticationFailed(f"{place.name} is not valid JSON") from None
    return Config(place.name, auths, helpers, store, place.legacy, place.program)


def find_helper(config: Config, registry: str) -> str:
    """Return the name of the credential helper for a registry, empty for none."""
    wanted = _normalize_host(registry)
    named = (str(helper) for key, helper in config.helpers.items() if _normalize_key(key) == wanted)
    return next(named, config.store)


def find_entry(config: Config, reference: Reference) -> Credentials | None:
    """Return the stored entry for an image, None if there is none; longer keys win over shorter ones.

    Raises AuthenticationFailed, without anything of the entry, if the entry cannot be understood.
    """
    wanted = f"{_normalize_host(reference.registry)}/{reference.repository}"
    keys = {key: _normalize_key(key, legacy=config.legacy) for key in config.auths}
    matching = [key for key, name in keys.items() if wanted == name or wanted.startswith(f"{name}/")]
    for key in sorted(matching, key=lambda key: len(keys[key]), reverse=True):
        if (credentials := _read_entry(config.auths[key], config.name)) is not None:
            return evolve(credentials, renewal=config.renewal(keys[key]))
    return None


def _normalize_host(host: str) -> str:
    """Return a host in the form in which hosts are compared: lower case, without the port of https."""
    host = host.lower().removesuffix(":443")
    return DOCKER_HUB if host in _HUB_KEYS else host


def _normalize_key(key: str, *, legacy: bool = False) -> str:
    """Return the key of an entry as ``host[/namespace]``.

    A key with a scheme is for the whole host, as for docker and skopeo: ``https://index.docker.io/v1/`` is ``docker.io``.
    """
    scheme, mark, rest = key.partition("://")
    name = rest if mark else scheme
    for suffix in _API_SUFFIXES:
        name = name.removesuffix(suffix)
    host, slash, namespace = name.partition("/")
    if mark or legacy or not namespace:
        return _normalize_host(host)
    return f"{_normalize_host(host)}{slash}{namespace}"


def _read_entry(entry: Any, file: str) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    username, password = entry.get("username"), entry.get("password")
    if auth := entry.get("auth"):
        username, password = _decode_pair(auth, file)
    identity, token = entry.get("identitytoken"), entry.get("registrytoken")
    try:
        _require(str | None, username, password, identity, token)
    except TypeError:
        raise AuthenticationFailed(f"{file} has an entry whose fields are not strings") from None
    if not (username or identity or token):
        return None
    password = (password or "").rstrip("\0") if username else None
    return Credentials(username or None, password, identity or None, token or None, name=f"the login in {file}")


def _decode_pair(auth: Any, file: str) -> tuple[str, str]:
    """Split ``base64(user:password)``.

    Go ignores line breaks in base64. Blanks, missing padding and the alphabet for URLs are also unambiguous.
    """
    try:
        text = "".join(auth.split()).translate(_URL_SAFE).rstrip("=")
        pair = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode(errors="surrogateescape")
        username, colon, password = pair.partition(":")
    except (ValueError, AttributeError, TypeError):  # binascii's error is a ValueError
        colon = ""
    if not colon:
        raise AuthenticationFailed(f"{file} has an entry whose auth is not base64 of user:password")
    return username, password


def _require(kind: type | UnionType, *values: object) -> None:
    """Raise a TypeError that repeats no value unless all values are of this type."""
    if not all(isinstance(value, kind) for value in values):
        raise TypeError
