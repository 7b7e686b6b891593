"""Sizes, shares and names as people read them. Only reports use units."""

from __future__ import annotations

import re

from ocisize.files import display_name

UNKNOWN = "?"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


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


def human_seconds(seconds: float) -> str:
    """Three significant digits below a minute, then whole minutes and seconds: ``0.12 s``, ``8.4 s``, ``2 min 05 s``."""
    if seconds >= 59.95:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes:,} min {rest:02} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02} min"
    return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"


def human_dollars(amount: float) -> str:
    """Whole dollars from ten on, cents below: ``$1,234``, ``$0.07``."""
    return f"${amount:,.0f}" if amount >= 9.995 else f"${amount:.2f}"


def printable(text: str) -> str:
    """Text that cannot steer a terminal, and that XML can hold: control and direction characters are written as escapes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), display_name(text))


def shorten_path(path: str, width: int) -> str:
    """Cut a path in the middle, keeping its first folder and as much of its end as fits."""
    if len(path) <= width or width < 8:
        return path
    head = path[: min(path.find("/", 1) + 1 or 1, width // 3)]
    return head + "…" + path[-(width - len(head) - 1) :]
