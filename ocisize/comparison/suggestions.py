"""Suggestions that save hosts the download of bytes that they have, or that make the image grow less."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.comparison.base_words import is_other_base
from ocisize.comparison.reasons import join_numbers, name_layer
from ocisize.findings.explanations import Check, explain
from ocisize.model.analysis import Analysis
from ocisize.model.comparison import LayerChange, LayerStatus, Suggestion
from ocisize.model.file_changes import FileChangeKind
from ocisize.model.sizes import sum_known
from ocisize.text import plural
from ocisize.values import evolve

MIN_SHARE = 0.01  #: of the image's weight; a smaller suggestion is left out
_MIN_SAME_STEP_SHARE = 0.5  # of the layer of an unchanged build step, that is unchanged
_MIN_OTHER_STEP_SHARE = 0.8  # of the layer of a changed build step, that is unchanged
_FIXED_TIMES = (
    "with fixed timestamps (SOURCE_DATE_EPOCH, PYTHONDONTWRITEBYTECODE), so that the same files produce the same layer."
)
_REORDER = f"Put steps that change often after steps that rarely change, and build {_FIXED_TIMES}"
_USE_LINK = (
    "Create the files in a separate stage and add them with `COPY --link`, whose layer does not depend on the base. Build "
    + _FIXED_TIMES
)
_STATUS_WORDS = {LayerStatus.CHANGED: "changed", LayerStatus.ADDED: "is new", LayerStatus.REMOVED: "is gone"}


def find_suggestions(after: Analysis, layers: Sequence[LayerChange]) -> tuple[Suggestion, ...]:
    """Return what to change, the largest saving first.

    ``after``: the image to change, with its advice; ``layers``: those of the comparison.
    """
    suggestions = [*_store_once(after, layers), *_push_the_same(layers), *_keep_in_cache(layers), *_split(layers)]
    if any(suggestion.compressed_size is None for suggestion in suggestions):
        suggestions = [evolve(suggestion, compressed_size=None) for suggestion in suggestions]  # they have one measure
    worthwhile = [suggestion for suggestion in suggestions if suggestion.weight >= max(1, MIN_SHARE * after.weight)]
    return tuple(sorted(worthwhile, key=lambda suggestion: (-suggestion.weight, suggestion.layers, suggestion.text)))


def _store_once(after: Analysis, layers: Sequence[LayerChange]) -> Iterator[Suggestion]:
    """Suggest to store once what a layer stores again only for its metadata."""
    stored_again = explain(Check.METADATA_ONLY).id
    for layer in layers:
        files = (layer.files or {}).get(FileChangeKind.STORED_AGAIN)
        if files is None or layer.after is None:
            continue
        fixes = [
            finding.fix
            for finding in after.advice.findings
            if finding.id == stored_again and finding.layers[-1:] == (layer.after,)
        ]
        fix = (
            " ".join(fixes[:2])
            or "Set owner and permissions in the step that adds the files: with `COPY --chown=…`, or in the same RUN."
        )
        yield Suggestion(text=fix, layers=(layer.after,), size=files.after_size, compressed_size=files.after_compressed_size)


def _push_the_same(layers: Sequence[LayerChange]) -> Iterator[Suggestion]:
    """Suggest to share layers that have the same content under another digest."""
    for status, why, fix in (
        (
            LayerStatus.RECOMPRESSED,
            "the same content, compressed differently",
            "Always push with the same tool and compression, or copy the blobs from the registry.",
        ),
        (
            LayerStatus.REBUILT,
            "the same files, with different timestamps or order",
            "Build reproducibly: use fixed timestamps (SOURCE_DATE_EPOCH, rewrite-timestamp=true of BuildKit) or a cache.",
        ),
    ):
        same = [layer for layer in layers if layer.status is status and layer.download_size]
        if same:
            yield _suggest(same, f"{_name(same)}: {why} as in BEFORE, but another digest, so {{it}} downloaded again. {fix}")


def _keep_in_cache(layers: Sequence[LayerChange]) -> Iterator[Suggestion]:
    """Suggest to avoid that a build step runs again with nearly the same result because a lower one changed."""
    built = [layer for layer in layers if _same_step(layer) and not is_other_base(layer)]
    again = [layer for layer in built if _unchanged_share(layer) >= _MIN_SAME_STEP_SHARE]
    position, first = next(
        ((position, layer) for position, layer in enumerate(layers) if layer.status in _STATUS_WORDS and layer not in again),
        (0, None),
    )
    above = [layer for layer in layers[position:] if layer in again] if first is not None else []
    if above and first is not None:
        fix = _USE_LINK if is_other_base(first) else _REORDER
        gone = first.status is LayerStatus.REMOVED
        which = name_layer(first.before if gone else first.after, first.build_step, " of BEFORE" if gone else "")
        yield _suggest(
            above,
            f"{_name(above)}: the same {plural(len(above), 'step')}, and most files are unchanged, but {{it}} downloaded "
            f"again because {which} below {_STATUS_WORDS[first.status]}. {fix}",
            unchanged_only=True,
        )
    alone = [layer for layer in again if layer not in above]
    if alone:
        yield _suggest(
            alone,
            f"{_name(alone)}: most files are unchanged, but {{it}} downloaded again. Fix versions and timestamps, so that "
            "the same step gives the same layer, or move the files that change into a separate step.",
            unchanged_only=True,
        )


def _split(layers: Sequence[LayerChange]) -> Iterator[Suggestion]:
    """Suggest to split a layer of which a change of the build step changed a small part."""
    for layer in layers:
        if _is_other_step(layer) and layer.files and _is_mostly_unchanged(layer):
            yield _suggest(
                [layer],
                f"{name_layer(layer.after, layer.build_step)}: nearly all files are unchanged, but {{it}} downloaded again "
                "as a whole. Add the new files in a separate step above it.",
                unchanged_only=True,
            )


def _same_step(layer: LayerChange) -> bool:
    return (
        layer.status is LayerStatus.CHANGED and bool(layer.build_step.text) and layer.build_step == layer.before_build_step
    )


def _is_other_step(layer: LayerChange) -> bool:
    return layer.status is LayerStatus.CHANGED and not _same_step(layer) and not is_other_base(layer)


def _unchanged_share(layer: LayerChange) -> float:
    """Unchanged bytes / size of the layer in AFTER."""
    return layer.unchanged.after_size / layer.after_size if layer.unchanged is not None and layer.after_size else 0.0


def _is_mostly_unchanged(layer: LayerChange) -> bool:
    return min(_unchanged_share(layer), _kept_share(layer)) >= _MIN_OTHER_STEP_SHARE


def _kept_share(layer: LayerChange) -> float:
    """Unchanged bytes of the layer in BEFORE / max(size of that layer, unchanged bytes of the layer in AFTER)."""
    unchanged = layer.unchanged
    largest = max(layer.before_size, unchanged.after_size) if unchanged is not None else 0
    return unchanged.before_size / largest if unchanged is not None and largest else 0.0


def _name(layers: Sequence[LayerChange]) -> str:
    if len(layers) == 1:
        return name_layer(layers[0].after, layers[0].build_step)
    return f"layers {join_numbers([layer.after for layer in layers if layer.after is not None])}"


def _suggest(layers: Sequence[LayerChange], text: str, *, unchanged_only: bool = False) -> Suggestion:
    """A suggestion for whole layers, or for the unchanged part of layers."""
    sizes = [layer.unchanged if unchanged_only and layer.unchanged is not None else layer for layer in layers]
    return Suggestion(
        text=text.replace("{it}", "it is" if len(layers) == 1 else "they are"),
        layers=tuple(layer.after for layer in layers if layer.after is not None),
        size=sum(size.after_size for size in sizes),
        compressed_size=sum_known(size.after_compressed_size for size in sizes),
    )
