"""Archives from a pipe: read once, in whatever order they come, with the analysis that the file has."""

from __future__ import annotations

import gzip
import io
import json
import os
import pty
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analysis, Analyzer, Progress, to_json
from ocisize.blob.passing import PassedBlob
from ocisize.cli.main import main
from ocisize.errors import (
    ArchiveError,
    DigestMismatch,
    DocumentError,
    LayerError,
    LimitExceeded,
    OcisizeError,
    SourceError,
    TarError,
)
from ocisize.limits import Limits
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import OnePassSource
from ocisize.sources.open import open_source
from ocisize.sources.piped_tar import MAX_KEPT
from tests.images import (
    DIR,
    DOCKER_STYLES,
    BuiltImage,
    Compression,
    DockerStyle,
    Entry,
    File,
    Hard,
    Link,
    build_image,
    compress,
    docker_archive_entries,
    index_bytes,
    layer,
    layout_files,
    named,
    sha256,
    tar_bytes,
    write_docker_archive,
    write_oci_archive,
)
from tests.piping import piped, standard_input

NOISE = random.Random(3).randbytes
COMPRESSIONS: tuple[Compression, ...] = ("plain", "gzip", "zstd", "xz", "bzip2")
#: what the report of a file and that of a pipe say differently: where it came from, and what was verified
OF_SOURCE = {"source", "tool", "created_at"}
OF_VERIFICATION = {"digest_verified", "diff_id_verified"}
OF_ESTIMATE = {"estimated_compressed_size", "estimate_error", "expected_compressed_size"}
FIRST_LAYER = layer(
    {
        "etc/": DIR,
        "etc/os-release": b'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n',
        "usr/lib/a": NOISE(40_000),
        "usr/lib/b": Hard("usr/lib/a"),
        "opt/same": b"twin" * 9000,
        "var/cache/apt/archives/a.deb": NOISE(30_000),
        "lib": Link("usr/lib"),
    }
)
IMAGE = build_image(
    [
        FIRST_LAYER,
        layer({"var/cache/apt/archives/.wh.a.deb": b"", "srv/same": b"twin" * 9000}),
        layer({"etc/x": File(b"x", uid=7)}),
    ]
)
OTHER = build_image([layer({"other": b"o" * 900})])


def analyze(data: bytes, **options: Any) -> Analysis:
    """The analysis of what comes from a pipe, all of which must be read."""
    select = options.pop("select", None)
    with piped(data) as writer:
        analysis = Analyzer(**options).analyze(writer.path, select=select)
        assert writer.ended.wait(10)
    assert not writer.broken
    assert writer.written == len(data)
    return analysis


def refuse(data: bytes, kind: type[OcisizeError] = ArchiveError, **options: Any) -> OcisizeError:
    """The error of what comes from a pipe."""
    with piped(data) as writer, pytest.raises(kind) as caught:
        Analyzer(**options).analyze(writer.path)
    return caught.value


def archive(
    image: BuiltImage = IMAGE, style: DockerStyle = "skopeo", order: Callable[[list[str]], list[str]] = list
) -> bytes:
    entries = docker_archive_entries(image, style, ["example/app:1"])
    return tar_bytes([(name, entries[name]) for name in order([*entries])])


def document_of(analysis: Analysis) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(to_json(analysis, files=True))
    return document


def without(value: Any, names: set[str]) -> Any:
    """A JSON value without the fields of these names, at any depth."""
    if isinstance(value, dict):
        return {key: without(item, names) for key, item in value.items() if key not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


def assert_same_json(piped_one: Analysis, read: Analysis, aside: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Both say the same; every layer of the pipe is verified."""
    aside = OF_SOURCE | OF_VERIFICATION | aside
    assert without(document_of(piped_one), aside) == without(document_of(read), aside)
    for one, other in zip(piped_one.layers, read.layers, strict=True):
        assert one.digest_verified >= other.digest_verified
        assert one.diff_id_verified >= other.diff_id_verified
        assert one.digest_verified or one.diff_id_verified


@pytest.mark.parametrize("outer", COMPRESSIONS)
@pytest.mark.parametrize("compression", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("style", DOCKER_STYLES)
def test_docker_archives(tmp_path: Path, style: DockerStyle, compression: Compression, outer: Compression) -> None:
    """The archive of every writer gives the JSON of the file; what a sample estimates is compared in another test."""
    image = IMAGE.recompressed(compression)
    path = write_docker_archive(image, tmp_path / "app.tar", style=style, outer=outer)
    options: dict[str, Any] = {"hash_content": True, "estimate_download": False}
    assert_same_json(analyze(path.read_bytes(), **options), Analyzer(**options).analyze(path))


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_oci_archives(tmp_path: Path, compression: Compression, verify: bool) -> None:
    """An OCI archive, sorted as tools write it: blobs by digest, the index behind them."""
    path = write_oci_archive(IMAGE.recompressed(compression), tmp_path / "app.tar")
    options: dict[str, Any] = {"hash_content": True, "verify": verify}
    found, read = analyze(path.read_bytes(), **options), Analyzer(**options).analyze(path)
    assert_same_json(found, read)
    assert found.digest == read.digest is not None
    assert all(one.digest_verified for one in found.layers)
    assert all(one.diff_id_verified for one in found.layers) == (verify or compression == "plain")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("style", DOCKER_STYLES)
def test_any_order_of_members(tmp_path: Path, style: DockerStyle, seed: int) -> None:
    """The documents may come first, last or between; links before what they lead to."""
    image = build_image([*IMAGE.layers, IMAGE.layers[1]])  # a repeated layer, which docker 1.10 to 24 writes as a link

    def shuffle(names: list[str]) -> list[str]:
        random.Random(seed).shuffle(names)
        return names

    path = write_docker_archive(image, tmp_path / "app.tar", style=style, tags=["example/app:1"])
    found = analyze(archive(image, style, shuffle), estimate_download=False)
    assert_same_json(found, Analyzer(estimate_download=False).analyze(path), {"content_hashes"})


def test_estimates_are_close(tmp_path: Path) -> None:
    """The sample of a pipe has other blocks than that of a file; small layers are compressed whole in both."""
    path = write_docker_archive(IMAGE, tmp_path / "app.tar")
    found, read = analyze(path.read_bytes()), Analyzer().analyze(path)
    assert found.estimated_compressed_size == read.estimated_compressed_size
    assert_same_json(found, read, {"content_hashes"})
    text = b"".join(b"%d words of a text that is not noise\n" % number for number in range(300_000))
    image = build_image([layer({"a": text + NOISE(4 << 20)}), layer({"b": text[: 6 << 20]})])
    path = write_docker_archive(image, tmp_path / "large.tar")
    found, read = analyze(path.read_bytes()), Analyzer().analyze(path)
    for one, other in zip(found.layers, read.layers, strict=True):
        assert one.estimated_compressed_size == pytest.approx(other.estimated_compressed_size, rel=0.1)
    assert_same_json(found, read, OF_ESTIMATE | {"content_hashes", "advice", "plan", "findings", "pull", "tool_sizes"})


def test_several_images_and_platforms() -> None:
    """The choice is made at the end, and all of the pipe is read before an error lists the images."""
    entries: dict[str, Entry] = {}
    documents: list[Any] = []
    for image, tag in ((IMAGE, "app:1"), (OTHER, "other:1")):
        own = docker_archive_entries(image, "skopeo", [tag])
        documents += json.loads(str(own.pop("manifest.json"), "utf-8"))  # type: ignore[arg-type]
        entries |= own
    data = tar_bytes({**entries, "manifest.json": json.dumps(documents).encode()})
    with piped(data) as writer, pytest.raises(ArchiveError, match="several images") as caught:
        Analyzer().analyze(writer.path)
    assert writer.written == len(data)
    assert not writer.broken
    assert len(caught.value.items) == 2
    assert analyze(data, select="other:1").content_size == 900
    assert analyze(data, select="@0").content_size == 142_072
    arm = build_image([layer({"arm": b"a" * 300})], architecture="arm64")
    blobs = {**OTHER.blobs, **arm.blobs}
    layout = layout_files(index_bytes([named(OTHER.descriptor, "app"), named(arm.descriptor, "app")]), blobs)
    assert analyze(tar_bytes(layout), platform="linux/arm64").content_size == 300
    with piped(tar_bytes(layout)) as writer:
        index = Analyzer().analyze_all(writer.path)
    assert {name: analysis.content_size for name, analysis in index.analyses.items()} == {
        "linux/amd64": 900,
        "linux/arm64": 300,
    }


def test_a_base_from_a_pipe(tmp_path: Path) -> None:
    """The base image may come from the pipe: only its documents are needed."""
    base = build_image([FIRST_LAYER])
    path = write_oci_archive(IMAGE, tmp_path / "app.tar")
    with piped(archive(base)) as writer:
        analysis = Analyzer(base=writer.path).analyze(path)
    assert analysis.base is not None
    assert analysis.base.found.layers == 1


def test_standard_input_and_its_paths(tmp_path: Path) -> None:
    """``-`` and the paths of standard input are the same; a file there is read in place."""
    data = archive()
    for text in ("-", "/dev/stdin", "docker-archive:-", "docker-archive:-:example/app:1", "docker-archive:/dev/stdin"):
        with standard_input(data):
            analysis = Analyzer().analyze(text)
        assert analysis.reference == "example/app:1"
        assert analysis.layers[0].digest_verified
    path = tmp_path / "app.tar"
    path.write_bytes(data)
    before = os.dup(0)
    try:
        descriptor = os.open(path, os.O_RDONLY)
        os.dup2(descriptor, 0)
        os.close(descriptor)
        analysis = Analyzer().analyze("-")
        assert not analysis.layers[0].digest_verified
        os.lseek(0, 10, os.SEEK_SET)  # something has read from it: what is left is read as from a pipe
        with pytest.raises(ArchiveError, match="standard input"):
            Analyzer().analyze("-")
    finally:
        os.dup2(before, 0)
        os.close(before)


def test_a_file_with_this_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file named - is found by its path."""
    monkeypatch.chdir(tmp_path)
    Path("-").write_bytes(archive())
    assert Analyzer().analyze("./-").reference == "example/app:1"
    assert Analyzer().analyze("docker-archive:./-").reference == "example/app:1"


def test_a_fifo_waits_for_its_writer(tmp_path: Path) -> None:
    """The other end may be opened later, as a shell does."""
    path, data = tmp_path / "fifo", archive()
    os.mkfifo(path)
    writer = threading.Timer(0.3, lambda: path.write_bytes(data))
    writer.start()
    assert Analyzer().analyze(path).content_size == 142_072
    writer.join()


def test_a_pipe_that_does_not_block() -> None:
    """Another program may have set the flag on the pipe."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    data = archive()

    def write() -> None:
        for start in range(0, len(data), 50_000):
            os.write(writing, data[start : start + 50_000])
        os.close(writing)

    before = os.dup(0)
    os.dup2(reading, 0)
    timer = threading.Timer(0.2, write)
    timer.start()
    try:
        assert Analyzer().analyze("-").content_size == 142_072
    finally:
        os.dup2(before, 0)
        timer.join()
        for descriptor in (before, reading):
            os.close(descriptor)


def test_layers_of_other_images_are_not_judged() -> None:
    """What no chosen image refers to may be anything: broken layers, tars, texts."""
    entries = docker_archive_entries(IMAGE, "crane", ["app:1"])
    odd = {
        "broken.tar.gz": gzip.compress(NOISE(5000))[:-9], "notes": b"text", "blob": NOISE(3000), "empty": b"",
        "cut.tar": tar_bytes({"a": b"1" * 4000})[:2000], "large.json": b"{" + b" " * 5000,
    }  # fmt: skip
    found = analyze(tar_bytes({**odd, **entries}))
    assert found.content_size == 142_072
    assert found.warnings == ()


def test_broken_layers(tmp_path: Path) -> None:
    """The errors are those of the file, and name the layer; other layers are read with keep_going."""
    good = docker_archive_entries(IMAGE, "crane", ["app:1"])
    name = next(name for name in good if name.endswith(".tar.gz"))
    for content in (
        b"no layer",
        gzip.compress(b"no tar at all" * 900),
        bytes(str(good[name]), "latin-1"),
        IMAGE.layers[0].blob[:-20],
        IMAGE.layers[1].blob,
    ):
        data = tar_bytes({**good, name: content})
        path = tmp_path / "app.tar"
        path.write_bytes(data)
        with pytest.raises(LayerError) as expected:
            Analyzer().analyze(path)
        error = refuse(data, LayerError)
        assert str(error) == str(expected.value)
        assert type(error.cause) is type(expected.value.cause)  # type: ignore[attr-defined]
        partial = analyze(data, keep_going=True)
        assert [one.failure is None for one in partial.layers] == [False, True, True]


def test_names_that_lie(tmp_path: Path) -> None:
    """A compressed layer in a file that is named after another digest is verified by its diff_id, with the same warning."""
    image = IMAGE.recompressed("gzip")
    entries = docker_archive_entries(image, "crane", ["app:1"])
    wrong = f"{64 * '0'}.tar.gz"
    manifest = json.loads(bytes(entries.pop("manifest.json")))  # type: ignore[arg-type]
    entries[wrong] = entries.pop(manifest[0]["Layers"][0])
    manifest[0]["Layers"][0] = wrong
    data = tar_bytes({**entries, "manifest.json": json.dumps(manifest).encode()})
    path = tmp_path / "app.tar"
    path.write_bytes(data)
    found, read = analyze(data), Analyzer().analyze(path)
    assert_same_json(found, read, {"content_hashes"})
    assert len(found.warnings) == 1
    entries[wrong] = compress(tar_bytes({"evil": b"1"}), "gzip")
    data = tar_bytes({**entries, "manifest.json": json.dumps(manifest).encode()})
    error = refuse(data, LayerError)
    assert isinstance(error.cause, DigestMismatch)  # type: ignore[attr-defined]
    assert error.cause.what == "uncompressed layer"  # type: ignore[attr-defined]


def test_wrong_blobs_of_a_layout() -> None:
    """A blob that its name does not tell is refused, plain or compressed."""
    for compression in ("plain", "gzip"):
        image = IMAGE.recompressed(compression)
        files = layout_files(index_bytes([named(image.descriptor, "app")]), image.blobs)
        name = f"blobs/{image.layers[0].digest.replace(':', '/')}"
        blob = bytearray(files[name])
        blob[len(blob) // 2] ^= 1
        error = refuse(tar_bytes({**files, name: bytes(blob)}), LayerError)
        assert isinstance(error.cause, DigestMismatch)  # type: ignore[attr-defined]
        error = refuse(tar_bytes({key: value for key, value in files.items() if key != name}), LayerError)
        assert "has no member" in str(error)


def test_repeated_members(tmp_path: Path) -> None:
    """The last layer file of a name is read, with the warning of the file; different documents of one name are refused."""
    entries = [*docker_archive_entries(IMAGE, "nix", ["app:1"]).items()]
    name = next(name for name, _ in entries if name.endswith("layer.tar"))
    data = tar_bytes([(name, tar_bytes({"old": b"1"})), *entries])
    path = tmp_path / "app.tar"
    path.write_bytes(data)
    found = analyze(data)
    assert found.warnings == Analyzer().analyze(path).warnings
    assert "more than once" in found.warnings[0]
    data = tar_bytes([("manifest.json", b"[]"), *entries])
    assert "two different files manifest.json" in str(refuse(data, DocumentError))


def test_nothing_at_all() -> None:
    """An empty pipe is what a program leaves that failed."""
    error = refuse(b"")
    assert str(error).endswith(" is empty")
    assert error.hint == "the program that writes to the pipe wrote nothing: read its error message"
    assert "it is empty" in str(refuse(bytes(10240)))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b"Error response from daemon: No such image: app:1\n",
            'the text "Error response from daemon: No such image: app:1"',
        ),
        (b"Usage: docker save\n" * 400, 'the text "Usage: docker save …"'),
        (b"<!doctype html><html>", "an HTML page"),
        (b"PK\x03\x04" + NOISE(600), "a zip archive"),
        (gzip.compress(b"hello\n" * 100), "a single file compressed with gzip"),
        (gzip.compress(gzip.compress(b"hello\n" * 100)), "compressed twice"),
        (json.dumps({"schema": "ocisize.analysis"}).encode(), "a report of ocisize"),
        (bytes(512) + b"EFI PART" + bytes(90_000), "a disk image"),
        (b"\x7fELF" + NOISE(9000), "an executable"),
    ],
)
def test_something_else(data: bytes, text: str) -> None:
    """The error says what came instead of an archive; of a text its first line."""
    error = refuse(data)
    assert text in str(error)
    assert "is not a saved image" in str(error)
    assert error.hint == "ocisize reads an archive from a pipe: docker save app | ocisize -"


def test_noise() -> None:
    assert "is not a tar or an image archive" in str(refuse(b"\x01\x02" * 4000))


def test_a_root_filesystem_ends_early() -> None:
    """docker export writes no image: the error comes after a few files, and says how to read it."""
    files = {f"usr/lib/{number}": NOISE(9000) for number in range(900)}
    data = tar_bytes({".dockerenv": b"", "bin/sh": b"", "etc/passwd": b"", **files})
    with piped(data) as writer, pytest.raises(ArchiveError, match="a root filesystem without layers") as caught:
        Analyzer().analyze(writer.path)
    assert writer.broken
    assert writer.written < len(data) // 2
    assert caught.value.hint == f"to analyze it as an image of one layer, write rootfs:{writer.path}"


def test_other_tars() -> None:
    """A tar without an image is refused as the file is."""
    assert "neither manifest.json nor index.json" in str(refuse(tar_bytes({f"a/{name}": b"1" for name in range(100)})))
    error = refuse(tar_bytes({"Dockerfile": b"FROM a", "src/main.c": b""}))
    assert "a build context" in str(error)
    assert error.hint == "ocisize reads an archive from a pipe: docker save app | ocisize -"
    interrupted = {f"{64 * '0'}.tar": IMAGE.layers[0].tar}
    assert "layers without a manifest.json" in str(refuse(tar_bytes(interrupted)))


@pytest.mark.parametrize("outer", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("style", ["skopeo", "crane", "containerd"])
def test_cut_pipes(style: DockerStyle, outer: Compression) -> None:
    """Wherever the program dies, there is an error, and never the report of a part."""
    data = compress(archive(style=style), outer)
    lengths = {*range(1, len(data) - 11_000, len(data) // 40), len(data) // 2 // 512 * 512}
    for length in sorted(lengths):
        error = refuse(data[:length], OcisizeError)
        assert not isinstance(error, LayerError), length
    error = refuse(data[: len(data) // 2])
    assert error.hint == "the program that writes to the pipe failed: read its error message"


def test_bytes_behind_the_archive_are_read() -> None:
    """The writer must not die of SIGPIPE: tar pads archives, and gzip may have a second member."""
    data = archive()
    assert analyze(data + bytes(300_000)).content_size == 142_072
    assert analyze(gzip.compress(data) + gzip.compress(bytes(70_000))).content_size == 142_072


def test_sizes_of_writes_do_not_matter() -> None:
    data = compress(archive(IMAGE.recompressed("gzip"), "crane"), "gzip")
    documents = []
    for step in (1 << 20, 4096, 77):
        with piped(data, step=step) as writer:
            documents.append(without(document_of(Analyzer().analyze(writer.path)), {"source"}))
    assert documents[0] == documents[1] == documents[2]


def test_limits() -> None:
    """Limits on all layers end the read; those on one layer concern that layer only."""
    data = archive()
    assert refuse(data, LimitExceeded, limits=Limits(entries=3)).limit == "entries"  # type: ignore[attr-defined]
    assert refuse(data, LimitExceeded, limits=Limits(members=2)).limit == "members"  # type: ignore[attr-defined]
    error = refuse(data, LayerError, limits=Limits(layer_size=60_000))
    assert error.cause.limit == "layer_size"  # type: ignore[attr-defined]


def test_documents_that_are_not_kept() -> None:
    """Beyond the limit on what is kept, a document is not, and the error says so when it is needed."""
    padding = b"[" + b" " * (MAX_KEPT // 4 - 2) + b"]"
    entries = docker_archive_entries(OTHER, "crane", ["app:1"])
    data = tar_bytes([*((f"{number}.json", padding) for number in range(4)), *entries.items()])
    error = refuse(data)
    assert "cannot be read again: it came from a pipe" in str(error)
    assert analyze(tar_bytes([*entries.items(), *((f"{number}.json", padding) for number in range(4))])).content_size == 900


def test_progress() -> None:
    """The callback counts the bytes of the layers as they pass; its errors end the read."""
    seen: list[Progress] = []
    image = build_image([layer({"a": NOISE(3 << 20)}), layer({"b": NOISE(2 << 20)})])
    analyze(archive(image), on_progress=seen.append)
    passing = [one for one in seen if one.total_size is None]
    assert [one.total_done for one in passing] == sorted(one.total_done for one in passing)
    assert passing[-1].layers_done == 1
    assert seen[-1].total_done == seen[-1].total_size == sum(len(built.tar) for built in image.layers)

    def fail(_: Progress) -> None:
        raise ValueError("enough")

    with piped(archive(image)) as writer, pytest.raises(ValueError, match="enough"):
        Analyzer(on_progress=fail).analyze(writer.path)
    assert not [thread for thread in threading.enumerate() if thread.name == "ocisize-hash"]


def test_without_a_scanner() -> None:
    """A source that is used directly reads the documents; layers are gone then, and say so."""
    with piped(archive()) as writer:
        source = open_source(writer.path)
        assert isinstance(source, OnePassSource)
        manifest = json.loads(source.read_manifest())
        descriptor = Descriptor(manifest["layers"][0]["digest"], 1, annotations=manifest["layers"][0]["annotations"])
        blob = source.open_blob(descriptor)
        assert isinstance(blob, PassedBlob)
        with pytest.raises(ArchiveError, match="cannot be read again"):
            list(blob)
        with pytest.raises(LayerError, match="was not scanned"):
            Analyzer().analyze_source(source)
        source.close()


def test_keep_layers_of_a_pipe(tmp_path: Path) -> None:
    """Layers of a pipe are verified, so an analyzer may keep them."""
    analyzer = Analyzer(keep_layers=True)
    with piped(write_oci_archive(IMAGE, tmp_path / "app.tar").read_bytes()) as writer:
        analyzer.analyze(writer.path)
    assert len(analyzer._scans) == 3  # noqa: SLF001


# rootfs:


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_root_filesystems(tmp_path: Path, compression: Compression) -> None:
    """docker export | ocisize rootfs:- gives the report of the file, the estimate of a plain tar aside."""
    tar = tar_bytes({".dockerenv": b"", "etc/os-release": b"ID=alpine\n", "usr/a": NOISE(9000), "usr/b": b"b" * 7000})
    path = tmp_path / "root.tar"
    path.write_bytes(compress(tar, compression))
    with piped(path.read_bytes()) as writer:
        found = Analyzer(hash_content=True).analyze(f"rootfs:{writer.path}")
    read = Analyzer(hash_content=True, estimate_download=False).analyze(f"rootfs:{path}")
    # without its size, a compressed pipe is mapped in large steps, as a large layer is
    aside = OF_SOURCE | (
        {"compressed_size", "compressed_sizes", "overhead", "overhead_size"} if compression != "plain" else set()
    )
    assert without(document_of(found), aside) == without(document_of(read), aside)
    assert found.compressed_size == read.compressed_size


def test_root_filesystems_that_are_none() -> None:
    for data, text in (
        (b"", "is empty"),
        (b"Error: no such container\n" * 30, 'not a root filesystem: the text "Error: no such container …"'),
        (tar_bytes({"a": NOISE(9000)})[:5000], "the tar ends within"),
        (bytes(512) + b"EFI PART" + bytes(90_000), "a disk image"),
    ):
        with piped(data) as writer, pytest.raises(ArchiveError, match=text):
            Analyzer().analyze(f"rootfs:{writer.path}")
    with piped(tar_bytes({"a": b"1"})[:1024]) as writer:
        assert "no end marker" in Analyzer().analyze(f"rootfs:{writer.path}").warnings[0]
    with piped(archive()) as writer:
        assert "omit rootfs:" in Analyzer().analyze(f"rootfs:{writer.path}").warnings[0]


# the command line


def run(arguments: list[str], data: bytes) -> int:
    with standard_input(data):
        return main(arguments)


@pytest.mark.parametrize("command", [[], ["analyze"], ["advise"], ["files"], ["tree"]])
def test_commands(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    """All commands about an image take - as its name."""
    assert run([*command, "-"], archive()) == 0
    output = capsys.readouterr()
    assert "standard input · example/app:1" in output.out or "example/app:1" in output.out
    assert not output.err


def test_budgets_and_baselines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["-", "--max-unpacked", "1kB"], archive()) == 1
    assert run(["-", "--max-unpacked", "1MB"], archive()) == 0
    assert run(["baseline", "write", "-"], archive()) == 0
    assert '"example/app"' in Path("ocisize-baseline.json").read_text()
    assert run(["baseline", "check", "-"], archive()) == 0
    assert (
        run(["baseline", "write", "-", "--baseline", "b.json"], tar_bytes(docker_archive_entries(IMAGE, "crane", None))) == 0
    )
    assert '"image"' in Path("b.json").read_text()
    capsys.readouterr()


def test_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One side may come from standard input, the other may be anything else."""
    path = tmp_path / "app.tar"
    path.write_bytes(archive(OTHER))
    assert run(["diff", str(path), "-"], archive()) == 0
    assert run(["diff", "-", str(path)], archive()) == 0
    capsys.readouterr()
    for arguments in (["diff", "-", "-"], ["diff", "-", "/dev/stdin"], ["-", "--base", "-"], ["diff", "oci-archive:-", "-"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert "two images cannot come from standard input" in capsys.readouterr().err


def test_errors_name_standard_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-"], b"") == 2
    assert capsys.readouterr().err.startswith("error: standard input is empty\nhint: the program that writes")
    assert run(["-", "--select", "b"], archive()) == 2
    assert capsys.readouterr().err.startswith("error: standard input: no image 'b' in the archive")


def test_a_terminal() -> None:
    """The program does not wait for somebody to type an archive."""
    parent, child = pty.openpty()
    try:
        found = subprocess.run(
            [sys.executable, "-m", "ocisize", "-"], stdin=child, capture_output=True, text=True, timeout=60
        )
    finally:
        os.close(parent)
        os.close(child)
    assert found.returncode == 2
    assert found.stderr == (
        "error: standard input is a terminal\nhint: ocisize reads an archive from a pipe: docker save app | ocisize -\n"
    )


def test_a_closed_standard_input() -> None:
    found = subprocess.run(["bash", "-c", f"{sys.executable} -m ocisize - <&-"], capture_output=True, text=True, timeout=60)
    assert found.returncode == 2
    assert "standard input" in found.stderr


def test_a_shell(tmp_path: Path) -> None:
    """cat, zcat and process substitution; pipefail proves that the writer ends well."""
    path = tmp_path / "app.tar.gz"
    path.write_bytes(gzip.compress(archive()))
    for command in (f"cat {path} | ocisize -", f"zcat {path} | ocisize -", f"ocisize <(zcat {path})", f"ocisize - < {path}"):
        script = f'ocisize() {{ "{sys.executable}" -m ocisize "$@"; }}; set -euo pipefail; {command}'
        found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
        assert found.returncode == 0, found.stderr
        assert "example/app:1" in found.stdout


@pytest.mark.parametrize("begun", [False, True])
def test_ctrl_c(begun: bool) -> None:
    """Ctrl-C ends the program while it waits for a pipe, before the first byte and within a layer."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "ocisize", "-v", "-"]
    with subprocess.Popen(command, stdin=reading, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        os.close(reading)
        assert process.stderr is not None
        try:
            if begun:
                os.write(writing, archive()[:60_000])
            assert "pipe" in process.stderr.readline()
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()
            os.close(writing)
        assert process.stderr.read().splitlines()[-1] == "error: interrupted"


def test_memory_is_bounded() -> None:
    """A layer that is much larger than the memory passes through: what is kept are tables."""
    size = 400 << 20
    script = "\n".join(
        (
            "import io, sys, tarfile",
            "class Zeros(io.RawIOBase):",
            "    def read(self, count=-1): return bytes(count)",
            "out = tarfile.open(fileobj=sys.stdout.buffer, mode='w|')",
            f"inner = tarfile.TarInfo('a'); inner.size = {size}",
            f"outer = tarfile.TarInfo('layer.tar'); outer.size = 512 + {size} + 1024",
            "class Layer(Zeros):",
            "    head = inner.tobuf()",
            "    def read(self, count=-1):",
            "        head, self.head = self.head[:count], self.head[count:]",
            "        return head + bytes(count - len(head))",
            "out.addfile(outer, Layer())",
            "out.close()",
        )
    )
    reader = (
        "import resource, sys\n"
        "from ocisize import Analyzer, OcisizeError\n"
        "try: Analyzer().analyze('-')\n"
        "except OcisizeError as error: print(error, file=sys.stderr)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    command = f'"{sys.executable}" -c "$0" | "{sys.executable}" -c "$1"'
    found = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command, script, reader], capture_output=True, text=True, timeout=120, check=True
    )
    assert "an archive that contains layer.tar" in found.stderr
    assert int(found.stdout) << 10 < 150 << 20


def test_no_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One pass, without a temporary file."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    opened: list[Any] = []
    real = os.open

    def watch(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            opened.append(path)
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", watch)
    analyze(archive())
    assert not opened
    assert not [*tmp_path.iterdir()]


def test_python_reads_what_is_written() -> None:
    """The archives of these tests are archives: tarfile reads them."""
    with tarfile.open(fileobj=io.BytesIO(archive())) as members:
        assert "manifest.json" in members.getnames()
    assert sha256(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_an_error_while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says is the error."""

    def fail(*_: Any) -> int:
        raise OSError(5, "Input/output error")

    with piped(archive()) as writer:
        monkeypatch.setattr(os, "readv", fail)
        with pytest.raises(SourceError, match="reading failed: Input/output error"):
            Analyzer().analyze(writer.path)


def test_a_tar_that_is_no_layer_is_a_tar_error() -> None:
    """A member that begins like nothing known has the error of the file, if it is a layer after all."""
    entries = docker_archive_entries(OTHER, "jib", ["app:1"])
    name = next(name for name in entries if name.endswith(".tar.gz"))
    error = refuse(tar_bytes({**entries, name: NOISE(4000)}), LayerError)
    assert isinstance(error.cause, TarError | DigestMismatch)  # type: ignore[attr-defined]
