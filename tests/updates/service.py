"""A service with six releases, as teams build them: ``python -m tests.updates.service FOLDER`` writes layouts.

The Dockerfile copies the application before it installs the tools of the system, which the application does not need::

    FROM debian:12                                              new in 1.2.0
    COPY . /app                                                 changes in each release
    RUN apt-get update && apt-get install -y build-essential    built again in each release, new in 1.2.0
    COPY node_modules /deps/node_modules                        one package changes in 1.0.2 and 1.1.1
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.images import BuiltImage, BuiltLayer, Entry, File, build_image, layer, write_layout

TAGS = ("1.0.0", "1.0.1", "1.0.2", "1.1.0", "1.1.1", "1.2.0")
STEPS = (
    "ADD file:0123456789ab… in /",
    "COPY . /app",
    "RUN apt-get update && apt-get install -y build-essential",
    "COPY node_modules /deps/node_modules",
)
_DAY = 86_400


def make_service() -> dict[str, BuiltImage]:
    """The images by tag."""
    return {tag: _build(number, tag) for number, tag in enumerate(TAGS)}


def _build(number: int, tag: str) -> BuiltImage:
    base = number // 5
    layers = [
        layer({"bin/sh": _content(f"sh {base}", 60_000), "etc/debian_version": b"12.%d\n" % base}),
        _at(number, {"app/server.js": _content(f"app {number}", 20_000)}),
        _at(number, {"usr/bin/gcc": _content(f"gcc {base}", 200_000), "usr/lib/libgcc.a": _content("libgcc", 30_000)}),
        _at(number, _packages(number)),
    ]
    created = f"2026-0{number + 1}-01T00:00:00Z"
    history = [{"created_by": step, "created": created} for step in STEPS]
    return build_image(layers, history=history, config={"created": created})


def _at(number: int, files: dict[str, bytes]) -> BuiltLayer:
    """A layer whose files have the time of the build."""
    entries: dict[str, Entry] = {name: File(content, mtime=number * _DAY) for name, content in files.items()}
    return layer(entries)


def _packages(number: int) -> dict[str, bytes]:
    """Eight packages, of which ``client`` changes in two releases."""
    versions = {"client": (number >= 2) + (number >= 4)}
    names = ("client", "express", "lodash", "react", "sharp", "typescript", "webpack", "zod")
    return {
        f"deps/node_modules/{name}/index.js": _content(f"{name} {versions.get(name, 0)}", 8_000 + 4_000 * place)
        for place, name in enumerate(names)
    }


def _content(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def write_service(folder: Path) -> list[str]:
    """Write a layout for each release; returns their paths, oldest first."""
    for tag, image in make_service().items():
        write_layout(image, folder / tag)
    return [str(folder / tag) for tag in TAGS]


if __name__ == "__main__":
    write_service(Path(sys.argv[1]))
