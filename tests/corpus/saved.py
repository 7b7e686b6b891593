"""Saved files and folders that are no images, or that lead somewhere else."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.corpus.cases import Case, Verdict, bundle, file_of, good, of_files
from tests.corpus.streams import repeated, repeated_zstd
from tests.images import (
    OCI,
    Entry,
    Hard,
    Link,
    build_image,
    compress,
    docker_archive_entries,
    index_bytes,
    layer,
    layout_files,
    sha256,
    tar_bytes,
    write_dir,
    write_files,
)
from tests.strategies import END, header, member

ESCAPE = "\x1b]0;pwned\x07"
IMAGE = good()
CONFIG = f"{sha256(IMAGE.config).partition(':')[2]}.json"
LAYER = IMAGE.layers[0]
BLOB = f"blobs/{LAYER.digest.replace(':', '/')}"


def saved_cases() -> Iterator[Case]:
    """All of them."""
    yield from _docker_archives()
    yield from _two_documents()
    yield from _dir_folders()
    yield from _folders()
    yield from _files()


def _case(name: str, verdict: Verdict, message: str, write: Callable[[Path], Path], *options: str) -> Case:
    return Case(f"saved-{name}", verdict, message, lambda: write, options)


def _archive(entries: Mapping[str, Entry] | list[tuple[str, Entry]], outer: str = "plain") -> Callable[[Path], Path]:
    return file_of(compress(tar_bytes(entries), outer))  # type: ignore[arg-type]


def _docker(layers: list[str], more: Mapping[str, Entry], config: bytes = IMAGE.config, **item: object) -> dict[str, Entry]:
    name = f"{sha256(config).partition(':')[2]}.json"
    document = [{"Config": name, "RepoTags": ["app:1"], "Layers": layers, **item}]
    return {name: config, **more, "manifest.json": json.dumps(document).encode()}


def _docker_archives() -> Iterator[Case]:
    circle = {"a/layer.tar": Link("../b/layer.tar"), "b/layer.tar": Link("../a/layer.tar")}
    yield _case("links-in-a-circle", "reject", "is a cycle of links", _archive(_docker(["a/layer.tar"], circle)))
    yield _case("link-to-itself", "reject", "is a cycle of links", _archive(_docker(["a"], {"a": Link("a")})))
    yield _case(
        "hardlinks-in-a-circle", "reject", "is a cycle of links", _archive(_docker(["a"], {"a": Hard("b"), "b": Hard("a")}))
    )
    yield _case("link-out", "reject", "has no member", _archive(_docker(["a"], {"a": Link("../../../../etc/passwd")})))
    yield _case("link-absolute", "reject", "has no member", _archive(_docker(["a"], {"a": Link("/etc/passwd")})))
    yield _case("layer-climbs", "reject", "has no member", _archive(_docker(["../../../etc/passwd"], {})))
    yield _case("layer-absolute", "reject", "has no member", _archive(_docker(["/etc/passwd"], {})))
    yield _case("layer-name-hostile", "reject", "has no member", _archive(_docker([ESCAPE], {})))
    yield _case("layer-name-surrogate", "reject", "has no member", _archive(_docker(["\ud800"], {})))
    yield _case("layer-name-nul", "reject", "has no member", _archive(_docker(["\0"], {})))
    yield _case("layer-is-a-folder", "reject", "has no member", _archive(_docker(["d"], {"d/x": b""})))
    chain: dict[str, Entry] = {f"l{number}": Link(f"l{number + 1}") for number in range(100)}
    yield _case(
        "links-by-the-hundred", "reject", "is a cycle of links", _archive(_docker(["l0"], {**chain, "l100": LAYER.tar}))
    )
    for outer in ("plain", "gzip"):
        stored = {"a.tar": compress(random.Random(1).randbytes(3 << 20), "plain")}
        documents = _docker(["a.tar"] * 100_000, stored)
        yield _case(f"layer-100000-times-{outer}", "limit", "has 100000 layers, more than 4096", _archive(documents, outer))
    same = _docker(["a.tar"] * 500, {"a.tar": tar_bytes({"r": random.Random(2).randbytes(3 << 20)})})
    yield _case("layer-500-times", "accept", "the config lists 1 layers, the manifest 500", _archive(same))
    links = {f"l{number}.tar": Link("a.tar") for number in range(500)}
    unpaired = b'{"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": []}}'
    linked = _docker([*links], {**links, "a.tar": tar_bytes({"r": random.Random(2).randbytes(3 << 20)})}, unpaired)
    yield _case("layer-by-500-links", "accept", "the config lists 0 layers, the manifest 500", _archive(linked, "gzip"))
    for name, text, what in (
        ("empty", b"", "is not valid JSON"), ("deep", b"[" * 500_000, "nested too deeply"), ("numbers", b"[1, 2]", "is not valid"),
        ("name-twice", b'[{"Config": "a", "Layers": [], "Config": "b"}]', "is repeated"),
        ("object", b"{}", "is an object"), ("none", b"[]", "lists no image"), ("null", b"[null]", "is not valid"),
        ("escape", json.dumps([{"Config": ESCAPE, "Layers": []}]).encode(), "has no member"),
        ("config-climbs", json.dumps([{"Config": "../../etc/passwd", "Layers": []}]).encode(), "has no member"),
        ("binary", bytes(range(256)), "is not valid JSON"), ("huge", b" " * (21 << 20), "more than 20971520"),
    ):  # fmt: skip
        yield _case(f"manifest-json-{name}", "reject", what, _archive({"manifest.json": text}))
    many = [{"Config": CONFIG, "RepoTags": [f"{ESCAPE}{number}"], "Layers": ["a"]} for number in range(30_000)]
    entries: dict[str, Entry] = {
        CONFIG: IMAGE.config,
        "a": LAYER.tar,
        "manifest.json": json.dumps([*many, {**many[0], "Layers": []}]).encode(),
    }
    yield _case("images-by-the-thousand", "reject", "the archive contains several images", _archive(entries))
    tags = _docker(["a"], {"a": LAYER.tar}, RepoTags=[ESCAPE + "\n::error::x"])
    yield _case("tag-hostile", "accept", "", _archive(tags))
    twice = [*_docker(["a"], {"a": LAYER.tar}).items(), ("a", tar_bytes({"other": b"x"}))]
    yield _case("member-twice", "accept", "has the layer file a more than once", _archive(twice))
    for name in ("manifest.json", CONFIG):
        first = [(name, b"{}"), *_docker(["a"], {"a": LAYER.tar}).items()]
        yield _case(f"document-twice-{name[:8]}", "reject", "has two different files", _archive(first))
    yield _case(
        "config-of-another-name", "reject", "is not valid", _archive({**_docker(["a"], {"a": LAYER.tar}), CONFIG: b"{}"})
    )
    device = _docker(["a"], {"a": LAYER.tar})
    raw = tar_bytes(device)[:-1024].rstrip(b"\0")
    raw += bytes(-len(raw) % 512) + header(b"a", kind=b"6")
    yield _case("member-is-a-fifo", "accept", "", file_of(raw + END))
    yield _case(
        "members-by-the-million",
        "limit",
        "more than 1000000 files in the archive",
        file_of(repeated(b"", header(b"f") * 1000, 1100)),
    )
    yield _case(
        "root-filesystem", "reject", "a root filesystem", _archive({"etc/a": b"", "usr/b": b"", "bin/c": b"", "var/d": b""})
    )


def _two_documents() -> Iterator[Case]:
    """Archives whose index.json and manifest.json do not say the same."""
    files = bundle(IMAGE).files()
    item = {"Config": f"blobs/{sha256(IMAGE.config).replace(':', '/')}", "RepoTags": [ESCAPE], "Layers": [BLOB]}

    def both(**changes: object) -> Callable[[Path], Path]:
        return _archive({**files, "manifest.json": json.dumps([{**item, **changes}]).encode(), "other": LAYER.tar})

    yield _case("both-documents", "accept", "", both())
    yield _case("both-documents-differ", "reject", "contradict each other", both(Layers=["other"]))
    yield _case("both-documents-layer-climbs", "accept", "refers to 1 missing layers", both(Layers=["../../etc/passwd"]))
    yield _case("both-documents-layer-hostile", "accept", "refers to 1 missing layers", both(Layers=[ESCAPE]))
    many = [{**item, "Config": "other", "RepoTags": [f"v{number}"]} for number in range(20_000)]
    entries: dict[str, Entry] = {**files, "manifest.json": json.dumps(many).encode(), "other": LAYER.tar}
    yield _case("both-documents-by-the-thousand", "reject", "several images", _archive(entries))
    config = IMAGE.config + b" " * (12 << 20)
    large = {"mediaType": f"{OCI}.config.v1+json", "digest": sha256(config), "size": len(config)}
    manifests = [
        json.dumps({"schemaVersion": 2, "config": large, "layers": [], "annotations": {"n": str(number)}}).encode()
        for number in range(300)
    ]
    index = index_bytes([{"digest": sha256(data), "size": len(data)} for data in manifests])
    blobs = {sha256(data): data for data in (config, *manifests)}
    yield _case("one-large-config-of-many-manifests", "reject", "several images", _archive(layout_files(index, blobs)))
    indexes = [
        index_bytes([{"digest": sha256(config), "size": len(config), "annotations": {"n": str(number)}}])
        for number in range(300)
    ]
    index = index_bytes(
        [{"digest": sha256(data), "size": len(data), "mediaType": f"{OCI}.index.v1+json"} for data in indexes]
    )
    blobs = {sha256(data): data for data in (config, *indexes)}
    yield _case(
        "one-large-manifest-of-many-indexes", "reject", "contains no image|more than", _archive(layout_files(index, blobs))
    )


def _dir_folders() -> Iterator[Case]:
    """Folders of the transport dir:, which have their blobs beside their documents."""

    def write(change: Callable[[Path], object], *, tree: bool = False) -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            path = write_dir(IMAGE, folder / "tree" / "app:1" if tree else folder / "app")
            change(path)
            return folder / "tree" if tree else path

        return make

    blob = LAYER.digest.partition(":")[2]

    def replace(name: str, kind: Callable[[Path], object]) -> Callable[[Path], object]:
        def change(path: Path) -> None:
            (path / name).unlink()
            kind(path / name)

        return change

    yield _case("dir", "accept", "", write(lambda _: None))
    yield _case("dir-tree", "accept", "", write(lambda _: None, tree=True))
    yield _case("dir-blob-is-a-fifo", "reject", "is not a file", write(replace(blob, os.mkfifo)))
    yield _case("dir-blob-leads-out", "reject", "descriptor says", write(replace(blob, _link_to("/etc/passwd"))))
    yield _case("dir-manifest-is-sparse", "reject", "more than 20971520", write(replace("manifest.json", _sparse)))
    yield _case("dir-manifest-is-a-fifo", "reject", "is not a file", write(replace("manifest.json", os.mkfifo)))
    yield _case("dir-version-is-a-fifo", "reject", "is not a saved image", write(replace("version", os.mkfifo), tree=True))
    yield _case(
        "dir-version-leads-to-dev-zero",
        "reject",
        "is not a saved image",
        write(replace("version", _link_to("/dev/zero")), tree=True),
    )
    yield _case("dir-tree-in-a-circle", "accept", "", write(lambda path: (path / "again").symlink_to(".."), tree=True))
    yield _case("dir-name-hostile", "accept", "", write(lambda path: path.rename(path.with_name(ESCAPE)), tree=True))


def _folders() -> Iterator[Case]:
    def put(kind: Callable[[Path], object]) -> Callable[[Path], Path]:
        def write(folder: Path) -> Path:
            layout = write_files(bundle(IMAGE).files(), folder / "layout")
            (layout / BLOB).unlink()
            kind(layout / BLOB)
            return layout

        return write

    yield _case("blob-is-a-fifo", "reject", "is not a file", put(os.mkfifo))
    yield _case("blob-is-a-folder", "reject", "is not a file", put(lambda path: path.mkdir()))
    for name in ("zero", "random", "tty", "stdin"):
        yield _case(
            f"blob-leads-to-dev-{name}", "reject", "is not a file|cannot open|points out", put(_link_to(f"/dev/{name}"))
        )
    yield _case("blob-leads-to-itself", "reject", "cannot open|points out", put(lambda path: path.symlink_to(path.name)))
    yield _case("blob-leads-nowhere", "reject", "cannot open|points out", put(lambda path: path.symlink_to("nowhere")))
    yield _case(
        "blob-leads-out",
        "reject",
        "its descriptor says|has digest|points out",
        put(lambda path: path.symlink_to("/etc/passwd")),
    )
    yield _case("blob-is-a-socket", "reject", "is not a file|cannot open", put(_socket))
    yield _case("blob-is-sparse", "reject", "its descriptor says", put(_sparse))
    yield _case("index-is-a-fifo", "reject", "is not a file|is not a saved image", _instead("index.json", os.mkfifo))
    yield _case(
        "index-leads-to-dev-zero",
        "reject",
        "is not a file|points out",
        _instead("index.json", lambda path: path.symlink_to("/dev/zero")),
    )
    yield _case("index-is-sparse", "reject", "more than 20971520", _instead("index.json", _sparse))
    yield _case(
        "blobs-lead-out", "reject", "cannot open|points out", _instead("blobs", lambda path: path.symlink_to("/etc"))
    )
    yield _case("folder-empty", "reject", "it is empty", lambda folder: folder)
    yield _case("index-html", "reject", "is not valid JSON", of_files(lambda files: {**files, "index.json": b"<html>"}))
    yield _case("index-null", "reject", "is not a JSON object", of_files(lambda files: {**files, "index.json": b"null"}))


def _instead(name: str, kind: Callable[[Path], object]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        layout = write_files(bundle(IMAGE).files(), folder / "layout")
        (layout / name).rename(folder / "gone")
        kind(layout / name)
        return layout

    return write


def _link_to(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def _socket(path: Path) -> None:
    os.mknod(path, 0o140644)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)


def _files() -> Iterator[Case]:
    yield _case("dev-zero", "reject", "not a file", _special(lambda path: path.symlink_to("/dev/zero")))
    yield _case("dev-random", "reject", "not a file", _special(lambda path: path.symlink_to("/dev/urandom")))
    yield _case("nothing", "reject", "no such file", lambda folder: folder / "image.tar")
    yield _case("empty-file", "reject", "it is empty|is not", file_of(b""))
    yield _case("sparse-file", "reject", "it is empty", _special(_sparse))
    yield _case("random-bytes", "reject", "is not a tar", file_of(random.Random(3).randbytes(100_000)))
    noise = random.Random(3).randbytes(100_000)
    yield _case("gzip-of-random-bytes", "reject", "a single file compressed with gzip", file_of(compress(noise, "gzip")))
    whole = compress(tar_bytes(docker_archive_entries(IMAGE, "skopeo", ["a:1"])), "gzip")
    yield _case("archive-cut", "reject", "ends early", file_of(whole[: len(whole) // 2]))
    plain = tar_bytes(docker_archive_entries(IMAGE, "skopeo", ["a:1"]))
    yield _case("archive-cut-plain", "reject", "the tar ends within", file_of(plain[:3000]))
    zeros = member(b"manifest.json", b"[]") + header(b"zeros", b"\x80" + (1 << 50).to_bytes(11, "big"))
    yield _case(
        "archive-bomb",
        "limit",
        "more than 200 uncompressed bytes per stored byte",
        lambda folder: file_of(repeated_zstd(zeros, 1 << 14))(folder),
    )
    yield _case("archive-claims-a-petabyte", "reject", "the tar ends within 'zeros'", file_of(zeros))
    corrupt = bytearray(plain)
    corrupt[_second_header(plain) + 3] ^= 1
    yield _case("archive-corrupt-in-the-middle", "reject", "bad header checksum", file_of(bytes(corrupt)))
    members = b"".join(header(b"%d" % number) for number in range(10_000)) + END
    yield _case("archive-of-many-small-files", "reject", "neither manifest.json nor index.json", file_of(members))
    thousands = build_image([layer({f"f{number}": b"x"}) for number in range(3)])
    yield from _root_filesystems(zeros, bytes(corrupt))
    yield _case("gzip-of-gzip-of-gzip", "reject", "compressed twice", file_of(compress(compress(whole, "gzip"), "gzip")))
    yield _case("text-of-blanks", "reject", "is not", file_of(b" " * 100_000))
    yield _case("comments-of-a-dockerfile", "reject", "is not", file_of(b"# \nARG \n" * 100_000))
    archives: dict[str, Entry] = {f"{ESCAPE}{number}/x.tar": b"" for number in range(2000)}
    yield _case("archives-in-an-archive", "reject", "an archive that contains", _archive(archives))
    documents: dict[str, Entry] = {f"{number}/manifest.json": b"" for number in range(3000)}
    yield _case("folders-in-an-archive", "reject", "neither manifest.json nor index.json", _archive(documents))
    yield _case("archive-with-a-fine-image", "accept", "", _archive(bundle(thousands).files()))


def _root_filesystems(zeros: bytes, corrupt: bytes) -> Iterator[Case]:
    """Files that are opened by the scheme rootfs."""

    def of(data: bytes) -> Callable[[Path], Path]:
        return lambda folder: Path(f"rootfs:{file_of(data)(folder)}")

    yield _case("rootfs", "accept", "", of(LAYER.tar))
    yield _case("rootfs-of-zeros", "accept", "", of(bytes(10_240)))
    yield _case("rootfs-of-nothing", "reject", "is empty", of(b""))
    yield _case("rootfs-of-random-bytes", "reject", "is not a tar", of(random.Random(3).randbytes(100_000)))
    yield _case("rootfs-corrupt", "reject", "layer 0 .*bad header checksum", of(corrupt))
    yield _case("rootfs-cut", "reject", "layer 0 .*the tar ends within", of(zeros))
    small = ("--max-layer-size", "64 MiB")
    yield _case(
        "rootfs-too-large",
        "limit",
        "more than 67108864 uncompressed bytes",
        of(repeated(zeros, bytes(1 << 20), 100)),
        *small,
    )
    zero = _special(lambda path: path.symlink_to("/dev/zero"))
    yield _case("rootfs-dev-zero", "reject", "not a file", lambda folder: Path(f"rootfs:{zero(folder)}"))


def _special(kind: Callable[[Path], object]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        kind(folder / "image.tar")
        return folder / "image.tar"

    return write


def _second_header(tar: bytes) -> int:
    size = int(tar[124:135], 8)
    return 512 + size + (-size & 511)
