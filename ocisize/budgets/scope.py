"""What budgets measure: whole layers, or the rows of file tables that paths and the visible view select.

A glob of a budget matches a path and all below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from ocisize.filesystem.visibility import overlay_of
from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.globs import Glob, with_contents
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.budget import Budget
from ocisize.model.findings import Finding
from ocisize.model.packages import Package
from ocisize.model.sizes import Sizes, paid_layers, sum_known
from ocisize.rules.match import match_globs
from ocisize.sizes.package_names import find_similar, select_packages
from ocisize.tar.filetable import REGULAR, FileTable, IntArray
from ocisize.text import printable
from ocisize.values import evolve, frozen

NO_PACKAGE = "no package has such a name"


class TablesMissing(Exception):
    """The analysis was read back without its file tables, so that no rows can be selected."""


class PackagesMissing(TablesMissing):
    """The analysis was made without packages."""


@frozen(kw_only=True)
class ScopeSizes:
    """Sums over layers or rows, in bytes; these can be limited on any part of an image."""

    compressed_size: int | None  #: None where the saved form has layers uncompressed
    content_size: int
    wasted_size: int
    file_count: int

    @classmethod
    def of(cls, parts: Sequence[Sizes]) -> ScopeSizes:
        """The sums over an image, or over layers with different blobs."""
        return cls(
            compressed_size=sum_known(part.compressed_size for part in parts),
            content_size=sum(part.content_size for part in parts),
            wasted_size=sum(part.wasted_size for part in parts),
            file_count=sum(part.file_count for part in parts),
        )

    @property
    def live_size(self) -> int:
        """Bytes that a container sees."""
        return self.content_size - self.wasted_size

    def without(self, part: ScopeSizes) -> ScopeSizes:
        """The sums that are left when a part is not counted."""
        known = self.compressed_size is not None and part.compressed_size is not None
        return ScopeSizes(
            compressed_size=(self.compressed_size or 0) - (part.compressed_size or 0) if known else None,
            content_size=self.content_size - part.content_size,
            wasted_size=self.wasted_size - part.wasted_size,
            file_count=self.file_count - part.file_count,
        )


@frozen
class PackageSelection:
    """The packages that a budget selects by name."""

    packages: Sequence[Package]

    @property
    def layers(self) -> list[int]:
        """The indexes of the layers that have most bytes of a package, those of the largest package first."""
        return list(dict.fromkeys(package.layer for package in self.packages))

    def sizes(self) -> ScopeSizes:
        """The sums over all packages."""
        return ScopeSizes(
            compressed_size=sum_known(package.compressed_size for package in self.packages),
            content_size=sum(package.content_size for package in self.packages),
            wasted_size=sum(package.wasted_size for package in self.packages),
            file_count=sum(package.file_count for package in self.packages),
        )


@frozen
class LayerSelection:
    """Whole layers, and the findings that name at least one of them."""

    layers: Sequence[LayerAnalysis]
    findings: Sequence[Finding]


class BudgetScope:
    """An analysis, with what budgets need of it computed once and on demand."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._matched: dict[tuple[tuple[str, ...], tuple[str, ...]], list[IntArray]] = {}

    @cached_property
    def tables(self) -> list[FileTable]:
        """The file tables of all layers; raises TablesMissing."""
        tables = [layer.files for layer in self.analysis.layers if layer.files is not None]
        if len(tables) < len(self.analysis.layers):
            raise TablesMissing
        return tables

    @cached_property
    def hidden_by(self) -> Sequence[IntArray]:
        """Per layer, per row: the layer that hides it, -1 while it is visible."""
        return overlay_of(self.analysis).hidden_by

    def layers_of(self, budget: Budget) -> tuple[LayerAnalysis, ...]:
        """The layers whose build step matches the budget's ``layer``; all layers if it has none."""
        if not budget.layer:
            return self.analysis.layers
        pattern = re.compile(".*".join(map(re.escape, budget.layer.split("*"))), re.DOTALL)
        return tuple(layer for layer in self.analysis.layers if pattern.fullmatch(layer.build_step.text))

    def select_layers(self, layers: Sequence[LayerAnalysis]) -> LayerSelection:
        """Some layers and their findings."""
        indexes = {layer.index for layer in layers}
        findings = [finding for finding in self.analysis.advice.findings if not indexes.isdisjoint(finding.layers)]
        return LayerSelection(layers, findings)

    def select_rows(self, layers: Sequence[LayerAnalysis], budget: Budget) -> RowSelection:
        """The rows of some layers that the budget's ``paths``, ``ignore`` and ``visible_only`` select."""
        return RowSelection(self, layers, budget)

    def select_packages(self, budget: Budget) -> PackageSelection:
        """The packages that the budget's ``packages`` select; raises PackagesMissing."""
        inventory = self.analysis.packages
        if inventory is None:
            raise PackagesMissing
        return PackageSelection(select_packages(inventory.packages, budget.packages))

    def explain_no_package(self, budget: Budget) -> str:
        """Why the budget's ``packages`` select none: the reason of its verdict, which names the nearest package."""
        inventory = self.analysis.packages
        similar = find_similar(inventory.packages, budget.packages) if inventory is not None else None
        return f"{NO_PACKAGE}, the nearest is {printable(similar)}" if similar else NO_PACKAGE

    def match(self, globs: tuple[Glob, ...], ignore: tuple[Glob, ...]) -> list[IntArray]:
        """Per layer, the rows at or below a path that matches one glob, and none of ``ignore``; no whiteout markers."""
        key = tuple(glob.text for glob in globs), tuple(glob.text for glob in ignore)
        rows = self._matched.get(key)
        if rows is None:
            rows = match_globs(with_contents(globs), self.tables, exceptions=with_contents(ignore))
            self._matched[key] = rows
        return rows


@frozen
class RowSelection:
    """The rows of some layers that a budget's paths, ignored paths and the visible view select."""

    _scope: BudgetScope
    layers: Sequence[LayerAnalysis]
    _budget: Budget

    @property
    def tables(self) -> list[FileTable]:
        """The file tables of all layers of the image, by index."""
        return self._scope.tables

    def rows(self, layer: int) -> Sequence[int]:
        """The selected rows of a layer, given by its index. Where paths select, whiteout markers are left out."""
        budget = self._budget
        if budget.paths:
            rows: Sequence[int] = self._scope.match(budget.paths, budget.ignore)[layer]
        else:
            rows = range(len(self.tables[layer]))
            if budget.ignore:
                ignored = set(self._scope.match(budget.ignore, ())[layer])
                rows = [row for row in rows if row not in ignored]
        if budget.visible_only:
            hidden_by = self._scope.hidden_by[layer]
            rows = [row for row in rows if hidden_by[row] < 0]
        return rows

    def files(self, layer: int) -> Iterator[int]:
        """The same, regular files only."""
        return regular_files(self.tables[layer], self.rows(layer))

    def is_empty(self) -> bool:
        """True if no row is selected."""
        return not any(len(self.rows(layer.index)) for layer in self.layers)

    def sizes(self) -> ScopeSizes:
        """The sums over all selected rows. Ignored paths are subtracted; bytes of a blob that belong to no entry stay."""
        budget = self._budget
        if budget.paths or budget.visible_only:
            return self._sum_rows()
        image = self._scope.analysis
        whole = ScopeSizes.of([image] if len(self.layers) == len(image.layers) else self.layers)
        ignored = evolve(budget, paths=budget.ignore, ignore=())
        return whole.without(RowSelection(self._scope, self.layers, ignored).sizes()) if budget.ignore else whole

    def sizes_by_layer(self) -> list[ScopeSizes]:
        """The sums of each layer by itself."""
        return [RowSelection(self._scope, [layer], self._budget).sizes() for layer in self.layers]

    def _sum_rows(self) -> ScopeSizes:
        """Rows added up; a blob that several of the layers have is downloaded once."""
        compressed: list[int | None] = []
        content = waste = files = 0
        for layer, paid in zip(self.layers, paid_layers(self.layers), strict=True):
            table, hidden_by = self.tables[layer.index], self._scope.hidden_by[layer.index]
            rows = self.rows(layer.index)
            content += sum(table.sizes[row] for row in rows)
            waste += sum(table.sizes[row] for row in rows if hidden_by[row] >= 0)
            files += sum(1 for _ in self.files(layer.index))
            if paid:
                sizes = table.compressed_sizes
                compressed.append(None if sizes is None else sum(sizes[row] for row in rows))
        return ScopeSizes(compressed_size=sum_known(compressed), content_size=content, wasted_size=waste, file_count=files)


def regular_files(table: FileTable, rows: Iterable[int]) -> Iterator[int]:
    """Those of some rows that are regular files and no whiteout markers."""
    markers = set(whiteout_rows(table))
    return (row for row in rows if table.kinds[row] == REGULAR and row not in markers)
