"""TocPosition: where a layer has its table of contents, and how the table is verified, by the annotations of its descriptor.

The annotations are part of the manifest, which is verified. stargz-snapshotter writes both of the digests below for
zstd:chunked, and then both are checked.
"""

from __future__ import annotations

from collections.abc import Mapping

from ocisize.blob.digest import is_digest
from ocisize.oci.documents import Descriptor
from ocisize.oci.toc_annotations import CHUNKED_PREFIXES, TOC_DIGEST, ZSTD_CHUNKED
from ocisize.patterns import lazy_pattern
from ocisize.values import frozen

MAX_STORED = 64 << 20  #: bytes of a table as stored; that of 50,000 files has 2.5 MB
MAX_JSON = 512 << 20  #: bytes of its JSON; that of 50,000 files has 18 MB
MIN_LAYER = 64 << 10  #: bytes; one request for all of a smaller layer is as cheap, and verifies it

_TAR_SIZE = "io.containers.estargz.uncompressed-size"
_FRAME_HEADER = 8  # bytes before the data of a skippable frame
_CRFS = 1  # the only type of table that there is
_NUMBERS = lazy_pattern(r"([0-9]{1,18}):([0-9]{1,18}):([0-9]{1,18}):([0-9]{1,18})")
_NUMBER = lazy_pattern(r"[0-9]{1,18}")


@frozen
class StoredSpan:
    """A part of a blob: the bytes from ``start`` up to ``stop``."""

    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.stop - self.start


@frozen
class TocPosition:
    """What the annotations of a layer say of its table of contents."""

    format: str | None  #: None if only the end of the blob tells
    span: StoredSpan | None  #: the stored table; None if only the end of the blob tells
    stored_digest: str | None  #: sha256 of the stored table; one of the digests is known
    json_digest: str | None  #: sha256 of its JSON
    tar_size: int | None  #: length of the uncompressed tar


@frozen
class ListedZtoc:
    """The table of contents of a layer that a SOCI index lists."""

    descriptor: Descriptor
    verified: bool  #: the manifest of the image has the digest of the index


def find_toc(descriptor: Descriptor) -> TocPosition | None:
    """Return where a layer has its table of contents; None for a layer without, and for one that is as easily read.

    >>> from ocisize.blob.digest import digest_of
    >>> annotations = {
    ...     "io.github.containers.zstd-chunked.manifest-position": "90000:5000:40000:1",
    ...     "io.github.containers.zstd-chunked.manifest-checksum": digest_of(b"table"),
    ... }
    >>> position = find_toc(Descriptor(digest_of(b"layer"), 95080, annotations=annotations))
    >>> position.format, position.span
    ('zstd:chunked', StoredSpan(start=90000, stop=95000))
    >>> find_toc(Descriptor(digest_of(b"layer"), 95080)) is None
    True
    """
    annotations, size = descriptor.annotations, descriptor.size
    if size <= MIN_LAYER:
        return None
    json_digest = annotations.get(TOC_DIGEST)
    if json_digest is not None and not _is_sha256(json_digest):
        return None
    tar_size = annotations.get(_TAR_SIZE, "")
    known_size = int(tar_size) if _NUMBER.fullmatch(tar_size) else None
    found = [place for prefix in CHUNKED_PREFIXES if (place := _read_chunked(annotations, prefix)) is not None]
    if found:
        span, stored_digest = found[0]
        fits = 0 < span.start < span.stop <= size and span.size <= MAX_STORED
        is_clear = all(other == found[0] for other in found) and stored_digest is not None
        return TocPosition(ZSTD_CHUNKED, span, stored_digest, json_digest, known_size) if fits and is_clear else None
    return TocPosition(None, None, None, json_digest, known_size) if json_digest is not None else None


def _read_chunked(annotations: Mapping[str, str], prefix: str) -> tuple[StoredSpan, str | None] | None:
    """The place and the digest of the table that annotations with this prefix name; None without such annotations."""
    position, digest = annotations.get(f"{prefix}manifest-position"), annotations.get(f"{prefix}manifest-checksum")
    if position is None:
        return None
    match = _NUMBERS.fullmatch(position)
    if match is None or int(match[4]) != _CRFS or digest is None or not _is_sha256(digest) or int(match[3]) > MAX_JSON:
        return StoredSpan(0, 0), None
    start = int(match[1])
    return StoredSpan(start, start + int(match[2])), digest


def _is_sha256(text: str) -> bool:
    return text.startswith("sha256:") and is_digest(text)


def data_end(format: str, span: StoredSpan) -> int:  # noqa: A002 - the field of TocPosition
    """Where the files of a layer end, in bytes of the blob: its table, or the frame that holds it, begins there."""
    return span.start - _FRAME_HEADER if format == ZSTD_CHUNKED else span.start
