"""Drift: what differs between the images of an index, and how much it weighs.

Figures stand beside each other in the index's order, None where an image has no such thing or the figure is unknown.
What is compared by name is compared without the processor's: see ``history.architectures``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ocisize.comparison.platform_only import find_only_there
from ocisize.history.architectures import without_processor
from ocisize.model.analysis import Analysis
from ocisize.model.findings import Finding
from ocisize.model.platforms import FIGURES, Drift, FindingDrift, PerPlatform, Spread, StepDrift

T = TypeVar("T")


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
    numbered = [_numbered(image.layers, lambda layer: without_processor(layer.build_step)) for image in images]
    for key in _in_order(numbered):
        layers = [each.get(key) for each in numbered]
        yield StepDrift(
            build_step=next(layer.build_step for layer in layers if layer is not None),
            layers=_each(layers, lambda layer: layer.index),
            digests=tuple(layer.digest if layer is not None else None for layer in layers),
            compressed_sizes=_each(layers, lambda layer: layer.compressed_size),
            content_sizes=_each(layers, lambda layer: layer.content_size),
        )


def _find_findings(analyses: Mapping[str, Analysis]) -> Iterator[FindingDrift]:
    numbered = [
        _numbered(image.advice.findings, lambda each: (each.id, *map(without_processor, each.build_steps)))
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


def _each(items: Iterable[T | None], figure: Callable[[T], int | None]) -> PerPlatform:
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
