"""Harnesses of lists of references: texts, the JSON of Kubernetes and Compose, patterns, and the pages of registries."""

from __future__ import annotations

import io
import json
from typing import Any

import requests

from ocisize.errors import OcisizeError
from ocisize.listing.lines import MAX_FAILURES, Expansion
from ocisize.listing.patterns import is_pattern, make_tag_filter, parse_pattern
from ocisize.listing.references import Collector, ReferenceList
from ocisize.listing.texts import list_text, read_text
from ocisize.listing.versions import sort_tags
from ocisize.oci.reference import Reference, parse_reference
from ocisize.sources.registry.lists import RegistryList
from ocisize.sources.schemes import find_scheme, looks_like_path
from ocisize.text import printable
from tests.fuzz.images import JSON_TOKENS
from tests.fuzz.oracle import Harness, Refused, outcome, same
from tests.fuzz.shapes import as_text, edited

_MAX_REFERENCES = 10_000
_DIGEST = f"sha256:{'a' * 64}"


def _is_safe(text: str) -> bool:
    """Whether a terminal can show a text."""
    return printable(text) == text


# texts


def _list(data: bytes) -> ReferenceList:
    collector = Collector(_MAX_REFERENCES)

    def expand(text: str, label: str, place: str) -> None:
        found = outcome(lambda: parse_pattern(text))
        assert _is_safe(label)
        if isinstance(found, Refused):
            collector.fail(text, f"{place}: {found.message}")

    list_text(read_text(io.BytesIO(data), "the list"), "the list", collector, Expansion(is_pattern, expand))
    return collector.finish()


def run_list(data: bytes) -> None:
    """A text names references that open_source takes, and failures that a terminal can show."""
    listed = same(outcome(lambda: _list(data)), outcome(lambda: _list(data)))
    if listed is None:
        return
    keys = [(reference.name, reference.select, reference.label) for reference in listed.references]
    assert len(set(keys)) == len(keys)
    for reference in listed.references:
        assert _is_safe(reference.name) and _is_safe(reference.label) and _is_safe(reference.store)
        assert all(map(_is_safe, reference.nodes)) and len(set(reference.nodes)) == len(reference.nodes)
        if find_scheme(reference.name) is None and not looks_like_path(reference.name):
            assert str(parse_reference(reference.name)) == reference.name
    for failure in listed.failures:
        assert _is_safe(f"{failure.reference}{failure.message}{failure.hint}")
        assert len(failure.reference) <= 201 and len(failure.message) < 3000
    if data.lstrip()[:1] not in (b"{", b"["):
        assert len(listed.failures) <= MAX_FAILURES + 1 + data.count(b"*") + data.count(b"?")
    assert all(map(_is_safe, listed.warnings))


_LINES = (
    b"nginx:1.27\tshop\r\n# x\nregistry.io/team/*:v1.* a b\n\xef\xbb\xbfoci-dir:build/app:v1\n<none>:<none>\n",
    b"\xff\xfen\x00g\x00\n\x00", b"localhost:5000/app@" + _DIGEST.encode() + b" x # y\rdocker://a\n", b"./x.tar\n~/y\n-\n/dev/stdin\n",
)  # fmt: skip
_POD = {
    "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "nodeName": "n1", "containers": [{"name": "web", "image": "nginx:1"}, {"name": "b", "image": "registry.io/b:2"}],
        "initContainers": [{"name": "i", "image": "busybox"}], "volumes": [{"name": "v", "image": {"reference": "registry.io/v:1"}}],
    },
    "status": {"containerStatuses": [
        {"name": "web", "imageID": f"docker-pullable://nginx@{_DIGEST}"}, {"name": "b", "imageID": _DIGEST},
    ]},
}  # fmt: skip
_DOCUMENTS: tuple[Any, ...] = (
    {"apiVersion": "v1", "kind": "List", "items": [_POD, {"kind": "Node", "metadata": {"name": "n1"}, "status": {"images": [
        {"names": [f"nginx@{_DIGEST}", "nginx:1"], "sizeBytes": 5}, {"names": None}]}}]},
    {"kind": "PodList", "items": [{**_POD, "kind": ""}, {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": _POD}}}}]},
    {"kind": "Deployment", "spec": {"template": _POD}},
    {"name": "shop", "services": {"web": {"image": "nginx:1"}, "app": {"build": {}}, "x": None}},
    ["nginx", "registry.io/app:1"],
)  # fmt: skip


def run_list_edited(data: bytes) -> None:
    """The same with well-formed JSON, and with two documents one behind the other."""
    number = data[0] if data else 0
    document = edited(_DOCUMENTS[number % len(_DOCUMENTS)], data[1:])
    text = json.dumps(document).encode()
    run_list(text)
    run_list(text + b"\n" + json.dumps(_DOCUMENTS[3]).encode())


def list_seeds() -> list[bytes]:
    return [*_LINES, *(json.dumps(document).encode() for document in _DOCUMENTS)]


def list_edits() -> list[bytes]:
    return [bytes([number % 5, 0, number * 3 % 256, number * 9 % 256, number]) for number in range(60)]


# patterns


def run_pattern(data: bytes) -> None:
    """A text is a pattern that means the same when it is written again, and whose globs match what they should."""
    text = as_text(data)
    pattern = outcome(lambda: parse_pattern(text))
    if not isinstance(pattern, Refused):
        again = parse_pattern(str(pattern))
        assert again == pattern
        assert is_pattern(text) or pattern.is_repository
    found = outcome(lambda: make_tag_filter([text]))
    if not isinstance(found, Refused) and "!" not in text and "*" not in text and "?" not in text:
        assert found.accepts(text)
    tags = text.split("/")
    assert sorted(sort_tags(tags)) == sorted(tags)


_PATTERNS = (
    "registry.io/*",
    "registry.io:5000/team/*:v1.?",
    "nginx:*",
    "docker://[::1]:5/a*",
    "*",
    "127.0.0.1:*",
    "!v*-rc?",
    "1.2-rc1/1.2/latest",
)


# pages


class _Page(requests.Response):
    """A page of a registry, with a Link header."""

    def __init__(self, link: str) -> None:
        super().__init__()
        self.url = "https://registry.io/v2/_catalog?n=1000"
        self.headers["Link"] = link


def run_link(data: bytes) -> None:
    """A Link header names a query for the same registry, or is refused."""
    listed = RegistryList(Reference("registry.io", ""), namespace="")
    link = as_text(data)
    try:
        query = listed.next_query(_Page(link))
    except OcisizeError as error:
        assert str(error).isprintable()
    else:
        assert "#" not in query and query == query.strip("\r\n")
    finally:
        listed.close()


_LINKS = (
    '</v2/_catalog?last=a&n=10>; rel="next"', '<https://registry.io/v2/_catalog?last=a>; rel=next', '<http://evil.io/x?y>; rel="next"',
    '<a>; rel="prev", <?b>; rel="next"', "<//[::1>; rel=next", '<https://registry.io:99999/>; rel="next"', "", "<>;", ";;,<",
)  # fmt: skip

HARNESSES = {
    "list": Harness(run_list, list_seeds, (*JSON_TOKENS[-14:], b"\n", b"\r\n", b"\t", b" #", b"*", b"://", b"@sha256:", b'"kind"', b'"items"', b'"image"', b"\xef\xbb\xbf"), quick=400),
    "list-edited": Harness(run_list_edited, list_edits, quick=300),
    "pattern": Harness(run_pattern, lambda: [text.encode() for text in _PATTERNS], (b"*", b"?", b"/", b":", b"@", b".", b"!", b"library/", b"docker.io"), quick=400),
    "link": Harness(run_link, lambda: [text.encode() for text in _LINKS], (b"<", b">", b"; rel=", b'"next"', b",", b"://", b"?", b"#", b"[", b"\r\n"), quick=300),
}  # fmt: skip
