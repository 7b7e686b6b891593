"""Documents of registries in the cache: how many requests an image costs, and what is never believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocisize import Analyzer, DiskCache, OcisizeError, to_json
from ocisize.blob.digest import Digest, digest_of
from ocisize.oci.documents import Descriptor
from ocisize.oci.media_types import OCI_CONFIG, OCI_INDEX
from ocisize.sources.registry.documents import Documents
from tests.images import BuiltImage, build_image, for_platform, index_bytes, layer
from tests.pulling import QUICK
from tests.registry import Answer, RealRegistry, Server, challenge, errors

pytestmark = pytest.mark.usefixtures("home")
TAG = "/v2/app/manifests/1"


def an_image(text: str = "1") -> BuiltImage:
    return build_image([layer({"base": b"b" * 5000}), layer({"app": text.encode() * 3000})])


def serve(server: Server, image: BuiltImage, *, digest: bool = True) -> None:
    """An image under the tag; with ``digest``, answers name the digest of the manifest."""
    headers = {"Docker-Content-Digest": digest_of(image.manifest)} if digest else {}
    server.on(TAG, Answer(image.manifest, headers=headers))
    for name, data in image.blobs.items():
        server.on(f"/v2/app/blobs/{name}", Answer(data))


def analyze(server: Server, cache: DiskCache | None, name: str = "app:1", **options: bool) -> tuple[str, list[str]]:
    """The analysis as JSON, and the requests for it."""
    before = len(server.requests)
    analysis = Analyzer(connection=QUICK, cache=cache, **options).analyze(f"{server.host}/{name}")  # type: ignore[arg-type]
    kinds = [f"{request.method} {request.path.split('/')[-2]}" for request in server.requests[before:]]
    return to_json(analysis, files=True), kinds


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path / "cache")


FULL = ["GET manifests", "GET blobs", "GET blobs", "GET blobs"]


def test_an_image_that_was_read_costs_one_request(server: Server, cache: DiskCache) -> None:
    """The first run needs no more requests than without a cache, and the second only asks what the tag means."""
    serve(server, an_image())
    plain = analyze(server, None)
    assert plain == analyze(server, cache) and plain[1] == FULL
    assert analyze(server, cache) == (plain[0], ["HEAD manifests"])
    assert analyze(server, cache, files=False)[1] == ["HEAD manifests"]
    assert analyze(server, None)[1] == FULL


def test_a_moved_tag(server: Server, cache: DiskCache) -> None:
    """Only what is new is fetched: the manifest, the config and a layer."""
    serve(server, an_image())
    analyze(server, cache)
    serve(server, an_image("2"))
    found, requests = analyze(server, cache)
    assert requests == ["HEAD manifests", "GET manifests", "GET blobs", "GET blobs"]
    assert found == analyze(server, None)[0]


def test_a_registry_that_tells_no_digest(server: Server, cache: DiskCache) -> None:
    """The manifest is read, and nothing else."""
    serve(server, an_image(), digest=False)
    expected = analyze(server, cache)[0]
    found, requests = analyze(server, cache)
    assert (found, [request for request in requests if request != "GET v2"]) == (
        expected,
        ["HEAD manifests", "GET manifests"],
    )


@pytest.mark.parametrize("answer", [errors(404, "MANIFEST_UNKNOWN"), errors(405, "UNSUPPORTED"), errors(500, "UNKNOWN"),
    Answer(headers={"Docker-Content-Digest": "md5:beef"}), Answer(headers={"Docker-Content-Digest": "x" * 500}),
    Answer(headers={"Docker-Content-Digest": "sha256:" + 64 * "0"})])  # fmt: skip
def test_odd_answers_to_head(server: Server, cache: DiskCache, answer: Answer) -> None:
    """A GET follows, whose answer counts."""
    image = an_image()
    serve(server, image)
    expected = analyze(server, cache)[0]
    server.on(TAG, answer, Answer(image.manifest))
    found, requests = analyze(server, cache)
    assert (found, [request for request in requests if request != "GET v2"]) == (
        expected,
        ["HEAD manifests", "GET manifests"],
    )


def test_an_image_that_is_gone(server: Server, cache: DiskCache) -> None:
    """The cache does not bring back what the registry has no more, or denies."""
    serve(server, an_image())
    analyze(server, cache)
    for answer in (errors(404, "MANIFEST_UNKNOWN", "manifest unknown"), challenge('Basic realm="x"')):
        server.on(TAG, answer)
        with pytest.raises(OcisizeError):
            analyze(server, cache)


def test_the_header_is_not_believed_for_content(server: Server, cache: DiskCache) -> None:
    """A registry that names the digest of another image gets that image, as if it had delivered it; bytes never change."""
    one, other = an_image(), an_image("2")
    serve(server, one)
    first = analyze(server, cache)[0]
    serve(server, other)
    server.on(TAG, Answer(other.manifest, headers={"Docker-Content-Digest": digest_of(one.manifest)}))
    assert analyze(server, cache)[0] == first
    with pytest.raises(OcisizeError, match="digest"):
        analyze(server, None)


def test_damaged_documents_are_fetched_again(server: Server, cache: DiskCache, tmp_path: Path) -> None:
    """They are verified by their digests whenever they are used."""
    serve(server, an_image())
    expected = analyze(server, cache)[0]
    for path in (tmp_path / "cache" / "documents-v1" / "sha256").rglob("*.ocz"):
        path.write_bytes(path.read_bytes().replace(b"sha256", b"sha512"))
    assert analyze(server, cache) == (expected, ["HEAD manifests", "GET manifests", "GET blobs"])
    assert analyze(server, cache)[1] == ["HEAD manifests"]


def test_an_image_of_an_index(server: Server, cache: DiskCache) -> None:
    """The index is known by the digest of the tag, and the rest by the digests in it."""
    image = an_image()
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest_of(image.manifest),
             "size": len(image.manifest)}  # fmt: skip
    index = index_bytes([for_platform(entry, "linux", "amd64")])
    serve(server, image)
    server.on(TAG, Answer(index, headers={"Docker-Content-Digest": digest_of(index), "Content-Type": OCI_INDEX}))
    server.on(f"/v2/app/manifests/{digest_of(image.manifest)}", Answer(image.manifest))
    plain = Analyzer(platform="linux/amd64", connection=QUICK)
    cached = Analyzer(platform="linux/amd64", connection=QUICK, cache=cache)
    expected = to_json(plain.analyze(f"{server.host}/app:1"))
    for count in (5, 1):
        before = len(server.requests)
        assert to_json(cached.analyze(f"{server.host}/app:1")) == expected
        assert len(server.requests) - before == count
    assert len(cached.analyze_all(f"{server.host}/app:1").analyses) == 1


def test_by_digest(server: Server, cache: DiskCache) -> None:
    """A reference by digest asks, too, whether the registry has the image."""
    image = an_image()
    serve(server, image)
    digest = digest_of(image.manifest)
    server.on(f"/v2/app/manifests/{digest}", Answer(image.manifest, headers={"Docker-Content-Digest": digest}))
    expected, _ = analyze(server, cache, f"app@{digest}")
    assert analyze(server, cache, f"app@{digest}") == (expected, ["HEAD manifests"])


def test_nothing_of_other_sizes_and_digests_is_kept(cache: DiskCache) -> None:
    """Layers are no documents, and a document under a wrong digest is none."""
    documents = Documents(cache)
    documents.keep(b"{}", "sha256:" + 64 * "0")
    config = Descriptor(Digest("sha256:" + 64 * "1"), 2, OCI_CONFIG)
    assert list(documents.watch_blob(config, [b"{", b"}"])) == [b"{", b"}"]
    blob = Descriptor(digest_of(b"ab"), 2, "application/vnd.oci.image.layer.v1.tar")
    assert list(documents.watch_blob(blob, [b"a", b"b"])) == [b"a", b"b"]
    assert cache.usage() == (0, 0)
    assert Documents().find(digest_of(b"")) is None and not Documents().has_seen("app:1")


def test_no_names_are_kept(server: Server, cache: DiskCache, tmp_path: Path) -> None:
    """Neither names of images nor of hosts are in the cache."""
    serve(server, an_image())
    analyze(server, cache)
    for path in (tmp_path / "cache").rglob("*"):
        assert "app:1" not in path.name and (path.is_dir() or server.host.encode() not in path.read_bytes())


def test_a_real_registry(registry: RealRegistry, cache: DiskCache, caplog: pytest.LogCaptureFixture) -> None:
    """docker-registry answers HEAD with the digest."""
    image = an_image()
    registry.push("cached", "1", image)
    analyses = []
    for _ in range(2):
        caplog.clear()
        with caplog.at_level("INFO", "ocisize"):
            analyses.append(to_json(Analyzer(cache=cache).analyze(f"{registry.host}/cached:1")))
    assert analyses[0] == analyses[1]
    requests = [record.getMessage() for record in caplog.records if record.getMessage().startswith(("GET ", "HEAD "))]
    assert len(requests) == 1 and requests[0].startswith("HEAD ")
    assert json.loads(analyses[1])["digest"] == digest_of(image.manifest)
