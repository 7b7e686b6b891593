"""Comparison and its parts: the frozen values that say how one image became another.

Growth is AFTER less BEFORE, in bytes, negative where something shrank; ``growth`` is of content and
``compressed_growth`` of the wire, None where one of both sides is unknown. These laws hold exactly:

* the layers' growths add up to the image's, on the wire as in content. A blob that stands in several layers of an
  image is downloaded once: it costs the wire in the lowest of them, the others cost nothing.
* so do those of the base image and of what was built on it, where both are known;
* stored files of every kind, unchanged ones and, on the wire, what belongs to no file with content add up to what
  each of the images weighs; so do directories, with the last entry of their list, to what it grew.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import attrs

from ocisize.model.analysis import Analysis
from ocisize.model.build_step import BuildStep
from ocisize.model.file_changes import FileChangeKind, FileChanges, SizeGrowth
from ocisize.model.sizes import sum_known, weight_of


class LayerStatus(str, enum.Enum):
    """What became of a layer."""

    SHARED = "shared"  #: the same blob
    RECOMPRESSED = "recompressed"  #: the same tar, stored as another blob
    REBUILT = "rebuilt"  #: the same files in another tar: their times or their order differ
    CHANGED = "changed"  #: the step made something else
    ADDED = "added"
    REMOVED = "removed"

    def __str__(self) -> str:
        return self.value


SAME_CONTENT = (LayerStatus.SHARED, LayerStatus.RECOMPRESSED)


@attrs.frozen(kw_only=True)
class FileSum(SizeGrowth):
    """Stored files of one kind added up; empty files and other entries without content are none."""

    count: int = 0
    before_size: int = 0
    after_size: int = 0
    before_compressed_size: int | None = 0
    after_compressed_size: int | None = 0


@attrs.frozen(kw_only=True)
class LayerChange(SizeGrowth):
    """A build step in both images, or in one of them; what it weighs where it is not is 0."""

    status: LayerStatus
    before: int | None  #: index of the layer
    after: int | None
    build_step: BuildStep  #: of AFTER where it has the layer
    before_build_step: BuildStep
    before_size: int  #: bytes of content
    after_size: int
    before_compressed_size: int | None
    after_compressed_size: int | None
    files: Mapping[FileChangeKind, FileSum] | None = attrs.field(
        default=None, hash=False
    )  #: None where files were not compared
    unchanged: FileSum | None = None  #: files with the same path and content in both images, whatever their layers
    other: FileSum | None = None  #: what the wire has besides: headers of entries without content, and overhead

    @property
    def download_size(self) -> int | None:
        """What a node that has BEFORE fetches; None where an archive holds the layer as no registry does."""
        if self.after is None or self.status is LayerStatus.SHARED:
            return 0
        uncertain = self.status is LayerStatus.RECOMPRESSED and self.before_compressed_size is None
        return None if uncertain else self.after_compressed_size


@attrs.frozen(kw_only=True)
class DirectoryChange:
    """What grew in a directory, named as a glob: ``/usr/`` is everything below it, ``/usr/*`` what is directly in it."""

    name: str | None  #: None of the last one, which is all that the others leave
    growth: int
    compressed_growth: int | None
    file_count: int  #: files that are not as they were


@attrs.frozen(kw_only=True)
class Reason:
    """Why an image grew or shrank, in words."""

    text: str
    before: int | None  #: index of the layer
    after: int | None
    growth: int
    compressed_growth: int | None

    @property
    def weight(self) -> int:
        """``compressed_growth``, or ``growth`` if that is None."""
        return weight_of(self.compressed_growth, self.growth)


@attrs.frozen(kw_only=True)
class Suggestion:
    """What would spare the nodes a download, or the image its growth."""

    text: str
    layers: tuple[int, ...]  #: of AFTER
    size: int  #: bytes of content it is about
    compressed_size: int | None  #: bytes of download

    @property
    def weight(self) -> int:
        """``compressed_size``, or ``size`` if that is None."""
        return weight_of(self.compressed_size, self.size)


@attrs.frozen(kw_only=True)
class PartChange(SizeGrowth):
    """What the layers of the base image weigh in both images, or those that were built on it."""

    before_size: int
    after_size: int
    before_compressed_size: int | None
    after_compressed_size: int | None


@attrs.frozen(kw_only=True)
class BaseChange:
    """What an image grew, parted into its base image and what was built on it."""

    base: PartChange
    own: PartChange
    before_layers: int  #: how many from the bottom are the base's
    after_layers: int
    sure: bool  #: else one of the bases is only likely to be one


@attrs.frozen(kw_only=True)
class Comparison:
    """How BEFORE became AFTER."""

    before: Analysis = attrs.field(repr=False)
    after: Analysis = attrs.field(repr=False)
    layers: tuple[LayerChange, ...]  #: base first
    files: FileChanges | None = attrs.field(eq=False, repr=False)  #: None where a layer at hand has no file table
    directories: tuple[DirectoryChange, ...]
    reasons: tuple[Reason, ...]  #: largest growth on the wire first
    suggestions: tuple[Suggestion, ...]  #: largest first
    base: BaseChange | None = None  #: None where a base image is unknown, a mere guess, or not the other one's counterpart

    @property
    def growth(self) -> int:
        """Bytes of content more than before."""
        return self.after.content_size - self.before.content_size

    @property
    def compressed_growth(self) -> int | None:
        """Bytes of wire more than before."""
        old, new = self.before.compressed_size, self.after.compressed_size
        return None if old is None or new is None else new - old

    @property
    def download_size(self) -> int | None:
        """Bytes that a node which has BEFORE fetches for AFTER; shared layers are free."""
        return sum_known([layer.download_size for layer in self.layers])

    @property
    def same_layers(self) -> bool:
        """Whether both images have the same blobs in the same order."""
        return [layer.digest for layer in self.before.layers] == [layer.digest for layer in self.after.layers]

    @property
    def same_content(self) -> bool:
        """Whether both images have the same tars in the same order, however they are stored."""
        return all(layer.status in SAME_CONTENT and layer.before == layer.after for layer in self.layers)

    @property
    def without_files(self) -> tuple[str, ...]:
        """Which sides were saved without the files that are needed to compare them: of ``before`` and ``after``."""
        if self.files is not None:
            return ()
        changed = [layer for layer in self.layers if layer.status not in SAME_CONTENT]
        lacking = {
            "before": any(layer.before is not None and self.before.layers[layer.before].files is None for layer in changed),
            "after": any(layer.after is not None and self.after.layers[layer.after].files is None for layer in changed),
        }
        return tuple(side for side, lacks in lacking.items() if lacks)

    def sum_of(self, kind: FileChangeKind) -> FileSum:
        """All files of one kind added up."""
        return sum_file_totals([layer.files[kind] for layer in self.layers if layer.files and kind in layer.files])


def sum_file_totals(sums: Sequence[FileSum]) -> FileSum:
    """Some sums as one; a wire figure that one of them lacks is unknown."""
    return FileSum(
        count=sum(each.count for each in sums),
        before_size=sum(each.before_size for each in sums),
        after_size=sum(each.after_size for each in sums),
        before_compressed_size=sum_known([each.before_compressed_size for each in sums]),
        after_compressed_size=sum_known([each.after_compressed_size for each in sums]),
    )
