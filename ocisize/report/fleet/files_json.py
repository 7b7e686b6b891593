"""The figures of a fleet's files as JSON: the field ``files`` of the document of a fleet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ocisize.model.fleet_files import (
    Dedup,
    DuplicateContent,
    FleetFiles,
    JunkFigures,
    JunkPlace,
    Rebase,
)
from ocisize.values import asdict

_TOTALS = (
    "images", "layers", "entries", "unhashed_files", "unhashed_size", "duplicate_count", "excess_size", "excess_across_size",
    "secret_count", "package_count",
)  # fmt: skip
_SPREADS = ("files_by_layer", "content_by_layer", "files_by_image", "content_by_image")


def files_document(files: FleetFiles) -> dict[str, Any]:
    """Return the figures as plain values; docs/formats.md describes them. Roots and families are indexes in the document."""
    return {
        "complete": files.complete,
        **{name: getattr(files, name) for name in _TOTALS},
        "layer_level": _dedup(files.layer_level),
        "image_files": _dedup(files.image_files),
        "layer_files": _dedup(files.layer_files),
        "duplicates": [_duplicate(content) for content in files.duplicates],
        "file_types": _plain(files.file_types),
        "directories": _plain(files.directories),
        "junk": [_junk(junk) for junk in files.junk],
        "secrets": _plain(files.secrets),
        "packages": None if files.packages is None else _plain(files.packages),
        "rebases": [_rebase(rebase) for rebase in files.rebases],
        **{name: asdict(getattr(files, name)) for name in _SPREADS},
        "unread": _plain(files.unread),
        "warnings": list(files.warnings),
    }


def _plain(values: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(value) for value in values]


def _dedup(dedup: Dedup) -> dict[str, Any]:
    return {**asdict(dedup), "count_ratio": dedup.count_ratio, "size_ratio": dedup.size_ratio}


def _duplicate(content: DuplicateContent) -> dict[str, Any]:
    return {**asdict(content), "excess_size": content.excess_size}


def _junk(junk: JunkFigures) -> dict[str, Any]:
    return {**asdict(junk), "category": junk.category.value, "places": [_place(place) for place in junk.places]}


def _place(place: JunkPlace) -> dict[str, Any]:
    return {**asdict(place), "logical_size": place.logical_size}


def _rebase(rebase: Rebase) -> dict[str, Any]:
    return {**asdict(rebase), "moved_images": rebase.moved_images}
