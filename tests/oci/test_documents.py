"""OCI documents: strict where it matters, lenient where the specification asks for it."""

from __future__ import annotations

import json
import tracemalloc
import tracemalloc
from typing import Any

import pytest

from ocisize.errors import DocumentError, NotAnImage
from ocisize.oci.strict_json import parse_json
from ocisize.oci.parse import MAX_HISTORY, parse_config, parse_manifest
from ocisize.oci.documents import Descriptor, Index, Manifest, RunConfig
from ocisize.blob.digest import Digest, is_digest

DIGEST = "sha256:" + "a" * 64
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 2}


def manifest(**changes: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": [], **changes}).encode()


def test_a_manifest_is_read() -> None:
    """Descriptors arrive with their names in Python spelling."""
    layer = {"mediaType": "x", "digest": DIGEST, "size": 7, "annotations": {"a": "b"}, "unknown": [1]}
    document = parse_manifest(manifest(layers=[layer]), "it")
    assert isinstance(document, Manifest)
    assert document.layers == (Descriptor(Digest(DIGEST), 7, "x", {"a": "b"}),)


def test_an_index_is_read() -> None:
    """Platforms come with their variant and version."""
    entry = {"digest": DIGEST, "size": 1, "platform": {"os": "windows", "architecture": "amd64", "os.version": "10"}}
    document = parse_manifest(json.dumps({"manifests": [entry]}).encode(), "it")
    assert isinstance(document, Index)
    assert document.manifests[0].platform is not None
    assert document.manifests[0].platform.os_version == "10"


def test_null_is_absent() -> None:
    """``null`` for an optional field equals leaving it out."""
    document = parse_manifest(manifest(annotations=None, artifactType=None), "it")
    assert isinstance(document, Manifest)
    assert document.artifact_type is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff", "not valid JSON"),
        (b"[]", "not a JSON object but list"),
        (b'{"a": 1, "a": 2}', "'a' is repeated"),
        (b"[" * 100_000, "nested too deeply"),
        (b"<html>", "not valid JSON"),
    ],
)
def test_broken_json_is_refused(data: bytes, says: str) -> None:
    """Whatever is not a JSON object with unique names is an error that names the document."""
    with pytest.raises(DocumentError, match=says) as caught:
        parse_json(data, "the manifest")
    assert str(caught.value).startswith("the manifest")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (manifest(manifests=[]), "both an index and a manifest"),
        (manifest(fsLayers=[]), "schema 1"),
        (manifest(mediaType="application/vnd.oci.image.index.v1+json"), "declared as"),
        (json.dumps({"manifests": [], "mediaType": "application/vnd.oci.image.manifest.v1+json"}).encode(), "declared as"),
        (b"{}", "neither an image manifest nor an index"),
        (manifest(config={**CONFIG, "size": "2"}), r"expected int.*\$\.config\.size"),
        (manifest(config={**CONFIG, "size": True}), r"\$\.config\.size"),
        (manifest(config={**CONFIG, "size": -1}), "-1 is not a size"),
        (manifest(config={**CONFIG, "size": 1 << 63}), "is not a size"),
        (manifest(config={**CONFIG, "digest": "sha256:abc"}), "not a digest"),
        (manifest(layers="none"), r"\$\.layers"),
        (manifest(layers=[{"digest": DIGEST, "size": 1, "mediaType": 5}]), r"\$\.layers\[0\]\.mediaType"),
    ],
)
def test_wrong_manifests_are_refused(data: bytes, says: str) -> None:
    """Ambiguous, outdated and mistyped documents are errors that say where."""
    with pytest.raises(DocumentError, match=says):
        parse_manifest(data, "it")


def test_all_problems_come_at_once() -> None:
    """A document with two problems reports both."""
    with pytest.raises(DocumentError) as caught:
        parse_manifest(manifest(config={**CONFIG, "size": "2", "mediaType": 5}), "it")
    assert len(caught.value.problems) == 2


def test_schema_1_has_a_hint() -> None:
    """The error for an outdated manifest says how to convert it."""
    with pytest.raises(DocumentError) as caught:
        parse_manifest(b"{}", "it", "application/vnd.docker.distribution.manifest.v1+prettyjws")
    assert caught.value.hint is not None
    assert "skopeo copy" in caught.value.hint


def test_an_artifact_manifest_is_named() -> None:
    """The kind that release candidates of OCI 1.1 had, and some registries still store."""
    kind = "application/vnd.oci.artifact.manifest.v1+json"
    document = json.dumps({"mediaType": kind, "artifactType": "text/spdx+json", "blobs": []}).encode()
    with pytest.raises(NotAnImage, match="it is not a container image but an OCI artifact manifest"):
        parse_manifest(document, "it")


def test_a_config_is_read() -> None:
    """The parts of a config that sizes need, others ignored."""
    config = parse_config(
        json.dumps(
            {
                "os": "linux",
                "architecture": "arm",
                "variant": "v7",
                "config": {"Env": ["A=1"]},
                "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
                "history": [{"created_by": "RUN x", "empty_layer": True}, {}],
            }
        ).encode(),
        "it",
    )
    assert str(config.platform) == "linux/arm/v7"
    assert config.rootfs.diff_ids == (DIGEST,)
    assert [entry.empty_layer for entry in config.history] == [True, False]


def run_of(document: Any) -> RunConfig:
    return parse_config(json.dumps({"rootfs": {"diff_ids": []}, "config": document}).encode(), "it").run


def test_how_an_image_runs() -> None:
    """User, environment, commands and labels are read."""
    document = {
        "User": "app:app", "Env": ["A=1", "B=2"], "Entrypoint": ["/run"], "Cmd": ["x", "y"], "WorkingDir": "/app",
        "Labels": {"a": "b"}, "Healthcheck": {"Test": ["CMD", "true"]},
    }  # fmt: skip
    assert run_of(document) == RunConfig(
        user="app:app", env=("A=1", "B=2"), entrypoint=("/run",), cmd=("x", "y"), working_dir="/app", labels={"a": "b"},
        healthcheck=("CMD", "true"),
    )  # fmt: skip
    assert not run_of({"Healthcheck": {"Test": ["NONE"]}}).healthcheck


@pytest.mark.parametrize(
    "document",
    [None, [], "x", 7, {"User": 0, "Env": {"A": 1}, "Cmd": "sh", "Labels": ["x"], "Healthcheck": "x", "WorkingDir": []},
     {"Env": [1, None], "Labels": {"a": 1}, "Healthcheck": {"Test": None}, "Entrypoint": None}],
)  # fmt: skip
def test_what_is_wrong_about_running_is_absent(document: Any) -> None:
    """No size depends on it, so that a wrong type fails nothing."""
    assert run_of(document) == RunConfig()


@pytest.mark.parametrize("rootfs", [{"type": "other"}, {"type": "layers", "diff_ids": ["nonsense"]}, None])
def test_wrong_configs_are_refused(rootfs: Any) -> None:
    """A config without a layered root filesystem is an error."""
    with pytest.raises(DocumentError):
        parse_config(json.dumps({"rootfs": rootfs}).encode(), "it")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (DIGEST, True),
        ("sha512:" + "0" * 128, True),
        ("blake3:" + "0" * 64, True),
        ("other+x:Zz=_-", True),
        ("sha256:" + "A" * 64, False),
        ("sha256:../../etc/passwd", False),
        ("sha256", False),
        ("", False),
    ],
)
def test_digest_grammar(text: str, is_one: bool) -> None:
    """Digests follow the OCI grammar; registered algorithms have their length."""
    assert is_digest(text) is is_one


@pytest.mark.parametrize(
    ("document", "match"),
    [
        (b'{"layers": [%s1], "config": {}}' % (b"1," * 150_000), "the manifest is not valid; "),
        (b'{"layers": [%s{}], "config": {}}' % (b"{}," * 150_000), "required field missing"),
        (b'{"manifests": [%s1]}' % (b"[]," * 150_000), "the manifest is not valid; "),
        (b'{"manifests": [], "annotations": {%s"x": 1}}' % b"".join(b'"%d": 2,' % number for number in range(100_000)), "expected str"),
        (b'{"x": [%s[]]}' % (b"[]," * 1_000_001), "more than 1000000 values"),
    ],
)  # fmt: skip
def test_documents_of_mistakes_take_little_memory(document: bytes, match: str) -> None:
    """A hundred thousand mistakes are as cheap to tell as ten: 4 MiB of them must not become gigabytes of errors."""
    tracemalloc.start()
    try:
        with pytest.raises(DocumentError, match=match):
            parse_manifest(document, "the manifest")
        assert tracemalloc.get_traced_memory()[1] < 40 << 20
    finally:
        tracemalloc.stop()


def test_histories_have_an_end() -> None:
    """More steps than any builder makes are refused before each becomes a value."""
    document = {"rootfs": {"type": "layers", "diff_ids": []}, "history": [{}] * 16_385}
    with pytest.raises(DocumentError, match="the config has 16385 steps, more than 16384"):
        parse_config(json.dumps(document).encode(), "the config")


def test_giant_steps_are_cut() -> None:
    """All steps of a config of megabytes are kept, each with its beginning; those of any other one are whole."""
    steps = [{"created_by": "RUN " + "x" * 1000, "comment": "c" * 9}] * 2_500
    whole = parse_config(json.dumps({"rootfs": {"diff_ids": []}, "history": steps[:1_900]}).encode(), "the config")
    assert [len(step.created_by) for step in whole.history] == [1004] * 1_900
    cut = parse_config(json.dumps({"rootfs": {"diff_ids": []}, "history": steps}).encode(), "the config")
    assert [len(step.created_by) for step in cut.history] == [MAX_HISTORY // 7_500] * 2_500
    assert {step.comment for step in cut.history} == {"c" * 9}


def test_a_deeply_nested_mistake_is_reported() -> None:
    """The one mistake in a long list is an error, though not all of the list is looked through for words."""
    layers = [{"digest": f"sha256:{1:064x}", "size": 1}] * 3000
    document = {"config": layers[0], "layers": [*layers, 5]}
    with pytest.raises(DocumentError, match="the manifest is not valid"):
        parse_manifest(json.dumps(document).encode(), "the manifest")


LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": DIGEST, "size": 1}
ENTRY = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": DIGEST, "size": 1}


def index(**changes: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": [ENTRY], **changes}).encode()


# skopeo 1.9.3 (copy, or inspect --config for configs) refuses each of these, unless the comment says otherwise.
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (manifest(x=float("nan")), "NaN is not a JSON value"),
        (manifest(x=float("inf")), "Infinity is not a JSON value"),
        (manifest(x=[float("-inf")]), "-Infinity is not a JSON value"),
        (b"\xef\xbb\xbf" + manifest(), "BOM"),
        (b"\xff\xfe" + manifest().decode().encode("utf-16-le"), "not valid JSON"),
        (manifest().replace(b"{", b'{"x": "\xff", ', 1), "not valid JSON"),  # skopeo: U+FFFD; JSON is UTF-8 (RFC 8259)
        (manifest().replace(b"{", b'{"x": "\xed\xa0\x80", ', 1), "not valid JSON"),  # the same, a surrogate in UTF-8
        (manifest() + b"{}", "Extra data"),
        (manifest() + b"\0", "Extra data"),
        (manifest(schemaVersion="2"), "expected int, got str"),
        (manifest(schemaVersion=True), "expected int, got bool"),
        (manifest(schemaVersion=2.5), "expected int, got float"),
        (manifest(mediaType=5), r"expected str, got int @ \$\.mediaType"),
        (manifest(artifactType=[]), r"expected str, got list @ \$\.artifactType"),
        (manifest(annotations=[]), r"\$\.annotations"),
        (manifest(annotations="a"), r"\$\.annotations"),
        (manifest(annotations={"a": 1}), r"expected str, got int @ \$\.annotations\['a'\]"),
        (manifest(config=[]), r"expected an object, got list @ \$\.config"),
        (manifest(config="x"), r"expected an object, got str @ \$\.config"),
        (manifest(config={**CONFIG, "size": 2.0}), r"expected int, got float @ \$\.config\.size"),
        (manifest(config={**CONFIG, "size": 2e3}), r"expected int, got float @ \$\.config\.size"),
        (manifest(config={**CONFIG, "platform": "linux/amd64"}), r"expected an object, got str @ \$\.config\.platform"),
        (manifest(layers={}), r"expected list, got dict @ \$\.layers"),
        (manifest(layers=""), r"expected list, got str @ \$\.layers"),
        (manifest(layers=False), r"expected list, got bool @ \$\.layers"),
        (manifest(layers=[None]), r"expected an object, got null @ \$\.layers\[0\]"),
        (manifest(layers=[[]]), r"expected an object, got list @ \$\.layers\[0\]"),
        (manifest(layers=[{**LAYER, "urls": "https://a.io"}]), r"expected list, got str @ \$\.layers\[0\]\.urls"),
        (manifest(layers=[{**LAYER, "urls": [1]}]), r"expected str, got int @ \$\.layers\[0\]\.urls\[0\]"),
        (manifest(layers=[{**LAYER, "annotations": ""}]), r"\$\.layers\[0\]\.annotations"),
        (manifest(Layers=[LAYER]), "the names 'layers' and 'Layers' differ only in case"),
        (manifest().replace(b'"layers"', b'"Layers"'), "the name 'Layers' must be written 'layers'"),  # skopeo: as "layers"
        (manifest(MANIFESTS=[]), "the name 'MANIFESTS' must be written 'manifests'"),
        (index(manifests={}), r"expected list, got dict @ \$\.manifests"),
        (index(manifests=""), r"expected list, got str @ \$\.manifests"),
        (index(manifests=[{**ENTRY, "platform": []}]), r"expected an object, got list @ \$\.manifests\[0\]\.platform"),
        (index(manifests=[{**ENTRY, "platform": ""}]), r"expected an object, got str @ \$\.manifests\[0\]\.platform"),
        (index(manifests=[{**ENTRY, "platform": {"os": 5}}]), r"expected str, got int @ \$\.manifests\[0\]\.platform\.os"),
        (index(manifests=[{**ENTRY, "platform": {"os": "linux", "OS": "x"}}]), "the names 'os' and 'OS' differ only in case"),
        (index(manifests=[{**ENTRY, "Digest": DIGEST}]), "the names 'digest' and 'Digest' differ only in case"),
        (index(manifests=["x"]), r"expected an object, got str @ \$\.manifests\[0\]"),
    ],
)  # fmt: skip
def test_mistyped_manifests_are_refused(data: bytes, says: str) -> None:
    """A value of a wrong type is an error that says where, never an empty list or an empty object."""
    with pytest.raises(DocumentError, match=says):
        parse_manifest(data, "it")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"rootfs": []}, r"expected an object, got list @ \$\.rootfs"),
        ({"rootfs": ""}, r"expected an object, got str @ \$\.rootfs"),
        ({"rootfs": {"diff_ids": ""}}, r"expected list, got str @ \$\.rootfs\.diff_ids"),
        ({"rootfs": {"diff_ids": {}}}, r"expected list, got dict @ \$\.rootfs\.diff_ids"),
        ({"rootfs": {"Diff_IDs": [DIGEST]}}, "the name 'Diff_IDs' must be written 'diff_ids'"),
        ({"rootfs": {}, "history": {}}, r"expected list, got dict @ \$\.history"),
        ({"rootfs": {}, "history": [[]]}, r"expected an object, got list @ \$\.history\[0\]"),
        ({"rootfs": {}, "history": [{"empty_layer": "true"}]}, r"expected bool, got str"),
        ({"rootfs": {}, "os": 5}, r"expected str, got int @ \$\.os"),
        ({"rootfs": {}, "created": 1}, r"expected str, got int @ \$\.created"),
        ({"rootfs": {"type": "other"}}, "has rootfs type 'other', expected 'layers'"),
        ({"rootfs": {}, "x": float("nan")}, "NaN is not a JSON value"),
    ],
)
def test_mistyped_configs_are_refused(config: dict[str, Any], says: str) -> None:
    """Also where cattrs alone would read an empty root filesystem."""
    with pytest.raises(DocumentError, match=says):
        parse_config(json.dumps(config).encode(), "it")


@pytest.mark.parametrize("rootfs", [{"type": ""}, {}, {"type": None}])
def test_a_rootfs_without_type(rootfs: dict[str, Any]) -> None:
    """An empty type is that of layers; docker and skopeo read no other one."""
    assert parse_config(json.dumps({"rootfs": {"diff_ids": [DIGEST], **rootfs}}).encode(), "it").rootfs.diff_ids == (DIGEST,)


@pytest.mark.parametrize(
    ("written", "read"),
    [(r"\ud800", "\ud800"), (r"\uDFFF", "\udfff"), (r"\ud83d\ude00", "\U0001f600"), (r"\\ud800", r"\ud800")],
)
def test_lone_surrogates(written: str, read: str) -> None:
    """Half a character is accepted, as Go's encoding/json does it; reports write it as an escape (tests/test_trust.py)."""
    document = parse_manifest(
        b'{"config": %b, "annotations": {"a": "%b"}}' % (json.dumps(CONFIG).encode(), written.encode()), "it"
    )
    assert document.annotations == {"a": read}


def test_halves_of_escapes_are_no_json() -> None:
    """A cut escape stays an error."""
    with pytest.raises(DocumentError, match="not valid JSON"):
        parse_json(b'{"a": "\\ud8"}', "it")


@pytest.mark.parametrize("data", [b'{"schemaVersion": 2, "manifests": null}', index(manifests=None), index(manifests=[])])
def test_an_index_of_null_is_empty(data: bytes) -> None:
    """Go writes a list that was never made as null (Docker 25.0.0 to 25.0.2)."""
    assert parse_manifest(data, "it") == Index(())


OCI = "application/vnd.oci.image"


# skopeo 1.9.3: "rejecting ambiguous manifest"; containerd: "expected manifest but found index" and the reverse.
@pytest.mark.parametrize(
    ("data", "declared", "says"),
    [
        (index(), f"{OCI}.manifest.v1+json", "is declared as 'application/vnd.oci.image.manifest.v1.json' but is an index"),
        (index(mediaType=f"{OCI}.index.v1+json"), f"{OCI}.manifest.v1+json", "is declared as .* but is an index"),
        (index(), "application/vnd.docker.distribution.manifest.v2+json", "is declared as .* but is an index"),
        (manifest(), f"{OCI}.index.v1+json", "is declared as .* but is not an index"),
        (manifest(mediaType=f"{OCI}.manifest.v1+json"), f"{OCI}.index.v1+json", "is declared as .* but is not an index"),
        (manifest(), "application/vnd.docker.distribution.manifest.list.v2+json", "is declared as .* but is not an index"),
        (
            manifest(mediaType=f"{OCI}.manifest.v1+json"),
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "schema 1",
        ),
    ],
)
def test_descriptors_and_documents_must_agree(data: bytes, declared: str, says: str) -> None:
    """The type of the descriptor counts even if the document names its own."""
    with pytest.raises(DocumentError, match=says):
        parse_manifest(data, "it", declared)


@pytest.mark.parametrize("declared", ["", "application/json", "application/vnd.docker.distribution.manifest.v2+json"])
def test_types_of_other_writers_are_read(declared: str) -> None:
    """Docker's type for an OCI manifest and types that say nothing are no contradiction (skopeo and containerd accept)."""
    assert isinstance(parse_manifest(manifest(mediaType=f"{OCI}.manifest.v1+json"), "it", declared), Manifest)
