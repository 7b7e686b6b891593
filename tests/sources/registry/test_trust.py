"""Which hosts a registry can make ocisize contact, and what is sent to them: names, TLS, proxies, private addresses, credentials."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pytest
from urllib3.connection import HTTPConnection
from urllib3.util.ssltransport import SSLTransport

import ocisize
from ocisize.cli.main import main
from ocisize.errors import (
    AuthenticationFailed,
    InvalidReference,
    RegistryError,
)
from ocisize.oci.read import read_blob
from ocisize.oci.parse import MAX_CONFIG
from ocisize.oci.documents import Descriptor
from ocisize.sources.registry import session as transport
from ocisize.sources.registry.client import Connection
from ocisize.sources.registry.credentials import Credentials
from ocisize.sources.registry.deadline import Deadlines
from ocisize.sources.registry.transport import Connections
from ocisize.sources.registry.address import is_private_address
from tests.pulling import (
    BLOB,
    BLOB_PATH,
    DIGEST,
    MANIFEST,
    PATH,
    QUICK,
    SECRET,
    USER,
    blob_of,
    failure,
    manifest_of,
    opened,
    serve_image,
)
from tests.registry import (
    Answer,
    Request,
    Server,
    Signer,
    basic,
    challenge,
    errors,
    free_port,
    guarded,
    ranged,
    redirect,
    token_answer,
)

EXAMPLE = Path(__file__).parents[3] / "testdata" / "example.tar"
pytestmark = pytest.mark.usefixtures("home")


# Names, TLS, proxies


def test_a_host_that_does_not_resolve(names: dict[str, str]) -> None:
    """The error of an unknown host names the host, without retries of a minute."""
    error = failure(lambda: ocisize.analyze("reg.invalid/app:1", connection=QUICK))
    assert str(error) == "reg.invalid/app:1: the host name cannot be resolved"
    assert "check the host name" in (error.hint or "")


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.make(tmp_path_factory.mktemp("signer"), "IP:127.0.0.1,DNS:reg.test,DNS:auth.test,DNS:cdn.test")


@pytest.fixture
def secure(home: Path, signer: Signer) -> Iterator[Server]:
    """A registry behind TLS."""
    running = Server(signer)
    yield running
    running.close()


def trusting(signer: Signer, **changes: Any) -> Connection:
    return attrs.evolve(QUICK, plain_http=False, tls_verify=str(signer.certificate), **changes)


def test_tls_with_its_ca(secure: Server, signer: Signer) -> None:
    """A registry behind TLS is read when its CA is named."""
    secure.on(PATH, Answer(MANIFEST))
    assert manifest_of(secure, trusting(signer)) == MANIFEST


@pytest.mark.parametrize("fault", ["unknown", "expired", "other host"])
def test_certificates_that_prove_nothing(fault: str, signer: Signer, home: Path, tmp_path: Path) -> None:
    """An unknown, expired or foreign certificate is refused at the first try, with advice that fits."""
    other = Signer.make(
        tmp_path, "DNS:elsewhere.test" if fault == "other host" else "IP:127.0.0.1", expired=fault == "expired"
    )
    running = Server(other)
    try:
        trusted = signer if fault == "unknown" else other
        with opened(running.host, trusting(trusted, retries=4), USER) as source:
            error = failure(source.read_manifest)
        assert not running.requests
    finally:
        running.close()
    assert "certificate verify failed" in str(error)
    says = {"unknown": "--ca-cert", "expired": "renew", "other host": "for another host"}[fault]
    assert says in (error.hint or "")


@pytest.mark.parametrize("silent", [True, False])
def test_handshakes_that_fail(silent: bool) -> None:
    """A server that says nothing to a TLS handshake, or hangs up, is an error after the time to connect."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, kept = listener.getsockname()[1], []

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                kept.append(connection) if silent else connection.close()

        threading.Thread(target=accept, daemon=True).start()
        with opened(f"127.0.0.1:{port}", attrs.evolve(QUICK, plain_http=False, timeout=(0.3, 0.3))) as source:
            assert isinstance(failure(source.read_manifest), RegistryError)
        listener.shutdown(socket.SHUT_RDWR)
    for connection in kept:
        connection.close()


def test_a_realm_in_the_clear(secure: Server, server: Server, signer: Signer) -> None:
    """A registry behind TLS cannot have the password sent over plain http, by a realm or by a redirect."""
    secure.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    with opened(secure.host, trusting(signer), USER) as source:
        error = failure(source.read_manifest)
    assert isinstance(error, AuthenticationFailed)
    assert "was not sent: the token service has no TLS" in str(error)
    assert {request.authorization for request in server.requests} == {None}
    server.requests.clear()
    secure.on(PATH, challenge(f'Bearer realm="{secure.url}/token"'))
    secure.on("/token", redirect(f"{server.url}/token"))
    with opened(secure.host, trusting(signer), USER) as source:
        assert "redirects to another host, which gets no login" in str(failure(source.read_manifest))
    assert {request.authorization for request in server.requests} == {None}


def test_redirects_from_tls_to_plain_http(secure: Server, server: Server, signer: Signer) -> None:
    """A blob may come over plain http, where its digest proves it, without the token; a manifest by tag may not."""
    secure.on(PATH, redirect(f"{server.url}/manifest"))
    secure.on(BLOB_PATH, guarded([basic("user", SECRET)], redirect(f"{server.url}/blob"), 'Basic realm="x"'))
    server.on("/blob", ranged(BLOB))
    server.on("/manifest", Answer(MANIFEST))
    with opened(secure.host, trusting(signer), USER) as source:
        assert "redirected to plain http" in str(failure(source.read_manifest))
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB
    assert [request.authorization for request in server.requests] == [None, None]


def through(monkeypatch: pytest.MonkeyPatch, proxy: Server, user: str = "") -> None:
    monkeypatch.setenv("http_proxy", f"http://{user}{proxy.host}")
    monkeypatch.setenv("https_proxy", f"http://{user}{proxy.host}")


PLAIN = attrs.evolve(QUICK, plain_http=True)


def test_a_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go through the proxy that the environment names, but not for hosts that need none."""
    through(monkeypatch, server)
    server.on(PATH, Answer(MANIFEST))
    with opened("reg.test", PLAIN) as source:
        assert source.read_manifest() == MANIFEST
    assert server.requests[0].headers["Host"] == "reg.test"
    monkeypatch.setenv("no_proxy", ".test")
    with opened("reg.test", PLAIN) as source:
        failure(source.read_manifest)
    assert len(server.requests) == 1


def test_no_proxy_for_this_machine(server: Server, second_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry on this machine is asked directly whatever the environment says, as docker asks it."""
    through(monkeypatch, second_server)
    server.on(PATH, Answer(MANIFEST))
    server.on(BLOB_PATH, redirect(f"{server.url}/blob"))
    server.on("/blob", ranged(BLOB))
    assert manifest_of(server) == MANIFEST
    assert blob_of(server) == BLOB
    assert second_server.requests == []


def test_no_proxy_where_a_redirect_leads(
    server: Server, second_server: Server, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage that needs no proxy is asked without one although the registry is asked through it."""
    names |= {"reg.test": "127.0.0.1", "cdn.test": "127.0.0.1"}
    monkeypatch.setenv("no_proxy", "cdn.test,reg.test")
    through(monkeypatch, second_server)
    server.on(BLOB_PATH, redirect(f"http://cdn.test:{server.port}/blob"))
    server.on("/blob", ranged(BLOB))
    with opened(f"reg.test:{server.port}", PLAIN) as source:
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB
    monkeypatch.setenv("no_proxy", "reg.test")
    second_server.on("/blob", ranged(BLOB))
    with opened(f"reg.test:{server.port}", PLAIN) as source:
        assert read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG) == BLOB
    assert [request.headers["Host"] for request in second_server.requests] == [f"cdn.test:{server.port}"]


def test_tls_through_a_proxy(secure: Server, server: Server, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy TLS reaches to the registry: the proxy learns its name, and neither request nor password."""
    through(monkeypatch, server, f"proxyuser:{SECRET}@")
    server.tunnels["reg.test:443"] = secure.host
    server.on("reg.test:443", Answer())
    secure.on(PATH, guarded([basic("user", "reg-pass")], Answer(MANIFEST), 'Basic realm="x"'))
    with opened("reg.test", trusting(signer), Credentials("user", "reg-pass")) as source:
        assert source.read_manifest() == MANIFEST
    (asked,) = server.requests
    assert (asked.method, asked.authorization) == ("CONNECT", None)
    assert asked.headers["Proxy-Authorization"] == basic("proxyuser", SECRET)
    assert all(request.headers["Proxy-Authorization"] is None for request in secure.requests)


def test_closing_what_comes_through_a_proxy_behind_tls() -> None:
    """TLS within TLS, which urllib3 has in an object that is no socket, is broken off as well as any connection."""

    class Within(SSLTransport):
        def __init__(self, below: socket.socket) -> None:
            self.socket = below

        def makefile(self, *arguments: Any, **options: Any) -> Any:
            return self.socket.makefile(*arguments, **options)

    ours, theirs = socket.socketpair()
    with ours, theirs:
        connections = Connections("reg.test", Deadlines(1.0, 0, 1.0))
        incoming = connections.connection_class(HTTPConnection)("reg.test").response_class(Within(ours), method="GET")
        theirs.settimeout(10)
        connections.stop()
        assert theirs.recv(1) == b""
        incoming.close()


def test_proxies_that_fail(server: Server, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses or is away is named as the one that failed, without its password."""
    through(monkeypatch, server, f"proxyuser:{SECRET}@")
    server.on("reg.test:443", Answer(b"", 407))
    with opened("reg.test", trusting(signer)) as source:
        error = failure(source.read_manifest)
        assert "the proxy failed: Tunnel connection failed: 407" in str(error)
        assert "check the variables HTTPS_PROXY" in (error.hint or "")
    monkeypatch.setenv("https_proxy", f"http://proxyuser:{SECRET}@127.0.0.1:{free_port()}")
    with opened("reg.test", trusting(signer)) as source:
        error = failure(source.read_manifest)
        assert "the proxy cannot be reached: cannot connect to 127.0.0.1" in str(error)
        assert "check the variables HTTPS_PROXY" in (error.hint or "")
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    server.on(PATH, Answer(b"", 407))
    with opened("reg.test", attrs.evolve(QUICK, plain_http=True)) as source:
        error = failure(source.read_manifest)
        assert "reg.test/app:1: the proxy answered 407" in str(error)
        assert "check the variables HTTPS_PROXY" in (error.hint or "")
    monkeypatch.setenv("https_proxy", f"http://proxyuser:{SECRET}@")
    with opened("reg.test", trusting(signer)) as source:
        assert str(failure(source.read_manifest)) == "the variable https_proxy is not the address of a proxy"


# Private addresses


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("100.100.100.200", True), ("64:ff9b::a9fe:a9fe", True), ("2002:7f00:1::", True), ("::ffff:10.0.0.1", True), ("224.0.0.1", True),
        ("fe80::1%eth0", True), ("127.1", True), ("0x7f000001", True), ("2130706433", True), ("::", True),
        ("::ffff:8.8.8.8", False), ("64:ff9b::808:808", False), ("1.1.1.1", False), ("ü.example", False),
    ],
)  # fmt: skip
def test_addresses_in_disguise(host: str, expected: bool) -> None:
    """Private addresses are recognized in every spelling and embedding."""
    assert is_private_address(host) is expected


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "fe80::1%eth0", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
def test_where_names_may_not_lead(address: str) -> None:
    """A public registry's storage may be at a private address, but not on this machine and at no link-local one."""
    connections = Connections("reg.test", Deadlines(1, 1, 1))
    connections.check_peer("cdn.test", "10.0.0.1")
    with pytest.raises(RegistryError, match="reg.test redirected to cdn.test"):
        connections.check_peer("cdn.test", address)
    connections.check_peer("reg.test", "10.0.0.1")
    connections.check_peer("cdn.test", address)


def test_connections_through_other_proxies() -> None:
    """A connection through SOCKS still works, and the address of its proxy is not checked."""

    class Socks(HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.create_connection(("127.0.0.1", port))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        connections = Connections("reg.test", Deadlines(1, 1, 1))
        watched = connections.connection_class(Socks)
        assert connections.connection_class(watched) is connections.connection_class(Socks) is watched
        connection = watched("reg.test")
        connection.connect()
        connection.close()
    assert not connections.registry_is_private


@pytest.mark.parametrize("realm", [False, True])
def test_a_public_registry_leads_to_no_private_address(
    realm: bool, server: Server, second_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry out there, here behind a proxy, cannot make us ask hosts of the network we are in."""
    through(monkeypatch, server)
    target = f"{second_server.url}/inside"
    server.on(PATH, challenge(f'Bearer realm="{target}"') if realm else redirect(target))
    with opened("reg.test", PLAIN, USER) as source:
        error = failure(source.read_manifest)
    assert "private address" in str(error)
    assert "127.0.0.1" in str(error)
    assert second_server.requests == []


@pytest.mark.parametrize("realm", [False, True])
def test_a_private_registry_may_lead_to_private_addresses(
    realm: bool, server: Server, second_server: Server, names: dict[str, str]
) -> None:
    """A registry that is found at a private address itself may keep storage and tokens at others."""
    names["reg.test"] = "127.0.0.1"
    target = f"{second_server.url}/inside"
    server.on(PATH, guarded(["Bearer t1"], Answer(MANIFEST), f'Bearer realm="{target}"') if realm else redirect(target))
    second_server.on("/inside", token_answer("t1") if realm else Answer(MANIFEST))
    with opened(f"reg.test:{server.port}", PLAIN, USER) as source:
        assert source.read_manifest() == MANIFEST
    assert second_server.requests[0].authorization == (basic("user", SECRET) if realm else None)


def test_names_that_resolve_to_this_machine(
    server: Server, second_server: Server, names: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public registry cannot reach this machine through a host name that it controls."""
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    monkeypatch.setenv("no_proxy", "evil.test")
    names["evil.test"] = "127.0.0.1"
    server.on(BLOB_PATH, redirect(f"http://evil.test:{second_server.port}/inside"))
    with opened("reg.test", PLAIN) as source:
        error = failure(lambda: list(source.open_blob(Descriptor(DIGEST, len(BLOB)))))
    assert "reg.test redirected to evil.test at the private address 127.0.0.1" in str(error)
    assert second_server.requests == []


# Credentials


def test_a_wrong_password_is_sent_once(server: Server) -> None:
    """Threads that find out at the same time that a password is wrong have sent it once together."""
    realm = f'Bearer realm="{server.url}/token"'
    server.on(PATH, guarded(["Bearer t1"], Answer(MANIFEST), realm))
    server.on(BLOB_PATH, challenge(realm))
    # the token of the manifest has expired, and the password was changed meanwhile
    server.on("/token", guarded([basic("user", SECRET)], token_answer("t1"), "x"), errors(401, "UNAUTHORIZED"))
    with opened(server.host, attrs.evolve(QUICK, retries=4), USER) as source, ThreadPoolExecutor(8) as pool:
        source.read_manifest()
        reads = [pool.submit(lambda: list(source.open_blob(Descriptor(DIGEST, len(BLOB))))) for _ in range(8)]
        found = [read.exception() for read in reads]
        assert isinstance(failure(source.read_manifest), AuthenticationFailed)
    assert all(isinstance(error, AuthenticationFailed) for error in found)
    # the one without a login is the last, and its refusal is remembered
    assert [request.authorization is not None for request in server.requests_of("/token")] == [True, True, False]


def test_a_wrong_basic_password_is_sent_once(server: Server) -> None:
    """A client whose password was refused does not send it with the next request."""
    server.on(PATH, challenge('Basic realm="x"'))
    server.on(BLOB_PATH, challenge('Basic realm="x"'))
    with opened(server.host, attrs.evolve(QUICK, retries=4), USER) as source:
        for _ in range(3):
            assert isinstance(failure(source.read_manifest), AuthenticationFailed)
        assert isinstance(failure(lambda: list(source.open_blob(Descriptor(DIGEST, 1)))), AuthenticationFailed)
    assert sum(request.authorization is not None for request in server.requests) == 1


def test_a_token_that_breaks_off(server: Server) -> None:
    """A token service whose answer is cut is asked once more."""
    server.on(PATH, guarded(["Bearer t1"], Answer(MANIFEST), f'Bearer realm="{server.url}/token"'))
    server.on("/token", Answer(b'{"token": "t1"}', cut=5), token_answer("t1"))
    assert manifest_of(server) == MANIFEST
    server.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    server.on("/token", Answer(b'{"token": "t1"}', cut=5))
    assert f"token service {server.host} broke off" in str(failure(manifest_of, server))
    assert len(server.requests_of("/token")) == 4


@pytest.mark.parametrize("encoded", [SECRET, basic("user", SECRET), "token-1234"])
def test_registries_that_repeat_secrets(encoded: str, server: Server) -> None:
    """A registry's own words are repeated without the secrets in them."""
    realm = f'Bearer realm="{server.url}/token"'
    server.on("/token", token_answer("token-1234"))
    server.on(PATH, challenge(realm), errors(404, "UNKNOWN", f"nothing for {encoded}, see /x?sig=abc&x=1 and http://u:p@h/"))
    with opened(server.host, credentials=USER) as source:
        text = str(failure(source.read_manifest))
    assert "token-1234" not in text
    assert encoded.removeprefix("Basic ") not in text
    assert "nothing for " in text
    assert "sig=" not in text
    assert "u:p@" not in text


@pytest.mark.parametrize("user", [USER, Credentials(identity_token=SECRET)])
def test_token_services_that_repeat_secrets(user: Credentials, server: Server) -> None:
    """What a token service says instead of HTTP is repeated without what it was sent."""

    def repeat(request: Request) -> Answer:
        return (
            Answer(b"", 404)
            if request.method == "POST"
            else Answer(raw=f"you sent {request.authorization}\r\n\r\n".encode())
        )

    server.on("/token", repeat)
    server.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    with opened(server.host, credentials=user) as source:
        text = str(failure(source.read_manifest))
    assert text.endswith("you sent Basic …")


def test_registries_that_repeat_secrets_instead_of_a_blob(server: Server) -> None:
    """Nor are they shown when a registry repeats them in the headers of a part."""

    def repeat(request: Request) -> Answer:
        headers = {"Content-Range": f"for {request.authorization}"}
        return Answer(BLOB, cut=200_000) if request.headers["Range"] is None else Answer(BLOB, 206, headers)

    server.on(BLOB_PATH, guarded([basic("user", SECRET)], repeat, 'Basic realm="x"'))
    with opened(server.host, attrs.evolve(QUICK, retries=1), USER) as source:
        text = str(failure(lambda: list(source.open_blob(Descriptor(DIGEST, len(BLOB))))))
    assert text.endswith("got for Basic …")


@pytest.mark.parametrize("token", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\u00fc"])
def test_stored_tokens_that_are_none(token: str, server: Server) -> None:
    """A stored token that no header can hold is not sent, and not shown."""
    server.on(PATH, challenge(f'Bearer realm="{server.url}/token"'))
    with opened(server.host, credentials=Credentials(registry_token=token)) as source:
        assert "is not valid" in str(failure(source.read_manifest))
    assert len(server.requests) == 1


def test_signed_addresses_stay_out_of_errors(server: Server, second_server: Server) -> None:
    """The address of a blob in storage carries its own proof, which no error shows."""
    for target in ("http://[::1/blob?sig=abc", f"http://127.0.0.1:{free_port()}/blob?sig=abc", "ftp://x/blob?sig=abc"):
        server.on(BLOB_PATH, redirect(target))
        assert "sig=abc" not in str(failure(blob_of, server))
    second_server.on("/blob", Answer(b"", 404))
    server.on(BLOB_PATH, redirect(f"{second_server.url}/blob?sig=abc"))
    text = str(failure(blob_of, server))
    assert "its storage host 127.0.0.1 answered 404" in text
    assert "sig=abc" not in text


@pytest.mark.parametrize("status", [400, 401, 403, 410])
def test_expired_addresses(status: int, server: Server, second_server: Server) -> None:
    """However a storage host says that an address has expired, the registry is asked for a new one."""
    server.on(BLOB_PATH, redirect(f"{second_server.url}/old"), redirect(f"{second_server.url}/new"))
    second_server.on("/old", Answer(b"<Error><Code>ExpiredToken</Code></Error>", status))
    second_server.on("/new", ranged(BLOB))
    assert blob_of(server, attrs.evolve(QUICK, retries=1)) == BLOB


def test_logs_hold_no_secret(server: Server, second_server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever logs everything that happens below logs no password and no token."""
    caplog.set_level(logging.DEBUG)
    realm = f'Bearer realm="{second_server.url}/token",service="s"'
    server.on(PATH, guarded(["Bearer token-1234"], Answer(MANIFEST), realm))
    second_server.on("/token", errors(503, "BUSY"), token_answer("token-1234"))
    with opened(server.host, attrs.evolve(QUICK, retries=1), USER) as source:
        assert source.read_manifest() == MANIFEST
    assert caplog.text
    for secret in (SECRET, basic("user", SECRET).removeprefix("Basic "), "token-1234"):
        assert secret not in caplog.text


def test_the_deadline_is_an_option(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line takes the deadline, and leaves all else to the defaults."""
    serve_image(server)
    assert main([f"{server.host}/app:1", "--platform", "linux/amd64", "--deadline", "600"]) == 0
    with pytest.raises(SystemExit):
        main([f"{server.host}/app:1", "--deadline", "0"])
    assert "expected a whole number of at least 1" in capsys.readouterr().err


def test_the_page_on_registries_has_the_defaults() -> None:
    """Times and counts in docs/registries.md are the defaults of Connection."""
    page = (Path(__file__).parents[3] / "docs" / "registries.md").read_text("utf-8")
    connection = Connection()
    said = {
        "four retries": connection.retries == 4,
        "for 60 seconds": connection.timeout[1] == 60,
        "1024 bytes per second": connection.min_rate == 1024,
        "four hours": connection.deadline == 4 * 3600,
        "five minutes": transport.MAX_DOCUMENT_SECONDS == 300,
        "at most a minute": transport.MAX_RETRY_SECONDS == 60,
    }
    assert all(words in page for words in said)
    assert all(said.values())


@pytest.mark.parametrize("options", [{"deadline": 0}, {"timeout": (0, 1)}, {"retries": -1}, {"min_rate": -1}])
def test_connections_that_cannot_be(options: dict[str, Any]) -> None:
    """Times must be positive, counts not negative."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Connection(**options)


@pytest.mark.parametrize("name", ["user:{}@reg.test/app:1", "https://user:{}@reg.test/app", "docker://user:{}@reg.test/app"])
def test_passwords_in_references(name: str) -> None:
    """A password does not belong into a reference, and the error that says so does not repeat it."""
    error = failure(lambda: ocisize.analyze(name.format(SECRET)))
    assert isinstance(error, InvalidReference)
    assert SECRET not in (error.hint or "")
    assert "docker login reg.test" in (error.hint or "")


@pytest.mark.parametrize(
    "command", ["{}", "files {}", "diff {} {}", "registry:{}", "{} --all-platforms", f"{EXAMPLE} --base {{}}"]
)
def test_passwords_on_the_command_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is done with a reference that holds a password, logs of CI jobs do not get it."""
    assert main(command.format(f"user:{SECRET}@reg.test/app", "x").split()) == 2
    output = capsys.readouterr()
    assert "docker login reg.test" in output.err
    assert SECRET not in output.err + output.out


def test_reports_hold_no_secret(server: Server) -> None:
    """What an analysis keeps of where it came from has neither credentials nor addresses in it."""
    image = serve_image(server)
    realm = f'Bearer realm="{server.url}/token"'
    for path in [PATH, *(f"/v2/app/blobs/{digest}" for digest in image.blobs)]:
        inner = server.scripted(path)
        server.on(path, guarded(["Bearer token-1234"], inner, realm))
    server.on("/token", token_answer("token-1234"))
    with opened(server.host, credentials=USER) as source:
        text = ocisize.to_json(ocisize.Analyzer(platform="linux/amd64").analyze_source(source, name="app"))
    assert SECRET not in text
    assert "token-1234" not in text
