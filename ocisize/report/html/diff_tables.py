"""The tables of a page about a comparison: what grew and shrank by package, folder, file and layer, with a bar each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocisize.model.file_changes import FileChangeKind
from ocisize.report.html.markup import Markup, element, join
from ocisize.report.words.growth import signed_size
from ocisize.report.words.steps import show_layer
from ocisize.report.words.units import UNKNOWN, human_size
from ocisize.text import count_of

if TYPE_CHECKING:
    from ocisize.model.causes import PackageChange
    from ocisize.model.comparison import Comparison, LayerChange
    from ocisize.model.file_changes import FileChange

_OPEN_ROWS = 15  # of a table; all others are folded away
_MAX_FILES = 500
_BAR = 50  # units of the width of a bar to each side
_NONE = "·"  #: a layer on the side that does not have it


def write_packages(comparison: Comparison) -> Markup:
    """The packages whose files differ."""
    growths = [package.growth for package in comparison.packages]
    rows = [[signed_size(package.compressed_growth), _package(package)] for package in comparison.packages]
    return _write_table("Packages", "", ("Download", "Package"), growths, rows)


def _package(package: PackageChange) -> Markup:
    sides = ((package.before_size, package.before_version), (package.after_size, package.after_version))
    versions = dict.fromkeys(version or (UNKNOWN if size else "none") for size, version in sides)
    text = " → ".join(versions) if any(version for _, version in sides) else ""
    return join([element("strong", package.name), f" {text}", element("span", f" {package.ecosystem}", class_="note")])


def write_folders(comparison: Comparison) -> Markup:
    """The folders that grew and shrank; the last row is all others, so that the rows add up to the growth of the image."""
    folders = [folder for folder in comparison.directories if folder.growth or folder.compressed_growth]
    rows = [
        [signed_size(folder.compressed_growth), f"{folder.file_count:,}", _path(folder.name or "elsewhere")]
        for folder in folders
    ]
    note = "The rows add up to the growth of the image. /usr/ is a folder with all that is in it, "
    note += "/usr/* what is directly in it."
    return _write_table("Folders", note, ("Download", "Files", "Folder"), [folder.growth for folder in folders], rows)


def write_files(comparison: Comparison) -> Markup:
    """The files that differ most; a note if one side was saved without its files."""
    if comparison.files is None:
        sides = " and ".join(comparison.without_files)
        text = f"Files are not compared: the image {sides} was saved without them (-f json --files keeps them)."
        return element("section", element("h2", "Files"), element("p", text))
    changes = comparison.files.largest(_MAX_FILES)
    rest = len(comparison.files) - len(changes)
    note = f"{count_of(len(comparison.files), 'file')} differ" if len(comparison.files) != 1 else "1 file differs"
    note += f"; the {_MAX_FILES} with the largest change are listed, -f json has all." if rest else "."
    rows = [[str(change.kind), _places(change.before_layer, change.after_layer), _file(change)] for change in changes]
    return _write_table("Files", note, ("What", "Layer", "File"), [change.growth for change in changes], rows)


def _file(change: FileChange) -> Markup:
    moved = change.kind is FileChangeKind.MOVED and change.before_path is not None
    was = element("span", " was ", _path(f"/{change.before_path}"), class_="note") if moved else Markup()
    return join([_path(f"/{change.path}"), was])


def write_layer_changes(comparison: Comparison) -> Markup:
    """The layers of both images, base first."""
    rows = [_layer(layer) for layer in comparison.layers]
    note = "Base first; before→after. Upgrade: what a host with the image before downloads."
    columns = ("Download", "Upgrade", "What", "Layer", "Build step")
    return _write_table("Layers", note, columns, [layer.growth for layer in comparison.layers], rows, fold=False)


def _layer(layer: LayerChange) -> list[str]:
    upgrade = "-" if layer.download_size == 0 else human_size(layer.download_size)
    step = element("code", show_layer(layer) or "unknown step")
    return [
        signed_size(layer.compressed_growth), upgrade, str(layer.status), _places(layer.before, layer.after), step,
    ]  # fmt: skip


def _places(before: int | None, after: int | None) -> str:
    return "→".join(_NONE if layer is None else str(layer) for layer in (before, after))


def _path(path: str) -> Markup:
    return element("code", path)


def _write_table(
    title: str,
    note: str,
    columns: Sequence[str],
    growths: Sequence[int],
    rows: Sequence[Sequence[str]],
    *,
    fold: bool = True,
) -> Markup:
    """A section with a table: the growth of each row as a number and a bar, then its other cells."""
    if not rows:
        return Markup()
    name = f"changed-{title.lower()}-title"
    largest = max(map(abs, growths)) or 1
    lines = [_row(growth, largest, cells) for growth, cells in zip(growths, rows, strict=True)]
    shown = lines[:_OPEN_ROWS] if fold else lines
    parts = [element("h2", title, id=name), element("p", note, class_="note") if note else Markup()]
    parts.append(_table(columns, shown, name))
    if rest := lines[len(shown) :]:
        summary = element("summary", f"{len(rest):,} more {title.lower()}")
        parts.append(element("details", summary, _table(columns, rest, name)))
    return element("section", *parts, aria_labelledby=name)


def _table(columns: Sequence[str], lines: Sequence[Markup], name: str) -> Markup:
    heads = [element("th", column, scope="col") for column in ("Unpacked", "", *columns)]
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *lines), class_="changes")
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_labelledby=name)


def _row(growth: int, largest: int, cells: Sequence[str]) -> Markup:
    kind = "grew" if growth > 0 else "shrank" if growth < 0 else "same"
    parts = [element("td", signed_size(growth), class_=kind), element("td", _bar(growth, largest))]
    return element("tr", *parts, *[element("td", cell) for cell in cells])


def _bar(growth: int, largest: int) -> Markup:
    """A bar to the right for growth, to the left for less; its width is in proportion to the largest change."""
    width = _BAR * abs(growth) / largest
    start = _BAR if growth >= 0 else _BAR - width
    kind = "grew" if growth > 0 else "shrank"
    bar = element("rect", x=f"{start:.1f}", y="1", width=f"{width:.1f}", height="8", class_=kind)
    middle = element("rect", x=f"{_BAR - 0.5}", y="0", width="1", height="10", class_="middle")
    return element("svg", bar, middle, viewBox=f"0 0 {2 * _BAR} 10", width="100", height="10", aria_hidden="true")
