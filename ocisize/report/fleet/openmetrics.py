"""The figures of a fleet as OpenMetrics text, for a dashboard over time.

Labels are names of repositories, stores, labels and nodes, and no tags or digests, so that series continue. Of each kind
only the MAX_SERIES with the largest shares are written; ``ocisize_fleet_omitted_groups`` counts the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TextIO

from ocisize.model.findings import Category
from ocisize.model.fleet_figures import FleetFigures, GroupFigures, GroupKind
from ocisize.model.fleet_files import FleetFiles, JunkFigures
from ocisize.report.ci.gauges import END, Sample, write_gauge
from ocisize.report.fleet.subject import FleetSubject
from ocisize.text import printable

MAX_SERIES = 200  #: groups of one kind
#: end of a metric's name → unit, help text and figure
_TOTALS: Mapping[str, tuple[str, str, Callable[[FleetFigures], int | float | None]]] = {
    "logical_bytes": ("bytes", "Sizes of all images added up.", lambda figures: figures.logical_size),
    "stored_bytes": ("bytes", "Bytes of distinct blobs, once in each store.", lambda figures: figures.stored_size),
    "unique_bytes": ("bytes", "Bytes that only one image needs.", lambda figures: figures.unique_size),
    "recompressed_bytes": (
        "bytes", "Bytes that stores save if each layer is compressed in one way only.", lambda figures: figures.twins_size,
    ),
    "sharing_ratio": (
        "ratio", "Logical bytes divided by stored bytes.",
        lambda figures: None if figures.sharing_ratio is None else round(figures.sharing_ratio, 6),
    ),
    "references": ("", "Names of images.", lambda figures: figures.references),
    "images": ("", "Distinct manifests of images.", lambda figures: figures.images),
    "layers": ("", "Distinct blobs of layers, in each store.", lambda figures: figures.layers),
    "blobs": ("", "Distinct blobs and manifests, in each store.", lambda figures: figures.blobs),
    "failures": (
        "", "References that could not be read; the other figures are without them.",
        lambda figures: len(figures.fleet.failures),
    ),
}  # fmt: skip
#: likewise of groups, all in bytes
_OF_GROUPS: Mapping[str, tuple[str, Callable[[GroupFigures], int]]] = {
    "logical": ("Sizes of the images added up.", lambda group: group.logical_size),
    "stored": ("Bytes of distinct blobs, once in each store.", lambda group: group.stored_size),
    "unique": ("Bytes that deleting all references of the group frees.", lambda group: group.unique_size),
    "amortised": ("Part of the stores, with each blob split evenly.", lambda group: group.amortised_size),
}
#: likewise of files
_OF_FILES: Mapping[str, tuple[str, str, Callable[[FleetFiles], int | float | None]]] = {
    "files": ("", "Files with content in all layers, each layer once.", lambda files: files.layer_files.total_count),
    "files_bytes": (
        "bytes",
        "Content of the files in all layers, each layer once.",
        lambda files: files.layer_files.total_size,
    ),
    "files_excess_bytes": ("bytes", "Content of all copies of a file but one.", lambda files: files.excess_size),
    "unread_layers": (
        "",
        "Layers that could not be read; figures of files are without them.",
        lambda files: len(files.unread),
    ),
    "secrets": ("", "Distinct files that look like secrets.", lambda files: files.secret_count),
}
#: likewise of files that images rarely need, in bytes
_OF_JUNK: Mapping[str, tuple[str, Callable[[JunkFigures], int]]] = {
    "once": ("Files that images rarely need, each layer once.", lambda junk: junk.size),
    "logical": ("Files that images rarely need, for each image that has the layer.", lambda junk: junk.logical_size),
}
_CATEGORIES = (
    Category.CACHE, Category.TEMPORARY, Category.BUILD, Category.DEVELOPMENT, Category.DOCUMENTATION, Category.TEST,
    Category.LOG, Category.LEFTOVER, Category.OTHER,
)  # fmt: skip


def write(subject: FleetSubject, file: TextIO) -> None:
    """Write gauges of the fleet and of its groups; unknown figures are left out."""
    figures = subject.figures
    for name, (unit, text, read) in _TOTALS.items():
        write_gauge(file, f"ocisize_fleet_{name}", unit, text, [({}, read(figures))])
    groups = {kind: figures.of_kind(kind) for kind in GroupKind}
    for kind, members in groups.items():
        shown = members[:MAX_SERIES]
        for name, (text, size_of) in _OF_GROUPS.items():
            samples: list[Sample] = [({kind.value: printable(group.name)}, size_of(group)) for group in shown]
            write_gauge(file, f"ocisize_fleet_{kind.value}_{name}_bytes", "bytes", f"By {kind.value}: {text}", samples)
    omitted: list[Sample] = [
        ({"kind": kind.value}, max(len(members) - MAX_SERIES, 0)) for kind, members in groups.items() if members
    ]
    text = "Groups that are left out because others have larger shares."
    write_gauge(file, "ocisize_fleet_omitted_groups", "", text, omitted)
    if subject.files is not None:
        _write_files(subject.files, file)
    file.write(END)


def _write_files(files: FleetFiles, file: TextIO) -> None:
    """Write gauges of the files in the layers."""
    for name, (unit, text, read) in _OF_FILES.items():
        write_gauge(file, f"ocisize_fleet_{name}", unit, text, [({}, read(files))])
    for name, (text, size_of) in _OF_JUNK.items():
        samples: list[Sample] = [
            ({"category": category.value}, sum(size_of(junk) for junk in files.junk if junk.category is category))
            for category in _CATEGORIES
        ]
        write_gauge(file, f"ocisize_fleet_junk_{name}_bytes", "bytes", text, samples)
