"""Comparison and its parts: the frozen values that say how an image, BEFORE, became another one, AFTER.

Growth is the size of AFTER minus that of BEFORE, in bytes; it is negative if something shrank. ``growth`` is of content,
``compressed_growth`` of the download, None if that of one side is unknown. These sums are exact, of content and download:

* the growth of the layers is that of the image. A repeated blob counts in the lowest layer: ``model.sizes.paid_layers``.
* the growth of the base image and of the layers that were built on it is that of the image, if both are known.
* files of all kinds, unchanged files, and the bytes of download that belong to no file with content are the size of the
  image, on each side.
* the growth of the directories, with the last entry of their list, is that of the image.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.causes import DownloadCause, PackageChange
from ocisize.model.file_changes import FileChangeKind, FileChanges, SizeGrowth
from ocisize.model.findings import Finding
from ocisize.model.provenance import SourceLines
from ocisize.model.sizes import sum_known, weight_of
from ocisize.values import field, frozen


class LayerStatus(str, enum.Enum):
    """How a layer of AFTER relates to one of BEFORE."""

    SHARED = "shared"  #: the same blob
    RECOMPRESSED = "recompressed"  #: the same tar, stored as another blob
    REBUILT = "rebuilt"  #: the same files in another tar: timestamps or order differ
    CHANGED = "changed"  #: the files differ
    ADDED = "added"  #: BEFORE has no such layer
    REMOVED = "removed"  #: AFTER has no such layer

    def __str__(self) -> str:
        return self.value


SAME_CONTENT = (LayerStatus.SHARED, LayerStatus.RECOMPRESSED)


@frozen(kw_only=True)
class FileSum(SizeGrowth):
    """The sum of stored files of one kind; entries without content do not count."""

    count: int = 0  #: number of files
    before_size: int = 0  #: bytes of content in BEFORE
    after_size: int = 0  #: bytes of content in AFTER
    before_compressed_size: int | None = 0  #: bytes of download of BEFORE, None if unknown
    after_compressed_size: int | None = 0  #: bytes of download of AFTER, None if unknown


@frozen(kw_only=True)
class LayerChange(SizeGrowth):
    """A layer of both images, or of one of them; sizes are 0 on the side that does not have it."""

    status: LayerStatus  #: how both layers relate
    before: int | None  #: index of the layer in BEFORE, None if it has none
    after: int | None  #: index of the layer in AFTER, None if it has none
    build_step: BuildStep  #: of AFTER where it has the layer
    before_build_step: BuildStep  #: empty if BEFORE does not have the layer
    before_size: int  #: bytes of content
    after_size: int  #: bytes of content in AFTER
    before_compressed_size: int | None  #: bytes of download of BEFORE, None if unknown
    after_compressed_size: int | None  #: bytes of download of AFTER, None if unknown
    files: Mapping[FileChangeKind, FileSum] | None = field(default=None, hash=False)  #: None if files were not compared
    unchanged: FileSum | None = None  #: files with the same path and content in any layer of the other image
    other: FileSum | None = None  #: bytes of download of entries without content, and of none
    #: the lines of the Dockerfile, of AFTER where it has the layer; None if no provenance names them
    source: SourceLines | None = None

    @property
    def download_size(self) -> int | None:
        """Bytes that a host with BEFORE downloads; None for a layer that an archive holds in a form that no registry has."""
        if self.after is None or self.status is LayerStatus.SHARED:
            return 0
        uncertain = self.status is LayerStatus.RECOMPRESSED and self.before_compressed_size is None
        return None if uncertain else self.after_compressed_size


@frozen(kw_only=True)
class DirectoryChange:
    """The growth of a directory. ``/usr/`` is the directory with everything below it, ``/usr/*`` what is directly in it."""

    name: str | None  #: None of the last one, which is the rest
    growth: int  #: bytes of content
    compressed_growth: int | None  #: bytes of download, None if unknown
    file_count: int  #: files that differ


@frozen(kw_only=True)
class Reason:
    """A sentence that says why an image grew or shrank."""

    text: str  #: the sentence
    before: int | None  #: index of the layer
    after: int | None  #: the same in AFTER
    growth: int  #: bytes of content
    compressed_growth: int | None  #: bytes of download; None of all reasons if the download of an image is unknown

    @property
    def weight(self) -> int:
        """``compressed_growth``, or ``growth`` if that is None; sizes in the sentence are of the same."""
        return weight_of(self.compressed_growth, self.growth)


@frozen(kw_only=True)
class Suggestion:
    """A change that would save hosts a download, or the image some growth."""

    text: str  #: the sentence
    layers: tuple[int, ...]  #: indexes, in AFTER
    size: int  #: bytes of content that it applies to
    compressed_size: int | None  #: bytes of download that it applies to; None of all if one of them is unknown

    @property
    def weight(self) -> int:
        """``compressed_size``, or ``size`` if that is None."""
        return weight_of(self.compressed_size, self.size)


@frozen(kw_only=True)
class PartChange(SizeGrowth):
    """The sizes of the layers of the base image, or of the layers that were built on it, in both images."""

    before_size: int  #: bytes of content in BEFORE
    after_size: int  #: bytes of content in AFTER
    before_compressed_size: int | None  #: bytes of download of BEFORE, None if unknown
    after_compressed_size: int | None  #: bytes of download of AFTER, None if unknown


@frozen(kw_only=True)
class BaseChange:
    """The growth of an image, split into its base image and the layers that were built on it."""

    base: PartChange  #: the layers of the base image
    own: PartChange  #: the layers that were built on it
    before_layers: int  #: number of layers of the base image
    after_layers: int  #: the same of AFTER
    sure: bool  #: False if one of the base images is only likely


@frozen(kw_only=True)
class Comparison:
    """The differences between two images. ``compare`` makes one.

    >>> import ocisize
    >>> old, new = map(ocisize.analyze, ("testdata/golden/01-single-layer.tar", "testdata/golden/10-delete-file.tar"))
    >>> comparison = ocisize.compare(old, new)
    >>> comparison.growth, [str(layer.status) for layer in comparison.layers]
    (2000, ['shared', 'added', 'added'])
    """

    before: Analysis = field(repr=False)  #: the image that AFTER is compared with
    after: Analysis = field(repr=False)  #: the newer image
    layers: tuple[LayerChange, ...]  #: base first
    files: FileChanges | None = field(eq=False, repr=False)  #: None if a layer that differs has no file table
    directories: tuple[DirectoryChange, ...]  #: largest change first, the rest last
    reasons: tuple[Reason, ...]  #: largest growth of the download first
    suggestions: tuple[Suggestion, ...]  #: largest first
    base: BaseChange | None = None  #: None if a base image is unknown or only a guess
    #: the packages whose files differ, largest change first; empty if the analyses were made without ``keep_packages``
    packages: tuple[PackageChange, ...] = ()
    new_findings: tuple[Finding, ...] = ()  #: those about AFTER that BEFORE does not have; largest savings first
    new_secrets: tuple[Finding, ...] = ()  #: those of them about secrets, without the files and names that BEFORE has, too
    fixed_findings: tuple[Finding, ...] = ()  #: those about BEFORE that AFTER does not have
    download_cause: DownloadCause | None = None  #: why layers are downloaded again; None if few of their files are in BEFORE

    @property
    def growth(self) -> int:
        """Bytes of content that AFTER has more than BEFORE."""
        return self.after.content_size - self.before.content_size

    @property
    def compressed_growth(self) -> int | None:
        """Bytes of download that AFTER has more than BEFORE; None if one of both is unknown."""
        old, new = self.before.compressed_size, self.after.compressed_size
        return None if old is None or new is None else new - old

    @property
    def expected_compressed_growth(self) -> int | None:
        """``compressed_growth``, or an estimate if it is unknown; None if a side has no estimate."""
        old, new = self.before.expected_compressed_size, self.after.expected_compressed_size
        return None if old is None or new is None else new - old

    @property
    def estimated_growth(self) -> int | None:
        """An estimate of an unknown ``compressed_growth``; None if it is known, or if a side has no estimate."""
        return self.expected_compressed_growth if self.compressed_growth is None else None

    @property
    def download_size(self) -> int | None:
        """Bytes that a host with BEFORE downloads for AFTER, without shared layers; None if unknown."""
        return sum_known([layer.download_size for layer in self.layers])

    @property
    def is_new(self) -> bool:
        """True if AFTER is a new image: BEFORE is ``scratch``, or another image without layers."""
        return not self.before.layers

    @property
    def same_layers(self) -> bool:
        """True if both images have the same blobs in the same order."""
        return [layer.digest for layer in self.before.layers] == [layer.digest for layer in self.after.layers]

    @property
    def same_content(self) -> bool:
        """True if both images have the same tar streams in the same order, whatever their compression."""
        return all(layer.status in SAME_CONTENT and layer.before == layer.after for layer in self.layers)

    @property
    def without_files(self) -> tuple[str, ...]:
        """The sides, ``before`` or ``after``, that were saved without the files that the comparison needs."""
        if self.files is not None:
            return ()
        changed = [layer for layer in self.layers if layer.status not in SAME_CONTENT]
        lacking = {
            "before": any(layer.before is not None and self.before.layers[layer.before].files is None for layer in changed),
            "after": any(layer.after is not None and self.after.layers[layer.after].files is None for layer in changed),
        }
        return tuple(side for side, lacks in lacking.items() if lacks)

    def sum_of(self, kind: FileChangeKind) -> FileSum:
        """Return the sum of all files of one kind."""
        return sum_file_totals([layer.files[kind] for layer in self.layers if layer.files and kind in layer.files])


def sum_file_totals(sums: Sequence[FileSum]) -> FileSum:
    """Return the sum of some sums; a figure that is unknown in one of them is None.

    >>> sum_file_totals([FileSum(count=1, after_size=10), FileSum(count=2, after_size=5)]).after_size
    15
    """
    return FileSum(
        count=sum(part.count for part in sums),
        before_size=sum(part.before_size for part in sums),
        after_size=sum(part.after_size for part in sums),
        before_compressed_size=sum_known([part.before_compressed_size for part in sums]),
        after_compressed_size=sum_known([part.after_compressed_size for part in sums]),
    )
