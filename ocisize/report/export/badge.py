"""A badge with the size of the image, as JSON for the endpoint of shields.io: https://shields.io/badges/endpoint-badge."""

from __future__ import annotations

import json
from typing import TextIO

from ocisize.model.analysis import Analysis
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject
from ocisize.report.words.incomplete import AT_LEAST
from ocisize.report.words.units import human_size
from ocisize.values import asdict, frozen

#: maximum share of waste in the unpacked bytes → color
_COLORS = ((0.02, "brightgreen"), (0.05, "green"), (0.1, "yellowgreen"), (0.2, "yellow"), (0.35, "orange"))


@frozen
class Badge:
    """Label, message and color, as shields.io names them."""

    label: str
    message: str
    color: str


def make_badge(analysis: Analysis) -> Badge:
    """The download size, or the unpacked size if the download is unknown; the color shows the share of waste."""
    download = analysis.compressed_size
    label, size = ("image size", download) if download is not None else ("unpacked size", analysis.content_size)
    color = next((name for max_ratio, name in _COLORS if analysis.wasted_ratio <= max_ratio), "red")
    if not analysis.complete:
        return Badge(label, f"{'' if download is not None else AT_LEAST}{human_size(size)}, incomplete", "lightgrey")
    return Badge(label, human_size(size), color)


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write the JSON that the endpoint reads."""
    json.dump({"schemaVersion": 1, **asdict(make_badge(subject.analysis))}, file)
    file.write("\n")
