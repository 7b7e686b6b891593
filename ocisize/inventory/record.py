"""PackageRecord: a package as one database of a layer lists it, before its files are looked for."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ocisize.text import decode_name
from ocisize.tuples import NamedTuple
from ocisize.values import field, frozen

#: alternatives that satisfy one requirement, as names of packages or of what packages provide
Alternatives: TypeAlias = tuple[str, ...]


#: what a parser may raise for a damaged record, besides DatabaseError, which is a ValueError
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, struct.error)


def list_nothing() -> Iterable[bytes]:
    """The files of a package whose database does not list them."""
    return ()


@frozen(kw_only=True, eq=False)
class PackageRecord:
    """A package that a database lists. Paths are as in file tables: bytes, without a leading slash.

    A package owns the paths of ``list_files``, and what is below its ``directories`` and belongs to no package further in.
    """

    ecosystem: str  #: one of ``model.packages.ECOSYSTEMS``
    name: str  #: as the ecosystem compares names: Python's are normalized, npm's have their scope
    version: str  #: with the release, and of dpkg with the epoch; "" if it is not known
    database: bytes  #: path of the file that lists the package
    place: bytes = b""  #: the directory that tells several installations apart; b"" is that of the whole system
    list_files: Callable[[], Iterable[bytes]] = list_nothing  #: the files that the database lists, parsed on demand
    directories: tuple[bytes, ...] = ()  #: that belong to the package as a whole
    excluded_directories: tuple[
        bytes, ...
    ] = ()  #: of these, those in which files belong to no package unless one lists them
    architecture: str = ""  #: as the database writes it
    source: str = ""  #: the name of the source package if it has one, which may be the package's own name
    source_version: str = ""  #: "" if it is ``version``
    vendor: str = ""  #: who maintains the package
    licenses: tuple[str, ...] = ()  #: as the database writes them
    #: further parts of the package's URL by name: ``epoch`` and ``rpmmod`` of rpm, ``build`` and ``channel`` of conda
    qualifiers: Mapping[str, str] = field(factory=dict)
    requires: tuple[Alternatives, ...] = ()  #: packages that this one needs
    recommends: tuple[Alternatives, ...] = ()  #: packages that are installed with this one unless an option says otherwise
    provides: tuple[str, ...] = ()  #: further names that satisfy requirements
    is_automatic: bool | None = None  #: installed only because of another package; None if the database does not say
    is_development: bool = False  #: a dependency that only development needs
    is_essential: bool = False  #: the system does not work without the package, as its database says


class DatabaseError(ValueError):
    """A database, or a part of it, that cannot be read.

    >>> print(DatabaseError(b"var/lib/rpm/rpmdb.sqlite", "it ends too early"))
    var/lib/rpm/rpmdb.sqlite: it ends too early
    """

    def __init__(self, path: bytes, reason: str) -> None:
        super().__init__(f"{decode_name(path)}: {reason}")
        self.path = path  #: of the database in the image
        self.reason = reason  #: what is wrong, in words without the path


class Ecosystem(NamedTuple):
    """How one package manager records what it has installed."""

    name: str  #: of the module, for logs
    is_database: Callable[[bytes], bool]  #: whether a kept file with this path belongs to the package manager's records
    #: the packages of some records; the mapping has the kept files that ``is_database`` accepts and a container sees,
    #: and without content the files whose names alone are records.
    #: Raises DatabaseError behind the packages that could be read if there are others that could not
    read: Callable[[Mapping[bytes, bytes]], Iterable[PackageRecord]]
    #: ends of the paths of files whose names alone are records; ``ecosystems`` has them too, to find the files
    path_ends: tuple[bytes, ...] = ()
