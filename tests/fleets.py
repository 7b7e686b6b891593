"""Fleets for tests: many small images that share layers, and a family of services, pushed to a registry or saved in a layout.

::

    push_fleet(registry, service_family())          # twelve tags of three services, and two of their base
    write_fleet(many_images(500, 575), folder)      # a layout with 500 images of 575 distinct layers

Everything is deterministic: a digest is the same on every run.
"""

from __future__ import annotations

import functools
import json
import random
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import requests

from tests.images import (
    OCI,
    BuiltImage,
    BuiltLayer,
    Compression,
    Entry,
    File,
    Link,
    build_image,
    for_platform,
    index_bytes,
    layer,
    layout_files,
    named,
    sha256,
    write_files,
)
from tests.registry import Answer, RealRegistry, Server

_PUSHERS = 4  # threads
_DAY = 86_400
_SECONDS = 30.0


@attrs.frozen
class Tagged:
    """A tag of a repository: the document that it names, and everything that the document reaches."""

    repository: str
    tag: str
    document: bytes  #: a manifest or an index
    media_type: str
    manifests: Sequence[bytes] = ()  #: that an index lists
    blobs: Mapping[str, bytes] = attrs.field(factory=dict)  #: configs, layers and attestations by digest

    @property
    def digest(self) -> str:
        return sha256(self.document)

    @property
    def sizes(self) -> dict[str, int]:
        """The bytes of all that the tag reaches, by digest."""
        documents = {sha256(data): len(data) for data in (self.document, *self.manifests)}
        return documents | {digest: len(data) for digest, data in self.blobs.items()}


def tagged(repository: str, tag: str, image: BuiltImage) -> Tagged:
    """A tag of one image."""
    return Tagged(repository, tag, image.manifest, f"{OCI}.manifest.v1+json", (), _blobs_of(image))


def tagged_index(
    repository: str, tag: str, images: Mapping[str, BuiltImage], *, attested: Sequence[str] = (), absent: Sequence[str] = ()
) -> Tagged:
    """A tag of an index of images by processor; some have an attestation.

    The manifests of ``absent`` ones are nowhere: layouts hold such an index, and docker-registry refuses it.
    """
    entries, manifests, blobs = list[Mapping[str, Any]](), list[bytes](), dict[str, bytes]()
    for architecture, image in images.items():
        entries.append(for_platform(image.descriptor, "linux", architecture))
        if architecture not in absent:
            manifests.append(image.manifest)
            blobs |= _blobs_of(image)
    for architecture in attested:
        attestation = make_attestation(images[architecture])
        note = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": images[architecture].digest,
        }
        entries.append({**for_platform(attestation.descriptor, "unknown", "unknown"), "annotations": note})
        manifests.append(attestation.manifest)
        blobs |= _blobs_of(attestation)
    return Tagged(repository, tag, index_bytes(entries), f"{OCI}.index.v1+json", manifests, blobs)


def make_attestation(image: BuiltImage) -> BuiltImage:
    """A manifest of BuildKit's attestations about an image: a config that is none, and statements in place of layers."""
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://spdx.dev/Document",
        "subject": [{"name": "_", "digest": {"sha256": image.digest.partition(":")[2]}}],
        "predicate": {"name": "packages", "padding": "x" * 500},
    }
    data = json.dumps(statement).encode()
    config = json.dumps({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": [sha256(data)]}}).encode()  # fmt: skip
    document = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": {"mediaType": f"{OCI}.config.v1+json", "digest": sha256(config), "size": len(config)},
        "layers": [{
            "mediaType": "application/vnd.in-toto+json", "digest": sha256(data), "size": len(data),
            "annotations": {"in-toto.io/predicate-type": "https://spdx.dev/Document"},
        }],
    }  # fmt: skip
    return BuiltImage((BuiltLayer(data, data, "plain"),), config, json.dumps(document).encode())


def _blobs_of(image: BuiltImage) -> dict[str, bytes]:
    return {digest: data for digest, data in image.blobs.items() if digest != image.digest}


def many_images(count: int, layers: int, *, size: int = 1000, repositories: int = 1) -> list[Tagged]:
    """``count`` images of ``layers`` distinct layers in all: bases, runtimes on these, and one layer of each image's own.

    There are more layers than images. ``size`` is about the bytes of a layer; tags are spread over the ``repositories``.
    """
    shared = layers - count
    if shared < 1:
        raise ValueError(f"{layers} layers are too few for {count} images with a layer of their own")
    bases = max(1, shared // 15)
    runtimes = shared - bases
    made = [layer(_random_files(f"layer {number}", size)) for number in range(layers)]
    images = list[Tagged]()
    for number in range(count):
        runtime = number % runtimes if runtimes else 0
        parts = [made[runtime % bases], *made[bases + runtime : bases + runtime + 1][:runtimes], made[shared + number]]
        image = build_image(parts, config={"created": f"2026-01-{1 + number % 28:02}T00:00:00Z"})
        images.append(tagged(f"many/app{number % repositories}", f"v{number}", image))
    return images


def _random_files(seed: str, size: int) -> dict[str, Entry]:
    """Three files of random bytes, which do not compress."""
    numbers = random.Random(seed)
    folder = f"srv/{seed.replace(' ', '-')}"
    return {f"{folder}/data{number}": numbers.randbytes(size // 3 + 1) for number in range(3)}


@functools.cache
def service_family() -> tuple[Tagged, ...]:
    """Three services on one base, four tags each, and the two tags of the base.

    ``base`` 12.1, 12.2; ``api`` and ``worker`` share a runtime of Python, ``web`` has one of node.

    * ``api``: 1.1 changes the application; 1.2 rebuilds the dependencies without a change of their content; 2.0 is on base 12.2.
    * ``web``: 1.1 has two layers in another order; 1.2 changes the application; 2.0 is on base 12.2, and ``stable`` is the same.
    * ``worker``: 1.1 is 1.0 compressed with zstd; 1.2 is an index of two platforms with an attestation; 2.0 is one on base 12.2.
    """
    bases = {version: _base(version) for version in ("12.1", "12.2")}
    python, node = _runtime("python3.11"), _runtime("node20")
    api, worker, web = (_dependencies(name) for name in ("api", "worker", "web"))
    rebuilt = _dependencies("api", mtime=_DAY)
    base = "registry.example/base"
    images = {
        ("base", "12.1"): [*bases["12.1"]],
        ("base", "12.2"): [*bases["12.2"]],
        ("api", "1.0"): [*bases["12.1"], python, api, _application("api", 1)],
        ("api", "1.1"): [*bases["12.1"], python, api, _application("api", 2)],
        ("api", "1.2"): [*bases["12.1"], python, rebuilt, _application("api", 2)],
        ("api", "2.0"): [*bases["12.2"], python, rebuilt, _application("api", 3)],
        ("web", "1.0"): [*bases["12.1"], node, web, _application("web", 1)],
        ("web", "1.1"): [*bases["12.1"], node, _application("web", 1), web],
        ("web", "1.2"): [*bases["12.1"], node, web, _application("web", 2)],
        ("web", "2.0"): [*bases["12.2"], node, web, _application("web", 3)],
        ("worker", "1.0"): [*bases["12.1"], python, worker, _application("worker", 1)],
        ("worker", "1.2"): [*bases["12.1"], python, worker, _application("worker", 2)],
        ("worker", "2.0"): [*bases["12.2"], python, worker, _application("worker", 3)],
    }
    built = {key: _service(parts, *key, base=base) for key, parts in images.items()}
    tags = {key: tagged(*key, image) for key, image in built.items()}
    tags["worker", "1.1"] = tagged("worker", "1.1", built["worker", "1.0"].recompressed("zstd"))
    tags["web", "stable"] = attrs.evolve(tags["web", "2.0"], tag="stable")
    arm = {
        version: _service(
            [*_base(number, "arm64"), _runtime("python3.11", "arm64"), worker], "worker", version, "arm64", base
        )
        for version, number in (("1.2", "12.1"), ("2.0", "12.2"))
    }
    tags["worker", "1.2"] = tagged_index(
        "worker", "1.2", {"amd64": built["worker", "1.2"], "arm64": arm["1.2"]}, attested=["amd64"]
    )
    tags["worker", "2.0"] = tagged_index("worker", "2.0", {"amd64": built["worker", "2.0"], "arm64": arm["2.0"]})
    order = ("base", "api", "web", "worker")
    return tuple(tags[key] for key in sorted(tags, key=lambda key: (order.index(key[0]), key[1])))


def _service(
    parts: Sequence[BuiltLayer], repository: str, tag: str, architecture: str = "amd64", base: str = ""
) -> BuiltImage:
    """An image of the family; its label names the base, and its date is that of its tag."""
    major, _, minor = tag.partition(".")
    month = int(major) % 10 * 3 + int(minor)
    labels = {} if repository == "base" else {"org.opencontainers.image.base.name": f"{base}:12"}
    config = {"created": f"2026-{month:02}-01T00:00:00Z", "config": {"Labels": labels}}
    names = [f"RUN /bin/sh -c build {repository} step {number} # buildkit" for number in range(len(parts))]
    history = [{"created_by": name, "created": config["created"]} for name in names]
    return build_image(parts, architecture=architecture, history=history, config=config)


def _base(version: str, architecture: str = "amd64") -> tuple[BuiltLayer, BuiltLayer]:
    """The system and its certificates: only libssl and the name of the release differ between versions."""
    system: dict[str, Entry] = {
        "etc/os-release": f'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian {version}"\n'.encode(),
        "usr/bin/bash": File(_content(f"bash {architecture}", 12_000), mode=0o755),
        "usr/lib/libc.so.6": _content(f"libc {architecture}", 20_000),
        "usr/lib/libssl.so.3": _content(f"libssl {version} {architecture}", 9_000),
        "usr/lib/libssl.so": Link("libssl.so.3"),
        "var/cache/apt/archives/libssl3_3.0.11_amd64.deb": _content(f"deb {version}", 8_000),
    }
    return layer(system), layer({"etc/ssl/certs/ca-certificates.crt": _content("authorities", 6_000)})


def _runtime(name: str, architecture: str = "amd64") -> BuiltLayer:
    return layer({
        f"usr/local/bin/{name}": File(_content(f"{name} {architecture}", 30_000), mode=0o755),
        f"usr/local/lib/{name}/standard": _content(f"{name} library", 15_000),
    })  # fmt: skip


def _dependencies(service: str, *, mtime: int = 0) -> BuiltLayer:
    """The dependencies of a service, one of them its own and one that all services have; ``mtime`` is not content."""
    return layer({
        f"opt/{service}/lib/{service}-only.so": File(_content(f"{service} only", 10_000), mtime=mtime),
        f"opt/{service}/lib/protobuf.so": File(_content("protobuf", 7_000), mtime=mtime),
        f"opt/{service}/lib/cacert.pem": File(_content("authorities", 6_000), mtime=mtime),
        f"root/.cache/pip/{service}": File(_content(f"{service} cache", 3_000), mtime=mtime),
    })  # fmt: skip


def _application(service: str, version: int, compression: Compression = "gzip") -> BuiltLayer:
    entries: dict[str, Entry] = {f"srv/{service}/main": _content(f"{service} {version}", 4_000)}
    if service == "worker":
        entries["srv/worker/.env"] = b"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYx\n"
    return layer(entries, compression)


def _content(seed: str, size: int) -> bytes:
    """Bytes that compress a little: half of them are random."""
    return random.Random(seed).randbytes(size // 2) + seed.encode() * (size // 2 // len(seed))


def write_fleet(tags: Iterable[Tagged], folder: Path) -> Path:
    """An OCI layout with all images, named ``repository:tag``."""
    entries, blobs = list[Mapping[str, Any]](), dict[str, bytes]()
    for tag in tags:
        descriptor = {"mediaType": tag.media_type, "digest": tag.digest, "size": len(tag.document)}
        entries.append(named(descriptor, f"{tag.repository}:{tag.tag}"))
        blobs |= {sha256(data): data for data in (tag.document, *tag.manifests)} | dict(tag.blobs)
    return write_files(layout_files(index_bytes(entries), blobs), folder)


def push_fleet(registry: RealRegistry, tags: Iterable[Tagged]) -> list[str]:
    """Push all images, each blob once to each repository, and return their references in order."""
    tags = list(tags)
    blobs = {(tag.repository, digest): data for tag in tags for digest, data in tag.blobs.items()}
    children = {(tag.repository, sha256(data)): data for tag in tags for data in tag.manifests}
    with requests.Session() as session, ThreadPoolExecutor(_PUSHERS) as threads:
        session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=_PUSHERS)
        session.mount("http://", adapter)
        push = functools.partial(_push_blob, session, registry)
        list(threads.map(lambda item: push(item[0][0], item[1]), blobs.items()))
        for (repository, digest), data in children.items():
            _push_manifest(session, registry, repository, digest, data, f"{OCI}.manifest.v1+json")
        for tag in tags:
            _push_manifest(session, registry, tag.repository, tag.tag, tag.document, tag.media_type)
    return [f"{registry.host}/{tag.repository}:{tag.tag}" for tag in tags]


def _push_blob(session: requests.Session, registry: RealRegistry, repository: str, data: bytes) -> None:
    start = session.post(f"{registry.url}/v2/{repository}/blobs/uploads/", timeout=_SECONDS)
    start.raise_for_status()
    place = urllib.parse.urljoin(registry.url, start.headers["Location"])
    mark = "&" if "?" in place else "?"
    headers = {"Content-Type": "application/octet-stream"}
    answer = session.put(f"{place}{mark}digest={sha256(data)}", data=data, headers=headers, timeout=_SECONDS)
    answer.raise_for_status()


def _push_manifest(
    session: requests.Session, registry: RealRegistry, repository: str, name: str, data: bytes, media_type: str
) -> None:
    url = f"{registry.url}/v2/{repository}/manifests/{name}"
    answer = session.put(url, data=data, headers={"Content-Type": media_type}, timeout=_SECONDS)
    assert answer.ok, answer.text


def delete_manifest(registry: RealRegistry, repository: str, digest: str) -> None:
    """Delete a manifest, and with it the tags that name it; its blobs stay until garbage is collected."""
    registry.request("DELETE", f"/v2/{repository}/manifests/{digest}", repository)


def serve_fleet(server: Server, tags: Iterable[Tagged]) -> list[str]:
    """Let a scripted server answer for all images, and return their references in order."""
    tags = list(tags)
    for tag in tags:
        answer = Answer(tag.document, headers={"Docker-Content-Digest": tag.digest, "Content-Type": tag.media_type})
        for name in (tag.tag, tag.digest):
            server.on(f"/v2/{tag.repository}/manifests/{name}", answer)
        for data in tag.manifests:
            headers = {"Docker-Content-Digest": sha256(data), "Content-Type": f"{OCI}.manifest.v1+json"}
            server.on(f"/v2/{tag.repository}/manifests/{sha256(data)}", Answer(data, headers=headers))
        for digest, data in tag.blobs.items():
            server.on(f"/v2/{tag.repository}/blobs/{digest}", Answer(data))
    return [f"{server.host}/{tag.repository}:{tag.tag}" for tag in tags]
