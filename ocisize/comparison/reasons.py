"""Sentences that say why an image grew or shrank, the largest growth first.

Layers that hardly grew come in their order, lowest first: the lowest changed layer is why those above it were built again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ocisize.comparison.directory_growth import DirectoryGrowth
from ocisize.history.shell import shorten
from ocisize.history.step_effects import may_lay_root_filesystem
from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.comparison import FileSum, LayerChange, LayerStatus, Reason
from ocisize.model.file_changes import FileChangeKind
from ocisize.model.waste import Cause
from ocisize.text import count_of, plural

_MAX_STEP_LENGTH = 80  # characters of a build step within a sentence
_MAX_DIFFERING_WORDS = 6  # words that two build steps differ in, for these words to be named
_MAX_DIRECTORIES = 20  # reasons that name their main directory
_MIN_GROWTH_SHARE = 0.01  # of the image; layers that grew less keep their order
_OUTCOMES = {
    LayerStatus.SHARED: "is the same",
    LayerStatus.ADDED: "is new",
    LayerStatus.CHANGED: "produced different files",
    LayerStatus.REBUILT: "has the same files, with different timestamps or order",
}
_PHRASES = {
    FileChangeKind.ADDED: "adds {files}",
    FileChangeKind.REMOVED: "no longer has {files}",
    FileChangeKind.CHANGED: "changes {files}",
    FileChangeKind.MOVED: "has {files} at other paths",
    FileChangeKind.STORED_AGAIN: "stores {files}{of} again only to change owner, permissions or timestamps",
    FileChangeKind.STORED_ONCE: "no longer stores {files} a second time",
}
_IN_PLACE = {FileChangeKind.CHANGED, FileChangeKind.NOT_COMPARED}


def find_reasons(
    before: Analysis,
    after: Analysis,
    layers: Sequence[LayerChange],
    directories: DirectoryGrowth | None = None,
) -> tuple[Reason, ...]:
    """Return a sentence for each layer with a growth, largest absolute growth first.

    ``layers``: those of the comparison; ``directories``: where the growth is, None if files were not compared.
    """
    grown = [layer for layer in layers if layer.growth or layer.compressed_growth]
    known = after.compressed_size is not None and before.compressed_size is not None
    min_growth = _MIN_GROWTH_SHARE * ((after.compressed_size or 0) if known else after.content_size)

    def rank(layer: LayerChange) -> int:
        growth = abs((layer.compressed_growth or 0) if known else layer.growth)
        return -growth if growth >= min_growth else 0

    grown.sort(key=rank)
    held_by = _held_by(after)
    reasons = []
    for number, layer in enumerate(grown):
        details = list(_details(layer, held_by))
        if directories is not None and details and number < _MAX_DIRECTORIES:
            details[0] += _where(directories.main_directory(layer.before, layer.after))
        reasons.append(
            Reason(
                text=": ".join([_subject(layer, before, after), *(["; ".join(details)] if details else [])]),
                before=layer.before,
                after=layer.after,
                growth=layer.growth,
                compressed_growth=layer.compressed_growth,
            )
        )
    return tuple(reasons)


def name_layer(index: int | None, build_step: BuildStep, side: str = "") -> str:
    """Return the name of a layer in a sentence: its number and its build step."""
    step = shorten(build_step.text, _MAX_STEP_LENGTH)
    return f"layer {index}{side}" + (f" `{step}`" if step else "")


def is_other_base(layer: LayerChange) -> bool:
    """Return True if the lowest layer is that of another base image."""
    changed = layer.status is LayerStatus.CHANGED and layer.before == layer.after == 0
    return changed and may_lay_root_filesystem(layer.build_step) and may_lay_root_filesystem(layer.before_build_step)


def _subject(layer: LayerChange, before: Analysis, after: Analysis) -> str:
    """The layer and its status."""
    if layer.status is LayerStatus.REMOVED:
        return f"{name_layer(layer.before, layer.build_step, ' of BEFORE')} is gone"
    name = name_layer(layer.after, layer.build_step)
    if is_other_base(layer):
        return f"{name} is another base image"
    if layer.status is LayerStatus.CHANGED and layer.build_step != layer.before_build_step:
        return f"{name} {_difference(layer.before_build_step, layer.build_step)}"
    if layer.status is LayerStatus.RECOMPRESSED and layer.before is not None and layer.after is not None:
        old, new = before.layers[layer.before].compression, after.layers[layer.after].compression
        return f"{name} has the same content, {f'as {new} instead of {old}' if old != new else 'compressed differently'}"
    return f"{name} {_OUTCOMES[layer.status]}"


def _difference(old: BuildStep, new: BuildStep) -> str:
    """How a build step changed: the words that were added and removed, or the old step."""
    before, after = Counter(old.text.split()), Counter(new.text.split())
    added, removed = " ".join((after - before).elements()), " ".join((before - after).elements())
    if 0 < len(added.split()) + len(removed.split()) <= _MAX_DIFFERING_WORDS:
        words = [*([f"with `{added}`"] if added else []), *([f"without `{removed}`"] if removed else [])]
        return f"is now {' and '.join(words)}"
    return f"was `{shorten(old.text, _MAX_STEP_LENGTH)}`" if old.text else "is another step"


def _details(layer: LayerChange, held_by: Mapping[int, Sequence[int]]) -> Iterator[str]:
    """What changed in the files of a layer, largest growth first."""
    details = []
    for kind, files in sorted((layer.files or {}).items()):
        if files.count and kind in _PHRASES:
            count = count_of(files.count, "file")
            of = _of_layers(held_by.get(layer.after, ())) if layer.after is not None else ""
            details.append((_weight(kind, files), _PHRASES[kind].format(files=count, of=of)))
    if shifted := _net_moved_size(layer):
        text = "gains files from other layers" if shifted > 0 else "loses files to other layers"
        details.append((abs(shifted), text))
    yield from (text for _, text in sorted(details, key=lambda detail: -detail[0]))


def _weight(kind: FileChangeKind, files: FileSum) -> int:
    return 0 if kind is FileChangeKind.MOVED else abs(files.growth)


def _net_moved_size(layer: LayerChange) -> int:
    """Net bytes of files that moved into this layer from other layers; negative if they moved out."""
    if layer.files is None or layer.unchanged is None:
        return 0
    paired = [layer.unchanged, *(files for kind, files in layer.files.items() if kind is FileChangeKind.MOVED)]
    changed = [files for kind, files in layer.files.items() if kind in _IN_PLACE and not files.count]
    return sum(files.growth for files in (*paired, *changed))


def _held_by(analysis: Analysis) -> dict[int, list[int]]:
    """By layer: the lower layers whose files it stores again."""
    waste = analysis.waste
    pairs = {(entry.hidden_by, entry.held_by) for entry in waste if entry.cause is Cause.METADATA_ONLY}
    layers: dict[int, list[int]] = {}
    for upper, lower in sorted(pairs):
        layers.setdefault(upper, []).append(lower)
    return layers


def _of_layers(layers: Sequence[int]) -> str:
    if not layers:
        return ""
    return f" of {plural(len(layers), 'layer')} {join_numbers(layers)}"


def join_numbers(numbers: Sequence[int]) -> str:
    """Return ascending numbers in words.

    >>> join_numbers([1, 3, 5, 6, 7])
    '1, 3 and 5 to 7'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [word for run in runs for word in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run))]
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _where(directory: str) -> str:
    return f", most in {directory}" if directory != "/" else ""
