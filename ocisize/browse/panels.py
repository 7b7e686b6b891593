"""The lists behind the tabs: fixes, packages, wasted files, duplicates and secrets, as the reports have them.

A list makes a row when it is shown: the waste of an image can be hundreds of thousands of files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from itertools import accumulate, zip_longest
from typing import TYPE_CHECKING

from ocisize.browse.courtesy import sort_in_pieces
from ocisize.browse.layer_rows import NO_WASTE
from ocisize.filesystem.duplicates import find_duplicates
from ocisize.filesystem.visibility import overlay_of
from ocisize.report.packages.rows import Part, TableRow, list_rows
from ocisize.report.packages.words import describe_inventory
from ocisize.report.words.fixes import LEGEND, list_fixes, list_layers, summarize_fixes
from ocisize.report.words.plan import BY_HAND
from ocisize.report.words.secrets import describe_remedy, list_secrets
from ocisize.report.words.units import human_size
from ocisize.sizes.packages import PackageListing, list_packages
from ocisize.text import count_of, decode_name, printable, signed_size
from ocisize.tuples import NamedTuple
from ocisize.values import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ocisize.browse.image_index import ImageIndex
    from ocisize.model.analysis import Analysis
    from ocisize.model.comparison import Comparison


class PanelRow(NamedTuple):
    """A row of a list; all texts but ``path`` are printable."""

    cells: Sequence[str]  #: by column
    path: str = ""  #: the path that the row leads to, without a leading slash; "" if it leads to none
    details: Sequence[str] = ()  #: sentences about the row


_ABSENT = "-"  # the side of a comparison that does not have a file
_MAX_COPIES = 50  # paths of a content that details name


@frozen(kw_only=True)
class Panel:
    """A list behind a tab."""

    title: str  #: the name of the tab
    summary: str  #: a line above the list, which is printable
    columns: Sequence[str]  #: heads; columns of figures come first
    figures: int  #: how many columns are figures, which are aligned to the right
    count: int  #: number of rows
    row: Callable[[int], PanelRow]  #: makes a row by its position


def list_panels(index: ImageIndex, comparison: Comparison | None = None) -> list[Panel]:
    """The lists of an image, in the order of the tabs; with a comparison, whose AFTER is the image, also what changed."""
    analysis = index.analysis
    makers = (_list_fixes, _list_packages, _list_waste)
    panels = [*(make(analysis) for make in makers), _list_duplicates(index), _list_secrets(analysis)]
    return panels if comparison is None else [*panels, _list_changes(comparison)]


def _panel(title: str, summary: str, columns: Sequence[str], figures: int, rows: Sequence[PanelRow]) -> Panel:
    return Panel(title=title, summary=summary, columns=columns, figures=figures, count=len(rows), row=rows.__getitem__)


def _list_fixes(analysis: Analysis) -> Panel:
    """The steps of the plan, or the findings that save bytes if there is no plan."""
    fixes = list_fixes(analysis)
    rows = []
    for number, fix in enumerate(fixes):
        cells = (fix.saving, str(fix.confidence), printable(fix.title), printable(fix.place))
        if analysis.plan.steps:
            step = analysis.plan.steps[number]
            details = [step.title, step.action, *([f"Caution: {step.caution}"] if step.caution else [])]
            details += [] if step.in_patch else [BY_HAND]
            path = step.paths[0] if step.paths else ""
        else:
            finding = [finding for finding in analysis.advice.findings if finding.size][number]
            details, path = [finding.title, finding.fix], finding.paths[0] if finding.paths else ""
        rows.append(PanelRow(cells, path, [printable(line) for text in details for line in text.split("\n")]))
    summary = f"{summarize_fixes(analysis)} {LEGEND}" if fixes else "Nothing to fix."
    return _panel("Fix first", printable(summary), ("Saves", "", "Fix", "Where"), 1, rows)


def _list_packages(analysis: Analysis) -> Panel:
    columns = ("Download", "Unpacked", "Waste", "Package", "Version", "Layer", "Why")
    inventory = analysis.packages
    if inventory is None:
        return _panel("Packages", "The packages of this image are not known.", columns, 3, ())
    listing = list_packages(inventory, count=None, unowned_count=None)
    rows = [
        PanelRow(
            (
                human_size(row.compressed_size),
                human_size(row.content_size),
                human_size(row.wasted_size) if row.wasted_size else NO_WASTE,
                row.name,
                row.version or ("" if row.part is Part.PACKAGES else row.kind),
                "" if row.layer is None else str(row.layer),
                " ".join(filter(None, (row.kind if row.part is Part.PACKAGES else "", row.why))),
            ),
            path,
            [row.name, *filter(None, [row.version, row.why])],
        )
        for row, path in zip_longest(list_rows(analysis, inventory, listing), _find_places(listing), fillvalue="")
        if isinstance(row, TableRow)
    ]
    return _panel("Packages", describe_inventory(inventory), columns, 3, rows)


def _find_places(listing: PackageListing) -> Iterator[str]:
    """By row of packages, the directory of the package, or else its database."""
    return (row.packages[0].place or row.packages[0].database for row in listing.rows)


def _list_waste(analysis: Analysis) -> Panel:
    """The wasted files, largest first."""
    waste = analysis.waste

    def row(position: int) -> PanelRow:
        entry = waste[position]
        places = f"{entry.held_by}→{entry.hidden_by}"
        cells = (human_size(entry.size), human_size(entry.compressed_size), str(entry.cause), places)
        path = f"/{printable(entry.path)}"
        return PanelRow((*cells, path), entry.path, [path])

    count = len(waste)
    summary = f"Wasted files: {count:,}, {human_size(analysis.wasted_size)} (layer that stores → layer that hides)"
    columns = ("Size", "Download", "Cause", "Layers", "Path")
    shown = summary if count else "No wasted files."
    return Panel(title="Waste", summary=shown, columns=columns, figures=2, count=count, row=row)


def _list_duplicates(index: ImageIndex) -> Panel:
    """Visible files with the same content, those with the most bytes in further copies first."""
    starts = list(accumulate(map(len, index.tables), initial=0))
    copies: dict[int, list[int]] = defaultdict(list)
    sizes: dict[int, int] = defaultdict(int)
    for layer, duplicates in enumerate(find_duplicates(index.tables, overlay_of(index.analysis))):
        table = index.tables[layer]
        for copy, original in zip(duplicates.rows, duplicates.originals, strict=True):
            copies[original].append(starts[layer] + copy)
            sizes[original] += table.sizes[copy]
    order = sort_in_pieces(list(copies), key=lambda original: (-sizes[original], original))

    def path_of(number: int) -> str:
        layer = bisect_right(starts, number) - 1
        return decode_name(index.tables[layer].paths[number - starts[layer]])

    def row(position: int) -> PanelRow:
        original = order[position]
        path, others = path_of(original), copies[original]
        details = [f"/{printable(path_of(number))}" for number in (original, *others[:_MAX_COPIES])]
        if len(others) > _MAX_COPIES:
            details.append(f"and {len(others) - _MAX_COPIES:,} more")
        cells = (human_size(sizes[original]), f"{len(others) + 1:,}", f"/{printable(path)}")
        return PanelRow(cells, path, details)

    size = index.analysis.duplicate_size
    summary = f"Duplicates: {count_of(len(order), 'content')} at several visible paths, {human_size(size)} in further copies"
    columns = ("Size", "Paths", "First path")
    shown = summary if order else "No duplicates."
    return Panel(title="Duplicates", summary=shown, columns=columns, figures=2, count=len(order), row=row)


def _list_secrets(analysis: Analysis) -> Panel:
    """The files and variables with secrets, by finding."""
    findings = list_secrets(analysis)
    rows = [
        PanelRow(
            (str(finding.severity), list_layers(finding.layers), printable(name), printable(finding.title)),
            path,
            [printable(name) or printable(finding.title), printable(finding.fix)],
        )
        for finding in findings
        for name, path in [
            *((f"/{path}", path) for path in finding.paths),
            *((name, "") for name in finding.names),
            *([("", "")] if not finding.paths and not finding.names else []),
        ]
    ]
    summary = describe_remedy(findings, analysis) if findings else "No exposed secrets were found."
    return _panel("Secrets", printable(summary), ("Severity", "Layers", "What", "Finding"), 0, rows)


def _list_changes(comparison: Comparison) -> Panel:
    """The stored files that differ between two images, the largest change first."""
    columns = ("Before", "After", "Growth", "Status", "Layers", "Path")
    changes = comparison.files
    if changes is None:
        return _panel("Changes", "The files of one of the images are not known.", columns, 3, ())
    growth = signed_size(comparison.after.content_size - comparison.before.content_size)

    def row(position: int) -> PanelRow:
        change = changes[position]
        places = f"{_show_place(change.before_layer)}→{_show_place(change.after_layer)}"
        sizes = (
            human_size(change.before_size) if change.before_layer is not None else _ABSENT,
            human_size(change.after_size) if change.after_layer is not None else _ABSENT,
            signed_size(change.growth, "="),
        )
        path = f"/{printable(change.path)}"
        is_moved = change.before_path is not None and change.before_path != change.path
        details = [path, *([f"before: /{printable(change.before_path or '')}"] if is_moved else [])]
        return PanelRow(
            (*sizes, str(change.kind), places, path), change.path if change.after_layer is not None else "", details
        )

    name = printable(comparison.before.reference or comparison.before.source)
    summary = f"{count_of(len(changes), 'stored file')} differ from {name}, {growth} unpacked (layer before → layer after)"
    shown = summary if len(changes) else f"All files are those of {name}."
    return Panel(title="Changes", summary=shown, columns=columns, figures=3, count=len(changes), row=row)


def _show_place(layer: int | None) -> str:
    return _ABSENT if layer is None else str(layer)
