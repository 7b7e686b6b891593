"""PipedRootfs: a root filesystem in a tar that comes from a pipe, such as ``docker export`` writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ocisize.blob.compression import MAGIC_SIZE, PLAIN, detect_compression
from ocisize.blob.digest import digest_of
from ocisize.blob.passing import PassedBlob, PassingBlob
from ocisize.blob.region import CHUNK
from ocisize.blob.stream import LayerStream
from ocisize.errors import ArchiveError, LimitExceeded, OcisizeError, SourceError, StreamError, TarError
from ocisize.limits import Limits, Meter, Tally
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import BlobScanner, ImageSource
from ocisize.sources.file_kinds import find_kind_of
from ocisize.sources.folder_images import is_image_tar
from ocisize.sources.pipe import FilePipe, PipeFile, RawReader, describe_content, ignore_wait
from ocisize.sources.rootfs import EXPECTED_ROOTFS, NO_END, SAVED_IMAGE, compose_documents
from ocisize.tar.header import BLOCK

_ALGORITHM = "sha256"


class PipedRootfs(ImageSource):
    """The image whose only layer is the tar that comes from ``pipe``, plain or compressed; it is a ``OnePassSource``.

    The size of a pipe is known at its end only, so a plain tar has no estimate of its download, and the map of a compressed
    one is as coarse as that of large layers.
    """

    format = "rootfs"
    keeps_compression = False
    has_manifest = False
    has_digests = False
    is_local = True

    def __init__(self, pipe: FilePipe, limits: Limits) -> None:
        self._pipe, self._limits = pipe, limits
        self._blob: PassedBlob | None = None
        self._config = self._manifest = b""

    def read_once(self, scanner: BlobScanner | None = None) -> None:
        """Read the tar to its end. Raises ArchiveError and LimitExceeded."""
        if self._blob is not None:
            return
        raw = self._pipe.open(scanner.wait if scanner is not None else ignore_wait)
        try:
            blob = self._read(raw, scanner)
        finally:
            raw.close()
        diff_id = blob.digest if blob.compression == PLAIN else str(blob.unpacked_digest)
        self._config, self._manifest = compose_documents(blob.compression, blob.digest, diff_id, blob.size)
        self._blob = blob

    def read_manifest(self, digest: str | None = None) -> bytes:
        self.read_once()
        if digest is not None:
            raise ArchiveError(f"a root filesystem has no manifest {digest}")
        return self._manifest

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        self.read_once()
        assert self._blob is not None  # noqa: S101 - read_once sets it or raises
        return [self._config] if descriptor.digest == digest_of(self._config) else self._blob

    def _read(self, raw: RawReader, scanner: BlobScanner | None) -> PassedBlob:
        file = PipeFile(raw, self._pipe.name)
        if not file.head:
            raise ArchiveError(f"{self._pipe.name} is empty", hint=self._pipe.empty_hint)
        blob = PassingBlob(self._pipe.name, file, _ALGORITHM, hash_in_thread=True)
        try:
            outcome, unpacked = scanner.scan(blob) if scanner is not None else self._hash(blob)
            if isinstance(outcome, OcisizeError):
                raise self._explain(outcome, file.head)
            digest = blob.digest()
        finally:
            blob.abandon()
        if file.head[:BLOCK] == bytes(BLOCK) and (kind := find_kind_of(file.head, [file.head])) is not None:
            raise ArchiveError(f"{self._pipe.name} is not a root filesystem: {kind.what}", hint=EXPECTED_ROOTFS)
        compression = detect_compression(file.head[:MAGIC_SIZE])
        ends = compression != PLAIN or file.last_block == bytes(BLOCK)
        self.warnings = [*([] if ends else [NO_END]), *([SAVED_IMAGE] if is_image_tar([file.head]) else [])]
        return PassedBlob(blob.name, blob.consumed, compression, digest, unpacked, outcome)

    def _hash(self, blob: PassingBlob) -> tuple[None, str]:
        """Return the digest of the uncompressed bytes, where nobody reads them as a layer."""
        stream = LayerStream(blob, meter=Meter(Tally(self._limits)))
        hasher, buffer = hashlib.new(_ALGORITHM), memoryview(bytearray(CHUNK))
        while count := stream.readinto(buffer):
            hasher.update(buffer[:count])
        stream.finish()
        return None, f"{_ALGORITHM}:{hasher.hexdigest()}"

    def _explain(self, error: OcisizeError, head: bytes) -> OcisizeError:
        """Return the error of a pipe that delivers no tar, with what it delivers instead, or a hint."""
        name = self._pipe.name
        if isinstance(error, LimitExceeded | SourceError):
            return error
        if isinstance(error, TarError) and error.offset <= BLOCK and (kind := find_kind_of(head, [head])) is not None:
            what = describe_content(kind, head)
            return ArchiveError(f"{name} is not a root filesystem: {what}", hint=EXPECTED_ROOTFS)
        truncated = isinstance(error, StreamError | TarError) and error.truncated
        return ArchiveError(f"{name}: {error}", hint=self._pipe.incomplete_hint if truncated else EXPECTED_ROOTFS)
