"""Distributions and versions of packages as scanners of SBOMs name them.

Trivy compares the name of the operating system with its families:
https://github.com/aquasecurity/trivy/blob/main/pkg/fanal/types/const.go. All others read the ID of os-release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ocisize.model.packages import ALPM, APK, DEB, RPM, Package
from ocisize.model.system import OperatingSystem, System
from ocisize.tuples import NamedTuple

#: ID of os-release → Trivy's family, where they differ
_FAMILIES: Mapping[str, str] = {
    "rhel": "redhat", "amzn": "amazon", "almalinux": "alma", "ol": "oracle", "mariner": "cbl-mariner",
    "opensuse": "opensuse-leap", "sle-micro": "slem", "sl-micro": "slem", "sle-micro-rancher": "slem",
}  # fmt: skip
_MANAGERS = {"dpkg": DEB, "apk": APK, "rpm": RPM, "pacman": ALPM}
_OF_SYSTEM = (DEB, APK, RPM, ALPM)
#: parts of the field Maintainer, in lower case, of vendors with repositories of their own
_OTHER_VENDORS = (
    "docker.com", "nvidia.com", "nodesource", "hashicorp", "@microsoft.com", "elastic.co", "grafana.com", "datadoghq.com",
    "mongodb.com", "confluent.io", "gitlab.com", "github.com", "percona.com", "influxdata.com", "google llc",
)  # fmt: skip
#: how the vendors of distributions with packages of rpm begin, in lower case
_RPM_DISTRIBUTIONS = (
    "red hat", "fedora project", "centos", "rocky", "almalinux", "cloudlinux", "oracle america", "amazon linux",
    "amazon.com", "suse", "opensuse", "vmware", "broadcom", "microsoft corporation",
)  # fmt: skip


class SplitVersion(NamedTuple):
    """The parts of a version of dpkg and rpm, ``[epoch:]version[-release]``."""

    epoch: str  #: "" if there is none
    version: str
    release: str  #: "" if there is none


def family_of(system: OperatingSystem) -> str:
    """The name that Trivy has for a distribution: the ID of os-release if it has no other.

    >>> family_of(OperatingSystem("rhel", "Red Hat Enterprise Linux 9.4 (Plow)", "9.4"))
    'redhat'
    """
    if system.id == "centos" and system.name.startswith("CentOS Stream"):
        return "centos-stream"
    return _FAMILIES.get(system.id, system.id)


def split_version(version: str) -> SplitVersion:
    """The parts of a version of dpkg or rpm.

    >>> tuple(split_version("1:2.39.5-0+deb12u2"))
    ('1', '2.39.5', '0+deb12u2')
    >>> tuple(split_version("20230311"))
    ('', '20230311', '')
    """
    epoch, colon, rest = version.partition(":")
    if not (colon and epoch.isascii() and epoch.isdigit()):
        epoch, rest = "", version
    upstream, dash, release = rest.rpartition("-")
    return SplitVersion(epoch, upstream, release) if dash else SplitVersion(epoch, rest, "")


def is_of_distribution(package: Package) -> bool:
    """Whether a package of the system comes from its distribution, whose advisories then cover what is in it.

    Other vendors are known by the maintainer of a package of dpkg, distributions by the vendor of a package of rpm.
    """
    vendor = package.vendor.lower()
    if package.ecosystem == DEB:
        return not any(name in vendor for name in _OTHER_VENDORS)
    return package.ecosystem != RPM or not vendor or vendor.startswith(_RPM_DISTRIBUTIONS)


def choose_ecosystem(system: System, packages: Iterable[Package]) -> str:
    """The ecosystem whose packages are those of the operating system; "" without such packages.

    It is that of the package manager, or else the one with the most packages. Trivy reads no document with two.
    """
    counts = dict.fromkeys(_OF_SYSTEM, 0)
    for package in packages:
        if package.ecosystem in counts:
            counts[package.ecosystem] += 1
    main = _MANAGERS.get(system.package_manager or "", "")
    if counts.get(main):
        return main
    most = max(counts, key=lambda name: counts[name])
    return most if counts[most] else ""
