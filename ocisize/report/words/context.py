"""The base image, the operating system and the cost of an image, in a few lines for people."""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.model.analysis import Analysis
from ocisize.model.base import BaseCertainty, BaseImage, BaseMethod
from ocisize.model.provenance import Provenance
from ocisize.model.sizes import Sizes
from ocisize.model.system import System
from ocisize.report.words.download import ABOUT, human_download
from ocisize.report.words.pull import HOSTS, describe_transfer, human_range, list_pull_times
from ocisize.report.words.units import human_bandwidth, human_dollars, human_size
from ocisize.sizes.cost import CostAssumptions, cost_of, default_assumptions
from ocisize.text import count_of, printable

_METHODS = {
    BaseMethod.GIVEN: "as given",
    BaseMethod.RUN_IMAGE: "from the label of its buildpacks",
    BaseMethod.PROVENANCE: "from the provenance attestation",
    BaseMethod.FROM: "from build metadata",
    BaseMethod.BUILDER: "since the marks of your builder begin above",
    BaseMethod.CREATED: "since the build paused above",
    BaseMethod.COMMAND: "since the history has a CMD or ENTRYPOINT above",
    BaseMethod.STYLE: "since another builder wrote the steps above",
    BaseMethod.ROOTFS: "since the first layer is the root filesystem of a distribution",
}

_MAX_RUNTIMES = 8
_MAX_REVISION = 12  # characters of a commit
_MAX_DIGEST = 19  # characters of the digest of a base image
#: how certain a base image is, behind its name
DOUBTS = {BaseCertainty.SURE: "", BaseCertainty.LIKELY: " (probably)", BaseCertainty.GUESS: " (perhaps)"}
_REMEDY = "; --base IMAGE makes it certain"


def describe_context(analysis: Analysis, assumptions: CostAssumptions) -> Iterator[tuple[str, str, str]]:
    """Name, figure and note of each line: base image, own layers, system, cost."""
    yield from describe_base(analysis)
    yield from describe_source(analysis)
    yield from describe_system(analysis)
    yield from describe_cost(analysis, assumptions)


def describe_base(analysis: Analysis) -> Iterator[tuple[str, str, str]]:
    """Name, figure and note of the base image and of the layers above; nothing if no base image is known."""
    split = analysis.base
    if split is None:
        return
    if split.base is None or split.own is None:
        yield "Base", "?", describe_found(split.found)
        return
    yield "Base", _figure(split.base), _unpacked(split.base) + describe_found(split.found)
    files = count_of(split.own.file_count, "file")
    yield "Yours", _figure(split.own), f"{_unpacked(split.own)}{files}, {human_size(split.own.live_size)} live"


def describe_source(analysis: Analysis) -> Iterator[tuple[str, str, str]]:
    """What the provenance says about the source, in one line; nothing if it names none."""
    if source := name_source(analysis.provenance):
        yield "Source", "", f"{source}, from the provenance attestation"


def name_source(found: Provenance | None) -> str:
    """The Dockerfile, the repository and the commit that a provenance names; "" if it names none.

    >>> name_source(Provenance(digest="", predicate_type="", has_steps=True, dockerfile="Dockerfile", revision="0123"))
    'Dockerfile'
    """
    if found is None:
        return ""
    revision = f" at {found.revision[:_MAX_REVISION]}" if found.revision else ""
    parts = [found.dockerfile or "", f"{found.repository}{revision}" if found.repository else ""]
    return printable(", ".join(filter(None, parts)))


def describe_found(base: BaseImage) -> str:
    """The name of a base image, its layers, how they were found, and how to be certain of them."""
    if not base.layers:
        return f"{_name(base)}; its layers are unknown"
    layers = f"layers 0 to {base.layers - 1}" if base.layers > 1 else "layer 0"
    name = f"{_name(base)}: " if base.name or base.digest else ""
    remedy = "" if base.certainty is BaseCertainty.SURE else _REMEDY
    return f"{name}{layers}{DOUBTS[base.certainty]}, {_METHODS[base.method]}{remedy}"


def describe_system(analysis: Analysis) -> Iterator[tuple[str, str, str]]:
    """The operating system, packages and runtimes in one line; nothing if none is known."""
    system = _system(analysis.system)
    if system:
        yield "System", "", system


def _name(base: BaseImage) -> str:
    """The name of a base image, with its digest if the provenance has it."""
    if base.name and base.digest and base.method is BaseMethod.PROVENANCE:
        return printable(f"{base.name}@{base.digest[:_MAX_DIGEST]}…")
    return printable(base.name or base.digest or "name unknown")


def _figure(sizes: Sizes) -> str:
    return human_size(sizes.content_size) if sizes.expected_compressed_size is None else human_download(sizes)


def _unpacked(sizes: Sizes) -> str:
    """Says that a figure is unpacked, if the download is unknown."""
    return "unpacked; " if sizes.expected_compressed_size is None else ""


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


def summarize_cost(analysis: Analysis, assumptions: CostAssumptions) -> list[str]:
    """The range of a pull at the lowest bandwidth and the cost of a year, in a few words each; [] if unknown."""
    times = list_pull_times(analysis, assumptions)[:1]
    parts = [
        f"{human_range(time.least_seconds, time.most_seconds)} to pull at {human_bandwidth(time.bandwidth)}"
        for time in times
    ]
    dollars = cost_of(analysis.compressed_size, assumptions).yearly_dollars
    return [*parts, *([] if dollars is None else [f"{human_dollars(dollars)} of egress a year"])]


def describe_cost(analysis: Analysis, assumptions: CostAssumptions) -> Iterator[tuple[str, str, str]]:
    """The time of a pull and the cost of a year; nothing if the download is unknown."""
    if times := list_pull_times(analysis, assumptions):
        first, *others = times
        about = ABOUT if analysis.compressed_size is None else ""
        more = "".join(
            f", {human_range(time.least_seconds, time.most_seconds)} at {human_bandwidth(time.bandwidth)}" for time in others
        )
        note = f"at {human_bandwidth(first.bandwidth)}{more}, {HOSTS}; {describe_transfer(times)}"
        yield "Pull", f"{about}{human_range(first.least_seconds, first.most_seconds)}", note
    cost = cost_of(analysis.compressed_size, assumptions)
    if cost.yearly_dollars is None:
        return
    terms = f"{assumptions.deploys:g} deploys/day, {assumptions.nodes:g} nodes, ${assumptions.price:g}/GB"
    assumed = "assumed " if assumptions == default_assumptions() else ""
    yield "Egress", human_dollars(cost.yearly_dollars), f"a year, {assumed}{terms} (--cost)"
