"""Two images for the sample of docs/diff.md: python -m tests.pairs FOLDER writes the layouts ``before`` and ``after``.

Layers are uncompressed, so that their sizes depend on no version of zlib.
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


if __name__ == "__main__":
    for name, with_git in (("before", False), ("after", True)):
        write_layout(make_image(with_git=with_git), Path(sys.argv[1]) / name)
