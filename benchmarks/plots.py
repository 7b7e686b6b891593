"""Plots of measured sections: time against entries and against bytes, ocisize's and its peers', both axes logarithmic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

import tables
from groups.scale import BYTES, SCALE
from results import Results, Section

COLORS = {
    "ocisize": "#0b6bcb",
    "igzip -dc": "#7a7f87",
    "dive --ci": "#d1495b",
    "tarfile": "#c98a00",
    "tar -t": "#2a9d5c",
}
MARKERS = {"ocisize": "o", "igzip -dc": "s", "dive --ci": "^", "tarfile": "D", "tar -t": "v"}
_INK, _GRID = "#33373d", "#e3e5e8"


@attrs.frozen
class Plot:
    """One picture: lines of points, title and axes."""

    group: str
    name: str
    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


def plots(results: Results) -> Iterator[Plot]:
    """All plots of the measured sections."""
    forms = {"gzip": "gzip layer", "archive": "docker-archive, plain layer"}
    for form, name in forms.items():
        sections = [section for case in SCALE if (section := results.find("linear", case, form))]
        lines = _times(sections, lambda section: section.facts.entries if section.facts else 0)
        title = f"Time against entries: {name} of small files"
        yield Plot("linear", f"entries-{form}", title, "tar entries", "seconds", lines)
    for form, name in forms.items():
        sections = [section for case in BYTES if (section := results.find("linear", case, form))]
        lines = _times(sections, lambda section: section.facts.unpacked / 1e6 if section.facts else 0)
        title = f"Time against bytes: 20 files, {name}s"
        yield Plot("linear", f"bytes-{form}", title, "MB unpacked", "seconds", lines)
    yield _memory(results)


def _times(sections: Sequence[Section], size: Any) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = {}
    for section in sections:
        for name, outcome in section.outcomes.items():
            if outcome.finished and name in COLORS:
                lines.setdefault(name, []).append((size(section), outcome.wall))
    return lines


def _memory(results: Results) -> Plot:
    lines: dict[str, list[tuple[float, float]]] = {}
    for form, name in (("gzip", "ocisize, gzip"), ("archive", "ocisize, plain")):
        sections = [section for case in SCALE if (section := results.find("memory", case, form)) and section.facts]
        lines[name] = [(one.facts.entries, one.outcomes["ocisize"].peak / 1e6) for one in sections if one.facts]
    entries = [x for x, _ in lines["ocisize, gzip"]]
    lines["60 MB + 200 B per entry"] = [(x, tables.allowed_memory(int(x)) / 1e6) for x in entries]
    return Plot("memory", "memory", "Peak memory against entries", "tar entries", "MB resident", lines)


def draw(results: Results, folder: Path) -> list[Plot]:
    """Write every plot that has points as SVG; return them."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "ocisize", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
    folder.mkdir(exist_ok=True)
    drawn = [plot for plot in plots(results) if any(plot.lines.values())]
    for plot in drawn:
        _draw(plot, folder / f"{plot.name}.svg")
    return drawn


def _draw(plot: Plot, path: Path) -> None:
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for name, points in plot.lines.items():
        if points:
            _draw_line(axes, name, sorted(points))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_plain_number))
        axis.set_minor_formatter(NullFormatter())
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 100 else (1.0,)))
    axes.set_title(plot.title, loc="left", color=_INK, fontsize=11, fontweight="bold")
    axes.set_xlabel(plot.x, color=_INK)
    axes.set_ylabel(plot.y, color=_INK)
    axes.grid(which="major", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#9aa0a8")
    axes.tick_params(which="both", colors=_INK, length=3)
    axes.legend(frameon=False, fontsize=9, loc="upper left")
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    plt.close(figure)


def _draw_line(axes: Any, name: str, points: Sequence[tuple[float, float]]) -> None:
    ours = name.startswith("ocisize")
    law = "per entry" in name
    axes.plot(
        *zip(*points, strict=True),
        label=name,
        color=COLORS.get(name, "#7a7f87" if law else "#0b6bcb" if name.endswith("gzip") else "#59a5f0"),
        marker="" if law else MARKERS.get(name, "o"),
        linestyle="--" if law else "-",
        linewidth=2.2 if ours else 1.4,
        markersize=6 if ours else 5,
        zorder=3 if ours else 2,
    )


def _plain_number(value: float, _: object) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
