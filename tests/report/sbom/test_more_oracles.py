"""Images of apk and rpm, and of further languages, as ocisize, Syft and Trivy find their packages by themselves."""

from __future__ import annotations

import io
import json
import lzma
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packageurl import PackageURL

from ocisize import Analysis, Analyzer
from ocisize.report.options import ReportOptions
from ocisize.report.sbom.contents import list_contents
from tests.images import Entry, build_image, layer, write_docker_archive
from tests.packages.rpm_databases import make_package, make_sqlite
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

pytestmark = [pytest.mark.slow, needs_scanners]
SLES_DATABASE = Path(__file__).parents[2] / "inventory" / "rpm" / "sle15.Packages.db.xz"

APK = """\
C:Q1pdz1ZSxTt7mBVEp7uHkCDlFxHiM=
P:libcrypto3
V:3.3.1-r0
A:x86_64
I:4538368
L:Apache-2.0
o:openssl
m:Natanael Copa <ncopa@alpinelinux.org>
D:so:libc.musl-x86_64.so.1
p:so:libcrypto.so.3=3
F:usr/lib
R:libcrypto.so.3
Z:Q1FmQ9cbU7v0XAnxGkRjtYbFIxzvE=

C:Q1pdz1ZSxTt7mBVEp7uHkCDlFxHiN=
P:musl
V:1.2.5-r0
A:x86_64
L:MIT
o:musl
p:so:libc.musl-x86_64.so.1=1

"""
RHEL = make_sqlite(
    [
        make_package(
            "openssl-libs", ["/usr/lib64/libssl.so.3"], VERSION="3.0.7", RELEASE="27.el9", EPOCH=[1], LICENSE="ASL 2.0",
            SOURCE_RPM="openssl-3.0.7-27.el9.src.rpm", VENDOR="Red Hat, Inc.",
        ),
        make_package(
            "filesystem", ["/usr/share/filesystem"], VERSION="3.16", RELEASE="2.el9", LICENSE="Public Domain",
            SOURCE_RPM="filesystem-3.16-2.el9.src.rpm", VENDOR="Red Hat, Inc.",
        ),
    ]
)  # fmt: skip
FILES: Mapping[str, Mapping[str, Entry]] = {
    "alpine": {
        "etc/os-release": b'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.1\n',
        "etc/alpine-release": b"3.20.1\n",
        "lib/apk/db/installed": APK.encode(),
    },
    "sles": {
        "etc/os-release": b'NAME="SLES"\nVERSION_ID="15.5"\nID="sles"\nID_LIKE="suse"\n',
        "usr/lib/sysimage/rpm/Packages.db": lzma.decompress(SLES_DATABASE.read_bytes()),
    },
    "rhel": {
        "etc/os-release": b'NAME="Red Hat Enterprise Linux"\nVERSION_ID="9.4"\nID="rhel"\n',
        "etc/redhat-release": b"Red Hat Enterprise Linux release 9.4 (Plow)\n",
        "var/lib/rpm/rpmdb.sqlite": RHEL,
    },
}


class Oracle(NamedTuple):
    """An image, and the reports of both programs on it."""

    analysis: Analysis
    by_syft: Any
    by_trivy: Any


def ask(files: Mapping[str, Entry], folder: Path) -> Oracle:
    archive = write_docker_archive(build_image([layer(files)]), folder / "image.tar")
    analysis = Analyzer(packages=True).analyze(archive)
    by_syft = run_syft(["scan", f"docker-archive:{archive}"], folder)
    return Oracle(analysis, by_syft, run_trivy(["image", "--input", str(archive)], folder))


def listed(analysis: Analysis) -> list[Seen]:
    packages = list_contents(analysis, ReportOptions()).packages
    return sorted((type_of(one.package.purl), one.package.name, one.version) for one in packages)


def facts_of(package: Any) -> tuple[Any, ...]:
    source = (package.get(f"Src{part}") for part in ("Name", "Epoch", "Version", "Release"))
    return package["Name"], *source, package.get("Arch"), package["Layer"]["DiffID"]


@pytest.mark.parametrize("system", FILES)
def test_all_find_the_packages_of_a_system(system: str, tmp_path: Path) -> None:
    """Type, name, version, package URL and source are the same, by themselves and out of both documents."""
    oracle = ask(FILES[system], tmp_path)
    expected = listed(oracle.analysis)
    assert len(expected) >= 2
    assert seen_by_syft(oracle.by_syft) == seen_by_trivy(oracle.by_trivy) == expected
    urls = {PackageURL.from_string(one["purl"]) for one in oracle.by_syft["artifacts"]}
    facts = {facts_of(one) for one in trivy_packages(oracle.by_trivy)}
    for name in DOCUMENTS:
        path = tmp_path / f"{name}.json"
        path.write_text(text_of(name, oracle.analysis), encoding="utf-8")
        by_syft, by_trivy = run_syft(["convert", str(path)], tmp_path), run_trivy(["sbom", str(path)], tmp_path)
        assert seen_by_syft(by_syft) == seen_by_trivy(by_trivy) == expected
        assert {PackageURL.from_string(one["purl"]) for one in by_syft["artifacts"] if one["purl"]} == urls
        assert {facts_of(one) for one in trivy_packages(by_trivy)} == facts
        assert by_trivy["Metadata"]["OS"] == oracle.by_trivy["Metadata"]["OS"]
        assert [by_syft["distro"][key] for key in ("id", "versionID")] == [
            oracle.by_syft["distro"][key] for key in ("id", "versionID")
        ]


def jar(group: str, artifact: str, version: str, more: Mapping[str, bytes] | None = None) -> bytes:
    """A jar as Maven makes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        text = f"groupId={group}\nartifactId={artifact}\nversion={version}\n"
        archive.writestr(f"META-INF/maven/{group}/{artifact}/pom.properties", text)
        for path, data in (more or {}).items():
            archive.writestr(path, data)
    return file.getvalue()


COMPOSER = {
    "packages": [
        {
            "name": "monolog/monolog",
            "version": "3.5.0",
            "type": "library",
            "license": ["MIT"],
            "install-path": "../monolog/monolog",
        }
    ],
    "dev": True,
    "dev-package-names": [],
}
NUGET = "Newtonsoft.Json/13.0.3"
DEPENDENCIES = {
    "runtimeTarget": {"name": ".NETCoreApp,Version=v8.0"},
    "targets": {".NETCoreApp,Version=v8.0": {NUGET: {"runtime": {"lib/net6.0/Newtonsoft.Json.dll": {}}}}},
    "libraries": {NUGET: {"type": "package", "serviceable": True, "sha512": "sha512-x", "path": "newtonsoft.json/13.0.3"}},
}
CONDA = {
    "name": "zlib",
    "version": "1.2.13",
    "build": "h1",
    "channel": "conda-forge",
    "subdir": "linux-64",
    "files": ["lib/libz.so"],
}
RAKE = (
    "Gem::Specification.new do |s|\n  s.name = 'rake'.freeze\n  s.version = '13.0.6'\n  s.licenses = ['MIT'.freeze]\nend\n"
)
OF_LANGUAGES: Mapping[str, Entry] = {
    "app/guava-33.0.jar": jar("com.google.guava", "guava", "33.0.0-jre"),
    "app/boot.jar": jar(
        "org.acme", "boot", "1.0", {"BOOT-INF/lib/gson-2.10.jar": jar("com.google.code.gson", "gson", "2.10")}
    ),
    "usr/local/lib/ruby/gems/3.2.0/specifications/rake-13.0.6.gemspec": RAKE.encode(),
    "usr/local/lib/ruby/gems/3.2.0/gems/rake-13.0.6/lib/rake.rb": b"#",
    "srv/vendor/composer/installed.json": json.dumps(COMPOSER).encode(),
    "srv/vendor/monolog/monolog/src/Logger.php": b"<?php",
    "opt/net/app.deps.json": json.dumps(DEPENDENCIES).encode(),
    "opt/net/Newtonsoft.Json.dll": b"x" * 100,
    "opt/conda/conda-meta/zlib-1.2.13-h1.json": json.dumps(CONDA).encode(),
    "opt/conda/lib/libz.so": b"z" * 100,
}


def test_all_find_the_packages_of_languages(tmp_path: Path) -> None:
    """Syft looks for .NET and conda elsewhere, Trivy for jars in a database of its own; out of the documents both have all."""
    oracle = ask(OF_LANGUAGES, tmp_path)
    ours = set(listed(oracle.analysis))
    short = {(kind, name.rpartition(":")[2], version) for kind, name, version in ours}  # Syft has groups elsewhere
    conda, nuget = ("conda", "zlib", "1.2.13"), ("nuget", "Newtonsoft.Json", "13.0.3")
    assert len(ours) == 7
    assert set(seen_by_syft(oracle.by_syft)) == short - {conda, nuget}
    assert set(seen_by_trivy(oracle.by_trivy)) == {one for one in ours if one[0] != "maven"} - {conda}
    for name in DOCUMENTS:
        path = tmp_path / f"{name}.json"
        path.write_text(text_of(name, oracle.analysis), encoding="utf-8")
        assert set(seen_by_syft(run_syft(["convert", str(path)], tmp_path))) == (short if name == "cyclonedx" else ours)
        assert set(seen_by_trivy(run_trivy(["sbom", str(path)], tmp_path))) == ours
