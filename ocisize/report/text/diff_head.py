"""The head of the text report on a comparison: one line if nothing changed, else names, headline and totals."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from ocisize import text
from ocisize.model.comparison import BaseChange, Comparison, LayerStatus, PartChange, sum_file_totals
from ocisize.report.words.download import ABOUT, describe_estimate, human_download
from ocisize.report.words.image import name_image
from ocisize.report.words.units import human_size
from ocisize.report.words.upgrade import summarize_growth
from ocisize.text import count_of, printable

if TYPE_CHECKING:
    from rich.console import Console

NONE = "-"
#: a size with its sign, NONE for no growth, "?" for unknown growth
signed_size = partial(text.signed_size, no_growth=NONE)


def nothing_changed(comparison: Comparison) -> str | None:
    """One line where both images have the same layers, or the same tars in an archive with uncompressed layers."""
    before, after = comparison.before, comparison.after
    count = len(after.layers)
    content = f"{human_size(after.content_size)} unpacked"
    if comparison.same_layers:
        what = "Nothing changed" if before.config_digest == after.config_digest else "Only the config changed"
        download = f", {human_size(after.compressed_size)} to download" if after.compressed_size is not None else ""
        return f"{what}: the same {count_of(count, 'layer')}{download}, {content}."
    if comparison.same_content and comparison.compressed_growth is None:
        return f"Only the compression of layers changed: the same {count_of(count, 'tar')}, {content}."
    return None


def write_header(console: Console, comparison: Comparison) -> None:
    """Write the names of both images, the growth, and the download."""
    for name, image in (("before", comparison.before), ("after", comparison.after)):
        console.print(Text(f"{name:6}  {printable(name_image(image))}", style="bold"), overflow="fold")
    platforms = {comparison.before.platform: None, comparison.after.platform: None}
    console.print(Text(" → ".join(printable(platform) for platform in platforms), style="dim"))
    console.print(Text(summarize_growth(comparison), style="bold"), overflow="fold")
    console.print()


def write_totals(console: Console, comparison: Comparison) -> None:
    """Write the figures of both images side by side."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", style="bold")
    for name in ("Before", "After", "Growth"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", style="dim", overflow="fold")
    before, after = comparison.before, comparison.after
    growth = f"{ABOUT if comparison.estimated_growth else ''}{signed_size(comparison.expected_compressed_growth)}"
    note = _exact(comparison.compressed_growth) or describe_estimate(after) or describe_estimate(before)
    table.add_row("Download", human_download(before), human_download(after), growth, note)
    table.add_row(
        "Unpacked",
        human_size(before.content_size),
        human_size(after.content_size),
        signed_size(comparison.growth),
        _exact(comparison.growth),
    )
    for title, name in (("Live", "live_size"), ("Waste", "wasted_size"), ("On disk", "disk_size")):
        old, new = getattr(before, name), getattr(after, name)
        table.add_row(title, human_size(old), human_size(new), signed_size(new - old), "")
    if comparison.base is not None:
        for title, part in (("Base", comparison.base.base), ("Yours", comparison.base.own)):
            table.add_row(title, *_part(part), _base_note(comparison.base, part))
    files = after.file_count - before.file_count
    table.add_row("Files", f"{before.file_count:,}", f"{after.file_count:,}", f"{files:+,}" if files else NONE, "")
    table.add_row("Upgrade", "", human_size(comparison.download_size), "", _download(comparison))
    console.print(table)


def _part(part: PartChange) -> tuple[str, str, str]:
    """The size of a part of the layers: the download, or unpacked if the download is unknown."""
    if part.compressed_growth is None:
        return human_size(part.before_size), human_size(part.after_size), signed_size(part.growth)
    sizes = part.before_compressed_size, part.after_compressed_size
    return human_size(sizes[0]), human_size(sizes[1]), signed_size(part.compressed_growth)


def _base_note(change: BaseChange, part: PartChange) -> str:
    unpacked = (
        "unpacked" if part.compressed_growth is None else f"{signed_size(part.growth)} unpacked" if part.growth else ""
    )
    if part is change.own:
        return unpacked
    old, new = (f"layer{'s 0 to' * (count > 1)} {count - 1}" for count in (change.before_layers, change.after_layers))
    which = new if old == new else f"{new}, before {old}"
    doubt = "" if change.sure else "probably "
    remedy = "" if change.sure else " (confirm with --base)"
    return "; ".join([*([unpacked] if unpacked else []), f"{doubt}{which}{remedy}"])


def _exact(growth: int | None) -> str:
    return f"{growth:+,} bytes" if growth else ""


def _download(comparison: Comparison) -> str:
    """Which layers a host with BEFORE has already, and how much it downloads again."""
    fetched = [layer for layer in comparison.layers if layer.download_size]
    count = len(comparison.after.layers)
    shared = sum(layer.status is LayerStatus.SHARED for layer in comparison.layers)
    same = sum(layer.status is LayerStatus.RECOMPRESSED for layer in comparison.layers)
    text = f"{shared} of {count_of(count, 'layer')} shared"
    text += f", {same} {'has' if same == 1 else 'have'} the same tar" if same else ""
    known = sum_file_totals([layer.unchanged for layer in fetched if layer.unchanged is not None]).after_compressed_size
    return f"{text}; {human_size(known)} are files that BEFORE has" if known else text
