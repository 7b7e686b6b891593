"""Where the image of a reference is read from: mirrors first, then the registry itself.

A table of ``registries.conf`` decides as in podman and skopeo. If no table names mirrors of a Docker Hub image, those of
docker's ``daemon.json`` come first, as in docker.
"""

from __future__ import annotations

from pathlib import Path

from ocisize.errors import RegistryError
from ocisize.oci.reference import DOCKER_HUB, Reference
from ocisize.sources.registry.settings.docker_daemon import read_daemon_settings
from ocisize.sources.registry.settings.machine import Machine
from ocisize.sources.registry.settings.registries_conf import Pulls, RegistryTable, find_table
from ocisize.values import evolve, frozen


@frozen
class Endpoint:
    """A place to read an image from."""

    reference: Reference  #: how the image is named there
    named_by: Path | None = None  #: the file of settings that names this place; None for the reference itself
    is_mirror: bool = False
    plain_http: bool | None = None  #: True and False: the settings say so; None: as the connection says
    insecure: bool = False  #: the settings allow plain http and any certificate


def find_endpoints(reference: Reference, machine: Machine) -> list[Endpoint]:
    """Return the places to read an image from, in the order in which to try them; the registry itself is the last.

    Raises RegistryError for blocked images and for files of settings that cannot be read.
    """
    table = find_table(reference, machine.registries_files())
    if table is not None and table.blocked:
        raise RegistryError(
            f"{reference}: {table.file} blocks {table.prefix}", hint="ignore the file with --no-mirrors, or change the file"
        )
    endpoints = _of_table(reference, table) if table else [Endpoint(reference)]
    if reference.registry == DOCKER_HUB and not (table and table.mirrors):
        endpoints = [*_of_docker(reference, machine), *endpoints]
    return endpoints


def _of_table(reference: Reference, table: RegistryTable) -> list[Endpoint]:
    unwanted = Pulls.TAGS if reference.digest else Pulls.DIGESTS
    endpoints = [
        Endpoint(table.rewrite(reference, mirror), table.file, is_mirror=True, insecure=mirror.insecure)
        for mirror in table.mirrors
        if mirror.pulls is not unwanted
    ]
    own = table.rewrite(reference, table.location)
    moved = table.file if own != reference or table.location.insecure else None
    return [*endpoints, Endpoint(own, moved, insecure=table.location.insecure)]


def _of_docker(reference: Reference, machine: Machine) -> list[Endpoint]:
    settings = read_daemon_settings(machine.docker_daemon_files())
    if settings is None:
        return []
    return [
        Endpoint(
            evolve(reference, registry=mirror.host),
            settings.file,
            is_mirror=True,
            plain_http=mirror.plain_http,
            insecure=settings.is_insecure(mirror.host),
        )
        for mirror in settings.mirrors
    ]


def find_insecure_setting(registry: str, machine: Machine) -> Path | None:
    """Return the file that marks a registry (``host[:port]``) as insecure for docker or podman, None without one."""
    try:
        settings = read_daemon_settings(machine.docker_daemon_files())
        if settings is not None and settings.is_insecure(registry):
            return settings.file
        table = find_table(Reference(registry, "x", None, None), machine.registries_files())
    except RegistryError:
        return None
    return table.file if table is not None and table.location.insecure else None
