"""Recompressed layers: blobs that differ, with the same diff_id."""

from __future__ import annotations

from ocisize.model.fleet import Fleet, FleetLayer
from ocisize.model.fleet_figures import TwinBlob, Twins


def find_twins(fleet: Fleet) -> list[Twins]:
    """Return the layers that a store has several blobs of, those that cost the most first."""
    found: dict[tuple[int, str], dict[str, tuple[FleetLayer, set[int]]]] = {}
    for index, root in enumerate(fleet.roots):
        for image in root.images:
            for layer in image.layers:
                if layer.diff_id is not None and not layer.is_foreign:
                    blobs = found.setdefault((root.store, layer.diff_id), {})
                    blobs.setdefault(layer.digest, (layer, set()))[1].add(index)
    twins = [
        Twins(store, diff_id, tuple(sorted(map(_make_blob, blobs.values()), key=lambda blob: (-blob.roots, blob.digest))))
        for (store, diff_id), blobs in found.items()
        if len(blobs) > 1
    ]
    return sorted(twins, key=lambda one: (-one.excess_size, one.store, one.diff_id))


def _make_blob(found: tuple[FleetLayer, set[int]]) -> TwinBlob:
    layer, roots = found
    return TwinBlob(layer.digest, layer.size, layer.media_type, len(roots))
