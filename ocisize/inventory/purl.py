"""Package URLs of records: https://github.com/package-url/purl-spec, in the forms that scanners of vulnerabilities read."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from ocisize.inventory.record import PackageRecord
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
)
from ocisize.model.system import OperatingSystem, System

_TYPES: Mapping[str, str] = {
    DEB: "deb", APK: "apk", RPM: "rpm", ALPM: "alpm", PYTHON: "pypi", CONDA: "conda", NPM: "npm", GEM: "gem",
    COMPOSER: "composer", JAVA: "maven", GO: "golang", RUST: "cargo", DOTNET: "nuget", RUNTIME: "generic",
}  # fmt: skip
_USUAL_SYSTEMS: Mapping[str, str] = {DEB: "debian", APK: "alpine", RPM: "", ALPM: "arch"}  # without an os-release
_NAMESPACES: Mapping[str, str] = {"rhel": "redhat"}  # of systems whose id is not that of their packages
_OPENSUSE = "opensuse"


def purl_of(record: PackageRecord, system: System) -> str:
    """Return the package URL of a record in a system.

    >>> record = PackageRecord(ecosystem="npm", name="@babel/core", version="7.24.0", database=b"package.json")
    >>> purl_of(record, System())
    'pkg:npm/%40babel/core@7.24.0'
    """
    name, version = record.name, record.version
    qualifiers = {name: value for name, value in record.qualifiers.items() if name != "cpe"}
    namespace = ""
    if record.ecosystem in _USUAL_SYSTEMS:
        namespace = _namespace_of(system.os, record.ecosystem)
        version, added = _describe_for_system(record, system.os)
        qualifiers = {**added, **qualifiers}
    elif record.ecosystem == JAVA:
        group, separator, artifact = name.rpartition(":")
        namespace, name = (group, artifact) if separator else ("", name)
    parts = [part for text in (namespace, name) for part in text.split("/") if part]
    if record.ecosystem in (APK, RPM, ALPM, DEB, COMPOSER):
        parts = [*map(str.lower, parts[:-1]), parts[-1] if record.ecosystem == RPM else parts[-1].lower()] if parts else []
    path = "/".join(map(_quote, parts))
    rest = "&".join(f"{key}={_quote(value)}" for key, value in sorted(qualifiers.items()) if value)
    kind = _TYPES.get(record.ecosystem, "generic")
    return f"pkg:{kind}/{path}{'@' + _quote(version) if version else ''}{'?' + rest if rest else ''}"


def _namespace_of(os: OperatingSystem | None, ecosystem: str) -> str:
    """The vendor of the packages of a system."""
    if os is None:
        return _USUAL_SYSTEMS[ecosystem]
    return _OPENSUSE if os.id.startswith(_OPENSUSE) else _NAMESPACES.get(os.id, os.id)


def _describe_for_system(record: PackageRecord, os: OperatingSystem | None) -> tuple[str, dict[str, str]]:
    """The version and the qualifiers of a package of a distribution."""
    version, source_version = record.version, record.source_version
    qualifiers = {"arch": record.architecture}
    if os is not None:
        qualifiers["distro"] = f"{os.id}-{os.version}" if os.version else os.id
    if record.ecosystem == RPM:
        epoch, separator, rest = version.partition(":")
        if separator and epoch.isdecimal():
            version = rest
            qualifiers["epoch"] = "" if int(epoch) == 0 else epoch
        if record.source:
            source_release = source_version.rpartition(":")[2] or version
            qualifiers["upstream"] = f"{record.source}-{source_release}.src.rpm"
    elif record.source and (record.source != record.name or source_version not in ("", version)):
        with_version = source_version not in ("", version)
        qualifiers["upstream"] = f"{record.source}@{source_version}" if with_version else record.source
    return version, qualifiers


def _quote(text: str) -> str:
    """A part of a URL: all but letters, digits and ``.-_~`` is encoded."""
    return quote(text.encode("utf-8", "surrogateescape"), safe="")
