"""Packages, groups of packages, and files that no package owns, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ocisize.model.analysis import LayerAnalysis
from ocisize.model.packages import Inventory, Package, PackageReason, Unowned, UnownedFiles
from ocisize.patterns import lazy_pattern
from ocisize.sizes.packages import PackageGrouping, PackageListing, PackageRow
from ocisize.text import count_of, plural, printable

OVERHEAD = "tar headers and padding"  #: bytes of the download that belong to no entry
UNREAD = "layers that were not read"  #: whose content is unknown
NOT_OWNED = "Not owned by a package"  #: above the files that no package owns
NO_DATABASE = "no package database was found, so nobody knows which packages own these files"
_REASONS = {
    PackageReason.ASKED: "asked for",
    PackageReason.NEEDED: "needed",
    PackageReason.RECOMMENDED: "recommended only",
    PackageReason.DEVELOPMENT: "development",
    PackageReason.UNKNOWN: "",
}
_UNOWNED = {
    Unowned.CACHE: "other caches",
    Unowned.APPLICATION: "application files",
    Unowned.GENERATED: "generated files",
    Unowned.UNKNOWN: "other files",
}
_NO_FILES = "directories and links"  # entries without content, which take space in a tar
_PYTHON_FOLDER = lazy_pattern(r"/lib(?:64)?/python\d[\d.]*/(?:site|dist)-packages/?\Z")
_MAX_NAMED = 3  # packages of a group


def name_package(package: Package, repeated: Iterable[tuple[str, str]] = ()) -> str:
    """The name of a package; with its directory if the image has several packages of this name.

    ``repeated``: ecosystems and names of packages that the image has more than once.
    """
    name = printable(package.name)
    if package.place and (package.ecosystem, package.name) in repeated:
        return f"{name} (in {show_place(package.place)})"
    return name


def show_place(place: str) -> str:
    """A directory with packages, as people name it: of Python the environment.

    >>> show_place("opt/venv/lib/python3.12/site-packages"), show_place("app/node_modules")
    ('/opt/venv', '/app/node_modules')
    """
    path = "/" + place.strip("/")
    return printable(_PYTHON_FOLDER.sub("", path) or path)


class Explainer:
    """Says why the packages of an image are there."""

    def __init__(self, inventory: Inventory) -> None:
        self._installed = {
            (package.ecosystem, package.name, package.place): package.version
            for package in inventory.packages
            if package.installed
        }

    def show_version(self, package: Package) -> str:
        """The version of a package; of one that a container does not see also whether another version replaces it."""
        version, successor = printable(package.version), self._successor(package)
        if package.installed or (successor is None and package.live_size):
            return version
        return f"{version} {'(removed)' if successor is None else '(replaced)'}".lstrip()

    def explain(self, package: Package) -> str:
        """Why a package is there, or what became of it; "" if nothing is known."""
        if not package.installed:
            version = self._successor(package)
            if version is None:
                return "no longer in a database" if package.live_size else "removed"
            return f"replaced by {printable(version) or 'another'}"
        if package.reason is PackageReason.NEEDED and package.needed_by:
            return f"needed by {_enumerate(package.needed_by)}"
        reason = _REASONS[package.reason]
        if not reason and package.owned_by:
            return f"files of {_enumerate(package.owned_by)}"
        return reason

    def _successor(self, package: Package) -> str | None:
        return self._installed.get((package.ecosystem, package.name, package.place))


def _enumerate(names: tuple[str, ...]) -> str:
    """The first name, and how many more there are."""
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return printable(names[0]) + more


def name_row(row: PackageRow, listing: PackageListing, layers: Sequence[LayerAnalysis]) -> str:
    """The name of a row: of the package, of the source package, of the ecosystem, or of one of the image's ``layers``."""
    first = row.packages[0]
    names = {
        PackageGrouping.PACKAGE: lambda: name_package(first, listing.repeated),
        PackageGrouping.SOURCE: lambda: printable(first.source or first.name),
        PackageGrouping.ECOSYSTEM: lambda: first.ecosystem,
        PackageGrouping.LAYER: lambda: _name_layer(layers[first.layer]),
    }
    return names[listing.by]()


def _name_layer(layer: LayerAnalysis) -> str:
    return printable(f"layer {layer.index}: {layer.build_step.shown or layer.digest[:19]}")


def describe_members(row: PackageRow) -> str:
    """The packages of a group: how many, and the largest."""
    names = list(dict.fromkeys(printable(package.name) for package in row.packages))
    shown = ", ".join(names[:_MAX_NAMED]) + (", …" if len(names) > _MAX_NAMED else "")
    return f"{count_of(len(row.packages), 'package')}: {shown}" if len(row.packages) > 1 else shown


def version_of_row(row: PackageRow, by: PackageGrouping) -> str:
    """The version of a package, or that of the source package of all packages in a group; "" if there are several."""
    if by is PackageGrouping.PACKAGE:
        return printable(row.packages[0].version)
    if by is not PackageGrouping.SOURCE:
        return ""
    versions = {package.source_version or package.version for package in row.packages}
    return printable(versions.pop()) if len(versions) == 1 else ""


def name_unowned(files: UnownedFiles) -> str:
    """What the files of one kind that no package owns are."""
    if not files.name and not files.content_size and not files.file_count:
        return _NO_FILES
    return printable(files.name) or _UNOWNED[files.kind]


def locate_unowned(files: UnownedFiles) -> str:
    """Where the files of one kind that no package owns are: ``in /var/lib/apt/lists``; "" if their name says it."""
    return f"in {printable(files.path)}" if files.path not in ("", "/", files.name) else ""


def describe_inventory(inventory: Inventory) -> str:
    """How many packages of which ecosystems there are, and how many of them a container sees in no database."""
    if not inventory.packages:
        return f"No packages: {NO_DATABASE}"
    counts = Counter(package.ecosystem for package in inventory.packages)
    parts = ", ".join(f"{count:,} {ecosystem}" for ecosystem, count in counts.most_common())
    others = [package for package in inventory.packages if not package.installed]
    unlisted = sum(package.live_size > 0 for package in others)
    places = (unlisted, "no longer in a database"), (len(others) - unlisted, "only in lower layers")
    notes = "".join(f", {count:,} of them {place}" for count, place in places if count)
    title = count_of(len(inventory.packages), "package")
    detail = f" ({parts})" if len(counts) > 1 else f" of {parts.partition(' ')[2]}"
    return f"{title}{detail}{notes}"


def name_others(listing: PackageListing) -> str:
    """The row of what the list has no row for."""
    noun = {PackageGrouping.PACKAGE: "package", PackageGrouping.SOURCE: "source package"}.get(listing.by, listing.by.value)
    return f"… {listing.other_count:,} other {plural(listing.other_count, noun)}"


def name_left_out(listing: PackageListing) -> str:
    """The row of what was not chosen."""
    return "… all other packages and files" if listing.is_narrowed else "… all other kinds"
