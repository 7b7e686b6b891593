"""The package of a distribution that an executable names: https://systemd.io/ELF_PACKAGE_METADATA."""

from __future__ import annotations

from ocisize.inventory.record import PackageRecord
from ocisize.inventory.text_fields import load_object, text_of
from ocisize.model.packages import ALPM, APK, DEB, RPM

_ECOSYSTEMS = {DEB: DEB, RPM: RPM, APK: APK, ALPM: ALPM, "arch": ALPM, "pacman": ALPM}


def read_note(path: bytes, data: bytes) -> list[PackageRecord]:
    """The package that the file at ``path`` is from, with this file; none for a note of another form.

    >>> note = b'{"type":"rpm","name":"bash","version":"5.2.26-3.fc40","architecture":"x86_64"}'
    >>> [(record.ecosystem, record.name, record.version) for record in read_note(b"usr/bin/bash", note)]
    [('rpm', 'bash', '5.2.26-3.fc40')]
    """
    note = load_object(data)
    kind, name, version, architecture = (text_of(note.get(field)) for field in ("type", "name", "version", "architecture"))
    if kind not in _ECOSYSTEMS or not name or not isinstance(note.get("version"), str):
        return []
    return [
        PackageRecord(
            ecosystem=_ECOSYSTEMS[kind],
            name=name,
            version=version,
            database=path,
            list_files=lambda: (path,),
            architecture=architecture,
        )
    ]
