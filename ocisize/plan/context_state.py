"""ContextState: the COPY instructions of a build, and what the rules about its context have decided so far."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, compress
from typing import TYPE_CHECKING

from ocisize.plan.context_paths import ContextCopy, has_wildcard
from ocisize.plan.merged_rows import RowsByLayer, merge_rows
from ocisize.plan.paths import find_inside
from ocisize.plan.reads import Reading, matches_wildcard
from ocisize.tuples import NamedTuple
from ocisize.values import define, field

if TYPE_CHECKING:
    from ocisize.dockerfile.ignore_cover import KeptPaths, PathIndex


class Removal(NamedTuple):
    """Files of one COPY that one later layer deletes."""

    rows: tuple[int, ...]  #: of the layer of the COPY
    reading: Reading  #: by a RUN between the COPY and the removal


@define(slots=False)  # with a dictionary for the cached properties
class ContextState:
    """What the rules about the build context have decided so far."""

    copies: list[ContextCopy]
    needed: set[str]  #: context paths that must not be ignored: sources of mounts, and of instructions without a layer here
    named: set[str] = field(factory=set)  #: sources of ``copies``: a COPY fails without its sources
    removals: Mapping[ContextCopy, Sequence[Removal]] = field(factory=dict)  #: of ``copies``
    ignored: dict[int, set[int]] = field(factory=lambda: defaultdict(set))  #: rows by layer; ``ignore`` adds to them
    _ignored_paths: set[str] = field(factory=set, init=False)  # of these rows

    @cached_property
    def kept(self) -> Mapping[ContextCopy, set[str]]:
        """The context paths of the files of each COPY that nothing removes, or that a RUN reads until then."""
        return {copy: _find_kept(copy, self.removals.get(copy, ())) for copy in self.copies}

    @cached_property
    def keepers(self) -> Counter[str]:
        """The number of COPY instructions that keep a context path."""
        return Counter(chain.from_iterable(self.kept.values()))

    def rows_of(self, paths: Collection[str]) -> dict[int, list[int]]:
        """The rows that hold the files of some context paths, by layer; ``paths`` should be a set."""
        return merge_rows(
            {copy.layer: list(compress(copy.context_paths, map(paths.__contains__, copy.context_paths.values())))}
            for copy in self.copies
        )

    def ignore(self, rows: RowsByLayer) -> None:
        """Record that .dockerignore names the files of some rows, which are all that ``rows_of`` returns for their paths."""
        for layer, chosen in rows.items():
            self.ignored[layer].update(chosen)
        for copy in self.copies:
            paths = copy.context_paths  # a layer may have the files of several instructions
            self._ignored_paths.update(paths[row] for row in rows.get(copy.layer, ()) if row in paths)

    def stored_by(self, copy: ContextCopy) -> Iterable[str]:
        """The context paths of the files of a COPY that are not ignored."""
        if copy.layer not in self.ignored:
            return copy.context_paths.values()
        ignored = self.ignored[copy.layer]
        return (path for row, path in copy.context_paths.items() if row not in ignored)

    def paths_without(self, removed: set[str]) -> KeptPaths:
        """The context paths of all files that are not ignored but some, and of what must not be ignored."""
        return self._index.without(self._ignored_paths.union(removed).difference(self.needed, self.named))

    @cached_property
    def _index(self) -> PathIndex:
        """The context paths of all files, and of what must not be ignored."""
        from ocisize.dockerfile.ignore_cover import PathIndex

        stored = chain.from_iterable(copy.context_paths.values() for copy in self.copies)
        return PathIndex(chain(stored, self.needed, self.named))

    def find_needed(self, paths: Collection[str], copy: ContextCopy, others: Collection[str] = ()) -> set[str]:
        """Those of some files of a COPY that must stay in the context.

        An instruction reads the file by name, or a narrower COPY has it, or one of some other paths holds it. A folder that
        the COPY itself names may lack files.
        """
        holders = {source for source in self.named if not _holds_source(source, copy)}.union(self.needed, others)
        needed = self.named.intersection(paths)
        if holders:
            needed.update(path for _, path in find_inside(paths, holders))
        if self._wildcards:
            needed.update(path for path in paths if any(matches_wildcard(source, path) for source in self._wildcards))
        return needed

    @cached_property
    def _wildcards(self) -> list[str]:
        return [source for source in (*self.needed, *self.named) if has_wildcard(source)]


def _find_kept(copy: ContextCopy, removals: Iterable[Removal]) -> set[str]:
    """Context paths of the files of a COPY that nothing removes, or that a RUN reads until then."""
    kept = set(copy.context_paths.values())
    for removal in removals:
        if removal.reading < Reading.LIKELY:
            kept.difference_update(copy.context_paths[row] for row in removal.rows)
    return kept


def _holds_source(folder: str, copy: ContextCopy) -> bool:
    """Whether all sources of a COPY are in a folder, or one of them is the folder."""
    return all(source == folder or source.startswith(f"{folder}/") for source in copy.sources)
