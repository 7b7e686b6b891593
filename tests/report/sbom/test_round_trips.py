"""Syft, with which Grype reads documents, and Trivy find the packages in both documents as they were written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocisize import Analysis
from ocisize.model.packages import JAVA, OF_SYSTEM, RUNTIME, Package
from ocisize.report.formats import FORMATS
from tests.report.sbom.inventories import (
    HOSTILE_NAMES,
    IMAGES,
    LIBCRYPTO,
    LIBSSL,
    ON_ALPINE,
    ON_DEBIAN,
    ON_RHEL,
    OPENSSL_LIBS,
    WITHOUT_SYSTEM,
    image_of,
)
from tests.report.sbom.scanners import (
    Seen,
    needs_scanners,
    run_syft,
    run_trivy,
    seen_by_syft,
    seen_by_trivy,
    trivy_packages,
    type_of,
)
from tests.report.sbom.test_documents import text_of

pytestmark = [pytest.mark.slow, needs_scanners]
DOCUMENTS = [name for name, row in FORMATS.items() if row.needs_packages and row.name in ("cyclonedx", "spdx")]
SYSTEMS = {"debian": ("debian", "12"), "alpine": ("alpine", "3.20.1"), "rhel": ("rhel", "9.4")}
FAMILIES = {"debian": "debian", "alpine": "alpine", "rhel": "redhat"}


def document_of(name: str, analysis: Analysis, folder: Path) -> str:
    path = folder / f"image.{name}.json"
    path.write_text(text_of(name, analysis), encoding="utf-8")
    return str(path)


def listed(analysis: Analysis) -> list[Package]:
    assert analysis.packages is not None
    return [one for one in analysis.packages.packages if one.installed and one.name != "pyyaml"]


def seen(package: Package, *, with_group: bool = True) -> Seen:
    name = package.name if with_group or package.ecosystem != JAVA else package.name.partition(":")[2]
    return type_of(package.purl), name, f"1:{package.version}" if package.name == "nodejs" else package.version


@pytest.mark.parametrize("image", [*SYSTEMS, "no system"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_syft_reads_all_packages(name: str, image: str, tmp_path: Path) -> None:
    """Syft has every package with type, name and version, and the distribution of os-release."""
    analysis = IMAGES[image]
    report = run_syft(["convert", document_of(name, analysis, tmp_path)], tmp_path)
    expected = [seen(one, with_group=name == "spdx") for one in listed(analysis)]
    found = seen_by_syft(report)
    # without paths, two installations of one version are one package to Syft
    assert (found if name == "cyclonedx" else sorted(set(found))) == sorted(
        expected if name == "cyclonedx" else set(expected)
    )
    if image in SYSTEMS:
        assert (report["distro"]["id"], report["distro"]["versionID"]) == SYSTEMS[image]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_syft_reads_source_packages(name: str, tmp_path: Path) -> None:
    """Grype compares the source packages with advisories."""
    sources: dict[str, Any] = {}
    for analysis in (ON_DEBIAN, ON_ALPINE, ON_RHEL):
        report = run_syft(["convert", document_of(name, analysis, tmp_path)], tmp_path)
        sources |= {one["name"]: one.get("metadata") for one in report["artifacts"]}
    assert sources["libssl3"]["source"] == "openssl"
    assert (sources["gcc"]["source"], sources["gcc"]["sourceVersion"]) == ("gcc-defaults", "1.203")
    assert sources["libcrypto3"]["originPackage"] == "openssl"
    assert (sources["openssl-libs"]["sourceRpm"], sources["openssl-libs"]["epoch"]) == ("openssl-3.0.7-27.el9.src.rpm", 1)


@pytest.mark.parametrize("image", SYSTEMS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_trivy_reads_all_packages(name: str, image: str, tmp_path: Path) -> None:
    """Trivy has every package but runtimes, with name and version, its layer, and the family of the distribution."""
    analysis = IMAGES[image]
    report = run_trivy(["sbom", document_of(name, analysis, tmp_path)], tmp_path)
    expected = [one for one in listed(analysis) if one.ecosystem != RUNTIME]
    assert seen_by_trivy(report) == sorted(map(seen, expected))
    assert (report["Metadata"]["OS"]["Family"], report["Metadata"]["OS"]["Name"]) == (FAMILIES[image], SYSTEMS[image][1])
    layers = {one.name: analysis.layers[one.layer].diff_id for one in expected}
    assert {one["Name"]: one["Layer"]["DiffID"] for one in trivy_packages(report)} == layers
    paths = {one.name: one.database for one in expected if one.ecosystem not in OF_SYSTEM and one.name != "requests"}
    assert {one["Name"]: one["FilePath"] for one in trivy_packages(report) if one["Name"] in paths} == paths
    classes = {result["Class"] for result in report["Results"] if result.get("Packages")}
    assert classes == {"os-pkgs", "lang-pkgs"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_trivy_reads_source_packages(name: str, tmp_path: Path) -> None:
    """Name, epoch, version and release of the source, which advisories of distributions are about."""
    sources: dict[str, tuple[Any, ...]] = {}
    for analysis in (ON_DEBIAN, ON_ALPINE, ON_RHEL):
        report = run_trivy(["sbom", document_of(name, analysis, tmp_path)], tmp_path)
        for one in trivy_packages(report):
            sources[one["Name"]] = tuple(one.get(f"Src{part}") for part in ("Name", "Epoch", "Version", "Release"))
    assert sources["libssl3"] == ("openssl", None, "3.0.17", "1~deb12u3")
    assert sources["git"] == ("git", 1, "2.39.5", "0+deb12u2")
    assert sources["gcc"][::2] == ("gcc-defaults", "1.203")
    assert sources["libcrypto3"] == ("openssl", None, "3.3.1-r0", None)
    assert sources["openssl-libs"] == ("openssl", 1, "3.0.7", "27.el9")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_trivy_reads_requirements(name: str, tmp_path: Path) -> None:
    """The edges between packages are those of Trivy's dependency graph."""
    report = run_trivy(["sbom", document_of(name, ON_DEBIAN, tmp_path)], tmp_path)
    needs = {one["Name"]: one["DependsOn"] for one in trivy_packages(report) if "DependsOn" in one}
    assert needs == {"git": ["libssl3@3.0.17-1~deb12u3"], "requests": ["idna@3.6"]}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize(
    "analysis",
    [HOSTILE_NAMES, IMAGES["empty"], WITHOUT_SYSTEM, image_of([LIBSSL, LIBCRYPTO, OPENSSL_LIBS])],
    ids=["hostile", "empty", "no system", "mixed"],
)
def test_scanners_read_odd_images(name: str, analysis: Analysis, tmp_path: Path) -> None:
    """Neither program fails on hostile names, on an image without packages, or on one with packages of three systems."""
    path = document_of(name, analysis, tmp_path)
    assert "artifacts" in run_syft(["convert", path], tmp_path)
    assert "SchemaVersion" in run_trivy(["sbom", path], tmp_path)
