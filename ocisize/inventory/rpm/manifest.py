"""The packages in ``container-manifest-2``, which distroless images of Azure Linux have in place of a database.

Format: the query of rpm in https://github.com/microsoft/azurelinux, ``toolkit/tools/imagegen/installutils``: name,
version-release, times of installation and build, vendor, epoch, size, architecture, epoch as a number, source package. Tabs
are between them, and no files are listed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from ocisize.inventory.record import PackageRecord
from ocisize.inventory.rpm.source import split_source
from ocisize.layer.kept_files import RPM_MANIFEST
from ocisize.model.packages import RPM

_FIELDS = 10
_ABSENT = ("(none)", "0", "")  # what rpm writes for a tag that a package does not have


def read_manifest(content: bytes) -> Iterator[PackageRecord]:
    """A record for each line; lines with other fields are passed over."""
    for line in io.BytesIO(content):
        fields = line.rstrip(b"\r\n").decode("utf-8", "replace").split("\t", _FIELDS)
        if len(fields) != _FIELDS or not fields[0]:
            continue
        name, version, _, _, vendor, _, _, architecture, epoch, source_rpm = fields
        source, source_version = split_source(source_rpm)
        yield PackageRecord(
            ecosystem=RPM,
            name=name,
            version=version,
            database=RPM_MANIFEST,
            architecture=architecture,
            source=source,
            source_version=source_version if source_version != version else "",
            vendor="" if vendor in _ABSENT else vendor,
            qualifiers={} if epoch in _ABSENT else {"epoch": epoch},
        )
