"""Write images of docker-archives as OCI layouts with gzip layers, each layer compressed once for all images.

https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO, Any

LEVEL = 6  #: of gzip and of the builders
CHUNK = 1 << 20
GZIP = 16 + zlib.MAX_WBITS
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


def write_layout(archive: Path, layout: Path, kept: Path) -> None:
    """Write the only image of a docker-archive; ``kept`` is a folder for compressed layers by diff_id."""
    shutil.rmtree(layout, ignore_errors=True)
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    kept.mkdir(parents=True, exist_ok=True)

    def put(content: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    with tarfile.open(archive) as tar:

        def member(name: str) -> IO[bytes]:
            stream = tar.extractfile(name)
            assert stream is not None
            return stream

        [image] = json.load(member("manifest.json"))
        config = member(image["Config"]).read()
        layers = []
        for name, diff_id in zip(image["Layers"], json.loads(config)["rootfs"]["diff_ids"], strict=True):
            pointer = kept / f"{diff_id.partition(':')[2]}.digest"
            if not pointer.exists():
                compress(member(name), kept, pointer)
            blob = kept / pointer.read_text()
            if not (blobs / blob.name).exists():  # an empty layer may come twice
                os.link(blob, blobs / blob.name)
            layers.append({"mediaType": LAYER_TYPE, "digest": f"sha256:{blob.name}", "size": blob.stat().st_size})
    manifest = {
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": put(config, CONFIG_TYPE), "layers": layers,
    }  # fmt: skip
    named = {
        **put(json.dumps(manifest).encode(), MANIFEST_TYPE),
        "annotations": {"org.opencontainers.image.ref.name": "app"},
    }
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [named]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def compress(content: IO[bytes], kept: Path, pointer: Path) -> None:
    """Keep a layer as gzip, named for its digest, which ``pointer`` names."""
    compressor, digest = zlib.compressobj(LEVEL, wbits=GZIP), hashlib.sha256()
    partial = pointer.with_suffix(".partial")
    with partial.open("wb") as target:
        while True:
            chunk = content.read(CHUNK)
            compressed = compressor.compress(chunk) if chunk else compressor.flush()
            digest.update(compressed)
            target.write(compressed)
            if not chunk:
                break
    partial.rename(kept / digest.hexdigest())
    pointer.write_text(digest.hexdigest())
