"""The first lines of reports for people: name, form and figures of an image, and the digests that were verified."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.analysis import Analysis, DiveFigures, LayerAnalysis
from ocisize.model.sizes import estimate_download
from ocisize.report.words.incomplete import mark_incomplete
from ocisize.report.words.units import human_size, percent
from ocisize.text import count_of

_FORMATS = {
    "registry": "registry",
    "docker-archive": "docker archive",
    "oci-archive": "OCI archive",
    "oci-layout": "OCI layout",
}


def name_image(analysis: Analysis) -> str:
    """The name of the image: the input as given, and the image's own name if it differs."""
    if analysis.format == "registry" and analysis.reference:
        return analysis.reference
    if analysis.reference in (None, analysis.source):
        return analysis.source
    return f"{analysis.source} · {analysis.reference}"


def describe_form(analysis: Analysis) -> str:
    """Platform, format, number of layers, compression and creation date."""
    compressions = ", ".join(sorted({layer.compression for layer in analysis.layers if layer.failure is None}))
    stored = f"{_FORMATS.get(analysis.format, analysis.format)}, {count_of(len(analysis.layers), 'layer')}"
    created = f" · created {analysis.created[:10]}" if analysis.created else ""
    return f"{analysis.platform} · {stored}{f' ({compressions})' if compressions else ''}{created}"


def describe_identity(analysis: Analysis) -> str:
    """The digest of the manifest, or of the config if there is no manifest."""
    return f"manifest {analysis.digest}" if analysis.digest else f"image id {analysis.config_digest}"


def describe_verification(layers: Sequence[LayerAnalysis]) -> str:
    """Which digests were verified."""
    if not layers:
        return "nothing to verify: there are no layers"
    count = len(layers)
    layers = [layer for layer in layers if layer.failure is None]
    if len(layers) < count:
        text = describe_verification(layers).replace("every layer", "every layer that was read")
        return text if layers else "nothing verified: no layer could be read"
    unverified = sum(not (layer.digest_verified or layer.diff_id_verified) for layer in layers)
    if not unverified:
        contents = all(layer.diff_id_verified for layer in layers)
        return f"verified: the digest of every layer{' as stored and as unpacked' if contents else ''}"
    return f"not verified: {unverified} plain layer{'s were' if unverified > 1 else ' was'} read in place (--verify checks)"


def list_figures(analysis: Analysis) -> list[tuple[str, str, str]]:
    """The image's figures: name, value, note."""
    download, wasted_download = analysis.compressed_size, analysis.wasted_compressed_size
    waste_note = f"hidden by later layers: {mark_incomplete(analysis, 'Efficiency', percent(analysis.wasted_ratio))}"
    if download is None and not analysis.complete:
        download_note = "layers in this file are uncompressed"
    elif download is None:
        download_note = (
            f"layers in this file are uncompressed; compressed about {human_size(estimate_download(analysis.content_size))}"
        )
    else:
        download_note = f"{download:,} bytes of layers to download with nothing cached"
        share = f" ({percent((wasted_download or 0) / download)})" if download else ""
        waste_note += f", download {mark_incomplete(analysis, 'Waste', human_size(wasted_download))}{share}"
    files = mark_incomplete(analysis, "Unpacked", f"{analysis.file_count:,}")
    figures = [
        ("Download", human_size(download), download_note),
        ("Unpacked", human_size(analysis.content_size), f"{files} files in all layers"),
        ("Live", human_size(analysis.live_size), "what a container sees"),
        ("Waste", human_size(analysis.wasted_size), waste_note),
        ("Duplicates", human_size(analysis.duplicate_size), "same content at several visible paths"),
        ("On disk", human_size(analysis.disk_size), "disk space used on each host, in 4 KiB blocks"),
        ("Efficiency", percent(analysis.efficiency), "live / unpacked; counts hidden files only"),
    ]
    if analysis.dive is not None:
        figures.append(("dive", percent(analysis.dive.efficiency), _dive_note(analysis.dive)))
    return [(name, mark_incomplete(analysis, name, value), note) for name, value, note in figures]


def _dive_note(figures: DiveFigures) -> str:
    return f"as dive measures it, wasted {human_size(figures.wasted_size)}; see docs/numbers.md"
