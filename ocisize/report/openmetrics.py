"""An image's figures as OpenMetrics text, for Prometheus (textfile collector, push gateway) and GitLab's metrics report.

Form: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md. Labels hold what stays from build to
build, so that series go on and GitLab finds the same metric in the target branch: no tag and no digest is among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

from ocisize.analysis.findings import Confidence, Severity
from ocisize.analysis.model import Analysis, Sizes
from ocisize.report.findings import repository_of
from ocisize.report.options import ReportOptions
from ocisize.report.units import printable

_Sample = tuple[Mapping[str, str], "int | float | None"]
_SIZES: Mapping[str, tuple[str, Callable[[Sizes], int | None]]] = {
    "wire": ("Bytes of layers to download with nothing cached.", lambda sizes: sizes.compressed_size),
    "unpacked": ("Content of the files stored in layers.", lambda sizes: sizes.content_size),
    "live": ("Content that a container sees.", lambda sizes: sizes.live_size),
    "disk": ("What a node's snapshots take, in blocks of 4 KiB.", lambda sizes: sizes.disk_size),
    "waste": ("Content that no container can see.", lambda sizes: sizes.wasted_size),
    "waste_wire": ("Part of the download that no container can see.", lambda sizes: sizes.wasted_compressed_size),
    "duplicate": ("Visible content that is visible at another path, too.", lambda sizes: sizes.duplicate_size),
}


def write(analysis: Analysis, file: TextIO, _: ReportOptions) -> None:
    """Write gauges for the image, its layers and its findings; what is unknown is left out."""
    image = {"image": repository_of(analysis), "platform": printable(analysis.platform)}
    for name, (text, read) in _SIZES.items():
        _write_gauge(file, f"ocisize_image_{name}_bytes", "bytes", text, [(image, read(analysis))])
    layers = [(image | {"layer": str(layer.index)}, layer) for layer in analysis.layers]
    for name in ("wire", "unpacked", "waste"):
        text, read = _SIZES[name]
        samples: list[_Sample] = [(labels, read(layer)) for labels, layer in layers]
        _write_gauge(file, f"ocisize_layer_{name}_bytes", "bytes", f"Per layer: {text}", samples)
    text = "Content that a container sees, per content stored."
    _write_gauge(file, "ocisize_image_efficiency_ratio", "ratio", text, [(image, round(analysis.efficiency, 6))])
    _write_gauge(file, "ocisize_image_layers", "", "Layers.", [(image, len(layers))])
    _write_gauge(file, "ocisize_image_files", "", "Regular files stored.", [(image, analysis.file_count)])
    _write_gauge(file, "ocisize_findings", "", "Findings by severity.", _count(analysis, image))
    text = "Bytes of download that the findings save, by how sure they are."
    _write_gauge(file, "ocisize_findings_wire_bytes", "bytes", text, _savings(analysis, image))
    file.write("# EOF\n")


def _count(analysis: Analysis, image: Mapping[str, str]) -> list[_Sample]:
    counts = Counter(finding.severity for finding in analysis.advice.findings)
    return [({**image, "severity": str(severity)}, counts[severity]) for severity in Severity]


def _savings(analysis: Analysis, image: Mapping[str, str]) -> list[_Sample]:
    known = analysis.compressed_size is not None
    return [
        ({**image, "confidence": str(each)}, analysis.advice.saving(each).compressed_size if known else None)
        for each in Confidence
    ]


def _write_gauge(file: TextIO, name: str, unit: str, text: str, samples: list[_Sample]) -> None:
    lines = [f"{name}{{{','.join(_labels(labels))}}} {value}\n" for labels, value in samples if value is not None]
    if lines:
        file.write(f"# TYPE {name} gauge\n")
        if unit:
            file.write(f"# UNIT {name} {unit}\n")
        file.write(f"# HELP {name} {text}\n")
        file.writelines(lines)


def _labels(labels: Mapping[str, str]) -> Iterator[str]:
    for name, value in labels.items():
        escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        yield f'{name}="{escaped}"'
