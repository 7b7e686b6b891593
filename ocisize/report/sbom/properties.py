"""What scanners read of a package and an image besides name and version, by the names that they give it.

Trivy: https://github.com/aquasecurity/trivy/blob/main/pkg/sbom/core/bom.go, with a prefix in CycloneDX. Syft and Grype:
https://github.com/anchore/syft/tree/main/syft/format/internal/cyclonedxutil.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ocisize.model.packages import (
    ALPM,
    APK,
    COMPOSER,
    CONDA,
    DEB,
    DOTNET,
    GEM,
    GO,
    JAVA,
    NPM,
    PYTHON,
    RPM,
    RUNTIME,
    RUST,
    Package,
)
from ocisize.report.sbom.contents import Contents, ListedPackage
from ocisize.report.sbom.systems import family_of, split_version
from ocisize.text import printable

Pairs: TypeAlias = Iterator[tuple[str, object]]

_TRIVY_TYPES: Mapping[str, str] = {
    PYTHON: "python-pkg", CONDA: "conda-pkg", NPM: "node-pkg", GEM: "gemspec", COMPOSER: "composer-vendor", JAVA: "jar",
    GO: "gobinary", RUST: "rustbinary", DOTNET: "dotnet-core",
}  # fmt: skip
_SYFT_TYPES: Mapping[str, str] = {
    DEB: "deb", APK: "apk", RPM: "rpm", ALPM: "alpm", PYTHON: "python", CONDA: "conda", NPM: "npm", GEM: "gem",
    COMPOSER: "php-composer", JAVA: "java-archive", GO: "go-module", RUST: "rust-crate", DOTNET: "dotnet", RUNTIME: "binary",
}  # fmt: skip
_SYFT_RECORDS: Mapping[str, str] = {
    DEB: "dpkg-db-entry", APK: "apk-db-entry", RPM: "rpm-db-entry", ALPM: "alpm-db-entry",
}  # fmt: skip
_RUNTIME_CPES: Mapping[str, str] = {
    "python": "python:python", "node": "nodejs:node.js", "openjdk": "oracle:openjdk", "go": "golang:go",
    "ruby": "ruby-lang:ruby", "php": "php:php", "perl": "perl:perl", "deno": "deno:deno", "bun": "oven:bun",
    "erlang": r"erlang:erlang\/otp", "dotnet": "microsoft:.net",
}  # fmt: skip
_CPE_VERSION = re.compile("[0-9][0-9A-Za-z.]*")


def trivy_properties(listed: ListedPackage, contents: Contents) -> Pairs:
    """What Trivy reads of a package, without its prefix."""
    package = listed.package
    if not listed.is_of_system:
        yield "FilePath", printable(package.database)
    yield "LayerDiffID", contents.diff_id_of(package)
    if contents.system is not None and listed.is_of_system:
        yield "PkgType", printable(family_of(contents.system))
    else:
        yield "PkgType", _TRIVY_TYPES.get(package.ecosystem, "")
    if package.ecosystem in (DEB, APK, RPM):
        yield from _source_of(listed)
    if package.ecosystem == RPM:
        yield "Modularitylabel", printable(_module_of(listed))


def _source_of(listed: ListedPackage) -> Pairs:
    """The source package, which advisories of distributions name."""
    package, version = listed.package, source_version(listed)
    yield "SrcName", printable(package.source or package.name)
    if package.ecosystem == APK:
        yield "SrcVersion", printable(version)
        return
    split = split_version(version)
    yield "SrcVersion", printable(split.version)
    yield "SrcRelease", printable(split.release)
    yield "SrcEpoch", split.epoch


def source_version(listed: ListedPackage) -> str:
    """The version of the source package; of rpm with the epoch of the package, which the name of a source rpm lacks."""
    version = listed.package.source_version or listed.version
    epoch = _epoch_of(listed) if listed.package.ecosystem == RPM and not split_version(version).epoch else ""
    return f"{epoch}:{version}" if epoch else version


def _epoch_of(listed: ListedPackage) -> str:
    return split_version(listed.version).epoch


def _module_of(listed: ListedPackage) -> str:
    qualifiers = listed.parts.qualifiers
    return qualifiers.get("rpmmod") or qualifiers.get("modularitylabel") or ""


def syft_properties(listed: ListedPackage, contents: Contents) -> Pairs:
    """What Syft reads of a package, and Grype with it."""
    package = listed.package
    yield "syft:package:type", _SYFT_TYPES.get(package.ecosystem, "")
    yield "syft:package:metadataType", _SYFT_RECORDS.get(package.ecosystem, "")
    yield from _source_record(listed)
    yield "syft:location:0:path", f"/{printable(package.database)}"
    yield "syft:location:0:layerID", contents.diff_id_of(package)


def _source_record(listed: ListedPackage) -> Pairs:
    package = listed.package
    if package.ecosystem == DEB and (package.source != package.name or package.source_version):
        yield "syft:metadata:source", printable(package.source)
        yield "syft:metadata:sourceVersion", printable(package.source_version)
    elif package.ecosystem == APK:
        yield "syft:metadata:originPackage", printable(package.source)
    elif package.ecosystem == ALPM:
        yield "syft:metadata:basepackage", printable(package.source)
    elif package.ecosystem == RPM:
        yield "syft:metadata:epoch", _epoch_of(listed)
        yield "syft:metadata:sourceRpm", printable(listed.parts.qualifiers.get("upstream", ""))
        yield "syft:metadata:modularityLabel", printable(_module_of(listed))


def own_properties(package: Package) -> Pairs:
    """The bytes of a package, its layer, and why it is there."""
    yield "ocisize:live-bytes", package.live_size
    yield "ocisize:wasted-bytes", package.wasted_size
    yield "ocisize:download-bytes", package.compressed_size
    yield "ocisize:layer", package.layer
    yield "ocisize:reason", "" if package.reason.value == "unknown" else package.reason.value


def image_properties(contents: Contents) -> Pairs:
    """The bytes of the image; those of no listed package, too."""
    analysis = contents.analysis
    yield "ocisize:live-bytes", analysis.live_size
    yield "ocisize:wasted-bytes", analysis.wasted_size
    yield "ocisize:download-bytes", analysis.compressed_size
    yield "ocisize:unlisted-live-bytes", analysis.live_size - contents.live_size


def cpe_of(package: Package) -> str:
    """The CPE of a language runtime or of Go's standard library, which advisories name by it; "" for all others.

    Format: https://nvlpubs.nist.gov/nistpubs/Legacy/IR/nistir7695.pdf.
    """
    if package.ecosystem == RUNTIME:
        product = _RUNTIME_CPES.get(package.name, "")
    else:
        product = "golang:go" if package.ecosystem == GO and package.name == "stdlib" else ""
    known = product and _CPE_VERSION.fullmatch(package.version)
    return f"cpe:2.3:a:{product}:{package.version}:*:*:*:*:*:*:*" if known else ""
