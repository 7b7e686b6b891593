"""The installed packages of an image as SPDX 2.3 in JSON: https://spdx.github.io/spdx-spec/v2.3/.

There is no list of files, which is most of such a document elsewhere. Trivy recognizes the kind of a package by how its id
begins, the source package by the words of ``sourceInfo``, and reads annotations of the form ``name: value``. The document
depends on the image and the version of ocisize alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO

import ocisize
from ocisize.model.packages import APK, DEB, RPM
from ocisize.report.options import ReportOptions
from ocisize.report.sbom.contents import Contents, ListedPackage, list_contents
from ocisize.report.sbom.document import drop_empty, write_document
from ocisize.report.sbom.licenses import License, LicenseKind
from ocisize.report.sbom.properties import (
    Pairs,
    cpe_of,
    image_properties,
    own_properties,
    source_version,
    trivy_properties,
)
from ocisize.report.sbom.systems import family_of
from ocisize.report.subject import Subject
from ocisize.text import printable

_DOCUMENT, _SYSTEM = "SPDXRef-DOCUMENT", "SPDXRef-OperatingSystem"
_NO_ID_CHARACTER = re.compile(r"[^A-Za-z0-9.-]+")
_MAX_ID_NAME = 40  # characters of a name in an id; a hash behind it makes the id unique
_ANNOTATED = ("FilePath", "LayerDiffID", "Modularitylabel")  # what Trivy reads of a package
_ALGORITHMS = {"sha256": "SHA256", "sha384": "SHA384", "sha512": "SHA512"}
_UNKNOWN = "NOASSERTION"


def write(subject: Subject, file: TextIO, options: ReportOptions) -> None:
    """Write the document; raises ReportError if the analysis was made without packages."""
    contents = list_contents(subject.analysis, options)
    root = _make_id("DocumentRoot-Image", contents.name, contents.version)
    ids = {
        listed.ref: _make_id(f"Package-{listed.package.ecosystem}", listed.name, listed.ref) for listed in contents.packages
    }
    document = drop_empty(
        {
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": _DOCUMENT,
            "name": contents.name,
            "documentNamespace": f"urn:uuid:{contents.identity}",
            "comment": f"Packages may be missing: {'; '.join(contents.gaps)}" if contents.gaps else "",
            "creationInfo": {"created": contents.created, "creators": [f"Tool: ocisize-{ocisize.__version__}"]},
            "packages": _packages(contents, root, ids),
            "hasExtractedLicensingInfos": _own_licenses(contents.packages),
            "relationships": _relationships(contents, root, ids),
        }
    )
    write_document(document, file)


def _make_id(kind: str, name: str, key: str) -> str:
    """An id with some of a name, which no other ``key`` has."""
    slug = _NO_ID_CHARACTER.sub("-", name[:_MAX_ID_NAME]).strip("-")
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"SPDXRef-{kind}-{slug}-{digest}" if slug else f"SPDXRef-{kind}-{digest}"


def _base(spdx_id: str, name: str, version: str) -> dict[str, object]:
    """What every package has; version 2.2 demands all but the version."""
    return {
        "SPDXID": spdx_id,
        "name": name,
        "versionInfo": version,
        "downloadLocation": _UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": _UNKNOWN,
        "licenseDeclared": _UNKNOWN,
        "copyrightText": _UNKNOWN,
    }


def _packages(contents: Contents, root: str, ids: Mapping[str, str]) -> Iterator[dict[str, object]]:
    yield _image(contents, root)
    yield from _system(contents)
    for listed in contents.packages:
        yield _package(listed, contents, ids[listed.ref])


def _image(contents: Contents, spdx_id: str) -> dict[str, object]:
    algorithm, _, value = contents.version.partition(":")
    checksums = [{"algorithm": _ALGORITHMS[algorithm], "checksumValue": value}] if algorithm in _ALGORITHMS else []
    return drop_empty(
        {
            **_base(spdx_id, contents.name, contents.version),
            "primaryPackagePurpose": "CONTAINER",
            "checksums": checksums,
            "externalRefs": _references(contents.purl, ""),
            "annotations": _annotations(image_properties(contents), contents),
        }
    )


def _system(contents: Contents) -> Iterator[dict[str, object]]:
    system = contents.system
    if system is not None:
        base = _base(_SYSTEM, printable(family_of(system)), printable(system.version))
        yield drop_empty({**base, "primaryPackagePurpose": "OPERATING-SYSTEM", "summary": printable(system.name)})


def _package(listed: ListedPackage, contents: Contents, spdx_id: str) -> dict[str, object]:
    package = listed.package
    name = f"{listed.group}:{listed.name}" if listed.group else listed.name
    properties = (pair for pair in trivy_properties(listed, contents) if pair[0] in _ANNOTATED)
    return drop_empty(
        {
            **_base(spdx_id, name, listed.version),
            "licenseDeclared": _declare(listed.licenses),
            "supplier": _supplier(package.vendor),
            "sourceInfo": _source_info(listed),
            "externalRefs": _references(printable(package.purl), cpe_of(package)),
            "annotations": _annotations((*properties, *own_properties(package)), contents),
        }
    )


def _supplier(vendor: str) -> str:
    """The organization, without an address of mail and without the parentheses that SPDX has around one."""
    name = re.sub(r"[()]", " ", printable(vendor).partition("<")[0])
    return f"Organization: {' '.join(name.split())}" if name.strip() else ""


def _source_info(listed: ListedPackage) -> str:
    """The source package in the words that Trivy looks for."""
    package = listed.package
    if package.ecosystem not in (DEB, APK, RPM):
        return ""
    return f"built package from: {printable(package.source or package.name)} {printable(source_version(listed))}"


def _references(purl: str, cpe: str) -> list[dict[str, str]]:
    kinds = (("PACKAGE-MANAGER", "purl", purl), ("SECURITY", "cpe23Type", cpe))
    return [
        {"referenceCategory": category, "referenceType": kind, "referenceLocator": locator}
        for category, kind, locator in kinds
        if locator
    ]


def _annotations(pairs: Iterable[tuple[str, object]] | Pairs, contents: Contents) -> list[dict[str, str]]:
    return [
        {
            "annotationDate": contents.created,
            "annotationType": "OTHER",
            "annotator": f"Tool: ocisize-{ocisize.__version__}",
            "comment": f"{name}: {value}",
        }
        for name, value in pairs
        if value not in ("", None)
    ]


def _declare(licenses: Sequence[License]) -> str:
    """All licenses as one expression; names that are no ids are defined in the document."""
    texts = [_license_id(one) if one.kind is LicenseKind.NAME else one.text for one in licenses]
    if len(texts) > 1:
        texts = [f"({text})" if " " in text else text for text in texts]
    return " AND ".join(texts) or _UNKNOWN


def _license_id(one: License) -> str:
    return f"LicenseRef-{hashlib.sha256(one.text.encode()).hexdigest()[:16]}"


def _own_licenses(packages: Iterable[ListedPackage]) -> Iterator[dict[str, str]]:
    names = {one.text: _license_id(one) for listed in packages for one in listed.licenses if one.kind is LicenseKind.NAME}
    for text in sorted(names):
        yield {"licenseId": names[text], "extractedText": text, "name": text}


def _relationships(contents: Contents, root: str, ids: Mapping[str, str]) -> Iterator[dict[str, str]]:
    yield _relate(_DOCUMENT, "DESCRIBES", root)
    if contents.system is not None:
        yield _relate(root, "CONTAINS", _SYSTEM)
    for ref in contents.of_system:
        yield _relate(_SYSTEM, "CONTAINS", ids[ref])
    for ref in contents.direct:
        yield _relate(root, "CONTAINS", ids[ref])
    for ref, needed in contents.needs.items():
        for other in needed:
            yield _relate(ids[ref], "DEPENDS_ON", ids[other])


def _relate(element: str, kind: str, other: str) -> dict[str, str]:
    return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": other}
