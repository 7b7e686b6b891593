"""ImagePackages: the owners of an image's rows and its inventory, found when something first asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ocisize.filesystem.directories import ImageRuns
from ocisize.filesystem.overlay import Overlay
from ocisize.inventory.kept_records import KeptRecords
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.packages import Inventory
from ocisize.model.system import System
from ocisize.tar.filetable import FileTable

if TYPE_CHECKING:
    from ocisize.inventory.owners import Ownership


class ImagePackages:
    """The packages of an image. Nothing is imported or computed before an attribute is used."""

    def __init__(
        self,
        tables: Sequence[FileTable],
        overlay: Overlay,
        runs: ImageRuns,
        layers: Sequence[LayerAnalysis],
        system: System,
        *,
        is_asked_for: bool = False,
    ) -> None:
        """Note what the packages are found in; ``tables`` have the files that scans keep.

        ``is_asked_for``: whether the owners of all rows will be looked for, so that what checks read of them is kept.
        """
        self.kept = KeptRecords(is_asked_again=is_asked_for)  #: the records that were read so far
        self._tables, self._overlay, self._runs = tables, overlay, runs
        self._layers, self._system = layers, system

    @cached_property
    def ownership(self) -> Ownership:
        """The owner of each row."""
        from ocisize.inventory.owners import assign_owners

        steps = [layer.build_step for layer in self._layers]
        return assign_owners(self._tables, self._overlay.hidden_by, self._runs, steps, system=self._system, kept=self.kept)

    @cached_property
    def inventory(self) -> Inventory:
        """The sums of all owners."""
        from ocisize.inventory.costs import make_inventory

        return make_inventory(self.ownership, self._layers, self._system)
