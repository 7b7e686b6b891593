"""Provenance statements about real test images, as BuildKit writes them: ``attest`` puts one beside an image.

The shape is that of the structs of BuildKit 0.27 (SLSA 0.2) and 0.32 (SLSA 1), whose documents ``testdata/provenance`` has.
The chains of layers are those of the test image, so that lines and layers fit together.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs

from tests.images import OCI, BuiltImage, build_image, for_platform, index_bytes, layer, sha256
from tests.registry import Answer, Server

Version: TypeAlias = Literal["0.2", "1"]
Mode: TypeAlias = Literal["min", "max"]
DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM debian:12 AS base
WORKDIR /app
RUN apt-get update && \\
    apt-get install -y \\
      curl
COPY --chown=app . /app
CMD ["serve"]
"""
BASE_DIGEST = "sha256:" + "ba" * 32
TOOL_DIGEST = "sha256:" + "f0" * 32
COMMAND = "apt-get update &&     apt-get install -y       curl"
STEPS = (
    ("# debian.sh --arch 'amd64' out/ 'bookworm'", "debuerreotype 0.15"),
    ("WORKDIR /app", "buildkit.dockerfile.v0"),
    (f"RUN /bin/sh -c {COMMAND} # buildkit", "buildkit.dockerfile.v0"),
    ("COPY --chown=app . /app # buildkit", "buildkit.dockerfile.v0"),
)
IMAGE = "docker-image://docker.io/library/debian:12@" + BASE_DIGEST
ATTESTATION_TYPE = "application/vnd.docker.attestation.manifest.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
EMPTY = b"{}"


def build(steps: Sequence[tuple[str, str]] = STEPS) -> BuiltImage:
    """An image of a base layer and three others; apt leaves files behind."""
    layers = [
        layer({"etc/os-release": b'ID=debian\nVERSION_ID="12"\n', "bin/sh": b"b" * 5000}),
        layer({"app/": b""}),
        layer({"usr/bin/curl": b"c" * 9000, "var/cache/apt/archives/curl.deb": b"d" * 200_000, "var/lib/apt/lists/x": b"l" * 90_000}),
        layer({"app/main": b"m" * 3000}),
    ]  # fmt: skip
    history = [{"created_by": text, "comment": comment, "created": "2026-01-02T00:00:00Z"} for text, comment in steps]
    return build_image(layers, history=history)


def location(first: int, last: int, **more: int) -> dict[str, Any]:
    """The place of a step in the Dockerfile."""
    return {"locations": [{"ranges": [{"start": {"line": first}, "end": {"line": last}}], **more}]}


def node(name: str, operation: Mapping[str, Any] | None, *inputs: str) -> dict[str, Any]:
    """A step of LLB."""
    return {"id": name, "op": {"Op": operation, "constraints": {}}, **({"inputs": list(inputs)} if inputs else {})}


NODES: Sequence[Mapping[str, Any]] = (
    node("step0", {"source": {"identifier": IMAGE}}),
    node("step1", {"file": {"actions": [{"input": 0, "Action": {"mkdir": {"path": "/app"}}}]}}, "step0:0"),
    node("step2", {"exec": {"meta": {"args": ["/bin/sh", "-c", COMMAND]}, "mounts": [{"dest": "/"}]}}, "step1:0"),
    node("step3", {"source": {"identifier": "local://context"}}),
    node("step4", {"file": {"actions": [{"input": 0, "Action": {"copy": {"src": "/"}}}]}}, "step2:0", "step3:0"),
    node("step5", None, "step4:0"),
)
LOCATIONS: Mapping[str, Any] = {
    "step0": location(2, 2), "step1": location(3, 3), "step2": location(4, 6), "step3": {}, "step4": location(7, 7),
}  # fmt: skip


def chains_of(image: BuiltImage, counts: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The layers up to each output, by the number of layers."""
    descriptors = [built.descriptor for built in image.layers]
    counts = counts or {"step0:0": 1, "step1:0": 2, "step2:0": 3, "step4:0": 4}
    return {output: [descriptors[:count]] for output, count in counts.items()}


@attrs.frozen(kw_only=True)
class Build:
    """What a statement is made of."""

    nodes: Sequence[Mapping[str, Any]] = NODES
    locations: Mapping[str, Any] = LOCATIONS
    chains: Mapping[str, Any] | None = None  #: None: those of the image
    dockerfile: str = DOCKERFILE
    materials: Sequence[tuple[str, str]] = (
        ("pkg:docker/debian@12?platform=linux%2Famd64", BASE_DIGEST),
        ("pkg:docker/docker/dockerfile@1", TOOL_DIGEST),
    )
    subject: str | None = None  #: None: the digest of the image


def statement(image: BuiltImage, version: Version = "1", mode: Mode = "max", build: Build = Build()) -> bytes:
    """A statement about an image."""
    materials = [{"uri": uri, "digest": {"sha256": digest.partition(":")[2]}} for uri, digest in build.materials]
    steps = {"llbDefinition": list(build.nodes), "digestMapping": {}}
    data = base64.b64encode(build.dockerfile.encode()).decode()
    metadata = {
        "vcs": {"source": "https://me:hunter2@code.example/team/app", "revision": "0123456789abcdef"},
        **({
            "source": {
                "locations": build.locations,
                "infos": [{"filename": "Dockerfile", "language": "Dockerfile", "data": data}],
            },
            "layers": build.chains if build.chains is not None else chains_of(image),
        } if mode == "max" else {}),
    }  # fmt: skip
    parameters = {"frontend": "dockerfile.v0", "args": {"build-arg:TOKEN": "s3cret-token-5678"} if mode == "max" else {}}
    predicate: dict[str, Any]
    if version == "1":
        predicate = {
            "buildDefinition": {
                "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
                "externalParameters": {"configSource": {"path": "Dockerfile"}, "request": parameters},
                "internalParameters": {
                    "builderPlatform": "linux/amd64",
                    **({"buildConfig": steps} if mode == "max" else {}),
                },
                "resolvedDependencies": materials,
            },
            "runDetails": {"builder": {"id": ""}, "metadata": {"invocationID": "x", "buildkit_metadata": metadata}},
        }
    else:
        predicate = {
            "builder": {"id": ""},
            "buildType": "https://mobyproject.org/buildkit@v1",
            "materials": materials,
            "invocation": {"configSource": {"entryPoint": "Dockerfile"}, "parameters": parameters},
            "metadata": {"buildInvocationID": "x", "https://mobyproject.org/buildkit@v1#metadata": metadata},
            **({"buildConfig": steps} if mode == "max" else {}),
        }
    subject = (build.subject or image.digest).partition(":")[2]
    document = {
        "_type": "https://in-toto.io/Statement/v1" if version == "1" else "https://in-toto.io/Statement/v0.1",
        "predicateType": f"https://slsa.dev/provenance/v{version}",
        "subject": [{"name": "pkg:docker/team/app@1?platform=linux%2Famd64", "digest": {"sha256": subject}}],
        "predicate": predicate,
    }
    return json.dumps(document).encode()


@attrs.frozen
class Attested:
    """An image, a statement about it, and the index of both."""

    image: BuiltImage
    statement: bytes
    manifest: bytes  #: of the attestations
    index: bytes

    @property
    def blobs(self) -> dict[str, bytes]:
        """All blobs by digest, with the manifests."""
        more = (self.statement, EMPTY, self.manifest, *self._legacy_config)
        return self.image.blobs | {sha256(data): data for data in more}

    @property
    def _legacy_config(self) -> list[bytes]:
        return [] if b"artifactType" in self.manifest else [_legacy_config(self.statement)]

    @property
    def attestation(self) -> dict[str, Any]:
        """The descriptor of the attestations, as the referrers API lists it."""
        return {**_descriptor(self.manifest, f"{OCI}.manifest.v1+json"), "artifactType": ATTESTATION_TYPE}


def attest(image: BuiltImage, data: bytes, *, legacy: bool = False, predicate: str | None = None) -> Attested:
    """Put a statement beside an image: as an OCI artifact, or as BuildKit before 0.32 did."""
    kind = predicate or json.loads(data)["predicateType"]
    stored = {**_descriptor(data, IN_TOTO), "annotations": {"in-toto.io/predicate-type": kind}}
    sbom = {**_descriptor(b"[]", IN_TOTO), "annotations": {"in-toto.io/predicate-type": "https://spdx.dev/Document"}}
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "layers": [sbom, stored]}
    if legacy:
        document["config"] = _descriptor(_legacy_config(data), f"{OCI}.config.v1+json")
    else:
        document["config"] = _descriptor(EMPTY, "application/vnd.oci.empty.v1+json")
        document |= {"artifactType": ATTESTATION_TYPE, "subject": image.descriptor}
    manifest = json.dumps(document).encode()
    note = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image.digest}
    entry = for_platform(_descriptor(manifest, f"{OCI}.manifest.v1+json"), "unknown", "unknown")
    index = index_bytes([for_platform(image.descriptor, "linux", "amd64"), {**entry, "annotations": note}])
    return Attested(image, data, manifest, index)


def serve(server: Server, attested: Attested, *, referrers: bytes | None = None) -> str:
    """Serve the index as ``app:1``, and what the referrers API answers; the name of the image."""
    manifests = {"1": attested.index} | {
        sha256(data): data for data in (attested.index, attested.image.manifest, attested.manifest)
    }
    for selector, data in manifests.items():
        server.on(f"/v2/app/manifests/{selector}", Answer(data, headers={"Docker-Content-Digest": sha256(data)}))
    for digest, data in attested.blobs.items():
        server.on(f"/v2/app/blobs/{digest}", Answer(data))
    if referrers is not None:
        headers = {"Content-Type": f"{OCI}.index.v1+json"}
        server.on(f"/v2/app/referrers/{attested.image.digest}", Answer(referrers, headers=headers))
    return f"{server.host}/app:1"


def _legacy_config(data: bytes) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [sha256(b"[]"), sha256(data)]}
    return json.dumps({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": rootfs}).encode()


def _descriptor(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}
