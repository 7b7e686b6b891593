"""Sentences that say why an image grew or shrank, the largest change first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ocisize.comparison.base_words import describe_base, is_other_base
from ocisize.comparison.directory_growth import DirectoryGrowth
from ocisize.comparison.file_totals import FileSums
from ocisize.comparison.measure import Weigh, measures_download, weigh_content, weigh_download
from ocisize.comparison.package_words import Phrase, describe_packages
from ocisize.history.shell import shorten
from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.causes import PackageChange
from ocisize.model.comparison import FileSum, LayerChange, LayerStatus, Reason
from ocisize.model.file_changes import FileChangeKind, FileChanges
from ocisize.model.waste import Cause
from ocisize.text import count_of, plural, quote_code, signed_size

_MAX_STEP_LENGTH = 80  # characters of a build step within a sentence
_MAX_DIFFERING_WORDS = 6  # words that two build steps differ in, for these words to be named
_MAX_DIRECTORIES = 20  # reasons that name their main directory
_MAX_DETAILS = 4  # in a sentence
_MIN_SHIFT_SHARE = 0.1  # of the largest detail, for files that only change their layer
_PHRASES = {
    FileChangeKind.ADDED: "adds {files}",
    FileChangeKind.REMOVED: "no longer has {files}",
    FileChangeKind.CHANGED: "changes {files}",
    FileChangeKind.MOVED: "has {files} at other paths",
    FileChangeKind.STORED_AGAIN: "stores {files}{of} again only to change owner, permissions or timestamps",
    FileChangeKind.STORED_ONCE: "no longer stores {files} a second time",
}
_IN_PLACE = {FileChangeKind.CHANGED, FileChangeKind.NOT_COMPARED}


class FileEvidence:
    """The changes of files that no package owns, as sentences need them."""

    def __init__(self, changes: FileChanges) -> None:
        self._sums, self._growth = FileSums(changes), DirectoryGrowth(changes)

    def by_kind(self, layer: LayerChange) -> Mapping[FileChangeKind, FileSum]:
        """Return the sums of the files of a layer."""
        return self._sums.by_kind(layer.before, layer.after)

    def main_directory(self, layer: LayerChange) -> str:
        """Return the directory with more than half of the change of a layer."""
        return self._growth.main_directory(layer.before, layer.after)


def find_reasons(
    before: Analysis,
    after: Analysis,
    layers: Sequence[LayerChange],
    packages: Sequence[PackageChange] = (),
    files: FileEvidence | None = None,
) -> tuple[Reason, ...]:
    """Return a sentence for each layer with a growth, largest absolute growth first.

    ``layers``: those of the comparison; ``packages``: what changed in them, the largest change first; ``files``: the changes
    of all other files, None if files were not compared.
    """
    known = measures_download(before, after, layers)
    weigh = weigh_download if known else weigh_content
    grown = [layer for layer in layers if layer.growth or weigh(layer)]
    grown.sort(key=lambda layer: -abs(weigh(layer)))
    held_by = _held_by(after)
    reasons = []
    for number, layer in enumerate(grown):
        own = [change for change in packages if (change.before, change.after) == (layer.before, layer.after)]
        details = _details(layer, own, files, held_by, weigh, name_directory=number < _MAX_DIRECTORIES)
        reasons.append(
            Reason(
                text=_sentence(layer, before, after, details),
                before=layer.before,
                after=layer.after,
                growth=layer.growth,
                compressed_growth=layer.compressed_growth if known else None,
            )
        )
    return tuple(reasons)


def name_layer(index: int | None, build_step: BuildStep, side: str = "", max_length: int = _MAX_STEP_LENGTH) -> str:
    """Return the name of a layer in a sentence: its number and its build step, of at most ``max_length`` characters."""
    step = shorten(build_step.shown, max_length)
    return f"layer {index}{side}" + (f" {quote_code(step)}" if step else "")


def _sentence(layer: LayerChange, before: Analysis, after: Analysis, details: Sequence[str]) -> str:
    """The layer, how it relates to BEFORE, and what is different in it."""
    listed = "; ".join(details)
    place = f" ({quote_code(str(layer.source))})" if layer.source is not None else ""
    name = f"{name_layer(layer.after, layer.build_step)}{place}"
    if layer.status is LayerStatus.REMOVED:
        name = f"{name_layer(layer.before, layer.build_step, ' of BEFORE')}{place}"
        return f"{name} is gone{f': {listed}' if listed else ''}"
    if layer.status is LayerStatus.ADDED:
        return f"{name} is new{f': {listed}' if listed else ''}"
    if layer.status is LayerStatus.REBUILT:
        return f"{name} has the same files, with different timestamps or order"
    if layer.status is LayerStatus.RECOMPRESSED and layer.before is not None and layer.after is not None:
        old, new = before.layers[layer.before].compression, after.layers[layer.after].compression
        return f"{name} has the same content, {f'as {new} instead of {old}' if old != new else 'compressed differently'}"
    if is_other_base(layer):
        difference = describe_base(before, after)
        text = f"{name} is another base image{f' ({difference})' if difference else ''}"
        return f"{text}: {listed}" if listed else text
    step = _difference(layer.before_build_step, layer.build_step)
    return f"{name}{f' ({step})' if step else ''} {listed or 'changed'}"


def _difference(old: BuildStep, new: BuildStep) -> str:
    """How a build step changed: the words that were added and removed, or the old step; "" if it is the same."""
    if old.shown == new.shown:  # another sum of a copied file is no other step
        return ""
    before, after = Counter(old.shown.split()), Counter(new.shown.split())
    added, removed = " ".join((after - before).elements()), " ".join((before - after).elements())
    if 0 < len(added.split()) + len(removed.split()) <= _MAX_DIFFERING_WORDS:
        if added and removed:
            return f"step changed: {quote_code(removed)} → {quote_code(added)}"
        return f"step changed: {quote_code(added)} added" if added else f"step changed: {quote_code(removed)} removed"
    return f"step was {quote_code(shorten(old.shown, _MAX_STEP_LENGTH))}" if old.text else "another step"


def _details(
    layer: LayerChange,
    packages: Sequence[PackageChange],
    files: FileEvidence | None,
    held_by: Mapping[int, Sequence[int]],
    weigh: Weigh,
    *,
    name_directory: bool,
) -> list[str]:
    """What changed in a layer, largest growth first."""
    kinds = (layer.files or {}) if files is None or not packages else files.by_kind(layer)
    directory = files.main_directory(layer) if files is not None and name_directory else "/"
    named = list(describe_packages(packages, weigh))
    loose = _loose_details(layer, kinds, held_by, weigh, directory, beside_packages=False)
    if any(phrase in named for phrase in _largest([*named, *loose])):
        loose = _loose_details(layer, kinds, held_by, weigh, directory, beside_packages=True)
    return [phrase.text for phrase in _largest([*named, *loose])]


def _largest(phrases: Sequence[Phrase]) -> list[Phrase]:
    """The phrases with the largest growth, largest first."""
    details = sorted(phrases, key=_by_growth)
    largest = abs(details[0].growth) if details else 0
    return [phrase for phrase in details if abs(phrase.growth) >= phrase.min_share * largest][:_MAX_DETAILS]


def _loose_details(
    layer: LayerChange,
    kinds: Mapping[FileChangeKind, FileSum],
    held_by: Mapping[int, Sequence[int]],
    weigh: Weigh,
    directory: str,
    *,
    beside_packages: bool,
) -> list[Phrase]:
    """What changed in a layer besides packages: ``kinds`` of files, most of them in ``directory``, and files that moved."""
    noun = "other file" if beside_packages else "file"
    files = sorted(_describe_files(layer, kinds, held_by, weigh, noun), key=_by_growth)
    loose = [*files, *_describe_shift(layer, weigh)]
    if beside_packages or len(loose) > 1:
        loose = [phrase._replace(text=_with_size(phrase)) for phrase in loose]
    if files and directory != "/":
        count = sum(sums.count for kind, sums in kinds.items() if kind in _PHRASES)
        loose[0] = loose[0]._replace(text=f"{loose[0].text}{', most' if count > 1 else ''} in {directory}")
    return loose


def _with_size(phrase: Phrase) -> str:
    """The text of a phrase with its growth."""
    return f"{phrase.text} {signed_size(phrase.growth)}" if phrase.growth else phrase.text


def _by_growth(phrase: Phrase) -> int:
    return -abs(phrase.growth)


def _describe_files(
    layer: LayerChange,
    kinds: Mapping[FileChangeKind, FileSum],
    held_by: Mapping[int, Sequence[int]],
    weigh: Weigh,
    noun: str,
) -> Iterator[Phrase]:
    """A phrase for each kind of change."""
    for kind, files in sorted(kinds.items()):
        if files.count and kind in _PHRASES:
            of = _of_layers(held_by.get(layer.after, ())) if layer.after is not None else ""
            text = _PHRASES[kind].format(files=count_of(files.count, noun), of=of)
            growth = 0 if kind is FileChangeKind.MOVED else weigh(files)
            yield Phrase(growth, text)


def _describe_shift(layer: LayerChange, weigh: Weigh) -> Iterator[Phrase]:
    """A phrase for the files that are the same, but in another layer."""
    sums = _moved_sums(layer)
    content, growth = sum(files.growth for files in sums), sum(map(weigh, sums))
    if content * growth > 0:  # not only the compression of the same files differs
        text = "gains files from other layers" if growth > 0 else "loses files to other layers"
        gone = "its files are in other layers now"
        yield Phrase(growth, gone if layer.status is LayerStatus.REMOVED else text, _MIN_SHIFT_SHARE)


def _moved_sums(layer: LayerChange) -> list[FileSum]:
    """The sums of files that both images have, in this layer or in another one."""
    if layer.files is None or layer.unchanged is None:
        return []
    moved = [files for kind, files in layer.files.items() if kind is FileChangeKind.MOVED]
    changed = [files for kind, files in layer.files.items() if kind in _IN_PLACE and not files.count]
    return [layer.unchanged, *moved, *changed]


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
