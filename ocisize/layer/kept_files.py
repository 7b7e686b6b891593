"""Which small files of an image are kept while its layers are scanned: what tells the system and its packages.

Package databases: https://man7.org/linux/man-pages/man5/deb-control.5.html (dpkg), distroless' one file a package in
``status.d``, https://wiki.alpinelinux.org/wiki/Apk_spec (apk); os-release:
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

_EXACT = frozenset({*OS_RELEASE, DPKG_STATUS, APT_STATES, *APK_DATABASES})
_MAX_SIZE = 16 << 20  # bytes of one file; the largest status file seen has 5 MB
_MAX_KEPT = 64 << 20  # bytes of all files of one layer
BEGINNINGS = frozenset(
    (written + path)[:BEGINNING_SIZE].ljust(BEGINNING_SIZE, b"\0")
    for written in (b"", b"./", b"/")
    for path in (*_EXACT, DPKG_LISTS + b"-", DPKG_FOLDER)
)  #: for scan_tar: what the names of these files begin with


class KeptFiles:
    """Tells scan_tar which payloads of one layer to keep; bounded, whatever the layer claims to be."""

    def __init__(self) -> None:
        self._left = _MAX_KEPT

    def __call__(self, path: bytes, size: int) -> bool:
        """Whether a file is one of those, and there is room for it."""
        known = path in _EXACT or path.startswith(DPKG_FOLDER) or (path.startswith(DPKG_LISTS) and path.endswith(b".list"))
        if not known or not 0 <= size <= min(_MAX_SIZE, self._left):
            return False
        self._left -= size
        return True
