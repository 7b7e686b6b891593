"""What must hold of everything that is read: a result or an OcisizeError, the same one each time, with its laws."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TextIO, TypeVar

import attrs

from ocisize import compare, from_json, to_json
from ocisize.filesystem.dive_figures import find_dive_figures
from ocisize.filesystem.overlap import select_all_rows
from ocisize.sizes.files import SortOrder, list_files
from ocisize.model.analysis import Analysis, LayerAnalysis
from ocisize.sizes.packages import PackageGrouping, list_packages
from ocisize.sizes.tree import make_tree
from ocisize.errors import IncompleteAnalysis, LayerError, OcisizeError, ReportError
from ocisize.tar.filetable import FileTable
from ocisize.report.text.advise import write_advise
from ocisize.report.text.diff import write_diff
from ocisize.report.text.full import write_sections
from ocisize.report.text.files import write_files
from ocisize.report.formats import FORMATS, write_report
from ocisize.report.options import ReportOptions
from ocisize.report.packages.csv import write_csv
from ocisize.report.packages.html import write_html
from ocisize.report.packages.json import packages_to_json
from ocisize.report.packages.markdown import write_markdown
from ocisize.report.packages.text import write_packages
from ocisize.report.text.tree import write_tree

T = TypeVar("T")
_STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # what a terminal may obey; lines may end
_PLAIN_TEXT = ("text", "markdown", "github", "csv", "cyclonedx", "spdx")


@attrs.frozen
class Harness:
    """``run`` raises whatever must not be for some bytes; ``seeds`` are bytes to begin with, ``tokens`` words of their language.

    ``share`` is the part of the time it gets beside the others, ``quick`` how many mutations the tests try.
    """

    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    tokens: Sequence[bytes] = ()
    share: int = 1
    quick: int = 1000


@attrs.frozen
class Refused:
    """An error instead of a result; equal if type, message and position are."""

    kind: type
    message: str
    offset: int | None = None


def outcome(read: Callable[[], T]) -> T | Refused:
    """What reading gives, an OcisizeError included; any other exception passes through."""
    try:
        return read()
    except OcisizeError as error:
        assert str(error), "an error without words"
        cause = error.cause if isinstance(error, LayerError) else error
        return Refused(type(error), str(error), getattr(cause, "offset", None))


def same(first: T | Refused, *others: T | Refused) -> T | None:
    """The result that all of them are, None where all are the same refusal; fails where they differ."""
    for other in others:
        assert other == first, f"{_brief(first)} and {_brief(other)}"
    return None if isinstance(first, Refused) else first


def _brief(value: object) -> str:
    return repr(value)[:2000]


def check_table(table: FileTable, tar_size: int | None = None) -> None:
    """Columns of one length; entries that follow each other in whole blocks, each with room for its payload."""
    count = len(table)
    assert len(table.paths) == len(table.sizes) == len(table.ends) == len(table.owners) == count
    assert len(table.hashes) in (0, 16 * count)
    for start, end in pairwise([0, *table.ends]):
        assert end % 512 == 0 and end >= start + 512
    for row, (start, size) in enumerate(zip([0, *table.ends], table.sizes, strict=False)):
        assert size >= 0 and start + 512 <= table.payload_start(row) <= table.ends[row]
    for column in (table.links, table.stored_sizes, table.claimed_sizes, table.type_flags, table.xattrs, table.contents):
        assert all(0 <= row < count for row in column)
    if tar_size is not None:
        assert table.tar_size == tar_size
        assert not count or table.ends[-1] - 511 <= tar_size
    entries = list(table)
    assert [entry.size for entry in entries] == list(table.sizes)
    assert not any(entry.path.startswith("/") for entry in entries)
    assert [entry.size for entry in table.largest(3)] == sorted(table.sizes, reverse=True)[: min(3, count)] or any(
        entry.kind != "file" for entry in entries
    )


def check_analysis(analysis: Analysis, *, saved: bool = False) -> None:
    """The laws of the figures: parts add up to wholes, nothing weighs less than nothing.

    ``saved`` is one that anybody may have edited: nobody promises that its figures add up, only that they can be shown.
    """
    for layer in analysis.layers:
        if layer.files is not None:
            list(layer.files)
            if not saved:
                _check_layer(layer)
    if not saved:
        _check_figures(analysis)
        _check_dive(analysis)
    text = to_json(analysis, files=True)
    assert to_json(from_json(text), files=True) == text


def _check_layer(layer: LayerAnalysis) -> None:
    table = layer.files
    assert table is not None
    check_table(table, layer.tar_size)
    assert sum(table.sizes) == layer.content_size
    assert layer.live_size + layer.wasted_size == layer.content_size and layer.live_size >= 0
    assert (table.compressed_sizes is None) == (layer.wasted_compressed_size is None) == (layer.overhead_size is None)
    if table.compressed_sizes is not None and layer.overhead_size is not None:
        assert min(table.compressed_sizes, default=0) >= 0 <= layer.overhead_size
        assert sum(table.compressed_sizes) + layer.overhead_size == layer.compressed_size


def _check_figures(analysis: Analysis) -> None:
    assert sum(layer.content_size for layer in analysis.layers) == analysis.content_size
    assert analysis.live_size + analysis.wasted_size == analysis.content_size
    assert analysis.wasted_size == sum(analysis.waste.sizes) == sum(layer.wasted_size for layer in analysis.layers)
    assert analysis.wasted_size == sum(layer.hides_size for layer in analysis.layers)
    assert 0 <= analysis.wasted_size <= analysis.content_size >= analysis.duplicate_size >= 0
    assert 0 <= analysis.efficiency <= 1
    assert all(0 <= entry.held_by <= entry.hidden_by < len(analysis.layers) for entry in analysis.waste)
    if analysis.groups is not None:
        for division in attrs.astuple(analysis.groups, recurse=False):
            assert sum(group.content_size for group in division) == analysis.content_size
            assert sum(group.wasted_size for group in division) == analysis.wasted_size
    for finding in analysis.advice.findings:
        assert 0 <= finding.size <= analysis.content_size


def _check_dive(analysis: Analysis) -> None:
    """dive's figures are the same whether rows that overlap no other row are counted by subtraction or one by one."""
    tables = [layer.files for layer in analysis.layers if layer.files is not None]
    if analysis.dive is not None and len(tables) == len(analysis.layers):
        assert find_dive_figures(tables, select_all_rows(tables)) == analysis.dive


def is_whole(analysis: Analysis) -> bool:
    """All layers were read, and the documents list the same number of them."""
    return analysis.complete and not analysis.layer_mismatch


def check_whole(compared: object, *analyses: Analysis) -> None:
    """What compares analyses refuses those that are not whole, and no others."""
    refused = isinstance(compared, Refused) and compared.kind is IncompleteAnalysis
    assert refused != all(map(is_whole, analyses)), compared
    assert refused or not isinstance(compared, Refused), compared


def check_report(analysis: Analysis, number: int) -> None:
    """One of the formats or views can be written, in UTF-8, and steers no terminal."""
    name = [*FORMATS, *_VIEWS][number % (len(FORMATS) + len(_VIEWS))]
    lacks_parts = any(layer.files is None for layer in analysis.layers) or analysis.packages is None
    if name in ("files", "tree") and any(layer.hidden_by is None for layer in analysis.layers):
        return  # of what was read back there are no views, as callers have to know
    if name == "packages" and analysis.packages is None:
        return
    text = outcome(lambda: written(name, analysis))
    if name == "diff" and not is_whole(analysis):
        check_whole(text, analysis)
        return
    if isinstance(text, Refused):
        assert text.kind is ReportError and lacks_parts, text
        return
    text.encode()
    if name in (*_PLAIN_TEXT, *_VIEWS):
        found = _STEERING.search(text.replace("\r\n", "\n") if name in ("csv", "packages") else text)
        assert found is None, f"{name} holds {found}"


def written(name: str, analysis: Analysis, **options: Any) -> str:
    """A report as text."""
    file = io.StringIO(newline="")
    if name in _VIEWS:
        _VIEWS[name](analysis, file)
    else:
        write_report(name, analysis, file, ReportOptions(**options))
    return file.getvalue()


def _write_tree(analysis: Analysis, file: TextIO) -> None:
    write_tree(analysis, make_tree(analysis.layers, count=9), file, layer=None, order=SortOrder.SIZE)


def _write_packages(analysis: Analysis, file: TextIO) -> None:
    inventory = analysis.packages
    assert inventory is not None
    for by in PackageGrouping:
        listing = list_packages(inventory, count=9, unowned_count=3, by=by)
        write_packages(analysis, inventory, listing, file)
        write_markdown(analysis, inventory, listing, file)
        write_csv(analysis, listing, file)
        assert json.loads(packages_to_json(analysis, inventory, listing))["totals"]["content_size"] == analysis.content_size
        write_html(analysis, inventory, listing, io.StringIO())


_VIEWS: Mapping[str, Callable[[Analysis, TextIO], object]] = {
    "files": lambda analysis, file: write_files(analysis, list_files(analysis.layers, count=9), file, layer=None),
    "tree": _write_tree,
    "packages": _write_packages,
    "advise": lambda analysis, file: write_advise(analysis, file),
    "full": lambda analysis, file: write_sections(analysis, file),
    "diff": lambda analysis, file: write_diff(compare(analysis, analysis), file),
}
