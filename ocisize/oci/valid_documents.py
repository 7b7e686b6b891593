"""Readers of decoded JSON that is valid, as values; other documents are left to ``structure``, which names their problems.

A reader accepts nothing that ``structure`` refuses, and returns an equal value: it raises LookupError, TypeError or
ValueError for fields that are absent, of another type, or spelled in another case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocisize.blob.digest import Digest
from ocisize.oci.documents import (
    BuildInfo,
    Descriptor,
    History,
    ImageConfig,
    Index,
    Manifest,
    Platform,
    RootFs,
    RunConfig,
)
from ocisize.oci.strict_json import expect_object, expect_pairs, expect_text, expect_texts, expect_type

#: what a reader raises for a document that leaves any doubt
DOUBTS = (LookupError, TypeError, ValueError)
BUILD_INFO = "moby.buildkit.buildinfo.v1"  #: the name of ``ImageConfig.build_info`` in JSON

_PLATFORM = frozenset({"os", "architecture", "variant", "os.version"})
_DESCRIPTOR = frozenset({"digest", "size", "mediaType", "annotations", "platform", "artifactType", "urls"})
_INDEX = frozenset({"manifests", "mediaType", "annotations"})
_MANIFEST = frozenset({"config", "layers", "mediaType", "artifactType", "annotations", "subject"})
_HISTORY = frozenset({"created", "created_by", "author", "comment", "empty_layer"})
_ROOT_FS = frozenset({"type", "diff_ids"})
_CONFIG = frozenset({"rootfs", "os", "architecture", "variant", "os.version", "created", "history", "config", BUILD_INFO})


def read_platform(document: object) -> Platform:
    """Return a platform.

    >>> str(read_platform({"os": "linux", "architecture": "arm64"}))
    'linux/arm64'
    """
    fields = expect_object(document, _PLATFORM)
    return Platform(
        os=expect_text(fields, "os"),
        architecture=expect_text(fields, "architecture"),
        variant=_expect_optional_text(fields, "variant"),
        os_version=_expect_optional_text(fields, "os.version"),
    )


def read_descriptor(document: object) -> Descriptor:
    """Return a descriptor.

    >>> read_descriptor({"digest": "sha256:beef", "size": 2})
    Traceback (most recent call last):
    ValueError: 'sha256:beef' is not a digest
    """
    fields = expect_object(document, _DESCRIPTOR)
    return Descriptor(
        digest=Digest(expect_type(fields["digest"], str)),
        size=expect_type(fields["size"], int),
        media_type=expect_text(fields, "mediaType"),
        annotations=expect_pairs(fields, "annotations"),
        platform=read_platform(fields["platform"]) if "platform" in fields else None,
        artifact_type=_expect_optional_text(fields, "artifactType"),
        urls=expect_texts(fields, "urls"),
    )


def read_index(document: object) -> Index:
    """Return an index.

    >>> read_index({"manifests": []}).manifests
    ()
    """
    fields = expect_object(document, _INDEX)
    return Index(
        manifests=tuple(map(read_descriptor, expect_type(fields["manifests"], list))),
        media_type=expect_text(fields, "mediaType"),
        annotations=expect_pairs(fields, "annotations"),
    )


def read_manifest(document: object) -> Manifest:
    """Return a manifest.

    >>> read_manifest({"config": {"digest": "sha256:" + 64 * "0", "size": 2}, "Layers": []})
    Traceback (most recent call last):
    ValueError: the name 'Layers' must be written 'layers'
    """
    fields = expect_object(document, _MANIFEST)
    return Manifest(
        config=read_descriptor(fields["config"]),
        layers=tuple(map(read_descriptor, expect_type(fields.get("layers", []), list))),
        media_type=expect_text(fields, "mediaType"),
        artifact_type=_expect_optional_text(fields, "artifactType"),
        annotations=expect_pairs(fields, "annotations"),
        subject=read_descriptor(fields["subject"]) if "subject" in fields else None,
    )


def read_config(document: object) -> ImageConfig:
    """Return an image config.

    >>> read_config({"rootfs": {}, "os": "linux", "history": [{"created_by": "RUN make"}]}).history[0].created_by
    'RUN make'
    """
    fields = expect_object(document, _CONFIG)
    return ImageConfig(
        rootfs=_read_root_fs(fields["rootfs"]),
        os=expect_text(fields, "os"),
        architecture=expect_text(fields, "architecture"),
        variant=_expect_optional_text(fields, "variant"),
        os_version=_expect_optional_text(fields, "os.version"),
        created=expect_text(fields, "created"),
        history=tuple(map(_read_step, expect_type(fields.get("history", []), list))),
        run=read_run(fields.get("config")),
        build_info=read_build_info(fields.get(BUILD_INFO)),
    )


def read_build_info(value: object) -> BuildInfo:
    """Return BuildKit's notes, "" for a value of a wrong type: no size depends on them.

    >>> read_build_info("e30="), read_build_info([])
    ('e30=', '')
    """
    return BuildInfo(_text(value))


def read_run(document: object) -> RunConfig:
    """Return a run config, without fields of a wrong type: no size depends on them.

    >>> run = read_run({"User": "app", "Env": "PATH=/bin", "ExposedPorts": {"80/tcp": {}}})
    >>> run.user, run.env, run.exposed_ports
    ('app', (), ('80/tcp',))
    """
    fields = _object(document)
    health = _object(fields.get("Healthcheck"))
    test = _texts(health.get("Test"))
    return RunConfig(
        user=_text(fields.get("User")),
        env=_texts(fields.get("Env")),
        entrypoint=_texts(fields.get("Entrypoint")),
        cmd=_texts(fields.get("Cmd")),
        working_dir=_text(fields.get("WorkingDir")),
        exposed_ports=tuple(_object(fields.get("ExposedPorts"))),
        volumes=tuple(_object(fields.get("Volumes"))),
        labels={name: value for name, value in _object(fields.get("Labels")).items() if type(value) is str},
        healthcheck=() if test == ("NONE",) else test,
        stop_signal=_text(fields.get("StopSignal")),
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if type(value) is str else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if type(item) is str) if isinstance(value, list) else ()


def _read_root_fs(document: object) -> RootFs:
    fields = expect_object(document, _ROOT_FS)
    return RootFs(
        type=expect_text(fields, "type", "layers"),
        diff_ids=tuple(map(Digest, expect_texts(fields, "diff_ids"))),
    )


def _read_step(document: object) -> History:
    fields = expect_object(document, _HISTORY)
    return History(
        created=expect_text(fields, "created"),
        created_by=expect_text(fields, "created_by"),
        author=expect_text(fields, "author"),
        comment=expect_text(fields, "comment"),
        empty_layer=expect_type(fields.get("empty_layer", False), bool),
    )


def _expect_optional_text(fields: Mapping[str, Any], name: str) -> str | None:
    return expect_type(fields[name], str) if name in fields else None
