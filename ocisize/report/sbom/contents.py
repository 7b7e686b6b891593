"""What a bill of materials lists, before it is written in a format: the installed packages, their ids and what needs what.

Packages that a container does not see are none of its packages. A package of a language that the distribution maintains, as
Debian's ``python3-yaml`` has PyYAML, is left out: the advisories of the distribution are about it, and others would name
versions that it has fixed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import ocisize
from ocisize.errors import ReportError
from ocisize.model.packages import ECOSYSTEMS, JAVA, OF_SYSTEM, RPM, RUNTIME, Package
from ocisize.report.sbom.licenses import License, read_licenses
from ocisize.report.sbom.purls import PurlParts, add_qualifier, make_image_purl, split_purl
from ocisize.report.sbom.systems import choose_ecosystem, is_of_distribution
from ocisize.report.words.findings import describe_image
from ocisize.report.words.incomplete import headline
from ocisize.text import count_of, printable
from ocisize.values import frozen

if TYPE_CHECKING:
    from ocisize.model.analysis import Analysis
    from ocisize.model.system import OperatingSystem
    from ocisize.report.options import ReportOptions

_ORDER = {name: number for number, name in enumerate(ECOSYSTEMS)}
_MAX_VERSION = 1024  # characters
_EPOCH = "1970-01-01T00:00:00Z"
_MAX_SECONDS = 253_402_300_800  # to the end of the year 9999, after which RFC 3339 has no times


@frozen(kw_only=True)
class ListedPackage:
    """A package with its id in the document."""

    package: Package
    ref: str  #: the package URL, with a qualifier if another package has the same one

    @property
    def parts(self) -> PurlParts:
        """The parts of its package URL."""
        return split_purl(self.package.purl)

    @property
    def licenses(self) -> Sequence[License]:
        """Its licenses, as documents name them."""
        return read_licenses(map(printable, self.package.licenses))

    @property
    def name(self) -> str:
        """The whole name as the ecosystem writes it; of Java without the group, if the package URL has one."""
        name = self.parts.name if self.group else self.package.name
        return printable(name)

    @property
    def version(self) -> str:
        """The version, with the epoch of rpm that its package URL has apart; "" if it is not known."""
        return brief_version(f"{self.epoch}:{self.package.version}" if self.epoch else self.package.version)

    @property
    def epoch(self) -> str:
        """The epoch of a package of rpm whose version does not begin with it, "" for all others."""
        package = self.package
        return (
            printable(self.parts.qualifiers.get("epoch", ""))
            if package.ecosystem == RPM and ":" not in package.version
            else ""
        )

    @property
    def group(self) -> str:
        """The group of a package of Java; "" for all others, because readers drop it from the name."""
        return printable(self.parts.namespace) if self.package.ecosystem == JAVA else ""

    @property
    def is_of_system(self) -> bool:
        """Whether it is one of the packages of the operating system."""
        return self.package.ecosystem in OF_SYSTEM


@frozen(kw_only=True)
class Contents:
    """All that both formats write."""

    analysis: Analysis
    name: str  #: of the image
    version: str  #: digest of the manifest, or of the config
    purl: str  #: of the image, "" if it has none
    identity: str  #: a UUID that depends on the image and the version of ocisize alone
    created: str  #: RFC 3339 in UTC, to the second
    system: OperatingSystem | None
    packages: Sequence[ListedPackage]
    needs: Mapping[str, Sequence[str]]  #: ids of packages → ids of those that they need or recommend
    gaps: Sequence[str]  #: why packages may be missing, in words

    def diff_id_of(self, package: Package) -> str:
        """The diff_id of the layer of a package, "" if the config does not have it."""
        layers = self.analysis.layers
        return printable(layers[package.layer].diff_id or "") if package.layer < len(layers) else ""

    @property
    def live_size(self) -> int:
        """Bytes of the packages that a container sees."""
        return sum(listed.package.live_size for listed in self.packages)

    @property
    def direct(self) -> list[str]:
        """The ids of the packages that belong to the image and not to its operating system."""
        return [listed.ref for listed in self.packages if self.system is None or not listed.is_of_system]

    @property
    def of_system(self) -> list[str]:
        """The ids of the packages of the operating system; [] if none was recognized."""
        return [listed.ref for listed in self.packages if self.system is not None and listed.is_of_system]


def brief_version(version: str) -> str:
    """A version that is no longer than CycloneDX allows."""
    return printable(version)[:_MAX_VERSION]


def list_contents(analysis: Analysis, options: ReportOptions) -> Contents:
    """What the bill of materials of an image lists.

    Raises ReportError if the analysis was made without packages.
    """
    import uuid

    inventory = analysis.packages
    if inventory is None:
        raise ReportError("the analysis has no packages", hint="make it with Analyzer(packages=True)")
    main = choose_ecosystem(analysis.system, (package for package in inventory.packages if package.installed))
    maintained = _find_maintained(inventory.packages)
    chosen = [package for package in inventory.packages if _is_listed(package, main) and not maintained(package)]
    listed = _identify(sorted(chosen, key=_sort_key))
    version = analysis.digest or analysis.config_digest
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"ocisize:{ocisize.__version__}:{version}")
    return Contents(
        analysis=analysis,
        name=describe_image(analysis),
        version=printable(version),
        purl=printable(make_image_purl(analysis)),
        identity=str(identity),
        created=_created(analysis.created, options.source_date),
        system=analysis.system.os,
        packages=listed,
        needs=_find_needs(listed),
        gaps=[printable(gap) for gap in _find_gaps(analysis, inventory.packages, inventory.warnings, main)],
    )


def _is_listed(package: Package, main: str) -> bool:
    if not package.installed:
        return False
    if package.ecosystem == RUNTIME:
        return bool(package.version)  # without one, nothing can be looked up
    return package.ecosystem == main or package.ecosystem not in OF_SYSTEM


def _find_maintained(packages: Iterable[Package]) -> Callable[[Package], bool]:
    """A function that says whether a package of a language has its files from a package of the distribution.

    Owners are known by name alone. A name that both the distribution and a language have means the package itself, such as
    Debian's ``rake``, or else is taken for that of the language, which lists more packages.
    """
    of_system, of_languages = set[str](), set[str]()
    for package in packages:
        if package.ecosystem not in OF_SYSTEM:
            of_languages.add(package.name)
        elif package.installed and is_of_distribution(package):
            of_system.add(package.name)

    def is_maintained(package: Package) -> bool:
        return package.ecosystem not in OF_SYSTEM and any(
            owner in of_system and (owner == package.name or owner not in of_languages) for owner in package.owned_by
        )

    return is_maintained


def _sort_key(package: Package) -> tuple[object, ...]:
    """As the document writes it, so that a saved analysis gives the same order."""
    texts = package.name, package.version, package.purl, package.database
    return (_ORDER.get(package.ecosystem, len(_ORDER)), *map(printable, texts))


def _identify(packages: Sequence[Package]) -> list[ListedPackage]:
    """The packages with ids, no two alike: of equal package URLs all have a hash of the place, or else a number."""
    counts = Counter(package.purl for package in packages)
    known, listed = set[str](), list[ListedPackage]()
    for number, package in enumerate(packages):
        purl = ref = printable(package.purl)
        if counts[package.purl] > 1:
            place = f"{printable(package.database)}\0{printable(package.place)}"
            ref = add_qualifier(purl, "package-id", hashlib.sha256(place.encode()).hexdigest()[:16])
        if ref in known:
            ref = add_qualifier(purl, "package-id", f"p{number}")
        known.add(ref)
        listed.append(ListedPackage(package=package, ref=ref))
    return listed


def _find_needs(listed: Iterable[ListedPackage]) -> dict[str, list[str]]:
    """What each package needs. A name means the package in the same place, or else the only one of the ecosystem."""
    by_place, by_name = dict[tuple[str, str, str], str](), dict[tuple[str, str], str | None]()
    listed = list(listed)
    for one in listed:
        package = one.package
        by_place.setdefault((package.ecosystem, package.place, package.name), one.ref)
        name = package.ecosystem, package.name
        by_name[name] = None if name in by_name else one.ref
    needs: dict[str, list[str]] = {}
    for one in listed:
        package = one.package
        for needing in package.needed_by:
            ref = by_place.get((package.ecosystem, package.place, needing)) or by_name.get((package.ecosystem, needing))
            if ref is not None and ref != one.ref:
                needs.setdefault(ref, []).append(one.ref)
    return {ref: list(dict.fromkeys(needs[ref])) for ref in sorted(needs)}


def _find_gaps(analysis: Analysis, packages: Iterable[Package], warnings: Iterable[str], main: str) -> list[str]:
    """Why packages may be missing; ``main`` is the ecosystem of the system, whose packages are listed."""
    packages = tuple(packages)
    gaps = [] if analysis.complete else [headline(analysis)]
    gaps += [analysis.layer_mismatch] if analysis.layer_mismatch else []
    # What a package manager leaves of a removed package is no gap, so the database as a whole must be gone.
    kept = {one.ecosystem for one in packages if one.installed}
    gone = Counter(one.ecosystem for one in packages if not one.installed and one.live_size > 0)
    gaps += [
        f"the database of {name} is gone, which had {count_of(gone[name], 'package')} with files in the image"
        for name in OF_SYSTEM
        if gone[name] and name not in kept
    ]
    others = Counter(one.ecosystem for one in packages if one.installed and one.ecosystem in OF_SYSTEM)
    gaps += [
        f"{count_of(others[name], 'package')} of {name} left out, because the system has those of {main}"
        for name in OF_SYSTEM
        if others[name] and name != main
    ]
    return [*gaps, *warnings]


def _created(created: str, source_date: int | None) -> str:
    """A time in UTC, to the second: the source date, or when the image was created; 1970 if that is unknown."""
    from datetime import datetime, timedelta, timezone

    start = datetime(1970, 1, 1, tzinfo=timezone.utc)
    if source_date is not None and 0 <= source_date < _MAX_SECONDS:
        time = start + timedelta(seconds=source_date)
    else:
        date, _, rest = created.partition("T")
        clock, zone = rest[:8], rest[8:].lstrip(".0123456789")
        try:
            time = datetime.fromisoformat(f"{date}T{clock}{'+00:00' if zone in ('Z', 'z') else zone}")
            time = time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)
        except (ValueError, OverflowError):
            return _EPOCH
    return f"{time.replace(tzinfo=None, microsecond=0).isoformat()}Z"
