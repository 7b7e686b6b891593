"""A badge with the size of the image, as JSON for the endpoint of shields.io: https://shields.io/badges/endpoint-badge.

The color shows the share of waste; it is blue if no layer was read. Exposed secrets and failed budgets are named after the
size, and have their own color.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from ocisize.model.budget import BudgetStatus
from ocisize.model.findings import Severity
from ocisize.report.options import ReportOptions
from ocisize.report.subject import ReportedImage, Subject
from ocisize.report.words.incomplete import AT_LEAST
from ocisize.report.words.secrets import count_secrets
from ocisize.report.words.units import human_size
from ocisize.text import count_of
from ocisize.values import asdict, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocisize.model.budget import Verdict
    from ocisize.report.outline_subject import OutlineSubject, ReportedOutline

#: maximum share of waste in the unpacked bytes → color
_COLORS = ((0.02, "brightgreen"), (0.05, "green"), (0.1, "yellowgreen"), (0.2, "yellow"), (0.35, "orange"))
_OF_SECRETS = {Severity.HIGH: "red", Severity.MEDIUM: "orange", Severity.LOW: "yellow"}
_NEUTRAL = "blue"  # of an image whose layers were not read: its waste is unknown
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


def make_outline_badge(image: ReportedOutline) -> Badge:
    """The download size with secrets of the config and failed budgets; a secret in a file is not known."""
    size, secrets, failed = image.outline.compressed_size, len(image.outline.secrets), _count_failed(image.verdicts)
    words = ["unknown" if size is None else human_size(size)]
    words += [count_of(secrets, "secret")] if secrets else []
    words += [f"{count_of(failed, 'budget')} failed"] if failed else []
    calm = "lightgrey" if size is None else _NEUTRAL
    return Badge("image size", ", ".join(words), _OF_SECRETS[Severity.HIGH] if secrets or failed else calm)


def _count_failed(verdicts: Sequence[Verdict]) -> int:
    """The number of budgets that failed."""
    return sum(verdict.outcome is BudgetStatus.FAIL for verdict in verdicts)


def _alerts(image: ReportedImage) -> Iterator[str]:
    """Secrets and failed budgets in a few words."""
    if image.secrets:
        yield count_of(count_secrets(image.secrets), "secret")
    if failed := _count_failed(image.verdicts):
        yield f"{count_of(failed, 'budget')} failed"


def _colors(image: ReportedImage) -> Iterator[str]:
    """The colors of waste, secrets and failed budgets; waste is unknown if layers could not be read."""
    share = image.analysis.wasted_ratio
    known = next((name for max_ratio, name in _COLORS if share <= max_ratio), "red")
    yield known if image.analysis.complete else "lightgrey"
    yield from (_OF_SECRETS[finding.severity] for finding in image.secrets)
    if _count_failed(image.verdicts):
        yield "red"


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write the JSON that the endpoint reads."""
    _write(make_badge(subject.image), file)


def write_outline(subject: OutlineSubject, file: TextIO, _: ReportOptions) -> None:
    """Write the JSON about an image whose layers were not read."""
    (image,) = subject.images
    _write(make_outline_badge(image), file)


def _write(badge: Badge, file: TextIO) -> None:
    json.dump({"schemaVersion": 1, **asdict(badge)}, file)
    file.write("\n")
