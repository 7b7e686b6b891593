"""Targets, and the measured figures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import attrs

import tables
from groups.before import STEP_CASES
from groups.packages import CONTENT, COST, COST_WITH, KEPT, SBOM, SYFT, TRIVY, UNEXPLAINED
from groups.process import MICRO_CASES, TEXT, VALUES
from groups.reach import AGAIN, COLD, NEW, PLAIN
from groups.scale import AFTER_START, SCALE
from measure import Outcome, Run, cpu, peak, wall
from results import Results, Section

MEMORY_SPREAD = 1.02


@attrs.frozen
class Verdict:
    """One target: ``met`` is None when it was not measured."""

    target: str
    measured: str = "not measured"
    met: bool | None = None


Figure = Callable[[Run], float]


def at_most(target: str, limit: float, section: Section | None, figure: Figure, name: str, reference: str) -> Verdict:
    """The ratio of two commands of one section is ``limit`` at most."""
    pair = _pair(section, name, reference)
    if pair is None:
        return Verdict(target)
    ratio = pair[0].ratio(pair[1], figure)
    return Verdict(target, f"{ratio:.2f}x ({_seconds(pair, figure)})", ratio <= limit)


def at_least(target: str, factor: float, section: Section | None, name: str, slower: str) -> Verdict:
    """A command is ``factor`` times faster than a slower one, which may not have finished."""
    outcome = section.outcomes.get(slower) if section else None
    if section and outcome and not outcome.finished and outcome.unfinished and section.outcomes[name].finished:
        ratio = outcome.unfinished / section.outcomes[name].wall
        return Verdict(
            target, f"more than {ratio:.1f}x (not finished after {outcome.unfinished:.0f} s)", ratio >= factor or None
        )
    pair = _pair(section, name, slower)
    if pair is None:
        return Verdict(target)
    ratio = pair[1].ratio(pair[0], wall)
    return Verdict(target, f"{ratio:.1f}x ({_seconds(pair, wall)})", ratio >= factor)


def _pair(section: Section | None, name: str, reference: str) -> tuple[Outcome, Outcome] | None:
    outcomes = [section.outcomes.get(key) for key in (name, reference)] if section else []
    finished = [outcome for outcome in outcomes if outcome is not None and outcome.finished]
    return (finished[0], finished[1]) if len(finished) == 2 else None


def _seconds(pair: tuple[Outcome, Outcome], figure: Figure) -> str:
    return ", ".join(f"{statistics.median(map(figure, outcome.runs)):.2f} s" for outcome in pair)


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every target."""
    yield from _start(results)
    yield from _decompressing(results)
    yield from _against_dive(results)
    yield from _steps(results)
    yield from _growth(results)
    yield from _memory(results)
    yield from _network(results)
    yield from _reach(results)
    yield from _packages(results)


def _reach(results: Results) -> Iterator[Verdict]:
    """Images of which the cache has all layers, or all but the uppermost one."""
    section = results.find("reach", "node", "cache")
    yield at_most("an empty cache (node): CPU ≤ 1.1x of --no-cache", 1.1, section, cpu, COLD, PLAIN)
    for name, limit in ((AGAIN, 0.3), (NEW, 0.6)):
        target = f"{name} (node): wall ≤ {limit} s"
        outcome = section.outcomes.get(name) if section else None
        if outcome is None or not outcome.finished:
            yield Verdict(target)
        else:
            yield Verdict(target, f"{outcome.wall:.2f} s, {outcome.cpu:.2f} s of CPU", outcome.wall <= limit)


def _packages(results: Results) -> Iterator[Verdict]:
    """Bytes by package and an SBOM in one run."""
    section = results.find("packages", "packages", "archive")
    yield at_most("an SBOM with bytes: CPU ≤ 1/12 of syft", 1 / 12, section, cpu, SBOM, SYFT)
    yield at_most("an SBOM with bytes: CPU below trivy", 1.0, section, cpu, SBOM, TRIVY)
    for form in ("archive", "gzip"):
        section = results.find("packages", "packages", f"{form} owners")
        yield _share(section, f"ownership ({form}): CPU ≤ 1.2x of an analysis without", COST_WITH, COST, 1.2)
    yield _share(section, "databases and excerpts in memory: ≤ 0.7 % of the content", KEPT, CONTENT, 0.007)
    yield _share(section, "bytes that nothing explains: ≤ 0.5 % of the content", UNEXPLAINED, CONTENT, 0.005)


def _share(section: Section | None, target: str, part: str, whole: str, limit: float) -> Verdict:
    """A figure is ``limit`` of another one at most."""
    if section is None or not section.figures:
        return Verdict(target)
    ratio = section.figures[part] / section.figures[whole]
    return Verdict(target, f"{ratio:.2f}x" if limit > 1 else f"{100 * ratio:.3f} %", ratio <= limit)


def _decompressing(results: Results) -> Iterator[Verdict]:
    limits = {"python-service": 1.5, "node-service": 1.6, "debian-python": 1.45, "node": 1.9, "ml": 1.35}
    for case, limit in limits.items():
        target = f"gzip layers ({case}): CPU ≤ {limit}x igzip -dc"
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
    factors = {"python-service": 3.5, "node-service": 2, "pax-trees": 3, "node": 4, "debian-python": 25, "ml": 20}
    for case, factor in factors.items():
        section = results.find("archive", case, "archive")
        yield at_least(
            f"plain docker-archive ({case}): wall ≥ {factor}x faster than dive", factor, section, "ocisize", "dive --ci"
        )
    for case in ("debian-python", "node", "ml"):
        section = results.find("archive", case, "archive")
        yield at_least(
            f"plain docker-archive ({case}): --verify no slower than dive", 1, section, "ocisize --verify", "dive --ci"
        )
    section = results.find("gzip", "debian-python", "gzip")
    yield at_least("gzip layers (debian-python): wall ≥ 8x faster than dive", 8, section, "ocisize", "dive --ci")


def _steps(results: Results) -> Iterator[Verdict]:
    for case in STEP_CASES:
        target = f"scan of a plain layer in place ({case}): ≤ 0.6x of before"
        section = results.find("before", case, "steps")
        pair = section.pairs.get("scan in place") if section else None
        yield _step(target, 0.6, *pair) if pair else Verdict(target)
    section = results.find("micro", "", "pax")
    for kind, limit in (("mtime", 1.4), ("path and mtime", 2)):
        for way in ("in place", "as a stream"):
            target = f"entry with a PAX header ({kind}), {way}: ≤ {limit}x of a plain entry"
            figures = section.figures if section else {}
            known = f"{kind}, {way}" in figures
            yield _step(target, limit, figures[f"plain, {way}"], figures[f"{kind}, {way}"]) if known else Verdict(target)
    for case in MICRO_CASES:
        target = f"analysis of layers that were analyzed before ({case}): ≤ 3 µs per entry"
        section = results.find("micro", case, "steps")
        again = section.figures.get("analysis again") if section else None
        yield Verdict(target, f"{again / 1000:.1f} µs", again <= 3000) if again is not None else Verdict(target)


def _step(target: str, limit: float, reference: float, figure: float) -> Verdict:
    """The time of a step is at most ``limit`` times the reference, both in ns per entry."""
    ratio = figure / reference
    return Verdict(target, f"{ratio:.2f}x ({figure / 1000:.2f} µs, {reference / 1000:.2f} µs)", ratio <= limit)


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
    yield _memory_before(results)
    if not shares:
        yield Verdict(target)
        return
    worst = max(shares, key=lambda name: shares[name])
    broken = sum(share > 1 for share in shares.values())
    yield Verdict(target, f"{shares[worst]:.0%} of it at worst ({worst}); {broken} of {len(shares)} above", not broken)


def _memory_before(results: Results) -> Verdict:
    target = f"peak memory ≤ {MEMORY_SPREAD}x of before, which is as much as runs differ"
    ratios = {
        f"{one.case or 'start'}, {one.form}": one.outcomes["after"].ratio(one.outcomes["before"], peak)
        for one in results.of("before")
        if one.outcomes
    }
    if not ratios:
        return Verdict(target)
    worst = max(ratios, key=lambda name: ratios[name])
    return Verdict(target, f"{ratios[worst]:.2f}x at worst ({worst})", ratios[worst] <= MEMORY_SPREAD)


def _network(results: Results) -> Iterator[Verdict]:
    for case in ("debian-python", "node"):
        section = results.find("registry", case, "loopback")
        for figure, limit in ((wall, 1.1), (cpu, 1.2)):
            target = f"registry on loopback ({case}): {figure.__name__} ≤ {limit}x of the local layout"
            yield at_most(target, limit, section, figure, "ocisize, registry", "ocisize, local layout")
    for case in ("node", "layers-127"):
        section = results.find("registry", case, "slow")
        yield at_most(f"slow link ({case}): wall ≤ 1.1x curl", 1.1, section, wall, "ocisize, registry", "curl")


def _start(results: Results) -> Iterator[Verdict]:
    commands = results.find("start", "", "commands")
    target = "text report of a small image: CPU ≤ 2.5x of importing attrs and cattrs"
    yield at_most(target, 2.5, commands, cpu, TEXT, VALUES)
    target = "--help: below 1.5x a bare start + 60 ms"
    pair = _pair(commands, "python -m ocisize --help", "python -c 'import argparse'")
    if pair is None:
        yield Verdict(target)
    else:
        limit = 1.5 * pair[1].wall + 0.06
        yield Verdict(target, f"{pair[0].wall * 1000:.0f} ms, allowed {limit * 1000:.0f} ms", pair[0].wall < limit)
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
