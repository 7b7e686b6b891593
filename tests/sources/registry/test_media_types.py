"""The Content-Type of a registry must not contradict the document, and says nothing else about it."""

from __future__ import annotations

import pytest

from ocisize.analyzer import Analyzer
from ocisize.errors import DocumentError
from tests.images import OCI, build_image, for_platform, index_bytes, layer
from tests.registry import Answer, Server

pytestmark = pytest.mark.usefixtures("home")
IMAGE = build_image([layer({"etc/a": b"a" * 1000})])
INDEX = index_bytes([for_platform(IMAGE.descriptor, "linux", "amd64")])
DOCKER = "application/vnd.docker.distribution.manifest"


def serve(server: Server, document: bytes, content_type: str) -> str:
    server.on("/v2/app/manifests/1", Answer(document, headers={"Content-Type": content_type} if content_type else {}))
    for digest, data in (IMAGE.blobs | {IMAGE.digest: IMAGE.manifest}).items():
        server.on(f"/v2/app/blobs/{digest}", Answer(data))
        server.on(f"/v2/app/manifests/{digest}", Answer(data))
    return f"{server.host}/app:1"


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        (INDEX, f"{OCI}.manifest.v1+json"), (INDEX, f"{DOCKER}.v2+json; charset=utf-8"), (IMAGE.manifest, f"{OCI}.index.v1+json"),
        (IMAGE.manifest, f"{DOCKER}.list.v2+json"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(server: Server, document: bytes, content_type: str) -> None:
    """Docker and containerd refuse an index that is called a manifest, and the reverse (CVE-2021-41190)."""
    with pytest.raises(DocumentError, match="is declared as .* but is "):
        Analyzer(platform="linux/amd64").analyze(serve(server, document, content_type))


@pytest.mark.parametrize("document", [INDEX, IMAGE.manifest])
@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain; charset=utf-8", "application/octet-stream"])
def test_types_that_say_nothing(server: Server, document: bytes, content_type: str) -> None:
    """Registries on plain web servers send the type of a file."""
    assert Analyzer(platform="linux/amd64").analyze(serve(server, document, content_type)).content_size == 1000


def test_the_other_format_is_no_contradiction(server: Server) -> None:
    """Some registries answer an OCI manifest under Docker's type (https://github.com/containers/buildah/issues/2266)."""
    assert Analyzer(platform="linux/amd64").analyze(serve(server, IMAGE.manifest, f"{DOCKER}.v2+json")).content_size == 1000
