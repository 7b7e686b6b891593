"""The package of a distribution that an executable names: https://systemd.io/ELF_PACKAGE_METADATA."""

from __future__ import annotations

import json

from ocisize.inventory.record import PackageRecord
from ocisize.model.packages import ALPM, APK, DEB, RPM

_ECOSYSTEMS = {DEB: DEB, RPM: RPM, APK: APK, ALPM: ALPM, "arch": ALPM, "pacman": ALPM}


def read_note(path: bytes, data: bytes) -> list[PackageRecord]:
    """The package that the file at ``path`` is from, with this file; none for a note of another form.

    >>> note = b'{"type":"rpm","name":"bash","version":"5.2.26-3.fc40","architecture":"x86_64"}'
    >>> [(record.ecosystem, record.name, record.version) for record in read_note(b"usr/bin/bash", note)]
    [('rpm', 'bash', '5.2.26-3.fc40')]
    """
    try:
        note = json.loads(data)
    except (ValueError, RecursionError):
        return []
    if not isinstance(note, dict):
        return []
    kind, name, version, architecture = (note.get(field) for field in ("type", "name", "version", "architecture"))
    if not isinstance(kind, str) or kind not in _ECOSYSTEMS:
        return []
    if not isinstance(name, str) or not isinstance(version, str) or not name:
        return []
    return [
        PackageRecord(
            ecosystem=_ECOSYSTEMS[kind],
            name=name,
            version=version,
            database=path,
            list_files=lambda: (path,),
            architecture=architecture if isinstance(architecture, str) else "",
        )
    ]
