"""The certificates that docker and the containers tools keep for one registry: ``certs.d/HOST[:PORT]``.

``*.crt`` are authorities, ``NAME.cert`` and ``NAME.key`` a client certificate and its key. Sources: containers-certs.d(5),
https://docs.docker.com/engine/security/certificates/.
"""

from __future__ import annotations

import logging
from pathlib import Path

from ocisize.errors import RegistryError
from ocisize.sources.registry.settings.machine import Machine, list_folder
from ocisize.values import frozen

_log = logging.getLogger(__name__)


@frozen
class HostCertificates:
    """Files of certificates for one registry host, and for no other."""

    authorities: tuple[Path, ...] = ()
    client: tuple[Path, Path | None] | None = None
    """The certificate of this client, and its key if it is in another file."""


def find_certificates(registry: str, machine: Machine) -> HostCertificates:
    """Return the certificates that the first folder with any has for a registry (``host[:port]``).

    Raises RegistryError for a client certificate without its key, and for a key without its certificate.
    """
    for folder in machine.certificate_folders(registry):
        found = _read_folder(folder)
        if found != HostCertificates():
            _log.info("certificates for %s from %s", registry, folder)
            return found
        _log.debug("certificates: %s has none", folder)
    return HostCertificates()


def _read_folder(folder: Path) -> HostCertificates:
    files = {path.name: path for path in list_folder(folder) if path.is_file()}
    pairs = []
    for path in files.values():
        partner = {".cert": ".key", ".key": ".cert"}.get(path.suffix)
        if partner is None:
            continue
        if path.with_suffix(partner).name not in files:
            what = "client certificate without its key" if partner == ".key" else "key without its client certificate"
            raise RegistryError(
                f"{path}: {what}, {path.with_suffix(partner).name}",
                hint="certificates of authorities have names that end in .crt",
            )
        if path.suffix == ".cert":
            pairs.append((path, files[path.with_suffix(".key").name]))
    authorities = tuple(path for path in files.values() if path.suffix == ".crt")
    return HostCertificates(authorities, pairs[0] if pairs else None)
