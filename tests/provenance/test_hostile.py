"""Attestations that are broken, large, or about something else: a warning, and the image is analyzed without them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocisize import Analyzer
from ocisize.errors import DocumentError
from ocisize.provenance.attestation import MAX_STATEMENT
from ocisize.provenance.dockerfile_text import redact_dockerfile
from ocisize.provenance.names import NamedImage, find_only_image, parse_build_info, parse_material, parse_source
from ocisize.provenance.statement import Material, parse_statement
from tests.images import build_image, sha256
from tests.oci.test_image import MemorySource, single
from tests.provenance.statements import (
    BASE_DIGEST, DOCKERFILE, TOOL_DIGEST, Attested, Build, Version, attest, build, serve, statement,
)  # fmt: skip
from tests.provenance.test_record import ANALYZER, LINES, lines_of
from tests.registry import Answer, Server, errors

pytestmark = pytest.mark.usefixtures("home")
NONE = ("None",) * 4


def warnings_of(server: Server, attested: Attested) -> str:
    """The warnings of an image that has no lines."""
    outline = ANALYZER.outline(serve(server, attested))
    assert lines_of(outline) == NONE
    return "; ".join(outline.warnings)


@pytest.mark.parametrize(("data", "expected"), [
    (b"{", "not valid JSON"), (b"[]", "not a JSON object"), (b"{}", "no SLSA provenance"),
    (b'{"predicateType": "https://slsa.dev/provenance/v0.1"}', "no SLSA provenance"),
    (b'{"a": ' * 100_000, "nested too deeply"), (b'{"a": 1, "a": 2}', "repeated"), (b" " * (MAX_STATEMENT + 1), "more than 4194304"),
])  # fmt: skip
def test_broken_statements(server: Server, data: bytes, expected: str) -> None:
    image = build()
    attested = attest(image, data, predicate="https://slsa.dev/provenance/v1")
    text = warnings_of(server, attested)
    assert text.startswith("the provenance of the image is not used: ") and expected in text


def test_a_statement_with_other_bytes(server: Server) -> None:
    """The digest is verified."""
    image = build()
    attested = attest(image, statement(image))
    name = serve(server, attested)
    server.on(f"/v2/app/blobs/{sha256(attested.statement)}", Answer(attested.statement.replace(b"debian", b"ubuntu")))
    outline = ANALYZER.outline(name)
    assert lines_of(outline) == NONE and "digest" in outline.warnings[0]


@pytest.mark.parametrize("path", ["manifests/{manifest}", "blobs/{statement}"])
def test_documents_that_are_missing_or_refused(server: Server, path: str) -> None:
    """A copy without attestations needs no warning, a registry that fails does; neither is an error."""
    image = build()
    attested = attest(image, statement(image))
    name = serve(server, attested)
    place = path.format(manifest=sha256(attested.manifest), statement=sha256(attested.statement))
    for answer, expected in ((errors(404, "UNKNOWN"), 0), (errors(500, "UNKNOWN"), 1), (errors(403, "DENIED"), 1)):
        server.on(f"/v2/app/{place}", answer)
        outline = ANALYZER.outline(name)
        assert lines_of(outline) == NONE and len(outline.warnings) == expected


@pytest.mark.parametrize("missing", ["manifest", "statement"])
def test_a_source_of_a_user_without_attestations(missing: str) -> None:
    """Its errors need not be those of ocisize, and what it lacks is none."""
    image = build()
    attested = attest(image, statement(image))
    gone = sha256(attested.manifest if missing == "manifest" else attested.statement)

    class Folder(MemorySource):
        def read_manifest(self, digest: str | None = None) -> bytes:
            if digest == gone:
                raise FileNotFoundError(digest)
            return super().read_manifest(digest)

    blobs = {digest: data for digest, data in attested.blobs.items() if digest != gone}
    outline = ANALYZER.outline_source(Folder(attested.index, blobs))
    assert lines_of(outline) == NONE and not outline.warnings


def test_attestations_about_another_image(server: Server) -> None:
    """A manifest whose subject is another one, and a statement about other layers."""
    image, other = build(), build_image(build().layers[:3])
    attested, foreign = attest(image, statement(image)), attest(other, statement(other))
    mixed = attrs.evolve(attested, manifest=foreign.manifest, statement=foreign.statement,
        index=attested.index.replace(sha256(attested.manifest).encode(), sha256(foreign.manifest).encode())
        .replace(f'"size": {len(attested.manifest)}'.encode(), f'"size": {len(foreign.manifest)}'.encode()))  # fmt: skip
    assert "about another image" in warnings_of(server, mixed)
    assert warnings_of(server, attest(image, statement(other))) == ""


def test_other_layers_of_the_same_number(server: Server) -> None:
    """A statement whose subject is another image has no places in this one."""
    image = build()
    chains = {"step0:0": [[{"digest": "a"}]], "step4:0": [[{"digest": text} for text in "abcd"]]}
    about_other = Build(chains=chains, subject="sha256:" + 64 * "0")
    assert warnings_of(server, attest(image, statement(image, build=about_other))) == ""
    found = ANALYZER.outline(serve(server, attest(image.recompressed("zstd"), statement(image.recompressed("zstd"), build=Build(
        chains=json.loads(statement(image))["predicate"]["runDetails"]["metadata"]["buildkit_metadata"]["layers"])))))  # fmt: skip
    assert lines_of(found) == LINES


_VALUES: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.text(max_size=9)
    | st.lists(st.just("step0:0"), max_size=2)
    | st.just({})
)


@given(st.lists(st.tuples(st.integers(0, 10_000), _VALUES), min_size=1, max_size=5), st.sampled_from(["0.2", "1"]))
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_statements_with_other_values(changes: list[tuple[int, Any]], version: Version) -> None:
    """Wherever a value is replaced by another one, the image is analyzed, with or without what the statement says."""
    image = build()
    document = json.loads(statement(image, version))
    for number, value in changes:
        places = list(_places(document))
        holder, key = places[number % len(places)]
        holder[key] = value
    attested = attest(image, json.dumps(document).encode(), predicate="https://slsa.dev/provenance/v1")
    outline = ANALYZER.outline_source(MemorySource(attested.index, attested.blobs))
    assert len(outline.layers) == 4 and outline.digest == image.digest


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each list and object in a document with each of its indexes and names."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def test_more_steps_than_any_build() -> None:
    document = {
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "predicate": {"buildConfig": {"llbDefinition": [{"id": str(number)} for number in range(10_001)]}},
    }
    with pytest.raises(DocumentError, match="10001 build steps"):
        parse_statement(json.dumps(document).encode())


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\x1b[31m/Dockerfile", "", ".", "docker/../Dockerfile"]
)
def test_names_of_files(server: Server, name: str) -> None:
    """They lead out of nothing, and every image is reported."""
    image = build()
    data = statement(image).replace(b'"filename": "Dockerfile"', b'"filename": ' + json.dumps(name).encode())
    outline = ANALYZER.outline(serve(server, attest(image, data)))
    files = {layer.source.file for layer in outline.layers if layer.source is not None}
    assert len(files) == 1 and not files & {"", "."} and not any(file.startswith(("/", "..")) for file in files)


@pytest.mark.parametrize(("text", "expected"), [
    ("FROM x\nENV DB_PASSWORD=hunter2\nRUN a\n", "FROM x\nENV DB_PASSWORD=<redacted>\nRUN a\n"),
    ("# token ghp_0123456789abcdefghijABCDEFGHIJ012345\nFROM x", "# token <redacted>\nFROM x"),
    ("FROM x\nRUN a \\\n  --password hunter2 \\\n  b\n", "FROM x\nRUN a \\\n  --password <redacted> \\\n  b\n"),
    ("FROM x\r\nRUN a\r\n", "FROM x\r\nRUN a\r\n"),
    ("", ""), ("FROM x\n\n\n", "FROM x\n\n\n"), ("FROM x\x1b[31m", None), ("FROM \u202ex", None), ("FROM\0x", None),
])  # fmt: skip
def test_redacted_dockerfiles(text: str, expected: str | None) -> None:
    assert redact_dockerfile(text) == expected


def test_lines_keep_their_numbers() -> None:
    """A key of several lines becomes as many lines, whatever is in them."""
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabcdef\n-----END RSA PRIVATE KEY-----"
    text = f"FROM x\nRUN <<E cat > /k\n{key}\nE\nCOPY a b\n" + "x" * 70_000 + "\nRUN c"
    found = redact_dockerfile(text)
    assert found is not None and "MIIEow" not in found
    lines, before = found.split("\n"), text.split("\n")
    assert len(lines) == len(before) and [lines[index] for index in (0, 7, 9)] == ["FROM x", "COPY a b", "RUN c"]


@pytest.mark.parametrize(("uri", "expected"), [
    ("pkg:docker/python@3.12-slim?platform=linux%2Famd64", "docker.io/library/python:3.12-slim"),
    ("pkg:docker/ghcr.io/team/app@v1", "ghcr.io/team/app:v1"), ("pkg:docker/localhost%3A5000/app@1", "localhost:5000/app:1"),
    (f"pkg:docker/team/app?digest={BASE_DIGEST}&platform=x", "docker.io/team/app"),
    (f"pkg:docker/team/app?{'&a=1' * 900}", "docker.io/team/app:latest"), ("pkg:docker/a%ff%00@%zz", "a\ufffd\0:%zz"),
    ("pkg:docker/", None), ("https://github.com/team/app", None), ("", None), ("pkg:docker/" + 600 * "a", None),
])  # fmt: skip
def test_package_urls(uri: str, expected: str | None) -> None:
    image = parse_material(Material(uri, None))
    assert (None if image is None else image.name) == expected
    assert image is None or image.digest == (BASE_DIGEST if "digest=" in uri else None)


def test_tools_are_no_base_images() -> None:
    """The frontend, by its name or as the request names it."""
    base, tool = Material("pkg:docker/debian@12", BASE_DIGEST), Material("pkg:docker/docker/dockerfile@1.7", TOOL_DIGEST)
    frontend = Material("pkg:docker/ghcr.io/team/frontend@2", TOOL_DIGEST)
    for materials in ([base], [base, tool], [tool, base, frontend], [base, base]):
        image = find_only_image(materials, "ghcr.io/team/frontend:2")
        assert image is not None and image.name == "docker.io/library/debian:12"
    assert find_only_image([tool], "") is None and find_only_image([base, frontend], "") is None


@pytest.mark.parametrize(
    "identifier", ["local://context", "git://github.com/a/b", "docker-image://", "", "docker-image://" + 999 * "a"]
)
def test_sources_without_a_name(identifier: str) -> None:
    image = parse_source(identifier)
    assert image is None or image.name is None


def test_a_layout_on_the_machine_of_the_builder() -> None:
    """Its name is none of a registry."""
    assert parse_source(f"oci-layout://mine@{BASE_DIGEST}") == NamedImage("mine", BASE_DIGEST)
    assert parse_source("oci-layout://") == NamedImage(None, None)


def encoded(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


@pytest.mark.parametrize(
    "text", ["%", "e30", encoded([]), encoded("x"), "A" * (1 << 21), base64.b64encode(b"\xff").decode()]
)
def test_broken_notes(text: str) -> None:
    with pytest.raises(DocumentError):
        parse_build_info(text)


@pytest.mark.parametrize("document", [{}, {"sources": 1}, {"sources": [1, {}]}, {"sources": [{"type": "docker-image", "ref": 1}]},
    {"sources": [{"type": "docker-image", "ref": "a"}, {"type": "docker-image", "ref": "b"}]},
    {"sources": [{"type": "docker-image", "ref": "docker.io/docker/dockerfile:1"}]}])  # fmt: skip
def test_notes_without_a_base(document: Any) -> None:
    assert parse_build_info(encoded(document)) is None


def test_notes_of_another_type_are_no_error() -> None:
    """As any other field of a config that no size depends on."""
    image = build_image(build().layers, config={"moby.buildkit.buildinfo.v1": [1]})
    assert not Analyzer().outline_source(single(image)).warnings
    image = build_image(build().layers, config={"moby.buildkit.buildinfo.v1": "%"})
    assert "not base64" in Analyzer().outline_source(single(image)).warnings[0]


def test_the_dockerfile_of_the_samples() -> None:
    """The text that the tests use has no secret, so it stays as it is."""
    assert redact_dockerfile(DOCKERFILE) == DOCKERFILE
