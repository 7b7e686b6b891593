"""The text report of ``ocisize files``."""

from __future__ import annotations

from typing import TextIO

from rich.text import Text

from ocisize.model.analysis import Analysis
from ocisize.report.text.page import layer_title, open_page, print_name
from ocisize.report.text.tables import print_rest, print_rows
from ocisize.report.words.image import describe_platform
from ocisize.report.words.units import human_size
from ocisize.sizes.files import ListedFile, Listing
from ocisize.text import count_of, printable

_COLUMNS = ("Size", "Download", "Layers", "State", "Path")


def write_files(
    analysis: Analysis,
    listing: Listing,
    file: TextIO,
    *,
    layer: int | None = None,
    width: int | None = None,
    color: bool | None = None,
) -> None:
    """Write a list of the files of ``analysis`` or of one layer; ``color`` None means only on a terminal."""
    with open_page(file, width=width, color=color) as console:
        print_name(console, analysis)
        download = "" if listing.compressed_size is None else f", {human_size(listing.compressed_size)} to download"
        subject = "" if layer is None else f" · {layer_title(analysis.layers[layer])}"
        console.print(Text(printable(f"{describe_platform(analysis)}{subject}"), style="dim"), overflow="fold")
        title = f"{count_of(listing.file_count, 'file')}, {human_size(listing.content_size)}{download}"
        if not listing.files:
            console.print()
            console.print(Text(title, style="bold"))
            return
        print_rows(console, f"{title} (layer that stores → layer that hides)", _COLUMNS, list(map(_cells, listing.files)), 3)
        shown_size = sum(row.size for row in listing.files)
        print_rest(console, listing.file_count - len(listing.files), listing.content_size - shown_size)


def _cells(file: ListedFile) -> tuple[str, ...]:
    return (
        human_size(file.size),
        human_size(file.compressed_size),
        str(file.layer) if file.hidden_by is None else f"{file.layer}→{file.hidden_by}",
        "live" if file.cause is None else str(file.cause),
        "/" + printable(file.path),
    )
