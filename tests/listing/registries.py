"""A played registry that lists repositories and tags page by page, with the quirks of real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ocisize.sources.registry.connection import Connection
from tests.registry import Answer, Request, Server, errors

QUICK = Connection(timeout=(5.0, 5.0), retries=0)
JSON = {"Content-Type": "application/json"}


def as_json(document: Any, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a document."""
    return Answer(json.dumps(document).encode(), 200, {**JSON, **(headers or {})})


def pages_of(
    key: str,
    names: Sequence[str],
    *,
    largest: int = 1000,
    link: Callable[[Request, str], str] = lambda request, query: f"<{request.path}?{query}>",
) -> Callable[[Request], Answer]:
    """Answers with pages of at most ``largest`` names, and an error for larger ones, as ECR does.

    ``link`` makes the header for a query.
    """

    def answer(request: Request) -> Answer:
        size = int(request.query.get("n", largest))
        if size > largest:
            return errors(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
        last = request.query.get("last")
        start = names.index(last) + 1 if last is not None else 0
        page = names[start : start + size]
        headers = {}
        if start + size < len(names):
            headers["Link"] = f'{link(request, f"last={quote(page[-1])}&n={size}")}; rel="next"'
        return as_json({key: page}, headers)

    return answer


def serve_repositories(server: Server, tags: Mapping[str, Sequence[str]], **quirks: Any) -> None:
    """Serve the repositories with their tags."""
    server.on("/v2/_catalog", pages_of("repositories", sorted(tags), **quirks))
    for repository, listed in tags.items():
        server.on(f"/v2/{repository}/tags/list", pages_of("tags", listed, **quirks))
