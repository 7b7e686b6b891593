"""JSON documents that name images: of Kubernetes and Compose by their keys, and arrays of references."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ocisize.errors import DocumentError
from ocisize.listing.names import add_name
from ocisize.text import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocisize.listing.references import Collector

_EXPECTED = (
    "ocisize reads lists with one reference in each line, and the JSON of kubectl get … -o json and of docker compose config"
)

MAX_VALUES = 30_000_000  #: of all documents: each takes at least 64 bytes of memory; 25,000 pods have 15 million
_BLANKS = re.compile(r"[ \t\r\n]*")


def list_document(text: str, name: str, collector: Collector) -> None:
    """Add the references of JSON documents, one behind the other; raise DocumentError for what is none, or of another kind.

    Unlike documents of images, they come from tools that the user runs: repeated names and nulls are no error.
    """
    if text.count(",") > MAX_VALUES:
        raise DocumentError(f"{name} has more than {MAX_VALUES:,} values", hint="list the namespaces one by one")
    decoder, position = json.JSONDecoder(), _skip_blanks(text, 0)
    while position < len(text):
        try:
            document, position = decoder.raw_decode(text, position)
        except RecursionError:
            raise DocumentError(f"{name} is nested too deeply") from None
        except ValueError as error:
            raise DocumentError(f"{name} is not valid JSON: {error}", hint=_EXPECTED) from None
        _list_one(document, name, collector)
        position = _skip_blanks(text, position)


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _list_one(document: Any, name: str, collector: Collector) -> None:
    if isinstance(document, list):
        _list_array(document, name, collector)
    elif isinstance(document, dict) and isinstance(document.get("kind"), str):
        from ocisize.listing.kubernetes import list_objects

        list_objects(document, name, collector)
    elif isinstance(document, dict) and isinstance(document.get("services"), dict):
        _list_services(document["services"], name, collector)
    else:
        raise DocumentError(f"{name} is JSON of another kind: no kind of Kubernetes, no services of Compose", hint=_EXPECTED)


def _list_array(document: list[Any], name: str, collector: Collector) -> None:
    if not all(isinstance(item, str) for item in document):
        raise DocumentError(f"{name} is a JSON array of other values than references", hint=_EXPECTED)
    for number, item in enumerate(document, 1):
        add_name(item, f"{name}, item {number}", name, collector)


def _list_services(services: Mapping[str, Any], name: str, collector: Collector) -> None:
    """Add the images of the services of ``docker compose config --format json``; the label is the service."""
    unnamed = []
    for service, content in services.items():
        image = content.get("image") if isinstance(content, dict) else None
        if isinstance(image, str) and image:
            add_name(image, f"{name}, service {service}", name, collector, label=service)
        else:
            unnamed.append(service)
    if unnamed:
        listed = ", ".join(unnamed[:5]) + (" …" if len(unnamed) > 5 else "")
        collector.warn(f"{name}: {count_of(len(unnamed), 'service')} without an image, which Compose builds: {listed}")
