"""The image of an engine, as a pipe: the archive that the engine makes of it, which is read as it comes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from ocisize.errors import InvalidReference, SourceError, ViewError
from ocisize.limits import Limits
from ocisize.oci.source import ImageSource
from ocisize.patterns import lazy_pattern
from ocisize.sources.engine.client import Answer, EngineClient
from ocisize.sources.engine.endpoint import Endpoint, Engine
from ocisize.sources.pipe import PipeSource
from ocisize.sources.saved_source import SavedSource
from ocisize.text import printable

_NAME = lazy_pattern(
    r"sha256:[0-9a-f]{64}|[a-zA-Z0-9][\w.-]*(?::[0-9]+(?=/))?(?:/[\w.-]+)*(?::[\w.-]+)?(?:@[a-z0-9]+:[0-9a-f]+)?", re.ASCII
)
_PASSWORD = lazy_pattern("@.*/")
_MAX_NAME = 500  # characters
_LIBPOD_VERSION = lazy_pattern(r"[0-9]{1,3}(?:\.[0-9]{1,3}){1,2}")
_OK, _NOT_FOUND = 200, 404
_MAX_NEAR = 3  # names that a hint lists
_LOCAL = "localhost/"  # the registry in the names of images that podman has built


class EnginePipe:
    """The archive of an image that an engine has; a ``Pipe``."""

    def __init__(self, engine: Engine, endpoint: Endpoint, name: str) -> None:
        self._engine, self._endpoint, self._image = engine, endpoint, name
        self.name, self.text = engine.title, f"{engine.scheme}:{name}"
        self.empty_hint = self.incomplete_hint = f"read the log of {engine.title}, or try: {engine.save} {name} | ocisize -"
        self._digests: list[str] = []

    def open(self, wait: Callable[[str], None]) -> Answer:
        """Ask the engine for the archive; it answers when it has written the whole image to its disk."""
        client = EngineClient(self._engine, self._endpoint, self._image)
        api = _find_api(client)
        status, facts = client.read_json(f"{api}/images/{_quote(self._image)}/json")
        if status == _NOT_FOUND:
            raise _refuse_name(client, api, self._image)
        if status != _OK or not isinstance(facts, dict):
            raise client.refuse_document(status, facts)
        self._digests = [text for text in _texts(facts.get("RepoDigests")) if not text.startswith((_LOCAL, "<none>"))]
        wait(f"waiting for {self._engine.title} to prepare {self._image}")
        answer = client.get_archive(f"{api}/images/{_quote(_complete(self._image, facts))}/get")
        if answer.status != _OK:
            try:
                raise client.refuse(answer)
            finally:
                answer.close()
        return answer

    def list_notes(self, source: SavedSource) -> Iterator[str]:
        """Where the image can be had: engines keep layers uncompressed, and a registry knows their download."""
        title, found = self._engine.title, printable(next(iter(self._digests), ""))
        if source.keeps_compression:
            if self._engine.compresses:
                where = f", and it has this image from {found}" if found else ""
                yield f"{title} compressed the layers to save them: their download from a registry may differ{where}"
        elif found:
            yield f"{title} keeps layers uncompressed; it has this image from {found}, whose download its registry knows"
        else:
            yield f"{title} names no registry that has this image: the download of uncompressed layers is not known"


def open_engine(engine: Engine, name: str, *, select: str | None, limits: Limits) -> ImageSource:
    """Return the image of an engine; the engine is asked when the source is first used.

    Raises InvalidReference for a text that names no image, and ViewError for ``select``.
    """
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name) or ".." in name:
        shown = "" if _PASSWORD.search(name) else f": {printable(name)}"
        raise InvalidReference(f"invalid name of an image{shown}", hint=f"write {engine.scheme}:NAME:TAG")
    if select is not None:
        raise ViewError(
            "--select chooses among the images of a file, not in an engine", hint=f"write {engine.scheme}:NAME:TAG"
        )
    endpoint = engine.find(os.environ)
    source = PipeSource(EnginePipe(engine, endpoint, name), limits)
    source.unverified_hosts = _list_unverified(endpoint)
    return source


def _list_unverified(endpoint: Endpoint) -> list[str]:
    """Return the host of an engine whose identity nothing verifies, unless it is this machine."""
    if endpoint.socket is not None or (endpoint.tls is not None and endpoint.tls.verify):
        return []
    return [] if is_here(endpoint.host) else [endpoint.address.removeprefix("tcp://")]


def is_here(host: str) -> bool:
    """Return True for a name or address of this machine itself.

    >>> is_here("127.0.0.1"), is_here("10.0.0.5")
    (True, False)
    """
    return host in ("localhost", "::1") or host.startswith("127.")


def _find_api(client: EngineClient) -> str:
    """Return the beginning of paths: that of podman's own API if it is there, which reads short names as podman does."""
    if client.engine.scheme != "podman":
        return ""
    answer = client.get("/_ping")
    answer.close()
    version = answer.header("Libpod-API-Version")
    return f"/v{version}/libpod" if _LIBPOD_VERSION.fullmatch(version) else ""


def _complete(name: str, facts: dict[str, Any]) -> str:
    """Return the name with its tag: docker saves all tags of a name without one.

    >>> _complete("app", {"Id": "sha256:05637fc870dd"}), _complete("05637fc8", {"Id": "sha256:05637fc870dd"})
    ('app:latest', '05637fc8')
    """
    identity = str(facts.get("Id") or "").removeprefix("sha256:")
    has_tag = ":" in name.rpartition("/")[2] or "@" in name
    return name if has_tag or identity.startswith(name) else f"{name}:latest"


def _quote(name: str) -> str:
    return quote(name, safe="/:@")


def _refuse_name(client: EngineClient, api: str, name: str) -> SourceError:
    """Return the error of a name that the engine does not know, with names that are near."""
    import difflib

    status, images = client.read_json(f"{api}/images/json")
    names = (
        [text for image in images if isinstance(image, dict) for text in _texts(image.get("RepoTags"))]
        if (status == _OK and isinstance(images, list))
        else []
    )
    names = [text for text in dict.fromkeys(names) if not text.startswith("<none>")]
    repository = name.rpartition(":")[0] or name
    near = [text for text in names if text.rpartition(":")[0].rpartition("/")[2] == repository.rpartition("/")[2]]
    near = near or difflib.get_close_matches(name, names, n=_MAX_NEAR)
    found = ", ".join(f"{client.engine.scheme}:{printable(text)}" for text in near[:_MAX_NEAR])
    hint = f"it has {found}" if found else f"for the image in a registry: ocisize docker://{name}"
    return SourceError(f"{client.engine.title} has no image {name}", hint=hint)


def _texts(value: object) -> Iterable[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
