"""Claims: findings before they are weighed. Each row goes to one claim only, whatever the order they come in.

A row that several claims name goes to the one of the lowest tier, then to the first by id and layers. So what a build
step proves to have left goes to it, unless a cleanup that comes too late is to blame; other hidden rows belong to what
hides them, and what a build step proves goes before what a file's name suggests.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs

from ocisize.findings.evidence import ImageEvidence
from ocisize.history.shell import Change
from ocisize.model.findings import Confidence, Severity
from ocisize.model.waste import CAUSES, Cause
from ocisize.tar.filetable import HARD_LINK
from ocisize.tar.paths import clean_name

FILES = "\0files"  #: in titles: becomes how many files a claim is about; no path and hardly a build step has a NUL
PATH = "\0path"  #: in fixes: becomes the largest of them
_REPLACED = (CAUSES.index(Cause.OVERWRITTEN), CAUSES.index(Cause.OPAQUE))

Fix: TypeAlias = "str | Callable[[int, str], str]"


class Tier(enum.IntEnum):
    """Which claims a row is offered to first."""

    TOOL_CACHE = 0  #: left by a build step, as its text proves: visible, or replaced by another step's leavings
    WASTE = 1  #: hidden by a layer
    HISTORY = 2  #: brought by a build step without need, as its text proves
    CATALOGUE = 3  #: of a kind that images rarely need
    DUPLICATE = 4  #: visible elsewhere, too


@attrs.frozen(kw_only=True)
class Claim:
    """A finding that rows are yet to be given to.

    ``title`` may hold FILES, ``fix`` PATH. Its layers are those that hold the rows it gets, the one with the most bytes
    first, and behind them ``others``. A claim without rows is a remark: it saves nothing and is kept for its own sake,
    with ``paths`` and a severity of its own.

    A fix may depend on the layer that brought rows and the largest of their paths; those of several layers are told one
    after the other. Where ``change`` can be made, the RUN written anew stands in place of ``fix``, with ``also`` behind it.
    """

    id: str
    title: str
    confidence: Confidence
    fix: Fix = attrs.field(eq=False)
    change: Change | None = attrs.field(default=None, eq=False)
    fix_suffix: str = ""
    removes_layer: int | None = None  #: the layer that goes once the change is made
    note: str = ""  #: a sentence for behind the fix
    blame_first_layer: bool = False  #: blame the layers that first brought the rows, not those that store them again
    min_share: float = 0.0  #: share of the download below which it is no finding, though its rows are taken
    other_layers: tuple[int, ...] = ()  #: layers involved that hold none of the rows
    tier: Tier = Tier.CATALOGUE
    rows: Mapping[int, Sequence[int]] = attrs.field(factory=dict, hash=False)  #: by layer: files that mending spares
    paths: tuple[str, ...] = ()
    severity: Severity | None = None  #: None: by the bytes it saves


class Ledger:
    """Which rows are claimed already."""

    def __init__(self, evidence: ImageEvidence) -> None:
        self._tables, self._overlay = evidence.tables, evidence.overlay
        self._taken = [bytearray(len(table)) for table in evidence.tables]
        self._linked = [_linked_elsewhere(evidence, layer) for layer in range(len(evidence.tables))]

    def claimed(self, layer: int) -> bytearray:
        """Per row of a layer, whether it is claimed."""
        return self._taken[layer]

    def assign_rows(self, claims: Iterable[Claim]) -> Iterator[Claim]:
        """The claims with the rows that each of them gets: files with content that nobody has claimed."""
        for claim in sorted(
            claims, key=lambda claim: (claim.tier, claim.id, sorted(claim.rows), claim.other_layers, claim.title)
        ):
            if not claim.rows:
                yield claim
                continue
            rows = {layer: self._take(layer, rows, claim.tier) for layer, rows in claim.rows.items()}
            if rows := {layer: kept for layer, kept in rows.items() if kept}:
                yield attrs.evolve(claim, rows=rows)

    def _take(self, layer: int, rows: Sequence[int], tier: Tier) -> list[int]:
        taken, sizes = self._taken[layer], self._tables[layer].sizes
        kept = [row for row in rows if sizes[row] and not taken[row]]
        if tier is Tier.TOOL_CACHE:
            hidden_by, causes = self._overlay.hidden_by[layer], self._overlay.causes[layer]
            kept = [row for row in kept if hidden_by[row] < 0 or causes[row] in _REPLACED]
        if tier in (Tier.TOOL_CACHE, Tier.HISTORY, Tier.CATALOGUE) and (linked := self._linked[layer]):
            kept = [row for row in kept if row not in linked]
        for row in kept:
            taken[row] = 1
        return kept


def _linked_elsewhere(evidence: ImageEvidence, layer: int) -> set[int]:
    """Files of a layer that a hard link shows at a place no rule matches: to remove the file's own name frees nothing."""
    table, hidden_by = evidence.tables[layer], evidence.overlay.hidden_by[layer]
    matched = {row for rows in evidence.matches[layer].values() for row in rows}
    targets = {
        clean_name(target)
        for row, target in table.links.items()
        if table.kinds[row] == HARD_LINK and hidden_by[row] < 0 and row not in matched
    }
    if not targets:
        return set()
    return {row for first, paths in table.paths.pieces() for row, path in enumerate(paths, first) if path in targets}
