"""Lines of short parts that break only between the parts."""

from __future__ import annotations

from collections.abc import Iterable

SEPARATOR = " · "


def join_parts(parts: Iterable[str], width: int, separator: str = SEPARATOR) -> list[str]:
    """Join parts to lines of at most ``width`` characters; a longer part has a separate line.

    >>> join_parts(["556 MB download", "1.26 GB unpacked", "269 MB hidden waste"], 40)
    ['556 MB download · 1.26 GB unpacked', '269 MB hidden waste']
    """
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(separator) + len(part) <= width:
            lines[-1] += separator + part
        else:
            lines.append(part)
    return lines
