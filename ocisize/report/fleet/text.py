"""The text report of ``ocisize fleet``: what the images share, which free the most, and what they are built on."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

from ocisize.model.fleet_figures import Family, FleetFigures, GroupFigures, GroupKind, NameOrigin, RootFigures, TwinBlob
from ocisize.oci.artifacts import without_parameters
from ocisize.oci.media_types import LAYER_TYPES
from ocisize.report.fleet.files_text import list_blocks
from ocisize.report.fleet.subject import FleetOrder, FleetSubject
from ocisize.report.fleet.text_lines import count_more, wrap
from ocisize.report.fleet.words import (
    count_fleet,
    describe_closest,
    describe_freed,
    describe_freed_sizes,
    name_family,
    name_group,
    short_digest,
    short_name,
    shorten,
)
from ocisize.report.text.columns import list_table
from ocisize.report.text.lines import Line, has_color, page_width, write_lines
from ocisize.report.words.flow import SEPARATOR
from ocisize.report.words.units import cut, human_size
from ocisize.text import count_of, printable

_MAX_TWINS = 2
_MAX_FAILURES = 5
_MAX_OTHERS = 3  # references without an image that are named
_MAX_STORES = 3  # that the head names
_MIN_WIDE = 100  # characters of a line from which tables have all columns
_MIN_RATIO = 1.05  # of sizes that differ for readers
_TITLES = {
    FleetOrder.FREES: "Images that free the most when they are deleted",
    FleetOrder.SHARE: "Images that cost the most when shared bytes are split",
    FleetOrder.SIZE: "Largest images",
    FleetOrder.PULL: "Images that a host with all others downloads the most for",
}
_KEYS: Mapping[FleetOrder, Callable[[RootFigures], int]] = {
    FleetOrder.FREES: lambda root: root.unique_size,
    FleetOrder.SHARE: lambda root: root.amortised_size,
    FleetOrder.SIZE: lambda root: root.total_size,
    FleetOrder.PULL: lambda root: root.marginal_pull_size,
}
_GROUP_KEYS: Mapping[FleetOrder, Callable[[GroupFigures], int]] = {
    FleetOrder.FREES: lambda group: group.unique_size,
    FleetOrder.SHARE: lambda group: group.amortised_size,
    FleetOrder.SIZE: lambda group: group.logical_size,
    FleetOrder.PULL: lambda group: group.stored_size,
}


def write(subject: FleetSubject, file: TextIO) -> None:
    """Write the report."""
    width = subject.width or page_width(file, subject.color)
    blocks = (
        _head(subject.figures, width),
        _freed(subject, width),
        _roots(subject, width) if subject.by is None else _groups(subject, subject.by, width),
        _deletions(subject, width),
        _families(subject, width),
        _twins(subject.figures, width),
        *(list_blocks(subject.files, subject.top, width) if subject.files is not None else ()),
        _notes(subject.figures, width),
    )
    lines = list[Line]()
    for block in blocks:
        found = list(block)
        lines += [Line()] * bool(lines and found) + found
    write_lines(lines, file, color=has_color(file, subject.color))


def _head(figures: FleetFigures, width: int) -> Iterator[Line]:
    fleet = figures.fleet
    names = [*map(printable, fleet.stores[:_MAX_STORES]), *[f"{len(fleet.stores) - _MAX_STORES:,} more"]]
    title = ", ".join(names[: len(fleet.stores)]) or "No image"
    yield from wrap(f"{title}{SEPARATOR}{count_fleet(figures)}", width, "bold")
    if not fleet.roots:
        return
    if fleet.platform:
        yield from wrap(
            f"Only images for {fleet.platform} count; deleting a tag frees those for other platforms, too.", width
        )
    added = (
        f"Stored: {human_size(figures.stored_size)}. The sizes of all images add up to {human_size(figures.logical_size)}"
    )
    ratio = figures.sharing_ratio
    yield from wrap(f"{added}, {ratio:.1f} times as much." if ratio and ratio >= _MIN_RATIO else f"{added}.", width)
    yield from wrap(_describe_layers(figures), width)


def _describe_layers(figures: FleetFigures) -> str:
    """How many layers are in one image only."""
    alone = next((row for row in figures.sharing if row.roots == 1), None)
    text = count_of(figures.layers, "layer")
    if alone is None:
        return f"{text}, each in several images."
    if alone.layers == figures.layers:
        return f"{text}, each in one image only."
    largest = figures.sharing[-1]
    return (
        f"{text}: {alone.layers:,} in one image only, {human_size(alone.size)}; the most shared ones are in "
        f"{largest.roots:,} images, {human_size(largest.size)}."
    )


def _freed(subject: FleetSubject, width: int) -> Iterator[Line]:
    if subject.freed is not None:
        yield from wrap(f"{describe_freed(subject.freed)}.", width, "bold")


def _roots(subject: FleetSubject, width: int) -> Iterator[Line]:
    """The images that come first in the order that was asked for, one a row."""
    figures = subject.figures
    shown = sorted(figures.roots, key=lambda root: (-_KEYS[subject.order](root), -root.total_size, root.root))[: subject.top]
    if not shown:
        return
    is_wide = width >= _MIN_WIDE
    rows = [
        (
            human_size(root.unique_size),
            human_size(root.total_size),
            human_size(root.amortised_size),
            human_size(root.marginal_pull_size),
            cut(printable(short_name(figures.fleet, figures.fleet.roots[root.root])), width // 2 if is_wide else width),
            printable(describe_closest(figures.fleet, root)) if is_wide else "",
        )
        for root in shown
    ]
    yield Line((_TITLES[subject.order], "bold"))
    headings = ("Frees", "Size", "Share", "Pull", "Image", "Shares most")
    yield from list_table(headings, rows, width, last=2)
    yield from count_more(len(figures.roots) - len(shown))


def _groups(subject: FleetSubject, kind: GroupKind, width: int) -> Iterator[Line]:
    """The groups of one kind, one a row."""
    groups = subject.figures.of_kind(kind)
    if not groups:
        yield Line(f"No reference has a {kind.value}.")
        return
    ordered = sorted(groups, key=lambda group: -_GROUP_KEYS[subject.order](group))
    rows = [
        (
            human_size(group.unique_size),
            human_size(group.logical_size),
            human_size(group.stored_size),
            human_size(group.amortised_size),
            f"{group.roots:,}",
            f"{group.references:,}",
            printable(shorten(subject.figures.fleet, name_group(group))),
        )
        for group in ordered[: subject.top]
    ]
    headings = ("Frees", "Added up", "Stored", "Share", "Images", "References", kind.value.capitalize())
    yield from list_table(headings, rows, width)
    yield from count_more(len(groups) - len(rows))


def _deletions(subject: FleetSubject, width: int) -> Iterator[Line]:
    """The references whose deletion together frees much."""
    deletions = subject.deletions
    fleet = subject.figures.fleet
    if deletions is None or not deletions.references or len(fleet.roots) == 1:
        return
    names = [printable(shorten(fleet, name)) for name in deletions.references]
    freed = deletions.freed
    which = "this reference" if len(freed.references) == 1 else f"these {len(freed.references):,} references"
    text = f"Deleting {which} frees {describe_freed_sizes(freed)}:"
    lines = textwrap.wrap(text, width)
    lines += textwrap.wrap(", ".join(names), width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    yield Line(("Deletions that free the most together", "bold"))
    yield from map(Line, lines)


def _families(subject: FleetSubject, width: int) -> Iterator[Line]:
    """The largest base families, inner ones below the outer ones."""
    families = subject.figures.families
    shown = sorted(range(len(families))[: subject.top], key=lambda number: _path(families, number))
    if not shown:
        return
    rows = []
    for number in shown:
        family = families[number]
        name = shorten(subject.figures.fleet, name_family(families, family))
        origin = " (named by its images)" if family.named_by is NameOrigin.LABEL else ""
        step = family.layers[-1].build_step
        indent = "  " * (len(_path(families, number)) - 1)
        is_told = step and (width >= _MIN_WIDE or name.startswith("sha256:"))
        text = f"{indent}{name}{origin}{SEPARATOR + step if is_told else ''}"
        rows.append((f"{family.images:,}", f"{family.depth:,}", human_size(family.size), printable(text)))
    yield Line(("Bases: images with the same lowest layers", "bold"))
    yield from list_table(("Images", "Layers", "Size", "Base"), rows, width)
    yield from count_more(len(families) - len(shown))


def _path(families: Sequence[Family], number: int) -> list[int]:
    """The families around one, the outermost first, and the family."""
    path = [number]
    while (parent := families[path[-1]].parent) is not None:
        path.append(parent)
    return path[::-1]


def _twins(figures: FleetFigures, width: int) -> Iterator[Line]:
    """Layers that are stored compressed in several ways."""
    if not figures.twins:
        return
    count = len(figures.twins)
    verb = "is" if count == 1 else "are"
    text = f"{count_of(count, 'layer')} {verb} compressed in several ways, which takes {human_size(figures.twins_size)} more"
    yield from wrap(f"{text}; the largest:", width)
    for twins in figures.twins[:_MAX_TWINS]:
        blobs = [f"{human_size(blob.size)} {_compression(blob)} in {count_of(blob.roots, 'image')}" for blob in twins.blobs]
        yield Line(cut(f"  {short_digest(twins.diff_id)}: {', '.join(map(printable, blobs))}", width))


def _compression(blob: TwinBlob) -> str:
    """The compression that the media type of a layer names; the media type where it names none."""
    media_type = without_parameters(blob.media_type)
    return LAYER_TYPES.get(media_type) or media_type or "of unknown type"


def _notes(figures: FleetFigures, width: int) -> Iterator[Line]:
    """What the figures lack, and what could not be read."""
    fleet = figures.fleet
    if fleet.roots:
        note = "Not in these figures: images that were not listed, and what no tag names, which registries do not list."
        yield from wrap(note, width, "dim")
    others = [root for root in fleet.roots if not root.images]
    if others:
        names = ", ".join(printable(short_name(fleet, root)) for root in others[:_MAX_OTHERS])
        more = f" and {len(others) - _MAX_OTHERS:,} more" if len(others) > _MAX_OTHERS else ""
        yield from wrap(f"No image, though its bytes count: {names}{more}.", width)
    absent = sum(bool(root.absent) for root in fleet.roots)
    if absent:
        yield from wrap(f"{count_of(absent, 'index')} of platforms whose images are absent.", width)
    if fleet.failures:
        yield from wrap(f"incomplete: {count_of(len(fleet.failures), 'reference')} could not be read", width, "bold red")
    for failure in fleet.failures[:_MAX_FAILURES]:
        yield from wrap(printable(failure.text), width, "red", indent="  ")
    if len(fleet.failures) > _MAX_FAILURES:
        yield Line((f"  … and {len(fleet.failures) - _MAX_FAILURES:,} more, see -f json", "red"))
