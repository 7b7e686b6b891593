"""Documents of many images: what they reach, what they cost in requests, and what cannot be read."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from urllib3.connection import HTTPConnection

from ocisize import Connection, DiskCache, Fleet, FleetProgress, ListedReference, OcisizeError, list_references, read_fleet
from ocisize.fleet.table import list_blobs
from ocisize.model.fleet import BlobKind
from tests.fleets import Tagged, many_images, push_fleet, serve_fleet, service_family, tagged, tagged_index, write_fleet
from tests.images import OCI, BuiltImage, build_image, index_bytes, layer, sha256, write_docker_archive
from tests.pulling import QUICK
from tests.registry import Answer, RealRegistry, Server, TokenService, challenge, errors, guarded, token_answer

pytestmark = pytest.mark.usefixtures("home")


def an_image(text: str = "1", **options: Any) -> BuiltImage:
    return build_image([layer({"base": b"base"}), layer({"app": text.encode()})], **options)


def read(references: Sequence[str | ListedReference], **options: Any) -> Fleet:
    return read_fleet(references, **{"connection": QUICK, **options})


def requests_of(server: Server, references: Sequence[str], **options: Any) -> Counter[str]:
    """The requests that a fleet costs, by method and kind."""
    before = len(server.requests)
    read(references, **options)
    return Counter(f"{request.method} {request.path.split('/')[-2]}" for request in server.requests[before:])


def check_family(fleet: Fleet, tags: Sequence[Tagged]) -> None:
    """Each root reaches exactly the bytes of its tag; tags of one digest are one root."""
    assert not fleet.failures and not fleet.warnings
    assert [root.digest for root in fleet.roots] == list(dict.fromkeys(tag.digest for tag in tags))
    by_digest = {tag.digest: tag for tag in tags}
    for root in fleet.roots:
        assert {blob.digest: blob.size for blob in list_blobs(root)} == by_digest[root.digest].sizes


def test_a_real_registry(registry: RealRegistry, tmp_path: Path) -> None:
    """Single images, indexes, attestations; a second run reads the same from the cache."""
    tags, cache = service_family(), DiskCache(tmp_path / "cache")
    references = push_fleet(registry, tags)
    fleet = read_fleet(references, cache=cache)
    check_family(fleet, tags)
    assert fleet.stores == (registry.host,)
    assert [name for root in fleet.roots for name in root.references] == references
    names = {name: root for root in fleet.roots for name in root.references}
    assert names[f"{registry.host}/web:2.0"] is names[f"{registry.host}/web:stable"]
    assert names[f"{registry.host}/web:2.0"].repositories == (f"{registry.host}/web",) * 2
    index = names[f"{registry.host}/worker:1.2"]
    assert [image.platform for image in index.images] == ["linux/amd64", "linux/arm64"] and index.is_index
    assert [blob.kind for blob in index.others] == [BlobKind.ATTESTATION] * 3
    first = names[f"{registry.host}/api:1.0"].images[0]
    assert first.base_name == "registry.example/base:12" and first.created == "2026-03-01T00:00:00Z"
    assert [one.build_step for one in first.layers] == [f"RUN build api step {number}" for number in range(5)]
    assert read_fleet(references, cache=cache) == fleet == read_fleet(references, jobs=1)


def test_a_layout(tmp_path: Path) -> None:
    """The images of a folder are one store."""
    tags = service_family()
    fleet = read_fleet(list_references([str(write_fleet(tags, tmp_path / "layout"))]).references)
    check_family(fleet, tags)
    assert fleet.stores == (str(tmp_path / "layout"),)
    assert fleet.roots[0].references == (f"{tmp_path}/layout --select base:12.1",)
    assert set(fleet.roots[0].repositories) == {str(tmp_path / "layout")}


def test_requests(server: Server, tmp_path: Path) -> None:
    """A document is fetched once; of what is in the cache, a tag costs a HEAD and a digest nothing."""
    tags = [tag for tag in service_family() if tag.tag != "stable"]
    references, cache = serve_fleet(server, tags), DiskCache(tmp_path / "cache")
    manifests = len({tag.digest for tag in tags} | {sha256(data) for tag in tags for data in tag.manifests})
    configs = 15  # the image that is compressed with zstd has that of the other one
    assert requests_of(server, references, cache=cache, jobs=1) == {"GET manifests": manifests, "GET blobs": configs}
    assert requests_of(server, references, cache=cache) == {"HEAD manifests": len(tags)}
    digests = [f"{server.host}/{tag.repository}@{tag.digest}" for tag in tags]
    assert requests_of(server, digests, cache=cache) == {}
    check_family(read(digests, cache=cache), tags)
    assert cache.usage().entries == manifests + configs + len(tags)


def test_tags_of_one_digest_are_read_once(server: Server) -> None:
    """Further tags cost their manifest; names and labels are gathered in the order of the input."""
    image = an_image()
    references = serve_fleet(server, [tagged("app", f"v{number}", image) for number in range(5)])
    assert requests_of(server, references, jobs=1) == {"GET manifests": 5, "GET blobs": 1}
    listed = [
        ListedReference(name=name, label=label, nodes=nodes)
        for name, label, nodes in zip(references, "abab", ([], ["n1"], ["n2", "n1"], []), strict=False)
    ]
    (root,) = read([*listed, evolved(listed[0], "c")]).roots
    assert root.references == tuple(references[:4])
    assert (root.labels, root.nodes) == (("a", "b", "c"), ("n1", "n2"))


def evolved(reference: ListedReference, label: str) -> ListedReference:
    """The same reference with another label."""
    return ListedReference(name=reference.name, label=label)


def test_the_result_does_not_depend_on_threads(server: Server) -> None:
    """Roots, failures and layers are those of the input, in its order."""
    references = serve_fleet(server, many_images(30, 40, size=30, repositories=4))
    references[3:3] = [f"{server.host}/gone:1", "invalid//name"]
    serial = read(references, jobs=1)
    assert [failure.reference for failure in serial.failures] == references[3:5]
    for jobs in (2, 8):
        assert read(references, jobs=jobs) == serial


def test_failures_are_named_and_the_rest_is_read(server: Server) -> None:
    """Each has a reason; a tag that is gone, schema 1, a broken manifest, and a registry that fails."""
    good = serve_fleet(server, [tagged("app", "1", an_image())])
    server.on("/v2/app/manifests/old", Answer(b'{"schemaVersion": 1, "fsLayers": []}'))
    server.on("/v2/app/manifests/broken", Answer(b'{"config": 1'))
    server.on("/v2/app/manifests/down", errors(500, "UNKNOWN", "disk full"))
    names = ["gone", "old", "broken", "down"]
    fleet = read([*(f"{server.host}/app:{name}" for name in names), *good])
    assert [root.references for root in fleet.roots] == [tuple(good)] and not fleet.complete
    assert [failure.reference for failure in fleet.failures] == [f"{server.host}/app:{name}" for name in names]
    assert [
        word in failure.message
        for word, failure in zip(["404", "schema 1", "JSON", "disk full"], fleet.failures, strict=True)
    ] == [True] * 4
    assert "skopeo" in fleet.failures[1].hint


def test_a_tag_that_vanished(server: Server, tmp_path: Path) -> None:
    """The cache knows the document, and the tag is still a failure."""
    references, cache = serve_fleet(server, [tagged("app", "1", an_image())]), DiskCache(tmp_path)
    read(references, cache=cache)
    server.on("/v2/app/manifests/1", errors(404, "MANIFEST_UNKNOWN"))
    fleet = read(references, cache=cache)
    assert not fleet.roots and "404" in fleet.failures[0].message


def test_a_tag_that_moved(server: Server, tmp_path: Path) -> None:
    """The new image counts."""
    references, cache = serve_fleet(server, [tagged("app", "1", an_image())]), DiskCache(tmp_path)
    read(references, cache=cache)
    moved = tagged("app", "1", an_image("2"))
    serve_fleet(server, [moved])
    assert read(references, cache=cache).roots[0].digest == moved.digest


def test_another_reference_may_have_access(server: Server) -> None:
    """A root that one repository does not deliver is read from the other; the first reference is no failure then."""
    image = an_image()
    references = serve_fleet(server, [tagged("a", "1", image), tagged("b", "1", image)])
    server.on(f"/v2/a/blobs/{sha256(image.config)}", errors(500, "UNKNOWN"))
    for order in (references, references[::-1]):
        fleet = read(order, jobs=1)
        assert [root.digest for root in fleet.roots] == [image.digest]
        names = {*fleet.roots[0].references, *(failure.reference for failure in fleet.failures)}
        assert names == set(references)


def test_a_config_that_cannot_be_read(server: Server) -> None:
    """The layers are known from the manifest, and the image is named as incomplete."""
    image = an_image()
    references = serve_fleet(server, [tagged("app", "1", image)])
    server.on(f"/v2/app/blobs/{sha256(image.config)}", errors(404, "BLOB_UNKNOWN"))
    fleet = read(references)
    (found,) = fleet.roots[0].images
    assert [one.digest for one in found.layers] == [built.digest for built in image.layers]
    assert [one.diff_id for one in found.layers] == [None, None] and found.platform == "unknown"
    assert len(fleet.failures) == 1 and not fleet.complete


def test_absent_platforms(server: Server) -> None:
    """An index counts without the images that the registry lacks, which are named."""
    images = {"amd64": an_image(), "arm64": an_image("2", architecture="arm64")}
    references = serve_fleet(server, [tagged_index("app", "1", images, absent=["arm64"])])
    (root,) = read(references).roots
    assert [image.platform for image in root.images] == ["linux/amd64"] and root.absent == ("linux/arm64",)


def test_one_platform(server: Server) -> None:
    """Images for others and attestations do not count, and references without an image for it are left out."""
    images = {"amd64": an_image(), "arm64": an_image("2", architecture="arm64")}
    tags = [tagged_index("app", "1", images, attested=["amd64"]), tagged("app", "2", an_image("3"))]
    fleet = read(serve_fleet(server, [*tags, tagged("app", "3", an_image("3"))]), platform="linux/aarch64")
    (root,) = fleet.roots
    assert [image.digest for image in root.images] == [images["arm64"].digest] and not root.others
    assert fleet.platform == "linux/arm64" and fleet.complete
    assert fleet.warnings == ("2 references have no image for linux/arm64, and are left out",)
    with pytest.raises(OcisizeError, match="invalid platform"):
        read([], platform="arm")


def test_artifacts_are_no_images(server: Server) -> None:
    """A chart is stored, too: its blobs count, and a warning says what it is."""
    config, chart = b"{}", b"chart"
    blobs = {sha256(config): config, sha256(chart): chart}
    kinds = ("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    descriptors = [
        {"mediaType": kind, "digest": digest, "size": len(data)}
        for kind, (digest, data) in zip(kinds, blobs.items(), strict=True)
    ]
    manifest = json.dumps({"schemaVersion": 2, "config": descriptors[0], "layers": descriptors[1:]}).encode()
    tag = Tagged("charts", "1", manifest, f"{OCI}.manifest.v1+json", (), blobs)
    fleet = read(serve_fleet(server, [tag]))
    assert fleet.complete and not fleet.roots[0].images
    assert {blob.digest: blob.size for blob in list_blobs(fleet.roots[0])} == tag.sizes
    assert fleet.roots[0].warnings == ("it is no image but: Helm chart",)


def test_nested_indexes(server: Server) -> None:
    """Indexes inside an index are blobs of the root."""
    image = an_image()
    inner = index_bytes([image.descriptor])
    outer = index_bytes([{"mediaType": f"{OCI}.index.v1+json", "digest": sha256(inner), "size": len(inner)}])
    blobs = {digest: data for digest, data in image.blobs.items() if digest != image.digest}
    tag = Tagged("app", "1", outer, f"{OCI}.index.v1+json", (image.manifest, inner), blobs)
    (reference,) = serve_fleet(server, [tag])
    server.on(f"/v2/app/manifests/{sha256(inner)}", Answer(inner))
    check_family(read([reference]), [tag])


def test_repeated_and_foreign_layers(server: Server) -> None:
    """A blob that a manifest lists twice is one blob; a foreign layer is none of the registry."""
    base, foreign = layer({"base": b"base"}), layer({"windows": b"w"})
    image = build_image([base, base, foreign])
    document = json.loads(image.manifest)
    document["layers"][2]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    document["layers"][2]["urls"] = ["https://example.invalid/layer"]
    manifest = json.dumps(document).encode()
    blobs = {digest: data for digest, data in image.blobs.items() if digest not in (image.digest, foreign.digest)}
    tag = Tagged("app", "1", manifest, f"{OCI}.manifest.v1+json", (), blobs)
    fleet = read(serve_fleet(server, [tag]))
    check_family(fleet, [tag])
    assert [one.is_foreign for one in fleet.roots[0].images[0].layers] == [False, False, True]


def test_secrets_of_build_steps_are_redacted(server: Server) -> None:
    """No secret of a history is in a fleet, and its texts can be printed."""
    history = [{"created_by": "RUN curl -H 'X-Api-Key: s3cret-5678' x.org # buildkit"}, {"created_by": "COPY \x1b[31m /"}]
    fleet = read(serve_fleet(server, [tagged("app", "1", an_image(history=history))]))
    steps = [one.build_step for one in fleet.roots[0].images[0].layers]
    assert "s3cret" not in steps[0] and "<redacted>" in steps[0]
    assert steps[1].isprintable()


def test_one_token_for_a_repository(server: Server) -> None:
    """The images of a repository share the challenge, the token and the connections."""
    tags = many_images(12, 14, size=30, repositories=2)
    references = serve_fleet(server, tags)
    ask = f'Bearer realm="{server.url}/token",service="s",scope="repository:%s:pull"'
    for path in list(server._scripts):
        repository = path.split("/manifests/")[0].split("/blobs/")[0].removeprefix("/v2/")
        server.on(path, guarded(["Bearer t"], server.scripted(path), ask % repository))
    server.on("/token", token_answer("t"))
    fleet = read(references, jobs=1)
    assert fleet.complete and len(fleet.roots) == 12
    assert len(server.requests_of("/token")) == 2
    refused = [request for request in server.requests if request.authorization is None and request.path != "/token"]
    assert len(refused) == 2


def test_one_connection_for_a_repository(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests follow one another on a connection, also those that only ask for a digest."""
    references, cache = serve_fleet(server, many_images(6, 8, size=30)), DiskCache(tmp_path)
    connects, connect = 0, HTTPConnection.connect

    def count(connection: HTTPConnection) -> None:
        nonlocal connects
        connects += 1
        connect(connection)

    monkeypatch.setattr(HTTPConnection, "connect", count)
    for expected in (1, 2):
        assert read(references, jobs=1, cache=cache).complete
        assert connects == expected


def test_a_login_that_is_refused_fails_each_reference(server: Server) -> None:
    """The registry is not asked for each of them with the same password, and the names are the right ones."""
    references = [f"{server.host}/app:v{number}" for number in range(3)]
    for number in range(3):
        server.on(f"/v2/app/manifests/v{number}", challenge('Basic realm="x"'))
    fleet = read(references, jobs=1)
    assert [failure.reference for failure in fleet.failures] == references
    assert all("401" in failure.message for failure in fleet.failures)


def test_a_registry_that_asks_to_wait(server: Server, waits: list[float]) -> None:
    """429 is answered by waiting as long as the registry asks."""
    references = serve_fleet(server, [tagged("app", "1", an_image())])
    path = "/v2/app/manifests/1"
    server.on(path, errors(429, "TOOMANYREQUESTS", headers={"Retry-After": "7"}), server.scripted(path))
    assert read(references, connection=Connection(retries=2)).complete
    assert waits == [7.0]


def test_requests_at_once_are_bounded(server: Server) -> None:
    """No more references are read at once from a registry than ``jobs``."""
    references = serve_fleet(server, many_images(20, 25, size=30))
    now, most, lock = 0, 0, threading.Lock()

    def slow(answer: Answer) -> Any:
        def wait(_: object) -> Answer:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.01)
            with lock:
                now -= 1
            return answer

        return wait

    for path in list(server._scripts):
        server.on(path, slow(server.scripted(path)))  # type: ignore[arg-type]
    assert read(references, jobs=3).complete
    assert 1 < most <= 3


def test_progress(server: Server) -> None:
    """Each reference is counted once, failures too."""
    references = [*serve_fleet(server, many_images(5, 7, size=30)), f"{server.host}/gone:1"]
    seen = list[FleetProgress]()
    read(references, on_progress=seen.append)
    assert [progress.done for progress in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1] == FleetProgress(references=6, done=6, failed=1)


def test_an_interrupt_ends_all_reads_and_keeps_what_was_read(server: Server, tmp_path: Path) -> None:
    """An error of the callback ends threads that wait for the registry; what came before is in the cache."""
    references = serve_fleet(server, many_images(8, 10, size=30))
    for reference in references[4:]:
        server.on(f"/v2/{reference.partition('/')[2].replace(':', '/manifests/')}", Answer(silent=True))
    cache, begun = DiskCache(tmp_path), time.monotonic()

    def stop(progress: FleetProgress) -> None:
        if progress.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(references, jobs=8, cache=cache, on_progress=stop, connection=Connection(timeout=(5.0, 30.0), retries=0))
    assert time.monotonic() - begun < 20
    assert cache.usage().entries >= 4 * 3
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("ocisize-fleet")]
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def test_many_kinds_of_sources(server: Server, tmp_path: Path) -> None:
    """Registries and files are stores of their own."""
    image = an_image()
    archive = write_docker_archive(image, tmp_path / "app.tar")
    references = [*serve_fleet(server, [tagged("app", "1", image)]), str(archive), str(tmp_path / "missing.tar")]
    fleet = read(references)
    assert fleet.stores == (server.host, str(archive))
    assert [root.store for root in fleet.roots] == [0, 1]
    assert "no such file" in fleet.failures[0].message


def test_a_registry_that_is_down_is_not_asked_for_ever(server: Server, second_server: Server) -> None:
    """After some references without an answer the others fail at once; an answer with an error is an answer."""
    references = serve_fleet(server, many_images(3, 5, size=30))
    for number in range(30):
        second_server.on(f"/v2/app/manifests/v{number}", Answer(hang_up=True))
    down = [f"{second_server.host}/app:v{number}" for number in range(30)]
    gone = [f"{server.host}/gone:v{number}" for number in range(10)]
    fleet = read([*down, *gone, *references], jobs=2)
    assert len(fleet.roots) == 3 and len(fleet.failures) == 40
    assert 4 <= len({request.path for request in second_server.requests if "manifests" in request.path}) <= 6
    message = fleet.failures[29].message
    assert message.startswith(f"not asked: {second_server.host} gave no answer") and "again" in fleet.failures[29].hint
    assert all("404" in failure.message for failure in fleet.failures[30:])


def test_mirrors(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a mirror delivers is stored in the registry that the reference names, and a warning says so."""
    tags = many_images(4, 6, size=30)
    serve_fleet(server, tags)
    settings = tmp_path / "registries.conf"
    settings.write_text(f'[[registry]]\nlocation = "registry.invalid"\n[[registry.mirror]]\nlocation = "{server.host}"\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
    names = [f"registry.invalid/{tag.repository}:{tag.tag}" for tag in tags]
    fleet = read(names, jobs=2)
    assert fleet.complete and fleet.stores == ("registry.invalid",)
    assert [root.digest for root in fleet.roots] == [tag.digest for tag in tags]
    assert all("was read from the mirror" in warning for warning in fleet.warnings)


def test_a_mirror_that_is_down_is_not_asked_for_each_image(
    server: Server, second_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry itself is asked at once, after three images without an answer of the mirror."""
    tags = many_images(12, 15, size=30, repositories=3)
    references = serve_fleet(server, tags)
    settings = tmp_path / "registries.conf"
    settings.write_text(
        f'[[registry]]\nlocation = "{server.host}"\n[[registry.mirror]]\nlocation = "{second_server.host}"\n'
    )
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
    for tag in tags:
        second_server.on(f"/v2/{tag.repository}/manifests/{tag.tag}", Answer(hang_up=True))
    assert read(references, jobs=1).complete
    assert len({request.path for request in second_server.requests if "manifests" in request.path}) == 3


def test_warnings_are_bounded(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of images do not repeat what is said of each."""
    tags = many_images(30, 32, size=30)
    serve_fleet(server, tags)
    settings = tmp_path / "registries.conf"
    settings.write_text(f'[[registry]]\nlocation = "registry.invalid"\n[[registry.mirror]]\nlocation = "{server.host}"\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
    warnings = read([f"registry.invalid/{tag.repository}:{tag.tag}" for tag in tags]).warnings
    assert len(warnings) == 21 and warnings[-1] == "10 more warnings about how images were read"


def test_wrong_options() -> None:
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        read_fleet([], jobs=0)
    assert read_fleet([]) == Fleet(stores=(), roots=())
