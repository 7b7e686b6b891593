"""The badge as SVG, without shields.io: one file, with no external fonts or links."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TextIO

from ocisize.report.export.badge import Badge, make_badge, make_outline_badge
from ocisize.report.options import ReportOptions
from ocisize.report.subject import Subject

if TYPE_CHECKING:
    from ocisize.report.outline_subject import OutlineSubject

_COLORS = {
    "brightgreen": "#3b9b0e", "green": "#5f8a1a", "yellowgreen": "#78801c", "yellow": "#9a7500", "orange": "#c2571a",
    "red": "#c73a2b", "lightgrey": "#6e6e6e", "blue": "#1b6fb3",
}  # fmt: skip
_CHARACTER_WIDTHS = dict.fromkeys(" .,iljt1Ifr", 4.0) | {"m": 10.7, "M": 9.3, "w": 9.0, "G": 8.5, "?": 6.0}
_DEFAULT_WIDTH = 7.0  # pixels of a character in 11 px Verdana
_PADDING = 6

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{label}: {message}">
  <title>{label}: {message}</title>
  <clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>
  <g clip-path="url(#r)">
    <rect width="{middle}" height="20" fill="#555"/>
    <rect x="{middle}" width="{right}" height="20" fill="{color}"/>
  </g>
  <g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
    <text x="{label_x}" y="14" textLength="{label_length}">{label}</text>
    <text x="{message_x}" y="14" textLength="{message_length}">{message}</text>
  </g>
</svg>
"""


def write(subject: Subject, file: TextIO, _: ReportOptions) -> None:
    """Write the SVG image."""
    _write(make_badge(subject.image), file)


def write_outline(subject: OutlineSubject, file: TextIO, _: ReportOptions) -> None:
    """Write the SVG image about an image whose layers were not read."""
    (image,) = subject.images
    _write(make_outline_badge(image), file)


def _write(badge: Badge, file: TextIO) -> None:
    lengths = [_width(badge.label), _width(badge.message)]
    left, right = (length + 2 * _PADDING for length in lengths)
    file.write(
        _SVG.format(
            width=left + right,
            middle=left,
            right=right,
            color=_COLORS[badge.color],
            label=escape(badge.label),
            message=escape(badge.message),
            label_x=left / 2,
            message_x=left + right / 2,
            label_length=lengths[0],
            message_length=lengths[1],
        )
    )


def _width(text: str) -> int:
    return round(sum(_CHARACTER_WIDTHS.get(character, _DEFAULT_WIDTH) for character in text))
