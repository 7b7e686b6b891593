"""Remarks on the size of an image and of its base image, compared with the needs of its runtime.

They claim no bytes: only a build on another base image shows how much it saves.
"""

from __future__ import annotations

from collections.abc import Iterator

from ocisize.findings.claim import Claim
from ocisize.findings.evidence import ImageEvidence
from ocisize.findings.explanations import Check, explain
from ocisize.model.findings import Severity
from ocisize.model.system import Runtime
from ocisize.packages.runtimes import Target, load_runtimes, load_targets
from ocisize.packages.system import program_of
from ocisize.sizes.layers import sum_layers

_FAR_ABOVE_TARGET = 2  # times the upper end of a target above which an image is far above it
_VERY_FAR_ABOVE_TARGET = 4
_MIN_BASE_RATIO = 2  # times the size of a smaller base image
_MUSL_CAUTION = "musl instead of glibc: programs built for glibc do not run, DNS search domains and locales differ"
_RUNTIMES_OF_PROGRAMS = {
    "java": ("jre", "jdk"),
    "python": ("python",),
    "node": ("node",),
    "ruby": ("ruby",),
    "php": ("php",),
}


def find_unfit(evidence: ImageEvidence) -> Iterator[Claim]:
    """Remarks on the size of the image, on its base image, and on a JDK."""
    main = _main_runtimes(evidence)
    yield from _above_target(evidence, main)
    full = [claim for runtime in main if (claim := _full_variant(evidence, runtime))]
    yield from full
    if not full:
        yield from _large_base(evidence, main)
    for runtime in evidence.system.runtimes:
        if runtime.name == "jdk":
            yield _whole_jdk(runtime)


def _main_runtimes(evidence: ImageEvidence) -> list[Runtime]:
    """The runtimes that the image is for: the one it starts, else those that its environment names, else all."""
    targets = load_targets()
    known = [runtime for runtime in evidence.system.runtimes if _target_name(runtime) in targets]
    started = _RUNTIMES_OF_PROGRAMS.get(program_of(evidence.config.run), ())
    noted = {name.partition("=")[0] for name in evidence.config.run.env}
    variables = {rule.name: rule.environment for rule in load_runtimes()}
    return (
        [runtime for runtime in known if runtime.name in started]
        or [runtime for runtime in known if variables.get(runtime.name) in noted]
        or known
    )


def _target_name(runtime: Runtime) -> str:
    return "jre" if runtime.name == "jdk" else runtime.name


def _above_target(evidence: ImageEvidence, main: list[Runtime]) -> Iterator[Claim]:
    """A remark on an image that is much larger than the target of any of its runtimes."""
    size, how = _download_size(evidence, len(evidence.layers))
    candidates = [load_targets()[_target_name(runtime)] for runtime in main]
    targets = [target for target in candidates if target.target]
    if not targets or len(targets) < len(candidates):
        return
    target = max(targets, key=lambda target: target.target)
    least, most = target.target
    if size > _FAR_ABOVE_TARGET * most:
        rule = explain(Check.FAR_ABOVE_TARGET)
        size_range = {"least": _mb(least, ""), "most": _mb(most)}
        yield Claim(
            rule=rule,
            title=rule.title_of(size=f"{how}{_mb(size)}", runtime=target.title, **size_range),
            fix="Build in a separate stage, and copy only the program into a small base image. Start with the findings that "
            "save most.",
            severity=Severity.MEDIUM if size > _VERY_FAR_ABOVE_TARGET * most else Severity.LOW,
        )


def _full_variant(evidence: ImageEvidence, runtime: Runtime) -> Claim | None:
    """A remark on the full variant of an official image: a layer below its runtime has a compiler."""
    target = load_targets()[_target_name(runtime)]
    noted = {rule.environment for rule in load_runtimes() if rule.name == runtime.name}
    compilers = [other.layer for other in evidence.system.runtimes if other.name == "gcc"]
    official = runtime.path.startswith("usr/local/bin/") and any(
        text.partition("=")[0] in noted for text in evidence.config.run.env
    )
    if not (target.full and official and compilers and min(compilers) < runtime.layer):
        return None
    full, slim = _base_name(target.full, runtime, target), _base_name(target.slim, runtime, target)
    sizes = f" ({_mb(target.slim_size)} instead of {_mb(target.full_size)} to download)" if target.full_size else ""
    rule = explain(Check.FULL_VARIANT)
    return Claim(
        rule=rule,
        title=rule.title_of(full=full),
        fix=f"Build on {slim}{sizes}. If packages must be compiled, compile them on {full} in a separate stage."
        + _alpine_hint(evidence, target, runtime),
        other_layers=tuple(sorted({*compilers, runtime.layer})),
        severity=Severity.MEDIUM,
    )


def _large_base(evidence: ImageEvidence, main: list[Runtime]) -> Iterator[Claim]:
    """A remark on a base image that is much larger than others with the same runtime."""
    size, how = _download_size(evidence, evidence.base_layers)
    for runtime in main[:1]:
        target = load_targets()[_target_name(runtime)]
        smallest = min([size for size in (target.slim_size, target.alpine_size) if size], default=0)
        if smallest and size > _MIN_BASE_RATIO * smallest:
            slim = _base_name(target.slim or target.alpine, runtime, target)
            known = f" ({_mb(target.slim_size)})" if target.slim_size and target.runtime != "native" else ""
            more = "".join(f"; or {_base_name(text, runtime, target)}" for text in target.more)
            rule = explain(Check.LARGE_BASE)
            yield Claim(
                rule=rule,
                title=rule.title_of(size=f"{how}{_mb(size)}", runtime=runtime.title),
                fix=f"Consider a smaller base image: {slim}{known}{more}." + _alpine_hint(evidence, target, runtime),
                other_layers=tuple(range(evidence.base_layers)),
                severity=Severity.LOW,
            )


def _alpine_hint(evidence: ImageEvidence, target: Target, runtime: Runtime) -> str:
    if not target.alpine or evidence.system.libc == "musl":
        return ""
    name = _base_name(target.alpine, runtime, target)
    size = f" ({_mb(target.alpine_size)})" if target.alpine_size else ""
    return f" {name}{size} is smaller still, but uses {_MUSL_CAUTION}{f'; {target.musl}' if target.musl else ''}."


def _whole_jdk(runtime: Runtime) -> Claim:
    version = runtime.version.partition(".")[0] or "21"
    rule = explain(Check.WHOLE_JDK)
    return Claim(
        rule=rule,
        title=rule.title_of(),
        fix=f"Compile in a separate stage and run on a JRE (eclipse-temurin:{version}-jre), or on a runtime of the required "
        "modules: `jlink --add-modules … --strip-debug --no-header-files --no-man-pages`. Keep the JDK if the application "
        "compiles at run time, or for jcmd and jmap.",
        other_layers=(runtime.layer,),
        paths=(runtime.path,),
        severity=Severity.MEDIUM,
    )


def _base_name(text: str, runtime: Runtime, target: Target) -> str:
    """The name of a base image with the version of a runtime; with VERSION if the version is unknown."""
    parts = runtime.version.split(".")[: 1 if target.major else 2]
    version = ".".join(parts) if runtime.version else "VERSION"
    return text.replace("{version}", version)


def _download_size(evidence: ImageEvidence, layers: int) -> tuple[int, str]:
    """Bytes of download of the lowest layers, 0 if they are unknown; and "about " if they are estimated."""
    sizes = sum_layers(evidence.layers[:layers])
    return sizes.expected_compressed_size or 0, "about " if sizes.compressed_size is None else ""


def _mb(size: int, unit: str = " MB") -> str:
    return f"{size / 1e6:,.0f}{unit}"
