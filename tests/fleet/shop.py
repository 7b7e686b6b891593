"""The fleet of the samples on docs/fleet.md: the images of a shop, today and a week ago.

``python -m tests.fleet.shop FOLDER`` writes two layouts into the folder: ``shop`` has all images, ``last-week`` those that were
there a week before.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.fleets import Tagged, tagged, write_fleet
from tests.images import BuiltLayer, Entry, File, build_image, layer

_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"


def shop() -> list[Tagged]:
    """Three services in several versions, on two versions of a base image, which is there, too."""
    old, new = _base("12.1", "3.0.11-1", "252.30"), _base("12.2", "3.0.13-1", "252.30")
    python, node = _runtime("python3.11", 520_000), _runtime("node20", 640_000)
    api = [
        _wheels("api", {"requests": "2.31.0", "numpy": "1.26.4"}),
        _wheels("api", {"requests": "2.32.3", "numpy": "1.26.4"}),
    ]
    worker = _wheels("worker", {"requests": "2.31.0", "pandas": "2.2.0"})
    web = _modules("web")
    release = _Release
    releases = [
        release("base", "12.1", "2026-09-01", old, ["ADD rootfs.tar.xz /", "RUN apt-get install -y ca-certificates"]),
        release("base", "12.2", "2026-11-20", new, ["ADD rootfs.tar.xz /", "RUN apt-get install -y ca-certificates"]),
        release("api", "1.0", "2026-09-10", [*old, python, api[0], _app("api", 1)]),
        release("api", "1.1", "2026-10-08", [*old, python, api[0], _app("api", 2)]),
        release("api", "1.2", "2026-11-02", [*old, python, api[1], _app("api", 3)]),
        release("api", "2.0", "2026-11-24", [*new, python, api[1], _app("api", 4)]),
        release("web", "1.0", "2026-09-12", [*old, node, web, _app("web", 1)]),
        release("web", "1.1", "2026-10-20", [*old, node, web, _app("web", 2)]),
        release("web", "2.0", "2026-11-25", [*new, node, web, _app("web", 3)]),
        release("worker", "1.0", "2026-09-15", [*old, python, worker, _app("worker", 1)]),
        release("worker", "1.1", "2026-10-21", [*old, python, worker, _app("worker", 2)], compression="zstd"),
        release("worker", "1.2", "2026-11-10", [*old, python, worker, _app("worker", 3)]),
    ]  # fmt: skip
    return [made.build() for made in releases]


def last_week(tags: Sequence[Tagged]) -> list[Tagged]:
    """The images that were there before the new base."""
    new = {("base", "12.2"), ("api", "2.0"), ("web", "2.0")}
    return [tag for tag in tags if (tag.repository, tag.tag) not in new]


class _Release:
    def __init__(
        self,
        repository: str,
        tag: str,
        date: str,
        layers: Sequence[BuiltLayer],
        steps: Sequence[str] = (),
        compression: str = "gzip",
    ) -> None:
        self.repository, self.tag, self.layers, self.compression = repository, tag, layers, compression
        install = "RUN npm ci" if repository == "web" else "RUN pip install -r requirements.txt"
        runtime = "RUN install node 20" if repository == "web" else "RUN install python 3.11"
        names = list(steps) or [
            "ADD rootfs.tar.xz /",
            "RUN apt-get install -y ca-certificates",
            runtime,
            install,
            "COPY . /srv",
        ]
        self.created = f"{date}T08:00:00Z"
        self.history = [{"created_by": name, "created": self.created} for name in names]

    def build(self) -> Tagged:
        image = build_image(self.layers, history=self.history, config={"created": self.created})
        return tagged(self.repository, self.tag, image if self.compression == "gzip" else image.recompressed("zstd"))


def _base(version: str, libssl: str, systemd: str) -> list[BuiltLayer]:
    """The system with its database of packages, and certificates with the cache of apt."""
    packages: dict[str, tuple[str, Mapping[str, Entry]]] = {
        "bash": ("5.2.15-2", {"usr/bin/bash": File(_content("bash", 120_000), mode=0o755)}),
        "libc6": ("2.36-9", {"usr/lib/x86_64-linux-gnu/libc.so.6": _content("libc", 190_000)}),
        "libssl3": (libssl, {"usr/lib/x86_64-linux-gnu/libssl.so.3": _content(f"libssl {libssl}", 90_000)}),
        "libsystemd0": (systemd, {"usr/lib/x86_64-linux-gnu/libsystemd.so.0": _content("systemd", 80_000)}),
    }
    system: dict[str, Entry] = {
        "etc/os-release": f'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian {version}"\n'.encode(),
        "var/lib/dpkg/status": "".join(
            f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {number}\n\n"
            for name, (number, _) in packages.items()
        ).encode(),
    }
    for name, (_, files) in packages.items():
        system[f"var/lib/dpkg/info/{name}.list"] = "".join(f"/{path}\n" for path in files).encode()
        system |= files
    certificates = {
        _CERTIFICATES: _content("authorities", 60_000),
        "var/cache/apt/archives/ca-certificates_20230311_all.deb": _content("deb", 45_000),
    }
    return [layer(system), layer(certificates)]


def _runtime(name: str, size: int) -> BuiltLayer:
    return layer({
        f"usr/local/bin/{name}": File(_content(name, size * 2 // 3), mode=0o755),
        f"usr/local/lib/{name}/library": _content(f"{name} library", size // 3),
    })  # fmt: skip


def _wheels(service: str, versions: Mapping[str, str]) -> BuiltLayer:
    """Python packages, each with a copy of the authorities, and the cache of pip."""
    entries: dict[str, Entry] = {f"root/.cache/pip/http/{service}": _content(f"{service} cache", 70_000)}
    for name, version in versions.items():
        folder, info = (f"opt/venv/lib/python3.11/site-packages/{part}" for part in (name, f"{name}-{version}.dist-info"))
        record = f"{name}/__init__.py,,\n{name}/core.so,,\n{name}-{version}.dist-info/METADATA,,\n{name}-{version}.dist-info/RECORD,,\n"
        entries |= {
            f"{folder}/__init__.py": f"__version__ = '{version}'\n".encode(),
            f"{folder}/core.so": _content(f"{name} {version}", 110_000),
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode(),
            f"{info}/RECORD": record.encode(),
        }
    entries["opt/venv/lib/python3.11/site-packages/certifi/cacert.pem"] = _content("authorities", 60_000)
    return layer(entries)


def _modules(service: str) -> BuiltLayer:
    modules = f"srv/{service}/node_modules"
    return layer({
        f"{modules}/express/package.json": b'{"name": "express", "version": "4.19.2"}',
        f"{modules}/express/index.js": _content("express", 150_000),
        f"{modules}/certificates/ca.pem": _content("authorities", 60_000),
        f"root/.npm/_cacache/content-v2/{service}": _content("npm", 90_000),
    })  # fmt: skip


def _app(service: str, version: int) -> BuiltLayer:
    return layer({f"srv/{service}/main": _content(f"{service} {version}", 40_000)})


def _content(seed: str, size: int) -> bytes:
    """Bytes that compress a little: half of them are random."""
    return random.Random(seed).randbytes(size // 2) + seed.encode() * (size // 2 // len(seed))


if __name__ == "__main__":
    place, images = Path(sys.argv[1]), shop()
    write_fleet(images, place / "shop")
    write_fleet(last_week(images), place / "last-week")
