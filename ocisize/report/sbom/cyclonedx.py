"""The installed packages of an image as CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/.

Syft, Grype and Trivy read packages, sources of packages and the distribution from it. The document depends on the image and
the version of ocisize alone, so that a second run writes the same one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

import ocisize
from ocisize.model.packages import RUNTIME
from ocisize.model.system import OperatingSystem
from ocisize.report.options import ReportOptions
from ocisize.report.sbom.contents import Contents, ListedPackage, brief_version, list_contents
from ocisize.report.sbom.document import drop_empty, named_values, write_document
from ocisize.report.sbom.licenses import License, LicenseKind
from ocisize.report.sbom.properties import (
    Pairs,
    cpe_of,
    image_properties,
    own_properties,
    syft_properties,
    trivy_properties,
)
from ocisize.report.sbom.purls import find_repository
from ocisize.report.sbom.systems import family_of
from ocisize.report.subject import Subject
from ocisize.text import printable

_SYSTEM = "operating-system"  # id of its component
_TRIVY = "aquasecurity:trivy:"


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write the document; raises ReportError if the analysis was made without packages."""
    contents = list_contents(subject.analysis, options)
    root = contents.purl or contents.version
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{contents.identity}",
        "version": 1,
        "metadata": {
            "timestamp": contents.created,
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [{"type": "application", "name": "ocisize", "version": ocisize.__version__}]},
            "component": _image(contents, root),
        },
        "components": _components(contents) if contents.packages or contents.system is not None else [],
        "dependencies": _dependencies(contents, root),
    }
    if contents.gaps:
        document["compositions"] = [{"aggregate": "incomplete", "assemblies": [root]}]
    write_document(document, file)


def _image(contents: Contents, root: str) -> dict[str, object]:
    return drop_empty(
        {
            "bom-ref": root,
            "type": "container",
            "name": contents.name,
            "version": contents.version,
            "purl": contents.purl,
            "properties": named_values(_properties_of_image(contents)),
        }
    )


def _properties_of_image(contents: Contents) -> Pairs:
    analysis = contents.analysis
    yield f"{_TRIVY}ImageID", printable(analysis.config_digest)
    for layer in analysis.layers:
        yield f"{_TRIVY}DiffID", printable(layer.diff_id or "")
    if analysis.reference is not None and "@" not in analysis.reference:
        yield f"{_TRIVY}RepoTag", printable(analysis.reference)
    repository = find_repository(analysis.reference)
    if repository and analysis.digest is not None:
        yield f"{_TRIVY}RepoDigest", printable(f"{repository}@{analysis.digest}")
    yield from image_properties(contents)
    for gap in contents.gaps:
        yield "ocisize:gap", gap


def _system(system: OperatingSystem | None) -> Iterator[dict[str, object]]:
    """The component that tells scanners the distribution: Trivy by its name, Syft by its properties."""
    if system is None:
        return
    family = printable(family_of(system))
    properties = {
        "syft:distro:id": printable(system.id),
        "syft:distro:versionID": printable(system.version),
        "syft:distro:prettyName": printable(system.name),
        f"{_TRIVY}Class": "os-pkgs",
        f"{_TRIVY}Type": family,
    }
    yield drop_empty(
        {
            "bom-ref": _SYSTEM,
            "type": "operating-system",
            "name": family,
            "version": brief_version(system.version),
            "properties": named_values(properties.items()),
        }
    )


def _components(contents: Contents) -> Iterator[dict[str, object]]:
    yield from _system(contents.system)
    for listed in contents.packages:
        yield _component(listed, contents)


def _component(listed: ListedPackage, contents: Contents) -> dict[str, object]:
    package = listed.package
    vendor = printable(package.vendor)
    return drop_empty(
        {
            "bom-ref": listed.ref,
            "type": "application" if package.ecosystem == RUNTIME else "library",
            "supplier": {"name": vendor} if vendor else None,
            "group": listed.group,
            "name": listed.name,
            "version": listed.version,
            "licenses": _licenses(listed.licenses),
            "cpe": cpe_of(package),
            "purl": printable(package.purl),
            "properties": named_values(_properties_of(listed, contents)),
        }
    )


def _properties_of(listed: ListedPackage, contents: Contents) -> Pairs:
    for name, value in trivy_properties(listed, contents):
        yield f"{_TRIVY}{name}", value
    yield from syft_properties(listed, contents)
    yield from own_properties(listed.package)


def _licenses(licenses: Sequence[License]) -> list[dict[str, object]]:
    """A single expression, or ids and names: the schema does not allow both."""
    if len(licenses) == 1 and licenses[0].kind is LicenseKind.EXPRESSION:
        return [{"expression": licenses[0].text}]
    return [{"license": {"id" if one.kind is LicenseKind.ID else "name": one.text}} for one in licenses]


def _dependencies(contents: Contents, root: str) -> Iterator[dict[str, object]]:
    of_system = [_SYSTEM] if contents.system is not None else []
    graph = {root: [*of_system, *contents.direct], _SYSTEM: contents.of_system, **contents.needs}
    for ref, needed in graph.items():
        if needed:
            yield {"ref": ref, "dependsOn": needed}
