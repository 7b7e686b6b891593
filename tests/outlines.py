"""An image for tests of outlines, whose documents have every fact that an outline shows, and a registry that serves it.

::

    layer 0  ADD rootfs          2025-05-01, of the base image
    layer 1  RUN apt-get install 2026-01-02, with a secret
    layer 2  COPY . /app         2026-01-02
    layer 3  COPY . /app         the blob of layer 2 again
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tests.images import BuiltImage, build_image, for_platform, index_bytes, layer, sha256
from tests.registry import Answer, Server, ranged

SECRET = "hunter2-of-the-image"
BASE = layer({"bin/sh": Random(1).randbytes(9000)})
TOOLS = layer({"usr/bin/tool": Random(2).randbytes(5000)}, "zstd")
APP = layer({"app/main": Random(3).randbytes(2000)})
STEPS = (
    ("ADD rootfs.tar.xz /", "2025-05-01T00:00:00Z"),
    (f"RUN |1 NPM_TOKEN={SECRET} /bin/sh -c apt-get install tool", "2026-01-02T03:00:00Z"),
    ("COPY . /app", "2026-01-02T03:01:00Z"),
    ("COPY . /app", "2026-01-02T03:02:00Z"),
)
RUN: Mapping[str, Any] = {
    "User": "app:app",
    "Env": ["PATH=/usr/bin:/bin", f"DB_PASSWORD={SECRET}"],
    "Entrypoint": ["/usr/bin/tool", "--api-key", SECRET],
    "Cmd": ["serve"],
    "WorkingDir": "/app",
    "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
    "Volumes": {"/data": {}},
    "Labels": {"org.opencontainers.image.version": "1.2.3", "org.opencontainers.image.revision": "0123456789abcdef"},
    "Healthcheck": {"Test": ["CMD", "curl", "-f", f"http://me:{SECRET}@localhost/"]},
    "StopSignal": "SIGINT",
}


def build(architecture: str = "amd64", *, annotations: Mapping[str, str] | None = None) -> BuiltImage:
    """The image; ``annotations`` are those of its manifest."""
    history: list[dict[str, Any]] = [{"created_by": step, "created": created} for step, created in STEPS]
    history.insert(1, {"created_by": 'CMD ["sh"]', "created": "2025-05-01T00:00:00Z", "empty_layer": True})
    image = build_image([BASE, TOOLS, APP, APP], history=history, architecture=architecture, config={"config": RUN})
    if not annotations:
        return image
    manifest = {**json.loads(image.manifest), "annotations": annotations}
    return BuiltImage(image.layers, image.config, json.dumps(manifest).encode())


def serve(server: Server, images: Sequence[BuiltImage], root: bytes, tag: str = "1") -> str:
    """Serve images as ``app:TAG`` whose manifest or index is ``root``; the name of the image."""
    server.on(f"/v2/app/manifests/{tag}", Answer(root))
    for image in images:
        server.on(f"/v2/app/manifests/{image.digest}", Answer(image.manifest))
        for digest, data in image.blobs.items():
            server.on(f"/v2/app/blobs/{digest}", ranged(data))
    return f"{server.host}/app:{tag}"


def serve_index(server: Server, tag: str = "1") -> tuple[str, list[BuiltImage]]:
    """Serve an index of two images and an attestation; its name, and the images."""
    images = [build("amd64"), build("arm64")]
    statement = build_image([layer({"statement": b"it"})], os="unknown", architecture="unknown")
    entries = [for_platform(image.descriptor, "linux", name) for image, name in zip(images, ("amd64", "arm64"), strict=True)]
    note = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": images[0].digest}
    entries.append({**for_platform(statement.descriptor, "unknown", "unknown"), "annotations": note})
    return serve(server, [*images, statement], index_bytes(entries), tag), images


def requests_of(server: Server) -> list[str]:
    """The paths that were asked for, without the prefix that all have."""
    return [request.path.removeprefix("/v2/app/") for request in server.requests]


def config_path(image: BuiltImage) -> str:
    """The path of an image's config."""
    return f"blobs/{sha256(image.config)}"
