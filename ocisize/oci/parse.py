"""Parsers from bytes to OCI documents, with limits; errors list each problem with its path in the document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ocisize.errors import DocumentError, NotAnImage
from ocisize.oci.documents import ImageConfig, Index, Manifest
from ocisize.oci.media_types import INDEX_TYPES, MANIFEST_TYPES
from ocisize.oci.strict_json import abbreviated_repr, check_spelling, expect_type, has_null, parse_json
from ocisize.oci.valid_documents import DOUBTS, read_config, read_index, read_manifest
from ocisize.values import evolve

MAX_MANIFEST = 4 << 20  # what distribution, containers/image and oras-go accept
MAX_HISTORY = 2 << 20  # characters of all build steps that are kept: each step is searched for secrets
MAX_STEPS = 4 * 4096  # of a history; builders stop at 127 layers and write a few steps for each
MAX_CONFIG = 16 << 20  # inline BuildKit caches make big configs

_MANIFEST_NAMES = ("schemaVersion", "mediaType", "config", "layers", "manifests", "fsLayers")  # that tell documents apart
_T = TypeVar("_T")


def _read(document: dict[str, Any], cls: type[_T], read: Callable[[object], _T], what: str) -> _T:
    """Return the value that ``read`` makes of a document; raise DocumentError, which lists the problems."""
    try:
        return read(document)
    except DOUBTS:
        from ocisize.oci.structure import structure

        return structure(document, cls, what)


def parse_manifest(data: bytes, what: str, media_type: str = "") -> Index | Manifest:
    """Parse a manifest or an index.

    ``what`` names the document in errors; ``media_type`` is the type that the descriptor or the registry gives. Raises
    DocumentError for invalid JSON, schema 1, documents that are both an index and a manifest, and a media type, of the
    descriptor or in the document, that contradicts the content; NotAnImage for a manifest of artifacts.

    >>> parse_manifest(b'{"manifests": []}', "index.json")
    Index(manifests=(), media_type='', annotations={})
    >>> parse_manifest(b'{"fsLayers": []}', "the manifest")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: the manifest is a schema 1 manifest (the format before 2016), which is not supported
    """
    document = parse_json(data, what)
    try:
        check_spelling(document, _MANIFEST_NAMES)
        expect_type(document.get("schemaVersion", 2), int)
    except (ValueError, TypeError) as error:
        raise DocumentError(f"{what} is not valid", problems=[str(error)]) from None
    types = [declared for declared in (document.get("mediaType"), media_type) if type(declared) is str and declared]
    if "fsLayers" in document or any("vnd.docker.distribution.manifest.v1" in declared for declared in types):
        raise DocumentError(
            f"{what} is a schema 1 manifest (the format before 2016), which is not supported",
            hint="push the image again, or convert it: skopeo copy --format v2s2 SOURCE DESTINATION",
        )
    has_manifest = "config" in document or "layers" in document
    is_index = "manifests" in document or (not has_manifest and has_null(data, "manifests"))
    if is_index and has_manifest:
        raise DocumentError(f"{what} is both an index and a manifest")
    for declared in types:
        _refuse_other_type(declared, what, is_index=is_index)
    if is_index:
        return _read({"manifests": []} | document, Index, read_index, what)
    if any("oci.artifact.manifest" in declared for declared in types):
        raise NotAnImage(f"{what} is not a container image but an OCI artifact manifest", kind="OCI artifact manifest")
    if "config" not in document:
        raise DocumentError(f"{what} is neither an image manifest nor an index")
    return _read(document, Manifest, read_manifest, what)


def check_media_type(data: bytes, what: str, media_type: str) -> None:
    """Raise DocumentError if a document is an index under the media type of a manifest, or the reverse.

    ``media_type`` is that of the descriptor or of the registry's answer. Other documents are left to ``parse_manifest``.

    >>> check_media_type(b'{"manifests": []}', "the manifest", "application/vnd.oci.image.manifest.v1+json")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: the manifest is declared as 'application/vnd.oci.image.manifest.v1+json' but is an index
    """
    try:
        document = parse_json(data, what)
    except DocumentError:
        return
    is_index, is_manifest = "manifests" in document, "config" in document or "layers" in document
    if is_index is not is_manifest:
        _refuse_other_type(media_type, what, is_index=is_index)


def _refuse_other_type(media_type: str, what: str, *, is_index: bool) -> None:
    if media_type in (MANIFEST_TYPES if is_index else INDEX_TYPES):
        kind = "an index" if is_index else "not an index"
        raise DocumentError(f"{what} is declared as {abbreviated_repr(media_type)} but is {kind}")


def parse_config(data: bytes, what: str) -> ImageConfig:
    """Parse an image config; raise DocumentError if the document is not one or has more than 16,384 build steps.

    Texts of build steps are cut in configs of more than 2 MiB.

    >>> parse_config(b'{"os": "linux", "architecture": "arm64", "rootfs": {"type": "layers"}}', "the config").platform
    Platform(os='linux', architecture='arm64', variant=None, os_version=None)
    """
    document = parse_json(data, what)
    steps = document.get("history")
    if isinstance(steps, list) and len(steps) > MAX_STEPS:
        raise DocumentError(f"{what} has {len(steps)} steps, more than {MAX_STEPS}")
    config = _read(document, ImageConfig, read_config, what)
    if config.rootfs.type not in ("layers", ""):
        raise DocumentError(f"{what} has rootfs type {abbreviated_repr(config.rootfs.type)}, expected 'layers'")
    if len(data) > MAX_HISTORY and config.history:  # a shorter document has a shorter history
        end = MAX_HISTORY // (3 * len(config.history))
        cut = [evolve(step, created_by=step.created_by[:end], comment=step.comment[:end], author=step.author[:end])
               for step in config.history]  # fmt: skip
        return evolve(config, history=tuple(cut))
    return config
