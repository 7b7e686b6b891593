"""Reads from a scripted registry, and checks of their errors."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from ocisize.errors import OcisizeError
from ocisize.oci.read import read_blob
from ocisize.oci.parse import MAX_CONFIG
from ocisize.oci.documents import Descriptor
from ocisize.blob.digest import Digest
from ocisize.oci.reference import parse_reference
from ocisize.sources.registry.client import Connection
from ocisize.sources.registry.credentials import Credentials, StoredLogin
from ocisize.sources.registry.source import RegistrySource
from tests.images import BuiltImage, build_image, layer, sha256
from tests.registry import Answer, Server, ranged

SECRET = "hunter2-very-secret"
USER = Credentials("user", SECRET)
MANIFEST = b'{"schemaVersion": 2}'
BLOB = random.Random(1).randbytes(300_000)
DIGEST = Digest(sha256(BLOB))
PATH, BLOB_PATH = "/v2/app/manifests/1", f"/v2/app/blobs/{DIGEST}"
QUICK = Connection(timeout=(5.0, 5.0), retries=0)
HURRIED = Connection(timeout=(5.0, 0.3), retries=0, min_rate=1000)


def opened(
    host: str, connection: Connection = QUICK, credentials: Credentials | StoredLogin | None = None
) -> closing[RegistrySource]:
    """The image ``app:1`` of a host."""
    return closing(RegistrySource(parse_reference(f"{host}/app:1"), connection=connection, credentials=credentials))


def manifest_of(server: Server, connection: Connection = QUICK) -> bytes:
    """Its manifest."""
    with opened(server.host, connection) as source:
        return source.read_manifest()


def blob_of(server: Server, connection: Connection = QUICK) -> bytes:
    """BLOB, verified."""
    with opened(server.host, connection) as source:
        return read_blob(source, Descriptor(DIGEST, len(BLOB)), MAX_CONFIG)


def failure(read: Callable[..., object], *arguments: Any) -> OcisizeError:
    """The error of a read that must fail: one short line without secrets."""
    with pytest.raises(OcisizeError) as caught:
        read(*arguments)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1000
    assert SECRET not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    return caught.value


def serve_image(server: Server) -> BuiltImage:
    """An image of two layers in the scripted registry."""
    image = build_image([layer({"a": BLOB, "b": b"b" * 50_000}, "plain"), layer({"c": b"c" * 1000, ".wh.b": b""})])
    server.on(PATH, Answer(image.manifest))
    for digest, data in image.blobs.items():
        server.on(f"/v2/app/blobs/{digest}", ranged(data))
    return image
