"""Foreign layers, as of Windows base images: from their URLs where that is allowed, or counted by their descriptors."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

import ocisize
from ocisize import Analysis, Analyzer, Connection, check, parse_budgets
from ocisize.cli.main import main
from ocisize.blob.digest import Digest
from ocisize.errors import IncompleteAnalysis, LayerError
from ocisize.model.budget import BudgetStatus
from ocisize.oci.documents import Descriptor
from ocisize.oci.reference import parse_reference
from ocisize.report.formats import write_report
from ocisize.report.options import ReportOptions
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.source import RegistrySource
from tests.images import (
    BuiltImage, build_image, compress, index_bytes, layer, layout_files, tar_bytes, write_files, write_layout,
)  # fmt: skip
from tests.registry import Answer, Server, guarded, ranged, redirect

pytestmark = pytest.mark.usefixtures("home")
FOREIGN = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
]
BASE, OWN = layer({"Files/base": b"b" * 1000}), layer({"Files/own": b"o" * 500})
SIZE = len(BASE.blob) + len(OWN.blob)


def image_of(media_type: str = FOREIGN[0], urls: list[str] | None = None) -> BuiltImage:
    """A Windows image of a foreign layer and an own one."""
    image = build_image([BASE, OWN], config={"os": "windows"})
    document = json.loads(image.manifest)
    document["layers"][0] |= {"mediaType": media_type} | ({} if urls is None else {"urls": urls})
    return attrs.evolve(image, manifest=json.dumps(document).encode())


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def serve(server: Server, image: BuiltImage, *, has_base: bool = False) -> str:
    """Put an image into a registry, without its base layer unless it is asked for; return its name."""
    server.on("/v2/app/manifests/1", Answer(image.manifest))
    for digest, data in image.blobs.items():
        if has_base or digest != BASE.digest:
            server.on(f"/v2/app/blobs/{digest}", Answer(data))
    return f"{server.host}/app:1"


def analyze(name: str, **options: Any) -> Analysis:
    return Analyzer(connection=Connection(retries=1, timeout=(5, 5)), **options).analyze(name)


@pytest.mark.parametrize("media_type", FOREIGN)
def test_a_registry_that_has_the_layer(server: Server, elsewhere: Server, media_type: str) -> None:
    """The registry is asked first, and its blob is a layer like any other."""
    name = serve(server, image_of(media_type, [f"http://{elsewhere.host}/base"]), has_base=True)
    found = analyze(name)
    assert (found.content_size, found.compressed_size, found.complete, found.warnings) == (1500, SIZE, True, ())
    assert not elsewhere.requests_of("/base")


@pytest.mark.parametrize("media_type", [*FOREIGN, "application/vnd.docker.image.rootfs.diff.tar.gzip"])
def test_the_layer_comes_from_its_url(server: Server, elsewhere: Server, media_type: str) -> None:
    """After a 404, the first URL that has it; without the login of the registry."""
    urls = [f"http://{elsewhere.host}/{path}" for path in ("gone", "base", "never")]
    name = serve(server, image_of(media_type, urls))
    elsewhere.on("/base", Answer(BASE.blob))
    found = analyze(name, verify=True)
    assert (found.content_size, found.compressed_size, found.complete) == (1500, SIZE, True)
    assert [len(elsewhere.requests_of(f"/{path}")) for path in ("gone", "base", "never")] == [1, 1, 0]


def test_logins_stay_at_the_registry(server: Server, elsewhere: Server) -> None:
    """No request to a URL of the manifest has an Authorization header."""
    image = image_of(urls=[f"http://{elsewhere.host}/base"])

    accepted = [f"Basic {base64.b64encode(b'user:password').decode()}"]
    server.on("/v2/app/manifests/1", guarded(accepted, Answer(image.manifest), 'Basic realm="r"'))
    server.on(f"/v2/app/blobs/{BASE.digest}", guarded(accepted, Answer(b"", status=404), 'Basic realm="r"'))
    elsewhere.on("/base", Answer(BASE.blob))
    source = RegistrySource(parse_reference(f"{server.host}/app:1"), credentials=Credentials("user", "password"))
    with closing(source):
        source.read_manifest()
        urls = (f"http://{elsewhere.host}/base",)
        assert (
            b"".join(source.open_blob(Descriptor(Digest(BASE.digest), len(BASE.blob), FOREIGN[0], urls=urls))) == BASE.blob
        )
    assert [request.authorization for request in elsewhere.requests_of("/base")] == [None]
    assert server.requests_of("/v2/app/manifests/1")[-1].authorization


def test_a_url_that_breaks_off_is_resumed(server: Server, elsewhere: Server) -> None:
    """As a blob of the registry is."""
    big = layer({"Files/base": bytes(range(256)) * 4096}, "plain")
    elsewhere.on("/base", Answer(big.blob, cut=300_000), ranged(big.blob))
    source = RegistrySource(parse_reference(f"{server.host}/app:1"), connection=Connection(retries=2, timeout=(5, 5)))
    with closing(source):
        descriptor = Descriptor(Digest(big.digest), len(big.blob), FOREIGN[0], urls=(f"http://{elsewhere.host}/base",))
        assert b"".join(source.open_blob(descriptor)) == big.blob
    first, second = elsewhere.requests_of("/base")
    assert "Range" not in first.headers
    assert second.headers["Range"].startswith("bytes=")


def test_other_bytes_are_an_error(server: Server, elsewhere: Server) -> None:
    """What a URL answers is verified; another blob is no missing one."""
    name = serve(server, image_of(urls=[f"http://{elsewhere.host}/base"]))
    elsewhere.on("/base", Answer(bytes([*BASE.blob[:-1], BASE.blob[-1] ^ 1])))
    with pytest.raises(LayerError, match="layer 0 "):
        analyze(name, verify=True)
    elsewhere.on("/base", Answer(BASE.blob + b"more"))
    with pytest.raises(LayerError, match="descriptor says"):
        analyze(name)


@pytest.mark.parametrize(
    ("urls", "says"),
    [
        ([], "the registry has no blob .*404"),
        (None, "the registry has no blob .*404"),
        (["http://{elsewhere}/gone"], "{elsewhere} answered 404"),
        (["http://{elsewhere}/moved"], "answered 403"),
        (["ftp://example.io/base"], "the URL at example.io is not https"),
        (["file:///etc/passwd", "http://[", "", "https://user:secret@example.io/x"], "invalid"),
        (["http://127.0.0.1:1/base"], "127.0.0.1:1: "),
    ],
)
def test_the_layer_cannot_be_had(server: Server, elsewhere: Server, urls: list[str] | None, says: str) -> None:
    """The other layers are reported without ``--keep-going``; the layer is named with the reason, and its size counts."""
    elsewhere.on("/moved", redirect(f"http://{elsewhere.host}/denied"))
    elsewhere.on("/denied", Answer(b"", status=403))
    wanted = None if urls is None else [url.format(elsewhere=elsewhere.host) for url in urls]
    found = analyze(serve(server, image_of(urls=wanted)))
    assert (found.content_size, found.compressed_size, found.complete, found.lacks_only_foreign) == (500, SIZE, False, True)
    (unread,) = found.unread
    assert unread.failure is not None
    assert (unread.index, unread.failure.step, unread.compressed_size) == (0, "foreign", len(BASE.blob))
    assert unread.failure.error.startswith("could not be had: ")
    assert re.search(says.format(elsewhere=elsewhere.host), unread.failure.error)
    assert "secret" not in unread.failure.error


@pytest.mark.parametrize("media_type", ["application/vnd.docker.image.rootfs.diff.tar.gzip"])
def test_other_layers_must_be_there(server: Server, elsewhere: Server, media_type: str) -> None:
    """A layer that is not foreign stays an error, also if it has URLs."""
    name = serve(server, image_of(media_type, [f"http://{elsewhere.host}/gone"]))
    with pytest.raises(LayerError, match="layer 0 .*404"):
        analyze(name)


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_registry_that_fails_is_an_error(server: Server, elsewhere: Server, status: int) -> None:
    """Only a registry that says that it has no blob is left for a URL."""
    name = serve(server, image_of(urls=[f"http://{elsewhere.host}/base"]))
    server.on(f"/v2/app/blobs/{BASE.digest}", Answer(b"", status=status))
    elsewhere.on("/base", Answer(BASE.blob))
    with pytest.raises(LayerError):
        Analyzer(connection=Connection(retries=0, timeout=(5, 5))).analyze(name)
    assert not elsewhere.requests_of("/base")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://10.0.0.1/base", "the URL at 10.0.0.1 is at a private address"),
        ("https://127.0.0.1/base", "private"),
        ("https://169.254.169.254/latest", "private"),
        ("https://[::1]/base", "private"),
        ("https://localhost/base", "private"),
        ("http://example.io/base", "the URL at example.io is not https"),
        ("https:///base", "invalid"),
        ("https://host:port/base", "invalid"),
    ],
)
def test_urls_that_are_not_asked(url: str, says: str) -> None:
    """A manifest of a public registry leads to no private address and to no host without TLS."""
    source = RegistrySource(parse_reference("registry.io/app:1"))
    with closing(source):
        urls = source._places[-1].open_urls()
        assert says in urls._refusal(url)
        assert urls._refusal("https://mcr.microsoft.com/v2/windows/blobs/x") == ""


def saved(path: Path, form: str) -> Path:
    """An image without its foreign layer, as ``docker save`` writes it."""
    image = image_of()
    blobs = {digest: data for digest, data in image.blobs.items() if digest != BASE.digest}
    files = layout_files(index_bytes([image.descriptor]), blobs | {image.digest: image.manifest})
    if form == "folder":
        return write_files(files, path / "layout")
    archive = path / "app.tar"
    archive.write_bytes(compress(tar_bytes(files), "gzip" if form == "compressed" else "plain"))
    return archive


@pytest.mark.parametrize("form", ["folder", "archive", "compressed"])
@pytest.mark.parametrize("jobs", [1, 3])
def test_saved_images(form: str, jobs: int, tmp_path: Path) -> None:
    """Archives and folders leave foreign layers out: that is no error, and the figures of the others are shown."""
    found = Analyzer(jobs=jobs).analyze(saved(tmp_path, form))
    assert (found.content_size, found.compressed_size, found.lacks_only_foreign) == (500, SIZE, True)
    (unread,) = found.unread
    assert unread.failure is not None
    assert unread.failure.error.startswith("not saved with the image: ")
    index = Analyzer(jobs=jobs).analyze_all(saved(tmp_path, form))
    assert (index.complete, index.lacks_only_foreign) == (False, True)


def test_budgets_that_do_not_need_the_content(tmp_path: Path) -> None:
    """The download and the number of layers are known; nothing else passes."""
    found = Analyzer().analyze(saved(tmp_path, "folder"))
    text = 'max-download = "1 MB"\nmax-layers = 5\nmax-transfer = "9 s at 1 Mbit/s"\nmax-unpacked = "1 GB"\nmax-live = "1 GB"\nmax-files = 9'
    statuses = [verdict.status for verdict in check(found, parse_budgets(text).budgets)]
    assert statuses == [BudgetStatus.PASS] * 3 + [BudgetStatus.INCOMPLETE] * 3
    (broken,) = check(found, parse_budgets("max-files = 0").budgets)
    assert broken.status is BudgetStatus.FAIL


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 0 with a warning; 2 if a budget needs the layer; comparisons are refused."""
    monkeypatch.chdir(tmp_path)
    path = str(saved(tmp_path, "folder"))
    assert main([path]) == 0
    shown = capsys.readouterr()
    assert "incomplete: 1 of 2 layers is foreign and was not read" in shown.out
    assert "≥ 500 B unpacked" in shown.out
    assert f"warning: layer 0 ({BASE.digest}, {len(BASE.blob)} B): foreign: not saved with the image: " in shown.err
    assert "error" not in shown.err
    assert main([path, "--max-download", "1MB"]) == 0
    assert main([path, "--max-unpacked", "1MB"]) == 2
    assert main([path, "--all-platforms"]) == 0
    for command in ("advise", "files", "tree"):
        assert main([command, path]) == 0
    assert main(["baseline", "write", path]) == 2
    assert "its foreign layers were not read: 0" in capsys.readouterr().err


def test_comparisons(tmp_path: Path) -> None:
    whole, partial = (
        Analyzer().analyze(write_layout(image_of(), tmp_path / "whole")),
        Analyzer().analyze(saved(tmp_path, "folder")),
    )
    with pytest.raises(IncompleteAnalysis, match="cannot be compared, because its foreign layers were not read: 0"):
        ocisize.compare(whole, partial)


@pytest.mark.parametrize("name", ["text", "json", "markdown", "html", "junit", "github", "gitlab", "sarif", "badge", "csv"])
def test_reports(name: str, tmp_path: Path) -> None:
    """All of them mark the image, and none reports a failure of the build."""
    found = Analyzer().analyze(saved(tmp_path, "folder"))
    file = io.StringIO()
    write_report(name, found, file, ReportOptions())
    text = " ".join(file.getvalue().split())
    assert "foreign" in text or "incomplete" in text or "unread" in text
    assert "::error" not in text
    assert '"blocker"' not in text
    assert 'errors="1"' not in text
    assert '"executionSuccessful": false' not in text
    if name == "json":
        assert ocisize.from_json(file.getvalue()).lacks_only_foreign


def test_a_missing_layer_that_is_not_foreign(tmp_path: Path) -> None:
    """It stays an error, and with ``--keep-going`` a failure."""
    folder = write_layout(build_image([BASE, OWN]), tmp_path / "l")
    (folder / f"blobs/{BASE.digest.replace(':', '/')}").unlink()
    with pytest.raises(LayerError):
        Analyzer().analyze(folder)
    found = Analyzer(keep_going=True).analyze(folder)
    assert not found.lacks_only_foreign
