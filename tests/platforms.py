"""An index for tests whose platforms drift apart in known ways.

::

    shared  COPY site                              the same blob on all platforms, 3000 bytes
    base    ADD rootfs-ARCH                        6000 bytes, on arm64 4000
    step    RUN TARGETARCH=ARCH make               lib of its multiarch name, 2000 bytes; on amd64 /opt/cuda/ of 9000 too
    apt     RUN apt-get …                          amd64 only: deletes what base brings, a finding
"""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.images import BuiltImage, Entry, build_image, for_platform, index_bytes, layer, layout_files, sha256, write_files

NAMES = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}
SHARED = layer({"site/index.html": Random(1).randbytes(3000)})


def build(architecture: str) -> BuiltImage:
    """The image of one architecture."""
    amd64 = architecture == "amd64"
    base = {"bin/sh": Random(2).randbytes(4000 if architecture == "arm64" else 6000), "var/junk": Random(3).randbytes(1000)}
    step: dict[str, Entry] = {f"usr/lib/{NAMES[architecture]}-linux-gnu/libc.so": Random(4).randbytes(2000)}
    steps = [f"COPY site", f"ADD rootfs-{architecture}.tar.gz /", f"RUN TARGETARCH={architecture} make"]
    layers = [SHARED, layer(base), layer(step | ({"opt/cuda/lib.so": Random(5).randbytes(9000)} if amd64 else {}))]
    if amd64:
        layers.append(layer({"var/.wh.junk": b""}))
        steps.append("RUN rm /var/junk")
    history = [{"created_by": text} for text in steps]
    return build_image(layers, history=history, architecture=architecture)


def attestation(subject: str) -> BuiltImage:
    """What BuildKit stores beside an image."""
    return build_image([layer({"statement": subject.encode()})], os="unknown", architecture="unknown")


def build_index() -> tuple[bytes, dict[str, bytes]]:
    """The index and all blobs: three platforms and two attestations."""
    images = [build(name) for name in NAMES]
    statements = [attestation(subject.digest) for subject in images[:2]]
    entries = [for_platform(built.descriptor, "linux", name) for name, built in zip(NAMES, images, strict=True)]
    for subject, statement in zip(images, statements, strict=False):
        note = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject.digest}
        entries.append({**for_platform(statement.descriptor, "unknown", "unknown"), "annotations": note})
    blobs = {digest: data for built in (*images, *statements) for digest, data in built.blobs.items()}
    return index_bytes(entries), blobs


def write_index_layout(folder: Path) -> Path:
    """An OCI layout whose only entry is the index."""
    index, blobs = build_index()
    entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(index), "size": len(index)}
    return write_files(layout_files(index_bytes([entry]), blobs | {sha256(index): index}), folder)
