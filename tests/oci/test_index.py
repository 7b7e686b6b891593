"""All platforms of an index: the same analyses as one by one, layers read once, and what drifts apart."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ocisize
from ocisize.model.build_step import BuildStep
from ocisize import Analyzer, IndexAnalysis
from ocisize.comparison.platforms import find_drift
from ocisize.history.architectures import paths_without_processor, without_processor
from ocisize.cli.main import main
from ocisize.errors import DigestMismatch, LayerError, NoMatchingPlatform, PlatformError
from ocisize.report.text.platforms import MAX_LINES, write_index
from ocisize.report.json.platforms import index_to_json
from tests.images import (
    OCI, BuiltImage, Compression, build_image, compress, for_platform, index_bytes, layer, layout_files, sha256, tar_bytes,
    write_files, write_layout,
)  # fmt: skip
from tests.platforms import NAMES, SHARED, build, build_index, write_index_layout
from tests.registry import Answer, RealRegistry, Server

PLATFORMS = [f"linux/{name}" for name in NAMES]


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_index_layout(tmp_path / "app")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> IndexAnalysis:
    return Analyzer().analyze_all(write_index_layout(tmp_path_factory.mktemp("index") / "app"))


def write(folder: Path, images: list[dict[str, Any]], built: list[BuiltImage]) -> Path:
    """A layout whose index.json lists the images."""
    return write_files(
        layout_files(index_bytes(images), {key: data for each in built for key, data in each.blobs.items()}), folder
    )


def text_of(index: IndexAnalysis, **options: Any) -> str:
    file = io.StringIO()
    write_index(index, file, width=80, color=False, **options)
    return file.getvalue()


def assert_same(found: IndexAnalysis, name: str) -> None:
    """Each analysis is what analysing that platform alone gives, tables and all."""
    for platform, analysis in found.analyses.items():
        alone = Analyzer(platform=platform).analyze(name)
        assert analysis == alone
        for one, other in zip(analysis.layers, alone.layers, strict=True):
            assert one.files is not None and other.files is not None
            assert list(one.files) == list(other.files)
            assert one.hidden_by == other.hidden_by


@pytest.mark.parametrize("outer", ["plain", "gzip", "zstd"])
def test_archives(outer: Compression, tmp_path: Path) -> None:
    """Archives are read in one pass, compressed or not."""
    document, blobs = build_index()
    entry = {"mediaType": f"{OCI}.index.v1+json", "digest": sha256(document), "size": len(document)}
    files = layout_files(index_bytes([entry]), blobs | {sha256(document): document})
    path = tmp_path / "app.tar"
    path.write_bytes(compress(tar_bytes(files), outer))
    found = Analyzer().analyze_all(path)
    assert (list(found.analyses), found.format, found.attestations) == (PLATFORMS, "oci-archive", 2)
    assert found.digest == sha256(document)
    assert_same(found, str(path))


def test_a_layout(layout: Path) -> None:
    """In the index's order, attestations left out and counted."""
    found = Analyzer().analyze_all(layout)
    assert (list(found.analyses), found.attestations, found.absent, found.warnings) == (PLATFORMS, 2, (), ())
    assert_same(found, str(layout))


def test_plain_layers(tmp_path: Path) -> None:
    """Layers that are read in place, where contents are hashed for one image after the other."""
    images = [build(name).recompressed("plain") for name in NAMES]
    entries = [for_platform(each.descriptor, "linux", name) for name, each in zip(NAMES, images, strict=True)]
    assert_same(Analyzer().analyze_all(folder := write(tmp_path, entries, images)), str(folder))


@settings(max_examples=40)
@given(st.data())
def test_all_is_each(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Law: of any layers, shared or not, all at once says what one by one says."""
    trees = st.dictionaries(st.sampled_from(["a", "b", "d/c", "d/.wh.c", ".wh.a"]), st.binary(max_size=3), min_size=1)
    compressions = st.sampled_from(["gzip", "zstd", "plain"])
    layers = data.draw(st.lists(st.builds(layer, trees, compressions), min_size=1, max_size=4))
    images = [
        build_image(data.draw(st.lists(st.sampled_from(layers), max_size=4)), architecture=architecture)
        for architecture in ("amd64", "arm64", "riscv64")
    ]
    entries = [for_platform(image.descriptor, "linux", json.loads(image.config)["architecture"]) for image in images]
    folder = write(tmp_path_factory.mktemp("law"), entries, images)
    found = Analyzer().analyze_all(folder)
    assert len(found.analyses) == 3
    assert_same(found, str(folder))


def test_shared_layers_are_read_once(server: Server) -> None:
    """One request for each blob and manifest, and one table for all images that have the layer."""
    document, blobs = build_index()
    index_type = {"Content-Type": f"{OCI}.index.v1+json"}
    server.on("/v2/app/manifests/1", Answer(document, headers=index_type))
    for digest, data in blobs.items():
        server.on(f"/v2/app/blobs/{digest}", Answer(data))
        server.on(f"/v2/app/manifests/{digest}", Answer(data, headers={"Content-Type": f"{OCI}.manifest.v1+json"}))
    found = Analyzer().analyze_all(f"{server.host}/app:1")
    for each in map(build, NAMES):
        assert len(server.requests_of(f"/v2/app/manifests/{each.digest}")) == 1
        for digest in each.blobs.keys() - {each.digest}:
            assert len(server.requests_of(f"/v2/app/blobs/{digest}")) == 1, digest
    assert not server.requests_of(f"/v2/app/blobs/{json.loads(document)['manifests'][-1]['digest']}")
    assert len({id(analysis.layers[0].files) for analysis in found.analyses.values()}) == 1
    assert found.stored_size == sum({each.digest: len(each.blob) for name in NAMES for each in build(name).layers}.values())


def test_a_real_registry(registry: RealRegistry, layout: Path) -> None:
    """An index in a docker-registry says what the same layout says."""
    document, blobs = build_index()
    for each in map(build, NAMES):
        registry.push("drift", each.digest, each)
    for entry in json.loads(document)["manifests"][len(NAMES) :]:
        manifest = blobs[entry["digest"]]
        for part in (json.loads(manifest)["config"], *json.loads(manifest)["layers"]):
            registry.push_blob("drift", blobs[part["digest"]])
        registry.push_manifest("drift", entry["digest"], manifest)
    registry.push_manifest("drift", "1", document, f"{OCI}.index.v1+json")
    found, local = Analyzer().analyze_all(f"{registry.host}/drift:1"), Analyzer().analyze_all(layout)
    assert (found.format, found.reference, found.digest) == ("registry", f"{registry.host}/drift:1", sha256(document))
    assert (list(found.analyses), found.attestations) == (PLATFORMS, 2)
    assert attrs.evolve(found.drift, findings=()) == attrs.evolve(local.drift, findings=())


def test_a_single_image(tmp_path: Path) -> None:
    """It counts as an index of one, whatever platform the machine is."""
    found = Analyzer().analyze_all(write_layout(build("s390x"), tmp_path))
    assert (list(found.analyses), found.digest, found.drift.only_there) == (["linux/s390x"], None, ())
    assert "Drift" not in text_of(found)
    assert list(Analyzer(platform="linux/386").analyze_all("testdata/example.tar").analyses) == ["linux/amd64"]


def test_a_broken_layer_names_its_platform(layout: Path) -> None:
    """The error has the layer's index in its image, not in the list of all layers."""
    broken = build("arm64").layers[2]
    (layout / f"blobs/{broken.digest.replace(':', '/')}").write_bytes(bytes(reversed(broken.blob)))
    with pytest.raises(PlatformError, match=rf"^linux/arm64: layer 2 \({broken.digest}\)") as caught:
        Analyzer().analyze_all(layout)
    assert caught.value.platforms == ("linux/arm64",)


def test_a_broken_shared_layer_names_all_platforms(layout: Path) -> None:
    (layout / f"blobs/{SHARED.digest.replace(':', '/')}").write_bytes(SHARED.blob[:-1] + b"?")
    with pytest.raises(PlatformError, match="^linux/amd64, linux/arm64, linux/s390x: layer 0 ") as caught:
        Analyzer().analyze_all(layout)
    assert isinstance(caught.value.cause, LayerError)


@pytest.mark.parametrize("part", ["config", "manifest"])
def test_a_broken_document_names_its_platform(part: str, layout: Path) -> None:
    data = getattr(build("s390x"), part)
    (layout / f"blobs/{sha256(data).replace(':', '/')}").write_bytes(data.replace(b"s", b"z", 1))
    with pytest.raises(PlatformError, match="^linux/s390x: ") as caught:
        Analyzer().analyze_all(layout)
    assert isinstance(caught.value.cause, DigestMismatch)


def test_a_lying_size_is_no_shared_layer(tmp_path: Path) -> None:
    """The same digest with another size is read for itself, and refused."""
    good = build("amd64")
    manifest = json.loads(build("arm64").manifest)
    manifest["layers"][0]["size"] += 1
    bad = attrs.evolve(build("arm64"), manifest=json.dumps(manifest).encode())
    entries = [for_platform(good.descriptor, "linux", "amd64"), for_platform(bad.descriptor, "linux", "arm64")]
    with pytest.raises(PlatformError, match=r"^linux/arm64: layer 0 .*descriptor says"):
        Analyzer().analyze_all(write(tmp_path, entries, [good, bad]))


def test_absent_platforms_are_named(tmp_path: Path) -> None:
    """Partial copies lack manifests; what is there is analysed. Where nothing is there, that is an error."""
    images = {name: build(name) for name in NAMES}
    entries = [for_platform(each.descriptor, "linux", name) for name, each in images.items()]
    found = Analyzer().analyze_all(write(tmp_path / "some", entries, [images["arm64"]]))
    assert (list(found.analyses), found.absent) == (["linux/arm64"], ("linux/amd64", "linux/s390x"))
    assert "not analyzed, manifest missing: linux/amd64, linux/s390x" in text_of(found)
    with pytest.raises(NoMatchingPlatform):
        Analyzer().analyze_all(write(tmp_path / "none", entries, []))


def test_no_budget_passes_because_a_platform_is_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without budgets an absent platform is a warning, with budgets the status is 2; the report is written."""
    images = {name: build(name) for name in NAMES}
    entries = [for_platform(each.descriptor, "linux", name) for name, each in images.items()]
    folder = str(write(tmp_path, entries, [images["arm64"], images["s390x"]]))
    assert main([folder, "--all-platforms", "--no-budgets"]) == 0
    assert "warning: linux/amd64: listed in the index" in capsys.readouterr().err
    assert main([folder, "--all-platforms", "--no-budgets", "--max-download", "1 GB"]) == 2
    captured = capsys.readouterr()
    assert "budgets cannot be checked for linux/amd64" in captured.err
    assert "linux/s390x" in captured.out


def test_platforms_of_one_name_are_distinguished(tmp_path: Path) -> None:
    """Windows images by their version, others by digest; entries that repeat are one."""
    images = [build_image([layer({"a": bytes([number])})], os="windows") for number in range(4)]
    entries: list[dict[str, Any]] = [for_platform(image.descriptor, "windows", "amd64") for image in images]
    for entry, version in zip(entries[:2], ("10.0.17763.1", "10.0.20348.1"), strict=True):
        entry["platform"]["os.version"] = version
    entries.append(dict(entries[0]))
    nested = index_bytes(entries)  # in an index.json of their own they would be several images
    folder = write(tmp_path, [{"mediaType": f"{OCI}.index.v1+json", "digest": sha256(nested), "size": len(nested)}], images)
    write_files({f"blobs/{sha256(nested).replace(':', '/')}": nested}, folder)
    found = Analyzer().analyze_all(folder)
    assert list(found.analyses) == [
        "windows/amd64 10.0.17763.1", "windows/amd64 10.0.20348.1",
        f"windows/amd64 {images[2].digest}", f"windows/amd64 {images[3].digest}",
    ]  # fmt: skip


def test_an_image_for_another_processor_is_a_warning(tmp_path: Path) -> None:
    """An index that calls an amd64 image arm64; a variant that the config leaves out is usual."""
    image = build("amd64")
    entries = [for_platform(image.descriptor, "linux", "amd64"), for_platform(image.descriptor, "linux", "arm64", "v8")]
    found = Analyzer().analyze_all(write(tmp_path, entries, [image]))
    assert found.warnings == ("linux/arm64/v8: its config names another platform, linux/amd64",)


def test_drift(index: IndexAnalysis) -> None:
    """Figures, steps, directories and findings of an index of which all is known."""
    drift = index.drift
    figures = {figure.name: figure for figure in drift.figures}
    assert figures["content_size"].values == (21000, 10000, 12000)
    assert figures["content_size"].ratios == (2.1, 1.0, 1.2)
    assert figures["wasted_size"].ratios == (None, None, None)
    assert [(step.build_step.text, step.layers, step.content_sizes) for step in drift.steps] == [
        ("COPY site", (0, 0, 0), (3000, 3000, 3000)),
        ("ADD rootfs-amd64.tar.gz /", (1, 1, 1), (7000, 5000, 7000)),
        ("RUN TARGETARCH=amd64 make", (2, 2, 2), (11000, 2000, 2000)),
        ("RUN rm /var/junk", (3, None, None), (0, None, None)),
    ]
    (only,) = drift.only_there
    assert (only.platform, only.layer, only.directory, only.content_size, only.file_count) == (
        "linux/amd64", 2, "/opt/cuda/", 9000, 1,
    )  # fmt: skip
    assert [(finding.id, finding.platforms, finding.sizes) for finding in drift.findings] == [
        ("OS101", ("linux/amd64",), (1000, None, None))
    ]


def test_files_that_one_image_hides_are_only_in_the_other(tmp_path: Path) -> None:
    """A file of a shared layer that one image deletes; a link at the same path is no absence."""
    base = layer({"etc/a": b"a" * 100, "etc/b": b"b" * 10})
    images = [build_image([base, layer({"etc/.wh.a": b""})]), build_image([base], architecture="arm64")]
    entries = [for_platform(each.descriptor, "linux", name) for name, each in zip(NAMES, images, strict=False)]
    (only,) = Analyzer().analyze_all(write(tmp_path, entries, images)).drift.only_there
    assert (only.platform, only.content_size) == ("linux/arm64", 100)


def test_steps_in_other_places() -> None:
    """A step that only one platform has keeps its position; the other steps stay aligned."""

    def image(*steps: str, architecture: str) -> ocisize.Analysis:
        layers = [layer({f"f{number}": step.encode()}) for number, step in enumerate(steps)]
        built = build_image(layers, history=[{"created_by": step} for step in steps], architecture=architecture)
        return Analyzer(platform=f"linux/{architecture}").analyze_source(InMemory(built))

    one, two = image("A", "B", "B", "C", architecture="amd64"), image("X", "A", "B", "Y", "C", architecture="arm64")
    steps = find_drift({"one": one, "two": two}).steps
    assert [(step.build_step.text[-1], step.layers) for step in steps] == [
        ("X", (None, 0)), ("A", (0, 1)), ("B", (1, 2)), ("Y", (None, 3)), ("B", (2, None)), ("C", (3, 4)),
    ]  # fmt: skip


@attrs.frozen
class InMemory:
    """A source of a built image."""

    image: BuiltImage

    def read_manifest(self, digest: str | None = None) -> bytes:
        return self.image.manifest

    def open_blob(self, descriptor: ocisize.Descriptor) -> list[bytes]:
        return [self.image.blobs[descriptor.digest]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ADD alpine-minirootfs-3.20-x86_64.tar.gz /", "ADD alpine-minirootfs-3.20-aarch64.tar.gz /"),
        ("ADD file:0123456789abcdef in /", "ADD file:fedcba9876543210 in /"),
        ("RUN |1 TARGETARCH=arm make", "RUN |1 TARGETARCH=amd64 make"), ("FROM linux/arm/v7", "FROM linux/386"),
        ("RUN curl node-linux-x64.tgz", "RUN curl node-linux-arm64.tgz"),
    ],
)  # fmt: skip
def test_steps_for_other_processors(one: str, other: str) -> None:
    """The same step but for the processor's name; words that hold such a name are other words."""
    assert without_processor(BuildStep(one)) == without_processor(BuildStep(other))
    assert without_processor(BuildStep("RUN charm alarm index64")) == "RUN charm alarm index64"


def test_paths_for_other_processors() -> None:
    """Multiarch folders are one; pieces of paths stay as many as they were."""
    one = [b"usr/lib/x86_64-linux-gnu/libc.so.6", b"usr/lib/ld-musl-x86_64.so.1", b"", b"etc/passwd", b"node-linux-x64"]
    other = [
        b"usr/lib/aarch64-linux-gnu/libc.so.6",
        b"usr/lib/ld-musl-aarch64.so.1",
        b"",
        b"etc/passwd",
        b"node-linux-arm64",
    ]
    assert paths_without_processor(one) == paths_without_processor(other)
    assert len(paths_without_processor(one)) == len(one)
    assert paths_without_processor([b"usr/lib/arm-linux-gnueabihf/a"]) == paths_without_processor(
        [b"usr/lib/i386-linux-gnu/a"]
    )
    assert paths_without_processor([]) == []


def test_the_text(index: IndexAnalysis) -> None:
    """The table and the drift, each difference with who has what and why."""
    lines = text_of(index).splitlines()
    assert lines[1].endswith("shared layers once · 2 attestations left out")
    assert any(line.endswith(" 2.05 linux/amd64") for line in lines)
    at = lines.index("Differences between the platforms, largest first")
    assert lines[at + 1].endswith("RUN TARGETARCH=amd64 make")
    assert lines[at + 2].strip() == "11.2 kB linux/amd64 · 2.21 kB linux/arm64, linux/s390x"
    assert lines[at + 3].strip().startswith("only linux/amd64 has /opt/cuda/: 1 file, ")


def test_the_text_fits_a_screen(tmp_path: Path) -> None:
    """40 lines of 80 columns, however many platforms, steps and broken budgets; nothing steers the terminal."""
    images = []
    for number in range(20):
        layers = [layer({f"only{number}/{step}": bytes(300 * (number + step))}, "plain") for step in range(8)]
        history = [{"created_by": f"RUN \x1b[31m{'long ' * 30}{step}"} for step in range(8)]
        images.append(build_image(layers, history=history, architecture=f"cpu{number}"))
    entries = [for_platform(each.descriptor, "linux", f"cpu{number}") for number, each in enumerate(images)]
    index = Analyzer().analyze_all(write(tmp_path, entries, images))
    budgets = ocisize.parse_budgets("max-files = 1\nmax-layers = 1").budgets
    verdicts = {name: ocisize.check(each, budgets) for name, each in index.analyses.items()}
    text = text_of(index, verdicts=verdicts)
    lines = text.splitlines()
    assert MAX_LINES - 3 <= len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in text
    assert "Budgets: 40 not passed, on 20 of 20 platforms" in lines


def test_json(index: IndexAnalysis) -> None:
    """A versioned document; each image's can be read back by itself."""
    document = json.loads(index_to_json(index))
    assert (document["schema"], document["version"]) == ("ocisize.index", 1)
    assert [image["platform"] for image in document["images"]] == document["drift"]["platforms"] == PLATFORMS
    for image, analysis in zip(document["images"], index.analyses.values(), strict=True):
        assert ocisize.from_json(json.dumps(image["analysis"])) == analysis
    assert document["drift"]["figures"]["live_size"] == {"values": [20000, 10000, 12000], "ratios": [2.0, 1.0, 1.2]}
    assert document["drift"]["steps"][2]["content_sizes"] == [11000, 2000, 2000]
    assert document["drift"]["only_there"][0]["directory"] == "/opt/cuda/"
    assert document["attestations"] == 2


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--max-unpacked", "21kB"], 0), (["--max-unpacked", "20kB"], 1), (["--forbid-findings", "OS101"], 1),
        (["--platform", "linux/arm64"], 2), (["-f", "ncdu"], 2), (["--select", "none"], 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["text", "json"])
def test_the_status(arguments: list[str], status: int, form: str, layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1 when one platform breaks a budget, which is named; 2 for what cannot be done."""
    also = ["-f", f"{form}={layout.parent / 'out'}"] if "-f" in arguments else ["-f", form]
    assert main([str(layout), "--all-platforms", "-q", "--no-budgets", *arguments, *also]) == status
    captured = capsys.readouterr()
    assert bool(captured.out) is (status < 2)
    message = captured.out if form == "text" else captured.err
    if status == 1:
        assert "linux/amd64: " in message and "linux/arm64: " not in message
    elif status == 2:
        assert "error: " in captured.err


def test_budgets_of_a_platform(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A budget of one platform is skipped on the others; several reports come from one analysis."""
    (layout.parent / "b.toml").write_text('[[budget]]\nplatform = "linux/arm64"\nmax-unpacked = "9 kB"\n')
    report = layout.parent / "out.json"
    arguments = ["--budget-file", str(layout.parent / "b.toml"), "-f", "text", "-f", f"json={report}"]
    assert main([str(layout), "--all-platforms", *arguments]) == 1
    assert "FAIL linux/arm64: unpacked" in capsys.readouterr().out
    statuses = {
        each["platform"]: [v["status"] for v in each["analysis"]["budgets"]]
        for each in json.loads(report.read_text())["images"]
    }
    assert statuses == {"linux/amd64": ["skipped"], "linux/arm64": ["fail"], "linux/s390x": ["skipped"]}


def test_baselines_of_all_platforms(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """write keeps a figure of each, check judges each by its own, and the ratchet waits until all are kept."""
    kept = layout.parent / "kept.json"
    options = [str(layout), "--all-platforms", "-q", "--no-budgets", "--baseline", str(kept), "--name", "app"]
    assert main(["baseline", "check", *options]) == 1
    assert not kept.exists()
    assert main(["baseline", "write", *options]) == 0
    assert sorted(json.loads(kept.read_text())["images"]["app"]) == sorted(PLATFORMS)
    before = kept.read_text()
    assert main(["baseline", "check", *options]) == 0
    document = json.loads(before)
    document["images"]["app"]["linux/arm64"]["totals"]["content_size"] -= 1
    document["images"]["app"]["linux/amd64"]["totals"]["content_size"] += 1
    kept.write_text(json.dumps(document))
    capsys.readouterr()
    assert main(["baseline", "check", *options, "--ratchet", "-f", "json"]) == 1
    output = capsys.readouterr()
    assert "budget fail: linux/arm64: unpacked 10,000 B > 9,999 B" in output.err
    assert json.loads(kept.read_text()) == document
    found = json.loads(output.out)
    assert found["schema"] == "ocisize.baseline-check-index"
    assert [each["platform"] for each in found["images"]] == PLATFORMS
    assert main(["baseline", "check", *options, "--ratchet", "--max-unpacked", "+1"]) == 0
    totals = {name: each["totals"] for name, each in json.loads(kept.read_text())["images"]["app"].items()}
    assert (totals["linux/arm64"]["content_size"], totals["linux/amd64"]["content_size"]) == (9999, 21000)
    assert main(["baseline", "check", *options, "--platform", "linux/amd64"]) == 2


def test_a_finding_by_another_step_is_no_drift(tmp_path: Path) -> None:
    """What all images have is not called that of one, though the steps to blame differ; what one lacks is."""
    entries, images = [], []
    for architecture in NAMES:
        files = {"usr/share/man/man1/a.1": bytes(range(256)) * 20}
        files |= {"usr/share/info/b.info": bytes(range(255)) * 20} if architecture == "arm64" else {}
        history = [{"created_by": "COPY site"}, {"created_by": f"RUN make for-{architecture[:1]}"}]
        images.append(build_image([SHARED, layer(files)], history=history, architecture=architecture))
        entries.append(for_platform(images[-1].descriptor, "linux", architecture))
    found = Analyzer().analyze_all(write(tmp_path, entries, images))
    assert all("OS361" in [each.id for each in one.advice.findings] for one in found.analyses.values())
    drift = {finding.id: finding.platforms for finding in found.drift.findings}
    assert "OS361" not in drift
    assert ("linux/arm64",) in drift.values()
