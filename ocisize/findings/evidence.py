"""ImageEvidence: the facts about an image that checks look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.duplicates import Duplicates
from ocisize.filesystem.known_duplicates import KnownDuplicates
from ocisize.filesystem.overlay import Overlay
from ocisize.history.shell import shorten
from ocisize.inventory.image_packages import ImagePackages
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.system import System
from ocisize.oci.documents import ImageConfig
from ocisize.rules.rule import Catalog
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.values import field, frozen


@frozen(kw_only=True)
class ImageEvidence:
    """The facts about an image that checks look at, with the layers base first."""

    layers: Sequence[LayerAnalysis]
    tables: Sequence[FileTable]
    runs: ImageRuns  #: the directories of the tables
    overlay: Overlay
    duplicates: Sequence[Duplicates]
    known_duplicates: KnownDuplicates | None = None  #: those that ``duplicates`` refer to; what is found out is added
    config: ImageConfig
    reference: str | None  #: the image's name, if it has one
    catalog: Catalog
    matches: Sequence[Mapping[str, IntArray]]  #: per layer: rows by the id of the rule that claims them, visible or hidden
    secrets: Sequence[Mapping[int, IntArray]] = ()  #: per layer: rows by the index of a secret in the catalog
    base_layers: int = 0  #: number of layers, from the bottom, that belong to the base image
    system: System = field(factory=System)
    packages: ImagePackages  #: which package owns which row; computed when a check first asks

    def step(self, layer: int) -> str:
        """The build step of a layer, shortened for a sentence; ``layer 3`` if the step is unknown.

        Sums in place of sources, which no Dockerfile has, are left out: ``COPY … /app``.
        """
        return shorten(self.layers[layer].build_step.shown or f"layer {layer}")


def fix_for_stage(step: str) -> str:
    """The fix for files that a step copies from another stage; ``step`` is its text within the sentence."""
    return f"Leave them out of `{step}`: remove them in the stage it copies from, or copy less."


def fix_for_archive(step: str) -> str:
    """The fix for files of an archive that a step unpacks; ``step`` is its text within the sentence."""
    return f"Leave them out of the archive that `{step}` unpacks."
