"""Make a docker-registry with a fleet: by default 500 images of 575 distinct layers, about 360 MB.

    python benchmarks/inputs/fleet.py OUT [--images N] [--layers N]

OUT gets ``storage``, which docker-registry serves, and ``references``, a line for each image. The same arguments make the same
digests. Five bases have 4,000 files each, of 100 Debian packages and an apt cache; runtimes on these have 1,000 files and a pip
cache; each image has a layer of 150 files of its own, 60 of them from a common pool. Needs docker-registry.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.fleets import Tagged, push_fleet, tagged
from tests.images import BuiltLayer, Entry, build_image, layer
from tests.registry import real_registry

BASES, REPOSITORIES = 5, 25
BASE_FILES, RUNTIME_FILES, OWN_FILES, COMMON_FILES = 4000, 1000, 90, 60
_PACKAGES = 100
_NAME = "fleet.example"


def make_fleet(images: int, layers: int) -> list[Tagged]:
    """The tags of all images."""
    runtimes = layers - images - BASES
    if runtimes < 1:
        raise SystemExit(f"{layers} layers are too few: {BASES} bases and a layer for each of {images} images")
    bases = [_make_base(number) for number in range(BASES)]
    made = [_make_runtime(number) for number in range(runtimes)]
    tags = []
    for number in range(images):
        runtime = number % runtimes
        parts = [bases[runtime % BASES], made[runtime], _make_application(number)]
        config = {
            "created": f"2026-{1 + number % 12:02}-01T00:00:00Z",
            "config": {"Labels": {"org.opencontainers.image.base.name": f"{_NAME}/base:{runtime % BASES}"}},
        }
        tags.append(
            tagged(
                f"team{number % REPOSITORIES}/app{number % REPOSITORIES}", f"v{number}", build_image(parts, config=config)
            )
        )
    return tags


def _content(seed: str, mean: int = 2500) -> bytes:
    """Bytes of which half compress well; most files are small."""
    numbers = random.Random(seed)
    size = min(int(numbers.lognormvariate(0, 1.2) * mean) + 1, 400_000)
    return numbers.randbytes(size // 2) + (seed.encode() * (size // 2 // len(seed) + 1))[: size - size // 2]


def _make_base(number: int) -> BuiltLayer:
    """A system with packages of dpkg; a fifth of the packages differ between bases."""
    entries: dict[str, Entry] = {"etc/os-release": b'ID=debian\nVERSION_ID="12"\n'}
    status, per_package = [], BASE_FILES // _PACKAGES
    for package in range(_PACKAGES):
        version = f"1.{number if package % 5 == 0 else 0}"
        name = f"lib{package}"
        paths = [f"usr/lib/{name}/file{file}.so" for file in range(per_package)]
        entries |= {path: _content(f"{path} {version}") for path in paths}
        entries[f"var/lib/dpkg/info/{name}.list"] = "".join(f"/{path}\n" for path in paths).encode()
        status.append(f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
    entries["var/lib/dpkg/status"] = "".join(status).encode()
    entries |= {
        f"var/cache/apt/archives/lib{file}_1.{number}_amd64.deb": _content(f"deb {file} {number}") for file in range(50)
    }
    return layer(entries)


def _make_runtime(number: int) -> BuiltLayer:
    """A language with its library, of which half is that of other runtimes, and the cache of its package manager."""
    entries: dict[str, Entry] = {}
    for file in range(RUNTIME_FILES):
        of = number if file % 2 else "all"
        entries[f"usr/local/lib/python3.11/package{file // 20}/module{file}.py"] = _content(f"module {file} of {of}")
    entries["root/.cache/pip/http/cache"] = _content(f"pip {number}", 20_000)
    return layer(entries)


def _make_application(number: int) -> BuiltLayer:
    """The files of one image; some have a secret."""
    entries: dict[str, Entry] = {
        f"srv/app/src/file{file}.js": _content(f"own {number} {file}", 1500) for file in range(OWN_FILES)
    }
    pool = random.Random(number)
    for file in pool.sample(range(2000), COMMON_FILES):
        entries[f"srv/app/node_modules/dep{file}/index.js"] = _common(file)
    if number % 50 == 0:
        entries["srv/app/.env"] = b"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYx\n"
    return layer(entries)


@functools.cache
def _common(number: int) -> bytes:
    return _content(f"common {number}", 1500)


def main() -> None:
    """Make the registry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--layers", type=int, default=575)
    options = parser.parse_args()
    if (options.out / "references").exists():
        print(f"{options.out} exists")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    tags = make_fleet(options.images, options.layers)
    with real_registry(options.out) as registry:
        push_fleet(registry, tags)
    (options.out / "references").write_text("".join(f"{tag.repository}:{tag.tag}\n" for tag in tags))
    blobs = {digest: len(data) for tag in tags for digest, data in tag.blobs.items()}
    print(f"{options.out}: {len(tags)} images, {len(blobs)} blobs of {sum(blobs.values()):,} bytes")


if __name__ == "__main__":
    main()
