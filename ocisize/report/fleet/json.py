"""A fleet as JSON: a versioned document that follows the rules of ``report.json.analysis``.

It has all images, groups and families, whatever the text report shows. Unknown figures are null, among them the size of what
no reference reaches.
"""

from __future__ import annotations

import json
from typing import Any, TextIO

import ocisize
from ocisize.model.fleet import Fleet, FleetImage
from ocisize.model.fleet_figures import Deletions, Family, RootFigures, Twins
from ocisize.report.fleet.files_json import files_document
from ocisize.report.fleet.subject import FleetSubject
from ocisize.report.json.analysis import encodable
from ocisize.values import asdict

SCHEMA = "ocisize.fleet"
VERSION = 1
_TOTALS = (
    "references", "images", "blobs", "layers", "logical_size", "stored_size", "sharing_ratio", "unique_size", "twins_size",
    "dangling_size",
)  # fmt: skip
_SIZES = ("total_size", "unique_size", "shared_size", "amortised_size", "marginal_pull_size")
_OF_FAMILIES = ("parent", "depth", "size", "own_size", "chain_id", "images", "roots", "examples", "name", "named_by")


def write(subject: FleetSubject, file: TextIO) -> None:
    """Write the document, indented."""
    file.write(json.dumps(encodable(fleet_document(subject)), indent=2) + "\n")


def fleet_document(subject: FleetSubject) -> dict[str, Any]:
    """Return the document of a fleet, as plain values; docs/formats.md describes it."""
    figures = subject.figures
    fleet = figures.fleet
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "ocisize": ocisize.__version__,
        "complete": fleet.complete,
        "platform": fleet.platform or None,
        "stores": list(fleet.stores),
        **{name: getattr(figures, name) for name in _TOTALS},
        "roots": [_root(fleet, root) for root in figures.roots],
        "groups": [_plain(group) for group in figures.groups],
        "sharing": [_plain(row) for row in figures.sharing],
        "layer_counts": [_plain(row) for row in figures.layer_counts],
        "layer_sizes": _plain(figures.layer_sizes),
        "image_sizes": _plain(figures.image_sizes),
        "pairs": [_plain(pair) for pair in figures.pairs],
        "matrix": _plain(figures.matrix),
        "families": [_family(family) for family in figures.families],
        "twins": [_twins(twins) for twins in figures.twins],
        "deletions": None if subject.deletions is None else _deletions(subject.deletions),
        "frees": None if subject.freed is None else _plain(subject.freed),
        "files": None if subject.files is None else files_document(subject.files),
        "failures": [_plain(failure) for failure in fleet.failures],
        "warnings": list(fleet.warnings),
    }


def _plain(value: Any) -> dict[str, Any]:
    return asdict(value)


def _root(fleet: Fleet, figures: RootFigures) -> dict[str, Any]:
    root = fleet.roots[figures.root]
    names = ("store", "digest", "is_index", "references", "repositories", "labels", "nodes", "absent", "warnings")
    return {
        **{name: getattr(root, name) for name in names},
        **{name: getattr(figures, name) for name in _SIZES},
        "closest": figures.closest,
        "closest_size": figures.closest_size,
        "images": [_image(image) for image in root.images],
    }


def _image(image: FleetImage) -> dict[str, Any]:
    names = ("digest", "platform", "created", "base_name")
    return {
        **{name: getattr(image, name) for name in names},
        "config_digest": image.config.digest,
        "layers": [layer.digest for layer in image.layers],
    }


def _family(family: Family) -> dict[str, Any]:
    layers = [_plain(layer) for layer in family.layers]
    return {**{name: getattr(family, name) for name in _OF_FAMILIES}, "layers": layers}


def _twins(twins: Twins) -> dict[str, Any]:
    return {**_plain(twins), "excess_size": twins.excess_size}


def _deletions(deletions: Deletions) -> dict[str, Any]:
    return {"references": deletions.references, "gains": deletions.gains, "freed": _plain(deletions.freed)}
