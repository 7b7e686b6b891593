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

_LIST = re.compile(r"(?:/repos/acme/app/issues/7/comments|/api/v4/projects/5/merge_requests/7/notes)")
_ONE = re.compile(r"(?:/repos/acme/app/issues/comments|/api/v4/projects/5/merge_requests/7/notes)/(\d+)")
_OWN = 41  # id of the user of the token
_OWN_LOGIN = "github-actions[bot]"


class CodeHost:
    """The comments, and the requests that were made."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.requests: list[str] = []  #: method and path, without the query
        self.tokens: set[str] = set()
        self.url = ""

    def add(self, body: str, *, user: int = 1) -> None:
        """Add a comment of a user, by default of a person."""
        login = _OWN_LOGIN if user == _OWN else f"user-{user}"
        self.comments.append(
            {"id": 100 + len(self.comments), "body": body, "user": {"login": login}, "author": {"id": user}, "system": False}
        )

    def add_own(self, body: str) -> None:
        """Add a comment of the user of the token."""
        self.add(body, user=_OWN)

    @property
    def writes(self) -> list[str]:
        """The methods of the requests that created or updated a comment."""
        return [request.partition(" ")[0] for request in self.requests if not request.startswith(("GET", "POST /graphql"))]

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
    next_page = 0  # behind the page that is sent, 0 for none

    def do_GET(self) -> None:
        query = self._begin()
        if self.path == "/api/v4/user":
            return self._answer(200, {"id": _OWN})
        if not _LIST.fullmatch(self.path):
            return self._answer(404, {})
        size, page = int(query.get("per_page", ["20"])[0]), int(query.get("page", ["1"])[0])
        last = page * size >= len(self.host.comments)
        self.next_page = 0 if last else page + 1
        return self._answer(200, self.host.comments[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        self._begin()
        if self.path == "/graphql":
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
            known = query == "{ viewer { login } }"
            return self._answer(200, {"data": {"viewer": {"login": _OWN_LOGIN}}} if known else {"data": None})
        if not _LIST.fullmatch(self.path):
            return self._answer(404, {})
        self.host.add_own(self._body())
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

    def _begin(self) -> dict[str, list[str]]:
        """Note the request, and return its query."""
        path = re.sub(r"^http://api\.github\.localhost", "", self.path)
        self.path, _, query = path.partition("?")
        self.next_page = 0
        self.host.requests.append(f"{self.command} {self.path}")
        self.host.tokens.add(self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization", "").partition(" ")[2])
        return parse_qs(query)

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
        if self.path.startswith("/api/v4"):
            self.send_header("X-Next-Page", str(self.next_page or ""))
        elif self.next_page:
            link = f"http://api.github.localhost{self.path}?per_page=100&page={self.next_page}"
            self.send_header("Link", f'<{link}>; rel="next"')
        self.end_headers()
        self.wfile.write(data)
