"""The images that tools get to save: three tiny ones, of which two are one name's platforms.

Their bytes are the same on each run. Tools that store layers as they are keep the diff_ids, so that one set of figures is
right for every form.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.images import (
    DIR,
    OCI,
    BuiltImage,
    BuiltLayer,
    Entries,
    Entry,
    Hard,
    Link,
    build_image,
    docker_archive_entries,
    for_platform,
    index_bytes,
    layout_files,
    named,
    raw_layer,
    sha256,
    tar_bytes,
    write_files,
)
from tests.saved.figures import Figures, figures_of

_TOOL = bytes(range(250)) * 12


def _layer(entries: Entries) -> BuiltLayer:
    """A layer that ends with two zero blocks: skopeo 1.9.3 drops more of them when it writes zstd:chunked."""
    tar = tar_bytes(entries).rstrip(b"\0")
    return raw_layer(tar + bytes(-len(tar) % 512) + bytes(1024))


_BASE = _layer(
    {
        "etc/": DIR,
        "etc/motd": b"m" * 500,
        "lib": Link("usr/lib"),
        "tmp/": DIR,
        "tmp/junk": b"j" * 2000,
        "usr/": DIR,
        "usr/bin/": DIR,
        "usr/lib/": DIR,
        "usr/lib/tool": _TOOL,
        "usr/bin/tool": Hard("usr/lib/tool"),
    }
)
_BASE_ARM = _layer({"etc/": DIR, "etc/motd": b"M" * 400, "tmp/": DIR, "tmp/junk": b"J" * 1000})
_COPY = _layer({"opt/": DIR, "opt/copy": _TOOL, "tmp/": DIR, "tmp/.wh.junk": b""})
_TOP = _layer({"etc/": DIR, "etc/motd": b"new" * 70})
_OTHER = _layer({"srv/": DIR, "srv/index.html": b"<html>" * 20})

#: ``amd64`` has a layer twice, ``other`` shares the lowest layer with it, ``arm64`` the layer that deletes
IMAGES: dict[str, BuiltImage] = {
    "amd64": build_image([_BASE, _COPY, _TOP, _COPY]),
    "arm64": build_image([_BASE_ARM, _COPY], architecture="arm64", variant="v8"),
    "other": build_image([_BASE, _OTHER]),
}
PLATFORMS = {"amd64": "linux/amd64", "arm64": "linux/arm64/v8", "other": "linux/amd64"}
FIGURES: dict[str, Figures] = {
    name: figures_of(PLATFORMS[name], [built.tar for built in image.layers]) for name, image in IMAGES.items()
}


def write_seeds(folder: Path) -> None:
    """Write the layout ``layout`` with the names ``app``, ``other`` and ``multi``, and ``images.tar`` for ``docker load``."""
    descriptors = {name: for_platform(image.descriptor, *PLATFORMS[name].split("/")) for name, image in IMAGES.items()}
    index = index_bytes([descriptors["amd64"], descriptors["arm64"]])
    pointer = {"mediaType": f"{OCI}.index.v1+json", "digest": sha256(index), "size": len(index)}
    entries = [
        named(descriptors["amd64"], "app"),
        named(descriptors["other"], "other"),
        named(descriptors["arm64"], "arm64"),
        named(pointer, "multi"),
    ]
    blobs = {digest: data for image in IMAGES.values() for digest, data in image.blobs.items()}
    write_files(layout_files(index_bytes(entries), {**blobs, sha256(index): index}), folder / "layout")
    (folder / "images.tar").write_bytes(_images_tar())


def _images_tar() -> bytes:
    members: dict[str, Entry] = {}
    documents: list[object] = []
    for seed, tags in (("amd64", ["example/app:1", "example/app:latest"]), ("other", ["example/other:1"])):
        entries = docker_archive_entries(IMAGES[seed], "nix", tags)
        document = entries.pop("manifest.json")
        assert isinstance(document, bytes)
        documents += json.loads(document)
        members |= entries
    return tar_bytes({**members, "manifest.json": json.dumps(documents).encode()})
