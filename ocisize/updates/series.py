"""Series for charts: the bytes of each update by the layer that causes them, and what hosts have downloaded so far."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from ocisize.model.updates import UpdateHistory
from ocisize.tuples import NamedTuple


class UpdateSeries(NamedTuple):
    """Figures of all updates, in bytes."""

    tracks: tuple[int, ...]  #: the layers that cause most, as indexes in ``UpdateHistory.tracks``
    #: by update: the bytes that each of ``tracks`` causes, then those of all other layers, then those of the documents
    stacks: tuple[tuple[int, ...], ...]
    by_blob: tuple[int, ...]  #: by update: what was downloaded by blob up to then
    by_chain: tuple[int, ...]  #: the same by chain
    changed: tuple[int, ...] | None  #: the same of the files that changed, with documents; None if the layers were not read


def make_series(history: UpdateHistory, count: int) -> UpdateSeries:
    """Return the series of a history, with the ``count`` layers that cause most download.

    >>> from ocisize.updates.measure import measure_updates
    >>> make_series(measure_updates([]), 3)
    UpdateSeries(tracks=(), stacks=(), by_blob=(), by_chain=(), changed=())
    """
    tracks = tuple(number for number, track in enumerate(history.tracks) if track.caused_size)[:count]
    stacks = []
    for update in history.updates:
        sizes = dict.fromkeys(tracks, 0)
        others = 0
        for layer in update.layers:
            if layer.caused_by is None:
                continue
            track = update.layers[layer.caused_by].track
            if track in sizes:
                sizes[track] += layer.size
            else:
                others += layer.size
        stacks.append((*sizes.values(), others, update.document_size))
    changed = [None if update.changed_size is None else update.changed_size for update in history.updates]
    known = [size for size in changed if size is not None]
    documents = [update.document_size for update in history.updates]
    return UpdateSeries(
        tracks,
        tuple(stacks),
        _accumulate([update.by_blob_size for update in history.updates]),
        _accumulate([update.by_chain_size for update in history.updates]),
        _accumulate([size + other for size, other in zip(known, documents, strict=True)])
        if len(known) == len(changed)
        else None,
    )


def _accumulate(sizes: Sequence[int]) -> tuple[int, ...]:
    return tuple(itertools.accumulate(sizes))
