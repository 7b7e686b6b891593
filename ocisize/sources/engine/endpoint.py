"""Where an engine listens: the addresses that docker and podman are configured with, and their default sockets."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ocisize.errors import SourceError
from ocisize.text import printable
from ocisize.values import frozen

_MAX_DOCUMENT = 1 << 20  # bytes of a configuration
_DEFAULT = "default"  # the context that is none
_TCP_PORT, _TLS_PORT = 2375, 2376
_DOCKER_SOCKET = "/var/run/docker.sock"
#: sockets of rootless docker, Docker Desktop, colima, Rancher Desktop and OrbStack; ~ is the home folder
_DOCKER_SOCKETS = (
    _DOCKER_SOCKET, "{run}/docker.sock", "~/.docker/run/docker.sock", "~/.docker/desktop/docker.sock",
    "~/.colima/default/docker.sock", "~/.rd/docker.sock", "~/.orbstack/run/docker.sock",
)  # fmt: skip
_PODMAN_SOCKET = "/run/podman/podman.sock"
_PODMAN_SOCKETS = ("{run}/podman/podman.sock", _PODMAN_SOCKET, "~/.local/share/containers/podman/machine/podman.sock")


@frozen
class TlsFiles:
    """The certificates for a connection with TLS; a file that does not exist is not used."""

    folder: Path | None  #: with ``ca.pem``, ``cert.pem`` and ``key.pem``; None: the authorities of the system, no client key
    verify: bool  #: False: whoever answers is taken for the engine


@frozen
class Endpoint:
    """Where an engine listens."""

    address: str  #: as messages show it
    socket: str | None = None  #: path of a Unix socket
    host: str = ""
    port: int = 0
    tls: TlsFiles | None = None


@frozen
class Engine:
    """An engine that has images: how it is found, and what helps where it is not."""

    scheme: str
    title: str  #: in the middle of a sentence
    find: Callable[[Mapping[str, str]], Endpoint]
    save: str  #: the command that writes an image to standard output
    absent_hint: str
    denied_hint: str
    compresses: bool = False  #: it compresses the layers of an OCI archive when it saves them


def find_docker(environment: Mapping[str, str]) -> Endpoint:
    """Return where the Docker engine listens: by ``DOCKER_HOST``, the context of docker, or the first default socket.

    Raises SourceError for an address of another kind than a Unix socket or TCP, and for a context that does not exist.

    >>> find_docker({"DOCKER_HOST": "unix:///tmp/docker.sock"}).socket
    '/tmp/docker.sock'
    >>> find_docker({"DOCKER_HOST": "tcp://build:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"}).tls.verify
    True
    """
    folder = Path(environment.get("DOCKER_CONFIG") or _home(environment) / ".docker")
    if address := environment.get("DOCKER_HOST"):
        return parse_address(address, "DOCKER_HOST", tls=_tls_of(environment, folder), save="docker save")
    context = environment.get("DOCKER_CONTEXT") or _read_json(folder / "config.json").get("currentContext")
    if context and context != _DEFAULT:
        return _read_context(folder / "contexts", str(context))
    return _first_socket(_DOCKER_SOCKETS, _DOCKER_SOCKET, environment)


def find_podman(environment: Mapping[str, str]) -> Endpoint:
    """Return where podman's service listens: by ``CONTAINER_HOST``, or the first default socket; raises SourceError.

    >>> find_podman({"CONTAINER_HOST": "unix:///tmp/podman.sock"}).socket
    '/tmp/podman.sock'
    """
    if address := environment.get("CONTAINER_HOST"):
        return parse_address(address, "CONTAINER_HOST", tls=None, save="podman save")
    sockets = _PODMAN_SOCKETS if os.geteuid() else (_PODMAN_SOCKET, *_PODMAN_SOCKETS)
    return _first_socket(sockets, sockets[0], environment)


DOCKER = Engine(
    "docker-daemon",
    "the Docker engine",
    find_docker,
    "docker save",
    absent_hint="start the engine, or say where it listens: DOCKER_HOST, DOCKER_CONTEXT",
    denied_hint="become a member of the group docker, which is as powerful as root, or: sudo docker save {name} | ocisize -",
)
PODMAN = Engine(
    "podman",
    "podman's service",
    find_podman,
    "podman save",
    absent_hint="podman save {name} | ocisize - needs no service; this starts it: systemctl --user start podman.socket, or "
    "podman system service --time 0",
    denied_hint="as the user who has the image: podman save {name} | ocisize -",
    compresses=True,
)


def parse_address(text: str, origin: str, *, tls: TlsFiles | None, save: str) -> Endpoint:
    """Return the endpoint of an address; ``origin`` is what names it, ``save`` the command that works instead.

    >>> parse_address("tcp://10.0.0.5", "DOCKER_HOST", tls=None, save="docker save")
    Endpoint(address='tcp://10.0.0.5:2375', socket=None, host='10.0.0.5', port=2375, tls=None)
    >>> parse_address("ssh://build", "DOCKER_HOST", tls=None, save="docker save")
    Traceback (most recent call last):
    ocisize.errors.SourceError: DOCKER_HOST is ssh://build, and ocisize does not use ssh
    """
    scheme, separator, rest = text.partition("://")
    if scheme == "unix" and rest.startswith("/"):
        return Endpoint(text, socket=rest)
    if scheme in ("tcp", "http", "https") and separator:
        return _parse_tcp(text, origin, TlsFiles(None, verify=True) if scheme == "https" and tls is None else tls)
    shown = _without_password(text)
    hint = f"pipe the image instead: {save} NAME | ocisize -"
    if scheme in ("ssh", "npipe"):
        what = "ssh" if scheme == "ssh" else "named pipes of Windows"
        raise SourceError(f"{origin} is {shown}, and ocisize does not use {what}", hint=hint)
    raise SourceError(f"{origin} is {shown}, expected unix:///PATH or tcp://HOST:PORT", hint=hint)


def _without_password(text: str) -> str:
    """Return an address without what is in front of its host, as an error shows it.

    >>> _without_password("ssh://user:secret@build"), _without_password("10.0.0.5")
    ('ssh://build', '10.0.0.5')
    """
    scheme, separator, rest = text.rpartition("://")
    return printable(f"{scheme}{separator}{rest.rpartition('@')[2]}")


def _parse_tcp(text: str, origin: str, tls: TlsFiles | None) -> Endpoint:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise SourceError(f"{origin} is {_without_password(text)}, expected tcp://HOST:PORT")
    port = port or (_TLS_PORT if tls is not None else _TCP_PORT)
    shown = f"[{host}]" if ":" in host else host
    return Endpoint(f"tcp://{shown}:{port}", host=host, port=port, tls=tls)


def _tls_of(environment: Mapping[str, str], folder: Path) -> TlsFiles | None:
    """Return the certificates that the variables of docker name; any value but an empty one turns TLS on."""
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    if not verify and not environment.get("DOCKER_TLS"):
        return None
    return TlsFiles(Path(environment.get("DOCKER_CERT_PATH") or folder), verify=verify)


def _read_context(folder: Path, name: str) -> Endpoint:
    """Return the endpoint of a context of docker; files: https://docs.docker.com/engine/manage-resources/contexts/."""
    key = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    document = _read_json(folder / "meta" / key / "meta.json")
    endpoints = document.get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    shown = printable(name)
    if not isinstance(endpoint, dict):
        raise SourceError(f"the context {shown} of docker is not in {folder}", hint="docker context ls lists them")
    files = folder / "tls" / key / "docker"
    tls = TlsFiles(files, verify=endpoint.get("SkipTLSVerify") is not True) if files.is_dir() else None
    address = str(endpoint.get("Host") or f"unix://{_DOCKER_SOCKET}")
    return parse_address(address, f"the address of the context {shown}", tls=tls, save="docker save")


def _read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, an empty one if there is no file; raise SourceError for a broken one."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MAX_DOCUMENT))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise SourceError(f"{path} is not valid JSON") from None
    return document if isinstance(document, dict) else {}


def _first_socket(paths: Sequence[str], default: str, environment: Mapping[str, str]) -> Endpoint:
    """Return the first socket that this user may use, else the first that exists, else the default."""
    home, run = str(_home(environment)), environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    full = [path.replace("~", home, 1).replace("{run}", run) for path in paths]
    existing = [path for path in full if os.path.exists(path)]  # noqa: PTH110 - never raises
    usable = [path for path in existing if os.access(path, os.R_OK | os.W_OK)]
    path = next(iter([*usable, *existing]), default.replace("{run}", run))
    return Endpoint(f"unix://{path}", socket=path)


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - never raises
