"""Targets, and the measured figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

import tables
from groups.scale import AFTER_START, SCALE
from measure import Outcome
from results import Results, Section


@attrs.frozen
class Verdict:
    """One target: ``met`` is None when it was not measured."""

    target: str
    measured: str = "not measured"
    met: bool | None = None


Figure = Callable[[Outcome], float]


def cpu(outcome: Outcome) -> float:
    return outcome.cpu


def wall(outcome: Outcome) -> float:
    return outcome.wall


def at_most(target: str, limit: float, section: Section | None, figure: Figure, name: str, reference: str) -> Verdict:
    """The ratio of two commands of one section is ``limit`` at most."""
    values = _pair(section, figure, name, reference)
    if values is None:
        return Verdict(target)
    ratio = values[0] / values[1]
    return Verdict(target, f"{ratio:.2f}x ({values[0]:.2f} s, {values[1]:.2f} s)", ratio <= limit)


def at_least(target: str, factor: float, section: Section | None, name: str, slower: str) -> Verdict:
    """A command is ``factor`` times faster than a slower one, which may not have finished."""
    outcome = section.outcomes.get(slower) if section else None
    if section and outcome and not outcome.finished and outcome.unfinished and section.outcomes[name].finished:
        ratio = outcome.unfinished / section.outcomes[name].wall
        return Verdict(
            target, f"more than {ratio:.1f}x (not finished after {outcome.unfinished:.0f} s)", ratio >= factor or None
        )
    values = _pair(section, wall, slower, name)
    if values is None:
        return Verdict(target)
    ratio = values[0] / values[1]
    return Verdict(target, f"{ratio:.1f}x ({values[1]:.2f} s, {values[0]:.2f} s)", ratio >= factor)


def _pair(section: Section | None, figure: Figure, name: str, reference: str) -> tuple[float, float] | None:
    outcomes = [section.outcomes.get(key) for key in (name, reference)] if section else []
    values = [figure(outcome) for outcome in outcomes if outcome is not None and outcome.finished]
    return (values[0], values[1]) if len(values) == 2 else None


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every target."""
    yield from _decompressing(results)
    yield from _against_dive(results)
    yield from _growth(results)
    yield from _memory(results)
    yield from _network(results)
    yield from _start(results)


def _decompressing(results: Results) -> Iterator[Verdict]:
    for case, kind, limit in (("ml", "few big", 1.35), ("debian-python", "mixed", 1.45), ("node", "tiny", 1.9)):
        target = f"gzip, {kind} files ({case}): CPU ≤ {limit}x igzip -dc"
        yield at_most(target, limit, results.find("gzip", case, "gzip"), cpu, "ocisize", "igzip -dc")
    for case in ("ml", "debian-python", "node"):
        target = f"gzip, several layers ({case}): wall below one igzip -dc"
        yield at_most(target, 1.0, results.find("gzip", case, "gzip"), wall, "ocisize", "igzip -dc")
    mixed = results.find("gzip", "debian-python", "gzip")
    yield at_least("gzip (debian-python): wall ≥ 4x faster than gzip -dc", 4, mixed, "ocisize", "gzip -dc")
    for case, kind, limit in (("ml", "few big", 1.4), ("node", "tiny", 2.1)):
        target = f"zstd, {kind} files ({case}): CPU ≤ {limit}x zstd -dc"
        yield at_most(target, limit, results.find("zstd", case, "zstd"), cpu, "ocisize", "zstd -dc")


def _against_dive(results: Results) -> Iterator[Verdict]:
    factors = {"debian-python": 25, "node": 3, "ml": 20}
    for case, factor in factors.items():
        section = results.find("archive", case, "archive")
        yield at_least(
            f"plain docker-archive ({case}): wall ≥ {factor}x faster than dive", factor, section, "ocisize", "dive --ci"
        )
    for case in factors:
        section = results.find("archive", case, "archive")
        yield at_least(
            f"plain docker-archive ({case}): --verify no slower than dive", 1, section, "ocisize --verify", "dive --ci"
        )
    section = results.find("gzip", "debian-python", "gzip")
    yield at_least("gzip layers (debian-python): wall ≥ 8x faster than dive", 8, section, "ocisize", "dive --ci")


def _growth(results: Results) -> Iterator[Verdict]:
    for form in ("gzip", "archive"):
        target = f"time per entry after start-up, flat within 20 % from 10,000 to 2,000,000 entries ({form})"
        sections = [results.find("linear", case, form) for case in SCALE]
        points = [
            (one.facts.entries, one.outcomes["ocisize"].wall, one.figures[AFTER_START])
            for one in sections
            if one and one.facts and AFTER_START in one.figures
        ]
        if len(points) < len(SCALE):
            yield Verdict(target)
            continue
        slopes = [seconds / entries * 1e6 for entries, _, seconds in points]
        raw = [wall / entries * 1e6 for entries, wall, _ in points]
        spread = max(slopes) / min(slopes)
        measured = (
            f"{min(slopes):.2f} to {max(slopes):.2f} µs, {spread:.2f}x; with start-up {min(raw):.2f} to {max(raw):.2f} µs"
        )
        yield Verdict(target, measured, spread <= 1.2)
    for form in ("gzip", "archive"):
        target = f"1,000 whiteouts instead of files: wall ≤ 1.2x ({form})"
        one, other = results.find("linear", "whiteouts", form), results.find("linear", "no-whiteouts", form)
        if one and other:
            ratio = one.outcomes["ocisize"].wall / other.outcomes["ocisize"].wall
            yield Verdict(target, f"{ratio:.2f}x", ratio <= 1.2)
        else:
            yield Verdict(target)


def _memory(results: Results) -> Iterator[Verdict]:
    target = "peak memory ≤ 60 MB + 200 B per entry, whatever the bytes"
    shares = {
        f"{one.case}, {one.form}": one.outcomes["ocisize"].peak / tables.allowed_memory(one.facts.entries)
        for one in results.of("memory")
        if one.facts
    }
    if not shares:
        yield Verdict(target)
        return
    worst = max(shares, key=lambda name: shares[name])
    broken = sum(share > 1 for share in shares.values())
    yield Verdict(target, f"{shares[worst]:.0%} of it at worst ({worst}); {broken} of {len(shares)} above", not broken)


def _network(results: Results) -> Iterator[Verdict]:
    for case in ("debian-python", "node"):
        section = results.find("registry", case, "loopback")
        for figure in (wall, cpu):
            target = f"registry on loopback ({case}): {figure.__name__} ≤ 1.2x of the local layout"
            yield at_most(target, 1.2, section, figure, "ocisize, registry", "ocisize, local layout")
    for case in ("node", "layers-127"):
        section = results.find("registry", case, "slow")
        yield at_most(f"slow link ({case}): wall ≤ 1.1x curl", 1.1, section, wall, "ocisize, registry", "curl")


def _start(results: Results) -> Iterator[Verdict]:
    target = "--help: below 1.5x a bare start + 60 ms"
    values = _pair(results.find("start", "", "commands"), wall, "python -m ocisize --help", "python -c 'import argparse'")
    if values is None:
        yield Verdict(target)
    else:
        limit = 1.5 * values[1] + 0.06
        yield Verdict(target, f"{values[0] * 1000:.0f} ms, allowed {limit * 1000:.0f} ms", values[0] < limit)
    target = "a local archive with -f json imports no requests, oras, rich, jsonschema"
    section = results.find("start", "", "imports")
    if section is None:
        yield Verdict(target)
    else:
        imported = [name for name, value in section.figures.items() if value]
        yield Verdict(target, ", ".join(imported) or "none of them", not imported)


def table(results: Results, *, measured_only: bool = False) -> str:
    """The table of targets and measured figures."""
    words = {True: "met", False: "**missed**", None: ""}
    shown = [one for one in verdicts(results) if not measured_only or one.met is not None]
    return tables.markdown(["target", "measured", ""], [[one.target, one.measured, words[one.met]] for one in shown], left=3)
