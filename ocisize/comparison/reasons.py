"""find_reasons: why an image grew or shrank, in words, the largest growth first.

Layers that hardly grew come in their order, lowest first: it is the lowest that made those above it run again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ocisize.comparison.directory_growth import DirectoryGrowth
from ocisize.history.shell import shorten
from ocisize.history.step_kind import may_lay_root_filesystem
from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.comparison import FileSum, LayerChange, LayerStatus, Reason
from ocisize.model.file_changes import FileChangeKind
from ocisize.model.waste import Cause
from ocisize.text import count_of, plural

_MAX_STEP = 80  # characters of a build step within a sentence
_MAX_WORDS = 6  # words that two steps differ in, for these to be named
_EXPLAINED = 20  # reasons whose main directory is looked for
_NOTABLE = 0.01  # of the image
_OUTCOMES = {
    LayerStatus.SHARED: "is the same",
    LayerStatus.ADDED: "is new",
    LayerStatus.CHANGED: "came out differently",
    LayerStatus.REBUILT: "has the same files, with other times or in another order",
}
_PHRASES = {
    FileChangeKind.ADDED: "adds {files}",
    FileChangeKind.REMOVED: "no longer has {files}",
    FileChangeKind.CHANGED: "changes {files}",
    FileChangeKind.MOVED: "has {files} at other paths",
    FileChangeKind.STORED_AGAIN: "stores {files}{of} again, for their owner, mode or time alone",
    FileChangeKind.STORED_ONCE: "no longer stores {files} a second time",
}
_IN_PLACE = {FileChangeKind.CHANGED, FileChangeKind.NOT_COMPARED}


def find_reasons(
    before: Analysis,
    after: Analysis,
    layers: Sequence[LayerChange],
    directories: DirectoryGrowth | None = None,
) -> tuple[Reason, ...]:
    """A sentence for each layer that weighs more or less than before."""
    grown = [layer for layer in layers if layer.growth or layer.compressed_growth]
    known = after.compressed_size is not None and before.compressed_size is not None
    least = _NOTABLE * ((after.compressed_size or 0) if known else after.content_size)

    def rank(layer: LayerChange) -> int:
        growth = abs((layer.compressed_growth or 0) if known else layer.growth)
        return -growth if growth >= least else 0

    grown.sort(key=rank)
    held_by = _held_by(after)
    reasons = []
    for number, layer in enumerate(grown):
        details = list(_details(layer, held_by))
        if directories is not None and details and number < _EXPLAINED:
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
    """A layer by its number and its build step."""
    step = shorten(build_step.text, _MAX_STEP)
    return f"layer {index}{side}" + (f" `{step}`" if step else "")


def is_other_base(layer: LayerChange) -> bool:
    """Whether a layer shows that another base image is used."""
    changed = layer.status is LayerStatus.CHANGED and layer.before == layer.after == 0
    return changed and may_lay_root_filesystem(layer.build_step) and may_lay_root_filesystem(layer.before_build_step)


def _subject(layer: LayerChange, before: Analysis, after: Analysis) -> str:
    """What the sentence is about: the layer, and what became of it."""
    if layer.status is LayerStatus.REMOVED:
        return f"{name_layer(layer.before, layer.build_step, ' of BEFORE')} is gone"
    name = name_layer(layer.after, layer.build_step)
    if is_other_base(layer):
        return f"{name} is another base image"
    if layer.status is LayerStatus.CHANGED and layer.build_step != layer.before_build_step:
        return f"{name} {_difference(layer.before_build_step, layer.build_step)}"
    if layer.status is LayerStatus.RECOMPRESSED and layer.before is not None and layer.after is not None:
        old, new = before.layers[layer.before].compression, after.layers[layer.after].compression
        return f"{name} has the same content, {f'as {new} in place of {old}' if old != new else 'compressed otherwise'}"
    return f"{name} {_OUTCOMES[layer.status]}"


def _difference(old: BuildStep, new: BuildStep) -> str:
    """How a step changed: the words it has more and less, or the old step."""
    before, after = Counter(old.text.split()), Counter(new.text.split())
    more, less = " ".join((after - before).elements()), " ".join((before - after).elements())
    if 0 < len(more.split()) + len(less.split()) <= _MAX_WORDS:
        words = [*([f"with `{more}`"] if more else []), *([f"without `{less}`"] if less else [])]
        return f"is now {' and '.join(words)}"
    return f"was `{shorten(old.text, _MAX_STEP)}`" if old.text else "is another step"


def _details(layer: LayerChange, held_by: Mapping[int, Sequence[int]]) -> Iterator[str]:
    """What the layer's files did, largest first."""
    found = []
    for kind, files in sorted((layer.files or {}).items()):
        if files.count and kind in _PHRASES:
            count = count_of(files.count, "file")
            of = _of_layers(held_by.get(layer.after, ())) if layer.after is not None else ""
            found.append((_weight(kind, files), _PHRASES[kind].format(files=count, of=of)))
    if shifted := _shifted(layer):
        found.append((abs(shifted), "takes files over from other layers" if shifted > 0 else "leaves files to other layers"))
    yield from (text for _, text in sorted(found, key=lambda each: -each[0]))


def _weight(kind: FileChangeKind, files: FileSum) -> int:
    return 0 if kind is FileChangeKind.MOVED else abs(files.growth)


def _shifted(layer: LayerChange) -> int:
    """Bytes of files that another layer had before, less those that another one has now: as they were, or changed."""
    if layer.files is None or layer.unchanged is None:
        return 0
    paired = [layer.unchanged, *(files for kind, files in layer.files.items() if kind is FileChangeKind.MOVED)]
    left = [files for kind, files in layer.files.items() if kind in _IN_PLACE and not files.count]
    return sum(files.growth for files in (*paired, *left))


def _held_by(analysis: Analysis) -> dict[int, list[int]]:
    """By layer, the ones below it whose files it stores again."""
    waste = analysis.waste
    pairs = {(entry.hidden_by, entry.held_by) for entry in waste if entry.cause is Cause.METADATA_ONLY}
    found: dict[int, list[int]] = {}
    for upper, lower in sorted(pairs):
        found.setdefault(upper, []).append(lower)
    return found


def _of_layers(layers: Sequence[int]) -> str:
    if not layers:
        return ""
    return f" of {plural(len(layers), 'layer')} {join_numbers(layers)}"


def join_numbers(numbers: Sequence[int]) -> str:
    """Ascending numbers in words: ``1, 3 and 5 to 9``."""
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
