"""daemon.json: the mirrors of Docker Hub that docker's engine is configured with, and its insecure registries.

Format: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ocisize.errors import RegistryError
from ocisize.oci.reference import split_host
from ocisize.sources.registry.messages import sanitize
from ocisize.sources.registry.settings.machine import exists
from ocisize.values import frozen


@frozen
class DockerMirror:
    """A mirror of Docker Hub."""

    host: str  #: with its port
    plain_http: bool


@frozen
class DaemonSettings:
    """What the file says of registries."""

    file: Path
    mirrors: tuple[DockerMirror, ...] = ()
    insecure: tuple[str, ...] = ()  #: ``host[:port]``, or a network in CIDR notation

    def is_insecure(self, registry: str) -> bool:
        """Return True if the file lists a registry (``host[:port]``) as insecure."""
        host = split_host(registry)[0].strip("[]")
        for entry in self.insecure:
            if registry == entry:
                return True
            try:
                if "/" in entry and ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
        return False


def read_daemon_settings(files: Iterable[Path]) -> DaemonSettings | None:
    """Return the settings of the first file that exists, None without any.

    Raises RegistryError, which names the file, for what is no JSON or has another form.
    """
    file = next(filter(exists, files), None)
    if file is None:
        return None
    try:
        text = file.read_text("utf-8-sig")
        document = json.loads(text) if text.strip() else {}  # docker takes an empty file for no settings
        mirrors = [_parse_mirror(text) for text in _strings(document, "registry-mirrors")]
        return DaemonSettings(file, tuple(mirrors), tuple(_strings(document, "insecure-registries")))
    except OSError as error:
        raise RegistryError(f"{file}: {error.strerror or error}", hint="ignore it with --no-mirrors") from None
    except (ValueError, TypeError, RecursionError) as error:  # a JSONDecodeError names the line
        raise RegistryError(f"{file}: {error}", hint="correct the file, or ignore it with --no-mirrors") from None


def _parse_mirror(text: str) -> DockerMirror:
    text = text if "://" in text else f"https://{text}"
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.path.strip("/") or url.query:
        raise ValueError(f"registry-mirrors: {sanitize(text)!r} is not the URL of a host")
    return DockerMirror(url.netloc, url.scheme == "http")


def _strings(document: Any, key: str) -> list[str]:
    if not isinstance(document, dict):
        raise TypeError("expected an object")
    values = document.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{key}: expected an array of strings")
    return values
