"""Drift: what differs between the images of an index, and how much it weighs.

Figures stand beside each other in the index's order, None where an image has no such thing or the figure is unknown.
What is compared by name is compared without the processor's: see ``processors``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias, TypeVar

import attrs

from ocisize.analysis.findings import Finding, sum_known
from ocisize.analysis.model import Analysis
from ocisize.analysis.onlythere import OnlyThere, find_only_there
from ocisize.analysis.processors import without_processor
from ocisize.platforms import UnreadImage

Figures: TypeAlias = tuple[int | None, ...]
T = TypeVar("T")
FIGURES = ("compressed_size", "content_size", "live_size", "wasted_size")


@attrs.frozen(kw_only=True)
class Spread:
    """One figure of all images."""

    name: str  #: as ``Sizes`` has it
    values: Figures

    @property
    def ratios(self) -> tuple[float | None, ...]:
        """Each value by the smallest of them; None where it is unknown, or the smallest is 0."""
        least = min((value for value in self.values if value is not None), default=0)
        return tuple(value / least if value is not None and least else None for value in self.values)


@attrs.frozen(kw_only=True)
class StepDrift:
    """The layers that one instruction made in the images."""

    instruction: str  #: as the first image that has it tells it, "" when unknown
    layers: Figures  #: their indexes
    digests: tuple[str | None, ...]
    compressed_sizes: Figures
    content_sizes: Figures

    @property
    def missing(self) -> bool:
        """Whether an image has no such layer."""
        return None in self.layers

    @property
    def sizes(self) -> Figures:
        """The sizes on the wire, or of the content where those are not all known."""
        unknown = any(
            size is None and layer is not None for size, layer in zip(self.compressed_sizes, self.layers, strict=True)
        )
        return self.content_sizes if unknown else self.compressed_sizes

    @property
    def difference(self) -> int:
        """Bytes between the largest and the smallest; what is missing has none."""
        sizes = [size or 0 for size in self.sizes]
        return max(sizes) - min(sizes)


@attrs.frozen(kw_only=True)
class FindingDrift:
    """A finding that only some of the images have."""

    id: str
    title: str  #: of the first that has it
    platforms: tuple[str, ...]  #: that have it
    sizes: Figures  #: bytes of content it saves
    compressed_sizes: Figures

    @property
    def difference(self) -> int:
        """The most bytes that it saves in one image, on the wire where that is known."""
        saved = zip(self.compressed_sizes, self.sizes, strict=True)
        return max((size or 0) if compressed is None else compressed for compressed, size in saved)


@attrs.frozen(kw_only=True)
class Drift:
    """All that differs."""

    platforms: tuple[str, ...]
    figures: tuple[Spread, ...]
    steps: tuple[StepDrift, ...]  #: all instructions, base first
    only_there: tuple[OnlyThere, ...]  #: directories of files that stand in one image only, largest first
    findings: tuple[FindingDrift, ...]  #: those that not all images have, largest first


@attrs.frozen(kw_only=True)
class IndexAnalysis:
    """The images of an index, analysed; tables of layers that several of them share are one and the same.

    Drift is looked for between the images of which all layers were read.
    """

    source: str  #: the input as it was given
    format: str
    reference: str | None
    digest: str | None  #: of the index as it was read; None of a single image
    media_type: str
    analyses: Mapping[str, Analysis]  #: by platform as the index names it, in its order
    drift: Drift
    attestations: int = 0  #: entries that describe other entries, left out
    absent: tuple[str, ...] = ()  #: platforms that the index names and the source lacks
    unread: tuple[UnreadImage, ...] = ()  #: images that could not be read at all
    warnings: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all images could be read, and all their layers."""
        return not self.unread and all(each.complete for each in self.analyses.values())

    @property
    def stored_size(self) -> int | None:
        """What a registry keeps: the layers of all images, each blob once; None where a wire size is unknown."""
        sizes = {layer.digest: layer.compressed_size for each in self.analyses.values() for layer in each.layers}
        return sum_known(sizes.values())


def find_drift(analyses: Mapping[str, Analysis]) -> Drift:
    """Compare images by platform, those read in part left out; raises ValueError for analyses without file tables."""
    analyses = {platform: analysis for platform, analysis in analyses.items() if analysis.complete}
    return Drift(
        platforms=tuple(analyses),
        figures=tuple(
            Spread(name=name, values=tuple(getattr(each, name) for each in analyses.values())) for name in FIGURES
        ),
        steps=tuple(_find_steps(list(analyses.values()))),
        only_there=find_only_there(analyses),
        findings=tuple(sorted(_find_findings(analyses), key=lambda each: (-each.difference, each.id, each.title))),
    )


def _find_steps(images: Sequence[Analysis]) -> Iterator[StepDrift]:
    numbered = [_numbered(image.layers, lambda layer: without_processor(layer.instruction)) for image in images]
    for key in _in_order(numbered):
        layers = [each.get(key) for each in numbered]
        yield StepDrift(
            instruction=next(layer.instruction for layer in layers if layer is not None),
            layers=_each(layers, lambda layer: layer.index),
            digests=tuple(layer.digest if layer is not None else None for layer in layers),
            compressed_sizes=_each(layers, lambda layer: layer.compressed_size),
            content_sizes=_each(layers, lambda layer: layer.content_size),
        )


def _find_findings(analyses: Mapping[str, Analysis]) -> Iterator[FindingDrift]:
    numbered = [
        _numbered(image.advice.findings, lambda each: (each.id, *map(without_processor, each.instructions)))
        for image in analyses.values()
    ]
    everywhere = set.intersection(*map(set, numbered)) if numbered else set()
    left = [[finding for key, finding in each.items() if key not in everywhere] for each in numbered]
    by_id = [_numbered(each, lambda finding: finding.id) for each in left]  # what other steps are to blame for
    for key in _in_order(by_id):
        findings: list[Finding | None] = [each.get(key) for each in by_id]
        if None not in findings:
            continue
        first = next(each for each in findings if each is not None)
        yield FindingDrift(
            id=first.id,
            title=first.title,
            platforms=tuple(name for name, each in zip(analyses, findings, strict=True) if each is not None),
            sizes=_each(findings, lambda each: each.size),
            compressed_sizes=_each(findings, lambda each: each.compressed_size),
        )


def _each(items: Iterable[T | None], figure: Callable[[T], int | None]) -> Figures:
    return tuple(figure(item) if item is not None else None for item in items)


def _numbered(items: Iterable[T], key_of: Callable[[T], Hashable]) -> dict[tuple[Hashable, int], T]:
    """Items by key and by how many have had it before."""
    found: dict[tuple[Hashable, int], T] = {}
    counts: dict[Hashable, int] = {}
    for item in items:
        key = key_of(item)
        counts[key] = counts.get(key, -1) + 1
        found[key, counts[key]] = item
    return found


def _in_order(images: Sequence[Mapping[tuple[Hashable, int], object]]) -> list[tuple[Hashable, int]]:
    """The keys of all images, each behind the one it first stands behind."""
    order: dict[tuple[Hashable, int], None] = {}
    for image in images:
        new = [key for key in image if key not in order]
        if new:
            order = dict.fromkeys(_merged(list(order), list(image)))
    return list(order)


def _merged(known: list[tuple[Hashable, int]], keys: list[tuple[Hashable, int]]) -> list[tuple[Hashable, int]]:
    there = set(known)
    behind: dict[tuple[Hashable, int] | None, list[tuple[Hashable, int]]] = {}
    last = None
    for key in keys:
        if key in there:
            last = key
        else:
            behind.setdefault(last, []).append(key)
    merged = behind.get(None, [])
    for key in known:
        merged += [key, *behind.get(key, [])]
    return merged
