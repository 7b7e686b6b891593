"""What is not so is never shown as so: verification, names that look like schemes, hostile texts, repeated layers."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from ocisize import Analyzer, to_json
from ocisize.errors import ArchiveError, DigestMismatch, DocumentError, LayerError, OcisizeError
from ocisize.oci.image import read_image
from ocisize.oci.documents import Descriptor
from ocisize.oci.parse import parse_manifest
from ocisize.oci.platform import parse_platform
from ocisize.report.text.full import write_sections
from ocisize.sources.open import open_source
from ocisize.sources.open_store import open_store
from tests.images import (
    BuiltImage,
    BuiltLayer,
    Compression,
    build_image,
    compress,
    docker_archive_entries,
    for_platform,
    index_bytes,
    layer,
    layout_files,
    named,
    sha256,
    tar_bytes,
    write_docker_archive,
    write_files,
    write_layout,
    write_oci_archive,
)
from tests.oci.test_image import MemorySource


def text_of(path: Path) -> str:
    file = io.StringIO()
    write_sections(Analyzer().analyze(path), file)
    return file.getvalue()


def test_a_gzip_digest_is_no_diff_id(tmp_path: Path) -> None:
    """A config that lists the stored digest as diff_id does not pass for a verified diff_id."""
    built = layer({"a": b"1"})
    image = build_image([built], config={"rootfs": {"type": "layers", "diff_ids": [built.digest]}})
    folder = write_layout(image, tmp_path / "l")
    assert not Analyzer().analyze(folder).layers[0].diff_id_verified
    with pytest.raises(LayerError, match="uncompressed layer has digest"):
        Analyzer(verify=True).analyze(folder)


def crane_legacy(tmp_path: Path, stored: BuiltLayer) -> Path:
    """An archive that names its compressed layer after nothing; the config is of a layer with one small file."""
    image = build_image([layer({"a": b"1"})])
    entries = docker_archive_entries(image, "crane-legacy", ["app:1"])
    member = next(name for name in entries if name.endswith("layer.tar"))
    path = tmp_path / "app.tar"
    path.write_bytes(tar_bytes({**entries, member: stored.blob}))
    return path


def test_a_digest_of_our_own_proves_nothing(tmp_path: Path) -> None:
    """Where only the bytes themselves name a layer, its diff_id is checked and its digest not called verified."""
    found = Analyzer().analyze(crane_legacy(tmp_path, layer({"a": b"1"}))).layers[0]
    assert (found.digest_verified, found.diff_id_verified) == (False, True)
    with pytest.raises(LayerError) as caught:
        Analyzer().analyze(crane_legacy(tmp_path, layer({"a": b"2"})))
    assert isinstance(caught.value.cause, DigestMismatch)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("registry:2", "docker.io/library/registry:2"),
        ("docker:27-dind", "docker.io/library/docker:27-dind"),
        ("docker://alpine", "docker.io/library/alpine:latest"),
        ("registry://alpine", "docker.io/library/alpine:latest"),
        ("registry:ghcr.io/a/b:1", "ghcr.io/a/b:1"),
    ],
)
def test_images_named_like_schemes(text: str, reference: str) -> None:
    """The images called registry and docker can be named as everywhere else."""
    source = open_source(text)
    assert source.reference == reference
    source.close()


def test_documents_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Escape sequences in the platform, the date, the build step or a name are shown, not sent."""
    evil = "x\x1b]0;pwned\x07"
    image = build_image([layer({"a": b"1"})], os=evil, architecture=evil, config={"created": evil})
    folder = write_files(layout_files(index_bytes([named(image.descriptor, evil)]), image.blobs), tmp_path / "l")
    assert "\x1b" not in text_of(folder)
    assert "\x07" not in text_of(folder)


def test_lone_surrogates_are_written_as_escapes(tmp_path: Path) -> None:
    """JSON may hold halves of characters; reports write them as escapes."""
    image = build_image([layer({"a": b"1"})], history=[{"created_by": "RUN \ud800 \udcff"}])
    folder = write_layout(image, tmp_path / "l")
    assert r"RUN \ud800" in text_of(folder)
    assert json.loads(to_json(Analyzer().analyze(folder)))["layers"][0]["build_step"].startswith("RUN")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_output_encoding_will_do(tmp_path: Path, encoding: str) -> None:
    """A terminal that lacks a character gets an escape, not a traceback."""
    folder = write_layout(build_image([layer({"a": b"1" * 9}), layer({"a": b"2"})]), tmp_path / "l")
    result = subprocess.run(
        [sys.executable, "-m", "ocisize", str(folder)], capture_output=True, check=False, timeout=60,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"Layers  0" in result.stdout


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_closed_streams_are_no_error(tmp_path: Path, closed: str) -> None:
    """A caller may close standard output or standard error."""
    folder = write_layout(build_image([layer({"a": b"1"})]), tmp_path / "l")
    command = f"{sys.executable} -m ocisize {folder} {closed}"
    assert subprocess.run(["bash", "-c", command], check=False, timeout=60, capture_output=True).returncode == 0


@pytest.mark.parametrize("media_type", [[], {}, 5])
def test_a_media_type_of_a_wrong_type_is_refused(media_type: object) -> None:
    """A media type that is no text is a DocumentError like every other mistake."""
    with pytest.raises(DocumentError):
        parse_manifest(json.dumps({"manifests": [], "mediaType": media_type}).encode(), "it")


@pytest.mark.parametrize("outer", ["plain", "gzip"])
def test_stores_may_be_closed_twice(tmp_path: Path, outer: str) -> None:
    """Closing again does nothing, least of all to a file that got the number meanwhile."""
    image = build_image([layer({"a": b"1"})])
    path = write_docker_archive(image, tmp_path / "a.tar", outer="gzip" if outer == "gzip" else "plain")
    store = open_store(path)
    store.close()
    with path.open("rb") as other:
        store.close()
        assert other.read(1)


def test_documents_do_not_keep_files_open(tmp_path: Path) -> None:
    """An index of more manifests than files may be open can be looked through."""
    image = build_image([layer({"a": b"1"})], architecture="s390x")
    limit = 100
    manifests = [image.manifest + b" " * number for number in range(limit)]
    entries = [{**image.descriptor, "digest": sha256(data), "size": len(data)} for data in manifests]
    inner = index_bytes(entries)
    entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(inner), "size": len(inner)}
    blobs = image.blobs | {sha256(data): data for data in manifests} | {sha256(inner): inner}
    folder = write_files(layout_files(index_bytes([named(entry, "x")]), blobs), tmp_path / "l")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        assert Analyzer(platform="linux/s390x").analyze(folder).platform == "linux/s390x"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Counting(MemorySource):
    """Counts what is asked for."""

    def __init__(self, root: bytes, blobs: dict[str, bytes]) -> None:
        super().__init__(root, blobs)
        self.asked: list[str] = []

    def read_manifest(self, digest: str | None = None) -> bytes:
        self.asked.append(digest or "root")
        return super().read_manifest(digest)

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        self.asked.append(descriptor.digest)
        return super().open_blob(descriptor)


def test_nested_indexes_are_read_once() -> None:
    """An index that is listed many times over, level by level, is looked into once."""
    image = build_image([layer({"a": b"1"})])
    blobs, data = dict(image.blobs), index_bytes([image.descriptor])
    for _ in range(6):
        blobs[sha256(data)] = data
        entry = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": sha256(data), "size": len(data)}
        data = index_bytes([for_platform(entry, "linux", f"a{number}") for number in range(10)])
    source = Counting(data, blobs)
    read_image(source, parse_platform("linux/amd64"))
    assert len(source.asked) < 20


def test_repeated_layers_are_read_once() -> None:
    """A layer that is repeated ten times in an image is fetched and scanned once."""
    built = layer({"a": b"1"})
    image: BuiltImage = build_image([built] * 10)
    source = Counting(image.manifest, image.blobs)
    analysis = Analyzer().analyze_source(source)
    assert source.asked.count(built.digest) == 1
    assert (len(analysis.layers), analysis.content_size, analysis.live_size) == (10, 10, 1)


def test_the_platform_of_the_index_counts() -> None:
    """An image chosen by the index is taken, whatever its config says of the variant."""
    image = build_image([layer({"a": b"1"})], architecture="arm")
    source = MemorySource(index_bytes([for_platform(image.descriptor, "linux", "arm", "v6")]), image.blobs)
    assert read_image(source, parse_platform("linux/arm/v6")).digest == image.digest


def test_a_name_for_several_platforms(tmp_path: Path) -> None:
    """Several entries of a layout under one name are the platforms of one image; @N takes one of all."""
    images = {name: build_image([layer({"a": name.encode()})], architecture=name) for name in ("amd64", "arm64")}
    other = build_image([layer({"b": b"other"})])
    entries = [named(for_platform(image.descriptor, "linux", name), "app:1") for name, image in images.items()]
    entries = [
        {**entry, "platform": {"os": "linux", "architecture": name}} for entry, name in zip(entries, images, strict=True)
    ]
    blobs = {digest: data for image in (*images.values(), other) for digest, data in image.blobs.items()}
    files = layout_files(index_bytes([*entries, named(other.descriptor, "other")]), blobs)
    folder = write_files(files, tmp_path / "l")
    for name, image in images.items():
        assert Analyzer(platform=f"linux/{name}").analyze(folder, select="app:1").digest == image.digest
    assert Analyzer().analyze(folder, select="@2").digest == other.digest


def test_an_unknown_compressed_size_is_unknown_for_each_file(tmp_path: Path) -> None:
    """Where a layer's compressed size is unknown, no file of it claims to know its own."""
    analysis = Analyzer().analyze(write_docker_archive(build_image([layer({"a": b"1" * 99})]), tmp_path / "a.tar"))
    assert analysis.layers[0].files is not None
    assert analysis.layers[0].files[0].compressed_size is None
    assert analysis.layers[0].overhead_size is None


COMPRESSIONS: tuple[Compression, ...] = ("gzip", "zstd", "plain")
SAID = [(said, stored) for said in COMPRESSIONS for stored in COMPRESSIONS]


def contradicting(said: Compression, stored: Compression, architecture: str = "amd64") -> BuiltImage:
    """An image of two layers; the media type of the upper one may say another compression than its bytes have."""
    tar = tar_bytes({"a": b"1"})
    return build_image([layer({"b": b"22"}), BuiltLayer(tar, compress(tar, stored), said)], architecture=architecture)


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize(("said", "stored"), SAID)
def test_other_bytes_than_the_media_type_says(
    tmp_path: Path, said: Compression, stored: Compression, *, verify: bool
) -> None:
    """Bytes decide what a layer is compressed with, as in containerd and Docker; another media type is a warning.

    The warning does not depend on how the layer is read: in place, as plain layers of local files are, or streamed.
    """
    image = contradicting(said, stored)
    expected = () if said == stored else (f"layer 1: stored as {stored}, but its media type says {said}",)
    for path in (write_layout(image, tmp_path / "l"), write_oci_archive(image, tmp_path / "a.tar")):
        analysis = Analyzer(verify=verify).analyze(path)
        assert (analysis.layers[1].compression, analysis.warnings) == (stored, expected)


def test_kept_scans_and_media_types(tmp_path: Path) -> None:
    """A layer that is not read again has the media type of its own image."""
    wrong, right = contradicting("zstd", "gzip"), contradicting("gzip", "gzip")
    folders = [write_layout(image, tmp_path / name) for image, name in ((wrong, "wrong"), (right, "right"), (wrong, "w2"))]
    analyzer = Analyzer(keep_layers=True)
    assert [len(analyzer.analyze(folder).warnings) for folder in folders] == [1, 0, 1]


def test_shared_scans_and_media_types(tmp_path: Path) -> None:
    """Nor has a layer that the images of two platforms share."""
    images = {"amd64": contradicting("zstd", "gzip"), "arm64": contradicting("gzip", "gzip", "arm64")}
    entries = [for_platform(image.descriptor, "linux", name) for name, image in images.items()]
    blobs = {digest: data for image in images.values() for digest, data in image.blobs.items()}
    index = Analyzer().analyze_all(write_files(layout_files(index_bytes(entries), blobs), tmp_path / "l"))
    assert {name: len(analysis.warnings) for name, analysis in index.analyses.items()} == {
        "linux/amd64": 1,
        "linux/arm64": 0,
    }


def test_an_oci_archive_is_no_docker_archive(tmp_path: Path) -> None:
    """A scheme that does not fit says what the file is."""
    path = write_oci_archive(build_image([]), tmp_path / "a.tar")
    with pytest.raises(ArchiveError, match="it is an OCI layout, not a docker-archive"):
        Analyzer().analyze(f"docker-archive:{path}")


def test_jobs_must_be_positive() -> None:
    """No jobs would be no work."""
    with pytest.raises(ValueError, match="jobs"):
        Analyzer(jobs=0)


def test_long_paths_after_a_scheme(tmp_path: Path) -> None:
    """A name no file can have is an error like any missing file."""
    with pytest.raises(OcisizeError, match="cannot open"):
        Analyzer().analyze(f"oci-dir:{'x' * 300}")


def test_errors_are_short(tmp_path: Path) -> None:
    """Whatever an image names things, an error is a few lines."""
    image = build_image([layer({"a": b"1"})])
    manifest = json.loads(image.manifest)
    manifest["layers"][0]["digest"] = "x" * 100_000 + ":"
    source = MemorySource(json.dumps(manifest).encode(), image.blobs)
    with pytest.raises(DocumentError, match="is not a digest") as caught:
        read_image(source)
    assert len(str(caught.value)) < 3000
