"""Build images by buildah and by dockerd, with the storage that real builds use, and save them for ocisize.

Both keep all they store below one folder, so that nothing else on the machine is touched.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import attrs

from layouts import write_layout

ENVIRONMENT = {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
START_SECONDS = 30  #: for dockerd to answer


class BuildFailed(Exception):
    """A build or another command failed. The message is the end of its output."""


def run(command: Sequence[str | Path], log: Path | None = None, **environment: str) -> str:
    """Standard output of a command at low priority; all output goes to ``log``, which is read if the command fails."""
    process = subprocess.run(
        ["nice", *map(str, command)], capture_output=True, text=True, check=False,
        env={**os.environ, **ENVIRONMENT, **environment}, errors="replace",
    )  # fmt: skip
    output = process.stdout + process.stderr
    if log is not None:
        log.write_text(output)
    if process.returncode:
        raise BuildFailed(f"{' '.join(map(str, command))}: status {process.returncode}\n{output[-2000:].strip()}")
    return process.stdout


@attrs.frozen
class Saved:
    """An image in the form that a user of the builder hands to ocisize, and as a layout with gzip layers."""

    image: str  #: for ocisize
    layout: Path


class Builder(Protocol):
    """Builds a Dockerfile and its context."""

    name: str

    def version(self) -> str: ...

    def build(self, context: Path, dockerfile: Path, tag: str, arguments: Sequence[str], log: Path) -> None: ...

    def save(self, tag: str, folder: Path) -> Saved: ...

    def has(self, tag: str) -> bool: ...


@attrs.frozen
class Buildah:
    """``buildah build`` on overlayfs; ``layers`` makes a layer of each instruction, else one of all."""

    folder: Path
    layers: bool = True

    @property
    def name(self) -> str:
        return "buildah" if self.layers else "buildah-one-layer"

    def _command(self, *words: str | Path) -> list[str | Path]:
        store = ["--root", self.folder / "root", "--runroot", self.folder / "run", "--storage-driver", "overlay"]
        return ["buildah", *store, *words]

    def version(self) -> str:
        return run(["buildah", "--version"]).split()[2]

    def build(self, context: Path, dockerfile: Path, tag: str, arguments: Sequence[str], log: Path) -> None:
        layers = ["--layers"] if self.layers else ["--layers=false"]
        options = [*layers, "--isolation", "chroot", "--pull-never", "--format", "oci", *arguments]
        run(self._command("build", *options, "-f", dockerfile, "-t", f"localhost/{tag}", context), log)

    def save(self, tag: str, folder: Path) -> Saved:
        archive, layout = folder / "image.tar", folder / "layout"
        self.export(tag, archive)
        write_layout(archive, layout, self.folder.parent / "layers")
        archive.unlink()
        return Saved(str(layout), layout)

    def has(self, tag: str) -> bool:
        return bool(run(self._command("images", "--quiet", "--filter", f"reference=localhost/{tag}")).strip())

    def export(self, tag: str, archive: Path) -> None:
        """Save an image as a docker-archive that dockerd loads under the same tag."""
        archive.unlink(missing_ok=True)
        run(self._command("push", "--quiet", f"localhost/{tag}", f"docker-archive:{archive}:{tag}"))


@attrs.define
class Docker:
    """``docker build`` by a dockerd of its own on overlay2, by BuildKit or by the classic builder."""

    folder: Path
    buildkit: bool = True
    _daemon: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return "docker-buildkit" if self.buildkit else "docker-classic"

    @property
    def _socket(self) -> Path:
        return self.folder / "docker.sock"

    def start(self) -> None:
        """Start dockerd, without network interfaces and firewall rules of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        folders = [
            f"--{option}={self.folder / name}"
            for option, name in (("data-root", "data"), ("exec-root", "exec"), ("pidfile", "pid"))
        ]
        options = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=overlay2"]
        with (self.folder / "dockerd.log").open("wb") as log:
            self._daemon = subprocess.Popen(
                ["dockerd", *folders, *options, "-H", f"unix://{self._socket}"], stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._daemon.poll() is not None:
                break
            try:
                self._docker("version")
            except BuildFailed:
                time.sleep(0.3)
            else:
                return
        self.stop()
        raise BuildFailed("dockerd does not start:\n" + (self.folder / "dockerd.log").read_text()[-2000:])

    def stop(self) -> None:
        """Stop the dockerd that ``start`` started."""
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(START_SECONDS)
            self._daemon = None

    def _docker(self, *words: str | Path, log: Path | None = None) -> str:
        # Debian's client: it runs BuildKit inside dockerd, which newer clients leave to a plugin
        client = "/usr/bin/docker"
        return run(
            [client, *words], log, DOCKER_HOST=f"unix://{self._socket}", DOCKER_BUILDKIT=str(int(self.buildkit)),
            BUILDKIT_PROGRESS="plain", DOCKER_CONFIG=str(self.folder / "config"),
        )  # fmt: skip

    def version(self) -> str:
        return self._docker("version", "--format", "{{.Server.Version}}").strip()

    def build(self, context: Path, dockerfile: Path, tag: str, arguments: Sequence[str], log: Path) -> None:
        self._docker("build", "--network=host", *arguments, "-f", dockerfile, "-t", tag, context, log=log)

    def save(self, tag: str, folder: Path) -> Saved:
        archive, layout = folder / "docker.tar", folder / "layout"
        self._docker("save", "-o", archive, tag)
        write_layout(archive, layout, self.folder.parent / "layers")
        return Saved(str(archive), layout)

    def has(self, tag: str) -> bool:
        return bool(self._docker("images", "--quiet", tag).strip())

    def load(self, archive: Path) -> None:
        self._docker("load", "--quiet", "-i", archive)
