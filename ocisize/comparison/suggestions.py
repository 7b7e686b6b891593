"""find_suggestions: what would spare nodes the download of bytes they have, or the image growth for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.comparison.reasons import is_other_base, join_numbers, name_layer
from ocisize.findings.explanations import Check, explain
from ocisize.model.analysis import Analysis
from ocisize.model.comparison import LayerChange, LayerStatus, Suggestion
from ocisize.model.file_changes import FileChangeKind
from ocisize.model.sizes import sum_known
from ocisize.text import plural

MIN_SHARE = 0.01  #: of the image's weight; a smaller suggestion is left out
_MOSTLY = 0.5  # of a layer that came out of the same step: more of it is as before
_NEARLY_ALL = 0.8  # of a layer whose step changed
_TIMES = "with fixed times (SOURCE_DATE_EPOCH, PYTHONDONTWRITEBYTECODE), so that the same files make the same layer."
_REORDER = f"Put what changes more often above what does not, and build {_TIMES}"
_UNLINK = (
    "Make the files in another stage and bring them in by `COPY --link`, whose layer does not depend on the base; build "
    + _TIMES
)
_BECAME = {LayerStatus.CHANGED: "changed", LayerStatus.ADDED: "is new", LayerStatus.REMOVED: "is gone"}


def find_suggestions(after: Analysis, layers: Sequence[LayerChange]) -> tuple[Suggestion, ...]:
    """What to change, that first which spares most."""
    found = [*_store_once(after, layers), *_push_the_same(layers), *_keep_in_cache(layers), *_split(layers)]
    worthwhile = [suggestion for suggestion in found if suggestion.weight >= max(1, MIN_SHARE * after.weight)]
    return tuple(sorted(worthwhile, key=lambda suggestion: (-suggestion.weight, suggestion.layers, suggestion.text)))


def _store_once(after: Analysis, layers: Sequence[LayerChange]) -> Iterator[Suggestion]:
    """Files that are stored a second time for their metadata."""
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
            " ".join(fixes[:2]) or "Set owner and mode where the files come in, by `COPY --chown=…` or within the same RUN."
        )
        yield Suggestion(text=fix, layers=(layer.after,), size=files.after_size, compressed_size=files.after_compressed_size)


def _push_the_same(layers: Sequence[LayerChange]) -> Iterator[Suggestion]:
    """Layers that could be shared: the same content under another digest."""
    for status, why, fix in (
        (
            LayerStatus.RECOMPRESSED,
            "the same content, compressed otherwise",
            "Push with one tool and one compression, or copy the blobs that the registry has.",
        ),
        (
            LayerStatus.REBUILT,
            "the same files, with other times or in another order",
            "Build reproducibly: fixed times (SOURCE_DATE_EPOCH and BuildKit's rewrite-timestamp=true), or a build cache.",
        ),
    ):
        same = [layer for layer in layers if layer.status is status and layer.download_size]
        if same:
            yield _about(same, f"{_name(same)}: {why} as in BEFORE, but another digest, so {{it}} downloaded again. {fix}")


def _keep_in_cache(layers: Sequence[LayerChange]) -> Iterator[Suggestion]:
    """Steps that ran again with much the same result because one below them changed."""
    again = [layer for layer in layers if _same_step(layer) and _kept(layer) >= _MOSTLY]
    place, first = next(
        ((place, layer) for place, layer in enumerate(layers) if layer.status in _BECAME and layer not in again), (0, None)
    )
    above = [layer for layer in layers[place:] if layer in again] if first is not None else []
    if above and first is not None:
        fix = _UNLINK if is_other_base(first) else _REORDER
        gone = first.status is LayerStatus.REMOVED
        which = name_layer(first.before if gone else first.after, first.build_step, " of BEFORE" if gone else "")
        yield _about(
            above,
            f"{_name(above)}: the same {plural(len(above), 'step')}, and most files are as before, but {{it}} downloaded "
            f"again because {which} below {_BECAME[first.status]}. {fix}",
            kept=True,
        )
    alone = [layer for layer in again if layer not in above]
    if alone:
        yield _about(
            alone,
            f"{_name(alone)}: most files are as before, but {{it}} downloaded again. Fix versions and times, so that the "
            "same step makes the same layer, or take what changes into a step of its own.",
            kept=True,
        )


def _split(layers: Sequence[LayerChange]) -> Iterator[Suggestion]:
    """Large layers of which a small part changed, by a change of the step."""
    for layer in layers:
        if _is_other_step(layer) and layer.files and _kept(layer) >= _NEARLY_ALL and _had(layer) >= _NEARLY_ALL:
            yield _about(
                [layer],
                f"{name_layer(layer.after, layer.build_step)}: nearly all files are as before, but {{it}} downloaded again "
                "as a whole. Add what is new in a step of its own above it.",
                kept=True,
            )


def _same_step(layer: LayerChange) -> bool:
    return (
        layer.status is LayerStatus.CHANGED and bool(layer.build_step.text) and layer.build_step == layer.before_build_step
    )


def _is_other_step(layer: LayerChange) -> bool:
    return layer.status is LayerStatus.CHANGED and not _same_step(layer) and not is_other_base(layer)


def _kept(layer: LayerChange) -> float:
    """Which part of a layer's content is the same as before."""
    return layer.unchanged.after_size / layer.after_size if layer.unchanged is not None and layer.after_size else 0.0


def _had(layer: LayerChange) -> float:
    """Which part of the layer in BEFORE is that too, or of what is the same, where it took that over from others."""
    same = layer.unchanged
    largest = max(layer.before_size, same.after_size) if same is not None else 0
    return same.before_size / largest if same is not None and largest else 0.0


def _name(layers: Sequence[LayerChange]) -> str:
    if len(layers) == 1:
        return name_layer(layers[0].after, layers[0].build_step)
    return f"layers {join_numbers([layer.after for layer in layers if layer.after is not None])}"


def _about(layers: Sequence[LayerChange], text: str, *, kept: bool = False) -> Suggestion:
    """A suggestion about layers as a whole, or about what they kept."""
    sizes = [layer.unchanged if kept and layer.unchanged is not None else layer for layer in layers]
    return Suggestion(
        text=text.replace("{it}", "it is" if len(layers) == 1 else "they are"),
        layers=tuple(layer.after for layer in layers if layer.after is not None),
        size=sum(each.after_size for each in sizes),
        compressed_size=sum_known([each.after_compressed_size for each in sizes]),
    )
