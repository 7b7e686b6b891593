"""The first lines of reports for people: name, form and figures of an image, and the digests that were verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.system import Runtime
from ocisize.oci.documents import UNKNOWN
from ocisize.patterns import lazy_pattern
from ocisize.report.words.download import describe_estimate, human_download
from ocisize.report.words.figures import FIGURES
from ocisize.report.words.flow import SEPARATOR
from ocisize.report.words.incomplete import mark_incomplete
from ocisize.report.words.units import human_size, percent
from ocisize.text import count_of, name_input

if TYPE_CHECKING:
    from ocisize.model.outline import Outline

_FORMATS = {
    "registry": "registry",
    "docker-archive": "docker archive",
    "oci-archive": "OCI archive",
    "oci-layout": "OCI layout",
    "dir": "dir: folder",
    "rootfs": "root filesystem",
    "containers-storage": "storage of podman",
    "containerd": "containerd",
    "docker-store": "Docker's store",
}
_UNPACKED_STORES = ("containers-storage", "docker-store")  # formats whose layers are rebuilt from files

_PARENTHESES = lazy_pattern(r" \(.*?\)")
_MAX_RUNTIMES = 2  # that are named
_PART_OF_SYSTEMS = ("perl",)  # runtimes that base images of distributions bring along


def name_image(image: Analysis | Outline) -> str:
    """The name of the image: the input as given, and the image's own name if it differs."""
    if image.format == "registry" and image.reference:
        return image.reference
    source = name_input(image.source)
    return source if image.reference in (None, source) else f"{source} · {image.reference}"


def describe_facts(analysis: Analysis) -> list[str]:
    """The mirror, platform, number of layers, operating system and runtimes, in a few words each."""
    system = analysis.system
    facts = [describe_platform(analysis), f"{count_of(len(analysis.layers), 'layer')}{_mark_tocs(analysis.layers)}"]
    names = [] if system.os is None else [_without_parentheses(system.os.name).replace(" GNU/Linux", "")]
    names += [f"{runtime.title} {runtime.version}".rstrip() for runtime in _main_runtimes(analysis)]
    origin = [f"from {analysis.mirror}"] if analysis.mirror else []
    return [*origin, *facts, *([", ".join(names)] if names else [])]


def _mark_tocs(layers: Sequence[LayerAnalysis]) -> str:
    """How many layers were read from their tables of contents, in parentheses; "" if none was."""
    parts = []
    for verified, table in ((True, "the table of contents"), (False, "an unverified table of contents")):
        if count := sum(layer.toc is not None and layer.toc.verified is verified for layer in layers):
            parts.append(f"{f'{count} ' if count < len(layers) else ''}from {table}")
    return f" ({', '.join(parts)})" if parts else ""


def _without_parentheses(name: str) -> str:
    return _PARENTHESES.sub("", name) if "(" in name else name


def describe_platform(image: Analysis | Outline) -> str:
    """The platform, or that it is unknown, as of a root filesystem."""
    return "platform unknown" if image.platform == UNKNOWN else image.platform


def _main_runtimes(analysis: Analysis) -> list[Runtime]:
    """The first runtimes above the base image, or of the base image; those of a known version if there are any."""
    base = 0 if analysis.base is None else analysis.base.found.certain_layers
    runtimes = analysis.system.runtimes
    own = [runtime for runtime in runtimes if runtime.layer >= base]
    chosen = own or [runtime for runtime in runtimes if runtime.name not in _PART_OF_SYSTEMS]
    return ([runtime for runtime in chosen if runtime.version] or chosen)[:_MAX_RUNTIMES]


def describe_weight(analysis: Analysis) -> list[str]:
    """Download, unpacked size and waste, in a few words each; a single part for an unknown download."""
    unpacked = mark_incomplete(analysis, "Unpacked", human_size(analysis.content_size))
    wasted = mark_incomplete(analysis, "Waste", human_size(analysis.wasted_size)) if analysis.wasted_size else "no"
    weight = [f"{human_download(analysis)} download"] if analysis.expected_compressed_size is not None else []
    parts = [*weight, f"{unpacked} unpacked", f"{wasted} hidden waste"]
    return parts if weight or not analysis.complete else [*parts, "download size unknown (uncompressed layers)"]


def describe_form(analysis: Analysis) -> str:
    """Platform, format, number of layers, compression and creation date."""
    compressions = ", ".join(sorted({layer.compression for layer in analysis.layers if layer.failure is None}))
    origin = f"mirror {analysis.mirror}" if analysis.mirror else _FORMATS.get(analysis.format, analysis.format)
    stored = f"{origin}, {count_of(len(analysis.layers), 'layer')}"
    created = f" · created {analysis.created[:10]}" if analysis.created else ""
    return f"{describe_platform(analysis)} · {stored}{f' ({compressions})' if compressions else ''}{created}"


def describe_identity(analysis: Analysis) -> str:
    """The digest of the manifest, or of the config if there is no manifest, or of the only layer if there is neither."""
    if analysis.format == "rootfs":
        return f"the file's digest {analysis.layers[0].digest}"
    return f"manifest {analysis.digest}" if analysis.digest else f"image id {analysis.config_digest}"


def describe_verification(layers: Sequence[LayerAnalysis], image_format: str = "") -> str:
    """Which digests were verified."""
    if image_format == "rootfs":
        return "nothing to verify: a root filesystem has no digests"
    if not layers:
        return "nothing to verify: there are no layers"
    count = len(layers)
    layers = [layer for layer in layers if layer.failure is None]
    if len(layers) < count:
        text = describe_verification(layers, image_format).replace("every layer", "every layer that was read")
        return text if layers else "nothing verified: no layer could be read"
    unverified = [layer for layer in layers if not (layer.digest_verified or layer.diff_id_verified)]
    if not unverified:
        unpacked = all(layer.diff_id_verified for layer in layers)
        stored = all(layer.digest_verified for layer in layers)
        how = " as stored and as unpacked" if unpacked and stored else " as unpacked" if unpacked else ""
        return f"verified: the digest of every layer{how}"
    if image_format in _UNPACKED_STORES:
        return f"not verified: {count_of(len(unverified), 'layer')} of which the store has no headers"
    return f"not verified: {' and '.join(_list_unverified(unverified))} (--verify checks)"


def _list_unverified(layers: Sequence[LayerAnalysis]) -> list[str]:
    """How layers were read whose digests were not verified."""
    from_toc = sum(layer.toc is not None and layer.toc.verified for layer in layers)
    unverified = sum(layer.toc is not None and not layer.toc.verified for layer in layers)
    texts = []
    if from_toc:
        texts.append(f"the content of {count_of(from_toc, 'layer')}, read from the table of contents")
    if unverified:
        texts.append(f"the content of {count_of(unverified, 'layer')}, read from an unverified table of contents")
    if in_place := len(layers) - from_toc - unverified:
        texts.append(f"{in_place} plain layer{'s were' if in_place > 1 else ' was'} read in place")
    return texts


def describe_trust(hosts: Sequence[str]) -> list[str]:
    """A line that names the registries whose identity was not verified; [] if there are none.

    >>> describe_trust(["reg.corp:5000"])
    ['not verified: the identity of reg.corp:5000; another server could have answered']
    """
    return [f"not verified: the identity of {' and '.join(hosts)}; another server could have answered"] if hosts else []


def list_figures(analysis: Analysis) -> list[tuple[str, str, str]]:
    """The image's figures: name, value, and an explanation with details."""
    download, wasted_download = analysis.compressed_size, analysis.wasted_compressed_size
    waste = f"{mark_incomplete(analysis, 'Efficiency', percent(analysis.wasted_ratio))} of the unpacked content"
    if download is not None:
        details = f"{download:,} bytes"
    else:
        details = describe_estimate(analysis) or "layers in this file are uncompressed"
    if download is not None and wasted_download is not None:
        share = f" ({percent(wasted_download / download)})" if download else ""
        waste += f", {mark_incomplete(analysis, 'Waste', human_size(wasted_download))} of the download{share}"
    files = mark_incomplete(analysis, "Unpacked", f"{analysis.file_count:,}")
    rows = [
        ("Download", human_download(analysis), details),
        ("Unpacked", human_size(analysis.content_size), f"{files} files"),
        ("Live", human_size(analysis.live_size), ""),
        ("Waste", human_size(analysis.wasted_size), waste),
        ("Duplicates", human_size(analysis.duplicate_size), ""),
        ("On disk", human_size(analysis.disk_size), ""),
        ("Efficiency", percent(analysis.efficiency), ""),
    ]
    if analysis.dive is not None:
        rows.append(("dive", percent(analysis.dive.efficiency), f"wasted {human_size(analysis.dive.wasted_size)}"))
    return [
        (name, mark_incomplete(analysis, name, value), FIGURES[name] + (f"{SEPARATOR}{more}" if more else ""))
        for name, value, more in rows
    ]
