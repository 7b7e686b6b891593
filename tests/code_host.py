"""A code host with the comments of one pull request: the parts of the APIs of GitHub and GitLab that recipes use.

It is an HTTP proxy, too: gh sends requests for ``github.localhost`` without TLS, and to the proxy that its environment names.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

_LIST = re.compile(r"(?:/repos/acme/app/issues/7/comments|/api/v4/projects/5/merge_requests/7/notes)(?:\?.*)?")
_ONE = re.compile(r"(?:/repos/acme/app/issues/comments|/api/v4/projects/5/merge_requests/7/notes)/(\d+)")


class CodeHost:
    """The comments, and the requests that were made."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.requests: list[str] = []  #: method and path, without the query
        self.tokens: set[str] = set()
        self.url = ""

    def add(self, body: str, kind: str = "User") -> None:
        """Add a comment by a person, or by a program (``Bot``)."""
        self.comments.append({"id": 100 + len(self.comments), "body": body, "user": {"type": kind}})

    @property
    def bodies(self) -> list[str]:
        """The texts of all comments."""
        return [comment["body"] for comment in self.comments]

    def environment(self) -> dict[str, str]:
        """The variables by which gh and curl find the host."""
        return {
            "GH_HOST": "github.localhost", "GH_TOKEN": "token", "GH_ENTERPRISE_TOKEN": "token", "GH_NO_UPDATE_NOTIFIER": "1",
            "http_proxy": self.url, "no_proxy": "127.0.0.1", "GITHUB_REPOSITORY": "acme/app", "PULL_REQUEST": "7",
            "CI_API_V4_URL": f"{self.url}/api/v4", "CI_PROJECT_ID": "5", "CI_MERGE_REQUEST_IID": "7", "OCISIZE_TOKEN": "token",
        }  # fmt: skip


@contextmanager
def code_host() -> Iterator[CodeHost]:
    """Run a code host on 127.0.0.1."""
    host = CodeHost()
    handler = type("Handler", (_Handler,), {"host": host})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    host.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    host: CodeHost

    def do_GET(self) -> None:
        self._begin()
        self._answer(200 if _LIST.fullmatch(self.path) else 404, self.host.comments)

    def do_POST(self) -> None:
        self._begin()
        if not _LIST.fullmatch(self.path):
            return self._answer(404, {})
        self.host.add(self._body(), "Bot")
        return self._answer(201, self.host.comments[-1])

    def do_PATCH(self) -> None:
        self._begin()
        match = _ONE.fullmatch(self.path)
        found = [comment for comment in self.host.comments if match and comment["id"] == int(match[1])]
        if not found:
            return self._answer(404, {})
        found[0]["body"] = self._body()
        return self._answer(200, found[0])

    do_PUT = do_PATCH  # noqa: N815 - GitLab's

    def log_message(self, *_: object) -> None:
        """Write no log."""

    def _begin(self) -> None:
        self.path = re.sub(r"^http://api\.github\.localhost", "", self.path)
        self.host.requests.append(f"{self.command} {self.path.partition('?')[0]}")
        self.host.tokens.add(self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization", "").partition(" ")[2])

    def _body(self) -> str:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        is_form = "form-urlencoded" in self.headers.get("Content-Type", "")
        body: str = parse_qs(text)["body"][0] if is_form else json.loads(text)["body"]
        return body

    def _answer(self, status: int, document: object) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
