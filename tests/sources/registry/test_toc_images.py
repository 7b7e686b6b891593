"""Images in a registry that are read from tables of contents: requests and bytes, as the registry sees them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocisize import Analyzer, DiskCache, tool_sizes
from ocisize.cli.main import main
from ocisize.sources.registry.connection import Connection
from tests.images import BuiltImage, Entry, build_image, layer, sha256
from tests.layer.toc.memory import figures
from tests.registry import Answer, Server, ranged
from tests.socis import ATTACHED_TYPE, AttachedSociImage, attached_soci_image, soci_image, soci_layer
from tests.tocs import TocLayer, estargz, zstd_chunked

NOISE = random.Random(5).randbytes(600_000)
ENTRIES: dict[str, Entry] = {
    "etc/os-release": b"ID=debian\n",
    **{f"usr/lib/{number}": NOISE[number : number + 20_000] for number in range(0, 40_000, 1000)},
}
SOCI_ENTRIES: dict[str, Entry] = {
    "etc/os-release": b"ID=debian\n",
    **{f"usr/lib/{start}": NOISE[start : start + 50_000] for start in range(0, len(NOISE), 50_000)},
}
QUICK = Connection(timeout=(5.0, 5.0), retries=0)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def serve(server: Server, image: BuiltImage, *, ranges: bool = True) -> str:
    """Put an image into the scripted registry; return its name."""
    server.on("/v2/app/manifests/1", Answer(image.manifest))
    for digest, data in image.blobs.items():
        server.on(f"/v2/app/blobs/{digest}", ranged(data) if ranges else Answer(data))
    return f"{server.host}/app:1"


def ranges_of(server: Server, built: TocLayer) -> list[tuple[int, int]]:
    """The ranges that were asked of a layer; (0, 0) is the whole blob."""
    found = []
    for request in server.requests_of(f"/v2/app/blobs/{built.digest}"):
        first, _, last = request.headers.get("Range", "bytes=0--1").removeprefix("bytes=").partition("-")
        found.append((int(first), int(last) + 1))
    return found


@pytest.mark.parametrize("built", [estargz(ENTRIES), zstd_chunked(ENTRIES), zstd_chunked(ENTRIES, "stargz")])
def test_requests_and_bytes(server: Server, built: TocLayer) -> None:
    """One request for the table and one for the file that the analysis reads; a small layer is read whole."""
    small = layer({"etc/motd": b"hello"})
    name = serve(server, build_image([built, small]))
    with_toc = Analyzer(connection=QUICK).analyze(name)
    ranges = ranges_of(server, built)
    whole = Analyzer(connection=QUICK, use_toc=False).analyze(name)
    assert figures(with_toc) == figures(whole)
    for shown, exact in zip(tool_sizes(with_toc), tool_sizes(whole), strict=True):
        assert shown.size == exact.size or (shown.size is None and "tars" in exact.formula)
    assert len(ranges) == 2
    assert sum(stop - start for start, stop in ranges) < len(built.blob) // 8
    assert all(0 < start < stop <= len(built.blob) for start, stop in ranges)
    read = with_toc.layers[0]
    assert read.toc is not None
    assert read.toc.read_size == sum(stop - start for start, stop in ranges)
    assert ranges_of(server, built)[2:] == [(0, 0)]


@pytest.mark.parametrize("make", [estargz, zstd_chunked])
def test_packages_of_languages(server: Server, make: Callable[[dict[str, Entry]], TocLayer]) -> None:
    """The records of packages are read from the table of contents, for inventories and for advice."""
    folder = "usr/lib/python3/site-packages"
    record = b"".join(b"flask/%d.py,,\n" % number for number in range(20))
    built = make(
        {
            **ENTRIES,
            f"{folder}/flask-3.0.dist-info/METADATA": b"Name: Flask\nVersion: 3.0\n",
            f"{folder}/flask-3.0.dist-info/RECORD": record,
            **{f"{folder}/flask/{number}.py": NOISE[number : number + 3000] for number in range(20)},
        }
    )
    name = serve(server, build_image([built]))
    with_toc, whole = (Analyzer(connection=QUICK, packages=True, use_toc=use_toc).analyze(name) for use_toc in (True, False))
    assert with_toc.layers[0].toc is not None
    assert with_toc.packages is not None and whole.packages is not None
    found = [
        [(package.name, package.version, package.content_size) for package in analysis.packages.packages]
        for analysis in (with_toc, whole)
        if analysis.packages is not None
    ]
    assert found[0] == found[1] == [("flask", "3.0", 60_000 + len(record) + 25)]
    (kept,) = Analyzer(connection=QUICK, keep_packages=True).analyze(name).layers
    assert kept.files is not None
    assert sorted(kept.files.contents.values()) == sorted([b"ID=debian\n", b"Name: Flask\nVersion: 3.0\n", record])


def test_a_registry_that_sends_whole_blobs(server: Server) -> None:
    """It is asked once for a range; then its layers are read, once each, and verified."""
    layers = [zstd_chunked(ENTRIES), zstd_chunked({**ENTRIES, "more": NOISE[7:90_000]})]
    name = serve(server, build_image(layers), ranges=False)
    analysis = Analyzer(connection=QUICK, jobs=1).analyze(name)
    assert all(read.digest_verified and read.toc is None for read in analysis.layers)
    asked = [place for built in layers for place in ranges_of(server, built)]
    assert (len(asked), asked.count((0, 0))) == (3, 2)


@pytest.mark.parametrize("options", [["--no-toc"], ["--verify"]])
def test_options_of_the_command_line(
    server: Server, options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCISIZE_CACHE_DIR", "")
    built = zstd_chunked(ENTRIES)
    name = serve(server, build_image([built]))
    documents: list[Any] = []
    for extra in ([], options):
        assert main(["-q", "--no-cache", "-f", "json", *extra, name]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    (with_toc,), (whole,) = (document["layers"] for document in documents)
    assert with_toc["toc"] == {"format": "zstd:chunked", "verified": True, "read_size": with_toc["toc"]["read_size"]}
    assert (with_toc["digest_verified"], with_toc["tar_size"]) == (False, None)
    assert (whole["toc"], whole["digest_verified"]) == (None, True)
    assert ranges_of(server, built)[-1] == (0, 0)


def test_text_says_so(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    name = serve(server, build_image([zstd_chunked(ENTRIES), layer({"a": b"a"})]))
    assert main(["-q", "--no-cache", "--full", name]) == 0
    text = capsys.readouterr().out
    assert "2 layers (1 from the table of contents)" in text
    assert "not verified: the content of 1 layer, read from the table of contents (--verify checks)" in text


def test_a_comparison_hashes_both_images_in_the_same_way(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """BEFORE decides: contents are compared although one image has tables and the other has none."""
    chunked, plain = build_image([zstd_chunked(ENTRIES)]), build_image([layer({**ENTRIES, "new": b"n" * 5000})])
    first = serve(server, chunked)
    server.on("/v2/other/manifests/1", Answer(plain.manifest))
    for digest, data in plain.blobs.items():
        server.on(f"/v2/other/blobs/{digest}", ranged(data))
    second = f"{server.host}/other:1"
    for before, after in ((first, second), (second, first)):
        assert main(["diff", "-q", "--no-cache", "-f", "json", before, after]) == 0
        document = json.loads(capsys.readouterr().out)
        kinds = {name for layer in document["layers"] for name, found in layer["kinds"].items() if any(found.values())}
        assert kinds <= {"added", "removed"}


def test_a_soci_index(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """One request for the index and one for the zTOC; the layer is asked for the file that is read alone."""
    built = soci_layer(SOCI_ENTRIES, span=200_000)
    image = soci_image([built])
    name = serve(server, image)
    server.on(f"/v2/app/manifests/{sha256(image.index)}", Answer(image.index))
    assert main(["-q", "--no-cache", "-f", "json", name]) == 0
    document = json.loads(capsys.readouterr().out)
    (read,) = document["layers"]
    assert (read["toc"]["format"], read["toc"]["verified"], read["digest_verified"]) == ("soci", True, False)
    assert document["system"]["os"]["id"] == "debian"
    assert any("duplicates among them are not found" in text for text in document["warnings"])
    (request,) = server.requests_of(f"/v2/app/blobs/{built.digest}")
    first, _, last = request.headers["Range"].removeprefix("bytes=").partition("-")
    assert int(last) - int(first) < len(built.blob) // 2
    assert len(server.requests_of(f"/v2/app/blobs/{sha256(built.ztoc)}")) == 1
    assert len(server.requests_of(f"/v2/app/manifests/{sha256(image.index)}")) == 1


def test_a_soci_index_that_is_not_there(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    image = soci_image([soci_layer(SOCI_ENTRIES, span=200_000)])
    name = serve(server, image)
    assert main(["-q", "--no-cache", "-f", "json", name]) == 0
    (read,) = json.loads(capsys.readouterr().out)["layers"]
    assert (read["toc"], read["digest_verified"]) == (None, True)


def attach(server: Server, image: AttachedSociImage, *, by_tag: bool) -> tuple[str, str]:
    """Put what refers to an image into the registry; return the paths of the referrers API and of the tag."""
    api, tag = f"/v2/app/referrers/{image.digest}", f"/v2/app/manifests/{image.digest.replace(':', '-')}"
    server.on(f"/v2/app/manifests/{sha256(image.index)}", Answer(image.index))
    if by_tag:
        server.on(tag, Answer(image.referrers))
    else:
        server.on(api, Answer(image.referrers))
    return api, tag


@pytest.mark.parametrize("by_tag", [False, True])
def test_an_attached_soci_index(server: Server, by_tag: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """It is found by the referrers API, else by the tag of the digest, if that is asked for; all reports say what it is."""
    image = attached_soci_image([soci_layer(SOCI_ENTRIES, span=200_000), layer({"a": b"a"})])
    name = serve(server, image)
    api, tag = attach(server, image, by_tag=by_tag)
    assert main(["-q", "--no-cache", "-f", "json", name]) == 0
    assert json.loads(capsys.readouterr().out)["layers"][0]["toc"] is None
    assert (server.requests_of(api), server.requests_of(tag)) == ([], [])

    command = ["-q", "--no-cache", "--unverified-toc", name]
    assert main([*command, "-f", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    toc = document["layers"][0]["toc"]
    assert (toc["format"], toc["verified"], document["layers"][0]["digest_verified"]) == ("soci", False, False)
    (request,) = server.requests_of(api)
    assert request.query == {"artifactType": ATTACHED_TYPE}
    assert len(server.requests_of(tag)) == by_tag
    assert main([*command, "--full"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "2 layers (1 from an unverified table of contents)" in text
    assert "not verified: the content of 1 layer, read from an unverified table of contents (--verify checks)" in text
    assert main([*command, "-f", "html"]) == 0
    page = capsys.readouterr().out
    assert "read from an unverified table of contents" in page
    assert "which nothing verifies: anyone who may push can replace it" in page


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<!doctype html><html>log in</html>", 200, {"Content-Type": "text/html"}),
        Answer(status=500),
        Answer(b"{}"),
        Answer(b'{"config": {}}'),
        Answer(hang_up=True),
    ],
)
def test_other_answers_to_referrers(server: Server, answer: Answer) -> None:
    """The tag is asked for, and then the layer is read."""
    image = attached_soci_image([soci_layer(SOCI_ENTRIES, span=200_000)])
    name = serve(server, image)
    api, tag = attach(server, image, by_tag=False)
    server.on(api, answer)
    analyzer = Analyzer(connection=QUICK, use_unverified_toc=True)
    assert analyzer.analyze(name).layers[0].digest_verified
    assert len(server.requests_of(tag)) == 1
    server.on(tag, answer)
    assert analyzer.analyze(name).layers[0].digest_verified


def test_an_unverified_table_is_not_cached(server: Server, tmp_path: Path) -> None:
    """The analysis of the layer does not come back as one that was verified, nor does any part of it."""
    image = attached_soci_image([soci_layer(SOCI_ENTRIES, span=200_000)])
    name = serve(server, image)
    attach(server, image, by_tag=False)
    cache = DiskCache(tmp_path)
    unverified = Analyzer(connection=QUICK, cache=cache, use_unverified_toc=True)
    assert not unverified.analyze(name).layers[0].digest_verified
    assert Analyzer(connection=QUICK, cache=cache).analyze(name).layers[0].digest_verified
    assert unverified.analyze(name).layers[0].toc is None  # what was verified is better
