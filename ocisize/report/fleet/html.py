"""A fleet as one HTML file that works offline: sizes, what deleting frees, who shares with whom, and base families.

All of it is text that needs no script; the script sorts and filters the table of images.
"""

from __future__ import annotations

from typing import TextIO

import ocisize
from ocisize.model.fleet_figures import Deletions, FleetFigures, Freed, GroupFigures, GroupKind, RootFigures
from ocisize.report.fleet.files_words import FILE_FIGURES
from ocisize.report.fleet.html_families import write_families
from ocisize.report.fleet.html_files import write_files
from ocisize.report.fleet.html_histories import write_histories
from ocisize.report.fleet.html_matrix import write_matrix
from ocisize.report.fleet.html_tables import Cell, code_cell, count_cell, size_bar, size_cell, write_section, write_table
from ocisize.report.fleet.subject import FleetSubject
from ocisize.report.fleet.words import (
    FIGURES,
    by_unique_size,
    count_fleet,
    describe_closest,
    describe_freed,
    describe_ratio,
    name_group,
    short_digest,
    short_name,
    shorten,
)
from ocisize.report.html.document import write_document
from ocisize.report.html.markup import Markup, element, join
from ocisize.report.words.units import human_size
from ocisize.text import count_of

_MAX_ROOTS = 2000  # rows of a page that a browser shows without delay; CSV has all
_MAX_ROWS = 100  # of all other tables
_MAX_STORES = 3  # that the title names
_MINOR = ("Pull", "Share", "Logical", "References", "Shares most")  # columns
_TEXTS = ("Reference", "Image", "Shares most", "Store", "Repository", "Label", "Node", "diff_id", "Blobs")  # columns
_SCRIPTS = ("buttons.js", "sort.js")
_KINDS = (GroupKind.STORE, GroupKind.REPOSITORY, GroupKind.LABEL, GroupKind.NODE)
_PLURALS = {
    GroupKind.STORE: "Stores", GroupKind.REPOSITORY: "Repositories", GroupKind.LABEL: "Labels", GroupKind.NODE: "Nodes",
}  # fmt: skip


def write(subject: FleetSubject, file: TextIO) -> None:
    """Write the page."""
    file.write(to_html(subject))


def to_html(subject: FleetSubject) -> str:
    """The page as an HTML document."""
    figures = subject.figures
    body = [
        _write_head(figures),
        element(
            "main",
            _write_freed(subject.freed),
            _write_deletions(subject.deletions),
            _write_roots(figures),
            write_matrix(figures),
            write_families(figures),
            *(write_files(subject.files) if subject.files is not None else ()),
            write_histories(subject),
            *(_write_groups(figures, kind) for kind in _KINDS),
            _write_sharing(figures),
            _write_twins(figures),
        ),
        _write_foot(subject),
    ]
    return write_document(_name(figures), body, _SCRIPTS)


def _name(figures: FleetFigures) -> str:
    stores = figures.fleet.stores
    more = f" and {count_of(len(stores) - _MAX_STORES, 'more store')}" if len(stores) > _MAX_STORES else ""
    return f"{count_fleet(figures)}{' of ' if stores else ''}{', '.join(stores[:_MAX_STORES])}{more}"


def _write_head(figures: FleetFigures) -> Markup:
    """The name, what was not read, and the main figures."""
    spread = figures.image_sizes
    cards = (
        ("Stored", human_size(figures.stored_size), f"{figures.blobs:,} distinct blobs, {figures.layers:,} of them layers"),
        ("Logical", human_size(figures.logical_size), "the sizes of all images added up"),
        ("Sharing ratio", describe_ratio(figures.sharing_ratio), "logical to stored"),
        ("Median image", human_size(spread.median), f"90 % up to {human_size(spread.p90)}"),
    )  # fmt: skip
    platform = f"platform {figures.fleet.platform}" if figures.fleet.platform else "all platforms"
    return element(
        "header",
        element("h1", _name(figures)),
        element("p", platform, class_="note"),
        _write_failures(figures),
        element("dl", *[_card(*card) for card in cards], class_="figures"),
    )


def _card(name: str, value: str, note: str) -> Markup:
    return element("div", element("dt", name), element("dd", value), element("dd", note, class_="note"))


def _write_failures(figures: FleetFigures) -> Markup:
    failures = figures.fleet.failures
    if not failures:
        return Markup()
    items = [element("li", element("code", failure.reference), f": {failure.message}") for failure in failures]
    title = element("strong", f"{count_of(len(items), 'reference')} could not be read", class_="fail")
    folded = (
        [element("ul", *items)]
        if len(items) <= _MAX_ROWS // 10
        else [element("details", element("summary", "Which ones"), element("ul", *items))]
    )
    return element("div", element("p", title, ". All figures are those of the others."), *folded, role="alert")


def _write_freed(freed: Freed | None) -> Markup:
    if freed is None:
        return Markup()
    references = element("ul", *[element("li", element("code", reference)) for reference in freed.references])
    return write_section(
        "frees",
        describe_freed(freed),
        "",
        element("details", element("summary", count_of(len(freed.references), "reference")), references),
    )


def _write_deletions(deletions: Deletions | None) -> Markup:
    """References whose deletion together frees much."""
    if deletions is None or not deletions.references:
        return Markup()
    rows, total = list[list[Cell]](), 0
    largest = max(deletions.gains)
    for reference, gain in zip(deletions.references, deletions.gains, strict=True):
        total += gain
        rows.append([size_cell(gain), size_cell(total), size_bar(gain, gain, largest), code_cell(reference)])
    return write_section(
        "deletions",
        f"{count_of(len(rows), 'reference')} to delete: {human_size(deletions.freed.size)}",
        "Frees: what the deletion frees beside those above it, once the registry collects garbage. Another "
        "set may free more.",
        write_table("deletions", ("Frees", "In all", "", "Reference"), rows, texts=_TEXTS),
    )


def _write_roots(figures: FleetFigures) -> Markup:
    """All images, those first whose deletion frees the most."""
    ordered = by_unique_size(figures.roots)
    largest = max((root.total_size for root in ordered), default=0)
    rest = len(ordered) - _MAX_ROOTS
    note = "An index of several platforms is one image. Bar: the bytes that only this image needs, and those that it shares."
    if rest > 0:
        note += f" {count_of(rest, 'image')} that free less are not listed; -f csv has all."
    names = ("Frees", "Share", "Pull", "Size", "", "Image", "Shares most")
    rows = [_root_row(figures, root, largest) for root in ordered[:_MAX_ROOTS]]
    return write_section(
        "images", "Images", note, write_table("images", names, rows, is_sortable=True, texts=_TEXTS, minor=_MINOR)
    )


def _root_row(figures: FleetFigures, root: RootFigures, largest: int) -> list[Cell]:
    document = figures.fleet.roots[root.root]
    name = join([
        element("code", short_name(figures.fleet, document)),
        *(element("span", f" {label}", class_="note") for label in document.labels),
    ])  # fmt: skip
    return [
        size_cell(root.unique_size),
        size_cell(root.amortised_size),
        size_cell(root.marginal_pull_size),
        size_cell(root.total_size),
        size_bar(root.unique_size, root.total_size, largest),
        Cell(name),
        Cell(element("span", describe_closest(figures.fleet, root), class_="note")),
    ]


def _write_groups(figures: FleetFigures, kind: GroupKind) -> Markup:
    """The groups of one kind; nothing if there is only one."""
    groups = figures.of_kind(kind)
    if len(groups) < 2:
        return Markup()
    title = _PLURALS[kind]
    largest = max(group.stored_size for group in groups)
    rows = [_group_row(figures, group, largest) for group in groups[:_MAX_ROWS]]
    rest = len(groups) - len(rows)
    note = f"Frees: what deleting all references of the {kind.value} frees. The shares of all add up to the stored size."
    if rest > 0:
        note += f" {rest:,} with smaller shares are not listed."
    names = ("Share", "Frees", "Stored", "Logical", "", "References", kind.value.capitalize())
    return write_section(
        f"{kind.value}s",
        title,
        note,
        write_table(f"{kind.value}s", names, rows, is_sortable=True, texts=_TEXTS, minor=_MINOR),
    )


def _group_row(figures: FleetFigures, group: GroupFigures, largest: int) -> list[Cell]:
    sizes = (group.amortised_size, group.unique_size, group.stored_size, group.logical_size)
    bar = size_bar(group.unique_size, group.stored_size, largest)
    return [*map(size_cell, sizes), bar, count_cell(group.references), code_cell(shorten(figures.fleet, name_group(group)))]


def _write_sharing(figures: FleetFigures) -> Markup:
    """How many layers are needed by how many images."""
    if not figures.sharing:
        return Markup()
    largest = max(count.size for count in figures.sharing)
    rows = [
        [count_cell(count.roots), count_cell(count.layers), size_cell(count.size), size_bar(count.size, count.size, largest)]
        for count in figures.sharing[:_MAX_ROWS]
    ]
    note = "How many images of one store need a layer. Layers that only one image needs are those that deletions free."
    return write_section(
        "sharing", "Layers by images", note, write_table("sharing", ("Images", "Layers", "Bytes", ""), rows)
    )


def _write_twins(figures: FleetFigures) -> Markup:
    """Layers that are stored in several compressions."""
    if not figures.twins:
        return Markup()
    rows = []
    for twins in figures.twins[:_MAX_ROWS]:
        blobs = ", ".join(f"{short_digest(blob.digest)} ({human_size(blob.size)})" for blob in twins.blobs)
        rows.append([size_cell(twins.excess_size), code_cell(short_digest(twins.diff_id)), code_cell(blobs)])
    rest = len(figures.twins) - len(rows)
    note = (
        "Blobs with the same tar, which registries store and hosts download several times. One compression for all builds "
    )
    note += "prevents them." + (f" {rest:,} that cost less are not listed." if rest > 0 else "")
    title = f"Recompressed layers: {human_size(figures.twins_size)}"
    return write_section("twins", title, note, write_table("twins", ("Saves", "diff_id", "Blobs"), rows, texts=_TEXTS))


def _write_foot(subject: FleetSubject) -> Markup:
    """Warnings, and what the figures mean."""
    parts, files = [], subject.files
    if warnings := [*subject.figures.fleet.warnings, *(files.warnings if files is not None else ())]:
        summary = element("summary", count_of(len(warnings), "warning"))
        parts.append(element("details", summary, element("ul", *[element("li", text) for text in warnings])))
    meanings = {**FIGURES, **(FILE_FIGURES if files is not None else {})}
    terms = [join([element("dt", term), element("dd", meaning)]) for term, meaning in meanings.items()]
    parts.append(element("details", element("summary", "What the figures mean"), element("dl", *terms)))
    parts.append(element("p", f"ocisize {ocisize.__version__}", class_="note"))
    return element("footer", *parts)
