"""A badge with the size of the image, as JSON for the endpoint of shields.io: https://shields.io/badges/endpoint-badge.

The color shows the share of waste. Exposed secrets and failed budgets are named after the size, and have their own color.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TextIO

from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Severity
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.incomplete import AT_LEAST
from ocisize.report.words.secrets import count_secrets
from ocisize.report.words.units import human_size
from ocisize.text import count_of
from ocisize.values import asdict, frozen

#: maximum share of waste in the unpacked bytes → color
_COLORS = ((0.02, "brightgreen"), (0.05, "green"), (0.1, "yellowgreen"), (0.2, "yellow"), (0.35, "orange"))
_OF_SECRETS = {Severity.HIGH: "red", Severity.MEDIUM: "orange", Severity.LOW: "yellow"}
_SHADES = ("lightgrey", *(name for _, name in _COLORS), "red")  # the best first


@frozen
class Badge:
    """Label, message and color, as shields.io names them."""

    label: str
    message: str
    color: str


def make_badge(image: ReportedImage) -> Badge:
    """The download size, or the unpacked size if the download is unknown, with secrets and failed budgets."""
    analysis = image.analysis
    download = analysis.compressed_size
    label, size = ("image size", download) if download is not None else ("unpacked size", analysis.content_size)
    message = human_size(size)
    if not analysis.complete:
        message = f"{'' if download is not None else AT_LEAST}{message}, incomplete"
    return Badge(label, ", ".join([message, *_alerts(image)]), max(_colors(image), key=_SHADES.index))


def _failed(image: ReportedImage) -> int:
    """The number of budgets that failed."""
    return sum(verdict.outcome is BudgetStatus.FAIL for verdict in image.verdicts)


def _alerts(image: ReportedImage) -> Iterator[str]:
    """Secrets and failed budgets in a few words."""
    if image.secrets:
        yield count_of(count_secrets(image.secrets), "secret")
    if failed := _failed(image):
        yield f"{count_of(failed, 'budget')} failed"


def _colors(image: ReportedImage) -> Iterator[str]:
    """The colors of waste, secrets and failed budgets; waste is unknown if layers could not be read."""
    share = image.analysis.wasted_ratio
    known = next((name for max_ratio, name in _COLORS if share <= max_ratio), "red")
    yield known if image.analysis.complete else "lightgrey"
    yield from (_OF_SECRETS[finding.severity] for finding in image.secrets)
    if _failed(image):
        yield "red"


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write the JSON that the endpoint reads."""
    json.dump({"schemaVersion": 1, **asdict(make_badge(subject.image))}, file)
    file.write("\n")
