"""RootfsSource: a root filesystem in a tar, as an image of one layer whose manifest and config are composed here."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ocisize.blob.compression import PLAIN
from ocisize.blob.digest import digest_of
from ocisize.blob.region import CHUNK, FileRegion
from ocisize.blob.stream import LayerStream
from ocisize.errors import ArchiveError, LimitExceeded, OcisizeError, TarError
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.documents import SELF_NAMED, Descriptor
from ocisize.oci.media_types import DOCKER_CONFIG, DOCKER_MANIFEST, docker_layer_type
from ocisize.oci.source import ImageSource
from ocisize.sources.folder import open_file
from ocisize.sources.folder_images import is_image_tar
from ocisize.sources.no_archive import explain_error, refuse_other_kind
from ocisize.tar.header import checksum_matches
from ocisize.text import printable

EXPECTED_ROOTFS = "rootfs: reads a root filesystem in a tar, as docker export writes it"
NO_END = "the tar has no end marker, so it may have been cut"  #: a warning
SAVED_IMAGE = "the file is a saved image, whose own files are shown; to analyze the image, omit rootfs:"  #: a warning
_BLOCK = 512  # bytes of a header


class RootfsSource(ImageSource):
    """The image whose only layer is a tar of a root filesystem, such as ``docker export`` writes; plain or compressed.

    The file is read once when it is opened, for the digests of its bytes as stored and as unpacked. The config names no
    platform. Raises ArchiveError and LimitExceeded.
    """

    format = "rootfs"
    keeps_compression = False
    has_manifest = False
    has_digests = False

    def __init__(self, path: Path, limits: Limits) -> None:
        descriptor = open_file(path)
        self._open = True
        try:
            self._region = FileRegion(descriptor, 0, _file_size(path, descriptor))
            self._config, self._manifest = self._compose(path, limits)
            if is_image_tar(self._region):
                self.warnings = (*self.warnings, SAVED_IMAGE)
        except BaseException:
            os.close(descriptor)
            raise

    def read_manifest(self, digest: str | None = None) -> bytes:
        if digest is not None:
            raise ArchiveError(f"a root filesystem has no manifest {digest}")
        return self._manifest

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        if descriptor.digest == digest_of(self._config):
            return [self._config]
        return self._region.part(0, self._region.size)

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._region.descriptor)

    def _compose(self, path: Path, limits: Limits) -> tuple[bytes, bytes]:
        try:
            compression, diff_id, has_end = _read_stream(path, self._region, limits)
        except (ArchiveError, LimitExceeded):
            raise
        except OcisizeError as error:
            raise explain_error(path, self._region, error, EXPECTED_ROOTFS) from error
        if not has_end:
            self.warnings = (NO_END,)
        digest = diff_id if compression == PLAIN else _digest_of_chunks(self._region)
        return compose_documents(compression, digest, diff_id, self._region.size)


def compose_documents(compression: str, digest: str, diff_id: str, size: int) -> tuple[bytes, bytes]:
    """Return a config and a manifest for a root filesystem as the only layer; ``size`` is that of its stored bytes."""
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": [diff_id]}}).encode()
    layer = _descriptor(docker_layer_type(compression), digest, size)
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": _descriptor(DOCKER_CONFIG, digest_of(config), len(config)),
        "layers": [layer | {"annotations": {SELF_NAMED: "true"}}],
    }
    return config, json.dumps(manifest).encode()


def _file_size(path: Path, descriptor: int) -> int:
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        hint = f"pack it first: tar -C {shlex.quote(printable(str(path)))} -cf rootfs.tar ."
        raise ArchiveError(f"{path} is a folder; rootfs: reads a tar", hint=hint)
    if not stat.S_ISREG(status.st_mode):
        raise ArchiveError(f"{path} is not a file", hint=EXPECTED_ROOTFS)
    if not status.st_size:
        raise ArchiveError(f"{path} is empty")
    return status.st_size


def _read_stream(path: Path, region: FileRegion, limits: Limits) -> tuple[str, str, bool]:
    """Return the compression of a file, the digest of its uncompressed bytes, and whether they end as tars do, with zeros.

    Raises an error if the bytes are no tar.
    """
    stream = LayerStream(region, stored_size=region.size, meter=Meter(Tally(limits, region.size)))
    hasher, buffer, end = hashlib.sha256(), memoryview(bytearray(CHUNK)), b""
    while count := stream.readinto(buffer):
        header = bytes(buffer[:_BLOCK])
        if stream.size == count and not checksum_matches(header):
            if header != bytes(_BLOCK):
                raise TarError("this is not a tar: no header", offset=0)
            refuse_other_kind(path, region, EXPECTED_ROOTFS)  # zeros are an empty tar, and begin disk images
        hasher.update(buffer[:count])
        end = (end + bytes(buffer[max(count - _BLOCK, 0) : count]))[-_BLOCK:]
    stream.finish()
    return stream.compression, f"sha256:{hasher.hexdigest()}", end == bytes(_BLOCK)


def _digest_of_chunks(chunks: Iterable[bytes]) -> str:
    hasher = hashlib.sha256()
    for chunk in chunks:
        hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}
