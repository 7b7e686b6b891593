"""Which installed packages own some files, as the databases say that scans keep.

dpkg: the lists of ``var/lib/dpkg/info``, and those of ``status.d`` in distroless images. apk: its one database. Python: the
``RECORD`` of each package, https://packaging.python.org/en/latest/specifications/recording-installed-packages/. npm: the
directory of a package that has a ``package.json``. Databases of rpm are not read.

The memory that this takes depends on the number of paths that are asked about, not on the databases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ocisize.layer.kept_files import APK_DATABASES, DPKG_FOLDER, DPKG_LISTS, DPKG_STATUS, PACKAGE_JSON, PYTHON_RECORD
from ocisize.packages.dpkg import read_status
from ocisize.packages.dpkg_files import MD5SUMS, kept_payloads, parse_file_list, parse_md5sums
from ocisize.packages.npm import NODE_MODULES, package_root, read_package_json
from ocisize.patterns import lazy_pattern
from ocisize.tar.filetable import FileTable
from ocisize.tar.paths import clean_name, join
from ocisize.tuples import NamedTuple
from ocisize.values import frozen

DPKG, APK, PYTHON, NPM = "dpkg", "apk", "python", "npm"  #: the package managers
_MERGED = lazy_pattern(rb"usr/(?=(?:bin|sbin|lib|lib32|lib64|libo32|libx32)/)")  # that usrmerge puts before listed paths
_BYTECODE = lazy_pattern(rb"(.*/)__pycache__/([^/]+?)\.[a-z]+-\d[^/]*\.pyc", re.DOTALL)
_DPKG_INFO = lazy_pattern(rb"var/lib/dpkg/info/([^/:]+?)(?::[^/.]+)?\.[a-z0-9]+")  # dpkg's own files about a package
_MAX_PATH = 4096  # bytes; no filesystem has longer paths


class PackageName(NamedTuple):
    """A package, of any version."""

    manager: str  #: DPKG, APK, PYTHON or NPM
    name: str


@frozen
class PackageOwners:
    """The packages that own some paths, with their versions."""

    owners: Mapping[bytes, PackageName]  #: by path; a path that no package owns is not in it
    versions: Mapping[PackageName, str]  #: of these packages; without those whose version is unknown or not the only one


def find_owners(paths: Iterable[bytes], tables: Sequence[FileTable]) -> PackageOwners:
    """The packages that own some paths of an image.

    A database in a higher layer decides before those below it, and packages of the distribution own a path before others.

    Args:
        paths: paths as in file tables.
        tables: the file tables of all layers, base first, with the files that scans keep.

    """
    search = _Search(paths)
    payloads = [kept_payloads(table) for table in tables]
    for kept in payloads:
        for path, content in kept.items():
            search.read(path, content)
    search.find_npm(payloads)
    owners = search.owners()
    return PackageOwners(owners, search.versions(set(owners.values())))


class _Search:
    """The owners of some paths, database by database, lower layers first."""

    def __init__(self, paths: Iterable[bytes]) -> None:
        self._others = {path: _other_names(path) for path in paths}
        wanted = dict.fromkeys(self._others)
        wanted.update(dict.fromkeys(name for names in self._others.values() for name in names))
        self._listed: dict[bytes, PackageName | None] = wanted
        self._in_python: dict[bytes, PackageName] = {}
        self._npm_roots: dict[bytes, bytes | None] = {}  # by directory
        self._npm: dict[bytes, PackageName] = {}  # by root
        self._found: dict[PackageName, set[str]] = {}
        self._dpkg: dict[PackageName, str] = {}

    def read(self, path: bytes, content: bytes) -> None:
        """Read a kept file, if it is a database."""
        if path.startswith(DPKG_LISTS):
            name = path[len(DPKG_LISTS) :].removesuffix(b".list").partition(b":")[0]
            self._own(parse_file_list(content), PackageName(DPKG, _text(name)))
        elif path.startswith(DPKG_FOLDER) and path.endswith(MD5SUMS):
            name = path[len(DPKG_FOLDER) :].removesuffix(MD5SUMS)
            self._own(parse_md5sums(content), PackageName(DPKG, _text(name)))
        elif path == DPKG_STATUS or path.startswith(DPKG_FOLDER):
            self._read_status(content, whole=path == DPKG_STATUS)
        elif path in APK_DATABASES:
            self._read_apk(content)
        elif path.endswith(PYTHON_RECORD):
            self._read_record(path, content)

    def _own(self, paths: Iterable[bytes], package: PackageName) -> None:
        listed = self._listed
        for path in paths:
            if path in listed:
                listed[path] = package

    def _read_status(self, content: bytes, *, whole: bool) -> None:
        versions = {PackageName(DPKG, id_.name): package.version for id_, package in read_status(content).items()}
        self._dpkg = versions if whole else {**self._dpkg, **versions}

    def _read_apk(self, content: bytes) -> None:
        package, folder = PackageName(APK, ""), b""
        for line in _lines(content):
            kind, value = line[:2], line[2:]
            if kind == b"P:":
                package = PackageName(APK, _text(value))
            elif kind == b"V:":
                self._found[package] = {_text(value)}
            elif kind == b"F:":
                folder = value
            elif kind == b"R:":
                self._own([join(folder, value)], package)

    def _read_record(self, path: bytes, content: bytes) -> None:
        folder = path[: -len(b"/RECORD")]
        place, _, title = folder.rpartition(b"/")
        name, _, version = title.removesuffix(b".dist-info").partition(b"-")
        package = PackageName(PYTHON, _text(name))
        self._found[package] = {_text(version)}
        for line in _lines(content):
            listed = line.rsplit(b",", 2)[0].strip(b'"')
            if len(listed) <= _MAX_PATH and (owned := _resolve(place, listed)) in self._listed:
                self._in_python[owned] = package

    def find_npm(self, payloads: Sequence[Mapping[bytes, bytes]]) -> None:
        """Find the packages of npm that own the paths, by their directories."""
        manifests: dict[bytes, list[bytes]] = {}
        for kept in payloads:
            for path, content in kept.items():
                if path.endswith(b"/" + PACKAGE_JSON):
                    manifests.setdefault(path[: -len(PACKAGE_JSON) - 1], []).append(content)
        for path in self._others:
            root = self._npm_root(path.rpartition(b"/")[0])
            if root is None or root in self._npm or root not in manifests:
                continue
            package = PackageName(NPM, _text(root.rpartition(NODE_MODULES + b"/")[2]))
            self._npm[root] = package
            version = read_package_json(manifests[root][-1]).get("version")
            self._found.setdefault(package, set()).add(version if isinstance(version, str) else "")

    def _npm_root(self, directory: bytes) -> bytes | None:
        """The root of the innermost package that a directory belongs to."""
        if directory not in self._npm_roots:
            start, root = directory.rfind(NODE_MODULES + b"/") if len(directory) <= _MAX_PATH else -1, None
            if start >= 0:
                parts = directory[start + len(NODE_MODULES) + 1 :].split(b"/", 2)
                root = directory[: start + len(NODE_MODULES) + 1] + b"/".join(parts[: 2 if parts[0][:1] == b"@" else 1])
            self._npm_roots[directory] = root if root is not None and package_root(root) is not None else None
        return self._npm_roots[directory]

    def owners(self) -> dict[bytes, PackageName]:
        """The package of each path that one owns."""
        owners = {}
        for path, others in self._others.items():
            if (owner := self._owner(path, others)) is not None:
                owners[path] = owner
        return owners

    def _owner(self, path: bytes, others: Sequence[bytes]) -> PackageName | None:
        for database in (self._listed, self._in_python):
            for name in (path, *others):
                if (owner := database.get(name)) is not None:
                    return owner
        if (match := _DPKG_INFO.fullmatch(path)) and (owner := PackageName(DPKG, _text(match[1]))) in self._dpkg:
            return owner
        root = self._npm_roots.get(path.rpartition(b"/")[0])
        return self._npm.get(root) if root is not None else None

    def versions(self, packages: Iterable[PackageName]) -> dict[PackageName, str]:
        """The version of each of some packages, where it is known and the only one."""
        return {package: found for package in packages if (found := self._version(package))}

    def _version(self, package: PackageName) -> str:
        if package.manager == DPKG:
            return self._dpkg.get(package, "")
        found = self._found.get(package, set())
        return next(iter(found)) if len(found) == 1 else ""


def _other_names(path: bytes) -> tuple[bytes, ...]:
    """Other paths under which a database may list a file: its place before usrmerge, and the source of Python's bytecode."""
    source = b"".join((match[1], match[2], b".py")) if (match := _BYTECODE.fullmatch(path)) else b""
    names = [name for name in (source, _before_merge(path), _before_merge(source)) if name]
    return tuple(names)


def _before_merge(path: bytes) -> bytes:
    return path[len(b"usr/") :] if _MERGED.match(path) else b""


def _resolve(place: bytes, listed: bytes) -> bytes:
    """A path that a RECORD in a directory lists; it may lead out of the directory, or be absolute."""
    if listed.startswith(b"/"):
        return listed.lstrip(b"/")
    return clean_name(join(place, listed)) if b".." in listed else join(place, listed)


def _lines(content: bytes) -> Iterator[bytes]:
    r"""Lines without their ends, one by one: a list of all takes many times their memory."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        yield content[start:end].rstrip(b"\r")
        start = end + 1


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
