"""Servers for tests: a scripted HTTP server with faults, a token service, and the real docker-registry.

::

    server.on("/v2/app/blobs/…", Answer(data, cut=1000), ranged(data))     # the last answer repeats
    server.requests_of("/v2/app/blobs/…")[1].headers["Range"]
"""

from __future__ import annotations

import base64
import http.server
import json
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.message import Message
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import requests

from tests.tools import program
from tests.images import OCI, BuiltImage, sha256

_SERVER_SECONDS = 30.0


@attrs.frozen
class Request:
    """A request of a client."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes

    @property
    def authorization(self) -> str | None:
        return self.headers.get("Authorization")


@attrs.frozen
class Answer:
    """A response and its fault."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    cut: int | None = None  #: close the connection after so many bytes of the body
    length: bool = True  #: announce the body's length; else its end is the end of the connection
    silent: bool = False  #: say nothing until the server stops
    hang_up: bool = False  #: close the connection at once
    reset: bool = False  #: reset the connection where it would be closed
    stall: bool = False  #: say nothing more after ``cut``, until the server stops
    drip: float | None = None  #: seconds between the bytes after ``cut``
    raw: bytes | None = None  #: send this instead of anything that is HTTP, and the body only if ``forever``
    forever: bool = False  #: send the body again and again until the client has enough


Script: TypeAlias = "Answer | Callable[[Request], Answer]"


class _HTTPServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may close connections as they like."""


class Server:
    """An HTTP server on a free port of 127.0.0.1 that answers by script and remembers every request.

    It is a proxy, too: it answers for any host itself, and leads ``CONNECT`` to what ``tunnels`` names for the host.
    """

    def __init__(self, tls: Signer | None = None, *, clients: Signer | None = None) -> None:
        self.requests: list[Request] = []
        self.tunnels: dict[str, str] = {}
        self.sent = 0  #: bytes of endless bodies that were accepted
        self.stopped = threading.Event()
        self._scripts: dict[str, list[Script]] = {}
        self._lock = threading.Lock()
        self._http = _HTTPServer(("127.0.0.1", 0), _handler(self))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            if clients:  # whose certificates clients must have
                context.verify_mode = ssl.CERT_REQUIRED
                context.maximum_version = ssl.TLSVersion.TLSv1_2  # whose handshake ends with the word of the server
                context.load_verify_locations(clients.certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = int(self._http.server_address[1])
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def on(self, path: str, *script: Script) -> None:
        """Answer requests for a path one by one as scripted; the last answer repeats."""
        self._scripts[path] = list(script)

    def scripted(self, path: str) -> Script:
        """The last of the answers for a path."""
        return self._scripts[path][-1]

    def requests_of(self, path: str) -> list[Request]:
        """The requests for a path so far."""
        return [request for request in self.requests if request.path == path]

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.requests.append(request)
            script = self._scripts.get(request.path)
            if script is None:
                return errors(404, "MANIFEST_UNKNOWN", "manifest unknown")
            step = script.pop(0) if len(script) > 1 else script[0]
        return step if isinstance(step, Answer) else step(request)

    def close(self) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(server: Server) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _SERVER_SECONDS

        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
            answer = server.answer(Request(self.command, url.path, query, self.headers, body))
            try:
                self._send(answer)
            except OSError:
                self.close_connection = True

        def _send(self, answer: Answer) -> None:
            if answer.silent or answer.hang_up:
                server.stopped.wait(_SERVER_SECONDS if answer.silent else 0)
                self.close_connection = True
                return
            if answer.raw is not None:
                self.close_connection = True
                self.wfile.write(answer.raw)
                self._go_on(answer, answer.body or answer.raw)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.length and "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            self.close_connection = answer.cut is not None or not answer.length or answer.forever
            self.wfile.write(answer.body[: answer.cut])
            self._go_on(answer, answer.body)

        def _go_on(self, answer: Answer, data: bytes) -> None:
            while answer.forever and not server.stopped.is_set():
                self.wfile.write(data)
                server.sent += len(data)
            if answer.stall:
                server.stopped.wait(_SERVER_SECONDS)
            for byte in data[answer.cut or 0 :] if answer.drip is not None else b"":
                if server.stopped.wait(answer.drip):
                    return
                self.wfile.write(bytes([byte]))
            if answer.reset:
                server.stopped.wait(0.01)  # what has not been read by then is lost
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

        def do_CONNECT(self) -> None:
            self.close_connection = True
            answer = server.answer(Request("CONNECT", self.path, {}, self.headers, b""))
            if answer.status != 200:
                self._send(answer)
                return
            host, _, port = server.tunnels[self.path].partition(":")
            with socket.create_connection((host, int(port))) as far:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_relay, args=(far, self.connection), daemon=True)
                back.start()
                _relay(self.connection, far)
                back.join()

        do_POST = do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _relay(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until it ends."""
    with suppress(OSError):
        while data := source.recv(64 << 10):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def errors(status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    """An error as registries write it."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Answer(body, status, {"Content-Type": "application/json", **(headers or {})})


def challenge(value: str) -> Answer:
    """A 401 that asks for proof."""
    return errors(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": value})


def redirect(url: str) -> Answer:
    return Answer(b"", 307, {"Location": url})


def ranged(data: bytes, *, cut: int | None = None) -> Callable[[Request], Answer]:
    """Serve a body, or the part of it that Range asks for, and cut it after so many bytes."""

    def answer(request: Request) -> Answer:
        match = re.fullmatch("bytes=([0-9]+)-([0-9]*)", request.headers.get("Range") or "")
        if match is None:
            return Answer(data, cut=cut)
        start = int(match[1])
        if start >= len(data):
            # As docker-registry 2.8 does it: the length of the whole blob with a shorter body.
            return Answer(b"invalid range", 416, {"Content-Length": str(len(data))}, cut=13)
        stop = min(int(match[2]) + 1 if match[2] else len(data), len(data))
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}
        return Answer(data[start:stop], 206, headers, cut=cut)

    return answer


def guarded(accepted: Sequence[str], inner: Script, challenged: str) -> Callable[[Request], Answer]:
    """Answer requests with an accepted Authorization header, challenge all others."""

    def answer(request: Request) -> Answer:
        if request.authorization not in accepted:
            return challenge(challenged)
        return inner if isinstance(inner, Answer) else inner(request)

    return answer


def token_answer(token: str, **fields: Any) -> Answer:
    """The answer of a token service that accepts the request."""
    return Answer(json.dumps({"token": token, **fields}).encode(), headers={"Content-Type": "application/json"})


def basic(username: str, password: str) -> str:
    """A Basic authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def write_docker_config(folder: Path, host: str, username: str, password: str) -> None:
    """A docker configuration with credentials for one host."""
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@attrs.frozen
class RealRegistry:
    """A running docker-registry, and how to put images there."""

    host: str
    url: str
    authorize: Callable[[str], str | None]  #: repository → Authorization header of one who may push
    ca: str | None = None

    def request(self, method: str, path: str, repository: str, **arguments: Any) -> requests.Response:
        authorization = self.authorize(repository)
        headers = {**arguments.pop("headers", {}), **({"Authorization": authorization} if authorization else {})}
        with requests.Session() as session:
            session.trust_env = False
            url = urllib.parse.urljoin(self.url, path)
            response = session.request(method, url, headers=headers, verify=self.ca or True, timeout=30, **arguments)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def push_blob(self, repository: str, data: bytes) -> None:
        place = self.request("POST", f"/v2/{repository}/blobs/uploads/", repository).headers["Location"]
        mark = "&" if "?" in place else "?"
        digest = urllib.parse.quote(sha256(data))
        headers = {"Content-Type": "application/octet-stream"}
        self.request("PUT", f"{place}{mark}digest={digest}", repository, data=data, headers=headers)

    def push_manifest(self, repository: str, tag: str, data: bytes, media_type: str = f"{OCI}.manifest.v1+json") -> None:
        headers = {"Content-Type": media_type}
        self.request("PUT", f"/v2/{repository}/manifests/{tag}", repository, data=data, headers=headers)

    def push(self, repository: str, tag: str, image: BuiltImage) -> None:
        """Put an image there; its tag may be its digest."""
        for data in (image.config, *(built.blob for built in image.layers)):
            self.push_blob(repository, data)
        self.push_manifest(repository, tag, image.manifest)


@contextmanager
def real_registry(
    folder: Path,
    *,
    auth: Mapping[str, Any] | None = None,
    tls: tuple[Path, Path] | None = None,
    authorize: Callable[[str], str | None] = lambda _: None,
    deletes: bool = False,
) -> Iterator[RealRegistry]:
    """Run docker-registry on a free port until the block ends; ``tls`` is a certificate and its key.

    With ``deletes`` clients may delete manifests, and ``collect_garbage`` of ``folder`` frees their blobs.
    """
    binary = program("docker-registry")
    host = f"127.0.0.1:{free_port()}"
    network: dict[str, Any] = {"addr": host}
    if tls:
        network["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
    config: dict[str, Any] = {"version": 0.1, "log": {"level": "error"}, "http": network}
    config["storage"] = {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": deletes}}
    if auth:
        config["auth"] = auth
    file, log = folder / "config.yml", folder / "log"
    file.write_text(json.dumps(config))  # JSON is YAML
    with log.open("wb") as output:
        process = subprocess.Popen([binary, "serve", str(file)], stdout=output, stderr=output)
    try:
        _wait_for(host, process, log)
        scheme, ca = ("https", str(tls[0])) if tls else ("http", None)
        yield RealRegistry(host, f"{scheme}://{host}", authorize, ca)
    finally:
        process.terminate()
        process.wait(10)


def collect_garbage(folder: Path, *, untagged: bool = False) -> None:
    """Remove the blobs that no manifest of a registry in a folder names, with ``untagged`` also manifests without a tag.

    A registry that runs keeps what it knows of blobs in memory, so nothing should be pushed afterwards.
    """
    command = [program("docker-registry"), "garbage-collect", *["--delete-untagged"] * untagged, str(folder / "config.yml")]
    subprocess.run(command, check=True, capture_output=True, timeout=_SERVER_SECONDS)


def stored_size(folder: Path) -> int:
    """The bytes of all blobs, manifests included, that a registry in a folder stores."""
    return sum(path.stat().st_size for path in (folder / "storage").rglob("blobs/sha256/*/*/data"))


def _wait_for(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    address, _, port = host.partition(":")
    deadline = time.monotonic() + _SERVER_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((address, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"docker-registry does not answer: {log.read_text()}")


@attrs.frozen
class Signer:
    """A private key with a self-signed certificate for 127.0.0.1, as files."""

    key: Path
    certificate: Path

    @classmethod
    def make(cls, folder: Path, names: str = "IP:127.0.0.1", *, expired: bool = False) -> Signer:
        """Make both, for a host's names or addresses."""
        key, certificate = folder / "key.pem", folder / "cert.pem"
        command = [
            program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=ocisize test", "-addext", f"subjectAltName={names}",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        if expired:
            again = ["x509", "-in", str(certificate), "-signkey", str(key), "-days", "-1", "-out", str(certificate)]
            subprocess.run([program("openssl"), *again], check=True, capture_output=True)
        return cls(key, certificate)

    def token(self, claims: Mapping[str, Any]) -> str:
        """A signed JWT that carries its certificate."""
        lines = self.certificate.read_text().split("-----")[2].split()
        header = {"typ": "JWT", "alg": "RS256", "x5c": ["".join(lines)]}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        command = [program("openssl"), "dgst", "-sha256", "-sign", str(self.key)]
        signature = subprocess.run(command, input=text.encode(), check=True, capture_output=True).stdout
        return f"{text}.{_base64url(signature)}"


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@attrs.define
class TokenService:
    """Issues tokens that a real registry trusts, to clients that know the password."""

    signer: Signer
    server: Server
    service: str = "test-registry"
    issuer: str = "test-issuer"
    username: str = "user"
    password: str = "secret-word"
    lifetime: int = 300  #: seconds; the registry itself grants another 60

    def auth(self) -> dict[str, Any]:
        """The registry's configuration for this service."""
        self.server.on("/token", self.answer)
        return {
            "token": {
                "realm": f"{self.server.url}/token",
                "service": self.service,
                "issuer": self.issuer,
                "rootcertbundle": str(self.signer.certificate),
            }
        }

    def answer(self, request: Request) -> Answer:
        if request.authorization != basic(self.username, self.password):
            return errors(401, "UNAUTHORIZED", "wrong password")
        return token_answer(self.issue(request.query["scope"]), expires_in=self.lifetime)

    def issue(self, scope: str) -> str:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        now = int(time.time())
        access = [{"type": kind, "name": name, "actions": actions.split(",")}]
        return self.signer.token({
            "iss": self.issuer, "sub": self.username, "aud": self.service, "jti": f"{now}", "access": access,
            "iat": now - 600, "nbf": now - 600, "exp": now + self.lifetime,
        })  # fmt: skip
