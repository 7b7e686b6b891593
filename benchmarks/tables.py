"""Markdown tables of measured sections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from results import Facts, Results, Section


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A table; all but the first ``left`` columns are aligned to the right."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * left + "---:|" * (len(heads) - left)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def seconds(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def commands(section: Section) -> str:
    """Wall, CPU and peak of a section's commands, with ratios to its reference."""
    reference = section.reference or ""
    base = section.outcomes[reference]
    rows = []
    for name, one in section.outcomes.items():
        if not one.finished:
            rows.append([name, f"not finished after {one.unfinished:.0f} s", *[""] * 4])
            continue
        ratios = [f"{one.wall / base.wall:.2f}", f"{one.cpu / base.cpu:.2f}"] if base.finished else ["", ""]
        rows.append([name, seconds(one.wall), seconds(one.cpu), f"{one.peak / 1e6:.0f}", *ratios])
    return markdown(["command", "wall s", "CPU s", "peak MB", f"wall ÷ {reference}", f"CPU ÷ {reference}"], rows)


def figures(section: Section) -> str:
    """The table of a section's other figures."""
    return markdown(["", section.unit], [[name, f"{value:,.0f}"] for name, value in section.figures.items()])


def describe(facts: Facts) -> str:
    layers = "1 layer" if facts.layers == 1 else f"{facts.layers} layers"
    sizes = f"{facts.unpacked / 1e6:,.0f} MB unpacked, {facts.stored / 1e6:,.0f} MB as gzip"
    return f"{facts.entries:,} entries, {layers}, {sizes}."


def section(one: Section, level: int = 4, *, dated: bool = False) -> str:
    """A section under a heading of ``level``, on request with the date when it was measured."""
    parts = [f"{'#' * level} {one.title}"]
    notes = [describe(one.facts)] if one.facts is not None else []
    notes += [f"Measured {one.measured}."] if dated else []
    if notes:
        parts.append(" ".join(notes))
    if one.outcomes:
        parts.append(commands(one))
    if one.figures:
        parts.append(figures(one))
    return "\n\n".join(parts)


_MIN_ENTRIES = 10_000  # below, start-up dominates the time per entry


def linear(results: Results) -> str:
    """Time per entry for all sizes and shapes: as measured, and without start-up."""
    rows = []
    for form in ("gzip", "archive"):
        empty = results.find("linear", "empty", form)
        for one in results.of("linear"):
            if one.form != form or one.case == "empty" or one.facts is None or empty is None:
                continue
            wall, start, entries = one.outcomes["ocisize"].wall, empty.outcomes["ocisize"].wall, one.facts.entries
            per_entry = [f"{wall / entries * 1e6:.2f}", f"{(wall - start) / entries * 1e6:.2f}"]
            if entries < _MIN_ENTRIES:
                per_entry = ["", ""]
            others = [_time(one, name) for name in ("igzip -dc", "dive --ci", "tarfile", "tar -t")]
            rows.append(
                [one.case, form, f"{entries:,}", f"{one.facts.unpacked / 1e6:,.0f}", seconds(wall), *per_entry, *others]
            )
    heads = ["case", "form", "entries", "MB unpacked", "ocisize s", "µs per entry", "without start-up",
             "igzip -dc s", "dive s", "tarfile s", "tar -t s"]  # fmt: skip
    return markdown(heads, rows, left=2)


def _time(one: Section, name: str) -> str:
    outcome = one.outcomes.get(name)
    if outcome is None:
        return ""
    return seconds(outcome.wall) if outcome.finished else f"> {outcome.unfinished:.0f}"


def allowed_memory(entries: int) -> float:
    """The target for peak memory, in bytes, for a number of entries."""
    return 60e6 + 200 * entries


def memory(results: Results) -> str:
    """Peak memory of ocisize and its target."""
    rows = []
    for one in sorted(results.of("memory"), key=lambda one: (one.facts.entries if one.facts else 0, one.case)):
        assert one.facts is not None
        peak, allowed = one.outcomes["ocisize"].peak, allowed_memory(one.facts.entries)
        rows.append([one.case, one.form, f"{one.facts.entries:,}", f"{one.facts.unpacked / 1e6:,.0f}",
                     f"{peak / 1e6:.0f}", f"{allowed / 1e6:.0f}", "yes" if peak <= allowed else "no"])  # fmt: skip
    return markdown(["case", "form", "entries", "MB unpacked", "peak MB", "target MB", "met"], rows, left=2)
