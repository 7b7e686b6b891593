"""An image in memory whose source can read parts of blobs, and remembers what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from ocisize import Analysis, Analyzer, Descriptor
from ocisize.report.json.analysis import analysis_document
from tests.images import BuiltImage, BuiltLayer, build_image

#: figures that differ between both ways to read a layer: what was verified, and the exact shares of stored bytes
_DIFFERENT = {
    "digest_verified", "diff_id_verified", "toc", "tar_size", "compressed_sizes", "ends", "overhead", "overhead_size",
    "wasted_compressed_size", "compressed_size", "cost", "hash_function", "content_hashes", "claimed_sizes",
    "pull", "tool_sizes",  # some need the size of the tar
}  # fmt: skip


@attrs.define
class RangedMemory:
    """Reads an image from memory; ``change`` may change the bytes of a part."""

    image: BuiltImage
    change: Callable[[bytes], bytes | None] = lambda data: data
    ranges: list[tuple[str, int, int]] = attrs.field(factory=list)
    whole: list[str] = attrs.field(factory=list)  #: digests of blobs that were read

    def read_manifest(self, digest: str | None = None) -> bytes:
        return self.image.blobs[digest] if digest else self.image.manifest

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        self.whole.append(descriptor.digest)
        return [self.image.blobs[descriptor.digest]]

    def read_range(self, descriptor: Descriptor, start: int, stop: int) -> bytes | None:
        blob = self.image.blobs[descriptor.digest]
        assert 0 <= start < stop <= len(blob) == descriptor.size
        self.ranges.append((descriptor.digest, start, stop))
        return self.change(blob[start:stop])

    @property
    def range_size(self) -> int:
        return sum(stop - start for _, start, stop in self.ranges)


@attrs.define
class ReferredMemory(RangedMemory):
    """The same with what refers to the image."""

    referrers: bytes | None = None
    asked: list[tuple[str, str]] = attrs.field(factory=list)

    def read_referrers(self, digest: str, artifact_type: str) -> bytes | None:
        self.asked.append((digest, artifact_type))
        return self.referrers


def read_both(*layers: BuiltLayer, **options: Any) -> tuple[Analysis, Analysis, RangedMemory]:
    """An image read from its tables of contents, the same image read whole, and the source of the first."""
    image = build_image(layers)
    source = RangedMemory(image)
    with_toc = Analyzer(**options).analyze_source(source, name="app")
    whole = Analyzer(use_toc=False, **options).analyze_source(RangedMemory(image), name="app")
    return with_toc, whole, source


def figures(analysis: Analysis) -> Any:
    """All figures that both ways have in common, files included."""
    return _common(analysis_document(analysis, files=True))


def _common(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _common(value) for key, value in document.items() if key not in _DIFFERENT}
    if isinstance(document, list):
        return [_common(value) for value in document]
    return document
