"""A history as JSON: a versioned document that follows the rules of ``report.json.analysis``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

import ocisize
from ocisize.model.update_advice import UpdateAdvice
from ocisize.model.updates import Release, TrackedLayer, Update, UpdateHistory
from ocisize.report.json.analysis import encodable, serialize_build_steps
from ocisize.report.updates.subject import HistorySubject
from ocisize.values import asdict

SCHEMA = "ocisize.history"
VERSION = 1
_OF_RELEASES = ("document_size", "layer_size", "size")
_OF_UPDATES = (
    "by_blob_size", "by_chain_size", "cause", "chain_cause", "above_count", "above_size", "other_causes", "unchanged_size",
    "is_compared",
)  # fmt: skip


def write(subject: HistorySubject, file: TextIO) -> None:
    """Write the document."""
    file.write(history_to_json(subject.history) + "\n")


def history_to_json(history: UpdateHistory) -> str:
    """Return a history as JSON text, indented; docs/formats.md describes the document.

    >>> from ocisize.updates.measure import measure_updates
    >>> json.loads(history_to_json(measure_updates([])))["updates"]
    []
    """
    return json.dumps(encodable(history_document(history)), indent=2)


def history_document(history: UpdateHistory) -> dict[str, Any]:
    """Return the document of a history, as plain values."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "ocisize": ocisize.__version__,
        "order": str(history.order),
        "complete": history.complete,
        "by_blob": asdict(history.by_blob),
        "by_chain": asdict(history.by_chain),
        "changed": None if history.changed is None else asdict(history.changed),
        "releases": [_release(release) for release in history.releases],
        "updates": [_update(update) for update in history.updates],
        "layers": [_track(track) for track in history.tracks],
        "skips": [{**asdict(skip), "size_per_release": skip.size_per_release} for skip in history.skips],
        "advice": None if history.advice is None else _advice(history.advice),
        "failures": [asdict(failure) for failure in history.failures],
        "warnings": list(history.warnings),
    }


def _advice(advice: UpdateAdvice) -> dict[str, Any]:
    orders = {name: getattr(advice, name) for name in ("order", "possible_order")}
    return {
        **asdict(advice),
        **{
            name: None if order is None else {**asdict(order), "saved_size": order.saved_size}
            for name, order in orders.items()
        },
        "splits": [{**asdict(split), **_derived(split, ("saved_size", "forward_saved_size"))} for split in advice.splits],
    }


def _plain(value: Any) -> dict[str, Any]:
    return asdict(value, value_serializer=serialize_build_steps)


def _derived(value: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _release(release: Release) -> dict[str, Any]:
    return {**_plain(release), **_derived(release, _OF_RELEASES)}


def _update(update: Update) -> dict[str, Any]:
    layers = [{**_plain(layer), "is_unchanged": layer.is_unchanged} for layer in update.layers]
    return {**_plain(update), **_derived(update, _OF_UPDATES), "layers": layers}


def _track(track: TrackedLayer) -> dict[str, Any]:
    return {**_plain(track), **_derived(track, ("index",))}
