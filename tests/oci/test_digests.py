"""Digest algorithms in descriptors: those that can be verified are, and the others are named in an error."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import OcisizeError
from tests.images import build_image, index_bytes, layer, layout_files, sha256, write_files

TAR = layer({"etc/a": b"a" * 1000})


def digest_by(algorithm: str, data: bytes) -> str:
    """The digest of bytes, of an algorithm that Python lacks any with its length."""
    known = algorithm in hashlib.algorithms_guaranteed and not algorithm.startswith("shake")
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest() if known else 64 * '0'}"


def write(folder: Path, algorithm: str, *parts: str, wrong: bool = False) -> Path:
    """A layout of an image of which some parts have digests of an algorithm."""
    image = build_image([TAR])
    document: dict[str, Any] = json.loads(image.manifest)
    blobs = dict(image.blobs)
    for name, descriptor, data in [("config", document["config"], image.config), ("layer", document["layers"][0], TAR.blob)]:
        if name in parts:
            descriptor["digest"] = digest_by(algorithm, data + b"?" * wrong)
            blobs[descriptor["digest"]] = data
    manifest = json.dumps(document).encode()
    digest = digest_by(algorithm, manifest + b"?" * wrong) if "manifest" in parts else sha256(manifest)
    entry = {**image.descriptor, "digest": digest, "size": len(manifest)}
    return write_files(layout_files(index_bytes([entry]), blobs | {digest: manifest}), folder / "layout")


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
def test_verified_algorithms(algorithm: str, part: str, tmp_path: Path) -> None:
    """The bytes are verified by the algorithm that the descriptor names; sha256 is the one of the image's own digest."""
    found = Analyzer().analyze(write(tmp_path, algorithm, part))
    assert (found.content_size, found.layers[0].digest_verified) == (1000, True)
    with pytest.raises(OcisizeError, match=f"has digest {algorithm}:"):
        Analyzer().analyze(write(tmp_path / "wrong", algorithm, part, wrong=True))


# skopeo 1.9.3: "unsupported digest algorithm"
@pytest.mark.parametrize("algorithm", ["blake3", "md5", "sha1", "sha3-256", "shake128", "xyz"])
@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
def test_other_algorithms_are_named(algorithm: str, part: str, tmp_path: Path) -> None:
    """What cannot be verified is an error that names the digest, never an unverified figure."""
    with pytest.raises(OcisizeError, match=f"cannot verify {algorithm}:[0-9a-f]+: unknown algorithm {algorithm}"):
        Analyzer().analyze(write(tmp_path, algorithm, part))


def test_an_unknown_diff_id(tmp_path: Path) -> None:
    """A diff_id is checked only if it is asked for; the figures do not depend on it."""
    image = build_image([TAR], config={"rootfs": {"type": "layers", "diff_ids": [digest_by("blake3", TAR.tar)]}})
    folder = write_files(
        layout_files(index_bytes([image.descriptor]), image.blobs | {image.digest: image.manifest}), tmp_path / "layout"
    )
    assert Analyzer().analyze(folder).layers[0].diff_id_verified is False
    with pytest.raises(OcisizeError, match="cannot verify blake3:0+: unknown algorithm blake3"):
        Analyzer(verify=True).analyze(folder)
