"""Parsers from bytes to OCI documents, with limits; errors list each problem with its path in the document."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import cattrs
import cattrs.v
from cattrs.gen import make_dict_structure_fn, override

from ocisize.blob.digest import Digest
from ocisize.errors import DocumentError, NotAnImage
from ocisize.oci.documents import (
    Descriptor,
    History,
    ImageConfig,
    Index,
    Manifest,
    Platform,
    RootFs,
    RunConfig,
)
from ocisize.oci.media_types import INDEX_TYPES, MANIFEST_TYPES
from ocisize.oci.strict_json import (
    abbreviated_repr,
    check_spelling,
    excerpt,
    expect_type,
    has_null,
    parse_json,
    read_object,
    strict_converter,
)
from ocisize.values import evolve, fields

MAX_MANIFEST = 4 << 20  # what distribution, containers/image and oras-go accept
MAX_HISTORY = 2 << 20  # characters of all build steps that are kept: each step is searched for secrets
MAX_STEPS = 4 * 4096  # of a history; builders stop at 127 layers and write a few steps for each
MAX_CONFIG = 16 << 20  # inline BuildKit caches make big configs

_JSON_NAMES = {
    Descriptor: {"media_type": "mediaType", "artifact_type": "artifactType"},
    Index: {"media_type": "mediaType"},
    Manifest: {"media_type": "mediaType", "artifact_type": "artifactType"},
    Platform: {"os_version": "os.version"},
    ImageConfig: {"os_version": "os.version", "run": "config"},
}
_ALL_NAMES = {name: json_name for names in _JSON_NAMES.values() for name, json_name in names.items()}
_MANIFEST_NAMES = ("schemaVersion", "mediaType", "config", "layers", "manifests", "fsLayers")  # that tell documents apart
_MAX_PROBLEMS = 10
_MAX_PROBLEM = 400  # characters of each
_PYTHON_NAME = re.compile(r"(?<=\.)[a-z_]+$")
_T = TypeVar("_T")


def _read_run(document: Any, _: object) -> RunConfig:
    """Return the run config, without fields of a wrong type: no size depends on them."""
    fields = document if isinstance(document, dict) else {}

    def text(key: str) -> str:
        return value if type(value := fields.get(key)) is str else ""

    def texts(key: str) -> tuple[str, ...]:
        value = fields.get(key)
        return tuple(item for item in value if type(item) is str) if isinstance(value, list) else ()

    labels, health = fields.get("Labels"), fields.get("Healthcheck")
    test = health.get("Test") if isinstance(health, dict) else None
    return RunConfig(
        user=text("User"),
        env=texts("Env"),
        entrypoint=texts("Entrypoint"),
        cmd=texts("Cmd"),
        working_dir=text("WorkingDir"),
        labels={name: value for name, value in labels.items() if type(value) is str} if isinstance(labels, dict) else {},
        healthcheck=bool(test) and test != ["NONE"],
    )


def _make_converter(*, detailed: bool) -> cattrs.Converter:
    converter = strict_converter(detailed=detailed)
    converter.register_structure_hook(RunConfig, _read_run)
    converter.register_structure_hook(Digest, lambda value, _: Digest(expect_type(value, str)))
    for cls in (Platform, Descriptor, Index, Manifest, History, RootFs, ImageConfig):
        renamed = {name: override(rename=json_name) for name, json_name in _JSON_NAMES.get(cls, {}).items()}
        read = make_dict_structure_fn(cls, converter, **renamed)  # type: ignore[arg-type]
        names = [_JSON_NAMES.get(cls, {}).get(field.name, field.name) for field in fields(cls)]
        converter.register_structure_hook(cls, read_object(read, names))
    return converter


_converter = _make_converter(detailed=False)


def structure(document: Any, cls: type[_T], what: str) -> _T:
    """Convert decoded JSON to ``cls``; raise DocumentError, which lists the problems with their paths.

    Each problem costs kilobytes, so only the first thousand items of a list are searched for more than one problem.

    >>> structure({"size": -1, "digest": "md5"}, Descriptor, "the descriptor")
    Traceback (most recent call last):
    ocisize.errors.DocumentError: the descriptor is not valid; 'md5' is not a digest @ $
    """
    try:
        return _converter.structure(document, cls)
    except Exception as error:
        problems = [abbreviated_repr(str(error))]
    try:
        _make_converter(detailed=True).structure(excerpt(document), cls)
    except Exception as error:  # cattrs raises groups of whatever its hooks raised
        problems = list_problems(error)
    raise DocumentError(f"{what} is not valid", problems=problems)


def list_problems(error: Exception) -> list[str]:
    """Return the problems of a cattrs error, each with its path in the document: at most ten, cut to 400 characters."""
    problems = cattrs.transform_error(error, format_exception=_format_exception)
    rest = [f"and {len(problems) - _MAX_PROBLEMS} more"] if len(problems) > _MAX_PROBLEMS else []
    kept = [
        problem if len(problem) <= _MAX_PROBLEM else f"{problem[:_MAX_PROBLEM]}…" for problem in problems[:_MAX_PROBLEMS]
    ]
    return [_PYTHON_NAME.sub(lambda name: _ALL_NAMES.get(name[0], name[0]), problem) for problem in kept] + rest


def _format_exception(error: BaseException, kind: type | None) -> str:
    has_own_text = type(error) in (ValueError, TypeError) and bool(str(error))
    return str(error) if has_own_text else cattrs.v.format_exception(error, kind)


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
        return structure({"manifests": []} | document, Index, what)
    if any("oci.artifact.manifest" in declared for declared in types):
        raise NotAnImage(f"{what} is not a container image but an OCI artifact manifest", kind="OCI artifact manifest")
    if "config" not in document:
        raise DocumentError(f"{what} is neither an image manifest nor an index")
    return structure(document, Manifest, what)


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
    config = structure(document, ImageConfig, what)
    if config.rootfs.type not in ("layers", ""):
        raise DocumentError(f"{what} has rootfs type {abbreviated_repr(config.rootfs.type)}, expected 'layers'")
    if len(data) > MAX_HISTORY and config.history:  # a shorter document has a shorter history
        end = MAX_HISTORY // (3 * len(config.history))
        cut = [evolve(step, created_by=step.created_by[:end], comment=step.comment[:end], author=step.author[:end])
               for step in config.history]  # fmt: skip
        return evolve(config, history=tuple(cut))
    return config
