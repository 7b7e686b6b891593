"""The comparison of two images, layer by layer and file by file. ``model.comparison`` defines the figures and their sums."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.comparison.directory_growth import DirectoryGrowth, with_rest
from ocisize.comparison.download_cause import find_download_cause
from ocisize.comparison.file_columns import read_files, same_entries
from ocisize.comparison.file_matching import find_changes
from ocisize.comparison.file_totals import FileSums
from ocisize.comparison.findings import compare_findings
from ocisize.comparison.known_sizes import use_known_sizes
from ocisize.comparison.layer_alignment import align, paid_sizes, status_of
from ocisize.comparison.package_changes import find_package_changes
from ocisize.comparison.reasons import FileEvidence, find_reasons
from ocisize.comparison.suggestions import find_suggestions
from ocisize.model.analysis import Analysis, LayerAnalysis, require_complete
from ocisize.model.base import BaseCertainty
from ocisize.model.build_step import BuildStep
from ocisize.model.causes import PackageChange
from ocisize.model.comparison import (
    SAME_CONTENT,
    BaseChange,
    Comparison,
    DirectoryChange,
    FileSum,
    LayerChange,
    LayerStatus,
    PartChange,
)
from ocisize.model.file_changes import FileChanges
from ocisize.model.sizes import Sizes
from ocisize.values import evolve

_MAX_DIRECTORIES = 20  # that are named


def compare(before: Analysis, after: Analysis) -> Comparison:
    """Return what changed from ``before`` to ``after``, and why the image grew.

    Files are compared if the layers that differ have file tables. If an analysis was saved without them, the comparison has
    totals and layers only, and ``files`` is None. Raises IncompleteAnalysis as ``require_complete`` does.

    >>> import ocisize
    >>> old, new = map(ocisize.analyze, ("testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"))
    >>> [reason.text for reason in compare(old, new).reasons]
    ['layer 1 `layer 1` is new: adds 1 file in /app/']
    """
    for analysis in (before, after):
        require_complete(analysis)
    before, after = use_known_sizes(before, after), use_known_sizes(after, before)
    paid_before, paid_after = paid_sizes(before.layers), paid_sizes(after.layers)
    layers = [
        _change(
            before.layers[old] if old is not None else None,
            after.layers[new] if new is not None else None,
            paid_before[old] if old is not None else 0,
            paid_after[new] if new is not None else 0,
        )
        for old, new in align(before.layers, after.layers)
    ]
    changes = _find_changes(before, after, layers)
    if changes is not None:
        layers = _with_files(layers, changes)
    layers = [_settle(layer, before, after) for layer in layers]
    growth = after.content_size - before.content_size
    compressed_size_known = before.compressed_size is not None and after.compressed_size is not None
    compressed = (after.compressed_size or 0) - (before.compressed_size or 0) if compressed_size_known else None
    directories: list[DirectoryChange] = []
    packages: tuple[PackageChange, ...] = ()
    others = None
    if changes is not None:
        directories = with_rest(DirectoryGrowth(changes).find(_MAX_DIRECTORIES), growth, compressed, len(changes))
        packages, loose = find_package_changes(before, after, layers, changes)
        others = FileEvidence(loose)
    findings = compare_findings(before, after, layers)
    return Comparison(
        before=before,
        after=after,
        layers=tuple(layers),
        files=changes,
        directories=tuple(directories),
        packages=packages,
        reasons=find_reasons(before, after, layers, packages, others),
        new_findings=findings.new,
        new_secrets=findings.new_secrets,
        fixed_findings=findings.fixed,
        download_cause=find_download_cause(before, after, layers),
        suggestions=find_suggestions(after, layers),
        base=_part(before, after, layers),
    )


def _change(
    old: LayerAnalysis | None, new: LayerAnalysis | None, size_before: int | None, size_after: int | None
) -> LayerChange:
    shown = new or old
    return LayerChange(
        status=status_of(old, new),
        before=old.index if old is not None else None,
        after=new.index if new is not None else None,
        build_step=shown.build_step if shown is not None else BuildStep(),
        before_build_step=old.build_step if old is not None else BuildStep(),
        before_size=old.content_size if old is not None else 0,
        after_size=new.content_size if new is not None else 0,
        before_compressed_size=size_before,
        after_compressed_size=size_after,
        source=shown.source if shown is not None else None,
    )


def _settle(layer: LayerChange, before: Analysis, after: Analysis) -> LayerChange:
    """The layer, as rebuilt if it has changed and all its entries are the same; with files that differ it is changed."""
    if layer.status is not LayerStatus.CHANGED or layer.files or layer.before is None or layer.after is None:
        return layer
    same = same_entries(before.layers[layer.before], after.layers[layer.after])
    return evolve(layer, status=LayerStatus.REBUILT) if same else layer


def _find_changes(before: Analysis, after: Analysis, layers: Sequence[LayerChange]) -> FileChanges | None:
    """The files that differ; None if a layer that is not the same has no table."""
    differing = [layer for layer in layers if layer.status not in SAME_CONTENT]
    old = {layer.before for layer in differing if layer.before is not None}
    new = {layer.after for layer in differing if layer.after is not None}
    tables = [before.layers[index].files for index in old] + [after.layers[index].files for index in new]
    if None in tables:
        return None
    comparable = len({table.hash_function for table in tables if table is not None}) <= 1
    return find_changes(*(read_files(side, part, comparable=comparable) for side, part in ((before, old), (after, new))))


def _with_files(layers: Sequence[LayerChange], changes: FileChanges) -> list[LayerChange]:
    """The layers with the sums of their files; all files of a layer with the same content are unchanged."""
    sums = FileSums(changes)
    changed = []
    for layer in layers:
        if layer.status in SAME_CONTENT:
            whole = FileSum(
                before_size=layer.before_size,
                after_size=layer.after_size,
                before_compressed_size=layer.before_compressed_size,
                after_compressed_size=layer.after_compressed_size,
            )
            changed.append(evolve(layer, files={}, unchanged=whole, other=FileSum()))
            continue
        changed.append(
            evolve(
                layer,
                files=sums.by_kind(layer.before, layer.after),
                unchanged=sums.unchanged(layer.before, layer.after),
                other=sums.other(layer.before, layer.after, layer.before_compressed_size, layer.after_compressed_size),
            )
        )
    return changed


def _part(before: Analysis, after: Analysis, layers: Sequence[LayerChange]) -> BaseChange | None:
    """The growth of the base images and of the layers on top; None if a pair of layers is the base's on one side only."""
    old, new = before.base, after.base
    if old is None or new is None or BaseCertainty.GUESS in (old.found.certainty, new.found.certainty):
        return None
    if old.base is None or old.own is None or new.base is None or new.own is None:
        return None
    below = old.found.layers, new.found.layers
    for layer in layers:
        if layer.before is not None and layer.after is not None and (layer.before < below[0]) != (layer.after < below[1]):
            return None
    sure = old.found.certainty is new.found.certainty is BaseCertainty.SURE
    base, own = _part_of(old.base, new.base), _part_of(old.own, new.own)
    return BaseChange(base=base, own=own, before_layers=below[0], after_layers=below[1], sure=sure)


def _part_of(old: Sizes, new: Sizes) -> PartChange:
    return PartChange(
        before_size=old.content_size,
        after_size=new.content_size,
        before_compressed_size=old.compressed_size,
        after_compressed_size=new.compressed_size,
    )
