"""Claims: findings before they are weighed. Each row goes to one claim only, whatever the order they come in.

A row that several claims name goes to the one of the lowest tier, then to the first by id and layers. So hidden rows
belong to what hides them, and what a build step proves to have left goes before what a file's name suggests.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from ocisize.analysis.catalog import Catalog
from ocisize.analysis.findings import Advice, Confidence, Finding, Severity
from ocisize.analysis.model import LayerAnalysis, System
from ocisize.analysis.overlay import Overlay
from ocisize.analysis.waste import Duplicates
from ocisize.files import HARD_LINK, FileTable, IntArray, decode_name
from ocisize.oci import ImageConfig
from ocisize.paths import clean_name

FILES = "\0files"  #: in titles: becomes how many files a claim is about; no path and hardly a build step has a NUL
PATH = "\0path"  #: in fixes: becomes the largest of them

_SHOWN = 5  # paths of a finding
_HIGH, _MEDIUM = 0.1, 0.01  # shares of the download
_MAX_STEP = 120  # characters of a build step within a sentence
_SEVERITIES = tuple(Severity)


class Tier(enum.IntEnum):
    """Which claims a row is offered to first."""

    WASTE = 0  #: hidden by a layer
    HISTORY = 1  #: left by a build step, as its text proves
    CATALOGUE = 2  #: of a kind that images rarely need
    DUPLICATE = 3  #: visible elsewhere, too


@attrs.frozen(kw_only=True)
class Scene:
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
        step = self.layers[layer].instruction or f"layer {layer}"
        return step if len(step) <= _MAX_STEP else f"{step[: _MAX_STEP - 1]}…"


@attrs.frozen(kw_only=True)
class Claim:
    """A finding that rows are yet to be given to.

    ``title`` may hold FILES, ``fix`` PATH. ``layers``
    are the layers that hold the rows it gets, the one with the most bytes first, and behind them ``others``. A claim
    without rows is a remark: it saves nothing and is kept for its own sake, with ``paths`` and a severity of its own.
    """

    id: str
    title: str
    confidence: Confidence
    fix: str | Mapping[int, str]  #: the fix, or one for each layer that may hold the most bytes
    others: tuple[int, ...] = ()  #: layers involved that hold none of the rows
    tier: Tier = Tier.CATALOGUE
    rows: Mapping[int, Sequence[int]] = attrs.field(factory=dict, hash=False)  #: by layer: files that mending spares
    paths: tuple[str, ...] = ()
    severity: Severity | None = None  #: None: by the bytes it saves


class Ledger:
    """Which rows are claimed already."""

    def __init__(self, scene: Scene) -> None:
        self._tables = scene.tables
        self._taken = [bytearray(len(table)) for table in scene.tables]
        self._linked = [_linked_elsewhere(scene, layer) for layer in range(len(scene.tables))]

    def taken(self, layer: int) -> bytearray:
        """Per row of a layer, whether it is claimed."""
        return self._taken[layer]

    def give(self, claims: Iterable[Claim]) -> Iterator[Claim]:
        """The claims with the rows that each of them gets: files with content that nobody has claimed."""
        for claim in sorted(claims, key=lambda claim: (claim.tier, claim.id, sorted(claim.rows), claim.others, claim.title)):
            if not claim.rows:
                yield claim
                continue
            by_name = claim.tier in (Tier.HISTORY, Tier.CATALOGUE)
            rows = {layer: self._take(layer, rows, by_name=by_name) for layer, rows in claim.rows.items()}
            if rows := {layer: kept for layer, kept in rows.items() if kept}:
                yield attrs.evolve(claim, rows=rows)

    def _take(self, layer: int, rows: Sequence[int], *, by_name: bool) -> list[int]:
        taken, sizes = self._taken[layer], self._tables[layer].sizes
        kept = [row for row in rows if sizes[row] and not taken[row]]
        if by_name and (linked := self._linked[layer]):
            kept = [row for row in kept if row not in linked]
        for row in kept:
            taken[row] = 1
        return kept


def _linked_elsewhere(scene: Scene, layer: int) -> set[int]:
    """Files of a layer that a hard link shows at a place no rule matches: to remove the file's own name frees nothing."""
    table, hidden_by = scene.tables[layer], scene.overlay.hidden_by[layer]
    matched = {row for rows in scene.matches[layer].values() for row in rows}
    targets = {
        clean_name(target)
        for row, target in table.links.items()
        if table.kinds[row] == HARD_LINK and hidden_by[row] < 0 and row not in matched
    }
    if not targets:
        return set()
    return {row for first, paths in table.paths.pieces() for row, path in enumerate(paths, first) if path in targets}


def weigh(claims: Iterable[Claim], scene: Scene) -> Advice:
    """Turn claims that have their rows into findings with their bytes, the largest saving on the wire first."""
    scale = _Scale(scene)
    findings = sorted(map(scale.weigh, claims), key=_rank)
    return Advice(tuple(findings))


def _rank(finding: Finding) -> tuple[object, ...]:
    return (
        -(finding.compressed_size or 0),
        -finding.size,
        _SEVERITIES.index(finding.severity),
        finding.id,
        finding.layers,
        finding.title,
    )


class _Scale:
    """Weighs the claims of one image."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._downloaded = {layer.digest: layer.index for layer in scene.layers}  # a repeated blob: once, where it is last
        self._known = all(layer.compressed_size is not None for layer in scene.layers)
        sizes = [layer.compressed_size if self._known else layer.content_size for layer in scene.layers]
        self._total = sum(sizes[index] or 0 for index in self._downloaded.values())

    def weigh(self, claim: Claim) -> Finding:
        """A claim as a finding."""
        scene, rows = self._scene, claim.rows
        sizes = {layer: _sum_of(scene.tables[layer].sizes, chosen) for layer, chosen in rows.items()}
        size, layers = sum(sizes.values()), (*sorted(sizes, key=lambda layer: (-sizes[layer], layer)), *claim.others)
        compressed_size = self._download(rows) if self._known else None
        fix = claim.fix if isinstance(claim.fix, str) else claim.fix[layers[0]]
        paths = claim.paths[:_SHOWN] if claim.paths else _largest(rows, scene.tables)
        count = len(claim.paths) if claim.paths else sum(map(len, rows.values()))
        return Finding(
            id=claim.id,
            title=claim.title.replace(FILES, f"{count:,} file{'s' * (count != 1)}"),
            confidence=claim.confidence,
            severity=claim.severity or self._severity(size if compressed_size is None else compressed_size),
            layers=layers,
            instructions=tuple(scene.layers[layer].instruction for layer in layers),
            paths=paths,
            path_count=count,
            size=size,
            compressed_size=compressed_size,
            fix=fix.replace(PATH, f"/{paths[0]}" if paths else "the file"),
            in_base=bool(layers) and max(layers) < scene.base_layers,
        )

    def _download(self, rows: Mapping[int, Sequence[int]]) -> int:
        total = 0
        for layer, chosen in rows.items():
            shares = self._scene.tables[layer].compressed_sizes
            if shares is not None and self._downloaded[self._scene.layers[layer].digest] == layer:
                total += _sum_of(shares, chosen)
        return total

    def _severity(self, size: int) -> Severity:
        if size >= _HIGH * self._total > 0:
            return Severity.HIGH
        return Severity.MEDIUM if size >= _MEDIUM * self._total > 0 else Severity.LOW


def _sum_of(column: IntArray, rows: Sequence[int]) -> int:
    return sum(map(column.__getitem__, rows))


def _largest(rows: Mapping[int, Sequence[int]], tables: Sequence[FileTable]) -> tuple[str, ...]:
    found: list[tuple[int, int, int]] = []
    for layer, chosen in rows.items():
        sizes = tables[layer].sizes
        smallest = min(heapq.nlargest(_SHOWN, map(sizes.__getitem__, chosen)), default=0)
        large = (row for row in chosen if sizes[row] >= smallest)
        found += heapq.nsmallest(_SHOWN, ((-sizes[row], layer, row) for row in large))
    return tuple(decode_name(tables[layer].paths[row]) for _, layer, row in heapq.nsmallest(_SHOWN, found))
