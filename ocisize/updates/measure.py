"""measure_updates: the updates between the releases of an image, as an UpdateHistory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from ocisize.model.comparison import LayerStatus
from ocisize.model.fleet import FleetFailure
from ocisize.model.updates import Release, ReleaseOrder, Update, UpdateHistory, UpdateLayer
from ocisize.updates.contents import LayerContents, measure_changed
from ocisize.updates.pulls import measure_documents, missing_blobs, missing_chains
from ocisize.updates.releases import order_releases
from ocisize.updates.sums import SKIPS, skip_updates, sum_updates
from ocisize.updates.tracks import Pair, make_tracks, number_tracks, pair_layers, sort_tracks
from ocisize.values import evolve


def measure_updates(
    releases: Iterable[Release],
    *,
    order: ReleaseOrder = ReleaseOrder.GIVEN,
    contents: Mapping[str, LayerContents] | None = None,
    advice: bool = True,
    failures: Sequence[FleetFailure] = (),
    warnings: Sequence[str] = (),
) -> UpdateHistory:
    """Return what a host downloads that follows the releases of an image, and which layers cause it.

    Args:
        releases: of one platform. Those of one digest are one release.
        order: what the releases are sorted by.
        contents: the files of layers by digest, from ``read_contents``. With them, layers that were built again without a
            change of content are known, and the bytes of files that changed. None if the layers were not read.
        advice: find what would have saved download.
        failures: what could not be read of the input.
        warnings: what the user should know about the input.

    >>> import ocisize
    >>> analyzer = ocisize.Analyzer()
    >>> images = ["testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"]
    >>> releases = [ocisize.make_release(analyzer.outline(image)) for image in images]
    >>> history = ocisize.measure_updates(releases)
    >>> [str(layer.status) for layer in history.updates[0].layers], history.updates[0].cause
    (['shared', 'added', 'added'], 1)

    """
    ordered = order_releases(releases, order)
    pairs = [pair_layers(before, after) for before, after in itertools.pairwise(ordered)]
    tracks = number_tracks(ordered, pairs)
    updates = [
        _make_update(ordered, number, update_pairs, tracks[number + 1], contents)
        for number, update_pairs in enumerate(pairs)
    ]
    sorted_tracks, places = sort_tracks(make_tracks(ordered, tracks, updates))
    updates = [
        evolve(update, layers=tuple(evolve(layer, track=places[layer.track]) for layer in update.layers))
        for update in updates
    ]
    whole = [release.size for release in ordered[1:]]
    changed = [update.changed_size for update in updates]
    known = [size for size in changed if size is not None]
    history = UpdateHistory(
        releases=tuple(ordered),
        order=order,
        updates=tuple(updates),
        tracks=tuple(sorted_tracks),
        by_blob=sum_updates([update.by_blob_size for update in updates], whole),
        by_chain=sum_updates([update.by_chain_size for update in updates], whole),
        skips=tuple(skip_updates(ordered, step) for step in SKIPS if step < len(ordered)),
        changed=sum_updates(known, whole) if known and len(known) == len(changed) else None,
        failures=tuple(failures),
        warnings=tuple(warnings),
    )
    if not advice:
        return history
    from ocisize.updates.advise import advise_updates

    return evolve(history, advice=advise_updates(history, contents))


def _make_update(
    releases: Sequence[Release],
    number: int,
    pairs: Sequence[Pair],
    tracks: Sequence[int],
    contents: Mapping[str, LayerContents] | None,
) -> Update:
    before, after = releases[number], releases[number + 1]
    by_blob, by_chain = missing_blobs(before.layers, after.layers), missing_chains(before, after)
    layers = list[UpdateLayer]()
    lowest = by_blob.index(True) if True in by_blob else None
    for pair in pairs:
        index, status, is_compared = pair.new.index, pair.status, False
        if status is LayerStatus.CHANGED and pair.old is not None and contents is not None:
            old, new = contents.get(pair.old.digest), contents.get(pair.new.digest)
            if is_compared := old is not None and new is not None:
                status = LayerStatus.REBUILT if old == new else status
        is_new_text = pair.old is None or pair.old.build_step.text != pair.new.build_step.text
        is_changed = status is LayerStatus.ADDED or (status is LayerStatus.CHANGED and (is_compared or is_new_text))
        layers.append(
            UpdateLayer(
                index=index, track=tracks[index], status=status, size=pair.new.size, by_blob=by_blob[index],
                by_chain=by_chain[index], is_compared=is_compared,
                caused_by=None if not by_blob[index] else index if is_changed else lowest,
            )
        )  # fmt: skip
    continued = {pair.old.index for pair in pairs if pair.old is not None}
    missing = [layer.digest for layer, flag in zip(after.layers, by_blob, strict=True) if flag]
    return Update(
        before=number,
        after=number + 1,
        document_size=measure_documents(before, after),
        layers=tuple(layers),
        removed=len(before.layers) - len(continued),
        changed_size=None if contents is None else measure_changed(before, missing, contents),
    )
