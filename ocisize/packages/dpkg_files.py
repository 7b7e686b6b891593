"""Which files of an image dpkg's packages own, read from the lists in ``var/lib/dpkg/info``.

Format: ``dpkg-query --listfiles``, https://man7.org/linux/man-pages/man1/dpkg-query.1.html: one absolute path per line.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, compress, repeat

from ocisize.layer.kept_files import DPKG_LISTS
from ocisize.packages.dpkg import Package, PackageId
from ocisize.patterns import lazy_pattern
from ocisize.tar.filetable import REGULAR, FileTable
from ocisize.tar.kept_paths import kept_paths
from ocisize.tar.paths import clean_name

#: suffixes of dpkg's own files about a package
_INFO_SUFFIXES = (
    *(b"list", b"md5sums", b"conffiles", b"config", b"templates", b"triggers", b"shlibs", b"symbols"),
    *(b"preinst", b"postinst", b"prerm", b"postrm"),
)
MD5SUMS = b".md5sums"  #: ends the names of lists in ``status.d``
MERGED = lazy_pattern(rb"(?:bin|sbin|lib|lib32|lib64|libo32|libx32)/")  #: directories that usrmerge moves into /usr


def kept_payloads(table: FileTable) -> dict[bytes, bytes]:
    """The small files of a layer that were kept while it was scanned, by path; of a duplicate path, the last entry."""
    return {path: table.contents[row] for row, path in kept_paths(table).items()}


def parse_file_list(content: bytes) -> Iterator[bytes]:
    r"""The paths in a ``.list`` file, without slashes at their ends.

    >>> list(parse_file_list(b"/.\n/usr\n/usr/bin/app\n"))
    [b'.', b'usr', b'usr/bin/app']
    """
    return map(bytes.strip, io.BytesIO(content), repeat(b"/\r\n"))  # a list of all lines takes many times their memory


def parse_md5sums(content: bytes) -> Iterator[bytes]:
    r"""The paths in a ``.md5sums`` file, which are those of regular files, without the configuration.

    >>> list(parse_md5sums(b"d41d8cd98f00b204e9800998ecf8427e  usr/bin/app\n"))
    [b'usr/bin/app']
    """
    lines = (line.rstrip(b"\r\n").partition(b"  ") for line in io.BytesIO(content))
    return (clean_name(path) for _, separator, path in lines if separator)


def find_owned_paths(paths: Collection[bytes], tables: Sequence[FileTable]) -> set[bytes]:
    """Those of some paths that a package in any layer lists.

    Args:
        paths: paths as in file tables, without a leading slash.
        tables: the file tables of all layers.

    """
    wanted, owned = frozenset(paths), set[bytes]()
    for table in tables if wanted else ():
        for path, content in kept_payloads(table).items():
            if path.startswith(DPKG_LISTS):
                owned |= wanted.intersection(parse_file_list(content))
    return owned


def rows_by_package(
    packages: Sequence[Package], payloads: Mapping[bytes, bytes], table: FileTable
) -> dict[PackageId, list[int]]:
    """The rows of regular files in a layer that packages own, dpkg's files about the packages included.

    A file that two of the packages list belongs to neither. If the layer stores a listed path only below ``/usr``, as on
    systems where ``/lib`` is a link to ``/usr/lib``, that row counts.

    Args:
        packages: the packages to look for.
        payloads: what `kept_payloads` returns for the layer: lists of files in other layers are not read.
        table: the layer.

    """
    owners: dict[bytes, PackageId | None] = {}
    in_layer = frozenset(table.paths) if packages else frozenset()
    for package in packages:
        for path in list_package_files(package.id, payloads):
            if path in in_layer or (b"usr/" + path in in_layer and MERGED.match(path)):
                owners[path] = None if owners.get(path, package.id) != package.id else package.id
    merged_owners = {b"usr/" + path: owner for path, owner in owners.items() if MERGED.match(path)}
    rows: dict[PackageId, list[int]] = {package.id: [] for package in packages}
    merged: list[tuple[int, bytes]] = []
    stored: set[bytes] = set()
    kinds = table.kinds
    for first, paths in table.paths.pieces():
        for row in compress(range(len(paths)), map(owners.__contains__, paths)):
            path = paths[row]
            stored.add(path)
            if kinds[first + row] == REGULAR and (owner := owners[path]) is not None:
                rows[owner].append(first + row)
        moved = compress(range(len(paths)), map(merged_owners.__contains__, paths))
        merged += [(first + row, paths[row]) for row in moved if paths[row] not in owners and kinds[first + row] == REGULAR]
    for row, path in merged:
        if path[len(b"usr/") :] not in stored and (owner := merged_owners[path]) is not None:
            rows[owner].append(row)
    return rows


def list_package_files(package: PackageId, payloads: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """The paths in the list of a package, then those that dpkg's own files about the package may have.

    The names of dpkg's files have the architecture in them if packages of several architectures may be installed together.

    Args:
        package: an installed package.
        payloads: files of the image by path; a package whose list is not there has dpkg's own files only.

    """
    path = DPKG_LISTS + package.name.encode()
    with_architecture = path + b":" + package.architecture.encode()
    info = with_architecture if with_architecture + b".list" in payloads else path
    listed = parse_file_list(payloads.get(info + b".list", b""))
    return chain(listed, (info + b"." + suffix for suffix in _INFO_SUFFIXES))
