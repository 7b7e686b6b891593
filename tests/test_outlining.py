"""Outlines: what the documents of an image say, at how many requests, and that nothing else is asked for or said."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from ocisize import Analyzer, DiskCache, Outline, render_report
from ocisize.errors import DocumentError, IncompleteAnalysis, OcisizeError, PlatformError
from ocisize.model.base import BaseMethod
from ocisize.model.outline import require_listed_layers
from tests.corpus.cases import Bundle, Case
from tests.corpus.documents import document_cases
from tests.images import (
    BuiltImage, build_image, for_platform, index_bytes, layer, sha256, write_dir, write_docker_archive, write_files, write_layout,
)  # fmt: skip
from tests.oci.test_image import MemorySource, single
from tests.outlines import APP, BASE, RUN, SECRET, TOOLS, build, config_path, requests_of, serve, serve_index
from tests.registry import Answer, Server

GOLDEN = Path(__file__).parent.parent / "testdata" / "golden"
ANALYZER = Analyzer(platform="linux/amd64")


def outline_of(image: BuiltImage) -> Outline:
    return ANALYZER.outline_source(single(image), name="mine")


def test_a_single_manifest_costs_two_requests(server: Server) -> None:
    """The manifest and the config, and no other blob."""
    image = build()
    outline = ANALYZER.outline(serve(server, [image], image.manifest))
    assert requests_of(server) == ["manifests/1", config_path(image)]
    assert (outline.digest, outline.compressed_size) == (image.digest, sum(len(one.blob) for one in (BASE, TOOLS, APP)))


def test_an_index_costs_three_requests(server: Server) -> None:
    """The index, the manifest of the platform, and its config; the other platforms are known by their names."""
    name, (image, _) = serve_index(server)
    outline = attrs.evolve(ANALYZER, use_attestations=False).outline(name)
    assert requests_of(server) == ["manifests/1", f"manifests/{image.digest}", config_path(image)]
    assert (outline.platforms, outline.attestations) == (("linux/amd64", "linux/arm64"), 1)
    assert outline.index_digest is not None and outline.index_digest != outline.digest


def test_a_cached_image_costs_one_request(server: Server, tmp_path: Path) -> None:
    """A HEAD says that the tag still names the manifest; the documents are those of the cache."""
    image = build()
    name = serve(server, [image], image.manifest)
    server.on("/v2/app/manifests/1", Answer(image.manifest, headers={"Docker-Content-Digest": image.digest}))
    analyzer = Analyzer(platform="linux/amd64", cache=DiskCache(tmp_path))
    first = analyzer.outline(name)
    server.requests.clear()
    assert analyzer.outline(name) == first
    assert [request.method for request in server.requests] == ["HEAD"]


def test_all_platforms_cost_two_requests_each(server: Server) -> None:
    """The index once, and of each image the manifest and the config."""
    name, images = serve_index(server)
    index = Analyzer(use_attestations=False).outline_all(name)
    expected = ["manifests/1", *(path for image in images for path in (f"manifests/{image.digest}", config_path(image)))]
    assert requests_of(server) == expected
    assert list(index.outlines) == ["linux/amd64", "linux/arm64"] and index.attestations == 1
    assert index.stored_size == index.outlines["linux/amd64"].compressed_size  # all layers are shared
    assert index.outlines["linux/amd64"] == attrs.evolve(ANALYZER.outline(name), warnings=())


def test_the_download_is_that_of_the_analysis(tmp_path: Path) -> None:
    """Also of each layer, of the base image and with a repeated blob; build steps, digests and names are the same."""
    image = write_layout(build(), tmp_path / "app")
    outline, analysis = ANALYZER.outline(image), ANALYZER.analyze(image)
    same = ("source", "format", "reference", "platform", "digest", "config_digest", "created", "compressed_size",
            "manifest_size", "config_size", "media_type", "warnings", "config_layers")  # fmt: skip
    assert [getattr(outline, name) for name in same] == [getattr(analysis, name) for name in same]
    of_layers = ("index", "digest", "diff_id", "media_type", "compression", "compressed_size", "build_step", "created_by",
                 "created", "build_step_certain", "member")  # fmt: skip
    for outlined, analyzed in zip(outline.layers, analysis.layers, strict=True):
        assert [getattr(outlined, name) for name in of_layers] == [getattr(analyzed, name) for name in of_layers]
    assert analysis.base is not None and outline.base == analysis.base.found
    assert analysis.base.base is not None and outline.base_compressed_size == analysis.base.base.compressed_size
    assert analysis.base.own is not None and outline.own_compressed_size == analysis.base.own.compressed_size


def test_facts_of_the_config() -> None:
    """How containers run, in the order of the config."""
    run = outline_of(build()).run
    assert (run.user, run.working_dir, run.exposed_ports, run.volumes) == (
        "app:app",
        "/app",
        ("80/tcp", "443/tcp"),
        ("/data",),
    )
    assert (run.cmd, run.stop_signal, run.healthcheck[:2]) == (("serve",), "SIGINT", ("CMD", "curl"))
    assert run.labels == RUN["Labels"]


def test_no_secret_is_in_an_outline() -> None:
    """Not in variables, commands, labels, annotations or build steps; their names are."""
    outline = outline_of(build(annotations={"api-token": SECRET}))
    assert SECRET not in repr(outline)
    assert outline.secrets == ("DB_PASSWORD", "NPM_TOKEN")
    assert outline.run.env == ("PATH=/usr/bin:/bin", "DB_PASSWORD=<redacted>")
    assert outline.run.entrypoint == ("/usr/bin/tool", "--api-key", "<redacted>")


def test_a_repeated_blob_is_downloaded_once() -> None:
    outline = outline_of(build())
    assert [layer.repeats for layer in outline.layers] == [None, None, None, 2]
    assert outline.compressed_size == outline.blob_size == sum(layer.blob_size for layer in outline.layers[:3])


@pytest.mark.parametrize(
    ("annotations", "kind"),
    [
        ({"containerd.io/snapshot/stargz/toc.digest": "sha256:a"}, "estargz"),
        ({"io.containers.zstd-chunked.manifest-checksum": "sha256:a"}, "zstd:chunked"),
        ({"io.github.containers.zstd-chunked.manifest-checksum": "sha256:a"}, "zstd:chunked"),
        ({"io.containers.zstd-chunked.manifest-checksum": "a", "containerd.io/snapshot/stargz/toc.digest": "b"}, "zstd:chunked"),
        ({"com.example/toc.digest": "sha256:a"}, None),
    ],
)  # fmt: skip
def test_tables_of_contents_by_annotations(annotations: dict[str, str], kind: str | None) -> None:
    image = build()
    manifest = json.loads(image.manifest)
    manifest["layers"][0]["annotations"] = annotations
    outline = ANALYZER.outline_source(MemorySource(json.dumps(manifest).encode(), image.blobs))
    assert [layer.toc_format for layer in outline.layers] == [kind, None, None, None]


def test_a_soci_index_is_named_by_the_manifest() -> None:
    digest = sha256(b"it")
    assert outline_of(build(annotations={"com.amazon.soci.index-digest": digest})).soci_index == digest
    assert outline_of(build()).soci_index is None


def test_the_base_image_is_that_of_annotations_too() -> None:
    """As the analysis finds it."""
    outline = outline_of(build(annotations={"org.opencontainers.image.base.name": "docker.io/library/debian:12"}))
    assert outline.base is not None and (outline.base.name, outline.base.layers) == ("docker.io/library/debian:12", 1)


def test_a_given_base_image_is_certain(tmp_path: Path) -> None:
    """Of the base image, too, only the manifest and the config are read."""
    base = write_layout(build_image([BASE]), tmp_path / "base")
    outline = Analyzer(base=base, platform="linux/amd64").outline_source(single(build()))
    assert outline.base is not None and (outline.base.method, outline.base.layers) == (BaseMethod.GIVEN, 1)
    assert Analyzer(base="scratch").outline_source(single(build())).base is None


@pytest.mark.parametrize("style", ["legacy", "docker25", "skopeo"])
def test_an_archive_with_plain_layers_does_not_know_the_download(style: str, tmp_path: Path) -> None:
    """The sizes of the files are known, and called that."""
    path = write_docker_archive(build(), tmp_path / "app.tar", style=style)  # type: ignore[arg-type]
    outline = ANALYZER.outline(path)
    assert outline.compressed_size is None and {layer.compressed_size for layer in outline.layers} == {None}
    assert outline.blob_size == sum(len(one.tar) for one in (BASE, TOOLS, APP))
    assert outline.own_compressed_size is None


@pytest.mark.parametrize("style", ["containerd", "crane"])
def test_an_archive_with_stored_layers_knows_the_download(style: str, tmp_path: Path) -> None:
    path = write_docker_archive(build(), tmp_path / "app.tar", style=style)  # type: ignore[arg-type]
    outline = ANALYZER.outline(path)
    assert outline.compressed_size == ANALYZER.analyze(path).compressed_size is not None
    assert {layer.compression for layer in outline.layers} == {"gzip", "zstd"}


def test_media_types_of_decompressed_layers_are_not_believed(tmp_path: Path) -> None:
    """podman decompresses the layers of docker-dir and leaves their media types."""
    image = build()
    plain = image.recompressed("plain")
    manifest = json.loads(plain.manifest)
    for entry in manifest["layers"]:
        entry["mediaType"] += "+gzip"
    folder = write_dir(BuiltImage(plain.layers, plain.config, json.dumps(manifest).encode()), tmp_path / "app")
    outline = ANALYZER.outline(folder)
    assert {(layer.compression, layer.compressed_size) for layer in outline.layers} == {("unknown", None)}


def test_documents_that_disagree_about_the_layers() -> None:
    """The outline says so, and cannot be compared."""
    image = build()
    manifest = json.loads(image.manifest)
    manifest["layers"].pop()
    outline = ANALYZER.outline_source(MemorySource(json.dumps(manifest).encode(), image.blobs))
    assert outline.layer_mismatch == "the config lists 4 layers, the manifest 3"
    with pytest.raises(IncompleteAnalysis, match="the config lists 4 layers"):
        require_listed_layers(outline)


def test_a_blob_of_two_sizes_is_refused() -> None:
    """The download would count the smaller one; an analysis refuses such a manifest, too."""
    image = build()
    manifest = json.loads(image.manifest)
    manifest["layers"][3]["size"] = 1 << 40
    liar = BuiltImage(image.layers, image.config, json.dumps(manifest).encode())
    for read in (ANALYZER.outline_source, ANALYZER.analyze_source):
        with pytest.raises(
            DocumentError, match=f"lists the blob {APP.digest} with {len(APP.blob)} bytes and with 1099511627776"
        ):
            read(single(liar))


def test_a_broken_image_of_an_index() -> None:
    """It is an error, or is left out and named."""
    good, bad = build("amd64"), build("arm64")
    entries = [for_platform(good.descriptor, "linux", "amd64"), for_platform(bad.descriptor, "linux", "arm64")]
    source = MemorySource(index_bytes(entries), good.blobs | bad.blobs | {sha256(bad.config): b"{}"})
    with pytest.raises(PlatformError, match="linux/arm64"):
        Analyzer().outline_all_source(source)
    index = Analyzer(keep_going=True).outline_all_source(source)
    assert (list(index.outlines), [image.platform for image in index.unread]) == (["linux/amd64"], ["linux/arm64"])
    assert not index.complete


def test_an_image_without_layers_and_history() -> None:
    """Everything is empty, and the download is 0."""
    outline = Analyzer().outline_source(single(build_image([])))
    assert (outline.compressed_size, outline.layers, outline.base, outline.secrets) == (0, (), None, ())


def test_outlines_are_values() -> None:
    """They can be compared, hashed and evolved."""
    first, second = outline_of(build()), outline_of(build())
    assert first == second and hash(first) == hash(second)
    assert attrs.evolve(first, platform="linux/arm64") != first


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.tar")), ids=lambda path: path.stem)
def test_saved_images_of_all_writers(path: Path) -> None:
    """The download and the build steps are those of the analysis, in whatever form the image is saved."""
    outline, analysis = ANALYZER.outline(path), ANALYZER.analyze(path)
    assert outline.compressed_size == analysis.compressed_size
    assert [layer.build_step for layer in outline.layers] == [layer.build_step for layer in analysis.layers]
    assert {layer.compressed_size for layer in outline.layers} == {layer.compressed_size for layer in analysis.layers}


@pytest.mark.parametrize("case", list(document_cases()), ids=lambda case: case.name)
def test_hostile_documents(case: Case, tmp_path: Path) -> None:
    """An outline is made, or refused with an error of the package, of what the hostile corpus has as documents."""
    made = case.make()
    if isinstance(made, Bundle):
        try:
            outline = Analyzer().outline(write_files(made.files(), tmp_path))
        except OcisizeError:
            assert case.verdict != "accept"
        else:
            render_report(outline)
            render_report(outline, "json")


def test_layers_are_not_opened() -> None:
    """A source is asked for the config alone."""
    image = build()
    opened: list[str] = []

    class Watched(MemorySource):
        def open_blob(self, descriptor):  # type: ignore[no-untyped-def]
            opened.append(descriptor.digest)
            return super().open_blob(descriptor)

    ANALYZER.outline_source(Watched(image.manifest, image.blobs))
    assert opened == [sha256(image.config)]
    assert layer({}).digest not in opened
