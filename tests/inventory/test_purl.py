"""Package URLs, read back by the reference implementation."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from ocisize.inventory.purl import purl_of
from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import ECOSYSTEMS
from ocisize.model.system import OperatingSystem, System

DEBIAN = OperatingSystem("debian", "Debian", "12")
ALPINE = OperatingSystem("alpine", "Alpine", "3.20.1")
RHEL = OperatingSystem("rhel", "Red Hat", "9.4")
LEAP = OperatingSystem("opensuse-leap", "openSUSE Leap", "15.6")
ARCH = OperatingSystem("arch", "Arch Linux", "")


def record(ecosystem: str, name: str, version: str = "", architecture: str = "", source: str = "", source_version: str = "",
           qualifiers: Mapping[str, str] | None = None) -> PackageRecord:  # fmt: skip
    return PackageRecord(
        ecosystem=ecosystem, name=name, version=version, database=b"", architecture=architecture, source=source,
        source_version=source_version, qualifiers=qualifiers or {},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("package", "os", "expected"),
    [
        (record("deb", "libssl3", "3.0.20-1~deb12u2", "amd64", "openssl"), DEBIAN,
         "pkg:deb/debian/libssl3@3.0.20-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl"),
        (record("deb", "passwd", "1:4.13+dfsg1-1", "amd64", "passwd"), DEBIAN,
         "pkg:deb/debian/passwd@1%3A4.13%2Bdfsg1-1?arch=amd64&distro=debian-12"),
        (record("deb", "bash", "5.2.15-2+b13", "amd64", "bash", "5.2.15-2"), None,
         "pkg:deb/debian/bash@5.2.15-2%2Bb13?arch=amd64&upstream=bash%405.2.15-2"),
        (record("apk", "libcrypto3", "3.3.1-r0", "x86_64", "openssl"), ALPINE,
         "pkg:apk/alpine/libcrypto3@3.3.1-r0?arch=x86_64&distro=alpine-3.20.1&upstream=openssl"),
        (record("rpm", "openssl-libs", "1:3.0.7-27.el9", "x86_64", "openssl", "1:3.0.7-27.el9"), RHEL,
         "pkg:rpm/redhat/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=rhel-9.4&epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm"),
        (record("rpm", "MozillaFirefox", "1-1", "noarch"), LEAP,
         "pkg:rpm/opensuse/MozillaFirefox@1-1?arch=noarch&distro=opensuse-leap-15.6"),
        (record("alpm", "pacman", "6.0.1-1", "x86_64", "base"), ARCH,
         "pkg:alpm/arch/pacman@6.0.1-1?arch=x86_64&distro=arch&upstream=base"),
        (record("python", "scikit-learn", "1.9.1"), DEBIAN, "pkg:pypi/scikit-learn@1.9.1"),
        (record("npm", "@babel/core", "7.24.0"), None, "pkg:npm/%40babel/core@7.24.0"),
        (record("gem", "nokogiri", "1.18.0", qualifiers={"platform": "x86_64-linux"}), None,
         "pkg:gem/nokogiri@1.18.0?platform=x86_64-linux"),
        (record("rust", "aes", "0.8.4"), None, "pkg:cargo/aes@0.8.4"),
        (record("dotnet", "Serilog", "4.0.0"), None, "pkg:nuget/Serilog@4.0.0"),
        (record("java", "org.slf4j:slf4j-api", "2.0.9"), None, "pkg:maven/org.slf4j/slf4j-api@2.0.9"),
        (record("java", "app", "1.0"), None, "pkg:maven/app@1.0"),
        (record("composer", "symfony/console", "7.0"), None, "pkg:composer/symfony/console@7.0"),
        (record("go", "github.com/gorilla/mux/v2", "v2.1.0"), None, "pkg:golang/github.com/gorilla/mux/v2@v2.1.0"),
        (record("conda", "pip", "22.2", qualifiers={"subdir": "linux-64", "build": "py310_0", "channel": "main"}), None,
         "pkg:conda/pip@22.2?build=py310_0&channel=main&subdir=linux-64"),
        (record("runtime", "python", "3.12.1"), None, "pkg:generic/python@3.12.1"),
    ],
)  # fmt: skip
def test_forms(package: PackageRecord, os: OperatingSystem | None, expected: str) -> None:
    """Each ecosystem in the form that scanners read."""
    purl = purl_of(package, System(os=os))
    assert purl == expected
    parsed = PackageURL.from_string(purl)
    assert parsed.name == package.name.replace(":", "/").rpartition("/")[2] and parsed.version is not None


# The reference implementation removes white space at both ends, and knows no name without anything else
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=20).filter(
    lambda text: text.strip() == text
)


@given(st.sampled_from(["npm", "gem", "rust", "dotnet", "conda"]), TEXT, TEXT, TEXT)
def test_any_text_is_read_back(ecosystem: str, name: str, version: str, value: str) -> None:
    """Names and versions of a hostile image change nothing else of the URL."""
    purl = purl_of(record(ecosystem, name, version, qualifiers={"build": value}), System())
    assert purl.isascii() and " " not in purl
    parsed = PackageURL.from_string(purl)
    assert parsed.version == version
    assert dict(parsed.qualifiers or {}) == {"build": value}


@pytest.mark.parametrize("ecosystem", ECOSYSTEMS)
def test_every_ecosystem_has_a_type(ecosystem: str) -> None:
    """Also a record whose name and version are not known."""
    purl = purl_of(record(ecosystem, "a\udc80", ""), System())
    assert purl.startswith("pkg:") and purl.endswith("a%80")
