"""Machine: where docker and the containers tools (podman, skopeo, buildah) keep their settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ocisize.values import field, frozen

ETC = Path("/etc")  #: the folder of the settings for all users


def _environment() -> Mapping[str, str]:
    return os.environ


@frozen
class Machine:
    """The folders of settings and the environment variables; tests give others.

    >>> machine = Machine(environment={"HOME": "/home/ann"}, etc=Path("/etc"))
    >>> [path.as_posix() for path in machine.certificate_folders("reg.io:5000")][:2]
    ['/home/ann/.config/containers/certs.d/reg.io:5000', '/home/ann/.config/docker/certs.d/reg.io:5000']
    """

    environment: Mapping[str, str] = field(factory=_environment)
    etc: Path = field(factory=lambda: ETC)

    @property
    def home(self) -> Path:
        """The home folder of the user."""
        return Path(self.environment.get("HOME") or os.path.expanduser("~"))  # noqa: PTH111 - Path.home() may raise

    def certificate_folders(self, registry: str) -> list[Path]:
        """Return the folders that may hold certificates for a registry (``host[:port]``), the user's first.

        Sources: containers-certs.d(5), https://docs.docker.com/engine/security/certificates/.
        """
        config = self.home / ".config"
        parents = (config / "containers", config / "docker", self.etc / "containers", self.etc / "docker")
        return [parent / "certs.d" / registry for parent in parents]

    def docker_daemon_files(self) -> list[Path]:
        """Return the paths of ``daemon.json`` in docker's rootless mode, in Docker Desktop, and for all users."""
        return [
            self.home / ".config" / "docker" / "daemon.json",
            self.home / ".docker" / "daemon.json",
            self.etc / "docker" / "daemon.json",
        ]

    def registries_files(self) -> list[Path]:
        """Return the existing files of ``registries.conf`` in the order in which later ones override earlier ones.

        ``$CONTAINERS_REGISTRIES_CONF`` names the first file, which then must exist. Sources: containers-registries.conf(5),
        containers-registries.conf.d(5).
        """
        named = self.environment.get("CONTAINERS_REGISTRIES_CONF")
        user, system = self.home / ".config" / "containers", self.etc / "containers"
        if named:
            return [Path(named), *_drop_ins(system), *_drop_ins(user)]
        if exists(user / "registries.conf"):
            return [user / "registries.conf", *_drop_ins(user)]
        first = [system / "registries.conf"] if exists(system / "registries.conf") else []
        return [*first, *_drop_ins(system), *_drop_ins(user)]


def _drop_ins(folder: Path) -> list[Path]:
    return [path for path in list_folder(folder / "registries.conf.d") if path.suffix == ".conf" and exists(path)]


def exists(path: Path) -> bool:
    """Return True if a path is a file that may be read, without raising an error."""
    return os.path.isfile(path) and os.access(path, os.R_OK)  # noqa: PTH113 - never raises


def list_folder(folder: Path) -> list[Path]:
    """Return the paths in a folder by name; nothing of a folder that cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
