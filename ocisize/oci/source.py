"""Source: what every place that images come from can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ocisize.oci.documents import Descriptor


class Source(Protocol):
    """Where an image's bytes come from. Any object with these two methods will do."""

    def read_manifest(self, digest: str | None = None) -> bytes:
        """The manifest or index with that digest, or the one this source was opened for."""
        ...

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        """The blob's bytes as stored, in chunks. A FileRegion lets plain layers be read in place."""
        ...
