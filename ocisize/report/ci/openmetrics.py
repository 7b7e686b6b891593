"""An image's figures as OpenMetrics text, for Prometheus (textfile collector, push gateway) and GitLab's metrics report.

Form: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md. Labels are the repository and the
platform, without tag and digest: they stay the same from build to build, so that series continue and GitLab finds the
same metric in the target branch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Advice, Confidence, Severity
from ocisize.model.plan import Plan
from ocisize.model.sizes import Sizes
from ocisize.report.ci.gauges import END, Sample, write_gauge
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.findings import repository_of
from ocisize.text import printable

#: part of a metric's name → help text, and the attribute of Sizes
_SIZES: Mapping[str, tuple[str, Callable[[Sizes], int | None]]] = {
    "compressed": ("Bytes of layers to download with nothing cached.", lambda sizes: sizes.compressed_size),
    "content": ("Content of the files in all layers.", lambda sizes: sizes.content_size),
    "live": ("Content that a container sees.", lambda sizes: sizes.live_size),
    "disk": ("Disk space used on each host, in blocks of 4 KiB.", lambda sizes: sizes.disk_size),
    "wasted": ("Content that no container can see.", lambda sizes: sizes.wasted_size),
    "wasted_compressed": ("Part of the download that no container can see.", lambda sizes: sizes.wasted_compressed_size),
    "duplicate": ("Visible content that is also at another visible path.", lambda sizes: sizes.duplicate_size),
}
_OF_LAYERS = ("compressed", "content", "wasted")


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write gauges for the images, their layers, findings, plans and budgets; unknown figures are left out."""
    images = [(_labels_of(image), image.analysis) for image in subject.images]
    text = "Layers that could not be read; figures that depend on them are omitted."
    write_gauge(file, "ocisize_unread_layers", "", text, [(labels, len(image.unread)) for labels, image in images])
    whole = [(labels, image) for labels, image in images if image.complete]
    for name, (text, read) in _SIZES.items():
        known = images if name == "compressed" else whole
        write_gauge(file, f"ocisize_image_{name}_bytes", "bytes", text, [(labels, read(image)) for labels, image in known])
    layers = [({**labels, "layer": str(layer.index)}, layer) for labels, image in whole for layer in image.layers]
    for name in _OF_LAYERS:
        text, read = _SIZES[name]
        samples: list[Sample] = [(labels, read(layer)) for labels, layer in layers]
        write_gauge(file, f"ocisize_layer_{name}_bytes", "bytes", f"Per layer: {text}", samples)
    text = "Content that a container sees, per content stored."
    efficiency: list[Sample] = [(labels, round(image.efficiency, 6)) for labels, image in whole]
    write_gauge(file, "ocisize_image_efficiency_ratio", "ratio", text, efficiency)
    write_gauge(file, "ocisize_image_layers", "", "Layers.", [(labels, len(image.layers)) for labels, image in images])
    files: list[Sample] = [(labels, image.file_count) for labels, image in whole]
    write_gauge(file, "ocisize_image_files", "", "Regular files stored.", files)
    read_images = [image for image in subject.images if image.analysis.complete]
    counts = [sample for image in read_images for sample in _count(image)]
    write_gauge(file, "ocisize_findings", "", "Findings by severity.", counts)
    secrets: list[Sample] = [(_labels_of(image), len(image.secrets)) for image in read_images]
    write_gauge(file, "ocisize_secrets", "", "Findings about secrets in the image.", secrets)
    text = "Bytes of download that the findings save, by how safe they are."
    savings = [sample for image in read_images for sample in _savings(image, image.analysis.advice)]
    write_gauge(file, "ocisize_findings_compressed_bytes", "bytes", text, savings)
    text = "Bytes of download that the image loses if the plan is carried out, by how safe the steps are."
    planned = [sample for image in read_images for sample in _savings(image, image.analysis.plan)]
    write_gauge(file, "ocisize_plan_compressed_bytes", "bytes", text, planned)
    _write_end(subject.images, file)


def write_manifest_gauges(images: Sequence[ReportedImage], file: TextIO) -> None:
    """Write the gauges whose figures the manifest has: the downloads of images and layers, the layers, and the budgets."""
    labelled = [(_labels_of(image), image.analysis) for image in images]
    text, read = _SIZES["compressed"]
    downloads: list[Sample] = [(labels, read(image)) for labels, image in labelled]
    write_gauge(file, "ocisize_image_compressed_bytes", "bytes", text, downloads)
    of_layers: list[Sample] = [
        ({**labels, "layer": str(layer.index)}, read(layer)) for labels, image in labelled for layer in image.layers
    ]
    write_gauge(file, "ocisize_layer_compressed_bytes", "bytes", f"Per layer: {text}", of_layers)
    counts: list[Sample] = [(labels, len(image.layers)) for labels, image in labelled]
    write_gauge(file, "ocisize_image_layers", "", "Layers.", counts)
    _write_end(images, file)


def _write_end(images: Sequence[ReportedImage], file: TextIO) -> None:
    outcomes = [sample for image in images for sample in _outcomes(image)]
    write_gauge(file, "ocisize_budgets", "", "Budgets by outcome.", outcomes)
    file.write(END)


def _labels_of(image: ReportedImage) -> dict[str, str]:
    return {"image": repository_of(image.analysis), "platform": printable(image.analysis.platform)}


def _count(image: ReportedImage) -> Iterator[Sample]:
    counts = Counter(finding.severity for finding in image.findings)
    return (({**_labels_of(image), "severity": str(severity)}, counts[severity]) for severity in Severity)


def _savings(image: ReportedImage, changes: Advice | Plan) -> Iterator[Sample]:
    """The download that changes of each confidence save; nothing if the download is unknown."""
    if image.analysis.compressed_size is not None:
        for confidence in Confidence:
            yield {**_labels_of(image), "confidence": str(confidence)}, changes.saving(confidence).compressed_size


def _outcomes(image: ReportedImage) -> Iterator[Sample]:
    """How many budgets failed, warned and passed, without skipped ones; nothing without budgets."""
    counts = Counter(verdict.outcome for verdict in image.verdicts if verdict.status is not BudgetStatus.SKIPPED)
    outcomes = (BudgetStatus.FAIL, BudgetStatus.WARN, BudgetStatus.PASS) if image.verdicts else ()
    return (({**_labels_of(image), "outcome": str(outcome)}, counts[outcome]) for outcome in outcomes)
