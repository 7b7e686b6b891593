"""Findings on the size and base of an image, and the figures they rest on."""

from __future__ import annotations

import re

import attrs
import pytest

from ocisize.findings.claim import Claim
from ocisize.packages.runtimes import load_runtimes, load_targets
from ocisize.model.findings import Confidence, Severity
from ocisize.findings.checks.base_fit import find_unfit
from ocisize.model.system import Runtime, System
from ocisize.oci.documents import ImageConfig, RootFs, RunConfig
from tests.evidence import make_evidence

MB = 1_000_000
TITLES = {rule.name: rule.title for rule in load_runtimes()}


def runtime(name: str, version: str = "", path: str = "usr/local/bin/x", layer: int = 1) -> Runtime:
    return Runtime(name, TITLES.get(name, "a single program"), version, path, layer)


def unfit(
    *runtimes: Runtime,
    base: int = 10,
    own: int = 10,
    run: RunConfig | None = None,
    libc: str | None = "glibc",
    base_layers: int = 1,
    compressed_size_known: bool = True,
) -> dict[str, Claim]:
    """Remarks on an image of two layers with so many MB to download each, or thrice as many to unpack."""
    evidence = make_evidence(
        {"a": b"a"}, {"b": b"b"}, config=ImageConfig(RootFs(), run=run or RunConfig()), base_layers=base_layers
    )
    layers = [
        attrs.evolve(
            layer,
            compressed_size=size * MB if compressed_size_known else None,
            estimated_compressed_size=None if compressed_size_known else size * MB,
            content_size=3 * size * MB,
        )
        for layer, size in zip(evidence.layers, (base, own), strict=True)
    ]
    evidence = attrs.evolve(evidence, layers=layers, system=System(libc=libc, runtimes=runtimes))
    return {claim.id: claim for claim in find_unfit(evidence)}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("name", "most"), [("python", 120), ("node", 180), ("jre", 250), ("jdk", 250), ("static", 25)])
def test_far_above_the_target(name: str, most: int, known: bool) -> None:
    """More than twice what the runtime takes at most, four times weighs more; estimated where the download is unknown."""
    options = {"base": 0, "base_layers": 0, "compressed_size_known": known}
    assert "OS240" not in unfit(runtime(name), own=2 * most, **options)  # type: ignore[arg-type]
    low = unfit(runtime(name), own=2 * most + 1, **options)["OS240"]  # type: ignore[arg-type]
    high = unfit(runtime(name), own=4 * most + 1, **options)["OS240"]  # type: ignore[arg-type]
    assert (low.severity, high.severity, low.confidence) == (Severity.LOW, Severity.MEDIUM, Confidence.ASK)
    assert not low.rows
    assert low.title.startswith(f"large image: {'' if known else 'about '}{2 * most + 1} MB to download; ")
    assert low.title.endswith(f" to {most} MB")


def test_runtimes_without_a_target_allow_any_size() -> None:
    """Nothing is said of an image without a runtime, or with one whose images have no usual size."""
    assert not unfit(own=90_000, base=0)
    assert "OS240" not in unfit(runtime("ruby"), own=90_000)
    assert "OS240" not in unfit(runtime("ruby"), runtime("python"), own=90_000)
    assert "OS240" not in unfit(runtime("perl"), own=90_000)


def test_the_runtime_that_is_started_counts() -> None:
    """By the command, else by the environment; else the one that may be largest."""
    pair = runtime("python"), runtime("node")
    assert "70 to 120" in unfit(*pair, own=300, run=RunConfig(cmd=("/usr/bin/python3.11", "app.py")))["OS240"].title
    assert "OS240" not in unfit(*pair, own=300, run=RunConfig(cmd=("node", "app.js")))
    assert "70 to 120" in unfit(*pair, own=300, run=RunConfig(env=("PYTHON_VERSION=3.12.1",)))["OS240"].title
    assert "OS240" not in unfit(*pair, own=300)
    assert "80 to 180" in unfit(*pair, own=400)["OS240"].title


FULL = (runtime("python", "3.12.13", "usr/local/bin/python3.12", 1), runtime("gcc", "", "usr/bin/gcc", 0))
PYTHON_RUN = RunConfig(env=("PATH=/bin", "PYTHON_VERSION=3.12.13"), cmd=("python3",))


def test_a_full_official_image() -> None:
    """The compiler lies below the runtime that the environment names: buildpack-deps, and a slim variant without it."""
    found = unfit(*FULL, base=400, run=PYTHON_RUN)
    claim = found["OS243"]
    assert "OS241" not in found
    assert (claim.other_layers, claim.severity, claim.confidence) == ((0, 1), Severity.MEDIUM, Confidence.ASK)
    assert claim.title == "full variant python:3.12 as base image, with compilers and development packages"
    assert isinstance(claim.fix, str)
    assert claim.fix.startswith("Build on python:3.12-slim (43 MB instead of 411 MB to download). If packages must be")
    assert "python:3.12-alpine is smaller still, but uses musl instead of glibc" in str(claim.fix)
    assert "musllinux" in str(claim.fix)


@pytest.mark.parametrize(
    ("runtimes", "run"),
    [
        (FULL[:1], PYTHON_RUN),
        ((FULL[0], attrs.evolve(FULL[1], layer=1)), PYTHON_RUN),
        (FULL, RunConfig(cmd=("python3",))),
        ((attrs.evolve(FULL[0], path="usr/bin/python3.12"), FULL[1]), PYTHON_RUN),
        ((runtime("jre", layer=1), FULL[1]), RunConfig(env=("JAVA_VERSION=jdk-21",))),
    ],
)
def test_other_compilers_are_not_the_base(runtimes: tuple[Runtime, ...], run: RunConfig) -> None:
    """A compiler of the own steps, a distribution's runtime, an image without a slim variant."""
    assert "OS243" not in unfit(*runtimes, run=run)


def test_a_large_base() -> None:
    """A base image of more than twice the size of a smaller one, with the caution about musl."""
    node = runtime("node", "22.23.2")
    assert "OS241" not in unfit(node, base=121)
    claim = unfit(node, base=122)["OS241"]
    assert (claim.other_layers, claim.severity) == ((0,), Severity.LOW)
    assert claim.title == "large base image: 122 MB to download, more than Node.js needs"
    assert claim.fix == (
        "Consider a smaller base image: node:22-slim (80 MB); or gcr.io/distroless/nodejs22-debian12. node:22-alpine (61 MB) is "
        "smaller still, but uses musl instead of glibc: programs built for glibc do not run, DNS search domains and locales "
        "differ; native addons must be built for musl."
    )
    assert "about 122 MB" in unfit(node, base=122, compressed_size_known=False)["OS241"].title


def test_musl_needs_no_caution_twice() -> None:
    """Who has musl already knows it."""
    assert "musl" not in str(unfit(runtime("node", "22.1.0"), base=500, libc="musl")["OS241"].fix)


def test_a_base_for_one_program() -> None:
    """Static binaries need none; of others it cannot be reported."""
    assert "OS241" not in unfit(runtime("native"), base=40)
    claim = unfit(runtime("native"), base=75)["OS241"]
    assert "distroless/static-debian12 for a static program (Go with CGO_ENABLED=0, Rust for musl); or" in str(claim.fix)
    assert "alpine" not in str(claim.fix)


def test_without_a_base_nothing_is_said_of_it() -> None:
    """Where the boundary is unknown, so is the base's size."""
    assert "OS241" not in unfit(runtime("node"), base=900, base_layers=0)


def test_a_version_that_is_unknown() -> None:
    """A smaller base is named."""
    assert "node:VERSION-slim" in str(unfit(runtime("node"), base=900)["OS241"].fix)


def test_a_jdk() -> None:
    """A JRE of the same version is named, and the layer that brings the JDK."""
    claim = unfit(runtime("jdk", "17.0.9", "opt/java/openjdk/bin/javac", 0))["OS242"]
    assert (claim.other_layers, claim.paths, claim.severity) == ((0,), ("opt/java/openjdk/bin/javac",), Severity.MEDIUM)
    assert "eclipse-temurin:17-jre" in str(claim.fix)
    assert "OS242" not in unfit(runtime("jre", "17"))


def test_the_figures_fit_together() -> None:
    """Targets are ranges of bytes for runtimes there are."""
    for name, target in load_targets().items():
        assert name in TITLES or name in ("static", "native")
        assert len(target.target) in (0, 2) and list(target.target) == sorted(target.target)
        assert target.slim or target.alpine
        assert bool(target.target) == target.source.startswith("https://")
        for text in (target.slim, target.full, target.alpine, *target.more):
            assert "{" not in text.replace("{version}", "")
    for rule in load_runtimes():
        assert rule.patterns and (not rule.replaces or rule.replaces in TITLES)
        assert re.fullmatch(r"[A-Z_]*", rule.environment)
