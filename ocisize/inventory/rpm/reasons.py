"""Which packages were installed only for others: rpm does not record it, but dnf and zypper do.

Formats: ``packages.toml`` of https://github.com/rpm-software-management/dnf5 (``libdnf5/system/state.cpp``), a line
``"curl.x86_64" = {reason = "Dependency"}`` for each package; ``AutoInstalled`` of https://github.com/openSUSE/libzypp, the
names of packages on a line each. ``dnf_history`` reads what dnf 4 records.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from itertools import islice

from ocisize.inventory.rpm.dnf_history import read_dnf_history
from ocisize.layer.kept_files import DNF_HISTORY, DNF_REASONS, LOG, ZYPP_AUTOMATIC
from ocisize.packages.limits import MAX_PACKAGES
from ocisize.patterns import lazy_pattern

_DNF_REASON = lazy_pattern(rb"^\"([^\"\n]+)\"[ \t]*=[ \t]*\{[^\n}]*?\breason[ \t]*=[ \t]*\"([^\"\n]*)\"", re.MULTILINE)
#: whether a package with this reason is there only for others; groups were asked for by name, and so was what rpm installed
_AUTOMATIC = {
    **dict.fromkeys((b"Dependency", b"Weak Dependency", b"Clean"), True),
    **dict.fromkeys((b"User", b"Group", b"External User"), False),
}


class InstallReasons:
    """What package managers above rpm have recorded about packages.

    >>> reasons = InstallReasons({DNF_REASONS: b'[packages]\\n"curl.x86_64" = {reason = "Dependency"}\\n'})
    >>> reasons.is_automatic("curl", "x86_64"), reasons.is_automatic("bash", "x86_64")
    (True, None)
    """

    def __init__(self, files: Mapping[bytes, bytes]) -> None:
        """Read the files that are there; those of several package managers complement each other."""
        matches = _DNF_REASON.finditer(files.get(DNF_REASONS, b""))
        history = files.get(DNF_HISTORY)
        self._dnf: dict[bytes, bool | None] = {}
        if history is not None:
            self._dnf.update(read_dnf_history(history, files.get(DNF_HISTORY + LOG, b"")))
        self._dnf.update((match[1], _AUTOMATIC.get(match[2])) for match in islice(matches, MAX_PACKAGES))
        lines = map(bytes.strip, io.BytesIO(files.get(ZYPP_AUTOMATIC, b"")))
        self._zypp = frozenset(islice((line for line in lines if line and not line.startswith(b"#")), MAX_PACKAGES))

    def is_automatic(self, name: str, architecture: str) -> bool | None:
        """Whether a package was installed only for others; None if no package manager has recorded it."""
        reason = self._dnf.get(f"{name}.{architecture}".encode())
        if reason is not None or not self._zypp:
            return reason
        return name.encode() in self._zypp
