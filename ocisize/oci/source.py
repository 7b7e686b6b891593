"""Source, ImageSource and their extensions: what the readers and the analyzer ask of the place that an image comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ocisize.blob.compression import PLAIN
from ocisize.oci.documents import Descriptor
from ocisize.values import frozen


@frozen
class RebuiltLayer:
    """A layer that a store keeps as unpacked files: its tar is rebuilt from them, and its stored bytes are gone."""

    tar: Descriptor  #: of the tar that ``open_blob`` returns
    #: the blob that a registry has, as the store noted it when it pulled the layer: nothing verifies it; None if unknown
    pulled: Descriptor | None = None
    compression: str = PLAIN  #: of that blob
    is_exact: bool = True  #: False if the headers of the tar are lost: the rebuilt tar has others, and no digest


if TYPE_CHECKING:
    from ocisize.blob.passing import PassingBlob


class Source(Protocol):
    """The two methods that a library user's own object needs to be analyzed; no base class is needed.

    Both should raise an OcisizeError such as SourceError: ``keep_going`` leaves out what raises one, and other errors end
    the analysis. docs/library.md has an example that is analyzed.

    >>> class Folder:
    ...     def read_manifest(self, digest=None):
    ...         return Path(digest or "manifest.json").read_bytes()
    ...     def open_blob(self, descriptor):
    ...         return [Path(descriptor.digest).read_bytes()]
    >>> source: Source = Folder()
    """

    def read_manifest(self, digest: str | None = None) -> bytes:
        """Return the manifest or index with this digest, or the one that the source was opened for."""
        ...

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        """Return the stored bytes of a blob in chunks. A ``FileRegion`` lets plain layers be read in place."""
        ...


@runtime_checkable
class RangedSource(Source, Protocol):
    """A source that can also read parts of blobs: layers with tables of contents are then read from these alone.

    >>> class Folder:
    ...     def read_manifest(self, digest=None):
    ...         return Path(digest or "manifest.json").read_bytes()
    ...     def open_blob(self, descriptor):
    ...         return [Path(descriptor.digest).read_bytes()]
    ...     def read_range(self, descriptor, start, stop):
    ...         return Path(descriptor.digest).read_bytes()[start:stop]
    >>> isinstance(Folder(), RangedSource)
    True
    """

    def read_range(self, descriptor: Descriptor, start: int, stop: int) -> bytes | None:
        """Return the stored bytes of a blob from ``start`` up to ``stop``, or None if they cannot be had.

        The caller verifies the bytes, and reads the whole blob if there are none: errors are for ``open_blob`` to raise.
        """
        ...


@runtime_checkable
class ReferredSource(RangedSource, Protocol):
    """A source of parts of blobs that also knows which manifests refer to another, as SOCI indexes of version 1 do.

    >>> class Folder:
    ...     def read_manifest(self, digest=None):
    ...         return Path(digest or "manifest.json").read_bytes()
    ...     def open_blob(self, descriptor):
    ...         return [Path(descriptor.digest).read_bytes()]
    ...     def read_range(self, descriptor, start, stop):
    ...         return Path(descriptor.digest).read_bytes()[start:stop]
    ...     def read_referrers(self, digest, artifact_type):
    ...         return Path("referrers", digest).read_bytes()
    >>> isinstance(Folder(), ReferredSource)
    True
    """

    def read_referrers(self, digest: str, artifact_type: str) -> bytes | None:
        """Return an index of the manifests that refer to the one with this digest, or None if it cannot be had.

        It may list manifests of other types than ``artifact_type``. The caller verifies the manifests, not the index.
        """
        ...


@runtime_checkable
class ImageSource(Source, Protocol):
    """All that the analyzer asks of a source, with the answers that are right for most.

    ``open_source`` returns an ``ImageSource``. A subclass overrides what differs. An object that lacks some of the members
    is used as a ``Source``, with all of the answers below.

    >>> class Named(ImageSource):
    ...     format, reference = "database", "team/app:1"
    ...     def read_manifest(self, digest=None):
    ...         return b"{}"
    ...     def open_blob(self, descriptor):
    ...         return []
    >>> source = Named()
    >>> source.format, source.keeps_compression, source.sequential
    ('database', True, False)
    """

    format: str = "custom"  #: ``registry``, ``docker-archive``, ``oci-archive``, ``oci-layout`` …
    reference: str | None = None  #: name of the image, None if the source knows none
    has_manifest: bool = True  #: False if the manifest was composed here, so that its digest exists nowhere else
    has_digests: bool = True  #: False if all digests were computed from the blobs here, so that they verify nothing
    has_index: bool = True  #: False if the index was composed here, from manifests that no index of the source lists
    keeps_compression: bool = True
    """False if the writer of the archive decompressed the layers: compressed sizes of plain layers are then unknown."""
    is_local: bool = False  #: True if blobs are files of this machine, so that no read waits for a server
    mirror: str | None = None  #: the reference that the image was read from, if that is another than ``reference``
    unverified_hosts: Sequence[str] = ()
    """Hosts that something was read from although their identity was not verified; complete once the layers are read."""
    warnings: Sequence[str] = ()
    """What the user should know about how the image was found and read; complete once the layers are read."""

    @property
    def sequential(self) -> bool:
        """True if blobs should be read one at a time, in the order of ``blob_position``."""
        return False

    def blob_position(self, descriptor: Descriptor) -> int:  # noqa: ARG002
        """Return the sort key for sequential reading: the offset of a blob in its archive."""
        return 0

    def member_name(self, descriptor: Descriptor) -> str | None:  # noqa: ARG002
        """Return the name of the archive member or file that holds a blob; None if blobs are not files."""
        return None

    def rebuilt_layer(self, descriptor: Descriptor, diff_id: str | None) -> RebuiltLayer | None:  # noqa: ARG002
        """Return how a layer is rebuilt whose stored bytes the source does not have; None if ``open_blob`` returns them.

        ``descriptor`` is the layer's in the manifest, ``diff_id`` what the config lists for it.
        """
        return None

    def find_attestation(self, digest: str) -> Descriptor | None:  # noqa: ARG002
        """Return the manifest of BuildKit's attestations about the manifest with this digest; None if there is none.

        It is asked for only if the image was not chosen from an index, which would list its attestations.
        """
        return None

    def abort(self) -> None:
        """End all reads, in other threads too. Called if an analysis fails; nothing can be read afterwards."""
        return

    def close(self) -> None:
        """Release files and connections."""
        return


class BlobScanner(Protocol):
    """Takes the blobs of a OnePassSource as they pass."""

    def wait(self, reason: str) -> None:
        """Note that the source waits, and why."""
        ...

    def scan(self, blob: PassingBlob) -> tuple[object, str | None]:
        """Read a blob that may be a layer; return ``outcome`` and ``unpacked_digest`` of its ``PassedBlob``.

        The outcome of a blob that is no layer is its error.
        """
        ...


@runtime_checkable
class OnePassSource(Protocol):
    """What an ``ImageSource`` has besides, if its blobs can be read only once, in the order in which they come.

    Manifests and configs come last, as a rule, so the blobs are read before it is known which of them are layers. Without
    ``read_once``, the first use reads everything, and layers cannot be read afterwards.
    """

    def read_once(self, scanner: BlobScanner) -> None:
        """Read the whole source; its ``open_blob`` returns a ``PassedBlob`` for each blob that ``scanner`` took."""
        ...


class _CompletedSource(ImageSource):
    """A user's source with the default answers of ``ImageSource``."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read_manifest(self, digest: str | None = None) -> bytes:
        return self._source.read_manifest(digest)

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self._source.open_blob(descriptor)


class _CompletedRangedSource(_CompletedSource):
    """The same for a source that can read parts of blobs."""

    def __init__(self, source: RangedSource) -> None:
        super().__init__(source)
        self._ranged = source

    def read_range(self, descriptor: Descriptor, start: int, stop: int) -> bytes | None:
        return self._ranged.read_range(descriptor, start, stop)


class _CompletedReferredSource(_CompletedRangedSource):
    """The same for a source that also knows which manifests refer to another."""

    def __init__(self, source: ReferredSource) -> None:
        super().__init__(source)
        self._referred = source

    def read_referrers(self, digest: str, artifact_type: str) -> bytes | None:
        return self._referred.read_referrers(digest, artifact_type)


def complete_source(source: Source) -> ImageSource:
    """Return the source itself if it is an ``ImageSource``, else an adapter with the default answers.

    >>> class OneManifest:
    ...     def read_manifest(self, digest=None):
    ...         return b"{}"
    ...     def open_blob(self, descriptor):
    ...         return []
    >>> source = complete_source(OneManifest())
    >>> source.format, source.reference, source.sequential, source.read_manifest()
    ('custom', None, False, b'{}')
    >>> complete_source(source) is source
    True
    """
    if isinstance(source, ImageSource):
        return source
    if isinstance(source, ReferredSource):
        return _CompletedReferredSource(source)
    return _CompletedRangedSource(source) if isinstance(source, RangedSource) else _CompletedSource(source)
