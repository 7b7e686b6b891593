"""What an image weighs as a badge, as JSON for shields.io's endpoint: https://shields.io/badges/endpoint-badge."""

from __future__ import annotations

import json
from typing import TextIO

import attrs

from ocisize.model.analysis import Analysis
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject
from ocisize.report.words.incomplete import AT_LEAST
from ocisize.report.words.units import human_size

#: share of the unpacked bytes that is waste, up to which a colour holds
_COLORS = ((0.02, "brightgreen"), (0.05, "green"), (0.1, "yellowgreen"), (0.2, "yellow"), (0.35, "orange"))


@attrs.frozen
class Badge:
    """Two words and a colour by shields.io's names."""

    label: str
    message: str
    color: str


def make_badge(analysis: Analysis) -> Badge:
    """The download size, or the unpacked size if the download is unknown; the colour shows the share of waste."""
    download = analysis.compressed_size
    label, size = ("image size", download) if download is not None else ("unpacked size", analysis.content_size)
    color = next((name for most, name in _COLORS if analysis.wasted_ratio <= most), "red")
    if not analysis.complete:
        return Badge(label, f"{'' if download is not None else AT_LEAST}{human_size(size)}, incomplete", "lightgrey")
    return Badge(label, human_size(size), color)


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write what the endpoint reads."""
    json.dump({"schemaVersion": 1, **attrs.asdict(make_badge(subject.analysis))}, file)
    file.write("\n")
