"""Claims: proposed findings, and the ledger that gives each row of the file tables to one claim only.

A row that several claims name goes to the claim of the lowest tier, then to the first by id and layers; the order in which
claims arrive does not matter. So files that a build command proves to have left go to that step, unless a late cleanup is
to blame; other hidden rows go to the layer that hides them; and what a build command proves comes before what a file name
suggests.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from ocisize.filesystem.path_search import find_rows
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Explanation
from ocisize.history.shell import Change
from ocisize.model.findings import Confidence, Severity
from ocisize.model.waste import CAUSES, Cause
from ocisize.rules.rule import Rule
from ocisize.tar.filetable import HARD_LINK
from ocisize.tar.paths import clean_name
from ocisize.values import Factory, evolve, field, frozen

FILES = "\0files"  #: in titles: replaced by the number of files, "3 files"; no path and hardly a build step has a NUL
PATH = "\0path"  #: in fixes: replaced by the path of the largest file
_REPLACED = (CAUSES.index(Cause.OVERWRITTEN), CAUSES.index(Cause.OPAQUE))

Fix: TypeAlias = "str | Callable[[int, str], str]"


class Tier(enum.IntEnum):
    """The priority of claims: a row is offered to the lowest tier first."""

    TOOL_CACHE = 0  #: tool caches that a RUN left behind; includes files that a later RUN overwrote with its own cache
    WASTE = 1  #: files that a layer hides
    HISTORY = 2  #: files that a build command proves to be unneeded
    PACKAGE = 3  #: files of packages that the image may not need
    CATALOG = 4  #: files that a rule of the catalog matches
    DUPLICATE = 5  #: files that are also visible elsewhere


@frozen(kw_only=True)
class Claim:
    """A proposed finding with the rows it would like to own. The ledger decides which rows it gets.

    The layers of the finding are those that hold its rows, the one with the most bytes first, then ``other_layers``.
    A claim without rows is a remark: it saves no bytes and is never dropped, and has its own severity, and ``paths`` or
    ``names``.

    ``title`` may contain FILES, ``fix`` PATH. A fix may be a function of the layer that brought the rows and
    of the largest path among them; the fixes of several layers are printed one after the other. ``change`` is a change of
    the RUN that does the same; the plan makes the change where it can.
    """

    rule: Explanation | Rule  #: the kind of finding
    title: str
    confidence: Confidence = field(default=Factory(lambda self: self.rule.confidence, takes_self=True))
    fix: Fix = field(eq=False)
    change: Change | None = field(default=None, eq=False)
    note: str = ""  #: a sentence to add to the fix
    blame_first_layer: bool = False  #: blame the layers that first brought the rows, not those that store them again
    min_share: float = 0.0  #: share of the content of the image; a smaller claim owns its rows, but becomes no finding
    other_layers: tuple[int, ...] = ()  #: layers involved that hold none of the rows
    tier: Tier = Tier.CATALOG
    rows: Mapping[int, Sequence[int]] = field(factory=dict, hash=False)  #: by layer: files that the fix removes
    paths: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  #: of variables and build arguments
    severity: Severity | None = None  #: None: by the bytes it saves

    @property
    def id(self) -> str:
        """The id of the finding."""
        return self.rule.id


class Ledger:
    """The owner of each row: records which rows are claimed already."""

    def __init__(self, evidence: ImageEvidence) -> None:
        self._tables, self._overlay = evidence.tables, evidence.overlay
        self._taken = [bytearray(len(table)) for table in evidence.tables]
        self._linked = [_linked_elsewhere(evidence, layer) for layer in range(len(evidence.tables))]

    def claimed(self, layer: int) -> bytearray:
        """Per row of a layer, whether it is claimed."""
        return self._taken[layer]

    def assign_rows(self, claims: Iterable[Claim]) -> Iterator[Claim]:
        """The claims with the rows that each of them gets: files with content that no other claim owns.

        Claims that get no rows are dropped, except remarks.
        """
        for claim in sorted(
            claims, key=lambda claim: (claim.tier, claim.id, sorted(claim.rows), claim.other_layers, claim.title)
        ):
            if not claim.rows:
                yield claim
                continue
            rows = {layer: self._take(layer, rows, claim.tier) for layer, rows in claim.rows.items()}
            if rows := {layer: kept for layer, kept in rows.items() if kept}:
                yield evolve(claim, rows=rows)

    def _take(self, layer: int, rows: Sequence[int], tier: Tier) -> list[int]:
        taken, sizes = self._taken[layer], self._tables[layer].sizes
        kept = [row for row in rows if sizes[row] and not taken[row]]
        if tier is Tier.TOOL_CACHE:
            hidden_by, causes = self._overlay.hidden_by[layer], self._overlay.causes[layer]
            kept = [row for row in kept if hidden_by[row] < 0 or causes[row] in _REPLACED]
        if tier in (Tier.TOOL_CACHE, Tier.HISTORY, Tier.PACKAGE, Tier.CATALOG) and (linked := self._linked[layer]):
            own = frozenset(rows)
            kept = [row for row in kept if own.issuperset(linked.get(row, ()))]
        for row in kept:
            taken[row] = 1
        return kept


def _linked_elsewhere(evidence: ImageEvidence, layer: int) -> dict[int, list[int]]:
    """By row of a layer: visible hard links to it outside of all rules. As long as one is there, nothing is freed."""
    table, hidden_by = evidence.tables[layer], evidence.overlay.hidden_by[layer]
    matched = {row for rows in evidence.matches[layer].values() for row in rows}
    links: dict[bytes, list[int]] = defaultdict(list)
    for row, target in table.links.items():
        if table.kinds[row] == HARD_LINK and hidden_by[row] < 0 and row not in matched:
            links[clean_name(target)].append(row)
    return {row: links[path] for row, path in find_rows(links.keys(), table, layer, evidence.runs)} if links else {}
