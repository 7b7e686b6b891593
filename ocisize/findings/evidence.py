"""What findings are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ocisize.filesystem.duplicates import Duplicates
from ocisize.filesystem.overlay import Overlay
from ocisize.history.shell import shorten
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.system import System
from ocisize.oci.documents import ImageConfig
from ocisize.rules.rule import Catalog
from ocisize.tar.filetable import FileTable, IntArray


@attrs.frozen(kw_only=True)
class ImageEvidence:
    """What findings are made from."""

    layers: Sequence[LayerAnalysis]
    tables: Sequence[FileTable]
    overlay: Overlay
    duplicates: Sequence[Duplicates]
    config: ImageConfig
    reference: str | None  #: the image's name where it has one
    catalog: Catalog
    matches: Sequence[Mapping[str, IntArray]]  #: per layer, by the id of a rule: the rows it matches, visible or not
    secrets: Sequence[Mapping[int, IntArray]] = ()  #: per layer, by the index of a secret in the catalogue: likewise
    base_layers: int = 0  #: how many of the layers, from the bottom, are the base image's
    system: System = attrs.field(factory=System)

    def step(self, layer: int) -> str:
        """The step that made a layer, short enough for a sentence; the layer's number where it is unknown."""
        return shorten(self.layers[layer].build_step.text or f"layer {layer}")


def fix_for_stage(step: str) -> str:
    """The fix for files that a step copies from another stage; ``step`` is its text within the sentence."""
    return f"Leave them out of `{step}`: remove them in the stage it copies from, or copy less."
