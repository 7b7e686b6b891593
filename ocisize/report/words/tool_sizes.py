"""What other tools show, in the units in which each of them writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocisize.model.tool_sizes import SizeStyle, ToolSize
from ocisize.report.words.download import ABOUT
from ocisize.report.words.units import UNKNOWN

TITLE = "What other tools show for this image"
NEEDS_LAYERS = f"{UNKNOWN} needs the layers: omit --quick"
NOT_KNOWN = f"{UNKNOWN} needs the manifest and the compressed sizes of a registry, or a layer that was not read"
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def write_size(row: ToolSize) -> str:
    """A figure as its tool writes it, an estimate after ≈; "?" if it is unknown."""
    if row.size is None:
        return UNKNOWN
    return f"{ABOUT if row.doubt else ''}{write_like(row.size, row.style)}"


def write_like(size: int, style: SizeStyle) -> str:
    """A size in the style of a tool.

    >>> [write_like(1_203_804, style) for style in SizeStyle]
    ['1.2MB', '1.2 MB', '1.1 MiB', '1.15MiB', '1,203,804']
    >>> write_like(743, SizeStyle.DOCKER), write_like(743, SizeStyle.CONTAINERD)
    ('743B', '743.0 B')
    """
    if style is SizeStyle.BYTES:
        return f"{size:,}"
    base, units = (1000, _DECIMAL) if style in (SizeStyle.DOCKER, SizeStyle.PODMAN) else (1024, _BINARY)
    value, power = float(size), 0
    while value >= base and power < len(units) - 1:
        value, power = value / base, power + 1
    number = f"{value:.3g}" if base == 1000 else f"{value:.{2 if style is SizeStyle.HARBOR else 1}f}"
    blank = " " if style in (SizeStyle.PODMAN, SizeStyle.CONTAINERD) else ""
    return f"{number}{blank}{units[power]}"


def list_notes(rows: Iterable[ToolSize]) -> list[str]:
    """Sentences on estimates and on what else counts, each with the tools it is about."""
    tools: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        for mark, text in ((ABOUT, row.doubt), ("", row.note)):
            if text:
                tools.setdefault((mark, text), {})[row.tool] = None
    return [f"{mark}{', '.join(names)}: {text}" for (mark, text), names in tools.items()]


def explain_unknown(rows: Sequence[ToolSize]) -> list[str]:
    """Why figures are unknown; [] if none is."""
    unknown = [row for row in rows if row.size is None]
    because_unread = [row for row in unknown if row.needs_layers]
    return [NEEDS_LAYERS] * bool(because_unread) + [NOT_KNOWN] * (len(unknown) > len(because_unread))
