"""What a budget is about: layers and rows of an image, and their figures.

A glob of a budget stands for the path and for everything below it. Figures come from the analysis where a budget is
about whole layers, and from the rows of the file tables where paths narrow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import attrs

from ocisize.filesystem.visibility import overlay_of
from ocisize.filesystem.whiteout import whiteout_rows
from ocisize.globs import Glob, parse_glob
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.model.budget import Budget
from ocisize.model.sizes import Sizes, paid_layers, sum_known
from ocisize.rules.match import match_globs
from ocisize.tar.filetable import REGULAR, FileTable, IntArray


class TablesMissing(Exception):
    """Rows are asked for, and the analysis was read back without its file tables."""


@attrs.frozen
class ScopeSizes:
    """What some layers, or some rows of them, come to; ``wire`` is None where the saved form does not tell."""

    wire: int | None
    unpacked: int
    waste: int
    files: int

    @property
    def live(self) -> int:
        """Bytes that a container sees."""
        return self.unpacked - self.waste

    def without(self, other: ScopeSizes) -> ScopeSizes:
        """What is left when a part is not counted."""
        wire = None if self.wire is None or other.wire is None else self.wire - other.wire
        return ScopeSizes(wire, self.unpacked - other.unpacked, self.waste - other.waste, self.files - other.files)


class BudgetScope:
    """An analysis as budgets look at it: what several of them need is found once, and only when asked for."""

    def __init__(self, analysis: Analysis, rules: Sequence[str] | None = None) -> None:
        self.analysis = analysis
        self.rules = rules  #: ids of the users' rules, None where they are not known
        self._matched: dict[tuple[tuple[str, ...], tuple[str, ...]], list[IntArray]] = {}

    @cached_property
    def tables(self) -> list[FileTable]:
        """The file tables of all layers; raises TablesMissing."""
        found = [layer.files for layer in self.analysis.layers if layer.files is not None]
        if len(found) < len(self.analysis.layers):
            raise TablesMissing
        return found

    @cached_property
    def hidden_by(self) -> Sequence[IntArray]:
        """Per layer, per row: the layer that hides it, -1 while it is visible."""
        return overlay_of(self.analysis).hidden_by

    def layers_of(self, budget: Budget) -> tuple[LayerAnalysis, ...]:
        """The layers that a budget is about."""
        if not budget.layer:
            return self.analysis.layers
        pattern = re.compile(".*".join(map(re.escape, budget.layer.split("*"))), re.DOTALL)
        return tuple(layer for layer in self.analysis.layers if pattern.fullmatch(layer.build_step.text))

    def rows(self, layer: int, budget: Budget) -> Sequence[int]:
        """The rows of a layer that a budget is about, whiteout markers left out where it names paths."""
        if budget.paths:
            rows: Sequence[int] = self._match(budget.paths, budget.ignore)[layer]
        else:
            rows = range(len(self.tables[layer]))
            if budget.ignore:
                ignored = set(self._match(budget.ignore, ())[layer])
                rows = [row for row in rows if row not in ignored]
        if budget.visible_only:
            hidden_by = self.hidden_by[layer]
            rows = [row for row in rows if hidden_by[row] < 0]
        return rows

    def files(self, layer: int, budget: Budget) -> Iterator[int]:
        """The same, regular files only."""
        table = self.tables[layer]
        markers = set(whiteout_rows(table))
        for row in self.rows(layer, budget):
            if table.kinds[row] == REGULAR and row not in markers:
                yield row

    def figures(self, layers: Sequence[LayerAnalysis], budget: Budget) -> ScopeSizes:
        """What layers come to, as far as the budget's paths are about them."""
        if budget.paths or budget.visible_only:
            return self._sum(layers, budget)
        whole: Sequence[Sizes] = [self.analysis] if len(layers) == len(self.analysis.layers) else layers
        figures = ScopeSizes(
            wire=sum_known(sizes.compressed_size for sizes in whole),
            unpacked=sum(sizes.content_size for sizes in whole),
            waste=sum(sizes.wasted_size for sizes in whole),
            files=sum(sizes.file_count for sizes in whole),
        )
        if budget.ignore:
            return figures.without(self._sum(layers, attrs.evolve(budget, paths=budget.ignore, ignore=())))
        return figures

    def _sum(self, layers: Sequence[LayerAnalysis], budget: Budget) -> ScopeSizes:
        """Rows added up; a blob that several of the layers have is downloaded once."""
        wire: int | None = 0
        unpacked = waste = files = 0
        for layer, pays in zip(layers, paid_layers(layers), strict=True):
            table, hidden_by = self.tables[layer.index], self.hidden_by[layer.index]
            rows = self.rows(layer.index, budget)
            unpacked += sum(table.sizes[row] for row in rows)
            waste += sum(table.sizes[row] for row in rows if hidden_by[row] >= 0)
            files += sum(1 for _ in self.files(layer.index, budget))
            if pays:
                costs = table.compressed_sizes
                wire = None if wire is None or costs is None else wire + sum(costs[row] for row in rows)
        return ScopeSizes(wire, unpacked, waste, files)

    def _match(self, globs: tuple[Glob, ...], ignore: tuple[Glob, ...]) -> list[IntArray]:
        """Per layer, the rows at or below a path that matches one glob, and none of ``ignore``."""
        key = tuple(glob.text for glob in globs), tuple(glob.text for glob in ignore)
        found = self._matched.get(key)
        if found is None:
            found = match_globs(_with_all_below(globs), self.tables, exceptions=_with_all_below(ignore))
            self._matched[key] = found
        return found


def _with_all_below(globs: Sequence[Glob]) -> tuple[Glob, ...]:
    return (*globs, *[parse_glob(glob.text + "/") for glob in globs if not glob.directory])
