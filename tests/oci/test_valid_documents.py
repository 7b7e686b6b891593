"""The readers of valid documents: they accept nothing that cattrs refuses, and return equal values."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize.errors import DocumentError
from ocisize.oci.documents import Descriptor, ImageConfig, Index, Manifest, Platform
from ocisize.oci.strict_json import parse_json
from ocisize.oci.structure import structure
from ocisize.oci.valid_documents import DOUBTS, read_config, read_descriptor, read_index, read_manifest, read_platform
from tests.fuzz.shapes import edited

DIGEST = "sha256:" + 64 * "a"
PLATFORM = {"os": "windows", "architecture": "arm", "variant": "v7", "os.version": "10.0", "os.features": ["win32k"]}
DESCRIPTOR = {
    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": DIGEST, "size": 7, "annotations": {"a": "b"},
    "platform": PLATFORM, "artifactType": "text/plain", "urls": ["https://example.org/a"], "data": "e30=",
}  # fmt: skip
INDEX = {
    "schemaVersion": 2,
    "mediaType": "index",
    "manifests": [DESCRIPTOR, {"digest": "md5:0", "size": 0}],
    "annotations": {},
}
MANIFEST = {
    "schemaVersion": 2, "mediaType": "manifest", "artifactType": "", "config": DESCRIPTOR, "layers": [DESCRIPTOR] * 2,
    "annotations": {"a": "b", "c": ""}, "subject": DESCRIPTOR,
}  # fmt: skip
STEP = {"created": "2024-01-01T00:00:00Z", "created_by": "RUN make", "author": "ann", "comment": "x", "empty_layer": True}
CONFIG = {
    "rootfs": {"type": "layers", "diff_ids": [DIGEST, DIGEST]}, "os": "linux", "architecture": "amd64", "variant": "v2",
    "os.version": "1", "created": "2024-01-01T00:00:00Z", "history": [STEP, {}],
    "config": {"User": "app", "Env": ["A=b"], "Labels": {"a": "b"}, "Healthcheck": {"Test": ["CMD", "true"]}},
}  # fmt: skip
#: reader, kind of its values, and a document with all fields of the kind
KINDS: list[tuple[Callable[[object], Any], type[Any], dict[str, Any]]] = [
    (read_platform, Platform, PLATFORM),
    (read_descriptor, Descriptor, DESCRIPTOR),
    (read_index, Index, INDEX),
    (read_manifest, Manifest, MANIFEST),
    (read_config, ImageConfig, CONFIG),
]


def read_or_doubt(read: Callable[[object], Any], document: object) -> Any:
    """What a reader returns, None for a document that it doubts."""
    try:
        return read(document)
    except DOUBTS:
        return None


def check_agreement(read: Callable[[object], Any], kind: type[Any], document: dict[str, Any]) -> None:
    """Both ways give an equal value, unless the reader doubts."""
    value = read_or_doubt(read, document)
    if value is not None:
        strict = structure(document, kind, "it")
        assert value == strict
        assert repr(value) == repr(strict)  # an equal bool is no int, an equal list no tuple


@pytest.mark.parametrize(("read", "kind", "document"), KINDS)
def test_a_valid_document_needs_no_cattrs(read: Callable[[object], Any], kind: type[Any], document: dict[str, Any]) -> None:
    """All fields arrive, and those of a document with required fields only have their defaults."""
    assert read(document) == structure(document, kind, "it")


@pytest.mark.parametrize(("read", "kind", "document"), KINDS)
def test_every_field_is_checked(read: Callable[[object], Any], kind: type[Any], document: dict[str, Any]) -> None:
    """Fields that are absent, of any other type, or in another case are accepted only where cattrs accepts them."""
    for name in document:
        rest = {other: value for other, value in document.items() if other != name}
        check_agreement(read, kind, rest)
        check_agreement(read, kind, {**rest, name.upper(): document[name]})
        check_agreement(read, kind, {**document, name.title(): document[name]})
        values: list[Any] = [
            None,
            True,
            0,
            -1,
            1 << 63,
            0.5,
            "",
            "2",
            [],
            [None],
            ["a", 1],
            {},
            {"a": 1},
            {"a": None},
            [[]],
            [{}],
        ]
        for value in values:
            check_agreement(read, kind, {**document, name: value})


@settings(max_examples=400)
@given(st.sampled_from(KINDS), st.binary(min_size=4, max_size=16))
def test_no_document_is_accepted_that_cattrs_refuses(
    kind: tuple[Callable[[object], Any], type[Any], dict[str, Any]], edits: bytes
) -> None:
    """Any edits of a document: values of other places and types, absent, repeated and cut."""
    read, cls, document = kind
    try:
        parsed = parse_json(json.dumps(edited(document, edits)).encode(), "it")
    except DocumentError:
        return
    check_agreement(read, cls, parsed)


def test_readers_of_valid_images_import_no_cattrs() -> None:
    """The error of a document that is not valid imports cattrs, and lists all of its problems."""
    code = (
        "import sys\nfrom ocisize.oci.parse import parse_manifest\n"
        f"parse_manifest({json.dumps(MANIFEST).encode()!r}, 'it')\n"
        "print('cattrs' in sys.modules)\n"
        'try: parse_manifest(b\'{"config": {"size": "2"}}\', \'it\')\nexcept Exception as error: print(error)\n'
        "print('cattrs' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    before, error, after = result.stdout.splitlines()
    assert (before, after) == ("False", "True")
    assert error == "it is not valid; required field missing @ $.config.digest; expected int, got str @ $.config.size"
