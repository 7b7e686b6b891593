"""Drift: the differences between the images of an index, with their sizes.

Names are compared without those of processors: see ``history.architectures``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from ocisize.comparison.platform_only import find_platform_only
from ocisize.history.architectures import without_processor
from ocisize.model.analysis import Analysis
from ocisize.model.findings import Finding
from ocisize.model.platforms import FIGURES, Drift, FindingDrift, PerPlatform, Spread, StepDrift

T = TypeVar("T")


def find_drift(analyses: Mapping[str, Analysis]) -> Drift:
    """Return the differences between the complete ones of some images, by platform, in their order.

    Raises ValueError for analyses without file tables.
    """
    analyses = {
        platform: analysis for platform, analysis in analyses.items() if analysis.complete and not analysis.layer_mismatch
    }
    return Drift(
        platforms=tuple(analyses),
        figures=tuple(
            Spread(name=name, values=tuple(getattr(analysis, name) for analysis in analyses.values())) for name in FIGURES
        ),
        steps=tuple(_find_steps(list(analyses.values()))),
        only_there=find_platform_only(analyses),
        findings=tuple(sorted(_find_findings(analyses), key=lambda drift: (-drift.difference, drift.id, drift.title))),
    )


def _find_steps(images: Sequence[Analysis]) -> Iterator[StepDrift]:
    numbered = [_index_items(image.layers, lambda layer: without_processor(layer.build_step)) for image in images]
    for key in _in_order(numbered):
        layers = [image.get(key) for image in numbered]
        yield StepDrift(
            build_step=next(layer.build_step for layer in layers if layer is not None),
            layers=_per_platform(layers, lambda layer: layer.index),
            digests=tuple(layer.digest if layer is not None else None for layer in layers),
            compressed_sizes=_per_platform(layers, lambda layer: layer.compressed_size),
            content_sizes=_per_platform(layers, lambda layer: layer.content_size),
        )


def _find_findings(analyses: Mapping[str, Analysis]) -> Iterator[FindingDrift]:
    numbered = [
        _index_items(image.advice.findings, lambda finding: (finding.id, *map(without_processor, finding.build_steps)))
        for image in analyses.values()
    ]
    everywhere = set.intersection(*map(set, numbered)) if numbered else set()
    others = [[finding for key, finding in image.items() if key not in everywhere] for image in numbered]
    by_id = [_index_items(findings, lambda finding: finding.id) for findings in others]  # whatever their build steps
    for key in _in_order(by_id):
        findings: list[Finding | None] = [image.get(key) for image in by_id]
        if None not in findings:
            continue
        first = next(finding for finding in findings if finding is not None)
        yield FindingDrift(
            id=first.id,
            title=first.title,
            platforms=tuple(name for name, finding in zip(analyses, findings, strict=True) if finding is not None),
            sizes=_per_platform(findings, lambda finding: finding.size),
            compressed_sizes=_per_platform(findings, lambda finding: finding.compressed_size),
        )


def _per_platform(items: Iterable[T | None], figure: Callable[[T], int | None]) -> PerPlatform:
    return tuple(figure(item) if item is not None else None for item in items)


def _index_items(items: Iterable[T], key_of: Callable[[T], Hashable]) -> dict[tuple[Hashable, int], T]:
    """Items by key and by the number of earlier items with the same key."""
    numbered: dict[tuple[Hashable, int], T] = {}
    counts: dict[Hashable, int] = {}
    for item in items:
        key = key_of(item)
        counts[key] = counts.get(key, -1) + 1
        numbered[key, counts[key]] = item
    return numbered


def _in_order(images: Sequence[Mapping[tuple[Hashable, int], object]]) -> list[tuple[Hashable, int]]:
    """The keys of all images; a new key follows the key that it follows in the first image that has it."""
    order: dict[tuple[Hashable, int], None] = {}
    for image in images:
        new = [key for key in image if key not in order]
        if new:
            order = dict.fromkeys(_merge_orders(list(order), list(image)))
    return list(order)


def _merge_orders(known: list[tuple[Hashable, int]], keys: list[tuple[Hashable, int]]) -> list[tuple[Hashable, int]]:
    known_keys = set(known)
    followers: dict[tuple[Hashable, int] | None, list[tuple[Hashable, int]]] = {}
    last = None
    for key in keys:
        if key in known_keys:
            last = key
        else:
            followers.setdefault(last, []).append(key)
    merged = followers.get(None, [])
    for key in known:
        merged += [key, *followers.get(key, [])]
    return merged
