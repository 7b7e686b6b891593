"""A comparison of two outlines in words."""

from __future__ import annotations

from collections import Counter

from ocisize.model.comparison import LayerStatus
from ocisize.model.outline_comparison import OutlineComparison
from ocisize.report.words.context import DOUBTS
from ocisize.report.words.growth import share_of
from ocisize.report.words.outline import UNKNOWN_DOWNLOAD
from ocisize.report.words.units import human_size
from ocisize.text import count_of


def summarize(comparison: OutlineComparison) -> str:
    """How much the download grew or shrank, in a sentence.

    >>> import ocisize
    >>> outline = ocisize.Analyzer().outline("testdata/example.tar")
    >>> summarize(ocisize.compare_outlines(outline, outline))
    'The download is the same, 1.59 MB.'
    """
    before, after, growth = comparison.before.compressed_size, comparison.after.compressed_size, comparison.compressed_growth
    if before is None or after is None or growth is None:
        return f"The growth is unknown: {UNKNOWN_DOWNLOAD}."
    if not growth:
        return f"The download is the same, {human_size(after)}."
    verb = "grew by" if growth > 0 else "shrank by"
    return (
        f"The download {verb} {human_size(abs(growth))}{share_of(growth, before)}, "
        f"from {human_size(before)} to {human_size(after)}."
    )


def describe_upgrade(comparison: OutlineComparison) -> str:
    """What a host with BEFORE downloads for AFTER, in a sentence; "" if that is unknown."""
    size, whole = comparison.download_size, comparison.after.compressed_size
    if size is None or whole is None:
        return ""
    what = "nothing but the config" if not size else f"all {human_size(whole)}" if size == whole else ""
    return f"A host with BEFORE downloads {what or f'{human_size(size)} of {human_size(whole)}'}."


def describe_shared(comparison: OutlineComparison) -> str:
    """How many layers of AFTER are shared, and how many have changed, been added or removed."""
    counts = Counter(layer.status for layer in comparison.layers)
    shared = counts.pop(LayerStatus.SHARED, 0)
    others = [f"{counts[status]:,} {status}" for status in LayerStatus if counts[status]]
    return ", ".join([f"{shared:,} of {count_of(len(comparison.after.layers), 'layer')} shared", *others])


def describe_base_change(comparison: OutlineComparison) -> str:
    """The names of both base images, and how many layers of AFTER's are not in BEFORE; "" if no base image is known."""
    old, new = comparison.before.base, comparison.after.base
    if new is None:
        return ""
    names = [base.name or base.digest or "" if base is not None else "" for base in (old, new)]
    name = f"{names[0]} → {names[1]}" if all(names) and names[0] != names[1] else names[1]
    changed = comparison.changed_base_layers
    if changed is None:
        return name and f"{name}; its layers are unknown"
    doubt = DOUBTS[new.certainty]
    what = "the same layers" if not changed else f"{changed:,} of {count_of(new.layers, 'layer')} not in BEFORE"
    return f"{f'{name}: ' if name else ''}{what}{doubt}"


def describe_config_changes(comparison: OutlineComparison) -> str:
    """The fields of the config that differ; "" if none does."""
    names = [name.replace("_", " ") for name in comparison.config_changes]
    return f"changed: {', '.join(names)}" if names else ""
