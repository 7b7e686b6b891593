"""Records of the files that a scan keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ocisize.inventory.record import Ecosystem, PackageRecord


def read_kept(ecosystem: Ecosystem, files: Mapping[str, bytes] | Mapping[bytes, bytes]) -> Iterable[PackageRecord]:
    """The records in some files, each of which must be one of the ecosystem's databases."""
    kept = {path if isinstance(path, bytes) else path.encode(): content for path, content in files.items()}
    assert all(map(ecosystem.is_database, kept))
    return ecosystem.read(kept)
