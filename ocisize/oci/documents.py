"""OCI and Docker image documents as values, and how their JSON becomes them.

Specification: https://github.com/opencontainers/image-spec (manifest.md, image-index.md, config.md). Unknown
fields are ignored and ``null`` for an optional field equals absent, as the specification asks; duplicate names,
wrong types and ambiguous documents (CVE-2021-41190) are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NewType, TypeVar

import attrs
import cattrs
import cattrs.v
from cattrs.gen import make_dict_structure_fn, override

from ocisize.errors import DocumentError
from ocisize.jsontext import excerpt, parse_json, shown, spelled_once

Digest = NewType("Digest", str)

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
CONFIG_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})

ALGORITHMS = ("sha256", "sha384", "sha512")  # verified; others are broken (md5, sha1) or have no fixed length (shake)
SELF_NAMED = "io.ocisize.self-named"  # annotation: the digest was computed from the blob, so it proves nothing
MAX_MANIFEST = 4 << 20  # what distribution, containers/image and oras-go accept
MAX_HISTORY = 2 << 20  # characters of steps that are looked at, each cut alike; every one is searched for secrets
MAX_STEPS = 4 * 4096  # of a history; builders stop at 127 layers and write a few steps for each
MAX_CONFIG = 16 << 20  # inline BuildKit caches make big configs

_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
HEX_LENGTHS = {"sha256": 64, "sha512": 128, "blake3": 64}


def is_digest(text: str) -> bool:
    """Whether ``text`` is a digest by the OCI grammar, of its algorithm's length or one that names of files can have."""
    algorithm, _, encoded = text.partition(":")
    if algorithm in HEX_LENGTHS:
        return re.fullmatch(f"[0-9a-f]{{{HEX_LENGTHS[algorithm]}}}", encoded) is not None
    return len(text) < 256 and _DIGEST.fullmatch(text) is not None


def _check_digest(_: object, __: object, value: Digest) -> None:
    if not is_digest(value):
        raise ValueError(f"{shown(value)} is not a digest")


def _check_size(_: object, __: object, value: int) -> None:
    if not 0 <= value < 1 << 63:
        raise ValueError(f"{value} is not a size")


@attrs.frozen
class Platform:
    """Operating system and processor an image is built for."""

    os: str = ""
    architecture: str = ""
    variant: str | None = None
    os_version: str | None = None

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part) or "unknown"


@attrs.frozen
class Descriptor:
    """A pointer to content: its type, digest and size in bytes as stored."""

    digest: Digest = attrs.field(validator=_check_digest)
    size: int = attrs.field(validator=_check_size)
    media_type: str = ""
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    platform: Platform | None = None
    artifact_type: str | None = None
    urls: tuple[str, ...] = ()


@attrs.frozen
class Index:
    """An image index or manifest list: manifests by platform."""

    manifests: tuple[Descriptor, ...]
    media_type: str = ""
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen
class Manifest:
    """An image manifest: its config and layers, base layer first."""

    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    media_type: str = ""
    artifact_type: str | None = None
    annotations: Mapping[str, str] = attrs.field(factory=dict, hash=False)


@attrs.frozen
class History:
    """One build step; steps with ``empty_layer`` own no layer."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


@attrs.frozen
class RootFs:
    """Digests of the uncompressed layers, base first."""

    type: str = "layers"
    diff_ids: tuple[Digest, ...] = attrs.field(default=(), validator=attrs.validators.deep_iterable(_check_digest))


@attrs.frozen(kw_only=True)
class RunConfig:
    """How containers of an image run; what it leaves out or has in a wrong type is empty."""

    user: str = ""
    env: tuple[str, ...] = ()  #: ``NAME=VALUE``
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    healthcheck: bool = False


@attrs.frozen
class ImageConfig:
    """The image configuration, as far as sizes and their explanation need it."""

    rootfs: RootFs
    os: str = ""
    architecture: str = ""
    variant: str | None = None
    os_version: str | None = None
    created: str = ""
    history: tuple[History, ...] = ()
    run: RunConfig = attrs.field(factory=RunConfig)

    @property
    def platform(self) -> Platform:
        """The platform the config itself names."""
        return Platform(self.os, self.architecture, self.variant, self.os_version)


_JSON_NAMES = {
    Descriptor: {"media_type": "mediaType", "artifact_type": "artifactType"},
    Index: {"media_type": "mediaType"},
    Manifest: {"media_type": "mediaType", "artifact_type": "artifactType"},
    Platform: {"os_version": "os.version"},
    ImageConfig: {"os_version": "os.version", "run": "config"},
}
_ALL_NAMES = {name: json_name for names in _JSON_NAMES.values() for name, json_name in names.items()}
_MAX_PROBLEMS, _MAX_PROBLEM = 10, 400  # how many, and characters of each
_PYTHON_NAME = re.compile(r"(?<=\.)[a-z_]+$")
_T = TypeVar("_T")


def _strict(value: Any, kind: type[_T]) -> _T:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def strict_converter(*, detailed: bool = True) -> cattrs.Converter:
    """A converter that takes no value for another: cattrs alone turns ``null`` into ``"None"`` and ``"2"`` into 2.

    A ``detailed`` one raises all problems together, the other the first.
    """
    converter = cattrs.Converter(detailed_validation=detailed)
    for primitive in (str, int, bool):
        converter.register_structure_hook(primitive, _strict)
    return converter


def _read_run(document: Any, _: object) -> RunConfig:
    """Lenient, since no size depends on it: an image that names its user wrongly can still be analysed."""
    found = document if isinstance(document, dict) else {}

    def text(key: str) -> str:
        return value if type(value := found.get(key)) is str else ""

    def texts(key: str) -> tuple[str, ...]:
        value = found.get(key)
        return tuple(item for item in value if type(item) is str) if isinstance(value, list) else ()

    labels, health = found.get("Labels"), found.get("Healthcheck")
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
    converter.register_structure_hook(Digest, lambda value, _: Digest(_strict(value, str)))
    for cls in (Platform, Descriptor, Index, Manifest, History, RootFs, ImageConfig):
        renamed = {name: override(rename=json_name) for name, json_name in _JSON_NAMES.get(cls, {}).items()}
        read = make_dict_structure_fn(cls, converter, **renamed)  # type: ignore[arg-type]
        names = [_JSON_NAMES.get(cls, {}).get(field.name, field.name) for field in attrs.fields(cls)]
        converter.register_structure_hook(cls, spelled_once(read, names))
    return converter


_converter = _make_converter(detailed=False)


def structure(document: Any, cls: type[_T], what: str) -> _T:
    """Turn decoded JSON into ``cls``; raise DocumentError listing its problems with their paths.

    Each problem costs kilobytes, so only the beginnings of long lists are looked through for more than the first.
    """
    try:
        return _converter.structure(document, cls)
    except Exception as error:
        problems = [shown(str(error))]
    try:
        _make_converter(detailed=True).structure(excerpt(document), cls)
    except Exception as error:  # cattrs raises groups of whatever its hooks raised
        problems = list_problems(error)
    raise DocumentError(f"{what} is not valid", problems=problems)


def list_problems(error: Exception) -> list[str]:
    """What cattrs found wrong, each with the path of its place in the document."""
    problems = cattrs.transform_error(error, format_exception=_format_exception)
    rest = [f"and {len(problems) - _MAX_PROBLEMS} more"] if len(problems) > _MAX_PROBLEMS else []
    kept = [
        problem if len(problem) <= _MAX_PROBLEM else f"{problem[:_MAX_PROBLEM]}…" for problem in problems[:_MAX_PROBLEMS]
    ]
    return [_PYTHON_NAME.sub(lambda name: _ALL_NAMES.get(name[0], name[0]), problem) for problem in kept] + rest


def _format_exception(error: BaseException, kind: type | None) -> str:
    own = type(error) in (ValueError, TypeError) and bool(str(error))
    return str(error) if own else cattrs.v.format_exception(error, kind)


def parse_manifest(data: bytes, what: str, media_type: str = "") -> Index | Manifest:
    """Read a manifest or an index; ``media_type`` is what the descriptor or the registry said it is.

    Raises DocumentError for schema 1, ambiguous documents and types that contradict each other.
    """
    document = parse_json(data, what)
    declared = str(document.get("mediaType", media_type))
    if "fsLayers" in document or "vnd.docker.distribution.manifest.v1" in declared:
        raise DocumentError(
            f"{what} is a schema 1 manifest (the format before 2016), which is not supported",
            hint="push the image again, or convert it: skopeo copy --format v2s2 SOURCE DESTINATION",
        )
    is_index = "manifests" in document
    if is_index and ("config" in document or "layers" in document):
        raise DocumentError(f"{what} is both an index and a manifest")
    if declared in (MANIFEST_TYPES if is_index else INDEX_TYPES):
        raise DocumentError(f"{what} is declared as {shown(declared)} but is {'an index' if is_index else 'not an index'}")
    if is_index:
        return structure(document, Index, what)
    if "config" not in document:
        raise DocumentError(f"{what} is neither an image manifest nor an index")
    return structure(document, Manifest, what)


def parse_config(data: bytes, what: str) -> ImageConfig:
    """Read an image configuration, steps of giant ones cut; raise DocumentError when it is not one."""
    document = parse_json(data, what)
    steps = document.get("history")
    if isinstance(steps, list) and len(steps) > MAX_STEPS:
        raise DocumentError(f"{what} has {len(steps)} steps, more than {MAX_STEPS}")
    config = structure(document, ImageConfig, what)
    if config.rootfs.type != "layers":
        raise DocumentError(f"{what} has rootfs type {shown(config.rootfs.type)}, expected 'layers'")
    if len(data) > MAX_HISTORY and config.history:  # else the history fits for sure
        end = MAX_HISTORY // (3 * len(config.history))
        cut = [attrs.evolve(each, created_by=each.created_by[:end], comment=each.comment[:end], author=each.author[:end])
               for each in config.history]  # fmt: skip
        return attrs.evolve(config, history=tuple(cut))
    return config
