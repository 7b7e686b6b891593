"""Sizes, shares and names as people read them. Only reports use units."""

from __future__ import annotations

import re

from ocisize.files import display_name

UNKNOWN = "?"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def human_size(size: int | None) -> str:
    """Three significant digits in decimal units: ``512 B``, ``1.25 MB``, ``62.7 MB``."""
    if size is None:
        return UNKNOWN
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB", "EB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    if unit == "B":
        return f"{size} B"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {unit}"


def percent(share: float) -> str:
    """A ratio as percent with one decimal."""
    return f"{100 * share:.1f} %"


def printable(text: str) -> str:
    """Text that cannot steer a terminal: control and direction characters are written as escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), display_name(text))


def shorten_path(path: str, width: int) -> str:
    """Cut a path in the middle, keeping its first folder and as much of its end as fits."""
    if len(path) <= width or width < 8:
        return path
    head = path[: min(path.find("/", 1) + 1 or 1, width // 3)]
    return head + "…" + path[-(width - len(head) - 1) :]
