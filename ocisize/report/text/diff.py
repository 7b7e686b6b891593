"""The text report on a comparison: what changed between two images and why. Growth has a sign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from rich.table import Table
from rich.text import Text

from ocisize.comparison.directory_growth import with_rest
from ocisize.comparison.package_words import MAX_NAMED, has_other_version
from ocisize.model.causes import PackageChange
from ocisize.model.comparison import Comparison, DirectoryChange, FileSum, LayerChange, sum_file_totals
from ocisize.model.file_changes import FileChange, FileChangeKind, FileChanges
from ocisize.model.findings import Category
from ocisize.model.sizes import weight_of
from ocisize.report.text.diff_head import NONE, nothing_changed, signed_size, write_header, write_totals
from ocisize.report.text.page import open_page, print_trust
from ocisize.report.text.tables import drop_unknown, new_table, print_rows
from ocisize.report.words.growth import measure_reasons, measure_suggestions
from ocisize.report.words.steps import show_layer
from ocisize.report.words.units import human_size
from ocisize.text import count_of, printable

if TYPE_CHECKING:
    from rich.console import Console

    from ocisize.model.budget import Verdict
    from ocisize.report.diff_subject import DiffSubject
    from ocisize.report.options import ReportOptions

_MIN_SHARE = 0.001  # of the largest reason
_NOTES = {
    "unchanged": "same path and content, compressed differently",
    "other": "directories, links, empty files, overhead",
}


def write(subject: DiffSubject, file: TextIO, options: ReportOptions) -> None:
    """Write the report, at the width of the terminal or of a pipe."""
    write_diff(subject.comparison, file, top=options.top, color=options.color, verdicts=subject.verdicts)


def write_diff(
    comparison: Comparison,
    file: TextIO,
    *,
    top: int = 10,
    width: int | None = None,
    color: bool | None = None,
    verdicts: Sequence[Verdict] = (),
) -> None:
    """Write the report, lists cut to ``top`` rows; ``color`` None means only on a terminal."""
    with open_page(file, width=width, color=color) as console:
        hosts = (*comparison.before.unverified_hosts, *comparison.after.unverified_hosts)
        print_trust(console, list(dict.fromkeys(hosts)))
        if line := nothing_changed(comparison):
            console.print(Text(line), overflow="fold")
            _verdicts(console, comparison, verdicts)
            return
        write_header(console, comparison)
        _secrets(console, comparison)
        write_totals(console, comparison)
        _verdicts(console, comparison, verdicts)
        _reasons(console, comparison, top)
        _packages(console, comparison.packages, top)
        _findings(console, comparison, top)
        _suggestions(console, comparison, top)
        _layers(console, comparison.layers)
        if comparison.files is None:
            sides = " and ".join(side.upper() for side in comparison.without_files)
            text = f"Files are not compared: {sides} was saved without them (-f json --files keeps them)."
            console.print()
            console.print(Text(text))
            return
        _kinds(console, comparison)
        _directories(console, comparison, top)
        _files(console, comparison.files, top)


def _verdicts(console: Console, comparison: Comparison, verdicts: Sequence[Verdict]) -> None:
    if verdicts:
        from ocisize.report.text.budgets import write_verdicts

        write_verdicts(console, comparison.after, verdicts)


def _reasons(console: Console, comparison: Comparison, top: int) -> None:
    measure, rows = measure_reasons(comparison)
    if not rows or not top:
        return
    least = _MIN_SHARE * max(abs(size) for size, _ in rows)
    shown = [row for row in rows if abs(row[0]) >= least][:top]
    _title(console, f"Why (growth of the {measure})")
    grid = _grid()
    for size, reason in shown:
        text = Text(printable(reason.text))
        if size != reason.growth != 0:
            text.append(f" ({signed_size(reason.growth)} unpacked)", style="dim")
        grid.add_row(Text(signed_size(size), style="bold"), text)
    console.print(grid)
    rest = [size for size, reason in rows if (size, reason) not in shown]
    if rest:
        layers = count_of(len(rest), "more layer")
        console.print(Text(f"… and {layers}, {signed_size(sum(rest))} together", style="dim"))


def _secrets(console: Console, comparison: Comparison) -> None:
    """The secrets that only AFTER has."""
    if secrets := comparison.new_secrets:
        from ocisize.report.words.secrets import describe_remedy, describe_secrets

        for sentence in (*describe_secrets(secrets), describe_remedy(secrets, comparison.after)):
            console.print(Text(f"NEW SECRET  {sentence}", style="bold red"), overflow="fold")
        console.print()


def _packages(console: Console, packages: Sequence[PackageChange], top: int) -> None:
    """The packages whose files differ, where a sentence above cannot name all of them."""
    packages = [change for change in packages if change.growth or has_other_version(change)]
    if len(packages) <= MAX_NAMED or not top:
        return
    rows = []
    for change in packages[:top]:
        versions = dict.fromkeys(filter(None, (change.before_version, change.after_version)))
        layer = "→".join("·" if index is None else str(index) for index in (change.before, change.after))
        sizes = signed_size(change.growth), signed_size(change.compressed_growth)
        rows.append((*sizes, layer, change.ecosystem, printable(" ".join((change.name, " → ".join(versions))))))
    title = f"Packages: {len(packages):,} (layer before→after)"
    print_rows(console, title, ("Unpacked", "Download", "Layers", "Kind", "Package"), rows, 2)


def _findings(console: Console, comparison: Comparison, top: int) -> None:
    """The findings that only AFTER has, and how many of BEFORE are gone."""
    new = [finding for finding in comparison.new_findings if finding.category is not Category.SECRET]
    if new and top:
        measure = "download" if new[0].compressed_size is not None else "unpacked size"  # of all, since they have one image
        _title(console, f"New findings: {len(new):,} (bytes of the {measure} that the fix saves)")
        grid = _grid()
        for finding in new[:top]:
            size = weight_of(finding.compressed_size, finding.size)
            text = Text(printable(f"{finding.id} {finding.title}"))
            grid.add_row(Text(human_size(size) if size else NONE, style="bold"), text)
        console.print(grid)
    if comparison.fixed_findings:
        ids = ", ".join(dict.fromkeys(finding.id for finding in comparison.fixed_findings))
        console.print()
        console.print(Text(f"No longer found: {ids}", style="green"), overflow="fold")


def _suggestions(console: Console, comparison: Comparison, top: int) -> None:
    measure, rows = measure_suggestions(comparison)
    if not rows or not top:
        return
    _title(console, f"Advice (bytes of the {measure} affected)")
    grid = _grid()
    for size, suggestion in rows[:top]:
        grid.add_row(Text(human_size(size), style="bold"), Text(printable(suggestion.text)))
    console.print(grid)


def _title(console: Console, title: str) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0), expand=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    return grid


def _layers(console: Console, layers: Sequence[LayerChange]) -> None:
    rows: list[tuple[str | Text, ...]] = [
        (
            "→".join("·" if index is None else str(index) for index in (layer.before, layer.after)),
            signed_size(layer.compressed_growth),
            signed_size(layer.growth),
            NONE if layer.download_size == 0 else human_size(layer.download_size),
            str(layer.status),
            Text(printable(show_layer(layer))),
        )
        for layer in layers
    ]
    columns, rows = drop_unknown(("Layers", "Download", "Unpacked", "Upgrade", "What", "Build step"), rows)
    upgrade = "; upgrade: download with BEFORE" if "Upgrade" in columns else ""
    table = new_table(console, f"Layers, base first (before→after; growth{upgrade})", columns, 2)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _kinds(console: Console, comparison: Comparison) -> None:
    layers = comparison.layers
    sums = [(str(kind), comparison.sum_of(kind), "") for kind in FileChangeKind]
    rest = {
        "unchanged": sum_file_totals([layer.unchanged for layer in layers if layer.unchanged is not None]),
        "other": sum_file_totals([layer.other for layer in layers if layer.other is not None]),
    }
    rows = [row for row in sums if row[1].count or row[1].before_size]
    rows += [(name, files, _NOTES[name]) for name, files in rest.items() if files.compressed_growth]
    whole = FileSum(
        before_size=comparison.before.content_size,
        after_size=comparison.after.content_size,
        before_compressed_size=comparison.before.compressed_size,
        after_compressed_size=comparison.after.compressed_size,
    )
    shown: list[tuple[str | Text, ...]] = []
    for name, files, note in [*rows, ("together", whole, "")]:
        what = Text.assemble(name, (f"  {note}" if note else "", "dim"))
        shown.append(
            (
                signed_size(files.compressed_growth),
                signed_size(files.growth),
                f"{files.count:,}" if files.count else NONE,
                what,
            )
        )
    columns, shown = drop_unknown(("Download", "Unpacked", "Files", "What"), shown)
    table = new_table(console, "Files by change (growth)", columns, 1)
    for row in shown:
        table.add_row(*row)
    console.print(table)


def _directories(console: Console, comparison: Comparison, top: int) -> None:
    named = [directory for directory in comparison.directories if directory.name is not None][:top]
    if not named:
        return
    count = len(comparison.files or ())
    shown = with_rest(named, comparison.growth, comparison.compressed_growth, count)
    rows = [
        (
            signed_size(directory.growth),
            signed_size(directory.compressed_growth),
            f"{directory.file_count:,}",
            _directory(directory),
        )
        for directory in shown
    ]
    print_rows(console, "Directories (growth)", ("Unpacked", "Download", "Files", "Path"), rows, 1)


def _directory(change: DirectoryChange) -> str:
    return printable(change.name) if change.name is not None else "(elsewhere)"


def _files(console: Console, files: FileChanges, top: int) -> None:
    if not files or not top:
        return
    shown = files.largest(top)
    rows: list[tuple[str, ...]] = []
    for change in shown:
        path = f"/{printable(change.path)}"
        rows.append(
            (signed_size(change.growth), signed_size(change.compressed_growth), str(change.kind), _places(change), path)
        )
        if change.kind is FileChangeKind.MOVED:
            rows.append((*[""] * 4, f"was /{printable(change.before_path or '')}"))
    title = f"Files: {len(files):,} (layer before→after)"
    print_rows(console, title, ("Unpacked", "Download", "What", "Layers", "Path"), rows, 3)
    rest = len(files) - len(shown)
    if rest > 0:
        console.print(Text(f"… and {rest:,} more (-f json has all)", style="dim"))


def _places(change: FileChange) -> str:
    old, new = ("·" if layer is None else str(layer) for layer in (change.before_layer, change.after_layer))
    return f"{old}→{new}"
