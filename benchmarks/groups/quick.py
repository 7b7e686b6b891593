"""The part of reach about --quick: an image in a registry by its manifest and config, and the same image read whole."""

from __future__ import annotations

from collections.abc import Iterator

from groups.context import Context
from groups.network import REPOSITORY, count_requests, find_tools, serve, throttled
from measure import interleave
from peers import ocisize
from results import Section

CASES = ("node-service",)
QUICK, WHOLE = "--quick", "the layers"
_SLOW_ROUNDS = 1  # the link hardly varies


def quick_reports(context: Context) -> Iterator[Section]:
    """Bytes, requests and seconds, on loopback and over a slow link."""
    if not find_tools():
        return
    options = {QUICK: ("--no-cache", "--quick"), WHOLE: ("--no-cache",)}
    for case in context.cases(*CASES):
        with serve(case.layout("gzip"), context.out) as address:
            image, figures = f"{address}/{REPOSITORY}:1", dict[str, float]()
            for name, chosen in options.items():
                requests, size = count_requests(*chosen, image)
                figures |= {f"{name}, requests": requests, f"{name}, bytes": size}
            commands = {name: ocisize(*chosen, image) for name, chosen in options.items()}
            outcomes = interleave(commands, context.rounds)
            yield context.section("reach", case, "quick", f"{case.name}, registry on loopback", outcomes, figures)
            with throttled(address) as slow:
                commands = {name: ocisize(*chosen, f"{slow}/{REPOSITORY}:1") for name, chosen in options.items()}
                title = f"{case.name}, registry behind 100 Mbit/s and 50 ms"
                yield context.section("reach", case, "quick-slow", title, interleave(commands, _SLOW_ROUNDS))
