"""Releases for tests: histories of random images, and stores that work as clients do, one blob after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hypothesis import strategies as st

from ocisize.model.build_step import BuildStep
from ocisize.model.fleet import Blob, BlobKind
from ocisize.model.updates import Release, ReleaseLayer

STEPS = ("ADD file:0123456789ab… in /", "RUN apt-get install -y curl", "COPY . /app", "RUN make", "RUN npm ci", "")


def digest(text: str) -> str:
    """The digest of a text, in the place of a blob."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def make_layers(contents: Sequence[tuple[str, str, int, str]]) -> tuple[ReleaseLayer, ...]:
    """Layers of (tar, compression, size, build step): blobs of one tar and compression are equal."""
    return tuple(
        ReleaseLayer(
            index=index, digest=digest(f"{tar} {compression}"), diff_id=digest(tar), size=size, build_step=BuildStep(step)
        )
        for index, (tar, compression, size, step) in enumerate(contents)
    )


def make_release_of(layers: Sequence[ReleaseLayer], name: str = "app:1", *, base_layers: int = 0) -> Release:
    """A release of some layers, with a manifest of 500 bytes and a config of 1,000.

    As of real images, the name of the release and the tars make the config, and the blobs make the manifest.
    """
    config = digest(f"config {name} {[layer.diff_id for layer in layers]}")
    root = digest(f"{config} {[layer.digest for layer in layers]}")
    documents = (Blob(root, 500, BlobKind.MANIFEST), Blob(config, 1000, BlobKind.CONFIG))
    return Release(
        name=name, names=(name,), digest=root, platform="linux/amd64", documents=documents, layers=tuple(layers),
        base_layers=base_layers,
    )  # fmt: skip


def _sized(tar: str, compression: str, step: str) -> tuple[str, str, int, str]:
    """A layer whose size depends on its blob, as sizes do."""
    return tar, compression, int(digest(f"{tar} {compression}")[7:11], 16), step


layer_contents = st.builds(_sized, st.sampled_from("abcdef"), st.sampled_from(["gzip", "zstd"]), st.sampled_from(STEPS))
layers_of_images = st.lists(layer_contents, max_size=6).map(make_layers)
histories = st.lists(layers_of_images, min_size=1, max_size=7).map(
    lambda images: [make_release_of(layers, f"app:{number % 3}") for number, layers in enumerate(images)]
)


class BlobStore:
    """A client that keeps blobs by digest: what it downloads is in ``received``."""

    def __init__(self) -> None:
        self.blobs = set[str]()
        self.received = 0

    def pull(self, release: Release) -> None:
        documents = [(blob.digest, blob.size) for blob in release.documents]
        for blob_digest, size in documents + [(layer.digest, layer.size) for layer in release.layers]:
            if blob_digest not in self.blobs:
                self.blobs.add(blob_digest)
                self.received += size


class ChainStore:
    """The classic store of docker: layers by the digest of the chain of their diff_ids."""

    def __init__(self) -> None:
        self.chains = set[str]()
        self.diff_ids = dict[str, str]()  #: by digest of blobs that were pulled
        self.documents = set[str]()
        self.received = 0

    def pull(self, release: Release) -> None:
        has_image = any(blob.kind is BlobKind.CONFIG and blob.digest in self.documents for blob in release.documents)
        for blob in release.documents:
            self.received += blob.size * (blob.digest not in self.documents)
            self.documents.add(blob.digest)
        if has_image:
            return
        chain, is_missing, transfers = "", False, set[str]()
        for layer in release.layers:
            known = self.diff_ids.get(layer.digest)
            chain_if_known = digest(f"{chain} {known}")
            is_missing = is_missing or known is None or chain_if_known not in self.chains
            if is_missing and layer.digest not in transfers:
                transfers.add(layer.digest)
                self.received += layer.size
            chain = digest(f"{chain} {layer.diff_id}")
            if is_missing:
                self.chains.add(chain)
        self.diff_ids.update({layer.digest: str(layer.diff_id) for layer in release.layers})
