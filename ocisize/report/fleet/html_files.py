"""The sections of a page about a fleet that need its files: copies, junk, secrets, packages, bases."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.fleet_files import ContentGroup, FleetFiles
from ocisize.report.fleet.files_words import (
    describe_dedup,
    describe_files,
    describe_place,
    describe_ratio_of,
    describe_rebase,
    name_rule,
)
from ocisize.report.fleet.html_tables import Cell, code_cell, count_cell, size_bar, size_cell, write_section, write_table
from ocisize.report.fleet.words import short_digest, short_name
from ocisize.report.html.markup import Markup, element, join
from ocisize.report.words.units import human_size
from ocisize.text import count_of

_MAX_ROWS = 100
_MAX_PATHS = 3  # of a content
_MAX_PLACES = 3  # of a rule
_MAX_VERSIONS = 8  # of a package
_MAX_ROOTS = 3  # of a secret
_TEXTS = ("Path", "Rule and where it comes from", "File", "Package", "Kind", "Type", "Directory", "Layer", "Why")  # columns
_MINOR = ("Layers", "Copies", "Files", "Once")  # columns


def write_files(files: FleetFiles) -> list[Markup]:
    """The sections; those without rows are empty."""
    return [
        _write_head(files),
        _write_secrets(files),
        _write_junk(files),
        _write_duplicates(files),
        _write_packages(files),
        _write_rebases(files),
        _write_groups("types", "File types", "Type", files.file_types),
        _write_groups("directories", "Directories", "Directory", files.directories),
        _write_unread(files),
    ]


def _write_head(files: FleetFiles) -> Markup:
    lines = [f"{describe_dedup(files)}."]
    if files.image_files.total_count:
        lines.append(f"The files of all images to their distinct contents: {describe_ratio_of(files.image_files)}.")
    if files.unhashed_files:
        count = count_of(files.unhashed_files, "file")
        lines.append(f"{count} with {human_size(files.unhashed_size)} could not be compared.")
    title = f"Files: {describe_files(files)}"
    return write_section("files", title, "", *(element("p", line) for line in lines))


def _write_duplicates(files: FleetFiles) -> Markup:
    largest = max((content.excess_size for content in files.duplicates), default=0)
    rows = [
        [
            size_cell(content.excess_size),
            size_bar(content.excess_size, content.excess_size, largest),
            size_cell(content.size),
            count_cell(content.copies),
            count_cell(content.layers),
            count_cell(content.images),
            Cell(_list_names(content.paths, _MAX_PATHS)),
        ]
        for content in files.duplicates[:_MAX_ROWS]
    ]
    note = "Excess: bytes of all copies but one. A layer counts once, however many images have it."
    names = ("Excess", "", "Size", "Copies", "Layers", "Images", "Path")
    return _write_table("duplicates", "Contents that are stored more than once", note, names, rows, files.duplicate_count)


def _write_junk(files: FleetFiles) -> Markup:
    largest = max((junk.logical_size for junk in files.junk), default=0)
    rows = []
    for junk in files.junk[:_MAX_ROWS]:
        places = [element("li", describe_place(files, place)) for place in junk.places[:_MAX_PLACES]]
        rows.append([
            size_cell(junk.logical_size),
            size_bar(junk.size, junk.logical_size, largest),
            size_cell(junk.size),
            count_cell(junk.images),
            count_cell(junk.layers),
            Cell(join([element("strong", name_rule(junk)), element("ul", *places)])),
        ])  # fmt: skip
    note = "Over all: the bytes of each layer for each image that has it. Once: the bytes of each layer once."
    names = ("Over all", "", "Once", "Images", "Layers", "Rule and where it comes from")
    return _write_table("junk", "Files that images rarely need", note, names, rows, len(files.junk))


def _write_secrets(files: FleetFiles) -> Markup:
    rows = []
    for secret in files.secrets[:_MAX_ROWS]:
        images = [short_name(files.figures.fleet, files.figures.fleet.roots[root]) for root in secret.roots]
        where = join([element("span", " in ", class_="note"), _list_names(images, _MAX_ROOTS)])
        file = join([_list_names(secret.paths, 1), *([where] if images else [])])
        rows.append([count_cell(secret.images), count_cell(secret.layers), Cell(secret.kind), Cell(file)])
    note = "Contents are never shown. Whoever can pull one of the images can read the file."
    names = ("Images", "Layers", "Kind", "File")
    return _write_table("secrets", "Files that look like secrets", note, names, rows, files.secret_count)


def _write_packages(files: FleetFiles) -> Markup:
    packages = files.packages or ()
    largest = max((package.size for package in packages), default=0)
    rows = []
    for package in packages[:_MAX_ROWS]:
        versions = [f"{version.version or '?'} in {version.images:,}" for version in package.versions[:_MAX_VERSIONS]]
        rest = len(package.versions) - len(versions)
        text = f" {', '.join(versions)}" + (f" and {count_of(rest, 'more version')}" if rest else "")
        name = join([element("strong", package.name), element("span", text, class_="note")])
        rows.append([
            size_cell(package.size),
            size_bar(package.size, package.size, largest),
            size_cell(package.logical_size),
            count_cell(package.images),
            count_cell(package.layers),
            Cell(package.ecosystem),
            Cell(name),
        ])  # fmt: skip
    note = "With the number of images of each version. Over all: the bytes of each layer for each image that has it."
    names = ("Once", "", "Over all", "Images", "Layers", "Kind", "Package")
    return _write_table("packages", "Packages", note, names, rows, files.package_count)


def _write_groups(name: str, title: str, heading: str, groups: Sequence[ContentGroup]) -> Markup:
    named = [group for group in groups if group.name]
    largest = max((group.size for group in named), default=0)
    rows = [
        [
            size_cell(group.size),
            size_bar(group.excess_size, group.size, largest),
            size_cell(group.excess_size),
            count_cell(group.files),
            Cell(group.name),
        ]
        for group in named[:_MAX_ROWS]
    ]
    note = "Excess: contents that an earlier file of the fleet has."
    return _write_table(name, title, note, ("Bytes", "", "Excess", "Files", heading), rows, len(named))


def _write_rebases(files: FleetFiles) -> Markup:
    if not files.rebases:
        return Markup()
    items = [
        element(
            "li",
            element("p", human_size(rebase.unshared_size), class_="saving"),
            element("div", element("p", f"{describe_rebase(files, rebase)}.")),
        )
        for rebase in files.rebases[:_MAX_ROWS]
    ]
    return write_section("rebases", "One version of a base for all images", "", element("ol", *items, class_="cards"))


def _write_unread(files: FleetFiles) -> Markup:
    rows = [
        [size_cell(layer.size), count_cell(layer.images), code_cell(short_digest(layer.layer)), Cell(layer.message)]
        for layer in files.unread[:_MAX_ROWS]
    ]
    names = ("Size", "Images", "Layer", "Why")
    return _write_table("unread", "Layers that were not read", "No figure has their files.", names, rows, len(files.unread))


def _write_table(
    name: str, title: str, note: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], count: int
) -> Markup:
    """A section with a sortable table of the first of ``count`` rows; nothing if there are none."""
    if not rows:
        return Markup()
    if count > len(rows):
        note += f" {count - len(rows):,} more are not listed; -f json has more."
    table = write_table(name, columns, rows, is_sortable=True, texts=_TEXTS, minor=_MINOR)
    return write_section(name, title, note, table)


def _list_names(names: Sequence[str], count: int) -> Markup:
    """The first names as code, and how many more there are."""
    parts: list[str] = []
    for name in names[:count]:
        parts += [", "] * bool(parts) + [element("code", name)]
    if len(names) > count:
        parts.append(element("span", f" and {len(names) - count:,} more", class_="note"))
    return join(parts)
