"""Whom ocisize trusts: authorities of the system, the environment and options, client certificates, and nobody's word."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import attrs
import pytest

import ocisize
from ocisize.errors import RegistryError
from ocisize.oci.documents import Descriptor
from ocisize.oci.parse import MAX_CONFIG
from ocisize.oci.read import read_blob
from ocisize.report.json.analysis import to_json
from ocisize.report.json.read import from_json
from ocisize.sources.registry import tls
from ocisize.sources.registry.client import Connection
from ocisize.sources.registry.settings.host_certificates import HostCertificates, find_certificates
from ocisize.sources.registry.settings.machine import Machine
from tests.pulling import (
    BLOB,
    BLOB_PATH,
    DIGEST,
    MANIFEST,
    PATH,
    QUICK,
    SECRET,
    USER,
    failure,
    manifest_of,
    opened,
    serve_image,
)
from tests.registry import Answer, Server, Signer, basic, challenge, ranged, redirect, token_answer
from tests.registry import guarded as needing
from tests.tools import program

TLS = attrs.evolve(QUICK, plain_http=False)


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> list[Signer]:
    """Two unrelated authorities, each with its own certificate; none is known to the system."""
    names = "IP:127.0.0.1,DNS:reg.test,DNS:cdn.test,DNS:auth.test"
    return [Signer.make(tmp_path_factory.mktemp("signer"), names) for _ in range(2)]


@pytest.fixture
def servers(home: Path, signers: list[Signer]) -> Iterator[list[Server]]:
    """A registry of each authority, with the same manifest and blob."""
    with ExitStack() as stack:
        running = [stack.enter_context(closing(Server(signer))) for signer in signers]
        for server in running:
            server.on(PATH, Answer(MANIFEST))
            server.on(BLOB_PATH, ranged(BLOB))
        yield running


def trusts(servers: list[Server], connection: Connection = TLS) -> list[bool]:
    """Which of the servers a connection trusts."""
    results = []
    for server in servers:
        try:
            results.append(manifest_of(server, connection) == MANIFEST)
        except RegistryError as error:
            assert "certificate verify failed" in str(error), error
            results.append(False)
    return results


# Authorities


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_files_of_the_environment(
    name: str, servers: list[Server], signers: list[Signer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that a variable names is trusted, and so are the files of all variables together."""
    assert trusts(servers) == [False, False]
    monkeypatch.setenv(name, str(signers[0].certificate))
    assert trusts(servers) == [True, False]
    monkeypatch.setenv("SSL_CERT_FILE" if name != "SSL_CERT_FILE" else "CURL_CA_BUNDLE", str(signers[1].certificate))
    assert trusts(servers) == [True, True]


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("name", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_folders_of_the_environment(
    name: str, hashed: bool, servers: list[Server], signers: list[Signer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder may have the names of ``openssl rehash``, or any; of several folders, missing ones are skipped."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "corp.pem").write_bytes(signers[0].certificate.read_bytes())
    if hashed:
        subprocess.run([program("openssl"), "rehash", str(folder)], check=True, capture_output=True)
    (folder / "corp-key.pem").write_bytes(signers[0].key.read_bytes())
    monkeypatch.setenv(name, f"/nowhere:{folder}" if name == "SSL_CERT_DIR" else str(folder))
    assert trusts(servers) == [True, False]


def test_authorities_beside_the_usual_ones(
    servers: list[Server], signers: list[Signer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``ca_certs`` adds to the usual authorities, as files and folders; a path as ``tls_verify`` takes their place."""
    monkeypatch.setenv("SSL_CERT_FILE", str(signers[0].certificate))
    added = str(signers[1].certificate)
    assert trusts(servers, attrs.evolve(TLS, ca_certs=(added,))) == [True, True]
    assert trusts(servers, attrs.evolve(TLS, ca_certs=signers[1].certificate.parent)) == [True, True]
    assert trusts(servers, attrs.evolve(TLS, tls_verify=added)) == [False, True]
    monkeypatch.delenv("SSL_CERT_FILE")
    both = [str(signer.certificate) for signer in signers]
    assert trusts(servers, attrs.evolve(TLS, ca_certs=both)) == [True, True]
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("# ü\n" + "\n".join(signer.certificate.read_text() for signer in signers))
    assert trusts(servers, attrs.evolve(TLS, ca_certs=bundle)) == [True, True]


def test_storage_with_another_authority(servers: list[Server], signers: list[Signer]) -> None:
    """A registry with a certificate of its own leads to storage with a public one: both are trusted."""
    servers[0].on(BLOB_PATH, redirect(f"{servers[1].url}/blob"))
    servers[1].on("/blob", ranged(BLOB))
    connection = attrs.evolve(TLS, tls_verify=str(signers[1].certificate), ca_certs=signers[0].certificate)
    with opened(servers[0].host, connection) as source:
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB


def test_errors_name_the_host_that_is_not_trusted(servers: list[Server], signers: list[Signer], home: Path) -> None:
    """The registry is trusted, and its storage or token service is not: the error names the host, and what to do."""
    registry, other = servers
    connection = attrs.evolve(TLS, ca_certs=signers[0].certificate)
    registry.on(BLOB_PATH, redirect(f"{other.url}/blob"))
    with opened(registry.host, connection) as source:
        error = failure(read_blob, source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG)
    assert f"redirected to {other.host}: [SSL: CERTIFICATE_VERIFY_FAILED]" in str(error)
    assert "name the CA of the certificate with --ca-cert FILE" in (error.hint or "")
    registry.on(PATH, challenge(f'Bearer realm="{other.url}/token"'))
    with opened(registry.host, connection, USER) as source:
        error = failure(source.read_manifest)
    assert f"token service {other.host} cannot be reached: [SSL: CERTIFICATE_VERIFY_FAILED]" in str(error)
    assert "name the CA of the certificate with --ca-cert FILE" in (error.hint or "")


def test_truststore(servers: list[Server], signers: list[Signer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenSSL finds no authorities, as in Pythons that were built elsewhere, truststore finds them."""
    monkeypatch.setattr(tls, "_openssl_finds_authorities", lambda: False)
    assert trusts(servers) == [False, False]
    assert trusts(servers, attrs.evolve(TLS, ca_certs=signers[0].certificate)) == [True, False]


@pytest.mark.parametrize("place", ["ca_certs", "tls_verify", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "no such file"), ("", "no CA certificates"), ("nothing", "no CA certificates"), ("folder", "no certificates")],
)
def test_files_without_certificates(
    place: str, content: str | None, says: str, servers: list[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file or folder of certificates that does not exist, or holds none, is named, with the variable that names it."""
    file = tmp_path / "broken.pem"
    if content == "folder":
        file.mkdir()
    elif content is not None:
        file.write_text(content)
    connection = TLS
    if place.isupper():
        monkeypatch.setenv(place, str(file))
    else:
        changes: dict[str, Any] = {place: str(file)}
        connection = attrs.evolve(TLS, **changes)
    error = failure(manifest_of, servers[0], connection)
    assert str(error).startswith(f"{place}: {file}: " if place.isupper() else f"{file}: ")
    assert says in str(error)


def test_proxies_that_speak_tls(servers: list[Server], signers: list[Signer], monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate of a proxy is verified as any other, by the same authorities, outside that of the registry."""
    proxy, registry = servers
    proxy.tunnels["reg.test:443"] = registry.host
    proxy.on("reg.test:443", Answer())
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    both = attrs.evolve(TLS, ca_certs=[signer.certificate for signer in signers])
    with opened("reg.test", both) as source:
        assert source.read_manifest() == MANIFEST
    for signer, verified in ((signers[0], 1), (signers[1], 0)):
        before = len(proxy.requests)
        with opened("reg.test", attrs.evolve(TLS, ca_certs=signer.certificate)) as source:
            assert "certificate verify failed" in str(failure(source.read_manifest))
        assert len(proxy.requests) == before + verified
    assert len(registry.requests) == 1


# Client certificates


@pytest.fixture
def guarded(home: Path, signers: list[Signer]) -> Iterator[Server]:
    """A registry of the first authority that reads only to clients of the second."""
    running = Server(signers[0], clients=signers[1])
    running.on(PATH, Answer(MANIFEST))
    yield running
    running.close()


def test_client_certificates(guarded: Server, signers: list[Signer], tmp_path: Path) -> None:
    """A client shows its certificate, whose key is in the same file or another; without one a hint names the options."""
    known = attrs.evolve(TLS, ca_certs=signers[0].certificate)
    error = failure(manifest_of, guarded, known)
    assert "--client-cert" in (error.hint or "")
    pair: dict[str, Any] = {"client_cert": signers[1].certificate, "client_key": signers[1].key}
    assert manifest_of(guarded, attrs.evolve(known, **pair)) == MANIFEST
    both = tmp_path / "both.pem"
    both.write_text(signers[1].certificate.read_text() + signers[1].key.read_text())
    assert manifest_of(guarded, attrs.evolve(known, client_cert=str(both))) == MANIFEST
    other = attrs.evolve(known, client_cert=signers[0].certificate, client_key=signers[0].key)
    assert "does not trust the client certificate" in (failure(manifest_of, guarded, other).hint or "")


@pytest.mark.parametrize("kind", ["password", "password in the same file", "other", "none", "garbage", "missing", "no cert"])
def test_client_certificates_that_cannot_be_used(kind: str, guarded: Server, signers: list[Signer], tmp_path: Path) -> None:
    """The error names the file at fault; nobody is asked for the password of a key."""
    certificate, key = signers[1].certificate, tmp_path / "client.key"
    if kind.startswith("password"):
        lock = [
            program("openssl"),
            "pkey",
            "-in",
            str(signers[1].key),
            "-aes256",
            "-passout",
            "pass:secret",
            "-out",
            str(key),
        ]
        subprocess.run(lock, check=True, capture_output=True)
    elif kind == "garbage":
        key.write_text("-----BEGIN PRIVATE KEY-----\nnothing\n-----END PRIVATE KEY-----\n")
    elif kind == "no cert":
        certificate = key = signers[1].key
    elif kind == "other":
        key = signers[0].key
    pair: dict[str, Any] = {"client_cert": certificate, "client_key": None if kind == "none" else key}
    named = certificate if kind in ("none", "garbage") else key
    if kind == "password in the same file":
        named = tmp_path / "both.pem"
        named.write_text(certificate.read_text() + key.read_text())
        pair = {"client_cert": named}
    error = failure(manifest_of, guarded, attrs.evolve(TLS, ca_certs=signers[0].certificate, **pair))
    assert str(error).startswith(f"{named}: ")
    says = {
        "password": "needs a password", "password in the same file": "needs a password", "other": "does not belong",
        "none": "no private key", "garbage": "cannot be used", "missing": "no such file", "no cert": "no client certificate",
    }  # fmt: skip
    assert says[kind] in str(error)
    assert guarded.requests == []


def test_a_key_without_its_certificate() -> None:
    """A key alone identifies nobody."""
    with pytest.raises(ValueError, match="client_key needs client_cert"):
        Connection(client_key="client.key")


# Certificates for one host


def write_certificates(folder: Path, **signers: Signer) -> None:
    """Files as docker and podman have them: ``crt`` of an authority, ``cert`` and ``key`` of a client."""
    folder.mkdir(parents=True)
    for kind, signer in signers.items():
        (folder / f"a.{kind}").write_bytes((signer.key if kind == "key" else signer.certificate).read_bytes())


FOLDERS = ["home/.config/containers", "home/.config/docker", "etc/containers", "etc/docker"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_certificates_of_a_host(folder: str, guarded: Server, signers: list[Signer], tmp_path: Path) -> None:
    """What certs.d has for ``HOST:PORT`` opens the registry, also on this machine, where plain http is the default."""
    write_certificates(tmp_path / folder / "certs.d" / guarded.host, crt=signers[0], cert=signers[1], key=signers[1])
    assert manifest_of(guarded) == MANIFEST


def test_the_first_folder_with_certificates(signers: list[Signer], tmp_path: Path) -> None:
    """The user's folder comes before those of all users, podman's before docker's; empty folders do not count."""
    machine = Machine({"HOME": str(tmp_path / "home")}, tmp_path / "etc")
    assert find_certificates("reg.io", machine) == HostCertificates()
    for folder in reversed(FOLDERS):
        write_certificates(tmp_path / folder / "certs.d/reg.io", crt=signers[0])
        assert find_certificates("reg.io", machine).authorities == (tmp_path / folder / "certs.d/reg.io/a.crt",)
    (tmp_path / FOLDERS[0] / "certs.d/reg.io/a.crt").unlink()
    assert find_certificates("reg.io", machine).authorities == (tmp_path / FOLDERS[1] / "certs.d/reg.io/a.crt",)
    assert find_certificates("reg.io:443", machine) == HostCertificates()


@pytest.mark.parametrize("asks", [False, True])
def test_certificates_of_a_host_beside_other_hosts(
    asks: bool, signers: list[Signer], names: dict[str, str], home: Path, tmp_path: Path
) -> None:
    """Storage on another host may have the authority of the registry, as for skopeo, but gets no client certificate."""
    names |= {"reg.test": "127.0.0.1", "cdn.test": "127.0.0.1"}
    with closing(Server(signers[0], clients=signers[1] if asks else None)) as server:
        registry = f"reg.test:{server.port}"
        write_certificates(tmp_path / "etc/docker/certs.d" / registry, crt=signers[0], cert=signers[1], key=signers[1])
        server.on(BLOB_PATH, redirect(f"https://cdn.test:{server.port}/blob"))
        server.on("/blob", ranged(BLOB))
        descriptor = Descriptor(DIGEST, len(BLOB))
        with opened(registry) as source:
            if asks:
                assert "handshake failure" in str(failure(read_blob, source, descriptor, MAX_CONFIG))
            else:
                assert read_blob(source, descriptor, MAX_CONFIG) == BLOB
        server.on(BLOB_PATH, redirect(f"https://{registry}/blob"))
        with opened(registry) as source:
            assert read_blob(source, descriptor, MAX_CONFIG) == BLOB


def test_a_token_service_with_the_authority_of_its_registry(
    signers: list[Signer], names: dict[str, str], home: Path, tmp_path: Path
) -> None:
    """A token service on another host may have the authority of the registry, as for skopeo 1.9.3."""
    names |= {"reg.test": "127.0.0.1", "auth.test": "127.0.0.1"}
    with closing(Server(signers[0])) as server:
        registry = f"reg.test:{server.port}"
        realm = f'Bearer realm="https://auth.test:{server.port}/token",service="s"'
        server.on(PATH, needing(["Bearer t1"], Answer(MANIFEST), realm))
        server.on("/token", needing([basic("user", SECRET)], token_answer("t1"), 'Basic realm="r"'))
        write_certificates(tmp_path / "etc/containers/certs.d" / registry, crt=signers[0])
        with opened(registry, credentials=USER) as source:
            assert source.read_manifest() == MANIFEST


@pytest.mark.parametrize(("have", "says"), [("cert", "client certificate without its key, a.key"), ("key", "a.cert")])
def test_half_of_a_pair(have: str, says: str, guarded: Server, signers: list[Signer], tmp_path: Path) -> None:
    """A client certificate without its key, or a key without its certificate, is an error as in docker."""
    folder = tmp_path / "etc/docker/certs.d" / guarded.host
    write_certificates(folder, crt=signers[0], **{have: signers[1]})
    error = failure(manifest_of, guarded)
    assert str(error).startswith(f"{folder}/a.{have}: ")
    assert says in str(error)
    assert "end in .crt" in (error.hint or "")


# No verification, and no TLS


def test_certificates_that_are_not_verified(servers: list[Server], recwarn: pytest.WarningsRecorder) -> None:
    """Without verification an image is read, and every report says that its registry was not verified."""
    server = servers[0]
    serve_image(server)
    connection = attrs.evolve(QUICK, tls_verify=False)
    analysis = ocisize.analyze(f"{server.host}/app:1", platform="linux/amd64", connection=connection)
    (warning,) = analysis.warnings
    assert analysis.unverified_hosts == from_json(to_json(analysis)).unverified_hosts == (server.host,)
    assert warning == f"{server.host} was read without verifying its TLS certificate: another server could have answered"
    assert len(recwarn) == 0


def test_tls_on_this_machine(servers: list[Server], signers: list[Signer], monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry on this machine that speaks TLS is asked over TLS although plain http is the default."""
    error = failure(manifest_of, servers[0])
    assert "certificate verify failed" in str(error)
    assert "_ssl.c" not in str(error)
    assert "--ca-cert" in (error.hint or "")
    assert "--tls-no-verify" in (error.hint or "")
    monkeypatch.setenv("SSL_CERT_FILE", str(signers[0].certificate))
    assert manifest_of(servers[0]) == MANIFEST


def test_plain_http_that_was_asked_for(servers: list[Server]) -> None:
    """``--insecure`` means plain http; a registry that speaks TLS gets a hint at what the user may want instead."""
    error = failure(manifest_of, servers[0], attrs.evolve(QUICK, plain_http=True))
    for words in ("seems to use TLS", "--insecure means plain http", "--ca-cert FILE", "--tls-no-verify"):
        assert words in (error.hint or "")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("etc/docker/daemon.json", '{"insecure-registries": ["HOST"]}'),
        ("etc/docker/daemon.json", '{"insecure-registries": ["127.0.0.0/8"]}'),
        ("home/.config/docker/daemon.json", '{"insecure-registries": ["reg.io", "HOST"]}'),
        ("etc/containers/registries.conf", '[[registry]]\nlocation = "HOST"\ninsecure = true\n'),
        ("etc/containers/registries.conf", '[registries.insecure]\nregistries = ["HOST"]\n'),
    ],
)
def test_settings_of_insecure_registries(file: str, text: str, servers: list[Server], tmp_path: Path) -> None:
    """What docker and podman call insecure is still verified here; a hint names the file and the options."""
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text(text.replace("HOST", servers[0].host))
    error = failure(manifest_of, servers[0])
    assert "certificate verify failed" in str(error)
    assert (error.hint or "").startswith(f"{path} calls the registry insecure")
    assert servers[0].requests == []
    assert trusts(servers, attrs.evolve(QUICK, tls_verify=False)) == [True, True]


def test_broken_settings_that_are_ignored(servers: list[Server], tmp_path: Path) -> None:
    """Settings that are ignored are no error, and the hint does without them."""
    for name in ("docker/daemon.json", "containers/registries.conf"):
        path = tmp_path / "etc" / name
        path.parent.mkdir(parents=True)
        path.write_text("{")
    assert "no-mirrors" in (failure(manifest_of, servers[0]).hint or "")
    error = failure(manifest_of, servers[0], attrs.evolve(QUICK, mirrors=False))
    assert (error.hint or "").startswith("name the CA")


@pytest.mark.parametrize(
    "command",
    [
        ["analyze", "IMAGE"], ["analyze", "IMAGE", "--full"], ["analyze", "IMAGE", "--all-platforms"], ["advise", "IMAGE"],
        ["files", "IMAGE"], ["tree", "IMAGE"], ["diff", "testdata/example.tar", "IMAGE"], ["diff", "IMAGE", "IMAGE"],
    ],
)  # fmt: skip
def test_text_reports_on_unverified_registries(
    command: list[str], servers: list[Server], signers: list[Signer], capsys: pytest.CaptureFixture[str]
) -> None:
    """A text report that was written with ``-q`` still says that the registry could be another one."""
    from ocisize.cli.main import main

    serve_image(servers[0])
    host = servers[0].host
    arguments = [f"{host}/app:1" if word == "IMAGE" else word for word in command]
    platform = [] if "--all-platforms" in command else ["--platform", "linux/amd64"]
    assert main([*arguments, *platform, "--ca-cert", str(signers[0].certificate)]) == 0
    assert "not verified: the identity" not in capsys.readouterr().out
    assert main([*arguments, *platform, "--tls-no-verify", "-q"]) == 0
    output = capsys.readouterr()
    assert f"not verified: the identity of {host}; another server could have answered" in output.out.replace("\n", " ")
    assert output.err == ""


def test_options_of_the_program(servers: list[Server], signers: list[Signer], capsys: pytest.CaptureFixture[str]) -> None:
    """The options of the command line arrive; ``-q`` silences the warning, and JSON has it."""
    from ocisize.cli.main import main

    for server in servers:
        serve_image(server)
    image = f"{servers[1].host}/app:1"
    common = [image, "--platform", "linux/amd64", "-f", "json"]
    assert main([*common, *(text for signer in signers for text in ("--ca-cert", str(signer.certificate)))]) == 0
    document = capsys.readouterr().out
    assert '"warnings": []' in document and '"unverified_hosts": []' in document
    assert main([*common, "--tls-no-verify", "-q"]) == 0
    output = capsys.readouterr()
    assert "without verifying its TLS certificate" in output.out
    assert output.err == ""
    assert main([*common, "--client-key", str(signers[0].key)]) == 2
    assert "--client-key needs --client-cert" in capsys.readouterr().err
    assert main([*common, "--ca-cert", str(signers[1].certificate), "--client-cert", str(signers[0].key)]) == 2
    assert f"{signers[0].key}: no client certificate in PEM format" in capsys.readouterr().err


def test_options_for_the_next_command() -> None:
    """A command that a report suggests has the options by which the image was reached."""
    from ocisize.cli.inputs import repeat_arguments
    from ocisize.cli.main import make_parser

    options = [
        "--ca-cert",
        "a",
        "--ca-cert",
        "b",
        "--client-cert",
        "c",
        "--client-key",
        "k",
        "--tls-no-verify",
        "--no-mirrors",
    ]
    assert repeat_arguments(make_parser().parse_args(["reg.io/app", *options])) == [
        "reg.io/app",
        *options,
    ]
