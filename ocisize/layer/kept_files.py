"""KeptFiles: which small files of an image are kept while its layers are scanned: os-release and package databases.

dpkg: https://man7.org/linux/man-pages/man5/deb-control.5.html, and one file per package in ``status.d`` in distroless
images. apk: https://wiki.alpinelinux.org/wiki/Apk_spec. os-release:
https://www.freedesktop.org/software/systemd/man/latest/os-release.html
"""

from __future__ import annotations

from ocisize.tar.scanner import BEGINNING_SIZE

OS_RELEASE = (b"etc/os-release", b"usr/lib/os-release")
DPKG_STATUS = b"var/lib/dpkg/status"
DPKG_FOLDER = b"var/lib/dpkg/status.d/"
DPKG_LISTS = b"var/lib/dpkg/info/"
APT_STATES = b"var/lib/apt/extended_states"
APK_DATABASES = (b"lib/apk/db/installed", b"usr/lib/apk/db/installed")

_EXACT_PATHS = frozenset({*OS_RELEASE, DPKG_STATUS, APT_STATES, *APK_DATABASES})
_MAX_SIZE = 16 << 20  # bytes of one file; the largest known status file has 5 MB
_MAX_TOTAL = 64 << 20  # bytes of all files of one layer
#: For ``scan_tar``: the beginnings of the names of these files, in the three forms in which tars have them.
BEGINNINGS = frozenset(
    (root + path)[:BEGINNING_SIZE].ljust(BEGINNING_SIZE, b"\0")
    for root in (b"", b"./", b"/")
    for path in (*_EXACT_PATHS, DPKG_LISTS + b"-", DPKG_FOLDER)
)


class KeptFiles:
    """The ``wanted`` function of ``scan_tar`` for one layer; what it keeps is at most 64 MiB.

    >>> keep = KeptFiles()
    >>> keep(b"etc/os-release", 300), keep(b"etc/passwd", 300), keep(b"var/lib/dpkg/status", 1 << 30)
    (True, False, False)
    """

    def __init__(self) -> None:
        self._remaining = _MAX_TOTAL

    def __call__(self, path: bytes, size: int) -> bool:
        """Whether to keep the file with this clean path and ``size`` bytes."""
        known = (
            path in _EXACT_PATHS or path.startswith(DPKG_FOLDER) or (path.startswith(DPKG_LISTS) and path.endswith(b".list"))
        )
        if not known or not 0 <= size <= min(_MAX_SIZE, self._remaining):
            return False
        self._remaining -= size
        return True
