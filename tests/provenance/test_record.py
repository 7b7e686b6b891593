"""What attestations say, wherever the image is read from, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from ocisize import Analysis, Analyzer, DiskCache, from_json, to_json
from ocisize.model.base import BaseCertainty, BaseImage, BaseMethod
from ocisize.model.outline import Outline
from ocisize.model.provenance import Provenance, SourceLines
from tests.images import compress, index_bytes, layout_files, named, sha256, tar_bytes, write_files
from tests.piping import piped
from tests.provenance.statements import (
    BASE_DIGEST, COMMAND, Attested, Build, Mode, Version, attest, build, serve, statement,
)  # fmt: skip
from tests.pulling import QUICK
from tests.registry import Answer, RealRegistry, Server, errors

pytestmark = pytest.mark.usefixtures("home")
ANALYZER = Analyzer(platform="linux/amd64", connection=QUICK)
BASE = BaseImage(1, "docker.io/library/debian:12", BASE_DIGEST, BaseMethod.PROVENANCE, BaseCertainty.SURE)
LINES = ("Dockerfile:2", "Dockerfile:3", "Dockerfile:4-6", "Dockerfile:7")
REQUESTS = ["manifests/1", "manifests/IMAGE", "blobs/CONFIG", "manifests/ATTESTATION", "blobs/STATEMENT"]


def lines_of(image: Analysis | Outline) -> tuple[str, ...]:
    return tuple(str(layer.source) for layer in image.layers)


def base_of(image: Analysis | Outline) -> BaseImage | None:
    if isinstance(image, Outline):
        return image.base
    return image.base.found if image.base is not None else None


def asked(server: Server, attested: Attested) -> list[str]:
    """The paths of all requests but those for layers, with names for digests."""
    names = {sha256(data): name for name, data in (
        ("IMAGE", attested.image.manifest), ("CONFIG", attested.image.config), ("ATTESTATION", attested.manifest),
        ("STATEMENT", attested.statement))}  # fmt: skip
    layers = {built.digest for built in attested.image.layers}
    paths = [request.path.removeprefix("/v2/app/") for request in server.requests]
    split = [path.rpartition("/") for path in paths if path.rpartition("/")[2] not in layers]
    return [f"{kind}/{names.get(last, last)}" for kind, _, last in split]


def write_index(attested: Attested, tmp_path: Path, form: str) -> Path:
    """The image with its attestations as a saved file."""
    nested = {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": sha256(attested.index),
        "size": len(attested.index),
    }
    root, blobs = index_bytes([named(nested, "app:1")]), attested.blobs | {sha256(attested.index): attested.index}
    if form == "flat":
        root = attested.index
    files = layout_files(root, blobs)
    if form in ("layout", "flat"):
        return write_files(files, tmp_path / "layout")
    path = tmp_path / f"{form}.tar"
    path.write_bytes(compress(tar_bytes(files), "gzip" if form == "compressed" else "plain"))
    return path


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("version", ["0.2", "1"])
@pytest.mark.parametrize("form", ["registry", "layout", "flat", "archive", "compressed", "pipe"])
def test_lines_and_base_of_every_source(
    server: Server,
    tmp_path: Path,
    form: str,
    version: Version,
    legacy: bool,  # noqa: FBT001
) -> None:
    """The same for both versions of the predicate, both forms of storage and every source of an index; also quickly."""
    image = build()
    attested = attest(image, statement(image, version), legacy=legacy)
    name = serve(server, attested) if form == "registry" else str(write_index(attested, tmp_path, form))

    def read(make: Callable[[str], Analysis | Outline]) -> Analysis | Outline:
        if form != "pipe":
            return make(name)
        with piped(Path(name).read_bytes()) as writer:
            return make(writer.path)

    for found in (read(ANALYZER.analyze), read(ANALYZER.outline)):
        assert lines_of(found) == LINES and base_of(found) == BASE
        assert [layer.source.command for layer in found.layers if layer.source] == ["", "", COMMAND, ""]
        assert found.provenance == Provenance(
            digest=sha256(attested.statement),
            predicate_type=f"https://slsa.dev/provenance/v{version}",
            has_steps=True,
            dockerfile="Dockerfile",
            repository="https://me:<redacted>@code.example/team/app",
            revision="0123456789abcdef",
        )
        assert not found.warnings


@pytest.mark.parametrize("version", ["0.2", "1"])
def test_min_mode_names_the_base(server: Server, version: Version) -> None:
    """The only image among the materials may be the base, or the image of another stage: it gives a name to a guess."""
    image = build()
    attested = attest(image, statement(image, version, "min"))
    analysis = ANALYZER.analyze(serve(server, attested))
    assert {layer.source for layer in analysis.layers} == {None} and analysis.provenance is not None
    assert not analysis.provenance.has_steps
    found = base_of(analysis)
    assert found is not None and found.method is not BaseMethod.PROVENANCE and found.certainty is not BaseCertainty.SURE
    assert (found.name, found.digest, found.layers) == (BASE.name, BASE.digest, 1)


def test_min_mode_of_a_history_without_a_base(server: Server) -> None:
    """The name alone: its layers are unknown."""
    image = build([("COPY . /", "buildkit.dockerfile.v0")] * 4)
    attested = attest(image, statement(image, mode="min"))
    assert base_of(ANALYZER.outline(serve(server, attested))) == attrs.evolve(BASE, layers=0, certainty=BaseCertainty.GUESS)


def test_several_materials_name_no_base(server: Server) -> None:
    """One of two images is the base, or none is."""
    image = build([("COPY . /", "buildkit.dockerfile.v0")] * 4)
    materials = (("pkg:docker/debian@12", BASE_DIGEST), ("pkg:docker/golang@1.25", "sha256:" + 64 * "1"))
    attested = attest(image, statement(image, mode="min", build=Build(materials=materials)))
    assert ANALYZER.outline(serve(server, attested)).base is None


def test_requests(server: Server, tmp_path: Path) -> None:
    """Two for the attestation, none without; with the cache, an image that was read before costs one."""
    image = build()
    attested = attest(image, statement(image))
    name = serve(server, attested)
    cached = attrs.evolve(ANALYZER, cache=DiskCache(tmp_path))
    first = cached.analyze(name)
    assert asked(server, attested) == REQUESTS
    server.requests.clear()
    assert to_json(cached.analyze(name)) == to_json(first)
    assert [request.method for request in server.requests] == ["HEAD"]
    server.requests.clear()
    assert lines_of(cached.outline(name)) == LINES
    assert [request.method for request in server.requests] == ["HEAD"]
    server.requests.clear()
    without = attrs.evolve(ANALYZER, use_attestations=False)
    assert lines_of(without.analyze(name)) == ("None",) * 4
    assert asked(server, attested) == REQUESTS[:3]


def test_options_have_their_own_entries_in_the_cache(server: Server, tmp_path: Path) -> None:
    """An analysis without attestations is none of one with them."""
    image = build()
    name = serve(server, attest(image, statement(image)))
    plain, cached = ANALYZER, attrs.evolve(ANALYZER, cache=DiskCache(tmp_path))
    for use in (False, True, False, True):
        expected = attrs.evolve(plain, use_attestations=use).analyze(name)
        assert to_json(attrs.evolve(cached, use_attestations=use).analyze(name)) == to_json(expected)


@pytest.mark.parametrize("listed", [True, False])
def test_referrers(server: Server, tmp_path: Path, listed: bool) -> None:  # noqa: FBT001
    """An image by its digest: the referrers API is asked once, and never again with the cache."""
    image = build()
    attested = attest(image, statement(image))
    other = {**attested.attestation, "artifactType": "application/spdx+json", "digest": "sha256:" + 64 * "0"}
    referrers = index_bytes([other, attested.attestation] if listed else [other])
    name = serve(server, attested, referrers=referrers).replace(":1", f"@{image.digest}")
    cached = attrs.evolve(ANALYZER, cache=DiskCache(tmp_path))
    found = cached.analyze(name)
    more = ["manifests/ATTESTATION", "blobs/STATEMENT"] if listed else []
    assert asked(server, attested) == ["manifests/IMAGE", "blobs/CONFIG", "referrers/IMAGE", *more]
    assert (lines_of(found) == LINES, base_of(found) == BASE) == (listed, listed)
    server.requests.clear()
    assert to_json(cached.analyze(name)) == to_json(found)
    assert [request.method for request in server.requests] == ["HEAD"]


@pytest.mark.parametrize("answer", [errors(404, "NOT_FOUND"), errors(500, "UNKNOWN"), errors(403, "DENIED"),
    Answer(b"<html>"), Answer(b"{}"), Answer(index_bytes([]), headers={"Content-Type": "text/html"})])  # fmt: skip
def test_odd_answers_of_the_referrers_api(server: Server, answer: Answer) -> None:
    """They are no attestations, and no error; the tag of the digest is not asked for."""
    image = build()
    attested = attest(image, statement(image))
    name = serve(server, attested).replace(":1", f"@{image.digest}")
    server.on(f"/v2/app/referrers/{image.digest}", answer)
    found = ANALYZER.outline(name)
    assert lines_of(found) == ("None",) * 4 and not found.warnings
    assert f"sha256-{image.digest[7:]}" not in str(server.requests)


def test_who_is_not_asked_for_referrers(server: Server) -> None:
    """An image by a tag, one of an index that lists no attestations, and one of another builder."""
    image = build()
    attested = attest(image, statement(image))
    serve(server, attested)
    server.on("/v2/app/manifests/2", Answer(image.manifest))
    server.on(
        "/v2/app/manifests/3",
        Answer(index_bytes([{**image.descriptor, "platform": {"os": "linux", "architecture": "amd64"}}])),
    )
    other = build([("RUN x", "")] * 4)
    serve(server, attest(other, statement(other)))
    for name in ("app:2", "app:3", f"app@{other.digest}"):
        assert lines_of(ANALYZER.outline(f"{server.host}/{name}")) == ("None",) * 4
    assert not [request for request in server.requests if "referrers" in request.path]


def test_all_platforms(server: Server) -> None:
    """Each image has its own attestation."""
    image = build()
    name = serve(server, attest(image, statement(image)))
    assert lines_of(ANALYZER.analyze_all(name).analyses["linux/amd64"]) == LINES
    assert lines_of(ANALYZER.outline_all(name).outlines["linux/amd64"]) == LINES


@pytest.mark.parametrize("by_digest", [False, True])
def test_a_real_registry(registry: RealRegistry, by_digest: bool) -> None:  # noqa: FBT001
    """Of Docker: it takes the attestations as any manifest, and before version 3 it has no referrers API."""
    image = build()
    attested = attest(image, statement(image))
    for data in (image.config, attested.statement, b"[]", b"{}", *(built.blob for built in image.layers)):
        registry.push_blob("attested", data)
    registry.push_manifest("attested", image.digest, image.manifest)
    registry.push_manifest("attested", sha256(attested.manifest), attested.manifest)
    registry.push_manifest("attested", "1", attested.index, "application/vnd.oci.image.index.v1+json")
    found = ANALYZER.analyze(f"{registry.host}/attested{f'@{image.digest}' if by_digest else ':1'}")
    assert not found.warnings and lines_of(found) in ([LINES, ("None",) * 4] if by_digest else [LINES])


def test_json_round_trip(server: Server) -> None:
    """Lines and provenance are read back; lines out of range are refused."""
    image = build()
    analysis = ANALYZER.analyze(serve(server, attest(image, statement(image))))
    document = json.loads(to_json(analysis, files=True))
    assert from_json(json.dumps(document)) == analysis
    assert document["layers"][2]["source"] == {"file": "Dockerfile", "first": 4, "last": 6, "command": COMMAND}
    document["layers"][2]["source"]["last"] = 0
    with pytest.raises(Exception, match="layer 2 names lines"):
        from_json(json.dumps(document))


def test_the_base_that_the_user_names_wins(server: Server) -> None:
    """``scratch`` is no base image."""
    image = build()
    name = serve(server, attest(image, statement(image)))
    assert attrs.evolve(ANALYZER, base="scratch").outline(name).base is None


def test_commands_of_a_history_that_is_in_doubt(server: Server) -> None:
    """The attestation has the command where the history has too few steps."""
    image = build([("RUN x", "buildkit.dockerfile.v0")])
    analysis = ANALYZER.analyze(serve(server, attest(image, statement(image))))
    assert str(analysis.layers[2].build_step) == "RUN apt-get update && apt-get install -y curl"
    assert [layer.build_step_certain for layer in analysis.layers] == [False, False, True, False]


def test_secrets_are_redacted(server: Server) -> None:
    """Neither commands nor anything else has them; arguments of the build are not kept at all."""
    words = ["/bin/sh", "-c", "curl -H 'X-Api-Key: s3cret-5678' x.org"]
    nodes = [*Build().nodes]
    nodes[2] = {**nodes[2], "op": {"Op": {"exec": {"meta": {"args": words}}}}}
    image = build()
    analysis = ANALYZER.analyze(serve(server, attest(image, statement(image, build=Build(nodes=nodes)))))
    assert analysis.layers[2].source == SourceLines(
        file="Dockerfile", first=4, last=6, command="curl -H 'X-Api-Key: <redacted>' x.org"
    )
    assert not any(secret in to_json(analysis) for secret in ("s3cret", "hunter2"))


def test_long_commands_are_cut(server: Server) -> None:
    """Every layer has its own."""
    nodes = [*Build().nodes]
    nodes[2] = {**nodes[2], "op": {"Op": {"exec": {"meta": {"args": ["/bin/sh", "-c", "x" * 100_000]}}}}}
    image = build()
    outline = ANALYZER.outline(serve(server, attest(image, statement(image, build=Build(nodes=nodes)))))
    command = outline.layers[2].source.command if outline.layers[2].source is not None else ""
    assert len(command) == 8192 and command.endswith("…")


def test_notes_of_older_builders(tmp_path: Path) -> None:
    """The config of BuildKit 0.9 to 0.11 names the base image."""
    sample = json.loads(Path("testdata/provenance/buildinfo-legacy-config.json").read_text())
    image = build()
    config = json.dumps(json.loads(image.config) | {"moby.buildkit.buildinfo.v1": sample["moby.buildkit.buildinfo.v1"]})
    manifest = json.loads(image.manifest)
    manifest["config"] |= {"digest": sha256(config.encode()), "size": len(config)}
    noted = attrs.evolve(image, config=config.encode(), manifest=json.dumps(manifest).encode())
    path = write_files(layout_files(index_bytes([named(noted.descriptor, "app")]), noted.blobs), tmp_path / "app")
    found = base_of(ANALYZER.outline(path))
    assert found is not None and found.name == "docker.io/library/alpine:3.13"
    assert found.digest == "sha256:1d30d1ba3cb90962067e9b29491fbd56997979d54376f23f01448b5c5cd8b462"
    assert base_of(attrs.evolve(ANALYZER, use_attestations=False).outline(path)) != found
