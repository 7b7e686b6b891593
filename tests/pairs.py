"""Images for the samples on pages: python -m tests.pairs FOLDER writes the layouts ``before``, ``after`` and ``service``.

``service`` has the databases of dpkg and pip, as docs/howto/packages.md needs them. Layers are uncompressed, so that their sizes depend on no version of zlib.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.images import BuiltImage, File, build_image, layer, write_layout

BASE = "ADD rootfs.tar.xz / # buildkit"
PYTHON = "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends python3 # buildkit"
NUMPY = "RUN /bin/sh -c pip install --no-cache-dir numpy # buildkit"
APP = "COPY . /app # buildkit"


def files_below(folder: str, count: int, size: int, *, seed: int, mtime: int = 0) -> dict[str, File]:
    """Files of random bytes that are always the same."""
    dice = random.Random(seed)
    return {f"{folder}/file{number:02}": File(dice.randbytes(size), mtime=mtime) for number in range(count)}


def make_image(*, with_git: bool) -> BuiltImage:
    """A base image, Python, numpy and an application; ``with_git`` installs a package more."""
    python = files_below("usr/lib/python3", 30, 20_000, seed=2)
    git = files_below("usr/lib/git-core", 25, 15_000, seed=5) if with_git else {}
    layers = [
        files_below("usr/bin", 20, 40_000, seed=1),
        {**python, **git},
        files_below("usr/local/lib/python3/numpy", 40, 25_000, seed=3, mtime=int(with_git)),
        files_below("app", 5, 10_000, seed=4),
    ]
    steps = [BASE, PYTHON.replace("python3", "python3 git") if with_git else PYTHON, NUMPY, APP]
    return build_image([layer(files, "plain") for files in layers], history=[{"created_by": step} for step in steps])


_SITES = ("usr/local/lib/python3.11/site-packages", "opt/venv/lib/python3.11/site-packages")
_UPGRADE = (
    "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends gcc python3 libssl3 "
    "&& rm -rf /var/cache/apt # buildkit"
)


class _Debian:
    """Packages of Debian, with the files that dpkg keeps about them."""

    def __init__(self) -> None:
        self.status: dict[str, str] = {}

    def install(self, name: str, version: str, size: int, *, needs: str = "", source: str = "") -> dict[str, File]:
        """The files of a package."""
        fields = {"Package": name, "Status": "install ok installed", "Architecture": "amd64", "Version": version}
        more = {"Source": source, "Depends": needs}
        lines = [f"{key}: {value}" for key, value in (fields | more).items() if value]
        self.status[name] = "\n".join(lines) + "\n"
        path = f"usr/lib/x86_64-linux-gnu/{name}.so"
        listed = f"/.\n/usr\n/usr/lib\n/usr/lib/x86_64-linux-gnu\n/{path}\n"
        content = random.Random(f"{name} {version}").randbytes(size)
        return {path: File(content), f"var/lib/dpkg/info/{name}.list": File(listed.encode())}

    def write_status(self) -> dict[str, File]:
        """The list of all packages."""
        return {"var/lib/dpkg/status": File("\n".join(self.status.values()).encode())}


def _wheel(site: str, name: str, version: str, size: int, *, needs: str = "", asked: bool = True) -> dict[str, File]:
    """The files of a package that pip installs because a command names it, or because another package needs it."""
    folder = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (f"Requires-Dist: {needs}\n" if needs else "")
    files = {
        f"{name}/core.so": random.Random(f"{name} {version}").randbytes(size),
        f"{folder}/METADATA": metadata.encode(),
        f"{folder}/INSTALLER": b"pip\n",
    } | ({f"{folder}/REQUESTED": b""} if asked else {})
    record = "".join(f"{path},,{len(content)}\n" for path, content in files.items()) + f"{folder}/RECORD,,\n"
    return {f"{site}/{path}": File(content) for path, content in {**files, f"{folder}/RECORD": record.encode()}.items()}


def make_service() -> BuiltImage:
    """A service in Python: a library that was upgraded, a compiler, and numpy installed twice."""
    debian = _Debian()
    release = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
    base = {
        "etc/os-release": File(release),
        **debian.install("libc6", "2.36-9+deb12u4", 300_000),
        **debian.install("libssl3", "3.0.11-1", 150_000, needs="libc6", source="openssl"),
        **debian.write_status(),
    }
    tools = {
        **debian.install("libssl3", "3.0.15-1", 151_000, needs="libc6", source="openssl"),
        **debian.install("libc6-dev", "2.36-9+deb12u4", 220_000, needs="libc6", source="glibc"),
        **debian.install("gcc", "12.2.0-3", 900_000, needs="libc6-dev"),
        **debian.install("python3", "3.11.2-1", 400_000, needs="libssl3, libc6"),
        **debian.write_status(),
        "var/lib/apt/extended_states": File(b"Package: libc6-dev\nArchitecture: amd64\nAuto-Installed: 1\n"),
        "var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_binary-amd64_Packages.lz4": File(
            random.Random(1).randbytes(180_000)
        ),
    }
    system, venv = _SITES
    local = {**_wheel(system, "numpy", "1.24.4", 500_000), **_wheel(system, "requests", "2.31.0", 40_000)}
    environment = {
        **_wheel(venv, "numpy", "1.26.4", 520_000, asked=False),
        **_wheel(venv, "scipy", "1.11.4", 800_000, needs="numpy"),
        "opt/venv/pyvenv.cfg": File(b"home = /usr/bin\n"),
    }
    steps = [
        BASE,
        _UPGRADE,
        "RUN /bin/sh -c pip install numpy==1.24.4 requests # buildkit",
        "RUN /bin/sh -c python3 -m venv /opt/venv && /opt/venv/bin/pip install scipy # buildkit",
        APP,
    ]
    layers = [base, tools, local, environment, files_below("app", 5, 10_000, seed=4)]
    return build_image([layer(files, "plain") for files in layers], history=[{"created_by": step} for step in steps])


def write_layouts(folder: Path) -> None:
    """Write all images, as layouts of these names."""
    images = {"before": make_image(with_git=False), "after": make_image(with_git=True), "service": make_service()}
    for name, image in images.items():
        write_layout(image, folder / name)


if __name__ == "__main__":
    write_layouts(Path(sys.argv[1]))
