"""A fleet as CSV: a row for each image, and for each reference that could not be read.

Form: RFC 4180, with a header; sizes are bytes. An index of several platforms is one image, as it is deleted as one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from ocisize.model.fleet import Root
from ocisize.model.fleet_figures import FleetFigures, RootFigures
from ocisize.report.export.csv import escape_cell
from ocisize.report.fleet.subject import FleetSubject
from ocisize.report.fleet.words import list_platforms

_SIZES = ("total_size", "unique_size", "shared_size", "amortised_size", "marginal_pull_size")
_HEAD = (
    "image", "other_references", "labels", "nodes", "store", "digest", "is_index", "platforms", "created", "base_name",
    *_SIZES, "closest_image", "closest_size", "failure",
)  # fmt: skip
_FAILURE_CELLS = len(_HEAD) - 2  # empty ones between the reference and the message


def write(subject: FleetSubject, file: TextIO) -> None:
    """Write a row for each digest that references name, in the order of the input; several names in a cell have spaces."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(_HEAD)
    writer.writerows(_rows(subject.figures))
    for failure in subject.figures.fleet.failures:
        writer.writerow((escape_cell(failure.reference), *[None] * _FAILURE_CELLS, escape_cell(failure.message)))


def _rows(figures: FleetFigures) -> Iterator[tuple[object, ...]]:
    fleet = figures.fleet
    for root, sizes in zip(fleet.roots, figures.roots, strict=True):
        closest = None if sizes.closest is None else fleet.roots[sizes.closest]
        yield (
            *map(escape_cell, _names(root)),
            escape_cell(fleet.stores[root.store]),
            escape_cell(root.digest),
            str(root.is_index).lower(),
            *map(escape_cell, _facts(root)),
            *(getattr(sizes, name) for name in _SIZES),
            None if closest is None else escape_cell(_name(closest)),
            _closest_size(sizes),
            "",
        )


def _closest_size(sizes: RootFigures) -> int | None:
    return None if sizes.closest is None else sizes.closest_size


def _name(root: Root) -> str:
    return root.references[0] if root.references else root.digest


def _names(root: Root) -> tuple[str, str, str, str]:
    return _name(root), " ".join(root.references[1:]), " ".join(root.labels), " ".join(root.nodes)


def _facts(root: Root) -> tuple[str, str, str]:
    """Platforms, the time of the newest image, and the names of base images."""
    bases = dict.fromkeys(image.base_name for image in root.images if image.base_name)
    created = max((image.created for image in root.images), default="")
    return " ".join(list_platforms(root)), created, " ".join(bases)
