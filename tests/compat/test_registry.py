"""Against the real docker-registry: every kind of login, TLS, indexes, and images that other tools pushed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest

import ocisize
from ocisize.errors import AuthenticationFailed, NoMatchingPlatform, RegistryError
from ocisize.oci.image import read_image
from ocisize.oci.platform import parse_platform
from ocisize.sources.registry.client import Connection
from tests.images import (
    OCI,
    BuiltImage,
    Compression,
    build_image,
    for_platform,
    index_bytes,
    layer,
    sha256,
    write_layout,
)
from tests.tools import program
from tests.registry import (
    RealRegistry,
    Server,
    Signer,
    TokenService,
    basic,
    real_registry,
    write_docker_config,
)

pytestmark = pytest.mark.usefixtures("home")
USER, PASSWORD = "user", "secret-word"
QUICK = Connection(timeout=(10, 10), retries=1)


def image(architecture: str = "amd64", compression: Compression = "gzip") -> BuiltImage:
    """An image of two layers, the upper of which deletes 3000 bytes of the lower."""
    base = layer({"etc/motd": b"hello", "tmp/junk": b"j" * 3000, f"bin/{architecture}": b"b" * 700}, compression)
    return build_image([base, layer({"tmp/.wh.junk": b"", "app": b"a" * 100}, compression)], architecture=architecture)


def analyze(name: str, platform: str | None = "linux/amd64", connection: Connection = QUICK) -> ocisize.Analysis:
    return ocisize.Analyzer(platform=platform, connection=connection, verify=True).analyze(name)


def check(analysis: ocisize.Analysis, built: BuiltImage) -> None:
    """The analysis is of this image, with the figures its layers were built for."""
    assert analysis.digest == built.digest
    assert analysis.compressed_size == sum(len(layer.blob) for layer in built.layers)
    assert analysis.wasted_size == 3000
    assert [layer.digest for layer in analysis.layers] == [layer.digest for layer in built.layers]


def denied(name: str, connection: Connection = QUICK) -> RegistryError:
    """The error of an image that must not be had: one line, and no secret in it."""
    with pytest.raises(RegistryError) as caught:
        analyze(name, connection=connection)
    assert PASSWORD not in str(caught.value) + repr(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
def docker_config(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that DOCKER_CONFIG names, still empty."""
    folder = home / "docker"
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    return folder


# Anonymous


@pytest.mark.parametrize("compression", ["gzip", "zstd", "plain"])
def test_anonymous(compression: Compression, registry: RealRegistry) -> None:
    """An image is analysed by tag and by digest, however its layers are compressed."""
    built = image(compression=compression)
    registry.push("team/app", compression, built)
    check(analyze(f"{registry.host}/team/app:{compression}"), built)
    check(analyze(f"{registry.host}/team/app@{built.digest}"), built)
    check(analyze(f"{registry.host}/team/app:any@{built.digest}"), built)
    check(analyze(f"registry:{registry.host}/team/app:{compression}"), built)


def test_pushed_by_skopeo(registry: RealRegistry, tmp_path: Path) -> None:
    """What skopeo copies to a registry gives the same figures as the layout it was copied from."""
    built = image()
    layout = write_layout(built, tmp_path / "layout", name="latest")
    target = f"docker://{registry.host}/skopeo/app:1"
    command = [program("skopeo"), "--insecure-policy", "copy", "--dest-tls-verify=false"]
    subprocess.run([*command, f"oci:{layout}:latest", target], check=True, capture_output=True)
    pushed, saved = analyze(f"{registry.host}/skopeo/app:1"), analyze(str(layout))
    check(pushed, built)
    assert pushed.wasted_size == saved.wasted_size
    assert pushed.layers[0].tar_size == saved.layers[0].tar_size


def test_a_docker_manifest(registry: RealRegistry, tmp_path: Path) -> None:
    """Docker's own manifest format is analysed like OCI's."""
    built = image()
    layout = write_layout(built, tmp_path / "layout", name="latest")
    target = f"docker://{registry.host}/skopeo/docker:1"
    command = [program("skopeo"), "--insecure-policy", "copy", "--dest-tls-verify=false", "--format", "v2s2"]
    subprocess.run([*command, f"oci:{layout}:latest", target], check=True, capture_output=True)
    analysis = analyze(f"{registry.host}/skopeo/docker:1")
    assert analysis.wasted_size == 3000
    assert analysis.digest != built.digest


def test_an_index(registry: RealRegistry) -> None:
    """Of several platforms the wanted one is analysed, and an attestation is none of them."""
    images = {name: image(name) for name in ("amd64", "arm64")}
    attestation = build_image([layer({"statement": b"{}"})], os="unknown", architecture="unknown")
    for built in (*images.values(), attestation):
        registry.push("multi", built.digest, built)
    note = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": images["amd64"].digest}
    entries = [
        {**for_platform(attestation.descriptor, "unknown", "unknown"), "annotations": note},
        for_platform(images["amd64"].descriptor, "linux", "amd64"),
        for_platform(images["arm64"].descriptor, "linux", "arm64", "v8"),
    ]
    index = index_bytes(entries)
    registry.push_manifest("multi", "1", index, f"{OCI}.index.v1+json")
    for name, built in images.items():
        check(analyze(f"{registry.host}/multi:1", f"linux/{name}"), built)
        check(analyze(f"{registry.host}/multi@{sha256(index)}", f"linux/{name}"), built)
    with pytest.raises(NoMatchingPlatform) as caught:
        analyze(f"{registry.host}/multi:1", "linux/s390x")
    assert caught.value.available == ("linux/amd64", "linux/arm64")


@pytest.mark.parametrize("name", ["team/app:none", "nothing/here:1", f"team/app@{sha256(b'none')}"])
def test_what_does_not_exist(name: str, registry: RealRegistry) -> None:
    """A missing repository, tag or digest is a 404 in the registry's own words."""
    registry.push("team/app", "gzip", image())
    error = denied(f"{registry.host}/{name}")
    assert error.status == 404
    assert "MANIFEST_UNKNOWN" in str(error) or "NAME_UNKNOWN" in str(error)


def test_credentials_do_no_harm(registry: RealRegistry, docker_config: Path) -> None:
    """A registry that asks for nothing gets no credentials, and serves as before."""
    write_docker_config(docker_config, registry.host, USER, PASSWORD)
    built = image()
    registry.push("team/app", "gzip", built)
    check(analyze(f"{registry.host}/team/app:gzip"), built)


# htpasswd


@pytest.fixture(scope="module")
def htpasswd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry that wants a password by Basic authorization."""
    folder = tmp_path_factory.mktemp("htpasswd")
    command = [program("htpasswd"), "-Bbn", USER, PASSWORD]
    (folder / "htpasswd").write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    auth = {"htpasswd": {"realm": "basic-realm", "path": str(folder / "htpasswd")}}
    with real_registry(folder, auth=auth, authorize=lambda _: basic(USER, PASSWORD)) as running:
        running.push("team/app", "1", image())
        yield running


def test_htpasswd(htpasswd: RealRegistry, docker_config: Path) -> None:
    """Credentials of the docker configuration open a registry with passwords."""
    write_docker_config(docker_config, htpasswd.host, USER, PASSWORD)
    check(analyze(f"{htpasswd.host}/team/app:1"), image())
    check(analyze(f"{htpasswd.host}/team/app@{image().digest}"), image())
    assert denied(f"{htpasswd.host}/team/app:none").status == 404


def test_htpasswd_with_a_wrong_password(htpasswd: RealRegistry, docker_config: Path) -> None:
    """A wrong password is refused with the registry's status."""
    write_docker_config(docker_config, htpasswd.host, USER, PASSWORD + "x")
    error = denied(f"{htpasswd.host}/team/app:1")
    assert isinstance(error, AuthenticationFailed)
    assert error.status == 401
    assert f"the login in {docker_config}/config.json was refused" in str(error)
    assert "has no access; log in again" in (error.hint or "")


def test_htpasswd_without_credentials(htpasswd: RealRegistry) -> None:
    """A client without credentials is asked to log in."""
    error = denied(f"{htpasswd.host}/team/app:1")
    assert isinstance(error, AuthenticationFailed)
    assert f"docker login {htpasswd.host}" in (error.hint or "")


def test_lists_behind_a_password(htpasswd: RealRegistry, docker_config: Path) -> None:
    """The list of repositories and those of tags are opened by the stored login; without it, nothing is listed."""
    source = f"{htpasswd.host}/*"
    (failure,) = ocisize.list_references([source], connection=QUICK).failures
    assert "401" in failure.message
    assert f"docker login {htpasswd.host}" in failure.hint
    write_docker_config(docker_config, htpasswd.host, USER, PASSWORD)
    listed = ocisize.list_references([source], connection=QUICK)
    assert not listed.failures
    assert [reference.name for reference in listed.references] == [f"{htpasswd.host}/team/app:1"]


# Tokens


@attrs.frozen
class Guarded:
    registry: RealRegistry
    tokens: TokenService


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A registry that trusts a token service."""
    folder = tmp_path_factory.mktemp("tokens")
    with closing(Server()) as server:
        tokens = TokenService(Signer.make(folder), server, username=USER, password=PASSWORD)

        def authorize(repository: str) -> str:
            return f"Bearer {tokens.issue(f'repository:{repository}:pull,push')}"

        with real_registry(folder, auth=tokens.auth(), authorize=authorize) as running:
            running.push("team/app", "1", image())
            yield Guarded(running, tokens)


def test_tokens(guarded: Guarded, docker_config: Path) -> None:
    """One signed token, fetched with the credentials of the docker configuration, serves for the whole image."""
    name = f"{guarded.registry.host}/team/app"
    write_docker_config(docker_config, guarded.registry.host, USER, PASSWORD)
    before = len(guarded.tokens.server.requests)
    check(analyze(f"{name}:1"), image())
    (asked,) = guarded.tokens.server.requests[before:]
    assert asked.query == {"service": "test-registry", "scope": "repository:team/app:pull"}
    check(analyze(f"{name}@{image().digest}"), image())
    assert denied(f"{name}:none").status == 404


def test_a_token_that_expires(guarded: Guarded, docker_config: Path) -> None:
    """A token that expires between manifest and layers is renewed by itself."""
    write_docker_config(docker_config, guarded.registry.host, USER, PASSWORD)
    tokens = guarded.tokens
    before, lifetime = len(tokens.server.requests), tokens.lifetime
    tokens.lifetime = -58  # the registry grants 60 seconds more
    try:
        with closing(ocisize.open_source(f"{guarded.registry.host}/team/app:1", connection=QUICK)) as source:
            read_image(source, parse_platform("linux/amd64"))
            assert len(tokens.server.requests) == before + 1
            tokens.lifetime = lifetime
            time.sleep(2.1)
            analysis = ocisize.Analyzer(platform="linux/amd64").analyze_source(source)
    finally:
        tokens.lifetime = lifetime
    check(analysis, image())
    assert len(tokens.server.requests) == before + 2


def test_tokens_with_a_wrong_password(guarded: Guarded, docker_config: Path) -> None:
    """A wrong password reaches the token service exactly once; then a token without a password is asked for."""
    write_docker_config(docker_config, guarded.registry.host, USER, PASSWORD + "x")
    before = len(guarded.tokens.server.requests)
    error = denied(f"{guarded.registry.host}/team/app:1")
    assert isinstance(error, AuthenticationFailed)
    assert error.status == 401
    assert [bool(request.authorization) for request in guarded.tokens.server.requests[before:]] == [True, False]


def test_lists_behind_tokens(guarded: Guarded, docker_config: Path) -> None:
    """The list of repositories has a scope of its own, and each list of tags that of its repository."""
    write_docker_config(docker_config, guarded.registry.host, USER, PASSWORD)
    before = len(guarded.tokens.server.requests)
    listed = ocisize.list_references([f"{guarded.registry.host}/team/*"], connection=QUICK)
    assert not listed.failures
    assert [reference.name for reference in listed.references] == [f"{guarded.registry.host}/team/app:1"]
    scopes = [request.query["scope"] for request in guarded.tokens.server.requests[before:]]
    assert scopes == ["registry:catalog:*", "repository:team/app:pull"]


def test_tokens_without_credentials(guarded: Guarded) -> None:
    """A client without credentials and gets no token is asked to log in."""
    error = denied(f"{guarded.registry.host}/team/app:1")
    assert isinstance(error, AuthenticationFailed)
    assert "docker login" in (error.hint or "")


# TLS


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry behind TLS whose certificate nobody knows."""
    folder = tmp_path_factory.mktemp("tls")
    signer = Signer.make(folder)
    with real_registry(folder, tls=(signer.certificate, signer.key)) as running:
        running.push("team/app", "1", image())
        yield running


def test_tls(tls: RealRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry's own CA is trusted when an option, a variable or certs.d names it, and anything when asked to."""
    name = f"{tls.host}/team/app:1"
    assert tls.ca is not None
    check(analyze(name, connection=attrs.evolve(QUICK, tls_verify=tls.ca)), image())
    check(analyze(name, connection=attrs.evolve(QUICK, ca_certs=tls.ca)), image())
    unverified = analyze(name, connection=attrs.evolve(QUICK, tls_verify=False))
    check(unverified, image())
    assert "without verifying its TLS certificate" in unverified.warnings[0]
    monkeypatch.setenv("SSL_CERT_FILE", tls.ca)
    check(analyze(name), image())


def test_lists_over_tls(tls: RealRegistry) -> None:
    """The options for images hold for lists; what was not verified is said once."""
    source = f"{tls.host}/*"
    assert tls.ca is not None
    (failure,) = ocisize.list_references([source], connection=QUICK).failures
    assert "CERTIFICATE_VERIFY_FAILED" in failure.message
    trusted = ocisize.list_references([source], connection=attrs.evolve(QUICK, ca_certs=tls.ca))
    assert (len(trusted.references), trusted.warnings, trusted.failures) == (1, (), ())
    unverified = ocisize.list_references([source], connection=attrs.evolve(QUICK, tls_verify=False))
    assert len(unverified.references) == 1
    assert [warning for warning in unverified.warnings if "without verifying its TLS certificate" in warning]
    assert len(unverified.warnings) == 1


def test_certificates_of_a_host(tls: RealRegistry, home: Path) -> None:
    """One folder of certs.d serves skopeo 1.9 and ocisize."""
    name = f"{tls.host}/team/app:1"
    folder = home / ".config/containers/certs.d" / tls.host
    folder.mkdir(parents=True)
    inspect = [program("skopeo"), "inspect", "--raw", f"docker://{name}"]
    assert b"unknown authority" in subprocess.run(inspect, capture_output=True).stderr
    (folder / "ca.crt").write_bytes(Path(str(tls.ca)).read_bytes())
    assert subprocess.run(inspect, check=True, capture_output=True).stdout == image().manifest
    check(analyze(name), image())


def test_tls_with_an_unknown_ca(tls: RealRegistry) -> None:
    """An unknown certificate is refused, also where TLS was not asked for, and the hint says how to name its CA."""
    for connection in (QUICK, attrs.evolve(QUICK, plain_http=False)):
        error = denied(f"{tls.host}/team/app:1", connection)
        assert "CERTIFICATE_VERIFY_FAILED" in str(error)
        assert "--ca-cert" in (error.hint or "")


def test_tls_spoken_to_in_plain_http(tls: RealRegistry) -> None:
    """Plain http to a registry behind TLS is an error with the registry's status, and a hint at what --insecure means."""
    error = denied(f"{tls.host}/team/app:1", attrs.evolve(QUICK, plain_http=True))
    assert error.status == 400
    assert "--insecure means plain http" in (error.hint or "")


# Mirrors


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry with another image under the same name, and under another namespace."""
    with real_registry(tmp_path_factory.mktemp("mirror")) as running:
        running.push("team/app", "1", image("arm64"))
        running.push("copies/app", "1", image("arm64"))
        yield running


@pytest.mark.parametrize(
    ("conf", "by_tag", "by_digest"),
    [
        ("[[registry]]\nlocation = 'REG'\nINSECURE[[registry.mirror]]\nlocation = 'MIRROR'\nINSECURE", "mirror", "registry"),
        ("[[registry]]\nlocation = 'REG/team'\nINSECURE[[registry.mirror]]\nlocation = 'MIRROR/copies'\nINSECURE", "mirror", "registry"),
        ("[[registry]]\nprefix = 'REG'\nlocation = 'MIRROR'\nINSECURE", "mirror", ""),
        ("[[registry]]\nlocation = 'REG'\nINSECUREmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'MIRROR'\nINSECURE", "registry", "registry"),
        ("[[registry]]\nlocation = 'REG'\nINSECURE[[registry.mirror]]\nlocation = 'MIRROR'\npull-from-mirror = 'digest-only'\nINSECURE", "registry", "registry"),
        ("[[registry]]\nlocation = 'MIRROR'\nINSECURE[[registry]]\nlocation = 'REG'\nINSECURE", "registry", "registry"),
        ("[[registry]]\nlocation = 'REG'\nblocked = true\n", "", ""),
        ("[[registry]\n", "", ""),
    ],
)  # fmt: skip
def test_mirrors(conf: str, by_tag: str, by_digest: str, registry: RealRegistry, mirror: RealRegistry, home: Path) -> None:
    """ocisize reads the image that skopeo 1.9 reads with the same registries.conf, or refuses as skopeo does."""
    registry.push("team/app", "1", image())
    folder = home / ".config/containers"
    folder.mkdir(parents=True)
    text = conf.replace("INSECURE", "insecure = true\n").replace("REG", registry.host).replace("MIRROR", mirror.host)
    (folder / "registries.conf").write_text(text)
    images = {"mirror": image("arm64"), "registry": image()}
    for selector, expected in ((":1", by_tag), (f"@{image().digest}", by_digest)):
        name = f"{registry.host}/team/app{selector}"
        result = subprocess.run([program("skopeo"), "inspect", "--raw", f"docker://{name}"], capture_output=True)
        assert (result.returncode == 0) == bool(expected)
        if not expected:
            denied(name)
            continue
        assert result.stdout == images[expected].manifest
        analysis = analyze(name, platform=None)
        check(analysis, images[expected])
        assert [mirror.host in warning for warning in analysis.warnings] == [True] * (expected == "mirror")
