"""The packages of an image, with the bytes that belong to each of them, and the bytes that belong to none."""

from __future__ import annotations

import enum

from ocisize.values import frozen

DEB, APK, RPM, ALPM = "deb", "apk", "rpm", "alpm"
PYTHON, CONDA, NPM, GEM, COMPOSER = "python", "conda", "npm", "gem", "composer"
JAVA, GO, RUST, DOTNET, RUNTIME = "java", "go", "rust", "dotnet", "runtime"
OF_SYSTEM = (DEB, APK, RPM, ALPM)  #: ecosystems of distributions
#: all ecosystems; those of distributions own a file before the others do, and others in this order
ECOSYSTEMS = (*OF_SYSTEM, CONDA, PYTHON, NPM, GEM, COMPOSER, JAVA, GO, RUST, DOTNET, RUNTIME)


class PackageReason(enum.Enum):
    """Why a package is there."""

    ASKED = "asked"  #: a command named it
    NEEDED = "needed"  #: another package needs it
    RECOMMENDED = "recommended"  #: packages only recommend it
    DEVELOPMENT = "development"  #: only development needs it
    UNKNOWN = "unknown"  #: no database says


class Unowned(enum.Enum):
    """The kinds of files that no package owns."""

    CACHE = "cache"  #: what tools keep to be faster next time: indexes, downloads, compiled files of no package
    APPLICATION = "application"  #: what was copied or built into a directory of its own
    GENERATED = "generated"  #: what the scripts of packages and the system make
    UNKNOWN = "unknown"  #: anything else


@frozen(kw_only=True)
class OwnedSizes:
    """The sums of stored entries that belong together, in bytes; ``Group`` of ``model.sizes`` defines them."""

    content_size: int  #: bytes of content
    wasted_size: int  #: bytes of ``content_size`` that no container sees
    compressed_size: int | None  #: without the bytes of the blobs that belong to no entry; None if unknown
    wasted_compressed_size: int | None  #: the download of the wasted ones; None if unknown
    file_count: int  #: number of regular files

    @property
    def live_size(self) -> int:
        """``content_size - wasted_size``."""
        return self.content_size - self.wasted_size


@frozen(kw_only=True)
class Package(OwnedSizes):
    """A package, or one that a higher layer removed or replaced, with the bytes that belong to it."""

    ecosystem: str  #: one of ECOSYSTEMS
    name: str  #: as the ecosystem compares names
    version: str  #: "" if it is not known
    purl: str  #: package URL, https://github.com/package-url/purl-spec
    place: str  #: the directory that tells several installations apart; "" is that of the whole system
    database: str  #: path of the file that lists the package
    layer: int  #: index of the layer that has most of its bytes; of a package without files, that has its database
    installed: bool  #: whether a container sees its database entry; without one, it may still see files of the package
    reason: PackageReason  #: why it is there
    needed_by: tuple[str, ...] = ()  #: names of packages that need or recommend it, sorted, at most 100
    #: bytes of content that would go with it: its own, and those of packages that nothing else needs; None if unknown
    exclusive_size: int | None = None
    architecture: str = ""  #: as the database writes it
    source: str = ""  #: of the source package, "" if the ecosystem has none
    source_version: str = ""  #: "" if it is ``version``
    vendor: str = ""  #: who maintains the package
    licenses: tuple[str, ...] = ()  #: as the database writes them
    #: names of other packages that own files of this one, as Debian's ``python3-yaml`` owns those of PyYAML, sorted
    owned_by: tuple[str, ...] = ()


@frozen(kw_only=True)
class UnownedFiles(OwnedSizes):
    """The files of one kind that no package owns."""

    kind: Unowned  #: what they are
    name: str  #: what they are in more detail, such as ``apt lists``; "" for all others of the kind
    layer: int  #: index of the layer that has most of their bytes
    #: the innermost directory that has all of them, or if that is the root, the one that has most of their bytes, with a
    #: slash in front; "" if it is not known
    path: str = ""


@frozen(kw_only=True)
class Inventory:
    """All stored bytes of an image by owner. The parts add up to the image, in content and in download.

    ``sum(content_size)`` over ``packages`` and ``unowned`` is the image's ``content_size``; likewise for ``wasted_size`` and
    ``file_count``. For ``compressed_size``, ``overhead_size`` is added.
    """

    packages: tuple[Package, ...]  #: the largest download first, or the largest content where downloads are unknown
    unowned: tuple[UnownedFiles, ...]  #: likewise
    #: bytes of the download that belong to no entry, manifest and config left out; None if unknown
    overhead_size: int | None
    warnings: tuple[str, ...] = ()  #: databases that could not be read or are too large, in words
