"""The packages of Python: ``*.dist-info`` directories, and the ``*.egg-info`` and ``EGG-INFO`` before them.

Formats: https://packaging.python.org/en/latest/specifications/recording-installed-packages/,
https://packaging.python.org/en/latest/specifications/core-metadata/,
https://packaging.python.org/en/latest/specifications/direct-url/ and
https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter

from ocisize.inventory.python_extras import find_extras
from ocisize.inventory.python_headers import (
    Requirement,
    find_licenses,
    first_line,
    needed_packages,
    normalize,
    read_headers,
    read_requirement,
)
from ocisize.inventory.record import Alternatives, Ecosystem, PackageRecord, list_nothing
from ocisize.inventory.record_limits import Relations
from ocisize.inventory.text_fields import PathList, load_object, object_of, resolve_each
from ocisize.layer.kept_files import DIST_INFO, EGG_INFO
from ocisize.model.packages import PYTHON
from ocisize.patterns import lazy_pattern
from ocisize.tar.paths import clean_name, join
from ocisize.tuples import NamedTuple

_EGG_FOLDER = b"EGG-INFO"
_MAX_MODULES_SIZE = 64 << 10  # bytes of the paths of one package's modules: a thousand in usual places
_PACKAGES_DIRECTORIES = (b"site-packages", b"dist-packages")  # whose top-level names belong to packages
# Copies that nothing imports from their place: in caches of uv and conda, and within packages, as setuptools has
_COPIES = lazy_pattern(rb"(?:^|/)(?:(?:archive|builds)-v\d+/|pkgs/[^/]+-[^/]+-[^/]+/|(?:site|dist)-packages/)")


class _Distribution(NamedTuple):
    """The files that say something of one package, by name."""

    info: bytes  # path of the ``dist-info`` or ``egg-info``, which may be a file
    place: bytes  # the directory that it is in
    files: Mapping[bytes, bytes]

    def headers_name(self) -> bytes:
        """The name of the file that has the headers; b"" where the info is the file."""
        return next((name for name in (b"METADATA", b"PKG-INFO") if name in self.files), b"")


class _Package(NamedTuple):
    """What is read of one package before the others of its environment are known."""

    distribution: _Distribution
    name: str
    version: str
    vendor: str
    licenses: tuple[str, ...]
    requirements: Sequence[Requirement]
    modules: Sequence[bytes]  # that ``top_level.txt`` lists


def is_python_database(path: bytes) -> bool:
    """Whether a file belongs to the records of a package that Python can import from its place.

    >>> is_python_database(b"venv/site-packages/flask-3.0.dist-info/RECORD")
    True
    >>> is_python_database(b"venv/site-packages/setuptools/_vendor/packaging-24.2.dist-info/RECORD")
    False
    """
    info = _info_of(path)
    return info is not None and _COPIES.search(info.rpartition(b"/")[0]) is None


def _info_of(path: bytes) -> bytes | None:
    """The ``dist-info``, ``egg-info`` or egg that a file is the record of."""
    directory, _, name = path.rpartition(b"/")
    if directory.endswith((DIST_INFO, EGG_INFO)):
        return directory
    if directory.endswith(b".egg/" + _EGG_FOLDER):
        return directory[: -len(_EGG_FOLDER) - 1]
    return path if name.endswith(EGG_INFO) else None


def read_python(files: Mapping[bytes, bytes]) -> Iterator[PackageRecord]:
    r"""The packages of all environments; ``place`` is the directory that Python imports from.

    >>> headers = b"Name: Flask\nVersion: 3.0.0\nRequires-Dist: werkzeug>=3\n\nA framework."
    >>> files = {b"lib/Flask-3.0.0.dist-info/METADATA": headers, b"lib/Flask-3.0.0.dist-info/RECORD": b"flask/app.py,,\n"}
    >>> [(found.name, found.version, found.requires, *found.list_files()) for found in read_python(files)]
    [('flask', '3.0.0', (('werkzeug',),), b'lib/flask/app.py')]
    """
    by_place: dict[bytes, dict[bytes, dict[bytes, bytes]]] = defaultdict(dict)
    for path, content in files.items():
        if (info := _info_of(path)) is not None:
            name = path.rpartition(b"/")[2] if path != info else b""
            by_place[info.rpartition(b"/")[0]].setdefault(info, {})[name] = content
    relations = Relations()
    for place, infos in sorted(by_place.items()):
        yield from _read_environment((_Distribution(info, place, infos[info]) for info in sorted(infos)), relations)
    relations.check()


def _read_environment(distributions: Iterable[_Distribution], relations: Relations) -> Iterator[PackageRecord]:
    """The packages of one directory."""
    found = [package for package in (_read(distribution, relations) for distribution in distributions) if package.name]
    shared = Counter(module for package in found for module in package.modules)
    automatic = _find_automatic([package.distribution for package in found])
    extras = find_extras(
        {package.name: package.requirements for package in found},
        asked=[package.name for package in found if automatic.get(package.distribution.info) is False],
        automatic=[package.name for package in found if automatic.get(package.distribution.info)],
    )
    for package in found:
        yield _make_record(
            package,
            requires=needed_packages(package.requirements, extras.get(package.name, ())),
            is_automatic=automatic.get(package.distribution.info),
            modules=[module for module in package.modules if shared[module] == 1],
        )


def _read(distribution: _Distribution, relations: Relations) -> _Package:
    headers = read_headers(distribution.files.get(distribution.headers_name(), b""))
    name, version = _name_and_version(distribution, headers)
    named = relations.take(headers.get("requires-dist", ()), distribution.info)
    return _Package(
        distribution,
        name,
        version,
        first_line(headers, "maintainer") or first_line(headers, "author"),
        find_licenses(headers),
        [requirement for requirement in map(read_requirement, named) if requirement is not None],
        list(relations.take(_top_level_names(distribution), distribution.info)),
    )


def _find_automatic(distributions: Iterable[_Distribution]) -> dict[bytes, bool]:
    """Whether packages are there because of others, by path of the info, where pip has marked those that a command named.

    Other installers mark all packages or none.
    """
    of_pip = [found for found in distributions if found.files.get(b"INSTALLER", b"").strip() == b"pip"]
    is_requested = {found.info: b"REQUESTED" in found.files for found in of_pip}
    return {info: not requested for info, requested in is_requested.items()} if any(is_requested.values()) else {}


def _make_record(
    package: _Package, *, requires: tuple[Alternatives, ...], is_automatic: bool | None, modules: Iterable[bytes]
) -> PackageRecord:
    distribution = package.distribution
    place, files, info = distribution.place, distribution.files, distribution.info
    headers_name = distribution.headers_name()
    if not headers_name and b"RECORD" in files:
        headers_name = b"RECORD"
    is_egg = headers_name == b"PKG-INFO" and not info.endswith((DIST_INFO, EGG_INFO))
    list_files: Callable[[], Iterable[bytes]] = list_nothing
    directories: tuple[bytes, ...] = (info,)
    if b"RECORD" in files:
        list_files = _Record(place, files[b"RECORD"])
    elif b"installed-files.txt" in files:
        list_files = _InstalledFiles(info, files[b"installed-files.txt"])
    elif not headers_name:
        list_files, directories = PathList([info]), ()
    elif not is_egg and _is_for_packages(place) and not _is_editable(files):
        paths = [join(place, module) for module in islice(modules, _MAX_MODULES_SIZE // max(len(place), 1))]
        directories, list_files = (info, *paths), PathList([path + b".py" for path in paths])
    return PackageRecord(
        ecosystem=PYTHON,
        name=package.name,
        version=package.version,
        database=join(join(info, _EGG_FOLDER) if is_egg else info, headers_name) if headers_name else info,
        place=place,
        list_files=list_files,
        directories=directories,
        vendor=package.vendor,
        licenses=package.licenses,
        requires=requires,
        is_automatic=is_automatic,
    )


def _name_and_version(distribution: _Distribution, headers: Mapping[str, list[str]]) -> tuple[str, str]:
    """The name and the version by the headers, or by the name of the directory; an empty name if there is no package."""
    name, version = first_line(headers, "name"), first_line(headers, "version")
    if not name and (distribution.headers_name() or b"RECORD" in distribution.files):
        title = distribution.info.rpartition(b"/")[2].rpartition(b".")[0].decode(errors="replace")
        name, _, version = title.partition("-")
    normalized = normalize(name)
    is_interpreter = normalized == "python" and distribution.info.endswith(EGG_INFO)  # which Debian lists as a package
    return ("", "") if is_interpreter else (normalized, version)


def _is_editable(files: Mapping[bytes, bytes]) -> bool:
    """Whether a package is in its source tree, which is no part of it."""
    url = load_object(files.get(b"direct_url.json", b""))
    return object_of(url.get("dir_info")).get("editable") is True


def _is_for_packages(place: bytes) -> bool:
    return place.rpartition(b"/")[2] in _PACKAGES_DIRECTORIES


def _top_level_names(distribution: _Distribution) -> list[bytes]:
    """The modules and packages that ``top_level.txt`` lists."""
    names = distribution.files.get(b"top_level.txt", b"").split()
    return [name for name in dict.fromkeys(names) if clean_name(name) == name and b"/" not in name and name != b".."]


class _Record:
    """The files of a ``RECORD``; rows of files that were not installed are in none."""

    __slots__ = ("_content", "_place")

    def __init__(self, place: bytes, content: bytes) -> None:
        self._place, self._content = place, content

    def __call__(self) -> Iterator[bytes]:
        """The paths, in the order of the rows."""
        return resolve_each(self._place, _listed_in(self._content))


def _listed_in(content: bytes) -> Iterator[bytes]:
    """The first column of a ``RECORD``."""
    if b'"' not in content:
        yield from (line.rsplit(b",", 2)[0] for line in map(itemgetter(0), re.finditer(rb"[^\r\n]+", content)))
        return
    import csv  # few lists have quotes

    try:
        for row in csv.reader(content.decode(errors="surrogateescape").splitlines(keepends=True)):
            if row and row[0]:
                yield row[0].encode(errors="surrogateescape")
    except csv.Error:
        return


class _InstalledFiles:
    """The files of an ``installed-files.txt``, whose paths start in the directory of the package's ``egg-info``."""

    __slots__ = ("_content", "_info")

    def __init__(self, info: bytes, content: bytes) -> None:
        self._info, self._content = info, content

    def __call__(self) -> Iterator[bytes]:
        """The paths, in the order of the lines."""
        return resolve_each(self._info, (match[0].strip() for match in re.finditer(rb"[^\r\n]+", self._content)))


ECOSYSTEM = Ecosystem("python", is_python_database, read_python)
