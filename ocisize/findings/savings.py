"""make_findings: findings from claims that own their rows, with the bytes they save and their fixes."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ocisize.findings.claim import FILES, PATH, Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.first_layer import FirstLayerIndex
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.findings import Finding, Severity
from ocisize.model.sizes import paid_layers
from ocisize.tar.filetable import FileTable, IntArray
from ocisize.text import count_of, decode_name, plural

_MAX_PATHS = 5  # paths of a finding
_MIN_HIGH_SHARE, _MIN_MEDIUM_SHARE = 0.1, 0.01  # of the content of the image: severities
_SEVERITIES = tuple(Severity)
_MAX_FIXES = 3  # fixes of one finding, by layer
_MIN_FIX_SHARE = 0.01  # share of a finding's bytes below which a layer's fix is left out


def make_findings(claims: Iterable[Claim], evidence: ImageEvidence) -> list[tuple[Claim, Finding]]:
    """The findings for claims, the largest first, each with its claim.

    Order, severity and smallest share are measured in bytes of content, which every source of an image has. The same image
    in a registry and in an archive with uncompressed layers therefore has the same findings in the same order.

    Args:
        claims: claims as `Ledger.assign_rows` returns them: no two own the same row.
        evidence: the image that the claims are about.

    """
    claims = list(claims)
    savings = _Savings(evidence, claims)
    reported = [(claim, finding) for claim in claims if (finding := savings.make_finding(claim)) is not None]
    return sorted(reported, key=lambda pair: _rank(pair[1]))


def _rank(finding: Finding) -> tuple[object, ...]:
    return (
        -finding.size,
        _SEVERITIES.index(finding.severity),
        finding.id,
        finding.layers,
        finding.title,
    )


class _Savings:
    """The bytes that each claim of an image saves."""

    def __init__(self, evidence: ImageEvidence, claims: Sequence[Claim]) -> None:
        self._evidence = evidence
        self._origins = FirstLayerIndex(evidence.tables, evidence.overlay, evidence.runs)
        self._paid = paid_layers(evidence.layers)
        self._kept = _kept_by_copies(evidence.layers, claims)
        self._known = all(layer.compressed_size is not None for layer in evidence.layers)
        self._content_size = sum(  # of a layer that could not be read at least its download
            layer.content_size if layer.failure is None else layer.compressed_size or 0 for layer in evidence.layers
        )

    def make_finding(self, claim: Claim) -> Finding | None:
        """The finding for a claim; None if the claim is too small to be one."""
        evidence, rows = self._evidence, claim.rows
        size = sum(_sum_of(evidence.tables[layer].sizes, chosen) for layer, chosen in rows.items())
        if size < claim.min_share * self._content_size:
            return None
        parts = self._trace(claim)
        layers = tuple(dict.fromkeys([*parts, *sorted(rows), *claim.other_layers]))
        paths = claim.paths[:_MAX_PATHS] if claim.paths else largest_paths(rows, evidence.tables)
        count = len(claim.paths) if claim.paths else sum(map(len, rows.values()))
        return Finding(
            id=claim.id,
            title=_fill_counts(claim.title, count),
            confidence=claim.confidence,
            severity=claim.severity or self._severity(size),
            category=claim.rule.category,
            layers=layers,
            build_steps=tuple(evidence.layers[layer].build_step for layer in layers),
            paths=paths,
            path_count=count,
            size=size,
            compressed_size=self._download(rows) if self._known else None,
            fix=self._fix_of(claim, parts, paths),
            in_base=bool(layers) and max(layers) < evidence.base_layers,
        )

    def _trace(self, claim: Claim) -> dict[int, dict[int, Sequence[int]]]:
        """Rows by the layer to blame, then by the layer that holds them; the layers to blame with the most bytes first."""
        parts: dict[int, dict[int, Sequence[int]]] = defaultdict(dict)
        for layer, rows in claim.rows.items():
            split = self._origins.split(layer, rows) if claim.blame_first_layer else {layer: rows}
            for origin, chosen in split.items():
                parts[origin][layer] = chosen
        return dict(sorted(parts.items(), key=lambda part: (-self._size_of(part[1]), part[0])))

    def _size_of(self, rows: Mapping[int, Sequence[int]]) -> int:
        return sum(_sum_of(self._evidence.tables[layer].sizes, chosen) for layer, chosen in rows.items())

    def _fix_of(self, claim: Claim, parts: Mapping[int, Mapping[int, Sequence[int]]], paths: Sequence[str]) -> str:
        """The fix; if layers have different fixes, those of the largest layers, each with its share of the bytes."""
        if isinstance(claim.fix, str):
            return claim.fix.replace(PATH, f"/{paths[0]}" if paths else "the file")
        total = self._size_of(claim.rows)
        groups: dict[str, list[int]] = defaultdict(list)
        for origin, rows in parts.items():
            if len(groups) < _MAX_FIXES and (not groups or self._size_of(rows) >= _MIN_FIX_SHARE * total):
                path = largest_paths(rows, self._evidence.tables)[0]
                text = claim.fix(origin, path).replace(PATH, f"/{path}")
                groups[_with_holders(text, origin, rows)].append(origin)
        sizes = {text: sum(self._size_of(parts[origin]) for origin in origins) for text, origins in groups.items()}
        texts = list(groups)
        if len(groups) > 1:
            shares = {text: 100 * sizes[text] // total for text in groups}
            texts = [f"{_layers_phrase(origins)}, {shares[text]} %: {text}" for text, origins in groups.items()]
        return " ".join(_end_sentences([*texts, claim.note]))

    def _download(self, rows: Mapping[int, Sequence[int]]) -> int:
        total = 0
        for layer, chosen in rows.items():
            shares = self._evidence.tables[layer].compressed_sizes
            if shares is not None and self._paid[layer]:
                kept = self._kept.get(layer, ())
                total += _sum_of(shares, [row for row in chosen if row not in kept] if kept else chosen)
        return total

    def _severity(self, size: int) -> Severity:
        if size >= _MIN_HIGH_SHARE * self._content_size > 0:
            return Severity.HIGH
        return Severity.MEDIUM if size >= _MIN_MEDIUM_SHARE * self._content_size > 0 else Severity.LOW


def _kept_by_copies(layers: Sequence[LayerAnalysis], claims: Iterable[Claim]) -> dict[int, set[int]]:
    """By layer whose blob upper layers repeat: the rows that stay in the download because an upper layer keeps them.

    A row leaves the download when all layers with the blob give it up.
    """
    copies: dict[str, list[int]] = defaultdict(list)
    for layer in layers:
        copies[layer.digest].append(layer.index)
    repeated = [indexes for indexes in copies.values() if len(indexes) > 1]
    claimed: dict[int, set[int]] = {index: set() for indexes in repeated for index in indexes}
    for claim in claims:
        for index in claim.rows.keys() & claimed.keys():
            claimed[index].update(claim.rows[index])
    return {first: set().union(*[claimed[first] - claimed[index] for index in others]) for first, *others in repeated}


def _fill_counts(title: str, count: int) -> str:
    """A title with the number of files in it."""
    return title.replace(FILES, count_of(count, "file"))


def _sum_of(column: IntArray, rows: Sequence[int]) -> int:
    return sum(map(column.__getitem__, rows))


def largest_paths(
    rows: Mapping[int, Sequence[int]], tables: Sequence[FileTable], count: int = _MAX_PATHS
) -> tuple[str, ...]:
    """Return the paths of the largest files among rows by layer, largest first; files without content are left out.

    ``tables`` are those of all layers, ``count`` is the number of paths.
    """
    largest: list[tuple[int, int, int]] = []
    for layer, chosen in rows.items():
        sizes = tables[layer].sizes
        least = max(min(heapq.nlargest(count, map(sizes.__getitem__, chosen)), default=0), 1)
        large = ((-sizes[row], layer, row) for row in chosen if sizes[row] >= least)
        largest += heapq.nsmallest(count, large)
    return tuple(decode_name(tables[layer].paths[row]) for _, layer, row in heapq.nsmallest(count, largest))


def _with_holders(text: str, origin: int, rows: Mapping[int, Sequence[int]]) -> str:
    """A fix, with the other layers that hold copies: "; layers 3 and 4 store them again"."""
    again = [layer for layer in sorted(rows) if layer != origin]
    if not again:
        return text
    verb = "stores" if len(again) == 1 else "store"
    return f"{text.removesuffix('.')}; {_layers_phrase(again).lower()} {verb} them again."


def _layers_phrase(layers: Sequence[int]) -> str:
    return f"{plural(len(layers), 'Layer')} {' and '.join(map(str, layers))}"


def _end_sentences(texts: Sequence[str]) -> list[str]:
    """Texts that are not empty, with full stops between them."""
    kept = [text for text in texts if text]
    return [text if text.endswith(".") else f"{text}." for text in kept[:-1]] + kept[-1:]
