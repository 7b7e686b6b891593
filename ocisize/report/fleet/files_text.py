"""The part of the text report of ``ocisize fleet --files`` about files: copies, junk, secrets, packages, bases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ocisize.model.fleet_files import ContentGroup, FleetFiles
from ocisize.report.fleet.files_words import (
    describe_dedup,
    describe_files,
    describe_place,
    describe_ratio_of,
    describe_rebase,
    name_package,
    name_rule,
)
from ocisize.report.fleet.text_lines import count_more, wrap
from ocisize.report.text.columns import list_table
from ocisize.report.text.lines import Line
from ocisize.report.words.units import human_size
from ocisize.text import count_of, printable

_MAX_PLACES = 2  # of one rule
_MAX_UNREAD = 5


def list_blocks(files: FleetFiles, top: int, width: int) -> list[Iterator[Line]]:
    """Return the blocks of lines, of lists of ``top`` rows; empty ones are left out by the caller."""
    return [
        _head(files, width),
        _duplicates(files, top, width),
        _junk(files, top, width),
        _secrets(files, top, width),
        _packages(files, top, width),
        _groups("File types with the most bytes", "Type", files.file_types, top, width),
        _groups("Directories with the most bytes", "Directory", files.directories, top, width),
        _rebases(files, top, width),
        _notes(files, width),
    ]


def _head(files: FleetFiles, width: int) -> Iterator[Line]:
    yield from wrap(f"Files: {describe_files(files)}", width, "bold")
    yield from wrap(f"{describe_dedup(files)}.", width)
    if files.image_files.total_count:
        ratio = describe_ratio_of(files.image_files)
        yield from wrap(f"The files of all images to their distinct contents: {ratio}.", width)
    if files.unhashed_files:
        count = count_of(files.unhashed_files, "file")
        yield from wrap(f"{count} with {human_size(files.unhashed_size)} could not be compared.", width)


def _duplicates(files: FleetFiles, top: int, width: int) -> Iterator[Line]:
    """Contents with the most bytes of copies."""
    rows = [
        (
            human_size(content.excess_size),
            f"{content.copies:,}",
            f"{content.layers:,}",
            f"{content.images:,}",
            human_size(content.size),
            printable(content.paths[0]),
        )
        for content in files.duplicates[:top]
    ]
    if rows:
        yield Line(("Contents that are stored more than once", "bold"))
        yield from list_table(("Excess", "Copies", "Layers", "Images", "Size", "Path"), rows, width)
        yield from count_more(files.duplicate_count - len(rows))


def _junk(files: FleetFiles, top: int, width: int) -> Iterator[Line]:
    """What images rarely need, with the layers that bring it to the most images."""
    if not files.junk:
        return
    yield Line(("Files that images rarely need", "bold"))
    rows = []
    for junk in files.junk[:top]:
        sizes = (human_size(junk.logical_size), human_size(junk.size), f"{junk.images:,}", f"{junk.layers:,}")
        rows.append((*sizes, printable(name_rule(junk))))
        rows += [("", "", "", "", f"  {printable(describe_place(files, place))}") for place in junk.places[:_MAX_PLACES]]
    yield from list_table(("Over all", "Once", "Images", "Layers", "Rule"), rows, width)
    yield from count_more(len(files.junk) - top)


def _secrets(files: FleetFiles, top: int, width: int) -> Iterator[Line]:
    """Files that look like secrets; their contents are never shown."""
    if not files.secrets:
        return
    rows = [
        (f"{secret.images:,}", f"{secret.layers:,}", printable(f"{secret.paths[0]}: {secret.kind}"))
        for secret in files.secrets[:top]
    ]
    yield Line(("Files that look like secrets", "bold"))
    yield from list_table(("Images", "Layers", "File"), rows, width)
    yield from count_more(files.secret_count - len(rows))


def _packages(files: FleetFiles, top: int, width: int) -> Iterator[Line]:
    """The packages that layers store the most bytes of."""
    if not files.packages:
        return
    rows = [
        (
            human_size(package.size),
            human_size(package.logical_size),
            f"{package.images:,}",
            f"{package.layers:,}",
            package.ecosystem,
            printable(name_package(package)),
        )
        for package in files.packages[:top]
    ]
    yield Line(("Packages with the most bytes", "bold"))
    yield from list_table(("Once", "Over all", "Images", "Layers", "Kind", "Package"), rows, width, last=2)
    yield from count_more(files.package_count - len(rows))


def _groups(title: str, heading: str, groups: Sequence[ContentGroup], top: int, width: int) -> Iterator[Line]:
    named = [group for group in groups if group.name]
    rows = [
        (human_size(group.size), human_size(group.excess_size), f"{group.files:,}", printable(group.name))
        for group in named[:top]
    ]
    if rows:
        yield Line((title, "bold"))
        yield from list_table(("Bytes", "Excess", "Files", heading), rows, width)
        yield from count_more(len(named) - len(rows))


def _rebases(files: FleetFiles, top: int, width: int) -> Iterator[Line]:
    """Bases of which images have several versions."""
    if not files.rebases:
        return
    yield Line(("One version of a base for all images", "bold"))
    for rebase in files.rebases[:top]:
        yield from wrap(f"{printable(describe_rebase(files, rebase))}.", width, indent="  ")
    yield from count_more(len(files.rebases) - top)


def _notes(files: FleetFiles, width: int) -> Iterator[Line]:
    """Layers that could not be read."""
    if files.unread:
        verb = "was" if len(files.unread) == 1 else "were"
        text = f"incomplete: {count_of(len(files.unread), 'layer')} {verb} not read, and no figure has the files of these"
        yield from wrap(text, width, "bold red")
    for layer in files.unread[:_MAX_UNREAD]:
        text = f"{layer.layer} in {count_of(layer.images, 'image')}: {layer.message}"
        yield from wrap(printable(text), width, "red", indent="  ")
    if len(files.unread) > _MAX_UNREAD:
        yield Line((f"  … and {len(files.unread) - _MAX_UNREAD:,} more, see -f json", "red"))
