"""The comparison of two images by their manifests and configs: layers by digest, diff_id and build step."""

from __future__ import annotations

from ocisize.comparison.layer_alignment import align, paid_sizes, status_of
from ocisize.model.build_step import BuildStep
from ocisize.model.outline import LayerOutline, Outline, require_listed_layers
from ocisize.model.outline_comparison import OutlineComparison, OutlineLayerChange
from ocisize.oci.documents import RunConfig
from ocisize.values import fields


def compare_outlines(before: Outline, after: Outline) -> OutlineComparison:
    """Return what changed from ``before`` to ``after`` as far as their manifests and configs say.

    Layers are paired as ``compare`` pairs them. Raises IncompleteAnalysis if the documents of one image list different
    numbers of layers.

    >>> import ocisize
    >>> analyzer = ocisize.Analyzer()
    >>> old, new = map(analyzer.outline, ("testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"))
    >>> [str(layer.status) for layer in compare_outlines(old, new).layers]
    ['shared', 'added', 'added']
    """
    for outline in (before, after):
        require_listed_layers(outline)
    paid_before, paid_after = paid_sizes(before.layers), paid_sizes(after.layers)
    return OutlineComparison(
        before=before,
        after=after,
        layers=tuple(
            _change(
                None if old is None else before.layers[old],
                None if new is None else after.layers[new],
                0 if old is None else paid_before[old],
                0 if new is None else paid_after[new],
            )
            for old, new in align(before.layers, after.layers)
        ),
        config_changes=tuple(
            item.name for item in fields(RunConfig) if getattr(before.run, item.name) != getattr(after.run, item.name)
        ),
    )


def _change(
    old: LayerOutline | None, new: LayerOutline | None, size_before: int | None, size_after: int | None
) -> OutlineLayerChange:
    shown = new or old
    return OutlineLayerChange(
        status=status_of(old, new),
        before=old.index if old is not None else None,
        after=new.index if new is not None else None,
        build_step=shown.build_step if shown is not None else BuildStep(),
        before_build_step=old.build_step if old is not None else BuildStep(),
        before_compressed_size=size_before,
        after_compressed_size=size_after,
        source=shown.source if shown is not None else None,
    )
