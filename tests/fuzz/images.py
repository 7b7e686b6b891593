"""Harnesses of documents and of whole images, from bytes in memory and from files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from ocisize import Analyzer, to_json
from ocisize.rules.load import load_catalog
from ocisize.model.platforms import IndexAnalysis
from ocisize.model.analysis import Analysis
from ocisize.errors import ArchiveError
from ocisize.oci.documents import Descriptor, Index, Manifest
from ocisize.blob.digest import is_digest
from ocisize.oci.parse import parse_config, parse_manifest
from ocisize.report.json.platforms import index_to_json
from tests import images
from tests.fuzz.layers import TAR_TOKENS, tars
from tests.fuzz.oracle import Harness, Refused, check_analysis, check_report, outcome, same
from tests.fuzz.shapes import SPLIT, edited, mend_tar, parts_of
from tests.images import DIR, OCI, BuiltImage, Entries, Hard, Link, build_image, compress, layer, raw_layer, sha256

JSON_TOKENS = (
    b'"mediaType"', b'"digest"', b'"size"', b'"layers"', b'"config"', b'"manifests"', b'"annotations"', b'"platform"', b'"os"',
    b'"architecture"', b'"variant"', b'"rootfs"', b'"diff_ids"', b'"history"', b'"created_by"', b'"empty_layer"', b'"fsLayers"',
    b'"artifactType"', b'"urls"', b'"RepoTags"', b'"Layers"', b'"Config"', b"null", b"true", b"[", b"]", b"{", b"}", b"1e999",
    b"NaN", b"\\ud800", b"\\u0000", b"sha256:", b"application/vnd.oci.image.index.v1+json", b"-1", b"9223372036854775808",
)  # fmt: skip
_FORMS = (*images.DOCKER_STYLES, "oci-archive", "repeated", "memory")
_COMPRESSIONS: tuple[images.Compression, ...] = ("plain", "gzip", "zstd")


@cache
def analyzers() -> tuple[Analyzer, Analyzer]:
    """A hasty and a thorough one, which read layers one after the other; with few rules, as many take most of the time."""
    whole = load_catalog()
    catalog = attrs.evolve(whole, rules=whole.rules[::8], secrets=whole.secrets[:3], public=whole.public[:2])
    common: dict[str, Any] = {"jobs": 1, "catalog": catalog, "packages": True}
    return Analyzer(**common), Analyzer(**common, verify=True, hash_content=True)


# documents


def run_documents(data: bytes) -> None:
    """Manifests, indexes and configs: values of the right types, or refused."""
    for media_type in ("", f"{OCI}.index.v1+json", f"{OCI}.manifest.v1+json"):
        document = outcome(lambda media_type=media_type: parse_manifest(data, "the manifest", media_type))  # type: ignore[misc]
        if isinstance(document, Index):
            _check_descriptors(*document.manifests)
        elif isinstance(document, Manifest):
            _check_descriptors(document.config, *document.layers)
    config = same(outcome(lambda: parse_config(data, "the config")), outcome(lambda: parse_config(data, "the config")))
    if config is not None:
        assert all(is_digest(diff_id) for diff_id in config.rootfs.diff_ids)
        assert all(type(text) is str for step in config.history for text in (step.created_by, step.created, step.comment))
        assert str(config.platform)


def _check_descriptors(*descriptors: Descriptor) -> None:
    for descriptor in descriptors:
        assert is_digest(descriptor.digest) and 0 <= descriptor.size < 1 << 63
        assert all(type(text) is str for pair in descriptor.annotations.items() for text in pair)


def run_documents_edited(data: bytes) -> None:
    """The same with well-formed JSON."""
    number = data[0] if data else 0
    documents = _documents()
    document = edited(documents[number % len(documents)], data[1:])
    run_documents(json.dumps(document).encode())


@cache
def _documents() -> tuple[Any, ...]:
    image = _image()
    entries = [images.for_platform(images.named(image.descriptor, "app:1"), "linux", "arm64", "v8"), image.descriptor]
    return tuple(json.loads(data) for data in (image.config, image.manifest, images.index_bytes(entries)))


def document_seeds() -> list[bytes]:
    return [b"{}", b"[]", *(json.dumps(document).encode() for document in _documents())]


def edit_seeds() -> list[bytes]:
    """A few edits of each document, one kind after the other."""
    return [bytes([number]) + bytes([0, number * 3, number * 9 % 256, number]) * (number % 4) for number in range(36)]


# images


def run_image(data: bytes) -> None:
    """An image whose digests are right and whose documents and layers are anybody's."""
    head, config_edits, manifest_edits, *tars_made = parts_of(data, 8)
    flags = head + bytes(6)
    layers = [
        raw_layer(tar if flags[0] & 1 else mend_tar(tar), _COMPRESSIONS[(flags[1] + number) % 3])
        for number, tar in enumerate(tars_made)
        if tar
    ]
    plain = build_image(layers, config=_RUN)
    config = json.dumps(edited(json.loads(plain.config), config_edits)).encode()
    manifest = json.loads(plain.manifest)
    manifest["config"] |= {"digest": sha256(config), "size": len(config)}
    image = BuiltImage(plain.layers, config, json.dumps(edited(manifest, manifest_edits)).encode())
    form = _FORMS[flags[2] % len(_FORMS)]
    analyzer = analyzers()[flags[3] % 2]
    with _stored(image, form, _COMPRESSIONS[flags[4] % 3]) as name:
        analysis = analyze_twice(name, analyzer)
        if analysis is not None:
            check_report(analysis, flags[5])


_RUN: Mapping[str, Any] = {
    "config": {"User": "", "Env": ["PATH=/bin", "KEY=AKIAIOSFODNN7EXAMPLE"], "Cmd": ["sh"], "Labels": {"a": "b"}, "WorkingDir": "/app"},
    "history": [
        {"created_by": "ADD file:1 in /"}, {"created_by": "/bin/sh -c #(nop) ENV A=1", "empty_layer": True},
        {"created_by": "RUN |1 A=b /bin/sh -c apt-get update && apt-get install -y curl # buildkit"},
        {"created_by": "COPY --chown=1:1 . /app\x1b]0;x\x07 # buildkit"}, {"created_by": "RUN chown -R app /app"},
    ],
}  # fmt: skip


@cache
def _image() -> BuiltImage:
    entries: Entries = {
        "etc": DIR,
        "etc/os-release": b"ID=debian\n",
        "a": b"one" * 50,
        "b": Hard("a"),
        "l": Link("a"),
        "var/cache/apt/x.deb": b"x",
    }
    return build_image([layer(entries), layer({".wh.a": b"", "c": b"one" * 50})], config=_RUN)


def image_seeds() -> list[bytes]:
    """Images of some layers in every form."""
    pieces, steering = tars(), tar_of({f"\x1b[31m{number}\r\n::error::\x9b": bytes(900 * number) for number in range(3)})
    made = []
    for number in range(24):
        layers = [pieces[(number + step) % len(pieces)] for step in range(1 + number % 3)]
        if number % 4 == 0:
            layers = [_image().layers[0].tar, _image().layers[1].tar]
        head = bytes([0, number % 3, number % len(_FORMS), number % 2, number % 3, number])
        edits = bytes([0, number, 9 * number, 3]) if number % 5 == 0 else b""
        made.append(SPLIT.join([head, edits, edits if number % 2 else b"", *layers, steering]))
    return made


class Memory:
    """A source that holds its bytes."""

    def __init__(self, image: BuiltImage) -> None:
        self._manifest, self._blobs = image.manifest, image.blobs

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is not None and digest not in self._blobs:
            raise ArchiveError(f"no manifest {digest}")
        return self._manifest if digest is None else self._blobs[digest]

    def open_blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        blob = self._blobs.get(descriptor.digest)
        if blob is None:
            raise ArchiveError(f"no blob {descriptor.digest}")
        yield from (blob[at : at + 1000] for at in range(0, len(blob), 1000))


@contextmanager
def _stored(image: BuiltImage, form: str, outer: images.Compression) -> Iterator[str | Memory]:
    """What an Analyzer reads the image from."""
    if form == "memory":
        yield Memory(image)
        return
    if form == "oci-archive":
        entries = images.layout_files(images.index_bytes([images.named(image.descriptor, "app")]), image.blobs)
        archive = tar_of(entries)
    elif form == "repeated":  # a docker-archive in which each layer is repeated, once as a link
        twice = BuiltImage(image.layers * 2, image.config, image.manifest)
        archive = images.tar_bytes(images.docker_archive_entries(twice, "legacy", None))
    else:
        archive = images.tar_bytes(images.docker_archive_entries(image, form, ["app:1"]))  # type: ignore[arg-type]
    with in_memory(compress(archive, outer)) as path:
        yield path


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Files as a tar, without a detour over values."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@contextmanager
def in_memory(data: bytes) -> Iterator[str]:
    """The name of a file that is on no disk."""
    descriptor = os.memfd_create("ocisize-fuzz")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def analyze_twice(source: str | Memory, analyzer: Analyzer, select: str | None = None) -> Analysis | None:
    """The analysis, if there is one, its laws checked; the second is what the first was."""
    before = len(os.listdir("/proc/self/fd"))
    found = [outcome(lambda: _analyze(source, analyzer, select)) for _ in range(2)]
    assert len(os.listdir("/proc/self/fd")) == before, "a file was left open"
    same(*(each if isinstance(each, Refused) else to_json(each) for each in found))
    first = found[0]
    if isinstance(first, Refused):
        return None
    check_analysis(first)
    return first


def _analyze(source: str | Memory, analyzer: Analyzer, select: str | None) -> Analysis:
    if isinstance(source, Memory):
        return analyzer.analyze_source(source, name="memory")
    return analyzer.analyze(source, select=select)


# archives


def run_archive(data: bytes) -> None:
    """A saved file, byte for byte anybody's but for its headers' checksums; compressed as a whole or not."""
    flags, archive = (data[0], data[1:]) if data else (0, b"")
    if not flags & 1:
        archive = mend_tar(archive)
    archive = compress(archive, _COMPRESSIONS[(flags >> 1) % 3])
    with in_memory(archive) as path:
        if not flags & 16:
            analyze_twice(path, analyzers()[flags >> 3 & 1])
            return
        found = [outcome(lambda: analyzers()[0].analyze_all(path)) for _ in range(2)]
        index = same(*(each if isinstance(each, Refused) else index_to_json(each) for each in found))
        if index is not None and isinstance(found[0], IndexAnalysis):
            for analysis in found[0].analyses.values():
                check_analysis(analysis)


def docker_seeds() -> list[bytes]:
    """An archive of every writer."""
    return [
        bytes([2 * number % 32]) + images.tar_bytes(images.docker_archive_entries(_image(), style, ["app:1"]))
        for number, style in enumerate(images.DOCKER_STYLES)
    ]


def oci_seeds() -> list[bytes]:
    """Layouts with one image, with several platforms, with an index in the index, with blobs absent."""
    image, other = _image(), build_image([layer({"x": b"y"}, "zstd")], architecture="arm64")
    entries = [
        images.for_platform(image.descriptor, "linux", "amd64"),
        images.for_platform(other.descriptor, "linux", "arm64", "v8"),
    ]
    inner = images.index_bytes(entries)
    pointer = {"mediaType": f"{OCI}.index.v1+json", "digest": sha256(inner), "size": len(inner)}
    blobs = image.blobs | other.blobs
    layouts = [
        images.layout_files(images.index_bytes([images.named(image.descriptor, "app")]), image.blobs),
        images.layout_files(inner, blobs),
        images.layout_files(images.index_bytes([images.named(pointer, "app"), images.named(pointer, "two")]), blobs | {sha256(inner): inner}),
        images.layout_files(images.index_bytes([*entries, {**pointer, "digest": "sha256:" + hashlib.sha256().hexdigest()}]), blobs),
        images.layout_files(images.index_bytes([]), {}),
    ]  # fmt: skip
    archives = [tar_of(files) for files in layouts]
    return [bytes([way + 2 * (number % 3)]) + archive for number, archive in enumerate(archives) for way in (0, 16)]


def real_seeds() -> list[bytes]:
    """Archives that docker and its kin wrote."""
    folder = Path(__file__).parent.parent.parent / "testdata" / "golden"
    found = [path.read_bytes() for path in sorted(folder.glob("*.tar"))]
    return [b"\0" + data for data in found if len(data) < 1 << 16]


HARNESSES = {
    "documents": Harness(run_documents, document_seeds, JSON_TOKENS),
    "documents-edited": Harness(run_documents_edited, edit_seeds),
    "image": Harness(run_image, image_seeds, (*TAR_TOKENS, SPLIT), share=3, quick=120),
    "docker-archive": Harness(
        run_archive, lambda: [*docker_seeds(), *real_seeds()[:6]], (*TAR_TOKENS, *JSON_TOKENS), share=2
    ),
    "oci-archive": Harness(run_archive, oci_seeds, (*TAR_TOKENS, *JSON_TOKENS), share=2, quick=25),
}
