"""KeptFiles: which small files of an image are kept while its layers are scanned: those that say what is installed.

dpkg: https://man7.org/linux/man-pages/man5/deb-control.5.html, and one file per package in ``status.d`` in distroless
images. apk: https://wiki.alpinelinux.org/wiki/Apk_spec. os-release:
https://www.freedesktop.org/software/systemd/man/latest/os-release.html. npm: the lock of a ``node_modules``,
https://docs.npmjs.com/cli/configuring-npm/package-lock-json, and the ``package.json`` of projects and packages. composer:
``vendor/composer/installed.json``, https://getcomposer.org/doc/. Python: the ``RECORD`` of a package,
https://packaging.python.org/en/latest/specifications/recording-installed-packages/.
"""

from __future__ import annotations

import re

from ocisize.limits import Meter
from ocisize.patterns import lazy_pattern
from ocisize.tar.scanner import BEGINNING_SIZE

OS_RELEASE = (b"etc/os-release", b"usr/lib/os-release")
DEBIAN_VERSION = b"etc/debian_version"
DPKG_STATUS = b"var/lib/dpkg/status"
DPKG_FOLDER = b"var/lib/dpkg/status.d/"
DPKG_LISTS = b"var/lib/dpkg/info/"
APT_STATES = b"var/lib/apt/extended_states"
APK_DATABASES = (b"lib/apk/db/installed", b"usr/lib/apk/db/installed")

NPM_LOCK = b"node_modules/.package-lock.json"
PACKAGE_JSON = b"package.json"
COMPOSER_INSTALLED = b"vendor/composer/installed.json"
PYTHON_RECORD = b".dist-info/RECORD"

_EXACT_PATHS = frozenset({*OS_RELEASE, DEBIAN_VERSION, DPKG_STATUS, APT_STATES, *APK_DATABASES})
_MAX_SIZE = 16 << 20  # bytes of one file; the largest known status file has 5 MB
_MAX_TOTAL = 64 << 20  # bytes of all files of one layer
_MAX_PACKAGE_JSON = 256 << 10  # bytes of one package.json; the largest of 1,500 packages has 30 kB
_MAX_NAMED_TOTAL = 32 << 20  # bytes of all files of one layer that PATH_ENDS tells; those of 441 packages have 0.8 MB
# package.json at the root of a package or outside of all packages: those deeper in a package belong to its tests and parts
_PACKAGE_ROOT = lazy_pattern(rb"(?:.*/)?node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json", re.DOTALL)
#: For ``scan_tar``: the beginnings of the names of these files, in the three forms in which tars have them.
BEGINNINGS = frozenset(
    (root + path)[:BEGINNING_SIZE].ljust(BEGINNING_SIZE, b"\0")
    for root in (b"", b"./", b"/")
    for path in (*_EXACT_PATHS, DPKG_LISTS + b"-", DPKG_FOLDER)
)
#: For ``scan_tar``: the ends of the paths of those files that can be in any directory.
PATH_ENDS = (b"/.package-lock.json", PACKAGE_JSON, COMPOSER_INSTALLED, PYTHON_RECORD)
#: The same, without those that only a comparison reads: which package of Python owns a file.
PATH_ENDS_OF_ADVICE = PATH_ENDS[:-1]


_BEGINNINGS_OF_PATHS = tuple({*_EXACT_PATHS, DPKG_LISTS, DPKG_FOLDER})


def may_be_kept(path: bytes, path_ends: tuple[bytes, ...]) -> bool:
    """Whether a scan with these ``path_ends`` asks KeptFiles about a file with this clean path."""
    if path.endswith(PATH_ENDS):
        return path.endswith(path_ends)
    return path.startswith(_BEGINNINGS_OF_PATHS)


class KeptFiles:
    """The ``wanted`` function of ``scan_tar`` for one layer; what it keeps is at most 96 MiB, which ``meter`` counts.

    >>> keep = KeptFiles()
    >>> keep(b"etc/os-release", 300), keep(b"etc/passwd", 300), keep(b"var/lib/dpkg/status", 1 << 30)
    (True, False, False)
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self._meter = meter
        self._remaining, self._remaining_named = _MAX_TOTAL, _MAX_NAMED_TOTAL

    def __call__(self, path: bytes, size: int) -> bool:
        """Whether to keep the file with this clean path and ``size`` bytes. Raises LimitExceeded."""
        is_kept = self._keeps(path, size)
        if is_kept and self._meter is not None:
            self._meter.record_kept(size)
        return is_kept

    def _keeps(self, path: bytes, size: int) -> bool:
        if path.endswith(PATH_ENDS):
            return self._keeps_named(path, size)
        known = (
            path in _EXACT_PATHS or path.startswith(DPKG_FOLDER) or (path.startswith(DPKG_LISTS) and path.endswith(b".list"))
        )
        if not known or not 0 <= size <= min(_MAX_SIZE, self._remaining):
            return False
        self._remaining -= size
        return True

    def _keeps_named(self, path: bytes, size: int) -> bool:
        """Whether to keep a file of PATH_ENDS; these have a limit of their own, since scans ask about them in two ways."""
        if path.endswith(PACKAGE_JSON):
            max_size = _MAX_PACKAGE_JSON
            known = (
                _PACKAGE_ROOT.fullmatch(path) is not None
                if b"node_modules/" in path
                else path.endswith(b"/" + PACKAGE_JSON) or path == PACKAGE_JSON
            )
        else:
            max_size = _MAX_SIZE
            known = path in (NPM_LOCK, COMPOSER_INSTALLED) or path.endswith(
                (b"/" + NPM_LOCK, b"/" + COMPOSER_INSTALLED, PYTHON_RECORD)
            )
        if not known or not 0 <= size <= min(max_size, self._remaining_named):
            return False
        self._remaining_named -= size
        return True
