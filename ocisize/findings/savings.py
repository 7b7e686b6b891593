"""make_findings: findings from claims that own their rows, with the bytes they save and their fixes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ocisize.findings.claim import FILES, PATH, Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.first_layer import FirstLayerIndex
from ocisize.findings.largest_files import Columns, Place, largest_places, names_of, sizes_by_layer
from ocisize.model.analysis import LayerAnalysis
from ocisize.model.findings import Category, Finding, Severity
from ocisize.model.sizes import paid_layers
from ocisize.tar.filetable import IntArray
from ocisize.tar.row_values import row_values
from ocisize.text import count_of, plural
from ocisize.tuples import NamedTuple

_MAX_PATHS = 5  # paths of a finding
_MAX_SECRETS = 1000  # paths of a finding about secrets: two images are compared by them
_MIN_HIGH_SHARE, _MIN_MEDIUM_SHARE = 0.1, 0.01  # of the content of the image: severities
_SEVERITIES = tuple(Severity)
_MAX_FIXES = 3  # fixes of one finding, by layer
_MIN_FIX_SHARE = 0.01  # share of a finding's bytes below which a layer's fix is left out


def make_findings(claims: Iterable[Claim], evidence: ImageEvidence) -> list[tuple[Claim, Finding]]:
    """The findings for claims, each with its claim: secrets first, then the largest.

    Order, severity and smallest share are measured in bytes of content, which every source of an image has. The same image
    in a registry and in an archive with uncompressed layers therefore has the same findings in the same order.

    Args:
        claims: claims as `Ledger.assign_rows` returns them: no two own the same row.
        evidence: the image that the claims are about.

    """
    claims = list(claims)
    savings = _Savings(evidence, claims)
    drafts = [draft for claim in claims if (draft := savings.make_draft(claim)) is not None]
    places = (place for draft in drafts for place in (*draft.largest, *(part.largest for part in draft.parts.values())))
    names = names_of(places, evidence.tables)  # of all findings at once, so that few pieces of paths are split
    reported = [(draft.claim, savings.make_finding(draft, names)) for draft in drafts]
    return sorted(reported, key=lambda pair: _rank(pair[1]))


def _rank(finding: Finding) -> tuple[object, ...]:
    return (
        finding.category is not Category.SECRET,
        -finding.size,
        _SEVERITIES.index(finding.severity),
        finding.id,
        finding.layers,
        finding.title,
    )


class _Part(NamedTuple):
    """The rows of a claim that one layer is to blame for."""

    rows: Mapping[int, Sequence[int]]  #: by the layer that holds them
    size: int  #: bytes of content
    largest: Place


class _Draft(NamedTuple):
    """A finding whose paths are not looked up yet."""

    claim: Claim
    size: int  #: bytes of content
    parts: Mapping[int, _Part]  #: by the layer to blame, that of the most bytes first
    largest: Sequence[Place]


class _Savings:
    """The bytes that each claim of an image saves."""

    def __init__(self, evidence: ImageEvidence, claims: Sequence[Claim]) -> None:
        self._evidence = evidence
        self._origins = FirstLayerIndex(evidence.tables, evidence.overlay, evidence.runs)
        self._paid = paid_layers(evidence.layers)
        self._kept = _kept_by_copies(evidence.layers, claims)
        self._known = all(table.compressed_sizes is not None for table in evidence.tables)
        self._content_size = sum(  # of a layer that could not be read at least its download
            layer.content_size if layer.failure is None else layer.compressed_size or 0 for layer in evidence.layers
        )

    def make_draft(self, claim: Claim) -> _Draft | None:
        """The bytes and the largest files of a claim; None if the claim is too small to be a finding."""
        rows, sizes = claim.rows, sizes_by_layer(claim.rows, self._evidence.tables)
        size = sum(map(sum, sizes.values()))
        if size < claim.min_share * self._content_size:
            return None
        largest = largest_places(rows, sizes, _MAX_PATHS)
        return _Draft(claim, size, self._trace(claim, sizes, largest[:1]), () if claim.paths else largest)

    def make_finding(self, draft: _Draft, names: Mapping[Place, str]) -> Finding:
        """The finding of a draft, with the names of its largest files."""
        evidence, claim, parts = self._evidence, draft.claim, draft.parts
        layers = tuple(dict.fromkeys([*parts, *sorted(claim.rows), *claim.other_layers]))
        paths = claim.paths[:_MAX_SECRETS] or tuple(names[place] for place in draft.largest)
        count = len(claim.paths) if claim.paths else sum(map(len, claim.rows.values()))
        return Finding(
            id=claim.id,
            title=_fill_counts(claim.title, count),
            confidence=claim.confidence,
            severity=claim.severity or self._severity(draft.size),
            category=claim.rule.category,
            layers=layers,
            build_steps=tuple(evidence.layers[layer].build_step for layer in layers),
            paths=paths,
            path_count=count,
            size=draft.size,
            compressed_size=self._download(claim.rows) if self._known else None,
            fix=_fix_of(draft, paths, names),
            in_base=bool(layers) and max(layers) < evidence.base_layers,
            names=claim.names,
        )

    def _trace(self, claim: Claim, sizes: Columns, largest: Sequence[Place]) -> dict[int, _Part]:
        """The parts of a claim, of which the sizes of its rows and the largest file are known."""
        rows_by_origin = defaultdict[int, dict[int, Sequence[int]]](dict)
        for layer, rows in claim.rows.items():
            split = self._origins.split(layer, rows) if claim.blame_first_layer else {layer: rows}
            for origin, chosen in split.items():
                rows_by_origin[origin][layer] = chosen
        if len(rows_by_origin) == 1:
            size = sum(map(sum, sizes.values()))
            return {origin: _Part(rows, size, *largest) for origin, rows in rows_by_origin.items()}
        parts: dict[int, _Part] = {}
        for origin, by_layer in rows_by_origin.items():
            is_whole = all(chosen is claim.rows[layer] for layer, chosen in by_layer.items())
            own = sizes if is_whole else sizes_by_layer(by_layer, self._evidence.tables)
            size = sum(sum(own[layer]) for layer in by_layer)
            parts[origin] = _Part(by_layer, size, *largest_places(by_layer, own, 1))
        return dict(sorted(parts.items(), key=lambda item: (-item[1].size, item[0])))

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


def _fix_of(draft: _Draft, paths: Sequence[str], names: Mapping[Place, str]) -> str:
    """The fix; if layers have different fixes, those of the largest layers, each with its share of the bytes."""
    claim, parts = draft.claim, draft.parts
    if isinstance(claim.fix, str):
        return claim.fix.replace(PATH, f"/{paths[0]}" if paths else "the file")
    groups: dict[str, list[int]] = defaultdict(list)
    for origin, part in parts.items():
        if len(groups) < _MAX_FIXES and (not groups or part.size >= _MIN_FIX_SHARE * draft.size):
            path = names[part.largest]
            text = claim.fix(origin, path).replace(PATH, f"/{path}")
            groups[_with_holders(text, origin, part.rows)].append(origin)
    texts = list(groups)
    if len(groups) > 1:
        shares = {text: 100 * sum(parts[origin].size for origin in groups[text]) // draft.size for text in groups}
        texts = [f"{_layers_phrase(origins)}, {shares[text]} %: {text}" for text, origins in groups.items()]
    return " ".join(_end_sentences([*texts, claim.note]))


def _fill_counts(title: str, count: int) -> str:
    """A title with the number of files in it."""
    return title.replace(FILES, count_of(count, "file"))


def _sum_of(column: IntArray, rows: Sequence[int]) -> int:
    return sum(row_values(column, rows))


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
