"""CycloneDX and SPDX: valid for the validators of both, complete, and the same each time."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from packageurl import PackageURL
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from ocisize import Analysis, Analyzer, from_json, to_json
from ocisize.errors import ReportError
from ocisize.model.packages import ECOSYSTEMS, Package
from ocisize.model.system import OperatingSystem, System
from ocisize.report.formats import write_report
from ocisize.report.options import ReportOptions
from ocisize.values import evolve
from tests.hostile import texts
from tests.images import write_layout
from tests.report.sbom.inventories import (
    BABEL,
    DEBIAN,
    EMPTY,
    GCC,
    GIT,
    HOSTILE_NAMES,
    IDNA,
    IMAGES,
    LIBCRYPTO,
    LIBSSL,
    MUX,
    ON_ALPINE,
    ON_DEBIAN,
    ON_RHEL,
    OPENSSL_LIBS,
    PYTHON_ITSELF,
    RAKE,
    REQUESTS,
    RHEL,
    WITHOUT_SYSTEM,
    image_of,
    package,
)
from tests.test_injection import hostile_image

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def text_of(name: str, analysis: Analysis, **options: Any) -> str:
    file = io.StringIO(newline="")
    write_report(name, analysis, file, ReportOptions(**options))
    return file.getvalue()


def cyclonedx(analysis: Analysis, **options: Any) -> Any:
    return json.loads(text_of("cyclonedx", analysis, **options))


def spdx(analysis: Analysis, **options: Any) -> Any:
    return json.loads(text_of("spdx", analysis, **options))


def component(document: Any, name: str) -> Any:
    (found,) = (one for one in document["components"] if one["name"] == name)
    return found


def properties(component: Any) -> dict[str, str]:
    return {one["name"]: one["value"] for one in component.get("properties", ())}


def notes(package: Any) -> dict[str, str]:
    return dict(note["comment"].split(": ", 1) for note in package.get("annotations", ()))


@pytest.mark.parametrize("image", IMAGES)
def test_cyclonedx_is_valid(image: str) -> None:
    """Every document is valid for the strict schema of 1.6, and its ids and the ends of its edges agree."""
    text = text_of("cyclonedx", IMAGES[image])
    assert VALIDATOR.validate_str(text) is None
    document = json.loads(text)
    refs = [document["metadata"]["component"]["bom-ref"], *(one["bom-ref"] for one in document["components"])]
    assert len(set(refs)) == len(refs)
    edges = document.get("dependencies", [])
    assert {edge["ref"] for edge in edges} | {ref for edge in edges for ref in edge["dependsOn"]} <= set(refs)
    assert len({edge["ref"] for edge in edges}) == len(edges)


@pytest.mark.parametrize("image", IMAGES)
def test_spdx_is_valid(image: str) -> None:
    """spdx-tools reads every document and has no objection."""
    document = JsonLikeDictParser().parse(spdx(IMAGES[image]))  # type: ignore[no-untyped-call]
    assert [message.validation_message for message in validate_full_spdx_document(document)] == []


@pytest.mark.parametrize("name", ["cyclonedx", "spdx"])
def test_documents_are_the_same_each_time(name: str) -> None:
    """Neither the order of the packages nor the time of the run change a document."""
    packages = ON_DEBIAN.packages
    assert packages is not None
    turned = evolve(ON_DEBIAN, packages=evolve(packages, packages=packages.packages[::-1]))
    assert text_of(name, turned) == text_of(name, ON_DEBIAN)
    assert text_of(name, evolve(ON_DEBIAN, digest=f"sha256:{7:064x}")) != text_of(name, ON_DEBIAN)


@pytest.mark.parametrize("name", ["cyclonedx", "spdx"])
@pytest.mark.parametrize("image", ["debian", "hostile"])
def test_saved_analyses_write_the_same_documents(name: str, image: str) -> None:
    """What JSON keeps of an analysis is enough."""
    assert text_of(name, from_json(to_json(IMAGES[image]))) == text_of(name, IMAGES[image])


@pytest.mark.parametrize("name", ["cyclonedx", "spdx"])
def test_documents_name_the_image(name: str) -> None:
    """The serial number depends on the manifest, or the config of an image without one."""
    key = {"cyclonedx": "serialNumber", "spdx": "documentNamespace"}[name]
    serials = {
        json.loads(text_of(name, image))[key]
        for image in (ON_DEBIAN, evolve(ON_DEBIAN, digest=f"sha256:{7:064x}"), evolve(ON_DEBIAN, digest=None),
                      evolve(ON_DEBIAN, digest=None, config_digest=f"sha256:{8:064x}"), evolve(ON_DEBIAN, source="other"))
    }  # fmt: skip
    assert len(serials) == 4
    assert all(serial.startswith("urn:uuid:") for serial in serials)


@pytest.mark.parametrize("name", ["cyclonedx", "spdx"])
def test_documents_need_packages(name: str) -> None:
    """An analysis without packages is refused: an empty list would say that there are none."""
    with pytest.raises(ReportError, match="no packages"):
        text_of(name, evolve(ON_DEBIAN, packages=None))


@pytest.mark.parametrize(
    ("created", "source_date", "written"),
    [
        ("2026-01-02T03:04:05.123456789Z", None, "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+02:00", None, "2026-01-02T01:04:05Z"),
        ("2026-01-02T03:04:05.5-02:00", None, "2026-01-02T05:04:05Z"),
        ("0001-01-01T00:00:00Z", None, "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+05:00", None, "1970-01-01T00:00:00Z"),
        ("2026-02-30T00:00:00Z", None, "1970-01-01T00:00:00Z"),
        ("", None, "1970-01-01T00:00:00Z"),
        ("yesterday\x1b", None, "1970-01-01T00:00:00Z"),
        ("2026-01-02T03:04:05Z", 1_700_000_000, "2023-11-14T22:13:20Z"),
        ("2026-01-02T03:04:05Z", 0, "1970-01-01T00:00:00Z"),
        ("2026-01-02T03:04:05Z", 1 << 70, "2026-01-02T03:04:05Z"),
    ],
)
def test_dates(created: str, source_date: int | None, written: str) -> None:
    """A document has the source date, or the time of the image, in UTC and in whole seconds."""
    image = evolve(ON_DEBIAN, created=created)
    assert cyclonedx(image, source_date=source_date)["metadata"]["timestamp"] == written
    assert spdx(image, source_date=source_date)["creationInfo"]["created"] == written


def test_debian_packages_have_their_source() -> None:
    """Advisories of Debian name source packages: epoch, version and revision apart for Trivy, whole for Syft."""
    document = cyclonedx(ON_DEBIAN)
    libssl, git, gcc = (properties(component(document, one.name)) for one in (LIBSSL, GIT, GCC))
    trivy = "aquasecurity:trivy:"
    assert [libssl.get(f"{trivy}Src{part}") for part in ("Name", "Epoch", "Version", "Release")] == [
        "openssl", None, "3.0.17", "1~deb12u3",
    ]  # fmt: skip
    assert [git.get(f"{trivy}Src{part}") for part in ("Name", "Epoch", "Version", "Release")] == [
        "git", "1", "2.39.5", "0+deb12u2",
    ]  # fmt: skip
    assert [gcc.get(f"{trivy}Src{part}") for part in ("Name", "Epoch", "Version", "Release")] == [
        "gcc-defaults", None, "1.203", None,
    ]  # fmt: skip
    assert (gcc["syft:metadata:source"], gcc["syft:metadata:sourceVersion"]) == ("gcc-defaults", "1.203")
    assert (libssl["syft:metadata:source"], libssl.get("syft:metadata:sourceVersion")) == ("openssl", None)
    assert git.get("syft:metadata:source") is None
    rebuilt = properties(component(cyclonedx(image_of([evolve(GIT, source_version="1:2.39.5-0")])), "git"))
    assert (rebuilt["syft:metadata:source"], rebuilt["syft:metadata:sourceVersion"]) == ("git", "1:2.39.5-0")
    assert libssl[f"{trivy}PkgType"] == "debian"
    assert libssl["syft:package:metadataType"] == "dpkg-db-entry"


def test_other_systems_have_their_source() -> None:
    """apk has the origin, rpm the epoch, the source rpm and the module stream."""
    apk = properties(component(cyclonedx(ON_ALPINE), LIBCRYPTO.name))
    assert (apk["aquasecurity:trivy:SrcName"], apk["aquasecurity:trivy:SrcVersion"]) == ("openssl", "3.3.1-r0")
    assert apk["syft:metadata:originPackage"] == "openssl"
    document = cyclonedx(ON_RHEL)
    rpm = properties(component(document, "openssl-libs"))
    assert [rpm[f"aquasecurity:trivy:Src{part}"] for part in ("Name", "Epoch", "Version", "Release")] == [
        "openssl", "1", "3.0.7", "27.el9",
    ]  # fmt: skip
    assert (rpm["syft:metadata:sourceRpm"], rpm["syft:metadata:epoch"]) == ("openssl-3.0.7-27.el9.src.rpm", "1")
    node = properties(component(document, "nodejs"))
    assert component(document, "nodejs")["version"] == "1:20.11.1-1.module+el9"
    assert (node["aquasecurity:trivy:SrcEpoch"], node["syft:metadata:epoch"]) == ("1", "1")
    assert node["aquasecurity:trivy:Modularitylabel"] == node["syft:metadata:modularityLabel"] == "nodejs:20"


@pytest.mark.parametrize(
    ("id_", "name", "family"),
    [("debian", "Debian", "debian"), ("rhel", "Red Hat", "redhat"), ("amzn", "Amazon Linux 2", "amazon"),
     ("centos", "CentOS Linux 7", "centos"), ("centos", "CentOS Stream 9", "centos-stream"), ("ol", "Oracle", "oracle"),
     ("almalinux", "AlmaLinux", "alma"), ("mariner", "CBL-Mariner", "cbl-mariner"), ("rocky", "Rocky", "rocky"),
     ("sl-micro", "SL Micro", "slem"), ("opensuse-leap", "openSUSE", "opensuse-leap")],
)  # fmt: skip
def test_systems_have_the_names_of_trivy(id_: str, name: str, family: str) -> None:
    """The component of the system has Trivy's name, and os-release in the properties of Syft."""
    assert DEBIAN.os is not None
    image = image_of([LIBSSL], evolve(DEBIAN, os=evolve(DEBIAN.os, id=id_, name=name)))
    system = cyclonedx(image)["components"][0]
    assert (system["type"], system["name"], "purl" in system) == ("operating-system", family, False)
    assert properties(system)["syft:distro:id"] == id_
    package = spdx(image)["packages"][1]
    assert (package["SPDXID"], package["name"]) == ("SPDXRef-OperatingSystem", family)


def test_packages_hang_below_the_system_or_the_image() -> None:
    """Trivy groups packages by these edges: image to system and languages, system to its packages."""
    document = cyclonedx(ON_DEBIAN)
    root = document["metadata"]["component"]["bom-ref"]
    edges = {edge["ref"]: edge["dependsOn"] for edge in document["dependencies"]}
    kinds = {one["bom-ref"]: one.get("purl", "").partition("/")[0] for one in document["components"]}
    assert edges[root][0] == "operating-system"
    assert {kinds[ref] for ref in edges["operating-system"]} == {"pkg:deb"}
    assert "pkg:deb" not in {kinds[ref] for ref in edges[root]}
    assert len(edges[root]) - 1 + len(edges["operating-system"]) == len(document["components"]) - 1
    of_document = spdx(ON_DEBIAN)
    contained = {one["relatedSpdxElement"] for one in of_document["relationships"] if one["relationshipType"] == "CONTAINS"}
    assert contained == {one["SPDXID"] for one in of_document["packages"][1:]}


def test_packages_without_a_system_hang_below_the_image() -> None:
    """An image without os-release has no component of a system."""
    document = cyclonedx(WITHOUT_SYSTEM)
    assert [one["type"] for one in document["components"]] == ["library"] * 3
    assert len(document["dependencies"][0]["dependsOn"]) == 3


def test_requirements_are_edges() -> None:
    """A package depends on those that it needs, in its own place if there are several."""
    document = cyclonedx(ON_DEBIAN)
    edges = {edge["ref"]: edge["dependsOn"] for edge in document["dependencies"]}
    assert edges[GIT.purl] == [LIBSSL.purl]
    (needing,) = (ref for ref in edges if ref.startswith("pkg:pypi/requests"))
    assert edges[needing] == [IDNA.purl]
    place = properties(next(one for one in document["components"] if one["bom-ref"] == needing))
    assert place["aquasecurity:trivy:FilePath"] == REQUESTS.database
    kinds = [one["relationshipType"] for one in spdx(ON_DEBIAN)["relationships"]]
    assert kinds.count("DEPENDS_ON") == 2


def test_removed_and_owned_packages_are_left_out() -> None:
    """A container does not see removed packages, and the system's own packages of languages are its packages."""
    document, of_document = cyclonedx(ON_DEBIAN), spdx(ON_DEBIAN)
    names = {one["name"] for one in document["components"]}
    assert names.isdisjoint({"removed", "pyyaml"})
    assert {one["name"] for one in of_document["packages"]}.isdisjoint({"removed", "pyyaml"})
    nameless = image_of([evolve(PYTHON_ITSELF, version="")])
    assert [one["type"] for one in cyclonedx(nameless)["components"]] == ["operating-system"]


def listed_names(*packages: Package) -> set[str]:
    return {one["name"] for one in cyclonedx(image_of(packages))["components"]} - {"debian"}


def test_only_the_distribution_stands_for_packages_of_languages() -> None:
    """What packages of other vendors and of languages bring is listed: no advisory of the distribution is about it."""
    module = evolve(MUX, owned_by=("docker-ce",))
    docker = evolve(GIT, name="docker-ce", vendor="Docker <support@docker.com>", purl="pkg:deb/debian/docker-ce@1")
    assert listed_names(docker, module) == {"docker-ce", MUX.name}
    assert listed_names(evolve(docker, vendor="Debian Go Team <team+go@tracker.debian.org>"), module) == {"docker-ce"}
    assert listed_names(evolve(docker, installed=False), module) == {MUX.name}
    esbuild = evolve(BABEL, name="esbuild", purl="pkg:npm/esbuild@1")
    inside = evolve(MUX, owned_by=("esbuild",))
    assert listed_names(esbuild, inside) == {"esbuild", MUX.name}
    both = evolve(GIT, name="esbuild", purl="pkg:deb/debian/esbuild@1")  # whose name says nothing about the owner
    assert listed_names(both, esbuild, inside) == {"esbuild", MUX.name}
    rake, of_debian = evolve(RAKE, owned_by=("rake",)), evolve(GIT, name="rake", purl="pkg:deb/debian/rake@13")
    assert [one["purl"] for one in cyclonedx(image_of([rake, of_debian]))["components"][1:]] == [of_debian.purl]


@pytest.mark.parametrize(("vendor", "listed"), [("Red Hat, Inc.", 1), ("SUSE LLC <https://www.suse.com/>", 1), ("", 1),
                                                ("NodeSource", 2), ("HashiCorp", 2)])  # fmt: skip
def test_vendors_of_rpm(vendor: str, listed: int) -> None:
    """The vendor tells packages of the distribution from those of other repositories."""
    module = evolve(MUX, owned_by=("openssl-libs",))
    document = cyclonedx(image_of([evolve(OPENSSL_LIBS, vendor=vendor), module], RHEL))
    assert len(document["components"]) - 1 == listed


def test_bytes_are_properties() -> None:
    """Each package has its bytes, and those of no package are left: live bytes add up to the image."""
    document = cyclonedx(ON_DEBIAN)
    git = properties(component(document, "git"))
    own = {name.removeprefix("ocisize:"): value for name, value in git.items() if name.startswith("ocisize:")}
    assert own == {"live-bytes": "900", "wasted-bytes": "100", "download-bytes": "400", "layer": "1", "reason": "asked"}
    assert git["aquasecurity:trivy:LayerDiffID"] == git["syft:location:0:layerID"] == ON_DEBIAN.layers[1].diff_id
    image = properties(document["metadata"]["component"])
    live = sum(int(properties(one).get("ocisize:live-bytes", 0)) for one in document["components"])
    assert live + int(image["ocisize:unlisted-live-bytes"]) == int(image["ocisize:live-bytes"]) == ON_DEBIAN.live_size
    assert int(image["ocisize:wasted-bytes"]) == ON_DEBIAN.wasted_size > 0
    (package,) = (one for one in spdx(ON_DEBIAN)["packages"] if one["name"] == "git")
    assert {f"ocisize:{name}": value for name, value in own.items()}.items() <= notes(package).items()
    unknown = image_of([evolve(GIT, compressed_size=None)])
    assert "ocisize:download-bytes" not in properties(component(cyclonedx(unknown), "git"))


def test_names_are_whole() -> None:
    """Readers drop groups, so only Java has one; package URLs have the same names for packageurl."""
    document = cyclonedx(ON_DEBIAN)
    named = {(one.get("group"), one["name"]) for one in document["components"]}
    assert {(None, "@babel/core"), (None, "github.com/gorilla/mux"), ("com.google.guava", "guava")} <= named
    assert [group for group, _ in named if group] == ["com.google.guava"]
    for one in document["components"][1:]:
        purl = PackageURL.from_string(one["purl"])
        assert one["name"] == (purl.name if "group" in one else f"{purl.namespace}/{purl.name}"
                               if purl.namespace and purl.type != "deb" else purl.name)  # fmt: skip
    assert "com.google.guava:guava" in {one["name"] for one in spdx(ON_DEBIAN)["packages"]}


def test_the_image_has_a_package_url() -> None:
    """It names the manifest and the repository; an image without a manifest has none."""
    image = cyclonedx(ON_DEBIAN)["metadata"]["component"]
    purl = PackageURL.from_string(image["purl"])
    assert (purl.type, purl.name, purl.version) == ("oci", "app", ON_DEBIAN.digest)
    assert purl.qualifiers == {"arch": "amd64", "repository_url": "registry.io/app", "tag": "1.2"}
    for one in (evolve(ON_DEBIAN, digest=None), evolve(ON_DEBIAN, reference=None), evolve(ON_DEBIAN, reference="A\nB")):
        assert "purl" not in cyclonedx(one)["metadata"]["component"]
    assert cyclonedx(evolve(ON_DEBIAN, digest=None))["metadata"]["component"]["version"] == ON_DEBIAN.config_digest
    found = properties(image)
    assert found["aquasecurity:trivy:ImageID"] == ON_DEBIAN.config_digest
    assert found["aquasecurity:trivy:RepoTag"] == "registry.io/app:1.2"
    assert found["aquasecurity:trivy:RepoDigest"] == f"registry.io/app@{ON_DEBIAN.digest}"
    by_digest = evolve(ON_DEBIAN, reference=f"registry.io/app@{ON_DEBIAN.digest}")
    found = properties(cyclonedx(by_digest)["metadata"]["component"])
    assert "aquasecurity:trivy:RepoTag" not in found
    assert found["aquasecurity:trivy:RepoDigest"] == by_digest.reference
    assert PackageURL.from_string(cyclonedx(by_digest)["metadata"]["component"]["purl"]).qualifiers == {
        "arch": "amd64", "repository_url": "registry.io/app",
    }  # fmt: skip
    local = cyclonedx(evolve(ON_DEBIAN, reference="app"))["metadata"]["component"]
    assert local["purl"] == f"pkg:oci/app@sha256%3A{1:064x}?arch=amd64"
    assert "aquasecurity:trivy:RepoDigest" not in properties(local)
    diff_ids = [one["value"] for one in image["properties"] if one["name"] == "aquasecurity:trivy:DiffID"]
    assert diff_ids == [layer.diff_id for layer in ON_DEBIAN.layers]


def test_runtimes_and_the_standard_library_have_cpes() -> None:
    """Scanners find advisories on these by CPE only."""
    document = cyclonedx(ON_DEBIAN)
    assert component(document, "python")["cpe"] == "cpe:2.3:a:python:python:3.11.2:*:*:*:*:*:*:*"
    assert component(document, "python")["type"] == "application"
    assert component(document, "stdlib")["cpe"] == "cpe:2.3:a:golang:go:1.22.5:*:*:*:*:*:*:*"
    assert "cpe" not in component(document, "git")
    (stdlib,) = (one for one in spdx(ON_DEBIAN)["packages"] if one["name"] == "stdlib")
    assert [one["referenceType"] for one in stdlib["externalRefs"]] == ["purl", "cpe23Type"]


def test_licenses_in_both_documents() -> None:
    """Ids, expressions and names have their own members; SPDX defines names in the document."""
    document = cyclonedx(image_of([IDNA, BABEL, evolve(REQUESTS, licenses=("ASL 2.0", "MIT OR ISC"))]))
    assert component(document, "idna")["licenses"] == [{"expression": "BSD-3-Clause AND MIT"}]
    assert component(document, "@babel/core")["licenses"] == [{"license": {"id": "MIT"}}]
    assert component(document, "requests")["licenses"] == [
        {"license": {"name": "ASL 2.0"}}, {"license": {"name": "MIT OR ISC"}},
    ]  # fmt: skip
    of_document = spdx(image_of([IDNA, BABEL, evolve(REQUESTS, licenses=("ASL 2.0", "MIT OR ISC"))]))
    (named,) = of_document["hasExtractedLicensingInfos"]
    assert named["extractedText"] == "ASL 2.0"
    declared = {one["name"]: one["licenseDeclared"] for one in of_document["packages"]}
    assert declared["idna"] == "BSD-3-Clause AND MIT"
    assert declared["requests"] == f"{named['licenseId']} AND (MIT OR ISC)"
    assert declared["debian"] == "NOASSERTION"


def test_gaps_are_declared() -> None:
    """Packages of a second system, databases that cannot be read and unread layers make the document incomplete."""
    mixed = image_of([LIBSSL, GIT, LIBCRYPTO], warnings=("var/lib/rpm/Packages: too large",))
    document = cyclonedx(mixed)
    assert {one.get("purl", "")[:7] for one in document["components"]} == {"", "pkg:deb"}
    gaps = [one["value"] for one in document["metadata"]["component"]["properties"] if one["name"] == "ocisize:gap"]
    assert gaps == ["1 package of apk left out, because the system has those of deb", "var/lib/rpm/Packages: too large"]
    assert document["compositions"] == [
        {"aggregate": "incomplete", "assemblies": [document["metadata"]["component"]["bom-ref"]]}
    ]
    assert spdx(mixed)["comment"] == f"Packages may be missing: {'; '.join(gaps)}"
    assert "compositions" not in cyclonedx(ON_DEBIAN)
    assert "comment" not in spdx(ON_DEBIAN)
    assert "compositions" in cyclonedx(evolve(ON_DEBIAN, config_layers=7))


def test_a_removed_database_is_a_gap() -> None:
    """The files of its packages are still in the image; leftovers of single packages are none."""
    gone = [evolve(LIBSSL, installed=False), evolve(GIT, installed=False)]
    comment = "Packages may be missing: the database of deb is gone, which had 2 packages with files in the image"
    assert spdx(image_of([*gone, REQUESTS]))["comment"] == comment
    assert "comment" not in spdx(image_of([evolve(LIBSSL, installed=False), GIT]))
    assert "comment" not in spdx(image_of([evolve(LIBSSL, installed=False, wasted_size=1000), REQUESTS]))


packages = st.builds(
    package,
    st.sampled_from(ECOSYSTEMS),
    texts,
    texts,
    texts.map(lambda text: f"pkg:generic/{quote(text, safe='', errors='surrogatepass')}"),
    place=texts, database=texts, layer=st.integers(0, 1), installed=st.booleans(), needed_by=st.lists(texts, max_size=2).map(tuple),
    source=texts, source_version=texts, vendor=texts, licenses=st.lists(texts, max_size=3).map(tuple),
    owned_by=st.lists(texts, max_size=1).map(tuple), compressed_size=st.none() | st.integers(0, 1 << 60),
)  # fmt: skip
systems = st.none() | st.builds(OperatingSystem, texts, texts, texts)


@given(st.lists(packages, max_size=5), systems, texts, st.lists(texts, max_size=2))
@settings(max_examples=50)
def test_random_names_are_valid(found: list[Package], system: OperatingSystem | None, name: str, gaps: list[str]) -> None:
    """Whatever an image names, both documents are valid, list as many packages, and hold no control character."""
    image = image_of(found, System(os=system), reference=None, source=name, created=name, warnings=tuple(gaps))
    text, of_spdx = text_of("cyclonedx", image), text_of("spdx", image)
    assert VALIDATOR.validate_str(text) is None
    parsed = JsonLikeDictParser().parse(json.loads(of_spdx))  # type: ignore[no-untyped-call]
    assert [message.validation_message for message in validate_full_spdx_document(parsed)] == []
    assert len(json.loads(text)["components"]) == len(json.loads(of_spdx)["packages"]) - 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", text + of_spdx)


def test_a_hostile_database_is_listed(tmp_path: Path) -> None:
    """An image in which everything with a name has a hostile one, its packages and its distribution too."""
    found = Analyzer(packages=True).analyze(write_layout(hostile_image(1), tmp_path / "image"))
    assert found.packages is not None and found.system.os is not None
    document, of_spdx = cyclonedx(found), spdx(found)
    assert VALIDATOR.validate_str(json.dumps(document)) is None
    parsed = JsonLikeDictParser().parse(of_spdx)  # type: ignore[no-untyped-call]
    assert [message.validation_message for message in validate_full_spdx_document(parsed)] == []
    assert len(document["components"]) == len(of_spdx["packages"]) - 1 == len(found.packages.packages) + 1 > 10
    assert all(PackageURL.from_string(one["purl"]).type == "deb" for one in document["components"][1:])


def test_hostile_names_stay_apart() -> None:
    """No package is lost to a name that another one has, and each component has its line."""
    assert HOSTILE_NAMES.packages is not None
    count = len(HOSTILE_NAMES.packages.packages)
    lines = text_of("cyclonedx", HOSTILE_NAMES).splitlines()
    assert sum(line.startswith('{"bom-ref"') for line in lines) == count + 1
    assert len(spdx(HOSTILE_NAMES)["packages"]) == count + 2
    assert cyclonedx(EMPTY)["components"] == []
