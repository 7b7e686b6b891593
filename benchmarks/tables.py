"""Markdown tables of measured sections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from measure import Outcome, cpu, peak, wall
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
        ratios = [f"{one.ratio(base, figure):.2f}" if base.finished else "" for figure in (wall, cpu)]
        rows.append([name, seconds(one.wall), seconds(one.cpu), f"{one.peak / 1e6:.0f}", *ratios])
    return markdown(["command", "wall s", "CPU s", "peak MB", f"wall ÷ {reference}", f"CPU ÷ {reference}"], rows)


def both(old: Outcome, new: Outcome) -> list[str]:
    """Wall, CPU and peak of two revisions, each with the ratio."""
    cells = []
    for one, other, figure in ((old.wall, new.wall, wall), (old.cpu, new.cpu, cpu)):
        cells += [seconds(one), seconds(other), f"{new.ratio(old, figure):.2f}"]
    return [*cells, f"{old.peak / 1e6:.0f}", f"{new.peak / 1e6:.0f}", f"{new.ratio(old, peak):.2f}"]


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
    if one.pairs:
        parts.append(markdown(["", "before", "after", "÷ before"], _steps(one)))
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


_BEFORE_FORMS = {"archive": "docker-archive", "gzip": "gzip layers", "example": "example.tar", "help": "--help"}


def before(results: Results) -> str:
    """Two revisions on every case by whole commands, with dive's time by that of the newer one, and by single steps."""
    whole, steps = [], []
    for one in results.of("before"):
        if one.pairs:
            steps += [[one.case, *row] for row in _steps(one)]
            continue
        old, new = one.outcomes["before"], one.outcomes["after"]
        archive = results.find("archive", one.case, one.form)  # measured in a table of its own, against ocisize in turn
        dive = archive.outcomes.get("dive --ci") if archive else None
        ratio = f"{dive.ratio(archive.outcomes['ocisize'], wall):.1f}" if archive and dive and dive.finished else ""
        whole.append([one.case, _BEFORE_FORMS[one.form], *both(old, new), ratio])
    heads = [f"{what} {label}" for what in ("wall s", "CPU s", "peak MB") for label in ("before", "after", "÷ before")]
    text = markdown(["case", "form", *heads, "dive ÷ ocisize, wall"], whole, left=2)
    return text + "\n\n" + markdown(["case", "step, ns per entry", "before", "after", "÷ before"], steps, left=2)


def _steps(one: Section) -> list[list[str]]:
    return [[name, f"{old:,.0f}", f"{new:,.0f}", f"{new / old:.2f}"] for name, (old, new) in one.pairs.items()]


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
