"""Analyses with packages made by hand, in the forms that the databases of distributions and languages have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ocisize.model.analysis import Analysis
from ocisize.model.packages import APK, DEB, GEM, GO, JAVA, NPM, PYTHON, RPM, RUNTIME, Inventory, Package, PackageReason
from ocisize.model.system import OperatingSystem, System
from ocisize.values import evolve
from tests.hostile import HOSTILE, analysis_of

DEBIAN = System(os=OperatingSystem("debian", "Debian GNU/Linux 12 (bookworm)", "12", "12.11"), package_manager="dpkg")
ALPINE = System(os=OperatingSystem("alpine", "Alpine Linux v3.20", "3.20.1"), package_manager="apk")
RHEL = System(os=OperatingSystem("rhel", "Red Hat Enterprise Linux 9.4 (Plow)", "9.4"), package_manager="rpm")


def package(ecosystem: str, name: str, version: str, purl: str, **more: Any) -> Package:
    """A package with 900 live and 100 wasted bytes."""
    facts: dict[str, Any] = {
        "place": "",
        "database": "var/lib/dpkg/status",
        "layer": 0,
        "installed": True,
        "reason": PackageReason.UNKNOWN,
        "content_size": 1000,
        "wasted_size": 100,
        "compressed_size": 400,
        "wasted_compressed_size": 40,
        "file_count": 3,
    }
    return Package(ecosystem=ecosystem, name=name, version=version, purl=purl, **(facts | more))


def image_of(packages: Sequence[Package], system: System = DEBIAN, **more: Any) -> Analysis:
    """An analysis of two layers that says that it has these packages."""
    warnings = more.pop("warnings", ())
    inventory = Inventory(packages=tuple(packages), unowned=(), overhead_size=0, warnings=warnings)
    analysis = analysis_of([("a", b"1" * 5000)], [("b", b"2" * 4000), ("a", b"3" * 3000)])
    layers = tuple(evolve(layer, diff_id=f"sha256:{number:064x}") for number, layer in enumerate(analysis.layers, start=10))
    return evolve(analysis, **{"system": system, "packages": inventory, "layers": layers, **more})


LIBSSL = package(
    DEB, "libssl3", "3.0.17-1~deb12u3",
    "pkg:deb/debian/libssl3@3.0.17-1~deb12u3?arch=amd64&distro=debian-12&upstream=openssl",
    source="openssl", architecture="amd64", needed_by=("curl", "git"), reason=PackageReason.NEEDED,
    vendor="Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>",
)  # fmt: skip
GIT = package(
    DEB, "git", "1:2.39.5-0+deb12u2",
    "pkg:deb/debian/git@1%3A2.39.5-0%2Bdeb12u2?arch=amd64&distro=debian-12", source="git", reason=PackageReason.ASKED, layer=1,
)  # fmt: skip
GCC = package(
    DEB, "gcc", "4:12.2.0-3",
    "pkg:deb/debian/gcc@4%3A12.2.0-3?arch=amd64&distro=debian-12&upstream=gcc-defaults%401.203",
    source="gcc-defaults", source_version="1.203",
)  # fmt: skip
LIBCRYPTO = package(
    APK, "libcrypto3", "3.3.1-r0",
    "pkg:apk/alpine/libcrypto3@3.3.1-r0?arch=x86_64&distro=alpine-3.20.1&upstream=openssl",
    database="lib/apk/db/installed", source="openssl", licenses=("Apache-2.0",),
)  # fmt: skip
OPENSSL_LIBS = package(
    RPM, "openssl-libs", "1:3.0.7-27.el9",
    "pkg:rpm/redhat/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=rhel-9.4&epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm",
    database="var/lib/rpm/rpmdb.sqlite", source="openssl", source_version="3.0.7-27.el9", licenses=("ASL 2.0",),
)  # fmt: skip
NODE_MODULE = package(
    RPM, "nodejs", "20.11.1-1.module+el9",
    "pkg:rpm/redhat/nodejs@20.11.1-1.module%2Bel9?arch=x86_64&distro=rhel-9.4&epoch=1&rpmmod=nodejs%3A20",
    database="var/lib/rpm/rpmdb.sqlite", source="nodejs",
)  # fmt: skip
REQUESTS = package(
    PYTHON, "requests", "2.31.0", "pkg:pypi/requests@2.31.0", layer=1, licenses=("Apache-2.0",),
    place="usr/lib/python3.11/site-packages",
    database="usr/lib/python3.11/site-packages/requests-2.31.0.dist-info/METADATA",
)  # fmt: skip
OTHER_REQUESTS = evolve(
    REQUESTS, place="venv/lib/site-packages", database="venv/lib/site-packages/requests-2.31.0.dist-info/METADATA"
)
IDNA = package(
    PYTHON, "idna", "3.6", "pkg:pypi/idna@3.6", layer=1, licenses=("BSD-3-Clause AND MIT",), needed_by=("requests",),
    place="usr/lib/python3.11/site-packages", database="usr/lib/python3.11/site-packages/idna-3.6.dist-info/METADATA",
)  # fmt: skip
PYTHON3_YAML = package(
    DEB, "python3-yaml", "6.0-3+b2", "pkg:deb/debian/python3-yaml@6.0-3%2Bb2?arch=amd64&distro=debian-12&upstream=pyyaml%406.0-3",
    source="pyyaml", source_version="6.0-3", vendor="Debian Python Team <team+python@tracker.debian.org>",
)  # fmt: skip
YAML = package(
    PYTHON, "pyyaml", "6.0", "pkg:pypi/pyyaml@6.0", owned_by=("python3-yaml",),
    database="usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/PKG-INFO",
)  # fmt: skip
BABEL = package(
    NPM, "@babel/core", "7.24.0", "pkg:npm/%40babel/core@7.24.0", database="app/node_modules/@babel/core/package.json",
    place="app/node_modules/@babel/core", reason=PackageReason.DEVELOPMENT, licenses=("MIT",),
)  # fmt: skip
MUX = package(GO, "github.com/gorilla/mux", "v1.8.1", "pkg:golang/github.com/gorilla/mux@v1.8.1", database="usr/bin/serve")
STDLIB = package(GO, "stdlib", "1.22.5", "pkg:golang/stdlib@1.22.5", database="usr/bin/serve")
GUAVA = package(
    JAVA, "com.google.guava:guava", "33.0", "pkg:maven/com.google.guava/guava@33.0", database="app/guava-33.0.jar"
)
RAKE = package(
    GEM, "rake", "13.0.6", "pkg:gem/rake@13.0.6", database="var/lib/gems/specifications/rake-13.0.6.gemspec",
    licenses=("MIT", "Ruby"),
)  # fmt: skip
PYTHON_ITSELF = package(RUNTIME, "python", "3.11.2", "pkg:generic/python@3.11.2", database="usr/local/bin/python3.11")
REMOVED = evolve(GIT, name="removed", installed=False, purl="pkg:deb/debian/removed@1")

LANGUAGES = (REQUESTS, OTHER_REQUESTS, IDNA, BABEL, MUX, STDLIB, GUAVA, RAKE, PYTHON_ITSELF)
ON_DEBIAN = image_of([LIBSSL, GIT, GCC, PYTHON3_YAML, *LANGUAGES, YAML, REMOVED])
ON_ALPINE = image_of([LIBCRYPTO, REQUESTS, BABEL], ALPINE)
ON_RHEL = image_of([OPENSSL_LIBS, NODE_MODULE, REQUESTS], RHEL)
WITHOUT_SYSTEM = image_of([LIBSSL, REQUESTS, BABEL], System())
EMPTY = image_of([], System(), layers=(), reference=None, digest=None, created="")
_HOSTILE = [name.replace("\0", "") for name in HOSTILE]
HOSTILE_NAMES = image_of(
    [
        package(
            ecosystem, name, name, f"pkg:{ecosystem}/x%2F@1", source=name, source_version=name, vendor=name,
            licenses=(name, "MIT"), database=name, place=name, architecture=name, needed_by=tuple(_HOSTILE),
        )
        for ecosystem in (DEB, PYTHON, JAVA, RUNTIME)
        for name in _HOSTILE
    ],
    System(os=OperatingSystem(_HOSTILE[8], _HOSTILE[9], _HOSTILE[10]), package_manager="dpkg"),
    source=_HOSTILE[8], reference=None, created=_HOSTILE[2], warnings=(_HOSTILE[8], _HOSTILE[10]),
)  # fmt: skip
IMAGES = {
    "debian": ON_DEBIAN,
    "alpine": ON_ALPINE,
    "rhel": ON_RHEL,
    "no system": WITHOUT_SYSTEM,
    "empty": EMPTY,
    "hostile": HOSTILE_NAMES,
}  # fmt: skip
