"""What always holds of exports that list files, whatever is in an image's layers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import given

from ocisize import Analysis
from ocisize.report.formats import write_report
from ocisize.report.options import ReportOptions
from tests.hostile import analysis_of
from tests.property.model import Pairs
from tests.property.test_merge_laws import LAYERS, laws


def export(name: str, analysis: Analysis) -> io.StringIO:
    file = io.StringIO(newline="")
    write_report(name, analysis, file, ReportOptions(files=True))
    file.seek(0)
    return file


def files_below(directory: list[Any]) -> Iterator[dict[str, Any]]:
    for entry in directory[1:]:
        if isinstance(entry, list):
            yield from files_below(entry)
        else:
            yield entry


@laws
@given(LAYERS)
def test_ncdu_weighs_what_is_live(layers: Sequence[Pairs]) -> None:
    """Apparent sizes add up to the live bytes, each inode counted once as ncdu does it."""
    analysis = analysis_of(*layers)
    entries = list(files_below(json.load(export("ncdu", analysis))[3]))
    alone = sum(entry.get("asize", 0) for entry in entries if "ino" not in entry)
    linked = {entry["ino"]: entry.get("asize", 0) for entry in entries if "ino" in entry}
    assert alone + sum(linked.values()) == analysis.live_size


@laws
@given(LAYERS)
def test_csv_weighs_what_is_stored(layers: Sequence[Pairs]) -> None:
    """Rows add up to the content, and those with a hiding layer to the waste."""
    analysis = analysis_of(*layers)
    rows = list(csv.DictReader(export("csv", analysis)))
    assert sum(int(row["size"]) for row in rows) == analysis.content_size
    assert sum(int(row["size"]) for row in rows if row["hidden_by"]) == analysis.wasted_size
