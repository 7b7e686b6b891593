"""complete_source: what the analyzer asks of a user's own source, and what it asks of one that answers more."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ocisize import Analyzer, ImageSource
from ocisize.errors import LayerError, OcisizeError
from ocisize.oci.documents import Descriptor
from ocisize.oci.source import complete_source
from tests.images import BuiltImage, build_image, layer
from tests.oci.test_image import MemorySource


class Archive(ImageSource):
    """A source that decompressed its layers, as a docker archive."""

    format, reference, has_manifest, keeps_compression = "box", "app:1", False, False

    def __init__(self, image: BuiltImage) -> None:
        self.inner = MemorySource(image.manifest, image.blobs)
        self.aborted = 0

    def read_manifest(self, digest: str | None = None) -> bytes:
        return self.inner.read_manifest(digest)

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        return self.inner.open_blob(descriptor)

    def member_name(self, descriptor: Descriptor) -> str:
        return f"{descriptor.digest[7:19]}.tar"

    def abort(self) -> None:
        self.aborted += 1


def test_a_bare_source_has_the_default_answers() -> None:
    """An object with two methods is completed; a descriptor that no layer has is as good as any."""
    image = build_image([layer({"a": b"1"})])
    source = complete_source(MemorySource(image.manifest, image.blobs))
    assert isinstance(source, ImageSource)
    assert (source.format, source.reference, source.has_manifest, source.keeps_compression) == ("custom", None, True, True)
    blob = Descriptor(image.layers[0].digest, len(image.layers[0].blob))  # type: ignore[arg-type]
    assert (source.sequential, source.blob_position(blob), source.member_name(blob)) == (False, 0, None)
    assert b"".join(source.open_blob(blob)) == image.layers[0].blob
    source.abort()
    source.close()
    assert source.read_manifest() == image.manifest


def test_a_subclass_answers_for_itself() -> None:
    """What a user's ImageSource overrides reaches the analysis."""
    image = build_image([layer({"a": b"1"}, "plain"), layer({"b": b"2"}, "gzip")])
    source = Archive(image)
    assert complete_source(source) is source
    analysis = Analyzer().analyze_source(source)
    assert (analysis.format, analysis.reference, analysis.digest) == ("box", "app:1", None)
    assert [found.compressed_size for found in analysis.layers] == [None, len(image.layers[1].blob)]
    assert [found.member for found in analysis.layers] == [f"{built.digest[7:19]}.tar" for built in image.layers]
    assert not source.aborted


def test_warnings_of_a_source_reach_the_analysis() -> None:
    """A source may learn while layers are read what the user should know; an index tells it once, not per image."""

    class Talking(Archive):
        def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
            self.warnings = ("the layers came from a mirror",)
            return super().open_blob(descriptor)

    image = build_image([layer({"a": b"1"})])
    assert Analyzer().analyze_source(Talking(image)).warnings[0] == "the layers came from a mirror"
    index = Analyzer().analyze_all_source(Talking(image))
    assert index.warnings == ("the layers came from a mirror",)
    assert not [text for analysis in index.analyses.values() for text in analysis.warnings if "mirror" in text]


def test_a_failed_analysis_aborts_the_source() -> None:
    """The threads of other layers may wait for bytes that never come."""
    image = build_image([layer({"a": b"1"}), layer({"b": b"2"})])

    class Broken(Archive):
        def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
            if descriptor.digest == image.layers[1].digest:
                raise OcisizeError("gone")
            return super().open_blob(descriptor)

    source = Broken(image)
    with pytest.raises(LayerError, match="gone"):
        Analyzer().analyze_source(source)
    assert source.aborted == 1
