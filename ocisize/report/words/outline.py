"""An outline in words: what the manifest and the config say, in a few words each, and what only the layers would say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ocisize.history.base_image import parse_time
from ocisize.model.outline import LayerOutline, Outline
from ocisize.report.words.context import describe_found
from ocisize.report.words.image import describe_platform
from ocisize.report.words.units import human_size
from ocisize.text import count_of, plural

if TYPE_CHECKING:
    from ocisize.oci.documents import RunConfig

NOT_KNOWN = "The layers were not read: unpacked size, waste, files and secrets in files are not known"
UNKNOWN_DOWNLOAD = "download unknown (uncompressed layers)"
_KEY = "org.opencontainers.image."  # of labels and annotations that OCI defines
_LABELS = ("version", "revision", "source", "licenses", "vendor")
_MAX_REVISION = 12  # characters
_WORD_OF = {"estargz": "eStargz"}  # tables of contents, as their projects write them


def describe_facts(outline: Outline) -> list[str]:
    """The mirror, platform, number of layers with their compression, and the day of creation, in a few words each."""
    version = f" {outline.os_version}" if outline.os_version else ""
    forms = list(dict.fromkeys(name_form(layer) for layer in outline.layers))
    layers = count_of(len(outline.layers), "layer") + (f" ({', '.join(forms)})" if forms else "")
    facts = [f"from {outline.mirror}"] if outline.mirror else []
    facts += [f"{describe_platform(outline)}{version}", layers]
    day = day_of(outline.created)
    return facts + ([f"created {day}"] if day else [])


def name_form(layer: LayerOutline) -> str:
    """The compression of a layer, or the format of its table of contents."""
    name = layer.toc_format or layer.compression
    return _WORD_OF.get(name, name)


def day_of(created: str) -> str:
    """The day of a time of RFC 3339; "" for other texts, and for the placeholders of reproducible builds.

    >>> day_of("2026-11-21T09:01:01Z"), day_of("1970-01-01T00:00:00Z"), day_of("now")
    ('2026-11-21', '', '')
    """
    return created[:10] if parse_time(created) is not None else ""


def describe_download(outline: Outline) -> str:
    """The download, or that it is unknown and the size of the uncompressed layers.

    >>> import ocisize
    >>> describe_download(ocisize.Analyzer().outline("testdata/example.tar"))
    '1.59 MB download'
    """
    if outline.compressed_size is not None:
        return f"{human_size(outline.compressed_size)} download"
    return f"{UNKNOWN_DOWNLOAD}, {human_size(outline.blob_size)} as saved"


def describe_base(outline: Outline) -> str:
    """The base image with its part of the download; "" if no base image is known."""
    if outline.base is None:
        return ""
    size = outline.base_compressed_size
    return f"{'' if size is None else f'{human_size(size)}, '}{describe_found(outline.base)}"


def describe_own(outline: Outline) -> str:
    """The part of the download that the layers above the base image take; "" if that is unknown."""
    if outline.base is None or outline.own_compressed_size is None:
        return ""
    count = len(outline.layers) - outline.base.layers
    return f"{human_size(outline.own_compressed_size)}, {count_of(count, 'layer')} above the base image"


def describe_config(run: RunConfig) -> Iterator[str]:
    """How containers run, in the words of a Dockerfile; of variables only the names."""
    yield f"USER {run.user}" if run.user else "no USER"
    if run.entrypoint:
        yield f"ENTRYPOINT {_exec_form(run.entrypoint)}"
    if run.cmd:
        yield f"CMD {_exec_form(run.cmd)}"
    if run.working_dir:
        yield f"WORKDIR {run.working_dir}"
    if run.exposed_ports:
        yield f"EXPOSE {' '.join(run.exposed_ports)}"
    if run.volumes:
        yield f"VOLUME {' '.join(run.volumes)}"
    if run.healthcheck:
        yield f"HEALTHCHECK {_exec_form(run.healthcheck)}"
    if run.stop_signal:
        yield f"STOPSIGNAL {run.stop_signal}"
    if run.env:
        yield f"ENV {', '.join(pair.partition('=')[0] for pair in run.env)}"


def _exec_form(words: Sequence[str]) -> str:
    return json.dumps(list(words), ensure_ascii=False)


def describe_labels(outline: Outline) -> Iterator[str]:
    """The labels or annotations that say which version of which source the image is made of."""
    for name in _LABELS:
        value = outline.annotations.get(_KEY + name) or outline.run.labels.get(_KEY + name)
        if value:
            yield f"{name} {value[:_MAX_REVISION] if name == 'revision' else value}"


def describe_index(outline: Outline) -> str:
    """The platforms of the index that the image was chosen from, and what else it has; "" without an index."""
    if not outline.platforms:
        return ""
    others = f"; {count_of(outline.attestations, 'attestation')}" if outline.attestations else ""
    return f"{count_of(len(outline.platforms), 'platform')}: {', '.join(outline.platforms)}{others}"


def describe_identity(outline: Outline) -> str:
    """The digest of the manifest, or of the config if there is no manifest."""
    return outline.digest or f"{outline.config_digest} (image ID)"


def describe_secrets(outline: Outline) -> list[str]:
    """Sentences on the secrets in the environment and the build steps; [] if there are none."""
    count = len(outline.secrets)
    if not count:
        return []
    it = "it" if count == 1 else "them"
    where = f"{plural(count, 'secret')} in the environment or the build steps"
    return [f"{', '.join(outline.secrets)}: {where}.", f"Revoke {it}: anyone with the image can read {it}."]
