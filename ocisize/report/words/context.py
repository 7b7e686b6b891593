"""The base image, the operating system and the cost of an image, in a few lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.model.analysis import Analysis
from ocisize.model.base import Base, BaseSplit, Certainty, Method
from ocisize.model.sizes import Sizes
from ocisize.model.system import System
from ocisize.report.words.units import human_bandwidth, human_dollars, human_seconds, human_size
from ocisize.sizes.cost import Assumptions, cost_of, default_assumptions
from ocisize.text import count_of, printable

_METHODS = {
    Method.GIVEN: "as given",
    Method.RUN_IMAGE: "by the label of its buildpacks",
    Method.FROM: "from build metadata",
    Method.BUILDER: "by where the builder's own steps begin",
    Method.CREATED: "by a pause between steps",
    Method.COMMAND: "by a CMD or ENTRYPOINT below the last layer",
    Method.STYLE: "by a change of builder",
    Method.ROOTFS: "by a distribution's root filesystem, at least this one",
}

_MAX_RUNTIMES = 8
_DOUBTS = {Certainty.SURE: "", Certainty.LIKELY: "probably ", Certainty.GUESS: "perhaps "}
_REMEDY = "; confirm with --base"


def describe_context(analysis: Analysis, assumptions: Assumptions) -> Iterator[tuple[str, str, str]]:
    """Name, figure and note of each line: base image, own layers, system, cost."""
    if analysis.base is not None:
        yield from _base(analysis.base)
    system = _system(analysis.system)
    if system:
        yield "System", "", system
    yield from _cost(analysis.compressed_size, assumptions)


def _base(split: BaseSplit) -> Iterator[tuple[str, str, str]]:
    base = split.found
    if split.base is None or split.own is None:
        yield "Base", "?", f"{_name(base)}; which layers are its is unknown"
        return
    layers = f"layers 0 to {base.layers - 1}" if base.layers > 1 else "layer 0"
    name = f"{_name(base)}: " if base.name or base.digest else ""
    how = f"{_METHODS[base.method]}{_REMEDY if base.certainty is not Certainty.SURE else ''}"
    yield "Base", _figure(split.base), f"{_unpacked(split.base)}{name}{_DOUBTS[base.certainty]}{layers} ({how})"
    files = count_of(split.own.file_count, "file")
    yield "Yours", _figure(split.own), f"{_unpacked(split.own)}{files}, {human_size(split.own.live_size)} live"


def _name(base: Base) -> str:
    return printable(base.name or base.digest or "name unknown")


def _figure(sizes: Sizes) -> str:
    return human_size(sizes.weight)


def _unpacked(sizes: Sizes) -> str:
    """Says that a figure is unpacked, if the download is unknown."""
    return "unpacked; " if sizes.compressed_size is None else ""


def _system(system: System) -> str:
    parts = [printable(system.os.name)] if system.os is not None else []
    if system.package_manager is not None:
        count = f"{system.packages:,} packages ({system.package_manager})" if system.packages is not None else ""
        parts.append(count or system.package_manager)
    if system.libc is not None:
        parts.append(system.libc)
    for runtime in system.runtimes[:_MAX_RUNTIMES]:
        version = f" {runtime.version}" if runtime.version else ""
        parts.append(printable(f"{runtime.title}{version} (layer {runtime.layer})"))
    rest = len(system.runtimes) - _MAX_RUNTIMES
    return ", ".join(parts + ([f"{rest:,} more runtimes"] if rest > 0 else []))


def _cost(size: int | None, assumptions: Assumptions) -> Iterator[tuple[str, str, str]]:
    cost = cost_of(size, assumptions)
    if cost.pull_seconds is None or cost.yearly_dollars is None:
        return
    slowest = min(assumptions.bandwidths)
    times = dict(zip(assumptions.bandwidths, cost.pull_seconds, strict=True))
    others = "".join(
        f", {human_seconds(times[bandwidth])} at {human_bandwidth(bandwidth)}"
        for bandwidth in sorted(times)
        if bandwidth != slowest
    )
    yield "Pull", human_seconds(times[slowest]), f"at {human_bandwidth(slowest)}{others}; transfer alone"
    terms = f"{assumptions.deploys:g} deploys/day, {assumptions.nodes:g} nodes, ${assumptions.price:g}/GB"
    assumed = "assumed " if assumptions == default_assumptions() else ""
    yield "Egress", human_dollars(cost.yearly_dollars), f"a year, {assumed}{terms} (--cost)"
