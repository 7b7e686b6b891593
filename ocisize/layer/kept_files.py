"""KeptFiles: which small files of an image are kept while its layers are scanned: those that say what is installed.

dpkg: https://man7.org/linux/man-pages/man5/deb-control.5.html, one file per package in ``status.d`` in distroless images,
and https://man7.org/linux/man-pages/man1/dpkg-divert.1.html. apk: https://wiki.alpinelinux.org/wiki/Apk_spec. rpm: its
database in one of three formats, and the list of packages in images of Azure Linux without one. pacman: one directory per
package, https://man.archlinux.org/man/pacman.8. os-release:
https://www.freedesktop.org/software/systemd/man/latest/os-release.html.

Python: https://packaging.python.org/en/latest/specifications/recording-installed-packages/, and eggs before it,
https://setuptools.pypa.io/en/latest/deprecated/python_eggs.html. conda: one document per package in ``conda-meta``,
https://docs.conda.io/projects/conda/en/stable/user-guide/concepts/packages.html. npm: the lock of a ``node_modules``,
https://docs.npmjs.com/cli/configuring-npm/package-lock-json, and the ``package.json`` of projects and packages. composer:
``vendor/composer/installed.json`` and the ``composer.json`` of projects, https://getcomposer.org/doc/. .NET: the
dependencies of a program, ``*.deps.json``,
https://github.com/dotnet/sdk/blob/main/documentation/specs/runtime-configuration-file.md.
"""

from __future__ import annotations

import re

from ocisize.limits import Meter
from ocisize.patterns import lazy_pattern
from ocisize.tar.scanner import BEGINNING_SIZE

OS_RELEASE = (b"etc/os-release", b"usr/lib/os-release")
DEBIAN_VERSION = b"etc/debian_version"
DPKG_STATUS = b"var/lib/dpkg/status"
DPKG_DIVERSIONS = b"var/lib/dpkg/diversions"
DPKG_FOLDER = b"var/lib/dpkg/status.d/"
DPKG_LISTS = b"var/lib/dpkg/info/"
APT_STATES = b"var/lib/apt/extended_states"
APK_DATABASES = (b"lib/apk/db/installed", b"usr/lib/apk/db/installed")
APK_WORLD = b"etc/apk/world"
PACMAN_FOLDER = b"var/lib/pacman/local/"
RPM_MANIFEST = b"var/lib/rpmmanifest/container-manifest-2"
RPM_FOLDERS = (b"var/lib/rpm/", b"usr/share/rpm/", b"usr/lib/sysimage/rpm/")
RPM_NAMES = (b"rpmdb.sqlite", b"Packages.db", b"Packages")  #: of the database: SQLite, ndb and Berkeley DB
LOG = b"-wal"  #: ends the names of write-ahead logs of SQLite
RPM_LOGS = tuple(folder + b"rpmdb.sqlite" + LOG for folder in RPM_FOLDERS)
DNF_HISTORY = b"var/lib/dnf/history.sqlite"
DNF_REASONS = b"usr/lib/sysimage/libdnf5/packages.toml"
ZYPP_AUTOMATIC = b"var/lib/zypp/AutoInstalled"
RPM_DATABASES = tuple(folder + name for folder in RPM_FOLDERS for name in RPM_NAMES)
_RPM_DATABASES = frozenset(RPM_DATABASES)

NPM_LOCK = b"node_modules/.package-lock.json"
PACKAGE_JSON = b"package.json"
COMPOSER_INSTALLED = b"vendor/composer/installed.json"
COMPOSER_JSON = b"composer.json"
CONDA_FOLDER = b"conda-meta"
DIST_INFO, EGG_INFO = b".dist-info", b".egg-info"
PYTHON_RECORD = b".dist-info/RECORD"
DEPS_JSON = b".deps.json"

_EXACT_PATHS = frozenset({
    *OS_RELEASE, DEBIAN_VERSION, DPKG_STATUS, DPKG_DIVERSIONS, APT_STATES, *APK_DATABASES, APK_WORLD, RPM_MANIFEST,
    *RPM_LOGS, DNF_HISTORY, DNF_HISTORY + LOG, DNF_REASONS, ZYPP_AUTOMATIC,
})  # fmt: skip
_MAX_SIZE = 16 << 20  # bytes of one file; the largest known status file has 5 MB
_MAX_TOTAL = 64 << 20  # bytes of all files of one layer whose paths are known, those of rpm left out
_MAX_RPM = 128 << 20  # bytes of rpm's databases of one layer; the largest known have 100 MB
_RPM_SHARE = 64  # divisor: the part of the memory for entries that a database may have, which counts 8 times
_MAX_HEADERS = 256 << 10  # bytes of one package.json or METADATA; the largest of 1,500 package.json have 30 kB
_MAX_NAMED_TOTAL = 64 << 20  # bytes of all files of one layer that PATH_PARTS tells; those of 441 npm packages have 0.8 MB
# package.json at the root of a package or outside of all packages: those deeper in a package belong to its tests and parts
_PACKAGE_ROOT = lazy_pattern(rb"(?:.*/)?node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json", re.DOTALL)
_OF_DIST_INFO = {
    **dict.fromkeys((b"METADATA", b"INSTALLER", b"REQUESTED", b"top_level.txt"), _MAX_HEADERS),
    b"RECORD": _MAX_SIZE,
    b"direct_url.json": _MAX_HEADERS,
}
_OF_EGG_INFO = {b"PKG-INFO": _MAX_HEADERS, b"top_level.txt": _MAX_HEADERS, b"installed-files.txt": _MAX_SIZE}
#: For ``scan_tar``: the beginnings of the names of these files, in the three forms in which tars have them.
BEGINNINGS = frozenset(
    (root + path)[:BEGINNING_SIZE].ljust(BEGINNING_SIZE, b"\0")
    for root in (b"", b"./", b"/")
    for path in (*_EXACT_PATHS, *RPM_DATABASES, DPKG_LISTS + b"-", DPKG_FOLDER, PACMAN_FOLDER)
)
#: For ``scan_tar``: parts of the paths of those files that can be in any directory, few since a search for each takes time.
#: The search is for the first byte, so a part begins with a rare one where it can.
PATH_PARTS = (b".json", b"-info", b"INFO/PKG-INFO")

_BEGINNINGS_OF_PATHS = tuple({*_EXACT_PATHS, *RPM_DATABASES, DPKG_LISTS, DPKG_FOLDER, PACMAN_FOLDER})


def may_be_kept(path: bytes, *, keep_records: bool) -> bool:
    """Whether KeptFiles is asked about a file with this clean path.

    Without ``keep_records`` it is asked only about the databases of distributions, which the summary of a system needs.
    """
    return path.startswith(_BEGINNINGS_OF_PATHS) or (keep_records and any(part in path for part in PATH_PARTS))


class KeptFiles:
    """The ``wanted`` function of ``scan_tar`` for one layer; what it keeps is at most 256 MiB, which ``meter`` counts.

    >>> keep = KeptFiles()
    >>> keep(b"etc/os-release", 300), keep(b"etc/passwd", 300), keep(b"var/lib/dpkg/status", 1 << 30)
    (True, False, False)
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self._meter = meter
        self._remaining, self._remaining_named, self._remaining_rpm = _MAX_TOTAL, _MAX_NAMED_TOTAL, _MAX_RPM
        memory = meter.limits.memory if meter is not None else None
        if memory is not None:
            self._remaining_rpm = min(_MAX_RPM, memory // _RPM_SHARE)

    def __call__(self, path: bytes, size: int) -> bool:
        """Whether to keep the file with this clean path and ``size`` bytes. Raises LimitExceeded."""
        is_kept = self._keeps(path, size)
        if is_kept and self._meter is not None:
            self._meter.record_kept(size)
        return is_kept

    def _keeps(self, path: bytes, size: int) -> bool:
        """Whether to keep a file. Those of PATH_PARTS have a limit of their own, since scans ask about them in two ways."""
        if path in _RPM_DATABASES:
            if not 0 <= size <= self._remaining_rpm:
                return False
            self._remaining_rpm -= size
        elif _is_in_known_place(path):
            if not 0 <= size <= min(_MAX_SIZE, self._remaining):
                return False
            self._remaining -= size
        else:
            if not 0 <= size <= min(_max_size_of_named(path), self._remaining_named):
                return False
            self._remaining_named -= size
        return True


def _is_in_known_place(path: bytes) -> bool:
    """Whether a file belongs to the records of a system, whose paths are known."""
    return (
        path in _EXACT_PATHS
        or path.startswith(DPKG_FOLDER)
        or (path.startswith(DPKG_LISTS) and path.endswith(b".list"))
        or (path.startswith(PACMAN_FOLDER) and path.endswith((b"/desc", b"/files")))
    )


def _is_manifest(path: bytes, name: bytes) -> bool:
    """Whether a file is the manifest of a package of npm, or of a project of npm or composer, by its path and its name."""
    if name == COMPOSER_JSON:
        return b"vendor/" not in path  # the list of packages has what their own files have
    return b"node_modules/" not in path or _PACKAGE_ROOT.fullmatch(path) is not None


def _max_size_of_named(path: bytes) -> int:
    """The bytes that a file of PATH_PARTS may have, by its path; -1 if it is not to be kept."""
    directory, _, name = path.rpartition(b"/")
    if name in (PACKAGE_JSON, COMPOSER_JSON):
        return _MAX_HEADERS if _is_manifest(path, name) else -1
    if directory.endswith(DIST_INFO):
        return _OF_DIST_INFO.get(name, -1)
    if directory.endswith(EGG_INFO):
        return _OF_EGG_INFO.get(name, -1)
    if name == b"PKG-INFO":
        return _MAX_HEADERS if directory.endswith(b"EGG-INFO") else -1
    if name.endswith(EGG_INFO):
        return _MAX_HEADERS  # distutils writes the headers into a file of this name
    is_list = (
        path in (NPM_LOCK, COMPOSER_INSTALLED)
        or path.endswith((b"/" + NPM_LOCK, b"/" + COMPOSER_INSTALLED, DEPS_JSON))
        or (name.endswith(b".json") and directory.rpartition(b"/")[2] == CONDA_FOLDER)
    )
    return _MAX_SIZE if is_list else -1
