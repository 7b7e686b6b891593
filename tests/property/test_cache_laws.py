"""A law of the cache: it changes no analysis, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from ocisize import Analyzer, to_json
from ocisize.oci.documents import Descriptor
from tests.images import BuiltImage, build_image, raw_layer
from tests.strategies import tars


class Memory(dict[str, bytes]):
    """A store in memory."""

    def put(self, key: str, data: bytes) -> None:
        self[key] = data


class Source:
    """An image in memory; counts the layers that are read."""

    def __init__(self, image: BuiltImage) -> None:
        self.image, self.opened = image, 0

    def read_manifest(self, digest: str | None = None) -> bytes:
        return self.image.manifest

    def open_blob(self, descriptor: Descriptor) -> Iterable[bytes]:
        self.opened += "config" not in descriptor.media_type
        return [self.image.blobs[descriptor.digest]]


def analyze(image: BuiltImage, store: Memory | None, **options: bool) -> tuple[str, int]:
    source = Source(image)
    analysis = Analyzer(cache=store, **options).analyze_source(source)  # type: ignore[arg-type]
    return to_json(analysis, files=True), source.opened


@settings(max_examples=60, deadline=None)
@given(st.lists(tars(), min_size=1, max_size=4), st.data())
def test_the_cache_changes_no_analysis(layers: list[bytes], data: st.DataObject) -> None:
    """Empty, full, or with any part of its entries lost; layers in it are not read, and those of another image are shared."""
    built = [raw_layer(tar) for tar in layers]
    image, store = build_image(built), Memory()
    expected, _ = analyze(image, None)
    assert analyze(image, store)[0] == expected
    assert analyze(image, store) == (expected, 0)
    lost = data.draw(st.sets(st.sampled_from(sorted(store))))
    for key in lost:
        del store[key]
    assert analyze(image, store)[0] == expected
    above = build_image([*built, raw_layer(data.draw(tars()))])
    assert analyze(above, store) == (
        analyze(above, None)[0],
        len({built.digest for built in above.layers} - {b.digest for b in built}),
    )
    assert analyze(above, store, keep_packages=True)[0] == analyze(above, None, keep_packages=True)[0]
