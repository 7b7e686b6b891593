"""ScratchSource: an image without layers, which a new image is compared with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from ocisize.oci.documents import Descriptor
from ocisize.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from ocisize.oci.source import ImageSource

_CONFIG = b'{"rootfs": {"type": "layers", "diff_ids": []}}'


class ScratchSource(ImageSource):
    """The documents of an image without layers.

    >>> import ocisize
    >>> ocisize.Analyzer().analyze_source(ScratchSource(), name="scratch").layers
    ()
    """

    format = "scratch"
    has_manifest = False

    def read_manifest(self, digest: str | None = None) -> bytes:  # noqa: ARG002 - there is only one
        """Return a manifest without layers."""
        config = {
            "mediaType": OCI_CONFIG,
            "digest": f"sha256:{hashlib.sha256(_CONFIG).hexdigest()}",
            "size": len(_CONFIG),
        }
        return json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}).encode()

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:  # noqa: ARG002 - there is only one
        """Return the config."""
        return [_CONFIG]
